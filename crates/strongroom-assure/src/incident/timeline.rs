//! What happened meanwhile, out of the journal.

use std::collections::BTreeSet;

use serde::Serialize;
use strongroom_format::Event;
use strongroom_format::record::{Fact, Record};
use strongroom_retain::Moment;

use super::Incident;
use crate::control::Case;
use crate::report::as_text;

/// The most entries of one timeline: of more the first are kept, with the steps of the incident.
pub const TIMELINE_MAX: usize = 200;
/// How long before the first sign the timeline begins, in seconds.
const BEFORE_SECONDS: i64 = 24 * 3_600;

/// An entry of a timeline.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[non_exhaustive]
pub struct Told {
    /// When.
    #[serde(with = "as_text")]
    pub at: Moment,
    /// The journal entry.
    pub entry: EntryRef,
    /// What happened.
    pub what: String,
}

/// Returns what the journal tells of a day before the incident until it was resolved.
pub(super) fn of(case: &Case<'_>, incident: &Incident) -> Vec<Told> {
    let from = incident.opened.unix_seconds - BEFORE_SECONDS;
    let to = incident.closed.or(incident.reviewed).or(incident.resolved);
    let to = to.unwrap_or(case.now()).unix_seconds;
    let steps: BTreeSet<u64> = incident.because.iter().copied().collect();
    let all = case.records().all.iter();
    let meanwhile = all.filter(|event| (from..=to).contains(&event.at.seconds));
    let told = meanwhile.filter_map(|event| {
        let record = event.record.as_ref()?;
        let is_step = steps.contains(&event.n);
        let what = (is_step || is_about(record, incident)).then(|| say(record))?;
        Some(told(event, what))
    });
    told.take(TIMELINE_MAX).collect()
}

fn told(event: &Event, what: String) -> Told {
    Told {
        at: Moment::utc(event.at.seconds),
        entry: event.n,
        what,
    }
}

fn is_about(record: &Record, incident: &Incident) -> bool {
    let named = match &record.fact {
        Fact::Alert(alert) => alert.about.as_deref() == Some(&incident.key),
        Fact::Acknowledged(one) => one.about == incident.key,
        Fact::Incident(step) => step.incident == incident.key,
        _ => false,
    };
    let of_resource = incident.resource.is_some() && record.head.resource == incident.resource;
    named || of_resource
}

/// Says in a line what a record tells.
pub(crate) fn say(record: &Record) -> String {
    match &record.fact {
        Fact::Run(run) => format!("{} to {}: {}", run.job, run.repository, run.outcome),
        Fact::Verified(one) => format!(
            "{} was verified to level {}: {} damaged, {} unresolved",
            one.repository, one.level, one.damaged, one.unresolved
        ),
        Fact::Drill(drill) => format!("restore drill {}: {}", drill.scenario, drill.verdict),
        Fact::Alert(alert) => format!(
            "alert {} to {} (step {}): {}",
            alert.class, alert.route, alert.step, alert.outcome
        ),
        Fact::Acknowledged(one) => format!("somebody acknowledged {}", one.about),
        Fact::Incident(step) => format!("incident {}: {}", step.incident, step.step),
        Fact::Action(step) => format!("action {}: {}", step.action, step.step),
        Fact::Suspect(one) => format!("a snapshot looks wrong: {}", one.signals.join(", ")),
        Fact::Attested(one) => match one.holds {
            true => format!("{} was seen to hold", one.what),
            false => format!("{} was seen not to hold", one.what),
        },
        Fact::Deleted(one) => format!("{} objects were deleted", one.objects),
        other => other.kind().to_owned(),
    }
}
