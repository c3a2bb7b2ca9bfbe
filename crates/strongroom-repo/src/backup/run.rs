//! The threads of a backup and what they share.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread::ScopedJoinHandle;

use crossbeam_channel::{Receiver, Sender, bounded, unbounded};
use strongroom_chunk::Chunker;
use strongroom_crypt::{Id, Session, SessionId};
use strongroom_format::{ObjectHash, PackClass, SessionKeyRecord};

use super::group::Group;
use super::judge::Judge;
use super::known::Known;
use super::large::LargeJob;
use super::plan::{Outlets, plan};
use super::progress::Meter;
use super::retired::Retired;
use super::tree::{Tree, TreeBuilder};
use super::tree_store::{NAMES, PAGE, TreeStore};
use super::upload::{Unannounced, Uploader};
use super::worker::{DATA, Worker};
use super::{Base, large};
use crate::blobs::Blobs;
use crate::buffers::{Buffers, FewBuffers};
use crate::context::Context;
use crate::edge::{Remote, cancelled, panicked};
use crate::error::{Error, ErrorKind, Result};
use crate::frame_writer::{FrameSealer, FrameWriter};
use crate::index::Index;
use crate::journal::lock;
use crate::keys::Keys;
use crate::memory::Shares;
use crate::observer::Observer;
use crate::outlet::{Answering, Outlet, Present, answering};
use crate::pack_writer::{FinishedPack, PackWriter, start_session};
use crate::repository::Repository;
use crate::settings::Execution;
use crate::source::Source;
use crate::threads::start_scoped;

/// What the threads of one backup share.
pub(super) struct Run<'a> {
    pub(super) keys: &'a Keys,
    pub(super) source: &'a dyn Source,
    pub(super) chunker: &'a dyn Chunker,
    pub(super) known: &'a Known,
    pub(super) tree: &'a TreeStore<'a>,
    pub(super) progress: &'a Meter,
    pub(super) observer: &'a dyn Observer,
    pub(super) remote: &'a Remote,
    pub(super) shares: Shares,
    pub(super) buffers: BufferSets,
    /// Those who answer jobs.
    pub(super) workers: Answering,
    /// Those who answer for large files.
    pub(super) readers: Answering,
}

impl std::fmt::Debug for Run<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Run")
            .field("source", &self.source)
            .finish_non_exhaustive()
    }
}

/// Buffers by use, so that each is of the size its next user needs.
#[derive(Debug)]
pub(super) struct BufferSets {
    pub(super) batches: Buffers,
    /// Of large files: one being filled by each reader, one at each worker, and one more.
    pub(super) reads: FewBuffers,
}

/// What a backup stored.
#[derive(Debug)]
pub(super) struct Stored {
    pub(super) tree: Tree,
    pub(super) root: Id,
    pub(super) rest: Unannounced,
    pub(super) session: SessionId,
    /// The epoch that its content is sealed under.
    pub(super) epoch: u32,
    /// The packs and segments that it has announced.
    pub(super) announced: Vec<ObjectHash>,
    /// The index that the pass started with, and what it has announced.
    pub(super) index: Arc<Index>,
}

pub(super) fn parent_blobs(repository: &Repository, remote: &Remote, base: &Base) -> Blobs {
    let context = repository.context().clone();
    let room = context.shares.parent;
    Blobs::new(remote.clone(), context, base.index.clone(), room)
}

/// Walks the source and stores what is new. When it returns everything is durable, and all but the rest is announced.
pub(super) fn store(
    repository: &Repository,
    remote: &Remote,
    source: &dyn Source,
    base: &Base,
    chunker: &dyn Chunker,
    meter: &Meter,
) -> Result<Stored> {
    let context: &Context = repository.context();
    let keys = context.keys();
    let (session, record) = start_session(context, &keys, &base.state)?;
    let packs = Packs::new(context);
    let blobs = parent_blobs(repository, remote, base);
    let known = Known::new(base.index.clone(), Retired::of(&base.state, &blobs));
    let opened = (session.id(), record.epoch);
    let mut uploader = Uploader::new(repository, remote, &known, meter, opened);
    let parts = Parts {
        keys: &keys,
        source,
        chunker,
        known: &known,
        meter,
        remote,
        shares: context.shares,
    };
    let judge = Judge::new(base.beside(&blobs));
    let writers = |workers, finished| {
        Writers::new(
            context,
            &keys,
            (&session, &record),
            &packs,
            workers,
            finished,
        )
    };
    let tree = match remote.execution() {
        Execution::Threads => {
            let threads = context.settings.threads;
            build_beside(&mut uploader, |finished| {
                build(parts, writers(threads, finished)?, judge)
            })?
        }
        Execution::Inline => {
            let shared = Mutex::new(&mut uploader);
            let put = |pack| lock(&shared).take(pack);
            build(parts, writers(1, Outlet::Stage(&put))?, judge)?
        }
    };
    uploader.finish()?;
    let rest = uploader.rest()?;
    let root = tree
        .root
        .ok_or_else(|| Error::new(ErrorKind::Internal, "a tree without a root"))?
        .id;
    Ok(Stored {
        tree,
        root,
        rest,
        session: session.id(),
        epoch: record.epoch,
        announced: uploader.announced,
        index: known.index(),
    })
}

