//! What a later version added to a map.

use std::fmt;

/// The keys of a map that this version does not know, byte for byte, so that they survive a re-encode.
///
/// Empty for everything that this version makes itself.
#[derive(Clone, Default, PartialEq, Eq)]
pub struct Unknown {
    /// Number of keys.
    count: usize,
    /// The smallest key; above every key that the map's type knows.
    first: u64,
    /// Keys and values as they were encoded, keys ascending. One buffer: a key of two bytes must not cost an allocation.
    encoded: Vec<u8>,
}

impl Unknown {
    /// Whether there is nothing unknown.
    #[must_use]
    pub const fn is_empty(&self) -> bool {
        self.count == 0
    }

    /// Returns the number of unknown keys.
    #[must_use]
    pub const fn len(&self) -> usize {
        self.count
    }

    /// Keeps one key with its value; the reader has checked the encoding and the order.
    pub(crate) fn keep(&mut self, key: u64, encoded: &[u8]) {
        if self.count == 0 {
            self.first = key;
        }
        self.count += 1;
        self.encoded.extend_from_slice(encoded);
    }

    pub(crate) const fn first(&self) -> u64 {
        self.first
    }

    pub(crate) fn encoded(&self) -> &[u8] {
        &self.encoded
    }

    /// Overwrites what is kept, for maps that hold secrets.
    pub(crate) fn wipe(&mut self) {
        use zeroize::Zeroize as _;
        self.encoded.zeroize();
        self.count = 0;
    }
}

/// Says how many, never what: the map may hold secrets.
impl fmt::Debug for Unknown {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Unknown({} keys)", self.count)
    }
}
