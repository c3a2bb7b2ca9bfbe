//! What a call may ask for, what it returns, and what a store can do.

use std::ops::Range;

use crate::key::{Key, MAX_KEY_LEN};
use crate::lock::Retention;

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

/// How soon an object has to be at hand.
///
/// What the two mean, and whether they differ, is a matter of the store's settings: a store without classes keeps everything hot.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Default)]
#[non_exhaustive]
pub enum StorageClass {
    /// Read at once, whenever it is asked for: everything that opening, browsing and planning need.
    #[default]
    Hot,
    /// Read when something is restored or moved; may take hours to be made ready.
    Cold,
}

/// Options of [`Store::put`](crate::Store::put).
#[derive(Debug, Clone, PartialEq, Eq, Default)]
#[non_exhaustive]
pub struct PutOptions {
    /// What happens if the key exists.
    pub mode: PutMode,
    /// How soon it has to be at hand. A store without classes ignores it.
    pub class: StorageClass,
    /// Until when it may not be changed or deleted. Only for a store with an [`object_lock`](crate::Store::object_lock);
    /// others fail with `Unsupported`.
    pub retention: Option<Retention>,
}

impl PutOptions {
    /// Sets what happens if the key exists.
    #[must_use]
    pub fn with_mode(mut self, mode: PutMode) -> Self {
        self.mode = mode;
        self
    }

    /// Sets how soon the object has to be at hand.
    #[must_use]
    pub fn with_class(mut self, class: StorageClass) -> Self {
        self.class = class;
        self
    }

    /// Locks the object until a date.
    #[must_use]
    pub fn with_retention(mut self, retention: Retention) -> Self {
        self.retention = Some(retention);
        self
    }
}

/// Options of [`Store::get`](crate::Store::get).
#[derive(Debug, Clone, PartialEq, Eq, Default)]
#[non_exhaustive]
pub struct GetOptions {
    /// Which bytes; all of them if `None`.
    pub range: Option<Range<u64>>,
    /// Which class it was put with, if the caller knows: a hint for a store that keeps the classes in different places.
    pub class: Option<StorageClass>,
    /// Whether it has to come from the store itself. A wrapper that keeps what was read asks the store for such a read, and replaces what
    /// it kept: for whoever looks for damage, or found some.
    pub fresh: bool,
}

impl GetOptions {
    /// Asks for a part of the object.
    #[must_use]
    pub fn with_range(mut self, range: Range<u64>) -> Self {
        self.range = Some(range);
        self
    }

    /// Says which class the object was put with.
    #[must_use]
    pub fn with_class(mut self, class: StorageClass) -> Self {
        self.class = Some(class);
        self
    }

    /// Says whether it has to come from the store itself.
    #[must_use]
    pub fn with_fresh(mut self, fresh: bool) -> Self {
        self.fresh = fresh;
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
/// The default is a full store without extras: every operation of [`Store`](crate::Store), and an atomic create.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct Capabilities {
    /// Whether objects can be put. `put` fails with `PermissionDenied` otherwise.
    pub put: bool,
    /// Whether objects can be deleted. `delete` fails with `PermissionDenied` or `Unsupported`
    /// otherwise.
    pub delete: bool,
    /// Whether law 2 holds: of concurrent creators of a key one wins. A claim, which
    /// [`probe`](crate::probe()) puts to the test.
    pub atomic_create: bool,
    /// How many calls in flight serve it best; a suggestion, at least 1.
    pub concurrency: usize,
    /// The length in bytes of the longest key that is accepted; a longer one is `Invalid`. At most
    /// [`MAX_KEY_LEN`].
    pub key_len_max: usize,
    /// Whether objects can be locked; [`Store::object_lock`](crate::Store::object_lock) then returns something.
    pub object_lock: bool,
    /// Whether the store keeps what is overwritten or deleted as older versions, out of reach of this trait.
    pub versioning: bool,
    /// Whether lists are in the order of keys. Nothing of ours relies on it.
    pub ordered_list: bool,
    /// Whether the service can delete an object only if it is still the one that was seen. Nothing of ours relies on it.
    pub conditional_delete: bool,
    /// Whether objects of different folders are in different stores, so that what holds of one need not hold of the other.
    pub split: bool,
    /// Whether a request costs hardly more than its bytes, as with files of this machine: what is read may be asked for in small parts. A
    /// hint; whoever says nothing is far away.
    pub near: bool,
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

    /// Sets whether objects can be locked.
    #[must_use]
    pub fn with_object_lock(mut self, object_lock: bool) -> Self {
        self.object_lock = object_lock;
        self
    }

    /// Sets whether the store keeps older versions.
    #[must_use]
    pub fn with_versioning(mut self, versioning: bool) -> Self {
        self.versioning = versioning;
        self
    }

    /// Sets whether lists are in the order of keys.
    #[must_use]
    pub fn with_ordered_list(mut self, ordered_list: bool) -> Self {
        self.ordered_list = ordered_list;
        self
    }

    /// Sets whether objects of different folders are in different stores.
    #[must_use]
    pub fn with_split(mut self, split: bool) -> Self {
        self.split = split;
        self
    }

    /// Sets whether a request costs hardly more than its bytes.
    #[must_use]
    pub fn with_near(mut self, near: bool) -> Self {
        self.near = near;
        self
    }

    /// Sets whether a delete can have a condition.
    #[must_use]
    pub fn with_conditional_delete(mut self, conditional_delete: bool) -> Self {
        self.conditional_delete = conditional_delete;
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
            object_lock: false,
            versioning: false,
            ordered_list: false,
            conditional_delete: false,
            split: false,
            near: false,
        }
    }
}
