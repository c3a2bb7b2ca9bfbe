//! What the runs say: failures in a row, the same error again, success with nothing in it.

use std::collections::BTreeMap;

use strongroom_format::record::{Job, RunOutcome};
use strongroom_policy::Key;
use strongroom_retain::Moment;

use super::{Finding, Severity};
use crate::control::{Case, Subject};
use crate::history::{EntryRef, RunSeen};

pub(super) fn findings(case: &Case<'_>) -> Vec<Finding> {
    let mut all = Vec::new();
    for subject in case.active() {
        let runs: Vec<&RunSeen> = case
            .runs(&subject.resource.id)
            .filter(|run| run.job == Job::Backup)
            .collect();
        all.extend(acute(subject, &runs));
        all.extend(empty(subject, &runs));
        all.extend(recurring(case, subject, &runs));
    }
    for finding in &mut all {
        finding.exempt(case, Some("schedule"));
    }
    all
}

/// Says that the last runs failed, as many in a row as the policy calls acute.
fn acute(subject: &Subject, runs: &[&RunSeen]) -> Option<Finding> {
    let limit = subject.resolved.count(Key::AcuteAfter).unwrap_or(2).max(1);
    let partial_counts = subject.resolved.flag(Key::PartialCounts);
    let is_bad = |run: &&&RunSeen| {
        !run.is_ok()
            && !(partial_counts && run.is_partial())
            && run.outcome != RunOutcome::Cancelled
    };
    // Attempts of one run that was due are one.
    let mut last: Vec<&&RunSeen> = Vec::new();
    for run in runs.iter().rev().take_while(is_bad) {
        let is_retry = last
            .last()
            .is_some_and(|one| run.due.is_some() && one.due == run.due);
        if !is_retry {
            last.push(run);
        }
    }
    let count = u64::try_from(last.len()).unwrap_or(u64::MAX);
    let first = last.last().filter(|_| count >= limit)?;
    let why = last.first().and_then(|run| run.errors.first());
    let why = why.map(|one| format!("; {} ({}) in {}", one.code, one.class, one.phase));
    let what = format!(
        "the last {count} runs of {} did not succeed; {limit} are acute{}",
        subject.resource.id,
        why.unwrap_or_default()
    );
    let severity = Severity::Serious.of(subject.resource.criticality);
    Some(
        Finding::new("acute", subject.scope(), severity, what)
            .for_business(format!("{} is not being backed up.", subject.resource.id))
            .next("Look at the error of the last run, remove its cause, and run a backup now.")
            .because(last.iter().map(|run| run.entry))
            .since(Moment::utc(first.started)),
    )
}

/// Says that a run succeeded with nothing in it, though there was something before.
fn empty(subject: &Subject, runs: &[&RunSeen]) -> Option<Finding> {
    let mut good = runs.iter().rev().filter(|run| run.is_ok());
    let last = good.next()?;
    let is_empty =
        |run: &RunSeen| run.counters.files == Some(0) || run.counters.bytes_read == Some(0);
    let had = good.find(|run| !is_empty(run) && run.counters.files.is_some());
    if last.counters.files != Some(0) || had.is_none() {
        return None;
    }
    let what = format!(
        "the last run of {} succeeded and saved no file, and there were some before",
        subject.resource.id
    );
    Some(
        Finding::new(
            "empty",
            subject.scope(),
            Severity::Serious.of(subject.resource.criticality),
            what,
        )
        .for_business(format!(
            "The backup of {} says that all is well, and there is nothing in it.",
            subject.resource.id
        ))
        .next("Look whether the source was mounted, and whether the selection still fits.")
        .because([last.entry])
        .since(Moment::utc(last.started)),
    )
}

/// Says which error came again and again.
fn recurring(case: &Case<'_>, subject: &Subject, runs: &[&RunSeen]) -> Vec<Finding> {
    let from = case.now().unix_seconds - RECENT_SECONDS;
    let mut seen: BTreeMap<(&str, &str), Vec<(i64, EntryRef)>> = BTreeMap::new();
    for run in runs.iter().filter(|run| run.started >= from) {
        for error in &run.errors {
            let place = seen.entry((&error.code, &error.phase)).or_default();
            place.push((run.started, run.entry));
        }
    }
    let often = seen.into_iter().filter(|(_, runs)| runs.len() >= RECURS);
    let finding = |((code, phase), runs): ((&str, &str), Vec<(i64, EntryRef)>)| {
        let what = format!(
            "{} in {} happened in {} runs of {} days",
            code,
            phase,
            runs.len(),
            RECENT_SECONDS / 86_400
        );
        let since = runs.iter().map(|(at, _)| *at).min();
        Finding::new("recurring", subject.scope(), Severity::Warning, what)
            .about(&format!("{code}@{phase}"))
            .for_business(format!(
                "The same thing goes wrong with {} again and again.",
                subject.resource.id
            ))
            .next("Find the cause once, instead of trying again each time.")
            .because(runs.iter().map(|(_, entry)| *entry))
            .since(since.map(Moment::utc))
    };
    often.map(finding).collect()
}

/// So many runs with one error are a pattern.
const RECURS: usize = 3;
const RECENT_SECONDS: i64 = 30 * 86_400;
