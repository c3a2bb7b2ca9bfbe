//! Repositories for unit tests.

use std::sync::Arc;

use futures::executor::block_on;
use strongroom_crypt::Suite;
use strongroom_store::wrap::Recording;
use strongroom_store::{MemoryStore, Prefix, Store, StoreExt as _};

use crate::{CreateOptions, Credential, Repository, Settings};

/// A store that logs what is asked of it.
pub(crate) type TestStore = Recording<MemoryStore>;

/// Makes an empty repository without encryption, which costs nothing to open.
pub(crate) fn repository() -> (Arc<TestStore>, Repository) {
    let store = Arc::new(Recording::new(MemoryStore::new()));
    let builder = Repository::builder(store.clone() as Arc<dyn Store>).settings(settings(2));
    let options = CreateOptions::default().with_suite(Suite::None);
    let created = block_on(builder.create(options, &Credential::None)).unwrap();
    (store, created.repository)
}

/// Settings with so many threads.
pub(crate) fn settings(threads: usize) -> Settings {
    Settings {
        threads,
        ..Settings::default()
    }
}

/// Opens the repository afresh: nothing is cached.
pub(crate) fn reopen(store: &Arc<TestStore>, settings: Settings) -> Repository {
    let builder = Repository::builder(store.clone() as Arc<dyn Store>).settings(settings);
    block_on(builder.open(&Credential::None)).unwrap()
}

/// Returns a store with the same objects.
pub(crate) fn copy_of(store: &MemoryStore) -> Arc<MemoryStore> {
    let copy = MemoryStore::new();
    for meta in block_on(store.list_all(&Prefix::root())).unwrap() {
        let bytes = block_on(store.get_all(&meta.key)).unwrap();
        block_on(copy.put_new(&meta.key, bytes)).unwrap();
    }
    Arc::new(copy)
}
