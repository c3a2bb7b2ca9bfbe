//! A bucket as a store.

use std::fmt;
use std::io;
use std::sync::Arc;

use async_trait::async_trait;
use bytes::Bytes;
use futures::stream::BoxStream;
use object_store::path::Path;
use strongroom_store::{
    Capabilities, Error, ErrorKind, GetOptions, Key, ObjectLock, ObjectMeta, Prefix, PutOptions,
    Result, Store,
};
use strongroom_tokio::Hosted;

use crate::azure::calls::AzureCalls;
use crate::google::calls::GoogleCalls;
use crate::judge::{Doing, explain};
use crate::s3::calls::S3Calls;
use crate::s3::{Discovery, Restore};
use crate::settings::{Classes, Creates};

mod lock;
mod read;
mod warm;
mod write;

/// A bucket or container of a service, as a [`Store`]. Clones share it.
///
/// Its futures have to be polled inside a tokio runtime with timers and input and output; [`hosted`](Self::hosted) brings one.
///
/// # Deleting and replacing where objects are locked
///
/// With Object Lock a bucket keeps versions, and a plain deletion frees nothing. So on a store that locks objects, `delete` deletes
/// every version of the object by its name, which the service refuses while one of them is locked; and `put` does not replace an
/// object that is locked, and deletes the version that it replaces. On a bucket that only keeps versions, `delete` puts a marker and
/// a rule of the bucket has to expire what is below.
///
/// # Bringing objects back
///
/// It is a [`Warmer`](strongroom_store::Warmer): S3 is asked for a copy that can be read for some days, Azure to move the object out
/// of its archive. Elsewhere every object is ready.
#[derive(Clone)]
pub struct ObjectStore {
    inner: Arc<Inner>,
}

/// What a store is made of.
#[derive(Clone)]
pub(crate) struct Inner {
    pub(crate) remote: Arc<dyn object_store::ObjectStore>,
    pub(crate) service: Service,
    pub(crate) creates: Creates,
    /// What keys are put after: empty, or a folder and a slash.
    pub(crate) root: String,
    pub(crate) name: String,
    pub(crate) classes: Classes,
    pub(crate) capabilities: Capabilities,
}

/// What differs between services.
#[derive(Debug, Clone)]
pub(crate) enum Service {
    S3 { calls: S3Calls, restore: Restore },
    Azure(AzureCalls),
    Google(GoogleCalls),
    Web,
}

impl ObjectStore {
    pub(crate) fn new(inner: Inner) -> Self {
        Self {
            inner: Arc::new(inner),
        }
    }

    /// Returns the store with a small runtime of its own, for any executor.
    ///
    /// # Errors
    ///
    /// Those of the system, if it has no threads or descriptors left.
    pub fn hosted(self) -> io::Result<Hosted<Self>> {
        Hosted::new(self)
    }

    /// Asks the bucket whether it keeps versions and locks objects. Of services other than S3 neither is known here.
    ///
    /// # Errors
    ///
    /// `NoStore`, `PermissionDenied` if the credentials may not read the bucket's configuration, `Unavailable`, `Other`.
    pub async fn discover(&self) -> Result<Discovery> {
        let Service::S3 { calls, .. } = &self.inner.service else {
            return Ok(Discovery::default());
        };
        let discovered = calls.discover().await;
        discovered.map_err(|error| explain("discover", None, Doing::Otherwise, &error))
    }

    /// Returns the same store with what was discovered of the bucket.
    #[must_use]
    pub fn with_discovery(&self, discovery: Discovery) -> Self {
        let mut inner = (*self.inner).clone();
        let locks = discovery.object_lock && matches!(inner.service, Service::S3 { .. });
        inner.capabilities = inner
            .capabilities
            .with_versioning(discovery.versioning)
            .with_object_lock(locks);
        Self::new(inner)
    }

    /// Returns the path of an object in the bucket.
    fn path(&self, key: &Key) -> String {
        format!("{}{key}", self.inner.root)
    }

    /// The same for the library. What is in a key, or was checked in a folder, it does not refuse.
    fn library_path(&self, operation: &'static str, key: &Key) -> Result<Path> {
        let refused = |error| {
            Error::new(ErrorKind::Invalid, operation)
                .with_key(key)
                .with_source(error)
        };
        Path::parse(self.path(key)).map_err(refused)
    }

    /// Returns the calls of a bucket that locks objects.
    fn locking(&self) -> Option<&S3Calls> {
        match &self.inner.service {
            Service::S3 { calls, .. } if self.inner.capabilities.object_lock => Some(calls),
            _ => None,
        }
    }
}

#[async_trait]
impl Store for ObjectStore {
    fn capabilities(&self) -> Capabilities {
        self.inner.capabilities.clone()
    }

    async fn put(&self, key: &Key, data: Bytes, options: PutOptions) -> Result<()> {
        self.write(key, data, options).await
    }

    async fn get(&self, key: &Key, options: GetOptions) -> Result<Bytes> {
        self.read(key, options).await
    }

    async fn head(&self, key: &Key) -> Result<ObjectMeta> {
        self.look(key).await
    }

    async fn delete(&self, key: &Key) -> Result<()> {
        self.remove(key).await
    }

    fn list(&self, prefix: &Prefix) -> BoxStream<'static, Result<ObjectMeta>> {
        self.listing(prefix)
    }

    fn object_lock(&self) -> Option<&dyn ObjectLock> {
        self.locking().map(|_| self as &dyn ObjectLock)
    }
}

impl Service {
    /// What reading means here.
    fn reading(&self) -> Doing {
        match self {
            Self::Web => Doing::ReadPage,
            _ => Doing::Otherwise,
        }
    }

    /// Whether the reason of a refusal is in the body alone, which the answer to a HEAD does not have.
    fn reasons_in_body(&self) -> bool {
        matches!(self, Self::S3 { .. })
    }
}

impl fmt::Display for ObjectStore {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.inner.name)
    }
}

impl fmt::Debug for ObjectStore {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ObjectStore")
            .field("name", &self.inner.name)
            .field("classes", &self.inner.classes)
            .field("capabilities", &self.inner.capabilities)
            .finish_non_exhaustive()
    }
}
