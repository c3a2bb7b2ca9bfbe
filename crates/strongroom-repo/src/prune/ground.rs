//! What a prune stands on: the conditions under which it may drop what it drops.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use strongroom_crypt::{Id, SessionId};
use strongroom_format::{Body, Dropped, EpochState, ObjectHash, Tombstone, object_name};

use crate::backup::retired_epochs;
use crate::blobs::Blobs;
use crate::edge::Remote;
use crate::error::{Error, ErrorKind, Result};
use crate::index::{Index, Marks};
use crate::journal::{History, Journal};
use crate::prune::mark::{Marker, StoredPages};
use crate::prune::refuse;
use crate::repository::Repository;
use crate::state::State;

/// What was found needed and what is relied on, kept up with the journal.
///
/// The rule is that of docs/format.md §10: before and after every Tombstone, each blob of each snapshot in force has a pack in
/// force, mapped by a segment in force. What is `needed` has every such blob, and the segments of `mapping` say so; so it is enough that
/// all of both is in force, undamaged, and that nothing has been committed that was not marked.
#[derive(Debug)]
pub(crate) struct Ground {
    pub(crate) history: History,
    pub(crate) index: Arc<Index>,
    pub(crate) marks: Marks,
    /// Snapshots that are marked.
    pub(crate) snapshots: BTreeSet<Id>,
    /// Packs with something that a snapshot needs.
    pub(crate) needed: BTreeSet<ObjectHash>,
    /// The segments that were in force when it was last made sure that they map what is needed.
    pub(crate) mapping: BTreeSet<ObjectHash>,
    /// Segments that map what was written anew.
    pub(crate) written: BTreeSet<ObjectHash>,
    /// What was known to be damaged when that was found out.
    pub(crate) damaged: BTreeMap<ObjectHash, BTreeSet<u32>>,
    /// Epochs under which nothing counted as stored then.
    pub(crate) retired: BTreeSet<u32>,
    /// Packs that are to go and have not gone yet.
    pub(crate) doomed: BTreeSet<ObjectHash>,
    /// Sessions that are given up, and what they had announced.
    pub(crate) given_up: BTreeMap<SessionId, BTreeSet<ObjectHash>>,
    /// Orphans that are given up.
    pub(crate) orphans: BTreeSet<ObjectHash>,
}

/// Why a batch cannot be dropped now.
#[derive(Debug)]
pub(crate) enum Objection {
    /// Something was committed or announced that has to be looked at; then it can be tried again.
    Behind,
    /// All of it has gone already.
    Done,
    /// What was relied on is not so any more.
    Stale(Error),
    /// It cannot be told.
    Failed(Error),
}

impl From<Error> for Objection {
    fn from(error: Error) -> Self {
        Self::Failed(error)
    }
}

/// What one Tombstone drops and adds.
#[derive(Debug, Clone, Default)]
pub(crate) struct Batch {
    pub(crate) packs: BTreeSet<ObjectHash>,
    /// Segments beside those that the packs leave empty: orphans.
    pub(crate) segments: BTreeSet<ObjectHash>,
    pub(crate) sessions: BTreeSet<SessionId>,
    pub(crate) added: strongroom_format::Added,
    /// The epoch under which something of what is added was sealed.
    pub(crate) epoch: Option<u32>,
}

impl Ground {
    /// Says what an entry that drops a batch looks like after `state`, or why there can be none.
    pub(crate) fn tombstone(
        &self,
        journal: &Journal,
        state: &State,
        batch: &Batch,
    ) -> Result<Body, Objection> {
        if !self.history.covers(journal, state) {
            return Err(Objection::Behind);
        }
        self.check(state, batch)?;
        let is_new = |name: &&ObjectHash| !state.dropped.contains_key(*name);
        let packs: Vec<_> = batch.packs.iter().filter(is_new).copied().collect();
        let gone =
            |name: &ObjectHash| state.dropped.contains_key(name) || batch.packs.contains(name);
        let empty = self.index.exhausted(gone);
        let empty = empty
            .into_iter()
            .filter(|name| state.segments.contains_key(name));
        let orphans = batch.segments.iter().filter(is_new).copied();
        let segments: BTreeSet<_> = empty.take(MAX_SEGMENTS).chain(orphans).collect();
        let sessions: Vec<_> = batch
            .sessions
            .iter()
            .filter(|session| state.sessions.contains_key(session))
            .copied()
            .collect();
        let adds_nothing = batch.added.packs.is_empty() && batch.added.segments.is_empty();
        if packs.is_empty() && segments.is_empty() && sessions.is_empty() && adds_nothing {
            return Err(Objection::Done);
        }
        Ok(Body::Tombstone(Tombstone {
            dropped: Dropped {
                packs,
                segments: segments.into_iter().collect(),
                sessions,
                ..Dropped::default()
            },
            added: batch.added.clone(),
            ..Tombstone::default()
        }))
    }

