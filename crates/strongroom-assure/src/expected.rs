//! Runs that a policy expects, and what became of each.

use std::sync::Arc;

use serde::Serialize;
use strongroom_format::record::{Job, RunOutcome};
use strongroom_policy::{Date, Key, Policy, Resource, Schedule};
use strongroom_retain::Moment;

use crate::history::{EntryRef, History, RunSeen};
use crate::{scope, stats};

/// What became of a run that was due.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum Fate {
    /// It has time, or nobody can know yet.
    Pending,
    /// All of it was done.
    Ok,
    /// A part of it was done.
    Partial,
    /// Nothing came of it.
    Failed,
    /// Somebody stopped it.
    Cancelled,
    /// It could not begin or end in the time that it had.
    Expired,
    /// It never began.
    Missed,
}

/// A run that was due, with all attempts for it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[non_exhaustive]
pub struct Expected {
    /// When it was due: Unix seconds, as all times here.
    pub due: i64,
    /// The last moment to begin.
    pub start_by: i64,
    /// When it must be complete.
    pub complete_by: i64,
    /// When it counts as missed, if nothing was heard of it.
    pub missed_at: i64,
    /// What became of it.
    pub fate: Fate,
    /// When the attempt began that decided, if there was one.
    pub started: Option<i64>,
    /// When that ended.
    pub ended: Option<i64>,
    /// The records of all attempts, the deciding one first.
    pub attempts: Vec<EntryRef>,
    /// Index of the deciding attempt among the runs of the resource.
    pub run: Option<usize>,
}

impl Expected {
    /// Says whether it is decided what became of it.
    #[must_use]
    pub fn is_decided(&self) -> bool {
        self.fate != Fate::Pending
    }

    /// Says whether it began later than it may.
    #[must_use]
    pub fn has_started_late(&self) -> bool {
        self.started.is_some_and(|started| started > self.start_by)
    }

    /// Says whether it ended later than it must.
    #[must_use]
    pub fn has_overrun(&self) -> bool {
        self.ended.is_some_and(|ended| ended > self.complete_by)
    }
}

/// The runs of a resource that were due in a time.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[non_exhaustive]
pub struct Expectations {
    /// The resource.
    pub resource: String,
    /// They, in order.
    pub runs: Vec<Expected>,
    /// How many were left out because of an exemption that has an end.
    pub exempt: usize,
    /// Whether its backups are switched off. They are due nevertheless.
    pub is_suspended: bool,
    /// How many backups nobody had expected.
    pub unexpected: usize,
}

/// Returns the runs of a resource that were due from `from` until `now`, and what became of them.
///
/// What was due is said by the policy that was in force then, if policies were recorded, and by `policy` otherwise. A resource
/// whose backups are switched off is still to be protected: its runs are due, unless an exemption with an end frees it of
/// `schedule`. Retired resources have none. Where neither the policy nor the resource names a first day, nothing was due before the first
/// evidence: what was created today has missed nothing.
///
/// Several attempts are one run: the best of them decides. What is not heard of is missed as soon as a run that began at the
/// last moment should have ended, as long as its runs usually take.
#[must_use]
pub fn expectations(
    history: &History,
    policy: &Policy,
    resource: &Resource,
    from: i64,
    now: Moment,
) -> Expectations {
    let mut all = Expectations {
        resource: resource.id.clone(),
        runs: Vec::new(),
        exempt: 0,
        is_suspended: !policy.resolve(resource).flag(Key::Enabled),
        unexpected: 0,
    };
    let now = now.unix_seconds;
    for version in versions(history, policy, from, now) {
        all.add_due(&version, resource);
    }
    all.runs.sort_by_key(|one| one.due);
    all.runs.dedup_by_key(|one| one.due);
    if policy.effective.is_none() && resource.since.is_none() {
        let begins = begins(history, policy, resource);
        all.runs.retain(|one| one.start_by >= begins);
    }
    let runs = history
        .resource(&resource.id)
        .map(|one| one.runs.as_slice());
    all.attach(runs.unwrap_or_default(), from, now);
    all
}

/// Returns when runs of a resource can have been due at the earliest, if no day says so: at its own first evidence, or at the first of all
/// that was read. Without any, they always were.
fn begins(history: &History, policy: &Policy, resource: &Resource) -> i64 {
    let first = || history.entries().first().map(|entry| entry.said_at);
    scope::since(history, policy, resource)
        .or_else(first)
        .unwrap_or(i64::MIN)
}

