//! Trying again, with patience.

mod policy;
mod waits;

use std::collections::HashSet;
use std::fmt;
use std::sync::Arc;

use async_trait::async_trait;
use bytes::Bytes;
use futures::stream::{self, BoxStream, StreamExt};

pub use self::policy::RetryPolicy;
pub use self::waits::RetryCounts;

use self::waits::{Attempts, Waits};
use super::jitter::Jitter;
use super::locking::lock_of;
use super::monotonic::Monotonic;
use super::sleep::Sleep;
use crate::error::{Cause, Error, ErrorKind, Result};
use crate::key::{Key, Prefix};
use crate::lock::{HiddenPage, ObjectLock, Retention};
use crate::options::{Capabilities, GetOptions, ObjectMeta, PutMode, PutOptions};
use crate::store::{Store, StoreExt};

/// Repeats what failed with `Unavailable`, after waits that grow and are random ("full jitter"); except where the error's
/// [`Cause`] says that somebody has to put something right first, such as credentials or a missing bucket. A store that asks for fewer
/// requests ([`Cause::Throttled`]) is left alone for longer, and for as long as it says
/// ([`retry_after`](Error::retry_after)).
///
/// **A create whose fate is unknown** is repeated too. If the repetition then finds the key taken and
/// the object there is byte for byte the one that was to be put, it is taken for our own, whose
/// acknowledgement was lost, and `put` succeeds. Law 2 thus holds as long as two writers never put
/// identical bytes; an attempt's random id within them is enough. What has gone to cold storage meanwhile cannot be compared, and stays
/// `AlreadyExists`.
///
/// So is a replacement that is to be locked: if the repetition is refused because the object is locked, and it is the one that was to be
/// put, it is ours.
///
/// **A list** that breaks off is begun again and does not repeat what it has yielded, for which it
/// remembers those keys. As long as each beginning yields something new, it is begun as often as it takes.
///
/// It sets no limit on how long one attempt may take: that is for a [`Deadline`](super::Deadline) inside.
/// [`counts`](Self::counts) says what it came to; clones share them.
#[derive(Debug, Clone)]
pub struct Retrying<S> {
    inner: Arc<S>,
    waits: Waits,
}

impl<S: Store> Retrying<S> {
    /// Returns a store that tries again, waiting on threads.
    #[must_use]
    pub fn new(inner: S, policy: RetryPolicy) -> Self {
        Self {
            inner: Arc::new(inner),
            waits: Waits::new(policy),
        }
    }

    /// Replaces the way to wait.
    #[must_use]
    pub fn with_sleep(mut self, sleep: Arc<dyn Sleep>) -> Self {
        self.waits.sleep = sleep;
        self
    }

    /// Replaces the clock that the time of a call is told by.
    #[must_use]
    pub fn with_clock(mut self, clock: Arc<dyn Monotonic>) -> Self {
        self.waits.clock = clock;
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

    /// Returns what was repeated and waited so far.
    #[must_use]
    pub fn counts(&self) -> RetryCounts {
        *self.waits.counts()
    }

    /// Decides a create that finds the key taken after an attempt whose fate is unknown.
    async fn is_ours(&self, key: &Key, data: &Bytes) -> Result<bool> {
        let same_len = match self.head(key).await {
            Ok(object) => object.len == data.len() as u64,
            // It was there and was deleted since; whose it was cannot be known any more.
            Err(error) if error.kind() == ErrorKind::NotFound => false,
            Err(error) => return Err(error),
        };
        if !same_len {
            return Ok(false);
        }
        match self.get_all(key).await {
            Ok(theirs) => Ok(theirs == *data),
            // It went to cold storage as it was put, and cannot be compared: whoever named it knows what the name is worth.
            Err(error) if error.kind() == ErrorKind::Archived => Ok(false),
            Err(error) => Err(error),
        }
    }
}

#[async_trait]
impl<S: Store> Store for Retrying<S> {
    fn capabilities(&self) -> Capabilities {
        self.inner.capabilities()
    }

