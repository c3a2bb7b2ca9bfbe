//! When to ask twice, and how often.

use std::fmt;
use std::time::Duration;

/// When [`Hedged`](super::Hedged) asks a second time.
#[derive(Debug, Clone, PartialEq)]
#[non_exhaustive]
pub struct HedgePolicy {
    /// The share of calls that take no longer than is waited before asking again, between 0.5 and 0.999.
    pub quantile: f64,
    /// Second requests in a hundred first ones, at most.
    pub extra_percent: u32,
    /// What is waited at least before asking again.
    pub wait_min: Duration,
}

impl HedgePolicy {
    /// Sets the share of calls that are fast enough.
    #[must_use]
    pub fn with_quantile(mut self, quantile: f64) -> Self {
        self.quantile = quantile.clamp(0.5, 0.999);
        self
    }

    /// Sets how many second requests are made in a hundred; 0 makes none.
    #[must_use]
    pub fn with_extra_percent(mut self, extra_percent: u32) -> Self {
        self.extra_percent = extra_percent;
        self
    }

    /// Sets what is waited at least.
    #[must_use]
    pub fn with_wait_min(mut self, wait_min: Duration) -> Self {
        self.wait_min = wait_min;
        self
    }
}

impl Default for HedgePolicy {
    /// After what 95 of 100 calls take, and 10 milliseconds at least; 5 second requests in a hundred.
    fn default() -> Self {
        Self {
            quantile: 0.95,
            extra_percent: 5,
            wait_min: Duration::from_millis(10),
        }
    }
}

/// What asking twice came to.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
#[non_exhaustive]
pub struct HedgeCounts {
    /// Calls, each with one request at least.
    pub calls: u64,
    /// Second requests.
    pub second_requests: u64,
    /// Of these, those that were the answer.
    pub seconds_won: u64,
    /// Calls that were slow and not asked again, because enough were.
    pub held_back: u64,
}

impl fmt::Display for HedgeCounts {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            f,
            "{} calls, {} asked again, {} of these won; {} held back",
            self.calls, self.second_requests, self.seconds_won, self.held_back
        )
    }
}
