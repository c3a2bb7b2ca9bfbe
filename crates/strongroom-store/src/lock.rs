//! Objects that nobody can change or delete before a date.

use async_trait::async_trait;

use crate::error::Result;
use crate::key::Key;

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

/// What a store that locks objects can do besides locking them as they are [`put`](crate::Store::put).
///
/// A locked object is read and listed like any other. To replace or delete it fails with `PermissionDenied` and
/// [`Cause::Retained`](crate::Cause::Retained), until its date has passed by the store's clock.
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
}
