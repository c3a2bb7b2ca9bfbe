//! What happened meanwhile, out of the journal.

use serde::Serialize;
use strongroom_retain::Moment;

use super::Incident;
use crate::control::{Case, Records};
use crate::history::{EntryRef, Noted};
use crate::report::as_text;

/// The most entries of one timeline: of more the first are kept.
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

/// Returns what the journal tells of a day before the incident until it was closed.
pub(super) fn of(case: &Case<'_>, incident: &Incident) -> Vec<Told> {
    let from = incident.opened.unix_seconds - BEFORE_SECONDS;
    let to = incident.closed.unwrap_or(case.now()).unix_seconds;
    let records = case.records();
    let key = incident.key.as_str();
    let mut all = Timeline {
        from,
        to,
        incident,
        told: Vec::new(),
    };
    all.each(
        &records.incidents,
        |one| one.incident == key,
        |one| format!("incident: {}", one.step),
    );
    all.each(
        &records.alerts,
        |one| one.about.as_deref() == Some(key),
        |one| {
            format!(
                "alert {} to {}, step {}: {}",
                one.class, one.route, one.step, one.outcome
            )
        },
    );
    all.each(
        &records.acknowledged,
        |one| one.about == key,
        |one| format!("somebody acknowledged {}", one.about),
    );
    all.of_resource(records);
    if let Some(resource) = &incident.resource {
        for run in case
            .runs(resource)
            .filter(|run| (from..=to).contains(&run.ended))
        {
            all.told.push(Told {
                at: Moment::utc(run.ended),
                entry: run.entry,
                what: format!("{} to {}: {}", run.job, run.repository, run.outcome),
            });
        }
    }
    all.told.sort_by_key(|one| (one.at, one.entry));
    all.told.truncate(TIMELINE_MAX);
    all.told
}

struct Timeline<'i> {
    from: i64,
    to: i64,
    incident: &'i Incident,
    told: Vec<Told>,
}

impl Timeline<'_> {
    /// Adds what happened to the resource meanwhile, but for its runs.
    fn of_resource(&mut self, records: &Records<'_>) {
        self.each(
            &records.drills,
            |_| false,
            |one| format!("restore drill {}: {}", one.scenario, one.verdict),
        );
        self.each(
            &records.verified,
            |_| false,
            |one| {
                format!(
                    "{} was verified at level L{}: {} damaged, {} unresolved",
                    one.repository, one.level, one.damaged, one.unresolved
                )
            },
        );
        self.each(
            &records.suspects,
            |_| false,
            |one| format!("a snapshot looks wrong: {}", one.signals.join(", ")),
        );
        self.each(
            &records.actions,
            |_| false,
            |one| format!("action {}: {}", one.action, one.step),
        );
        self.each(
            &records.attested,
            |_| false,
            |one| match one.holds {
                true => format!("{} was seen to hold", one.what),
                false => format!("{} was seen not to hold", one.what),
            },
        );
    }

    /// Adds the records of a kind that name the incident or its resource.
    fn each<T>(
        &mut self,
        all: &[&Noted<T>],
        is_named: impl Fn(&T) -> bool,
        say: impl Fn(&T) -> String,
    ) {
        for one in all
            .iter()
            .filter(|one| (self.from..=self.to).contains(&one.at))
        {
            let resource = self.incident.resource.as_deref();
            let is_of_resource = resource.is_some() && one.head.resource.as_deref() == resource;
            if is_named(&one.fact) || is_of_resource {
                self.told.push(Told {
                    at: Moment::utc(one.at),
                    entry: one.entry,
                    what: say(&one.fact),
                });
            }
        }
    }
}
