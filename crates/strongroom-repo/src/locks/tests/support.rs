//! A store that locks and forbids, and a repository in it whose clock the test turns.

use std::collections::BTreeMap;
use std::fmt;
use std::sync::atomic::{AtomicI64, AtomicU64, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use async_trait::async_trait;
use bytes::Bytes;
use futures::executor::block_on;
use futures::stream::BoxStream;
use strongroom_crypt::{Argon2Params, Suite};
use strongroom_format::{Evidence, Time};
use strongroom_store::{
    Capabilities, Cause, GetOptions, HiddenPage, Key, MemoryStore, ObjectLock, ObjectMeta, Prefix,
    PutOptions, Retention, RetentionMode, Store, StoreExt as _,
};

use crate::locks::{LockAudit, LockAuditOptions, LockOptions, LockPlan, LockPolicy, LockReport};
use crate::settings::Clock;
use crate::testing::{Tree, TreeSource, settings};
use crate::{
    BackupOptions, BackupReport, Components, CreateOptions, Credential, Error, NewSlot, Repository,
    Settings,
};

pub(super) const DAY: u64 = 86_400;
pub(super) const BEGIN: i64 = 1_790_000_000;

/// Thirty days, and nobody can undo it.
pub(super) fn policy() -> LockPolicy {
    LockPolicy::new(RetentionMode::Compliance, Duration::from_secs(30 * DAY)).unwrap()
}

/// Five files; two seeds have four of them in common.
pub(super) fn tree(seed: u8) -> Tree {
    let same = (0..4).map(|n| (format!("same-{n}"), Tree::file(&[n; 5_000])));
    let mut files: BTreeMap<String, Tree> = same.collect();
    files.insert(
        "other".to_owned(),
        Tree::file(&vec![seed; 6_000 + usize::from(seed)]),
    );
    let files: Vec<_> = files
        .iter()
        .map(|(name, file)| (name.as_str(), file.clone()))
        .collect();
    Tree::dir(files)
}

/// What a store does about locks.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Kind {
    Locks,
    /// It has none.
    NoLocks,
    /// It says that it locks, and does not.
    Forgets,
    /// It locks for a day at most.
    Clips,
}

/// A clock that stands still until it is turned.
#[derive(Debug)]
pub(super) struct Hands(pub(super) AtomicI64);

impl Clock for Hands {
    fn now(&self) -> Time {
        Time::new(self.0.load(Ordering::SeqCst), 0)
    }
}

/// A store whose credentials may do what the test says.
pub(super) struct Strict {
    inner: MemoryStore,
    kind: Kind,
    may_put: Mutex<bool>,
    may_delete: Mutex<bool>,
    refused_extension: Mutex<Option<String>>,
    /// Puts and deletes that were tried.
    pub(super) writes: AtomicU64,
    /// Deletes that were tried.
    pub(super) deletes: AtomicU64,
    /// Extensions, and questions for locks.
    pub(super) extensions: AtomicU64,
    pub(super) questions: AtomicU64,
    pub(super) lists: AtomicU64,
}

impl Strict {
    fn new(kind: Kind, clock: &Arc<Hands>) -> Self {
        let clock = Arc::clone(clock);
        let inner = match kind {
            Kind::Locks | Kind::Clips => {
                MemoryStore::with_object_lock(move || clock.0.load(Ordering::SeqCst))
            }
            Kind::NoLocks | Kind::Forgets => MemoryStore::new(),
        };
        Self {
            inner,
            kind,
            may_put: Mutex::new(true),
            may_delete: Mutex::new(true),
            refused_extension: Mutex::default(),
            writes: AtomicU64::default(),
            deletes: AtomicU64::default(),
            extensions: AtomicU64::default(),
            questions: AtomicU64::default(),
            lists: AtomicU64::default(),
        }
    }

    pub(super) fn permit(&self, put: bool, delete: bool) {
        *self.may_put.lock().unwrap() = put;
        *self.may_delete.lock().unwrap() = delete;
    }

    pub(super) fn refuse_extension(&self, object: Option<String>) {
        *self.refused_extension.lock().unwrap() = object;
    }
}

fn forbidden(operation: &'static str, key: &Key) -> strongroom_store::Error {
    strongroom_store::Error::new(strongroom_store::ErrorKind::PermissionDenied, operation)
        .with_key(key)
        .with_cause(Cause::Forbidden)
}

type StoreResult<T> = strongroom_store::Result<T>;

#[async_trait]
impl Store for Strict {
    fn capabilities(&self) -> Capabilities {
        self.inner
            .capabilities()
            .with_object_lock(self.kind != Kind::NoLocks)
    }

    async fn put(&self, key: &Key, data: Bytes, mut options: PutOptions) -> StoreResult<()> {
        self.writes.fetch_add(1, Ordering::SeqCst);
        if !*self.may_put.lock().unwrap() {
            return Err(forbidden("put", key));
        }
        match (self.kind, &mut options.retention) {
            (Kind::Forgets, retention) => *retention = None,
            (Kind::Clips, Some(retention)) => retention.until = retention.until.min(BEGIN + 86_400),
            _ => {}
        }
        self.inner.put(key, data, options).await
    }

