//! How many of the runs that were due succeeded.

use std::collections::BTreeMap;

use serde::Serialize;
use strongroom_policy::{Key, Policy, Resource};
use strongroom_retain::Moment;

use crate::expected::{Expectations, Expected, Fate, expectations};
use crate::history::{EntryRef, History};
use crate::stats::{Interval, ratio, wilson};

/// How many of the runs that were due succeeded, in a time.
#[derive(Debug, Clone, PartialEq, Serialize)]
#[non_exhaustive]
pub struct SuccessRate {
    /// Over how many days.
    pub days: u32,
    /// How many were due and are decided.
    pub expected: u64,
    /// How many of these succeeded.
    pub ok: u64,
    /// How many were done in part; they are among `ok` only if the policy says so.
    pub partial: u64,
    /// How many failed.
    pub failed: u64,
    /// How many were stopped.
    pub cancelled: u64,
    /// How many had no time to begin or end.
    pub expired: u64,
    /// How many never began.
    pub missed: u64,
    /// How many succeeded later than they must.
    pub late: u64,
    /// How many needed more than one attempt.
    pub retried: u64,
    /// The share that succeeded; `None` when none was due.
    pub rate: Option<f64>,
    /// Where that share lies, with 90 %.
    pub interval: Option<Interval>,
    /// What it must be.
    pub target: f64,
    /// The rule: it is below the target. Somebody must act.
    pub is_below: bool,
    /// The statistics: it is below the target even if what was seen was bad luck.
    pub is_surely_below: bool,
    /// What did not succeed, the latest first.
    pub evidence: Vec<EntryRef>,
}

/// How the runs of a resource go.
#[derive(Debug, Clone, PartialEq, Serialize)]
#[non_exhaustive]
pub struct Success {
    /// The resource.
    pub resource: String,
    /// The rate over the last 7, 30 and 90 days.
    pub rates: Vec<SuccessRate>,
    /// How many of the last runs in a row did not succeed.
    pub failures_in_a_row: u64,
    /// From how many on somebody must act at once.
    pub acute_after: u64,
    /// Whether so many did.
    pub is_acute: bool,
    /// How many runs of the last 90 days were left out because of an exemption that has an end.
    pub exempt: usize,
    /// Whether its backups are switched off.
    pub is_suspended: bool,
    /// When the last run that was due succeeded.
    pub last_ok_due: Option<i64>,
}

/// How the runs of all resources go.
#[derive(Debug, Clone, PartialEq, Serialize)]
#[non_exhaustive]
pub struct Fleet {
    /// Each resource.
    pub resources: BTreeMap<String, Success>,
    /// All together, over the last 7, 30 and 90 days.
    pub rates: Vec<SuccessRate>,
    /// How much faster than allowed runs fail: over one day, and over 14.
    pub burn: Vec<Burn>,
}

/// How fast the runs that may fail are used up.
#[derive(Debug, Clone, PartialEq, Serialize)]
#[non_exhaustive]
pub struct Burn {
    /// Over how many days.
    pub days: u32,
    /// How many runs were due and are decided.
    pub n: u64,
    /// The share that failed, in multiples of the share that may; `None` for fewer than [`BURN_RUNS_MIN`] runs.
    pub rate: Option<f64>,
    /// From which rate on somebody is told.
    pub limit: f64,
    /// Whether it is reached: an outage of the fleet, not of a resource.
    pub is_alarm: bool,
}

/// Measures how the runs of a resource go, until now.
#[must_use]
pub fn success(history: &History, policy: &Policy, resource: &Resource, now: Moment) -> Success {
    measure(history, policy, resource, now).0
}

/// Measures how the runs of all resources of a policy go, until now.
#[must_use]
pub fn fleet(history: &History, policy: &Policy, now: Moment) -> Fleet {
    let mut fleet = Fleet {
        resources: BTreeMap::new(),
        rates: Vec::new(),
        burn: Vec::new(),
    };
    let until = now.unix_seconds;
    let mut tallies: Vec<Tally> = DAYS.iter().map(|days| Tally::new(*days)).collect();
    let mut burns = BURN_LIMITS.map(|(days, limit)| (Tally::new(days), limit));
    for resource in policy.resources.values() {
        let (success, due) = measure(history, policy, resource, now);
        let partial_counts = policy.resolve(resource).flag(Key::PartialCounts);
        let burned = burns.iter_mut().map(|(tally, _)| tally);
        for tally in tallies.iter_mut().chain(burned) {
            tally.add(&due, until, partial_counts);
        }
        fleet.resources.insert(resource.id.clone(), success);
    }
    let target = fleet_target(policy);
    fleet.rates = tallies
        .into_iter()
        .map(|tally| tally.finish(target))
        .collect();
    fleet.burn = burns
        .into_iter()
        .map(|(tally, limit)| burn(&tally.finish(target), limit))
        .collect();
    fleet
}

