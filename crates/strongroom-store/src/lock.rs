//! Objects that nobody can change or delete before a date.

use async_trait::async_trait;

use crate::error::{Error, ErrorKind, Result};
use crate::key::{Key, Prefix};

/// Who can end a lock before its date.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
#[non_exhaustive]
pub enum RetentionMode {
    /// Whoever has a permission of its own for that.
    Governance,
    /// Nobody.
    Compliance,
}

/// Until when an object is locked, and how strictly.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub struct Retention {
    /// Who can end it before its date.
    pub mode: RetentionMode,
    /// When it ends: seconds since 1970-01-01 00:00 UTC, by the store's clock.
    pub until: i64,
}

impl Retention {
    /// Returns the lock of a mode that ends at `until`, in seconds since 1970.
    #[must_use]
    pub fn new(mode: RetentionMode, until: i64) -> Self {
        Self { mode, until }
    }

    /// Returns whether an object locked by `self` is as safe as one locked by `other`: as strict, and as long.
    #[must_use]
    pub fn covers(&self, other: &Self) -> bool {
        self.mode >= other.mode && self.until >= other.until
    }
}

/// An object that cannot be seen, for something younger stands over it.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct Hidden {
    /// Its name.
    pub key: Key,
    /// Whether the name seems to be deleted; if not, other bytes are read in its place.
    pub deleted: bool,
}

impl Hidden {
    /// Returns the object of a name that seems to be deleted, or under which other bytes are read.
    #[must_use]
    pub fn new(key: Key, deleted: bool) -> Self {
        Self { key, deleted }
    }
}

/// Hidden objects, as many as were found with one request.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct HiddenPage {
    /// The objects; there may be none even if this is not the last page.
    pub objects: Vec<Hidden>,
    /// Where the next page begins, in the store's own words; `None` if this is the last one.
    pub next: Option<String>,
}

impl HiddenPage {
    /// Returns a page, and where the next one begins.
    #[must_use]
    pub fn new(objects: Vec<Hidden>, next: Option<String>) -> Self {
        Self { objects, next }
    }
}

/// What a store that locks objects can do besides locking them as they are [`put`](crate::Store::put).
///
/// A locked object is read and listed like any other. To replace or delete it fails with `PermissionDenied` and
/// [`Cause::Retained`](crate::Cause::Retained), until its date has passed by the store's clock.
///
/// That holds for what is done through the trait. A service that keeps versions, as S3 does, locks the *version* and not the name: with
/// another program whoever may put and delete can lay a mark of deletion, or other bytes, over an object that is locked. Its bytes are
/// then [`hidden`](Self::hidden), and [`uncover`](Self::uncover) brings them back.
#[async_trait]
pub trait ObjectLock: Send + Sync {
    /// Returns whether objects of this name can be locked. Costs nothing and never changes. False only for a store that keeps names in
    /// different places of which some lock: there, what is to be locked under such a name fails with `Unsupported`, and so do the other
    /// methods. A store around a store forwards it.
    fn locks(&self, _key: &Key) -> bool {
        true
    }

    /// Returns how an object is locked; `None` if it is not, or no longer.
    ///
    /// # Errors
    ///
    /// `NotFound`, `PermissionDenied`, `Unavailable`, `Unsupported`, `Other`.
    async fn retention(&self, key: &Key) -> Result<Option<Retention>>;

    /// Locks an object longer or more strictly; changes nothing if its lock [covers](Retention::covers) that already.
    ///
    /// # Errors
    ///
    /// As [`retention`](Self::retention); `Invalid` for what would shorten or weaken the lock, which is left as it is.
    async fn extend(&self, key: &Key, to: Retention) -> Result<()>;

    /// Looks for objects over which something younger stands, in the folder `prefix` and from where an earlier page ended. It concerns
    /// names that are written once: of one that is replaced the older bytes count as hidden. The object is what was put first; whether
    /// it is locked is not looked at. A store around several asks each that locks.
    ///
    /// # Errors
    ///
    /// `Unsupported`, as by default, by a store that does not know; `Invalid`, `PermissionDenied`, `NoStore`, `Unavailable`, `Other`.
    async fn hidden(&self, _prefix: &Prefix, _from: Option<&str>) -> Result<HiddenPage> {
        Err(Error::new(ErrorKind::Unsupported, "hidden"))
    }

    /// Brings back the object that was first put under a name, if it is hidden and locked, and returns whether it was. Nothing that holds
    /// bytes is deleted for it: marks of deletion are taken away, and over other bytes the object is laid again, locked as it was.
    /// Done twice, or broken off and done again, it comes to the same.
    ///
    /// # Errors
    ///
    /// As [`hidden`](Self::hidden), and `Archived` for an object in a cold class.
    async fn uncover(&self, key: &Key) -> Result<bool> {
        Err(Error::new(ErrorKind::Unsupported, "uncover").with_key(key))
    }
}
