//! A store whose cold objects have to be warmed up, for tests and models.

use std::collections::BTreeMap;
use std::fmt;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use async_trait::async_trait;
use bytes::Bytes;
use futures::stream::BoxStream;

use super::monotonic::Monotonic;
use crate::error::{Cause, Error, ErrorKind, Result};
use crate::key::{Key, Prefix};
use crate::lock::ObjectLock;
use crate::options::{Capabilities, GetOptions, ObjectMeta, PutOptions, StorageClass};
use crate::store::Store;
use crate::warm::{Warmer, Warmth};

/// Keeps what is put with [`StorageClass::Cold`] out of reach, as services with archives do: `get` of it fails with `Archived` until it
/// was [asked for](Warmer::warm) and a delay has passed by a clock, and again once it has cooled down. A clone is another handle on the
/// same store. What was in the store inside before is not cold.
///
/// ```
/// use std::time::Duration;
///
/// use strongroom_store::wrap::{Glacial, ManualTime};
/// use strongroom_store::{ErrorKind, Key, MemoryStore, PutOptions, StorageClass, Store, StoreExt, Warmer};
///
/// let time = ManualTime::new();
/// let store = Glacial::new(MemoryStore::new(), Duration::from_secs(3_600), time.clone());
/// futures::executor::block_on(async {
///     let key = Key::parse("old")?;
///     store.put(&key, "data".into(), PutOptions::default().with_class(StorageClass::Cold)).await?;
///     assert_eq!(store.get_all(&key).await.map_err(|error| error.kind()), Err(ErrorKind::Archived));
///     store.warm(std::slice::from_ref(&key)).await?;
///     time.advance(Duration::from_secs(3_600));
///     assert_eq!(store.get_all(&key).await?, "data");
///     Ok::<(), strongroom_store::Error>(())
/// })?;
/// # Ok::<(), strongroom_store::Error>(())
/// ```
#[derive(Debug)]
pub struct Glacial<S> {
    inner: Arc<S>,
    delay: Duration,
    lasts: Duration,
    time: Arc<dyn Monotonic>,
    state: Arc<Mutex<State>>,
}

#[derive(Debug, Default)]
struct State {
    /// Cold objects, and when each was asked for last.
    cold: BTreeMap<Key, Option<Duration>>,
    asked: Vec<Key>,
}

impl<S: Store> Glacial<S> {
    /// Wraps a store. What is asked for is ready after `delay` by `time`, and stays so.
    #[must_use]
    pub fn new(inner: S, delay: Duration, time: impl Monotonic) -> Self {
        Self {
            inner: Arc::new(inner),
            delay,
            lasts: Duration::MAX,
            time: Arc::new(time),
            state: Arc::default(),
        }
    }

    /// Says for how long an object stays ready.
    #[must_use]
    pub fn cooling_after(mut self, lasts: Duration) -> Self {
        self.lasts = lasts;
        self
    }

    /// Returns the store inside.
    #[must_use]
    pub fn inner(&self) -> &S {
        &self.inner
    }

    /// Returns the cold objects, ready or not.
    #[must_use]
    pub fn cold(&self) -> Vec<Key> {
        self.lock().cold.keys().cloned().collect()
    }

    /// Returns what was asked for, in order and as often as it was.
    #[must_use]
    pub fn asked(&self) -> Vec<Key> {
        self.lock().asked.clone()
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn state_of(&self, asked: Option<Duration>) -> Warmth {
        let Some(asked) = asked else {
            return Warmth::Cold;
        };
        let (now, ready) = (self.time.now(), asked.saturating_add(self.delay));
        if now < ready {
            Warmth::Warming
        } else if now >= ready.saturating_add(self.lasts) {
            Warmth::Cold
        } else {
            Warmth::Ready { until: None }
        }
    }

    /// Returns the state of an object; one that is not cold is ready.
    fn known(&self, key: &Key) -> Warmth {
        let asked = self.lock().cold.get(key).copied();
        asked.map_or(Warmth::Ready { until: None }, |asked| self.state_of(asked))
    }
}

#[async_trait]
impl<S: Store> Store for Glacial<S> {
    fn capabilities(&self) -> Capabilities {
        self.inner.capabilities()
    }

