//! A bound on how long a call may take.

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use bytes::Bytes;
use futures::future::{self, Either};
use futures::stream::{self, BoxStream, StreamExt};

use super::locking::lock_of;
use super::sleep::Sleep;
use super::timer::TimerSleep;
use crate::error::{Cause, Error, ErrorKind, Result};
use crate::key::{Key, Prefix};
use crate::lock::{HiddenPage, ObjectLock, Retention};
use crate::options::{Capabilities, GetOptions, ObjectMeta, PutOptions};
use crate::store::Store;

/// Gives up on calls that take too long: the store inside is left alone, by dropping its future, and the call fails with
/// `Unavailable` and [`Cause::Timeout`].
///
/// How long is too long depends on the bytes that are to be moved ([`DeadlinePolicy`]). A `put`, `delete` or `extend` that was given up
/// may still take effect (law 7 says what of it): the error is retryable, and [`Retrying`](super::Retrying), outside of this one, settles
/// a create in doubt. How long an object is that is read whole is not known before: each is given the time
/// of the [largest](DeadlinePolicy::whole_object_bytes). A list has that time for each object, not for all; so it never fails for being long.
///
/// Inside of it belongs what does the work; waits for a turn or for bandwidth belong outside, or they count.
///
/// ```
/// use std::time::Duration;
///
/// use strongroom_store::MemoryStore;
/// use strongroom_store::wrap::{Deadline, DeadlinePolicy};
///
/// let policy = DeadlinePolicy::default().with_base(Duration::from_secs(10));
/// assert_eq!(policy.limit(1 << 20), Duration::from_secs(10 + 256));
/// let store = Deadline::new(MemoryStore::new(), policy);
/// ```
#[derive(Debug, Clone)]
pub struct Deadline<S> {
    inner: Arc<S>,
    policy: DeadlinePolicy,
    sleep: Arc<dyn Sleep>,
}

/// How long a call may take.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct DeadlinePolicy {
    /// The time for a call that moves nothing: to connect, to be answered.
    pub base: Duration,
    /// The slowest transfer that is worth waiting for, in bytes a second, at least 1: bytes are given the time they take at this rate.
    pub bytes_per_second_min: u64,
    /// The bytes that a `get` of a whole object is given time for.
    pub whole_object_bytes: u64,
}

impl DeadlinePolicy {
    /// Sets the time for a call that moves nothing.
    #[must_use]
    pub fn with_base(mut self, base: Duration) -> Self {
        self.base = base;
        self
    }

    /// Sets the slowest rate that is waited for; 0 counts as 1.
    #[must_use]
    pub fn with_bytes_per_second_min(mut self, bytes: u64) -> Self {
        self.bytes_per_second_min = bytes.max(1);
        self
    }

    /// Sets how long an object may be that is read whole; above that it has to come faster.
    #[must_use]
    pub fn with_whole_object_bytes(mut self, bytes: u64) -> Self {
        self.whole_object_bytes = bytes;
        self
    }

    /// Returns the time for a call that moves so many bytes.
    #[must_use]
    pub fn limit(&self, bytes: u64) -> Duration {
        let milliseconds = bytes.saturating_mul(1_000) / self.bytes_per_second_min.max(1);
        self.base
            .saturating_add(Duration::from_millis(milliseconds))
    }
}

impl Default for DeadlinePolicy {
    /// Half a minute, and 4 KiB a second; a whole object has the time of 64 MiB.
    ///
    /// That is the last resort. Several transfers share a link, and one that is given up begins again with its first byte: to give up what
    /// moves, however slowly, makes it slower still. That nothing moves any more, a store in a network notices itself, and much sooner.
    fn default() -> Self {
        Self {
            base: Duration::from_secs(30),
            bytes_per_second_min: 4 << 10,
            whole_object_bytes: 64 << 20,
        }
    }
}

impl<S: Store> Deadline<S> {
    /// Returns a store whose calls end in time. One thread watches over them, see [`TimerSleep`].
    #[must_use]
    pub fn new(inner: S, policy: DeadlinePolicy) -> Self {
        Self {
            inner: Arc::new(inner),
            policy,
            sleep: Arc::new(TimerSleep::new()),
        }
    }

    /// Replaces the way to wait.
    #[must_use]
    pub fn with_sleep(mut self, sleep: Arc<dyn Sleep>) -> Self {
        self.sleep = sleep;
        self
    }

