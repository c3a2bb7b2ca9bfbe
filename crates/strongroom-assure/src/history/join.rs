//! Joining commits with the records of their runs, and both with what is said of their snapshots later.

use std::sync::Arc;

use strongroom_crypt::Id;
use strongroom_format::record::{Drill, DrillVerdict, Job, Run};
use strongroom_format::{Commit, Event};

use super::{CheckSeen, EntryRef, History, ResourceHistory, RunSeen, SnapshotSeen};
use crate::point::Point;

impl History {
    /// Adds a commit: a snapshot, and a run unless the record of it was read before.
    pub(super) fn add_commit(
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
        let named = event
            .snapshot
            .and_then(|id| self.place.by_id.get(&id).copied());
        let claimed = || self.claimed_copy(&resource, &run);
        if let Some(index) = named.or_else(claimed) {
            // Its run was recorded in a journal that was read before.
            self.confirm(index, entry, &run, event.snapshot);
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
    pub(super) fn add_run(
        &mut self,
        entry: EntryRef,
        event: &Event,
        fact: &Run,
        resource: Option<Arc<str>>,
    ) {
        let mut run = RunSeen::of_record(entry, event.at.seconds, fact);
        run.set_right(self.wrong(entry).as_ref(), self.at(entry, event.at.seconds));
        let known = fact
            .snapshot
            .and_then(|id| self.place.by_id.get(&id).copied());
        // A copy is another snapshot than the one that was copied.
        let is_source = |index: &usize| {
            let source = self.snapshots.get(*index);
            fact.job == Job::Copy && source.is_some_and(|one| one.is_original_of(&run))
        };
        let is_of_source = known.is_some_and(|index| is_source(&index));
        let known = known.filter(|_| !is_of_source);
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
            None => {
                let id = fact.snapshot.filter(|_| !is_of_source);
                self.claim(entry, &mut run, &resource, id);
            }
        }
        self.insert_run(&resource, run);
    }

    /// Adds the snapshot that a record says there is, and whose commit was not read.
    fn claim(&mut self, entry: EntryRef, run: &mut RunSeen, resource: &Arc<str>, id: Option<Id>) {
        if !makes(&run.job) || run.durable.is_none() || is_nothing(run) {
            return;
        }
        if run.job == Job::Copy && run.capture.is_none() {
            // The newest one that there was to copy. Without it nobody knows how old the copy's data is.
            run.capture = self.newest_source(run, resource);
            if run.capture.is_none() {
                return;
            }
        }
        run.snapshot = Some(self.add_snapshot(id, entry, run, resource, false));
    }

    /// Returns the capture of the newest snapshot that was in the source of a copy when it began.
    fn newest_source(&self, run: &RunSeen, resource: &Arc<str>) -> Option<i64> {
        let points = &self.resources.get(resource)?.points;
        let is_source = |copy: &&SnapshotSeen| {
            copy.durable <= run.started
                && (run.from.is_none() || run.from.as_deref() == Some(copy.repository.as_str()))
        };
        let mut newest = points.iter().rev();
        newest
            .find(|point| self.copies(point).any(|copy| is_source(&copy)))
            .map(|point| point.capture)
    }

    /// Finds the copy that a record says there is at the place and of the moment of a commit.
    fn claimed_copy(&self, resource: &Arc<str>, commit: &RunSeen) -> Option<usize> {
        let capture = commit.capture?;
        let points = &self.resources.get(resource)?.points;
        let place = points.partition_point(|point| point.capture < capture);
        let point = points.get(place).filter(|point| point.capture == capture)?;
        let is_it = |index: &usize| {
            let one = self.snapshots.get(*index);
            one.is_some_and(|one| {
                !one.is_committed && one.id.is_none() && one.repository == commit.repository
            })
        };
        point.copies.iter().copied().find(is_it)
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

    /// A commit was read after a record that says there is one. What the commit shows is certain.
    fn confirm(&mut self, index: usize, entry: EntryRef, commit: &RunSeen, id: Option<Id>) {
        let Some(snapshot) = self.snapshots.get_mut(index) else {
            return;
        };
        snapshot.is_committed = true;
        snapshot.is_partial |= commit.is_partial();
        snapshot.entry = entry;
        snapshot.id = snapshot.id.or(id);
        let (resource, before) = (Arc::clone(&snapshot.resource), snapshot.capture);
        let capture = commit.capture.map_or(before, |capture| capture.min(before));
        snapshot.capture = capture;
        if let Some(id) = id {
            self.place.by_id.insert(id, index);
        }
        self.take_copy(&resource, before, index);
        self.insert_copy(&resource, capture, index);
        let runs = self.resources.get_mut(&resource).map(|one| &mut one.runs);
        let mut made = runs.into_iter().flatten();
        if let Some(run) = made.find(|run| run.snapshot == Some(index) && makes(&run.job)) {
            run.commit = Some(entry);
            run.capture = Some(capture);
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

    pub(super) fn add_drill(
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

    pub(super) fn forget(&mut self, id: &Id, at: i64, entry: EntryRef) {
        match self.snapshot_mut(id) {
            Some(snapshot) => snapshot.forgotten = snapshot.forgotten.or(Some((at, entry))),
            None => {
                self.place.forgotten.insert(*id, (at, entry));
            }
        }
    }

    pub(super) fn verify(&mut self, id: &Id, check: CheckSeen) {
        if let Some(snapshot) = self.snapshot_mut(id) {
            snapshot.verified.push(check);
        }
    }

    pub(super) fn snapshot_mut(&mut self, id: &Id) -> Option<&mut SnapshotSeen> {
        self.snapshots.get_mut(*self.place.by_id.get(id)?)
    }

    /// Puts a run in its place: nearly always the last one.
    pub(super) fn insert_run(&mut self, resource: &Arc<str>, run: RunSeen) {
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

    pub(super) fn insert_copy(&mut self, resource: &Arc<str>, capture: i64, index: usize) {
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

    pub(super) fn take_copy(&mut self, resource: &Arc<str>, capture: i64, index: usize) {
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

    pub(super) fn of(&mut self, resource: &Arc<str>) -> &mut ResourceHistory {
        self.resources.entry(Arc::clone(resource)).or_default()
    }
}

/// Whether a run with such a record leaves a snapshot in its repository.
pub(super) fn makes_snapshot(run: &Run) -> bool {
    makes(&run.job)
}

pub(super) const fn makes(job: &Job) -> bool {
    matches!(job, Job::Backup | Job::Copy)
}

/// Whether nothing came of a run, whatever else its record says.
const fn is_nothing(run: &RunSeen) -> bool {
    !run.is_ok() && !run.is_partial()
}

/// A record may name an earlier moment than the commit, such as that of a snapshot of the file system, but not by more.
const DAY: i64 = 86_400;
