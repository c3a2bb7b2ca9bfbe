//! One pass over the source: everything is stored, and the snapshot is committed unless something went.

use strongroom_chunk::Chunker;

use super::base::{Base, Before, Leftover};
use super::commit::{Committed, commit, snapshot};
use super::options::{BackupOptions, BackupReport, Phases};
use super::run::{Stored, store};
use super::{Meter, timed};
use crate::edge::Remote;
use crate::error::{ErrorKind, Result};
use crate::observer::{Event, Phase};
use crate::repository::Repository;
use crate::source::Source;

/// One pass over the source.
pub(super) struct Pass<'a> {
    pub(super) repository: &'a Repository,
    pub(super) remote: &'a Remote,
    pub(super) source: &'a dyn Source,
    pub(super) options: &'a BackupOptions,
    pub(super) chunker: &'a dyn Chunker,
    pub(super) meter: &'a Meter,
    pub(super) base: &'a Base,
}

/// How a pass ended.
#[derive(Debug)]
pub(super) enum Ended {
    /// The snapshot is in the journal.
    Committed(Box<BackupReport>),
    /// Something that it needs is gone.
    Again(Leftover),
}

impl Pass<'_> {
    /// Stores what is new and commits the snapshot.
    pub(super) fn run(&self, phases: &mut Phases) -> Result<Ended> {
        self.expect();
        self.tell(Phase::Store);
        let stored = timed(&mut phases.store, || {
            let (base, chunker) = (self.base, self.chunker);
            store(
                self.repository,
                self.remote,
                self.source,
                base,
                chunker,
                self.meter,
            )
        });
        let stored = match stored {
            // An announcement was refused, because the session has ended or what it has stored was dropped.
            Err(error) if error.kind() == ErrorKind::Stale => {
                return Ok(Ended::Again(Leftover::without_tree(self.base)));
            }
            stored => stored?,
        };
        self.tell(Phase::Commit);
        timed(&mut phases.commit, || self.commit(stored))
    }

    fn commit(&self, stored: Stored) -> Result<Ended> {
        let transferred_bytes = self.meter.total_transferred();
        let context = self.repository.context();
        let (id, snapshot) = snapshot(
            context,
            self.options,
            self.base,
            self.chunker,
            &stored,
            self.meter,
        )?;
        let committed = commit(
            self.repository,
            self.remote,
            self.options,
            self.base,
            &snapshot,
            &stored,
        )?;
        let (n, hash) = match committed {
            Committed::Done(n, hash) => (n, hash),
            Committed::Again => {
                let (root, began) = (stored.root, self.base.began);
                return Ok(Ended::Again(Leftover {
                    before: Some(Before { root, began }),
                    session: Some((stored.session, stored.epoch)),
                    rest: stored.rest,
                }));
            }
        };
        Ok(Ended::Committed(Box::new(BackupReport {
            snapshot: id,
            entry: (n, hash),
            began: snapshot.began,
            outcome: snapshot.outcome,
            summary: snapshot.summary,
            problems: stored.tree.skipped,
            parent: snapshot.parent,
            packs: self.meter.total_packs(),
            announcements: self.meter.total_announcements(),
            parity: self.meter.total_parity(),
            transferred_bytes,
            passes: 1,
            repeated_bytes: 0,
            single_writer: self.repository.is_single_writer(),
            phases: Phases::default(),
        })))
    }

    fn expect(&self) {
        let parent = self.base.parent.as_ref();
        self.meter.begin_pass(parent.map(|(_, parent)| {
            let summary = &parent.summary;
            let entries = summary.files + summary.directories + summary.others;
            (entries, summary.bytes)
        }));
    }

    fn tell(&self, phase: Phase) {
        self.meter.observer().on_event(&Event::Phase(phase));
    }
}
