//! Threads that are used again from world to world.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::mpsc::{Receiver, Sender, channel};
use std::thread::JoinHandle;

/// Threads for the clients of one world at a time. They are started when they are first needed and end with the pool.
#[derive(Debug, Default)]
pub struct Pool {
    workers: Vec<Worker>,
}

#[derive(Debug)]
struct Worker {
    jobs: Option<Sender<(Job, usize, Sender<Ended>)>>,
    thread: Option<JoinHandle<()>>,
}

/// Returns the message of its panic, if it panicked.
pub(crate) type Job = Box<dyn FnOnce() -> Option<String> + Send>;
type Ended = (usize, Option<String>);

impl Pool {
    /// Returns a pool without threads.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// Runs all jobs at the same time, each on a thread of its own, and waits for them.
    pub(crate) fn run(&mut self, jobs: Vec<Job>) -> Vec<Option<String>> {
        while self.workers.len() < jobs.len() {
            self.workers.push(Worker::start());
        }
        let mut outcomes: Vec<_> = jobs.iter().map(|_| None).collect();
        let (ended, ends) = channel();
        for ((number, job), worker) in jobs.into_iter().enumerate().zip(&self.workers) {
            let ordered = worker
                .jobs
                .as_ref()
                .map(|jobs| jobs.send((job, number, ended.clone())));
            if !matches!(ordered, Some(Ok(()))) {
                drop(ended.send((number, Some("a thread of the pool is gone".to_owned()))));
            }
        }
        drop(ended);
        for (number, outcome) in ends {
            if let Some(place) = outcomes.get_mut(number) {
                *place = outcome;
            }
        }
        outcomes
    }
}

impl Worker {
    fn start() -> Self {
        let (jobs, queue) = channel();
        let spawned = std::thread::Builder::new()
            .name("client".to_owned())
            .spawn(move || work(&queue));
        // Without a thread the queue has no end, and sending says so.
        Self {
            jobs: Some(jobs),
            thread: spawned.ok(),
        }
    }
}

fn work(queue: &Receiver<(Job, usize, Sender<Ended>)>) {
    while let Ok((job, number, ended)) = queue.recv() {
        drop(ended.send((number, job())));
    }
}

impl Drop for Worker {
    fn drop(&mut self) {
        self.jobs = None;
        if let Some(thread) = self.thread.take() {
            drop(thread.join());
        }
    }
}

/// Runs something; returns the message of its panic, if it panics.
pub(crate) fn catch(work: impl FnOnce()) -> Option<String> {
    let panic = catch_unwind(AssertUnwindSafe(work)).err()?;
    let text = panic.downcast_ref::<&str>().map(|text| (*text).to_owned());
    let text = text.or_else(|| panic.downcast_ref::<String>().cloned());
    Some(text.unwrap_or_else(|| "a panic without words".to_owned()))
}
