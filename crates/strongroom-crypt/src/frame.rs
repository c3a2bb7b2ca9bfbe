//! Frame sealing (format §3.4): content and tree pages, by the hundred thousand.

use std::fmt;
use std::sync::Arc;

use zeroize::Zeroizing;

use crate::aead::{
    KEY_LEN, MessageKey, NONCE_LEN, SALT_LEN, TAG_LEN, append_opened, append_sealed,
    opened_in_place,
};
use crate::error::{OpenError, SealError};
use crate::random::{Random, SystemRandom};
use crate::sealer::Sealer;
use crate::secret::{Secret, fill_of_hasher};
use crate::suite::Suite;

const DERIVED_LEN: usize = KEY_LEN + NONCE_LEN;

/// Seals frames under one secret. Nothing is allocated but room in the caller's buffer.
pub struct FrameSealer {
    suite: Suite,
    secret: Secret,
    random: Arc<dyn Random>,
}

impl FrameSealer {
    /// Bytes by which a frame is longer than what it holds.
    pub const OVERHEAD: usize = SALT_LEN + TAG_LEN;

    /// Makes a sealer that takes its salts from the system's random generator.
    #[must_use]
    pub fn new(suite: Suite, secret: &Secret) -> Self {
        Self::with_random(suite, secret, &SystemRandom::shared())
    }

    /// Makes a sealer that takes its salts from `random`.
    #[must_use]
    pub fn with_random(suite: Suite, secret: &Secret, random: &Arc<dyn Random>) -> Self {
        Self {
            suite,
            secret: secret.duplicate(),
            random: Arc::clone(random),
        }
    }

    pub(crate) fn suite(&self) -> Suite {
        self.suite
    }

    pub(crate) fn secret(&self) -> &Secret {
        &self.secret
    }

    pub(crate) fn random(&self) -> &Arc<dyn Random> {
        &self.random
    }

    fn derive(&self, salt: &[u8; SALT_LEN], aad: &[u8]) -> Zeroizing<[u8; DERIVED_LEN]> {
        let mut hasher = blake3::Hasher::new_keyed(self.secret.expose());
        hasher.update(b"frame");
        hasher.update(&self.suite.id().to_le_bytes());
        hasher.update(salt);
        hasher.update(blake3::hash(aad).as_bytes());
        let mut derived = Zeroizing::new([0; DERIVED_LEN]);
        fill_of_hasher(&mut hasher, derived.as_mut_slice());
        derived
    }
}

impl Sealer for FrameSealer {
    fn overhead(&self) -> usize {
        Self::OVERHEAD
    }

    fn seal(&self, aad: &[u8], plaintext: &[u8], out: &mut Vec<u8>) -> Result<(), SealError> {
        let mut salt = [0; SALT_LEN];
        self.random.fill(&mut salt).map_err(|_| SealError)?;
        let derived = self.derive(&salt, aad);
        let (key, _) = MessageKey::split(derived.as_slice()).ok_or(SealError)?;
        append_sealed(self.suite, key, &[&salt], plaintext, out)
    }

    fn open(&self, aad: &[u8], sealed: &[u8], out: &mut Vec<u8>) -> Result<(), OpenError> {
        let (salt, message) = sealed.split_first_chunk().ok_or(OpenError)?;
        let derived = self.derive(salt, aad);
        let (key, _) = MessageKey::split(derived.as_slice()).ok_or(OpenError)?;
        append_opened(self.suite, key, message, out)
    }

    fn open_in_place<'a>(
        &self,
        aad: &[u8],
        sealed: &'a mut [u8],
    ) -> Result<&'a mut [u8], OpenError> {
        let (salt, message) = sealed.split_first_chunk_mut().ok_or(OpenError)?;
        let derived = self.derive(salt, aad);
        let (key, _) = MessageKey::split(derived.as_slice()).ok_or(OpenError)?;
        opened_in_place(self.suite, key, message)
    }
}

impl fmt::Debug for FrameSealer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "FrameSealer({})", self.suite)
    }
}
