//! Trying again, with patience.

use std::collections::HashSet;
use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use bytes::Bytes;
use futures::stream::{self, BoxStream, StreamExt};

use super::jitter::{Jitter, RandomJitter};
use super::locking::lock_of;
use super::sleep::{Sleep, ThreadSleep};
use crate::error::{Error, ErrorKind, Result};
use crate::key::{Key, Prefix};
use crate::lock::{ObjectLock, Retention};
use crate::options::{Capabilities, GetOptions, ObjectMeta, PutMode, PutOptions};
use crate::store::{Store, StoreExt};

/// Repeats what failed with a retryable error, after waits that grow and are random ("full jitter").
///
/// **A create whose fate is unknown** is repeated too. If the repetition then finds the key taken and
/// the object there is byte for byte the one that was to be put, it is taken for our own, whose
/// acknowledgement was lost, and `put` succeeds. Law 2 thus holds as long as two writers never put
/// identical bytes; an attempt's random id within them is enough.
///
/// **A list** that breaks off is begun again and does not repeat what it has yielded, for which it
/// remembers those keys.
///
/// It sets no limit on how long one attempt may take: that is for the store inside.
#[derive(Debug, Clone)]
pub struct Retrying<S> {
    inner: Arc<S>,
    waits: Waits,
}

/// How often and how patiently [`Retrying`] tries.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct RetryPolicy {
    /// How many attempts are made in all, at least 1.
    pub attempts_max: u32,
    /// The longest first wait. It doubles with each attempt.
    pub wait_first: Duration,
    /// The longest wait of all.
    pub wait_max: Duration,
}

impl RetryPolicy {
    /// Sets how many attempts are made in all; 0 counts as 1.
    #[must_use]
    pub fn with_attempts_max(mut self, attempts_max: u32) -> Self {
        self.attempts_max = attempts_max.max(1);
        self
    }

    /// Sets the longest first wait.
    #[must_use]
    pub fn with_wait_first(mut self, wait_first: Duration) -> Self {
        self.wait_first = wait_first;
        self
    }

    /// Sets the longest wait of all.
    #[must_use]
    pub fn with_wait_max(mut self, wait_max: Duration) -> Self {
        self.wait_max = wait_max;
        self
    }

    /// Returns the longest wait after so many failures.
    fn wait_limit(&self, failures: u32) -> Duration {
        let doubled = 2_u32.saturating_pow(failures.saturating_sub(1));
        self.wait_first.saturating_mul(doubled).min(self.wait_max)
    }
}

impl Default for RetryPolicy {
    /// Eight attempts within about half a minute: a restarted router, a throttling service.
    fn default() -> Self {
        Self {
            attempts_max: 8,
            wait_first: Duration::from_millis(500),
            wait_max: Duration::from_secs(15),
        }
    }
}

impl<S: Store> Retrying<S> {
    /// Returns a store that tries again, waiting on threads.
    #[must_use]
    pub fn new(inner: S, policy: RetryPolicy) -> Self {
        let waits = Waits {
            policy,
            sleep: Arc::new(ThreadSleep),
            jitter: Arc::new(RandomJitter::new()),
        };
        Self {
            inner: Arc::new(inner),
            waits,
        }
    }

    /// Replaces the way to wait.
    #[must_use]
    pub fn with_sleep(mut self, sleep: Arc<dyn Sleep>) -> Self {
        self.waits.sleep = sleep;
        self
    }

    /// Replaces the randomness of the waits.
    #[must_use]
    pub fn with_jitter(mut self, jitter: Arc<dyn Jitter>) -> Self {
        self.waits.jitter = jitter;
        self
    }

    /// Returns the store inside.
    #[must_use]
    pub fn inner(&self) -> &S {
        &self.inner
    }

    /// Decides a create that finds the key taken after an attempt whose fate is unknown.
    async fn is_ours(&self, key: &Key, data: &Bytes) -> Result<bool> {
        let same_len = match self.head(key).await {
            Ok(object) => object.len == data.len() as u64,
            // It was there and was deleted since; whose it was cannot be known any more.
            Err(error) if error.kind() == ErrorKind::NotFound => false,
            Err(error) => return Err(error),
        };
        Ok(same_len && self.get_all(key).await? == *data)
    }
}

#[async_trait]
impl<S: Store> Store for Retrying<S> {
    fn capabilities(&self) -> Capabilities {
        self.inner.capabilities()
    }