    /// Checks that nothing a snapshot needs is lost with a batch.
    fn check(&self, state: &State, batch: &Batch) -> Result<(), Objection> {
        let is_marked = |(id, _): &(Id, _)| self.snapshots.contains(id);
        if !state.snapshots.values().all(is_marked)
            || self.is_spoken_for(state, batch)?
            || self.lost_a_segment(state, batch)
        {
            return Err(Objection::Behind);
        }
        for name in self.needed.difference(&batch.packs) {
            if !state.packs.contains(name)? {
                return Err(Objection::Stale(dropped(name)));
            }
        }
        let mut written = self.written.iter();
        if let Some(lost) = written.find(|name| !state.segments.contains_key(*name)) {
            return Err(Objection::Stale(unmapped(object_name::index(lost))));
        }
        let mut worse = state.damaged.iter().filter(|(name, frames)| {
            self.needed.contains(*name) && self.damaged.get(*name) != Some(*frames)
        });
        // Packs of the batch are no exception: frames of theirs were moved as they are, and dropping them would drop what is known.
        if let Some((name, _)) = worse.next() {
            let what = "a pack that has something needed was found damaged";
            return Err(Objection::Stale(stale(what, name)));
        }
        if retired_epochs(state) != self.retired
            || !batch.epoch.is_none_or(|epoch| is_open(state, epoch))
        {
            let what = "an epoch was closed or retired";
            return Err(Objection::Stale(Error::new(ErrorKind::Stale, what)));
        }
        let added = batch.added.packs.iter().map(|pack| &pack.name);
        let mut added = added.chain(batch.added.segments.iter().map(|segment| &segment.name));
        if let Some(name) = added.find(|name| state.dropped.contains_key(*name)) {
            let what = "what was just written was given up as an orphan by somebody else";
            return Err(Objection::Stale(stale(what, name)));
        }
        Ok(())
    }

    /// Says whether a segment is not in force any more that maps a pack which stays.
    fn lost_a_segment(&self, state: &State, batch: &Batch) -> bool {
        let mut lost = self
            .mapping
            .iter()
            .filter(|name| !state.segments.contains_key(*name))
            .peekable();
        if lost.peek().is_none() {
            return false;
        }
        let goes =
            |name: &ObjectHash| state.dropped.contains_key(name) || batch.packs.contains(name);
        let empty: BTreeSet<_> = self.index.exhausted(goes).into_iter().collect();
        lost.any(|name| !empty.contains(name))
    }

    /// Says whether a session that was given up has spoken, or one that was not announced what would go.
    fn is_spoken_for(&self, state: &State, batch: &Batch) -> Result<bool> {
        for name in batch.packs.iter().chain(&batch.segments) {
            if self.orphans.contains(name) && state.is_in_force(name)? {
                return Ok(true);
            }
        }
        let announced = |(session, packs): (&SessionId, &BTreeSet<ObjectHash>)| {
            self.given_up.get(session) != Some(packs) && !packs.is_disjoint(&batch.packs)
        };
        let awake = |session: &SessionId| {
            let now = state.sessions.get(session);
            now.is_some() && now != self.given_up.get(session)
        };
        Ok(state.sessions.iter().any(announced) || batch.sessions.iter().any(awake))
    }

