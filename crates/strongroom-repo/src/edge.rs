//! The edge between the engine's synchronous code and the async store.
//!
//! An operation's logic is plain synchronous code. What it wants of the store it asks of a [`Remote`].
//!
//! With [`Execution::Threads`] the code runs on threads of its own, and the requests are carried out by the future that the
//! caller polls. So no runtime is named, nothing is spawned on the caller's, and dropping the future ends everything: requests
//! that wait get an error of kind `Cancelled`, and the threads come to their end.
//!
//! With [`Execution::Inline`] the code runs where the future is polled, and each request is carried out before whoever asked
//! goes on. The first poll is the whole operation, and the order of everything in it is that of the code.

mod drive;
mod remote;
#[cfg(test)]
mod tests;

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use futures::FutureExt as _;
use futures::stream::{FuturesUnordered, StreamExt as _};
use strongroom_store::manners::Manners;
use strongroom_store::{Capabilities, Store};

use self::remote::{Queues, Request, Work};
pub(crate) use self::remote::{Remote, Ticket};
use crate::error::{Error, ErrorKind, Result};
use crate::locks::Locker;
use crate::memory;
use crate::settings::{Components, Execution, Settings};
use crate::threads;

/// A store, and how operations on it are executed.
#[derive(Debug, Clone)]
pub(crate) struct Access {
    store: Arc<dyn Store>,
    execution: Execution,
    terms: Terms,
    /// How many puts may be on their way at once: each holds a pack in memory.
    puts: usize,
}

/// What holds of everything that is done, and of everything that is written.
#[derive(Debug, Clone, Default)]
pub(crate) struct Terms {
    /// Nothing is written while it says so.
    read_only: Arc<AtomicBool>,
    /// Whether only one may write, and whether the store was seen to refuse to create on a condition.
    alone: Arc<Alone>,
    /// How objects are locked when they are put.
    locker: Option<Arc<Locker>>,
    /// Packs of content are put in the cold class.
    cold_content: bool,
    /// Everything is read from the store itself, past what its wrappers keep.
    fresh: bool,
    /// Who is asked before anything is done.
    manners: Manners,
}

/// What it takes to write to a store that refuses conditions: that nobody else does.
#[derive(Debug, Default)]
struct Alone {
    one_writer: AtomicBool,
    refuses_conditions: AtomicBool,
}

impl Access {
    pub(crate) fn new(store: Arc<dyn Store>, execution: Execution) -> Self {
        Self {
            store,
            execution,
            terms: Terms::default(),
            puts: memory::PUTS,
        }
    }

    /// A store whose operations are executed, and have the manners, that components say.
    pub(crate) fn of(store: Arc<dyn Store>, components: &Components) -> Self {
        Self::new(store, components.execution).minding(&components.manners)
    }

    /// Lets at most so many puts be on their way at once.
    pub(crate) fn with_puts(mut self, puts: usize) -> Self {
        self.puts = puts;
        self
    }

    /// Asks these before anything is done.
    pub(crate) fn minding(mut self, manners: &Manners) -> Self {
        self.terms.manners = manners.clone();
        self
    }

    /// Returns who is asked before anything is done.
    pub(crate) fn manners(&self) -> &Manners {
        &self.terms.manners
    }

    /// Says whether packs of content are put in the cold class.
    pub(crate) fn with_cold_content(mut self, cold_content: bool) -> Self {
        self.terms.cold_content = cold_content;
        self
    }

    /// Locks what is put as the settings say.
    pub(crate) fn locking(mut self, settings: &Settings, components: &Components) -> Self {
        let locker = |policy| Locker::new(policy, components.clock.clone(), self.store.as_ref());
        self.terms.locker = settings.object_lock.map(locker).map(Arc::new);
        self
    }

    /// Says whether the store can lock objects.
    pub(crate) fn can_lock(&self) -> bool {
        self.store.object_lock().is_some()
    }

    /// Returns how objects are locked when they are put, if they are.
    pub(crate) fn locker(&self) -> Option<&Arc<Locker>> {
        self.terms.locker.as_ref()
    }

    /// Lets all operations on it, and on its clones, read only from now on, or write again.
    pub(crate) fn set_read_only(&self, read_only: bool) {
        self.terms.read_only.store(read_only, Ordering::SeqCst);
    }

