//! Slots: the key pairs that passphrases, recovery codes and key services protect (format §6).

use std::fmt;
use std::sync::Arc;

use hpke::kem::X25519HkdfSha256;
use hpke::{Deserializable, Kem, Serializable};
use zeroize::Zeroizing;

use crate::argon::{Argon2Params, Passphrase};
use crate::boxes::BoxSealer;
use crate::error::{Error, ErrorKind, OpenError};
use crate::id::{RepositoryId, SlotId, byte_name};
use crate::random::{Random, SystemRandom};
use crate::recovery::RecoveryCode;
use crate::sealer::Sealer;
use crate::secret::Secret;
use crate::sign::VerifyingKey;
use crate::suite::Suite;

/// Length of the box that protects a slot's private key and names the admin, in bytes.
pub const SLOT_BOX_LEN: usize = SLOT_PLAIN_LEN + BoxSealer::OVERHEAD;

/// What is in the box: the private key and the admin's public key.
const SLOT_PLAIN_LEN: usize = Secret::LEN + VerifyingKey::LEN;

/// Kinds of slots whose boxes are made here (format §6, key 0).
const KIND_PASSPHRASE: u8 = 1;
const KIND_RECOVERY_CODE: u8 = 2;

byte_name!(
    /// The public half of a [`SlotKey`]: an X25519 public key, to which grants are sealed.
    PublicKey,
    32
);

/// The private half of a slot, an X25519 key.
pub struct SlotKey {
    secret: Secret,
    public: PublicKey,
}

/// What the box of a slot says to whoever opens it.
#[derive(Debug)]
#[expect(clippy::exhaustive_structs, reason = "the format fixes the fields")]
pub struct OpenedSlot {
    /// The slot's key, to which grants are sealed.
    pub key: SlotKey,
    /// The key of the repository's admin, which signs its Genesis and its keyrings.
    ///
    /// Whoever made the box knew the credential, so a keyring that this key did not sign is a forgery.
    pub admin: VerifyingKey,
}

/// Where a slot is. Its box opens nowhere else.
#[derive(Debug, Clone, Copy)]
pub struct SlotContext {
    suite: Suite,
    repository: RepositoryId,
    slot: SlotId,
}

/// A private key that a passphrase protects: what a slot of kind 1 stores.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PassphraseLock {
    params: Argon2Params,
    salt: [u8; Self::SALT_LEN],
    sealed: [u8; SLOT_BOX_LEN],
}

impl SlotKey {
    /// Makes a random key pair.
    ///
    /// # Errors
    ///
    /// [`ErrorKind::Random`] if there are no random bytes.
    pub fn generate(random: &dyn Random) -> Result<Self, Error> {
        Secret::generate(random).and_then(Self::from_secret)
    }

    /// Takes up a private key, for implementors of [`KeyUnwrapper`](crate::KeyUnwrapper).
    ///
    /// Any 32 bytes are one; they are clamped as RFC 7748 says.
    ///
    /// # Errors
    ///
    /// None is known; [`ErrorKind::Malformed`] if the library refused the bytes.
    pub fn from_secret(secret: Secret) -> Result<Self, Error> {
        let private = private_key(&secret)?;
        let mut secret = secret;
        private.write_exact(secret.as_mut());
        let mut public = [0; PublicKey::LEN];
        X25519HkdfSha256::sk_to_pk(&private).write_exact(&mut public);
        Ok(Self {
            secret,
            public: PublicKey::from_bytes(public),
        })
    }

    /// Protects the private key with a passphrase, at the cost of `params`, and names the admin.
    ///
    /// # Errors
    ///
    /// [`ErrorKind::Random`] without random bytes, [`ErrorKind::Memory`] without memory.
    pub fn protect_with_passphrase(
        &self,
        context: &SlotContext,
        passphrase: &Passphrase,
        params: Argon2Params,
        admin: &VerifyingKey,
        random: &Arc<dyn Random>,
    ) -> Result<PassphraseLock, Error> {
        let mut salt = [0; PassphraseLock::SALT_LEN];
        random.fill(&mut salt)?;
        let key = passphrase.stretch(params, &salt)?;
        let sealed = self.seal(context, KIND_PASSPHRASE, &key, admin, random)?;
        Ok(PassphraseLock {
            params,
            salt,
            sealed,
        })
    }

    /// Opens what [`protect_with_passphrase`](SlotKey::protect_with_passphrase) made.
    ///
    /// # Errors
    ///
    /// [`ErrorKind::WrongKey`] if the passphrase is not the slot's, or the slot is damaged;
    /// [`ErrorKind::Memory`] without memory.
    pub fn open_with_passphrase(
        context: &SlotContext,
        passphrase: &Passphrase,
        lock: &PassphraseLock,
    ) -> Result<OpenedSlot, Error> {
        let key = passphrase.stretch(lock.params, &lock.salt)?;
        OpenedSlot::open(context, KIND_PASSPHRASE, &key, &lock.sealed)
    }

