//! Whether runs fit their windows, now and soon.

use serde::Serialize;
use strongroom_format::record::Job;
use strongroom_policy::{Policy, Resource};
use strongroom_retain::Moment;

use crate::expected::{Expected, Fate, expectations, schedule_of};
use crate::history::{EntryRef, History, RunSeen};
use crate::stats::{Robust, amount, count, quantile, ratio, signed, theil_sen, whole_signed};

/// How the runs of a resource fit the time that they have.
#[derive(Debug, Clone, PartialEq, Serialize)]
#[non_exhaustive]
pub struct WindowReport {
    /// The resource.
    pub resource: String,
    /// How many runs of the last 30 days were due and are decided.
    pub n: usize,
    /// Those that began too late.
    pub started_late: Vec<EntryRef>,
    /// Those that ended too late.
    pub overran: Vec<EntryRef>,
    /// How many were due and never made.
    pub skipped: usize,
    /// Those that had not ended when the next was due.
    pub overlapped: Vec<EntryRef>,
    /// The time that was left when a run ended, in seconds: what half of the last runs had at least. Negative: it overran.
    /// `None` when no run ended.
    pub slack_p50_seconds: Option<i64>,
    /// What all but a twentieth of the last runs had at least.
    pub slack_p05_seconds: Option<i64>,
    /// By how many seconds that changes from run to run: the Theil–Sen slope. `None` for fewer than [`CLAIM_RUNS_MIN`] runs.
    pub slack_slope_seconds: Option<f64>,
    /// What the next run will be like; `None` for fewer than [`CLAIM_RUNS_MIN`] runs, or none due.
    pub forecast: Option<WindowForecast>,
}

/// What the next run will be like, judged by the last ones.
#[derive(Debug, Clone, PartialEq, Serialize)]
#[non_exhaustive]
pub struct WindowForecast {
    /// How many runs it rests on.
    pub n: usize,
    /// When that run is due: Unix seconds.
    pub due: i64,
    /// When it must be complete.
    pub complete_by: i64,
    /// When it will be: half of such runs are by then.
    pub end_p50: i64,
    /// Nearly all are.
    pub end_p95: i64,
    /// By which share a run takes longer than the one before.
    pub growth: f64,
    /// Which share of such runs would end too late.
    pub overrun_share: f64,
    /// Whether that is more than a twentieth.
    pub is_at_risk: bool,
    /// In how many runs the median will end too late, if they go on to take longer; `None`: not within [`RUNS_AHEAD`].
    pub overruns_in_runs: Option<u32>,
}

/// How long a job of a resource takes.
#[derive(Debug, Clone, PartialEq, Serialize)]
#[non_exhaustive]
pub struct DurationBaseline {
    /// The resource.
    pub resource: String,
    /// The job.
    pub job: String,
    /// How many runs.
    pub n: usize,
    /// What half of them took at most, in seconds.
    pub median_seconds: f64,
    /// The median of the distances from that.
    pub mad_seconds: f64,
    /// What the last one took.
    pub last_seconds: u64,
    /// How far that is from the others, as a modified z; `None` for fewer than [`CLAIM_RUNS_MIN`] runs.
    pub z: Option<f64>,
    /// Whether the last one was slow: far from the others, half as long again, and by ten minutes.
    pub is_slow: bool,
    /// The last run.
    pub evidence: EntryRef,
}

/// Says how the runs of a resource fit the time that they have, until now.
#[must_use]
pub fn window(
    history: &History,
    policy: &Policy,
    resource: &Resource,
    now: Moment,
) -> WindowReport {
    let until = now.unix_seconds;
    let due = expectations(
        history,
        policy,
        resource,
        until.saturating_sub(LOOK_BACK_SECONDS),
        now,
    );
    let first = due
        .runs
        .partition_point(|one| one.due < until.saturating_sub(RECENT_SECONDS));
    let recent = || due.runs.iter().skip(first).filter(|one| one.is_decided());
    let slack: Vec<f64> = due
        .runs
        .iter()
        .filter_map(|one| Some(signed(one.complete_by.saturating_sub(one.ended?))))
        .collect();
    let last = slack
        .get(slack.len().saturating_sub(RUNS_MAX)..)
        .unwrap_or_default();
    let claims = last.len() >= CLAIM_RUNS_MIN;
    let numbered: Vec<(f64, f64)> = last
        .iter()
        .enumerate()
        .map(|(i, slack)| (count(i), *slack))
        .collect();
    WindowReport {
        resource: resource.id.clone(),
        n: recent().count(),
        started_late: entries(recent().filter(|one| one.has_started_late())),
        overran: entries(recent().filter(|one| one.has_overrun() || one.fate == Fate::Expired)),
        skipped: recent().filter(|one| one.fate == Fate::Missed).count(),
        overlapped: overlapped(due.runs.get(first..).unwrap_or_default()),
        slack_p50_seconds: quantile(last, 0.5).map(whole_signed),
        slack_p05_seconds: quantile(last, 0.05).map(whole_signed),
        slack_slope_seconds: claims.then(|| theil_sen(&numbered)).flatten(),
        forecast: forecast(policy, resource, &due.runs, now),
    }
}

fn entries<'e>(runs: impl Iterator<Item = &'e Expected>) -> Vec<EntryRef> {
    runs.filter_map(|one| one.attempts.first().copied())
        .collect()
}

/// Returns runs that had not ended when the next was due.
fn overlapped(runs: &[Expected]) -> Vec<EntryRef> {
    let pairs = runs.windows(2);
    let overlap = pairs.filter_map(|pair| match pair {
        [one, next] => one.ended.filter(|ended| *ended > next.due).map(|_| one),
        _ => None,
    });
    entries(overlap)
}

