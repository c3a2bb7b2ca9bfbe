//! From verdicts, work and records to findings.

use std::collections::BTreeMap;

use super::{Finding, Severity, clock, journal, leading, runs, signal};
use crate::action::{self, Action};
use crate::control::{Case, ControlResult, Judgement, Scope, Verdict};
use crate::incident::Incident;
use crate::obligation::{Obligation, ObligationState};

/// Derives all findings, the worst first; each key is there once.
pub(crate) fn findings(
    case: &Case<'_>,
    controls: &[ControlResult],
    obligations: &[Obligation],
    incidents: &[Incident],
) -> Vec<Finding> {
    let mut all = Vec::new();
    for result in controls {
        for judgement in &result.judgements {
            all.extend(of_control(case, result, judgement));
        }
    }
    all.extend(
        obligations
            .iter()
            .filter_map(|one| of_obligation(case, one)),
    );
    all.extend(incidents.iter().flat_map(of_incident));
    all.extend(of_actions(case));
    all.extend(of_escalations(case));
    all.extend(clock::findings(case));
    all.extend(journal::findings(case));
    all.extend(runs::findings(case));
    all.extend(leading::findings(case));
    all.extend(signal::findings(case));
    deduplicated(all)
}

fn of_control(case: &Case<'_>, result: &ControlResult, judgement: &Judgement) -> Option<Finding> {
    let spec = &result.spec;
    let subject = judgement.scope.resource().and_then(|id| case.subject(id));
    let own = match judgement.verdict {
        Verdict::Fail => spec.severity,
        // Nobody knows: somebody must look, and nobody is woken.
        Verdict::Unknown => spec.severity.lowered(),
        Verdict::Pass | Verdict::NotApplicable => return None,
    };
    let severity = match (subject, judgement.verdict) {
        (Some(subject), Verdict::Fail) => {
            let severity = own.of(subject.resource.criticality);
            if judgement.can_wait {
                severity.min(own)
            } else {
                severity
            }
        }
        _ => own,
    };
    let business = match judgement.verdict {
        Verdict::Unknown => format!("Nobody can show that this does not hold: {}", spec.business),
        _ => spec.business.to_owned(),
    };
    let what = format!(
        "{}: {}: {}",
        judgement.scope, judgement.verdict, judgement.reason
    );
    let mut finding = Finding::new(spec.id, judgement.scope.clone(), severity, what)
        .for_business(format!("{} ({})", business, judgement.scope))
        .next(spec.next_step)
        .because(judgement.because.iter().copied())
        .since(judgement.since);
    finding.exempt(case, spec.section);
    Some(finding)
}

fn of_obligation(case: &Case<'_>, one: &Obligation) -> Option<Finding> {
    let severity = match one.state {
        ObligationState::Overdue => Severity::Warning,
        ObligationState::Due => Severity::Note,
        ObligationState::Met | ObligationState::Waiting => return None,
    };
    let rule = match one.state {
        ObligationState::Overdue => "obligation-overdue",
        _ => "obligation-due",
    };
    let due = one.due.map_or("at once".to_owned(), |day| day.to_string());
    let done = one.last.map_or("never".to_owned(), |day| day.to_string());
    let refused = one
        .refused
        .last()
        .map(|one| format!("; entry {}: {}", one.entry, one.why));
    let what = format!(
        "{} ({}, {}) was due {due}, and was done {done}{}",
        one.key,
        one.kind,
        one.owner,
        refused.unwrap_or_default()
    );
    let attach = one.evidence.as_deref().unwrap_or("what came of it");
    let since = one.due.map(|day| day.start(&case.policy().timezone));
    Some(
        Finding::new(rule, Scope::Fleet, severity, what)
            .about(&one.key)
            .for_business(format!(
                "Work that {} must do is late: {}.",
                one.owner, one.kind
            ))
            .next(format!("Do it, attach {attach}, and record who did it."))
            .because(one.because.last().copied())
            .since(since),
    )
}

fn of_incident(one: &Incident) -> Vec<Finding> {
    let refused = one.refused.iter().map(|why| {
        Finding::new(
            "incident-step",
            Scope::Fleet,
            Severity::Warning,
            format!("incident {}: {why}", one.key),
        )
        .about(&one.key)
        .for_business("A step of an incident was recorded that does not count.")
        .next("Take the steps in their order, with who took them: resolve, review, close.")
        .because(one.because.iter().copied())
        .since(one.opened)
    });
    refused.collect()
}

fn of_actions(case: &Case<'_>) -> Vec<Finding> {
    let overdue = action::recorded(case)
        .into_iter()
        .filter(|one: &Action| one.is_overdue);
    let finding = |one: Action| {
        let due = one.due.map_or(String::new(), |due| format!(", due {due}"));
        let owner = one.owner.as_deref().unwrap_or("nobody");
        Finding::new(
            "action-overdue",
            Scope::Fleet,
            Severity::Serious,
            format!(
                "action {} of {owner} for {} is late{due}",
                one.key, one.finding
            ),
        )
        .about(&one.key)
        .for_business("Something that is known to be wrong was not put right by the day set.")
        .next("Do it, or give it to somebody who can, and record that.")
        .because(one.because.iter().copied())
        .since(one.due)
    };
    overdue.map(finding).collect()
}

fn of_escalations(case: &Case<'_>) -> Vec<Finding> {
    let late = super::escalated(case).into_iter().filter(|one| one.is_late);
    let finding = |one: super::Escalated| {
        let what = match &one.waiting {
            super::Waiting::Step { step, notify } => {
                format!(
                    "step {step} was not taken: {} were not told",
                    notify.join(", ")
                )
            }
            super::Waiting::Repeat => "it did not begin anew".to_owned(),
            super::Waiting::Anybody => "everybody was told, and nobody answers".to_owned(),
        };
        let scope = one.resource.clone().map_or(Scope::Fleet, Scope::Resource);
        Finding::new(
            "escalation-overdue",
            scope,
            Severity::Serious,
            format!(
                "nobody has acknowledged {} since {}; {what}",
                one.about, one.since
            ),
        )
        .about(&one.about)
        .for_business("An alarm was raised, and nobody has answered it.")
        .next("Acknowledge it, or tell those who are next.")
        .because(one.because.iter().copied())
        .since(one.due)
    };
    late.map(finding).collect()
}

/// Leaves one finding of each key, the worst, with the entries of all.
fn deduplicated(all: Vec<Finding>) -> Vec<Finding> {
    let mut by_key: BTreeMap<String, Finding> = BTreeMap::new();
    for finding in all {
        match by_key.get_mut(&finding.key) {
            Some(known) => {
                known.severity = known.severity.max(finding.severity);
                known.first_seen = known.first_seen.into_iter().chain(finding.first_seen).min();
                let more = finding.because;
                *known = known.clone().because(more);
            }
            None => {
                by_key.insert(finding.key.clone(), finding);
            }
        }
    }
    let mut all: Vec<Finding> = by_key.into_values().collect();
    all.sort_by(|a, b| (b.severity, &a.key).cmp(&(a.severity, &b.key)));
    all
}
