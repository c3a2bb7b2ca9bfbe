//! The backups of a resource to one repository, one after another.

use std::collections::{BTreeMap, BTreeSet};

use strongroom_format::record::{Job, SuspectState};
use strongroom_policy::{Date, Zone};

use super::baseline::Past;
use super::drift::Drifts;
use super::weaker::{self, Weakening};
use super::{Alarm, SignalCode, severity_of};
use crate::history::{Counters, History, RunSeen};
use crate::stats::{amount, ratio};

/// The backups of a resource to one repository.
pub(super) struct Series<'h> {
    runs: Vec<Sample<'h>>,
    past: Past,
    drifts: Drifts,
    resource: &'h str,
}

/// What is looked at of a run.
#[derive(Debug, Clone, Copy)]
pub(super) struct Sample<'h> {
    pub(super) run: &'h RunSeen,
    pub(super) counters: &'h Counters,
    pub(super) weekday: i64,
    pub(super) state: Reviewed,
}

/// What somebody said of a run's snapshot.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Reviewed {
    Never,
    Suspect,
    Clean,
}

impl Sample<'_> {
    /// Returns how many files there were before.
    pub(super) fn files_before(&self) -> Option<u64> {
        let c = self.counters;
        let with_deleted = c.files?.saturating_add(c.files_deleted.unwrap_or_default());
        Some(with_deleted.saturating_sub(c.files_new.unwrap_or_default()))
    }

    /// Returns the part of the files that were there before whose content changed.
    pub(super) fn changed_share(&self) -> Option<f64> {
        ratio(self.counters.files_changed?, self.files_before()?).map(|share| share.min(1.0))
    }

    /// Returns the part of what changed that was new to the repository.
    pub(super) fn new_share(&self) -> Option<f64> {
        ratio(self.counters.bytes_new?, self.counters.bytes_changed?).map(|share| share.min(1.0))
    }

    /// Returns how well what was new compressed.
    pub(super) fn compression(&self) -> Option<f64> {
        let (new, stored) = (self.counters.bytes_new?, self.counters.bytes_stored?);
        // Of little data, what the repository itself needs is most.
        (new >= COMPRESSION_BYTES_MIN)
            .then(|| ratio(new, stored))
            .flatten()
    }

    /// Returns how many files went and how many came under other names.
    pub(super) fn renamed(&self) -> Option<u64> {
        Some(self.counters.files_deleted?.min(self.counters.files_new?))
    }

    /// Returns a count as a part of the files that are new or changed: on a busy day there is more of everything.
    pub(super) fn share_of_touched(&self, count: Option<u64>) -> Option<f64> {
        let touched = self
            .counters
            .files_changed?
            .checked_add(self.counters.files_new?)?;
        ratio(count?, touched.max(1)).map(|share| share.min(1.0))
    }

    /// Says whether nothing had changed; `None` if that was not measured.
    pub(super) fn is_silent(&self) -> Option<bool> {
        let c = self.counters;
        let known = c.files_new.zip(c.files_changed).zip(c.files_deleted);
        let files = known.map(|((new, changed), deleted)| new == 0 && changed == 0 && deleted == 0);
        files.or_else(|| c.bytes_new.map(|new| new == 0))
    }
}

