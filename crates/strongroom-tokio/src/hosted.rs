//! A store whose calls run on a runtime of its own.

use std::fmt;
use std::future::Future;
use std::io;
use std::sync::Arc;

use async_trait::async_trait;
use bytes::Bytes;
use futures::channel::mpsc;
use futures::sink::SinkExt;
use futures::stream::{self, BoxStream, StreamExt};
use strongroom_store::{
    Capabilities, Error, ErrorKind, GetOptions, HiddenPage, Key, ObjectLock, ObjectMeta, Prefix,
    PutOptions, Result, Retention, Store, Warmer, Warmth,
};
use tokio::runtime::Handle;

use crate::host::{Call, Host, Lost};
use crate::sleep::TokioSleep;

/// Objects of a list that are fetched before they are asked for.
const LISTED_AHEAD: usize = 256;

/// A store that needs tokio, for callers that may not have it.
///
/// Each call runs as a task of its own, on a small runtime ([`new`](Self::new): two threads, started at once) or on one that the
/// caller gives ([`on`](Self::on)); its future can be polled by any executor, by several at once, and by
/// `futures::executor::block_on`. Clones share the store and the runtime, which ends with the last of them, its calls and its lists:
/// in the background, so that it can be dropped anywhere.
///
/// # Errors
///
/// Those of the store. A call that panics fails with `Other`, and so does every call after the caller's own runtime was shut down.
///
/// # Cancellation
///
/// Dropping the future of a call aborts its task, which ends where it next waits; dropping a list ends it likewise.
pub struct Hosted<S> {
    store: Arc<S>,
    host: Host,
}

impl<S> Hosted<S> {
    /// Returns the store on a runtime of its own.
    ///
    /// # Errors
    ///
    /// Those of the system, if it has no threads or descriptors left.
    pub fn new(store: S) -> io::Result<Self> {
        let store = Arc::new(store);
        let host = Host::start()?;
        Ok(Self { store, host })
    }

    /// Returns the store on a runtime of the caller's, which has to have timers and input and output enabled and to outlast the store.
    ///
    /// If that is one of a single thread, its calls go on only while somebody is inside `Runtime::block_on`.
    #[must_use]
    pub fn on(handle: Handle, store: S) -> Self {
        let store = Arc::new(store);
        let host = Host::on(handle);
        Self { store, host }
    }

    /// Returns the store itself. Its own futures have to be polled inside tokio; see [`call`](Self::call).
    #[must_use]
    pub fn store(&self) -> &S {
        &self.store
    }

    /// Returns a way to wait on the same runtime.
    #[must_use]
    pub fn sleep(&self) -> TokioSleep {
        TokioSleep::hosted(self.host.clone())
    }

    /// Runs on the runtime what the store can do besides being a [`Store`]. `operation` names it in errors.
    ///
    /// # Errors
    ///
    /// Those of `call`; `Other` if it panics.
    pub async fn call<T, F>(
        &self,
        operation: &'static str,
        call: impl FnOnce(Arc<S>) -> F,
    ) -> Result<T>
    where
        T: Send + 'static,
        F: Future<Output = Result<T>> + Send + 'static,
    {
        match self.host.spawn(call(Arc::clone(&self.store))).await {
            Ok(outcome) => outcome,
            Err(lost) => Err(lost_call(operation, lost)),
        }
    }

    /// As [`call`](Self::call), for what concerns one object.
    async fn call_for<T, F>(
        &self,
        operation: &'static str,
        key: &Key,
        call: impl FnOnce(Arc<S>, Key) -> F,
    ) -> Result<T>
    where
        T: Send + 'static,
        F: Future<Output = Result<T>> + Send + 'static,
    {
        let spawned = self.host.spawn(call(Arc::clone(&self.store), key.clone()));
        match spawned.await {
            Ok(outcome) => outcome,
            Err(lost) => Err(lost_call(operation, lost).with_key(key)),
        }
    }
}

fn lost_call(operation: &'static str, lost: Lost) -> Error {
    Error::new(ErrorKind::Other, operation).with_source(lost)
}

#[async_trait]
impl<S: Store> Store for Hosted<S> {
    fn capabilities(&self) -> Capabilities {
        self.store.capabilities()
    }

    async fn put(&self, key: &Key, data: Bytes, options: PutOptions) -> Result<()> {
        let put = |store: Arc<S>, key| async move { store.put(&key, data, options).await };
        self.call_for("put", key, put).await
    }

    async fn get(&self, key: &Key, options: GetOptions) -> Result<Bytes> {
        let get = |store: Arc<S>, key| async move { store.get(&key, options).await };
        self.call_for("get", key, get).await
    }

