//! What it takes to bring a snapshot back.

use std::fmt;

use strongroom_crypt::{Id, RepositoryId};
use strongroom_format::{ObjectHash, Snapshot, object_name};

use super::paths::lost_paths;
use super::survey::Survey;
use crate::context::Context;
use crate::error::Result;
use crate::journal::ForgottenRecord;
use crate::prune::Requests;

/// What it takes to bring a snapshot back. Made by [`Repository::plan_undelete`](crate::Repository::plan_undelete) and carried out by
/// [`Repository::undelete`](crate::Repository::undelete).
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct UndeletePlan {
    pub(super) repository: RepositoryId,
    pub(super) id: Id,
    pub(super) snapshot: Snapshot,
    /// The entry that committed it.
    pub(super) committed: u64,
    in_force: u64,
    packs: Vec<FromPack>,
    lost: u64,
    lost_paths: Vec<Vec<u8>>,
    /// Objects that are written for each new pack.
    puts_a_pack: u64,
}

/// What is copied out of a dropped pack.
#[derive(Debug, Clone, PartialEq, Eq)]
struct FromPack {
    name: ObjectHash,
    len: u64,
    frames: u64,
    bytes: u64,
}

impl UndeletePlan {
    pub(super) fn of(
        context: &Context,
        record: &ForgottenRecord,
        survey: Survey<'_>,
    ) -> Result<Self> {
        let root = record.snapshot.root;
        let Survey { blobs, found, .. } = survey;
        let lost_paths = match found.lost.is_empty() {
            true => Vec::new(),
            false => lost_paths(&blobs, &root, &found.lost, NAMED)?,
        };
        let packs = found.frames.iter().map(|(name, frames)| FromPack {
            name: *name,
            len: u64::from(frames.pack.len),
            frames: frames.positions.len() as u64,
            bytes: frames.bytes,
        });
        Ok(Self {
            repository: context.repository,
            id: record.id,
            snapshot: record.snapshot.clone(),
            committed: record.committed.n,
            in_force: found.in_force,
            packs: packs.collect(),
            lost: found.lost.len() as u64,
            lost_paths,
            puts_a_pack: context.settings.puts_a_pack(),
        })
    }

    /// Returns the snapshot.
    #[must_use]
    pub fn id(&self) -> Id {
        self.id
    }

    /// Returns its record.
    #[must_use]
    pub fn snapshot(&self) -> &Snapshot {
        &self.snapshot
    }

    /// Returns how many references of its tree need nothing, since what they refer to is in force.
    #[must_use]
    pub fn in_force(&self) -> u64 {
        self.in_force
    }

    /// Returns the names of dropped packs that something is copied out of, and how many bytes.
    pub fn packs(&self) -> impl Iterator<Item = (String, u64)> {
        self.packs
            .iter()
            .map(|pack| (object_name::pack(&pack.name), pack.bytes))
    }

    /// Returns how many bytes are copied into new packs.
    #[must_use]
    pub fn copied_bytes(&self) -> u64 {
        self.packs.iter().map(|pack| pack.bytes).sum()
    }

    /// Returns how many blobs are lost. Unless there are none, the snapshot cannot be brought back.
    #[must_use]
    pub fn lost(&self) -> u64 {
        self.lost
    }

    /// Returns the paths of entries that need what is lost, the first thousand; none without the keys to names. A directory stands for
    /// what is below it and cannot be named any more, and the empty path for everything.
    #[must_use]
    pub fn lost_paths(&self) -> &[Vec<u8>] {
        &self.lost_paths
    }

    /// Says whether the snapshot can be brought back.
    #[must_use]
    pub fn is_possible(&self) -> bool {
        self.lost == 0
    }

    /// Returns what bringing it back costs at most, but for reading its tree.
    #[must_use]
    pub fn requests(&self) -> Requests {
        let packs = self.packs.len() as u64;
        // Whole packs are read, and a new one is never smaller than what is copied out of an old one, but for the last of each class.
        Requests {
            gets: packs,
            heads: 1,
            puts: match packs {
                0 => 1,
                _ => (packs + CLASSES) * self.puts_a_pack + 2,
            },
            lists: 1,
            ..Requests::default()
        }
    }
}

impl fmt::Display for UndeletePlan {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "snapshot {} of {}", self.id, self.snapshot.series)?;
        writeln!(f, "{} references are in force", self.in_force)?;
        let frames: u64 = self.packs.iter().map(|pack| pack.frames).sum();
        let read: u64 = self.packs.iter().map(|pack| pack.len).sum();
        writeln!(
            f,
            "{frames} frames of {} dropped packs are copied: reads {read} bytes, writes {} bytes",
            self.packs.len(),
            self.copied_bytes()
        )?;
        if self.lost > 0 {
            writeln!(f, "{} blobs are lost, it cannot be brought back", self.lost)?;
        }
        for path in &self.lost_paths {
            writeln!(f, "  lost /{}", String::from_utf8_lossy(path))?;
        }
        write!(f, "costs {}", self.requests())
    }
}

/// Paths that a plan names.
const NAMED: usize = 1_000;
/// Classes of packs.
const CLASSES: u64 = 3;
