//! How it is decided what is deleted.

use std::time::Duration;

/// How [`plan_delete`](crate::Repository::plan_delete) decides.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct DeleteOptions {
    /// How long ago something must have been dropped, by the clock of who dropped it. Until it is deleted, restores that read it go on
    /// and snapshots that were forgotten can be brought back. Default: 24 hours.
    pub min_age: Duration,
    /// Under which name of the policy the deletion is recorded in the journal, if anything was deleted that an entry had dropped. Default: it is not.
    ///
    /// Not on a replica: its journal is that of the original, and an entry of its own would part them. [`DeleteReport::fact`](super::DeleteReport::fact) is what to record in the original
    /// instead.
    pub record: Option<String>,
}

impl Default for DeleteOptions {
    fn default() -> Self {
        Self {
            min_age: Duration::from_secs(24 * 60 * 60),
            record: None,
        }
    }
}

impl DeleteOptions {
    /// Says how long ago something must have been dropped.
    #[must_use]
    pub fn with_min_age(mut self, age: Duration) -> Self {
        self.min_age = age;
        self
    }

    /// Has the deletion recorded in the journal, under this name of the repository. Not on a replica; see [`record`](Self::record).
    #[must_use]
    pub fn with_record(mut self, repository: impl Into<String>) -> Self {
        self.record = Some(repository.into());
        self
    }
}