fn measure(
    history: &History,
    policy: &Policy,
    resource: &Resource,
    now: Moment,
) -> (Success, Expectations) {
    let until = now.unix_seconds;
    let from = until.saturating_sub(i64::from(LONGEST_DAYS) * DAY);
    let due = expectations(history, policy, resource, from, now);
    let resolved = policy.resolve(resource);
    let target = resolved
        .share(Key::SuccessRate)
        .map_or(DEFAULT_TARGET, |share| share.ratio());
    let partial_counts = resolved.flag(Key::PartialCounts);
    let rates = DAYS.iter().map(|days| {
        let mut tally = Tally::new(*days);
        tally.add(&due, until, partial_counts);
        tally.finish(target)
    });
    let decided = || due.runs.iter().rev().filter(|one| one.is_decided());
    let in_a_row = decided()
        .take_while(|one| !is_ok(one, partial_counts))
        .count();
    let in_a_row = u64::try_from(in_a_row).unwrap_or(u64::MAX);
    let acute_after = resolved
        .count(Key::AcuteAfter)
        .unwrap_or(DEFAULT_ACUTE_AFTER)
        .max(1);
    let success = Success {
        resource: resource.id.clone(),
        rates: rates.collect(),
        failures_in_a_row: in_a_row,
        acute_after,
        is_acute: in_a_row >= acute_after,
        exempt: due.exempt,
        is_suspended: due.is_suspended,
        last_ok_due: decided()
            .find(|one| is_ok(one, partial_counts))
            .map(|one| one.due),
    };
    (success, due)
}

fn is_ok(one: &Expected, partial_counts: bool) -> bool {
    one.fate == Fate::Ok || partial_counts && one.fate == Fate::Partial
}

/// Returns the rate that the whole fleet must have: what holds where nothing else is said.
fn fleet_target(policy: &Policy) -> f64 {
    let resolved = policy.resolve(&Resource::new("", ""));
    resolved
        .share(Key::SuccessRate)
        .map_or(DEFAULT_TARGET, |share| share.ratio())
}

fn burn(rate: &SuccessRate, limit: f64) -> Burn {
    let allowed = 1.0 - rate.target;
    let failed = rate
        .rate
        .filter(|_| rate.expected >= BURN_RUNS_MIN)
        .map(|rate| 1.0 - rate);
    let burned = failed.map(|failed| match (failed > 0.0, allowed > 0.0) {
        (false, _) => 0.0,
        (true, true) => failed / allowed,
        (true, false) => f64::INFINITY,
    });
    Burn {
        days: rate.days,
        n: rate.expected,
        rate: burned,
        limit,
        is_alarm: burned.is_some_and(|burned| burned >= limit),
    }
}

/// Counts over a time.
struct Tally {
    rate: SuccessRate,
    failures: Vec<(i64, EntryRef)>,
}

impl Tally {
    const fn new(days: u32) -> Self {
        let rate = SuccessRate {
            days,
            expected: 0,
            ok: 0,
            partial: 0,
            failed: 0,
            cancelled: 0,
            expired: 0,
            missed: 0,
            late: 0,
            retried: 0,
            rate: None,
            interval: None,
            target: 0.0,
            is_below: false,
            is_surely_below: false,
            evidence: Vec::new(),
        };
        Self {
            rate,
            failures: Vec::new(),
        }
    }

    fn add(&mut self, due: &Expectations, until: i64, partial_counts: bool) {
        let from = until.saturating_sub(i64::from(self.rate.days) * DAY);
        let first = due.runs.partition_point(|one| one.due <= from);
        for one in due.runs.iter().skip(first).filter(|one| one.is_decided()) {
            let rate = &mut self.rate;
            rate.expected += 1;
            let count = match one.fate {
                Fate::Ok => &mut rate.ok,
                Fate::Partial => &mut rate.partial,
                Fate::Cancelled => &mut rate.cancelled,
                Fate::Expired => &mut rate.expired,
                Fate::Missed => &mut rate.missed,
                Fate::Failed | Fate::Pending => &mut rate.failed,
            };
            *count += 1;
            if is_ok(one, partial_counts) {
                rate.ok += u64::from(one.fate == Fate::Partial);
                rate.late += u64::from(one.has_overrun());
                rate.retried += u64::from(one.attempts.len() > 1);
            } else {
                self.failures
                    .extend(one.attempts.first().map(|entry| (one.due, *entry)));
            }
        }
    }

    fn finish(mut self, target: f64) -> SuccessRate {
        self.failures
            .sort_unstable_by_key(|one| std::cmp::Reverse(*one));
        self.failures.truncate(EVIDENCE_MAX);
        let mut rate = self.rate;
        rate.evidence = self.failures.into_iter().map(|(_, entry)| entry).collect();
        rate.rate = ratio(rate.ok, rate.expected);
        rate.interval = wilson(rate.ok, rate.expected);
        rate.target = target;
        rate.is_below = rate.rate.is_some_and(|one| one < target);
        rate.is_surely_below = rate.interval.is_some_and(|interval| interval.high < target);
        rate
    }
}

/// The windows.
const DAYS: [u32; 3] = [7, 30, LONGEST_DAYS];
const LONGEST_DAYS: u32 = 90;
const DAY: i64 = 86_400;
/// "Below 98 %": what holds when a policy says nothing.
const DEFAULT_TARGET: f64 = 0.98;
const DEFAULT_ACUTE_AFTER: u64 = 2;
/// A fifth of all runs of one day, or more than every tenth over two weeks, at a target of 98 %.
const BURN_LIMITS: [(u32, f64); 2] = [(1, 10.0), (14, 5.0)];
/// Of fewer runs no burn rate is computed: they may be those of one resource.
pub const BURN_RUNS_MIN: u64 = 10;
const EVIDENCE_MAX: usize = 100;

#[cfg(test)]
mod tests;
