//! Where a stage of a pipeline hands on what it has made.

use crossbeam_channel::Sender;

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
