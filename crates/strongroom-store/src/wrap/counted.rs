//! How much is asked of a store, and what that costs.

mod counts;
mod prices;

use std::fmt;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use async_trait::async_trait;
use bytes::Bytes;
use futures::stream::{self, BoxStream, StreamExt};

pub use self::counts::{Counts, RequestKind, Tally};
pub use self::prices::{ClassPrices, CostEstimate, Prices};

use super::locking::lock_of;
use crate::error::{Error, ErrorKind, Result};
use crate::key::{Key, Prefix};
use crate::lock::{HiddenPage, ObjectLock, Retention};
use crate::options::{Capabilities, GetOptions, ObjectMeta, PutOptions, StorageClass};
use crate::store::Store;

/// Counts requests and bytes by kind. A clone counts to the same account.
///
/// Outside of [`Retrying`](super::Retrying) it counts what was asked for, inside of it what was sent, which is what a service bills.
///
/// **A list** is a request for each page, as far as that can be seen from here: one when it is begun, and one more whenever it goes
/// on beyond a full page ([`with_page_len`](Self::with_page_len)).
///
/// A request whose future is dropped before its answer is counted as abandoned.
///
/// ```
/// # fn main() -> Result<(), strongroom_store::Error> {
/// # futures::executor::block_on(async {
/// use strongroom_store::wrap::{Counted, Prices, RequestKind};
/// use strongroom_store::{Key, MemoryStore, StoreExt};
///
/// let store = Counted::new(MemoryStore::new());
/// let before = store.counts();
/// store.put_new(&Key::parse("pack/1")?, "bytes".into()).await?;
///
/// let spent = store.counts().since(&before);
/// assert_eq!(spent.of(RequestKind::Put).requests, 1);
/// assert_eq!(spent.of(RequestKind::Put).bytes, 5);
/// println!("{spent}\n{}", Prices::example().estimate(&spent));
/// # Ok(())
/// # })
/// # }
/// ```
#[derive(Debug)]
pub struct Counted<S> {
    inner: Arc<S>,
    account: Arc<Account>,
    page_len: u64,
}

#[derive(Debug, Default)]
struct Account {
    counts: Mutex<Counts>,
}

impl<S: Store> Counted<S> {
    /// Starts an account at zero.
    #[must_use]
    pub fn new(inner: S) -> Self {
        Self {
            inner: Arc::new(inner),
            account: Arc::default(),
            page_len: PAGE_LEN,
        }
    }

    /// Sets how many objects the service lists in one request; 0 counts as 1.
    #[must_use]
    pub fn with_page_len(mut self, objects: u64) -> Self {
        self.page_len = objects.max(1);
        self
    }

    /// Returns the store inside.
    #[must_use]
    pub fn inner(&self) -> &S {
        &self.inner
    }

    /// Returns what was counted so far, all of it at one moment.
    #[must_use]
    pub fn counts(&self) -> Counts {
        self.account.lock().clone()
    }

    fn begin(&self, kind: RequestKind, class: StorageClass, sent: u64) -> Request {
        Request::begin(&self.account, kind, class, sent)
    }
}

impl Account {
    fn lock(&self) -> MutexGuard<'_, Counts> {
        // Adding leaves nothing half done.
        self.counts.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// A request that was made, abandoned unless it ends.
struct Request {
    account: Arc<Account>,
    kind: RequestKind,
    class: StorageClass,
    sent: u64,
    ended: bool,
}

impl Request {
    fn begin(account: &Arc<Account>, kind: RequestKind, class: StorageClass, sent: u64) -> Self {
        account.lock().tally(kind, class).requests += 1;
        Self {
            account: Arc::clone(account),
            kind,
            class,
            sent,
            ended: false,
        }
    }

    fn end<T>(mut self, result: Result<T>, received: impl FnOnce(&T) -> u64) -> Result<T> {
        self.ended = true;
        match &result {
            Ok(answer) => self.succeed(received(answer)),
            Err(error) => self.fail(error),
        }
        result
    }

    fn succeed(&self, received: u64) {
        let mut counts = self.account.lock();
        counts.tally(self.kind, self.class).bytes += self.sent + received;
    }

    fn fail(&self, error: &Error) {
        let mut counts = self.account.lock();
        let tally = counts.tally(self.kind, self.class);
        tally.bytes_in_vain += self.sent;
        match error.kind() {
            ErrorKind::Unavailable | ErrorKind::Other => tally.failed += 1,
            _ => tally.refused += 1,
        }
    }
}

impl Drop for Request {
    fn drop(&mut self) {
        if !self.ended {
            let mut counts = self.account.lock();
            let tally = counts.tally(self.kind, self.class);
            tally.abandoned += 1;
            tally.bytes_in_vain += self.sent;
        }
    }
}

#[async_trait]
impl<S: Store> Store for Counted<S> {
    fn capabilities(&self) -> Capabilities {
        self.inner.capabilities()
    }

