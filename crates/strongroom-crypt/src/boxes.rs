//! Boxes (format §3.3): they seal structure and keys, and commit to the key they were sealed with.

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
use crate::secret::{Secret, ct_eq, fill_of_hasher};
use crate::suite::Suite;

const COMMIT_LEN: usize = 32;
const DERIVED_LEN: usize = KEY_LEN + NONCE_LEN + COMMIT_LEN;

/// Seals boxes under one key.
///
/// A box commits to its key: no bytes open under two keys. That makes guessing passphrases against
/// many slots at once as hard as one by one.
pub struct BoxSealer {
    suite: Suite,
    key: Secret,
    random: Arc<dyn Random>,
}

impl BoxSealer {
    /// Bytes by which a box is longer than what it holds.
    pub const OVERHEAD: usize = SALT_LEN + COMMIT_LEN + TAG_LEN;

    /// Makes a sealer that takes its salts from the system's random generator.
    #[must_use]
    pub fn new(suite: Suite, key: &Secret) -> Self {
        Self::with_random(suite, key, &SystemRandom::shared())
    }

    /// Makes a sealer that takes its salts from `random`.
    #[must_use]
    pub fn with_random(suite: Suite, key: &Secret, random: &Arc<dyn Random>) -> Self {
        Self {
            suite,
            key: key.duplicate(),
            random: Arc::clone(random),
        }
    }

    fn derive(&self, salt: &[u8; SALT_LEN], aad: &[u8]) -> Zeroizing<[u8; DERIVED_LEN]> {
        let mut hasher = blake3::Hasher::new_keyed(self.key.expose());
        hasher.update(b"box");
        hasher.update(&self.suite.id().to_le_bytes());
        hasher.update(salt);
        hasher.update(blake3::hash(aad).as_bytes());
        let mut derived = Zeroizing::new([0; DERIVED_LEN]);
        fill_of_hasher(&mut hasher, derived.as_mut_slice());
        derived
    }
}

/// Splits derived bytes into the message's key and the commitment.
fn split(derived: &[u8; DERIVED_LEN]) -> Option<(MessageKey<'_>, &[u8; COMMIT_LEN])> {
    let (key, rest) = MessageKey::split(derived)?;
    Some((key, rest.first_chunk()?))
}

impl Sealer for BoxSealer {
    fn overhead(&self) -> usize {
        Self::OVERHEAD
    }

    fn seal(&self, aad: &[u8], plaintext: &[u8], out: &mut Vec<u8>) -> Result<(), SealError> {
        let mut salt = [0; SALT_LEN];
        self.random.fill(&mut salt).map_err(|_| SealError)?;
        let derived = self.derive(&salt, aad);
        let (key, commit) = split(&derived).ok_or(SealError)?;
        append_sealed(self.suite, key, &[&salt, commit], plaintext, out)
    }

    fn open(&self, aad: &[u8], sealed: &[u8], out: &mut Vec<u8>) -> Result<(), OpenError> {
        let (salt, rest) = sealed.split_first_chunk().ok_or(OpenError)?;
        let (commit, message) = rest.split_first_chunk().ok_or(OpenError)?;
        let derived = self.derive(salt, aad);
        let (key, expected) = split(&derived).ok_or(OpenError)?;
        if !ct_eq(commit, expected) {
            return Err(OpenError);
        }
        append_opened(self.suite, key, message, out)
    }

    fn open_in_place<'a>(
        &self,
        aad: &[u8],
        sealed: &'a mut [u8],
    ) -> Result<&'a mut [u8], OpenError> {
        let (salt, rest) = sealed.split_first_chunk_mut().ok_or(OpenError)?;
        let (commit, message) = rest.split_first_chunk_mut().ok_or(OpenError)?;
        let derived = self.derive(salt, aad);
        let (key, expected) = split(&derived).ok_or(OpenError)?;
        if !ct_eq(commit, expected) {
            return Err(OpenError);
        }
        opened_in_place(self.suite, key, message)
    }
}

impl fmt::Debug for BoxSealer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "BoxSealer({})", self.suite)
    }
}
