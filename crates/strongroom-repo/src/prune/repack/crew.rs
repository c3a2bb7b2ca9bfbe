//! Those who seal frames anew: threads, or in simulations the one that asks.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::thread::Scope;

use crossbeam_channel::{Receiver, Sender, bounded, unbounded};

use super::Tools;
use super::framer::{FrameSource, Framer};
use crate::blobs::Blobs;
use crate::edge::{cancelled, panicked};
use crate::error::Result;
use crate::outlet::Outlet;
use crate::pack_writer::FinishedPack;
use crate::settings::Execution;
use crate::threads::start_scoped;

/// A frame of which only a part is needed.
#[derive(Debug)]
pub(super) struct Job {
    pub(super) source: FrameSource,
    pub(super) needed: Vec<bool>,
}

/// What became of a job.
#[derive(Debug)]
pub(super) struct Outcome {
    /// Of the pack that the frame was in.
    pub(super) number: u32,
    /// How many frames it has become.
    pub(super) frames: Result<u64>,
}

/// Takes jobs. When it is dropped, the threads end.
#[derive(Debug)]
pub(in crate::prune) struct Crew<'a> {
    hands: Hands<'a>,
    outcomes: Receiver<Outcome>,
    /// What whoever fills packs hands on.
    finished: Receiver<FinishedPack>,
    /// Jobs whose outcomes have not been told.
    under_way: usize,
}

#[derive(Debug)]
enum Hands<'a> {
    Threads(Sender<Job>),
    /// Nobody else: a job is done when it is given.
    Mine(Box<Framer<'a>>, Sender<Outcome>),
}

impl<'a> Crew<'a> {
    /// Starts as many threads as the settings say, or none where all is done on one.
    ///
    /// # Errors
    ///
    /// `Internal` when the system refuses a thread, or there is no memory.
    pub(in crate::prune) fn start<'scope>(
        scope: &'scope Scope<'scope, '_>,
        tools: &'a Tools<'a>,
        blobs: &'a Blobs,
    ) -> Result<Self>
    where
        'a: 'scope,
    {
        let (tell, outcomes) = unbounded();
        // As many packs wait as jobs, which are few, have made.
        let (full, finished) = unbounded();
        let hands = match tools.remote.execution() {
            Execution::Inline => {
                let framer = Framer::new(tools, blobs, Outlet::Queue(full))?;
                Hands::Mine(Box::new(framer), tell)
            }
            Execution::Threads => {
                let threads = tools.context.shares.threads;
                let (jobs, waiting) = bounded(threads * JOBS_A_THREAD);
                for _ in 0..threads {
                    let (waiting, tell) = (waiting.clone(), tell.clone());
                    let framer = Framer::new(tools, blobs, Outlet::Queue(full.clone()))?;
                    start_scoped(scope, "strongroom-frame", move || {
                        work(framer, &waiting, &tell);
                    })?;
                }
                Hands::Threads(jobs)
            }
        };
        Ok(Self {
            hands,
            outcomes,
            finished,
            under_way: 0,
        })
    }

    /// Gives a job; waits while there is enough to do.
    ///
    /// # Errors
    ///
    /// `Cancelled` when nobody is left to do it.
    pub(super) fn give(&mut self, job: Job) -> Result<()> {
        self.under_way += 1;
        match &mut self.hands {
            Hands::Threads(jobs) => jobs.send(job).map_err(|_| cancelled()),
            Hands::Mine(framer, tell) => {
                tell.send(carry_out(framer, &job)).map_err(|_| cancelled())
            }
        }
    }

    /// Returns an outcome, if there is one that was not told.
    pub(super) fn outcome(&mut self) -> Option<Outcome> {
        let outcome = self.outcomes.try_recv().ok()?;
        self.under_way -= 1;
        Some(outcome)
    }

    /// Waits for the next outcome; `None` when all jobs are done.
    ///
    /// # Errors
    ///
    /// `Cancelled` when nobody is left who could tell.
    pub(super) fn wait(&mut self) -> Result<Option<Outcome>> {
        if self.under_way == 0 {
            return Ok(None);
        }
        let outcome = self.outcomes.recv().map_err(|_| cancelled())?;
        self.under_way -= 1;
        Ok(Some(outcome))
    }

    /// Returns a pack that became full while frames were sealed, if there is one. Those of a job come before its outcome.
    pub(super) fn finished(&self) -> Option<FinishedPack> {
        self.finished.try_recv().ok()
    }
}

/// Does jobs until nobody gives any.
fn work(mut framer: Framer<'_>, jobs: &Receiver<Job>, tell: &Sender<Outcome>) {
    for job in jobs {
        if tell.send(carry_out(&mut framer, &job)).is_err() {
            return;
        }
    }
}

/// Does a job. One that panics fails.
fn carry_out(framer: &mut Framer<'_>, job: &Job) -> Outcome {
    let frames = catch_unwind(AssertUnwindSafe(|| {
        framer.reframe(&job.source, &job.needed)
    }));
    Outcome {
        number: job.source.number,
        frames: frames.unwrap_or_else(|panic| Err(panicked("prune", panic.as_ref()))),
    }
}

/// Jobs that wait for each thread.
const JOBS_A_THREAD: usize = 2;
