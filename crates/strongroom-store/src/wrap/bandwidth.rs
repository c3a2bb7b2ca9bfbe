//! Bounds on how many bytes move a second.

mod bucket;

use std::fmt;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use async_trait::async_trait;
use bytes::Bytes;
use futures::stream::BoxStream;

pub use self::bucket::Rate;

use self::bucket::Bucket;
use super::monotonic::{Monotonic, SystemMonotonic};
use super::sleep::Sleep;
use super::timer::TimerSleep;
use crate::error::{Error, ErrorKind, Result};
use crate::key::{Key, Prefix};
use crate::lock::ObjectLock;
use crate::options::{Capabilities, GetOptions, ObjectMeta, PutOptions};
use crate::store::Store;

/// Bounds the bytes of objects that are sent and received a second.
///
/// # Contract
///
/// * In any period, no more bytes are begun to be moved than the [`Rate`] allows for it, and its burst, and one object. An object is
///   moved whole, as fast as the line is; then nobody moves anything until what it was ahead has been made up for. So the average holds
///   whatever the size of objects.
/// * Calls wait in the order in which they came, those that send apart from those that receive. One whose future is dropped while it
///   waits leaves no trace.
/// * A `get` of a whole object, whose length nobody knows, waits for what such objects had on average lately, and settles the
///   difference afterwards.
/// * What a `put` sends counts whether or not it succeeds; what a `get` was refused, because there is no such object for example, does not.
/// * Other calls are not bounded. They move next to nothing.
///
/// The limits can be [changed](BandwidthLimits::set_up) at any time, and shared by several stores.
///
/// ```
/// use strongroom_store::MemoryStore;
/// use strongroom_store::wrap::{Bandwidth, BandwidthLimits, Rate};
///
/// let limits = BandwidthLimits::new(Some(Rate::new(1 << 20)), None);
/// let store = Bandwidth::new(MemoryStore::new(), limits.clone());
/// assert_eq!(store.to_string(), "bandwidth(up 1048576 B/s, down unlimited, memory:)");
/// // At night:
/// limits.set_up(None);
/// ```
#[derive(Debug)]
pub struct Bandwidth<S> {
    inner: Arc<S>,
    limits: BandwidthLimits,
    /// What a whole object has on average.
    average: Arc<AtomicU64>,
}

/// The limits of one or more [`Bandwidth`]s. A clone is a handle on the same.
#[derive(Debug, Clone)]
pub struct BandwidthLimits {
    up: Arc<Bucket>,
    down: Arc<Bucket>,
}

impl BandwidthLimits {
    /// Returns limits for what is sent and for what is received; `None` does not limit.
    #[must_use]
    pub fn new(up: Option<Rate>, down: Option<Rate>) -> Self {
        let clock = Arc::new(SystemMonotonic::new());
        Self::with_time(up, down, clock, Arc::new(TimerSleep::new()))
    }

    /// As [`new`](Self::new), with another clock and way to wait.
    #[must_use]
    pub fn with_time(
        up: Option<Rate>,
        down: Option<Rate>,
        clock: Arc<dyn Monotonic>,
        sleep: Arc<dyn Sleep>,
    ) -> Self {
        let bucket = |rate| Arc::new(Bucket::new(rate, Arc::clone(&clock), Arc::clone(&sleep)));
        Self {
            up: bucket(up),
            down: bucket(down),
        }
    }

    /// Changes the limit of what is sent, for those who wait already too.
    pub fn set_up(&self, rate: Option<Rate>) {
        self.up.set(rate);
    }

    /// Changes the limit of what is received, for those who wait already too.
    pub fn set_down(&self, rate: Option<Rate>) {
        self.down.set(rate);
    }

    /// Waits until so many bytes may be sent, and counts them: for whoever sends by other means than a [`Bandwidth`]. Dropped while it waits,
    /// it leaves no trace.
    pub async fn take_up(&self, bytes: u64) {
        self.up.take(bytes).await;
    }

