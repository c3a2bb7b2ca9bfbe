//! Copies what is needed out of dropped packs, and commits the snapshot anew.

use std::collections::{HashSet, VecDeque};
use std::sync::Arc;

use strongroom_crypt::{Roles, Session, SessionId};
use strongroom_format::{
    Body, Commit, EpochState, FrameKey, ObjectHash, PackClass, PackHeader, PackRef, SegmentBuilder,
    Unknown, object_name,
};

use super::plan::UndeletePlan;
use super::survey::{Found, Frames, Own, Survey};
use super::{UndeleteReport, has_moved};
use crate::blobs::{Blobs, Scratch};
use crate::buffers::Buffers;
use crate::context::{absent_is_none, crypt_error, object_key};
use crate::edge::{Remote, Ticket};
use crate::error::{Error, ErrorKind, Result};
use crate::index::is_loss;
use crate::observer::{Event, Observer, Phase, Progress};
use crate::pack_writer::{PackWriter, SealedFrame, StoredPack, put_segment};
use crate::parity::{ParityCount, ParityPuts};
use crate::repository::Repository;
use crate::state::State;

/// A snapshot being brought back.
pub(super) struct Rescue<'a> {
    repository: &'a Repository,
    remote: &'a Remote,
    plan: &'a UndeletePlan,
    observer: &'a dyn Observer,
    session: SessionId,
    /// Packs that were stored, and the segments that map them.
    packs: Vec<PackRef>,
    own: Vec<Own>,
    /// Dropped packs that are not what they should be.
    bad: HashSet<ObjectHash>,
    bytes: u64,
    parity: ParityCount,
    progress: Progress,
}

/// What became of a commit.
enum Committed {
    Done(UndeleteReport),
    /// Something that it needs is gone.
    Again,
}

impl<'a> Rescue<'a> {
    pub(super) fn new(
        repository: &'a Repository,
        remote: &'a Remote,
        plan: &'a UndeletePlan,
        observer: &'a dyn Observer,
    ) -> Result<Self> {
        if !plan.is_possible() {
            let what = format!("{} blobs of the snapshot are lost", plan.lost());
            return Err(Error::new(ErrorKind::Invalid, what));
        }
        Ok(Self {
            session: new_session(repository)?,
            repository,
            remote,
            plan,
            observer,
            packs: Vec::new(),
            own: Vec::new(),
            bad: HashSet::new(),
            bytes: 0,
            parity: ParityCount::default(),
            progress: Progress::default(),
        })
    }

    /// Looks for what is needed, copies what is not in force, and commits; and again, while others take away what was found.
    pub(super) fn run(mut self) -> Result<UndeleteReport> {
        self.repository.say_single_writer(self.observer);
        for _ in 0..MAX_ROUNDS {
            self.observer.on_event(&Event::Phase(Phase::Prepare));
            let context = self.repository.context();
            let state = self.repository.journal().refresh(self.remote, context)?;
            if state.snapshot(&self.plan.id).is_some() {
                return Ok(self.report(None));
            }
            self.leave_what_was_reclaimed(&state)?;
            let (repository, remote) = (self.repository, self.remote);
            let committed = self.plan.committed;
            let mut survey =
                Survey::begin(repository, remote, &state, committed, &self.own, &self.bad)?;
            survey.walk(&self.plan.snapshot.root)?;
            let Survey { blobs, found, .. } = survey;
            if !found.lost.is_empty() {
                if has_moved(repository, remote, &state)? {
                    continue;
                }
                let lost = found.lost.len();
                let what =
                    format!("{lost} blobs of the snapshot were deleted since the plan was made");
                return Err(Error::new(ErrorKind::Stale, what));
            }
            if !found.frames.is_empty() {
                self.observer.on_event(&Event::Phase(Phase::Store));
                self.copy(&blobs, &found)?;
                continue;
            }
            self.observer.on_event(&Event::Phase(Phase::Commit));
            if let Committed::Done(report) = self.commit(&state, &found.relied)? {
                return Ok(report);
            }
        }
        let what = format!("what the snapshot needs was taken away by others, {MAX_ROUNDS} times");
        Err(Error::new(ErrorKind::Conflict, what))
    }

    /// Gives up what others took for garbage of a dead session: what was dropped is never added.
    fn leave_what_was_reclaimed(&mut self, state: &State) -> Result<()> {
        let is_dropped = |name: &ObjectHash| state.dropped.contains_key(name);
        let any = self.packs.iter().any(|pack| is_dropped(&pack.name))
            || self
                .own
                .iter()
                .any(|(segment, _)| is_dropped(&segment.name));
        if any {
            self.packs.clear();
            self.own.clear();
        }
        if state.session_ended(&self.session) {
            self.session = new_session(self.repository)?;
        }
        Ok(())
    }

