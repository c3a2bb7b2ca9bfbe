//! How long a recovery takes: measured, estimated, and actual, each its own type.

use std::collections::BTreeMap;

use serde::Serialize;
use strongroom_format::record::{Drill, DrillVerdict, IncidentState, Job};
use strongroom_policy::{Key, Policy, Resource};
use strongroom_retain::Moment;

use crate::history::{EntryRef, History, Noted};
use crate::stats::{amount, median, quantile, whole_amount};

/// How long restores of a resource took in drills that proved it.
#[derive(Debug, Clone, PartialEq, Serialize)]
#[non_exhaustive]
pub struct RtoMeasured {
    /// The resource.
    pub resource: String,
    /// How many drills.
    pub n: usize,
    /// How many drills failed; their times say nothing.
    pub failed: usize,
    /// How many proved nothing.
    pub not_proven: usize,
    /// What half of them took at most, in milliseconds, without people's time.
    pub p50_ms: u64,
    /// What nearly all of them took at most.
    pub p95_ms: u64,
    /// What the slowest took.
    pub worst_ms: u64,
    /// What people needed besides, in half of those drills in which that was measured.
    pub people_p50_ms: Option<u64>,
    /// Each phase.
    pub phases: BTreeMap<String, PhaseTime>,
    /// What the last one took.
    pub last_ms: u64,
    /// When that was: Unix seconds.
    pub last_at: i64,
    /// What the policy allows.
    pub target_ms: Option<u64>,
    /// The drills.
    pub evidence: Vec<EntryRef>,
}

/// How long a phase took.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[non_exhaustive]
pub struct PhaseTime {
    /// In how many drills.
    pub n: usize,
    /// In half of them at most, in milliseconds.
    pub p50_ms: u64,
    /// In nearly all of them at most.
    pub p95_ms: u64,
}

impl RtoMeasured {
    /// Says whether the last drill and nearly all drills were in time, people's work included where it was measured; `None`
    /// without a target.
    #[must_use]
    pub fn is_met(&self) -> Option<bool> {
        let target = self.target_ms?;
        let people = self.people_p50_ms.unwrap_or_default();
        Some(self.last_ms.max(self.p95_ms).saturating_add(people) <= target)
    }
}

/// How long a restore of a resource would take, judged by drills of others of its kind. It proves nothing.
#[derive(Debug, Clone, PartialEq, Serialize)]
#[non_exhaustive]
pub struct RtoEstimated {
    /// The resource.
    pub resource: String,
    /// The kind of the resources that were restored.
    pub kind: String,
    /// How many drills.
    pub n: usize,
    /// What a restore takes whatever its size, in milliseconds: half of them at most.
    pub fixed_ms: u64,
    /// How many bytes a second nine of ten restored at least.
    pub bytes_per_second_q10: f64,
    /// How many files a second nine of ten restored at least; `None` where that was not measured.
    pub files_per_second_q10: Option<f64>,
    /// How large the resource is.
    pub bytes: u64,
    /// How many files it has, if that is known.
    pub files: Option<u64>,
    /// What it would take: the fixed part, and bytes and files each at their rate, one after the other. Both rates are of the
    /// same time, so that this is rather too long than too short.
    pub total_ms: u64,
    /// The drills.
    pub evidence: Vec<EntryRef>,
}

/// What a recovery in earnest took, and what was lost.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[non_exhaustive]
pub struct RecoveryActual {
    /// The incident.
    pub incident: String,
    /// The resource.
    pub resource: String,
    /// When the incident began: Unix seconds.
    pub began: i64,
    /// How many seconds it took until it did no more harm; `None` while it does.
    pub rta_seconds: Option<u64>,
    /// How many seconds of data were lost: from the capture of the point that was restored to the beginning of the incident;
    /// `None` if no restore of it is known.
    pub rpa_seconds: Option<u64>,
    /// The steps of the incident and the restore.
    pub evidence: Vec<EntryRef>,
}

