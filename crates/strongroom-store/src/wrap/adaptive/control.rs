//! What is learnt from calls, and what becomes of the limit.

use std::collections::HashMap;
use std::fmt;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use super::SHORTEST;
use crate::error::{Cause, Error, Result};
use crate::wrap::monotonic::Monotonic;
use crate::wrap::turns::{Turn, Turns};

/// Within what bounds the limit moves, and what moves it.
#[derive(Debug, Clone, PartialEq)]
#[non_exhaustive]
pub struct AdaptivePolicy {
    /// The lower bound, at least 1.
    pub limit_min: usize,
    /// The upper bound.
    pub limit_max: usize,
    /// How much longer than they can calls may take, on average, before the limit shrinks; more than 1.
    pub tolerance: f64,
}

impl AdaptivePolicy {
    /// Sets the bounds. The lower is at least 1, the upper no less than the lower.
    #[must_use]
    pub fn with_bounds(mut self, limit_min: usize, limit_max: usize) -> Self {
        self.limit_min = limit_min.max(1);
        self.limit_max = limit_max.max(self.limit_min);
        self
    }

    /// Sets how much longer calls may take; less than 1.1 counts as that.
    #[must_use]
    pub fn with_tolerance(mut self, tolerance: f64) -> Self {
        self.tolerance = tolerance.max(1.1);
        self
    }
}

impl Default for AdaptivePolicy {
    /// Between 1 and 64; calls may take twice as long as they can.
    fn default() -> Self {
        Self {
            limit_min: 1,
            limit_max: 64,
            tolerance: 2.0,
        }
    }
}

/// How many calls may run at once, and how that came about.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
#[non_exhaustive]
pub struct AdaptiveStatus {
    /// Calls that may run at once now.
    pub limit: usize,
    /// Calls that run now.
    pub running: usize,
    /// How often the limit has shrunk because the store asked for fewer requests, or did not answer in time.
    pub shrunk_by_errors: u64,
    /// How often it has shrunk because calls took too long.
    pub shrunk_by_latency: u64,
}

impl fmt::Display for AdaptiveStatus {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            f,
            "{} of {} calls at once; shrunk {} times after errors, {} times because of latency",
            self.running, self.limit, self.shrunk_by_errors, self.shrunk_by_latency
        )
    }
}

/// What a call did, as far as it says how long it may take.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(super) enum Load {
    Send(u64),
    Receive(u64),
    Look,
    Change,
    Unknown,
}

#[derive(Debug)]
pub(super) struct Control {
    policy: AdaptivePolicy,
    clock: Arc<dyn Monotonic>,
    turns: Arc<Turns>,
    state: Mutex<State>,
}

#[derive(Debug)]
struct State {
    limit: f64,
    /// Nothing has said yet that it is too much.
    is_starting: bool,
    /// Calls begun before that say nothing new.
    changed_at: Duration,
    /// How many times as long as they can calls take, on average.
    slowness: f64,
    fastest: HashMap<Load, Duration>,
    phase: Phase,
    shrunk_by_errors: u64,
    shrunk_by_latency: u64,
}

/// Whether the limit is what it should be, or less so that it can be seen how fast calls can be.
#[derive(Debug)]
enum Phase {
    Working { calls_left: u32 },
    Measuring { calls_left: u32, back_to: f64 },
}

/// A call that has its turn.
#[derive(Debug)]
pub(super) struct Call {
    control: Arc<Control>,
    turn: Turn,
    began: Duration,
    was_full: bool,
}

impl Control {
    pub(super) fn new(policy: AdaptivePolicy, begin: usize, clock: Arc<dyn Monotonic>) -> Self {
        let limit = begin.clamp(policy.limit_min, policy.limit_max);
        let state = State {
            limit: to_float(limit),
            is_starting: true,
            changed_at: Duration::ZERO,
            slowness: 1.0,
            fastest: HashMap::new(),
            phase: Phase::Working {
                calls_left: BETWEEN_MEASURES,
            },
            shrunk_by_errors: 0,
            shrunk_by_latency: 0,
        };
        Self {
            policy,
            clock,
            turns: Arc::new(Turns::new(limit)),
            state: Mutex::new(state),
        }
    }

    pub(super) fn policy(&self) -> &AdaptivePolicy {
        &self.policy
    }

    /// Waits for a turn.
    pub(super) async fn begin(self: &Arc<Self>) -> Call {
        let turn = self.turns.take().await;
        let (taken, limit) = self.turns.taken_of();
        Call {
            control: Arc::clone(self),
            turn,
            began: self.clock.now(),
            was_full: taken >= limit,
        }
    }

    pub(super) fn status(&self) -> AdaptiveStatus {
        let (running, limit) = self.turns.taken_of();
        let state = self.state();
        AdaptiveStatus {
            limit,
            running,
            shrunk_by_errors: state.shrunk_by_errors,
            shrunk_by_latency: state.shrunk_by_latency,
        }
    }

