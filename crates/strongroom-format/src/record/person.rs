//! Somebody, without their name.

use std::fmt;

use strongroom_crypt::StructureKeys;

use crate::hash::{parse_hex, write_hex};

/// Somebody: a keyed digest of their name (`docs/format.md`, §8.12), the same for everybody who opens the repository's journal.
///
/// Whoever has neither the name nor the keys learns only that two records speak of the same person. Whoever has the keys can test whether
/// it is somebody whose name they know.
#[derive(Clone, Copy, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Person([u8; 16]);

impl Person {
    /// Takes a digest that was computed or stored elsewhere.
    #[must_use]
    pub const fn from_bytes(bytes: [u8; 16]) -> Self {
        Self(bytes)
    }

    /// Computes the digest of a name, which counts as it is: who wants `Ada` and `ada` to be one person writes them alike.
    #[must_use]
    pub fn of(keys: &StructureKeys, name: &str) -> Self {
        Self(keys.person(name))
    }

    /// Returns the 16 bytes.
    #[must_use]
    pub const fn as_bytes(&self) -> &[u8; 16] {
        &self.0
    }

    /// Reads 32 lower-case hexadecimal digits.
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        parse_hex(text).map(Self)
    }
}

impl fmt::Display for Person {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write_hex(f, &self.0)
    }
}

impl fmt::Debug for Person {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Person({self})")
    }
}
