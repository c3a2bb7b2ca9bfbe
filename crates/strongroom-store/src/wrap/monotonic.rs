//! The passing of time, as a component.

use std::collections::BTreeMap;
use std::fmt::Debug;
use std::future::poll_fn;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::task::{Poll, Waker};
use std::time::{Duration, Instant};

use futures::future::{BoxFuture, FutureExt};

use super::sleep::Sleep;

/// A clock that never goes back and that a simulation or a test can replace. It does not know what day it is.
pub trait Monotonic: Debug + Send + Sync + 'static {
    /// Returns the time that has passed since some moment, always the same one.
    fn now(&self) -> Duration;
}

/// The clock of the operating system.
#[derive(Debug, Clone, Copy)]
pub struct SystemMonotonic {
    began: Instant,
}

impl SystemMonotonic {
    /// Returns a clock that shows nothing yet.
    #[must_use]
    pub fn new() -> Self {
        Self {
            began: Instant::now(),
        }
    }
}

impl Default for SystemMonotonic {
    fn default() -> Self {
        Self::new()
    }
}

impl Monotonic for SystemMonotonic {
    fn now(&self) -> Duration {
        self.began.elapsed()
    }
}

/// A clock that stands still until it is [advanced](Self::advance), and a way to wait by it: for tests and models. A clone is the
/// same clock.
///
/// [`run`](Self::run) advances it by itself, to the next moment that anybody waits for, whenever nothing else is to be done; then hours
/// pass in no time.
///
/// ```
/// use std::time::Duration;
///
/// use strongroom_store::wrap::{ManualTime, Monotonic, Sleep};
///
/// let time = ManualTime::new();
/// time.run(async { time.sleep(Duration::from_secs(3_600)).await });
/// assert_eq!(time.now(), Duration::from_secs(3_600));
/// ```
#[derive(Debug, Clone, Default)]
pub struct ManualTime {
    state: Arc<Mutex<State>>,
}

#[derive(Debug, Default)]
struct State {
    now: Duration,
    sleepers: BTreeMap<(Duration, u64), Option<Waker>>,
    next: u64,
}

/// One that waits; whoever gives up is forgotten.
struct Sleeper {
    state: Arc<Mutex<State>>,
    id: (Duration, u64),
}

impl ManualTime {
    /// Returns a clock that shows nothing yet.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// Lets time pass and wakes whoever waited for it.
    pub fn advance(&self, by: Duration) {
        let wakers: Vec<_> = {
            let mut state = self.lock();
            state.now = state.now.saturating_add(by);
            let now = state.now;
            let due = state.sleepers.iter_mut();
            due.take_while(|((until, _), _)| *until <= now)
                .filter_map(|(_, waker)| waker.take())
                .collect()
        };
        wakers.into_iter().for_each(Waker::wake);
    }

    /// Returns how many wait.
    #[must_use]
    pub fn sleepers(&self) -> usize {
        self.lock().sleepers.len()
    }

    /// Runs a future to its end on this thread, advancing the clock whenever it can do nothing but wait for it.
    ///
    /// # Panics
    ///
    /// If the future waits for something other than this clock: it would wait forever.
    pub fn run<T>(&self, future: impl Future<Output = T>) -> T {
        let mut future = Box::pin(future);
        loop {
            let woken = Arc::new(Woken::default());
            let waker = Waker::from(Arc::clone(&woken));
            let mut context = std::task::Context::from_waker(&waker);
            if let Poll::Ready(value) = future.as_mut().poll(&mut context) {
                return value;
            }
            while !woken.0.load(std::sync::atomic::Ordering::SeqCst) {
                let now = self.now();
                let next = self.lock().next_after(now);
                let next = next.expect("somebody waits for this clock");
                self.advance(next.saturating_sub(now));
            }
        }
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl State {
    fn next_after(&self, now: Duration) -> Option<Duration> {
        let later = self.sleepers.keys().map(|(until, _)| *until);
        later.into_iter().find(|until| *until > now)
    }
}

#[derive(Debug, Default)]
struct Woken(std::sync::atomic::AtomicBool);

impl std::task::Wake for Woken {
    fn wake(self: Arc<Self>) {
        self.0.store(true, std::sync::atomic::Ordering::SeqCst);
    }
}

impl Monotonic for ManualTime {
    fn now(&self) -> Duration {
        self.lock().now
    }
}

impl Sleep for ManualTime {
    fn sleep(&self, duration: Duration) -> BoxFuture<'static, ()> {
        let id = {
            let mut state = self.lock();
            let id = (state.now.saturating_add(duration), state.next);
            state.next += 1;
            state.sleepers.insert(id, None);
            id
        };
        let sleeper = Sleeper {
            state: Arc::clone(&self.state),
            id,
        };
        poll_fn(move |context| sleeper.poll(context.waker())).boxed()
    }
}

impl Sleeper {
    fn poll(&self, waker: &Waker) -> Poll<()> {
        let mut state = self.state.lock().unwrap_or_else(PoisonError::into_inner);
        if state.now >= self.id.0 {
            return Poll::Ready(());
        }
        state.sleepers.insert(self.id, Some(waker.clone()));
        Poll::Pending
    }
}

impl Drop for Sleeper {
    fn drop(&mut self) {
        let mut state = self.state.lock().unwrap_or_else(PoisonError::into_inner);
        state.sleepers.remove(&self.id);
    }
}

#[cfg(test)]
mod tests {
    use futures::executor::block_on;
    use futures::future::{join, poll_immediate};

    use super::*;

    const SECOND: Duration = Duration::from_secs(1);

    #[test]
    fn sleepers_wake_when_their_time_has_come_and_not_before() {
        let time = ManualTime::new();
        block_on(async {
            let mut sleep = time.sleep(2 * SECOND);
            time.advance(SECOND);
            assert!(poll_immediate(&mut sleep).await.is_none());
            time.advance(SECOND);
            sleep.await;
            drop(time.sleep(SECOND));
            assert_eq!(time.sleepers(), 0);
        });
    }

    #[test]
    fn a_run_lets_exactly_the_time_pass_that_is_waited_for() {
        let time = ManualTime::new();
        let twice = async {
            time.sleep(2 * SECOND).await;
            time.sleep(3 * SECOND).await;
        };
        time.run(join(twice, time.sleep(4 * SECOND)));
        assert_eq!(time.now(), 5 * SECOND);
    }
}
