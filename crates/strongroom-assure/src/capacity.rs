//! How full repositories are, and when they will be full.

use std::collections::BTreeMap;

use serde::Serialize;
use strongroom_format::record::{Capacity, CapacityKind};
use strongroom_policy::{Key, Policy, Resolved};
use strongroom_retain::Moment;

use crate::history::{EntryRef, History, Noted};
use crate::stats::amount;

mod forecast;
mod retention;

pub use forecast::{DaysUntil, Forecast, HORIZON_DAYS};
pub use retention::retention_days;

/// How full a repository is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum Fullness {
    /// Below all thresholds.
    Fine,
    /// Somebody should plan for more space.
    Plan,
    /// People are warned.
    Warn,
    /// It is critical.
    Critical,
}

/// From which share on a repository is how full.
#[derive(Debug, Clone, Copy, PartialEq, Serialize)]
#[non_exhaustive]
pub struct Thresholds {
    /// From here on somebody plans.
    pub plan: f64,
    /// From here on people are warned.
    pub warn: f64,
    /// From here on it is critical.
    pub critical: f64,
}

/// 80, 90 and 95 %.
impl Default for Thresholds {
    fn default() -> Self {
        Self {
            plan: 0.80,
            warn: 0.90,
            critical: 0.95,
        }
    }
}

impl Thresholds {
    /// Returns the strictest ones of those resources that keep copies in a repository; what holds where nothing is said if
    /// none does.
    #[must_use]
    pub fn of(policy: &Policy, repository: &str) -> Self {
        let mut strictest = Self::default();
        for resolved in resolved_in(policy, repository) {
            let share = |key, least: f64| {
                resolved
                    .share(key)
                    .map_or(least, |share| share.ratio().min(least))
            };
            strictest = Self {
                plan: share(Key::PlanAt, strictest.plan),
                warn: share(Key::WarnAt, strictest.warn),
                critical: share(Key::CriticalAt, strictest.critical),
            };
        }
        strictest
    }

    /// Returns how full a share is when it was `before` so full: what was reached is left only [`HYSTERESIS`] below its
    /// threshold, so that a value beside it does not alarm twice a day.
    fn next(&self, before: Fullness, share: f64) -> Fullness {
        let reached = |level: Fullness, threshold: f64| {
            let margin = if before >= level { HYSTERESIS } else { 0.0 };
            share >= threshold - margin
        };
        match () {
            () if reached(Fullness::Critical, self.critical) => Fullness::Critical,
            () if reached(Fullness::Warn, self.warn) => Fullness::Warn,
            () if reached(Fullness::Plan, self.plan) => Fullness::Plan,
            () => Fullness::Fine,
        }
    }
}

/// How full a repository is now and will be.
#[derive(Debug, Clone, PartialEq, Serialize)]
#[non_exhaustive]
pub struct CapacityReport {
    /// The repository.
    pub repository: String,
    /// When it was measured last: Unix seconds.
    pub measured_at: i64,
    /// What is in use, in bytes.
    pub used: u64,
    /// What there is; `None` if there is no limit, or nobody knows it.
    pub total: Option<u64>,
    /// Whether somebody says that there is no limit and no budget.
    pub is_unlimited: bool,
    /// The share in use; `None` without a total.
    pub utilisation: Option<f64>,
    /// How full that is; `None` without a total: unknown, which is not fine.
    pub fullness: Option<Fullness>,
    /// From which share on it is how full.
    pub thresholds: Thresholds,
    /// What nothing needs any more and can be freed now.
    pub freeable: u64,
    /// What nothing needs any more and cannot be freed before a lock ends. It is not free.
    pub locked: u64,
    /// When the lock of the last of that ends: Unix seconds.
    pub locked_until: Option<i64>,
    /// How many days were measured.
    pub days_measured: usize,
    /// What is to be expected; `None` for fewer than [`FORECAST_DAYS_MIN`] days: unknown.
    pub forecast: Option<Forecast>,
    /// How many days it takes to have more space.
    pub lead_days: u32,
    /// Whether the space suffices until then, with 95 %; `None` if there is no forecast or no total.
    pub suffices_for_lead_time: Option<bool>,
    /// The last measurement, and the first one that the forecast rests on.
    pub evidence: Vec<EntryRef>,
}

