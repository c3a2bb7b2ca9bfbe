//! A store whose calls wait when they are asked to.

use std::fmt;

use async_trait::async_trait;
use bytes::Bytes;
use futures::stream::{BoxStream, StreamExt};

use super::locking::lock_of;
use crate::error::Result;
use crate::key::{Key, Prefix};
use crate::lock::{HiddenPage, ObjectLock, Retention};
use crate::manners::Manners;
use crate::options::{Capabilities, GetOptions, ObjectMeta, PutOptions};
use crate::store::Store;

/// Asks its [`Manners`] before each call, and of a list before each object: for those who use a store by themselves, such as
/// [`replica::sync`](crate::replica::sync). Repositories and auditors have manners of their own.
///
/// A call that has begun is not interrupted.
#[derive(Debug, Clone)]
pub struct Polite<S> {
    inner: S,
    manners: Manners,
}

impl<S: Store> Polite<S> {
    /// Returns a store with manners.
    #[must_use]
    pub fn new(inner: S, manners: Manners) -> Self {
        Self { inner, manners }
    }

    /// Returns the store inside.
    #[must_use]
    pub fn inner(&self) -> &S {
        &self.inner
    }

    async fn ask(&self) {
        if let Some(wait) = self.manners.before_step() {
            wait.await;
        }
    }
}

#[async_trait]
impl<S: Store> Store for Polite<S> {
    fn capabilities(&self) -> Capabilities {
        self.inner.capabilities()
    }

    async fn put(&self, key: &Key, data: Bytes, options: PutOptions) -> Result<()> {
        self.ask().await;
        self.inner.put(key, data, options).await
    }

    async fn get(&self, key: &Key, options: GetOptions) -> Result<Bytes> {
        self.ask().await;
        self.inner.get(key, options).await
    }

    async fn head(&self, key: &Key) -> Result<ObjectMeta> {
        self.ask().await;
        self.inner.head(key).await
    }

    async fn delete(&self, key: &Key) -> Result<()> {
        self.ask().await;
        self.inner.delete(key).await
    }

    fn list(&self, prefix: &Prefix) -> BoxStream<'static, Result<ObjectMeta>> {
        let state = (self.inner.list(prefix), self.manners.clone());
        futures::stream::unfold(state, async |(mut objects, manners)| {
            if let Some(wait) = manners.before_step() {
                wait.await;
            }
            let object = objects.next().await?;
            Some((object, (objects, manners)))
        })
        .boxed()
    }

    fn object_lock(&self) -> Option<&dyn ObjectLock> {
        self.inner.object_lock().map(|_| self as &dyn ObjectLock)
    }
}

#[async_trait]
impl<S: Store> ObjectLock for Polite<S> {
    fn locks(&self, key: &Key) -> bool {
        lock_of(&self.inner, "locks").is_ok_and(|lock| lock.locks(key))
    }

    async fn retention(&self, key: &Key) -> Result<Option<Retention>> {
        let lock = lock_of(&self.inner, "retention")?;
        self.ask().await;
        lock.retention(key).await
    }

    async fn extend(&self, key: &Key, to: Retention) -> Result<()> {
        let lock = lock_of(&self.inner, "extend")?;
        self.ask().await;
        lock.extend(key, to).await
    }

    async fn hidden(&self, prefix: &Prefix, from: Option<&str>) -> Result<HiddenPage> {
        let lock = lock_of(&self.inner, "hidden")?;
        self.ask().await;
        lock.hidden(prefix, from).await
    }

    async fn uncover(&self, key: &Key) -> Result<bool> {
        let lock = lock_of(&self.inner, "uncover")?;
        self.ask().await;
        lock.uncover(key).await
    }
}

impl<S: Store> fmt::Display for Polite<S> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "polite({})", self.inner)
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use futures::executor::block_on;
    use futures::future::poll_immediate;

    use super::*;
    use crate::memory::MemoryStore;
    use crate::store::StoreExt as _;
    use crate::wrap::Recording;

    #[test]
    fn a_call_is_not_made_while_there_is_a_pause() {
        let recording = Arc::new(Recording::new(MemoryStore::new()));
        let manners = Manners::new();
        let store = Polite::new(Arc::clone(&recording), manners.clone());
        let key = Key::parse("a").unwrap();
        manners.pause().pause();
        block_on(async {
            let mut put = Box::pin(store.put_new(&key, "bytes".into()));
            assert!(poll_immediate(&mut put).await.is_none());
            let mut list = store.list(&Prefix::root());
            assert!(poll_immediate(list.next()).await.is_none());
            let mut abandoned = Box::pin(store.head(&key));
            assert!(poll_immediate(&mut abandoned).await.is_none());
            drop(abandoned);
            assert_eq!(recording.calls().len(), 1, "a list is made at once");
            manners.pause().resume();
            put.await.unwrap();
            assert!(list.next().await.is_none(), "it was made before the put");
        });
    }
}
