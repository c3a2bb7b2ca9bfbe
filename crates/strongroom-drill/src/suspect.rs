//! The last point before somebody encrypted everything.

use std::collections::BTreeMap;

use strongroom::Id;
use strongroom_format::record::{Suspect, SuspectState};

use crate::choose::{Because, Choice, Point};

/// Returns the snapshots that are suspect, by records in the order of the journal: what raised signals and was not reviewed as clean
/// since.
#[must_use]
pub fn suspects<'a>(records: impl IntoIterator<Item = &'a Suspect>) -> Vec<Id> {
    let mut states: BTreeMap<Id, bool> = BTreeMap::new();
    for record in records {
        let is_clean = matches!(record.state, SuspectState::Reviewed { clean: true });
        states.insert(record.snapshot, !is_clean);
    }
    let suspect = states.into_iter().filter(|(_, is_suspect)| *is_suspect);
    suspect.map(|(id, _)| id).collect()
}

/// Chooses the newest point before the first that is suspect, of those that are there: what came after the first is not to be trusted,
/// whether it raised signals or not. Without a suspect it is the newest. `None` when there is no point, or none is older.
#[must_use]
pub fn last_clean(points: &[Point], suspects: &[Id]) -> Option<Choice> {
    let mut points: Vec<Point> = points.to_vec();
    points.sort_by_key(|point| (point.captured, point.snapshot));
    let is_suspect = |point: &&Point| suspects.contains(&point.snapshot);
    let first = points.iter().find(is_suspect).map(|point| point.captured);
    let is_before = |point: &&Point| first.is_none_or(|first| point.captured < first);
    let chosen = points.iter().rev().find(is_before)?;
    Some(Choice {
        because: vec![Because::LastClean],
        ..Choice::named(chosen.snapshot)
    })
}

#[cfg(test)]
mod tests {
    use strongroom::Time;

    use super::*;

    fn id(number: u8) -> Id {
        Id::from_bytes([number; 32])
    }

    fn points() -> Vec<Point> {
        let point = |number| Point {
            snapshot: id(number),
            captured: Time::new(i64::from(number) * 100, 0),
        };
        [3, 1, 4, 2].map(point).to_vec()
    }

    fn record(number: u8, state: SuspectState) -> Suspect {
        Suspect {
            snapshot: id(number),
            state,
            ..Suspect::default()
        }
    }

    fn chosen(suspects: &[Id]) -> Option<Id> {
        last_clean(&points(), suspects).map(|choice| choice.snapshot)
    }

    #[test]
    fn what_came_after_the_first_suspect_is_not_trusted() {
        assert_eq!(chosen(&[]), Some(id(4)));
        assert_eq!(chosen(&[id(3)]), Some(id(2)));
        // The fourth raised nothing, and is later than what did.
        assert_eq!(chosen(&[id(2)]), Some(id(1)));
        assert_eq!(chosen(&[id(1), id(4)]), None);
        // One that was forgotten meanwhile says nothing about those that are there.
        assert_eq!(chosen(&[id(9)]), Some(id(4)));
        assert_eq!(last_clean(&[], &[]), None);
    }

    #[test]
    fn only_a_review_clears_a_suspect() {
        let raised = record(3, SuspectState::Raised);
        let held = record(3, SuspectState::HeldClean { hold: [1; 16] });
        let clean = record(3, SuspectState::Reviewed { clean: true });
        let bad = record(3, SuspectState::Reviewed { clean: false });
        assert_eq!(suspects([&raised]), [id(3)]);
        assert_eq!(suspects([&raised, &held]), [id(3)]);
        assert_eq!(suspects([&raised, &bad]), [id(3)]);
        assert!(suspects([&raised, &held, &clean]).is_empty());
        assert_eq!(suspects([&clean, &raised]), [id(3)]);
    }
}
