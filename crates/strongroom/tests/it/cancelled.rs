//! A backup whose future is dropped leaves a valid repository, and the next one completes.

use std::fmt;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use async_trait::async_trait;
use bytes::Bytes;
use futures::channel::oneshot;
use futures::future::{Either, pending, select};
use futures::stream::BoxStream;
use strongroom::store::{Capabilities, GetOptions, Key, ObjectMeta, Prefix, PutOptions, Result};
use strongroom::{MemoryStore, Repository, Store};

use crate::tree::{back_up, cheap, files, make, open, passphrase, restored, settings};

/// A store of which some put never returns, neither done nor refused.
#[derive(Debug)]
struct Stuck {
    inner: Arc<MemoryStore>,
    puts_left: AtomicUsize,
    stuck: std::sync::Mutex<Option<oneshot::Sender<()>>>,
}

impl fmt::Display for Stuck {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "stuck {}", self.inner)
    }
}

#[async_trait]
impl Store for Stuck {
    fn capabilities(&self) -> Capabilities {
        self.inner.capabilities()
    }

    async fn put(&self, key: &Key, data: Bytes, options: PutOptions) -> Result<()> {
        let left = self
            .puts_left
            .fetch_update(Ordering::SeqCst, Ordering::SeqCst, |left| {
                left.checked_sub(1)
            });
        if left.is_err() {
            if let Some(stuck) = self.stuck.lock().unwrap().take() {
                stuck.send(()).unwrap();
            }
            pending::<()>().await;
        }
        self.inner.put(key, data, options).await
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

async fn drop_at_put(number: usize, folder: &std::path::Path) {
    let store = Arc::new(MemoryStore::new());
    let created = Repository::builder(store.clone())
        .create(cheap(), &passphrase())
        .await
        .unwrap();
    drop(created);
    let (stuck, is_stuck) = oneshot::channel();
    let stuck = std::sync::Mutex::new(Some(stuck));
    let slow: Arc<dyn Store> = Arc::new(Stuck {
        inner: store.clone(),
        puts_left: AtomicUsize::new(number),
        stuck,
    });
    let repository = Repository::builder(slow)
        .settings(settings())
        .open(&passphrase())
        .await
        .unwrap();
    let backup = Box::pin(back_up(&repository, folder));
    match select(backup, is_stuck).await {
        Either::Left((report, _)) => {
            panic!("the backup ended: {:?}", report.map(|report| report.packs))
        }
        Either::Right((_, backup)) => drop(backup),
    }

    let repository = open(store).await;
    assert!(
        repository.snapshots().await.unwrap().is_empty(),
        "nothing was acknowledged"
    );
    let report = back_up(&repository, folder).await.unwrap();
    assert!(report.is_complete(), "{:?}", report.problems);
    assert_eq!(restored(&repository, &report.snapshot).await, files(folder));
}

#[test]
fn a_dropped_backup_leaves_a_valid_repository() {
    let folder = make(6 << 20);
    for number in [0, 1, 3, 6] {
        futures::executor::block_on(drop_at_put(number, folder.path()));
    }
}

#[test]
fn a_backup_dropped_inside_tokio_leaves_a_valid_repository() {
    let folder = make(6 << 20);
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .worker_threads(2)
        .build()
        .unwrap();
    runtime.block_on(drop_at_put(2, folder.path()));
}