    async fn put(&self, key: &Key, data: Bytes, options: PutOptions) -> Result<()> {
        let class = options.class;
        self.inner.put(key, data, options).await?;
        let mut state = self.lock();
        match class {
            StorageClass::Cold => state.cold.insert(key.clone(), None),
            StorageClass::Hot => state.cold.remove(key),
        };
        Ok(())
    }

    async fn get(&self, key: &Key, options: GetOptions) -> Result<Bytes> {
        match self.known(key) {
            Warmth::Ready { .. } => self.inner.get(key, options).await,
            _ => Err(Error::new(ErrorKind::Archived, "get")
                .with_key(key)
                .with_cause(Cause::Archived)),
        }
    }

    async fn head(&self, key: &Key) -> Result<ObjectMeta> {
        self.inner.head(key).await
    }

    async fn delete(&self, key: &Key) -> Result<()> {
        self.inner.delete(key).await?;
        self.lock().cold.remove(key);
        Ok(())
    }

    fn list(&self, prefix: &Prefix) -> BoxStream<'static, Result<ObjectMeta>> {
        self.inner.list(prefix)
    }

    fn object_lock(&self) -> Option<&dyn ObjectLock> {
        self.inner.object_lock()
    }
}

#[async_trait]
impl<S: Store> Warmer for Glacial<S> {
    async fn warmth(&self, key: &Key) -> Result<Warmth> {
        self.inner.head(key).await?;
        Ok(self.known(key))
    }

    async fn warm(&self, keys: &[Key]) -> Result<()> {
        let now = self.time.now();
        for key in keys {
            self.inner.head(key).await?;
            let mut state = self.lock();
            state.asked.push(key.clone());
            let asked = state.cold.get(key).copied();
            if asked.is_some_and(|asked| self.state_of(asked) == Warmth::Cold) {
                state.cold.insert(key.clone(), Some(now));
            }
        }
        Ok(())
    }
}

impl<S> Clone for Glacial<S> {
    fn clone(&self) -> Self {
        Self {
            inner: Arc::clone(&self.inner),
            delay: self.delay,
            lasts: self.lasts,
            time: Arc::clone(&self.time),
            state: Arc::clone(&self.state),
        }
    }
}

impl<S: Store> fmt::Display for Glacial<S> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "glacial({})", self.inner)
    }
}

#[cfg(test)]
mod tests {
    use futures::executor::block_on;

    use super::super::monotonic::ManualTime;
    use super::*;
    use crate::memory::MemoryStore;
    use crate::store::StoreExt as _;

    const HOUR: Duration = Duration::from_secs(3_600);

    #[test]
    fn what_is_cold_warms_and_cools_by_the_clock() {
        let time = ManualTime::new();
        let store = Glacial::new(MemoryStore::new(), 4 * HOUR, time.clone()).cooling_after(HOUR);
        let (hot, cold) = (Key::parse("hot").unwrap(), Key::parse("cold").unwrap());
        let put = |key: &Key, class| {
            let options = PutOptions::default().with_class(class);
            block_on(store.put(key, "x".into(), options)).unwrap();
        };
        put(&hot, StorageClass::Hot);
        put(&cold, StorageClass::Cold);
        assert_eq!(block_on(store.get_all(&hot)).unwrap(), "x");
        let kind = |key: &Key| block_on(store.get_all(key)).map_err(|error| error.kind());
        assert_eq!(kind(&cold), Err(ErrorKind::Archived));
        assert_eq!(block_on(store.warmth(&cold)).unwrap(), Warmth::Cold);
        block_on(store.warm(std::slice::from_ref(&cold))).unwrap();
        assert_eq!(block_on(store.warmth(&cold)).unwrap(), Warmth::Warming);
        time.advance(4 * HOUR);
        assert!(kind(&cold).is_ok());
        time.advance(HOUR);
        assert_eq!(kind(&cold), Err(ErrorKind::Archived));
        let missing = Key::parse("missing").unwrap();
        let warmth = block_on(store.warmth(&missing));
        assert_eq!(
            warmth.map_err(|error| error.kind()),
            Err(ErrorKind::NotFound)
        );
    }
}
