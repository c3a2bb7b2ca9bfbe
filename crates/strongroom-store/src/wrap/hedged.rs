//! A second try before the first has failed.

mod latencies;
mod policy;

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use bytes::Bytes;
use futures::future::{self, BoxFuture, Either};
use futures::stream::BoxStream;

pub use self::policy::{HedgeCounts, HedgePolicy};

use self::latencies::{Latencies, Sort};
use super::monotonic::{Monotonic, SystemMonotonic};
use super::sleep::Sleep;
use super::timer::TimerSleep;
use crate::error::{ErrorKind, Result};
use crate::key::{Key, Prefix};
use crate::lock::ObjectLock;
use crate::options::{Capabilities, GetOptions, ObjectMeta, PutOptions};
use crate::store::Store;

/// Asks a second time when a `get` or `head` takes longer than most; the first answer is taken, the other request is dropped.
///
/// How long most take is measured, for each kind of call and size apart: a quantile of the latest ones
/// ([`HedgePolicy`]); whole objects, whose length nobody knows before, are one kind. Before enough were measured nothing is asked twice. Second requests are a bounded share of all, whatever the store
/// does: when it slows down as a whole, they end. What changes the store (`put`, `delete`, locks) and lists are never asked twice.
///
/// An answer that says what is (*found*, *not found*, *denied* …) is taken from whoever gives it first. *Unavailable* is not an
/// answer: the other request is waited for, if there is one; if both fail, the first one's error is returned.
///
/// Belongs inside of [`Retrying`](super::Retrying) and of what limits calls, outside of [`Counted`](super::Counted) if second requests are to
/// be seen there.
///
/// ```
/// use strongroom_store::MemoryStore;
/// use strongroom_store::wrap::{HedgePolicy, Hedged};
///
/// let policy = HedgePolicy::default().with_quantile(0.9).with_extra_percent(5);
/// let store = Hedged::new(MemoryStore::new(), policy);
/// assert_eq!(store.to_string(), "hedged(memory:)");
/// ```
#[derive(Debug)]
pub struct Hedged<S> {
    inner: Arc<S>,
    latencies: Arc<Latencies>,
    clock: Arc<dyn Monotonic>,
    sleep: Arc<dyn Sleep>,
}

impl<S: Store> Hedged<S> {
    /// Returns a store that asks twice.
    #[must_use]
    pub fn new(inner: S, policy: HedgePolicy) -> Self {
        let clock = Arc::new(SystemMonotonic::new());
        Self::with_time(inner, policy, clock, Arc::new(TimerSleep::new()))
    }

    /// As [`new`](Self::new), with another clock and way to wait.
    #[must_use]
    pub fn with_time(
        inner: S,
        policy: HedgePolicy,
        clock: Arc<dyn Monotonic>,
        sleep: Arc<dyn Sleep>,
    ) -> Self {
        Self {
            inner: Arc::new(inner),
            latencies: Arc::new(Latencies::new(policy)),
            clock,
            sleep,
        }
    }

    /// Returns the store inside.
    #[must_use]
    pub fn inner(&self) -> &S {
        &self.inner
    }

    /// Returns how often it asked twice, and what for.
    #[must_use]
    pub fn counts(&self) -> HedgeCounts {
        self.latencies.counts()
    }

    /// Makes a call, and again if it takes long.
    async fn ask<'a, T: Send>(
        &'a self,
        sort: Sort,
        call: impl Fn() -> BoxFuture<'a, Result<T>> + Send,
    ) -> Result<T> {
        let began = self.clock.now();
        let first = call();
        let Some(patience) = self.latencies.patience(sort) else {
            let answer = first.await;
            self.learn(sort, began, &answer);
            return answer;
        };
        let first = match future::select(first, self.sleep.sleep(patience)).await {
            Either::Left((answer, _)) => {
                self.learn(sort, began, &answer);
                return answer;
            }
            Either::Right(((), first)) => first,
        };
        if !self.latencies.may_ask_again() {
            let answer = first.await;
            self.learn(sort, began, &answer);
            return answer;
        }
        let began_again = self.clock.now();
        match future::select(first, call()).await {
            Either::Left((answer, second)) => {
                self.learn(sort, began, &answer);
                if is_definite(&answer) {
                    return answer;
                }
                let other = second.await;
                self.learn(sort, began_again, &other);
                if is_definite(&other) {
                    self.latencies.second_won();
                    return other;
                }
                answer
            }
            Either::Right((answer, first)) => {
                self.learn(sort, began_again, &answer);
                if is_definite(&answer) {
                    self.latencies.second_won();
                    // The first would have taken this long at least.
                    self.latencies.learn(sort, self.since(began));
                    return answer;
                }
                let answer = first.await;
                self.learn(sort, began, &answer);
                answer
            }
        }
    }

    fn learn<T>(&self, sort: Sort, began: Duration, answer: &Result<T>) {
        // How fast a failure was says nothing.
        if is_definite(answer) {
            self.latencies.learn(sort, self.since(began));
        }
    }

    fn since(&self, began: Duration) -> Duration {
        self.clock.now().saturating_sub(began)
    }
}

/// Says whether the store has said what is.
fn is_definite<T>(answer: &Result<T>) -> bool {
    !matches!(answer, Err(error) if matches!(error.kind(), ErrorKind::Unavailable | ErrorKind::Other))
}

#[async_trait]
impl<S: Store> Store for Hedged<S> {
    fn capabilities(&self) -> Capabilities {
        self.inner.capabilities()
    }

    async fn put(&self, key: &Key, data: Bytes, options: PutOptions) -> Result<()> {
        self.inner.put(key, data, options).await
    }

    async fn get(&self, key: &Key, options: GetOptions) -> Result<Bytes> {
        let sort = match &options.range {
            None => Sort::Whole,
            Some(range) => Sort::part(range.end.saturating_sub(range.start)),
        };
        self.ask(sort, || self.inner.get(key, options.clone()))
            .await
    }

    async fn head(&self, key: &Key) -> Result<ObjectMeta> {
        self.ask(Sort::Head, || self.inner.head(key)).await
    }

    async fn delete(&self, key: &Key) -> Result<()> {
        self.inner.delete(key).await
    }

    fn list(&self, prefix: &Prefix) -> BoxStream<'static, Result<ObjectMeta>> {
        self.inner.list(prefix)
    }

    /// The lock of the store inside, as it is: its calls are not asked twice.
    fn object_lock(&self) -> Option<&dyn ObjectLock> {
        self.inner.object_lock()
    }
}

impl<S> Clone for Hedged<S> {
    fn clone(&self) -> Self {
        Self {
            inner: Arc::clone(&self.inner),
            latencies: Arc::clone(&self.latencies),
            clock: Arc::clone(&self.clock),
            sleep: Arc::clone(&self.sleep),
        }
    }
}

impl<S: Store> fmt::Display for Hedged<S> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "hedged({})", self.inner)
    }
}
