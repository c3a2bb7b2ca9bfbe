//! How often and how patiently.

use std::time::Duration;

use crate::error::{Cause, Error, ErrorKind};

/// How often and how patiently [`Retrying`](super::Retrying) tries.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct RetryPolicy {
    /// How many attempts are made in all, at least 1.
    pub attempts_max: u32,
    /// The longest first wait. It doubles with each attempt.
    pub wait_first: Duration,
    /// The longest wait of all.
    pub wait_max: Duration,
    /// The longest first wait after the store asked for fewer requests; the shortest is half of it. It doubles with each attempt.
    pub throttled_wait_first: Duration,
    /// The longest wait after the store asked for fewer requests. What it asks for itself may be longer.
    pub throttled_wait_max: Duration,
    /// How long a call may take in all, waits and attempts, before no other attempt is begun. The attempt that is under way then is
    /// not cut short: that is for a [`Deadline`](super::super::Deadline) inside.
    pub time_max: Duration,
}

impl RetryPolicy {
    /// Sets how many attempts are made in all; 0 counts as 1.
    #[must_use]
    pub fn with_attempts_max(mut self, attempts_max: u32) -> Self {
        self.attempts_max = attempts_max.max(1);
        self
    }

    /// Sets the longest first wait.
    #[must_use]
    pub fn with_wait_first(mut self, wait_first: Duration) -> Self {
        self.wait_first = wait_first;
        self
    }

    /// Sets the longest wait of all.
    #[must_use]
    pub fn with_wait_max(mut self, wait_max: Duration) -> Self {
        self.wait_max = wait_max;
        self
    }

    /// Sets the longest first wait, and the longest of all, after the store asked for fewer requests.
    #[must_use]
    pub fn with_throttled_waits(mut self, first: Duration, max: Duration) -> Self {
        self.throttled_wait_first = first;
        self.throttled_wait_max = max.max(first);
        self
    }

    /// Sets how long a call may take before no other attempt is begun.
    #[must_use]
    pub fn with_time_max(mut self, time_max: Duration) -> Self {
        self.time_max = time_max;
        self
    }

    /// Returns the shortest and the longest wait after so many failures, of which this was the last.
    pub(super) fn wait_limits(&self, error: &Error, failures: u32) -> (Duration, Duration) {
        let throttled = error.cause() == Some(Cause::Throttled);
        let (first, max) = if throttled {
            (self.throttled_wait_first, self.throttled_wait_max)
        } else {
            (self.wait_first, self.wait_max)
        };
        let doubled = 2_u32.saturating_pow(failures.saturating_sub(1));
        let longest = first.saturating_mul(doubled).min(max);
        // Of clients that are told to slow down, none comes back at once.
        let shortest = if throttled {
            longest / 2
        } else {
            Duration::ZERO
        };
        match error.retry_after() {
            None => (shortest, longest),
            // The store knows best; but they were all told the same.
            Some(asked) => (asked, asked.saturating_add(longest / 2).max(longest)),
        }
    }
}

impl Default for RetryPolicy {
    /// Eight attempts within about half a minute, a few minutes if the store asks for fewer requests, and a quarter of an hour with
    /// attempts that hang: a restarted router, a throttling service.
    fn default() -> Self {
        Self {
            attempts_max: 8,
            wait_first: Duration::from_millis(500),
            wait_max: Duration::from_secs(15),
            throttled_wait_first: Duration::from_secs(2),
            throttled_wait_max: Duration::from_secs(60),
            time_max: Duration::from_secs(15 * 60),
        }
    }
}

/// Says whether another attempt may succeed without anybody doing anything about it.
pub(super) fn may_pass(error: &Error) -> bool {
    error.kind() == ErrorKind::Unavailable
        && match error.cause() {
            None | Some(Cause::Throttled | Cause::Timeout) => true,
            // Somebody has to put it right first, whatever the kind says.
            Some(
                Cause::NoCredentials
                | Cause::WrongCredentials
                | Cause::ExpiredCredentials
                | Cause::ClockSkew
                | Cause::Forbidden
                | Cause::NoStore
                | Cause::Full
                | Cause::Certificate
                | Cause::Archived
                | Cause::Retained,
            ) => false,
        }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn limits(error: Error, failures: u32) -> (u64, u64) {
        let (shortest, longest) = RetryPolicy::default().wait_limits(&error, failures);
        let millis = |wait: Duration| u64::try_from(wait.as_millis()).expect("short");
        (millis(shortest), millis(longest))
    }

    #[test]
    fn waits_double_up_to_a_limit_and_the_store_is_listened_to() {
        let plain = || Error::new(ErrorKind::Unavailable, "get");
        let throttled = || plain().with_cause(Cause::Throttled);
        let after = |seconds| throttled().with_retry_after(Duration::from_secs(seconds));
        assert_eq!(limits(plain(), 1), (0, 500));
        assert_eq!(limits(plain(), 3), (0, 2_000));
        assert_eq!(limits(plain(), u32::MAX), (0, 15_000));
        assert_eq!(limits(throttled(), 1), (1_000, 2_000));
        assert_eq!(limits(throttled(), 20), (30_000, 60_000));
        assert_eq!(limits(after(120), 1), (120_000, 121_000));
        assert_eq!(limits(after(0), 2), (0, 4_000));
    }

    #[test]
    fn nobody_repeats_what_somebody_has_to_put_right() {
        let error = |cause| Error::new(ErrorKind::Unavailable, "get").with_cause(cause);
        for cause in [
            Cause::NoCredentials,
            Cause::WrongCredentials,
            Cause::ExpiredCredentials,
            Cause::ClockSkew,
            Cause::Forbidden,
            Cause::NoStore,
            Cause::Full,
            Cause::Certificate,
            Cause::Archived,
            Cause::Retained,
        ] {
            assert!(!may_pass(&error(cause)), "{cause:?}");
        }
        for cause in [Cause::Throttled, Cause::Timeout] {
            assert!(may_pass(&error(cause)), "{cause:?}");
            let other = Error::new(ErrorKind::Other, "get").with_cause(cause);
            assert!(!may_pass(&other), "the kind decides first");
        }
    }
}
