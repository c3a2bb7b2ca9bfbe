//! Reading events.

use std::collections::{BTreeSet, HashMap};
use std::sync::Arc;

use strongroom_crypt::Id;
use strongroom_format::record::{Fact, Record, RecordHead, Verified};
use strongroom_format::{Body, Event};

use super::join::makes_snapshot;
use super::{CheckSeen, EntryRef, EntrySeen, History, Journal, Noted, PolicySeen};

/// Runs of these events by the snapshots that they made.
type RunsOf<'e> = HashMap<Id, &'e RecordHead>;

impl History {
    /// Names a journal's repository, and makes those journals that are not there yet.
    pub(super) fn name_journal(&mut self, index: u16, repository: &str) {
        let count = usize::from(index) + 1;
        if self.journals.len() < count {
            self.journals.resize_with(count, Journal::default);
        }
        let journal = self.journals.get_mut(usize::from(index));
        if let Some(journal) = journal.filter(|one| one.repository.is_empty()) {
            repository.clone_into(&mut journal.repository);
        }
    }

    /// Reads events of a journal.
    pub(super) fn read_journal(&mut self, journal: u16, events: &[Event]) {
        self.name_journal(journal, "");
        let mut ordered: Vec<&Event> = events.iter().collect();
        ordered.sort_by_key(|event| event.n);
        ordered.retain(|event| self.place.read.insert(EntryRef::new(journal, event.n)));
        let skewed = self.check_clocks(journal, &ordered);
        let mut runs = RunsOf::new();
        for event in &ordered {
            if let Some(Record {
                head,
                fact: Fact::Run(run),
                ..
            }) = &event.record
            {
                runs.extend(
                    run.snapshot
                        .filter(|_| makes_snapshot(run))
                        .map(|id| (id, head)),
                );
            }
        }
        self.learn_repository(journal, &ordered);
        for event in ordered {
            self.read_event(journal, event, &runs);
        }
        self.set_right(&skewed);
    }

    /// Takes the name of a journal's repository from the first record of a run whose snapshot is in the journal.
    fn learn_repository(&mut self, journal: u16, events: &[&Event]) {
        let is_named = |one: &Journal| !one.repository.is_empty();
        if self.journals.get(usize::from(journal)).is_none_or(is_named) {
            return;
        }
        let committed: BTreeSet<[u8; 32]> = events
            .iter()
            .filter_map(|event| event.snapshot.map(|id| *id.as_bytes()))
            .collect();
        let name = events.iter().find_map(|event| match &event.record {
            Some(Record {
                fact: Fact::Run(run),
                ..
            }) => {
                let is_here = run
                    .snapshot
                    .is_some_and(|id| committed.contains(id.as_bytes()));
                (is_here && makes_snapshot(run)).then_some(run.repository.as_str())
            }
            _ => None,
        });
        if let Some(name) = name {
            self.name_journal(journal, name);
        }
    }

    fn read_event(&mut self, journal: u16, event: &Event, runs: &RunsOf<'_>) {
        let entry = EntryRef::new(journal, event.n);
        let resource = self.resource_of(event, runs);
        self.count_entry(entry, event, resource.as_ref());
        match &event.body {
            Body::Commit(commit) => self.add_commit(entry, event, commit, resource),
            Body::Forget(body) => {
                let noted = self.note(entry, event, body.clone());
                for id in &body.snapshots {
                    self.forget(id, noted.at, entry);
                }
                self.notes.forgets.push(noted);
            }
            Body::Tombstone(body) => {
                let noted = self.note(entry, event, body.clone());
                self.notes.tombstones.push(noted);
            }
            Body::Hold(body) => {
                let noted = self.note(entry, event, body.clone());
                self.notes.holds.push(noted);
            }
            Body::Keys(body) => {
                let noted = self.note(entry, event, body.clone());
                self.notes.key_changes.push(noted);
            }
            Body::Policy(_) => self.policies.extend(PolicySeen::of(entry, event)),
            Body::Evidence(_) => self.read_record(entry, event, resource),
            _ => {}
        }
    }

    /// Returns the resource that an event is about.
    fn resource_of(&mut self, event: &Event, runs: &RunsOf<'_>) -> Option<Arc<str>> {
        if let Some(record) = &event.record {
            let name = record.head.resource.as_deref()?;
            return Some(self.place.name(name));
        }
        let Body::Commit(commit) = &event.body else {
            return None;
        };
        let recorded = event.snapshot.and_then(|id| runs.get(&id));
        let name = recorded
            .and_then(|head| head.resource.as_deref())
            .or_else(|| commit.snapshot.labels.get(RESOURCE))
            .unwrap_or(&commit.snapshot.series);
        Some(self.place.name(name))
    }

