//! The journal read from its first entry, with what only the entries themselves say: when things happened.

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::sync::Arc;

use strongroom_crypt::{Id, SessionId};
use strongroom_format::{Body, Entry, ObjectHash, Payload, Snapshot, Time, Tombstone, object_name};

use super::fetch::Fetched;
use super::locked::LockHistory;
use super::replay::Replay;
use super::{Journal, View, lock};
use crate::context::Context;
use crate::edge::{Remote, read_only};
use crate::error::{Error, ErrorKind, Result};
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
    view: View,
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
        let journal = Arc::clone(&self.identity);
        let view = View::before_genesis(context.config_hash);
        self.read_history(remote, context, History::before_genesis(view, journal))
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
        let journal = Arc::clone(&self.identity);
        let view = View::before_genesis(context.config_hash);
        let mut history = History::before_genesis(view, journal);
        history.forgotten = Some(HashMap::new());
        self.read_history(remote, context, history)
    }

    fn read_history(
        &self,
        remote: &Remote,
        context: &Context,
        mut history: History,
    ) -> Result<History> {
        let _turn = lock(&self.turn);
        if self.damage().is_some() {
            return Err(read_only());
        }
        let known = self.catch_up(remote, context)?;
        let replay = Replay::like(remote, context, &known);
        replay.begin(&mut history.view)?;
        history.note_genesis(context);
        history.read(&replay, known.head)?;
        if history.view.state.head_hash != known.head_hash {
            let what = "the journal's entries are not those that lead to the head seen before";
            let last = object_name::journal(known.head.saturating_sub(1));
            return Err(Error::new(ErrorKind::Conflict, what).object_named(last));
        }
        *self.view() = history.view.clone();
        history.state = history.view.state.clone();
        Ok(history)
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

    fn before_genesis(view: View, journal: Arc<()>) -> Self {
        Self {
            state: view.state.clone(),
            dropped: BTreeMap::new(),
            dropped_segments: BTreeSet::new(),
            sessions: BTreeMap::new(),
            condemned: BTreeMap::new(),
            forgotten: None,
            committed: HashMap::new(),
            locks: LockHistory::default(),
            view,
            journal,
        }
    }

    fn read(&mut self, replay: &Replay<'_>, end: u64) -> Result<()> {
        let start = self.view.state.head;
        // So that folding does not copy the state at every entry.
        self.state = Arc::new(State::before_genesis(ObjectHash::default()));
        replay.each(start..end, |fetched| self.take(replay, fetched))
    }

    fn take(&mut self, replay: &Replay<'_>, fetched: Fetched) -> Result<()> {
        let fetched = replay.chained(&self.view.state.link(), fetched)?;
        let payload = self.payload(replay.context, &fetched.entry);
        // Snapshots have to be looked at before the fold removes them.
        let going = payload
            .as_ref()
            .map_or_else(Vec::new, |payload| self.going(&fetched.entry, payload));
        if replay.fold(&mut self.view, fetched)? != Effect::InForce {
            return Ok(());
        }
        if let Some(payload) = payload {
            let n = self.view.state.head.saturating_sub(1);
            self.note(n, payload, going, replay.context)?;
        }
        Ok(())
    }

    /// Takes note of how the first entry was put.
    fn note_genesis(&mut self, context: &Context) {
        let genesis = self.view.recent.last().map(|bytes| Entry::decode(bytes));
        let payload = match genesis {
            Some(Ok(entry)) => self.payload(context, &entry),
            _ => None,
        };
        if let Some(payload) = payload {
            self.locks.note(0, &payload);
        }
    }

    fn payload(&self, context: &Context, entry: &Entry) -> Option<Payload> {
        let keys = context.keys();
        entry.open(keys.structure.journal()).ok()
    }

    /// Returns the snapshots that an entry forgets, if it has effect and they were asked for.
    fn going(&self, entry: &Entry, payload: &Payload) -> Vec<ForgottenRecord> {
        let forget = match &payload.body {
            Body::Forget(forget) if self.forgotten.is_some() => forget,
            _ => return Vec::new(),
        };
        let forgotten = When {
            n: entry.n,
            time: payload.time,
        };
        let record = |id: &Id| {
            let (n, snapshot) = self.view.state.snapshot(id)?;
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

    /// Takes note of an entry that was folded and has effect.
    fn note(
        &mut self,
        n: u64,
        payload: Payload,
        going: Vec<ForgottenRecord>,
        context: &Context,
    ) -> Result<()> {
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
            Body::Packs(packs) if self.view.state.sessions.contains_key(&packs.session) => {
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
                    if self.view.state.condemned.contains(&pack) {
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
mod tests {
    use std::time::Duration;

    use strongroom_crypt::{Id, Roles, SessionId};
    use strongroom_format::{
        Abandon, Condemn, Dropped, Forget, IndexChange, PackClass, PackRef, Packs, SegmentRef,
    };

    use super::*;
    use crate::edge;
    use crate::repository::Repository;
    use crate::testing::{Shape, Tree, Writer, repository};

    fn hash(byte: u8) -> ObjectHash {
        ObjectHash::from_bytes([byte; 32])
    }

    fn session(byte: u8) -> SessionId {
        SessionId::from_bytes([byte; 32])
    }

    fn append(repository: &Repository, body: Body) -> u64 {
        let this = repository.clone();
        let roles = body.roles_needed();
        futures::executor::block_on(edge::run(repository.store(), "test", move |remote| {
            this.journal()
                .append(remote, this.context(), roles, &mut |_| Ok(body.clone()))
        }))
        .unwrap()
        .n
    }

    fn history(repository: &Repository) -> History {
        let this = repository.clone();
        futures::executor::block_on(edge::run(repository.store(), "test", move |remote| {
            this.journal()
                .history_with_forgotten(remote, this.context())
        }))
        .unwrap()
    }

    fn packs(session: SessionId, name: ObjectHash) -> Body {
        Body::Packs(Packs {
            session,
            packs: vec![PackRef {
                name,
                len: 1,
                class: PackClass::Data,
            }],
            segments: Vec::new(),
            unknown: strongroom_format::Unknown::default(),
        })
    }

    fn tombstone(packs: Vec<ObjectHash>, sessions: Vec<SessionId>) -> Body {
        Body::Tombstone(Tombstone {
            dropped: Dropped {
                packs,
                sessions,
                ..Dropped::default()
            },
            ..Tombstone::default()
        })
    }

    fn snapshot(repository: &Repository, series: &str) -> Id {
        let tree = Tree::dir([("file", Tree::file(series.as_bytes()))]);
        Writer::new(repository, Shape::default()).snapshot(&tree, series)
    }

    fn forget(repository: &Repository, id: Id) -> u64 {
        append(
            repository,
            Body::Forget(Forget {
                snapshots: vec![id],
                ..Forget::default()
            }),
        )
    }

    #[test]
    fn it_says_when_packs_were_dropped_and_condemned() {
        let (_, repository) = repository();
        append(&repository, packs(session(1), hash(1)));
        append(&repository, packs(session(1), hash(2)));
        let condemn = |packs| {
            Body::Condemn(Condemn {
                packs,
                ..Condemn::default()
            })
        };
        let condemned = append(&repository, condemn(vec![hash(1), hash(2), hash(9)]));
        append(&repository, condemn(vec![hash(1)]));
        let dropped = append(&repository, tombstone(vec![hash(2), hash(7)], Vec::new()));
        append(&repository, tombstone(vec![hash(2)], Vec::new()));
        let history = history(&repository);
        let numbers = |map: &BTreeMap<ObjectHash, When>| -> Vec<_> {
            map.iter().map(|(name, when)| (*name, when.n)).collect()
        };
        assert_eq!(numbers(&history.condemned), [(hash(1), condemned)]);
        assert_eq!(
            numbers(&history.dropped),
            [(hash(2), dropped), (hash(7), dropped)]
        );
        assert_eq!(history.state.head, 7);
    }

    #[test]
    fn it_says_when_sessions_last_spoke_until_they_end() {
        let (_, repository) = repository();
        for name in 1..=3 {
            append(&repository, packs(session(name), hash(name)));
        }
        let again = append(&repository, packs(session(1), hash(4)));
        append(
            &repository,
            Body::Abandon(Abandon {
                sessions: vec![session(2)],
                ..Abandon::default()
            }),
        );
        append(&repository, tombstone(Vec::new(), vec![session(3)]));
        let history = history(&repository);
        let spoke: Vec<_> = history
            .sessions
            .iter()
            .map(|(session, when)| (*session, when.n))
            .collect();
        assert_eq!(spoke, [(session(1), again)]);
    }

    #[test]
    fn it_keeps_what_was_forgotten_until_it_is_in_force_again() {
        let (_, repository) = repository();
        let (one, two) = (snapshot(&repository, "one"), snapshot(&repository, "two"));
        let n = forget(&repository, one);
        let read = history(&repository);
        let [record] = read.forgotten()[..] else {
            panic!("{:?}", read.forgotten())
        };
        assert_eq!((record.id, record.snapshot.series.as_str()), (one, "one"));
        assert_eq!((record.committed.n, record.forgotten.n), (1, n));
        assert_eq!(read.committed(&two).map(|when| when.n), Some(2));
        assert_eq!(read.committed(&one), None);
        let again = strongroom_format::Commit {
            snapshot: record.snapshot.clone(),
            packs: Vec::new(),
            segments: Vec::new(),
            session: session(8),
            seen: None,
            unknown: strongroom_format::Unknown::default(),
        };
        append(&repository, Body::Commit(Box::new(again)));
        let history = history(&repository);
        assert!(history.forgotten().is_empty());
        assert_eq!(history.committed(&one).map(|when| when.n), Some(n + 1));
    }

    #[test]
    fn what_was_forgotten_is_kept_only_for_who_asks() {
        let (_, repository) = repository();
        let id = snapshot(&repository, "one");
        forget(&repository, id);
        assert!(history(&repository).forgotten_one(&id).is_some());
        let this = repository.clone();
        let plain = edge::run(repository.store(), "test", move |remote| {
            this.journal().history(remote, this.context())
        });
        let plain = futures::executor::block_on(plain).unwrap();
        assert!(plain.forgotten().is_empty() && plain.committed(&id).is_none());
    }

    #[test]
    fn it_covers_what_follows_it_in_its_own_journal_and_nothing_else() {
        let (store, repository) = repository();
        append(&repository, packs(session(1), hash(1)));
        let older = repository.journal().state();
        append(&repository, packs(session(1), hash(2)));
        let read = history(&repository);
        append(&repository, packs(session(1), hash(3)));
        let (journal, newer) = (repository.journal(), repository.journal().state());
        assert!(read.covers(journal, &read.state) && read.covers(journal, &newer));
        assert!(!read.covers(journal, &older), "an older state");
        let mut another = State::clone(&read.state);
        another.head_hash = hash(9);
        assert!(!read.covers(journal, &another), "another history");
        let other = crate::testing::reopen(&store, crate::testing::settings(2));
        assert!(!read.covers(other.journal(), &newer), "another's journal");
    }

    #[test]
    fn it_reads_every_entry_itself_and_no_checkpoint() {
        let (store, repository) = repository();
        for byte in 0..150 {
            append(&repository, packs(session(byte), hash(byte)));
        }
        append(
            &repository,
            Body::Index(IndexChange {
                removed: vec![hash(200)],
                added: vec![SegmentRef {
                    name: hash(201),
                    len: 9,
                    entries: 1,
                }],
                ..IndexChange::default()
            }),
        );
        store.reset();
        let history = history(&repository);
        assert_eq!(
            history.state.head_hash,
            repository.journal().state().head_hash
        );
        assert_eq!(history.sessions.len(), 150);
        assert_eq!(history.dropped.len(), 1);
        let read: Vec<String> = store.calls().into_iter().map(|call| call.key).collect();
        assert!(
            read.iter().all(|key| !key.starts_with("checkpoint/")),
            "{read:?}"
        );
        // Genesis, two bundles, and what follows them; and whether there is something new.
        assert!(read.len() < 35, "{read:?}");
    }

    #[test]
    fn ages_are_of_the_authors_clocks_and_the_future_is_young() {
        let at = |seconds| Time::new(seconds, 0);
        let when = When {
            n: 1,
            time: at(100),
        };
        assert!(when.is_older(Duration::from_secs(10), at(110)));
        assert!(!when.is_older(Duration::from_secs(10), at(109)));
        assert!(!when.is_older(Duration::from_secs(10), at(50)));
        assert!(when.is_older(Duration::ZERO, at(50)));
    }

    #[test]
    fn roles_of_a_tombstone_are_a_maintainers() {
        assert!(
            tombstone(Vec::new(), Vec::new())
                .roles_needed()
                .intersects(Roles::MAINTAINER)
        );
    }
}
