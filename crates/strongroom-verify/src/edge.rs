//! Where the work of a check runs: plain synchronous code on threads of its own, beside an async store.
//!
//! The code asks a [`Remote`] for what it wants of the store. The requests are carried out by the future that the caller polls:
//! no runtime is named, nothing is spawned on the caller's, and dropping the future ends everything. Requests that wait then get
//! an error, and the threads come to their end.

mod remote;

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;
use std::thread::Builder;

use crossbeam_channel::Sender;
use futures::FutureExt as _;
use futures::stream::{FuturesUnordered, StreamExt as _};
use strongroom_store::Store;
use strongroom_store::manners::Manners;

pub(crate) use self::remote::{Got, Remote, Ticket, Unread};
use self::remote::{Request, Work};
use crate::error::{Error, ErrorKind, Result};

/// Runs `work` on a thread of its own and serves its requests here until it returns.
///
/// # Errors
///
/// Those of `work`; `Internal` when it panics or no thread can be started.
///
/// # Cancellation
///
/// Dropping the future ends `work` at its next request or batch, also while it is paused.
pub(crate) async fn run<T: Send + 'static>(
    store: Arc<dyn Store>,
    manners: &Manners,
    work: impl FnOnce(&Remote) -> Result<T> + Send + 'static,
) -> Result<T> {
    let capabilities = store.capabilities();
    let concurrency = capabilities.concurrency.clamp(1, MAX_CONCURRENCY);
    let (requests, queue) = async_channel::bounded(concurrency);
    // Waiting takes no place of a request's.
    let (wait, waits) = async_channel::unbounded();
    let remote = Remote::new(requests, wait, &capabilities, manners.clone());
    let manners = manners.clone();
    let (done, result) = async_channel::bounded(1);
    let body = move || {
        // The crews are started by this thread and inherit what it is set to.
        manners.set_up_thread();
        let result = caught(|| work(&remote));
        drop(remote);
        // Nobody may be waiting any more: then the check was cancelled.
        drop(done.try_send(result));
    };
    Builder::new()
        .name("strongroom-verify".to_owned())
        .spawn(body)
        .map_err(|error| {
            Error::new(ErrorKind::Internal, "no thread for the check").with_source(error)
        })?;
    let serve = futures::future::join(
        serve(Arc::clone(&store), queue, concurrency),
        serve(store, waits, usize::MAX),
    );
    let (_, result) = futures::future::join(serve, result.recv()).await;
    result.unwrap_or_else(|_| Err(cancelled()))
}

/// Runs `work` on `threads` threads at once, and `take` here on whatever they send, until all have come to their end.
///
/// The channel is short: whoever sends waits while `take` is busy, and learns by an error of `send` that nobody takes any more.
///
/// # Errors
///
/// The first error of `take` or of any of them; `Internal` when one panics or none can be started.
pub(crate) fn crew<T: Send>(
    threads: usize,
    work: impl Fn(&Sender<T>) -> Result<()> + Sync,
    mut take: impl FnMut(T) -> Result<()>,
) -> Result<()> {
    let (sender, receiver) = crossbeam_channel::bounded(QUEUE);
    let work = &work;
    std::thread::scope(|scope| {
        let mut members = Vec::new();
        for _ in 0..threads.max(1) {
            let sender = sender.clone();
            let member = Builder::new()
                .name("strongroom-verify".to_owned())
                .spawn_scoped(scope, move || caught(|| work(&sender)));
            // Fewer threads than wished for do the work as well.
            members.extend(member);
        }
        drop(sender);
        if members.is_empty() {
            return Err(Error::new(ErrorKind::Internal, "no thread for the check"));
        }
        let taken = caught(|| receiver.iter().try_for_each(&mut take));
        // Whoever still sends must not wait for ever.
        drop(receiver);
        let mut first = taken;
        for member in members {
            let result = member.join().unwrap_or_else(|_| Err(panicked()));
            first = first.and(result);
        }
        first
    })
}

fn caught<T>(work: impl FnOnce() -> Result<T>) -> Result<T> {
    catch_unwind(AssertUnwindSafe(work)).unwrap_or_else(|_| Err(panicked()))
}

fn panicked() -> Error {
    Error::new(ErrorKind::Internal, "a worker of the check panicked")
}

/// Makes the error of a check whose future was dropped.
pub(crate) fn cancelled() -> Error {
    Error::new(ErrorKind::Internal, "the check was cancelled")
}

async fn serve(store: Arc<dyn Store>, requests: async_channel::Receiver<Request>, limit: usize) {
    let requests = Requests(requests);
    let mut running: FuturesUnordered<Work> = FuturesUnordered::new();
    let mut open = true;
    while open || !running.is_empty() {
        if open && running.len() < limit {
            futures::select_biased! {
                request = requests.0.recv().fuse() => match request {
                    Ok(request) => running.push(request(Arc::clone(&store))),
                    Err(_) => open = false,
                },
                _ = running.select_next_some() => {}
            }
        } else {
            running.next().await;
        }
    }
}

/// The serving end of a queue of requests.
struct Requests(async_channel::Receiver<Request>);

impl Drop for Requests {
    /// Drops what is queued, so that whoever waits for it hears of it: the queue itself lives as long as its senders do.
    fn drop(&mut self) {
        self.0.close();
        while let Ok(request) = self.0.try_recv() {
            drop(request);
        }
    }
}

/// Requests on their way at once, whatever a store suggests.
const MAX_CONCURRENCY: usize = 64;
/// What may wait between a crew and whoever takes from it.
const QUEUE: usize = 8;
