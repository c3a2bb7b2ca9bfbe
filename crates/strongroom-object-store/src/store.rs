//! A bucket as a store.

use std::error::Error as StdError;
use std::fmt;
use std::io;
use std::ops::Range;
use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use bytes::Bytes;
use futures::stream::{self, BoxStream, StreamExt};
use object_store::path::Path;
use object_store::{Attribute, AttributeValue, Extensions, GetRange, ObjectStoreExt, PutPayload};
use strongroom_store::{
    Capabilities, Cause, Error, ErrorKind, GetOptions, Key, MAX_OBJECT_BYTES, ObjectLock,
    ObjectMeta, Prefix, PutMode, PutOptions, Result, Retention, Store,
};
use strongroom_tokio::Hosted;

use crate::judge::{self, Doing, explain};
use crate::s3::Discovery;
use crate::s3::Restore;
use crate::s3::calls::{Locked, S3Calls};
use crate::settings::Classes;
use crate::transport::WantsObject;

/// A body is handed over in pieces of this many bytes, each of which is a sign of life.
const PIECE_BYTES: usize = 256 << 10;

/// Creates that met another one at the same moment are sent this often.
const CREATE_ATTEMPTS: u32 = 4;

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
#[derive(Clone)]
pub struct ObjectStore {
    inner: Arc<Inner>,
}

/// What a store is made of.
#[derive(Clone)]
pub(crate) struct Inner {
    pub(crate) remote: Arc<dyn object_store::ObjectStore>,
    pub(crate) service: Service,
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

    /// Asks the bucket whether it keeps versions and locks objects. A service other than S3 has neither here.
    ///
    /// # Errors
    ///
    /// `NoStore`, `PermissionDenied` if the credentials may not read the bucket's configuration, `Unavailable`, `Other`.
    pub async fn discover(&self) -> Result<Discovery> {
        match &self.inner.service {
            Service::S3 { calls, .. } => {
                let discovered = calls.discover().await;
                discovered.map_err(|error| explain("discover", None, Doing::Otherwise, &error))
            }
        }
    }

    /// Returns the same store with what was discovered of the bucket.
    #[must_use]
    pub fn with_discovery(&self, discovery: Discovery) -> Self {
        let mut inner = (*self.inner).clone();
        inner.capabilities = inner
            .capabilities
            .with_versioning(discovery.versioning)
            .with_object_lock(discovery.object_lock);
        Self::new(inner)
    }

    pub(crate) fn service(&self) -> &Service {
        &self.inner.service
    }

    /// Returns the path of an object in the bucket.
    pub(crate) fn path(&self, key: &Key) -> String {
        format!("{}{key}", self.inner.root)
    }

    /// The same for the library. What is in a key or was checked in a folder cannot be refused by it, and would fail here if it were.
    fn library_path(&self, key: &Key) -> Result<Path> {
        let refused = |error| {
            Error::new(ErrorKind::Invalid, "path")
                .with_key(key)
                .with_source(error)
        };
        Path::parse(self.path(key)).map_err(refused)
    }

    fn locks(&self) -> bool {
        self.inner.capabilities.object_lock
    }

    async fn put_once(
        &self,
        path: &Path,
        payload: PutPayload,
        options: &PutOptions,
    ) -> object_store::Result<()> {
        let mut asked = object_store::PutOptions {
            mode: match options.mode {
                PutMode::Overwrite => object_store::PutMode::Overwrite,
                // Whatever modes may come: nothing is replaced by accident.
                _ => object_store::PutMode::Create,
            },
            ..object_store::PutOptions::default()
        };
        if let Some(class) = self.inner.classes.name(options.class) {
            asked.attributes.insert(
                Attribute::StorageClass,
                AttributeValue::from(class.to_owned()),
            );
        }
        if let Some(retention) = options.retention {
            asked.extensions.insert(Locked(retention));
        }
        self.inner
            .remote
            .put_opts(path, payload, asked)
            .await
            .map(drop)
    }

    /// Creates an object, and looks what there is when the service could not decide between two creates.
    async fn create(
        &self,
        key: &Key,
        path: &Path,
        payload: PutPayload,
        options: &PutOptions,
    ) -> Result<()> {
        let mut attempts = 1;
        loop {
            let Err(error) = self.put_once(path, payload.clone(), options).await else {
                return Ok(());
            };
            let explained = explain("put", Some(key), Doing::Create, &error);
            if !is_undecided(&error) {
                return Err(explained);
            }
            // Nothing was written by us. If the other one was not either, it is our turn again.
            match self.head(key).await {
                Ok(_) => return Err(Error::new(ErrorKind::AlreadyExists, "put").with_key(key)),
                Err(missing)
                    if missing.kind() == ErrorKind::NotFound && attempts < CREATE_ATTEMPTS => {}
                Err(_) => return Err(explained),
            }
            tokio::time::sleep(Duration::from_millis(20 << attempts)).await;
            attempts += 1;
        }
    }

