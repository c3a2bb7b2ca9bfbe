//! A bucket of bytes that fills at a rate.

use std::fmt;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use futures::channel::oneshot;
use futures::future;

use crate::wrap::monotonic::Monotonic;
use crate::wrap::sleep::Sleep;
use crate::wrap::turns::Turns;

/// How many bytes may move a second.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub struct Rate {
    /// On average, at least 1.
    pub bytes_per_second: u64,
    /// How many may move at once after a time without any.
    pub burst: u64,
}

impl Rate {
    /// Returns a rate whose burst is a quarter of a second's worth, and 64 KiB at least; 0 counts as 1 byte a second.
    #[must_use]
    pub fn new(bytes_per_second: u64) -> Self {
        let bytes_per_second = bytes_per_second.max(1);
        Self {
            bytes_per_second,
            burst: (bytes_per_second / 4).max(64 << 10),
        }
    }

    /// Sets how many bytes may move at once.
    #[must_use]
    pub fn with_burst(mut self, bytes: u64) -> Self {
        self.burst = bytes;
        self
    }
}

impl fmt::Display for Rate {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} B/s", self.bytes_per_second)
    }
}

#[derive(Debug)]
pub(super) struct Bucket {
    /// One at a time looks into it; the others wait in a row.
    turns: Arc<Turns>,
    state: Mutex<State>,
    clock: Arc<dyn Monotonic>,
    sleep: Arc<dyn Sleep>,
}

#[derive(Debug)]
struct State {
    rate: Option<Rate>,
    /// What may move now, in billionths of a byte; below zero, what has moved ahead of its time.
    level: i128,
    at: Duration,
    /// Wakes whoever waits for the level when the rate is another.
    changed: Option<oneshot::Sender<()>>,
}

impl Bucket {
    pub(super) fn new(
        rate: Option<Rate>,
        clock: Arc<dyn Monotonic>,
        sleep: Arc<dyn Sleep>,
    ) -> Self {
        let state = State {
            rate,
            level: rate.map_or(0, |rate| i128::from(rate.burst) * BILLION),
            at: clock.now(),
            changed: None,
        };
        Self {
            turns: Arc::new(Turns::new(1)),
            state: Mutex::new(state),
            clock,
            sleep,
        }
    }

    /// Waits until so many bytes may move, and counts them.
    pub(super) async fn take(&self, bytes: u64) {
        if self.rate().is_none() {
            return;
        }
        let _turn = self.turns.take().await;
        loop {
            let (wait, changed) = {
                let mut state = self.state();
                let Some(wait) = state.wait_for(bytes) else {
                    state.level -= i128::from(bytes) * BILLION;
                    return;
                };
                let (sender, changed) = oneshot::channel();
                state.changed = Some(sender);
                (wait, changed)
            };
            drop(future::select(self.sleep.sleep(wait), changed).await);
        }
    }

    /// Counts what has moved in place of what was expected to.
    pub(super) fn settle(&self, expected: u64, moved: u64) {
        let mut state = self.state();
        if let Some(rate) = state.rate {
            state.level += (i128::from(expected) - i128::from(moved)) * BILLION;
            state.level = state.level.min(i128::from(rate.burst) * BILLION);
        }
    }

    pub(super) fn set(&self, rate: Option<Rate>) {
        let mut state = self.state();
        // Nobody owes what was free.
        let full = rate.map_or(0, |rate| i128::from(rate.burst) * BILLION);
        state.level = match state.rate {
            None => full,
            Some(_) => state.level.min(full),
        };
        state.rate = rate;
        if let Some(changed) = state.changed.take() {
            // Whoever gave up waiting is not there to be told.
            let _ = changed.send(());
        }
    }

    pub(super) fn rate(&self) -> Option<Rate> {
        self.state().rate
    }

    /// Returns the state as it is now.
    fn state(&self) -> MutexGuard<'_, State> {
        let now = self.clock.now();
        let mut state = self.state.lock().unwrap_or_else(PoisonError::into_inner);
        state.fill(now);
        state
    }
}

impl State {
    fn fill(&mut self, now: Duration) {
        let passed = now.saturating_sub(self.at).as_nanos();
        self.at = self.at.max(now);
        let Some(rate) = self.rate else {
            return;
        };
        // A billionth of a second fills a billionth of the rate.
        let filled = i128::try_from(passed)
            .unwrap_or(i128::MAX)
            .saturating_mul(i128::from(rate.bytes_per_second));
        let full = i128::from(rate.burst) * BILLION;
        self.level = self.level.saturating_add(filled).min(full);
    }

    /// Returns how long it takes until so many bytes may move; `None` if they may now. More than a burst may move when the bucket is full.
    fn wait_for(&self, bytes: u64) -> Option<Duration> {
        let rate = self.rate?;
        let lacks = i128::from(bytes.min(rate.burst)) * BILLION - self.level;
        if lacks <= 0 {
            return None;
        }
        let per_second = i128::from(rate.bytes_per_second.max(1));
        let nanoseconds = (lacks + per_second - 1) / per_second;
        Some(Duration::from_nanos(
            u64::try_from(nanoseconds).unwrap_or(u64::MAX),
        ))
    }
}

const BILLION: i128 = 1_000_000_000;
