//! The plan of a prune: what it will do and why, to be looked at before it is done.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;

use strongroom_crypt::{RepositoryId, SessionId};
use strongroom_format::{ObjectHash, PackClass, object_name};
use strongroom_store::Key;

use crate::context::object_key;
use crate::delete::MayDelete;
use crate::error::Result;
use crate::locks::utc;
use crate::prune::apply::Basis;
use crate::prune::choose::{PackAction, PackDecision};
use crate::prune::figures::PackFigures;
use crate::prune::options::PruneOptions;
use crate::prune::orphans::Orphan;

/// What a prune will do, and why. Made by [`Repository::plan_prune`](crate::Repository::plan_prune) and carried out by
/// [`Repository::prune`](crate::Repository::prune).
///
/// Two plans are equal when they decide the same about the same state. It holds the marks that it was made from: a bit for each blob of
/// the index.
#[derive(Debug)]
pub struct PrunePlan {
    pub(super) repository: RepositoryId,
    pub(super) head: u64,
    pub(super) hash: ObjectHash,
    pub(super) options: PruneOptions,
    pub(super) decisions: Vec<PackDecision>,
    pub(super) sessions: Vec<SessionId>,
    pub(super) orphans: Vec<Orphan>,
    pub(super) figures: PruneFigures,
    pub(super) may_delete: MayDelete,
    pub(super) basis: Basis,
}

/// What a prune will read, write and free, in numbers.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct PruneFigures {
    /// Snapshots in force.
    pub snapshots: u64,
    /// Packs in force.
    pub packs: u64,
    /// Bytes of packs and index segments in force.
    pub stored_bytes: u64,
    /// Rows of the index. A blob that is there twice has two.
    pub index_rows: u64,
    /// Blobs that snapshots need.
    pub needed_blobs: u64,
    /// Of these, tree pages: their reference lists were read.
    pub needed_pages: u64,
    /// Stored bytes of frames that nothing needs, or of parts of them if the keys allow to free these.
    pub unused_bytes_before: u64,
    /// The same when everything is done. Condemned packs still count as there before they are dropped.
    pub unused_bytes_after: u64,
    /// Bytes of blobs, before compression, that nothing needs and that are in frames with something that is needed.
    pub trapped_bytes_before: u64,
    /// The same when everything is done.
    pub trapped_bytes_after: u64,
    /// Packs that are dropped, those written anew among them.
    pub dropped_packs: u64,
    /// Their bytes.
    pub dropped_bytes: u64,
    /// Packs that are written anew.
    pub repacked_packs: u64,
    /// Packs that are condemned.
    pub condemned_packs: u64,
    /// Bytes that will be read from packs, at most.
    pub read_bytes: u64,
    /// Stored bytes of frames that will be written.
    pub written_bytes: u64,
    /// Bytes of orphans that are given up.
    pub orphaned_bytes: u64,
    /// Index segments in force.
    pub segments: u64,
    /// Index segments that will be merged or, since nothing that they map is left, dropped.
    pub replaced_segments: u64,
    /// Of the packs that are dropped, those that are known to be locked: the store will not delete them before their dates.
    pub locked_packs: u64,
    /// Their bytes.
    pub locked_bytes: u64,
    /// When the last of them can be deleted, in seconds since 1970.
    pub locked_until: Option<i64>,
    /// What it costs.
    pub requests: Requests,
}

/// Requests to the store. Those of races with other writers are not foreseen.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct Requests {
    /// Reads of objects or ranges.
    pub gets: u64,
    /// Questions whether an object is there.
    pub heads: u64,
    /// Objects written.
    pub puts: u64,
    /// Objects deleted.
    pub deletes: u64,
    /// Listings.
    pub lists: u64,
    /// Locks extended.
    pub extensions: u64,
}

impl PrunePlan {
    /// Returns the number of journal entries that the plan was made from, and the hash of the last of them.
    #[must_use]
    pub fn head(&self) -> (u64, ObjectHash) {
        (self.head, self.hash)
    }

    /// Returns the options that it was made with.
    #[must_use]
    pub fn options(&self) -> &PruneOptions {
        &self.options
    }

    /// Returns what becomes of packs, in the order in which it is done. A pack that is not there simply stays.
    #[must_use]
    pub fn decisions(&self) -> &[PackDecision] {
        &self.decisions
    }

    /// Returns the sessions that are given up: they announced nothing for so long that they are taken to be dead. One that is not must
    /// begin anew.
    #[must_use]
    pub fn sessions_given_up(&self) -> &[SessionId] {
        &self.sessions
    }

    /// Returns the objects that no journal entry names.
    #[must_use]
    pub fn orphans(&self) -> &[Orphan] {
        &self.orphans
    }

    /// Returns the plan in numbers.
    #[must_use]
    pub fn figures(&self) -> &PruneFigures {
        &self.figures
    }

    /// Returns whether the credentials of this handle may delete, which a prune does not need and [`delete_dropped`](crate::Repository::delete_dropped) does.
    #[must_use]
    pub fn may_delete(&self) -> MayDelete {
        self.may_delete
    }

    /// Returns the keys of the packs of content that will be read. If they are in cold storage they must be
    /// [warmed up](crate::Repository::warm_up) first; those that are not stay as they are.
    ///
    /// # Errors
    ///
    /// `Internal` if a name has no key.
    pub fn content_to_read(&self) -> Result<Vec<Key>> {
        self.content()
            .map(|one| object_key(&object_name::pack(&one.name)))
            .collect()
    }

    /// Returns the packs of content that will be read.
    fn content(&self) -> impl Iterator<Item = &PackDecision> {
        self.with(PackAction::Repack)
            .filter(|one| one.class == PackClass::Data)
    }

