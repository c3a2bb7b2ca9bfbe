//! Numbers from a seed: what a worker does is decided by the fleet's seed, its number and how often it was begun.

/// A small generator of numbers (splitmix64).
#[derive(Debug, Clone)]
pub(super) struct Chance(u64);

impl Chance {
    /// Begins a sequence that depends on all of the words.
    pub(super) fn of(words: &[u64]) -> Self {
        let mut chance = Self(0);
        for word in words {
            chance.0 ^= *word;
            chance.0 = chance.next();
        }
        chance
    }

    pub(super) fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut x = self.0;
        x = (x ^ (x >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        x = (x ^ (x >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        x ^ (x >> 31)
    }

    /// Returns a number below `end`, or 0.
    pub(super) fn below(&mut self, end: u64) -> u64 {
        self.next() % end.max(1)
    }

    /// Returns an index into `count` things, or 0.
    pub(super) fn index(&mut self, count: usize) -> usize {
        usize::try_from(self.below(count as u64)).unwrap_or_default()
    }

    /// Says yes with that probability.
    pub(super) fn happens(&mut self, share: f64) -> bool {
        self.share() < share
    }

    /// Returns a number from 0 to 1.
    pub(super) fn share(&mut self) -> f64 {
        (self.next() >> 11) as f64 / (1_u64 << 53) as f64
    }

    /// Returns one of the things.
    pub(super) fn one_of<'a, T>(&mut self, things: &'a [T]) -> Option<&'a T> {
        things.get(self.index(things.len()))
    }

    /// Returns bytes of which about half can be compressed away.
    pub(super) fn content(&mut self, len: usize) -> Vec<u8> {
        let mut bytes = Vec::with_capacity(len + 16);
        while bytes.len() < len {
            bytes.extend_from_slice(&self.next().to_le_bytes());
            bytes.extend_from_slice(b"a line. ");
        }
        bytes.truncate(len);
        bytes
    }
}