    fn count_entry(&mut self, entry: EntryRef, event: &Event, resource: Option<&Arc<str>>) {
        let kind = match &event.body {
            Body::Evidence(evidence) => Some(evidence.kind.as_str()),
            _ => None,
        };
        if let (Some(kind), None) = (kind, &event.record) {
            *self.unknown_kinds.entry(kind.to_owned()).or_default() += 1;
        }
        let record = kind.map(|kind| self.place.name(kind));
        if let Some(journal) = self.journals.get_mut(usize::from(entry.journal)) {
            journal.first = if journal.entries == 0 {
                entry.n
            } else {
                journal.first.min(entry.n)
            };
            journal.last = journal.last.max(entry.n);
            journal.entries += 1;
        }
        self.entries.push(EntrySeen {
            entry,
            said_at: event.at.seconds,
            author: event.author,
            roles: event.roles,
            kind: event.body.kind(),
            record,
            resource: resource.cloned(),
        });
    }

    pub(super) fn note<T>(&self, entry: EntryRef, event: &Event, fact: T) -> Noted<T> {
        let head = event.record.as_ref().map(|record| record.head.clone());
        Noted {
            entry,
            at: self.at(entry, event.at.seconds),
            author: event.author,
            roles: event.roles,
            head: head.unwrap_or_default(),
            fact,
        }
    }

    fn read_record(&mut self, entry: EntryRef, event: &Event, resource: Option<Arc<str>>) {
        let Some(record) = &event.record else {
            return;
        };
        if !self.is_new_record(record.head.id) {
            if let Some(journal) = self.journals.get_mut(usize::from(entry.journal)) {
                journal.repeated += 1;
            }
            return;
        }
        self.note_tool(entry, event, &record.head);
        macro_rules! keep {
            ($list:ident, $fact:expr) => {{
                let noted = self.note(entry, event, $fact.clone());
                self.notes.$list.push(noted);
            }};
        }
        match &record.fact {
            Fact::Run(run) => self.add_run(entry, event, run, resource),
            Fact::Drill(drill) => self.add_drill(entry, event, drill, resource),
            Fact::Verified(fact) => {
                let noted = self.note(entry, event, fact.clone());
                match fact.snapshot {
                    Some(id) => self.verify(&id, check_of(&noted)),
                    None => self.add_whole_check(&noted),
                }
                self.notes.verifications.push(noted);
            }
            Fact::Suspect(fact) => {
                let noted = self.note(entry, event, fact.clone());
                if let Some(snapshot) = self.snapshot_mut(&fact.snapshot) {
                    snapshot
                        .suspected
                        .push((noted.at, entry, fact.state.clone()));
                }
                self.notes.suspects.push(noted);
            }
            Fact::Capacity(fact) => keep!(capacities, fact),
            Fact::Inventory(fact) => keep!(inventories, fact),
            Fact::Alert(fact) => keep!(alerts, fact),
            Fact::Acknowledged(fact) => keep!(acknowledgements, fact),
            Fact::Incident(fact) => keep!(incident_steps, fact),
            Fact::Action(fact) => keep!(action_steps, fact),
            Fact::Obligation(fact) => keep!(obligations_met, fact),
            Fact::SignOff(fact) => keep!(sign_offs, fact),
            Fact::Deleted(fact) => keep!(deletions, fact),
            Fact::Disposal(fact) => keep!(disposals, fact),
            Fact::Access(fact) => keep!(accesses, fact),
            Fact::Attested(fact) => keep!(attestations, fact),
            _ => {}
        }
    }

    fn note_tool(&mut self, entry: EntryRef, event: &Event, head: &RecordHead) {
        let Some(tool) = &head.tool else {
            return;
        };
        let at = self.at(entry, event.at.seconds);
        let key = (tool.name.clone(), tool.version.clone());
        let last = self.tools.entry(key).or_insert((at, entry));
        *last = (*last).max((at, entry));
    }
}

fn check_of(noted: &Noted<Verified>) -> CheckSeen {
    let fact = &noted.fact;
    let is_whole = fact.coverage.0 >= fact.coverage.1;
    CheckSeen {
        level: fact.level,
        at: noted.at,
        entry: noted.entry,
        is_good: is_whole && fact.damaged == 0 && fact.unresolved == 0,
    }
}

/// The label of a snapshot that names its resource in the policy.
const RESOURCE: &str = "resource";
