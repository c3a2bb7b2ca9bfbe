//! Reading events.

use std::collections::{BTreeSet, HashMap};
use std::sync::Arc;

use strongroom_crypt::Id;
use strongroom_format::record::{Drill, DrillVerdict, Fact, Job, Record, RecordHead, Run};
use strongroom_format::{Body, Commit, Event};

use super::clock::{Skew, TOLERANCE_SECONDS, out_of_order};
use super::{
    CLOCK_WINDOW, CheckSeen, EntryRef, EntrySeen, History, Journal, Noted, PolicySeen,
    ResourceHistory, RunSeen, SnapshotSeen,
};
use crate::point::Point;

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

    /// Compares the times of new entries with those before them, and returns the entries about whose times something changed.
    fn check_clocks(&mut self, journal: u16, events: &[&Event]) -> Vec<EntryRef> {
        let recent = self.place.recent.entry(journal).or_default();
        recent.extend(
            events
                .iter()
                .map(|event| (EntryRef::new(journal, event.n), event.at.seconds)),
        );
        recent.sort_by_key(|(entry, _)| *entry);
        let found = out_of_order(recent);
        let oldest = recent.first().map(|(entry, _)| *entry).unwrap_or_default();
        let last = EntryRef::new(journal, u64::MAX);
        // Only the last ones are looked at again, so that reading day by day takes no longer than reading at once.
        recent.drain(..recent.len().saturating_sub(CLOCK_WINDOW));
        let before: Vec<Skew> = self
            .skews
            .range(oldest..=last)
            .map(|(_, one)| *one)
            .collect();
        let mut changed: Vec<EntryRef> = Vec::new();
        for one in before
            .iter()
            .filter(|one| one.is_out_of_order() && !found.contains(one))
        {
            self.skews.remove(&one.entry);
            changed.push(one.entry);
        }
        for one in found.into_iter().filter(|one| !before.contains(one)) {
            self.skews.insert(one.entry, one);
            changed.push(one.entry);
        }
        for event in events {
            self.note_drift(EntryRef::new(journal, event.n), event);
        }
        changed
    }

    /// Notes a clock that was set during a run, as the one who ran it measured.
    fn note_drift(&mut self, entry: EntryRef, event: &Event) {
        let measured = event.record.as_ref().and_then(|record| record.head.skew_ms);
        let limit = TOLERANCE_SECONDS.unsigned_abs() * 1000;
        let Some(drift_ms) = measured.filter(|drift| drift.unsigned_abs() > limit) else {
            return;
        };
        let said_at = event.at.seconds;
        self.skews.entry(entry).or_insert(Skew {
            entry,
            said_at,
            not_before: said_at,
            not_after: None,
            drift_ms: Some(drift_ms),
        });
    }

    /// Returns when an entry was written, with a clock that was wrong set right.
    fn at(&self, entry: EntryRef, said_at: i64) -> i64 {
        let skew = self.skews.get(&entry);
        skew.map_or(said_at, |skew| {
            skew.not_after
                .unwrap_or(skew.not_before)
                .max(skew.not_before)
        })
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
            .or_else(|| commit.snapshot.labels.get(RESOURCE).map(String::as_str))
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

    fn note<T>(&self, entry: EntryRef, event: &Event, fact: T) -> Noted<T> {
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

    /// Adds a commit: a snapshot, and a run unless the record of it was read before.
    fn add_commit(
        &mut self,
        entry: EntryRef,
        event: &Event,
        commit: &Commit,
        resource: Option<Arc<str>>,
    ) {
        let Some(resource) = resource else {
            return;
        };
        let at = self.at(entry, event.at.seconds);
        let journal = self.journals.get(usize::from(entry.journal));
        let repository = journal
            .map(|one| one.repository.clone())
            .unwrap_or_default();
        let mut run = RunSeen::of_commit(entry, event.at.seconds, commit, &repository);
        run.set_right(self.wrong(entry).as_ref(), at);
        if let Some(index) = event
            .snapshot
            .and_then(|id| self.place.by_id.get(&id).copied())
        {
            // Its run was recorded in a journal that was read before.
            self.confirm(index, entry, &run);
            return;
        }
        let index = self.add_snapshot(event.snapshot, entry, &run, &resource, true);
        if let Some(snapshot) = self.snapshots.get_mut(index) {
            let summary = &commit.snapshot.summary;
            (snapshot.files, snapshot.bytes) = (Some(summary.files), Some(summary.bytes));
        }
        run.snapshot = Some(index);
        self.insert_run(&resource, run);
    }

    /// Adds a run that was recorded, and joins it with its snapshot.
    fn add_run(&mut self, entry: EntryRef, event: &Event, fact: &Run, resource: Option<Arc<str>>) {
        let mut run = RunSeen::of_record(entry, event.at.seconds, fact);
        run.set_right(self.wrong(entry).as_ref(), self.at(entry, event.at.seconds));
        let known = fact
            .snapshot
            .and_then(|id| self.place.by_id.get(&id).copied());
        let known = known.or_else(|| self.unnamed_snapshot(entry.journal, fact, resource.as_ref()));
        let of_snapshot = |index| {
            self.snapshots
                .get::<usize>(index)
                .map(|one| Arc::clone(&one.resource))
        };
        let Some(resource) = resource.or_else(|| known.and_then(of_snapshot)) else {
            self.other_runs.push(run);
            return;
        };
        match known {
            Some(index) if makes_snapshot(fact) => {
                self.join(index, &mut run, &resource, fact.snapshot);
            }
            Some(index) => run.snapshot = Some(index),
            None if makes_snapshot(fact) && run.durable.is_some() && !is_nothing(&run) => {
                run.snapshot =
                    Some(self.add_snapshot(fact.snapshot, entry, &run, &resource, false));
            }
            None => {}
        }
        self.insert_run(&resource, run);
    }

    /// Finds the snapshot of a run whose commit came without an id: the same resource, the same moment.
    fn unnamed_snapshot(
        &self,
        journal: u16,
        run: &Run,
        resource: Option<&Arc<str>>,
    ) -> Option<usize> {
        let capture = run.capture.filter(|_| makes_snapshot(run))?.seconds;
        let points = &self.resources.get(resource?.as_ref())?.points;
        let found = points.partition_point(|point| point.capture < capture);
        let point = points.get(found).filter(|point| point.capture == capture)?;
        let mut copies = point.copies.iter().copied();
        copies.find(|index| {
            let one = self.snapshots.get(*index);
            one.is_some_and(|one| one.id.is_none() && one.entry.journal == journal)
        })
    }

    /// Makes a run that a commit stands for one that is recorded.
    fn join(&mut self, index: usize, run: &mut RunSeen, resource: &Arc<str>, id: Option<Id>) {
        run.snapshot = Some(index);
        let Some(snapshot) = self.snapshots.get(index) else {
            return;
        };
        let (before, capture, committed) = (
            Arc::clone(&snapshot.resource),
            snapshot.capture,
            snapshot.is_committed,
        );
        run.commit = committed.then_some(snapshot.entry);
        // What a record says cannot be better than what the commit shows.
        run.capture = Some(run.capture.map_or(capture, |said| {
            said.min(capture).max(capture.saturating_sub(DAY))
        }));
        run.durable = run
            .durable
            .map(|durable| durable.max(snapshot.durable))
            .or(Some(snapshot.durable));
        self.take_run(&before, index);
        if before != *resource || run.capture != Some(capture) {
            self.take_copy(&before, capture, index);
        }
        if let Some(snapshot) = self.snapshots.get_mut(index) {
            snapshot.resource = Arc::clone(resource);
            snapshot.id = snapshot.id.or(id);
            snapshot.capture = run.capture.unwrap_or(capture);
            snapshot.durable = run.durable.unwrap_or(snapshot.durable);
            snapshot.is_partial |= run.is_partial();
            if !run.repository.is_empty() {
                snapshot.repository.clone_from(&run.repository);
            }
        }
        if let Some(id) = id {
            self.place.by_id.insert(id, index);
        }
        self.insert_copy(resource, run.capture.unwrap_or(capture), index);
    }

    /// A commit was read after a record that says there is one.
    fn confirm(&mut self, index: usize, entry: EntryRef, commit: &RunSeen) {
        let Some(snapshot) = self.snapshots.get_mut(index) else {
            return;
        };
        snapshot.is_committed = true;
        snapshot.is_partial |= commit.is_partial();
        snapshot.entry = entry;
        let resource = Arc::clone(&snapshot.resource);
        let runs = self.resources.get_mut(&resource).map(|one| &mut one.runs);
        let mut made = runs.into_iter().flatten();
        if let Some(run) = made.find(|run| run.snapshot == Some(index) && makes(&run.job)) {
            run.commit = Some(entry);
        }
    }

    fn add_snapshot(
        &mut self,
        id: Option<Id>,
        entry: EntryRef,
        run: &RunSeen,
        resource: &Arc<str>,
        is_committed: bool,
    ) -> usize {
        let index = self.snapshots.len();
        let durable = run.durable.unwrap_or(run.ended);
        let capture = run.capture.unwrap_or(run.started).min(durable);
        let forgotten = id.and_then(|id| self.place.forgotten.remove(&id));
        self.snapshots.push(SnapshotSeen {
            id,
            resource: Arc::clone(resource),
            repository: run.repository.clone(),
            capture,
            durable,
            entry,
            is_committed,
            is_partial: run.is_partial(),
            files: run.counters.files,
            bytes: None,
            forgotten,
            verified: Vec::new(),
            proven: Vec::new(),
            failed_drills: Vec::new(),
            suspected: Vec::new(),
        });
        if let Some(id) = id {
            self.place.by_id.insert(id, index);
        }
        self.insert_copy(resource, capture, index);
        index
    }

    fn add_drill(
        &mut self,
        entry: EntryRef,
        event: &Event,
        drill: &Drill,
        resource: Option<Arc<str>>,
    ) {
        let noted = self.note(entry, event, drill.clone());
        let index = self.notes.drills.len();
        let mut of_snapshot = None;
        if let Some(snapshot) = drill.snapshot.and_then(|id| self.snapshot_mut(&id)) {
            match drill.verdict {
                DrillVerdict::Proven => snapshot.proven.push((noted.at, entry)),
                DrillVerdict::Failed => snapshot.failed_drills.push((noted.at, entry)),
                _ => {}
            }
            of_snapshot = Some(Arc::clone(&snapshot.resource));
        }
        if let Some(resource) = resource.or(of_snapshot) {
            self.resources
                .entry(resource)
                .or_default()
                .drills
                .push(index);
        }
        self.notes.drills.push(noted);
    }

    fn forget(&mut self, id: &Id, at: i64, entry: EntryRef) {
        match self.snapshot_mut(id) {
            Some(snapshot) => snapshot.forgotten = snapshot.forgotten.or(Some((at, entry))),
            None => {
                self.place.forgotten.insert(*id, (at, entry));
            }
        }
    }

    fn verify(&mut self, id: &Id, check: CheckSeen) {
        if let Some(snapshot) = self.snapshot_mut(id) {
            snapshot.verified.push(check);
        }
    }

    fn snapshot_mut(&mut self, id: &Id) -> Option<&mut SnapshotSeen> {
        self.snapshots.get_mut(*self.place.by_id.get(id)?)
    }

    /// Puts a run in its place: nearly always the last one.
    fn insert_run(&mut self, resource: &Arc<str>, run: RunSeen) {
        let runs = &mut self.of(resource).runs;
        let key = |one: &RunSeen| (one.started, one.entry);
        let place = runs.partition_point(|one| key(one) <= key(&run));
        runs.insert(place, run);
    }

    /// Takes out the run that a commit stands for.
    fn take_run(&mut self, resource: &Arc<str>, snapshot: usize) {
        let runs = &mut self.of(resource).runs;
        let is_it = |run: &RunSeen| !run.is_recorded && run.snapshot == Some(snapshot);
        if let Some(place) = runs.iter().rposition(is_it) {
            runs.remove(place);
        }
    }

    fn insert_copy(&mut self, resource: &Arc<str>, capture: i64, index: usize) {
        let points = &mut self.of(resource).points;
        let place = points.partition_point(|point| point.capture < capture);
        match points
            .get_mut(place)
            .filter(|point| point.capture == capture)
        {
            Some(point) if point.copies.contains(&index) => {}
            Some(point) => point.copies.push(index),
            None => points.insert(
                place,
                Point {
                    capture,
                    copies: vec![index],
                },
            ),
        }
    }

    fn take_copy(&mut self, resource: &Arc<str>, capture: i64, index: usize) {
        let points = &mut self.of(resource).points;
        let place = points.partition_point(|point| point.capture < capture);
        if let Some(point) = points
            .get_mut(place)
            .filter(|point| point.capture == capture)
        {
            point.copies.retain(|copy| *copy != index);
            if point.copies.is_empty() {
                points.remove(place);
            }
        }
    }

    fn of(&mut self, resource: &Arc<str>) -> &mut ResourceHistory {
        self.resources.entry(Arc::clone(resource)).or_default()
    }

    /// Returns how the time of an entry is wrong, if the order of entries shows that it is.
    fn wrong(&self, entry: EntryRef) -> Option<Skew> {
        let skew = self.skews.get(&entry).filter(|skew| skew.is_out_of_order());
        skew.copied()
    }

    /// Sets right what was read of entries whose clocks are only now known to have been wrong, or not to have been.
    fn set_right(&mut self, changed: &[EntryRef]) {
        if changed.is_empty() {
            return;
        }
        let changed: BTreeSet<EntryRef> = changed.iter().copied().collect();
        let recent = self.entries.iter().rev().take(ENTRIES_LOOKED_AT);
        let found: Vec<(EntryRef, i64, Option<Arc<str>>)> = recent
            .filter(|seen| changed.contains(&seen.entry))
            .map(|seen| {
                (
                    seen.entry,
                    self.at(seen.entry, seen.said_at),
                    seen.resource.clone(),
                )
            })
            .collect();
        for (entry, at, resource) in found {
            self.notes.set_at(entry, at);
            for policy in self.policies.iter_mut().filter(|one| one.entry == entry) {
                policy.from = policy.from.max(at);
                policy.at = at;
            }
            if let Some(resource) = resource {
                self.set_runs_right(&resource, entry, at);
            }
        }
    }

    /// Moves the runs of a resource that an entry shows, with their snapshots.
    fn set_runs_right(&mut self, resource: &Arc<str>, entry: EntryRef, at: i64) {
        let wrong = self.wrong(entry);
        let runs = &mut self.of(resource).runs;
        let mut moved = Vec::new();
        runs.retain(|run| {
            let is_it = run.entry == entry;
            if is_it {
                moved.push(run.clone());
            }
            !is_it
        });
        for mut run in moved {
            run.set_right(wrong.as_ref(), at);
            if let Some(index) = run.snapshot.filter(|_| makes(&run.job)) {
                self.move_snapshot(index, resource, &run);
            }
            self.insert_run(resource, run);
        }
    }

    fn move_snapshot(&mut self, index: usize, resource: &Arc<str>, run: &RunSeen) {
        let Some(snapshot) = self.snapshots.get_mut(index) else {
            return;
        };
        let before = snapshot.capture;
        snapshot.durable = run.durable.unwrap_or(snapshot.durable);
        snapshot.capture = run.capture.unwrap_or(before).min(snapshot.durable);
        let capture = snapshot.capture;
        self.take_copy(resource, before, index);
        self.insert_copy(resource, capture, index);
    }
}

/// Whether a run with such a record leaves a snapshot in its repository.
fn makes_snapshot(run: &Run) -> bool {
    makes(&run.job)
}

const fn makes(job: &Job) -> bool {
    matches!(job, Job::Backup | Job::Copy)
}

/// Whether nothing came of a run, whatever else its record says.
const fn is_nothing(run: &RunSeen) -> bool {
    !run.is_ok() && !run.is_partial()
}

fn check_of(noted: &Noted<strongroom_format::record::Verified>) -> CheckSeen {
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
/// A record may name an earlier moment than the commit, such as that of a snapshot of the file system, but not by more.
const DAY: i64 = 86_400;
const ENTRIES_LOOKED_AT: usize = 4 * CLOCK_WINDOW;