    async fn head(&self, key: &Key) -> Result<ObjectMeta> {
        let head = |store: Arc<S>, key| async move { store.head(&key).await };
        self.call_for("head", key, head).await
    }

    async fn delete(&self, key: &Key) -> Result<()> {
        let delete = |store: Arc<S>, key| async move { store.delete(&key).await };
        self.call_for("delete", key, delete).await
    }

    fn list(&self, prefix: &Prefix) -> BoxStream<'static, Result<ObjectMeta>> {
        let (mut sender, receiver) = mpsc::channel(LISTED_AHEAD);
        let (store, prefix) = (Arc::clone(&self.store), prefix.clone());
        let task = self.host.spawn(async move {
            let mut objects = store.list(&prefix);
            while let Some(object) = objects.next().await {
                if sender.send(object).await.is_err() {
                    break; // nobody reads on
                }
            }
        });
        let listing = Listing {
            receiver,
            task: Some(task),
        };
        stream::unfold(listing, Listing::next).boxed()
    }

    fn object_lock(&self) -> Option<&dyn ObjectLock> {
        self.store.object_lock()?;
        Some(self)
    }
}

/// A list that a task reads and a caller takes from.
struct Listing {
    receiver: mpsc::Receiver<Result<ObjectMeta>>,
    /// Until it has ended, and been asked how.
    task: Option<Call<()>>,
}

impl Listing {
    async fn next(mut self) -> Option<(Result<ObjectMeta>, Self)> {
        if let Some(object) = self.receiver.next().await {
            return Some((object, self));
        }
        // A list that was cut off by a panic must not look complete.
        let lost = self.task.take()?.await.err()?;
        Some((Err(lost_call("list", lost)), self))
    }
}

/// For a store that locks objects; see [`Store::object_lock`].
#[async_trait]
impl<S: Store> ObjectLock for Hosted<S> {
    fn locks(&self, key: &Key) -> bool {
        self.store()
            .object_lock()
            .is_some_and(|lock| lock.locks(key))
    }

    async fn retention(&self, key: &Key) -> Result<Option<Retention>> {
        let retention = |store: Arc<S>, key: Key| async move {
            match store.object_lock() {
                Some(lock) => lock.retention(&key).await,
                None => Err(no_lock("retention", &key)),
            }
        };
        self.call_for("retention", key, retention).await
    }

    async fn extend(&self, key: &Key, to: Retention) -> Result<()> {
        let extend = |store: Arc<S>, key: Key| async move {
            match store.object_lock() {
                Some(lock) => lock.extend(&key, to).await,
                None => Err(no_lock("extend", &key)),
            }
        };
        self.call_for("extend", key, extend).await
    }

    async fn hidden(&self, prefix: &Prefix, from: Option<&str>) -> Result<HiddenPage> {
        let (prefix, from) = (prefix.clone(), from.map(str::to_owned));
        let hidden = |store: Arc<S>| async move {
            match store.object_lock() {
                Some(lock) => lock.hidden(&prefix, from.as_deref()).await,
                None => Err(Error::new(ErrorKind::Unsupported, "hidden")),
            }
        };
        self.call("hidden", hidden).await
    }

    async fn uncover(&self, key: &Key) -> Result<bool> {
        let uncover = |store: Arc<S>, key: Key| async move {
            match store.object_lock() {
                Some(lock) => lock.uncover(&key).await,
                None => Err(no_lock("uncover", &key)),
            }
        };
        self.call_for("uncover", key, uncover).await
    }
}

fn no_lock(operation: &'static str, key: &Key) -> Error {
    Error::new(ErrorKind::Unsupported, operation)
        .with_key(key)
        .with_source("this store does not lock objects")
}

#[async_trait]
impl<S: Warmer + 'static> Warmer for Hosted<S> {
    async fn warmth(&self, key: &Key) -> Result<Warmth> {
        let warmth = |store: Arc<S>, key| async move { store.warmth(&key).await };
        self.call_for("warmth", key, warmth).await
    }

    async fn warm(&self, keys: &[Key]) -> Result<()> {
        let keys = keys.to_vec();
        self.call("warm", |store| async move { store.warm(&keys).await })
            .await
    }
}

impl<S> Clone for Hosted<S> {
    fn clone(&self) -> Self {
        Self {
            store: Arc::clone(&self.store),
            host: self.host.clone(),
        }
    }
}

impl<S: fmt::Debug> fmt::Debug for Hosted<S> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Hosted")
            .field("store", &self.store)
            .field("host", &self.host)
            .finish()
    }
}

impl<S: fmt::Display> fmt::Display for Hosted<S> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.store.fmt(f)
    }
}
