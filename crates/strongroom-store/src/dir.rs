//! The directory store: a durable file for each object.

use std::fmt;
use std::path::Path;
use std::sync::Arc;

use async_trait::async_trait;
use bytes::Bytes;
use futures::stream::{self, BoxStream, StreamExt};

use self::listing::Listing;
use self::root::Root;
use crate::error::{Error, ErrorKind, Result};
use crate::key::{Key, Prefix};
use crate::manners::Manners;
use crate::options::{Capabilities, GetOptions, ObjectMeta, PutOptions};
use crate::pool::{Lost, Pool};
use crate::store::Store;

mod buffers;
mod direct;
mod errno;
mod listing;
mod object;
mod root;
mod temp;

/// A store in a directory of a local or mounted file system.
///
/// The object `pack/ab/c` is the file `pack/ab/c` below the root, mode 0400 in folders of mode
/// 0700; it can be copied and read with any tool. Writers work in `.tmp`, where a crash may leave a
/// file that no list shows and a later writer removes.
///
/// * **Durable.** A put writes to a new file, syncs it, links it into place (an exclusive rename
///   where the file system has no links), and syncs the folder and those it had to create. Errors of
///   each step are reported; what `close` could report, the sync before it has.
/// * **Out of the way.** Large objects are written past the page cache where the file system can
///   ([`DirSettings::cached_puts`]), without a copy if their bytes begin at a multiple of 4 KiB.
/// * **Confined.** No symbolic link below the root is followed; one in an object's place is an
///   error, not a missing object.
/// * **Sure.** *Not found* is said while the root's path leads to the directory that was opened. If
///   it was unmounted, removed or replaced, the error is `Unavailable`, and a list fails too.
/// * **Readable where nothing can be written.** Opening and reading write nothing.
///
/// Calls run on the store's own few threads, which start when first needed. The directory is held
/// open, so its file system cannot be unmounted before the store is dropped.
///
/// # Cancellation
///
/// A call whose future is dropped before its turn is not made; one that has begun runs to its end.
///
/// # Examples
///
/// ```
/// # fn main() -> Result<(), Box<dyn std::error::Error>> {
/// # futures::executor::block_on(async {
/// use strongroom_store::{DirStore, Key, StoreExt};
///
/// let root = tempfile::tempdir()?;
/// let store = DirStore::create(root.path())?;
/// store.put_new(&Key::parse("pack/ab/c")?, "bytes".into()).await?;
/// assert_eq!(std::fs::read(root.path().join("pack/ab/c"))?, b"bytes");
/// # Ok(())
/// # })
/// # }
/// ```
#[derive(Debug)]
pub struct DirStore {
    root: Arc<Root>,
    pool: Arc<Pool>,
    settings: DirSettings,
    manners: Manners,
}

/// Settings of a [`DirStore`].
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct DirSettings {
    /// How many threads make system calls, at least 1. Disks that seek want few, network file
    /// systems many.
    pub threads: usize,
    /// Whether to refuse `put` and `delete` without trying.
    pub read_only: bool,
    /// Whether objects of 6 MiB and above go through the page cache when they are put. By default they do not, where the file system can: they
    /// are not read again soon, and would take the place of what is.
    pub cached_puts: bool,
}

impl DirSettings {
    /// Sets how many threads make system calls; 0 counts as 1.
    #[must_use]
    pub fn with_threads(mut self, threads: usize) -> Self {
        self.threads = threads.max(1);
        self
    }

    /// Sets whether to refuse `put` and `delete` without trying.
    #[must_use]
    pub fn with_read_only(mut self, read_only: bool) -> Self {
        self.read_only = read_only;
        self
    }

    /// Sets whether large objects go through the page cache when they are put.
    #[must_use]
    pub fn with_cached_puts(mut self, cached_puts: bool) -> Self {
        self.cached_puts = cached_puts;
        self
    }
}

impl Default for DirSettings {
    fn default() -> Self {
        Self {
            threads: 4,
            read_only: false,
            cached_puts: false,
        }
    }
}

impl DirStore {
    /// Creates a directory, and those above it where they are missing, and opens it.
    ///
    /// It may exist already: whether there is something in it is for the caller to look.
    ///
    /// # Errors
    ///
    /// `PermissionDenied`, `NoSpace`, `Unavailable`, `Other`; `Invalid` if the path is empty.
    pub fn create(path: impl AsRef<Path>) -> Result<Self> {
        let root = Root::create(path.as_ref())?;
        Ok(Self::new(root, DirSettings::default()))
    }

