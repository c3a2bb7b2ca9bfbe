//! Operations between two stores.

use crate::edge::{self, Access, Remote, cancelled};
use crate::error::{ErrorKind, Result};

/// Runs `work` as [`edge::run`] does, with requests to two stores: that of the source first. It is executed as the target says.
///
/// # Cancellation
///
/// As [`edge::run`].
pub(crate) async fn between<T: Send + 'static>(
    source: Access,
    target: Access,
    name: &'static str,
    work: impl FnOnce(&Remote, &Remote) -> Result<T> + Send + 'static,
) -> Result<T> {
    // Inline, nobody would serve the one while the other works.
    let source = source.executed_like(&target);
    let (lend, borrow) = crossbeam_channel::bounded(1);
    // The source is served for as long as what was lent of it is in use.
    let lender = edge::run(source, name, move |remote| {
        drop(lend.send(remote.clone()));
        Ok(())
    });
    let borrower = edge::run(target, name, move |target| {
        let source = borrow.recv().map_err(|_| cancelled())?;
        work(&source, target)
    });
    match futures::future::join(lender, borrower).await {
        (Err(cause), Err(error)) if error.kind() == ErrorKind::Cancelled => Err(cause),
        (_, result) => result,
    }
}
