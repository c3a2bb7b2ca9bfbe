//! Ending a drill early: because somebody wants to, or because its time is over.

use std::fmt;
use std::pin::pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::task::{Context, Poll, Wake, Waker};
use std::thread::Thread;
use std::time::Duration;

use crate::clock::{Monotonic, SystemMonotonic};

/// Cancels a drill, from any thread. A clone cancels the same drill.
#[derive(Debug, Clone, Default)]
pub struct Cancel(Arc<AtomicBool>);

impl Cancel {
    /// Returns one that nobody has used.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// Ends what is running, within a fraction of a second; it is cleaned up all the same.
    pub fn cancel(&self) {
        self.0.store(true, Ordering::Relaxed);
    }

    /// Says whether it was used.
    #[must_use]
    pub fn is_cancelled(&self) -> bool {
        self.0.load(Ordering::Relaxed)
    }
}

/// Why something ended early.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[expect(clippy::exhaustive_enums, reason = "there is no third way")]
pub enum Stopped {
    /// Somebody cancelled it.
    Cancelled,
    /// It took longer than it may.
    TimedOut,
}

impl Stopped {
    /// Returns the code of findings.
    #[must_use]
    pub const fn code(self) -> &'static str {
        match self {
            Self::Cancelled => "cancelled",
            Self::TimedOut => "timed-out",
        }
    }
}

impl fmt::Display for Stopped {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Cancelled => "it was cancelled",
            Self::TimedOut => "it took longer than it may",
        })
    }
}

impl std::error::Error for Stopped {}

/// Says whether to go on. What blocks asks it several times a second.
#[derive(Debug, Clone)]
pub struct Stop {
    cancel: Cancel,
    clock: Arc<dyn Monotonic>,
    deadline: Option<Duration>,
}

impl Stop {
    /// Never says stop, unless cancelled.
    #[must_use]
    pub fn new(cancel: Cancel, clock: Arc<dyn Monotonic>) -> Self {
        Self {
            cancel,
            clock,
            deadline: None,
        }
    }

    /// Never says stop.
    #[must_use]
    pub fn never() -> Self {
        Self::new(Cancel::new(), Arc::new(SystemMonotonic::start()))
    }

    /// Says stop after `limit` from now too.
    #[must_use]
    pub fn within(&self, limit: Duration) -> Self {
        let end = self.clock.elapsed().saturating_add(limit);
        Self {
            deadline: Some(self.deadline.map_or(end, |deadline| deadline.min(end))),
            ..self.clone()
        }
    }

    /// Says stop after `limit` from now and not before: for what must not be interrupted half-way.
    pub(crate) fn shielded(&self, limit: Duration) -> Self {
        Self::new(Cancel::new(), Arc::clone(&self.clock)).within(limit)
    }

    /// Says whether to go on.
    ///
    /// # Errors
    ///
    /// Why not.
    pub fn check(&self) -> Result<(), Stopped> {
        if self.cancel.is_cancelled() {
            return Err(Stopped::Cancelled);
        }
        match self.deadline {
            Some(deadline) if self.clock.elapsed() >= deadline => Err(Stopped::TimedOut),
            _ => Ok(()),
        }
    }

    /// Waits a moment.
    ///
    /// # Errors
    ///
    /// When it is time to stop.
    pub fn pause(&self, moment: Duration) -> Result<(), Stopped> {
        self.check()?;
        std::thread::park_timeout(moment);
        self.check()
    }

    /// Runs a future on this thread; dropping it is what ends it early.
    ///
    /// # Errors
    ///
    /// When it was time to stop before the future was done.
    pub fn wait<F: Future>(&self, future: F) -> Result<F::Output, Stopped> {
        let mut future = pin!(future);
        let waker = Waker::from(Arc::new(Unpark(std::thread::current())));
        let mut context = Context::from_waker(&waker);
        loop {
            if let Poll::Ready(value) = future.as_mut().poll(&mut context) {
                return Ok(value);
            }
            self.check()?;
            std::thread::park_timeout(LOOK_EVERY);
        }
    }
}

struct Unpark(Thread);

impl Wake for Unpark {
    fn wake(self: Arc<Self>) {
        self.0.unpark();
    }
}

/// How long it takes at most until somebody is noticed who cancels.
const LOOK_EVERY: Duration = Duration::from_millis(50);

#[cfg(test)]
mod tests {
    use super::*;
    use crate::clock::testing::Ticking;

    #[test]
    fn a_future_is_run_to_its_end() {
        assert_eq!(Stop::never().wait(async { 7 }), Ok(7));
    }

    #[test]
    fn a_future_that_never_ends_is_cancelled() {
        let cancel = Cancel::new();
        let stop = Stop::new(cancel.clone(), Arc::new(SystemMonotonic::start()));
        cancel.cancel();
        let waited = stop.wait(std::future::pending::<()>());
        assert_eq!(waited, Err(Stopped::Cancelled));
    }

    #[test]
    fn a_future_that_never_ends_times_out() {
        let stop = Stop::new(Cancel::new(), Arc::new(Ticking::default()));
        let stop = stop.within(Duration::from_secs(3));
        assert_eq!(stop.pause(Duration::ZERO), Ok(()));
        let waited = stop.wait(std::future::pending::<()>());
        assert_eq!(waited, Err(Stopped::TimedOut));
    }

    #[test]
    fn a_shield_holds_for_its_time() {
        let cancel = Cancel::new();
        let stop = Stop::new(cancel.clone(), Arc::new(Ticking::default()));
        let shielded = stop.shielded(Duration::from_secs(2));
        cancel.cancel();
        assert_eq!(stop.check(), Err(Stopped::Cancelled));
        assert_eq!(shielded.check(), Ok(()));
        assert_eq!(shielded.check(), Err(Stopped::TimedOut));
    }

    #[test]
    fn the_earlier_of_two_limits_counts() {
        let stop = Stop::new(Cancel::new(), Arc::new(Ticking::default()));
        let inner = stop.within(Duration::ZERO).within(Duration::from_secs(99));
        assert_eq!(inner.check(), Err(Stopped::TimedOut));
        assert_eq!(stop.check(), Ok(()));
    }
}
