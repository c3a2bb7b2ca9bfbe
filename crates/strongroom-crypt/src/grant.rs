//! Grants: a bundle's key, sealed to a slot's public key with HPKE (RFC 9180, format §7).

use std::convert::Infallible;

use hpke::aead::ChaCha20Poly1305;
use hpke::kdf::HkdfSha256;
use hpke::kem::X25519HkdfSha256;
use hpke::rand_core::{TryCryptoRng, TryRng};
use hpke::{Deserializable, Kem, OpModeR, OpModeS, Serializable};
use zeroize::Zeroizing;

use crate::error::{OpenError, SealError};
use crate::random::Random;
use crate::secret::Secret;
use crate::slot::{PublicKey, SlotKey, private_key};

/// Length of a grant's ciphertext in bytes: the secret and a tag.
pub const GRANT_LEN: usize = Secret::LEN + 16;

/// Seals `secret` to `recipient`, in the context `info`. Returns the encapsulated key and the
/// ciphertext.
///
/// # Errors
///
/// [`SealError`] if there are no random bytes or the public key is no good.
pub fn seal_grant(
    recipient: &PublicKey,
    info: &[u8],
    secret: &Secret,
    random: &dyn Random,
) -> Result<([u8; PublicKey::LEN], [u8; GRANT_LEN]), SealError> {
    let (enc, ciphertext) = seal(recipient, info, secret.expose(), &[], random)?;
    Ok((enc, ciphertext.try_into().map_err(|_| SealError)?))
}

/// Opens a grant with the private key of a slot.
///
/// # Errors
///
/// [`OpenError`], for whatever reason.
pub fn open_grant(
    key: &SlotKey,
    info: &[u8],
    enc: &[u8; PublicKey::LEN],
    ciphertext: &[u8; GRANT_LEN],
) -> Result<Secret, OpenError> {
    let opened = open(key.secret(), info, enc, ciphertext, &[])?;
    Ok(Secret::from_bytes(opened.first_chunk().ok_or(OpenError)?))
}

/// Seals any single message in base mode.
fn seal(
    recipient: &PublicKey,
    info: &[u8],
    plaintext: &[u8],
    aad: &[u8],
    random: &dyn Random,
) -> Result<([u8; PublicKey::LEN], Vec<u8>), SealError> {
    let recipient = <X25519HkdfSha256 as Kem>::PublicKey::from_bytes(recipient.as_bytes())
        .map_err(|_| SealError)?;
    let mut drawn = Drawn {
        random,
        failed: false,
    };
    let sealed = hpke::single_shot_seal_with_rng::<ChaCha20Poly1305, HkdfSha256, X25519HkdfSha256>(
        &OpModeS::Base,
        &recipient,
        info,
        plaintext,
        aad,
        &mut drawn,
    );
    if drawn.failed {
        return Err(SealError);
    }
    let (encapsulated, ciphertext) = sealed.map_err(|_| SealError)?;
    let mut enc = [0; PublicKey::LEN];
    encapsulated.write_exact(&mut enc);
    Ok((enc, ciphertext))
}

/// Opens any single message in base mode.
fn open(
    key: &Secret,
    info: &[u8],
    enc: &[u8],
    ciphertext: &[u8],
    aad: &[u8],
) -> Result<Zeroizing<Vec<u8>>, OpenError> {
    let key = private_key(key).map_err(|_| OpenError)?;
    let enc = <X25519HkdfSha256 as Kem>::EncappedKey::from_bytes(enc).map_err(|_| OpenError)?;
    hpke::single_shot_open::<ChaCha20Poly1305, HkdfSha256, X25519HkdfSha256>(
        &OpModeR::Base,
        &key,
        &enc,
        info,
        ciphertext,
        aad,
    )
    .map(Zeroizing::new)
    .map_err(|_| OpenError)
}

/// Our randomness as the library's, which cannot fail: a failure is remembered, and the result that
/// was made of zeros is thrown away.
struct Drawn<'r> {
    random: &'r dyn Random,
    failed: bool,
}

impl TryRng for Drawn<'_> {
    type Error = Infallible;

    fn try_next_u32(&mut self) -> Result<u32, Infallible> {
        let mut bytes = [0; 4];
        self.try_fill_bytes(&mut bytes)?;
        Ok(u32::from_le_bytes(bytes))
    }

    fn try_next_u64(&mut self) -> Result<u64, Infallible> {
        let mut bytes = [0; 8];
        self.try_fill_bytes(&mut bytes)?;
        Ok(u64::from_le_bytes(bytes))
    }

    fn try_fill_bytes(&mut self, out: &mut [u8]) -> Result<(), Infallible> {
        if self.random.fill(out).is_err() {
            self.failed = true;
            out.fill(0);
        }
        Ok(())
    }
}

