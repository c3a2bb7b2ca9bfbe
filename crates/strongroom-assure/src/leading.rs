//! What goes wrong before it has gone wrong.

use serde::Serialize;
use strongroom_format::record::Job;
use strongroom_policy::{Policy, Resource};
use strongroom_retain::Moment;

use crate::history::{EntryRef, History, RunSeen};
use crate::rpo::{Exposure, Quality, RpoOptions, rpo};
use crate::stats::{amount, ratio};
use crate::window::{CLAIM_RUNS_MIN, window};

/// What gets worse.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
#[serde(rename_all = "kebab-case")]
#[non_exhaustive]
pub enum IndicatorKind {
    /// A greater part of the requests to the store must be made again: a network or a disk that begins to fail.
    Retries,
    /// Runs leave less and less of the time that they have.
    Slack,
    /// The newest point that was verified falls behind the newest point.
    VerificationDebt,
    /// A lock ends before the retention does: what it protects can be deleted from then on.
    LockEnds,
    /// A key or certificate comes to its end.
    KeyEnds,
}

/// Something that gets worse and has not failed yet.
#[derive(Debug, Clone, PartialEq, Serialize)]
#[non_exhaustive]
pub struct Indicator {
    /// What.
    pub kind: IndicatorKind,
    /// The resource or repository.
    pub about: String,
    /// What was measured; the unit is that of the kind: a share, seconds a run, seconds, seconds left, seconds left.
    pub value: f64,
    /// What it was before, if that is compared.
    pub before: Option<f64>,
    /// From where on it is told.
    pub threshold: f64,
    /// How many runs or records it rests on.
    pub n: usize,
    /// The evidence.
    pub evidence: Vec<EntryRef>,
}

/// Returns what gets worse for a resource, judged now.
#[must_use]
pub fn indicators(
    history: &History,
    policy: &Policy,
    resource: &Resource,
    now: Moment,
) -> Vec<Indicator> {
    let found = [
        retries(history, resource, now),
        slack(history, policy, resource, now),
        verification_debt(history, policy, resource, now),
    ];
    found.into_iter().flatten().collect()
}

/// Compares the share of requests made again in the last runs with that of the runs before.
fn retries(history: &History, resource: &Resource, now: Moment) -> Option<Indicator> {
    let runs = &history.resource(&resource.id)?.runs;
    let counted = |run: &&RunSeen| {
        matches!(run.job, Job::Backup | Job::Copy)
            && run.recorded_at <= now.unix_seconds
            && run.counters.requests.is_some_and(|requests| requests > 0)
    };
    let last: Vec<&RunSeen> = runs
        .iter()
        .rev()
        .filter(counted)
        .take(2 * RETRY_RUNS)
        .collect();
    let (recent, before) = last.split_at_checked(RETRY_RUNS)?;
    if before.len() < RETRY_RUNS {
        return None;
    }
    let share = |runs: &[&RunSeen]| {
        let sum = |of: fn(&RunSeen) -> Option<u64>| {
            runs.iter()
                .filter_map(|run| of(run))
                .fold(0_u64, u64::saturating_add)
        };
        ratio(
            sum(|run| run.counters.retries),
            sum(|run| run.counters.requests),
        )
    };
    let (value, was) = (share(recent)?, share(before)?);
    let threshold = RETRIES_MIN.max(RETRIES_TIMES * was);
    (value > threshold).then(|| Indicator {
        kind: IndicatorKind::Retries,
        about: resource.id.clone(),
        value,
        before: Some(was),
        threshold,
        n: recent.len(),
        evidence: recent.iter().map(|run| run.entry).collect(),
    })
}

/// Looks whether runs will not fit the time that they have soon.
fn slack(
    history: &History,
    policy: &Policy,
    resource: &Resource,
    now: Moment,
) -> Option<Indicator> {
    let report = window(history, policy, resource, now);
    let slope = report.slack_slope_seconds?;
    let left = report.forecast.as_ref()?.overruns_in_runs?;
    (slope < 0.0 && left <= SLACK_RUNS).then(|| Indicator {
        kind: IndicatorKind::Slack,
        about: resource.id.clone(),
        value: slope,
        before: None,
        threshold: 0.0,
        n: report.forecast.map_or(0, |one| one.n),
        evidence: last_runs(history, &resource.id, now),
    })
}

