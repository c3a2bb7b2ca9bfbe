//! One store made of two that hold different objects.

mod listing;
mod rules;

use std::fmt;
use std::sync::Arc;

use async_trait::async_trait;
use bytes::Bytes;
use futures::future::join;
use futures::stream::BoxStream;

pub use self::rules::SplitRules;

use super::locking::{can_lock, lock_of};
use crate::error::{Error, ErrorKind, Result};
use crate::key::{Key, Prefix};
use crate::lock::{HiddenPage, ObjectLock, Retention};
use crate::options::{Capabilities, GetOptions, ObjectMeta, PutMode, PutOptions, StorageClass};
use crate::store::Store;

/// Keeps some objects in `home`, and those that the [`SplitRules`] say in `data`: a journal on a store with an atomic create and packs
/// on one without, or what is put as [`Cold`](StorageClass::Cold) in a cold place. A store can be split again.
///
/// # Contract
///
/// * A key that the rules do not [concern](SplitRules::concern) is of `home` alone: `data` never hears of it, and what `data` has under
///   such a key is not seen. Of rules that give `data` all of something, it is the same with `data`.
/// * Any other key is put where its class belongs, and looked for there first if a `get` says the class, else in `data`; then in the
///   other one. *Not found* needs the word of both.
/// * A store that cannot be reached never makes an object *not found*: its error is returned, unless the other one has the object.
/// * `delete` deletes on both sides, and succeeds when both have. So does to replace, which deletes on the side that it is not put to.
/// * **Of concurrent creators of a key one wins only if the store that it is put to promises that, and all put it with the same
///   class.** What the split promises is `home`'s promise: what is decided by a race belongs there, and nothing else needs it that is
///   named by its contents.
/// * An object [can be locked](ObjectLock::locks) if every side can that it may be on: with a journal on a store that cannot and all packs
///   on one that can, packs can. A lock is asked for and extended where the object is found first.
///
/// ```
/// # fn main() -> Result<(), strongroom_store::Error> {
/// # futures::executor::block_on(async {
/// use std::sync::Arc;
///
/// use strongroom_store::wrap::{Split, SplitRules};
/// use strongroom_store::{Key, MemoryStore, Prefix, PutOptions, StorageClass, Store, StoreExt};
///
/// let [home, archive] = [0, 1].map(|_| Arc::new(MemoryStore::new()));
/// let rules = SplitRules::cold_of([Prefix::parse("pack/")?]);
/// let store = Split::new(home.clone(), archive.clone(), rules);
///
/// let cold = PutOptions::default().with_class(StorageClass::Cold);
/// store.put(&Key::parse("pack/1")?, "data".into(), cold).await?;
/// store.put_new(&Key::parse("pack/2")?, "trees".into()).await?;
/// assert_eq!(archive.list_all(&Prefix::root()).await?.len(), 1);
/// assert_eq!(store.list_all(&Prefix::root()).await?.len(), 2);
/// # Ok(())
/// # })
/// # }
/// ```
#[derive(Debug)]
pub struct Split<H, D> {
    sides: Arc<Sides<H, D>>,
}

#[derive(Debug)]
struct Sides<H, D> {
    home: H,
    data: D,
    rules: SplitRules,
}

/// Where an object may be.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Side {
    Home,
    Data,
}

impl<H: Store, D: Store> Split<H, D> {
    /// Makes one store of two.
    #[must_use]
    pub fn new(home: H, data: D, rules: SplitRules) -> Self {
        Self {
            sides: Arc::new(Sides { home, data, rules }),
        }
    }

    /// Returns the store that everything is in which the rules do not speak of.
    #[must_use]
    pub fn home(&self) -> &H {
        &self.sides.home
    }

    /// Returns the store for what the rules say.
    #[must_use]
    pub fn data(&self) -> &D {
        &self.sides.data
    }

    fn side(&self, side: Side) -> &dyn Store {
        match side {
            Side::Home => &self.sides.home,
            Side::Data => &self.sides.data,
        }
    }

    fn expect_locks(&self, operation: &'static str, key: &Key) -> Result<()> {
        if self.locks(key) {
            return Ok(());
        }
        Err(Error::new(ErrorKind::Unsupported, operation)
            .with_key(key)
            .with_source("the side that it belongs to does not lock objects"))
    }

    /// Returns where an object may be, the likelier side first.
    fn order(&self, key: &Key, class: Option<StorageClass>) -> (Side, Option<Side>) {
        let rules = &self.sides.rules;
        if !rules.concern(key) {
            return (Side::Home, None);
        }
        if rules.takes_all() {
            return (Side::Data, None);
        }
        match class {
            Some(StorageClass::Hot) => (Side::Home, Some(Side::Data)),
            Some(StorageClass::Cold) | None => (Side::Data, Some(Side::Home)),
        }
    }
}

/// Returns what the second side's answer comes to after the first one's error.
fn settle<T>(first: Error, second: Result<T>) -> Result<T> {
    match second {
        Ok(answer) => Ok(answer),
        // The first was not able to look, or to give it, and nobody else has it.
        Err(second) if second.kind() == ErrorKind::NotFound => Err(first),
        Err(second) if first.kind() == ErrorKind::NotFound => Err(second),
        Err(_) => Err(first),
    }
}

/// Says whether an error leaves it open that the other side has a copy to give.
fn leaves_hope(error: &Error) -> bool {
    !matches!(
        error.kind(),
        ErrorKind::InvalidRange | ErrorKind::TooLarge | ErrorKind::Invalid
    )
}

