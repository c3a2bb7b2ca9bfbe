//! Who checks.

use std::fmt;
use std::sync::Arc;

use strongroom_crypt::GenesisPin;
use strongroom_format::AuditKeys;
use strongroom_store::Store;

use crate::Check;

/// Checks the repository in a store, with the keys that it was handed.
///
/// Without keys it checks that every object is whole and in its place, with the structure key the journal, the index and the trees, with
/// the content keys everything.
pub struct Auditor {
    store: Arc<dyn Store>,
    keys: Option<AuditKeys>,
    pin: Option<GenesisPin>,
    threads: Option<usize>,
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

    /// Sets how many threads compute; by default as many as the machine runs at once, with 0 none: the work is done where the future is polled.
    #[must_use]
    pub fn with_threads(mut self, threads: usize) -> Self {
        self.threads = Some(threads);
        self
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
            .field("checks", &self.checks)
            .finish()
    }
}
