//! Backing up: a source becomes a snapshot.
//!
//! ```text
//! planner ─► groups of ~2 MiB ─► workers: read, cut, id, known?, compress, seal ─► packs ─► puts
//!    │                                │  ▲
//!    └─► large files ─► readers: cut ─┼──┘
//!                                     └─► tree builder, in the order of the walk
//! ```

mod base;
mod commit;
mod directory;
mod directory_pages;
mod dry_run;
mod group;
mod judge;
mod known;
mod large;
mod levels;
#[cfg(test)]
mod meanwhile;
mod options;
mod owners;
mod pass;
mod plan;
mod progress;
mod reach;
mod recipe;
mod retired;
mod run;
#[cfg(test)]
mod same_pages;
#[cfg(test)]
mod tests;
mod tree;
mod tree_store;
mod upload;
mod validate;
mod worker;

use std::sync::Arc;
use std::time::{Duration, Instant};

use strongroom_chunk::{ChunkSizes, Chunker, Fixed, Gear64};

pub(crate) use self::base::Base;
pub(crate) use self::directory_pages::{Child, DirectoryPages, OwnerTable, PageStore};
pub use self::dry_run::DryRun;
pub use self::options::{BackupOptions, BackupReport, Chunking, ParentChoice, Phases};
use self::pass::{Ended, Pass};
pub(crate) use self::progress::Meter;
pub(crate) use self::reach::Reach;
use self::run::Run;
pub(crate) use self::validate::{may_add, retired as retired_epochs};
use crate::context::Context;
use crate::edge::{self, Remote};
use crate::error::{Error, ErrorKind, Result};
use crate::observer::{Event, Observer, Phase};
use crate::repository::Repository;
use crate::source::Source;

impl Repository {
    /// Backs up `source` and returns once the snapshot is in the journal and everything it needs is durable.
    ///
    /// What cannot be read is skipped, told to the observer and named in the report and in the snapshot: the run is then
    /// `Partial`. A run that returns an error has made no snapshot, except that after `Unavailable` or `Cancelled` its last request may still
    /// reach the store, in single-writer mode together with this handle's next entry: then the snapshot is in the list. What a run stored and
    /// announced is found by the next.
    ///
    /// # Errors
    ///
    /// `Source` when the root cannot be read or the source failed as a whole; `Unavailable`, `NoSpace`, `PermissionDenied` from the
    /// store. When others remove what the backup relied on, it brings that back in another pass over the source
    /// ([`BackupReport::passes`]); `Conflict` only after the eighth time. `WrongKey` when the slot that opened the repository was revoked meanwhile.
    /// `Rollback` and `Fork` when the store shows another history than before; a store that went back after this handle saw its last entry, less
    /// than five minutes before the commit, is noticed by the next operation only.
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
        let store = self.store();
        edge::run(store, "strongroom-backup", move |remote| {
            let report = back_up(&this, remote, source.as_ref(), &options, &observer);
            this.journal().keep(this.context());
            report
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
        let store = self.store();
        edge::run(store, "strongroom-dry-run", move |remote| {
            let base = Base::prepare(&this, remote, &options)?;
            dry_run::dry_run(&this, remote, &base, source.as_ref(), observer.as_ref())
        })
        .await
    }
}

/// Runs passes until one commits. A second one is only needed when something that the first relied on was removed meanwhile.
pub(crate) fn back_up(
    repository: &Repository,
    remote: &Remote,
    source: &dyn Source,
    options: &BackupOptions,
    observer: &Arc<dyn Observer>,
) -> Result<BackupReport> {
    let chunker = chunker(repository.context(), options)?;
    let meter = Meter::new(observer.clone());
    let mut phases = Phases::default();
    let mut base = timed(&mut phases.prepare, || {
        observer.on_event(&Event::Phase(Phase::Prepare));
        Base::prepare(repository, remote, options)
    })?;
    repository.say_single_writer(observer.as_ref());
    let mut first_pass_bytes = None;
    for passes in 1..=MAX_PASSES {
        let pass = Pass {
            repository,
            remote,
            source,
            options,
            chunker: chunker.as_ref(),
            meter: &meter,
            base: &base,
        };
        let leftover = match pass.run(&mut phases)? {
            Ended::Committed(report) => {
                let first = first_pass_bytes.unwrap_or(report.transferred_bytes);
                return Ok(BackupReport {
                    passes,
                    repeated_bytes: report.transferred_bytes.saturating_sub(first),
                    phases,
                    ..*report
                });
            }
            Ended::Again(leftover) => leftover,
        };
        tracing::debug!(passes, "what the backup relied on was removed meanwhile");
        first_pass_bytes.get_or_insert(meter.total_transferred());
        base = timed(&mut phases.prepare, || {
            observer.on_event(&Event::Phase(Phase::Prepare));
            leftover.announce(repository, remote)?;
            Base::prepare_again(repository, remote, options, leftover.before)
        })?;
    }
    let what =
        format!("what the backup relied on was removed meanwhile, in each of {MAX_PASSES} passes");
    Err(Error::new(ErrorKind::Conflict, what))
}

/// Passes before a backup gives up. Each but the first needs somebody who removes just what the one before relied on.
const MAX_PASSES: u32 = 8;

fn timed<T>(sum: &mut Duration, work: impl FnOnce() -> T) -> T {
    let started = Instant::now();
    let done = work();
    *sum += started.elapsed();
    done
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
