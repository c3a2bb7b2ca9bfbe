//! The reference implementation: the shortest correct store.

use std::collections::BTreeMap;
use std::fmt;
use std::sync::{Mutex, MutexGuard, PoisonError};

use async_trait::async_trait;
use bytes::Bytes;
use futures::stream::{self, BoxStream, StreamExt};

use crate::error::{Error, ErrorKind, Result};
use crate::key::{Key, Prefix};
use crate::options::{Capabilities, GetOptions, ObjectMeta, PutMode, PutOptions};
use crate::store::{Store, check_len, check_range};

/// A store in memory: for tests, examples, and as the meaning of the laws.
///
/// Durable for as long as it lives. To give two owners one store, put it in an [`Arc`](std::sync::Arc).
#[derive(Default)]
pub struct MemoryStore {
    objects: Mutex<BTreeMap<Key, Bytes>>,
}

impl MemoryStore {
    /// Returns an empty store.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    fn objects(&self) -> MutexGuard<'_, BTreeMap<Key, Bytes>> {
        // No operation leaves the map half changed, so a panic elsewhere does not spoil it.
        self.objects.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn object(&self, operation: &'static str, key: &Key) -> Result<Bytes> {
        let missing = || Error::new(ErrorKind::NotFound, operation).with_key(key);
        self.objects().get(key).cloned().ok_or_else(missing)
    }
}

#[async_trait]
impl Store for MemoryStore {
    fn capabilities(&self) -> Capabilities {
        Capabilities::default()
    }

    async fn put(&self, key: &Key, data: Bytes, options: PutOptions) -> Result<()> {
        check_len("put", key, data.len() as u64)?;
        let mut objects = self.objects();
        if options.mode == PutMode::Create && objects.contains_key(key) {
            return Err(Error::new(ErrorKind::AlreadyExists, "put").with_key(key));
        }
        objects.insert(key.clone(), data);
        Ok(())
    }

    async fn get(&self, key: &Key, options: GetOptions) -> Result<Bytes> {
        let data = self.object("get", key)?;
        let range = check_range(key, data.len() as u64, &options)?;
        let at = |offset: u64| usize::try_from(offset).unwrap_or(usize::MAX);
        Ok(data.slice(at(range.start)..at(range.end)))
    }

    async fn head(&self, key: &Key) -> Result<ObjectMeta> {
        let data = self.object("head", key)?;
        Ok(ObjectMeta::new(key.clone(), data.len() as u64))
    }

    async fn delete(&self, key: &Key) -> Result<()> {
        self.objects().remove(key);
        Ok(())
    }

    fn list(&self, prefix: &Prefix) -> BoxStream<'static, Result<ObjectMeta>> {
        let objects: Vec<_> = self
            .objects()
            .iter()
            .filter(|(key, _)| prefix.matches(key))
            .map(|(key, data)| Ok(ObjectMeta::new(key.clone(), data.len() as u64)))
            .collect();
        stream::iter(objects).boxed()
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
        let bytes: usize = objects.values().map(Bytes::len).sum();
        f.debug_struct("MemoryStore")
            .field("objects", &objects.len())
            .field("bytes", &bytes)
            .finish()
    }
}
