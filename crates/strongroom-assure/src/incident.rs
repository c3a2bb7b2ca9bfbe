//! Incidents: what happened from the first sign to the review, out of the journal.

use std::collections::BTreeMap;

use serde::Serialize;
use strongroom_format::record::{IncidentState as Step, IncidentStep, Job};
use strongroom_retain::Moment;

use crate::control::Case;
use crate::history::{EntryRef, Noted};
use crate::report::as_text;

mod timeline;

pub use timeline::{TIMELINE_MAX, Told};

/// An incident, as its records tell it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[non_exhaustive]
pub struct Incident {
    /// Its key.
    pub key: String,
    /// How far it is.
    pub state: IncidentState,
    /// The resource that it is about, if a record says so.
    pub resource: Option<String>,
    /// Where the cause is, once it is known.
    pub cause: Option<String>,
    /// When it was found.
    #[serde(with = "as_text")]
    pub opened: Moment,
    /// When somebody took care of it.
    #[serde(with = "as_text::option")]
    pub acknowledged: Option<Moment>,
    /// When it did no more harm.
    #[serde(with = "as_text::option")]
    pub mitigated: Option<Moment>,
    /// When its cause was gone.
    #[serde(with = "as_text::option")]
    pub resolved: Option<Moment>,
    /// When somebody wrote down what is to be learnt.
    #[serde(with = "as_text::option")]
    pub reviewed: Option<Moment>,
    /// When it was closed.
    #[serde(with = "as_text::option")]
    pub closed: Option<Moment>,
    /// Whether somebody took it on themselves to close it without a review.
    pub is_waived: bool,
    /// Why a step that was recorded does not count.
    pub refused: Vec<String>,
    /// How much data was lost in truth: from the capture of what was restored to the beginning.
    pub actual_loss_seconds: Option<i64>,
    /// How long it took in truth until its cause was gone.
    pub actual_recovery_seconds: Option<i64>,
    /// The journal entries of its steps.
    pub because: Vec<EntryRef>,
    /// What happened meanwhile, out of the journal.
    pub timeline: Vec<Told>,
}

/// How far an incident is. The order is that of its life.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum IncidentState {
    /// It was found.
    Open,
    /// Somebody takes care.
    Acknowledged,
    /// It does no more harm.
    Mitigated,
    /// Its cause is gone.
    Resolved,
    /// What is to be learnt is written down.
    Reviewed,
    /// Nothing is left to be done.
    Closed,
}

impl IncidentState {
    /// Returns its text.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Open => "open",
            Self::Acknowledged => "acknowledged",
            Self::Mitigated => "mitigated",
            Self::Resolved => "resolved",
            Self::Reviewed => "reviewed",
            Self::Closed => "closed",
        }
    }
}

impl Incident {
    /// Returns how long it took until somebody took care; `None` while nobody has.
    #[must_use]
    pub fn acknowledge_seconds(&self) -> Option<i64> {
        self.acknowledged
            .map(|at| at.unix_seconds - self.opened.unix_seconds)
    }

    /// Returns how long it took until its cause was gone; `None` while it is not.
    #[must_use]
    pub fn resolve_seconds(&self) -> Option<i64> {
        self.resolved
            .map(|at| at.unix_seconds - self.opened.unix_seconds)
    }

    /// Says whether something is left to be done.
    #[must_use]
    pub fn is_open(&self) -> bool {
        self.state < IncidentState::Closed
    }

    fn new(key: &str, first: &Noted<IncidentStep>) -> Self {
        Self {
            key: key.to_owned(),
            state: IncidentState::Open,
            resource: None,
            cause: None,
            opened: Moment::utc(first.at),
            acknowledged: None,
            mitigated: None,
            resolved: None,
            reviewed: None,
            closed: None,
            is_waived: false,
            refused: Vec::new(),
            actual_loss_seconds: None,
            actual_recovery_seconds: None,
            because: Vec::new(),
            timeline: Vec::new(),
        }
    }