    /// Says whether only one may write. Where a store refuses to create on the condition that nothing is there, the only writer looks first
    /// and puts then; nobody else may.
    pub(crate) fn set_one_writer(&self, one_writer: bool) {
        let alone = &self.terms.alone;
        alone.one_writer.store(one_writer, Ordering::SeqCst);
    }

    /// One that writes though others may not: for the repair that lets them write again.
    pub(crate) fn writable(&self) -> Self {
        let terms = Terms {
            read_only: Arc::default(),
            ..self.terms.clone()
        };
        Self {
            terms,
            ..self.clone()
        }
    }

    /// One that reads from the store itself, past what its wrappers keep: for whoever looks for damage.
    pub(crate) fn fresh(&self) -> Self {
        let terms = Terms {
            fresh: true,
            ..self.terms.clone()
        };
        Self {
            terms,
            ..self.clone()
        }
    }

    /// Executes operations on it as those on `other`.
    pub(crate) fn executed_like(self, other: &Self) -> Self {
        Self {
            execution: other.execution,
            ..self
        }
    }

    /// Returns what the store can do.
    pub(crate) fn capabilities(&self) -> Capabilities {
        self.store.capabilities()
    }
}

/// Runs `work` and serves its requests until it returns.
///
/// # Errors
///
/// Those of `work`; `Internal` when it panics, or no thread can be started for it.
///
/// # Cancellation
///
/// With threads, dropping the future ends `work` at its next request, batch or step, also while it is paused. Inline, a future that was
/// polled is done, and one that was not has done nothing.
pub(crate) async fn run<T: Send + 'static>(
    access: Access,
    name: &'static str,
    work: impl FnOnce(&Remote) -> Result<T> + Send + 'static,
) -> Result<T> {
    match access.execution {
        Execution::Threads => run_on_a_thread(access, name, work).await,
        Execution::Inline => caught(name, &Remote::inline(access.store, access.terms), work),
    }
}

/// Runs `work` on a thread of its own, and serves its requests here.
async fn run_on_a_thread<T: Send + 'static>(
    access: Access,
    name: &'static str,
    work: impl FnOnce(&Remote) -> Result<T> + Send + 'static,
) -> Result<T> {
    let Access {
        store, terms, puts, ..
    } = access;
    let concurrency = store.capabilities().concurrency.clamp(1, 64);
    let (read_requests, reads) = async_channel::bounded(concurrency);
    // Puts are packs of many megabytes: a queue of them would be memory, so there is none.
    let (write_requests, writes) = async_channel::bounded(1);
    // Each of the threads waits for one thing at most. Waiting takes no place of a request's.
    let (wait_requests, waits) = async_channel::unbounded();
    let manners = terms.manners.clone();
    let queues = Queues {
        reads: read_requests,
        writes: write_requests,
        waits: wait_requests,
    };
    let remote = Remote::queued(queues, terms);
    let (done, result) = async_channel::bounded(1);
    let body = move || {
        // The operation's other threads are started by this one and inherit what it is set to.
        manners.set_up_thread();
        let result = caught(name, &remote, work);
        drop(remote);
        // Nobody may be waiting any more: then the operation was cancelled.
        drop(done.try_send(result));
    };
    threads::start(name, body)?;
    let puts = concurrency.min(puts);
    let serve = futures::future::join3(
        serve(store.clone(), reads, concurrency),
        serve(store.clone(), writes, puts),
        serve(store, waits, usize::MAX),
    );
    let (_, result) = futures::future::join(serve, result.recv()).await;
    result.unwrap_or_else(|_| Err(cancelled()))
}

fn caught<T>(name: &str, remote: &Remote, work: impl FnOnce(&Remote) -> Result<T>) -> Result<T> {
    catch_unwind(AssertUnwindSafe(|| work(remote)))
        .unwrap_or_else(|panic| Err(panicked(name, panic.as_ref())))
}

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

/// Makes the error of a repository that is only read.
pub(crate) fn read_only() -> Error {
    let what = "the repository was opened for reading only, since entries of its journal are lost";
    Error::new(ErrorKind::ReadOnly, what)
}

/// Makes the error of an operation whose future was dropped.
pub(crate) fn cancelled() -> Error {
    Error::new(ErrorKind::Cancelled, "the operation was cancelled")
}

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
