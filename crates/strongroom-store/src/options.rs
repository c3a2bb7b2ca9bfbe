//! What a call may ask for, what it returns, and what a store can do.

use std::ops::Range;

use crate::key::{Key, MAX_KEY_LEN};

/// How `put` treats an object that is already there.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
#[non_exhaustive]
pub enum PutMode {
    /// Fails with `AlreadyExists` and changes nothing. Everything write-once is put so.
    #[default]
    Create,
    /// Replaces it; a reader sees the old object or the new one.
    Overwrite,
}

/// Options of [`Store::put`](crate::Store::put).
#[derive(Debug, Clone, PartialEq, Eq, Default)]
#[non_exhaustive]
pub struct PutOptions {
    /// What happens if the key exists.
    pub mode: PutMode,
}

impl PutOptions {
    /// Sets what happens if the key exists.
    #[must_use]
    pub fn with_mode(mut self, mode: PutMode) -> Self {
        self.mode = mode;
        self
    }
}

/// Options of [`Store::get`](crate::Store::get).
#[derive(Debug, Clone, PartialEq, Eq, Default)]
#[non_exhaustive]
pub struct GetOptions {
    /// Which bytes; all of them if `None`.
    pub range: Option<Range<u64>>,
}

impl GetOptions {
    /// Asks for a part of the object.
    #[must_use]
    pub fn with_range(mut self, range: Range<u64>) -> Self {
        self.range = Some(range);
        self
    }
}

/// What a store knows of an object without reading it.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub struct ObjectMeta {
    /// Its name.
    pub key: Key,
    /// Its length in bytes.
    pub len: u64,
}

impl ObjectMeta {
    /// Returns the description of an object of `len` bytes.
    #[must_use]
    pub fn new(key: Key, len: u64) -> Self {
        Self { key, len }
    }
}

/// What a store can do, so that what it cannot do is known before it is tried.
///
/// The default is a full store: every operation, and an atomic create.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct Capabilities {
    /// Whether objects can be put. `put` fails with `PermissionDenied` otherwise.
    pub put: bool,
    /// Whether objects can be deleted. `delete` fails with `PermissionDenied` or `Unsupported`
    /// otherwise.
    pub delete: bool,
    /// Whether law 2 holds: of concurrent creators of a key one wins. A claim, which
    /// [`probe_atomic_create`](crate::probe_atomic_create) puts to the test.
    pub atomic_create: bool,
    /// How many calls in flight serve it best; a suggestion, at least 1.
    pub concurrency: usize,
    /// The length in bytes of the longest key that is accepted; a longer one is `Invalid`. At most
    /// [`MAX_KEY_LEN`].
    pub key_len_max: usize,
}

impl Capabilities {
    /// Sets whether objects can be put.
    #[must_use]
    pub fn with_put(mut self, put: bool) -> Self {
        self.put = put;
        self
    }

    /// Sets whether objects can be deleted.
    #[must_use]
    pub fn with_delete(mut self, delete: bool) -> Self {
        self.delete = delete;
        self
    }

    /// Sets whether create is atomic.
    #[must_use]
    pub fn with_atomic_create(mut self, atomic_create: bool) -> Self {
        self.atomic_create = atomic_create;
        self
    }

    /// Sets how many calls in flight serve the store best; 0 counts as 1.
    #[must_use]
    pub fn with_concurrency(mut self, concurrency: usize) -> Self {
        self.concurrency = concurrency.max(1);
        self
    }

    /// Sets the length of the longest key; more than [`MAX_KEY_LEN`] counts as that.
    #[must_use]
    pub fn with_key_len_max(mut self, key_len_max: usize) -> Self {
        self.key_len_max = key_len_max.min(MAX_KEY_LEN);
        self
    }
}

impl Default for Capabilities {
    fn default() -> Self {
        Self {
            put: true,
            delete: true,
            atomic_create: true,
            concurrency: 8,
            key_len_max: MAX_KEY_LEN,
        }
    }
}
