//! One bit for each of many things.

/// A fixed number of bits, all clear at first.
#[derive(Debug, Clone)]
pub(crate) struct Bitmap {
    words: Vec<u64>,
}

impl Bitmap {
    /// Makes a bitmap of `len` bits.
    ///
    /// Memory for 2^33 entries, the most a segment may have, is a gigabyte; segments have as many as fit an object.
    pub(crate) fn new(len: u64) -> Self {
        let words = usize::try_from(len.div_ceil(BITS)).unwrap_or(usize::MAX);
        Self {
            words: vec![0; words],
        }
    }

    /// Sets a bit; says whether it was clear before. A bit that is not there stays clear.
    pub(crate) fn set(&mut self, at: u64) -> bool {
        let bit = 1 << (at % BITS);
        let word = usize::try_from(at / BITS)
            .ok()
            .and_then(|word| self.words.get_mut(word));
        word.is_some_and(|word| {
            let was_clear = *word & bit == 0;
            *word |= bit;
            was_clear
        })
    }

    /// Clears a bit.
    pub(crate) fn clear(&mut self, at: u64) {
        let word = usize::try_from(at / BITS)
            .ok()
            .and_then(|word| self.words.get_mut(word));
        if let Some(word) = word {
            *word &= !(1 << (at % BITS));
        }
    }

    /// Says whether a bit is set.
    pub(crate) fn get(&self, at: u64) -> bool {
        let word = usize::try_from(at / BITS)
            .ok()
            .and_then(|word| self.words.get(word));
        word.is_some_and(|word| word >> (at % BITS) & 1 == 1)
    }

    /// Returns how many are set.
    pub(crate) fn count(&self) -> u64 {
        self.words
            .iter()
            .map(|word| u64::from(word.count_ones()))
            .sum()
    }
}

const BITS: u64 = 64;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_bit_is_its_own() {
        let mut bitmap = Bitmap::new(130);
        for at in [0, 63, 64, 129] {
            assert!(!bitmap.get(at));
            assert!(bitmap.set(at));
            assert!(bitmap.get(at));
            assert!(!bitmap.set(at));
        }
        assert_eq!(bitmap.count(), 4);
        assert!(!bitmap.get(1) && !bitmap.get(128));
    }

    #[test]
    fn a_bit_that_is_not_there_stays_clear() {
        let mut bitmap = Bitmap::new(1);
        assert!(!bitmap.set(1 << 40));
        assert!(!bitmap.get(1 << 40));
    }
}
