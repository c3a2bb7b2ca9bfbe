//! A store that cannot be changed through this handle.

use std::fmt;

use async_trait::async_trait;
use bytes::Bytes;
use futures::stream::BoxStream;

use super::locking::lock_of;
use crate::error::{Error, ErrorKind, Result};
use crate::key::{Key, Prefix};
use crate::lock::{HiddenPage, ObjectLock, Retention};
use crate::options::{Capabilities, GetOptions, ObjectMeta, PutOptions};
use crate::store::Store;

/// Refuses `put`, `delete` and to lock with `PermissionDenied`; the store inside never hears of them.
#[derive(Debug, Clone)]
pub struct ReadOnly<S> {
    inner: S,
}

impl<S: Store> ReadOnly<S> {
    /// Returns a handle that only reads.
    #[must_use]
    pub fn new(inner: S) -> Self {
        Self { inner }
    }

    /// Returns the store inside.
    #[must_use]
    pub fn inner(&self) -> &S {
        &self.inner
    }
}

#[async_trait]
impl<S: Store> Store for ReadOnly<S> {
    fn capabilities(&self) -> Capabilities {
        self.inner.capabilities().with_put(false).with_delete(false)
    }

    async fn put(&self, key: &Key, _data: Bytes, _options: PutOptions) -> Result<()> {
        Err(Error::new(ErrorKind::PermissionDenied, "put").with_key(key))
    }

    async fn get(&self, key: &Key, options: GetOptions) -> Result<Bytes> {
        self.inner.get(key, options).await
    }

    async fn head(&self, key: &Key) -> Result<ObjectMeta> {
        self.inner.head(key).await
    }

    async fn delete(&self, key: &Key) -> Result<()> {
        Err(Error::new(ErrorKind::PermissionDenied, "delete").with_key(key))
    }

    fn list(&self, prefix: &Prefix) -> BoxStream<'static, Result<ObjectMeta>> {
        self.inner.list(prefix)
    }

    fn object_lock(&self) -> Option<&dyn ObjectLock> {
        self.inner.object_lock().map(|_| self as &dyn ObjectLock)
    }
}

#[async_trait]
impl<S: Store> ObjectLock for ReadOnly<S> {
    fn locks(&self, key: &Key) -> bool {
        lock_of(&self.inner, "locks").is_ok_and(|lock| lock.locks(key))
    }

    async fn retention(&self, key: &Key) -> Result<Option<Retention>> {
        lock_of(&self.inner, "retention")?.retention(key).await
    }

    async fn extend(&self, key: &Key, _to: Retention) -> Result<()> {
        Err(Error::new(ErrorKind::PermissionDenied, "extend").with_key(key))
    }

    async fn hidden(&self, prefix: &Prefix, from: Option<&str>) -> Result<HiddenPage> {
        lock_of(&self.inner, "hidden")?.hidden(prefix, from).await
    }

    async fn uncover(&self, key: &Key) -> Result<bool> {
        Err(Error::new(ErrorKind::PermissionDenied, "uncover").with_key(key))
    }
}

impl<S: Store> fmt::Display for ReadOnly<S> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "read-only({})", self.inner)
    }
}
