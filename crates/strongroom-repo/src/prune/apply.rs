//! Carries a plan out, in small batches, each of which is one journal entry.

use std::collections::{BTreeSet, VecDeque};
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use strongroom_crypt::{Roles, SessionId};
use strongroom_format::{Body, Condemn, ObjectHash, Time};

use crate::blobs::Blobs;
use crate::context::Context;
use crate::edge::{Remote, Ticket};
use crate::error::{Error, ErrorKind, Result};
use crate::index::{is_loss, is_out_of_reach};
use crate::journal::is_past;
use crate::observer::{Event, Observer, Phase, Progress};
use crate::packs::PackInfo;
use crate::prune::choose::PackAction;
use crate::prune::ground::{self, Batch, Ground, Objection};
use crate::prune::inspect::Reframing;
use crate::prune::options::PruneOptions;
use crate::prune::plan::{PrunePlan, names};
use crate::prune::repack::{BATCH_BYTES, Crew, Moved, Repacker, Tools};
use crate::prune::report::{PruneReport, Stopped};
use crate::repository::Repository;

/// What a plan was made from, kept so that what it found out need not be found out again.
#[derive(Debug)]
pub(super) struct Basis {
    pub(super) ground: Ground,
    /// Packs that are written anew, in the order of the plan.
    pub(super) sources: Vec<RepackSource>,
    /// Frames are framed anew even where that is dear.
    pub(super) is_thorough: bool,
    pub(super) orphaned_packs: Vec<ObjectHash>,
    pub(super) orphaned_segments: Vec<ObjectHash>,
}

/// A pack that is written anew.
#[derive(Debug, Clone)]
pub(super) struct RepackSource {
    pub(super) pack: Arc<PackInfo>,
    /// How many blobs of it are needed, as the index has them.
    pub(super) needed_rows: u64,
}

/// A plan that is being carried out.
struct Applying<'a> {
    repository: &'a Repository,
    remote: &'a Remote,
    observer: &'a dyn Observer,
    options: PruneOptions,
    is_thorough: bool,
    ground: Ground,
    began: Time,
    report: PruneReport,
    bytes_to_read: u64,
}

/// Whether to go on.
enum Next {
    GoOn,
    Stop,
}

/// Carries a plan out.
pub(super) fn apply(
    repository: &Repository,
    remote: &Remote,
    plan: PrunePlan,
    observer: &dyn Observer,
) -> Result<PruneReport> {
    if plan.repository != repository.id() {
        let what = "the plan is of another repository";
        return Err(Error::new(ErrorKind::Invalid, what));
    }
    let dead = names(plan.with(PackAction::Drop));
    let condemn: Vec<_> = plan.with(PackAction::Condemn).map(|one| one.name).collect();
    let sessions = plan.sessions.iter().copied().collect();
    let Basis {
        ground,
        sources,
        is_thorough,
        orphaned_packs,
        orphaned_segments,
    } = plan.basis;
    let mut applying = Applying {
        repository,
        remote,
        observer,
        options: plan.options,
        is_thorough,
        ground,
        began: repository.context().components.clock.now(),
        report: PruneReport::default(),
        bytes_to_read: sources
            .iter()
            .map(|source| u64::from(source.pack.len))
            .sum(),
    };
    repository.say_single_writer(observer);
    observer.on_event(&Event::Phase(Phase::Commit));
    let orphans = (orphaned_packs, orphaned_segments);
    if let Next::GoOn = applying.drop_dead(&dead, orphans, sessions)? {
        observer.on_event(&Event::Phase(Phase::Store));
        if let Next::GoOn = applying.repack(sources)? {
            observer.on_event(&Event::Phase(Phase::Finish));
            applying.condemn(condemn)?;
            applying.merge()?;
        }
    }
    applying.finish()
}

/// Returns about how many entries it takes to drop so many packs, to say what was moved, and to condemn so many.
pub(super) fn entries(dead: u64, written_bytes: u64, condemned: u64) -> u64 {
    let names = NAMES_AT_ONCE as u64;
    dead.div_ceil(names) + condemned.div_ceil(names) + batches(written_bytes)
}

/// Returns about how many batches so many bytes make.
pub(super) fn batches(written_bytes: u64) -> u64 {
    written_bytes.div_ceil(BATCH_BYTES)
}

