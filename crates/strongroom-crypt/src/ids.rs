//! Ids: keyed hashes of a kind and a plaintext (format §3.5).

use std::fmt;

use zeroize::Zeroize;

use crate::id::Id;
use crate::secret::{Secret, derive};

/// Names plaintexts under one key. Without the key nobody can test whether a repository holds
/// something they know.
pub struct IdHasher {
    keyed: blake3::Hasher,
}

impl IdHasher {
    /// Makes a hasher of `K_id`, or of `K_page` for pages and snapshots.
    #[must_use]
    pub fn new(key: &Secret) -> Self {
        Self {
            keyed: blake3::Hasher::new_keyed(key.expose()),
        }
    }

    /// Returns the id of `plaintext` as a blob of this kind.
    #[must_use]
    pub fn id(&self, kind: u8, plaintext: &[u8]) -> Id {
        let mut hasher = self.keyed.clone();
        hasher.update(&[kind]);
        hasher.update(plaintext);
        Id::from_bytes(*hasher.finalize().as_bytes())
    }
}

impl Drop for IdHasher {
    fn drop(&mut self) {
        self.keyed.zeroize();
    }
}

impl fmt::Debug for IdHasher {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("IdHasher(..)")
    }
}

/// Returns the key of the content-defined chunker (format §11).
#[must_use]
pub fn chunker_key(id_key: &Secret) -> Secret {
    derive(id_key, "chunker")
}
