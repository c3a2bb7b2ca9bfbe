//! A log of what was asked of a store, for tests that count requests and for what they cost.

use std::fmt;
use std::ops::Range;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use async_trait::async_trait;
use bytes::Bytes;
use futures::stream::BoxStream;

use super::locking::lock_of;
use crate::error::{ErrorKind, Result};
use crate::key::{Key, Prefix};
use crate::lock::{HiddenPage, ObjectLock, Retention};
use crate::options::{Capabilities, GetOptions, ObjectMeta, PutOptions};
use crate::store::Store;

/// Logs every call. A clone is another handle on the same store and log.
///
/// ```
/// # fn main() -> Result<(), strongroom_store::Error> {
/// # futures::executor::block_on(async {
/// use strongroom_store::wrap::{Operation, Recording};
/// use strongroom_store::{Key, MemoryStore, StoreExt};
///
/// let store = Recording::new(MemoryStore::new());
/// store.put_new(&Key::parse("config")?, "v1".into()).await?;
/// assert_eq!(store.count(Operation::Put), 1);
/// assert_eq!(store.bytes(Operation::Put), 2);
/// # Ok(())
/// # })
/// # }
/// ```
#[derive(Debug)]
pub struct Recording<S> {
    inner: Arc<S>,
    log: Arc<Mutex<Vec<Call>>>,
}

/// The verbs of [`Store`] and of [`ObjectLock`].
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
#[non_exhaustive]
pub enum Operation {
    /// [`Store::put`].
    Put,
    /// [`Store::get`].
    Get,
    /// [`Store::head`].
    Head,
    /// [`Store::delete`].
    Delete,
    /// [`Store::list`].
    List,
    /// [`ObjectLock::retention`].
    Retention,
    /// [`ObjectLock::extend`].
    Extend,
}

/// One call, logged when it is made and completed when it returns.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct Call {
    /// What was asked for.
    pub operation: Operation,
    /// Of which object; for a list, the folder.
    pub key: String,
    /// Which bytes a `get` asked for, if not all.
    pub range: Option<Range<u64>>,
    /// How many bytes were sent or, by then, received.
    pub bytes: u64,
    /// `None` while it has not returned (and forever, if it was dropped), then how it ended. A list
    /// has ended well when its stream was given out.
    pub outcome: Option<Result<(), ErrorKind>>,
    serial: u64,
}

impl<S: Store> Recording<S> {
    /// Starts an empty log.
    #[must_use]
    pub fn new(inner: S) -> Self {
        Self {
            inner: Arc::new(inner),
            log: Arc::default(),
        }
    }

    /// Returns the store inside.
    #[must_use]
    pub fn inner(&self) -> &S {
        &self.inner
    }

    /// Returns every call since the last reset, in the order they were made.
    #[must_use]
    pub fn calls(&self) -> Vec<Call> {
        self.log().clone()
    }

    /// Returns how many calls of an operation were made.
    #[must_use]
    pub fn count(&self, operation: Operation) -> usize {
        self.log()
            .iter()
            .filter(|call| call.operation == operation)
            .count()
    }

    /// Returns how many bytes an operation has sent or received.
    #[must_use]
    pub fn bytes(&self, operation: Operation) -> u64 {
        self.log()
            .iter()
            .filter(|call| call.operation == operation)
            .map(|call| call.bytes)
            .sum()
    }

    /// Forgets all calls; those in progress are not logged any more.
    pub fn reset(&self) {
        self.log().clear();
    }

    fn log(&self) -> MutexGuard<'_, Vec<Call>> {
        self.log.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn begin(&self, operation: Operation, key: &str, range: Option<Range<u64>>, bytes: u64) -> u64 {
        let mut log = self.log();
        let serial = log.last().map_or(0, |call| call.serial + 1);
        let key = key.to_owned();
        log.push(Call {
            operation,
            key,
            range,
            bytes,
            outcome: None,
            serial,
        });
        serial
    }

