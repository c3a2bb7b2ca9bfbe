//! A bound on the calls in flight.

use std::fmt;
use std::sync::Arc;

use async_trait::async_trait;
use bytes::Bytes;
use futures::stream::{BoxStream, StreamExt};

use super::locking::lock_of;
use super::turns::Turns;
use crate::error::Result;
use crate::key::{Key, Prefix};
use crate::lock::{HiddenPage, ObjectLock, Retention};
use crate::options::{Capabilities, GetOptions, ObjectMeta, PutOptions};
use crate::store::Store;

/// Lets at most so many calls run at once; the others wait their turn, first come first served.
///
/// A list counts as a call only while it is being polled for its next object, so that whoever calls
/// the store for each object of a list cannot lock himself out. Needs no runtime.
#[derive(Debug, Clone)]
pub struct Limited<S> {
    inner: S,
    limit: usize,
    turns: Arc<Turns>,
}

impl<S: Store> Limited<S> {
    /// Allows `limit` calls at once; 0 counts as 1. Clones share the limit.
    #[must_use]
    pub fn new(inner: S, limit: usize) -> Self {
        let limit = limit.max(1);
        Self {
            inner,
            limit,
            turns: Arc::new(Turns::new(limit)),
        }
    }

    /// Returns the store inside.
    #[must_use]
    pub fn inner(&self) -> &S {
        &self.inner
    }
}

#[async_trait]
impl<S: Store> Store for Limited<S> {
    fn capabilities(&self) -> Capabilities {
        let capabilities = self.inner.capabilities();
        let concurrency = capabilities.concurrency.min(self.limit);
        capabilities.with_concurrency(concurrency)
    }

    async fn put(&self, key: &Key, data: Bytes, options: PutOptions) -> Result<()> {
        let _turn = self.turns.take().await;
        self.inner.put(key, data, options).await
    }

    async fn get(&self, key: &Key, options: GetOptions) -> Result<Bytes> {
        let _turn = self.turns.take().await;
        self.inner.get(key, options).await
    }

    async fn head(&self, key: &Key) -> Result<ObjectMeta> {
        let _turn = self.turns.take().await;
        self.inner.head(key).await
    }

    async fn delete(&self, key: &Key) -> Result<()> {
        let _turn = self.turns.take().await;
        self.inner.delete(key).await
    }

    fn list(&self, prefix: &Prefix) -> BoxStream<'static, Result<ObjectMeta>> {
        let state = (self.inner.list(prefix), Arc::clone(&self.turns));
        futures::stream::unfold(state, async |(mut objects, turns)| {
            let turn = turns.take().await;
            let object = objects.next().await?;
            drop(turn);
            Some((object, (objects, turns)))
        })
        .boxed()
    }

    fn object_lock(&self) -> Option<&dyn ObjectLock> {
        self.inner.object_lock().map(|_| self as &dyn ObjectLock)
    }
}

#[async_trait]
impl<S: Store> ObjectLock for Limited<S> {
    fn locks(&self, key: &Key) -> bool {
        lock_of(&self.inner, "locks").is_ok_and(|lock| lock.locks(key))
    }

    async fn retention(&self, key: &Key) -> Result<Option<Retention>> {
        let lock = lock_of(&self.inner, "retention")?;
        let _turn = self.turns.take().await;
        lock.retention(key).await
    }

    async fn extend(&self, key: &Key, to: Retention) -> Result<()> {
        let lock = lock_of(&self.inner, "extend")?;
        let _turn = self.turns.take().await;
        lock.extend(key, to).await
    }

    async fn hidden(&self, prefix: &Prefix, from: Option<&str>) -> Result<HiddenPage> {
        let lock = lock_of(&self.inner, "hidden")?;
        let _turn = self.turns.take().await;
        lock.hidden(prefix, from).await
    }

    async fn uncover(&self, key: &Key) -> Result<bool> {
        let lock = lock_of(&self.inner, "uncover")?;
        let _turn = self.turns.take().await;
        lock.uncover(key).await
    }
}

impl<S: Store> fmt::Display for Limited<S> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "limited({}, {})", self.limit, self.inner)
    }
}
