//! The few threads on which files are read and written.

use std::collections::VecDeque;
use std::fmt;
use std::panic::{self, AssertUnwindSafe};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::thread;

use futures::channel::oneshot;

use crate::manners::Manners;

/// Threads that start when they are first needed and end when the pool is dropped.
///
/// Dropping does not wait for a call that is in progress: a file call cannot be interrupted, and a
/// drop may happen on an executor's thread.
pub(crate) struct Pool {
    shared: Arc<Shared>,
}

struct Shared {
    state: Mutex<State>,
    work: Condvar,
    threads_max: usize,
    name: &'static str,
    /// Set up the threads.
    manners: Manners,
}

struct State {
    jobs: VecDeque<Job>,
    threads: usize,
    idle: usize,
    closed: bool,
}

type Job = Box<dyn FnOnce() + Send>;

/// The job was not finished: no thread could be started, or it panicked.
#[derive(Debug)]
pub(crate) struct Lost;

impl Pool {
    /// Returns a pool of at most so many threads of that name.
    pub(crate) fn new(name: &'static str, threads_max: usize) -> Self {
        Self::with_manners(name, threads_max, Manners::default())
    }

    /// Returns a pool whose threads are set up as manners say.
    pub(crate) fn with_manners(name: &'static str, threads_max: usize, manners: Manners) -> Self {
        let state = State {
            jobs: VecDeque::new(),
            threads: 0,
            idle: 0,
            closed: false,
        };
        Self {
            shared: Arc::new(Shared {
                state: Mutex::new(state),
                work: Condvar::new(),
                threads_max: threads_max.max(1),
                name,
                manners,
            }),
        }
    }

    /// Runs a job on one of the threads. A job that has not begun when the future is dropped is
    /// never begun.
    pub(crate) async fn run<T: Send + 'static>(
        &self,
        job: impl FnOnce() -> T + Send + 'static,
    ) -> Result<T, Lost> {
        let (sender, receiver) = oneshot::channel();
        self.submit(Box::new(move || {
            if !sender.is_canceled() {
                // The receiver may go away while the job runs; then nobody wants the answer.
                drop(sender.send(job()));
            }
        }))?;
        receiver.await.map_err(|_| Lost)
    }

    fn submit(&self, job: Job) -> Result<(), Lost> {
        let mut state = self.shared.lock();
        state.jobs.push_back(job);
        if state.idle < state.jobs.len() && state.threads < self.shared.threads_max {
            let shared = Arc::clone(&self.shared);
            let name = self.shared.name.to_owned();
            match thread::Builder::new().name(name).spawn(move || {
                shared.manners.set_up_thread();
                Shared::work_until_closed(&shared);
            }) {
                Ok(_) => state.threads += 1,
                Err(_) if state.threads > 0 => {}
                Err(_) => {
                    state.jobs.pop_back();
                    return Err(Lost);
                }
            }
        }
        drop(state);
        self.shared.work.notify_one();
        Ok(())
    }
}

impl Shared {
    fn lock(&self) -> MutexGuard<'_, State> {
        // Jobs run outside the lock, and nothing inside it can leave the state half changed.
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn work_until_closed(shared: &Arc<Self>) {
        while let Some(job) = shared.next_job() {
            // A job that panics drops its sender, which is all its caller needs to know. The thread
            // goes on: if it ended, a job that came meanwhile might find nobody to do it.
            drop(panic::catch_unwind(AssertUnwindSafe(job)));
        }
    }

    fn next_job(&self) -> Option<Job> {
        let mut state = self.lock();
        loop {
            if let Some(job) = state.jobs.pop_front() {
                return Some(job);
            }
            if state.closed {
                return None;
            }
            state.idle += 1;
            state = self
                .work
                .wait(state)
                .unwrap_or_else(PoisonError::into_inner);
            state.idle -= 1;
        }
    }
}

impl Drop for Pool {
    fn drop(&mut self) {
        self.shared.lock().closed = true;
        self.shared.work.notify_all();
    }
}

impl fmt::Debug for Pool {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Pool")
            .field("threads_max", &self.shared.threads_max)
            .finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use std::sync::mpsc;

    use futures::executor::block_on;
    use futures::future::{join_all, poll_immediate};

    use super::*;

    #[test]
    fn jobs_answer_and_a_panic_costs_only_its_own() {
        let pool = Pool::new("test", 1);
        assert_eq!(block_on(pool.run(|| 2 + 2)).expect("it ran"), 4);
        block_on(pool.run(|| panic!("on purpose"))).expect_err("it panicked");
        assert_eq!(block_on(pool.run(|| 3)).expect("the thread goes on"), 3);
    }

    #[test]
    fn as_many_jobs_run_together_as_there_may_be_threads() {
        let pool = Pool::new("test", 3);
        let barrier = Arc::new(std::sync::Barrier::new(3));
        let jobs = (0..3).map(|_| {
            let barrier = Arc::clone(&barrier);
            pool.run(move || barrier.wait().is_leader())
        });
        let leaders = block_on(join_all(jobs));
        assert_eq!(
            leaders
                .into_iter()
                .filter(|leads| matches!(leads, Ok(true)))
                .count(),
            1
        );
    }

    #[test]
    fn a_job_whose_future_is_gone_is_not_begun() {
        let pool = Pool::new("test", 1);
        let (open, gate) = mpsc::channel::<()>();
        let (began, begun) = mpsc::channel::<()>();
        let mut busy = Box::pin(pool.run(move || gate.recv().is_ok()));
        assert!(block_on(poll_immediate(&mut busy)).is_none());
        let mut unwanted = Box::pin(pool.run(move || began.send(()).is_ok()));
        assert!(block_on(poll_immediate(&mut unwanted)).is_none());
        drop(unwanted);
        open.send(()).expect("the first job waits");
        assert!(block_on(busy).expect("it ran"));
        block_on(pool.run(|| ())).expect("the queue is drained");
        begun.try_recv().expect_err("its sender was dropped unused");
    }
}
