//! Driving a future to its end on this thread.

use std::pin::pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::task::{Context, Poll, Wake, Waker};
use std::thread::{self, Thread};

/// Polls `future` until it is done, and sleeps between the polls until it is woken.
///
/// Unlike the executors of runtimes it may be called while it is running already: a store may carry out an operation of
/// another client in the middle of a request. It keeps its own note of having been woken, and whoever else parks this
/// thread keeps theirs.
pub(super) fn to_end<T>(future: impl Future<Output = T>) -> T {
    let alarm = Arc::new(Alarm {
        sleeper: thread::current(),
        rung: AtomicBool::new(false),
    });
    let waker = Waker::from(Arc::clone(&alarm));
    let mut context = Context::from_waker(&waker);
    let mut future = pin!(future);
    loop {
        if let Poll::Ready(value) = future.as_mut().poll(&mut context) {
            return value;
        }
        while !alarm.rung.swap(false, Ordering::Acquire) {
            thread::park();
        }
    }
}

struct Alarm {
    sleeper: Thread,
    rung: AtomicBool,
}

impl Wake for Alarm {
    fn wake(self: Arc<Self>) {
        self.wake_by_ref();
    }

    fn wake_by_ref(self: &Arc<Self>) {
        self.rung.store(true, Ordering::Release);
        self.sleeper.unpark();
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use futures::FutureExt as _;
    use futures::executor::block_on;
    use strongroom_store::wrap::{Sleep as _, ThreadSleep};

    use super::*;

    #[test]
    fn a_future_that_is_woken_by_another_thread_ends() {
        let slow = ThreadSleep::default().sleep(Duration::from_millis(5));
        assert_eq!(to_end(slow.map(|()| 7)), 7);
    }

    #[test]
    fn a_future_that_wakes_itself_ends() {
        let mut polls = 0;
        let restless = std::future::poll_fn(|context| {
            polls += 1;
            context.waker().wake_by_ref();
            match polls {
                5 => Poll::Ready(()),
                _ => Poll::Pending,
            }
        });
        to_end(restless);
        assert_eq!(polls, 5);
    }

    #[test]
    fn it_nests_in_itself_and_in_an_executor() {
        let inner = || async {
            to_end(ThreadSleep::default().sleep(Duration::from_millis(1)));
            to_end(async { 3 })
        };
        assert_eq!(block_on(async { to_end(inner()) + inner().await }), 6);
    }
}
