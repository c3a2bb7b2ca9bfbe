//! The seam between the engine and whatever keeps its bytes.

use std::fmt::{Debug, Display};
use std::ops::Range;
use std::sync::Arc;

use async_trait::async_trait;
use bytes::Bytes;
use futures::stream::{self, BoxStream, StreamExt, TryStreamExt};

use crate::error::{Error, ErrorKind, Result};
use crate::key::{Key, Prefix};
use crate::lock::ObjectLock;
use crate::options::{Capabilities, GetOptions, ObjectMeta, PutMode, PutOptions};

/// The largest object, in bytes: what one call may have to hold in memory.
pub const MAX_OBJECT_BYTES: usize = 256 << 20;

/// A place where named bytes are kept.
///
/// Implement it to plug in a storage of your own, and run the functions of `conformance` (feature
/// of that name) on it. To use a store, call [`StoreExt`]. `Display` names the store to a person.
///
/// # Contract
///
/// 1. `put` is atomic and durable when it returns: whoever reads sees the whole object or none (or,
///    when it replaces, the whole old one), and it survives the loss of power.
/// 2. Of concurrent `put`s that create one key, one succeeds; the others fail with
///    [`AlreadyExists`](ErrorKind::AlreadyExists) and change nothing. A store that cannot promise
///    this says so in [`Capabilities::atomic_create`].
/// 3. After `put` returns, `get`, `head` and `list` see the object; after `delete` returns, they do
///    not.
/// 4. A range is served exactly, or fails with [`InvalidRange`](ErrorKind::InvalidRange) if it
///    ends before it starts or reaches beyond the object. An empty range within it is empty bytes.
/// 5. `delete` of a missing object succeeds.
/// 6. `list` yields each present object once, in any order, with its length. It sees those that
///    were there all along; one put or deleted meanwhile may be missed. A list that fails says so
///    with an `Err`, after which it ends: it is never quietly short.
/// 7. A dropped future leaves the object absent or whole (or, when it replaces, old or new).
/// 8. Errors have the right kind. Missing, denied and unreachable are never confused, because *not
///    found* is what makes a pruner delete. An object above [`MAX_OBJECT_BYTES`] is
///    [`TooLarge`](ErrorKind::TooLarge) for `put`, and for `get` before anything is allocated.
/// 9. Every [`Key`] up to [`Capabilities::key_len_max`] is accepted and has an object of its own.
///    Callers for their part never use a key that is a folder of another (`a` beside `a/b`).
///
/// # Cancellation
///
/// Dropping any future is safe (law 7); a `put` or `delete` may still take effect afterwards.
#[async_trait]
pub trait Store: Debug + Display + Send + Sync + 'static {
    /// Returns what the store can do. Costs nothing and never changes.
    fn capabilities(&self) -> Capabilities;

    /// Stores an object whole.
    ///
    /// # Errors
    ///
    /// `AlreadyExists` if it is to be created and exists, `TooLarge`, `NoSpace`,
    /// `PermissionDenied`, `Unavailable`, `Invalid` if the key is a folder of others, `Unsupported` if it
    /// is to be locked and the store cannot, `NoStore`, `Other`. After `Unavailable` and `Other` it may have been stored all the same, durably or not.
    async fn put(&self, key: &Key, data: Bytes, options: PutOptions) -> Result<()>;

    /// Returns an object or a range of it.
    ///
    /// # Errors
    ///
    /// `NotFound`, `InvalidRange`, `TooLarge`, `PermissionDenied`, `Archived`, `Unavailable`, `NoStore`, `Other`.
    async fn get(&self, key: &Key, options: GetOptions) -> Result<Bytes>;

    /// Returns what is known of an object without reading it.
    ///
    /// # Errors
    ///
    /// `NotFound`, `PermissionDenied`, `Unavailable`, `Other`.
    async fn head(&self, key: &Key) -> Result<ObjectMeta>;

    /// Makes an object absent, whether or not it was there.
    ///
    /// # Errors
    ///
    /// `PermissionDenied`, `Unsupported`, `Unavailable`, `Other`.
    async fn delete(&self, key: &Key) -> Result<()>;

    /// Yields every object in a folder, at any depth.
    fn list(&self, prefix: &Prefix) -> BoxStream<'static, Result<ObjectMeta>>;

    /// Returns the way to lock objects, for a store that can; [`Capabilities::object_lock`] says the same. A store around a store
    /// forwards it.
    fn object_lock(&self) -> Option<&dyn ObjectLock> {
        None
    }
}

/// What users of a store call: implemented for every [`Store`], never by hand.
#[async_trait]
pub trait StoreExt: Store {
    /// Returns the whole object.
    ///
    /// # Errors
    ///
    /// As [`Store::get`].
    async fn get_all(&self, key: &Key) -> Result<Bytes> {
        self.get(key, GetOptions::default()).await
    }

