//! A snapshot, as the history shows it.

use std::sync::Arc;

use strongroom_crypt::Id;
use strongroom_format::record::SuspectState;

use super::{EntryRef, RunSeen};

/// A snapshot in a repository: a recovery point's copy there, and what became of it. Times are Unix seconds.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct SnapshotSeen {
    /// Its id, if something named it.
    pub id: Option<Id>,
    /// The resource.
    pub resource: Arc<str>,
    /// Name of its repository in the policy; empty if nobody said.
    pub repository: String,
    /// The moment of which it shows the data.
    pub capture: i64,
    /// When it was in the repository.
    pub durable: i64,
    /// The entry that shows it: the commit, or the record of the run if the repository's journal was not read.
    pub entry: EntryRef,
    /// Whether its commit was read, and not only a record that says there is one.
    pub is_committed: bool,
    /// Whether something that was asked for is not in it.
    pub is_partial: bool,
    /// How many files it has, if that was recorded.
    pub files: Option<u64>,
    /// How many bytes of content it has, if that was recorded.
    pub bytes: Option<u64>,
    /// When it was forgotten, and the entry.
    pub forgotten: Option<(i64, EntryRef)>,
    /// When this snapshot by itself was verified.
    pub verified: Vec<CheckSeen>,
    /// When a drill restored it, and its record.
    pub proven: Vec<(i64, EntryRef)>,
    /// When a drill failed to, and its record.
    pub failed_drills: Vec<(i64, EntryRef)>,
    /// What was said about it being suspect, in order.
    pub suspected: Vec<(i64, EntryRef, SuspectState)>,
}

/// That something was read, and found good or not.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub struct CheckSeen {
    /// The level.
    pub level: u8,
    /// When: Unix seconds.
    pub at: i64,
    /// The record.
    pub entry: EntryRef,
    /// Whether all of it was read and nothing was damaged.
    pub is_good: bool,
}

impl SnapshotSeen {
    /// Says whether it was there at a time: durable and not forgotten.
    #[must_use]
    pub fn is_there(&self, at: i64) -> bool {
        self.durable <= at && self.forgotten.is_none_or(|(gone, _)| at < gone)
    }

    /// Says whether at a time it was suspect and nobody had found it clean.
    #[must_use]
    pub fn is_suspect(&self, at: i64) -> bool {
        let last = self.suspicion(at);
        last.is_some_and(|state| !matches!(state, SuspectState::Reviewed { clean: true }))
    }

    /// Says whether a copy was made of this one.
    pub(super) fn is_original_of(&self, copy: &RunSeen) -> bool {
        !copy.repository.is_empty()
            && self.repository != copy.repository
            && (self.is_committed || copy.from.as_deref() == Some(self.repository.as_str()))
    }

    /// Returns the last state of being suspect that was recorded until a time.
    #[must_use]
    pub fn suspicion(&self, at: i64) -> Option<&SuspectState> {
        let mut said = self.suspected.iter().rev();
        said.find(|(when, ..)| *when <= at).map(|(.., state)| state)
    }
}
