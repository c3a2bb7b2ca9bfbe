//! The waits between the attempts of one call.

use std::fmt;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use super::policy::{RetryPolicy, may_pass};
use crate::error::{Cause, Error, Result};
use crate::wrap::jitter::{Jitter, RandomJitter};
use crate::wrap::monotonic::{Monotonic, SystemMonotonic};
use crate::wrap::sleep::{Sleep, ThreadSleep};

/// What retrying has cost so far.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
#[non_exhaustive]
pub struct RetryCounts {
    /// Attempts that failed and were followed by another.
    pub repeated: u64,
    /// Of these, those after which the store asked for fewer requests.
    pub throttled: u64,
    /// Of these, those that were not answered in time.
    pub timed_out: u64,
    /// Calls that were given up, after the last attempt or because time was out.
    pub given_up: u64,
    /// Calls that failed in a way that another attempt would not have changed, and were not repeated.
    pub hopeless: u64,
    /// Writes that turned out to have been done by an attempt that seemed to have failed.
    pub recognised: u64,
    /// The time that was waited, summed over all calls.
    pub waited: Duration,
}

/// How to wait, and what it came to.
#[derive(Debug, Clone)]
pub(super) struct Waits {
    pub(super) policy: RetryPolicy,
    pub(super) sleep: Arc<dyn Sleep>,
    pub(super) clock: Arc<dyn Monotonic>,
    pub(super) jitter: Arc<dyn Jitter>,
    counts: Arc<Mutex<RetryCounts>>,
}

/// The attempts of one call.
#[derive(Debug)]
pub(super) struct Attempts {
    waits: Waits,
    began: Duration,
    failures: u32,
}

impl Waits {
    pub(super) fn new(policy: RetryPolicy) -> Self {
        Self {
            policy,
            sleep: Arc::new(ThreadSleep),
            clock: Arc::new(SystemMonotonic::new()),
            jitter: Arc::new(RandomJitter::new()),
            counts: Arc::default(),
        }
    }

    pub(super) fn begin(&self) -> Attempts {
        Attempts {
            waits: self.clone(),
            began: self.clock.now(),
            failures: 0,
        }
    }

    pub(super) fn counts(&self) -> MutexGuard<'_, RetryCounts> {
        self.counts.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Attempts {
    /// Returns whether an attempt has failed whose fate is unknown.
    pub(super) fn are_in_doubt(&self) -> bool {
        self.failures > 0
    }

    /// Says that the store has made progress: patience begins anew.
    pub(super) fn got_on(&mut self) {
        if self.failures > 0 {
            self.failures = 0;
            self.began = self.waits.clock.now();
        }
    }

    /// Waits before the next attempt, or returns the error if there is to be none.
    pub(super) async fn failed(&mut self, error: Error) -> Result<()> {
        let waits = &self.waits;
        if !may_pass(&error) {
            waits.counts().hopeless += 1;
            return Err(error);
        }
        self.failures += 1;
        let (shortest, longest) = waits.policy.wait_limits(&error, self.failures);
        let spent = waits.clock.now().saturating_sub(self.began);
        let wait = shortest + waits.jitter.up_to(longest.saturating_sub(shortest));
        let over = spent.saturating_add(wait) > waits.policy.time_max;
        if over || self.failures >= waits.policy.attempts_max {
            waits.counts().given_up += 1;
            return Err(error);
        }
        {
            let mut counts = waits.counts();
            counts.repeated += 1;
            match error.cause() {
                Some(Cause::Throttled) => counts.throttled += 1,
                Some(Cause::Timeout) => counts.timed_out += 1,
                _ => {}
            }
            counts.waited = counts.waited.saturating_add(wait);
        }
        waits.sleep.sleep(wait).await;
        Ok(())
    }
}

impl fmt::Display for RetryCounts {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            f,
            "{} attempts repeated ({} throttled, {} timed out), {} calls given up, {} hopeless; {:?} waited",
            self.repeated,
            self.throttled,
            self.timed_out,
            self.given_up,
            self.hopeless,
            self.waited
        )
    }
}
