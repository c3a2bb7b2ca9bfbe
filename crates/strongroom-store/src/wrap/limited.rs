//! A bound on the calls in flight.

use std::collections::VecDeque;
use std::fmt;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use async_trait::async_trait;
use bytes::Bytes;
use futures::channel::oneshot;
use futures::stream::{BoxStream, StreamExt};

use crate::error::Result;
use crate::key::{Key, Prefix};
use crate::options::{Capabilities, GetOptions, ObjectMeta, PutOptions};
use crate::store::Store;

/// Lets at most so many calls run at once; the others wait their turn, first come first served.
///
/// A list counts as a call only while it is being polled for its next object, so that whoever calls
/// the store for each object of a list cannot lock himself out. Needs no runtime.
#[derive(Debug, Clone)]
pub struct Limited<S> {
    inner: S,
    limit: usize,
    turns: Arc<Turns>,
}

impl<S: Store> Limited<S> {
    /// Allows `limit` calls at once; 0 counts as 1. Clones share the limit.
    #[must_use]
    pub fn new(inner: S, limit: usize) -> Self {
        let limit = limit.max(1);
        Self {
            inner,
            limit,
            turns: Arc::new(Turns::new(limit)),
        }
    }

    /// Returns the store inside.
    #[must_use]
    pub fn inner(&self) -> &S {
        &self.inner
    }
}

#[async_trait]
impl<S: Store> Store for Limited<S> {
    fn capabilities(&self) -> Capabilities {
        let capabilities = self.inner.capabilities();
        let concurrency = capabilities.concurrency.min(self.limit);
        capabilities.with_concurrency(concurrency)
    }

    async fn put(&self, key: &Key, data: Bytes, options: PutOptions) -> Result<()> {
        let _turn = self.turns.take().await;
        self.inner.put(key, data, options).await
    }

    async fn get(&self, key: &Key, options: GetOptions) -> Result<Bytes> {
        let _turn = self.turns.take().await;
        self.inner.get(key, options).await
    }

    async fn head(&self, key: &Key) -> Result<ObjectMeta> {
        let _turn = self.turns.take().await;
        self.inner.head(key).await
    }

    async fn delete(&self, key: &Key) -> Result<()> {
        let _turn = self.turns.take().await;
        self.inner.delete(key).await
    }

    fn list(&self, prefix: &Prefix) -> BoxStream<'static, Result<ObjectMeta>> {
        let state = (self.inner.list(prefix), Arc::clone(&self.turns));
        futures::stream::unfold(state, async |(mut objects, turns)| {
            let turn = turns.take().await;
            let object = objects.next().await?;
            drop(turn);
            Some((object, (objects, turns)))
        })
        .boxed()
    }
}

impl<S: Store> fmt::Display for Limited<S> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "limited({}, {})", self.limit, self.inner)
    }
}

/// A fair semaphore.
#[derive(Debug)]
struct Turns {
    state: Mutex<State>,
}

#[derive(Debug)]
struct State {
    free: usize,
    waiting: VecDeque<oneshot::Sender<Turn>>,
}

/// The right to make a call, handed on when dropped.
#[derive(Debug)]
struct Turn {
    turns: Option<Arc<Turns>>,
}

impl Turns {
    fn new(free: usize) -> Self {
        let waiting = VecDeque::new();
        Self {
            state: Mutex::new(State { free, waiting }),
        }
    }

    async fn take(self: &Arc<Self>) -> Turn {
        let receiver = {
            let mut state = self.lock();
            if state.free > 0 {
                state.free -= 1;
                return self.turn();
            }
            let (sender, receiver) = oneshot::channel();
            state.waiting.push_back(sender);
            receiver
        };
        // A sender is dropped only after it was used, so this is the turn that was handed on.
        receiver.await.unwrap_or(Turn { turns: None })
    }

    fn turn(self: &Arc<Self>) -> Turn {
        Turn {
            turns: Some(Arc::clone(self)),
        }
    }

    fn hand_on(self: &Arc<Self>) {
        loop {
            let next = {
                let mut state = self.lock();
                let Some(next) = state.waiting.pop_front() else {
                    state.free += 1;
                    return;
                };
                next
            };
            // Whoever gave up waiting is passed over. A turn that arrives and is never looked at
            // comes back here when the receiver drops it.
            match next.send(self.turn()) {
                Ok(()) => return,
                Err(mut refused) => refused.turns = None,
            }
        }
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Drop for Turn {
    fn drop(&mut self) {
        if let Some(turns) = self.turns.take() {
            turns.hand_on();
        }
    }
}

#[cfg(test)]
mod tests {
    use futures::executor::block_on;
    use futures::future::poll_immediate;

    use super::*;

    #[test]
    fn no_more_turns_than_the_limit_and_none_is_lost() {
        block_on(async {
            let turns = Arc::new(Turns::new(2));
            let first = turns.take().await;
            let second = turns.take().await;
            let mut third = Box::pin(turns.take());
            let mut fourth = Box::pin(turns.take());
            assert!(poll_immediate(&mut third).await.is_none());
            assert!(poll_immediate(&mut fourth).await.is_none());

            // Handed to the third, who leaves without looking: the fourth gets it.
            drop(first);
            drop(third);
            let fourth = poll_immediate(fourth).await.expect("its turn");
            drop((second, fourth));
            assert_eq!(turns.lock().free, 2);
        });
    }

    #[test]
    fn whoever_gives_up_waiting_is_passed_over() {
        block_on(async {
            let turns = Arc::new(Turns::new(1));
            let first = turns.take().await;
            let mut second = Box::pin(turns.take());
            assert!(poll_immediate(&mut second).await.is_none());
            drop(second);
            drop(first);
            assert!(poll_immediate(Box::pin(turns.take())).await.is_some());
            assert_eq!(turns.lock().free, 1);
        });
    }
}