/// Forecasts the next run by how late the last ones began and how long they took.
fn forecast(
    policy: &Policy,
    resource: &Resource,
    runs: &[Expected],
    now: Moment,
) -> Option<WindowForecast> {
    let ended = runs
        .iter()
        .rev()
        .filter(|one| matches!(one.fate, Fate::Ok | Fate::Partial));
    let mut last: Vec<(f64, f64)> = ended
        .filter_map(|one| {
            let (started, ended) = (one.started?, one.ended?);
            let took = signed(ended.saturating_sub(started)).max(0.0);
            Some((signed(started.saturating_sub(one.due)).max(0.0), took))
        })
        .take(RUNS_MAX)
        .collect();
    last.reverse();
    if last.len() < CLAIM_RUNS_MIN {
        return None;
    }
    let next = schedule_of(policy, resource)?.next_run(now)?;
    let (due, complete_by) = (next.due.unix_seconds, next.complete_by.unix_seconds);
    let took: Vec<f64> = last.iter().map(|(_, took)| *took).collect();
    let numbered: Vec<(f64, f64)> = took
        .iter()
        .enumerate()
        .map(|(i, took)| (count(i), *took))
        .collect();
    let (median, slope) = (quantile(&took, 0.5)?, theil_sen(&numbered)?);
    let growth = if median > 0.0 { slope / median } else { 0.0 };
    // Each run as if it were the next one: longer by what has been added since.
    let ends: Vec<f64> = last
        .iter()
        .enumerate()
        .map(|(i, (delay, took))| delay + (took + slope * count(last.len() - i)).max(0.0))
        .collect();
    let allowed = signed(complete_by.saturating_sub(due));
    let too_late = ends.iter().filter(|end| **end > allowed).count();
    let overrun_share = count(too_late) / count(ends.len());
    let end = |q| quantile(&ends, q).map(|end| due.saturating_add(whole_signed(end)));
    let middle = quantile(&ends, 0.5)?;
    Some(WindowForecast {
        n: last.len(),
        due,
        complete_by,
        end_p50: end(0.5)?,
        end_p95: end(0.95)?,
        growth,
        overrun_share,
        is_at_risk: overrun_share > AT_RISK_SHARE,
        overruns_in_runs: runs_until(allowed - middle, slope),
    })
}

/// Returns after how many runs what is left is used up, if each takes `slope` seconds longer.
fn runs_until(left: f64, slope: f64) -> Option<u32> {
    let runs = match () {
        () if left < 0.0 => 0.0,
        () if slope <= 0.0 => return None,
        () => (left / slope).ceil(),
    };
    (runs <= f64::from(RUNS_AHEAD))
        .then(|| u32::try_from(whole_signed(runs)).ok())
        .flatten()
}

/// Says how long the jobs of a resource take, by their last runs that ended well until now; a job that never did is left out.
#[must_use]
pub fn durations(history: &History, resource: &str, now: Moment) -> Vec<DurationBaseline> {
    let runs = history
        .resource(resource)
        .map(|one| one.runs.as_slice())
        .unwrap_or_default();
    let jobs = [Job::Backup, Job::Copy, Job::Check, Job::Restore, Job::Prune];
    let of = |job: &Job| {
        let ended = |run: &&RunSeen| {
            run.job == *job && run.is_recorded && run.is_ok() && run.recorded_at <= now.unix_seconds
        };
        let mut ended = runs.iter().rev().filter(ended).take(RUNS_MAX);
        let last = ended.next()?;
        let others: Vec<f64> = ended.map(|run| amount(run.duration_seconds())).collect();
        let took = amount(last.duration_seconds());
        let usual = Robust::of(&others);
        let z = usual
            .filter(|usual| usual.n >= CLAIM_RUNS_MIN)
            .map(|usual| usual.z(took, LEAST_MAD_SECONDS));
        let usual = usual.or_else(|| Robust::of(&[took]))?;
        let is_longer = took >= 1.5 * usual.median && took - usual.median >= SLOW_BY_SECONDS;
        Some(DurationBaseline {
            resource: resource.to_owned(),
            job: job.to_string(),
            n: others.len() + 1,
            median_seconds: usual.median,
            mad_seconds: usual.mad,
            last_seconds: last.duration_seconds(),
            z,
            is_slow: z.is_some_and(|z| z > Z_MAX) && is_longer,
            evidence: last.entry,
        })
    };
    jobs.iter().filter_map(of).collect()
}

impl WindowReport {
    /// Returns the share of the runs of the last 30 days that began and ended in time; `None` when none was due.
    #[must_use]
    pub fn share_in_time(&self) -> Option<f64> {
        let mut late: Vec<EntryRef> = self
            .started_late
            .iter()
            .chain(&self.overran)
            .copied()
            .collect();
        late.sort_unstable();
        late.dedup();
        let bad = (late.len() + self.skipped).min(self.n);
        let [good, all] = [self.n - bad, self.n].map(|n| u64::try_from(n).unwrap_or(u64::MAX));
        ratio(good, all)
    }
}

/// Of fewer runs nothing is claimed.
pub const CLAIM_RUNS_MIN: usize = 14;
/// How far ahead an overrun is looked for.
pub const RUNS_AHEAD: u32 = 400;
/// Runs that are looked at.
const RUNS_MAX: usize = 60;
const LOOK_BACK_SECONDS: i64 = 90 * 86_400;
const RECENT_SECONDS: i64 = 30 * 86_400;
const AT_RISK_SHARE: f64 = 0.05;
const Z_MAX: f64 = 3.5;
const LEAST_MAD_SECONDS: f64 = 30.0;
const SLOW_BY_SECONDS: f64 = 600.0;

#[cfg(test)]
mod tests;
