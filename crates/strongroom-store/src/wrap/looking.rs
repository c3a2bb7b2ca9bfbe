//! Creating without a condition.

use std::fmt;

use async_trait::async_trait;
use bytes::Bytes;
use futures::stream::BoxStream;

use crate::error::{Error, ErrorKind, Result};
use crate::key::{Key, Prefix};
use crate::lock::ObjectLock;
use crate::options::{Capabilities, GetOptions, ObjectMeta, PutMode, PutOptions};
use crate::store::{Store, StoreExt};

/// Creates by looking whether the object is there and putting it then: for a store that refuses conditions, and for one writer. Of
/// several that create a key at the same time, several may succeed, and it does not claim anything else.
#[derive(Debug, Clone)]
pub struct Looking<S> {
    inner: S,
}

impl<S: Store> Looking<S> {
    /// Returns a store that is never asked to create on a condition.
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
impl<S: Store> Store for Looking<S> {
    fn capabilities(&self) -> Capabilities {
        self.inner.capabilities().with_atomic_create(false)
    }

    async fn put(&self, key: &Key, data: Bytes, options: PutOptions) -> Result<()> {
        if options.mode == PutMode::Create && self.inner.exists(key).await? {
            return Err(Error::new(ErrorKind::AlreadyExists, "put").with_key(key));
        }
        let options = options.with_mode(PutMode::Overwrite);
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

    /// The lock of the store inside, as it is.
    fn object_lock(&self) -> Option<&dyn ObjectLock> {
        self.inner.object_lock()
    }
}

impl<S: Store> fmt::Display for Looking<S> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "looking({})", self.inner)
    }
}
