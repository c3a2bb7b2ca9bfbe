//! A store that is near at hand.

use std::fmt;
use std::sync::Arc;

use async_trait::async_trait;
use bytes::Bytes;
use futures::stream::BoxStream;
use strongroom_store::{
    Capabilities, GetOptions, Key, ObjectMeta, Prefix, PutOptions, Result, Store,
};

/// A store whose requests cost hardly more than their bytes, so that many small reads serve as well as one large one.
#[derive(Debug, Clone)]
pub struct NearStore {
    inner: Arc<dyn Store>,
}

impl NearStore {
    /// Returns a store with the objects of another.
    #[must_use]
    pub fn new(inner: Arc<dyn Store>) -> Self {
        Self { inner }
    }
}

#[async_trait]
impl Store for NearStore {
    fn capabilities(&self) -> Capabilities {
        self.inner.capabilities().with_near(true)
    }

    async fn put(&self, key: &Key, data: Bytes, options: PutOptions) -> Result<()> {
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

impl fmt::Display for NearStore {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "near({})", self.inner)
    }
}
