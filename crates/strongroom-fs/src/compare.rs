//! A snapshot compared with the files that it was made of.
//!
//! The engine restores the snapshot into a target that writes nothing: whatever it is given it compares with what is on disk. So all
//! content is fetched, proves itself by its id, and is then compared byte by byte with what is read from the files here, by code
//! that backups do not use. Which files belong to the source, the [`FileTree`] says, as in a backup.

mod content;
mod extra;
mod look;
mod report;
mod target;

use std::fmt;
use std::sync::Arc;

use strongroom_crypt::Id;
use strongroom_format::Time;
use strongroom_repo::{Existing, Extra, Include, Observer, Repository, RestoreOptions, Result};

use crate::tree::FileTree;

use self::target::{Comparison, SourceTarget};

pub use self::report::{Discrepancy, SourceDifference, SourceReport, Standing};

/// What is compared, and what counts.
#[derive(Clone)]
#[non_exhaustive]
pub struct CompareSourceOptions {
    /// The directory of the snapshot that is compared with the root of the tree. Empty: all of the snapshot.
    pub path: Vec<u8>,
    /// Chooses entries. `None`: all.
    pub include: Option<Arc<dyn Include>>,
    /// What becomes of differences in what changed since.
    pub changes: Changes,
    /// Differences of each [`Standing`] that are listed; all are counted.
    pub listed_max: usize,
}

/// What becomes of differences in what changed since the backup.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
#[non_exhaustive]
pub enum Changes {
    /// They are [`Standing::ChangedSince`]: files that are in use change.
    #[default]
    Excused,
    /// They are [`Standing::Unexplained`]: nothing should have changed. For a restored copy, all of which is newer, too.
    Counted,
}

impl Default for CompareSourceOptions {
    fn default() -> Self {
        Self {
            path: Vec::new(),
            include: None,
            changes: Changes::default(),
            listed_max: 10_000,
        }
    }
}

impl CompareSourceOptions {
    /// Compares only what is at `path`, with the root of the tree. The tree's rules are then relative to that.
    #[must_use]
    pub fn with_path(mut self, path: impl Into<Vec<u8>>) -> Self {
        self.path = path.into();
        self
    }

    /// Compares only what is chosen. For what is only on disk it is asked without a kind.
    #[must_use]
    pub fn with_include(mut self, include: Arc<dyn Include>) -> Self {
        self.include = Some(include);
        self
    }

    /// Says what becomes of differences in what changed since the backup.
    #[must_use]
    pub fn with_changes(mut self, changes: Changes) -> Self {
        self.changes = changes;
        self
    }

    /// Sets how many differences of each standing are listed.
    #[must_use]
    pub fn with_listed_max(mut self, listed_max: usize) -> Self {
        self.listed_max = listed_max;
        self
    }
}

impl fmt::Debug for CompareSourceOptions {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("CompareSourceOptions")
            .field("path", &String::from_utf8_lossy(&self.path))
            .field("include", &self.include.as_ref().map(|_| "..."))
            .field("changes", &self.changes)
            .field("listed_max", &self.listed_max)
            .finish()
    }
}

impl FileTree {
    /// Compares a snapshot with the files of this tree: level L6. Nothing is changed, on either side.
    ///
    /// All content that the snapshot has is fetched, decoded and compared byte by byte; and of every entry kind, mode, owner, time of
    /// modification, extended attributes, flags, link target, device number, hard links and holes. What only the disk has is named
    /// unless this tree leaves it out: build it with the rules of the backup.
    ///
    /// What differs in something whose change time is later than the backup's is told apart, as is what the backup itself could not
    /// read. What differs although nothing changed is damage: of the disk, of memory, or of the backup.
    ///
    /// Memory and threads: as [`Repository::restore`], and the names of one directory for each level.
    ///
    /// # Errors
    ///
    /// As [`Repository::restore`]. What cannot be read, in the repository or on disk, is in the report.
    ///
    /// # Cancellation
    ///
    /// Dropping the future ends the comparison soon after.
    pub async fn compare(
        &self,
        repository: &Repository,
        snapshot: &Id,
        options: CompareSourceOptions,
        observer: Arc<dyn Observer>,
    ) -> Result<SourceReport> {
        let snapshots = repository.snapshots().await?;
        let info = snapshots.into_iter().find(|info| info.id == *snapshot);
        let (began, skipped) = match info {
            Some(info) => (
                info.snapshot.began,
                info.details.unwrap_or_default().skipped,
            ),
            // The restore says that there is none.
            None => (Time::default(), Vec::new()),
        };
        let path = options.path.clone();
        let below = path.strip_suffix(b"/").unwrap_or(&path);
        let announced = skipped
            .iter()
            .filter_map(|skipped| crate::dirs::below(&skipped.path, below))
            .map(<[u8]>::to_vec)
            .collect();
        let comparison = Comparison::new(Arc::clone(&self.scan), began, announced, options);
        let comparison = Arc::new(comparison);
        let restore = RestoreOptions::default()
            .with_path(path)
            .with_existing(Existing::Overwrite)
            .with_extra(Extra::Remove)
            .with_include(Arc::clone(&comparison) as _);
        let target = Arc::new(SourceTarget(Arc::clone(&comparison)));
        let done = repository
            .restore(snapshot, target, restore, observer)
            .await?;
        Ok(comparison.report(*snapshot, done))
    }
}
