//! What the scenarios have in common.

use std::sync::Arc;

use strongroom_crypt::Argon2Params;
use strongroom_repo::{CreateOptions, Created, Credential, Error, Repository, Result};
use strongroom_store::wrap::{Fault, FaultPlan, Faulty, Rule, When};
use strongroom_store::{ErrorKind as StoreKind, Key, MemoryStore, Prefix, Store, StoreExt as _};

pub(crate) fn wait<T>(future: impl Future<Output = T>) -> T {
    futures::executor::block_on(future)
}

/// Options whose passphrases cost nothing to try.
pub(crate) fn options() -> CreateOptions {
    CreateOptions::default().with_argon2(Argon2Params::FASTEST)
}

pub(crate) fn passphrase() -> Credential {
    Credential::passphrase("correct horse")
}

pub(crate) fn create(store: &Arc<impl Store>) -> Result<Created> {
    let store: Arc<dyn Store> = store.clone();
    wait(Repository::builder(store).create(options(), &passphrase()))
}

pub(crate) fn open(store: &Arc<impl Store>, credential: &Credential) -> Result<Repository> {
    let store: Arc<dyn Store> = store.clone();
    wait(Repository::builder(store).open(credential))
}

pub(crate) fn memory() -> (Arc<MemoryStore>, Created) {
    let store = Arc::new(MemoryStore::new());
    let created = create(&store).unwrap();
    (store, created)
}

pub(crate) fn names(store: &MemoryStore) -> Vec<String> {
    let listed = wait(store.list_all(&Prefix::root())).unwrap();
    listed
        .into_iter()
        .map(|meta| meta.key.to_string())
        .collect()
}

pub(crate) fn key(name: &str) -> Key {
    Key::parse(name).unwrap()
}

/// A copy of everything.
pub(crate) fn copy(store: &MemoryStore) -> Arc<MemoryStore> {
    let copy = MemoryStore::new();
    for name in names(store) {
        let bytes = wait(store.get_all(&key(&name))).unwrap();
        wait(copy.put_new(&key(&name), bytes)).unwrap();
    }
    Arc::new(copy)
}

/// Runs `work` once for every call of the store at which it can die, before and after the call's effect, and gives what is left
/// to `check`. Ends when the work comes through without dying.
pub(crate) fn die_at_every_call<T>(
    fresh: impl Fn() -> Arc<MemoryStore>,
    work: impl Fn(&Arc<Faulty<Arc<MemoryStore>>>) -> Result<T, Error>,
    check: impl Fn(&Arc<MemoryStore>, Result<T, Error>),
) {
    for after in [false, true] {
        for call in 1.. {
            let memory = fresh();
            let store = Arc::new(Faulty::new(memory.clone(), FaultPlan::new()));
            let gone = Fault::FailBefore(StoreKind::Unavailable);
            if after {
                let last = Fault::FailAfter(StoreKind::Unavailable);
                store.inject(Rule::new(last).with_when(When::Nth(call)));
                store.inject(Rule::new(gone).with_when(When::From(call + 1)));
            } else {
                store.inject(Rule::new(gone).with_when(When::From(call)));
            }
            let result = work(&store);
            let died = store.fired() > 0;
            check(&memory, result);
            if !died {
                break;
            }
            assert!(call < 500, "it never comes through");
        }
    }
}
