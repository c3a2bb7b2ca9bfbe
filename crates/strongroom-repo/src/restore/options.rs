//! What a restore is asked to do.

use std::fmt;
use std::sync::Arc;

use strongroom_format::NodeKind;

/// What a restore is asked to do. The default restores everything and removes nothing.
#[derive(Clone, Default)]
#[non_exhaustive]
pub struct RestoreOptions {
    /// The directory whose content, or the entry that, is restored into the target's root. Empty: all of the snapshot.
    pub path: Vec<u8>,
    /// Chooses entries. `None`: all.
    pub include: Option<Arc<dyn Include>>,
    /// What becomes of files that are there.
    pub existing: Existing,
    /// What becomes of entries that are there and not in the snapshot.
    pub extra: Extra,
    /// Whether anything is written.
    pub mode: Mode,
    /// What becomes of files whose content is in cold storage.
    pub cold: Cold,
}

/// What becomes of files that are there. Whatever it is, they end as recorded.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
#[non_exhaustive]
pub enum Existing {
    /// Their content is read and compared; only what differs is fetched and written.
    #[default]
    Verify,
    /// Content of the recorded size and modification time is taken to be the recorded content.
    TrustTimes,
    /// They are restored as if they were not there.
    Overwrite,
}

/// What becomes of entries that are there and not in the snapshot.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
#[non_exhaustive]
pub enum Extra {
    /// They stay.
    #[default]
    Keep,
    /// They are removed, with everything below them: the target becomes what the snapshot is. Of a directory whose
    /// entries cannot all be read from the store, nothing is removed after the last one that could.
    Remove,
}

/// Whether anything is written.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
#[non_exhaustive]
pub enum Mode {
    /// Restores.
    #[default]
    Restore,
    /// Reports what would be done; the target is looked at and not touched, and no content is fetched.
    DryRun,
}

/// What becomes of files whose content is in cold storage and was not [warmed up](crate::Repository::warm_up).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
#[non_exhaustive]
pub enum Cold {
    /// The restore ends at the first of them, as when the store is out of reach: [`RestoreReport::stopped`](crate::RestoreReport::stopped) is of the
    /// kind `Archived`.
    #[default]
    Stop,
    /// They are left out and named as lost, for the reason [`LostReason::Cold`](crate::LostReason::Cold), and all others are restored.
    /// Restoring again into the same target, once the rest is ready, completes it.
    LeaveOut,
}

/// Chooses the entries that are restored.
pub trait Include: Send + Sync {
    /// Says whether the entry at `path`, relative to the target's root, is restored. Nothing below a directory that is
    /// left out is asked for. `kind` is `None` for an entry that is only in the target and would be removed.
    fn includes(&self, path: &[u8], kind: Option<NodeKind>) -> bool;
}

impl<F: Fn(&[u8], Option<NodeKind>) -> bool + Send + Sync> Include for F {
    fn includes(&self, path: &[u8], kind: Option<NodeKind>) -> bool {
        self(path, kind)
    }
}

impl RestoreOptions {
    /// Restores only what is at `path`.
    #[must_use]
    pub fn with_path(mut self, path: impl Into<Vec<u8>>) -> Self {
        self.path = path.into();
        self
    }

    /// Restores only what is chosen.
    #[must_use]
    pub fn with_include(mut self, include: Arc<dyn Include>) -> Self {
        self.include = Some(include);
        self
    }

    /// Says what becomes of files that are there.
    #[must_use]
    pub fn with_existing(mut self, existing: Existing) -> Self {
        self.existing = existing;
        self
    }

    /// Says what becomes of entries that are not in the snapshot.
    #[must_use]
    pub fn with_extra(mut self, extra: Extra) -> Self {
        self.extra = extra;
        self
    }

    /// Says whether anything is written.
    #[must_use]
    pub fn with_mode(mut self, mode: Mode) -> Self {
        self.mode = mode;
        self
    }

    /// Says what becomes of files whose content is in cold storage.
    #[must_use]
    pub fn with_cold(mut self, cold: Cold) -> Self {
        self.cold = cold;
        self
    }

    pub(super) fn includes(&self, path: &[u8], kind: Option<NodeKind>) -> bool {
        self.include
            .as_ref()
            .is_none_or(|include| include.includes(path, kind))
    }
}

impl fmt::Debug for RestoreOptions {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("RestoreOptions")
            .field("path", &String::from_utf8_lossy(&self.path))
            .field("include", &self.include.as_ref().map(|_| "..."))
            .field("existing", &self.existing)
            .field("extra", &self.extra)
            .field("mode", &self.mode)
            .field("cold", &self.cold)
            .finish()
    }
}