    /// Returns the store inside.
    #[must_use]
    pub fn inner(&self) -> &S {
        &self.inner
    }

    async fn within<T>(
        &self,
        operation: &'static str,
        key: &Key,
        bytes: u64,
        call: impl Future<Output = Result<T>> + Send,
    ) -> Result<T> {
        let limit = self.policy.limit(bytes);
        match race(call, &*self.sleep, limit).await {
            Some(result) => result,
            None => Err(late(operation, limit).with_key(key)),
        }
    }
}

/// Returns what the call says, or `None` if it does not say it in time.
async fn race<T>(call: impl Future<Output = T>, sleep: &dyn Sleep, limit: Duration) -> Option<T> {
    let call = std::pin::pin!(call);
    // The call is polled first: an answer that is there is not thrown away.
    match future::select(call, sleep.sleep(limit)).await {
        Either::Left((answer, _)) => Some(answer),
        Either::Right(((), _)) => None,
    }
}

fn late(operation: &'static str, limit: Duration) -> Error {
    Error::new(ErrorKind::Unavailable, operation)
        .with_cause(Cause::Timeout)
        .with_source(format!("no answer within {limit:?}"))
}

#[async_trait]
impl<S: Store> Store for Deadline<S> {
    fn capabilities(&self) -> Capabilities {
        self.inner.capabilities()
    }

    async fn put(&self, key: &Key, data: Bytes, options: PutOptions) -> Result<()> {
        let bytes = data.len() as u64;
        let call = self.inner.put(key, data, options);
        self.within("put", key, bytes, call).await
    }

    async fn get(&self, key: &Key, options: GetOptions) -> Result<Bytes> {
        let bytes = match &options.range {
            Some(range) => range.end.saturating_sub(range.start),
            None => self.policy.whole_object_bytes,
        };
        let call = self.inner.get(key, options);
        self.within("get", key, bytes, call).await
    }

    async fn head(&self, key: &Key) -> Result<ObjectMeta> {
        self.within("head", key, 0, self.inner.head(key)).await
    }

    async fn delete(&self, key: &Key) -> Result<()> {
        self.within("delete", key, 0, self.inner.delete(key)).await
    }

    fn list(&self, prefix: &Prefix) -> BoxStream<'static, Result<ObjectMeta>> {
        let objects = self.inner.list(prefix);
        let listing = Listing {
            objects,
            sleep: Arc::clone(&self.sleep),
            limit: self.policy.limit(0),
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

#[async_trait]
impl<S: Store> ObjectLock for Deadline<S> {
    fn locks(&self, key: &Key) -> bool {
        lock_of(&*self.inner, "locks").is_ok_and(|lock| lock.locks(key))
    }

    async fn retention(&self, key: &Key) -> Result<Option<Retention>> {
        let call = lock_of(&*self.inner, "retention")?.retention(key);
        self.within("retention", key, 0, call).await
    }

    async fn extend(&self, key: &Key, to: Retention) -> Result<()> {
        let call = lock_of(&*self.inner, "extend")?.extend(key, to);
        self.within("extend", key, 0, call).await
    }

    async fn hidden(&self, prefix: &Prefix, from: Option<&str>) -> Result<HiddenPage> {
        let call = lock_of(&*self.inner, "hidden")?.hidden(prefix, from);
        let limit = self.policy.limit(0);
        match race(call, &*self.sleep, limit).await {
            Some(result) => result,
            None => Err(late("hidden", limit)),
        }
    }

    async fn uncover(&self, key: &Key) -> Result<bool> {
        let call = lock_of(&*self.inner, "uncover")?.uncover(key);
        self.within("uncover", key, 0, call).await
    }
}

/// A list that ends when it hangs.
struct Listing {
    objects: BoxStream<'static, Result<ObjectMeta>>,
    sleep: Arc<dyn Sleep>,
    limit: Duration,
    ended: bool,
}

impl Listing {
    async fn next(&mut self) -> Option<Result<ObjectMeta>> {
        if self.ended {
            return None;
        }
        let object = race(self.objects.next(), &*self.sleep, self.limit).await;
        if object.is_none() {
            self.ended = true;
            self.objects = stream::empty().boxed();
        }
        object.unwrap_or_else(|| Some(Err(late("list", self.limit))))
    }
}

impl<S: Store> fmt::Display for Deadline<S> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "deadline({:?}, {})", self.policy.base, self.inner)
    }
}
