//! How much is lost.

use std::fmt;

use strongroom_crypt::Id;

use crate::Level;
use crate::tree::{MISSING, PageTable};

/// What the damage that a check found costs.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct BlastRadius {
    /// Blobs and pages that snapshots need and that have no good copy. Beyond a million, some may be counted more than once.
    pub lost: u64,
    /// Blobs that snapshots need of which a copy is damaged and another one is good: nothing is lost with them.
    pub spared: u64,
    /// Snapshots that cannot be restored whole, up to ten thousand.
    pub snapshots: Vec<SnapshotLoss>,
    /// Further snapshots.
    pub more_snapshots: u64,
}

impl BlastRadius {
    /// Whether every selected snapshot can be restored whole, as far as the check looked.
    #[must_use]
    pub fn is_nothing(&self) -> bool {
        self.lost == 0 && self.snapshots.is_empty()
    }

    pub(super) fn push(&mut self, loss: SnapshotLoss) {
        if self.snapshots.len() < MOST_SNAPSHOTS {
            self.snapshots.push(loss);
        } else {
            self.more_snapshots += 1;
        }
    }
}

/// What of a snapshot is lost.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct SnapshotLoss {
    /// The snapshot.
    pub snapshot: Id,
    /// The root of its tree is lost, and with it everything.
    pub is_root_lost: bool,
    /// Distinct pages of its tree that refer to something lost, or have such a page below them.
    pub pages: u64,
    /// Whether names could be read: without the content keys files are not counted.
    pub is_named: bool,
    /// Files that cannot be restored whole.
    pub files: u64,
    /// Directories, or parts of large ones, of which nothing is known.
    pub directories: u64,
}

impl SnapshotLoss {
    /// Whether everything can be restored: something is wrong, and it costs no file.
    pub(super) const fn is_nothing(&self) -> bool {
        !self.is_root_lost && self.is_named && self.files == 0 && self.directories == 0
    }

    pub(super) fn new(snapshot: Id) -> Self {
        Self {
            snapshot,
            is_root_lost: false,
            pages: 0,
            is_named: false,
            files: 0,
            directories: 0,
        }
    }
}

impl fmt::Display for SnapshotLoss {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.is_root_lost {
            return f.write_str("all of it");
        }
        if !self.is_named {
            return write!(f, "{} pages need what is lost", self.pages);
        }
        write!(f, "{} files", self.files)?;
        match self.directories {
            0 => Ok(()),
            count => write!(f, " and {count} directories, with everything below them"),
        }
    }
}

/// What is lost in each page and below it: 17 bytes a page, made only when something is lost.
#[derive(Debug)]
pub(super) struct Costs {
    /// The least level at which something is noticed, and one more.
    hit: Vec<u8>,
    costs: Vec<(u64, u64)>,
}

impl Costs {
    pub(super) fn new(pages: usize) -> Self {
        Self {
            hit: vec![0; pages],
            costs: vec![(0, 0); pages],
        }
    }

    /// Takes note that something in a page or below it is lost.
    pub(super) fn hit(&mut self, page: u32, level: Level) {
        if let Some(slot) = self.hit.get_mut(page as usize) {
            *slot = level.number() + 1;
        }
    }

    pub(super) fn is_hit(&self, page: u32) -> bool {
        self.level(page).is_some()
    }

    /// Returns the least level at which something in it or below it is noticed.
    pub(super) fn level(&self, page: u32) -> Option<Level> {
        let number = self.hit.get(page as usize)?.checked_sub(1)?;
        Level::ALL.get(usize::from(number)).copied()
    }

    /// Adds files and directories that are lost.
    pub(super) fn add(&mut self, page: u32, files: u64, directories: u64) {
        if let Some(slot) = self.costs.get_mut(page as usize) {
            *slot = (
                slot.0.saturating_add(files),
                slot.1.saturating_add(directories),
            );
        }
    }

    /// Returns files and directories that are lost in a page and below it.
    pub(super) fn of(&self, page: u32) -> (u64, u64) {
        self.costs.get(page as usize).copied().unwrap_or_default()
    }

    /// Counts the distinct pages below a root that are hit.
    pub(super) fn pages_below(&self, pages: &PageTable, root: u32) -> u64 {
        let mut seen = std::collections::HashSet::new();
        let mut open = vec![root];
        while let Some(number) = open.pop() {
            if number == MISSING || !self.is_hit(number) || !seen.insert(number) {
                continue;
            }
            open.extend(pages.links(number));
        }
        seen.len() as u64
    }
}

const MOST_SNAPSHOTS: usize = 10_000;
