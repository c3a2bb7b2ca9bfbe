//! What was read or put, kept in a folder of this machine.

mod entry;
mod folder;
mod settings;
mod stripes;

use std::fmt;
use std::ops::Range;
use std::sync::Arc;

use async_trait::async_trait;
use bytes::{Bytes, BytesMut};
use futures::stream::BoxStream;

pub use self::settings::{CacheCounts, CacheRules, CacheSettings};

use self::entry::{BLOCK, Name};
use self::folder::{Folder, Found};
use self::stripes::Token;
use crate::error::Result;
use crate::key::{Key, Prefix};
use crate::lock::ObjectLock;
use crate::options::{Capabilities, GetOptions, ObjectMeta, PutMode, PutOptions, StorageClass};
use crate::pool::Pool;
use crate::store::Store;

/// Keeps objects that never change in a local folder of bounded size, and answers from there.
///
/// Which objects those are, the [`CacheRules`] say; all others pass. An object is kept when it is put, and when it is read whole, if it
/// is not larger than [`object_bytes_max`](CacheSettings::object_bytes_max). Of what is read in part, whole blocks of 64 KiB are kept: the
/// range that is asked of the store begins with the block of the first byte that is missing.
///
/// # Contract
///
/// * Bytes are kept as the store has them: what is sealed there is sealed here.
/// * Whatever is read from the folder is compared with its checksum before it is returned; what is damaged is thrown away and read from
///   the store again. The checksum finds damage, not forgery: that is for whoever made the objects.
/// * What the store itself gives broken is kept as it came, unless the rules can [tell](CacheRules::with_check). A read that is
///   [fresh](GetOptions::fresh) is answered by the store, and what was kept of the object is replaced by what came; see
///   [`forget`](Self::forget), too.
/// * `head` and `list` are always the store's word. A `get` may still be answered after *another* client has deleted the object; what
///   was put or deleted through this handle is seen at once.
/// * Whoever looks for damage in the store reads fresh, past the cache.
/// * When the folder is full, what was not used for longest goes. Several processes may share a folder: each keeps its own writes within
///   the bound, and looks at what the others have written as often as it has itself written a sixteenth of it.
/// * A folder that cannot be read or written is as good as none, see [`CacheCounts::io_failures`].
///
/// Files are read and written on threads of its own, so that no executor is held up.
///
/// ```no_run
/// # async fn example() -> strongroom_store::Result<()> {
/// use strongroom_store::wrap::{CacheRules, CacheSettings, Cached};
/// use strongroom_store::{DirStore, Prefix};
///
/// let rules = CacheRules::new()
///     .with_folder(Prefix::parse("index/")?)
///     .with_hot_of(Prefix::parse("pack/")?);
/// let settings = CacheSettings::new("/var/cache/strongroom", "the repository's id")
///     .with_bytes_max(4 << 30);
/// let store = Cached::new(DirStore::open("/mnt/far-away")?, rules, settings);
/// # Ok(())
/// # }
/// ```
#[derive(Debug)]
pub struct Cached<S> {
    inner: Arc<S>,
    shared: Arc<Shared>,
}

#[derive(Debug)]
struct Shared {
    folder: Arc<Folder>,
    pool: Pool,
    rules: CacheRules,
    settings: CacheSettings,
}

impl<S: Store> Cached<S> {
    /// Returns a store with a cache. The folder is made when something is first kept.
    #[must_use]
    pub fn new(inner: S, rules: CacheRules, settings: CacheSettings) -> Self {
        let shared = Shared {
            folder: Arc::new(Folder::new(&settings)),
            pool: Pool::new("strongroom-cache", THREADS),
            rules,
            settings,
        };
        Self {
            inner: Arc::new(inner),
            shared: Arc::new(shared),
        }
    }

    /// Returns the store inside.
    #[must_use]
    pub fn inner(&self) -> &S {
        &self.inner
    }

    /// Returns what the cache was good for so far, by this handle and its clones.
    #[must_use]
    pub fn counts(&self) -> CacheCounts {
        self.shared.folder.counts()
    }

