//! The hashes of RFC 6962, section 2.1.

use std::fmt;

use ring::digest::{Context, SHA256, digest};

use crate::base64;

/// A hash of the tree: of a leaf, of a subtree, or of all of it.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct TreeHash([u8; 32]);

impl TreeHash {
    /// Length in bytes.
    pub const LEN: usize = 32;

    /// Returns the root of the empty tree.
    #[must_use]
    pub fn empty() -> Self {
        Self(sha256(&[]))
    }

    /// Hashes the record of a leaf.
    #[must_use]
    pub fn of_leaf(record: &[u8]) -> Self {
        Self(sha256(&[&[0], record]))
    }

    /// Hashes two subtrees that stand side by side.
    #[must_use]
    pub fn of_node(left: &Self, right: &Self) -> Self {
        Self(sha256(&[&[1], &left.0, &right.0]))
    }

    /// Takes a hash that was computed or stored elsewhere.
    #[must_use]
    pub const fn from_bytes(bytes: [u8; 32]) -> Self {
        Self(bytes)
    }

    /// Returns the 32 bytes.
    #[must_use]
    pub const fn as_bytes(&self) -> &[u8; 32] {
        &self.0
    }

    /// Parses base 64, as checkpoints and proofs write it.
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        base64::decode_array(text).map(Self)
    }
}

impl fmt::Display for TreeHash {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&base64::encode(&self.0))
    }
}

impl fmt::Debug for TreeHash {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "TreeHash({self})")
    }
}

/// SHA-256 of the joined parts.
pub(crate) fn sha256(parts: &[&[u8]]) -> [u8; 32] {
    let finished = match parts {
        [whole] => digest(&SHA256, whole),
        _ => {
            let mut context = Context::new(&SHA256);
            parts.iter().for_each(|part| context.update(part));
            context.finish()
        }
    };
    *finished
        .as_ref()
        .first_chunk()
        .expect("SHA-256 has 32 bytes")
}

/// Writes bytes in lower-case hexadecimal.
pub(crate) fn hex(bytes: &[u8]) -> String {
    let digit = |value: u8| char::from_digit(u32::from(value), 16).unwrap_or('0');
    bytes
        .iter()
        .flat_map(|byte| [digit(byte >> 4), digit(byte & 15)])
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    /// FIPS 180-2, and the empty tree of RFC 6962.
    #[test]
    fn it_is_sha_256() {
        let abc = "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad";
        assert_eq!(hex(&sha256(&[b"abc"])), abc);
        assert_eq!(hex(&sha256(&[b"a", b"", b"bc"])), abc);
        let empty = "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855";
        assert_eq!(hex(TreeHash::empty().as_bytes()), empty);
    }

    #[test]
    fn it_reads_what_it_writes() {
        let hash = TreeHash::of_leaf(b"");
        assert_eq!(TreeHash::parse(&hash.to_string()), Some(hash));
        assert_eq!(TreeHash::parse("Zg=="), None);
    }
}