/// Sends packs to the store on this thread, while another builds the tree and has the walker, the readers of large files and
/// the workers below it. Whoever fails drops its ends of the queues, and everybody else comes to an end by that.
fn build_beside<'a>(
    uploader: &mut Uploader<'_>,
    build: impl FnOnce(Outlet<'a, FinishedPack>) -> Result<Tree> + Send,
) -> Result<Tree> {
    let (sender, finished) = bounded(1);
    std::thread::scope(|scope| {
        let built = start_scoped(scope, "strongroom-tree", move || {
            build(Outlet::Queue(sender))
        })?;
        let uploaded = finished.iter().try_for_each(|pack| uploader.take(pack));
        drop(finished);
        let built = join("the tree builder", built);
        first_cause(built, uploaded)
    })
}

/// What a run is made of, before it has a tree store.
#[derive(Debug, Clone, Copy)]
struct Parts<'a> {
    keys: &'a Keys,
    source: &'a dyn Source,
    chunker: &'a dyn Chunker,
    known: &'a Known,
    meter: &'a Meter,
    remote: &'a Remote,
    shares: Shares,
}

/// The packs of a session, by class.
#[derive(Debug)]
struct Packs<'a> {
    data: PackWriter<'a>,
    names: PackWriter<'a>,
    pages: PackWriter<'a>,
}

impl<'a> Packs<'a> {
    fn new(context: &'a Context) -> Self {
        let writer = |class, open| PackWriter::new(context, class, open, Buffers::default());
        Self {
            data: writer(PackClass::Data, context.shares.open_packs)
                .with_places(context.shares.packs()),
            names: writer(PackClass::Names, 1),
            pages: writer(PackClass::Pages, 1),
        }
    }
}

/// Writers of frames: one a worker, one to close the data packs, one each for names and pages.
#[derive(Debug)]
struct Writers<'a> {
    worker: FrameWriter<'a>,
    /// Of all workers but that one.
    others: Vec<FrameWriter<'a>>,
    last: FrameWriter<'a>,
    names: FrameWriter<'a>,
    pages: FrameWriter<'a>,
}

impl<'a> Writers<'a> {
    fn new(
        context: &'a Context,
        keys: &'a Keys,
        session: (&'a Session, &'a SessionKeyRecord),
        packs: &'a Packs<'a>,
        workers: usize,
        finished: Outlet<'a, FinishedPack>,
    ) -> Result<Self> {
        let (session, record) = session;
        let content = FrameSealer::Session(session.sealer(), record);
        let writer =
            |sealer, kind, packs| FrameWriter::new(context, sealer, kind, packs, finished.clone());
        let others = (1..workers)
            .map(|_| writer(content, DATA, &packs.data))
            .collect::<Result<_>>()?;
        Ok(Self {
            worker: writer(content, DATA, &packs.data)?,
            others,
            last: writer(content, DATA, &packs.data)?,
            names: writer(content, NAMES, &packs.names)?,
            pages: writer(FrameSealer::Refs(keys.structure.refs()), PAGE, &packs.pages)?,
        })
    }
}

/// Runs everything up to the last pack. Every sender of packs has gone when it returns.
fn build(parts: Parts<'_>, writers: Writers<'_>, judge: Judge<'_>) -> Result<Tree> {
    let Parts {
        keys,
        source,
        chunker,
        known,
        meter,
        remote,
        shares,
    } = parts;
    let tree = TreeStore::new(keys, known, meter, writers.names, writers.pages);
    let (working, workers) = answering();
    let (reading, readers) = answering();
    let run = Run {
        keys,
        source,
        chunker,
        known,
        tree: &tree,
        progress: meter,
        observer: meter.observer(),
        remote,
        shares,
        buffers: BufferSets {
            batches: Buffers::default(),
            reads: FewBuffers::new(shares.read_buffers()),
        },
        workers,
        readers,
    };
    let built = match remote.execution() {
        Execution::Threads => {
            let mut workers = writers.others;
            workers.push(writers.worker);
            in_threads(&run, judge, workers, (working, reading))?
        }
        Execution::Inline => inline(&run, judge, writers.worker)?,
    };
    writers.last.finish()?;
    tree.finish()?;
    Ok(built)
}

