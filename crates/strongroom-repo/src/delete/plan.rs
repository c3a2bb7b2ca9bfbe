//! What will be deleted, and what is left for later.

use std::fmt;

use strongroom_crypt::RepositoryId;
use strongroom_format::Time;

use super::{DeleteOptions, MayDelete};
use crate::error::Head;
use crate::journal::When;
use crate::locks::utc;
use crate::prune::Requests;

/// What will be deleted. Made by [`Repository::plan_delete`](crate::Repository::plan_delete) and carried out by [`Repository::delete_dropped`](crate::Repository::delete_dropped).
///
/// It does not become stale: what was dropped never comes back. That is true of one journal, so it is carried out only where the
/// journal is at least as long as the one it was made from: what is dropped here may be in force in an older copy.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DeletePlan {
    pub(super) repository: RepositoryId,
    /// The last entry of the journal that says what was dropped.
    pub(super) head: Head,
    pub(super) objects: Vec<DoomedObject>,
    pub(super) locked: Vec<LockedObject>,
    pub(super) may_delete: MayDelete,
    pub(super) waiting: u64,
    pub(super) waiting_bytes: u64,
    pub(super) next_due: Option<Time>,
    pub(super) record: Option<String>,
}

/// An object that will be deleted.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct DoomedObject {
    /// Its name.
    pub object: String,
    /// Its length in bytes.
    pub len: u64,
    /// Why it may go.
    pub reason: DeleteReason,
}

/// An object that was dropped long enough ago, and that the store will not delete before its lock ends.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct LockedObject {
    /// Its name.
    pub object: String,
    /// Its length in bytes.
    pub len: u64,
    /// When its lock ends, in seconds since 1970, as far as the journal says.
    pub until: i64,
}

/// Why an object may be deleted.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
#[non_exhaustive]
pub enum DeleteReason {
    /// This journal entry dropped it, or the pack that it protects.
    Dropped(u64),
    /// There are newer checkpoints or, where a lock outlived a revocation, keyrings.
    Superseded,
    /// It is a slot that the keyring does not name any more, and its lock outlived the revocation.
    Revoked,
    /// The session has ended.
    Ended,
}

impl DeletePlan {
    /// Returns what will be deleted, by name.
    #[must_use]
    pub fn objects(&self) -> &[DoomedObject] {
        &self.objects
    }

    /// Returns the bytes that this frees.
    #[must_use]
    pub fn bytes(&self) -> u64 {
        self.objects.iter().map(|object| object.len).sum()
    }

    /// Returns what was dropped long enough ago and is locked, as far as the journal says, the first to be free first. It is left for a later plan.
    #[must_use]
    pub fn locked(&self) -> &[LockedObject] {
        &self.locked
    }

    /// Returns the bytes of what is locked.
    #[must_use]
    pub fn locked_bytes(&self) -> u64 {
        self.locked.iter().map(|object| object.len).sum()
    }

    /// Returns whether the credentials of this handle may delete.
    #[must_use]
    pub fn may_delete(&self) -> MayDelete {
        self.may_delete
    }

    /// Returns how many objects were dropped too recently.
    #[must_use]
    pub fn waiting(&self) -> u64 {
        self.waiting
    }

    /// Returns their bytes.
    #[must_use]
    pub fn waiting_bytes(&self) -> u64 {
        self.waiting_bytes
    }

    /// Returns when the first of them may be deleted.
    #[must_use]
    pub fn next_due(&self) -> Option<Time> {
        self.next_due
    }

    /// Returns what it costs.
    #[must_use]
    pub fn requests(&self) -> Requests {
        let recorded = u64::from(!self.is_empty() && self.record.is_some());
        Requests {
            gets: u64::from(!self.is_empty()),
            heads: recorded,
            puts: recorded,
            deletes: self.objects.len() as u64,
            ..Requests::default()
        }
    }

    /// Says whether there is nothing to delete.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.objects.is_empty()
    }

    /// Counts something that was dropped too recently.
    pub(super) fn wait(&mut self, when: &When, len: u64, options: &DeleteOptions) {
        let age = i64::try_from(options.min_age.as_secs()).unwrap_or(i64::MAX);
        let due = Time::new(when.time.seconds.saturating_add(age), when.time.nanos);
        self.waiting += 1;
        self.waiting_bytes += len;
        self.next_due = Some(self.next_due.map_or(due, |next| next.min(due)));
    }
}

impl fmt::Display for DeletePlan {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (count, bytes) = (self.objects.len(), self.bytes());
        writeln!(
            f,
            "delete {count} objects, {bytes} bytes; {} were dropped too recently",
            self.waiting
        )?;
        if let (Some(first), Some(last)) = (self.locked.first(), self.locked.last()) {
            writeln!(
                f,
                "{} objects, {} bytes, are locked: the first until {}, the last until {}",
                self.locked.len(),
                self.locked_bytes(),
                utc(first.until),
                utc(last.until)
            )?;
        }
        if let Some(lacks) = self.may_delete.lacks() {
            writeln!(f, "{lacks}")?;
        }
        write!(f, "costs {}", self.requests())
    }
}
