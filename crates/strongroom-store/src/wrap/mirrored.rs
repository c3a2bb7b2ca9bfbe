//! One store made of several, each of which holds everything.
//!
//! # The arbiter
//!
//! The first member is the *arbiter*: whether a [`Create`](PutMode::Create) wins is decided by it alone, so that no key is ever
//! won twice, whatever members each client can reach. Every write goes to the arbiter first; while it cannot be reached, writes
//! fail as `Unavailable` and reads go on. Nobody is elected: to go on without a lost arbiter, somebody names another member first,
//! after a [comparison](crate::replica). Clients of one mirror must name the same arbiter.
//!
//! # Order
//!
//! A *follower* is given objects in the order in which their writes were done, and never one whose
//! [predecessor](ObjectRules::predecessor) it lacks. As soon as it misses one, all that follow are queued for it. So what a follower
//! holds is what the arbiter held at some earlier time, and can be used as it is. The queue holds names; it is worked off by the
//! writes that follow, or by [`Mirrored::catch_up`]. It is in memory: when the handle is gone it is forgotten, and the next handle
//! finds out by the predecessor that the follower lags. Then, and when the queue is full, [`Mirrored::resync`] compares and copies.
//!
//! A `delete` is done when no member has the object; as long as a member lags or cannot be reached it fails and deletes
//! nothing, so that nothing is deleted that a lagging member has yet to be given, and nothing comes back.
//!
//! # Reads
//!
//! A read is answered by the first member whose copy is good: it is there, and the [`ObjectRules`] do not call it broken. What was
//! found missing or broken on the way is noted, and repaired by the writes that follow or by [`Mirrored::catch_up`]; a read never
//! writes. *Not found* needs the arbiter's word, or, while that cannot be reached, the word of so many followers that whatever
//! was acknowledged would be on one of them.

mod catch_up;
mod listing;
mod locking;
mod member;
mod read;
mod resync;
mod rules;
mod status;
mod turns;
mod write;

use std::collections::HashSet;
use std::fmt;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use async_trait::async_trait;
use bytes::Bytes;
use futures::stream::BoxStream;

use self::member::Member;
use self::turns::Turns;
use crate::error::{Error, ErrorKind, Result};
use crate::key::{Key, Prefix};
use crate::lock::ObjectLock;
use crate::options::{Capabilities, GetOptions, ObjectMeta, PutOptions};
use crate::store::Store;

pub use self::rules::{NoRules, ObjectRules, Wholeness};
pub use self::status::{Health, MemberStatus, MirrorStatus};

/// Keeps everything in several stores. A clone is another handle on the same members and queues.
///
/// The module's source says how; `docs/decisions/0017-mirrors.md` says why.
///
/// ```
/// # fn main() -> Result<(), strongroom_store::Error> {
/// # futures::executor::block_on(async {
/// use std::sync::Arc;
///
/// use strongroom_store::wrap::{MirrorSettings, Mirrored};
/// use strongroom_store::{Key, MemoryStore, Store, StoreExt};
///
/// let [here, there] = [0, 1].map(|_| Arc::new(MemoryStore::new()));
/// let store = Mirrored::new(here.clone(), vec![there.clone()], MirrorSettings::default());
/// let key = Key::parse("config")?;
/// store.put_new(&key, "bytes".into()).await?;
/// assert_eq!(there.get_all(&key).await?, "bytes");
///
/// // What one has lost, another one has.
/// here.delete(&key).await?;
/// assert_eq!(store.get_all(&key).await?, "bytes");
/// # Ok(())
/// # })
/// # }
/// ```
#[derive(Debug, Clone)]
pub struct Mirrored {
    shared: Arc<Shared>,
}

/// When a write to a mirror is done.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
#[non_exhaustive]
pub enum WritePolicy {
    /// When all members have it.
    #[default]
    All,
    /// When so many have it, the arbiter among them; it is queued for the others. At least 1, at most all.
    AtLeast(usize),
}

/// How a mirror checks what parts of objects it reads.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
#[non_exhaustive]
pub enum RangeReads {
    /// Before the first part is served of a copy that the rules can check, all of it is read and checked, once.
    #[default]
    Checked,
    /// Parts are served as they are; only whole objects are checked.
    Trusted,
}

/// Settings of a [`Mirrored`].
#[derive(Debug, Clone)]
#[non_exhaustive]
pub struct MirrorSettings {
    /// When a write is done.
    pub policy: WritePolicy,
    /// How parts of objects are checked.
    pub ranges: RangeReads,
    /// What is known of the objects.
    pub rules: Arc<dyn ObjectRules>,
    /// Objects that may be queued for one member; each costs some 150 bytes of memory. Whoever lags more needs a resync.
    pub queue_max: usize,
}

impl Default for MirrorSettings {
    fn default() -> Self {
        Self {
            policy: WritePolicy::default(),
            ranges: RangeReads::default(),
            rules: Arc::new(NoRules),
            queue_max: 65_536,
        }
    }
}

impl MirrorSettings {
    /// Sets when a write is done.
    #[must_use]
    pub fn with_policy(mut self, policy: WritePolicy) -> Self {
        self.policy = policy;
        self
    }

    /// Sets how parts of objects are checked.
    #[must_use]
    pub fn with_ranges(mut self, ranges: RangeReads) -> Self {
        self.ranges = ranges;
        self
    }

    /// Tells what is known of the objects.
    #[must_use]
    pub fn with_rules(mut self, rules: Arc<dyn ObjectRules>) -> Self {
        self.rules = rules;
        self
    }

