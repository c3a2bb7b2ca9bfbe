//! Who checks.

use std::fmt;
use std::sync::Arc;

use strongroom_crypt::GenesisPin;
use strongroom_format::{AuditKeys, ObjectHash};
use strongroom_store::Store;
use strongroom_store::manners::Manners;

use crate::run::Run;
use crate::{Check, CheckOptions, Observer, Report, Result};

/// Checks the repository in a store, with the keys that it was handed.
///
/// Without keys it checks that every object is whole and in its place, with the structure key the journal, the index and the trees, with
/// the content keys everything.
pub struct Auditor {
    store: Arc<dyn Store>,
    keys: Option<AuditKeys>,
    pin: Option<GenesisPin>,
    threads: Option<usize>,
    manners: Manners,
    checks: Vec<Arc<dyn Check>>,
}

impl Auditor {
    /// Makes an auditor without keys. It wraps the store so that nothing can be written.
    #[must_use]
    pub fn new(store: Arc<dyn Store>) -> Self {
        Self {
            store,
            keys: None,
            pin: None,
            threads: None,
            manners: Manners::new(),
            checks: Vec::new(),
        }
    }

    /// Hands it keys.
    #[must_use]
    pub fn with_keys(mut self, keys: AuditKeys) -> Self {
        self.keys = Some(keys);
        self
    }

    /// Says what the hash of the first entry must be, as it was noted when the repository was made.
    #[must_use]
    pub fn with_pin(mut self, pin: GenesisPin) -> Self {
        self.pin = Some(pin);
        self
    }

    /// Sets how many threads compute; by default as many as the machine runs at once. With 0 the journal is opened where the future is polled;
    /// packs are always read on threads of their own, at least one.
    #[must_use]
    pub fn with_threads(mut self, threads: usize) -> Self {
        self.threads = Some(threads);
        self
    }

    /// Sets who is asked before work goes on: before each pack that is looked at, and each request. Default: nobody.
    #[must_use]
    pub fn with_manners(mut self, manners: Manners) -> Self {
        self.manners = manners;
        self
    }

    /// Checks the repository as far as the options ask for and the keys allow.
    ///
    /// The order: everything is listed; configuration, journal, keyrings, slots, bundles, checkpoints, beacons and parity are read; what the
    /// journal says is compared with what is there; packs, index and trees are read as deep as asked for; then come the checks of your own.
    /// What seems to be missing is looked for again, against the journal as it has become meanwhile.
    ///
    /// # Errors
    ///
    /// Only what kept it from looking: `NotFound` when there is no repository, `WrongKey` when the keys are those of another one,
    /// `Incompatible` when a later version made it, `Invalid` for a level above [`Level::HIGHEST`](crate::Level::HIGHEST), `PermissionDenied`,
    /// `Unavailable`, `Internal`.
    ///
    /// # Memory
    ///
    /// About 150 bytes for every object that is there, what the journal says (the snapshots, and about 200 bytes for every pack and segment in force),
    /// and what [`CheckOptions::memory_bytes`] grants, however large the repository is.
    ///
    /// # Cancellation
    ///
    /// Dropping the future ends the check. Nothing was written.
    pub async fn check(
        &self,
        options: CheckOptions,
        observer: Arc<dyn Observer>,
    ) -> Result<Report> {
        Box::pin(Run::new(self, options, observer)?.run()).await
    }

    pub(crate) fn store(&self) -> Arc<dyn Store> {
        Arc::clone(&self.store)
    }

    pub(crate) fn keys(&self) -> Option<&AuditKeys> {
        self.keys.as_ref()
    }

    pub(crate) fn pin(&self) -> Option<ObjectHash> {
        self.pin.map(|pin| ObjectHash::from_bytes(*pin.as_bytes()))
    }

    pub(crate) fn threads(&self) -> usize {
        self.threads.unwrap_or_else(|| {
            std::thread::available_parallelism().map_or(1, std::num::NonZero::get)
        })
    }

    pub(crate) fn manners(&self) -> &Manners {
        &self.manners
    }

    pub(crate) fn checks(&self) -> &[Arc<dyn Check>] {
        &self.checks
    }

    /// Adds a check of your own. Such checks run after the others, in the order in which they were added.
    #[must_use]
    pub fn with_check(mut self, check: Arc<dyn Check>) -> Self {
        self.checks.push(check);
        self
    }
}

impl fmt::Debug for Auditor {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Auditor")
            .field("store", &self.store)
            .field("keys", &self.keys)
            .field("pin", &self.pin)
            .field("threads", &self.threads)
            .field("manners", &self.manners)
            .field("checks", &self.checks)
            .finish()
    }
}
