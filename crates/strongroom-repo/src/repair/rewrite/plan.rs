//! What snapshots would be without what they have lost.

use std::collections::BTreeSet;
use std::fmt;

use strongroom_crypt::{Id, RepositoryId};
use strongroom_format::{DamagedObject, ObjectHash};

use super::no_snapshot;
use crate::error::{Error, Result};
use crate::repair::live::Live;
use crate::repair::look::Look;
use crate::repair::losses::SnapshotLosses;
use crate::repair::naming::{Damage, losses_of};
use crate::repair::packs::Exams;

/// Which snapshots are rewritten.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct RewriteOptions {
    /// The snapshots. None means all that have lost something.
    pub snapshots: Vec<Id>,
    /// What a check found, beside what is in quarantine. `None` means what a listing shows to be missing or cut off.
    pub suspects: Option<Vec<DamagedObject>>,
    /// Forgets each original as soon as its successor is there. What is held stays.
    pub forget: bool,
}

impl RewriteOptions {
    /// Rewrites these.
    #[must_use]
    pub fn with_snapshots(mut self, snapshots: impl IntoIterator<Item = Id>) -> Self {
        self.snapshots = snapshots.into_iter().collect();
        self
    }

    /// Looks at these, and at what is in quarantine.
    #[must_use]
    pub fn with_suspects(mut self, suspects: impl IntoIterator<Item = DamagedObject>) -> Self {
        self.suspects = Some(suspects.into_iter().collect());
        self
    }

    /// Forgets the originals.
    #[must_use]
    pub fn with_forget(mut self, forget: bool) -> Self {
        self.forget = forget;
        self
    }
}

/// What snapshots would be without what they have lost. Made by [`Repository::plan_rewrite`](crate::Repository::plan_rewrite) and carried
/// out by [`Repository::rewrite`](crate::Repository::rewrite). Two plans are equal when they decide the same about the same state.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RewritePlan {
    pub(super) repository: RepositoryId,
    pub(super) head: u64,
    pub(super) hash: ObjectHash,
    pub(super) options: RewriteOptions,
    pub(super) rewrites: Vec<Rewrite>,
}

/// What one snapshot would be without what it has lost.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct Rewrite {
    /// What it lacks, which is what is left out.
    pub losses: SnapshotLosses,
    /// A snapshot that was made of it before; then no other is made.
    pub made: Option<Id>,
}

impl RewritePlan {
    /// Returns the number of journal entries that the plan was made from, and the hash of the last of them.
    #[must_use]
    pub fn head(&self) -> (u64, ObjectHash) {
        (self.head, self.hash)
    }

    /// Returns the snapshots, the oldest first, and what each would lack. What lacks nothing is not there.
    #[must_use]
    pub fn rewrites(&self) -> &[Rewrite] {
        &self.rewrites
    }

    /// Says whether carrying it out does nothing.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.rewrites.iter().all(|one| one.made.is_some())
    }
}

impl fmt::Display for RewritePlan {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.rewrites.is_empty() {
            return f.write_str("no snapshot has lost anything");
        }
        let count = self.rewrites.len();
        write!(
            f,
            "{count} snapshots are made anew without what they have lost"
        )?;
        if self.options.forget {
            f.write_str(", and the originals forgotten")?;
        }
        for rewrite in &self.rewrites {
            write!(f, "\n  {}", rewrite.losses)?;
            if let Some(made) = &rewrite.made {
                write!(f, "\n    was made anew before, as {made}")?;
            }
        }
        Ok(())
    }
}

/// What was made.
#[derive(Debug, Default)]
#[non_exhaustive]
pub struct RewriteReport {
    /// The snapshots that were made.
    pub rewritten: Vec<Rewritten>,
    /// Snapshots that lack something else by now than the plan says, or are gone. Make another plan.
    pub stale: Vec<Id>,
    /// Bytes written.
    pub written_bytes: u64,
    /// Why a snapshot of which nothing is left was not made, or an original not forgotten.
    pub problems: Vec<Error>,
}

/// A snapshot that was made of another one.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub struct Rewritten {
    /// The original.
    pub from: Id,
    /// What was made of it.
    pub to: Id,
    /// The entry that committed it.
    pub entry: u64,
    /// The original was forgotten.
    pub forgotten: bool,
}

/// Makes a plan for the state as it is.
///
/// # Errors
///
/// `NotFound` for a snapshot that is not there; what the store says when it cannot be reached.
pub(super) fn make_plan(look: &Look<'_>, options: &RewriteOptions) -> Result<RewritePlan> {
    let mut wanted = BTreeSet::new();
    for id in &options.snapshots {
        look.state.snapshot(id).ok_or_else(|| no_snapshot(id))?;
        wanted.insert(*id);
    }
    let exams = look.exams(&look.suspects(options.suspects.as_deref())?)?;
    let mut live = Live::new(look, &exams)?;
    let mut rewrites = Vec::new();
    for (id, snapshot) in look.state.snapshots.values() {
        let is_wanted = wanted.is_empty() || wanted.contains(id);
        if is_wanted && live.walk_tree(&snapshot.root)? {
            let losses = losses_of(look, &Damage::of(&live), id, snapshot)?;
            let made = successor(look, id);
            rewrites.push(Rewrite { losses, made });
        }
    }
    Ok(RewritePlan {
        repository: look.context.repository,
        head: look.state.head,
        hash: look.state.head_hash,
        options: options.clone(),
        rewrites,
    })
}

/// Examines again what a plan was made from.
pub(super) fn exams(look: &Look<'_>, options: &RewriteOptions) -> Result<Exams> {
    look.exams(&look.suspects(options.suspects.as_deref())?)
}

/// Returns the snapshot in force that was made of another one.
pub(super) fn successor(look: &Look<'_>, id: &Id) -> Option<Id> {
    let name = id.to_string();
    let mut snapshots = look.state.snapshots.values();
    let found = snapshots.find(|(_, one)| one.labels.get(super::REWRITTEN_FROM) == Some(&*name));
    found.map(|(id, _)| *id)
}
