//! Numbers that one seed decides.

/// A stream of numbers, the same for the same seed (`SplitMix64`). Not for secrets.
///
/// ```
/// use strongroom_sim::Dice;
///
/// let (mut one, mut other) = (Dice::new(7), Dice::new(7));
/// assert_eq!(one.below(1_000), other.below(1_000));
/// assert!(one.below(6) < 6);
/// ```
#[derive(Debug, Clone)]
pub struct Dice {
    state: u64,
}

impl Dice {
    /// Starts the stream of `seed`.
    #[must_use]
    pub fn new(seed: u64) -> Self {
        let mut dice = Self { state: seed };
        // Neighbouring seeds begin alike otherwise.
        dice.state = dice.any() ^ seed.rotate_left(32);
        dice
    }

    /// Returns a stream of its own for `purpose`, so that what one part draws moves nothing in another.
    #[must_use]
    pub fn fork(&mut self, purpose: u64) -> Self {
        Self::new(self.any() ^ mix(purpose))
    }

    /// Returns any number.
    pub fn any(&mut self) -> u64 {
        self.state = self.state.wrapping_add(0x9e37_79b9_7f4a_7c15);
        mix(self.state)
    }

    /// Returns a number below `bound`; 0 if that is 0.
    pub fn below(&mut self, bound: u64) -> u64 {
        // The high half of the product: even enough for bounds far below 2^64.
        let wide = u128::from(self.any()) * u128::from(bound);
        u64::try_from(wide >> 64).unwrap_or(0)
    }

    /// Returns an index into something of `len` items; 0 if it is empty.
    pub fn index(&mut self, len: usize) -> usize {
        usize::try_from(self.below(len as u64)).unwrap_or(0)
    }

    /// Returns a number from `from` to `to`, both included.
    pub fn between(&mut self, from: u64, to: u64) -> u64 {
        from + self.below(to.saturating_sub(from).saturating_add(1))
    }

    /// Says yes once in `many` times on average; never if that is 0.
    pub fn one_in(&mut self, many: u64) -> bool {
        many != 0 && self.below(many) == 0
    }

    /// Returns one of `items`, `None` if there are none.
    pub fn pick<'a, T>(&mut self, items: &'a [T]) -> Option<&'a T> {
        let at = self.index(items.len());
        items.get(at)
    }
}

/// Spreads a number over all 64 bits.
pub(crate) fn mix(number: u64) -> u64 {
    let mut mixed = number;
    mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    mixed ^ (mixed >> 31)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_bound_is_kept_and_reached() {
        let mut dice = Dice::new(1);
        let mut seen = [false; 6];
        for _ in 0..200 {
            seen[dice.index(6)] = true;
        }
        assert_eq!(seen, [true; 6]);
        assert_eq!(dice.below(0), 0);
        assert!(!dice.one_in(0));
        assert_eq!(dice.between(5, 5), 5);
        assert_eq!(dice.pick::<u8>(&[]), None);
    }

    #[test]
    fn neighbouring_seeds_differ() {
        assert_ne!(Dice::new(1).any(), Dice::new(2).any());
    }
}