    async fn put(&self, key: &Key, data: Bytes, options: PutOptions) -> Result<()> {
        let mut failures = 0;
        loop {
            match self.inner.put(key, data.clone(), options.clone()).await {
                Err(error) if error.is_retryable() => {
                    self.waits.after(error, &mut failures).await?;
                }
                Err(error)
                    if failures > 0
                        && options.mode == PutMode::Create
                        && error.kind() == ErrorKind::AlreadyExists =>
                {
                    return if self.is_ours(key, &data).await? {
                        Ok(())
                    } else {
                        Err(error)
                    };
                }
                result => return result,
            }
        }
    }

    async fn get(&self, key: &Key, options: GetOptions) -> Result<Bytes> {
        let mut failures = 0;
        loop {
            match self.inner.get(key, options.clone()).await {
                Err(error) if error.is_retryable() => {
                    self.waits.after(error, &mut failures).await?;
                }
                result => return result,
            }
        }
    }

    async fn head(&self, key: &Key) -> Result<ObjectMeta> {
        let mut failures = 0;
        loop {
            match self.inner.head(key).await {
                Err(error) if error.is_retryable() => {
                    self.waits.after(error, &mut failures).await?;
                }
                result => return result,
            }
        }
    }

    async fn delete(&self, key: &Key) -> Result<()> {
        let mut failures = 0;
        loop {
            match self.inner.delete(key).await {
                Err(error) if error.is_retryable() => {
                    self.waits.after(error, &mut failures).await?;
                }
                result => return result,
            }
        }
    }

    fn list(&self, prefix: &Prefix) -> BoxStream<'static, Result<ObjectMeta>> {
        let listing = Listing {
            objects: self.inner.list(prefix),
            inner: Arc::clone(&self.inner),
            prefix: prefix.clone(),
            waits: self.waits.clone(),
            yielded: HashSet::new(),
            failures: 0,
            ended: false,
        };
        stream::unfold(listing, async |mut listing| {
            let object = listing.next().await?;
            Some((object, listing))
        })
        .boxed()
    }

    fn object_lock(&self) -> Option<&dyn ObjectLock> {
        self.inner.object_lock().map(|_| self as &dyn ObjectLock)
    }
}

/// To lock twice is to lock once, so what is in doubt is repeated.
#[async_trait]
impl<S: Store> ObjectLock for Retrying<S> {
    async fn retention(&self, key: &Key) -> Result<Option<Retention>> {
        let lock = lock_of(&*self.inner, "retention")?;
        let mut failures = 0;
        loop {
            match lock.retention(key).await {
                Err(error) if error.is_retryable() => {
                    self.waits.after(error, &mut failures).await?;
                }
                result => return result,
            }
        }
    }

    async fn extend(&self, key: &Key, to: Retention) -> Result<()> {
        let lock = lock_of(&*self.inner, "extend")?;
        let mut failures = 0;
        loop {
            match lock.extend(key, to).await {
                Err(error) if error.is_retryable() => {
                    self.waits.after(error, &mut failures).await?;
                }
                result => return result,
            }
        }
    }
}

impl<S: Store> fmt::Display for Retrying<S> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            f,
            "retrying({}, {})",
            self.waits.policy.attempts_max, self.inner
        )
    }
}

#[derive(Debug, Clone)]
struct Waits {
    policy: RetryPolicy,
    sleep: Arc<dyn Sleep>,
    jitter: Arc<dyn Jitter>,
}

impl Waits {
    /// Waits before the next attempt, or returns the error if there is to be none.
    async fn after(&self, error: Error, failures: &mut u32) -> Result<()> {
        *failures += 1;
        if *failures >= self.policy.attempts_max {
            return Err(error);
        }
        let wait = self.jitter.up_to(self.policy.wait_limit(*failures));
        self.sleep.sleep(wait).await;
        Ok(())
    }
}

/// A list that is begun again when it breaks off.
struct Listing<S> {
    inner: Arc<S>,
    prefix: Prefix,
    objects: BoxStream<'static, Result<ObjectMeta>>,
    waits: Waits,
    yielded: HashSet<Key>,
    failures: u32,
    ended: bool,
}

impl<S: Store> Listing<S> {
    async fn next(&mut self) -> Option<Result<ObjectMeta>> {
        while !self.ended {
            match self.objects.next().await {
                Some(Ok(object)) => {
                    if self.yielded.insert(object.key.clone()) {
                        return Some(Ok(object));
                    }
                }
                Some(Err(error)) if error.is_retryable() => {
                    if let Err(error) = self.waits.after(error, &mut self.failures).await {
                        self.ended = true;
                        return Some(Err(error));
                    }
                    self.objects = self.inner.list(&self.prefix);
                }
                Some(Err(error)) => {
                    self.ended = true;
                    return Some(Err(error));
                }
                None => self.ended = true,
            }
        }
        None
    }
}
