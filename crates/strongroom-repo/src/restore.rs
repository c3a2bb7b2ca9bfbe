//! Restoring a snapshot into a target.
//!
//! The operation's thread walks the tree, makes directories and plans windows of files; one thread fetches the parts of packs that
//! a window needs, each once; the workers decode frames and write what is in them to all the files that want it. Inline, each of
//! them is called by the one before.

mod dir;
mod dry;
mod fetch;
mod file;
#[cfg(test)]
mod hostile;
mod inspect;
mod links;
mod needs;
mod open_files;
mod options;
mod plan;
mod report;
#[cfg(test)]
mod requests;
mod run;
#[cfg(test)]
mod tests;
mod walk;
mod window;
mod work;

use std::sync::{Arc, Mutex};

use crossbeam_channel::bounded;
use strongroom_crypt::Id;
use strongroom_format::Snapshot;
use strongroom_store::Warmer;

use crate::blobs::{Blobs, Room};
use crate::edge::{self, Remote};
use crate::error::{Error, ErrorKind, Result};
use crate::journal::lock;
use crate::list::{Found, resolve};
use crate::observer::{Event, Observer, Phase};
use crate::outlet::Outlet;
use crate::repository::Repository;
use crate::restore::dry::DryTarget;
use crate::restore::fetch::Fetcher;
use crate::restore::needs::Needs;
use crate::restore::report::Tally;
use crate::restore::run::Run;
use crate::restore::walk::{Top, Walk};
use crate::restore::window::Window;
use crate::restore::work::Worker;
use crate::settings::Execution;
use crate::target::Target;
use crate::threads::start_scoped;
use crate::warm_up;

pub use needs::{NeededPack, RestorePlan};
pub use options::{Cold, Existing, Extra, Include, Mode, RestoreOptions};
pub use report::{Lost, LostReason, PathDeviation, RestoreReport};

impl Repository {
    /// Says what restoring a snapshot, or a part of it, into an empty target needs: which packs, how much of them, in how many
    /// requests, and which of them are in cold storage, as `warmer` says.
    ///
    /// The tree is walked as the restore walks it, and no content is read. What [`RestoreOptions::existing`] could save, and
    /// [`RestoreOptions::mode`], are not looked at. Memory: as [`restore`](Self::restore), and 200 bytes for each pack.
    ///
    /// # Errors
    ///
    /// As [`restore`](Self::restore), and what the warmer said.
    ///
    /// # Cancellation
    ///
    /// Dropping the future leaves nothing behind.
    pub async fn plan_restore(
        &self,
        snapshot: &Id,
        options: RestoreOptions,
        warmer: Option<Arc<dyn Warmer>>,
        observer: Arc<dyn Observer>,
    ) -> Result<RestorePlan> {
        let (this, snapshot) = (self.clone(), *snapshot);
        let store = self.store();
        edge::run(store, "strongroom-plan-restore", move |remote| {
            plan(
                &this,
                remote,
                &snapshot,
                &options,
                warmer.as_ref(),
                observer,
            )
        })
        .await
    }

