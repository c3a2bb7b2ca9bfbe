//! Signatures of the journal and of keyrings: Ed25519 (RFC 8032, format §3.6), and what a key may sign.

use std::fmt;
use std::ops::BitOr;

use ring::signature::{ED25519, Ed25519KeyPair, KeyPair, UnparsedPublicKey};

use crate::error::{Error, ErrorKind, SignatureError};
use crate::id::byte_name;
use crate::random::Random;
use crate::secret::Secret;

byte_name!(
    /// The public half of a [`SigningKey`].
    VerifyingKey,
    32
);

/// A private key that signs journal entries, checkpoints and keyrings.
pub struct SigningKey {
    seed: Secret,
    public: VerifyingKey,
}

impl SigningKey {
    /// The algorithm's number in the format.
    pub const ALGORITHM: u8 = 1;

    /// Length of a signature in bytes.
    pub const SIGNATURE_LEN: usize = 64;

    /// Makes a random one.
    ///
    /// # Errors
    ///
    /// [`ErrorKind::Random`] if there are no random bytes.
    pub fn generate(random: &dyn Random) -> Result<Self, Error> {
        Secret::generate(random).and_then(Self::from_seed)
    }

    /// Makes the key of a 32-byte seed. Every seed is one.
    ///
    /// # Errors
    ///
    /// None is known; [`ErrorKind::Malformed`] if the library refused the seed.
    pub fn from_seed(seed: Secret) -> Result<Self, Error> {
        let pair = key_pair(&seed)?;
        let public = pair.public_key().as_ref().try_into()?;
        Ok(Self { seed, public })
    }

    /// Returns the public half.
    #[must_use]
    pub fn public(&self) -> VerifyingKey {
        self.public
    }

    /// Returns the seed, for a keyring.
    #[must_use]
    pub fn seed(&self) -> &Secret {
        &self.seed
    }

    /// Signs `message`. The same message always gives the same signature.
    ///
    /// # Panics
    ///
    /// Never: a seed that [`from_seed`](SigningKey::from_seed) took is a key.
    #[must_use]
    pub fn sign(&self, message: &[u8]) -> [u8; Self::SIGNATURE_LEN] {
        // The expanded key is not kept: the library does not wipe it.
        let pair = key_pair(&self.seed).expect("the seed was accepted by from_seed");
        let signature = pair.sign(message);
        *signature
            .as_ref()
            .first_chunk()
            .expect("an Ed25519 signature has 64 bytes")
    }
}

impl VerifyingKey {
    /// Checks that this key's owner signed `message`.
    ///
    /// # Errors
    ///
    /// [`SignatureError`] if not, for whatever reason.
    pub fn verify(
        &self,
        message: &[u8],
        signature: &[u8; SigningKey::SIGNATURE_LEN],
    ) -> Result<(), SignatureError> {
        UnparsedPublicKey::new(&ED25519, self.as_bytes())
            .verify(message, signature)
            .map_err(|_| SignatureError)
    }
}

impl fmt::Debug for SigningKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "SigningKey({:?}, ..)", self.public)
    }
}

/// What a key is certified for, as a set of bits (format §8.2). Unknown bits are kept.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
pub struct Roles(u8);

impl Roles {
    /// May do nothing.
    pub const NONE: Self = Self(0);
    /// May commit snapshots and packs.
    pub const WRITER: Self = Self(1);
    /// May forget and delete.
    pub const MAINTAINER: Self = Self(2);
    /// May report what an audit found.
    pub const AUDITOR: Self = Self(4);
    /// May certify keys and change the rules.
    pub const ADMIN: Self = Self(8);

    /// Makes a set of its bits.
    #[must_use]
    pub const fn from_bits(bits: u8) -> Self {
        Self(bits)
    }

    /// Returns the bits.
    #[must_use]
    pub const fn bits(self) -> u8 {
        self.0
    }

