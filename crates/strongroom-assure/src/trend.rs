//! Whether backups get faster, recoveries quicker and storage smaller, and what changed when they did.

use serde::Serialize;
use strongroom_format::record::{DrillVerdict, Job};
use strongroom_retain::Moment;

use crate::history::{EntryRef, History};
use crate::stats::{amount, count, median, theil_sen};

/// What a trend is of.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
#[serde(rename_all = "kebab-case")]
#[non_exhaustive]
pub enum TrendOf {
    /// How long backups take, in seconds.
    BackupSeconds,
    /// How long restores take in drills, in seconds.
    RestoreSeconds,
    /// By how many bytes a backup makes its repository grow.
    StoredBytes,
}

/// How something developed over a time.
#[derive(Debug, Clone, PartialEq, Serialize)]
#[non_exhaustive]
pub struct Trend {
    /// What.
    pub of: TrendOf,
    /// The resource.
    pub resource: String,
    /// How many values.
    pub n: usize,
    /// The median of the first third of them.
    pub was: f64,
    /// The median of the last third.
    pub is: f64,
    /// The Theil–Sen slope: by how much it changes from one to the next.
    pub slope: f64,
    /// Policies that came into force meanwhile, each with the median before and after it: what may have caused it.
    pub around_policies: Vec<AroundPolicy>,
}

/// The values before and after a policy came into force.
#[derive(Debug, Clone, PartialEq, Serialize)]
#[non_exhaustive]
pub struct AroundPolicy {
    /// The entry that set it.
    pub entry: EntryRef,
    /// When it came into force: Unix seconds.
    pub at: i64,
    /// The median of up to ten values before.
    pub before: Option<f64>,
    /// The median of up to ten values after.
    pub after: Option<f64>,
}

impl Trend {
    /// Returns the change as a share of what it was: −0.2 is a fifth less.
    #[must_use]
    pub fn change(&self) -> Option<f64> {
        (self.was > 0.0).then(|| self.is / self.was - 1.0)
    }
}

/// Returns how what is measured of a resource developed from `from` until `now`. What has fewer than [`TREND_VALUES_MIN`]
/// values is left out.
#[must_use]
pub fn trends(history: &History, resource: &str, from: i64, now: Moment) -> Vec<Trend> {
    let span = from..=now.unix_seconds;
    let runs = history
        .resource(resource)
        .map(|one| one.runs.as_slice())
        .unwrap_or_default();
    let backups = || {
        let is_one = |run: &&crate::history::RunSeen| {
            run.job == Job::Backup
                && run.is_ok()
                && run.is_recorded
                && span.contains(&run.recorded_at)
        };
        runs.iter().filter(is_one)
    };
    let drills = history.drills_of(resource);
    let restores =
        drills.filter(|one| one.fact.verdict == DrillVerdict::Proven && span.contains(&one.at));
    let of = [
        (
            TrendOf::BackupSeconds,
            backups()
                .map(|run| (run.started, amount(run.duration_seconds())))
                .collect(),
        ),
        (
            TrendOf::RestoreSeconds,
            restores
                .filter_map(|one| Some((one.at, amount(one.fact.rto_ms?) / 1000.0)))
                .collect(),
        ),
        (
            TrendOf::StoredBytes,
            backups()
                .filter_map(|run| Some((run.started, amount(run.counters.bytes_stored?))))
                .collect(),
        ),
    ];
    let trend = |(of, values): (TrendOf, Vec<(i64, f64)>)| trend(history, resource, of, &values);
    of.into_iter().filter_map(trend).collect()
}

fn trend(history: &History, resource: &str, of: TrendOf, values: &[(i64, f64)]) -> Option<Trend> {
    if values.len() < TREND_VALUES_MIN {
        return None;
    }
    let third = values.len().div_ceil(3);
    let only: Vec<f64> = values.iter().map(|(_, value)| *value).collect();
    let numbered: Vec<(f64, f64)> = only
        .iter()
        .enumerate()
        .map(|(i, value)| (count(i), *value))
        .collect();
    let (first, last) = (values.first()?.0, values.last()?.0);
    let meanwhile = history
        .policies()
        .iter()
        .filter(|one| first < one.from && one.from <= last);
    let around = |at: i64| {
        let place = values.partition_point(|(when, _)| *when < at);
        let before = only.get(place.saturating_sub(AROUND)..place);
        let after = only.get(place..values.len().min(place + AROUND));
        (before.and_then(median), after.and_then(median))
    };
    Some(Trend {
        of,
        resource: resource.to_owned(),
        n: values.len(),
        was: median(only.get(..third)?)?,
        is: median(only.get(only.len() - third..)?)?,
        slope: theil_sen(&numbered)?,
        around_policies: meanwhile
            .map(|one| {
                let (before, after) = around(one.from);
                AroundPolicy {
                    entry: one.entry,
                    at: one.from,
                    before,
                    after,
                }
            })
            .collect(),
    })
}

/// Of fewer values no trend is told.
pub const TREND_VALUES_MIN: usize = 6;
const AROUND: usize = 10;

#[cfg(test)]
mod tests;