    /// Replaces an object where objects are locked: not if it is, and without leaving the old version behind.
    async fn replace_unlocked(
        &self,
        key: &Key,
        path: &Path,
        payload: PutPayload,
        options: &PutOptions,
    ) -> Result<()> {
        let Service::S3 { calls, .. } = &self.inner.service;
        let failed =
            |error: &(dyn StdError + 'static)| explain("put", Some(key), Doing::Otherwise, error);
        let before = match calls.current(path.as_ref()).await {
            Ok(current) => current,
            Err(error) if judge::refusal(&error).is_some_and(|refusal| refusal.status == 404) => {
                Default::default()
            }
            Err(error) => return Err(failed(&error)),
        };
        if before.retention.is_some() {
            return Err(retained("put", key));
        }
        self.put_once(path, payload, options)
            .await
            .map_err(|error| failed(&error))?;
        if let Some(version) = before.version {
            // It costs room until it is deleted, by us or by a rule of the bucket; the put has succeeded all the same.
            drop(calls.delete_version(path.as_ref(), &version).await);
        }
        Ok(())
    }

    async fn head_once(&self, path: &Path) -> object_store::Result<u64> {
        self.inner.remote.head(path).await.map(|object| object.size)
    }

    /// Asks for the reason of a HEAD that was refused, which has no body to say it in, by reading a byte.
    async fn reason(&self, path: &Path) -> Option<object_store::Error> {
        self.read(path, Some(0..1)).await.err()
    }

    async fn read(
        &self,
        path: &Path,
        range: Option<Range<u64>>,
    ) -> object_store::Result<(Bytes, Range<u64>, u64)> {
        let mut extensions = Extensions::new();
        extensions.insert(WantsObject);
        let asked = object_store::GetOptions {
            range: range.map(GetRange::Bounded),
            extensions,
            ..object_store::GetOptions::default()
        };
        let result = self.inner.remote.get_opts(path, asked).await?;
        let (range, len) = (result.range.clone(), result.meta.size);
        Ok((result.bytes().await?, range, len))
    }
}

#[async_trait]
impl Store for ObjectStore {
    fn capabilities(&self) -> Capabilities {
        self.inner.capabilities.clone()
    }

    async fn put(&self, key: &Key, data: Bytes, options: PutOptions) -> Result<()> {
        if data.len() > MAX_OBJECT_BYTES {
            let limit = format!("{} bytes, and the limit is {MAX_OBJECT_BYTES}", data.len());
            return Err(Error::new(ErrorKind::TooLarge, "put")
                .with_key(key)
                .with_source(limit));
        }
        if options.retention.is_some() && !self.locks() {
            return Err(Error::new(ErrorKind::Unsupported, "put")
                .with_key(key)
                .with_source("this store does not lock objects"));
        }
        let path = self.library_path(key)?;
        let payload = in_pieces(data);
        match options.mode {
            PutMode::Overwrite if self.locks() => {
                self.replace_unlocked(key, &path, payload, &options).await
            }
            PutMode::Overwrite => {
                let put = self.put_once(&path, payload, &options).await;
                put.map_err(|error| explain("put", Some(key), Doing::Otherwise, &error))
            }
            _ => self.create(key, &path, payload, &options).await,
        }
    }

    async fn get(&self, key: &Key, options: GetOptions) -> Result<Bytes> {
        let path = self.library_path(key)?;
        let outside = |range: &Range<u64>, len: u64| {
            let what = format!("{}..{} of {len} bytes", range.start, range.end);
            Error::new(ErrorKind::InvalidRange, "get")
                .with_key(key)
                .with_source(what)
        };
        if let Some(range) = options
            .range
            .as_ref()
            .filter(|range| range.start >= range.end)
        {
            // HTTP has no word for an empty range.
            let len = self.head(key).await?.len;
            let within = range.start == range.end && range.end <= len;
            return if within {
                Ok(Bytes::new())
            } else {
                Err(outside(range, len))
            };
        }
        let read = self.read(&path, options.range.clone()).await;
        let (data, served, len) =
            read.map_err(|error| explain("get", Some(key), self.inner.service.doing(), &error))?;
        if let Some(range) = options.range.as_ref().filter(|range| range.end > len) {
            return Err(outside(range, len));
        }
        if data.len() as u64 != served.end.saturating_sub(served.start) {
            let what = format!("{} bytes came where {served:?} were due", data.len());
            return Err(Error::new(ErrorKind::Unavailable, "get")
                .with_key(key)
                .with_source(what));
        }
        Ok(data)
    }

    async fn head(&self, key: &Key) -> Result<ObjectMeta> {
        let path = self.library_path(key)?;
        let explained = |error| explain("head", Some(key), self.inner.service.doing(), &error);
        let error = match self.head_once(&path).await {
            Ok(len) => return Ok(ObjectMeta::new(key.clone(), len)),
            Err(error) => error,
        };
        let silent = judge::refusal(&error).is_some_and(|refusal| refusal.code.is_none());
        if !silent || !self.inner.service.speaks_xml() {
            return Err(explained(error));
        }
        match self.reason(&path).await {
            Some(reason) => {
                let reason = explained(reason);
                if reason.kind() != ErrorKind::InvalidRange {
                    return Err(reason);
                }
            }
            None => {}
        }
        // It has come into being meanwhile.
        let len = self.head_once(&path).await.map_err(explained)?;
        Ok(ObjectMeta::new(key.clone(), len))
    }