    async fn put(&self, key: &Key, data: Bytes, options: PutOptions) -> Result<()> {
        let request = self.begin(RequestKind::Put, options.class, data.len() as u64);
        let result = self.inner.put(key, data, options).await;
        request.end(result, |()| 0)
    }

    async fn get(&self, key: &Key, options: GetOptions) -> Result<Bytes> {
        let kind = match options.range {
            None => RequestKind::Get,
            Some(_) => RequestKind::RangeGet,
        };
        let request = self.begin(kind, options.class.unwrap_or_default(), 0);
        let result = self.inner.get(key, options).await;
        request.end(result, |data| data.len() as u64)
    }

    async fn head(&self, key: &Key) -> Result<ObjectMeta> {
        let request = self.begin(RequestKind::Head, StorageClass::Hot, 0);
        let result = self.inner.head(key).await;
        request.end(result, |_| 0)
    }

    async fn delete(&self, key: &Key) -> Result<()> {
        let request = self.begin(RequestKind::Delete, StorageClass::Hot, 0);
        let result = self.inner.delete(key).await;
        request.end(result, |()| 0)
    }

    fn list(&self, prefix: &Prefix) -> BoxStream<'static, Result<ObjectMeta>> {
        let page = Pages {
            objects: self.inner.list(prefix),
            account: Arc::clone(&self.account),
            page_len: self.page_len,
            left: 0,
        };
        stream::unfold(page, async |mut pages| {
            let object = pages.next().await?;
            Some((object, pages))
        })
        .boxed()
    }

    fn object_lock(&self) -> Option<&dyn ObjectLock> {
        self.inner.object_lock().map(|_| self as &dyn ObjectLock)
    }
}

#[async_trait]
impl<S: Store> ObjectLock for Counted<S> {
    fn locks(&self, key: &Key) -> bool {
        lock_of(&*self.inner, "locks").is_ok_and(|lock| lock.locks(key))
    }

    async fn retention(&self, key: &Key) -> Result<Option<Retention>> {
        let lock = lock_of(&*self.inner, "retention")?;
        let request = self.begin(RequestKind::Retention, StorageClass::Hot, 0);
        let result = lock.retention(key).await;
        request.end(result, |_| 0)
    }

    async fn extend(&self, key: &Key, to: Retention) -> Result<()> {
        let lock = lock_of(&*self.inner, "extend")?;
        let request = self.begin(RequestKind::Extend, StorageClass::Hot, 0);
        let result = lock.extend(key, to).await;
        request.end(result, |()| 0)
    }

    async fn hidden(&self, prefix: &Prefix, from: Option<&str>) -> Result<HiddenPage> {
        let lock = lock_of(&*self.inner, "hidden")?;
        let request = self.begin(RequestKind::List, StorageClass::Hot, 0);
        let result = lock.hidden(prefix, from).await;
        request.end(result, |_| 0)
    }

    async fn uncover(&self, key: &Key) -> Result<bool> {
        let lock = lock_of(&*self.inner, "uncover")?;
        let request = self.begin(RequestKind::Extend, StorageClass::Hot, 0);
        let result = lock.uncover(key).await;
        request.end(result, |_| 0)
    }
}

/// A list, counted as it goes on.
struct Pages {
    objects: BoxStream<'static, Result<ObjectMeta>>,
    account: Arc<Account>,
    page_len: u64,
    /// Objects that the page in hand may still have.
    left: u64,
}

impl Pages {
    async fn next(&mut self) -> Option<Result<ObjectMeta>> {
        if self.left == 0 {
            // The last page may turn out to have been full, and this one not to be asked for: then it is empty, and costs as much.
            self.left = self.page_len;
            self.count(|tally| tally.requests += 1);
        }
        let object = self.objects.next().await?;
        match &object {
            Ok(_) => self.left -= 1,
            Err(error) if error.kind() == ErrorKind::Unavailable => {
                self.count(|tally| tally.failed += 1);
            }
            Err(_) => self.count(|tally| tally.refused += 1),
        }
        Some(object)
    }

    fn count(&self, count: impl FnOnce(&mut Tally)) {
        count(
            self.account
                .lock()
                .tally(RequestKind::List, StorageClass::Hot),
        );
    }
}

impl<S> Clone for Counted<S> {
    fn clone(&self) -> Self {
        Self {
            inner: Arc::clone(&self.inner),
            account: Arc::clone(&self.account),
            page_len: self.page_len,
        }
    }
}

impl<S: Store> fmt::Display for Counted<S> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "counted({})", self.inner)
    }
}

/// What the large services list in one request.
const PAGE_LEN: u64 = 1_000;
