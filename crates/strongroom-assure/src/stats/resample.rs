//! Drawing again from what was seen, the same on every machine.

use super::{quantile_of_sorted, sorted};

/// A small generator (SplitMix64): for resampling, never for secrets.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Prng(u64);

impl Prng {
    /// Starts one; the same seed gives the same numbers for ever.
    #[must_use]
    pub const fn new(seed: u64) -> Self {
        Self(seed)
    }

    /// Starts one from a name, so that what is computed of different things is independent.
    #[must_use]
    pub fn of_name(name: &str) -> Self {
        // FNV-1a.
        let mix = |hash: u64, byte: u8| (hash ^ u64::from(byte)).wrapping_mul(0x0100_0000_01b3);
        Self(name.bytes().fold(0xcbf2_9ce4_8422_2325, mix))
    }

    /// Returns the next number.
    pub fn next_u64(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        z ^ (z >> 31)
    }

    /// Returns a number from 0 on and below `bound`; 0 if that is 0.
    pub fn below(&mut self, bound: usize) -> usize {
        let bound = u64::try_from(bound).unwrap_or(u64::MAX);
        let high = (u128::from(self.next_u64()) * u128::from(bound)) >> 64;
        usize::try_from(high).unwrap_or_default()
    }

    /// Draws one of some values; `None` if there is none.
    pub fn pick(&mut self, values: &[f64]) -> Option<f64> {
        values.get(self.below(values.len())).copied()
    }
}

/// Computes something `rounds` times, each time of values drawn anew with replacement, and returns quantiles of the results;
/// `None` when there are no values or no result.
#[must_use]
pub fn bootstrap_quantiles<const N: usize>(
    values: &[f64],
    rounds: usize,
    quantiles: [f64; N],
    prng: &mut Prng,
    statistic: impl Fn(&[f64]) -> Option<f64>,
) -> Option<[f64; N]> {
    let mut results = Vec::with_capacity(rounds);
    let mut drawn = vec![0.0; values.len()];
    for _ in 0..rounds {
        for place in &mut drawn {
            *place = prng.pick(values)?;
        }
        results.extend(statistic(&drawn));
    }
    let results = sorted(&results);
    let mut found = [0.0; N];
    for (place, q) in found.iter_mut().zip(quantiles) {
        *place = quantile_of_sorted(&results, q)?;
    }
    Some(found)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::stats::median;

    #[test]
    fn the_generator_is_the_published_one() {
        // SplitMix64 from seed 1234567, as in its reference.
        let mut prng = Prng::new(1_234_567);
        assert_eq!(prng.next_u64(), 6_457_827_717_110_365_317);
        assert_eq!(prng.next_u64(), 3_203_168_211_198_807_973);
        assert!((0..1000).all(|_| prng.below(7) < 7));
        assert_eq!(prng.below(0), 0);
        assert_ne!(Prng::of_name("a"), Prng::of_name("b"));
    }

    #[test]
    fn a_bootstrap_is_the_same_every_time_and_holds_the_value() {
        let values: Vec<f64> = (1..=40).map(f64::from).collect();
        let run = || bootstrap_quantiles(&values, 200, [0.05, 0.95], &mut Prng::new(1), median);
        let [low, high] = run().unwrap();
        assert_eq!(run(), Some([low, high]));
        assert!(low < 20.5 && 20.5 < high && high - low < 20.0);
        assert_eq!(
            bootstrap_quantiles(&[], 10, [0.5], &mut Prng::new(1), median),
            None
        );
    }
}
