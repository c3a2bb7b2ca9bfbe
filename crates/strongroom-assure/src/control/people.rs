//! C-18, C-21 and C-30: incidents end with a review, actions with their effect, and people train.

use std::collections::BTreeSet;

use strongroom_policy::Period;
use strongroom_retain::Moment;

use super::access::reviewed;
use super::case::{Case, after};
use super::catalogue::Standard;
use super::parameter::{Parameter, ParameterKind, Parameters};
use super::several::Several;
use super::verdict::{Judgement, Scope};
use super::{ControlSpec, Head, Texts};
use crate::action::{ActionState, recorded};
use crate::finding::Severity;
use crate::incident::{Incident, IncidentState, incidents};
use crate::obligation::obligations;

pub(super) const C_18: Standard = Standard {
    spec: ControlSpec::new(
        "C-18",
        "Incidents are answered in time and end with a review",
    )
    .with_weight(Head::Reliable, Severity::Warning)
    .with_texts(Texts {
        business: "The same thing will happen again, because nobody learnt from it.",
        next_step: "Resolve what is open, hold the review, attach what was learnt, and close it.",
        does_not_prove: "That everything that was an incident was recorded as one.",
    })
    .with_parameters(&[
        Parameter::new(
            "acknowledge",
            ParameterKind::Period,
            "how soon somebody must answer",
        ),
        Parameter::new(
            "resolve",
            ParameterKind::Period,
            "how soon it must be resolved",
        ),
    ]),
    judge: incident_process,
};

pub(super) const C_21: Standard = Standard {
    spec: ControlSpec::new("C-21", "Corrective actions are done in time and helped")
        .with_weight(Head::Efficient, Severity::Warning)
        .with_texts(Texts {
            business: "What is known to be wrong stays wrong.",
            next_step: "Do what is overdue, or give it to somebody who can; look whether what was done helped.",
            does_not_prove: "That every finding has an action.",
        }),
    judge: corrective_actions,
};

pub(super) const C_30: Standard = Standard {
    spec: ControlSpec::new("C-30", "People are trained, and rehearse together")
        .with_weight(Head::Reliable, Severity::Warning)
        .with_texts(Texts {
            business: "On the day of a disaster those who must act do it for the first time.",
            next_step: "Hold the training or the game day, attach the list of those who took part, and record it.",
            does_not_prove: "That those who took part can do it alone.",
        })
        .with_parameters(&[
            Parameter::new("every", ParameterKind::Period, "how often"),
            Parameter::new("kinds", ParameterKind::Words, "which kinds of obligations"),
        ]),
    judge: trained,
};

fn incident_process(case: &Case<'_>, given: &Parameters) -> Vec<Judgement> {
    let all = incidents(case);
    if all.is_empty() {
        return vec![Judgement::not_applicable(
            Scope::Fleet,
            "no incident was recorded",
        )];
    }
    let answer = given.period("acknowledge").unwrap_or(ANSWERED);
    let resolve = given.period("resolve").unwrap_or(RESOLVED);
    let mut judged = Several::of(Scope::Fleet);
    for one in &all {
        if let Some((why, since)) = late(case, one, answer, resolve) {
            let why = format!("incident {}: {why}", one.key);
            judged.add(
                Judgement::fail(Scope::Fleet, why)
                    .because(one.because.iter().copied())
                    .since(since),
            );
        }
    }
    let closed = all
        .iter()
        .filter(|one| one.state == IncidentState::Closed)
        .count();
    let waived = all.iter().filter(|one| one.is_waived).count();
    let why = format!(
        "of {} incidents {closed} are closed, {waived} of them without a review on somebody's responsibility; none is late",
        all.len()
    );
    let entries = all.iter().filter_map(|one| one.because.last().copied());
    judged.add(Judgement::pass(Scope::Fleet, why).because(entries));
    vec![judged.finish()]
}

/// Says why an incident is late, and since when.
fn late(
    case: &Case<'_>,
    one: &Incident,
    answer: Period,
    resolve: Period,
) -> Option<(String, Moment)> {
    let now = case.now();
    let opened = one.opened.unix_seconds;
    // What was late a year ago is no longer a finding.
    let is_recent = case.is_fresh(one.closed.unwrap_or(now).unix_seconds, RECENT);
    let by = |limit: Period, at: Option<Moment>, what: &str| {
        let due = after(opened, limit);
        let is_late = at.unwrap_or(now) > due && (at.is_none() || is_recent);
        is_late.then(|| (format!("{what} not within {limit}"), due))
    };
    by(answer, one.acknowledged, "answered")
        .or_else(|| by(resolve, one.resolved, "resolved"))
        .or_else(|| {
            let resolved = one.resolved?;
            let due = REVIEWED.after(resolved);
            let is_late = one.reviewed.is_none() && !one.is_waived && due < now;
            is_late.then(|| {
                (
                    format!("not reviewed within {REVIEWED} after it was resolved"),
                    due,
                )
            })
        })
}

fn corrective_actions(case: &Case<'_>, _: &Parameters) -> Vec<Judgement> {
    let all = recorded(case);
    if all.is_empty() {
        return vec![Judgement::not_applicable(
            Scope::Fleet,
            "no action was opened",
        )];
    }
    let overdue: Vec<_> = all.iter().filter(|one| one.is_overdue).collect();
    if !overdue.is_empty() {
        let names: Vec<&str> = overdue
            .iter()
            .map(|one| one.key.as_str())
            .take(SHOWN)
            .collect();
        let why = format!(
            "{} actions are overdue: {}",
            overdue.len(),
            names.join(", ")
        );
        let since = overdue.iter().filter_map(|one| one.due).min();
        return vec![
            Judgement::fail(Scope::Fleet, why)
                .because(overdue.iter().flat_map(|one| one.because.iter().copied()))
                .since(since),
        ];
    }
    let unproven: Vec<_> = all
        .iter()
        .filter(|one| one.state == ActionState::Done)
        .filter(|one| {
            one.done
                .is_some_and(|done| !case.is_fresh(done.unix_seconds, JUDGED))
        })
        .collect();
    let entries: Vec<_> = all
        .iter()
        .filter_map(|one| one.because.last().copied())
        .collect();
    let judgement = match unproven.len() {
        0 => {
            let why = format!("none of {} actions is overdue", all.len());
            Judgement::pass(Scope::Fleet, why)
        }
        count => {
            let why = format!(
                "{count} actions were done more than {JUDGED} ago, and nobody says whether they helped"
            );
            let since = unproven.iter().filter_map(|one| one.done).min();
            Judgement::unknown(Scope::Fleet, why).since(since.map(|at| JUDGED.after(at)))
        }
    };
    vec![judgement.because(entries)]
}

fn trained(case: &Case<'_>, given: &Parameters) -> Vec<Judgement> {
    let limit = given.period("every").unwrap_or(YEAR);
    let standard = || ["training".to_owned(), "game-day".to_owned()].into();
    let kinds: BTreeSet<String> = given.words("kinds").cloned().unwrap_or_else(standard);
    let work = obligations(case);
    let mut all = Several::of(Scope::Fleet);
    for kind in &kinds {
        all.add(reviewed(case, &work, kind, limit));
    }
    vec![all.finish()]
}

const ANSWERED: Period = Period::days(1);
const RESOLVED: Period = Period::days(14);
const REVIEWED: Period = Period::days(14);
const RECENT: Period = Period::days(365);
/// The time in which an effect shows, and a month to look.
const JUDGED: Period = Period::days(60);
const YEAR: Period = Period::months(12);
const SHOWN: usize = 5;