    async fn delete(&self, key: &Key) -> Result<()> {
        let path = self.path(key);
        let Service::S3 { calls, .. } = &self.inner.service;
        let outcome = if self.locks() {
            calls.delete_versions(&path).await
        } else {
            calls.delete(&path).await
        };
        let Err(error) = outcome else {
            return Ok(());
        };
        let error = explain("delete", Some(key), Doing::Otherwise, &error);
        match (error.kind(), error.cause()) {
            (ErrorKind::NotFound, _) => Ok(()),
            // The service says the same to whoever may never delete.
            (ErrorKind::PermissionDenied, Some(Cause::Forbidden)) if self.locks() => {
                match calls.retention(&path).await {
                    Ok(Some(_)) => Err(retained("delete", key)),
                    _ => Err(error),
                }
            }
            _ => Err(error),
        }
    }

    fn list(&self, prefix: &Prefix) -> BoxStream<'static, Result<ObjectMeta>> {
        let folder = format!("{}{prefix}", self.inner.root);
        let path = match Path::parse(folder.trim_end_matches('/')) {
            Ok(path) => path,
            Err(error) => {
                let error = Error::new(ErrorKind::Invalid, "list").with_source(error);
                return stream::iter([Err(error)]).boxed();
            }
        };
        let root = self.inner.root.clone();
        // Keys of somebody else's are not ours to speak of.
        let ours = move |object: object_store::ObjectMeta| {
            let name = object.location.as_ref().strip_prefix(&root)?;
            let key = Key::parse(name).ok()?;
            Some(ObjectMeta::new(key, object.size))
        };
        let objects = self
            .inner
            .remote
            .list(Some(&path))
            .filter_map(move |object| {
                let object = match object {
                    Ok(object) => ours(object).map(Ok),
                    Err(error) => Some(Err(explain("list", None, Doing::Otherwise, &error))),
                };
                async move { object }
            });
        until_error(objects.boxed())
    }

    fn object_lock(&self) -> Option<&dyn ObjectLock> {
        self.locks().then_some(self as &dyn ObjectLock)
    }
}

#[async_trait]
impl ObjectLock for ObjectStore {
    async fn retention(&self, key: &Key) -> Result<Option<Retention>> {
        let Service::S3 { calls, .. } = &self.inner.service;
        let retention = calls.retention(&self.path(key)).await;
        retention.map_err(|error| explain("retention", Some(key), Doing::Otherwise, &error))
    }

    async fn extend(&self, key: &Key, to: Retention) -> Result<()> {
        let Service::S3 { calls, .. } = &self.inner.service;
        let current = self.retention(key).await?;
        if let Some(current) = current {
            if current.covers(&to) {
                return Ok(());
            }
            if !to.covers(&current) {
                let what = "what would shorten or weaken the lock";
                return Err(Error::new(ErrorKind::Invalid, "extend")
                    .with_key(key)
                    .with_source(what));
            }
        }
        let extended = calls.set_retention(&self.path(key), to).await;
        extended.map_err(|error| explain("extend", Some(key), Doing::Otherwise, &error))
    }
}

impl Service {
    /// What reading means here.
    fn doing(&self) -> Doing {
        match self {
            Self::S3 { .. } => Doing::Otherwise,
        }
    }

    /// Whether the reason of a refusal is in the body alone, which the answer to a HEAD does not have.
    fn speaks_xml(&self) -> bool {
        match self {
            Self::S3 { .. } => true,
        }
    }
}

/// Whether two creates met, and the service let neither of them pass.
fn is_undecided(error: &object_store::Error) -> bool {
    judge::refusal(error).is_some_and(|refusal| {
        refusal.status == 409
            && matches!(
                refusal.code(),
                "ConditionalRequestConflict" | "OperationAborted"
            )
    })
}

fn retained(operation: &'static str, key: &Key) -> Error {
    Error::new(ErrorKind::PermissionDenied, operation)
        .with_key(key)
        .with_cause(Cause::Retained)
}

/// Shares a body out, without copying it.
fn in_pieces(mut data: Bytes) -> PutPayload {
    let mut pieces = Vec::with_capacity(data.len().div_ceil(PIECE_BYTES));
    while data.len() > PIECE_BYTES {
        pieces.push(data.split_to(PIECE_BYTES));
    }
    if !data.is_empty() {
        pieces.push(data);
    }
    pieces.into_iter().collect()
}

/// Ends a list after its first error.
fn until_error(
    objects: BoxStream<'static, Result<ObjectMeta>>,
) -> BoxStream<'static, Result<ObjectMeta>> {
    stream::unfold(Some(objects), async |objects| {
        let mut objects = objects?;
        let object = objects.next().await?;
        let rest = object.is_ok().then_some(objects);
        Some((object, rest))
    })
    .boxed()
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
