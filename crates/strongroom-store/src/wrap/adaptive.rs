//! As many calls at once as the store takes well.

mod control;

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use bytes::Bytes;
use futures::stream::{self, BoxStream, StreamExt};

pub use self::control::{AdaptivePolicy, AdaptiveStatus};

use self::control::{Control, Load};
use super::locking::lock_of;
use super::monotonic::{Monotonic, SystemMonotonic};
use crate::error::Result;
use crate::key::{Key, Prefix};
use crate::lock::{HiddenPage, ObjectLock, Retention};
use crate::options::{Capabilities, GetOptions, ObjectMeta, PutOptions};
use crate::store::Store;

/// Lets as many calls run at once as the store takes well, within bounds; the others wait their turn, first come first served.
///
/// The limit starts at what the store suggests ([`Capabilities::concurrency`]). It grows while it is used up and calls are answered as
/// fast as ever, at first by doubling, later by one at a time. It shrinks to a half when the store asks for fewer requests, to two thirds when
/// it does not answer in time, and by a tenth when calls take [so much longer](AdaptivePolicy::tolerance) than they can: then more of them
/// only wait in another place. How long they can take is measured for each kind of call and size of object; now and then
/// with half the limit, so that a queue of our own making is not taken for the way the store is.
///
/// A list counts as a call only while it is being polled for its next object, as in [`Limited`](super::Limited). Clones share the
/// limit. Belongs inside of [`Retrying`](super::Retrying), which hides what there is to learn from, and outside of a
/// [`Deadline`](super::Deadline).
///
/// ```
/// use strongroom_store::MemoryStore;
/// use strongroom_store::wrap::{Adaptive, AdaptivePolicy};
///
/// let policy = AdaptivePolicy::default().with_bounds(2, 128);
/// let store = Adaptive::new(MemoryStore::new(), policy);
/// assert_eq!(store.status().limit, 8);
/// ```
#[derive(Debug)]
pub struct Adaptive<S> {
    inner: Arc<S>,
    control: Arc<Control>,
}

impl<S: Store> Adaptive<S> {
    /// Returns a store that finds its limit.
    #[must_use]
    pub fn new(inner: S, policy: AdaptivePolicy) -> Self {
        Self::with_clock(inner, policy, Arc::new(SystemMonotonic::new()))
    }

    /// As [`new`](Self::new), with another clock.
    #[must_use]
    pub fn with_clock(inner: S, policy: AdaptivePolicy, clock: Arc<dyn Monotonic>) -> Self {
        let begin = inner.capabilities().concurrency;
        Self {
            inner: Arc::new(inner),
            control: Arc::new(Control::new(policy, begin, clock)),
        }
    }

    /// Returns the store inside.
    #[must_use]
    pub fn inner(&self) -> &S {
        &self.inner
    }

    /// Returns how many calls may run at once now, and how that came about.
    #[must_use]
    pub fn status(&self) -> AdaptiveStatus {
        self.control.status()
    }
}

#[async_trait]
impl<S: Store> Store for Adaptive<S> {
    /// Suggests the upper bound, so that there are always enough calls waiting.
    fn capabilities(&self) -> Capabilities {
        let limit_max = self.control.policy().limit_max;
        self.inner.capabilities().with_concurrency(limit_max)
    }

    async fn put(&self, key: &Key, data: Bytes, options: PutOptions) -> Result<()> {
        let load = Load::Send(data.len() as u64);
        let call = self.control.begin().await;
        let outcome = self.inner.put(key, data, options).await;
        call.end(&outcome, |()| load);
        outcome
    }

    async fn get(&self, key: &Key, options: GetOptions) -> Result<Bytes> {
        let call = self.control.begin().await;
        let outcome = self.inner.get(key, options).await;
        call.end(&outcome, |data| Load::Receive(data.len() as u64));
        outcome
    }

    async fn head(&self, key: &Key) -> Result<ObjectMeta> {
        let call = self.control.begin().await;
        let outcome = self.inner.head(key).await;
        call.end(&outcome, |_| Load::Look);
        outcome
    }

    async fn delete(&self, key: &Key) -> Result<()> {
        let call = self.control.begin().await;
        let outcome = self.inner.delete(key).await;
        call.end(&outcome, |()| Load::Change);
        outcome
    }

    fn list(&self, prefix: &Prefix) -> BoxStream<'static, Result<ObjectMeta>> {
        let state = (self.inner.list(prefix), Arc::clone(&self.control));
        stream::unfold(state, async |(mut objects, control)| {
            let call = control.begin().await;
            let object = objects.next().await?;
            // Most objects of a page are there at once: nothing is learnt but from errors.
            call.end(&object, |_| Load::Unknown);
            Some((object, (objects, control)))
        })
        .boxed()
    }

    fn object_lock(&self) -> Option<&dyn ObjectLock> {
        self.inner.object_lock().map(|_| self as &dyn ObjectLock)
    }
}

#[async_trait]
impl<S: Store> ObjectLock for Adaptive<S> {
    fn locks(&self, key: &Key) -> bool {
        lock_of(&*self.inner, "locks").is_ok_and(|lock| lock.locks(key))
    }

    async fn retention(&self, key: &Key) -> Result<Option<Retention>> {
        let lock = lock_of(&*self.inner, "retention")?;
        let call = self.control.begin().await;
        let outcome = lock.retention(key).await;
        call.end(&outcome, |_| Load::Look);
        outcome
    }

    async fn extend(&self, key: &Key, to: Retention) -> Result<()> {
        let lock = lock_of(&*self.inner, "extend")?;
        let call = self.control.begin().await;
        let outcome = lock.extend(key, to).await;
        call.end(&outcome, |()| Load::Change);
        outcome
    }

    async fn hidden(&self, prefix: &Prefix, from: Option<&str>) -> Result<HiddenPage> {
        let lock = lock_of(&*self.inner, "hidden")?;
        let call = self.control.begin().await;
        let outcome = lock.hidden(prefix, from).await;
        call.end(&outcome, |_| Load::Look);
        outcome
    }

    async fn uncover(&self, key: &Key) -> Result<bool> {
        let lock = lock_of(&*self.inner, "uncover")?;
        let call = self.control.begin().await;
        let outcome = lock.uncover(key).await;
        call.end(&outcome, |_| Load::Change);
        outcome
    }
}

impl<S> Clone for Adaptive<S> {
    fn clone(&self) -> Self {
        Self {
            inner: Arc::clone(&self.inner),
            control: Arc::clone(&self.control),
        }
    }
}

impl<S: Store> fmt::Display for Adaptive<S> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let AdaptivePolicy {
            limit_min,
            limit_max,
            ..
        } = self.control.policy();
        write!(f, "adaptive({limit_min} to {limit_max}, {})", self.inner)
    }
}

/// Shorter than this nothing is measured well.
const SHORTEST: Duration = Duration::from_millis(1);