fn last_runs(history: &History, resource: &str, now: Moment) -> Vec<EntryRef> {
    let runs = history
        .resource(resource)
        .map(|one| one.runs.as_slice())
        .unwrap_or_default();
    let done = runs
        .iter()
        .rev()
        .filter(|run| run.job == Job::Backup && run.recorded_at <= now.unix_seconds);
    done.take(CLAIM_RUNS_MIN).map(|run| run.entry).collect()
}

/// Compares how far the newest verified point is behind the newest point with the age that the policy allows.
fn verification_debt(
    history: &History,
    policy: &Policy,
    resource: &Resource,
    now: Moment,
) -> Option<Indicator> {
    let ages = policy.resolve(resource).ages();
    let (level, age) = ages.iter().next()?;
    let of = |quality| {
        let options = RpoOptions::default()
            .with_quality(quality)
            .with_level(*level)
            .with_window_seconds(1);
        rpo(history, policy, resource, &options, now)
    };
    let (stored, verified) = (of(Quality::Stored), of(Quality::Verified));
    let Exposure::Seconds(stored_seconds) = stored.now else {
        // Without any point that is another failure.
        return None;
    };
    let debt = verified.now.seconds().map_or(f64::INFINITY, |seconds| {
        amount(seconds.saturating_sub(stored_seconds))
    });
    let threshold = amount(age.mean_seconds()) * DEBT_SHARE;
    (debt > threshold).then(|| Indicator {
        kind: IndicatorKind::VerificationDebt,
        about: resource.id.clone(),
        value: debt,
        before: None,
        threshold,
        n: verified.n,
        evidence: stored.evidence,
    })
}

/// Returns locks, keys and certificates that come to their end within `within_seconds`, of the whole history.
///
/// A lock is that of the last measurement of a repository's capacity; the end of a key or certificate is what the last
/// attestation of it says in `expires`, in Unix seconds.
#[must_use]
pub fn endings(history: &History, within_seconds: u64, now: Moment) -> Vec<Indicator> {
    let until = now
        .unix_seconds
        .saturating_add(i64::try_from(within_seconds).unwrap_or(i64::MAX));
    let mut found = Vec::new();
    let mut add = |kind, about: &str, end: i64, entry| {
        if (now.unix_seconds..=until).contains(&end) {
            found.push(Indicator {
                kind,
                about: about.to_owned(),
                value: crate::stats::signed(end.saturating_sub(now.unix_seconds)),
                before: None,
                threshold: amount(within_seconds),
                n: 1,
                evidence: vec![entry],
            });
        }
    };
    let mut seen = std::collections::BTreeSet::new();
    for one in history
        .capacities()
        .iter()
        .rev()
        .filter(|one| one.at <= now.unix_seconds)
    {
        let is_last = seen.insert((one.fact.repository.as_str(), ""));
        if let Some(end) = one
            .fact
            .locked_until
            .filter(|_| is_last && one.fact.locked > 0)
        {
            add(
                IndicatorKind::LockEnds,
                &one.fact.repository,
                end.seconds,
                one.entry,
            );
        }
    }
    for one in history
        .attestations()
        .iter()
        .rev()
        .filter(|one| one.at <= now.unix_seconds)
    {
        let repository = one.fact.repository.as_deref().unwrap_or_default();
        let is_last = seen.insert((repository, one.fact.what.as_str()));
        let end = one
            .fact
            .values
            .get("expires")
            .and_then(|text| text.parse::<i64>().ok());
        if let Some(end) = end.filter(|_| is_last) {
            add(IndicatorKind::KeyEnds, &one.fact.what, end, one.entry);
        }
    }
    found
}

const RETRY_RUNS: usize = 7;
/// Below one in a hundred, retries are ordinary.
const RETRIES_MIN: f64 = 0.01;
const RETRIES_TIMES: f64 = 3.0;
/// An overrun so many runs ahead is told.
const SLACK_RUNS: u32 = 30;
/// Somebody is told when nine tenths of the age that is allowed have passed.
const DEBT_SHARE: f64 = 0.9;

#[cfg(test)]
mod tests;
