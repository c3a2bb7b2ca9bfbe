//! Waiting, as a component.

use std::fmt::Debug;
use std::sync::{Mutex, PoisonError, mpsc};
use std::thread;
use std::time::Duration;

use futures::channel::oneshot;
use futures::future::{self, BoxFuture, FutureExt};

/// A way to wait that a runtime, a simulation or a test can replace.
pub trait Sleep: Debug + Send + Sync + 'static {
    /// Completes after `duration`, counted from the first poll or before.
    fn sleep(&self, duration: Duration) -> BoxFuture<'static, ()>;
}

/// Waits on a thread of its own, so that no runtime is needed. The thread ends with the future.
///
/// If no thread can be started, the wait is over at once.
#[derive(Debug, Clone, Copy, Default)]
#[non_exhaustive]
pub struct ThreadSleep;

impl Sleep for ThreadSleep {
    fn sleep(&self, duration: Duration) -> BoxFuture<'static, ()> {
        async move {
            let (done, awaited) = oneshot::channel();
            // Nothing is ever sent; dropping this end, with the future, ends the wait early.
            let (_abandon, abandoned) = mpsc::channel::<()>();
            let wait = move || {
                let _ = abandoned.recv_timeout(duration);
                let _ = done.send(());
            };
            let thread = thread::Builder::new()
                .name("strongroom-sleep".to_owned())
                .spawn(wait);
            if thread.is_ok() {
                let _ = awaited.await;
            }
        }
        .boxed()
    }
}

/// Does not wait, and remembers how long it should have.
#[derive(Debug, Default)]
pub struct RecordingSleep {
    slept: Mutex<Vec<Duration>>,
}

impl RecordingSleep {
    /// Returns one that has not slept yet.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// Returns every wait asked for, in order.
    #[must_use]
    pub fn slept(&self) -> Vec<Duration> {
        self.slept
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .clone()
    }
}

impl Sleep for RecordingSleep {
    fn sleep(&self, duration: Duration) -> BoxFuture<'static, ()> {
        self.slept
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .push(duration);
        future::ready(()).boxed()
    }
}

#[cfg(test)]
mod tests {
    use futures::executor::block_on;

    use super::*;

    #[test]
    fn a_short_sleep_ends_and_a_dropped_one_is_left() {
        block_on(ThreadSleep.sleep(Duration::from_millis(1)));
        let long = ThreadSleep.sleep(Duration::from_secs(3_600));
        assert!(block_on(future::poll_immediate(long)).is_none());
    }
}