    /// Protects the private key with a recovery code, and names the admin.
    ///
    /// # Errors
    ///
    /// [`ErrorKind::Random`] without random bytes.
    pub fn protect_with_recovery_code(
        &self,
        context: &SlotContext,
        code: &RecoveryCode,
        admin: &VerifyingKey,
        random: &Arc<dyn Random>,
    ) -> Result<[u8; SLOT_BOX_LEN], Error> {
        self.seal(context, KIND_RECOVERY_CODE, &code.key(), admin, random)
    }

    /// Opens what [`protect_with_recovery_code`](SlotKey::protect_with_recovery_code) made.
    ///
    /// # Errors
    ///
    /// [`ErrorKind::WrongKey`] if the code is not the slot's, or the slot is damaged.
    pub fn open_with_recovery_code(
        context: &SlotContext,
        code: &RecoveryCode,
        sealed: &[u8],
    ) -> Result<OpenedSlot, Error> {
        OpenedSlot::open(context, KIND_RECOVERY_CODE, &code.key(), sealed)
    }

    /// Returns the public half.
    #[must_use]
    pub fn public(&self) -> PublicKey {
        self.public
    }

    /// Returns the private half, for implementors of [`KeyWrapper`](crate::KeyWrapper).
    #[must_use]
    pub fn secret(&self) -> &Secret {
        &self.secret
    }

    fn seal(
        &self,
        context: &SlotContext,
        kind: u8,
        key: &Secret,
        admin: &VerifyingKey,
        random: &Arc<dyn Random>,
    ) -> Result<[u8; SLOT_BOX_LEN], Error> {
        let mut plain = Zeroizing::new([0; SLOT_PLAIN_LEN]);
        let (private, public) = plain.split_at_mut(Secret::LEN);
        private.copy_from_slice(self.secret.expose());
        public.copy_from_slice(admin.as_bytes());
        let mut sealed = Vec::with_capacity(SLOT_BOX_LEN);
        BoxSealer::with_random(context.suite, key, random).seal(
            &context.aad(kind),
            plain.as_slice(),
            &mut sealed,
        )?;
        sealed
            .try_into()
            .map_err(|_| Error::new(ErrorKind::Malformed, "a box of the wrong length"))
    }
}

impl OpenedSlot {
    fn open(context: &SlotContext, kind: u8, key: &Secret, sealed: &[u8]) -> Result<Self, Error> {
        let sealed: &[u8; SLOT_BOX_LEN] = sealed.try_into().map_err(|_| OpenError)?;
        let mut opened = Zeroizing::new(*sealed);
        let plain = BoxSealer::with_random(context.suite, key, &SystemRandom::shared())
            .open_in_place(&context.aad(kind), opened.as_mut_slice())?;
        let (private, public) = plain.split_first_chunk().ok_or(OpenError)?;
        let public = public.first_chunk().ok_or(OpenError)?;
        Ok(Self {
            key: SlotKey::from_secret(Secret::from_bytes(private))?,
            admin: VerifyingKey::from_bytes(*public),
        })
    }
}

impl SlotContext {
    /// Names the place.
    #[must_use]
    pub fn new(suite: Suite, repository: RepositoryId, slot: SlotId) -> Self {
        Self {
            suite,
            repository,
            slot,
        }
    }

    fn aad(&self, kind: u8) -> Vec<u8> {
        [
            b"slot".as_slice(),
            self.repository.as_bytes(),
            self.slot.as_bytes(),
            &[kind],
        ]
        .concat()
    }
}

impl PassphraseLock {
    /// Length of the salt in bytes.
    pub const SALT_LEN: usize = 16;

    /// Takes up the fields of a slot.
    ///
    /// # Errors
    ///
    /// [`ErrorKind::Malformed`] if `sealed` has not [`SLOT_BOX_LEN`] bytes.
    pub fn new(
        params: Argon2Params,
        salt: [u8; Self::SALT_LEN],
        sealed: &[u8],
    ) -> Result<Self, Error> {
        let sealed = sealed
            .try_into()
            .map_err(|_| Error::new(ErrorKind::Malformed, "a box of the wrong length"))?;
        Ok(Self {
            params,
            salt,
            sealed,
        })
    }

    /// Returns the cost of trying a passphrase.
    #[must_use]
    pub fn params(&self) -> Argon2Params {
        self.params
    }

    /// Returns the salt of Argon2id.
    #[must_use]
    pub fn salt(&self) -> &[u8; Self::SALT_LEN] {
        &self.salt
    }

    /// Returns the box.
    #[must_use]
    pub fn sealed(&self) -> &[u8; SLOT_BOX_LEN] {
        &self.sealed
    }
}

impl fmt::Debug for SlotKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "SlotKey({:?}, ..)", self.public)
    }
}

/// The library's form of a private key. It wipes itself.
pub(crate) fn private_key(secret: &Secret) -> Result<<X25519HkdfSha256 as Kem>::PrivateKey, Error> {
    Deserializable::from_bytes(secret.expose())
        .map_err(|_| Error::new(ErrorKind::Malformed, "not an X25519 private key"))
}
