//! In which order objects are copied.

use crate::key::{Key, Prefix};

/// Which objects are compared, and the order in which those that are missing are put: what others refer to comes first.
///
/// Folders are compared one at a time, and one at a time is in memory: two lists of some 100 bytes for each object.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct SyncOrder {
    steps: Vec<Step>,
}

/// One object, or all in a folder.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Step {
    Object(Key),
    Folder(Prefix),
}

impl SyncOrder {
    /// Returns an order of nothing.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// Returns the order for stores whose objects do not refer to each other: everything, by name.
    #[must_use]
    pub fn everything() -> Self {
        Self::new().folder(Prefix::root())
    }

    /// Adds an object after what was added before.
    #[must_use]
    pub fn object(mut self, key: Key) -> Self {
        self.steps.push(Step::Object(key));
        self
    }

    /// Adds what is in a folder, by name, after what was added before.
    #[must_use]
    pub fn folder(mut self, folder: Prefix) -> Self {
        self.steps.push(Step::Folder(folder));
        self
    }

    pub(super) fn steps(&self) -> &[Step] {
        &self.steps
    }
}
