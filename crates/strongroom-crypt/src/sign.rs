//! Signatures of the journal: Ed25519 (RFC 8032, format §3.6), and what a key may sign.

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

/// A private key that signs journal entries and checkpoints.
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