    /// Sets how many objects may be queued for one member.
    #[must_use]
    pub fn with_queue_max(mut self, objects: usize) -> Self {
        self.queue_max = objects;
        self
    }
}

#[derive(Debug)]
struct Shared {
    /// The first is the arbiter; there always is one.
    members: Vec<Member>,
    settings: MirrorSettings,
    turns: Turns,
    /// Copies whose bytes were checked, by member.
    checked: Mutex<HashSet<(usize, Key)>>,
    degraded_answers: AtomicU64,
}

impl Mirrored {
    /// Makes one store of an arbiter and its followers. Nothing is read: how far followers lag is found when they are written to.
    ///
    /// A member that answers slowly makes every write slow. Give each the retries, and the patience, that it deserves.
    #[must_use]
    pub fn new(
        arbiter: Arc<dyn Store>,
        followers: Vec<Arc<dyn Store>>,
        settings: MirrorSettings,
    ) -> Self {
        let stores = std::iter::once(arbiter).chain(followers);
        let members = stores.map(|store| Member::new(store, settings.queue_max));
        let shared = Shared {
            members: members.collect(),
            settings,
            turns: Turns::new(),
            checked: Mutex::default(),
            degraded_answers: AtomicU64::new(0),
        };
        Self {
            shared: Arc::new(shared),
        }
    }

    /// Returns the members, the arbiter first.
    pub fn members(&self) -> impl ExactSizeIterator<Item = &Arc<dyn Store>> {
        self.shared.members.iter().map(|member| &member.store)
    }

    /// Returns how the members are, as far as this handle knows.
    #[must_use]
    pub fn status(&self) -> MirrorStatus {
        MirrorStatus {
            policy: self.shared.settings.policy,
            members: self.shared.members.iter().map(Member::status).collect(),
            degraded_answers: self.shared.degraded_answers.load(Ordering::Relaxed),
        }
    }
}

impl Shared {
    fn arbiter(&self) -> Result<&Member> {
        let none = || Error::new(ErrorKind::Unavailable, "mirror").with_source("no members");
        self.members.first().ok_or_else(none)
    }

    /// Returns the followers and their numbers.
    fn followers(&self) -> impl Iterator<Item = (usize, &Member)> {
        self.members.iter().enumerate().skip(1)
    }

    /// Returns how many members must have what is written.
    fn quorum(&self) -> usize {
        match self.settings.policy {
            WritePolicy::All => self.members.len(),
            WritePolicy::AtLeast(count) => count.clamp(1, self.members.len()),
        }
    }

    /// Says whether so many followers know of everything that was acknowledged: one of them is among those that have it.
    fn is_sure(&self, followers: usize) -> bool {
        followers > self.members.len() - self.quorum()
    }

    fn checked(&self) -> MutexGuard<'_, HashSet<(usize, Key)>> {
        self.checked.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Takes note that a copy was checked.
    fn set_checked(&self, member: usize, key: &Key) {
        let mut checked = self.checked();
        if checked.len() >= MAX_CHECKED {
            checked.clear();
        }
        checked.insert((member, key.clone()));
    }

    /// Takes note that an object is about to be another.
    fn forget(&self, key: &Key) {
        let mut checked = self.checked();
        for member in 0..self.members.len() {
            checked.remove(&(member, key.clone()));
        }
    }
}

#[async_trait]
impl Store for Mirrored {
    /// The weakest of the members; that a create is atomic, the arbiter alone must promise.
    fn capabilities(&self) -> Capabilities {
        let mut members = self.members().map(|store| store.capabilities());
        let arbiter = members.next().unwrap_or_default();
        members.fold(arbiter, |all, one| {
            let (put, delete) = (all.put && one.put, all.delete && one.delete);
            let concurrency = all.concurrency.min(one.concurrency);
            let key_len_max = all.key_len_max.min(one.key_len_max);
            let object_lock = all.object_lock && one.object_lock;
            let versioning = all.versioning && one.versioning;
            all.with_put(put)
                .with_delete(delete)
                .with_concurrency(concurrency)
                .with_key_len_max(key_len_max)
                .with_object_lock(object_lock)
                .with_versioning(versioning)
                .with_ordered_list(false)
                .with_conditional_delete(false)
        })
    }

    async fn put(&self, key: &Key, data: Bytes, options: PutOptions) -> Result<()> {
        self.shared.put(key, data, options).await
    }

    async fn get(&self, key: &Key, options: GetOptions) -> Result<Bytes> {
        self.shared.get(key, &options).await
    }

    async fn head(&self, key: &Key) -> Result<ObjectMeta> {
        self.shared.head(key).await
    }

    async fn delete(&self, key: &Key) -> Result<()> {
        self.shared.delete(key).await
    }

    fn list(&self, prefix: &Prefix) -> BoxStream<'static, Result<ObjectMeta>> {
        listing::list(&self.shared, prefix)
    }

    fn object_lock(&self) -> Option<&dyn ObjectLock> {
        let all = self.members().all(|store| store.object_lock().is_some());
        all.then_some(self as &dyn ObjectLock)
    }
}

impl fmt::Display for Mirrored {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("mirror(")?;
        match self.shared.settings.policy {
            WritePolicy::All => f.write_str("all")?,
            WritePolicy::AtLeast(count) => write!(f, "at least {count}")?,
        }
        for store in self.members() {
            write!(f, ", {store}")?;
        }
        f.write_str(")")
    }
}

/// Checked copies that are remembered.
const MAX_CHECKED: usize = 16_384;
