//! The reference implementation: the shortest correct store.

use std::collections::BTreeMap;
use std::fmt;
use std::sync::{Mutex, MutexGuard, PoisonError};

use async_trait::async_trait;
use bytes::Bytes;
use futures::stream::{self, BoxStream, StreamExt};

use crate::error::{Cause, Error, ErrorKind, Result};
use crate::key::{Key, Prefix};
use crate::lock::{Hidden, HiddenPage, ObjectLock, Retention};
use crate::options::{Capabilities, GetOptions, ObjectMeta, PutMode, PutOptions};
use crate::store::{Store, check_len, check_range};

/// A store in memory: for tests, examples, and as the meaning of the laws.
///
/// Durable for as long as it lives. To give two owners one store, put it in an [`Arc`](std::sync::Arc).
///
/// ```
/// # fn main() -> Result<(), strongroom_store::Error> { futures::executor::block_on(async {
/// use strongroom_store::{Cause, Key, MemoryStore, PutOptions, Retention, RetentionMode, Store};
///
/// let store = MemoryStore::with_object_lock(|| 1_000);
/// let key = Key::parse("pack/a")?;
/// let lock = Retention::new(RetentionMode::Compliance, 2_000);
/// store.put(&key, "held".into(), PutOptions::default().with_retention(lock)).await?;
/// let refused = store.delete(&key).await;
/// assert_eq!(refused.map_err(|error| error.cause()), Err(Some(Cause::Retained)));
/// # Ok(()) }) }
/// ```
#[derive(Default)]
pub struct MemoryStore {
    objects: Mutex<BTreeMap<Key, Object>>,
    /// Says what time it is, for a store that locks objects.
    clock: Option<Box<dyn Fn() -> i64 + Send + Sync>>,
}

#[derive(Clone)]
struct Object {
    data: Bytes,
    retention: Option<Retention>,
    /// What hides it: a mark of deletion, or other bytes.
    over: Option<Option<Bytes>>,
}

impl Object {
    /// Returns what is seen of it: what is over it, if that is not a mark of deletion.
    fn into_seen(mut self) -> Option<Self> {
        match self.over.take() {
            None => Some(self),
            Some(over) => Some(Self {
                data: over?,
                ..self
            }),
        }
    }
}

impl MemoryStore {
    /// Returns an empty store.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// Returns an empty store that locks objects. `clock` is its clock: it returns seconds since 1970-01-01 00:00 UTC.
    #[must_use]
    pub fn with_object_lock(clock: impl Fn() -> i64 + Send + Sync + 'static) -> Self {
        Self {
            objects: Mutex::default(),
            clock: Some(Box::new(clock)),
        }
    }

    /// Lays something over an object, locked or not, as services that keep versions let anybody do who may put and delete: a mark of
    /// deletion if `over` is `None`, otherwise other bytes. Returns whether the object is there.
    pub fn cover(&self, key: &Key, over: Option<Bytes>) -> bool {
        let mut objects = self.objects();
        let object = objects.get_mut(key);
        object.map(|object| object.over = Some(over)).is_some()
    }

    fn objects(&self) -> MutexGuard<'_, BTreeMap<Key, Object>> {
        // No operation leaves the map half changed, so a panic elsewhere does not spoil it.
        self.objects.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn object(&self, operation: &'static str, key: &Key) -> Result<Object> {
        let missing = || Error::new(ErrorKind::NotFound, operation).with_key(key);
        let found = self.objects().get(key).cloned();
        found.and_then(Object::into_seen).ok_or_else(missing)
    }

    /// Returns how an object is locked now.
    fn lock_of(&self, object: &Object) -> Option<Retention> {
        let now = self.clock.as_ref()?();
        object.retention.filter(|retention| retention.until > now)
    }

    /// Refuses to change or delete what is locked.
    fn check_lock(&self, operation: &'static str, key: &Key, object: &Object) -> Result<()> {
        match self.lock_of(object) {
            None => Ok(()),
            Some(retention) => Err(Error::new(ErrorKind::PermissionDenied, operation)
                .with_key(key)
                .with_cause(Cause::Retained)
                .with_source(format!("locked until {}", retention.until))),
        }
    }
}