/// A policy, and from when until when it was in force.
struct Version {
    policy: Arc<Policy>,
    from: i64,
    until: i64,
    /// Whether it is the one of now, which may select what it does not name.
    is_current: bool,
}

/// Returns the policies that were in force in a time.
fn versions(history: &History, policy: &Policy, from: i64, now: i64) -> Vec<Version> {
    let mut set: Vec<(i64, EntryRef, &Arc<Policy>)> = history
        .policies()
        .iter()
        .filter(|one| one.from <= now)
        .filter_map(|one| Some((one.from, one.entry, one.policy.as_ref()?)))
        .collect();
    set.sort_by_key(|(from, entry, _)| (*from, *entry));
    let mut versions = Vec::new();
    let mut until = now;
    for (begins, _, recorded) in set.into_iter().rev() {
        let is_current = versions.is_empty();
        // The last one is in force now, whatever its record's document says.
        let in_force = if is_current {
            Arc::new(policy.clone())
        } else {
            Arc::clone(recorded)
        };
        if begins < until {
            versions.push(Version {
                policy: in_force,
                from: begins.max(from),
                until,
                is_current,
            });
            until = begins;
        }
        if until <= from {
            break;
        }
    }
    if until > from {
        // Before the first that was recorded, the first one; without any, the one that there is.
        match versions.last_mut() {
            Some(first) => first.from = from,
            None => versions.push(Version {
                policy: Arc::new(policy.clone()),
                from,
                until,
                is_current: true,
            }),
        }
    }
    versions
}

impl Expectations {
    /// Adds what was due under one version of the policy.
    fn add_due(&mut self, version: &Version, resource: &Resource) {
        let policy = &version.policy;
        let known = policy.resources.get(&resource.id);
        let Some(resource) = known.or(version.is_current.then_some(resource)) else {
            return;
        };
        let Some(schedule) = schedule_of(policy, resource) else {
            return;
        };
        let first = policy.effective.max(resource.since);
        let first = first.map_or(i64::MIN, |day| day.start(&schedule.zone).unix_seconds);
        let from = version.from.max(first);
        for (due, [start_by, complete_by, missed_at]) in due_times(&schedule, from, version.until) {
            let day = Date::of(schedule.zone.moment(due));
            if resource.is_retired(day) {
                break;
            }
            let frees = |exemption: &strongroom_policy::Exemption| {
                exemption.frees(resource, "schedule", day)
            };
            if policy.exemptions.values().any(frees) {
                self.exempt += 1;
                continue;
            }
            self.runs.push(Expected {
                due,
                start_by,
                complete_by,
                missed_at,
                fate: Fate::Pending,
                started: None,
                ended: None,
                attempts: Vec::new(),
                run: None,
            });
        }
    }

    /// Finds the attempts for each, and decides what became of it.
    fn attach(&mut self, runs: &[RunSeen], from: i64, now: i64) {
        let usual = usual_seconds(runs);
        // A run may have begun shortly before it was due.
        let first = runs.partition_point(|run| run.started < from.saturating_sub(EARLY_SECONDS));
        let mut attempts: Vec<Vec<usize>> = vec![Vec::new(); self.runs.len()];
        for (index, run) in runs.iter().enumerate().skip(first) {
            if run.job != Job::Backup || run.recorded_at > now {
                continue;
            }
            match self.of_run(run).and_then(|place| attempts.get_mut(place)) {
                Some(list) => list.push(index),
                None if run.has_begun() => self.unexpected += 1,
                None => {}
            }
        }
        for (expected, attempts) in self.runs.iter_mut().zip(&attempts) {
            let best = attempts
                .iter()
                .filter_map(|index| Some((*index, runs.get(*index)?)))
                .min_by_key(|(index, run)| (rank(run.outcome), std::cmp::Reverse(*index)));
            let Some((index, best)) = best else {
                let silent = silent_at(expected, usual);
                expected.fate = if now >= silent {
                    Fate::Missed
                } else {
                    Fate::Pending
                };
                continue;
            };
            expected.fate = fate(best.outcome);
            expected.run = Some(index);
            if best.has_begun() {
                (expected.started, expected.ended) = (Some(best.started), Some(best.ended));
            }
            let others = attempts.iter().filter(|other| **other != index);
            let others = others
                .filter_map(|other| runs.get(*other))
                .map(|run| run.entry);
            expected.attempts = std::iter::once(best.entry).chain(others).collect();
        }
    }

