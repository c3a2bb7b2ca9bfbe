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
        secret.expose(),
        &[],
        &mut drawn,
    );
    if drawn.failed {
        return Err(SealError);
    }
    let (encapsulated, ciphertext) = sealed.map_err(|_| SealError)?;
    let mut enc = [0; PublicKey::LEN];
    encapsulated.write_exact(&mut enc);
    let ciphertext = ciphertext.try_into().map_err(|_| SealError)?;
    Ok((enc, ciphertext))
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