    /// Returns whether every role of `other` is in this set.
    #[must_use]
    pub const fn contains(self, other: Self) -> bool {
        self.0 & other.0 == other.0
    }

    /// Returns whether any role of `other` is in this set.
    #[must_use]
    pub const fn intersects(self, other: Self) -> bool {
        self.0 & other.0 != 0
    }
}

impl BitOr for Roles {
    type Output = Self;

    fn bitor(self, other: Self) -> Self {
        Self(self.0 | other.0)
    }
}

fn key_pair(seed: &Secret) -> Result<Ed25519KeyPair, Error> {
    Ed25519KeyPair::from_seed_unchecked(seed.expose())
        .map_err(|_| Error::new(ErrorKind::Malformed, "not an Ed25519 seed"))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(seed: &str, public: &str, message: &[u8], signature: [&str; 2]) {
        let bytes = |hex| *crate::Id::parse(hex).unwrap().as_bytes();
        let key = SigningKey::from_seed(Secret::from_bytes(&bytes(seed))).unwrap();
        assert_eq!(key.public(), VerifyingKey::parse(public).unwrap());
        assert_eq!(key.sign(message).as_slice(), signature.map(bytes).concat());
        assert_eq!(key.public().verify(message, &key.sign(message)), Ok(()));
    }

    /// RFC 8032, section 7.1, tests 1 and 2.
    #[test]
    fn agrees_with_rfc_8032() {
        check(
            "9d61b19deffd5a60ba844af492ec2cc44449c5697b326919703bac031cae7f60",
            "d75a980182b10ab7d54bfed3c964073a0ee172f3daa62325af021a68f707511a",
            b"",
            [
                "e5564300c360ac729086e2cc806e828a84877f1eb8e5d974d873e06522490155",
                "5fb8821590a33bacc61e39701cf9b46bd25bf5f0595bbe24655141438e7a100b",
            ],
        );
        check(
            "4ccd089b28ff96da9db6c346ec114e0f5b8a319f35aba624da8cf6ed4fb8a6fb",
            "3d4017c3e843895a92b70aa74d1b7ebc9c982ccf2ec4968cc0cd55f12af4660c",
            b"\x72",
            [
                "92a009a9f0d4cab8720e820b5f642540a2b27b5416503f8fb3762223ebdb69da",
                "085ac1e43e15996e458f3613d0f11d8c387b2eaeb4302aeeb00d291612bb0c00",
            ],
        );
    }

    #[test]
    fn a_signature_holds_for_its_message_and_key_only() {
        let random = crate::SeededRandom::new(4);
        let key = SigningKey::generate(&random).unwrap();
        let other = SigningKey::generate(&random).unwrap();
        let signature = key.sign(b"message");
        assert_eq!(
            key.public().verify(b"massage", &signature),
            Err(SignatureError)
        );
        assert_eq!(
            other.public().verify(b"message", &signature),
            Err(SignatureError)
        );
        for bit in 0..signature.len() * 8 {
            let mut signature = signature;
            signature[bit / 8] ^= 1 << (bit % 8);
            assert_eq!(
                key.public().verify(b"message", &signature),
                Err(SignatureError)
            );
        }
        for public in [[0; 32], [0xff; 32]] {
            let public = VerifyingKey::from_bytes(public);
            assert!(public.verify(b"message", &signature).is_err());
        }
    }

    #[test]
    fn roles_are_sets() {
        let both = Roles::WRITER | Roles::ADMIN;
        assert_eq!(both.bits(), 9);
        assert!(both.contains(Roles::ADMIN) && !both.contains(Roles::ADMIN | Roles::AUDITOR));
        assert!(both.intersects(Roles::ADMIN | Roles::AUDITOR));
        assert!(both.contains(Roles::NONE) && !both.intersects(Roles::NONE));
        assert_eq!(Roles::from_bits(0xff).bits(), 0xff);
    }
}
