//! How long things take.

use std::fmt::Debug;
use std::time::{Duration, Instant};

/// A clock that nobody sets: how long something took is never the difference of two times of day.
pub trait Monotonic: Debug + Send + Sync {
    /// Returns the time since some moment that stays the same.
    fn elapsed(&self) -> Duration;
}

/// The system's monotonic clock, from when this was made.
#[derive(Debug, Clone)]
pub struct SystemMonotonic(Instant);

impl SystemMonotonic {
    /// Starts it.
    #[must_use]
    pub fn start() -> Self {
        Self(Instant::now())
    }
}

impl Default for SystemMonotonic {
    fn default() -> Self {
        Self::start()
    }
}

impl Monotonic for SystemMonotonic {
    fn elapsed(&self) -> Duration {
        self.0.elapsed()
    }
}

/// Returns whole milliseconds, rounded up: what took any time did not take none.
pub(crate) fn millis(time: Duration) -> u64 {
    u64::try_from(time.as_micros().div_ceil(1_000)).unwrap_or(u64::MAX)
}

#[cfg(test)]
pub(crate) mod testing {
    use std::sync::Mutex;

    use super::*;

    /// A clock that takes a second at every look.
    #[derive(Debug, Default)]
    pub(crate) struct Ticking(Mutex<u64>);

    impl Monotonic for Ticking {
        fn elapsed(&self) -> Duration {
            let mut seconds = self.0.lock().unwrap();
            *seconds += 1;
            Duration::from_secs(*seconds)
        }
    }
}
