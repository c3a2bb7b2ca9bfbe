//! A store as the synchronous code of an operation sees it.

use std::ops::Range;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use bytes::Bytes;
use futures::FutureExt as _;
use futures::future::BoxFuture;
use strongroom_format::{ObjectKind, PackClass, Preamble};
use strongroom_store::wrap::Sleep;
use strongroom_store::{
    GetOptions, Key, ObjectMeta, Prefix, PutMode, PutOptions, StorageClass, Store, StoreExt as _,
    Warmer, Warmth, probe_atomic_create,
};

use super::{cancelled, drive, read_only};
use crate::error::{Error, Result};
use crate::settings::Execution;

pub(super) type Work = BoxFuture<'static, ()>;
pub(super) type Request = Box<dyn FnOnce(Arc<dyn Store>) -> Work + Send>;

/// A store as an operation's synchronous code sees it.
#[derive(Clone)]
pub(crate) struct Remote {
    carrier: Carrier,
    mode: Mode,
}

/// What is written, and how.
#[derive(Debug, Clone)]
pub(super) struct Mode {
    /// Nothing is while it says so.
    pub(super) read_only: Arc<AtomicBool>,
    /// Packs of content are put in the cold class.
    pub(super) cold_content: bool,
}

/// Who carries requests out.
#[derive(Clone)]
enum Carrier {
    /// The polled future takes them from queues.
    Queues {
        reads: async_channel::Sender<Request>,
        writes: async_channel::Sender<Request>,
    },
    /// Whoever asks, before it goes on.
    Caller(Arc<dyn Store>),
}

/// Which of the queues a request goes to.
#[derive(Debug, Clone, Copy)]
enum Queue {
    Reads,
    Writes,
}

impl std::fmt::Debug for Remote {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Remote")
    }
}

/// The answer to a request, once it is there.
#[derive(Debug)]
pub(crate) struct Ticket<T>(Answer<T>);

#[derive(Debug)]
enum Answer<T> {
    Later(crossbeam_channel::Receiver<Result<T>>),
    Now(Result<T>),
}

impl<T> Ticket<T> {
    /// Waits for the answer.
    pub(crate) fn wait(self) -> Result<T> {
        match self.0 {
            Answer::Later(answer) => answer.recv().unwrap_or_else(|_| Err(cancelled())),
            Answer::Now(answer) => answer,
        }
    }

    /// Says whether `wait` would return at once.
    pub(crate) fn is_ready(&self) -> bool {
        match &self.0 {
            Answer::Later(answer) => !answer.is_empty(),
            Answer::Now(_) => true,
        }
    }

    /// Makes a ticket of a request that could not be made.
    pub(crate) fn failed(error: Error) -> Self {
        Self(Answer::Now(Err(error)))
    }
}

impl Remote {
    /// Makes one whose requests go into queues.
    pub(super) fn queued(
        reads: async_channel::Sender<Request>,
        writes: async_channel::Sender<Request>,
        mode: Mode,
    ) -> Self {
        let carrier = Carrier::Queues { reads, writes };
        Self { carrier, mode }
    }

    /// Makes one that carries each request out before it returns the ticket.
    pub(super) fn inline(store: Arc<dyn Store>, mode: Mode) -> Self {
        let carrier = Carrier::Caller(store);
        Self { carrier, mode }
    }

    /// Says whether requests that change the store are refused, with `ReadOnly`.
    fn is_read_only(&self) -> bool {
        self.mode.read_only.load(Ordering::SeqCst)
    }

    /// Says how the operation is to be executed.
    pub(crate) fn execution(&self) -> Execution {
        match self.carrier {
            Carrier::Queues { .. } => Execution::Threads,
            Carrier::Caller(_) => Execution::Inline,
        }
    }

    /// Says whether the caller has gone; long work that makes no request looks from time to time.
    pub(crate) fn is_cancelled(&self) -> bool {
        match &self.carrier {
            Carrier::Queues { reads, .. } => reads.is_closed(),
            // It is waiting for us to return.
            Carrier::Caller(_) => false,
        }
    }

    /// Reads an object, or a range of it.
    pub(crate) fn get(&self, key: &Key, range: Option<Range<u64>>) -> Result<Bytes> {
        self.get_later(key, range).wait()
    }

    /// Begins to read an object, or a range of it.
    pub(crate) fn get_later(&self, key: &Key, range: Option<Range<u64>>) -> Ticket<Bytes> {
        self.get_with(key, range, GetOptions::default())
    }

    /// Begins to read a pack, or a range of it.
    pub(crate) fn get_pack_later(
        &self,
        key: &Key,
        class: PackClass,
        range: Option<Range<u64>>,
    ) -> Ticket<Bytes> {
        let options = GetOptions::default();
        let options = match class {
            PackClass::Data if self.mode.cold_content => options.with_class(StorageClass::Cold),
            // Others may have put it in the cold class.
            PackClass::Data => options,
            PackClass::Names | PackClass::Pages => options.with_class(StorageClass::Hot),
        };
        self.get_with(key, range, options)
    }

    fn get_with(
        &self,
        key: &Key,
        range: Option<Range<u64>>,
        mut options: GetOptions,
    ) -> Ticket<Bytes> {
        let key = key.clone();
        options.range = range;
        self.ask(Queue::Reads, move |store| async move {
            store.get(&key, options).await.map_err(Error::from)
        })
    }