    /// Writes how many packs come to what, and why.
    fn fmt_decisions(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut groups: BTreeMap<_, (u64, u64)> = BTreeMap::new();
        for one in &self.decisions {
            let (packs, bytes) = groups.entry((one.action, one.reason)).or_default();
            *packs += 1;
            *bytes += u64::from(one.len);
        }
        for ((action, reason), (packs, bytes)) in groups {
            writeln!(f, "{action} {packs} packs, {bytes} bytes: {reason}")?;
        }
        Ok(())
    }

    /// Returns the bytes that are free once what is dropped is deleted, less what is written.
    #[must_use]
    pub fn freed_bytes(&self) -> u64 {
        let figures = &self.figures;
        (figures.dropped_bytes + figures.orphaned_bytes).saturating_sub(figures.written_bytes)
    }

    /// Says whether there is nothing to do.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        let idle = |one: &PackDecision| one.action == PackAction::Keep;
        self.decisions.iter().all(idle)
            && self.sessions.is_empty()
            && !self.orphans.iter().any(|orphan| orphan.given_up)
            && self.figures.replaced_segments == 0
    }

    pub(super) fn with(&self, action: PackAction) -> impl Iterator<Item = &PackDecision> {
        self.decisions
            .iter()
            .filter(move |one| one.action == action)
    }
}

impl PruneFigures {
    /// Counts a pack in.
    pub(super) fn add(&mut self, pack: &PackFigures, action: Option<PackAction>) {
        let len = u64::from(pack.pack.len);
        self.stored_bytes += len;
        self.trapped_bytes_before += pack.trapped.plain;
        match action {
            Some(PackAction::Drop) => {}
            Some(PackAction::Repack) => {
                self.repacked_packs += 1;
                self.read_bytes += len;
                self.written_bytes += pack.bytes_to_write();
                self.trapped_bytes_after += pack.trapped.plain - pack.trapped.plain_to_free;
            }
            Some(PackAction::Condemn) => {
                self.condemned_packs += 1;
                self.trapped_bytes_after += pack.trapped.plain;
                return;
            }
            Some(PackAction::Keep) | None => {
                self.trapped_bytes_after += pack.trapped.plain;
                return;
            }
        }
        self.dropped_packs += 1;
        self.dropped_bytes += len;
    }
}

impl PruneFigures {
    /// Counts what will be dropped and cannot be deleted yet.
    pub(super) fn add_locks(&mut self, decisions: &[PackDecision]) {
        for one in decisions {
            if let (PackAction::Drop | PackAction::Repack, Some(until)) =
                (one.action, one.locked_until)
            {
                self.locked_packs += 1;
                self.locked_bytes += u64::from(one.len);
                self.locked_until = self.locked_until.max(Some(until));
            }
        }
    }
}

impl PartialEq for PrunePlan {
    fn eq(&self, other: &Self) -> bool {
        (self.repository, self.head, self.hash) == (other.repository, other.head, other.hash)
            && self.options == other.options
            && self.decisions == other.decisions
            && self.sessions == other.sessions
            && self.orphans == other.orphans
            && self.figures == other.figures
    }
}

impl fmt::Display for PrunePlan {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { figures, .. } = self;
        writeln!(
            f,
            "{} snapshots need {} of {} blobs; {} packs, {} bytes are stored",
            figures.snapshots,
            figures.needed_blobs,
            figures.index_rows,
            figures.packs,
            figures.stored_bytes
        )?;
        self.fmt_decisions(f)?;
        let given_up = self.orphans.iter().filter(|orphan| orphan.given_up).count();
        if !self.orphans.is_empty() {
            let all = self.orphans.len();
            writeln!(f, "give up {given_up} of {all} objects that no entry names")?;
        }
        if !self.sessions.is_empty() {
            writeln!(
                f,
                "give up {} sessions that never ended",
                self.sessions.len()
            )?;
        }
        if figures.replaced_segments > 0 {
            let (some, all) = (figures.replaced_segments, figures.segments);
            writeln!(f, "replace {some} of {all} index segments")?;
        }
        writeln!(
            f,
            "unused: {} bytes now, {} afterwards; trapped in frames: {} bytes of content now, {} afterwards",
            figures.unused_bytes_before,
            figures.unused_bytes_after,
            figures.trapped_bytes_before,
            figures.trapped_bytes_after
        )?;
        writeln!(
            f,
            "reads {} bytes, writes {} bytes, frees nothing at once and {} bytes when what is dropped is deleted",
            figures.read_bytes,
            figures.written_bytes,
            self.freed_bytes()
        )?;
        if let Some(until) = figures.locked_until {
            writeln!(
                f,
                "of what is dropped, {} packs, {} bytes, are locked: they can be deleted by {}",
                figures.locked_packs,
                figures.locked_bytes,
                utc(until)
            )?;
        }
        if let Some(lacks) = self.may_delete.lacks() {
            writeln!(f, "{lacks}")?;
        }
        let content = self.content().count();
        if content > 0 {
            writeln!(
                f,
                "reads {content} packs of content; those in cold storage must be warmed up first, or stay"
            )?;
        }
        write!(f, "costs {}", figures.requests)
    }
}

impl fmt::Display for Requests {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self {
            gets,
            heads,
            puts,
            deletes,
            lists,
            extensions,
        } = self;
        write!(
            f,
            "{gets} gets, {heads} heads, {puts} puts, {deletes} deletes, {lists} lists"
        )?;
        match extensions {
            0 => Ok(()),
            _ => write!(f, ", {extensions} extensions of locks"),
        }
    }
}

/// Names of packs with a decision.
pub(super) fn names<'a>(decisions: impl Iterator<Item = &'a PackDecision>) -> BTreeSet<ObjectHash> {
    decisions.map(|one| one.name).collect()
}