    /// Restores a snapshot, or a part of it, into `target`.
    ///
    /// Every blob proves itself by its id before it is used. An entry that cannot be restored is named in the report and
    /// told to the observer, and everything else is restored; a file of which a part is lost is not left under its
    /// name. When the target is full or the store cannot be reached any more, the restore ends early, takes away the files it
    /// has written in part, and [`RestoreReport::stopped`] says why. What others
    /// move to other packs meanwhile is found there; a snapshot that is forgotten meanwhile and whose data is deleted ends the restore with
    /// `NotFound` there. What is in cold storage must be [warmed up](Self::warm_up) before: [`RestoreOptions::cold`] says what happens else.
    ///
    /// Memory: at most 25 MiB of plans, 40 MiB of fetched parts of packs (12 MiB from a near store; or one part, if that is more), 8 MiB of
    /// decoded pages and names, 8 MiB of them as they were fetched, 12 MiB of pack headers, and two frames, which have 2 MiB and
    /// at most 16, for each of `Settings::threads` and two more.
    ///
    /// # Errors
    ///
    /// `NotFound` when there is no such snapshot, or no such path in it; `Damaged` or `NotFound` with an
    /// object's name when the path cannot be found because pages are lost; otherwise what the store said before
    /// anything was restored.
    ///
    /// # Cancellation
    ///
    /// Dropping the future ends the restore soon after, on threads of its own. Files written in part are taken away.
    pub async fn restore(
        &self,
        snapshot: &Id,
        target: Arc<dyn Target>,
        options: RestoreOptions,
        observer: Arc<dyn Observer>,
    ) -> Result<RestoreReport> {
        let (this, snapshot) = (self.clone(), *snapshot);
        let store = self.store();
        edge::run(store, "strongroom-restore", move |remote| {
            restore(&this, remote, &snapshot, target, &options, observer)
        })
        .await
    }
}

/// Walks as a restore into an empty target would, and asks the warmer about what it would fetch.
fn plan(
    repository: &Repository,
    remote: &Remote,
    snapshot: &Id,
    options: &RestoreOptions,
    warmer: Option<&Arc<dyn Warmer>>,
    observer: Arc<dyn Observer>,
) -> Result<RestorePlan> {
    let options = RestoreOptions {
        mode: Mode::DryRun,
        ..options.clone()
    };
    let target: Arc<dyn Target> = Arc::new(DryTarget(None));
    let (mut run, top) = begin(repository, remote, snapshot, target, &options, observer)?;
    let needs = run.needs.insert(Needs::default()).clone();
    run.tally.observe(&Event::Phase(Phase::Plan));
    carry_out(&run, &options, top);
    let trees = (run.blobs.requests(), run.blobs.fetched());
    let mut report = report(&run)?;
    if let Some(error) = report.stopped.take() {
        return Err(error);
    }
    let packs = needs.take();
    let warmth = match warmer {
        Some(warmer) => warm_up::look(remote, warmer, packs.iter().map(NeededPack::key))?,
        None => Vec::new(),
    };
    Ok(RestorePlan::new(*snapshot, packs, warmth, trees, report))
}

fn restore(
    repository: &Repository,
    remote: &Remote,
    snapshot: &Id,
    target: Arc<dyn Target>,
    options: &RestoreOptions,
    observer: Arc<dyn Observer>,
) -> Result<RestoreReport> {
    let target = match options.mode {
        Mode::DryRun => Arc::new(DryTarget(Some(target))),
        Mode::Restore => target,
    };
    let (run, top) = begin(repository, remote, snapshot, target, options, observer)?;
    run.tally.observe(&Event::Phase(Phase::Restore));
    carry_out(&run, options, top);
    report(&run)
}

/// Finds a snapshot, and what of it is restored.
fn begin(
    repository: &Repository,
    remote: &Remote,
    snapshot: &Id,
    target: Arc<dyn Target>,
    options: &RestoreOptions,
    observer: Arc<dyn Observer>,
) -> Result<(Run, Top)> {
    observer.on_event(&Event::Phase(Phase::Prepare));
    let room = repository.context().shares.restored;
    let (snapshot, blobs) = open_snapshot(repository, remote, snapshot, room)?;
    if options.path.is_empty() && options.include.is_none() {
        blobs.sweep();
    }
    let top = match resolve(&blobs, &snapshot.root, &options.path)? {
        Found::Directory(node, page) => Top::Directory(node, page),
        Found::Entry(entry) => Top::Entry(entry),
    };
    let tally = Tally::new(observer, totals(&snapshot, options));
    Ok((Run::new(target, blobs, remote.clone(), tally, options), top))
}

fn carry_out(run: &Run, options: &RestoreOptions, top: Top) {
    match run.remote.execution() {
        // While some wait for a disk, others compute.
        Execution::Threads => in_threads(run, options, top),
        Execution::Inline => inline(run, options, top),
    }
}