    /// Reads what has happened since, marks what was committed, and keeps what is needed now. Returns the packs that stay after all.
    ///
    /// # Errors
    ///
    /// `Stale` when no segment in force maps something that is needed; otherwise as [`plan_prune`](Repository::plan_prune).
    pub(crate) fn catch_up(
        &mut self,
        repository: &Repository,
        remote: &Remote,
    ) -> Result<BTreeSet<ObjectHash>> {
        let journal = repository.journal();
        let (mut state, mut index) = repository.current(remote)?;
        while !self.history.covers(journal, &state) {
            self.history = journal.history(remote, repository.context())?;
            (state, index) = repository.current(remote)?;
        }
        refuse::unreadable_index(&index)?;
        self.marks.follow(&index, &state)?;
        self.marks.doom(self.doomed.clone());
        self.index = Arc::clone(&index);
        let touched = self.mark_new(repository, remote, &state)?;
        let mut saved: BTreeSet<_> = touched.intersection(&self.doomed).copied().collect();
        self.needed.extend(touched);
        saved.extend(self.awaken(&state)?);
        for name in &saved {
            self.doomed.remove(name);
        }
        self.mapping = state.segments.keys().copied().collect();
        match self.marks.unmapped(&self.mapping, &self.doomed)? {
            None => Ok(saved),
            Some(pack) => Err(unmapped(object_name::pack(&pack))),
        }
    }

    /// Marks what was committed since; returns the packs in which something is needed now that was not before.
    fn mark_new(
        &mut self,
        repository: &Repository,
        remote: &Remote,
        state: &State,
    ) -> Result<BTreeSet<ObjectHash>> {
        let mut touched = BTreeSet::new();
        let new = state
            .snapshots
            .iter()
            .filter(|(_, (id, _))| !self.snapshots.contains(id));
        let new: Vec<_> = new
            .map(|(n, (id, snapshot))| (*n, *id, snapshot.root))
            .collect();
        if new.is_empty() {
            return Ok(touched);
        }
        let context = Arc::clone(repository.context());
        let blobs = Blobs::new(
            remote.clone(),
            context,
            Arc::clone(&self.index),
            super::PAGE_CACHE_BYTES,
        );
        let pages = StoredPages { blobs, remote };
        let mut marker = Marker::new(&mut self.marks, pages).telling(&mut touched);
        for (n, id, root) in &new {
            marker
                .snapshot(root)
                .map_err(|error| refuse::snapshot(*n, id, error))?;
        }
        self.snapshots.extend(new.iter().map(|(_, id, _)| *id));
        Ok(touched)
    }

    /// Gives up no session that has spoken since, and no orphan that an entry names now. Returns the packs that stay.
    fn awaken(&mut self, state: &State) -> Result<BTreeSet<ObjectHash>> {
        let mut saved = BTreeSet::new();
        self.given_up
            .retain(|session, packs| match state.sessions.get(session) {
                Some(now) if now != packs => false,
                // One that has committed or was given up by somebody else says nothing any more.
                _ => true,
            });
        for (session, packs) in &state.sessions {
            if !self.given_up.contains_key(session) {
                saved.extend(packs.intersection(&self.doomed).copied());
                saved.extend(packs.intersection(&self.orphans).copied());
            }
        }
        // What was announced and dropped again meanwhile has gone as well: its session may still be said to own it.
        let mut unnamed = BTreeSet::new();
        for name in &self.orphans {
            if !state.dropped.contains_key(name) && !state.is_in_force(name)? {
                unnamed.insert(*name);
            }
        }
        self.orphans = unnamed;
        Ok(saved)
    }
}

/// Says whether an epoch is not closed or retired by the journal.
fn is_open(state: &State, epoch: u32) -> bool {
    let state = state.epochs.get(&epoch);
    state.is_none_or(|state| *state == EpochState::Open)
}

/// Makes the error of a pack that a plan relies on and that was dropped.
pub(crate) fn dropped(name: &ObjectHash) -> Error {
    stale("a pack that stays was dropped by somebody else", name)
}

fn unmapped(object: String) -> Error {
    let what = "the segment that maps something needed was dropped by somebody else";
    Error::new(ErrorKind::Stale, what).object_named(object)
}

fn stale(what: &str, name: &ObjectHash) -> Error {
    Error::new(ErrorKind::Stale, what).object_named(object_name::pack(name))
}

/// Segments that one entry drops because nothing is left in them; those beyond are dropped by the next.
const MAX_SEGMENTS: usize = 1_000;
