//! A store as the synchronous code of an operation sees it.

use std::ops::Range;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;

use bytes::Bytes;
use futures::FutureExt as _;
use futures::future::BoxFuture;
use strongroom_format::object_name::ObjectName;
use strongroom_format::{ObjectKind, PackClass, Preamble};
use strongroom_store::manners::Wait;
use strongroom_store::wrap::Sleep;
use strongroom_store::{
    ErrorKind as StoreErrorKind, GetOptions, Key, ObjectMeta, Prefix, ProbeOptions, Probed,
    PutMode, PutOptions, Retention, StorageClass, Store, StoreExt as _, Warmer, Warmth, probe,
};

use super::{Alone, Terms, cancelled, drive, read_only};
use crate::error::{Error, ErrorKind, Result};
use crate::locks::{HiddenObject, hidden_objects};
use crate::settings::Execution;

pub(super) type Work = BoxFuture<'static, ()>;
pub(super) type Request = Box<dyn FnOnce(Arc<dyn Store>) -> Work + Send>;

/// A store as an operation's synchronous code sees it.
#[derive(Clone)]
pub(crate) struct Remote {
    carrier: Carrier,
    terms: Terms,
}

/// Who carries requests out.
#[derive(Clone)]
enum Carrier {
    /// The polled future takes them from queues.
    Queues(Queues),
    /// Whoever asks, before it goes on.
    Caller(Arc<dyn Store>),
}

/// What the polled future takes requests from.
#[derive(Clone)]
pub(super) struct Queues {
    pub(super) reads: async_channel::Sender<Request>,
    pub(super) writes: async_channel::Sender<Request>,
    /// What asks nothing of the store.
    pub(super) waits: async_channel::Sender<Request>,
}

/// Which of the queues a request goes to.
#[derive(Debug, Clone, Copy)]
enum Queue {
    Reads,
    Writes,
    Waits,
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
    pub(super) fn queued(queues: Queues, terms: Terms) -> Self {
        let carrier = Carrier::Queues(queues);
        Self { carrier, terms }
    }

    /// Makes one that carries each request out before it returns the ticket.
    pub(super) fn inline(store: Arc<dyn Store>, terms: Terms) -> Self {
        let carrier = Carrier::Caller(store);
        Self { carrier, terms }
    }

    /// Says whether requests that change the store are refused, with `ReadOnly`.
    fn is_read_only(&self) -> bool {
        self.terms.read_only.load(Ordering::SeqCst)
    }

    /// Says how the operation is to be executed.
    pub(crate) fn execution(&self) -> Execution {
        match self.carrier {
            Carrier::Queues(_) => Execution::Threads,
            Carrier::Caller(_) => Execution::Inline,
        }
    }

    /// Says whether the caller has gone.
    pub(crate) fn is_cancelled(&self) -> bool {
        match &self.carrier {
            Carrier::Queues(queues) => queues.reads.is_closed(),
            // It is waiting for us to return.
            Carrier::Caller(_) => false,
        }
    }

    /// Is called before each batch of work, and returns once it may begin.
    ///
    /// # Errors
    ///
    /// `Cancelled` when the caller has gone, also while this waits.
    pub(crate) fn before_batch(&self) -> Result<()> {
        if self.is_cancelled() {
            return Err(cancelled());
        }
        self.wait(self.terms.manners.before_batch())
    }

    /// Is called in long work, before each step that is small beside a batch, such as a page of a tree. Requests are such steps by themselves.
    ///
    /// # Errors
    ///
    /// As [`before_batch`](Self::before_batch).
    pub(crate) fn before_step(&self) -> Result<()> {
        if self.is_cancelled() {
            return Err(cancelled());
        }
        self.wait(self.terms.manners.before_step())
    }

    /// Is called with what was read from a source, and returns once more may be.
    ///
    /// # Errors
    ///
    /// As [`before_batch`](Self::before_batch).
    pub(crate) fn has_read(&self, bytes: u64) -> Result<()> {
        self.wait(self.terms.manners.read(bytes))
    }

