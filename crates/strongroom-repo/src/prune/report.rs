//! What a prune has done.

use strongroom_format::ObjectHash;

use crate::error::Error;
use crate::parity::ParityCount;
#[cfg(doc)]
use crate::repository::Repository;

/// What a prune has done.
#[derive(Debug, Default)]
#[non_exhaustive]
pub struct PruneReport {
    /// Journal entries written.
    pub entries: u64,
    /// Packs dropped, and their bytes. They are there until [`delete_dropped`](Repository::delete_dropped).
    pub dropped_packs: u64,
    /// Their bytes.
    pub dropped_bytes: u64,
    /// Objects that no entry named and that are dropped now.
    pub dropped_orphans: u64,
    /// Packs written.
    pub added_packs: u64,
    /// Bytes written, those of index segments among them.
    pub added_bytes: u64,
    /// Parity that packs got, if [`Settings::parity`](crate::Settings::parity) asked for any.
    pub parity: ParityCount,
    /// Bytes read.
    pub read_bytes: u64,
    /// Packs condemned.
    pub condemned_packs: u64,
    /// Sessions given up.
    pub sessions: u64,
    /// Packs that were to go and stay, since something was committed that needs them, or a session that owns them has spoken.
    pub kept_after_all: Vec<ObjectHash>,
    /// Packs that were to be written anew and stay, since they cannot be read as they should be; and why index segments were not merged.
    pub problems: Vec<Error>,
    /// Index segments that were merged into others.
    pub merged_segments: u64,
    /// Bytes of content that nothing needs and that were moved in frames with something that is needed.
    pub moved_trapped_bytes: u64,
    /// Why not everything was done.
    pub stopped: Option<Stopped>,
}

/// Why a prune did not do everything that was planned.
#[derive(Debug)]
#[non_exhaustive]
pub enum Stopped {
    /// The time that the options give was up.
    Time,
    /// What the rest of the plan relied on has changed; make a new one.
    Stale(Error),
}

impl PruneReport {
    /// Says whether everything was done that was planned, but for what is needed after all.
    #[must_use]
    pub fn is_complete(&self) -> bool {
        self.stopped.is_none() && self.problems.is_empty()
    }
}
