//! The edge between the engine's own threads and the async store.
//!
//! An operation's logic is plain synchronous code on threads of its own. What it wants of the store it asks
//! of a [`Remote`]; the requests are carried out by the future that the caller polls. So no runtime is
//! named, nothing is spawned on the caller's, and dropping the future ends everything: requests that wait
//! get an error of kind `Cancelled`, and the threads come to their end.

use std::ops::Range;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;

use bytes::Bytes;
use futures::future::BoxFuture;
use futures::stream::{FuturesUnordered, StreamExt as _};
use futures::{FutureExt as _, TryStreamExt as _};
use strongroom_store::{GetOptions, Key, ObjectMeta, Prefix, PutMode, PutOptions, Store};

use crate::error::{Error, ErrorKind, Result};

/// Runs `work` on a thread of its own and serves its requests until it returns.
///
/// # Cancellation
///
/// Dropping the future ends `work` at its next request or check of [`Remote::is_cancelled`].
pub(crate) async fn run<T: Send + 'static>(
    store: Arc<dyn Store>,
    name: &'static str,
    work: impl FnOnce(&Remote) -> Result<T> + Send + 'static,
) -> Result<T> {
    let concurrency = store.capabilities().concurrency.clamp(1, 64);
    let (read_requests, reads) = async_channel::bounded(concurrency);
    // Puts are packs of many megabytes: a queue of them would be memory, so there is none.
    let (write_requests, writes) = async_channel::bounded(1);
    let remote = Remote {
        reads: read_requests,
        writes: write_requests,
    };
    let (done, result) = async_channel::bounded(1);
    let body = move || {
        let result = catch_unwind(AssertUnwindSafe(|| work(&remote)));
        drop(remote);
        let result = result.unwrap_or_else(|panic| Err(panicked(name, panic.as_ref())));
        // Nobody may be waiting any more: then the operation was cancelled.
        drop(done.try_send(result));
    };
    std::thread::Builder::new()
        .name(name.to_owned())
        .spawn(body)
        .map_err(|error| Error::new(ErrorKind::Internal, "no thread").caused_by(error))?;
    let puts = concurrency.min(MAX_PUTS);
    let serve = futures::future::join(
        serve(store.clone(), reads, concurrency),
        serve(store, writes, puts),
    );
    let (_, result) = futures::future::join(serve, result.recv()).await;
    result.unwrap_or_else(|_| Err(cancelled()))
}

/// How many puts are on their way at once: each holds a pack in memory.
const MAX_PUTS: usize = 2;

/// Makes the error of a worker that panicked.
pub(crate) fn panicked(name: &str, panic: &(dyn std::any::Any + Send)) -> Error {
    let message = panic
        .downcast_ref::<&str>()
        .map(|text| (*text).to_owned())
        .or_else(|| panic.downcast_ref::<String>().cloned())
        .unwrap_or_default();
    Error::new(
        ErrorKind::Internal,
        format!("a worker of {name} panicked: {message}"),
    )
}

/// Makes the error of an operation whose future was dropped.
pub(crate) fn cancelled() -> Error {
    Error::new(ErrorKind::Cancelled, "the operation was cancelled")
}

type Work = BoxFuture<'static, ()>;
type Request = Box<dyn FnOnce(Arc<dyn Store>) -> Work + Send>;

async fn serve(store: Arc<dyn Store>, requests: async_channel::Receiver<Request>, limit: usize) {
    let requests = Requests(requests);
    let mut running: FuturesUnordered<Work> = FuturesUnordered::new();
    let mut open = true;
    while open || !running.is_empty() {
        if open && running.len() < limit {
            futures::select_biased! {
                request = requests.0.recv().fuse() => match request {
                    Ok(request) => running.push(request(store.clone())),
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

/// A store as an operation's threads see it.
#[derive(Clone)]
pub(crate) struct Remote {
    reads: async_channel::Sender<Request>,
    writes: async_channel::Sender<Request>,
}

impl std::fmt::Debug for Remote {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Remote")
    }
}

/// The answer to a request, once it is there.
#[derive(Debug)]
pub(crate) struct Ticket<T>(crossbeam_channel::Receiver<Result<T>>);

impl<T> Ticket<T> {
    /// Waits for the answer.
    pub(crate) fn wait(self) -> Result<T> {
        self.0.recv().unwrap_or_else(|_| Err(cancelled()))
    }

    /// Says whether `wait` would return at once.
    pub(crate) fn is_ready(&self) -> bool {
        !self.0.is_empty()
    }

    /// Makes a ticket of a request that could not be made.
    pub(crate) fn failed(error: Error) -> Self {
        let (reply, answer) = crossbeam_channel::bounded(1);
        drop(reply.send(Err(error)));
        Self(answer)
    }
}

impl Remote {
    /// Says whether the caller has gone; long work that makes no request looks from time to time.
    pub(crate) fn is_cancelled(&self) -> bool {
        self.reads.is_closed()
    }

    /// Reads an object, or a range of it.
    pub(crate) fn get(&self, key: &Key, range: Option<Range<u64>>) -> Result<Bytes> {
        self.get_later(key, range).wait()
    }

    /// Begins to read an object, or a range of it.
    pub(crate) fn get_later(&self, key: &Key, range: Option<Range<u64>>) -> Ticket<Bytes> {
        let key = key.clone();
        self.ask(&self.reads, move |store| async move {
            let mut options = GetOptions::default();
            if let Some(range) = range {
                options = options.with_range(range);
            }
            store.get(&key, options).await.map_err(Error::from)
        })
    }

    /// Returns an object's length.
    pub(crate) fn head(&self, key: &Key) -> Result<ObjectMeta> {
        let key = key.clone();
        self.ask(&self.reads, move |store| async move {
            Ok(store.head(&key).await?)
        })
        .wait()
    }

    /// Lists what begins with a prefix.
    pub(crate) fn list(&self, prefix: &Prefix) -> Result<Vec<ObjectMeta>> {
        let prefix = prefix.clone();
        self.ask(&self.reads, move |store| async move {
            Ok(store.list(&prefix).try_collect().await?)
        })
        .wait()
    }

    /// Begins to write an object that is not there. Waits while too many puts are on their way.
    pub(crate) fn put_later(&self, key: &Key, data: Bytes) -> Ticket<()> {
        let key = key.clone();
        self.ask(&self.writes, move |store| async move {
            let options = PutOptions::default().with_mode(PutMode::Create);
            Ok(store.put(&key, data, options).await?)
        })
    }

    /// Writes an object that is not there.
    pub(crate) fn put(&self, key: &Key, data: Bytes) -> Result<()> {
        self.put_later(key, data).wait()
    }

    /// Deletes an object, present or not.
    pub(crate) fn delete(&self, key: &Key) -> Result<()> {
        let key = key.clone();
        self.ask(&self.writes, move |store| async move {
            Ok(store.delete(&key).await?)
        })
        .wait()
    }

    fn ask<T, F>(
        &self,
        queue: &async_channel::Sender<Request>,
        request: impl FnOnce(Arc<dyn Store>) -> F + Send + 'static,
    ) -> Ticket<T>
    where
        T: Send + 'static,
        F: Future<Output = Result<T>> + Send,
    {
        let (reply, answer) = crossbeam_channel::bounded(1);
        let request: Request = Box::new(move |store| {
            async move {
                // Whoever asked may have gone on without the answer.
                drop(reply.send(request(store).await));
            }
            .boxed()
        });
        // A closed queue drops the request and with it the reply, which the ticket reads as cancelled.
        drop(queue.send_blocking(request));
        Ticket(answer)
    }
}
