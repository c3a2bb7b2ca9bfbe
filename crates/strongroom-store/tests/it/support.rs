//! Stores that tests look into.

use std::fmt;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use async_trait::async_trait;
use bytes::Bytes;
use futures::stream::{self, BoxStream, StreamExt};
use strongroom_store::wrap::{ManualTime, Sleep};
use strongroom_store::{
    Capabilities, GetOptions, Key, MemoryStore, ObjectLock, ObjectMeta, Prefix, PutOptions, Result,
    Retention, Store,
};

/// A store that locks objects, or not, and remembers in words what it was asked.
#[derive(Debug, Clone)]
pub(crate) struct Spy {
    objects: Arc<MemoryStore>,
    log: Arc<Mutex<Vec<String>>>,
}

impl Spy {
    pub(crate) fn new() -> Self {
        Self::around(MemoryStore::new())
    }

    pub(crate) fn with_locks() -> Self {
        Self::around(MemoryStore::with_object_lock(|| 0))
    }

    fn around(objects: MemoryStore) -> Self {
        Self {
            objects: Arc::new(objects),
            log: Arc::default(),
        }
    }

    /// What was asked since the last time.
    pub(crate) fn log(&self) -> Vec<String> {
        std::mem::take(&mut *self.log.lock().expect("no panic"))
    }

    fn note(&self, line: String) {
        self.log.lock().expect("no panic").push(line);
    }

    fn lock(&self) -> &dyn ObjectLock {
        self.objects.object_lock().expect("it locks")
    }
}

#[async_trait]
impl Store for Spy {
    fn capabilities(&self) -> Capabilities {
        self.objects.capabilities()
    }

    async fn put(&self, key: &Key, data: Bytes, options: PutOptions) -> Result<()> {
        let until = options.retention.map(|retention| retention.until);
        self.note(format!("put {key} {:?} {until:?}", options.class));
        self.objects.put(key, data, options).await
    }

    async fn get(&self, key: &Key, options: GetOptions) -> Result<Bytes> {
        let fresh = if options.fresh { " fresh" } else { "" };
        self.note(match &options.range {
            None => format!("get {key} {:?}{fresh}", options.class),
            Some(range) => format!("get {key} {range:?} {:?}{fresh}", options.class),
        });
        self.objects.get(key, options).await
    }

    async fn head(&self, key: &Key) -> Result<ObjectMeta> {
        self.note(format!("head {key}"));
        self.objects.head(key).await
    }

    async fn delete(&self, key: &Key) -> Result<()> {
        self.note(format!("delete {key}"));
        self.objects.delete(key).await
    }

    fn list(&self, prefix: &Prefix) -> BoxStream<'static, Result<ObjectMeta>> {
        self.note(format!("list {prefix}"));
        self.objects.list(prefix)
    }

    fn object_lock(&self) -> Option<&dyn ObjectLock> {
        self.objects.object_lock().map(|_| self as &dyn ObjectLock)
    }
}

#[async_trait]
impl ObjectLock for Spy {
    async fn retention(&self, key: &Key) -> Result<Option<Retention>> {
        self.note(format!("retention {key}"));
        self.lock().retention(key).await
    }

    async fn extend(&self, key: &Key, to: Retention) -> Result<()> {
        self.note(format!("extend {key} {}", to.until));
        self.lock().extend(key, to).await
    }
}

impl fmt::Display for Spy {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("spy")
    }
}

/// How long a call takes, by its verb and key.
type Latency = dyn Fn(&'static str, &Key) -> Duration + Send + Sync;

/// A store whose answers take time, by a clock that tests advance.
pub(crate) struct Slow<S> {
    inner: Arc<S>,
    time: ManualTime,
    latency: Arc<Latency>,
}

impl<S: Store> Slow<S> {
    pub(crate) fn new(
        inner: S,
        time: &ManualTime,
        latency: impl Fn(&'static str, &Key) -> Duration + Send + Sync + 'static,
    ) -> Self {
        Self {
            inner: Arc::new(inner),
            time: time.clone(),
            latency: Arc::new(latency),
        }
    }

    pub(crate) fn inner(&self) -> &S {
        &self.inner
    }

    async fn wait(&self, verb: &'static str, key: &Key) {
        let latency = (self.latency)(verb, key);
        if !latency.is_zero() {
            self.time.sleep(latency).await;
        }
    }
}

#[async_trait]
impl<S: Store> Store for Slow<S> {
    fn capabilities(&self) -> Capabilities {
        self.inner.capabilities()
    }

    async fn put(&self, key: &Key, data: Bytes, options: PutOptions) -> Result<()> {
        self.wait("put", key).await;
        self.inner.put(key, data, options).await
    }

    async fn get(&self, key: &Key, options: GetOptions) -> Result<Bytes> {
        self.wait("get", key).await;
        self.inner.get(key, options).await
    }

    async fn head(&self, key: &Key) -> Result<ObjectMeta> {
        self.wait("head", key).await;
        self.inner.head(key).await
    }

    async fn delete(&self, key: &Key) -> Result<()> {
        self.wait("delete", key).await;
        self.inner.delete(key).await
    }

    fn list(&self, prefix: &Prefix) -> BoxStream<'static, Result<ObjectMeta>> {
        let state = (self.inner.list(prefix), self.clone());
        stream::unfold(state, async |(mut objects, slow)| {
            let object: Result<ObjectMeta> = objects.next().await?;
            if let Ok(object) = &object {
                slow.wait("list", &object.key).await;
            }
            Some((object, (objects, slow)))
        })
        .boxed()
    }
}

impl<S> Clone for Slow<S> {
    fn clone(&self) -> Self {
        Self {
            inner: Arc::clone(&self.inner),
            time: self.time.clone(),
            latency: Arc::clone(&self.latency),
        }
    }
}

impl<S> fmt::Debug for Slow<S> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Slow").finish_non_exhaustive()
    }
}

impl<S: Store> fmt::Display for Slow<S> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "slow({})", self.inner)
    }
}