    /// Forgets an object, for whoever finds that it is not what it should be: the store may have given it wrong once. The next `get`
    /// asks the store.
    pub async fn forget(&self, key: &Key) {
        self.shared.forget(self.shared.name(key)).await;
    }

    async fn get_whole(&self, key: &Key, options: GetOptions) -> Result<Bytes> {
        let name = self.shared.name(key);
        if let Some(bytes) = self.shared.whole(name).await {
            return Ok(bytes);
        }
        let token = self.shared.folder.stripes.token(name);
        let class = options.class;
        let bytes = self.inner.get(key, options).await?;
        let keeps = self.shared.keeps_whole(key, class, &bytes);
        if keeps && !self.shared.rules.is_broken(key, &bytes) {
            self.shared.keep_whole(token, bytes.clone()).await;
        }
        Ok(bytes)
    }

    async fn get_part(&self, key: &Key, options: GetOptions, part: Range<u64>) -> Result<Bytes> {
        let name = self.shared.name(key);
        let found = self.shared.part(name, part.clone()).await;
        let Some(missing) = found.missing(&part) else {
            return Ok(found.assemble(&part, None));
        };
        let token = self.shared.folder.stripes.token(name);
        let class = options.class;
        let fetched = self
            .inner
            .get(key, options.with_range(missing.clone()))
            .await?;
        if self.shared.keeps(key, class, fetched.len() as u64) {
            self.shared
                .keep_blocks(token, missing.start, fetched.clone())
                .await;
        }
        Ok(found.assemble(&part, Some((missing.start, fetched))))
    }
}

impl Shared {
    fn name(&self, key: &Key) -> Name {
        Name::new(&self.settings.scope, key)
    }

    /// Says whether bytes of an object are to be kept.
    fn keeps(&self, key: &Key, class: Option<StorageClass>, len: u64) -> bool {
        len <= self.settings.object_bytes_max && self.rules.keep(key, class)
    }

    /// Says whether a whole object is to be kept.
    fn keeps_whole(&self, key: &Key, class: Option<StorageClass>, bytes: &[u8]) -> bool {
        self.keeps(key, class, bytes.len() as u64) && self.rules.keeps_whole(key, bytes)
    }

    // A job that is lost, because no thread can be had, is a file that was not there.

    async fn whole(&self, name: Name) -> Option<Bytes> {
        let folder = Arc::clone(&self.folder);
        let found = self.pool.run(move || folder.read_whole(name)).await;
        found.ok().flatten()
    }

    async fn part(&self, name: Name, part: Range<u64>) -> Found {
        let folder = Arc::clone(&self.folder);
        let found = self.pool.run(move || folder.read_part(name, &part)).await;
        found.unwrap_or_default()
    }

    async fn keep_whole(&self, token: Token, bytes: Bytes) {
        let folder = Arc::clone(&self.folder);
        let kept = self.pool.run(move || folder.keep_whole(token, &bytes));
        drop(kept.await);
    }

    async fn keep_blocks(&self, token: Token, start: u64, bytes: Bytes) {
        let folder = Arc::clone(&self.folder);
        let kept = self
            .pool
            .run(move || folder.keep_blocks(token, start, &bytes));
        drop(kept.await);
    }

    async fn forget(&self, name: Name) {
        let folder = Arc::clone(&self.folder);
        if self.pool.run(move || folder.remove(name)).await.is_err() {
            // It must not be found any more, whatever that takes.
            self.folder.remove(name);
        }
    }
}

#[async_trait]
impl<S: Store> Store for Cached<S> {
    fn capabilities(&self) -> Capabilities {
        self.inner.capabilities()
    }

