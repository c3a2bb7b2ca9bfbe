//! The runtime that calls are run on.

use std::any::Any;
use std::fmt;
use std::future::Future;
use std::io;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};

use tokio::runtime::{Builder, Handle, Runtime};
use tokio::task::{JoinError, JoinHandle};

/// Threads that run the calls of a store. They only move bytes between sockets and buffers: two keep a fast link busy while one
/// encrypts a connection.
const WORKERS: usize = 2;

/// Threads for what blocks, such as the system's resolver of names. They end when they are idle.
const BLOCKING_THREADS_MAX: usize = 16;

/// A runtime of our own or a caller's. Clones share it; the last one ends a runtime of our own.
#[derive(Clone)]
pub(crate) struct Host {
    handle: Handle,
    /// Keeps a runtime of our own alive.
    own: Option<Arc<OwnRuntime>>,
}

impl Host {
    /// Starts a runtime.
    pub(crate) fn start() -> io::Result<Self> {
        let runtime = Builder::new_multi_thread()
            .worker_threads(WORKERS)
            .max_blocking_threads(BLOCKING_THREADS_MAX)
            .thread_name("strongroom-io")
            .enable_all()
            .build()?;
        let handle = runtime.handle().clone();
        let own = Some(Arc::new(OwnRuntime(Some(runtime))));
        Ok(Self { handle, own })
    }

    /// Uses a runtime that is there.
    pub(crate) fn on(handle: Handle) -> Self {
        Self { handle, own: None }
    }

    /// Runs a future on the runtime, until it ends or what is returned is dropped.
    pub(crate) fn spawn<F>(&self, future: F) -> Call<F::Output>
    where
        F: Future + Send + 'static,
        F::Output: Send,
    {
        Call {
            task: self.handle.spawn(future),
            _host: self.clone(),
        }
    }
}

impl fmt::Debug for Host {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self.own {
            Some(_) => "own runtime",
            None => "runtime of the caller",
        })
    }
}

/// Ends without waiting: a runtime that is dropped otherwise blocks, and panics inside async code.
struct OwnRuntime(Option<Runtime>);

impl Drop for OwnRuntime {
    fn drop(&mut self) {
        if let Some(runtime) = self.0.take() {
            runtime.shutdown_background();
        }
    }
}

/// What runs on a runtime. It is aborted when this is dropped, and the runtime lasts as long.
pub(crate) struct Call<T> {
    task: JoinHandle<T>,
    _host: Host,
}

impl<T> Future for Call<T> {
    type Output = Result<T, Lost>;

    fn poll(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Self::Output> {
        Pin::new(&mut self.task)
            .poll(context)
            .map_err(Lost::from_join_error)
    }
}

impl<T> Drop for Call<T> {
    fn drop(&mut self) {
        self.task.abort();
    }
}

/// Why a call has no result.
#[derive(Debug)]
pub(crate) enum Lost {
    /// It panicked, with this message.
    Panicked(String),
    /// The caller's runtime was shut down.
    ShutDown,
}

impl Lost {
    fn from_join_error(error: JoinError) -> Self {
        match error.try_into_panic() {
            Ok(payload) => Self::Panicked(message(payload.as_ref())),
            Err(_) => Self::ShutDown,
        }
    }
}

fn message(payload: &(dyn Any + Send)) -> String {
    if let Some(text) = payload.downcast_ref::<&str>() {
        (*text).to_owned()
    } else if let Some(text) = payload.downcast_ref::<String>() {
        text.clone()
    } else {
        "without a message".to_owned()
    }
}

impl fmt::Display for Lost {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Panicked(message) => write!(f, "the store panicked: {message}"),
            Self::ShutDown => f.write_str("the runtime it ran on was shut down"),
        }
    }
}

impl std::error::Error for Lost {}
