//! The thread that runs async code for callers that are not async.

use std::panic::{AssertUnwindSafe, resume_unwind};
use std::sync::mpsc;

use futures::channel::mpsc::{UnboundedSender, unbounded};
use futures::future::{BoxFuture, FutureExt as _};
use futures::stream::StreamExt as _;
use strongroom_repo::Result;

/// One thread with a small executor. It ends once nobody can send it anything and everything it was sent is done.
#[derive(Debug)]
pub(super) struct Thread {
    jobs: UnboundedSender<BoxFuture<'static, ()>>,
}

impl Thread {
    /// Starts the thread.
    pub(super) fn start() -> Result<Self> {
        let (jobs, queue) = unbounded::<BoxFuture<'static, ()>>();
        std::thread::Builder::new()
            .name("strongroom-blocking".to_owned())
            .spawn(move || futures::executor::block_on(queue.for_each_concurrent(None, |job| job)))
            .map_err(no_thread)?;
        Ok(Self { jobs })
    }

    /// Runs a future on the thread and waits for it. If it panics, so does the caller.
    pub(super) fn run<T: Send + 'static>(
        &self,
        future: impl Future<Output = T> + Send + 'static,
    ) -> T {
        let (reply, answer) = mpsc::sync_channel(1);
        let job = AssertUnwindSafe(future).catch_unwind().map(move |outcome| {
            // The caller waits below until it has the answer.
            drop(reply.send(outcome));
        });
        // The thread ends only when this sender is gone, and a job's panic does not end it.
        let sent = self.jobs.unbounded_send(job.boxed());
        sent.expect("the thread takes jobs for as long as there is somebody to send them");
        match answer.recv().expect("the thread answers every job") {
            Ok(value) => value,
            Err(panic) => resume_unwind(panic),
        }
    }
}

fn no_thread(error: std::io::Error) -> strongroom_repo::Error {
    let kind = strongroom_store::ErrorKind::Unavailable;
    strongroom_store::Error::new(kind, "start a thread")
        .with_source(error)
        .into()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_panic_reaches_its_caller_and_the_thread_goes_on() {
        let thread = Thread::start().unwrap();
        let bug = || thread.run(async { panic!("a bug of the store") });
        let caught: std::thread::Result<()> = std::panic::catch_unwind(AssertUnwindSafe(bug));
        let message = caught.unwrap_err().downcast::<&str>().unwrap();
        assert_eq!(*message, "a bug of the store");
        assert_eq!(thread.run(async { 7 }), 7);
    }

    #[test]
    fn calls_do_not_wait_for_one_another() {
        let thread = Thread::start().unwrap();
        let (send, receive) = futures::channel::oneshot::channel();
        std::thread::scope(|scope| {
            let waiting = scope.spawn(|| thread.run(receive));
            thread.run(async { send.send(7).unwrap() });
            assert_eq!(waiting.join().unwrap(), Ok(7));
        });
    }
}
