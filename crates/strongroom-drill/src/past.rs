//! What the journal says of earlier drills, and of what is suspect.

use std::collections::BTreeMap;

use strongroom::Id;
use strongroom::verify::Head;
use strongroom_format::Event;
use strongroom_format::record::{DrillVerdict, Fact};

use crate::captured::{ATTESTED, Captured};
use crate::choose::Tested;
use crate::suspect::suspects;

/// What the journal says that a drill needs to know.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct Past {
    /// The newest entry that has effect: what is left to chance follows from it.
    pub head: Head,
    /// When each snapshot was last proven.
    pub tested: Tested,
    /// The snapshots that are suspect.
    pub suspects: Vec<Id>,
    captured: BTreeMap<Id, Captured>,
}

impl Past {
    /// Reads events, in their order; `None` if there is none.
    #[must_use]
    pub fn of(events: &[Event]) -> Option<Self> {
        let last = events.last()?;
        let mut tested = Tested::new();
        let mut suspected = Vec::new();
        let mut captured = BTreeMap::new();
        for event in events {
            let Some(record) = &event.record else {
                continue;
            };
            match &record.fact {
                Fact::Drill(drill) if drill.verdict == DrillVerdict::Proven => {
                    tested.extend(drill.snapshot.map(|id| (id, event.at)));
                }
                Fact::Suspect(suspect) => suspected.push(suspect),
                Fact::Attested(attested) if attested.what == ATTESTED => {
                    let id = attested.values.get("snapshot");
                    let id = id.and_then(|text| Id::parse(text).ok());
                    let of_id = id.and_then(|id| Some((id, Captured::of_event(event, &id)?)));
                    if let Some((id, values)) = of_id {
                        captured.entry(id).or_insert(values);
                    }
                }
                _ => {}
            }
        }
        Some(Self {
            head: Head {
                n: last.n,
                hash: last.hash,
            },
            tested,
            suspects: suspects(suspected),
            captured,
        })
    }

    /// Returns what was captured of a snapshot when it was backed up: what was recorded first.
    #[must_use]
    pub fn captured(&self, snapshot: &Id) -> Captured {
        self.captured.get(snapshot).cloned().unwrap_or_default()
    }
}

#[cfg(test)]
mod tests {
    use strongroom_format::record::{Drill, Record, Suspect};

    use super::*;
    use crate::captured::Kind;
    use crate::stop::Stop;
    use crate::testing::{back_up_stream, repository};

    #[test]
    fn the_journal_says_what_was_proven_suspected_and_captured_first() {
        let (_, repository) = repository();
        let snapshot = back_up_stream(&repository, "a");
        let stop = Stop::never();
        let record = |fact: Fact, sealed: Option<&str>| {
            let record = Record::new(repository.record_head().unwrap(), fact);
            let recorded = repository.record(&record, sealed.map(str::as_bytes));
            stop.wait(recorded).unwrap().unwrap()
        };
        let captured = Captured::new().with(Kind::Sql, "select 1", "1");
        let (fact, text) = captured.to_attested(&snapshot);
        record(fact.into(), Some(&text));
        // Somebody adapts it later.
        let (fact, text) = captured
            .clone()
            .with(Kind::Sql, "select 1", "2")
            .to_attested(&snapshot);
        record(fact.into(), Some(&text));
        let drill = |verdict| Drill {
            snapshot: Some(snapshot),
            verdict,
            ..Drill::default()
        };
        record(drill(DrillVerdict::NotProven).into(), None);
        let past = |from: &[Event]| Past::of(from).unwrap();
        let (events, _) = stop.wait(repository.events(0)).unwrap().unwrap();
        assert!(past(&events).tested.is_empty());
        record(drill(DrillVerdict::Proven).into(), None);
        let suspect = Suspect {
            snapshot,
            ..Suspect::default()
        };
        let n = record(suspect.into(), None);
        let (events, next) = stop.wait(repository.events(0)).unwrap().unwrap();
        let past = past(&events);
        assert_eq!((past.head.n, next), (n, n + 1));
        assert_eq!(past.tested.keys().collect::<Vec<_>>(), [&snapshot]);
        assert_eq!(past.suspects, [snapshot]);
        assert_eq!(past.captured(&snapshot), captured);
        assert!(past.captured(&Id::from_bytes([9; 32])).is_empty());
        assert_eq!(Past::of(&[]), None);
    }
}
