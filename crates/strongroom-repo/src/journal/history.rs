//! The journal read from its first entry, with what only the entries themselves say: when things happened.

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::ops::ControlFlow;
use std::sync::Arc;

use strongroom_crypt::{Id, SessionId};
use strongroom_format::{Body, Entry, ObjectHash, Payload, Snapshot, Time, Tombstone};

use super::fetch::Fetched;
use super::locked::LockHistory;
use super::replay::Replay;
use super::walk::{Visitor, check_end, walk};
use super::{Journal, View, lock};
use crate::context::Context;
use crate::edge::{Remote, read_only};
use crate::error::Result;
use crate::state::{Effect, State};

/// The journal from entry 0 on, every entry folded by this client itself. Bundles are used, since they hold the entries
/// themselves; checkpoints are not, since whoever deletes trusts no summary of somebody else's.
#[derive(Debug, Clone)]
pub(crate) struct History {
    /// What is in force.
    pub(crate) state: Arc<State>,
    /// Packs and segments that were dropped, and when.
    pub(crate) dropped: BTreeMap<ObjectHash, When>,
    /// Those of them that are segments.
    pub(crate) dropped_segments: BTreeSet<ObjectHash>,
    /// Sessions that have not ended, and when they last announced something.
    pub(crate) sessions: BTreeMap<SessionId, When>,
    /// Packs in force that were condemned, and when first.
    pub(crate) condemned: BTreeMap<ObjectHash, When>,
    /// Snapshots that are not in force any more, if they were asked for; see [`Journal::history_with_forgotten`]. One that is in force
    /// again is not there.
    forgotten: Option<HashMap<Id, ForgottenRecord>>,
    /// When the snapshots in force were committed.
    committed: HashMap<Id, When>,
    /// How packs, segments and other objects are locked.
    pub(crate) locks: LockHistory,
    /// Of the journal by which it was read.
    journal: Arc<()>,
}

/// The place of an event in the journal, and the time that its author wrote.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct When {
    /// The number of the entry. This is the order in which things happened.
    pub(crate) n: u64,
    /// What its author's clock said. Good for deciding what is worth while, not for more.
    pub(crate) time: Time,
}

/// A snapshot that was forgotten.
#[derive(Debug, Clone)]
pub(crate) struct ForgottenRecord {
    /// Its id.
    pub(crate) id: Id,
    /// What it was.
    pub(crate) snapshot: Snapshot,
    /// When it was committed.
    pub(crate) committed: When,
    /// When it was forgotten.
    pub(crate) forgotten: When,
}

impl Journal {
    /// Reads the journal from its first entry to its end.
    ///
    /// This client's own view becomes the one read here, so that what is appended next is validated against
    /// nothing but folded entries; see [`History::covers`].
    ///
    /// # Errors
    ///
    /// As [`refresh`](Self::refresh); `Conflict` when the entries are not those that this client has seen before.
    pub(crate) fn history(&self, remote: &Remote, context: &Context) -> Result<History> {
        self.read_history(remote, context, None)
    }

    /// Like [`history`](Self::history), with what forgotten snapshots were: all of each that everybody who can list sees.
    ///
    /// # Errors
    ///
    /// As [`history`](Self::history).
    pub(crate) fn history_with_forgotten(
        &self,
        remote: &Remote,
        context: &Context,
    ) -> Result<History> {
        self.read_history(remote, context, Some(HashMap::new()))
    }

    fn read_history(
        &self,
        remote: &Remote,
        context: &Context,
        forgotten: Option<HashMap<Id, ForgottenRecord>>,
    ) -> Result<History> {
        let _turn = lock(&self.turn);
        if self.damage().is_some() {
            return Err(read_only());
        }
        let known = self.catch_up(remote, context)?;
        let history = History::before_genesis(context, Arc::clone(&self.identity), forgotten);
        let mut reader = Reader { context, history };
        let replay = Replay::like(remote, context, &known);
        let view = walk(&replay, 0..known.head, &mut reader)?.view;
        check_end(&view, &known)?;
        let mut history = reader.history;
        history.state = view.state.clone();
        *self.view() = view;
        Ok(history)
    }
}

/// Somebody who takes note of what entries say.
struct Reader<'a> {
    context: &'a Context,
    history: History,
}

impl Visitor for Reader<'_> {
    /// What the entry says, if it opens, and the snapshots that it forgets: they have to be looked at before the fold removes them.
    type Note = Option<(Payload, Vec<ForgottenRecord>)>;
    // Whoever deletes trusts no summary of somebody else's.
    const BELIEVES_CHECKPOINTS: bool = false;

    fn before(&self, state: &State, fetched: &Fetched) -> Self::Note {
        let entry = &fetched.entry;
        let keys = self.context.keys();
        let payload = entry.open(keys.structure.journal()).ok()?;
        let going = self.history.going(state, entry, &payload);
        Some((payload, going))
    }

    fn after(&mut self, note: Self::Note, view: &View, effect: Effect) -> Result<ControlFlow<()>> {
        if let (Some((payload, going)), Effect::InForce) = (note, effect) {
            self.history
                .note(&view.state, payload, going, self.context)?;
        }
        Ok(ControlFlow::Continue(()))
    }
}

impl History {
    /// How far the journal may grow before a state that [`Journal::append`] validates against might come from a
    /// checkpoint rather than from entries.
    const FOLDED_AHEAD: u64 = super::replay::WORTH_A_CHECKPOINT;

