//! What the runs say: failures in a row, the same error again, success with nothing in it.

use strongroom_format::record::Job;
use strongroom_retain::Moment;

use super::{Finding, Severity};
use crate::control::{Case, Scope, Subject};
use crate::history::RunSeen;
use crate::recurrence::errors;
use crate::success::fleet;

pub(super) fn findings(case: &Case<'_>) -> Vec<Finding> {
    let mut all = Vec::new();
    for subject in case.active() {
        let runs = case.runs(&subject.resource.id);
        let runs: Vec<&RunSeen> = runs.filter(|run| run.job == Job::Backup).collect();
        all.extend(acute(case, subject, &runs));
        all.extend(empty(subject, &runs));
    }
    all.extend(recurring(case));
    for finding in &mut all {
        finding.exempt(case, Some("schedule"));
    }
    all.extend(outage(case));
    all
}

/// Says that the last runs failed or never began, as many in a row as the policy calls acute.
fn acute(case: &Case<'_>, subject: &Subject, runs: &[&RunSeen]) -> Option<Finding> {
    let measured = case
        .success(&subject.resource.id)
        .filter(|one| one.is_acute)?;
    let bad: Vec<&&RunSeen> = runs.iter().rev().take_while(|run| !run.is_ok()).collect();
    let why = bad.first().and_then(|run| run.errors.first());
    let why = why.map(|one| format!("; {} ({}) in {}", one.code, one.class, one.phase));
    let what = format!(
        "the last {} runs of {} that were due did not succeed; {} are acute{}",
        measured.failures_in_a_row,
        subject.resource.id,
        measured.acute_after,
        why.unwrap_or_default()
    );
    let severity = Severity::Serious.of(subject.resource.criticality);
    Some(
        Finding::new("acute", subject.scope(), severity, what)
            .for_business(format!("{} is not being backed up.", subject.resource.id))
            .next("Look at the error of the last run, remove its cause, and run a backup now.")
            .because(bad.iter().map(|run| run.entry))
            .since(measured.last_ok_due.map(Moment::utc)),
    )
}

/// Says that so many runs of all resources fail that it is an outage, and not of one resource.
fn outage(case: &Case<'_>) -> Option<Finding> {
    let fleet = fleet(case.history(), case.policy(), case.now());
    let burn = fleet.burn.iter().find(|one| one.is_alarm)?;
    let what = format!(
        "failures of {} days use up the allowance {:.1} times as fast as it is given ({} runs due; {} times is an alarm)",
        burn.days,
        burn.rate.unwrap_or_default(),
        burn.n,
        burn.limit
    );
    Some(
        Finding::new("outage", Scope::Fleet, Severity::Serious, what)
            .for_business("Backups fail in many places at once.")
            .next("Look for what all of them share: a network, a store, a credential, a release."),
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

/// Says which errors came again and again.
fn recurring(case: &Case<'_>) -> Vec<Finding> {
    let from = case.now().unix_seconds - RECENT_SECONDS;
    let report = errors(case.history(), from, case.now());
    let finding = |one: crate::recurrence::Recurrence| {
        let what = format!(
            "{} ({}) in {} came back in {} runs on {} days, and in {} runs of others",
            one.code, one.class, one.phase, one.runs, one.days, one.elsewhere
        );
        let scope = match one.resource.is_empty() {
            true => Scope::Fleet,
            false => Scope::Resource(one.resource.clone()),
        };
        Finding::new("recurring", scope, Severity::Warning, what)
            .about(&format!("{}@{}", one.code, one.phase))
            .for_business("The same thing goes wrong again and again.")
            .next("Find the cause once, instead of trying again each time.")
            .because(one.evidence)
            .since(Moment::utc(one.first))
    };
    report.recurring.into_iter().map(finding).collect()
}

const RECENT_SECONDS: i64 = 30 * 86_400;
