//! A store as the synchronous code of a check sees it.

use std::ops::Range;
use std::sync::Arc;

use bytes::Bytes;
use futures::FutureExt as _;
use futures::future::BoxFuture;
use strongroom_format::object_name::ObjectName;
use strongroom_format::{PackClass, PackRef};
use strongroom_store::manners::Manners;
use strongroom_store::{
    Capabilities, ErrorKind as StoreErrorKind, GetOptions, Key, StorageClass, Store,
};

use super::{MAX_CONCURRENCY, cancelled};
use crate::error::{Error, Result};

pub(super) type Work = BoxFuture<'static, ()>;
pub(super) type Request = Box<dyn FnOnce(Arc<dyn Store>) -> Work + Send>;

/// A store as synchronous code sees it: it reads objects, and nothing else.
#[derive(Clone)]
pub(crate) struct Remote {
    requests: async_channel::Sender<Request>,
    waits: async_channel::Sender<Request>,
    concurrency: usize,
    near: bool,
    manners: Manners,
}

impl std::fmt::Debug for Remote {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Remote")
    }
}

/// Why an object could not be read, where that is a finding and no reason to stop.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Unread {
    /// It does not exist.
    Missing,
    /// It is shorter than the part that was asked for.
    TooShort,
    /// It is above the limit of objects.
    TooLarge,
    /// The store fails on this object, as a disk with a bad sector does.
    Failed,
    /// It is in cold storage. That says nothing about it.
    Cold,
}

/// What a read gave.
pub(crate) type Got = std::result::Result<Bytes, Unread>;

/// The answer to a request, once it is there.
#[derive(Debug)]
pub(crate) struct Ticket(crossbeam_channel::Receiver<Result<Got>>);

impl Ticket {
    /// Waits for the answer.
    ///
    /// # Errors
    ///
    /// `Unavailable` and `PermissionDenied` of the store, which say that nothing can be looked at.
    pub(crate) fn wait(self) -> Result<Got> {
        self.0.recv().unwrap_or_else(|_| Err(cancelled()))
    }
}

impl Remote {
    pub(super) fn new(
        requests: async_channel::Sender<Request>,
        waits: async_channel::Sender<Request>,
        capabilities: &Capabilities,
        manners: Manners,
    ) -> Self {
        Self {
            requests,
            waits,
            concurrency: capabilities.concurrency.clamp(1, MAX_CONCURRENCY),
            near: capabilities.near,
            manners,
        }
    }

    /// Is called before each batch of work, and returns once it may begin.
    ///
    /// # Errors
    ///
    /// That the check was cancelled, also while this waits.
    pub(crate) fn before_batch(&self) -> Result<()> {
        if self.waits.is_closed() {
            return Err(cancelled());
        }
        let Some(wait) = self.manners.before_batch() else {
            return Ok(());
        };
        let (reply, answer) = crossbeam_channel::bounded(1);
        let request: Request = Box::new(move |_store| {
            async move {
                wait.await;
                // It is waited for below, unless that thread has ended.
                let _ = reply.send(());
            }
            .boxed()
        });
        // A closed queue drops the request and with it the reply.
        drop(self.waits.send_blocking(request));
        answer.recv().map_err(|_| cancelled())
    }

    /// Whether many requests for parts of an object serve as well as one for the whole.
    pub(crate) fn is_near(&self) -> bool {
        self.near
    }

    /// Returns how many requests serve the store best.
    pub(crate) fn concurrency(&self) -> usize {
        self.concurrency
    }

    /// Begins to read an object, or a range of it.
    pub(crate) fn get_later(&self, name: &ObjectName, range: Option<Range<u64>>) -> Ticket {
        self.get_with(name, range, GetOptions::default())
    }

    /// Begins to read a pack, or a range of it. Of those with content the store is told that they may be in its cold class.
    pub(crate) fn get_pack_later(&self, pack: &PackRef, range: Option<Range<u64>>) -> Ticket {
        let class = match pack.class {
            PackClass::Data => StorageClass::Cold,
            PackClass::Names | PackClass::Pages => StorageClass::Hot,
        };
        let options = GetOptions::default().with_class(class);
        self.get_with(&ObjectName::Pack(pack.name), range, options)
    }

    fn get_with(
        &self,
        name: &ObjectName,
        range: Option<Range<u64>>,
        options: GetOptions,
    ) -> Ticket {
        let key = Key::parse(&name.to_string());
        let (reply, answer) = crossbeam_channel::bounded(1);
        let request: Request = Box::new(move |store| {
            async move {
                let result = match key {
                    Ok(key) => read(store, key, range, options).await,
                    Err(error) => Err(Error::from(error)),
                };
                // Whoever asked may have gone on without the answer.
                drop(reply.send(result));
            }
            .boxed()
        });
        // A closed queue drops the request and with it the reply, which the ticket reads as cancelled.
        drop(self.requests.send_blocking(request));
        Ticket(answer)
    }

    /// Reads an object, or a range of it.
    ///
    /// # Errors
    ///
    /// As [`Ticket::wait`].
    pub(crate) fn get(&self, name: &ObjectName, range: Option<Range<u64>>) -> Result<Got> {
        self.get_later(name, range).wait()
    }
}

async fn read(
    store: Arc<dyn Store>,
    key: Key,
    range: Option<Range<u64>>,
    options: GetOptions,
) -> Result<Got> {
    // What is looked at is the store, not what is kept of it on this machine.
    let mut options = options.with_fresh(true);
    if let Some(range) = range {
        options = options.with_range(range);
    }
    let first = store.get(&key, options.clone()).await;
    let result = match first {
        // A disk that fails once may succeed: before it is called damaged it is asked again.
        Err(error) if error.kind() == StoreErrorKind::Other => store.get(&key, options).await,
        other => other,
    };
    match result {
        Ok(bytes) => Ok(Ok(bytes)),
        Err(error) => match error.kind() {
            StoreErrorKind::NotFound => Ok(Err(Unread::Missing)),
            StoreErrorKind::InvalidRange => Ok(Err(Unread::TooShort)),
            StoreErrorKind::TooLarge => Ok(Err(Unread::TooLarge)),
            StoreErrorKind::Other => Ok(Err(Unread::Failed)),
            StoreErrorKind::Archived => Ok(Err(Unread::Cold)),
            _ => Err(Error::from(error)),
        },
    }
}
