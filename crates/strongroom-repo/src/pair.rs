//! Operations on several stores.

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

/// Runs `work` as [`edge::run`] does on `main`, with requests to any number of other stores beside it, in their order.
///
/// # Cancellation
///
/// As [`edge::run`].
pub(crate) async fn among<T: Send + 'static>(
    others: Vec<Access>,
    main: Access,
    name: &'static str,
    work: impl FnOnce(&[Remote], &Remote) -> Result<T> + Send + 'static,
) -> Result<T> {
    let count = others.len();
    let (lend, borrow) = crossbeam_channel::bounded(count.max(1));
    let lenders = others.into_iter().enumerate().map(|(at, other)| {
        let lend = lend.clone();
        // The others are served for as long as what was lent of them is in use.
        edge::run(other.executed_like(&main), name, move |remote| {
            drop(lend.send((at, remote.clone())));
            Ok(())
        })
    });
    let lenders = futures::future::join_all(lenders.collect::<Vec<_>>());
    drop(lend);
    let borrower = edge::run(main, name, move |main| {
        let mut lent = Vec::with_capacity(count);
        for _ in 0..count {
            lent.push(borrow.recv().map_err(|_| cancelled())?);
        }
        lent.sort_by_key(|(at, _)| *at);
        let others: Vec<Remote> = lent.into_iter().map(|(_, remote)| remote).collect();
        work(&others, main)
    });
    let (lent, result) = futures::future::join(lenders, borrower).await;
    match result {
        Err(error) if error.kind() == ErrorKind::Cancelled => {
            match lent.into_iter().find_map(Result::err) {
                Some(cause) => Err(cause),
                None => Err(error),
            }
        }
        result => result,
    }
}