    async fn get(&self, key: &Key, options: GetOptions) -> StoreResult<Bytes> {
        self.inner.get(key, options).await
    }

    async fn head(&self, key: &Key) -> StoreResult<ObjectMeta> {
        self.inner.head(key).await
    }

    async fn delete(&self, key: &Key) -> StoreResult<()> {
        self.writes.fetch_add(1, Ordering::SeqCst);
        self.deletes.fetch_add(1, Ordering::SeqCst);
        if !*self.may_delete.lock().unwrap() {
            return Err(forbidden("delete", key));
        }
        self.inner.delete(key).await
    }

    fn list(&self, prefix: &Prefix) -> BoxStream<'static, StoreResult<ObjectMeta>> {
        self.lists.fetch_add(1, Ordering::SeqCst);
        self.inner.list(prefix)
    }

    fn object_lock(&self) -> Option<&dyn ObjectLock> {
        (self.kind != Kind::NoLocks).then_some(self)
    }
}

#[async_trait]
impl ObjectLock for Strict {
    async fn retention(&self, key: &Key) -> StoreResult<Option<Retention>> {
        self.questions.fetch_add(1, Ordering::SeqCst);
        self.inner.retention(key).await
    }

    async fn extend(&self, key: &Key, to: Retention) -> StoreResult<()> {
        self.extensions.fetch_add(1, Ordering::SeqCst);
        if self.refused_extension.lock().unwrap().as_deref() == Some(key.as_str()) {
            return Err(forbidden("extend", key));
        }
        self.inner.extend(key, to).await
    }

    async fn hidden(&self, prefix: &Prefix, from: Option<&str>) -> StoreResult<HiddenPage> {
        self.inner.hidden(prefix, from).await
    }

    async fn uncover(&self, key: &Key) -> StoreResult<bool> {
        self.inner.uncover(key).await
    }
}

impl fmt::Display for Strict {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("strict")
    }
}

impl fmt::Debug for Strict {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Strict")
    }
}

/// A repository, its store and their clock.
#[derive(Debug)]
pub(super) struct World {
    pub(super) strict: Arc<Strict>,
    pub(super) clock: Arc<Hands>,
    pub(super) repository: Repository,
}

impl World {
    pub(super) fn new(policy: LockPolicy) -> Self {
        Self::try_new(Some(policy), Kind::Locks).unwrap()
    }

    pub(super) fn try_new(policy: Option<LockPolicy>, kind: Kind) -> Result<Self, Error> {
        let options = CreateOptions::default().with_suite(Suite::None);
        Self::create(policy, kind, options, &Credential::None)
    }

    pub(super) fn encrypted(policy: LockPolicy) -> Self {
        let options = CreateOptions::default().with_argon2(Argon2Params::FASTEST);
        let credential = Credential::passphrase("correct horse");
        Self::create(Some(policy), Kind::Locks, options, &credential).unwrap()
    }

    fn create(
        policy: Option<LockPolicy>,
        kind: Kind,
        options: CreateOptions,
        credential: &Credential,
    ) -> Result<Self, Error> {
        let clock = Arc::new(Hands(AtomicI64::new(BEGIN)));
        let strict = Arc::new(Strict::new(kind, &clock));
        let builder = Repository::builder(strict.clone())
            .settings(with(policy))
            .components(components(&clock));
        let repository = block_on(builder.create(options, credential))?.repository;
        Ok(Self {
            strict,
            clock,
            repository,
        })
    }

    /// The same repository with another policy.
    pub(super) fn reopened(&self, policy: LockPolicy) -> Self {
        self.try_reopened(Some(policy)).unwrap()
    }

    pub(super) fn try_reopened(&self, policy: Option<LockPolicy>) -> Result<Self, Error> {
        let builder = Repository::builder(self.strict.clone())
            .settings(with(policy))
            .components(components(&self.clock));
        Ok(Self {
            strict: self.strict.clone(),
            clock: self.clock.clone(),
            repository: block_on(builder.open(&Credential::None))?,
        })
    }

    pub(super) fn block<T>(&self, future: impl Future<Output = T>) -> T {
        block_on(future)
    }

    pub(super) fn now(&self) -> i64 {
        self.clock.now().seconds
    }

    pub(super) fn pass(&self, seconds: u64) {
        let seconds = i64::try_from(seconds).unwrap();
        self.clock.0.fetch_add(seconds, Ordering::SeqCst);
    }

    pub(super) fn try_backup(&self, tree: &Tree) -> Result<BackupReport, Error> {
        let source = Arc::new(TreeSource::new(tree.clone()));
        let options = BackupOptions::new("series");
        block_on(self.repository.backup(source, options, Arc::new(())))
    }

