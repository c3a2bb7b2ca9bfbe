//! What became of a deletion.

use strongroom_format::record::Deleted;

use crate::error::Error;

/// What was deleted.
#[derive(Debug, Default)]
#[non_exhaustive]
pub struct DeleteReport {
    /// Objects deleted.
    pub deleted: u64,
    /// Their bytes.
    pub bytes: u64,
    /// Objects that the store refused to delete because they are locked. They are left for later, when their locks have ended.
    pub locked: Vec<String>,
    /// Their bytes.
    pub locked_bytes: u64,
    /// What could not be deleted; the next time it is tried again. Where the credentials may not delete, the first refusal ends it. And why the deletion could
    /// not be recorded.
    pub problems: Vec<Error>,
    /// What to record of it; `None` if nothing was deleted that an entry had dropped.
    pub fact: Option<Deleted>,
    /// The journal entry that records it, if [`DeleteOptions::record`](super::DeleteOptions::record) asked for one.
    pub recorded: Option<u64>,
}