    /// Waits until so many bytes may be received, and counts them, as [`take_up`](Self::take_up) does.
    pub async fn take_down(&self, bytes: u64) {
        self.down.take(bytes).await;
    }

    /// Returns the limit of what is sent.
    #[must_use]
    pub fn up(&self) -> Option<Rate> {
        self.up.rate()
    }

    /// Returns the limit of what is received.
    #[must_use]
    pub fn down(&self) -> Option<Rate> {
        self.down.rate()
    }
}

impl<S: Store> Bandwidth<S> {
    /// Returns a store that keeps to limits.
    #[must_use]
    pub fn new(inner: S, limits: BandwidthLimits) -> Self {
        Self {
            inner: Arc::new(inner),
            limits,
            average: Arc::default(),
        }
    }

    /// Returns the store inside.
    #[must_use]
    pub fn inner(&self) -> &S {
        &self.inner
    }

    /// Returns the limits, to change them.
    #[must_use]
    pub fn limits(&self) -> &BandwidthLimits {
        &self.limits
    }

    /// Takes note of what a whole object had.
    fn learn(&self, len: u64) {
        // Of two at once one may be lost, which is as good an average.
        let average = self.average.load(Ordering::Relaxed);
        let new = if average == 0 {
            len
        } else {
            average - average / 8 + len / 8
        };
        self.average.store(new, Ordering::Relaxed);
    }
}

/// Says whether an error means that no bytes came.
fn is_refusal(error: &Error) -> bool {
    !matches!(error.kind(), ErrorKind::Unavailable | ErrorKind::Other)
}

#[async_trait]
impl<S: Store> Store for Bandwidth<S> {
    fn capabilities(&self) -> Capabilities {
        self.inner.capabilities()
    }

    async fn put(&self, key: &Key, data: Bytes, options: PutOptions) -> Result<()> {
        self.limits.up.take(data.len() as u64).await;
        self.inner.put(key, data, options).await
    }

    async fn get(&self, key: &Key, options: GetOptions) -> Result<Bytes> {
        let is_whole = options.range.is_none();
        let expected = match &options.range {
            Some(range) => range.end.saturating_sub(range.start),
            None => self.average.load(Ordering::Relaxed),
        };
        let down = &self.limits.down;
        down.take(expected).await;
        let outcome = self.inner.get(key, options).await;
        match &outcome {
            Ok(data) => {
                let received = data.len() as u64;
                down.settle(expected, received);
                if is_whole {
                    self.learn(received);
                }
            }
            Err(error) if is_refusal(error) => down.settle(expected, 0),
            Err(_) => {}
        }
        outcome
    }

    async fn head(&self, key: &Key) -> Result<ObjectMeta> {
        self.inner.head(key).await
    }

    async fn delete(&self, key: &Key) -> Result<()> {
        self.inner.delete(key).await
    }

    fn list(&self, prefix: &Prefix) -> BoxStream<'static, Result<ObjectMeta>> {
        self.inner.list(prefix)
    }

    /// The lock of the store inside, as it is: its calls move next to nothing.
    fn object_lock(&self) -> Option<&dyn ObjectLock> {
        self.inner.object_lock()
    }
}

impl<S> Clone for Bandwidth<S> {
    fn clone(&self) -> Self {
        Self {
            inner: Arc::clone(&self.inner),
            limits: self.limits.clone(),
            average: Arc::clone(&self.average),
        }
    }
}

impl fmt::Display for BandwidthLimits {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (word, rate) in [("up", self.up()), (", down", self.down())] {
            match rate {
                Some(rate) => write!(f, "{word} {rate}")?,
                None => write!(f, "{word} unlimited")?,
            }
        }
        Ok(())
    }
}

impl<S: Store> fmt::Display for Bandwidth<S> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "bandwidth({}, {})", self.limits, self.inner)
    }
}