    pub(super) fn backup(&self, tree: &Tree) -> BackupReport {
        self.try_backup(tree).unwrap()
    }

    pub(super) fn evidence(&self) {
        let evidence = Evidence {
            kind: "test".to_owned(),
            ..Evidence::default()
        };
        block_on(self.repository.record_evidence(evidence)).unwrap();
    }

    pub(super) fn add_slot(&self) {
        let Credential::Passphrase(passphrase) = Credential::passphrase("other") else {
            panic!("a passphrase is one")
        };
        let new = NewSlot::Passphrase(passphrase, Argon2Params::FASTEST);
        block_on(self.repository.add_slot("second", new)).unwrap();
    }

    pub(super) fn plan(&self) -> LockPlan {
        self.plan_with(LockOptions::default())
    }

    pub(super) fn plan_with(&self, options: LockOptions) -> LockPlan {
        block_on(self.repository.plan_extend_locks(options)).unwrap()
    }

    pub(super) fn plan_error(&self) -> Error {
        block_on(self.repository.plan_extend_locks(LockOptions::default())).unwrap_err()
    }

    pub(super) fn extend(&self, plan: LockPlan) -> LockReport {
        block_on(self.repository.extend_locks(plan, Arc::new(()))).unwrap()
    }

    pub(super) fn audit(&self, sample: Option<u64>) -> LockAudit {
        let options = LockAuditOptions { sample };
        block_on(self.repository.audit_locks(options, Arc::new(()))).unwrap()
    }

    pub(super) fn objects(&self) -> Vec<String> {
        let listed = block_on(self.strict.inner.list_all(&Prefix::root())).unwrap();
        listed
            .into_iter()
            .map(|object| object.key.as_str().to_owned())
            .collect()
    }

    /// Lays a mark of deletion or other bytes over an object.
    pub(super) fn cover(&self, object: &str, over: Option<&'static str>) {
        let key = Key::parse(object).unwrap();
        assert!(self.strict.inner.cover(&key, over.map(Bytes::from)));
    }

    pub(super) fn first(&self, folder: &str) -> String {
        let mut objects = self.objects().into_iter();
        objects.find(|object| object.starts_with(folder)).unwrap()
    }

    pub(super) fn retention(&self, object: &str) -> Option<Retention> {
        let key = Key::parse(object).unwrap();
        block_on(self.strict.inner.retention(&key)).unwrap()
    }

    pub(super) fn retention_of(&self, folder: &str) -> Vec<Option<Retention>> {
        let objects = self.objects().into_iter();
        let objects = objects.filter(|object| object.starts_with(folder));
        objects.map(|object| self.retention(&object)).collect()
    }

    /// An empty store of the same clock.
    pub(super) fn another_store(&self, kind: Kind) -> Arc<Strict> {
        Arc::new(Strict::new(kind, &self.clock))
    }

    /// The same repository in another store.
    pub(super) fn opened_in(&self, store: &Arc<Strict>, policy: LockPolicy) -> Self {
        let builder = Repository::builder(store.clone())
            .settings(with(Some(policy)))
            .components(components(&self.clock));
        Self {
            strict: store.clone(),
            clock: self.clock.clone(),
            repository: block_on(builder.open(&Credential::None)).unwrap(),
        }
    }

    /// A copy that somebody made who knows nothing of locks.
    pub(super) fn copied(&self, policy: LockPolicy) -> Self {
        let copy = self.another_store(Kind::Locks);
        for object in self.objects() {
            let key = Key::parse(&object).unwrap();
            let data = block_on(self.strict.inner.get(&key, GetOptions::default())).unwrap();
            block_on(copy.inner.put(&key, data, PutOptions::default())).unwrap();
        }
        self.opened_in(&copy, policy)
    }

    /// Flips a bit of a locked object, which stays locked.
    pub(super) fn flip(&self, object: &str) {
        let (key, lock) = (Key::parse(object).unwrap(), self.retention(object));
        let data = block_on(self.strict.inner.get(&key, GetOptions::default())).unwrap();
        let mut data = data.to_vec();
        let middle = data.len() / 2;
        data[middle] ^= 0x10;
        self.delete_behind_the_back(object);
        let mut options = PutOptions::default();
        options.retention = lock;
        block_on(self.strict.inner.put(&key, data.into(), options)).unwrap();
    }

    /// Deletes an object when its lock has ended.
    pub(super) fn delete_behind_the_back(&self, object: &str) {
        let now = self.now();
        self.pass(100 * DAY);
        block_on(self.strict.inner.delete(&Key::parse(object).unwrap())).unwrap();
        self.clock.0.store(now, Ordering::SeqCst);
    }
}

pub(super) fn with(policy: Option<LockPolicy>) -> Settings {
    Settings {
        object_lock: policy,
        parity: Some(strongroom_format::parity::Overhead::DISKS),
        ..settings(2)
    }
}

pub(super) fn components(clock: &Arc<Hands>) -> Components {
    Components {
        clock: clock.clone(),
        ..Components::default()
    }
}
