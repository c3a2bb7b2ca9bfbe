//! The end of a backup: the snapshot's record, and its entry in the journal.

use std::sync::Arc;

use strongroom_chunk::Chunker;
use strongroom_crypt::{Id, Roles};
use strongroom_format::{
    Body, ChunkerRecord, Commit, Details, ObjectHash, Outcome, Snapshot, Summary,
};

use super::run::Stored;
use super::validate::{Doubt, Ground};
use super::{BackupOptions, Base, Meter};
use crate::context::Context;
use crate::edge::Remote;
use crate::error::{Error, ErrorKind, Result};
use crate::repository::Repository;

/// What became of a commit.
#[derive(Debug)]
pub(super) enum Committed {
    /// It is in the journal, as the entry with this number and hash.
    Done(u64, ObjectHash),
    /// Something that it needs is gone; another pass has to bring it back.
    Again,
}

/// Writes the snapshot into the journal.
///
/// The precondition of docs/format.md §8 is that every blob has a good copy in force in the state just before the entry. It is
/// decided there, by [`Ground`]; what needs the store to be decided is looked at in between, and then asked anew.
pub(super) fn commit(
    repository: &Repository,
    remote: &Remote,
    options: &BackupOptions,
    base: &Base,
    snapshot: &Snapshot,
    stored: &Stored,
) -> Result<Committed> {
    let mut ground = Ground::of_pass(base, stored);
    for _ in 0..MAX_WALKS {
        let mut doubt = Doubt::None;
        let appended =
            repository
                .journal()
                .append(remote, repository.context(), Roles::WRITER, &mut |now| {
                    if let Some(original) = &options.original {
                        original.check(&repository.id(), now)?;
                    }
                    doubt = ground.doubt(now, stored)?;
                    match doubt {
                        Doubt::None => Ok(entry(snapshot, stored, ground.seen())),
                        Doubt::Walk | Doubt::Lost => Err(in_doubt()),
                    }
                });
        match (appended, doubt) {
            (Ok(appended), _) => {
                keep_index(repository, stored);
                return Ok(Committed::Done(appended.n, appended.hash));
            }
            (Err(error), Doubt::None) => return Err(error),
            (Err(_), Doubt::Lost) => return Ok(Committed::Again),
            (Err(_), Doubt::Walk) => {}
        }
        tracing::debug!("packs went during the backup: what the snapshot refers to is looked up");
        let state = repository.journal().state();
        let parent = match &base.parent {
            Some((id, parent)) if state.snapshot(id).is_some() => Some((*id, parent.root)),
            _ => options
                .latest_in(&state)
                .map(|(id, parent)| (id, parent.root)),
        };
        match Ground::walk(repository, remote, parent, stored)? {
            Some(found) => ground = found,
            None => return Ok(Committed::Again),
        }
    }
    Ok(Committed::Again)
}

/// Keeps the index of what was stored, so that the next operation need not fetch what this one has put.
fn keep_index(repository: &Repository, stored: &Stored) {
    let kept = match (stored.rest.segment, &stored.rest.bytes) {
        (Some(segment), Some(bytes)) => stored
            .index
            .with_segment(&segment, bytes.clone(), repository.context())
            .map(Arc::new),
        _ => Ok(Arc::clone(&stored.index)),
    };
    match kept {
        Ok(index) => repository.keep_index(index),
        Err(error) => tracing::debug!(%error, "a new segment is not kept"),
    }
}

fn entry(snapshot: &Snapshot, stored: &Stored, seen: (u64, ObjectHash)) -> Body {
    Body::Commit(Box::new(Commit {
        snapshot: snapshot.clone(),
        packs: stored.rest.packs.clone(),
        segments: stored.rest.segment.into_iter().collect(),
        session: stored.session,
        seen: Some(seen),
        unknown: Default::default(),
    }))
}

/// Never leaves this module: why is in a variable beside it.
fn in_doubt() -> Error {
    Error::new(ErrorKind::Stale, "packs went during the backup")
}

/// Walks in one pass. Each means that somebody else has got on, and that what went concerned this snapshot.
const MAX_WALKS: usize = 8;

/// Makes the record of a snapshot, and its id.
pub(super) fn snapshot(
    context: &Context,
    options: &BackupOptions,
    base: &Base,
    chunker: &dyn Chunker,
    stored: &Stored,
    meter: &Meter,
) -> Result<(Id, Snapshot)> {
    let tree = &stored.tree;
    let sizes = chunker.sizes();
    let record = |bytes: usize| bytes as u64;
    let mut snapshot = Snapshot {
        random: context.random()?,
        began: base.began,
        durable: context.components.clock.now(),
        root: stored.root,
        series: options.series.clone(),
        tags: options.tags.clone(),
        labels: options.labels.clone().into(),
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
            // Without a parent nothing is unchanged, whatever a pass before has built.
            unchanged: base.parent.as_ref().map_or(0, |_| tree.unchanged),
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
    if let Some(original) = &options.original {
        original.stamp(&mut snapshot);
    }
    snapshot.details = Some(details(context, options, base, stored, &snapshot)?);
    let id = snapshot.id(&context.keys().structure).map_err(|error| {
        Error::new(ErrorKind::Invalid, "the snapshot's record").caused_by(error)
    })?;
    Ok((id, snapshot))
}

/// Seals the details under the epoch of the session, which must be open when the entry is written.
fn details(
    context: &Context,
    options: &BackupOptions,
    base: &Base,
    stored: &Stored,
    snapshot: &Snapshot,
) -> Result<(u32, Vec<u8>)> {
    let skipped = &stored.tree.skipped;
    let details = match &options.original {
        Some(original) => original.details(skipped),
        None => Details {
            paths: options.paths.clone(),
            excludes: options.excludes.clone(),
            description: options.description.clone(),
            skipped: skipped.clone(),
            command: options.command.clone(),
            ..Details::default()
        },
    };
    let keys = context.keys();
    let (epoch, key) = match keys.epoch(stored.epoch) {
        Some(key) => (stored.epoch, key),
        None => keys.open_epoch(&base.state)?,
    };
    let sealer = key.details(context.suite, &context.components.random);
    let sealed = details
        .seal(&sealer, &context.repository, &snapshot.random)
        .map_err(|error| {
            Error::new(ErrorKind::Invalid, "details of the snapshot").caused_by(error)
        })?;
    Ok((epoch, sealed))
}
