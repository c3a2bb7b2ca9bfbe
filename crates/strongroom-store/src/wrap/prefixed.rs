//! A folder of a store, as a store of its own.

use std::fmt;

use async_trait::async_trait;
use bytes::Bytes;
use futures::stream::{BoxStream, StreamExt};

use super::locking::lock_of;
use crate::error::{Error, ErrorKind, Result};
use crate::key::{Key, Prefix};
use crate::lock::{HiddenPage, ObjectLock, Retention};
use crate::options::{Capabilities, GetOptions, ObjectMeta, PutOptions};
use crate::store::Store;

/// Keeps every object in a folder of the store inside; whoever uses it sees only that folder.
///
/// Keys are as much shorter as the folder is long, see [`Capabilities::key_len_max`]; a longer one is
/// refused with `Invalid`.
#[derive(Debug, Clone)]
pub struct Prefixed<S> {
    inner: S,
    prefix: Prefix,
}

impl<S: Store> Prefixed<S> {
    /// Returns the folder as a store.
    #[must_use]
    pub fn new(inner: S, prefix: Prefix) -> Self {
        Self { inner, prefix }
    }

    /// Returns the store inside.
    #[must_use]
    pub fn inner(&self) -> &S {
        &self.inner
    }

    fn full_key(&self, operation: &'static str, key: &Key) -> Result<Key> {
        self.prefix.key(key.as_str()).map_err(|error| {
            Error::new(ErrorKind::Invalid, operation)
                .with_key(key)
                .with_source(error)
        })
    }
}

/// Names the object as the caller knows it.
fn outward(key: &Key) -> impl FnOnce(Error) -> Error {
    |error| error.with_key(key)
}

#[async_trait]
impl<S: Store> Store for Prefixed<S> {
    fn capabilities(&self) -> Capabilities {
        let capabilities = self.inner.capabilities();
        let key_len_max = capabilities
            .key_len_max
            .saturating_sub(self.prefix.as_str().len());
        capabilities.with_key_len_max(key_len_max)
    }

    async fn put(&self, key: &Key, data: Bytes, options: PutOptions) -> Result<()> {
        let full = self.full_key("put", key)?;
        self.inner
            .put(&full, data, options)
            .await
            .map_err(outward(key))
    }

    async fn get(&self, key: &Key, options: GetOptions) -> Result<Bytes> {
        let full = self.full_key("get", key)?;
        self.inner.get(&full, options).await.map_err(outward(key))
    }

    async fn head(&self, key: &Key) -> Result<ObjectMeta> {
        let full = self.full_key("head", key)?;
        let object = self.inner.head(&full).await.map_err(outward(key))?;
        Ok(ObjectMeta::new(key.clone(), object.len))
    }

    async fn delete(&self, key: &Key) -> Result<()> {
        let full = self.full_key("delete", key)?;
        self.inner.delete(&full).await.map_err(outward(key))
    }

    fn list(&self, prefix: &Prefix) -> BoxStream<'static, Result<ObjectMeta>> {
        let Ok(full) = Prefix::parse(&format!("{}{prefix}", self.prefix)) else {
            // A folder too long for any key to be in it is empty.
            return futures::stream::empty().boxed();
        };
        let folder = self.prefix.clone();
        let inward = move |object: Result<ObjectMeta>| match object {
            Ok(object) => {
                // The store inside lists another folder than it was asked for.
                let stray = || Error::new(ErrorKind::Other, "list").with_key(&object.key);
                let key = object.key.strip_prefix(&folder).ok_or_else(stray)?;
                Ok(ObjectMeta::new(key, object.len))
            }
            Err(error) => Err(
                match error.key().and_then(|key| key.strip_prefix(&folder)) {
                    Some(key) => error.with_key(&key),
                    None => error,
                },
            ),
        };
        self.inner.list(&full).map(inward).boxed()
    }

    fn object_lock(&self) -> Option<&dyn ObjectLock> {
        self.inner.object_lock().map(|_| self as &dyn ObjectLock)
    }
}

#[async_trait]
impl<S: Store> ObjectLock for Prefixed<S> {
    fn locks(&self, key: &Key) -> bool {
        let full = self.full_key("locks", key);
        let lock = lock_of(&self.inner, "locks");
        lock.is_ok_and(|lock| full.is_ok_and(|full| lock.locks(&full)))
    }

    async fn retention(&self, key: &Key) -> Result<Option<Retention>> {
        let full = self.full_key("retention", key)?;
        let lock = lock_of(&self.inner, "retention")?;
        lock.retention(&full).await.map_err(outward(key))
    }

    async fn extend(&self, key: &Key, to: Retention) -> Result<()> {
        let full = self.full_key("extend", key)?;
        let lock = lock_of(&self.inner, "extend")?;
        lock.extend(&full, to).await.map_err(outward(key))
    }

    async fn hidden(&self, prefix: &Prefix, from: Option<&str>) -> Result<HiddenPage> {
        let stray = |_| Error::new(ErrorKind::Other, "hidden");
        let full = Prefix::parse(&format!("{}{prefix}", self.prefix)).map_err(stray)?;
        let lock = lock_of(&self.inner, "hidden")?;
        let mut page = lock.hidden(&full, from).await?;
        for object in &mut page.objects {
            let stray = || Error::new(ErrorKind::Other, "hidden").with_key(&object.key);
            object.key = object.key.strip_prefix(&self.prefix).ok_or_else(stray)?;
        }
        Ok(page)
    }

    async fn uncover(&self, key: &Key) -> Result<bool> {
        let full = self.full_key("uncover", key)?;
        let lock = lock_of(&self.inner, "uncover")?;
        lock.uncover(&full).await.map_err(outward(key))
    }
}

impl<S: Store> fmt::Display for Prefixed<S> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "prefixed({}, {})", self.prefix, self.inner)
    }
}
