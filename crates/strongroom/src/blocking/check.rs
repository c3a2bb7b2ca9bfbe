//! Checks for programs that are not async.

use std::sync::Arc;

use strongroom_verify::{Auditor, CheckOptions, Error, ErrorKind, Observer, Report, Result};

use super::thread::Thread;

/// Runs [`Auditor::check`] on a thread of its own and waits for it.
///
/// # Errors
///
/// As [`Auditor::check`]; `Internal` when there is no thread to be had.
pub fn check(
    auditor: Auditor,
    options: CheckOptions,
    observer: Arc<dyn Observer>,
) -> Result<Report> {
    let thread = Thread::start()
        .map_err(|error| Error::new(ErrorKind::Internal, "no thread").with_source(error))?;
    thread.run(async move { auditor.check(options, observer).await })
}
