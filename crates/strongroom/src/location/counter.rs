//! Counting what is asked of stores.

use std::sync::{Arc, Mutex, PoisonError};

use strongroom_store::Store;
use strongroom_store::wrap::{Counted, Counts};

/// Counts the requests and bytes of all stores that are opened with it ([`Stores::with_counter`](super::Stores::with_counter)), each
/// attempt by itself. A clone is the same counter.
#[derive(Debug, Clone, Default)]
pub struct Counter {
    stores: Arc<Mutex<Vec<Arc<CountedStore>>>>,
}

/// A store of any kind, counted.
type CountedStore = Counted<Arc<dyn Store>>;

impl Counter {
    /// Returns a counter that has counted nothing.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// Returns what was counted so far; [`Prices`](crate::store::wrap::Prices) say what it costs.
    #[must_use]
    pub fn counts(&self) -> Counts {
        let mut sum = Counts::default();
        let stores = self.stores.lock().unwrap_or_else(PoisonError::into_inner);
        for store in &*stores {
            sum.add(&store.counts());
        }
        sum
    }

    /// Puts a store into one that counts.
    pub(super) fn count(&self, store: Arc<dyn Store>) -> Arc<dyn Store> {
        let counted = Arc::new(Counted::new(store));
        let mut stores = self.stores.lock().unwrap_or_else(PoisonError::into_inner);
        stores.push(Arc::clone(&counted));
        counted
    }
}
