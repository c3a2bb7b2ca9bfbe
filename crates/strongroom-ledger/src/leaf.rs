//! What the log records of an entry of the journal.

use strongroom_format::{Entry, ObjectHash};

use crate::TreeHash;
use crate::error::ParseError;

/// The record of an entry: its number, and the hash by which the journal's chain knows it.
///
/// It commits to every byte of the entry and has none of them: an entry that is erased or lost leaves its hash, and the tree
/// stays as it is. [`record`](Self::record) is 67 bytes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[expect(
    clippy::exhaustive_structs,
    reason = "the record has these fields for ever"
)]
pub struct Leaf {
    /// Number of the entry, and index of the leaf.
    pub n: u64,
    /// BLAKE3 of the whole entry, which entry n + 1 states as the previous one.
    pub hash: ObjectHash,
}

impl Leaf {
    /// Bytes of a record.
    pub const LEN: usize = LABEL.len() + 8 + 32;

    /// Makes the leaf of an entry.
    #[must_use]
    pub fn of(entry: &Entry) -> Self {
        Self {
            n: entry.n,
            hash: entry.hash,
        }
    }

    /// Returns what is hashed, and what entry bundles of the log hold.
    #[must_use]
    pub fn record(&self) -> Vec<u8> {
        [LABEL, &self.n.to_be_bytes(), self.hash.as_bytes()].concat()
    }

    /// Returns the hash in the tree.
    #[must_use]
    pub fn tree_hash(&self) -> TreeHash {
        TreeHash::of_leaf(&self.record())
    }

    /// Reads a record.
    ///
    /// # Errors
    ///
    /// When it is none.
    pub fn parse(record: &[u8]) -> Result<Self, ParseError> {
        let wrong = ParseError::new("record of a leaf", 0);
        let rest = record.strip_prefix(LABEL).ok_or(wrong)?;
        let (n, hash) = rest.split_first_chunk().ok_or(wrong)?;
        Ok(Self {
            n: u64::from_be_bytes(*n),
            hash: ObjectHash::from_bytes(hash.try_into().map_err(|_| wrong)?),
        })
    }
}

/// No entry of another log, and none of a later version of this one, has a record that begins so.
const LABEL: &[u8] = b"strongroom journal entry v1";

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_record_has_number_and_hash_and_nothing_else() {
        let leaf = Leaf {
            n: 0x0102,
            hash: ObjectHash::of(b"entry"),
        };
        let record = leaf.record();
        assert_eq!(record.len(), Leaf::LEN);
        assert_eq!(Leaf::LEN, 67);
        assert_eq!(Leaf::parse(&record), Ok(leaf));
        for len in 0..record.len() {
            assert!(Leaf::parse(&record[..len]).is_err());
        }
        assert!(Leaf::parse(&[record.as_slice(), &[0]].concat()).is_err());
        assert_ne!(leaf.tree_hash(), Leaf { n: 1, ..leaf }.tree_hash());
    }
}
