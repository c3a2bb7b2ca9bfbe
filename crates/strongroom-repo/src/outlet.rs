//! Where a stage of a pipeline hands on what it has made.

use crossbeam_channel::{Receiver, Sender, bounded, select};

use crate::edge::cancelled;
use crate::error::Result;

/// Where a stage hands on what it has made: to a queue that other threads take from, or straight to the next stage.
///
/// This is all that tells the two forms of a pipeline apart.
pub(crate) enum Outlet<'a, T> {
    Queue(Sender<T>),
    Stage(&'a (dyn Fn(T) -> Result<()> + Sync)),
}

impl<T> Outlet<'_, T> {
    /// Hands on; waits while a queue is full.
    ///
    /// # Errors
    ///
    /// `Cancelled` when nobody takes from the queue any more, who has an error of its own; the next stage's error.
    pub(crate) fn send(&self, item: T) -> Result<()> {
        match self {
            Self::Queue(queue) => queue.send(item).map_err(|_| cancelled()),
            Self::Stage(next) => next(item),
        }
    }
}

impl<T> Clone for Outlet<'_, T> {
    fn clone(&self) -> Self {
        match self {
            Self::Queue(queue) => Self::Queue(queue.clone()),
            Self::Stage(next) => Self::Stage(*next),
        }
    }
}

impl<T> std::fmt::Debug for Outlet<'_, T> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(match self {
            Self::Queue(_) => "Queue",
            Self::Stage(_) => "Stage",
        })
    }
}

/// Is held by each thread that answers. When the last of them has ended, nobody waits for an answer any more.
#[derive(Debug, Clone)]
pub(crate) struct Present {
    _held: Sender<()>,
}

/// Tells whether anybody is left to answer.
///
/// A bounded queue keeps what nobody has taken, and with it the way to answer it, for as long as somebody can send: that an answer is
/// not coming does not show in the answer's own channel.
#[derive(Debug)]
pub(crate) struct Answering {
    gone: Receiver<()>,
}

/// Makes the pair.
pub(crate) fn answering() -> (Present, Answering) {
    let (held, gone) = bounded(0);
    (Present { _held: held }, Answering { gone })
}

impl Answering {
    /// Waits for an answer.
    ///
    /// # Errors
    ///
    /// `Cancelled` when all who could give it have ended, each with an error of its own or because it was told to.
    pub(crate) fn wait<T>(&self, answer: &Receiver<T>) -> Result<T> {
        select! {
            recv(answer) -> answer => answer.map_err(|_| cancelled()),
            // The last one may have answered before it ended.
            recv(self.gone) -> _ => answer.try_recv().map_err(|_| cancelled()),
        }
    }
}

#[cfg(test)]
mod tests {
    use crossbeam_channel::unbounded;

    use super::*;
    use crate::error::ErrorKind;

    #[test]
    fn nobody_waits_for_those_who_have_gone() {
        let (jobs, queue) = bounded(1);
        let (present, workers) = answering();
        let (reply, answer) = unbounded::<u32>();
        jobs.send(reply).unwrap();
        // The worker ends before it takes the job, which stays in the queue.
        drop((queue, present));
        let error = workers.wait(&answer).unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Cancelled);
        drop(jobs);
    }

    #[test]
    fn the_last_answer_counts() {
        let (present, workers) = answering();
        let (reply, answer) = bounded(1);
        reply.send(7).unwrap();
        drop(present);
        assert_eq!(workers.wait(&answer).unwrap(), 7);
    }
}