    /// Goes one step on, or says why not.
    fn step(&mut self, entry: &Noted<IncidentStep>) {
        let at = Moment::utc(entry.at);
        self.because.push(entry.entry);
        if let Some(resource) = &entry.head.resource {
            self.resource.get_or_insert_with(|| resource.clone());
        }
        if let Some(cause) = entry.fact.cause {
            self.cause = Some(cause.to_string());
        }
        let to = match entry.fact.step {
            Step::Open => {
                self.reopen();
                return;
            }
            Step::Acknowledged => IncidentState::Acknowledged,
            Step::Mitigated => IncidentState::Mitigated,
            Step::Resolved => IncidentState::Resolved,
            Step::Reviewed => IncidentState::Reviewed,
            Step::Closed => IncidentState::Closed,
            other => {
                self.refused.push(format!(
                    "entry {}: the step {other} is not known",
                    entry.entry
                ));
                return;
            }
        };
        if let Err(why) = self.may(to, entry) {
            self.refused.push(format!("entry {}: {why}", entry.entry));
            return;
        }
        let when = match to {
            IncidentState::Open | IncidentState::Acknowledged => &mut self.acknowledged,
            IncidentState::Mitigated => &mut self.mitigated,
            IncidentState::Resolved => &mut self.resolved,
            IncidentState::Reviewed => &mut self.reviewed,
            IncidentState::Closed => &mut self.closed,
        };
        when.get_or_insert(at);
        // Whoever resolves it has taken care of it, and it does no more harm.
        if to >= IncidentState::Acknowledged {
            self.acknowledged.get_or_insert(at);
        }
        self.is_waived |= to == IncidentState::Closed && self.reviewed.is_none();
        self.state = self.state.max(to);
    }

    fn may(&self, to: IncidentState, entry: &Noted<IncidentStep>) -> Result<(), String> {
        let by_somebody = entry.head.actor.is_some();
        match to {
            IncidentState::Reviewed if self.resolved.is_none() => {
                Err("it is reviewed before it is resolved".to_owned())
            }
            IncidentState::Reviewed if !by_somebody => {
                Err("a review does not say who made it".to_owned())
            }
            IncidentState::Closed if self.resolved.is_none() => {
                Err("it is closed before it is resolved".to_owned())
            }
            IncidentState::Closed if self.reviewed.is_some() => Ok(()),
            IncidentState::Closed if entry.fact.waiver && by_somebody => Ok(()),
            IncidentState::Closed => {
                Err("it is closed without a review, and nobody took that on themselves".to_owned())
            }
            _ => Ok(()),
        }
    }

    /// It began anew: what was resolved is not, and must be reviewed again.
    fn reopen(&mut self) {
        self.state = IncidentState::Open;
        self.mitigated = None;
        self.resolved = None;
        self.reviewed = None;
        self.closed = None;
        self.is_waived = false;
    }
}

/// Returns the incidents of a journal, the oldest first.
#[must_use]
pub fn incidents(case: &Case<'_>) -> Vec<Incident> {
    let mut all: BTreeMap<&str, Incident> = BTreeMap::new();
    for step in &case.records().incidents {
        let key = step.fact.incident.as_str();
        let incident = all.entry(key).or_insert_with(|| Incident::new(key, step));
        incident.step(step);
    }
    let mut all: Vec<Incident> = all.into_values().collect();
    for incident in &mut all {
        actual(case, incident);
        incident.timeline = timeline::of(case, incident);
    }
    all.sort_by(|a, b| (a.opened, &a.key).cmp(&(b.opened, &b.key)));
    all
}

/// Computes what was lost and how long it took, from the restores of its resource meanwhile.
fn actual(case: &Case<'_>, incident: &mut Incident) {
    incident.actual_recovery_seconds = incident.resolve_seconds();
    let Some(resource) = &incident.resource else {
        return;
    };
    let from = incident.opened.unix_seconds;
    let to = incident.resolved.map_or(i64::MAX, |at| at.unix_seconds);
    let mut restores = case
        .runs(resource)
        .rev()
        .filter(|run| run.job == Job::Restore && run.is_ok() && (from..=to).contains(&run.started));
    let restored = restores.next().and_then(|run| run.snapshot);
    let snapshot = restored.and_then(|index| case.history().snapshots().get(index));
    incident.actual_loss_seconds = snapshot.map(|one| (from - one.capture).max(0));
}

#[cfg(test)]
mod tests;