#[async_trait]
impl Store for MemoryStore {
    fn capabilities(&self) -> Capabilities {
        Capabilities::default().with_object_lock(self.clock.is_some())
    }

    async fn put(&self, key: &Key, data: Bytes, options: PutOptions) -> Result<()> {
        check_len("put", key, data.len() as u64)?;
        if options.retention.is_some() && self.clock.is_none() {
            return Err(Error::new(ErrorKind::Unsupported, "put").with_key(key));
        }
        let mut objects = self.objects();
        if let Some(old) = objects.get(key) {
            if options.mode == PutMode::Create {
                return Err(Error::new(ErrorKind::AlreadyExists, "put").with_key(key));
            }
            self.check_lock("put", key, old)?;
        }
        let retention = options.retention;
        let over = None;
        let object = Object {
            data,
            retention,
            over,
        };
        objects.insert(key.clone(), object);
        Ok(())
    }

    async fn get(&self, key: &Key, options: GetOptions) -> Result<Bytes> {
        let data = self.object("get", key)?.data;
        let range = check_range(key, data.len() as u64, &options)?;
        let at = |offset: u64| usize::try_from(offset).unwrap_or(usize::MAX);
        Ok(data.slice(at(range.start)..at(range.end)))
    }

    async fn head(&self, key: &Key) -> Result<ObjectMeta> {
        let object = self.object("head", key)?;
        Ok(ObjectMeta::new(key.clone(), object.data.len() as u64))
    }

    async fn delete(&self, key: &Key) -> Result<()> {
        let mut objects = self.objects();
        if let Some(object) = objects.get(key) {
            self.check_lock("delete", key, object)?;
        }
        objects.remove(key);
        Ok(())
    }

    fn list(&self, prefix: &Prefix) -> BoxStream<'static, Result<ObjectMeta>> {
        let objects: Vec<_> = self
            .objects()
            .iter()
            .filter(|(key, _)| prefix.matches(key))
            .filter_map(|(key, object)| {
                let seen = object.clone().into_seen()?;
                Some(Ok(ObjectMeta::new(key.clone(), seen.data.len() as u64)))
            })
            .collect();
        stream::iter(objects).boxed()
    }

    fn object_lock(&self) -> Option<&dyn ObjectLock> {
        self.clock.is_some().then_some(self)
    }
}

#[async_trait]
impl ObjectLock for MemoryStore {
    async fn retention(&self, key: &Key) -> Result<Option<Retention>> {
        Ok(self.lock_of(&self.object("retention", key)?))
    }

    async fn extend(&self, key: &Key, to: Retention) -> Result<()> {
        let failed = |kind| Err(Error::new(kind, "extend").with_key(key));
        let mut objects = self.objects();
        let Some(object) = objects.get_mut(key) else {
            return failed(ErrorKind::NotFound);
        };
        match self.lock_of(object) {
            Some(current) if current.covers(&to) => Ok(()),
            Some(current) if !to.covers(&current) => failed(ErrorKind::Invalid),
            _ => {
                object.retention = Some(to);
                Ok(())
            }
        }
    }

    async fn hidden(&self, prefix: &Prefix, from: Option<&str>) -> Result<HiddenPage> {
        // One page holds them all.
        let objects = self.objects();
        let covered = objects.iter().filter(|(key, _)| prefix.matches(key));
        let hidden = covered.filter_map(|(key, object)| {
            let over = object.over.as_ref()?;
            Some(Hidden::new(key.clone(), over.is_none()))
        });
        let _first_page = from;
        Ok(HiddenPage::new(hidden.collect(), None))
    }

    async fn uncover(&self, key: &Key) -> Result<bool> {
        let mut objects = self.objects();
        let Some(object) = objects.get_mut(key) else {
            return Ok(false);
        };
        let locked = self.lock_of(object).is_some();
        Ok(locked && object.over.take().is_some())
    }
}

impl fmt::Display for MemoryStore {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("memory:")
    }
}

impl fmt::Debug for MemoryStore {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let objects = self.objects();
        let bytes: usize = objects.values().map(|object| object.data.len()).sum();
        f.debug_struct("MemoryStore")
            .field("objects", &objects.len())
            .field("bytes", &bytes)
            .field("locks", &self.clock.is_some())
            .finish()
    }
}