impl Applying<'_> {
    /// Drops what nothing needs anything of.
    fn drop_dead(
        &mut self,
        dead: &BTreeSet<ObjectHash>,
        orphans: (Vec<ObjectHash>, Vec<ObjectHash>),
        sessions: BTreeSet<SessionId>,
    ) -> Result<Next> {
        let mut batches = VecDeque::new();
        let packs: Vec<_> = dead.iter().copied().chain(orphans.0).collect();
        for packs in packs.chunks(NAMES_AT_ONCE) {
            batches.push_back(Batch {
                packs: packs.iter().copied().collect(),
                ..Batch::default()
            });
        }
        for segments in orphans.1.chunks(NAMES_AT_ONCE) {
            batches.push_back(Batch {
                segments: segments.iter().copied().collect(),
                ..Batch::default()
            });
        }
        if batches.is_empty() && !sessions.is_empty() {
            batches.push_back(Batch::default());
        }
        if let Some(first) = batches.front_mut() {
            first.sessions = sessions;
        }
        while let Some(batch) = batches.pop_front() {
            if let Next::Stop = self.bury(batch)? {
                return Ok(Next::Stop);
            }
            if !batches.is_empty() && self.is_time_up()? {
                return Ok(Next::Stop);
            }
        }
        Ok(Next::GoOn)
    }

    /// Writes what is needed of packs into new ones, and drops them.
    fn repack(&mut self, sources: Vec<RepackSource>) -> Result<Next> {
        if sources.is_empty() {
            return Ok(Next::GoOn);
        }
        let context: Arc<Context> = Arc::clone(self.repository.context());
        let keys = context.keys();
        let options = self.options.clone();
        let state = self.repository.journal().state();
        let tools = Tools::new(&context, &keys, self.remote, &state, &options)?;
        let index = Arc::clone(&self.ground.index);
        let blobs = Blobs::new(self.remote.clone(), Arc::clone(&context), index, 0);
        std::thread::scope(|scope| {
            let crew = Crew::start(scope, &tools, &blobs)?;
            let reframing = Reframing::new(&keys, &state, &options).thorough(self.is_thorough);
            let mut repacker = Repacker::new(&tools, crew, reframing);
            self.move_packs(&mut repacker, &blobs, sources)
        })
    }

    /// Reads one pack after another and moves what is needed of it.
    fn move_packs(
        &mut self,
        repacker: &mut Repacker<'_>,
        blobs: &Blobs,
        sources: Vec<RepackSource>,
    ) -> Result<Next> {
        let mut next = Next::GoOn;
        let mut coming = VecDeque::from(sources);
        let mut waiting: VecDeque<(RepackSource, Ticket<Bytes>)> = VecDeque::new();
        loop {
            while waiting.len() < READS {
                let Some(source) = coming.pop_front() else {
                    break;
                };
                if self.ground.doomed.contains(&source.pack.name) {
                    let ticket =
                        self.remote
                            .get_pack_later(&source.pack.key()?, source.pack.class, None);
                    waiting.push_back((source, ticket));
                }
            }
            let Some((source, ticket)) = waiting.pop_front() else {
                break;
            };
            next = self.read(repacker, blobs, &source, ticket)?;
            if matches!(next, Next::GoOn) && repacker.is_due() {
                next = self.bury_moved(repacker)?;
            }
            if matches!(next, Next::Stop) || self.is_time_up()? {
                next = Next::Stop;
                break;
            }
        }
        // What is open is not lost, unless what it relied on is.
        if !self.is_stale() {
            repacker.finish()?;
            if let Next::Stop = self.note_failed(repacker)? {
                next = Next::Stop;
            }
        }
        if !self.is_stale() && matches!(self.bury_moved(repacker)?, Next::Stop) {
            next = Next::Stop;
        }
        self.report.moved_trapped_bytes = repacker.trapped;
        self.report.parity = repacker.parity();
        Ok(next)
    }

    fn is_stale(&self) -> bool {
        matches!(self.report.stopped, Some(Stopped::Stale(_)))
    }

    /// Moves what is needed of one pack.
    fn read(
        &mut self,
        repacker: &mut Repacker<'_>,
        blobs: &Blobs,
        source: &RepackSource,
        ticket: Ticket<Bytes>,
    ) -> Result<Next> {
        let pack = &source.pack;
        let taken = ticket
            .wait()
            .and_then(|whole| repacker.take(blobs, &self.ground.marks, source, &whole));
        match taken {
            Ok(()) => {}
            Err(error) if is_out_of_reach(&error) => return self.note_unreadable(pack, error),
            Err(error) => return Err(error),
        }
        self.report.read_bytes += u64::from(pack.len);
        let progress = Progress {
            bytes: self.report.read_bytes,
            bytes_total: Some(self.bytes_to_read),
            transferred: self.report.read_bytes + self.report.added_bytes,
            ..Progress::default()
        };
        self.observer.on_event(&Event::Progress(&progress));
        self.note_failed(repacker)
    }

    /// Takes note of the packs of which it has turned out that they cannot be read.
    fn note_failed(&mut self, repacker: &mut Repacker<'_>) -> Result<Next> {
        for (pack, error) in repacker.failed() {
            if let Next::Stop = self.note_unreadable(&pack, error)? {
                return Ok(Next::Stop);
            }
        }
        Ok(Next::GoOn)
    }

    /// Takes note of a pack that cannot be read: it is lost, or others have dropped and deleted it meanwhile.
    fn note_unreadable(&mut self, pack: &PackInfo, error: Error) -> Result<Next> {
        let journal = self.repository.journal();
        let state = journal.refresh(self.remote, self.repository.context())?;
        if !state.packs.contains(&pack.name)? {
            self.report.stopped = Some(Stopped::Stale(ground::dropped(&pack.name)));
            return Ok(Next::Stop);
        }
        // It stays as it is: who reads what is needed of it may still be lucky.
        self.ground.doomed.remove(&pack.name);
        self.report.problems.push(error);
        Ok(Next::GoOn)
    }

    fn bury_moved(&mut self, repacker: &mut Repacker<'_>) -> Result<Next> {
        let Some(moved) = repacker.batch()? else {
            return Ok(Next::GoOn);
        };
        let Moved {
            packs,
            added,
            added_bytes,
            epoch,
        } = moved;
        let new: Vec<_> = added.packs.iter().map(|pack| pack.name).collect();
        let mapping: Vec<_> = added.segments.iter().map(|segment| segment.name).collect();
        let batch = Batch {
            packs: packs.into_iter().collect(),
            added,
            epoch,
            ..Batch::default()
        };
        let next = self.bury(batch)?;
        if let Next::GoOn = next {
            self.report.added_packs += new.len() as u64;
            self.report.added_bytes += added_bytes;
            self.ground.needed.extend(new);
            self.ground.written.extend(mapping);
        }
        Ok(next)
    }

    /// Writes the entry of a batch, less what is needed after all.
    fn bury(&mut self, mut batch: Batch) -> Result<Next> {
        self.remote.before_batch()?;
        loop {
            let ground = &self.ground;
            batch
                .packs
                .retain(|name| ground.doomed.contains(name) || ground.orphans.contains(name));
            batch.segments.retain(|name| ground.orphans.contains(name));
            batch
                .sessions
                .retain(|session| ground.given_up.contains_key(session));
            let mut objection = None;
            let context = self.repository.context();
            let journal = self.repository.journal();
            let appended = journal.append(self.remote, context, Roles::MAINTAINER, &mut |state| {
                ground.tombstone(journal, state, &batch).map_err(|found| {
                    objection = Some(found);
                    Error::new(ErrorKind::Stale, "a batch of a prune is not as planned")
                })
            });
            match (appended, objection) {
                (Ok(_), _) => {
                    self.note(&batch)?;
                    return Ok(Next::GoOn);
                }
                (Err(_), Some(Objection::Done)) => {
                    self.forget(&batch);
                    return Ok(Next::GoOn);
                }
                (Err(_), Some(Objection::Behind)) => {
                    if let Next::Stop = self.catch_up()? {
                        return Ok(Next::Stop);
                    }
                }
                (Err(_), Some(Objection::Stale(error))) => {
                    self.report.stopped = Some(Stopped::Stale(error));
                    return Ok(Next::Stop);
                }
                (Err(_), Some(Objection::Failed(error))) | (Err(error), None) => return Err(error),
            }
        }
    }

    /// Marks what was committed meanwhile.
    fn catch_up(&mut self) -> Result<Next> {
        match self.ground.catch_up(self.repository, self.remote) {
            Ok(saved) => {
                self.report.kept_after_all.extend(saved);
                Ok(Next::GoOn)
            }
            // What was marked up to there is half of a tree, so nothing more may be dropped by it, whoever is to blame.
            Err(error) if is_loss(&error) => {
                let (journal, context) = (self.repository.journal(), self.repository.context());
                let head = journal.state().head;
                if journal.refresh(self.remote, context)?.head == head {
                    return Err(error);
                }
                let what =
                    "what was committed meanwhile could not be read, and others have written since";
                let stale = Error::new(ErrorKind::Stale, what).caused_by(error);
                self.report.stopped = Some(Stopped::Stale(stale));
                Ok(Next::Stop)
            }
            Err(error) if error.kind() == ErrorKind::Stale => {
                self.report.stopped = Some(Stopped::Stale(error));
                Ok(Next::Stop)
            }
            Err(error) => Err(error),
        }
    }

    /// Takes note of what was dropped.
    fn note(&mut self, batch: &Batch) -> Result<()> {
        let report = &mut self.report;
        report.entries += 1;
        let packs = &self.ground.history.state.packs;
        for name in &batch.packs {
            match packs.get(name)? {
                Some(pack) => {
                    report.dropped_packs += 1;
                    report.dropped_bytes += u64::from(pack.len);
                }
                None => report.dropped_orphans += 1,
            }
        }
        report.dropped_orphans += batch.segments.len() as u64;
        report.sessions += batch.sessions.len() as u64;
        self.forget(batch);
        Ok(())
    }

    fn forget(&mut self, batch: &Batch) {
        let ground = &mut self.ground;
        for name in batch.packs.iter().chain(&batch.segments) {
            ground.doomed.remove(name);
            ground.needed.remove(name);
            ground.orphans.remove(name);
        }
        ground
            .given_up
            .retain(|session, _| !batch.sessions.contains(session));
    }

    fn condemn(&mut self, packs: Vec<ObjectHash>) -> Result<()> {
        for packs in packs.chunks(NAMES_AT_ONCE) {
            let mut done = false;
            let mut count = 0;
            let appended = self.repository.journal().append(
                self.remote,
                self.repository.context(),
                Roles::MAINTAINER,
                &mut |state| {
                    let mut new = Vec::new();
                    for name in packs {
                        if !state.condemned.contains(name) && state.packs.contains(name)? {
                            new.push(*name);
                        }
                    }
                    done = new.is_empty();
                    count = new.len() as u64;
                    match done {
                        true => Err(Error::new(ErrorKind::Stale, "nothing is left to condemn")),
                        false => Ok(Body::Condemn(Condemn {
                            packs: new,
                            ..Condemn::default()
                        })),
                    }
                },
            );
            match appended {
                Err(_) if done => continue,
                other => other?,
            };
            self.report.entries += 1;
            self.report.condemned_packs += count;
        }
        Ok(())
    }

    fn merge(&mut self) -> Result<()> {
        if !self.options.merge_segments || self.is_time_up()? {
            return Ok(());
        }
        let merged = match crate::merge::merge_segments(self.repository, self.remote) {
            Ok(merged) => merged,
            Err(error) if error.kind() == ErrorKind::Cancelled => return Err(error),
            Err(error) => {
                // What was dropped is dropped and has to be told, whatever becomes of this.
                self.report.problems.push(error);
                return Ok(());
            }
        };
        self.report.merged_segments += merged.segments;
        self.report.entries += merged.entries;
        self.report.added_bytes += merged.added_bytes;
        Ok(())
    }

    /// Says whether the time is up, and notes it.
    fn is_time_up(&mut self) -> Result<bool> {
        self.remote.before_batch()?;
        let Some(limit) = self.options.time.filter(|limit| *limit < Duration::MAX) else {
            return Ok(false);
        };
        let now = self.repository.context().components.clock.now();
        let is_up = is_past(self.began, limit, now);
        if is_up && self.report.stopped.is_none() {
            self.report.stopped = Some(Stopped::Time);
        }
        Ok(is_up)
    }

    /// Returns the report, or the error of a plan of which nothing could be done.
    fn finish(mut self) -> Result<PruneReport> {
        match self.report.stopped.take() {
            Some(Stopped::Stale(error)) if self.report.entries == 0 => Err(error),
            stopped => {
                self.report.stopped = stopped;
                self.report.kept_after_all.sort_unstable();
                self.report.kept_after_all.dedup();
                Ok(self.report)
            }
        }
    }
}

/// Names in one entry: entries are small, so that a conflict costs little.
const NAMES_AT_ONCE: usize = 1_000;
/// Packs on their way at once.
const READS: usize = 2;