    fn end<T>(&self, serial: u64, result: Result<T>, received: impl Fn(&T) -> u64) -> Result<T> {
        let mut log = self.log();
        if let Some(call) = log.iter_mut().rev().find(|call| call.serial == serial) {
            match &result {
                Ok(value) => {
                    call.bytes += received(value);
                    call.outcome = Some(Ok(()));
                }
                Err(error) => call.outcome = Some(Err(error.kind())),
            }
        }
        drop(log);
        result
    }
}

#[async_trait]
impl<S: Store> Store for Recording<S> {
    fn capabilities(&self) -> Capabilities {
        self.inner.capabilities()
    }

    async fn put(&self, key: &Key, data: Bytes, options: PutOptions) -> Result<()> {
        let serial = self.begin(Operation::Put, key.as_str(), None, data.len() as u64);
        let result = self.inner.put(key, data, options).await;
        self.end(serial, result, |()| 0)
    }

    async fn get(&self, key: &Key, options: GetOptions) -> Result<Bytes> {
        let serial = self.begin(Operation::Get, key.as_str(), options.range.clone(), 0);
        let result = self.inner.get(key, options).await;
        self.end(serial, result, |data| data.len() as u64)
    }

    async fn head(&self, key: &Key) -> Result<ObjectMeta> {
        let serial = self.begin(Operation::Head, key.as_str(), None, 0);
        let result = self.inner.head(key).await;
        self.end(serial, result, |_| 0)
    }

    async fn delete(&self, key: &Key) -> Result<()> {
        let serial = self.begin(Operation::Delete, key.as_str(), None, 0);
        let result = self.inner.delete(key).await;
        self.end(serial, result, |()| 0)
    }

    fn list(&self, prefix: &Prefix) -> BoxStream<'static, Result<ObjectMeta>> {
        let serial = self.begin(Operation::List, prefix.as_str(), None, 0);
        let objects = self.inner.list(prefix);
        drop(self.end(serial, Ok(()), |()| 0));
        objects
    }

    fn object_lock(&self) -> Option<&dyn ObjectLock> {
        self.inner.object_lock().map(|_| self as &dyn ObjectLock)
    }
}

#[async_trait]
impl<S: Store> ObjectLock for Recording<S> {
    fn locks(&self, key: &Key) -> bool {
        lock_of(&*self.inner, "locks").is_ok_and(|lock| lock.locks(key))
    }

    async fn retention(&self, key: &Key) -> Result<Option<Retention>> {
        let lock = lock_of(&*self.inner, "retention")?;
        let serial = self.begin(Operation::Retention, key.as_str(), None, 0);
        let result = lock.retention(key).await;
        self.end(serial, result, |_| 0)
    }

    async fn extend(&self, key: &Key, to: Retention) -> Result<()> {
        let lock = lock_of(&*self.inner, "extend")?;
        let serial = self.begin(Operation::Extend, key.as_str(), None, 0);
        let result = lock.extend(key, to).await;
        self.end(serial, result, |()| 0)
    }

    async fn hidden(&self, prefix: &Prefix, from: Option<&str>) -> Result<HiddenPage> {
        let lock = lock_of(&*self.inner, "hidden")?;
        let serial = self.begin(Operation::List, prefix.as_str(), None, 0);
        let result = lock.hidden(prefix, from).await;
        self.end(serial, result, |_| 0)
    }

    async fn uncover(&self, key: &Key) -> Result<bool> {
        let lock = lock_of(&*self.inner, "uncover")?;
        let serial = self.begin(Operation::Extend, key.as_str(), None, 0);
        let result = lock.uncover(key).await;
        self.end(serial, result, |_| 0)
    }
}

impl<S> Clone for Recording<S> {
    fn clone(&self) -> Self {
        Self {
            inner: Arc::clone(&self.inner),
            log: Arc::clone(&self.log),
        }
    }
}

impl<S: Store> fmt::Display for Recording<S> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "recording({})", self.inner)
    }
}
