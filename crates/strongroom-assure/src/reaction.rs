//! What is to be done at once when a point looks wrong.

use std::collections::BTreeSet;

use serde::Serialize;
use strongroom_crypt::Id;
use strongroom_format::HoldAction;
use strongroom_format::record::{Suspect, SuspectState};

use crate::history::History;
use crate::signal::{Alarm, AlarmSeverity, HeldPoint, SignalCode, SignalReport};

/// What is to be recorded and held because of the critical alarms of a resource that nobody has found harmless.
///
/// Nothing of it deletes anything. Once it is carried out and recorded, the reaction to the same alarms [is
/// empty](Self::is_empty). If it was carried out in part, the reaction is what is left.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[non_exhaustive]
pub struct Reaction {
    /// The resource.
    pub resource: String,
    /// Points that look wrong and are not recorded as suspect yet, in the order of their runs.
    #[serde(skip)]
    pub raised: Vec<Suspect>,
    /// What is to be held.
    #[serde(skip)]
    pub hold: HoldStep,
    /// Points that are to be held too, and are in other repositories: where they are, and of when. Unix seconds.
    pub elsewhere: Vec<(String, i64)>,
    /// Suspects of which the record is to say by which hold the clean points are held.
    #[serde(skip)]
    held_for: Vec<Suspect>,
}

/// What is to be held.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
#[expect(clippy::exhaustive_enums, reason = "there is no fourth answer")]
pub enum HoldStep {
    /// Nothing, or nothing more.
    #[default]
    Nothing,
    /// These snapshots, by a new hold.
    Place {
        /// The snapshots, the newest first.
        snapshots: Vec<Id>,
        /// Why, for people. Everybody who reads the journal sees it.
        reason: String,
    },
    /// They are held by this hold already, and no record says so.
    Placed {
        /// The hold.
        hold: [u8; 16],
    },
}

impl Reaction {
    /// Says whether there is nothing to do here.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.raised.is_empty() && self.hold == HoldStep::Nothing
    }

    /// Returns what is to be recorded once a hold is in force.
    #[must_use]
    pub fn held(&self, hold: [u8; 16]) -> Vec<Suspect> {
        let held = |one: &Suspect| Suspect {
            state: SuspectState::HeldClean { hold },
            ..one.clone()
        };
        self.held_for.iter().map(held).collect()
    }
}

/// Returns what is to be done because of the signs of a resource.
///
/// `here` are the snapshots of the repository in which holds can be placed. Points are held only if the policy says so: then
/// the report has [a hold](SignalReport::hold). What a person has reviewed is not recorded as held: the person's word stays
/// the last one.
#[must_use]
pub fn reaction(history: &History, report: &SignalReport, here: &BTreeSet<Id>) -> Reaction {
    let mut suspects: Vec<Suspect> = Vec::new();
    for alarm in report.unreviewed() {
        if let Some(suspect) = suspect(alarm)
            && suspects.iter().all(|one| one.snapshot != suspect.snapshot)
        {
            suspects.push(suspect);
        }
    }
    let raised = suspects
        .iter()
        .filter(|one| states(history, one).next().is_none());
    let mut reaction = Reaction {
        resource: report.resource.clone(),
        raised: raised.cloned().collect(),
        hold: HoldStep::Nothing,
        elsewhere: Vec::new(),
        held_for: Vec::new(),
    };
    let Some(clean) = &report.hold else {
        return reaction;
    };
    let is_here = |point: &&HeldPoint| point.id.is_some_and(|id| here.contains(&id));
    let (near, far): (Vec<&HeldPoint>, Vec<&HeldPoint>) = clean.points.iter().partition(is_here);
    let far = far.into_iter().filter(|point| !point.is_held);
    reaction.elsewhere = far
        .map(|point| (point.repository.clone(), point.capture))
        .collect();
    suspects.retain(|one| !states(history, one).any(is_reviewed));
    let open = near.iter().filter(|point| !point.is_held);
    let open: Vec<Id> = open.filter_map(|point| point.id).collect();
    if open.is_empty() {
        suspects.retain(|one| !states(history, one).any(is_held));
        let hold = near
            .iter()
            .find_map(|point| hold_of(history, &point.id?))
            .filter(|_| !suspects.is_empty());
        reaction.hold = hold.map_or(HoldStep::Nothing, |hold| HoldStep::Placed { hold });
    } else {
        reaction.hold = HoldStep::Place {
            snapshots: open,
            reason: reason(&clean.resource, &clean.why),
        };
    }
    reaction.held_for = suspects;
    reaction
}

/// Returns what there is to record of an alarm; `None` if it is not critical or there is no point.
fn suspect(alarm: &Alarm) -> Option<Suspect> {
    let snapshot = alarm
        .snapshot
        .filter(|_| alarm.severity == AlarmSeverity::Critical)?;
    let codes: BTreeSet<SignalCode> = alarm.signals.iter().map(|one| one.code).collect();
    Some(Suspect {
        snapshot,
        signals: codes.iter().map(|code| code.as_str().to_owned()).collect(),
        state: SuspectState::Raised,
        ..Suspect::default()
    })
}

/// Returns what was recorded of a suspect, in order.
fn states<'h>(
    history: &'h History,
    suspect: &'h Suspect,
) -> impl Iterator<Item = &'h SuspectState> {
    let seen = history.snapshot(&suspect.snapshot);
    let said = seen.map_or(&[][..], |one| one.suspected.as_slice());
    said.iter().map(|(.., state)| state)
}

fn is_reviewed(state: &SuspectState) -> bool {
    matches!(state, SuspectState::Reviewed { .. })
}

fn is_held(state: &SuspectState) -> bool {
    matches!(state, SuspectState::HeldClean { .. })
}

/// Returns the latest hold in force that names a snapshot.
fn hold_of(history: &History, snapshot: &Id) -> Option<[u8; 16]> {
    let actions = history.holds();
    let is_released = |id: &[u8; 16]| {
        let of = |one: &&strongroom_format::Hold| one.id == *id;
        let mut all = actions.iter().map(|one| &one.fact).filter(of);
        all.any(|one| one.action != HoldAction::Place)
    };
    let placed = actions.iter().rev().map(|one| &one.fact);
    let mut placed = placed.filter(|one| one.action == HoldAction::Place);
    let found = placed.find(|one| one.snapshots.contains(snapshot) && !is_released(&one.id));
    found.map(|one| one.id)
}

fn reason(resource: &str, why: &[SignalCode]) -> String {
    let why: Vec<&str> = why.iter().map(|code| code.as_str()).collect();
    format!(
        "last clean points of {resource}: signs of an attack ({})",
        why.join(", ")
    )
}

#[cfg(test)]
mod tests;
