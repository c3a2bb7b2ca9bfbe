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
        if plaintext.len() < blake3::CHUNK_LEN {
            hasher.update(&[kind]).update(plaintext);
        } else {
            update_aligned(&mut hasher, kind, plaintext);
        }
        Id::from_bytes(*hasher.finalize().as_bytes())
    }
}

/// Hashes the kind and the first bytes from one buffer, so that the rest begins at a multiple of
/// [`HEAD_LEN`]. Fed the kind alone, BLAKE3 would have to hash the first 16 KiB in small subtrees:
/// a blob of 16 KiB would take four times as long, one of 64 KiB twice.
fn update_aligned(hasher: &mut blake3::Hasher, kind: u8, plaintext: &[u8]) {
    let (head, rest) = plaintext
        .split_at_checked(HEAD_LEN - 1)
        .unwrap_or((plaintext, &[]));
    let mut buffer = [0; HEAD_LEN];
    let (first, others) = buffer.split_at_mut(1);
    first.fill(kind);
    if let Some(place) = others.get_mut(..head.len()) {
        place.copy_from_slice(head);
    }
    hasher.update(buffer.get(..=head.len()).unwrap_or_default());
    hasher.update(rest);
}

/// As much as the widest processors hash at once: sixteen chunks of BLAKE3.
const HEAD_LEN: usize = 16 * blake3::CHUNK_LEN;

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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_length_is_hashed_as_the_format_says() {
        let key = [5; 32];
        let hasher = IdHasher::new(&Secret::from_bytes(&key));
        let plaintext = (0..=250).cycle().take(5 * HEAD_LEN).collect::<Vec<u8>>();
        let around = [0, 1, 2, 3, 4, 5].map(|n| n * HEAD_LEN / 2);
        let lengths = around.iter().flat_map(|at| at.saturating_sub(3)..at + 3);
        for len in lengths.chain([1022, 1023, 1024, 1025, 4096, plaintext.len()]) {
            let plaintext = &plaintext[..len];
            let plain = blake3::keyed_hash(&key, &[&[7], plaintext].concat());
            assert_eq!(
                hasher.id(7, plaintext).as_bytes(),
                plain.as_bytes(),
                "{len}"
            );
        }
    }
}
