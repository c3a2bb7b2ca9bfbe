//! Backing up: a source becomes a snapshot.
//!
//! ```text
//! planner ─► groups of ~2 MiB ─► workers: read, cut, id, known?, compress, seal ─► packs ─► puts
//!    │                                │  ▲
//!    └─► large files ─► readers: cut ─┼──┘
//!                                     └─► tree builder, in the order of the walk
//! ```

mod dry_run;
mod group;
mod judge;
mod known;
mod large;
mod levels;
mod options;
mod plan;
mod progress;
mod recipe;
mod run;
#[cfg(test)]
mod tests;
mod tree;
mod tree_store;
mod upload;
mod worker;

use std::sync::Arc;
use std::time::Instant;

use strongroom_chunk::{ChunkSizes, Chunker, Fixed, Gear64};
use strongroom_crypt::{Id, Roles};
use strongroom_format::{
    Body, ChunkerRecord, Commit, Details, ObjectHash, Outcome, Snapshot, Summary, Time,
};

pub use self::dry_run::DryRun;
pub use self::options::{BackupOptions, BackupReport, Chunking, ParentChoice, Phases};
pub(crate) use self::progress::Meter;
use self::run::{Run, Stored};
use crate::context::Context;
use crate::edge::{self, Remote};
use crate::error::{Error, ErrorKind, Result};
use crate::index::Index;
use crate::journal::Journal;
use crate::observer::{Event, Observer, Phase};
use crate::repository::Repository;
use crate::source::Source;
use crate::state::State;

impl Repository {
    /// Backs up `source` and returns once the snapshot is in the journal and everything it needs is durable.
    ///
    /// What cannot be read is skipped, told to the observer and named in the report and in the snapshot: the run is then
    /// `Partial`. A run that returns an error has made no snapshot; what it stored and announced is found by the next.
    ///
    /// # Errors
    ///
    /// `Source` when the root cannot be read or the source failed as a whole; `Conflict` when what the
    /// backup relied on was removed meanwhile (run it again); `Unavailable`, `NoSpace`, `PermissionDenied` from the store.
    ///
    /// # Cancellation
    ///
    /// Dropping the future ends the run. The repository stays valid; at worst unreferenced packs remain.
    pub async fn backup(
        &self,
        source: Arc<dyn Source>,
        options: BackupOptions,
        observer: Arc<dyn Observer>,
    ) -> Result<BackupReport> {
        let this = self.clone();
        let store = self.context().store.clone();
        edge::run(store, "strongroom-backup", move |remote| {
            back_up(&this, remote, source.as_ref(), &options, &observer)
        })
        .await
    }

    /// Walks `source` and tells the observer what a backup would take, what it knows from the parent, and what is
    /// excluded by which rule. Reads no content and writes nothing.
    ///
    /// # Errors
    ///
    /// As [`backup`](Self::backup), but for what writes.
    pub async fn backup_dry_run(
        &self,
        source: Arc<dyn Source>,
        options: BackupOptions,
        observer: Arc<dyn Observer>,
    ) -> Result<DryRun> {
        let this = self.clone();
        let store = self.context().store.clone();
        edge::run(store, "strongroom-dry-run", move |remote| {
            let base = Base::prepare(&this, remote, &options)?;
            dry_run::dry_run(&this, remote, &base, source.as_ref(), observer.as_ref())
        })
        .await
    }
}

/// What a run starts from.
#[derive(Debug)]
pub(crate) struct Base {
    state: Arc<State>,
    index: Arc<Index>,
    parent: Option<(Id, Snapshot)>,
    began: Time,
}

impl Base {
    fn prepare(repository: &Repository, remote: &Remote, options: &BackupOptions) -> Result<Self> {
        let context = repository.context();
        let state = repository.journal().refresh(remote, context)?;
        let index = repository.index(remote, &state)?;
        let parent = options.parent_in(&state)?;
        Ok(Self {
            state,
            index,
            parent,
            began: context.components.clock.now(),
        })
    }
}

fn back_up(
    repository: &Repository,
    remote: &Remote,
    source: &dyn Source,
    options: &BackupOptions,
    observer: &Arc<dyn Observer>,
) -> Result<BackupReport> {
    let started = Instant::now();
    observer.on_event(&Event::Phase(Phase::Prepare));
    let context = repository.context();
    let base = Base::prepare(repository, remote, options)?;
    let chunker = chunker(context, options)?;
    let meter = Meter::new(observer.clone());
    if let Some((_, parent)) = &base.parent {
        let summary = &parent.summary;
        meter.expect(
            summary.files + summary.directories + summary.others,
            summary.bytes,
        );
    }
    let prepared = started.elapsed();
    observer.on_event(&Event::Phase(Phase::Store));
    let stored = run::store(repository, remote, source, &base, chunker.as_ref(), &meter)?;
    let transferred = started.elapsed();
    observer.on_event(&Event::Phase(Phase::Commit));
    let transferred_bytes = meter.total_transferred();
    let snapshot = snapshot(context, options, &base, chunker.as_ref(), &stored, &meter)?;
    let outcome = snapshot.outcome;
    let summary = snapshot.summary.clone();
    let keys = context.keys();
    let unencodable =
        |error| Error::new(ErrorKind::Invalid, "the snapshot's record").caused_by(error);
    let id = snapshot.id(&keys.structure).map_err(unencodable)?;
    let problems = stored.tree.skipped.clone();
    let (packs, announcements) = (stored.packs, stored.announcements);
    let entry = commit(
        repository.journal(),
        remote,
        context,
        &base,
        snapshot,
        stored,
    )?;
    let phases = Phases {
        prepare: prepared,
        store: transferred - prepared,
        commit: started.elapsed() - transferred,
    };
    Ok(BackupReport {
        snapshot: id,
        entry,
        outcome,
        summary,
        problems,
        parent: base.parent.map(|(id, _)| id),
        packs,
        announcements,
        transferred_bytes,
        phases,
    })
}

