//! Waiting on one thread that all waits share.

use std::collections::BTreeMap;
use std::fmt;
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::thread;
use std::time::{Duration, Instant};

use futures::channel::oneshot;
use futures::future::{BoxFuture, FutureExt};

use super::sleep::{Sleep, ThreadSleep};

/// Waits on one thread for all its clones, which starts with the first wait and ends when there was none for a while: for
/// wrappers that begin a wait with every call. Needs no runtime; a runtime's own timer is cheaper still.
#[derive(Clone, Default)]
pub struct TimerSleep {
    shared: Arc<Shared>,
}

#[derive(Default)]
struct Shared {
    state: Mutex<State>,
    changed: Condvar,
}

#[derive(Default)]
struct State {
    waits: BTreeMap<(Instant, u64), oneshot::Sender<()>>,
    next: u64,
    running: bool,
}

/// A wait, forgotten when dropped.
struct Wait {
    shared: Arc<Shared>,
    id: (Instant, u64),
}

impl TimerSleep {
    /// Returns a way to wait whose thread has not started.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// Puts a wait in the queue; `None` if there is no thread to serve it, or the time is too far to be told.
    fn begin(&self, duration: Duration) -> Option<(Wait, oneshot::Receiver<()>)> {
        let until = Instant::now().checked_add(duration)?;
        let mut state = self.shared.lock();
        if !state.running {
            let shared = Arc::clone(&self.shared);
            let thread = thread::Builder::new()
                .name("strongroom-timer".to_owned())
                .spawn(move || shared.serve());
            state.running = thread.is_ok();
            if !state.running {
                return None;
            }
        }
        let id = (until, state.next);
        state.next += 1;
        let (sender, receiver) = oneshot::channel();
        let is_first = state.waits.keys().next().is_none_or(|first| id < *first);
        state.waits.insert(id, sender);
        drop(state);
        if is_first {
            self.shared.changed.notify_one();
        }
        let shared = Arc::clone(&self.shared);
        Some((Wait { shared, id }, receiver))
    }
}

impl Sleep for TimerSleep {
    fn sleep(&self, duration: Duration) -> BoxFuture<'static, ()> {
        let timer = self.clone();
        async move {
            match timer.begin(duration) {
                Some((_wait, done)) => {
                    let _ = done.await;
                }
                None => ThreadSleep.sleep(duration).await,
            }
        }
        .boxed()
    }
}

impl Shared {
    fn lock(&self) -> MutexGuard<'_, State> {
        // Nothing leaves it half changed.
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Ends waits whose time has come, until there was none to serve for a while.
    fn serve(&self) {
        let mut state = self.lock();
        loop {
            let now = Instant::now();
            while let Some(entry) = state.waits.first_entry() {
                if entry.key().0 > now {
                    break;
                }
                // Whoever gave up has no use for it.
                let _ = entry.remove().send(());
            }
            let idle = state.waits.is_empty();
            let first = state.waits.keys().next().map(|(until, _)| *until);
            let wait = first.map_or(LINGER, |until| until.saturating_duration_since(now));
            let (locked, timeout) = self
                .changed
                .wait_timeout(state, wait)
                .unwrap_or_else(PoisonError::into_inner);
            state = locked;
            if idle && timeout.timed_out() && state.waits.is_empty() {
                state.running = false;
                return;
            }
        }
    }
}

impl Drop for Wait {
    fn drop(&mut self) {
        self.shared.lock().waits.remove(&self.id);
    }
}

impl fmt::Debug for TimerSleep {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let waits = self.shared.lock().waits.len();
        f.debug_struct("TimerSleep").field("waits", &waits).finish()
    }
}

/// How long the thread stays without anything to wait for.
const LINGER: Duration = Duration::from_secs(5);

#[cfg(test)]
mod tests {
    use futures::executor::block_on;
    use futures::future::{join_all, poll_immediate};

    use super::*;

    #[test]
    fn short_waits_end_in_any_order_and_long_ones_are_left() {
        let timer = TimerSleep::new();
        let long = timer.sleep(Duration::from_secs(3_600));
        let short = [3, 1, 2, 0].map(|ms| timer.sleep(Duration::from_millis(ms)));
        block_on(async {
            let mut long = long;
            assert!(poll_immediate(&mut long).await.is_none());
            join_all(short).await;
            assert!(poll_immediate(&mut long).await.is_none());
            drop(long);
        });
        assert!(timer.shared.lock().waits.is_empty());
    }

    #[test]
    fn nobody_is_forgotten_however_many_wait_at_once() {
        let timer = TimerSleep::new();
        thread::scope(|scope| {
            for offset in 0..8 {
                let timer = &timer;
                scope.spawn(move || {
                    for step in 0..40 {
                        let wait = Duration::from_micros((step * 37 + offset * 91) % 500);
                        let twice = [timer.sleep(wait), timer.sleep(wait / 2)];
                        block_on(join_all(twice));
                    }
                });
            }
        });
        assert!(timer.shared.lock().waits.is_empty());
    }

    #[test]
    fn a_time_out_of_reach_is_waited_for_too() {
        let timer = TimerSleep::new();
        assert!(block_on(poll_immediate(timer.sleep(Duration::MAX))).is_none());
    }
}