    /// Returns the place of the expectation that a run was for.
    fn of_run(&self, run: &RunSeen) -> Option<usize> {
        let at = run.due.unwrap_or(run.started).saturating_add(EARLY_SECONDS);
        let place = self
            .runs
            .partition_point(|one| one.due <= at)
            .checked_sub(1)?;
        let expected = self.runs.get(place)?;
        let is_it = match run.due {
            Some(due) => due >= expected.due.saturating_sub(EARLY_SECONDS),
            // What somebody began days later was not for this.
            None => run.started <= expected.missed_at.max(expected.complete_by),
        };
        is_it.then_some(place)
    }
}

/// Returns the schedule of a resource as if it were not switched off.
pub(crate) fn schedule_of(policy: &Policy, resource: &Resource) -> Option<Schedule> {
    let resolved = policy.resolve(resource);
    if resolved.flag(Key::Enabled) {
        return resolved.schedule();
    }
    let mut on = resource.clone();
    // The key takes a flag.
    on.settings.set(Key::Enabled, true).ok()?;
    policy.resolve(&on).schedule()
}

/// Returns when runs are due, with the last moment to begin, to be complete, and to be heard of.
fn due_times(schedule: &Schedule, from: i64, until: i64) -> Vec<(i64, [i64; 3])> {
    if !schedule.windows.is_empty() {
        let moment = |at| schedule.zone.moment(at);
        let runs = schedule.runs(moment(from), moment(until));
        let times = |run: strongroom_policy::ExpectedRun| {
            let at = |moment: Moment| moment.unix_seconds;
            (
                at(run.due),
                [at(run.start_by), at(run.complete_by), at(run.missed_at)],
            )
        };
        return runs.map(times).take(RUNS_MAX).collect();
    }
    // Without windows the times are always as far apart, and years of them quickly had.
    let seconds = |period: strongroom_policy::Period| {
        i64::try_from(period.mean_seconds()).unwrap_or(i64::MAX)
    };
    let start = seconds(schedule.jitter).saturating_add(seconds(schedule.start_within));
    let (complete, missed) = (
        seconds(schedule.complete_within),
        seconds(schedule.missed_after),
    );
    let times = |due: i64| {
        let start_by = due.saturating_add(start);
        (
            due,
            [
                start_by,
                due.saturating_add(complete),
                start_by.saturating_add(missed),
            ],
        )
    };
    schedule
        .due_between(from, until)
        .map(times)
        .take(RUNS_MAX)
        .collect()
}

/// Returns when a run of which nothing was heard must be taken for missed.
fn silent_at(expected: &Expected, usual: Option<i64>) -> i64 {
    let takes = usual
        .unwrap_or(expected.complete_by.saturating_sub(expected.start_by))
        .max(0);
    let heard_of = expected.missed_at.saturating_add(takes);
    heard_of.min(expected.complete_by).max(expected.missed_at)
}

/// Returns how long nearly all of the last backups took.
fn usual_seconds(runs: &[RunSeen]) -> Option<i64> {
    let done = runs
        .iter()
        .rev()
        .filter(|run| run.job == Job::Backup && run.is_ok());
    let took: Vec<f64> = done
        .take(USUAL_RUNS)
        .map(|run| stats::amount(run.duration_seconds()))
        .collect();
    if took.len() < USUAL_RUNS_MIN {
        return None;
    }
    stats::quantile(&took, 0.95).map(stats::whole_signed)
}

/// What a run comes to; of several attempts the one with the least rank decides.
const fn rank(outcome: RunOutcome) -> u8 {
    match outcome {
        RunOutcome::Ok | RunOutcome::OkWithNotices => 0,
        RunOutcome::Partial => 1,
        RunOutcome::Cancelled => 3,
        RunOutcome::Expired => 4,
        RunOutcome::Missed => 5,
        // What a later version calls otherwise is no success that we know.
        _ => 2,
    }
}

const fn fate(outcome: RunOutcome) -> Fate {
    match outcome {
        RunOutcome::Ok | RunOutcome::OkWithNotices => Fate::Ok,
        RunOutcome::Partial => Fate::Partial,
        RunOutcome::Cancelled => Fate::Cancelled,
        RunOutcome::Expired => Fate::Expired,
        RunOutcome::Missed => Fate::Missed,
        _ => Fate::Failed,
    }
}

/// How much before it was due a run may begin and still be for that.
const EARLY_SECONDS: i64 = 300;
const USUAL_RUNS: usize = 20;
const USUAL_RUNS_MIN: usize = 5;
/// A minute's interval over 70 days.
const RUNS_MAX: usize = 100_000;

#[cfg(test)]
mod tests;