    /// Is called with what is to be written to a target, and returns once it may be.
    ///
    /// # Errors
    ///
    /// As [`before_batch`](Self::before_batch).
    pub(crate) fn before_write(&self, bytes: u64) -> Result<()> {
        self.wait(self.terms.manners.write(bytes))
    }

    fn wait(&self, wait: Option<Wait>) -> Result<()> {
        match wait {
            None => Ok(()),
            Some(wait) => self
                .send(Queue::Waits, move |_store| async move {
                    wait.await;
                    Ok(())
                })
                .wait(),
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

    /// Reads a whole object from the store itself, past what its wrappers keep.
    pub(crate) fn get_fresh(&self, key: &Key) -> Result<Bytes> {
        let fresh = GetOptions::default().with_fresh(true);
        self.get_with(key, None, fresh).wait()
    }

    /// Begins to read a pack, or a range of it.
    pub(crate) fn get_pack_later(
        &self,
        key: &Key,
        class: PackClass,
        range: Option<Range<u64>>,
    ) -> Ticket<Bytes> {
        self.get_pack_with(key, class, range, GetOptions::default())
    }

    /// Likewise, from the store itself, past what its wrappers keep.
    pub(crate) fn get_pack_fresh_later(
        &self,
        key: &Key,
        class: PackClass,
        range: Option<Range<u64>>,
    ) -> Ticket<Bytes> {
        let fresh = GetOptions::default().with_fresh(true);
        self.get_pack_with(key, class, range, fresh)
    }

    fn get_pack_with(
        &self,
        key: &Key,
        class: PackClass,
        range: Option<Range<u64>>,
        options: GetOptions,
    ) -> Ticket<Bytes> {
        // Where the classes are in different places, content is most often with the cold ones, whatever this client's settings say.
        let class = match class {
            PackClass::Data => StorageClass::Cold,
            PackClass::Names | PackClass::Pages => StorageClass::Hot,
        };
        self.get_with(key, range, options.with_class(class))
    }

    fn get_with(
        &self,
        key: &Key,
        range: Option<Range<u64>>,
        mut options: GetOptions,
    ) -> Ticket<Bytes> {
        let key = key.clone();
        options.range = range;
        options.fresh |= self.terms.fresh;
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
        self.put_with(key, data, PutMode::Create)
    }

    /// Begins to write an object that is named by its hash. One that is there already is the one that was to be written, if it holds
    /// the same: an acknowledgement was lost. Waits like [`put_later`](Self::put_later).
    ///
    /// The ticket's errors: `Conflict` naming the object when what is there is something else, as a store leaves it that writes in place when
    /// a put was cut off; otherwise what the store said.
    pub(crate) fn put_hashed_later(&self, key: &Key, data: Bytes) -> Ticket<()> {
        self.put_hashed_holding(key, data, ())
    }

    /// As [`put_hashed_later`](Self::put_hashed_later), and drops `held` when the store has answered.
    pub(crate) fn put_hashed_holding(
        &self,
        key: &Key,
        data: Bytes,
        held: impl Send + 'static,
    ) -> Ticket<()> {
        let prepared = self.prepare(key, &data, PutMode::Create);
        let (options, alone) = match prepared {
            Ok(options) => (options, Arc::clone(&self.terms.alone)),
            Err(error) => return Ticket::failed(error),
        };
        let key = key.clone();
        self.send(Queue::Writes, move |store| async move {
            let class = options.class;
            let _held = held;
            match alone.put(store.as_ref(), &key, data.clone(), options).await {
                Err(error) if error.kind() == StoreErrorKind::AlreadyExists => {
                    holds(store.as_ref(), &key, &data, class).await
                }
                other => Ok(other?),
            }
        })
    }

    /// Writes an object that is named by its hash.
    pub(crate) fn put_hashed(&self, key: &Key, data: Bytes) -> Result<()> {
        self.put_hashed_later(key, data).wait()
    }

    /// Begins to write an object, in the place of one that may be there. Waits like [`put_later`](Self::put_later).
    pub(crate) fn replace_later(&self, key: &Key, data: Bytes) -> Ticket<()> {
        self.put_with(key, data, PutMode::Overwrite)
    }

    fn put_with(&self, key: &Key, data: Bytes, mode: PutMode) -> Ticket<()> {
        let options = match self.prepare(key, &data, mode) {
            Ok(options) => options,
            Err(error) => return Ticket::failed(error),
        };
        let key = key.clone();
        let alone = Arc::clone(&self.terms.alone);
        self.send(Queue::Writes, move |store| async move {
            Ok(alone.put(store.as_ref(), &key, data, options).await?)
        })
    }

    /// Waits until an object may be put, and says how: for how long it is locked counts from now.
    fn prepare(&self, key: &Key, data: &[u8], mode: PutMode) -> Result<PutOptions> {
        self.wait(self.terms.manners.before_step())?;
        if self.is_read_only() {
            return Err(read_only());
        }
        let mut options = PutOptions::default()
            .with_mode(mode)
            .with_class(self.class_of(data));
        if let Some(locker) = &self.terms.locker {
            options.retention = locker.retention(key)?;
        }
        Ok(options)
    }

    /// Returns the class that an object is put in: what it is, its first bytes say.
    fn class_of(&self, data: &[u8]) -> StorageClass {
        let is_content = |preamble: Preamble| {
            preamble.kind == ObjectKind::Pack && preamble.flags == PackClass::Data as u16
        };
        match self.terms.cold_content && Preamble::decode(data).is_ok_and(is_content) {
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

    /// Returns how objects are locked that are put now, if they are.
    pub(crate) fn lock_target(&self) -> Result<Option<Retention>> {
        let target = self.terms.locker.as_ref().map(|locker| locker.target());
        target.transpose()
    }

    /// Asks how an object is locked.
    pub(crate) fn retention_later(&self, key: &Key) -> Ticket<Option<Retention>> {
        let key = key.clone();
        self.ask(Queue::Reads, move |store| async move {
            let lock = store.object_lock().ok_or_else(cannot_lock)?;
            Ok(lock.retention(&key).await?)
        })
    }

    /// Asks which objects are hidden, of those whose names are written once; `None` if the store does not know.
    pub(crate) fn hidden(&self) -> Result<Option<Vec<(ObjectName, HiddenObject)>>> {
        self.ask(Queue::Reads, move |store| async move {
            let found = hidden_objects(store.as_ref()).await?;
            let named = |found: Vec<_>| {
                let found = found.into_iter();
                found.map(|(_, name, object)| (name, object)).collect()
            };
            Ok(found.map(named))
        })
        .wait()
    }

    /// Begins to lock an object longer.
    pub(crate) fn extend_later(&self, key: &Key, to: Retention) -> Ticket<()> {
        if self.is_read_only() {
            return Ticket::failed(read_only());
        }
        let key = key.clone();
        self.ask(Queue::Reads, move |store| async move {
            let lock = store.object_lock().ok_or_else(cannot_lock)?;
            Ok(lock.extend(&key, to).await?)
        })
    }

    /// Finds out what the store does, with objects below `scratch`, a folder in `session/`, and where packs are, and what it calls
    /// itself.
    pub(crate) fn probe(
        &self,
        scratch: &Prefix,
        options: ProbeOptions,
    ) -> Result<(Probed, String)> {
        if self.is_read_only() {
            return Err(read_only());
        }
        let scratch = scratch.clone();
        self.ask(Queue::Writes, move |store| async move {
            let mut probed = probe(store.as_ref(), &scratch, options).await?;
            if store.capabilities().split {
                let packs = Prefix::parse(&format!(
                    "pack/{}",
                    scratch.as_str().replacen("session/", "", 1)
                ))?;
                let options = options.without_race();
                probed = probed.with_part(probe(store.as_ref(), &packs, options).await?);
            }
            Ok((probed, store.to_string()))
        })
        .wait()
    }

    /// Waits. It ends early, with `Cancelled`, when the caller goes.
    pub(crate) fn sleep(&self, sleep: &Arc<dyn Sleep>, duration: Duration) -> Result<()> {
        let sleep = Arc::clone(sleep);
        self.send(Queue::Waits, move |_store| async move {
            sleep.sleep(duration).await;
            Ok(())
        })
        .wait()
    }

    /// Makes a request of the store, once it may be made.
    fn ask<T, F>(
        &self,
        queue: Queue,
        request: impl FnOnce(Arc<dyn Store>) -> F + Send + 'static,
    ) -> Ticket<T>
    where
        T: Send + 'static,
        F: Future<Output = Result<T>> + Send,
    {
        match self.wait(self.terms.manners.before_step()) {
            Ok(()) => self.send(queue, request),
            Err(error) => Ticket::failed(error),
        }
    }

    fn send<T, F>(
        &self,
        queue: Queue,
        request: impl FnOnce(Arc<dyn Store>) -> F + Send + 'static,
    ) -> Ticket<T>
    where
        T: Send + 'static,
        F: Future<Output = Result<T>> + Send,
    {
        let queues = match &self.carrier {
            Carrier::Caller(store) => {
                return Ticket(Answer::Now(drive::to_end(request(store.clone()))));
            }
            Carrier::Queues(queues) => queues,
        };
        let queue = match queue {
            Queue::Reads => &queues.reads,
            Queue::Writes => &queues.writes,
            Queue::Waits => &queues.waits,
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

/// Makes sure that an object that is there holds what was to be written. Of one in cold storage the length has to do.
async fn holds(store: &dyn Store, key: &Key, data: &Bytes, class: StorageClass) -> Result<()> {
    let differs = || {
        let what = "an object that is there under this name is not what the name says; what is started again takes another name";
        Err(Error::new(ErrorKind::Conflict, what).object_named(key.to_string()))
    };
    if store.head(key).await?.len != data.len() as u64 {
        return differs();
    }
    let options = GetOptions::default().with_class(class).with_fresh(true);
    match store.get(key, options).await {
        Ok(there) if there == data => Ok(()),
        Ok(_) => differs(),
        Err(error) if error.kind() == StoreErrorKind::Archived => Ok(()),
        Err(error) => Err(error.into()),
    }
}

/// Makes the error of a store that locks nothing.
fn cannot_lock() -> Error {
    Error::new(ErrorKind::Invalid, "the store cannot lock objects")
}

impl Alone {
    /// Puts an object. Where the store refuses conditions and nobody else writes, looks whether it is there instead.
    async fn put(
        &self,
        store: &dyn Store,
        key: &Key,
        data: Bytes,
        options: PutOptions,
    ) -> strongroom_store::Result<()> {
        let may_look = options.mode == PutMode::Create
            && options.retention.is_none()
            && self.one_writer.load(Ordering::SeqCst);
        if !may_look {
            return store.put(key, data, options).await;
        }
        if !self.refuses_conditions.load(Ordering::SeqCst) {
            match store.put(key, data.clone(), options.clone()).await {
                Err(error) if error.kind() == StoreErrorKind::Unsupported => {
                    self.refuses_conditions.store(true, Ordering::SeqCst);
                }
                other => return other,
            }
        }
        if store.exists(key).await? {
            let there = StoreErrorKind::AlreadyExists;
            return Err(strongroom_store::Error::new(there, "put").with_key(key));
        }
        let options = options.with_mode(PutMode::Overwrite);
        store.put(key, data, options).await
    }
}