    fn report(&self, entry: Option<(u64, ObjectHash)>) -> UndeleteReport {
        UndeleteReport {
            snapshot: self.plan.id,
            entry,
            packs: self.packs.len() as u64,
            bytes: self.bytes,
            parity: self.parity.clone(),
        }
    }

    /// Copies frames out of dropped packs. What cannot be read there is looked for elsewhere in the next round.
    fn copy(&mut self, blobs: &Blobs, found: &Found) -> Result<()> {
        let context = self.repository.context();
        let buffers = Buffers::default();
        let writers = [PackClass::Data, PackClass::Names, PackClass::Pages]
            .map(|class| PackWriter::new(context, class, 1, buffers.clone()));
        let mut stores = Stores::new(self.remote);
        let mut scratch = Scratch::new()?;
        let bytes_total = found.frames.values().map(|frames| frames.bytes).sum();
        self.progress.bytes_total = Some(bytes_total);
        for frames in found.frames.values() {
            self.remote.before_batch()?;
            let [data, names, pages] = &writers;
            let writer = match frames.pack.class {
                PackClass::Data => data,
                PackClass::Names => names,
                PackClass::Pages => pages,
            };
            let moved = move_frames(
                self.remote,
                blobs,
                frames,
                writer,
                &mut scratch,
                &mut stores,
            );
            match moved {
                Err(error) if is_loss(&error) => {
                    tracing::debug!(%error, "a dropped pack cannot be read");
                    self.bad.insert(frames.pack.name);
                }
                moved => moved?,
            }
            self.progress.bytes += frames.bytes;
            self.observer.on_event(&Event::Progress(&self.progress));
        }
        for writer in &writers {
            for pack in writer.finish()? {
                stores.put(pack)?;
            }
        }
        let (stored, parity) = stores.finish()?;
        self.parity.add(parity);
        if stored.is_empty() {
            return Ok(());
        }
        let mut builder = SegmentBuilder::new();
        for pack in &stored {
            pack.map(&mut builder);
            self.packs.push(pack.pack);
            self.bytes += u64::from(pack.pack.len);
        }
        let own = put_segment(self.remote, context, self.session, builder)?;
        self.bytes += own.1.len() as u64;
        self.own.push(own);
        Ok(())
    }

    /// Commits the snapshot, if in the state before the entry everything that was found in force still is.
    fn commit(&self, then: &Arc<State>, relied: &HashSet<ObjectHash>) -> Result<Committed> {
        let commit = Commit {
            snapshot: self.plan.snapshot.clone(),
            packs: self.packs.clone(),
            segments: self.own.iter().map(|(segment, _)| *segment).collect(),
            session: self.session,
            seen: Some((then.head, then.head_hash)),
            unknown: Unknown::default(),
        };
        let mut doubt = None;
        let mut make = |now: &State| {
            doubt = match () {
                () if now.snapshot(&self.plan.id).is_some() => {
                    Some(Committed::Done(self.report(None)))
                }
                () if !self.stands(then, now, relied)? => Some(Committed::Again),
                () => None,
            };
            match doubt {
                None => Ok(Body::Commit(Box::new(commit.clone()))),
                // Never leaves this function: why is in a variable beside it.
                Some(_) => Err(Error::new(ErrorKind::Stale, "the ground has moved")),
            }
        };
        let (journal, context) = (self.repository.journal(), self.repository.context());
        let appended = journal.append(self.remote, context, Roles::WRITER, &mut make);
        match doubt {
            Some(committed) => Ok(committed),
            None => {
                let appended = appended?;
                Ok(Committed::Done(
                    self.report(Some((appended.n, appended.hash))),
                ))
            }
        }
    }

    /// Says whether what was found in one state can be relied on in a later one.
    ///
    /// # Errors
    ///
    /// As [`Packs::get`](crate::state::Packs::get).
    fn stands(&self, then: &State, now: &State, relied: &HashSet<ObjectHash>) -> Result<bool> {
        let is_own = |name: &ObjectHash| !now.dropped.contains_key(name);
        let same_damage = |name: &ObjectHash| now.damaged.get(name) == then.damaged.get(name);
        Ok(!now.session_ended(&self.session)
            && now.bridges == then.bridges
            && now.are_in_force(relied)?
            && relied.iter().all(same_damage)
            && self
                .packs
                .iter()
                .all(|pack| is_own(&pack.name) && same_damage(&pack.name))
            && self.own.iter().all(|(segment, _)| is_own(&segment.name))
            && retired(now).eq(retired(then)))
    }
}

/// Names a session. It seals nothing, so nobody keeps its secret.
fn new_session(repository: &Repository) -> Result<SessionId> {
    let context = repository.context();
    let session = Session::start(context.suite, &context.components.random);
    Ok(session.map_err(crypt_error)?.id())
}

