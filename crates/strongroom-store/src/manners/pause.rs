//! Stopping work and letting it go on.

use std::collections::BTreeMap;
use std::fmt;
use std::pin::Pin;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::task::{Context, Poll, Waker};

/// Stops work, and lets it go on. A clone is a handle on the same; any thread may use it.
///
/// What is paused rests at its next batch or request, and can still be cancelled by dropping its future.
#[derive(Clone, Default)]
pub struct Pause {
    shared: Arc<Shared>,
}

#[derive(Default)]
struct Shared {
    /// Changes only while `waiting` is locked; looked at without.
    paused: AtomicBool,
    waiting: Mutex<Waiting>,
}

#[derive(Default)]
struct Waiting {
    wakers: BTreeMap<u64, Waker>,
    next: u64,
}

/// Completes once there is no pause. Made by [`Pause::resumed`].
#[derive(Debug)]
#[must_use = "a future does nothing unless it is polled"]
pub struct Resumed {
    pause: Pause,
    id: Option<u64>,
}

impl Pause {
    /// Returns a handle on something that is not paused.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// Lets nothing begin any more. What is paused already stays so.
    pub fn pause(&self) {
        let _waiting = self.lock();
        self.shared.paused.store(true, Ordering::SeqCst);
    }

    /// Lets everything go on.
    pub fn resume(&self) {
        let mut waiting = self.lock();
        self.shared.paused.store(false, Ordering::SeqCst);
        let wakers = std::mem::take(&mut waiting.wakers);
        drop(waiting);
        wakers.into_values().for_each(Waker::wake);
    }

    /// Says whether there is a pause.
    #[must_use]
    pub fn is_paused(&self) -> bool {
        self.shared.paused.load(Ordering::SeqCst)
    }

    /// Returns how many threads and requests wait to be resumed. An operation whose threads all rest is one of several, so this says that a
    /// pause has taken effect somewhere, and not that it has everywhere.
    #[must_use]
    pub fn waiting(&self) -> usize {
        self.lock().wakers.len()
    }

    /// Waits while there is a pause.
    pub fn resumed(&self) -> Resumed {
        Resumed {
            pause: self.clone(),
            id: None,
        }
    }

    fn lock(&self) -> MutexGuard<'_, Waiting> {
        // Nothing leaves it half changed.
        let waiting = self.shared.waiting.lock();
        waiting.unwrap_or_else(PoisonError::into_inner)
    }
}

impl Future for Resumed {
    type Output = ();

    fn poll(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<()> {
        if !self.pause.is_paused() {
            return Poll::Ready(());
        }
        let pause = self.pause.clone();
        let mut waiting = pause.lock();
        // It may have been resumed since, and then nobody would be woken.
        if !pause.is_paused() {
            return Poll::Ready(());
        }
        let id = *self.id.get_or_insert_with(|| {
            waiting.next += 1;
            waiting.next
        });
        waiting.wakers.insert(id, context.waker().clone());
        Poll::Pending
    }
}

impl Drop for Resumed {
    fn drop(&mut self) {
        if let Some(id) = self.id {
            self.pause.lock().wakers.remove(&id);
        }
    }
}

impl fmt::Debug for Pause {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Pause")
            .field("is_paused", &self.is_paused())
            .field("waiting", &self.waiting())
            .finish()
    }
}

#[cfg(test)]
mod tests {
    use futures::executor::block_on;
    use futures::future::{join, join_all, poll_immediate};

    use super::*;

    #[test]
    fn whoever_waits_is_woken_and_whoever_gave_up_is_forgotten() {
        let pause = Pause::new();
        pause.pause();
        block_on(async {
            let mut first = pause.resumed();
            assert!(poll_immediate(&mut first).await.is_none());
            let mut second = pause.resumed();
            assert!(poll_immediate(&mut second).await.is_none());
            assert_eq!(pause.waiting(), 2);
            drop(second);
            assert_eq!(pause.waiting(), 1);
            let resume = async { pause.resume() };
            join(first, resume).await;
            assert_eq!(pause.waiting(), 0);
            pause.resumed().await;
        });
    }

    #[test]
    fn a_second_pause_holds_those_who_were_woken_and_have_not_looked() {
        let pause = Pause::new();
        pause.pause();
        block_on(async {
            let mut waiter = pause.resumed();
            assert!(poll_immediate(&mut waiter).await.is_none());
            pause.resume();
            pause.pause();
            assert!(poll_immediate(&mut waiter).await.is_none());
            assert_eq!(pause.waiting(), 1);
            pause.resume();
            waiter.await;
        });
    }

    #[test]
    fn nobody_sleeps_through_a_resume() {
        let pause = Pause::new();
        std::thread::scope(|scope| {
            let waiters: Vec<_> = (0..4)
                .map(|_| {
                    let pause = &pause;
                    scope.spawn(move || {
                        for _ in 0..500 {
                            block_on(join_all([pause.resumed(), pause.resumed()]));
                        }
                    })
                })
                .collect();
            while !waiters.iter().all(|waiter| waiter.is_finished()) {
                pause.pause();
                std::thread::yield_now();
                pause.resume();
            }
        });
        assert_eq!(pause.waiting(), 0);
    }
}