    /// Begins to ask whether an object can be read.
    pub(crate) fn warmth_later(&self, warmer: &Arc<dyn Warmer>, key: &Key) -> Ticket<Warmth> {
        let (warmer, key) = (Arc::clone(warmer), key.clone());
        self.ask(Queue::Reads, move |_store| async move {
            Ok(warmer.warmth(&key).await?)
        })
    }

    /// Asks for objects to be warmed up.
    pub(crate) fn warm(&self, warmer: &Arc<dyn Warmer>, keys: Vec<Key>) -> Result<()> {
        let warmer = Arc::clone(warmer);
        self.ask(Queue::Reads, move |_store| async move {
            Ok(warmer.warm(&keys).await?)
        })
        .wait()
    }

    /// Returns an object's length.
    pub(crate) fn head(&self, key: &Key) -> Result<ObjectMeta> {
        let key = key.clone();
        self.ask(Queue::Reads, move |store| async move {
            Ok(store.head(&key).await?)
        })
        .wait()
    }

    /// Lists what begins with a prefix, in the order of keys.
    pub(crate) fn list(&self, prefix: &Prefix) -> Result<Vec<ObjectMeta>> {
        let prefix = prefix.clone();
        self.ask(Queue::Reads, move |store| async move {
            Ok(store.list_all(&prefix).await?)
        })
        .wait()
    }

    /// Begins to write an object that is not there. Waits while too many puts are on their way.
    pub(crate) fn put_later(&self, key: &Key, data: Bytes) -> Ticket<()> {
        if self.is_read_only() {
            return Ticket::failed(read_only());
        }
        let (key, class) = (key.clone(), self.class_of(&data));
        self.ask(Queue::Writes, move |store| async move {
            let options = PutOptions::default()
                .with_mode(PutMode::Create)
                .with_class(class);
            Ok(store.put(&key, data, options).await?)
        })
    }

    /// Begins to write an object, in the place of one that may be there. Waits like [`put_later`](Self::put_later).
    pub(crate) fn replace_later(&self, key: &Key, data: Bytes) -> Ticket<()> {
        if self.is_read_only() {
            return Ticket::failed(read_only());
        }
        let (key, class) = (key.clone(), self.class_of(&data));
        self.ask(Queue::Writes, move |store| async move {
            let options = PutOptions::default()
                .with_mode(PutMode::Overwrite)
                .with_class(class);
            Ok(store.put(&key, data, options).await?)
        })
    }

    /// Returns the class that an object is put in: what it is, its first bytes say.
    fn class_of(&self, data: &[u8]) -> StorageClass {
        let is_content = |preamble: Preamble| {
            preamble.kind == ObjectKind::Pack && preamble.flags == PackClass::Data as u16
        };
        match self.mode.cold_content && Preamble::decode(data).is_ok_and(is_content) {
            true => StorageClass::Cold,
            false => StorageClass::Hot,
        }
    }

    /// Writes an object that is not there.
    pub(crate) fn put(&self, key: &Key, data: Bytes) -> Result<()> {
        self.put_later(key, data).wait()
    }

    /// Writes an object in the place of whatever is there. Only for bytes that are known to be the ones that belong there.
    pub(crate) fn replace(&self, key: &Key, data: Bytes) -> Result<()> {
        self.replace_later(key, data).wait()
    }

    /// Deletes an object, present or not.
    pub(crate) fn delete(&self, key: &Key) -> Result<()> {
        self.delete_later(key).wait()
    }

    /// Begins to delete an object, present or not. It carries no bytes, so there may be as many at once as of reads.
    pub(crate) fn delete_later(&self, key: &Key) -> Ticket<()> {
        if self.is_read_only() {
            return Ticket::failed(read_only());
        }
        let key = key.clone();
        self.ask(Queue::Reads, move |store| async move {
            Ok(store.delete(&key).await?)
        })
    }

    /// Finds out whether the store decides races between creators, with objects below `scratch`.
    pub(crate) fn probe_atomic_create(&self, scratch: &Prefix) -> Result<bool> {
        let scratch = scratch.clone();
        self.ask(Queue::Writes, move |store| async move {
            Ok(probe_atomic_create(store.as_ref(), &scratch).await?)
        })
        .wait()
    }

    /// Waits. It ends early, with `Cancelled`, when the caller goes.
    pub(crate) fn sleep(&self, sleep: &Arc<dyn Sleep>, duration: Duration) -> Result<()> {
        let sleep = Arc::clone(sleep);
        self.ask(Queue::Reads, move |_store| async move {
            sleep.sleep(duration).await;
            Ok(())
        })
        .wait()
    }

    fn ask<T, F>(
        &self,
        queue: Queue,
        request: impl FnOnce(Arc<dyn Store>) -> F + Send + 'static,
    ) -> Ticket<T>
    where
        T: Send + 'static,
        F: Future<Output = Result<T>> + Send,
    {
        let queue = match (&self.carrier, queue) {
            (Carrier::Caller(store), _) => {
                return Ticket(Answer::Now(drive::to_end(request(store.clone()))));
            }
            (Carrier::Queues { reads, .. }, Queue::Reads) => reads,
            (Carrier::Queues { writes, .. }, Queue::Writes) => writes,
        };
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
        Ticket(Answer::Later(answer))
    }
}