    /// Opens an existing directory. Writes nothing.
    ///
    /// # Errors
    ///
    /// `Unavailable` if it is not there, `PermissionDenied`, `Other`; `Invalid` if the path is empty.
    pub fn open(path: impl AsRef<Path>) -> Result<Self> {
        let root = Root::open(path.as_ref())?;
        Ok(Self::new(root, DirSettings::default()))
    }

    /// Replaces the settings. Costs nothing before the first call.
    #[must_use]
    pub fn with_settings(self, settings: DirSettings) -> Self {
        Self::made(self.root, settings, self.manners)
    }

    /// Sets up the store's threads as [manners](Manners::with_thread_setup) say: their priority, for example. Costs nothing before the first
    /// call. Nothing else of the manners concerns it: whoever makes the calls asks.
    #[must_use]
    pub fn with_manners(self, manners: Manners) -> Self {
        Self::made(self.root, self.settings, manners)
    }

    /// Returns the root, as an absolute path.
    #[must_use]
    pub fn path(&self) -> &Path {
        &self.root.path
    }

    fn new(root: Root, settings: DirSettings) -> Self {
        Self::made(Arc::new(root), settings, Manners::default())
    }

    fn made(root: Arc<Root>, settings: DirSettings, manners: Manners) -> Self {
        let pool = Pool::with_manners("strongroom-dir", settings.threads, manners.clone());
        Self {
            root,
            pool: Arc::new(pool),
            settings,
            manners,
        }
    }

    /// Makes the system calls of one operation on one of the threads.
    async fn run<T: Send + 'static>(
        &self,
        operation: &'static str,
        key: &Key,
        call: impl FnOnce(&Root, &Key) -> Result<T> + Send + 'static,
    ) -> Result<T> {
        let (root, for_call) = (Arc::clone(&self.root), key.clone());
        let outcome = self.pool.run(move || call(&root, &for_call)).await;
        outcome.unwrap_or_else(|Lost| Err(lost(operation).with_key(key)))
    }

    fn check_writable(&self, operation: &'static str, key: &Key) -> Result<()> {
        if self.settings.read_only {
            return Err(Error::new(ErrorKind::PermissionDenied, operation)
                .with_key(key)
                .with_source("the store was opened for reading"));
        }
        Ok(())
    }
}

#[async_trait]
impl Store for DirStore {
    fn capabilities(&self) -> Capabilities {
        Capabilities::default()
            .with_put(!self.settings.read_only)
            .with_delete(!self.settings.read_only)
            .with_concurrency(self.settings.threads)
            .with_near(true)
    }

    async fn put(&self, key: &Key, data: Bytes, options: PutOptions) -> Result<()> {
        self.check_writable("put", key)?;
        if options.retention.is_some() {
            return Err(Error::new(ErrorKind::Unsupported, "put").with_key(key));
        }
        let how = (options.mode, self.settings.cached_puts);
        self.run("put", key, move |root, key| {
            object::put(root, key, &data, how)
        })
        .await
    }

    async fn get(&self, key: &Key, options: GetOptions) -> Result<Bytes> {
        self.run("get", key, move |root, key| {
            object::get(root, key, &options)
        })
        .await
    }

    async fn head(&self, key: &Key) -> Result<ObjectMeta> {
        self.run("head", key, object::head).await
    }

    async fn delete(&self, key: &Key) -> Result<()> {
        self.check_writable("delete", key)?;
        self.run("delete", key, object::delete).await
    }

    fn list(&self, prefix: &Prefix) -> BoxStream<'static, Result<ObjectMeta>> {
        let listing = Listing::new(Arc::clone(&self.root), prefix);
        // The threads never wait for whoever reads the stream: each batch is a job of its own.
        let batches = stream::unfold(Some((Arc::clone(&self.pool), listing)), async |state| {
            let (pool, mut listing) = state?;
            let job = move || (listing.next_batch(), listing);
            match pool.run(job).await {
                Ok((batch, listing)) => Some((batch?, Some((pool, listing)))),
                Err(Lost) => Some((vec![Err(lost("list"))], None)),
            }
        });
        batches.flat_map(stream::iter).boxed()
    }
}

fn lost(operation: &'static str) -> Error {
    Error::new(ErrorKind::Unavailable, operation).with_source("no thread finished the call")
}

impl fmt::Display for DirStore {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "dir:{}", self.root.path.display())
    }
}