fn report(run: &Run) -> Result<RestoreReport> {
    let stopped = run.take_stop();
    if stopped.is_some() {
        run.clean_up();
    }
    match stopped {
        Some(error) if matches!(error.kind(), ErrorKind::Cancelled | ErrorKind::Internal) => {
            Err(error)
        }
        stopped => Ok(run.tally.finish(run.blobs.fetched(), stopped)),
    }
}

/// Walks on this thread, and fetches and works on others. Whatever ends early, all of them end.
fn in_threads(run: &Run, options: &RestoreOptions, top: Top) {
    let threads = run.blobs.shares().restore_workers();
    let (plans, planned) = bounded(1);
    let (jobs, work) = bounded(threads * JOBS_A_THREAD);
    std::thread::scope(|scope| {
        let mut started = Ok(());
        for _ in 0..threads {
            let work = work.clone();
            let worker = start_scoped(scope, "strongroom-worker", move || work::run(run, &work));
            started = started.and(worker.map(drop));
        }
        drop(work);
        let fetched = Outlet::Queue(jobs.clone());
        let fetcher = start_scoped(scope, "strongroom-fetch", move || {
            fetch::run(run, &planned, fetched);
        });
        started = started.and(fetcher.map(drop));
        if let Err(error) = started {
            run.stop(error);
        }
        let (plans, jobs) = (Outlet::Queue(plans), Outlet::Queue(jobs));
        walk_all(
            run,
            options,
            top,
            Window::new(run, options.existing, plans, jobs),
        );
    });
}

/// Walks, fetches and works on this thread, each window to its end.
fn inline(run: &Run, options: &RestoreOptions, top: Top) {
    let worker = match Worker::new(run) {
        Ok(worker) => Mutex::new(worker),
        Err(error) => return run.stop(error),
    };
    let work = |job| {
        lock(&worker).take(job);
        Ok(())
    };
    let fetcher = Mutex::new(Fetcher::new(run, Outlet::Stage(&work)));
    let fetch = |plan| {
        lock(&fetcher).fetch_one(plan);
        Ok(())
    };
    let (plans, jobs) = (Outlet::Stage(&fetch), Outlet::Stage(&work));
    walk_all(
        run,
        options,
        top,
        Window::new(run, options.existing, plans, jobs),
    );
}

fn walk_all(run: &Run, options: &RestoreOptions, top: Top, window: Window<'_>) {
    if let Err(error) = Walk::new(run, options, window).run(top) {
        run.stop(error);
    }
}

/// Reads the journal and the index, and finds a snapshot.
///
/// # Errors
///
/// `NotFound` when there is none with this id; otherwise what the store said.
pub(crate) fn open_snapshot(
    repository: &Repository,
    remote: &Remote,
    id: &Id,
    room: impl Into<Room>,
) -> Result<(Snapshot, Blobs)> {
    let (state, index) = repository.current(remote)?;
    let (_, snapshot) = state
        .snapshot(id)
        .ok_or_else(|| Error::new(ErrorKind::NotFound, format!("there is no snapshot {id}")))?;
    for problem in index.problems() {
        tracing::warn!(%problem, "an index segment is lost; the packs it mapped are read in its place");
    }
    let place = (*id, state.head);
    let blobs = Blobs::of_snapshot(remote, repository, index, place, room);
    Ok((snapshot.clone(), blobs))
}

/// Returns entries and bytes in all, when all of the snapshot is restored.
fn totals(snapshot: &Snapshot, options: &RestoreOptions) -> Option<(u64, u64)> {
    let all = options.path.is_empty() && options.include.is_none();
    let summary = &snapshot.summary;
    let entries = summary
        .files
        .saturating_add(summary.directories)
        .saturating_add(summary.others);
    all.then_some((entries, summary.bytes))
}

/// Jobs that wait for each worker.
const JOBS_A_THREAD: usize = 2;
