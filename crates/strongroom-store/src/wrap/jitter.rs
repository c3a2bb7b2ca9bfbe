//! Randomness of waits, as a component.

use std::fmt::Debug;
use std::hash::{BuildHasher, Hasher, RandomState};
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

/// A source of durations, so that clients that failed together do not come back together.
pub trait Jitter: Debug + Send + Sync + 'static {
    /// Returns a duration between zero and `max`.
    fn up_to(&self, max: Duration) -> Duration;
}

/// Evenly distributed durations. Not for secrets.
#[derive(Debug)]
pub struct RandomJitter {
    numbers: Numbers,
}

impl RandomJitter {
    /// Returns a source that differs from every other.
    #[must_use]
    pub fn new() -> Self {
        Self::seeded(RandomState::new().build_hasher().finish())
    }

    /// Returns a source that repeats itself for the same seed.
    #[must_use]
    pub fn seeded(seed: u64) -> Self {
        Self {
            numbers: Numbers::seeded(seed),
        }
    }
}

impl Default for RandomJitter {
    fn default() -> Self {
        Self::new()
    }
}

impl Jitter for RandomJitter {
    fn up_to(&self, max: Duration) -> Duration {
        let nanoseconds = u64::try_from(max.as_nanos()).unwrap_or(u64::MAX);
        Duration::from_nanos(self.numbers.below(nanoseconds.saturating_add(1)))
    }
}

/// `SplitMix64`: a counter and a mixing function, so it is shared without a lock.
#[derive(Debug)]
pub(super) struct Numbers {
    state: AtomicU64,
}

impl Numbers {
    pub(super) fn seeded(seed: u64) -> Self {
        Self {
            state: AtomicU64::new(seed),
        }
    }

    /// Returns a number below `bound`, or zero if there is none.
    pub(super) fn below(&self, bound: u64) -> u64 {
        const STEP: u64 = 0x9e37_79b9_7f4a_7c15;
        let mut mixed = self
            .state
            .fetch_add(STEP, Ordering::Relaxed)
            .wrapping_add(STEP);
        mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        mixed ^= mixed >> 31;
        // The bias of the remainder is below 2^-20 for every bound that is used here.
        mixed.checked_rem(bound).unwrap_or(0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_numbers_are_those_of_the_published_generator() {
        // The reference implementation's first outputs for the seed 1234567.
        let numbers = Numbers::seeded(1_234_567);
        assert_eq!(numbers.below(u64::MAX), 6_457_827_717_110_365_317);
        assert_eq!(numbers.below(u64::MAX), 3_203_168_211_198_807_973);
    }

    #[test]
    fn durations_stay_within_and_a_seed_repeats() {
        let max = Duration::from_millis(10);
        let draw = |jitter: RandomJitter| (0..50).map(|_| jitter.up_to(max)).collect::<Vec<_>>();
        let drawn = draw(RandomJitter::seeded(7));
        assert_eq!(drawn, draw(RandomJitter::seeded(7)));
        assert!(drawn.iter().all(|duration| *duration <= max));
        assert!(drawn.iter().any(|duration| *duration < max / 4));
        assert!(drawn.iter().any(|duration| *duration > max / 4 * 3));
        assert_eq!(RandomJitter::new().up_to(Duration::ZERO), Duration::ZERO);
    }
}