fn chunker(context: &Context, options: &BackupOptions) -> Result<Box<dyn Chunker>> {
    let invalid = |error| Error::new(ErrorKind::Invalid, "chunk sizes").caused_by(error);
    let keys = context.keys();
    Ok(match options.chunking {
        Chunking::Default => Box::new(
            Gear64::new(context.settings.chunk_sizes, keys.chunker_key.expose())
                .map_err(invalid)?,
        ),
        Chunking::Gear64(sizes) => {
            Box::new(Gear64::new(sizes, keys.chunker_key.expose()).map_err(invalid)?)
        }
        Chunking::Fixed(bytes) => Box::new(
            ChunkSizes::fixed(bytes)
                .and_then(Fixed::new)
                .map_err(invalid)?,
        ),
    })
}

fn snapshot(
    context: &Context,
    options: &BackupOptions,
    base: &Base,
    chunker: &dyn Chunker,
    stored: &Stored,
    meter: &Meter,
) -> Result<Snapshot> {
    let tree = &stored.tree;
    let mut random = [0; 16];
    let no_random = |error| Error::new(ErrorKind::Internal, "no random bytes").caused_by(error);
    context
        .components
        .random
        .fill(&mut random)
        .map_err(no_random)?;
    let sizes = chunker.sizes();
    let record = |bytes: usize| bytes as u64;
    let mut snapshot = Snapshot {
        random,
        began: base.began,
        durable: context.components.clock.now(),
        root: stored.root,
        series: options.series.clone(),
        tags: options.tags.clone(),
        labels: options.labels.clone(),
        outcome: if tree.problems == 0 {
            Outcome::Complete
        } else {
            Outcome::Partial
        },
        summary: Summary {
            files: tree.files,
            directories: tree.directories,
            others: tree.others,
            bytes: tree.bytes,
            new_bytes: meter.total_new_bytes(),
            added_bytes: meter.total_transferred(),
            unchanged: tree.unchanged,
            skipped: tree.problems,
            ..Summary::default()
        },
        details: None,
        parent: base.parent.as_ref().map(|(id, _)| *id),
        chunker: ChunkerRecord {
            id: u64::from(chunker.id().number()),
            min: record(sizes.min()),
            target: record(sizes.target()),
            max: record(sizes.max()),
        },
        utc_offset_seconds: options.utc_offset_seconds,
        program: options.program.clone(),
        ..Snapshot::default()
    };
    let details = Details {
        paths: options.paths.clone(),
        excludes: options.excludes.clone(),
        description: options.description.clone(),
        skipped: tree.skipped.clone(),
        command: options.command.clone(),
        ..Details::default()
    };
    let keys = context.keys();
    let (epoch, key) = keys.open_epoch()?;
    let sealer = key.details(context.suite, &context.components.random);
    let sealed = details
        .seal(&sealer, &context.repository, &snapshot.random)
        .map_err(|error| {
            Error::new(ErrorKind::Invalid, "details of the snapshot").caused_by(error)
        })?;
    snapshot.details = Some((epoch, sealed));
    Ok(snapshot)
}

/// Writes the snapshot into the journal.
///
/// The precondition of docs/format.md §8 is that every blob has a pack in force. It held in the state this run started
/// from; it still holds when no pack was dropped since. When one was, what this run found there may be gone.
fn commit(
    journal: &Journal,
    remote: &Remote,
    context: &Context,
    base: &Base,
    snapshot: Snapshot,
    stored: Stored,
) -> Result<(u64, ObjectHash)> {
    let commit = Commit {
        snapshot,
        packs: stored.rest.packs,
        segments: stored.rest.segments,
        session: stored.session,
        seen: Some((base.state.head, base.state.head_hash)),
        unknown: Default::default(),
    };
    let appended = journal.append(remote, context, Roles::WRITER, &mut |state| {
        if state.session_ended(&commit.session) {
            return Err(Error::new(
                ErrorKind::Conflict,
                "this session was given up by somebody else",
            ));
        }
        if state.dropped_since(base.state.head) {
            let what = "packs were removed from the repository during the backup; run it again";
            return Err(Error::new(ErrorKind::Conflict, what));
        }
        Ok(Body::Commit(Box::new(commit.clone())))
    })?;
    Ok((appended.n, appended.hash))
}
