//! What a caller may ask of a repair.

use std::sync::Arc;

use strongroom_format::DamagedObject;
use strongroom_store::Store;

/// What [`plan_repair`](crate::Repository::plan_repair) looks at, and where it may take from.
#[derive(Debug, Clone, Default)]
#[non_exhaustive]
pub struct RepairOptions {
    /// What a check found, such as `Report::damaged_objects` of strongroom-verify. Each is read again first, and what is as it should be is
    /// left alone. Of a pack that is named without frames every frame is opened. `None` means a cheap look: what the journal names is compared with a listing of names and lengths, and config and keyring
    /// are read. It finds what is missing or cut off, not what has rotted.
    pub suspects: Option<Vec<DamagedObject>>,
    /// Stores with a byte-for-byte copy of this repository: mirrors and replicas, the best first. Nothing is taken from them unless hashes
    /// say that it is right, and nothing is written to them. The exception are slots, of which no hash is known: of those with the right public
    /// key the one is taken that most of these stores have, and that its credential opens it remains to be tried.
    pub from: Vec<Arc<dyn Store>>,
}

impl RepairOptions {
    /// Looks at these, and at what is in quarantine.
    #[must_use]
    pub fn with_suspects(mut self, suspects: impl IntoIterator<Item = DamagedObject>) -> Self {
        self.suspects = Some(suspects.into_iter().collect());
        self
    }

    /// Takes what is lost from this mirror or replica too.
    #[must_use]
    pub fn with_source(mut self, store: Arc<dyn Store>) -> Self {
        self.from.push(store);
        self
    }
}