/// Says how full a repository is and will be, by its measurements until now; `None` when there is none: unknown.
#[must_use]
pub fn capacity(
    history: &History,
    policy: &Policy,
    repository: &str,
    now: Moment,
) -> Option<CapacityReport> {
    let now = now.unix_seconds;
    let of_it = history.capacities().iter();
    let of_it = of_it.filter(|one| one.fact.repository == repository && one.at <= now);
    let days = daily(of_it);
    let last = days.last_key_value()?.1;
    let thresholds = Thresholds::of(policy, repository);
    let total = total_of(policy, repository, &last.fact);
    let lead_days = lead_days(policy, repository);
    let horizon = now.div_euclid(DAY);
    let recent: Vec<&Noted<Capacity>> = days
        .range(horizon - FORECAST_DAYS..)
        .map(|(_, one)| *one)
        .collect();
    let begun = days.first_key_value().map(|(day, _)| *day);
    let forecast = Forecast::of(
        &recent,
        &forecast::Question {
            repository,
            total,
            plan_share: thresholds.plan,
            lead_days,
            retention_days: retention_days(policy, repository),
            begun_day: begun.unwrap_or(horizon),
            today: horizon,
        },
    );
    let suffices = forecast.as_ref().zip(total).map(|(forecast, total)| {
        // What is above the limit cannot be written, so that reaching it is already too much.
        forecast.peak_p95 < total
    });
    let mut evidence = vec![last.entry];
    evidence.extend(recent.first().map(|one| one.entry));
    evidence.dedup();
    Some(CapacityReport {
        repository: repository.to_owned(),
        measured_at: last.at,
        used: last.fact.used,
        total,
        is_unlimited: last.fact.kind == CapacityKind::Unlimited && total.is_none(),
        utilisation: total.map(|total| share(last.fact.used, total)),
        fullness: fullness(policy, repository, &days, &thresholds),
        thresholds,
        freeable: last
            .fact
            .reclaimable
            .saturating_sub(locked_now(&last.fact, now)),
        locked: locked_now(&last.fact, now),
        locked_until: last
            .fact
            .locked_until
            .map(|time| time.seconds)
            .filter(|until| *until > now),
        days_measured: days.len(),
        forecast,
        lead_days,
        suffices_for_lead_time: suffices,
        evidence,
    })
}

/// Returns the last measurement of each day.
fn daily<'a>(
    of_it: impl Iterator<Item = &'a Noted<Capacity>>,
) -> BTreeMap<i64, &'a Noted<Capacity>> {
    let mut days: BTreeMap<i64, &Noted<Capacity>> = BTreeMap::new();
    for one in of_it {
        let last = days.entry(one.at.div_euclid(DAY)).or_insert(one);
        if (one.at, one.entry) > (last.at, last.entry) {
            *last = one;
        }
    }
    days
}

/// Returns how full it is, as the thresholds were passed one day after another.
fn fullness(
    policy: &Policy,
    repository: &str,
    days: &BTreeMap<i64, &Noted<Capacity>>,
    thresholds: &Thresholds,
) -> Option<Fullness> {
    let mut fullness = None;
    for one in days.values() {
        fullness = total_of(policy, repository, &one.fact).map(|total| {
            let before = fullness.unwrap_or(Fullness::Fine);
            thresholds.next(before, share(one.fact.used, total))
        });
    }
    fullness
}

fn share(used: u64, total: u64) -> f64 {
    if total == 0 {
        1.0
    } else {
        amount(used) / amount(total)
    }
}

/// Returns how much it can hold: what was measured, or what the policy says.
fn total_of(policy: &Policy, repository: &str, measured: &Capacity) -> Option<u64> {
    let planned = policy
        .repositories
        .get(repository)
        .and_then(|one| one.capacity);
    let planned = planned.map(strongroom_policy::ByteCount::get);
    // A budget may be less than there is, and then it is what counts.
    measured.total.into_iter().chain(planned).min()
}

fn locked_now(measured: &Capacity, now: i64) -> u64 {
    let is_over = measured
        .locked_until
        .is_some_and(|until| until.seconds <= now);
    if is_over {
        0
    } else {
        measured.locked.min(measured.reclaimable)
    }
}

/// Returns in how many days there can be more space, for those who need it longest.
fn lead_days(policy: &Policy, repository: &str) -> u32 {
    let leads = resolved_in(policy, repository).filter_map(|one| one.period(Key::LeadTime));
    let days = leads.map(|lead| lead.mean_seconds().div_ceil(86_400)).max();
    days.and_then(|days| u32::try_from(days).ok())
        .unwrap_or(DEFAULT_LEAD_DAYS)
}

/// Returns what holds for each resource that keeps copies in a repository.
fn resolved_in<'p>(policy: &'p Policy, repository: &'p str) -> impl Iterator<Item = Resolved> + 'p {
    let all = policy.resources.values().map(|one| policy.resolve(one));
    all.filter(move |one| one.words(Key::CopiesTo).contains(repository))
}

/// How far below a threshold what was reached is left.
pub const HYSTERESIS: f64 = 0.02;
/// Of fewer days nothing is forecast.
pub const FORECAST_DAYS_MIN: usize = 7;
/// How many days a forecast looks back.
const FORECAST_DAYS: i64 = 90;
const DEFAULT_LEAD_DAYS: u32 = 30;
const DAY: i64 = 86_400;

#[cfg(test)]
mod tests;
