//! The one place where threads are started.

use std::thread::{Builder, Scope, ScopedJoinHandle};

use crate::error::{Error, ErrorKind, Result};

/// Starts a thread that ends by itself.
///
/// # Errors
///
/// `Internal` when the system refuses.
pub(crate) fn start(name: &str, work: impl FnOnce() + Send + 'static) -> Result<()> {
    #[cfg(test)]
    started::note();
    Builder::new()
        .name(name.to_owned())
        .spawn(work)
        .map(drop)
        .map_err(refused)
}

/// Starts a thread of a scope.
///
/// # Errors
///
/// `Internal` when the system refuses.
pub(crate) fn start_scoped<'scope, T: Send + 'scope>(
    scope: &'scope Scope<'scope, '_>,
    name: &str,
    work: impl FnOnce() -> T + Send + 'scope,
) -> Result<ScopedJoinHandle<'scope, T>> {
    #[cfg(test)]
    started::note();
    Builder::new()
        .name(name.to_owned())
        .spawn_scoped(scope, work)
        .map_err(refused)
}

fn refused(error: std::io::Error) -> Error {
    Error::new(ErrorKind::Internal, "no thread").caused_by(error)
}

/// Counts what this thread has started.
#[cfg(test)]
pub(crate) mod started {
    use std::cell::Cell;

    thread_local! {
        static STARTED: Cell<usize> = const { Cell::new(0) };
    }

    pub(super) fn note() {
        STARTED.set(STARTED.get() + 1);
    }

    /// Returns how many threads this one has started.
    pub(crate) fn by_this_thread() -> usize {
        STARTED.get()
    }
}