    async fn put(&self, key: &Key, data: Bytes, options: PutOptions) -> Result<()> {
        let mut attempts = self.waits.begin();
        loop {
            match self.inner.put(key, data.clone(), options.clone()).await {
                Err(error) if error.is_retryable() => {
                    attempts.failed(error).await?;
                }
                Err(error) if attempts.are_in_doubt() && may_be_ours(&error, &options) => {
                    return if self.is_ours(key, &data).await? {
                        self.waits.counts().recognised += 1;
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
        let mut attempts = self.waits.begin();
        loop {
            match self.inner.get(key, options.clone()).await {
                Err(error) if error.is_retryable() => {
                    attempts.failed(error).await?;
                }
                result => return result,
            }
        }
    }

    async fn head(&self, key: &Key) -> Result<ObjectMeta> {
        let mut attempts = self.waits.begin();
        loop {
            match self.inner.head(key).await {
                Err(error) if error.is_retryable() => {
                    attempts.failed(error).await?;
                }
                result => return result,
            }
        }
    }

    async fn delete(&self, key: &Key) -> Result<()> {
        let mut attempts = self.waits.begin();
        loop {
            match self.inner.delete(key).await {
                Err(error) if error.is_retryable() => {
                    attempts.failed(error).await?;
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
            attempts: self.waits.begin(),
            yielded: HashSet::new(),
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
    fn locks(&self, key: &Key) -> bool {
        lock_of(&*self.inner, "locks").is_ok_and(|lock| lock.locks(key))
    }

    async fn retention(&self, key: &Key) -> Result<Option<Retention>> {
        let lock = lock_of(&*self.inner, "retention")?;
        let mut attempts = self.waits.begin();
        loop {
            match lock.retention(key).await {
                Err(error) if error.is_retryable() => {
                    attempts.failed(error).await?;
                }
                result => return result,
            }
        }
    }

    async fn extend(&self, key: &Key, to: Retention) -> Result<()> {
        let lock = lock_of(&*self.inner, "extend")?;
        let mut attempts = self.waits.begin();
        loop {
            match lock.extend(key, to).await {
                Err(error) if error.is_retryable() => {
                    attempts.failed(error).await?;
                }
                result => return result,
            }
        }
    }

    async fn hidden(&self, prefix: &Prefix, from: Option<&str>) -> Result<HiddenPage> {
        let lock = lock_of(&*self.inner, "hidden")?;
        let mut attempts = self.waits.begin();
        loop {
            match lock.hidden(prefix, from).await {
                Err(error) if error.is_retryable() => {
                    attempts.failed(error).await?;
                }
                result => return result,
            }
        }
    }

    async fn uncover(&self, key: &Key) -> Result<bool> {
        let lock = lock_of(&*self.inner, "uncover")?;
        let mut attempts = self.waits.begin();
        loop {
            match lock.uncover(key).await {
                Err(error) if error.is_retryable() => {
                    attempts.failed(error).await?;
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

/// Says whether an error is what an attempt leads to whose predecessor had its effect.
fn may_be_ours(error: &Error, options: &PutOptions) -> bool {
    match options.mode {
        PutMode::Create => error.kind() == ErrorKind::AlreadyExists,
        PutMode::Overwrite => options.retention.is_some() && error.cause() == Some(Cause::Retained),
    }
}

/// A list that is begun again when it breaks off.
struct Listing<S> {
    inner: Arc<S>,
    prefix: Prefix,
    objects: BoxStream<'static, Result<ObjectMeta>>,
    attempts: Attempts,
    yielded: HashSet<Key>,
    ended: bool,
}

impl<S: Store> Listing<S> {
    async fn next(&mut self) -> Option<Result<ObjectMeta>> {
        while !self.ended {
            match self.objects.next().await {
                Some(Ok(object)) => {
                    if self.yielded.insert(object.key.clone()) {
                        self.attempts.got_on();
                        return Some(Ok(object));
                    }
                }
                Some(Err(error)) if error.is_retryable() => {
                    if let Err(error) = self.attempts.failed(error).await {
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