/// Measures how long restores of a resource took in its drills until now, by the last [`DRILLS_MAX`]; `None` when none proved
/// anything.
#[must_use]
pub fn rto_measured(
    history: &History,
    policy: &Policy,
    resource: &Resource,
    now: Moment,
) -> Option<RtoMeasured> {
    let mut drills: Vec<&Noted<Drill>> = history
        .drills_of(&resource.id)
        .filter(|one| one.at <= now.unix_seconds)
        .collect();
    drills.sort_by_key(|one| (one.at, one.entry));
    let drills = drills.split_off(drills.len().saturating_sub(DRILLS_MAX));
    let is = |verdict| move |one: &&&Noted<Drill>| one.fact.verdict == verdict;
    let proven: Vec<&Noted<Drill>> = drills
        .iter()
        .filter(is(DrillVerdict::Proven))
        .copied()
        .collect();
    let times: Vec<f64> = proven
        .iter()
        .filter_map(|one| one.fact.rto_ms)
        .map(amount)
        .collect();
    let last = proven
        .iter()
        .rev()
        .find_map(|one| Some((one.at, one.fact.rto_ms?)))?;
    let people: Vec<f64> = proven
        .iter()
        .filter_map(|one| one.fact.people_ms)
        .map(amount)
        .collect();
    let at = |q| quantile(&times, q).map(whole_amount).unwrap_or_default();
    let target = policy.resolve(resource).period(Key::Rto);
    Some(RtoMeasured {
        resource: resource.id.clone(),
        n: times.len(),
        failed: drills.iter().filter(is(DrillVerdict::Failed)).count(),
        not_proven: drills.iter().filter(is(DrillVerdict::NotProven)).count(),
        p50_ms: at(0.5),
        p95_ms: at(0.95),
        worst_ms: at(1.0),
        people_p50_ms: median(&people).map(whole_amount),
        phases: phases(&proven),
        last_ms: last.1,
        last_at: last.0,
        target_ms: target.map(|one| one.mean_seconds().saturating_mul(1000)),
        evidence: proven.iter().map(|one| one.entry).collect(),
    })
}

fn phases(drills: &[&Noted<Drill>]) -> BTreeMap<String, PhaseTime> {
    let mut times: BTreeMap<&str, Vec<f64>> = BTreeMap::new();
    for (phase, ms) in drills.iter().flat_map(|one| &one.fact.phases) {
        times.entry(phase).or_default().push(amount(*ms));
    }
    let time = |(phase, times): (&str, Vec<f64>)| {
        let at = |q| quantile(&times, q).map(whole_amount).unwrap_or_default();
        (
            phase.to_owned(),
            PhaseTime {
                n: times.len(),
                p50_ms: at(0.5),
                p95_ms: at(0.95),
            },
        )
    };
    times.into_iter().map(time).collect()
}

/// Estimates how long a restore of a resource would take, by drills of resources of the same kind until now; `None` when none
/// proved anything, or the size is not known.
#[must_use]
pub fn rto_estimated(
    history: &History,
    policy: &Policy,
    resource: &Resource,
    now: Moment,
) -> Option<RtoEstimated> {
    let (bytes, files) = size_of(history, resource, now.unix_seconds)?;
    let is_alike = |id: &str| {
        policy
            .resources
            .get(id)
            .is_some_and(|one| one.kind == resource.kind)
    };
    let drills = history.resources().filter(|(id, _)| is_alike(id));
    let drills = drills.flat_map(|(id, _)| history.drills_of(id));
    let proven =
        drills.filter(|one| one.fact.verdict == DrillVerdict::Proven && one.at <= now.unix_seconds);
    let (mut fixed, mut byte_rates, mut file_rates, mut evidence) =
        (Vec::new(), Vec::new(), Vec::new(), Vec::new());
    for one in proven {
        let Some(total_ms) = one.fact.rto_ms else {
            continue;
        };
        let moving_ms = moving_ms(&one.fact).unwrap_or(total_ms).max(1);
        fixed.push(amount(total_ms.saturating_sub(moving_ms)));
        let seconds = amount(moving_ms) / 1000.0;
        byte_rates.extend((one.fact.bytes > 0).then(|| amount(one.fact.bytes) / seconds));
        file_rates.extend((one.fact.files > 0).then(|| amount(one.fact.files) / seconds));
        evidence.push(one.entry);
    }
    let (fixed_ms, byte_rate) = (median(&fixed)?, quantile(&byte_rates, 0.1)?);
    let file_rate = quantile(&file_rates, 0.1);
    let of_files = files
        .zip(file_rate)
        .map_or(0.0, |(files, rate)| amount(files) / rate);
    let total = fixed_ms + 1000.0 * (amount(bytes) / byte_rate + of_files);
    Some(RtoEstimated {
        resource: resource.id.clone(),
        kind: resource.kind.clone(),
        n: evidence.len(),
        fixed_ms: whole_amount(fixed_ms),
        bytes_per_second_q10: byte_rate,
        files_per_second_q10: file_rate,
        bytes,
        files,
        total_ms: whole_amount(total),
        evidence,
    })
}