impl<'h> Series<'h> {
    /// Returns the series of a resource: one for each repository that it is backed up to, with those runs that are needed to
    /// judge what came from `from` on.
    pub(super) fn of_resource(
        history: &'h History,
        resource: &'h str,
        zone: &Zone,
        from: i64,
        until: i64,
    ) -> Vec<Self> {
        let seen = history.resource(resource).map(|one| one.runs.as_slice());
        let is_one = |run: &&RunSeen| {
            run.job == Job::Backup
                // Also one that failed afterwards, by what its verification found: what it saw of its source is as true.
                && (run.is_ok() || run.is_partial() || run.durable.is_some())
                && run.recorded_at <= until
                && run.snapshot.is_some()
        };
        let mut by_repository: BTreeMap<&str, Vec<&RunSeen>> = BTreeMap::new();
        for run in seen.unwrap_or_default().iter().filter(is_one) {
            by_repository.entry(&run.repository).or_default().push(run);
        }
        let sample = |run: &'h RunSeen| Sample {
            run,
            counters: &run.counters,
            // 1970-01-01 was a Thursday.
            weekday: (Date::of(zone.moment(run.started)).day_number() + 3).rem_euclid(7),
            state: reviewed(history, run, until),
        };
        let trusted = trusted(history, resource, until);
        let series = |runs: Vec<&'h RunSeen>| {
            let first = runs.partition_point(|run| run.recorded_at < from);
            let warm = first.saturating_sub(WARM_RUNS);
            Self {
                runs: runs.iter().skip(warm).map(|run| sample(run)).collect(),
                past: Past::default(),
                drifts: Drifts::new(
                    runs.iter()
                        .filter(|run| trusted.is_some_and(|(a, b)| (a..=b).contains(&run.started)))
                        .map(|run| sample(run))
                        .collect(),
                ),
                resource,
            }
        };
        by_repository.into_values().map(series).collect()
    }

    /// Goes through the runs and returns alarms of those from `from` on.
    pub(super) fn watch(
        &mut self,
        history: &History,
        weakenings: &[Weakening],
        resource: &str,
        is_on: &dyn Fn(SignalCode) -> bool,
        from: i64,
    ) -> Vec<Alarm> {
        let mut alarms = Vec::new();
        let mut before = i64::MIN;
        for sample in std::mem::take(&mut self.runs) {
            let run = sample.run;
            let mut signals = self.past.detect(&sample);
            let (drifting, drift_since) = self.drifts.add(&sample);
            signals.extend(drifting);
            signals.retain(|one| is_on(one.code));
            let has_signs = !signals.is_empty();
            signals.extend(weaker::signals(
                weakenings, resource, run, before, has_signs,
            ));
            before = run.recorded_at;
            let level = severity_of(&signals, sample.counters.magic_mismatch.is_some());
            let is_kept = match sample.state {
                Reviewed::Clean => true,
                Reviewed::Suspect => false,
                Reviewed::Never => signals.is_empty() || level == super::AlarmSeverity::Notice,
            };
            self.past.add(sample.into_past(), is_kept);
            if signals.is_empty() || run.recorded_at < from {
                continue;
            }
            let capture = run.capture.unwrap_or(run.started);
            let snapshot = run
                .snapshot
                .and_then(|index| history.snapshots().get(index));
            let is_drift = signals.iter().any(|one| one.since != run.entry);
            alarms.push(Alarm {
                resource: self.resource.to_owned(),
                repository: run.repository.clone(),
                run: run.entry,
                at: run.recorded_at,
                capture,
                bad_since: drift_since
                    .filter(|_| is_drift)
                    .map_or(capture, |at| at.min(capture)),
                snapshot: snapshot.and_then(|one| one.id),
                severity: level,
                signals,
                is_reviewed_clean: sample.state == Reviewed::Clean,
            });
        }
        alarms
    }

    /// Returns how many runs tell what is usual; `None` if no run counted anything.
    pub(super) fn baseline_runs(&self) -> Option<usize> {
        self.past.measured_runs()
    }

    /// Returns those detectors whose counters no run of the last 30 days has.
    pub(super) fn not_measured(&self, detectors: &BTreeSet<&str>, now: i64) -> Vec<String> {
        let measured = self
            .past
            .measured_since(now.saturating_sub(MEASURED_WITHIN_SECONDS));
        let missing = detectors.iter().filter(|one| !measured.contains(*one));
        missing.map(|one| (*one).to_owned()).collect()
    }
}

/// Returns what somebody said of the snapshot of a run until a time.
fn reviewed(history: &History, run: &RunSeen, until: i64) -> Reviewed {
    let snapshot = run
        .snapshot
        .and_then(|index| history.snapshots().get(index));
    match snapshot.and_then(|one| one.suspicion(until)) {
        None => Reviewed::Never,
        Some(SuspectState::Reviewed { clean: true }) => Reviewed::Clean,
        Some(_) => Reviewed::Suspect,
    }
}

/// Returns the time whose runs a person chose as the baseline that nothing moves: an attestation `baseline` of the resource
/// that holds, with `from` and `until` in Unix seconds.
fn trusted(history: &History, resource: &str, until: i64) -> Option<(i64, i64)> {
    let mut said = history.attestations().iter().rev();
    let last = said.find(|one| {
        one.fact.what == "baseline"
            && one.head.resource.as_deref() == Some(resource)
            && one.at <= until
    })?;
    let value = |name: &str| last.fact.values.get(name)?.parse::<i64>().ok();
    last.fact.holds.then_some(())?;
    Some((value("from")?, value("until")?))
}

/// Returns a number of things as one to calculate with.
pub(super) fn number(count: Option<u64>) -> Option<f64> {
    count.map(amount)
}

/// Below this, ratios of compression say little.
const COMPRESSION_BYTES_MIN: u64 = 8 << 20;
/// Runs before the first one that is judged: enough for every baseline.
const WARM_RUNS: usize = 200;
const MEASURED_WITHIN_SECONDS: i64 = 30 * 86_400;