    /// Says whether a state that a journal validates against was certainly folded from entries, too: it is the journal by which
    /// this was read, and the state follows not far behind what was read.
    pub(crate) fn covers(&self, journal: &Journal, state: &State) -> bool {
        let is_same = state.head_hash == self.state.head_hash;
        let follows = match state.head.checked_sub(self.state.head) {
            Some(0) => is_same,
            Some(ahead) => ahead <= Self::FOLDED_AHEAD,
            None => false,
        };
        let is_pieced_alike = state.bridges == self.state.bridges;
        Arc::ptr_eq(&self.journal, &journal.identity) && is_pieced_alike && follows
    }

    /// Returns the snapshots that are not in force any more, in the order of their forgetting; none unless they were asked for.
    pub(crate) fn forgotten(&self) -> Vec<&ForgottenRecord> {
        let mut records: Vec<_> = self.forgotten.iter().flat_map(HashMap::values).collect();
        records.sort_by_key(|record| (record.forgotten, record.committed, record.id));
        records
    }

    /// Returns when a snapshot in force was committed.
    pub(crate) fn committed(&self, id: &Id) -> Option<When> {
        self.committed.get(id).copied()
    }

    /// Returns a snapshot that is not in force any more; none unless they were asked for.
    pub(crate) fn forgotten_one(&self, id: &Id) -> Option<&ForgottenRecord> {
        self.forgotten.as_ref()?.get(id)
    }

    fn before_genesis(
        context: &Context,
        journal: Arc<()>,
        forgotten: Option<HashMap<Id, ForgottenRecord>>,
    ) -> Self {
        Self {
            state: Arc::new(State::before_genesis(context.config_hash)),
            dropped: BTreeMap::new(),
            dropped_segments: BTreeSet::new(),
            sessions: BTreeMap::new(),
            condemned: BTreeMap::new(),
            forgotten,
            committed: HashMap::new(),
            locks: LockHistory::default(),
            journal,
        }
    }

    /// Returns the snapshots that an entry forgets, if it has effect and they were asked for.
    fn going(&self, state: &State, entry: &Entry, payload: &Payload) -> Vec<ForgottenRecord> {
        let forget = match &payload.body {
            Body::Forget(forget) if self.forgotten.is_some() => forget,
            _ => return Vec::new(),
        };
        let forgotten = When {
            n: entry.n,
            time: payload.time,
        };
        let record = |id: &Id| {
            let (n, snapshot) = state.snapshot(id)?;
            Some(ForgottenRecord {
                id: *id,
                snapshot: snapshot.clone(),
                committed: self.committed(id).unwrap_or(When {
                    n,
                    time: snapshot.durable,
                }),
                forgotten,
            })
        };
        let named: BTreeSet<&Id> = forget.snapshots.iter().collect();
        named.into_iter().filter_map(record).collect()
    }

    /// Takes note of the entry that was folded last, which has effect.
    fn note(
        &mut self,
        state: &State,
        payload: Payload,
        going: Vec<ForgottenRecord>,
        context: &Context,
    ) -> Result<()> {
        let n = state.head.saturating_sub(1);
        let when = When {
            n,
            time: payload.time,
        };
        self.locks.note(n, &payload);
        match payload.body {
            Body::Commit(commit) => {
                self.sessions.remove(&commit.session);
                let keys = context.keys();
                let id = commit
                    .snapshot
                    .id(&keys.structure)
                    .map_err(crate::context::encode_error)?;
                self.committed.entry(id).or_insert(when);
                if let Some(forgotten) = &mut self.forgotten {
                    forgotten.remove(&id);
                }
            }
            Body::Packs(packs) if state.sessions.contains_key(&packs.session) => {
                self.sessions.insert(packs.session, when);
            }
            Body::Abandon(abandon) => {
                for session in &abandon.sessions {
                    self.sessions.remove(session);
                }
            }
            Body::Forget(forget) => {
                for id in &forget.snapshots {
                    self.committed.remove(id);
                }
                if let Some(forgotten) = &mut self.forgotten {
                    forgotten.extend(going.into_iter().map(|record| (record.id, record)));
                }
            }
            Body::Condemn(condemn) => {
                for pack in condemn.packs {
                    if state.condemned.contains(&pack) {
                        self.condemned.entry(pack).or_insert(when);
                    }
                }
            }
            Body::Tombstone(tombstone) => self.bury(tombstone, when),
            Body::Index(index) => {
                for segment in index.removed {
                    self.dropped_segments.insert(segment);
                    self.dropped.entry(segment).or_insert(when);
                }
            }
            _ => {}
        }
        Ok(())
    }

    fn bury(&mut self, tombstone: Tombstone, when: When) {
        let dropped = tombstone.dropped;
        self.dropped_segments.extend(&dropped.segments);
        for name in dropped.packs.into_iter().chain(dropped.segments) {
            self.condemned.remove(&name);
            self.dropped.entry(name).or_insert(when);
        }
        for session in &dropped.sessions {
            self.sessions.remove(session);
        }
    }
}

impl When {
    /// Says whether at least `age` has passed since, according to `now`. A time that is still to come is young.
    pub(crate) fn is_older(&self, age: std::time::Duration, now: Time) -> bool {
        is_past(self.time, age, now)
    }
}

/// Says whether `age` has passed at `now` since `time`. With an age of zero it always has.
pub(crate) fn is_past(time: Time, age: std::time::Duration, now: Time) -> bool {
    let nanos = |time: Time| i128::from(time.seconds) * 1_000_000_000 + i128::from(time.nanos);
    let age = i128::try_from(age.as_nanos()).unwrap_or(i128::MAX);
    age == 0 || nanos(now) - nanos(time) >= age
}

#[cfg(test)]
mod tests;
