//! What a later version added to a map.

use std::fmt;

/// The keys of a map that this version does not know, byte for byte, so that they survive a re-encode.
///
/// Empty for everything that this version makes itself.
#[derive(Clone, Default, PartialEq, Eq)]
pub struct Unknown {
    /// Key and encoded value, keys ascending and above every key that the map's type knows.
    pairs: Vec<(u64, Box<[u8]>)>,
}

impl Unknown {
    /// Whether there is nothing unknown.
    #[must_use]
    pub const fn is_empty(&self) -> bool {
        self.pairs.is_empty()
    }

    /// Returns the number of unknown keys.
    #[must_use]
    pub const fn len(&self) -> usize {
        self.pairs.len()
    }

    /// Keeps one key; the reader has checked the value and the order.
    pub(crate) fn keep(&mut self, key: u64, value: &[u8]) {
        self.pairs.push((key, value.into()));
    }

    pub(crate) fn pairs(&self) -> impl Iterator<Item = (u64, &[u8])> {
        self.pairs.iter().map(|(key, value)| (*key, value.as_ref()))
    }

    /// Overwrites the values, for maps that hold secrets.
    pub(crate) fn wipe(&mut self) {
        use zeroize::Zeroize as _;
        for (_, value) in &mut self.pairs {
            value.zeroize();
        }
        self.pairs.clear();
    }
}

/// Says how many, never what: the map may hold secrets.
impl fmt::Debug for Unknown {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Unknown({} keys)", self.pairs.len())
    }
}