fn retired(state: &State) -> impl Iterator<Item = &u32> {
    let retired = |(_, state): &(&u32, &EpochState)| **state == EpochState::Retired;
    state
        .epochs
        .iter()
        .filter(retired)
        .map(|(number, _)| number)
}

/// Moves frames of one pack, sealed as they are.
fn move_frames(
    remote: &Remote,
    blobs: &Blobs,
    frames: &Frames,
    writer: &PackWriter<'_>,
    scratch: &mut Scratch,
    stores: &mut Stores<'_>,
) -> Result<()> {
    let pack = &frames.pack;
    let damaged = |what: &str| crate::blobs::damaged(pack, what);
    let Some(whole) = absent_is_none(remote.get_pack_later(&pack.key()?, pack.class, None).wait())?
    else {
        let what = "a dropped pack was deleted";
        return Err(Error::new(ErrorKind::NotFound, what).object_named(pack.object()));
    };
    if ObjectHash::of(&whole) != pack.name {
        return Err(damaged("a pack does not match its name"));
    }
    let header = blobs.header_of_whole(pack, &whole)?;
    for position in &frames.positions {
        let at = *position as usize;
        let frame = header.frames.get(at);
        let frame = frame.ok_or_else(|| damaged("the index misplaces a blob"))?;
        let range = frame.offset as usize..(frame.offset as usize + frame.stored_len as usize);
        let sealed = whole.get(range);
        let sealed = sealed.ok_or_else(|| damaged("a pack ends too early"))?;
        prove(blobs, scratch, frames, &header, *position, sealed)?;
        let session = match frame.key {
            FrameKey::Refs => None,
            FrameKey::Session(session) => {
                let record = header.sessions.get(usize::from(session));
                Some(
                    record
                        .ok_or_else(|| damaged("a frame names a session that its pack does not"))?,
                )
            }
        };
        let full = writer.add(SealedFrame {
            kind: frame.kind,
            codec: frame.codec,
            plain_len: frame.plain_len,
            blobs: header.frame_blobs(at),
            session,
            origin: 0,
            sealed,
        })?;
        if let Some(full) = full {
            stores.put(full)?;
        }
    }
    Ok(())
}

/// Opens a frame and checks every blob in it, if the keys are there. Without them the pack's hash is the proof.
fn prove(
    blobs: &Blobs,
    scratch: &mut Scratch,
    frames: &Frames,
    header: &PackHeader,
    position: u32,
    sealed: &[u8],
) -> Result<()> {
    let pack = &frames.pack;
    let plain = match blobs.decode_frame(scratch, pack, header, position, sealed) {
        Err(error) if error.kind() == ErrorKind::WrongKey => return Ok(()),
        plain => plain?,
    };
    let at = position as usize;
    let kind = header.frames.get(at).map_or(0, |frame| frame.kind);
    let mut rest = plain;
    for blob in header.frame_blobs(at) {
        let parts = rest.split_at_checked(blob.len as usize);
        let (bytes, after) =
            parts.ok_or_else(|| crate::blobs::damaged(pack, "a frame ends too early"))?;
        if !blobs.is(kind, &blob.id, bytes) {
            return Err(crate::blobs::damaged(
                pack,
                "a blob is not what its id says",
            ));
        }
        rest = after;
    }
    Ok(())
}

/// Packs on their way to the store.
struct Stores<'a> {
    remote: &'a Remote,
    under_way: VecDeque<(Ticket<()>, StoredPack)>,
    parity: ParityPuts<'a>,
    durable: Vec<StoredPack>,
}

impl<'a> Stores<'a> {
    fn new(remote: &'a Remote) -> Self {
        Self {
            remote,
            under_way: VecDeque::new(),
            parity: ParityPuts::new(remote),
            durable: Vec::new(),
        }
    }

    fn put(&mut self, pack: crate::pack_writer::FinishedPack) -> Result<()> {
        let (stored, bytes, parity) = pack.split();
        let key = object_key(&object_name::pack(&stored.pack.name))?;
        let ticket = self.remote.put_hashed_later(&key, bytes);
        self.parity.begin(&stored.pack.name, parity);
        self.under_way.push_back((ticket, stored));
        while self.under_way.len() > PUTS {
            self.reap()?;
        }
        Ok(())
    }

    /// Waits until all are durable, and returns them and what became of their parity.
    fn finish(mut self) -> Result<(Vec<StoredPack>, ParityCount)> {
        while !self.under_way.is_empty() {
            self.reap()?;
        }
        Ok((self.durable, self.parity.finish()))
    }

    fn reap(&mut self) -> Result<()> {
        if let Some((ticket, stored)) = self.under_way.pop_front() {
            ticket.wait()?;
            self.durable.push(stored);
        }
        Ok(())
    }
}

/// Rounds before it is given up. Each but the first two needs somebody who takes away just what was found.
const MAX_ROUNDS: u32 = 12;
/// Packs on their way at once.
const PUTS: usize = 2;
