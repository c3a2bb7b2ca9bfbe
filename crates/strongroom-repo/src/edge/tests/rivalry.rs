//! Clients that are interleaved within requests.

use std::sync::{Arc, Mutex};
use std::time::Duration;

use async_trait::async_trait;
use bytes::Bytes;
use futures::executor::block_on;
use futures::stream::BoxStream;
use strongroom_store::wrap::RecordingSleep;
use strongroom_store::{
    Capabilities, GetOptions, Key, MemoryStore, ObjectMeta, Prefix, PutOptions, Store,
};

use super::{PASSPHRASE, backup, components, create};
use crate::testing::{Tree, TreeSource};
use crate::threads::started;
use crate::{BackupOptions, Credential, Execution, Repository};

/// A store in which another client appends before this one does, so many times.
#[derive(Debug)]
struct Rivalry {
    inner: Arc<MemoryStore>,
    rival: Mutex<(Option<Repository>, u32)>,
}

impl Rivalry {
    /// Lets the rival append, in the middle of a request of somebody else.
    async fn compete(&self) {
        let rival = {
            let mut held = self.rival.lock().unwrap();
            let (rival, times) = &mut *held;
            if *times == 0 {
                return;
            }
            *times -= 1;
            rival.clone().unwrap()
        };
        let source = Arc::new(TreeSource::new(Tree::dir([])));
        let options = BackupOptions::new("rival");
        rival.backup(source, options, Arc::new(())).await.unwrap();
    }
}

impl std::fmt::Display for Rivalry {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("rivalry")
    }
}

#[async_trait]
impl Store for Rivalry {
    fn capabilities(&self) -> Capabilities {
        self.inner.capabilities()
    }

    async fn put(
        &self,
        key: &Key,
        data: Bytes,
        options: PutOptions,
    ) -> strongroom_store::Result<()> {
        if key.as_str().starts_with("journal/") {
            self.compete().await;
        }
        self.inner.put(key, data, options).await
    }

    async fn get(&self, key: &Key, options: GetOptions) -> strongroom_store::Result<Bytes> {
        self.inner.get(key, options).await
    }

    async fn head(&self, key: &Key) -> strongroom_store::Result<ObjectMeta> {
        self.inner.head(key).await
    }

    async fn delete(&self, key: &Key) -> strongroom_store::Result<()> {
        self.inner.delete(key).await
    }

    fn list(&self, prefix: &Prefix) -> BoxStream<'static, strongroom_store::Result<ObjectMeta>> {
        self.inner.list(prefix)
    }
}

/// Loses seven races for the next entry and returns the waits after the fourth and later ones.
fn race() -> Vec<Duration> {
    let inner = Arc::new(MemoryStore::new());
    drop(create(inner.clone(), 1, Execution::Inline));
    let rivalry = Arc::new(Rivalry {
        inner: inner.clone(),
        rival: Mutex::new((None, 0)),
    });
    let sleep = Arc::new(RecordingSleep::new());
    let credential = Credential::passphrase(PASSPHRASE);
    let open = |store: Arc<dyn Store>, seed, sleep: Arc<RecordingSleep>| {
        let mut components = components(seed, Execution::Inline);
        components.sleep = sleep;
        let builder = Repository::builder(store).components(components);
        block_on(builder.open(&credential)).unwrap()
    };
    let rival = open(inner, 2, Arc::new(RecordingSleep::new()));
    let repository = open(rivalry.clone(), 3, sleep.clone());
    *rivalry.rival.lock().unwrap() = (Some(rival), 7);
    backup(&repository, 0);
    let snapshots = block_on(repository.snapshots()).unwrap();
    let series: Vec<_> = snapshots
        .iter()
        .map(|info| info.snapshot.series.as_str())
        .collect();
    assert_eq!(series, [["rival"; 7].as_slice(), &["tests"]].concat());
    sleep.slept()
}

#[test]
fn clients_are_interleaved_within_requests_and_wait_by_the_component() {
    let before = started::by_this_thread();
    let slept = race();
    assert_eq!(slept.len(), 4);
    assert!(
        slept.iter().all(|wait| *wait <= Duration::from_millis(10)),
        "{slept:?}"
    );
    assert_eq!(slept, race());
    assert_eq!(started::by_this_thread(), before);
}