    /// Reads a whole object from the store itself, past what wrappers keep.
    ///
    /// # Errors
    ///
    /// Those of [`get`](Store::get).
    async fn get_fresh(&self, key: &Key) -> Result<Bytes> {
        self.get(key, GetOptions::default().with_fresh(true)).await
    }

    /// Returns exactly the bytes of `range`.
    ///
    /// # Errors
    ///
    /// As [`Store::get`]; `InvalidRange` if the object is shorter.
    async fn get_range(&self, key: &Key, range: Range<u64>) -> Result<Bytes> {
        self.get(key, GetOptions::default().with_range(range)).await
    }

    /// Returns whether the object exists; fails if the store could not look.
    ///
    /// # Errors
    ///
    /// As [`Store::head`], without `NotFound`.
    async fn exists(&self, key: &Key) -> Result<bool> {
        match self.head(key).await {
            Ok(_) => Ok(true),
            Err(error) if error.kind() == ErrorKind::NotFound => Ok(false),
            Err(error) => Err(error),
        }
    }

    /// Creates an object that must not exist.
    ///
    /// # Errors
    ///
    /// As [`Store::put`].
    async fn put_new(&self, key: &Key, data: Bytes) -> Result<()> {
        self.put(key, data, PutOptions::default().with_mode(PutMode::Create))
            .await
    }

    /// Stores an object in place of what was there, if anything.
    ///
    /// # Errors
    ///
    /// As [`Store::put`], without `AlreadyExists`.
    async fn replace(&self, key: &Key, data: Bytes) -> Result<()> {
        self.put(
            key,
            data,
            PutOptions::default().with_mode(PutMode::Overwrite),
        )
        .await
    }

    /// Returns every object in a folder, in the order of their keys.
    ///
    /// # Errors
    ///
    /// As [`Store::list`]: the first error, and no list.
    async fn list_all(&self, prefix: &Prefix) -> Result<Vec<ObjectMeta>> {
        let mut objects: Vec<_> = self.list(prefix).try_collect().await?;
        objects.sort_unstable_by(|a, b| a.key.cmp(&b.key));
        Ok(objects)
    }

    /// Deletes many objects, as many at a time as the store suggests.
    ///
    /// # Errors
    ///
    /// As [`Store::delete`]: the first error; others of the objects may be gone.
    async fn delete_all(&self, keys: &[Key]) -> Result<()> {
        let concurrency = self.capabilities().concurrency.max(1);
        let calls: Vec<_> = keys.iter().map(|key| self.delete(key)).collect();
        stream::iter(calls)
            .buffer_unordered(concurrency)
            .try_collect()
            .await
    }
}

impl<T: Store + ?Sized> StoreExt for T {}

#[async_trait]
impl<T: Store + ?Sized> Store for Arc<T> {
    fn capabilities(&self) -> Capabilities {
        (**self).capabilities()
    }

    async fn put(&self, key: &Key, data: Bytes, options: PutOptions) -> Result<()> {
        (**self).put(key, data, options).await
    }

    async fn get(&self, key: &Key, options: GetOptions) -> Result<Bytes> {
        (**self).get(key, options).await
    }

    async fn head(&self, key: &Key) -> Result<ObjectMeta> {
        (**self).head(key).await
    }

    async fn delete(&self, key: &Key) -> Result<()> {
        (**self).delete(key).await
    }

    fn list(&self, prefix: &Prefix) -> BoxStream<'static, Result<ObjectMeta>> {
        (**self).list(prefix)
    }

    fn object_lock(&self) -> Option<&dyn ObjectLock> {
        (**self).object_lock()
    }
}

/// Refuses what is too large to be an object.
pub(crate) fn check_len(operation: &'static str, key: &Key, len: u64) -> Result<()> {
    if len > MAX_OBJECT_BYTES as u64 {
        let limit = format!("{len} bytes, and the limit is {MAX_OBJECT_BYTES}");
        return Err(Error::new(ErrorKind::TooLarge, operation)
            .with_key(key)
            .with_source(limit));
    }
    Ok(())
}

/// Returns the part of an object of `len` bytes that is asked for, if it is within.
pub(crate) fn check_range(key: &Key, len: u64, options: &GetOptions) -> Result<Range<u64>> {
    match &options.range {
        None => Ok(0..len),
        Some(range) if range.start <= range.end && range.end <= len => Ok(range.clone()),
        Some(range) => Err(Error::new(ErrorKind::InvalidRange, "get")
            .with_key(key)
            .with_source(format!("{}..{} of {len} bytes", range.start, range.end))),
    }
}
