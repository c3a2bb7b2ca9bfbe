//! Stores that work inside tokio alone.

use std::fmt;
use std::future::pending;
use std::sync::Mutex;

use async_trait::async_trait;
use bytes::Bytes;
use futures::channel::oneshot;
use futures::stream::{self, BoxStream, StreamExt};
use strongroom_store::{
    Capabilities, GetOptions, Key, MemoryStore, ObjectLock, ObjectMeta, Prefix, PutOptions, Result,
    Retention, RetentionMode, Store, Warmer, Warmth,
};

/// Keeps objects in memory, and panics if a call is not polled inside tokio.
#[derive(Debug, Default)]
pub(crate) struct NeedsTokio(MemoryStore);

async fn go_through_tokio() {
    let there_and_back = tokio::spawn(tokio::task::yield_now());
    there_and_back.await.expect("it does not panic");
}

#[async_trait]
impl Store for NeedsTokio {
    fn capabilities(&self) -> Capabilities {
        self.0.capabilities().with_object_lock(true)
    }

    async fn put(&self, key: &Key, data: Bytes, options: PutOptions) -> Result<()> {
        go_through_tokio().await;
        self.0.put(key, data, options).await
    }

    async fn get(&self, key: &Key, options: GetOptions) -> Result<Bytes> {
        go_through_tokio().await;
        self.0.get(key, options).await
    }

    async fn head(&self, key: &Key) -> Result<ObjectMeta> {
        go_through_tokio().await;
        self.0.head(key).await
    }

    async fn delete(&self, key: &Key) -> Result<()> {
        go_through_tokio().await;
        self.0.delete(key).await
    }

    fn list(&self, prefix: &Prefix) -> BoxStream<'static, Result<ObjectMeta>> {
        drop(tokio::runtime::Handle::current());
        self.0
            .list(prefix)
            .then(async |object| {
                go_through_tokio().await;
                object
            })
            .boxed()
    }

    fn object_lock(&self) -> Option<&dyn ObjectLock> {
        Some(self)
    }
}

#[async_trait]
impl ObjectLock for NeedsTokio {
    async fn retention(&self, _: &Key) -> Result<Option<Retention>> {
        go_through_tokio().await;
        Ok(Some(Retention::new(RetentionMode::Compliance, 7)))
    }

    async fn extend(&self, _: &Key, _: Retention) -> Result<()> {
        go_through_tokio().await;
        Ok(())
    }
}

#[async_trait]
impl Warmer for NeedsTokio {
    async fn warmth(&self, _: &Key) -> Result<Warmth> {
        go_through_tokio().await;
        Ok(Warmth::Warming)
    }

    async fn warm(&self, _: &[Key]) -> Result<()> {
        go_through_tokio().await;
        Ok(())
    }
}

impl fmt::Display for NeedsTokio {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a store that needs tokio")
    }
}

/// Panics in `get`, in `delete` with a message of its own, and in the middle of a list; `put` hangs.
#[derive(Debug, Default)]
pub(crate) struct Awkward {
    hanging: Mutex<Option<Hanging>>,
}

/// Tells when a put hangs, and, by being dropped, when it no longer does.
pub(crate) type Hanging = (oneshot::Sender<()>, oneshot::Sender<()>);

impl Awkward {
    /// Returns one, and what tells that its put hangs and that it has ended.
    pub(crate) fn new() -> (Self, oneshot::Receiver<()>, oneshot::Receiver<()>) {
        let ((hangs, told), (ends, ended)) = (oneshot::channel(), oneshot::channel());
        let hanging = Mutex::new(Some((hangs, ends)));
        (Self { hanging }, told, ended)
    }
}

#[async_trait]
impl Store for Awkward {
    fn capabilities(&self) -> Capabilities {
        Capabilities::default()
    }

    async fn put(&self, _: &Key, _: Bytes, _: PutOptions) -> Result<()> {
        let hanging = self.hanging.lock().expect("no panic holds it").take();
        let (hangs, _ends) = hanging.expect("it is put to once");
        hangs.send(()).expect("the test listens");
        pending().await
    }

    async fn get(&self, _: &Key, _: GetOptions) -> Result<Bytes> {
        panic!("get is broken")
    }

    async fn head(&self, key: &Key) -> Result<ObjectMeta> {
        Ok(ObjectMeta::new(key.clone(), 0))
    }

    async fn delete(&self, key: &Key) -> Result<()> {
        panic!("{key} cannot be deleted")
    }

    fn list(&self, prefix: &Prefix) -> BoxStream<'static, Result<ObjectMeta>> {
        let prefix = prefix.clone();
        stream::iter(0..10)
            .map(move |number| {
                assert!(number < 3, "the list is broken");
                Ok(ObjectMeta::new(prefix.key(&format!("object-{number}"))?, 0))
            })
            .boxed()
    }
}

impl fmt::Display for Awkward {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("an awkward store")
    }
}
