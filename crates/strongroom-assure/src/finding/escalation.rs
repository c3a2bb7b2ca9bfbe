//! Who waits for an answer, and whether the next ones were told in time.

use std::collections::BTreeMap;

use serde::Serialize;
use strongroom_format::record::{Alert, AlertOutcome};
use strongroom_policy::{Escalation, Key, Period, Step};
use strongroom_retain::Moment;

use crate::control::Case;
use crate::history::{EntryRef, Noted};
use crate::report::as_text;

/// An alert that nobody has acknowledged.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[non_exhaustive]
pub struct Escalated {
    /// What it is about: the key of a finding or an incident, or the name of the alert's record.
    pub about: String,
    /// The escalation of the policy that it goes by.
    pub escalation: Option<String>,
    /// The resource that it is about.
    pub resource: Option<String>,
    /// When the first alert was sent.
    #[serde(with = "as_text")]
    pub since: Moment,
    /// The last step that was taken.
    pub step: u32,
    /// What is to happen next.
    pub waiting: Waiting,
    /// By when.
    #[serde(with = "as_text::option")]
    pub due: Option<Moment>,
    /// Whether that is over.
    pub is_late: bool,
    /// The journal entries of its alerts.
    pub because: Vec<EntryRef>,
}

/// What is to happen next with an alert that nobody has acknowledged.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case", tag = "for")]
#[non_exhaustive]
pub enum Waiting {
    /// These are told next.
    Step {
        /// Its number, from 0.
        step: u32,
        /// Contacts of the policy.
        notify: Vec<String>,
    },
    /// All were told; it begins anew.
    Repeat,
    /// All were told, and nobody answers.
    Anybody,
}

/// Returns the alerts of the last weeks that nobody has acknowledged, by what they are about.
#[must_use]
pub fn escalated(case: &Case<'_>) -> Vec<Escalated> {
    let from = LOOKED_BACK.before(case.now()).unix_seconds;
    let mut threads: BTreeMap<String, Vec<&Noted<Alert>>> = BTreeMap::new();
    let alerts = case.records().alerts.iter();
    for alert in alerts.filter(|one| one.at > from && is_to_answer(one)) {
        let about = alert.fact.about.clone();
        let about = about.unwrap_or_else(|| alert.head.id.to_string());
        threads.entry(about).or_default().push(alert);
    }
    let open = threads
        .into_iter()
        .filter_map(|(about, alerts)| waiting(case, about, &alerts));
    open.collect()
}

/// Says whether an alert asks for an answer: what only informs does not.
fn is_to_answer(alert: &Noted<Alert>) -> bool {
    alert.fact.severity >= WARNING
}

fn waiting(case: &Case<'_>, about: String, alerts: &[&Noted<Alert>]) -> Option<Escalated> {
    let acknowledged = case.records().acknowledged.iter().filter(|one| {
        one.fact.about == about
            || alerts
                .iter()
                .any(|alert| one.head.answers.contains(&alert.head.id))
    });
    let last = acknowledged.map(|one| one.at).max();
    // What came after the last answer waits again.
    let open: Vec<&Noted<Alert>> = alerts
        .iter()
        .copied()
        .filter(|alert| last.is_none_or(|at| alert.at > at))
        .collect();
    let sent = open
        .iter()
        .filter(|one| one.fact.outcome == AlertOutcome::Sent);
    let first = open.first()?;
    let resource = first.head.resource.clone();
    let (name, escalation) = escalation_of(case, first).map_or((None, None), |(name, one)| {
        (Some(name.to_owned()), Some(one))
    });
    let step = sent.map(|one| one.fact.step).max();
    let taken = usize::try_from(step.map_or(0, |step| step + 1)).unwrap_or(usize::MAX);
    let steps = escalation.map_or(&[][..], |one| one.steps.as_slice());
    let (waiting, due) = next(first.at, escalation, steps, taken);
    let slack = |due: Moment| due.unix_seconds.saturating_add(SLACK_SECONDS);
    let ends = due.unwrap_or(ANSWERED.after(Moment::utc(first.at)));
    Some(Escalated {
        about,
        escalation: name,
        resource,
        since: Moment::utc(first.at),
        step: step.unwrap_or(0),
        waiting,
        due: Some(ends),
        is_late: slack(ends) < case.now().unix_seconds,
        because: open.iter().map(|one| one.entry).collect(),
    })
}

/// Returns what is to happen after the steps that were taken, and when.
fn next(
    since: i64,
    escalation: Option<&Escalation>,
    steps: &[Step],
    taken: usize,
) -> (Waiting, Option<Moment>) {
    if let Some(step) = steps.get(taken) {
        let waiting = Waiting::Step {
            step: u32::try_from(taken).unwrap_or(u32::MAX),
            notify: step.notify.iter().cloned().collect(),
        };
        return (waiting, Some(step.after.after(Moment::utc(since))));
    }
    let last = steps.last().map(|step| step.after);
    match (last, escalation.and_then(|one| one.repeat)) {
        (Some(last), Some(repeat)) => {
            let due = last.plus(repeat).after(Moment::utc(since));
            (Waiting::Repeat, Some(due))
        }
        (Some(last), None) => {
            let due = last.plus(ANSWERED).after(Moment::utc(since));
            (Waiting::Anybody, Some(due))
        }
        (None, _) => (Waiting::Anybody, None),
    }
}

/// Returns the escalation of an alert: that of its resource, or the one that its route names.
fn escalation_of<'p>(case: &Case<'p>, alert: &Noted<Alert>) -> Option<(&'p str, &'p Escalation)> {
    let policy = case.policy();
    let subject = alert
        .head
        .resource
        .as_deref()
        .and_then(|id| case.subject(id));
    let of_resource = subject.and_then(|one| one.resolved.text(Key::Escalation));
    let by_name = |name: &str| policy.escalations.get_key_value(name);
    let of_resource = of_resource.and_then(by_name);
    let found = of_resource
        .or_else(|| by_name(&alert.fact.route))
        .or_else(|| policy.escalations.iter().next());
    found.map(|(name, one)| (name.as_str(), one))
}

/// Alerts of this severity and above wait for an answer.
const WARNING: u8 = 3;
const LOOKED_BACK: Period = Period::days(30);
/// Where an escalation does not say: a day.
const ANSWERED: Period = Period::days(1);
/// Messages take a moment, and clocks differ.
const SLACK_SECONDS: i64 = 300;

#[cfg(test)]
mod tests;