/// Connects the stages by queues, each on threads of its own; the tree is built on this one.
fn in_threads<'a>(
    run: &Run<'a>,
    judge: Judge<'_>,
    workers: Vec<FrameWriter<'a>>,
    (working, reading): (Present, Present),
) -> Result<Tree> {
    let threads = workers.len();
    let (jobs_sender, jobs) = bounded(threads);
    let (large_sender, large_files) = bounded(run.shares.large_readers);
    let (results_sender, results) = unbounded();
    let groups = run.shares.groups();
    let (credit, credits) = bounded(groups);
    give(&credit, groups);
    std::thread::scope(|scope| {
        for frames in workers {
            let (jobs, results) = (jobs.clone(), results_sender.clone());
            let present = working.clone();
            start_scoped(scope, "strongroom-work", move || {
                let _present = present;
                tell(&results, "a worker", || {
                    let mut worker = Worker::new(run, frames, Outlet::Queue(results.clone()));
                    jobs.iter().try_for_each(|job| worker.work(job))
                });
            })?;
        }
        // Only workers take jobs: when they have gone, whoever sends one or waits for one is told.
        drop((jobs, working));
        for _ in 0..run.shares.large_readers {
            let (files, jobs) = (large_files.clone(), Outlet::Queue(jobs_sender.clone()));
            let results = results_sender.clone();
            let present = reading.clone();
            start_scoped(scope, "strongroom-read", move || {
                let _present = present;
                tell(&results, "a reader", || large::read_all(run, &files, &jobs));
            })?;
        }
        drop((large_files, reading));
        let results_of_plan = results_sender.clone();
        let outlets = Outlets {
            credits,
            jobs: Outlet::Queue(jobs_sender),
            large: Outlet::Queue(large_sender),
            results: Outlet::Queue(results_sender),
        };
        start_scoped(scope, "strongroom-walk", move || {
            tell(&results_of_plan, "the walker", || plan(run, judge, outlets));
        })?;
        // Returning drops the ends of this thread, and with them an unfinished run.
        let (results, credit) = (results, credit);
        collect(run, &results, &credit)
    })
}

/// Connects the same stages by calls: each is done with what it is given before the one that gave it goes on.
fn inline<'a>(run: &Run<'a>, judge: Judge<'_>, frames: FrameWriter<'a>) -> Result<Tree> {
    let (credit, credits) = bounded(1);
    give(&credit, 1);
    let builder = Mutex::new(TreeBuilder::new(run));
    let build = |group: Result<Group>| {
        give(&credit, lock(&builder).take(group?)?);
        Ok(())
    };
    let worker = Mutex::new(Worker::new(run, frames, Outlet::Stage(&build)));
    let work = |job| lock(&worker).work(job);
    let read = |job: LargeJob| {
        let file = large::read(run, job.entry, &Outlet::Stage(&work))?;
        // The group that the file belongs to is still being made.
        job.reply.send(Ok(file)).map_err(|_| cancelled())
    };
    let outlets = Outlets {
        credits,
        jobs: Outlet::Stage(&work),
        large: Outlet::Stage(&read),
        results: Outlet::Stage(&build),
    };
    plan(run, judge, outlets)?;
    drop(worker);
    builder
        .into_inner()
        .unwrap_or_else(PoisonError::into_inner)
        .finish()
}

/// Builds the tree from the groups as they come.
fn collect(run: &Run<'_>, results: &Receiver<Result<Group>>, credit: &Sender<()>) -> Result<Tree> {
    let mut builder = TreeBuilder::new(run);
    let mut failed = None;
    for result in results {
        match result.and_then(|group| builder.take(group)) {
            Ok(built) => give(credit, built),
            Err(error) => {
                failed = Some(error);
                break;
            }
        }
    }
    match failed {
        None => builder.finish(),
        // What was sent first may be a consequence; the cause is then among what was sent later.
        Some(error) => first_cause(
            Err(error),
            results.try_iter().find_map(Result::err).map_or(Ok(()), Err),
        ),
    }
}

/// Lets so many groups begin; a walker that has ended needs none.
fn give(credit: &Sender<()>, groups: usize) {
    for _ in 0..groups {
        if credit.send(()).is_err() {
            break;
        }
    }
}

/// Of two results, prefers the error that is a cause: `Cancelled` only says that another thread had gone.
fn first_cause<T>(one: Result<T>, other: Result<()>) -> Result<T> {
    match (one, other) {
        (Err(one), Err(other)) if one.kind() == ErrorKind::Cancelled => Err(other),
        (Err(one), _) => Err(one),
        (Ok(_), Err(other)) => Err(other),
        (Ok(one), Ok(())) => Ok(one),
    }
}

/// Runs a thread's work and sends its error, or its panic, to the tree builder.
fn tell(results: &Sender<Result<Group>>, name: &str, work: impl FnOnce() -> Result<()>) {
    let outcome = catch_unwind(AssertUnwindSafe(work))
        .unwrap_or_else(|panic| Err(panicked(name, panic.as_ref())));
    if let Err(error) = outcome {
        // A builder that has gone has an error of its own.
        drop(results.send(Err(error)));
    }
}

fn join<T>(name: &str, handle: ScopedJoinHandle<'_, Result<T>>) -> Result<T> {
    handle
        .join()
        .unwrap_or_else(|panic| Err(panicked(name, panic.as_ref())))
}