impl TryCryptoRng for Drawn<'_> {}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{Error, SeededRandom};

    /// Randomness that is what a test vector says.
    #[derive(Debug)]
    struct Given([u8; 32]);

    impl Random for Given {
        fn fill(&self, out: &mut [u8]) -> Result<(), Error> {
            out.copy_from_slice(&self.0);
            Ok(())
        }
    }

    #[derive(Debug)]
    struct Broken;

    impl Random for Broken {
        fn fill(&self, _: &mut [u8]) -> Result<(), Error> {
            Err(Error::no_random("broken"))
        }
    }

    fn bytes32(hex: &str) -> [u8; 32] {
        *crate::Id::parse(hex).unwrap().as_bytes()
    }

    /// RFC 9180, appendix A.2.1 and A.2.1.1, sequence number 0.
    #[test]
    fn agrees_with_the_vectors_of_rfc_9180() {
        let info = b"Ode on a Grecian Urn";
        let plaintext = b"Beauty is truth, truth beauty";
        let aad = b"Count-0";
        let private = bytes32("8057991eef8f1f1af18f4a9491d16a1ce333f695d4db8e38da75975c4478e0fb");
        let public = bytes32("4310ee97d88cc1f088a5576c77ab0cf5c3ac797f3d95139c6c84b5429c59662a");
        let ikm = bytes32("909a9b35d3dc4713a5e72a4da274b55d3d3821a37e5d099e74a647db583a904b");
        let enc = bytes32("1afa08d3dec047a643885163f1180476fa7ddb54c6a8029ea33f95796bf2ac4a");
        let mut ciphertext =
            bytes32("1c5250d8034ec2b784ba2cfd69dbdb8af406cfe3ff938e131f0def8c8b60b4db").to_vec();
        ciphertext.extend([
            0x21, 0x99, 0x3c, 0x62, 0xce, 0x81, 0x88, 0x3d, 0x2d, 0xd1, 0xb5, 0x1a, 0x28,
        ]);

        let key = SlotKey::from_secret(Secret::from_bytes(&private)).unwrap();
        assert_eq!(key.public().as_bytes(), &public);
        let opened = open(key.secret(), info, &enc, &ciphertext, aad).unwrap();
        assert_eq!(opened.as_slice(), plaintext);
        let sealed = seal(&key.public(), info, plaintext, aad, &Given(ikm)).unwrap();
        assert_eq!(sealed, (enc, ciphertext));
    }

    #[test]
    fn opens_only_with_its_key_in_its_context() {
        let random = SeededRandom::new(1);
        let key = SlotKey::generate(&random).unwrap();
        let other = SlotKey::generate(&random).unwrap();
        let secret = Secret::generate(&random).unwrap();
        let (enc, ct) = seal_grant(&key.public(), b"info", &secret, &random).unwrap();
        assert!(open_grant(&key, b"info", &enc, &ct).unwrap().ct_eq(&secret));
        assert_eq!(
            open_grant(&other, b"info", &enc, &ct).unwrap_err(),
            OpenError
        );
        assert_eq!(open_grant(&key, b"Info", &enc, &ct).unwrap_err(), OpenError);
        for bit in 0..enc.len() * 8 {
            // The top bit of an X25519 public key is ignored (RFC 7748 §5), but HPKE binds all of it.
            let mut enc = enc;
            enc[bit / 8] ^= 1 << (bit % 8);
            assert_eq!(open_grant(&key, b"info", &enc, &ct).unwrap_err(), OpenError);
        }
        for bit in 0..ct.len() * 8 {
            let mut ct = ct;
            ct[bit / 8] ^= 1 << (bit % 8);
            assert_eq!(open_grant(&key, b"info", &enc, &ct).unwrap_err(), OpenError);
        }
    }

    #[test]
    fn without_randomness_nothing_is_sealed() {
        let key = SlotKey::generate(&SeededRandom::new(2)).unwrap();
        let sealed = seal_grant(&key.public(), b"", key.secret(), &Broken);
        assert_eq!(sealed.unwrap_err(), SealError);
    }

    #[test]
    fn public_keys_that_give_no_secret_are_refused() {
        let random = SeededRandom::new(3);
        let key = SlotKey::generate(&random).unwrap();
        let zero = PublicKey::from_bytes([0; 32]);
        assert!(seal_grant(&zero, b"", key.secret(), &random).is_err());
        assert!(open_grant(&key, b"", zero.as_bytes(), &[0; GRANT_LEN]).is_err());
    }
}