#[async_trait]
impl<H: Store, D: Store> Store for Split<H, D> {
    /// What both can; that a create is atomic, `home` alone must promise, and locks are for the names that [can be](ObjectLock::locks).
    fn capabilities(&self) -> Capabilities {
        let (home, data) = (
            self.sides.home.capabilities(),
            self.sides.data.capabilities(),
        );
        let atomic_create = home.atomic_create;
        Capabilities::default()
            .with_split(true)
            .with_near(home.near && data.near)
            .with_put(home.put && data.put)
            .with_delete(home.delete && data.delete)
            .with_atomic_create(atomic_create)
            .with_concurrency(home.concurrency.min(data.concurrency))
            .with_key_len_max(home.key_len_max.min(data.key_len_max))
            .with_object_lock(home.object_lock || data.object_lock)
            .with_versioning(home.versioning && data.versioning)
            .with_conditional_delete(home.conditional_delete && data.conditional_delete)
    }

    async fn put(&self, key: &Key, data: Bytes, options: PutOptions) -> Result<()> {
        if options.retention.is_some() {
            self.expect_locks("put", key)?;
        }
        let (here, elsewhere) = self.order(key, Some(options.class));
        let replaces = options.mode == PutMode::Overwrite;
        self.side(here).put(key, data, options).await?;
        match elsewhere {
            // Otherwise the old one would be found by whoever looks there first.
            Some(elsewhere) if replaces => self.side(elsewhere).delete(key).await,
            _ => Ok(()),
        }
    }

    async fn get(&self, key: &Key, options: GetOptions) -> Result<Bytes> {
        let (first, second) = self.order(key, options.class);
        match (self.side(first).get(key, options.clone()).await, second) {
            (Err(error), Some(second)) if leaves_hope(&error) => {
                settle(error, self.side(second).get(key, options).await)
            }
            (answer, _) => answer,
        }
    }

    async fn head(&self, key: &Key) -> Result<ObjectMeta> {
        let (first, second) = self.order(key, None);
        match (self.side(first).head(key).await, second) {
            (Err(error), Some(second)) if leaves_hope(&error) => {
                settle(error, self.side(second).head(key).await)
            }
            (answer, _) => answer,
        }
    }

    async fn delete(&self, key: &Key) -> Result<()> {
        let (first, second) = self.order(key, None);
        let Some(second) = second else {
            return self.side(first).delete(key).await;
        };
        let (first, second) =
            join(self.side(first).delete(key), self.side(second).delete(key)).await;
        first.and(second)
    }

    fn list(&self, prefix: &Prefix) -> BoxStream<'static, Result<ObjectMeta>> {
        listing::list(
            &self.sides.home,
            &self.sides.data,
            &self.sides.rules,
            prefix,
        )
    }

    /// There is one if a side has one.
    fn object_lock(&self) -> Option<&dyn ObjectLock> {
        let Sides { home, data, .. } = &*self.sides;
        home.object_lock().or(data.object_lock())?;
        Some(self)
    }
}

#[async_trait]
impl<H: Store, D: Store> ObjectLock for Split<H, D> {
    /// If every side does that an object of this name may be on.
    fn locks(&self, key: &Key) -> bool {
        let (first, second) = self.order(key, None);
        let locks = |side| can_lock(self.side(side), key);
        locks(first) && second.is_none_or(locks)
    }

    async fn retention(&self, key: &Key) -> Result<Option<Retention>> {
        self.expect_locks("retention", key)?;
        let (first, second) = self.order(key, None);
        let ask = async |side| lock_of(self.side(side), "retention")?.retention(key).await;
        match (ask(first).await, second) {
            (Err(error), Some(second)) if leaves_hope(&error) => settle(error, ask(second).await),
            (answer, _) => answer,
        }
    }

    async fn extend(&self, key: &Key, to: Retention) -> Result<()> {
        self.expect_locks("extend", key)?;
        let (first, second) = self.order(key, None);
        let lock = async |side| lock_of(self.side(side), "extend")?.extend(key, to).await;
        match (lock(first).await, second) {
            (Err(error), Some(second)) if leaves_hope(&error) => settle(error, lock(second).await),
            (answer, _) => answer,
        }
    }

    async fn hidden(&self, prefix: &Prefix, from: Option<&str>) -> Result<HiddenPage> {
        // Home first, if it locks anything; then the data.
        let (side, from) = match from.and_then(|from| from.split_once(':')) {
            None => (Side::Home, None),
            Some((side, from)) => {
                let side = if side == "home" {
                    Side::Home
                } else {
                    Side::Data
                };
                (side, Some(from).filter(|from| !from.is_empty()))
            }
        };
        let mut page = match self.side(side).object_lock() {
            Some(lock) => lock.hidden(prefix, from).await?,
            None => HiddenPage::default(),
        };
        page.next = match (side, page.next.take()) {
            (Side::Home, Some(next)) => Some(format!("home:{next}")),
            (Side::Home, None) => Some("data:".to_owned()),
            (_, next) => next.map(|next| format!("data:{next}")),
        };
        Ok(page)
    }

    async fn uncover(&self, key: &Key) -> Result<bool> {
        self.expect_locks("uncover", key)?;
        let (first, second) = self.order(key, None);
        let uncover = async |side| lock_of(self.side(side), "uncover")?.uncover(key).await;
        let uncovered = uncover(first).await?;
        match second {
            Some(second) => Ok(uncover(second).await? || uncovered),
            None => Ok(uncovered),
        }
    }
}

impl<H, D> Clone for Split<H, D> {
    fn clone(&self) -> Self {
        Self {
            sides: Arc::clone(&self.sides),
        }
    }
}

impl<H: Store, D: Store> fmt::Display for Split<H, D> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Sides { home, data, rules } = &*self.sides;
        write!(f, "split({home}, {rules}: {data})")
    }
}