/// Returns how long data was moved in a drill, if it was measured apart.
fn moving_ms(drill: &Drill) -> Option<u64> {
    let moving = drill
        .phases
        .iter()
        .filter(|(phase, _)| MOVING.contains(&phase.as_str()));
    let ms: u64 = moving.fold(0, |sum, (_, ms)| sum.saturating_add(*ms));
    (ms > 0).then_some(ms)
}

/// Returns how large a resource is: its newest snapshot, or what the policy says.
fn size_of(history: &History, resource: &Resource, now: i64) -> Option<(u64, Option<u64>)> {
    let seen = history.resource(&resource.id);
    let points = seen.map(|one| one.points.as_slice()).unwrap_or_default();
    let copies = points.iter().rev().flat_map(|point| history.copies(point));
    let mut copies = copies.filter(|copy| copy.durable <= now);
    let newest = copies.find_map(|copy| Some((copy.bytes?, copy.files)));
    newest.or_else(|| Some((resource.size?.get(), None)))
}

/// Returns what recoveries in earnest took until now, in the order of their beginning.
///
/// An incident is about the resource that its steps name. What was lost is judged by the last restore of it that ended well
/// while the incident lasted.
#[must_use]
pub fn recoveries(history: &History, now: Moment) -> Vec<RecoveryActual> {
    let now = now.unix_seconds;
    let mut found: BTreeMap<(&str, &str), RecoveryActual> = BTreeMap::new();
    let mut steps: Vec<_> = history
        .incident_steps()
        .iter()
        .filter(|one| one.at <= now)
        .collect();
    steps.sort_by_key(|one| (one.at, one.entry));
    for step in steps {
        let Some(resource) = step.head.resource.as_deref() else {
            continue;
        };
        let key = (step.fact.incident.as_str(), resource);
        let one = found.entry(key).or_insert_with(|| RecoveryActual {
            incident: step.fact.incident.clone(),
            resource: resource.to_owned(),
            began: step.at,
            rta_seconds: None,
            rpa_seconds: None,
            evidence: Vec::new(),
        });
        one.evidence.push(step.entry);
        if matches!(
            step.fact.step,
            IncidentState::Mitigated | IncidentState::Resolved
        ) {
            let took = u64::try_from(step.at.saturating_sub(one.began)).unwrap_or_default();
            one.rta_seconds.get_or_insert(took);
        }
    }
    let mut found: Vec<RecoveryActual> = found.into_values().collect();
    for one in &mut found {
        one.add_restore(history, now);
    }
    found.sort_by_key(|one| one.began);
    found
}

impl RecoveryActual {
    fn add_restore(&mut self, history: &History, now: i64) {
        let took = self
            .rta_seconds
            .map(|took| i64::try_from(took).unwrap_or(i64::MAX));
        let ended = took.map_or(now, |took| self.began.saturating_add(took));
        let runs = history
            .resource(&self.resource)
            .map(|one| one.runs.as_slice());
        let restore = runs.unwrap_or_default().iter().rev().find(|run| {
            run.job == Job::Restore
                && run.is_ok()
                && run.started >= self.began
                && run.ended <= ended
        });
        let Some(restore) = restore else {
            return;
        };
        let snapshot = restore
            .snapshot
            .and_then(|index| history.snapshots().get(index));
        self.rpa_seconds = snapshot
            .map(|one| u64::try_from(self.began.saturating_sub(one.capture)).unwrap_or_default());
        self.evidence.push(restore.entry);
    }
}

/// Drills that are looked at.
pub const DRILLS_MAX: usize = 50;
/// Phases of a drill in which data is moved.
const MOVING: &[&str] = &["restore", "fetch", "transfer", "load"];

#[cfg(test)]
mod tests;