    async fn put(&self, key: &Key, data: Bytes, options: PutOptions) -> Result<()> {
        if !self.shared.rules.concern(key) {
            return self.inner.put(key, data, options).await;
        }
        let name = self.shared.name(key);
        let (mode, class) = (options.mode, options.class);
        let token = self.shared.folder.stripes.change(name);
        let outcome = self.inner.put(key, data.clone(), options).await;
        if mode == PutMode::Overwrite {
            self.shared.forget(name).await;
        }
        if outcome.is_ok() && self.shared.keeps_whole(key, Some(class), &data) {
            let token = match mode {
                PutMode::Create => token,
                // To forget was a change of its own.
                PutMode::Overwrite => token.next(),
            };
            self.shared.keep_whole(token, data).await;
        }
        outcome
    }

    async fn get(&self, key: &Key, options: GetOptions) -> Result<Bytes> {
        if !self.shared.rules.concern(key) {
            return self.inner.get(key, options).await;
        }
        if options.fresh {
            // What is not there is asked for.
            self.shared.forget(self.shared.name(key)).await;
        }
        match options.range.clone() {
            None => self.get_whole(key, options).await,
            Some(part) if self.shared.settings.serves(&part) => {
                self.get_part(key, options, part).await
            }
            // Nothing, nonsense, or more than is kept.
            Some(_) => self.inner.get(key, options).await,
        }
    }

    async fn head(&self, key: &Key) -> Result<ObjectMeta> {
        self.inner.head(key).await
    }

    async fn delete(&self, key: &Key) -> Result<()> {
        if !self.shared.rules.concern(key) {
            return self.inner.delete(key).await;
        }
        let name = self.shared.name(key);
        let outcome = self.inner.delete(key).await;
        self.shared.forget(name).await;
        outcome
    }

    fn list(&self, prefix: &Prefix) -> BoxStream<'static, Result<ObjectMeta>> {
        self.inner.list(prefix)
    }

    /// The lock of the store inside, as it is: nothing is kept of locks.
    fn object_lock(&self) -> Option<&dyn ObjectLock> {
        self.inner.object_lock()
    }
}

impl Found {
    /// Returns what has to be asked of the store for a part, if anything: from the first block that is not here to the last.
    fn missing(&self, part: &Range<u64>) -> Option<Range<u64>> {
        let lacks = |block: &u64| !self.blocks.contains_key(block);
        let mut blocks = blocks_of(part).filter(lacks);
        let first = blocks.next()?;
        let last = blocks.next_back().unwrap_or(first);
        // Beyond the part there may be no object any more.
        Some(first * BLOCK..part.end.min((last + 1) * BLOCK))
    }

    /// Puts a part together of blocks and of what was fetched, which begins at a block.
    fn assemble(&self, part: &Range<u64>, fetched: Option<(u64, Bytes)>) -> Bytes {
        let at = |offset: u64| usize::try_from(offset).unwrap_or(usize::MAX);
        if let Some((start, bytes)) = &fetched
            && *start <= part.start
            && part.end - start <= bytes.len() as u64
        {
            return bytes.slice(at(part.start - start)..at(part.end - start));
        }
        let mut assembled = BytesMut::with_capacity(at(part.end - part.start));
        for block in blocks_of(part) {
            let start = block * BLOCK;
            let wanted = part.start.max(start)..part.end.min(start + BLOCK);
            let (from, bytes) = match (self.blocks.get(&block), &fetched) {
                (Some(bytes), _) => (start, bytes),
                (None, Some((start, bytes))) => (*start, bytes),
                (None, None) => break,
            };
            let slice = bytes.get(at(wanted.start - from)..at(wanted.end - from));
            assembled.extend_from_slice(slice.unwrap_or_default());
        }
        assembled.freeze()
    }
}

/// Returns the numbers of the blocks that a part has bytes of.
fn blocks_of(part: &Range<u64>) -> Range<u64> {
    part.start / BLOCK..part.end.div_ceil(BLOCK)
}

impl<S> Clone for Cached<S> {
    fn clone(&self) -> Self {
        Self {
            inner: Arc::clone(&self.inner),
            shared: Arc::clone(&self.shared),
        }
    }
}

impl<S: Store> fmt::Display for Cached<S> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let folder = self.shared.settings.folder.display();
        write!(f, "cached({folder}, {})", self.inner)
    }
}

/// Threads that read and write files.
const THREADS: usize = 4;
