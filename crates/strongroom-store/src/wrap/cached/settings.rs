//! What is kept, where, and how much of it.

use std::fmt;
use std::ops::Range;
use std::path::PathBuf;
use std::sync::Arc;

use bytes::Bytes;

use crate::key::{Key, Prefix};
use crate::options::StorageClass;
use crate::wrap::mirrored::{NoRules, ObjectRules, Wholeness};

/// Which objects a cache may keep. The store does not know: whoever embeds it does.
///
/// # Contract
///
/// Objects in these folders are written once: nobody ever puts other bytes under a name that was used, not even after it was deleted,
/// as long as the [scope](CacheSettings::scope) is the same.
#[derive(Debug, Clone)]
pub struct CacheRules {
    folders: Vec<Prefix>,
    hot_of: Vec<Prefix>,
    check: Arc<dyn ObjectRules>,
    filter: Option<fn(&Key, &[u8]) -> bool>,
}

impl CacheRules {
    /// Returns rules by which nothing is kept.
    #[must_use]
    pub fn new() -> Self {
        Self {
            folders: Vec::new(),
            hot_of: Vec::new(),
            check: Arc::new(NoRules),
            filter: None,
        }
    }

    /// Keeps what is in a folder.
    #[must_use]
    pub fn with_folder(mut self, folder: Prefix) -> Self {
        self.folders.push(folder);
        self
    }

    /// Keeps what is in a folder and is put or read as [`Hot`](StorageClass::Hot), said by whoever reads it.
    #[must_use]
    pub fn with_hot_of(mut self, folder: Prefix) -> Self {
        self.hot_of.push(folder);
        self
    }

    /// Tells what bytes prove of themselves: an object that is read whole and is broken is not kept, so that it is read again. Of parts
    /// nobody can tell.
    #[must_use]
    pub fn with_check(mut self, rules: Arc<dyn ObjectRules>) -> Self {
        self.check = rules;
        self
    }

    /// Keeps of whole objects only those of which `filter` says so, by their bytes: for those that are put with the class of what is to be
    /// kept, and are something else. Of parts nobody can tell.
    #[must_use]
    pub fn with_filter(mut self, filter: fn(&Key, &[u8]) -> bool) -> Self {
        self.filter = Some(filter);
        self
    }

    /// Returns whether an object may be in the cache.
    #[must_use]
    pub fn concern(&self, key: &Key) -> bool {
        let mut folders = self.folders.iter().chain(&self.hot_of);
        folders.any(|folder| folder.matches(key))
    }

    /// Returns whether an object is to be kept that is put or read with this class.
    #[must_use]
    pub fn keep(&self, key: &Key, class: Option<StorageClass>) -> bool {
        let within = |folders: &[Prefix]| folders.iter().any(|folder| folder.matches(key));
        within(&self.folders) || (class == Some(StorageClass::Hot) && within(&self.hot_of))
    }
}

impl CacheRules {
    /// Says whether a whole object is one to keep, by its bytes.
    pub(super) fn keeps_whole(&self, key: &Key, bytes: &[u8]) -> bool {
        self.filter.is_none_or(|filter| filter(key, bytes))
    }

    /// Says whether bytes are known not to be those that were put.
    pub(super) fn is_broken(&self, key: &Key, bytes: &Bytes) -> bool {
        self.check.can_check(key) && self.check.check(key, bytes) == Wholeness::Broken
    }
}

impl Default for CacheRules {
    fn default() -> Self {
        Self::new()
    }
}

/// Where a cache is, and how large.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct CacheSettings {
    /// The folder. What is in it that is not a cache's is neither counted nor touched.
    pub folder: PathBuf,
    /// What tells apart stores that share the folder: names mean the same only within one scope. A repository's id.
    pub scope: String,
    /// How many bytes of disk the folder may take, in files.
    pub bytes_max: u64,
    /// The largest object that is kept whole, and the largest part that is kept of one.
    pub object_bytes_max: u64,
}

impl CacheSettings {
    /// Returns the settings of a cache of 1 GiB that keeps objects of up to 32 MiB.
    #[must_use]
    pub fn new(folder: impl Into<PathBuf>, scope: impl Into<String>) -> Self {
        Self {
            folder: folder.into(),
            scope: scope.into(),
            bytes_max: 1 << 30,
            object_bytes_max: 32 << 20,
        }
    }

    /// Sets how many bytes of disk the folder may take.
    #[must_use]
    pub fn with_bytes_max(mut self, bytes: u64) -> Self {
        self.bytes_max = bytes;
        self
    }

    /// Sets the largest object that is kept whole.
    #[must_use]
    pub fn with_object_bytes_max(mut self, bytes: u64) -> Self {
        self.object_bytes_max = bytes;
        self
    }

    /// Says whether a part is one to look for in the cache.
    pub(super) fn serves(&self, part: &Range<u64>) -> bool {
        part.start < part.end && part.end - part.start <= self.object_bytes_max
    }
}

/// What a cache was good for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
#[non_exhaustive]
pub struct CacheCounts {
    /// Reads that were answered without the store.
    pub hits: u64,
    /// Bytes that were read from the folder.
    pub hit_bytes: u64,
    /// Reads for which the store was asked, for some of it at least.
    pub misses: u64,
    /// Files that were written.
    pub kept: u64,
    /// Files that had to go to make room.
    pub evicted: u64,
    /// Files that were not what was kept, and were thrown away.
    pub damaged: u64,
    /// Calls of the file system that failed: as if there were no cache.
    pub io_failures: u64,
}

impl fmt::Display for CacheCounts {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            f,
            "{} of {} reads from the cache ({} bytes); {} files kept, {} evicted, {} damaged, {} failures",
            self.hits,
            self.hits + self.misses,
            self.hit_bytes,
            self.kept,
            self.evicted,
            self.damaged,
            self.io_failures
        )
    }
}