    fn change(&self, change: impl FnOnce(&mut State, &AdaptivePolicy)) {
        let mut state = self.state();
        change(&mut state, &self.policy);
        let (min, max) = (self.policy.limit_min, self.policy.limit_max);
        state.limit = state.limit.clamp(to_float(min), to_float(max));
        let limit = to_count(state.limit).clamp(min, max);
        drop(state);
        self.turns.set_limit(limit);
    }

    fn state(&self) -> MutexGuard<'_, State> {
        // Numbers; no method leaves them half changed.
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Call {
    /// Says how it went. A call that is dropped instead says nothing.
    pub(super) fn end<T>(self, outcome: &Result<T>, load: impl FnOnce(&T) -> Load) {
        let now = self.control.clock.now();
        let took = now.saturating_sub(self.began).max(SHORTEST);
        self.control.change(|state, policy| match outcome {
            Ok(answer) => {
                let load = load(answer);
                state.answered(self.began, now, took, load, self.was_full, policy);
            }
            Err(error) => state.failed(self.began, now, error),
        });
        drop(self.turn);
    }
}

impl State {
    fn failed(&mut self, began: Duration, now: Duration, error: &Error) {
        let factor = match error.cause() {
            Some(Cause::Throttled) => 1.0 / 2.0,
            Some(Cause::Timeout) => 2.0 / 3.0,
            // It says nothing of how much the store takes.
            _ => return,
        };
        if self.shrink(began, now, factor) {
            self.shrunk_by_errors += 1;
        }
    }

    fn answered(
        &mut self,
        began: Duration,
        now: Duration,
        took: Duration,
        load: Load,
        was_full: bool,
        policy: &AdaptivePolicy,
    ) {
        if load == Load::Unknown {
            return;
        }
        let fastest = self.fastest.entry(load.class()).or_insert(took);
        *fastest = took.min(*fastest);
        let slowness = took.as_secs_f64() / fastest.as_secs_f64();
        if self.measure(began, now) {
            return;
        }
        self.slowness += (slowness - self.slowness) * SMOOTHING;
        if self.slowness > policy.tolerance {
            if self.shrink(began, now, 0.9) {
                self.shrunk_by_latency += 1;
                // To be seen again, with the new limit.
                self.slowness = 1.0;
            }
        } else if was_full {
            self.limit += if self.is_starting {
                1.0
            } else {
                1.0 / self.limit
            };
        }
    }

    /// Makes the limit smaller, once for all calls that were under way together. Says whether it did.
    fn shrink(&mut self, began: Duration, now: Duration, factor: f64) -> bool {
        self.is_starting = false;
        let is_news = began >= self.changed_at;
        if is_news {
            self.limit *= factor;
            self.changed_at = now;
            if let Phase::Measuring { back_to, .. } = &mut self.phase {
                *back_to *= factor;
            }
        }
        is_news
    }

    /// Counts calls until it is time to measure, or enough was measured. Says whether this call was one of the measured.
    fn measure(&mut self, began: Duration, now: Duration) -> bool {
        match &mut self.phase {
            Phase::Working { calls_left } => {
                *calls_left = calls_left.saturating_sub(1);
                if *calls_left == 0 {
                    self.phase = Phase::Measuring {
                        calls_left: MEASURED,
                        back_to: self.limit,
                    };
                    self.limit /= 2.0;
                    self.changed_at = now;
                    self.fastest.clear();
                }
                false
            }
            Phase::Measuring {
                calls_left,
                back_to,
            } => {
                if began >= self.changed_at {
                    *calls_left = calls_left.saturating_sub(1);
                }
                if *calls_left == 0 {
                    self.limit = *back_to;
                    self.changed_at = now;
                    self.slowness = 1.0;
                    self.phase = Phase::Working {
                        calls_left: BETWEEN_MEASURES,
                    };
                }
                true
            }
        }
    }
}

impl Load {
    /// Returns what takes about as long: sizes that differ by less than a factor of four are the same.
    fn class(self) -> Self {
        let size = |bytes: u64| u64::from(bytes.max(SMALL).ilog2() / 2);
        match self {
            Self::Send(bytes) => Self::Send(size(bytes)),
            Self::Receive(bytes) => Self::Receive(size(bytes)),
            other => other,
        }
    }
}

#[expect(
    clippy::cast_precision_loss,
    reason = "a number of calls at once is far below 2^53"
)]
fn to_float(count: usize) -> f64 {
    count as f64
}

#[expect(
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    reason = "it was clamped between two counts, and a cast of a float saturates"
)]
fn to_count(limit: f64) -> usize {
    limit as usize
}

/// Answered calls between two measurements of how fast they can be.
const BETWEEN_MEASURES: u32 = 1_000;
/// Calls that are measured, begun with half the limit.
const MEASURED: u32 = 64;
/// The weight of one call in the average.
const SMOOTHING: f64 = 0.05;
/// Below this size, in bytes, objects take about as long as none.
const SMALL: u64 = 16 << 10;
