//! How long calls take, and whether another request is within the budget.

use std::collections::{HashMap, VecDeque};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use super::policy::{HedgeCounts, HedgePolicy};

/// Calls that take about as long.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(super) enum Sort {
    Head,
    Whole,
    /// Of parts, those whose lengths differ by less than a factor of four.
    Part(u32),
}

impl Sort {
    pub(super) fn part(len: u64) -> Self {
        Self::Part(len.max(SMALL).ilog2() / 2)
    }
}

#[derive(Debug)]
pub(super) struct Latencies {
    policy: HedgePolicy,
    state: Mutex<State>,
}

#[derive(Debug, Default)]
struct State {
    sorts: HashMap<Sort, Window>,
    /// Hundredths of second requests that may be made.
    budget: u64,
    counts: HedgeCounts,
}

/// The latest latencies, and what was last made of them.
#[derive(Debug, Default)]
struct Window {
    latest: VecDeque<Duration>,
    quantile: Option<Duration>,
    learnt: u32,
}

impl Latencies {
    pub(super) fn new(policy: HedgePolicy) -> Self {
        Self {
            policy,
            state: Mutex::default(),
        }
    }

    /// Begins a call. Returns how long to wait for its answer before asking again, if that is known.
    pub(super) fn patience(&self, sort: Sort) -> Option<Duration> {
        let mut state = self.state();
        state.counts.calls += 1;
        let earned = u64::from(self.policy.extra_percent);
        state.budget = (state.budget + earned).min(BUDGET_MAX);
        let quantile = state.sorts.get(&sort)?.quantile?;
        Some(quantile.max(self.policy.wait_min))
    }

    /// Takes a second request out of the budget, if there is one in it.
    pub(super) fn may_ask_again(&self) -> bool {
        let mut state = self.state();
        let Some(left) = state.budget.checked_sub(PRICE) else {
            state.counts.held_back += 1;
            return false;
        };
        state.budget = left;
        state.counts.second_requests += 1;
        true
    }

    pub(super) fn second_won(&self) {
        self.state().counts.seconds_won += 1;
    }

    pub(super) fn learn(&self, sort: Sort, latency: Duration) {
        let mut state = self.state();
        state
            .sorts
            .entry(sort)
            .or_default()
            .learn(latency, self.policy.quantile);
    }

    pub(super) fn counts(&self) -> HedgeCounts {
        self.state().counts
    }

    fn state(&self) -> MutexGuard<'_, State> {
        // No method leaves it half changed.
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Window {
    fn learn(&mut self, latency: Duration, quantile: f64) {
        if self.latest.len() >= WINDOW {
            self.latest.pop_front();
        }
        self.latest.push_back(latency);
        self.learnt += 1;
        // Sorting a window costs microseconds; not for every call.
        if self.latest.len() >= ENOUGH && self.learnt >= LEARNT {
            self.learnt = 0;
            let mut sorted: Vec<_> = self.latest.iter().copied().collect();
            sorted.sort_unstable();
            self.quantile = sorted.get(index(sorted.len(), quantile)).copied();
        }
    }
}

/// Returns which of so many sorted values the quantile is.
#[expect(
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    clippy::cast_precision_loss,
    reason = "a share of a window's length, which is small"
)]
fn index(len: usize, quantile: f64) -> usize {
    let last = len.saturating_sub(1);
    ((len as f64 * quantile) as usize).min(last)
}

/// Latencies that are remembered of a sort.
const WINDOW: usize = 256;
/// With fewer, a quantile says nothing.
const ENOUGH: usize = 20;
/// How many are learnt before the quantile is told anew.
const LEARNT: u32 = 10;
/// What a second request costs, in the unit in which percents earn.
const PRICE: u64 = 100;
/// So many second requests may be saved up for a bad moment.
const BUDGET_MAX: u64 = 10 * PRICE;
/// Below this length, in bytes, parts take about as long as nothing.
const SMALL: u64 = 16 << 10;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_quantile_follows_what_is_learnt() {
        let latencies = Latencies::new(HedgePolicy::default());
        let learn = |from: u64| {
            for ms in from..from + 300 {
                latencies.learn(Sort::Head, Duration::from_millis(ms));
            }
        };
        assert_eq!(latencies.patience(Sort::Head), None);
        learn(100);
        let patience = latencies.patience(Sort::Head).expect("enough were seen");
        assert!((380..400).contains(&patience.as_millis()), "{patience:?}");
        learn(1_000);
        let patience = latencies.patience(Sort::Head).expect("enough were seen");
        assert!(
            (1_280..1_300).contains(&patience.as_millis()),
            "{patience:?}"
        );
        assert_eq!(latencies.patience(Sort::Whole), None, "another sort");
    }

    #[test]
    fn lengths_of_one_sort_are_alike() {
        assert_eq!(Sort::part(0), Sort::part(10_000));
        assert_eq!(Sort::part(1 << 20), Sort::part((1 << 20) + 1));
        assert_ne!(Sort::part(1 << 20), Sort::part(1 << 22));
    }
}
