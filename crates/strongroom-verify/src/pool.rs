//! Threads that compute while others wait for the store.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;
use std::thread::Builder;

use futures::channel::oneshot;
use strongroom_store::manners::Manners;

use crate::error::{Error, ErrorKind, Result};

/// Threads that compute. A clone is another handle; they end when the last one is dropped.
#[derive(Debug, Clone)]
pub(crate) struct Pool(Option<Arc<crossbeam_channel::Sender<Job>>>);

type Job = Box<dyn FnOnce() + Send>;

impl Pool {
    /// Starts `threads` threads; with none, work is done where it is asked for.
    ///
    /// # Errors
    ///
    /// `Internal` when the system refuses one.
    pub(crate) fn new(threads: usize, manners: &Manners) -> Result<Self> {
        if threads == 0 {
            return Ok(Self(None));
        }
        let (sender, jobs) = crossbeam_channel::unbounded::<Job>();
        for _ in 0..threads {
            let jobs = jobs.clone();
            let manners = manners.clone();
            let work = move || {
                manners.set_up_thread();
                jobs.iter().for_each(|job| job());
            };
            Builder::new()
                .name("strongroom-verify".to_owned())
                .spawn(work)
                .map_err(|error| Error::new(ErrorKind::Internal, "no thread").with_source(error))?;
        }
        Ok(Self(Some(Arc::new(sender))))
    }

    /// Does `work` on one of the threads. What was begun is done to its end when the future is dropped; what waits is not begun.
    ///
    /// # Errors
    ///
    /// `Internal` when it panics.
    pub(crate) async fn run<T: Send + 'static>(
        &self,
        work: impl FnOnce() -> T + Send + 'static,
    ) -> Result<T> {
        let Some(sender) = &self.0 else {
            return caught(work);
        };
        let (done, result) = oneshot::channel();
        let job = move || {
            if !done.is_canceled() {
                // Nobody may be waiting any more: then the check was cancelled.
                drop(done.send(caught(work)));
            }
        };
        let gone = |_| Error::new(ErrorKind::Internal, "a worker is gone");
        sender
            .send(Box::new(job))
            .map_err(|_| Error::new(ErrorKind::Internal, "no worker is left"))?;
        result.await.map_err(gone)?
    }
}

fn caught<T>(work: impl FnOnce() -> T) -> Result<T> {
    catch_unwind(AssertUnwindSafe(work))
        .map_err(|_| Error::new(ErrorKind::Internal, "a worker panicked"))
}

#[cfg(test)]
mod tests {
    use futures::executor::block_on;

    use super::*;

    #[test]
    fn work_is_done_with_and_without_threads() {
        for threads in [0, 1, 3] {
            let pool = Pool::new(threads, &Manners::new()).unwrap();
            let sums = futures::future::try_join_all((0..20).map(|n| pool.run(move || n * n)));
            assert_eq!(block_on(sums).unwrap().iter().sum::<i32>(), 2470);
        }
    }

    #[test]
    fn a_panic_is_an_error_and_the_thread_goes_on() {
        let pool = Pool::new(1, &Manners::new()).unwrap();
        let error = block_on(pool.run(|| panic!("on purpose"))).unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Internal);
        assert_eq!(block_on(pool.run(|| 7)).unwrap(), 7);
    }
}
