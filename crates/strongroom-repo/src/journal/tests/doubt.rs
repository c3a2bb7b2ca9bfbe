//! A store that overwrites, and a put that arrives when nobody waits for it any more.

use std::fmt;
use std::sync::atomic::{AtomicU32, Ordering};
use std::sync::{Arc, Mutex};

use async_trait::async_trait;
use bytes::Bytes;
use futures::stream::BoxStream;
use strongroom_crypt::Suite;
use strongroom_format::object_name;
use strongroom_store::{
    Capabilities, Error, ErrorKind as StoreKind, GetOptions, Key, MemoryStore, ObjectMeta, Prefix,
    PutOptions, Result, Store, StoreExt as _,
};

use super::{append, open, refresh, wait};
use crate::context::object_key;
use crate::{CreateOptions, Credential, ErrorKind, Repository};

/// Ignores the condition of every put, and holds some back after it has said that they failed.
#[derive(Debug, Default)]
struct Late {
    inner: MemoryStore,
    /// So many puts are still to be held back.
    to_hold: AtomicU32,
    held: Mutex<Vec<(Key, Bytes)>>,
}

impl Late {
    /// Lets what was held back arrive.
    fn land(&self) {
        for (key, bytes) in self.held.lock().unwrap().drain(..) {
            wait(self.inner.replace(&key, bytes)).unwrap();
        }
    }
}

impl fmt::Display for Late {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("late")
    }
}

#[async_trait]
impl Store for Late {
    fn capabilities(&self) -> Capabilities {
        self.inner.capabilities().with_atomic_create(false)
    }

    async fn put(&self, key: &Key, data: Bytes, _: PutOptions) -> Result<()> {
        let less = |left: u32| left.checked_sub(1);
        let held = self
            .to_hold
            .fetch_update(Ordering::Relaxed, Ordering::Relaxed, less);
        if held.is_ok() {
            self.held.lock().unwrap().push((key.clone(), data));
            return Err(Error::new(StoreKind::Unavailable, "put").with_key(key));
        }
        self.inner.replace(key, data).await
    }

    async fn get(&self, key: &Key, options: GetOptions) -> Result<Bytes> {
        self.inner.get(key, options).await
    }

    async fn head(&self, key: &Key) -> Result<ObjectMeta> {
        self.inner.head(key).await
    }

    async fn delete(&self, key: &Key) -> Result<()> {
        self.inner.delete(key).await
    }

    fn list(&self, prefix: &Prefix) -> BoxStream<'static, Result<ObjectMeta>> {
        self.inner.list(prefix)
    }
}

fn repository() -> (Arc<Late>, Repository) {
    let store = Arc::new(Late::default());
    let options = CreateOptions::default()
        .with_suite(Suite::None)
        .with_single_writer(true);
    let dynamic: Arc<dyn Store> = store.clone();
    let created = wait(Repository::builder(dynamic).create(options, &Credential::None)).unwrap();
    assert!(created.single_writer);
    (store, created.repository)
}

/// Appends an entry of which every put times out.
fn fail(store: &Late, repository: &Repository, number: u64) {
    store.to_hold.store(3, Ordering::Relaxed);
    let error = append(repository, number).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Unavailable);
    assert_eq!(store.to_hold.load(Ordering::Relaxed), 0);
}

#[test]
fn an_attempt_in_doubt_is_settled_before_another_and_its_late_put_changes_nothing() {
    let (store, repository) = repository();
    fail(&store, &repository, 1);
    // In the place of the first is the first; the second comes after it.
    assert_eq!(append(&repository, 2).unwrap().n, 2);
    assert_eq!(append(&repository, 3).unwrap().n, 3);
    store.land();
    let state = open(&store).unwrap().journal().state();
    assert_eq!((state.head, state.packs.len()), (4, 3));
}

#[test]
fn an_attempt_in_doubt_that_arrives_is_read_like_any_other() {
    let (store, repository) = repository();
    fail(&store, &repository, 1);
    store.land();
    assert_eq!(refresh(&repository).unwrap().head, 2);
    assert_eq!(append(&repository, 2).unwrap().n, 2);
    fail(&store, &repository, 3);
    store.land();
    assert_eq!(append(&repository, 4).unwrap().n, 4);
    let state = open(&store).unwrap().journal().state();
    assert_eq!((state.head, state.packs.len()), (5, 4));
}

#[test]
fn an_attempt_stays_in_doubt_until_the_store_says_what_became_of_it() {
    let (store, repository) = repository();
    fail(&store, &repository, 1);
    fail(&store, &repository, 2);
    let held = store.held.lock().unwrap();
    assert!(held.iter().all(|one| *one == held[0]), "the same bytes");
    drop(held);
    assert_eq!(append(&repository, 3).unwrap().n, 2);
    store.land();
    let end = object_key(&object_name::journal(3)).unwrap();
    assert!(!wait(store.exists(&end)).unwrap());
    assert_eq!(open(&store).unwrap().journal().state().packs.len(), 2);
}
