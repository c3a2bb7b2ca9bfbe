//! The blocking face of a repository.

use std::ops::ControlFlow;
use std::sync::Arc;

use strongroom_crypt::{GenesisPin, Id, RepositoryId, SlotId, Suite};
use strongroom_format::{AuditKeys, Node};
use strongroom_repo::{
    AuditScope, BackupOptions, BackupReport, Depth, DryRun, JournalDamage, JournalObject,
    JournalRepairPlan, JournalRepairReport, NewSlot, Observer, RecoveryKit, Reprobed,
    RestoreOptions, RestorePlan, RestoreReport, Result, RevokeReport, SlotInfo, SnapshotFilter,
    SnapshotInfo, Source, StoreProbe, Target, WarmUpOptions, WarmUpReport,
};
use strongroom_store::manners::Manners;
use strongroom_store::{Key, Store, Warmer};

use super::RepositoryBuilder;
use super::thread::Thread;

/// An open repository, with a thread of its own. A clone is another handle on the same repository and thread.
///
/// Every method is the one of [`crate::Repository`] of the same name, and waits for it. There each is described.
#[derive(Debug, Clone)]
pub struct Repository {
    thread: Arc<Thread>,
    inner: strongroom_repo::Repository,
}

impl Repository {
    /// Begins to create or open a repository in `store`.
    pub fn builder(store: Arc<dyn Store>) -> RepositoryBuilder {
        RepositoryBuilder::new(strongroom_repo::Repository::builder(store))
    }

    /// Returns a handle whose operations ask other manners before they go on; see [`crate::Repository::with_manners`].
    #[must_use]
    pub fn with_manners(&self, manners: Manners) -> Self {
        Self {
            thread: Arc::clone(&self.thread),
            inner: self.inner.with_manners(manners),
        }
    }

    /// Returns who the operations of this handle ask before they go on: another thread pauses and resumes by it what waits in a call here.
    pub fn manners(&self) -> &Manners {
        self.inner.manners()
    }

    /// Makes this handle the only writer of a repository in single-writer mode.
    ///
    /// # Errors
    ///
    /// As [`crate::Repository::take_over`].
    pub fn take_over(&self, reason: &str) -> Result<()> {
        let reason = reason.to_owned();
        self.run(|repository| async move { repository.take_over(&reason).await })
    }

    /// Returns the keys for an auditor.
    ///
    /// # Errors
    ///
    /// As [`crate::Repository::audit_keys`].
    pub fn audit_keys(&self, scope: AuditScope) -> Result<AuditKeys> {
        self.inner.audit_keys(scope)
    }

    /// Calls `each` with every journal entry from number `from` on, as it is stored.
    ///
    /// # Errors
    ///
    /// As [`crate::Repository::journal_objects`].
    pub fn journal_objects(
        &self,
        from: u64,
        each: impl FnMut(JournalObject) -> ControlFlow<()> + Send + 'static,
    ) -> Result<u64> {
        self.run(move |repository| async move { repository.journal_objects(from, each).await })
    }

    /// Lists the snapshots in force, oldest first, after reading what others have committed since.
    ///
    /// # Errors
    ///
    /// As [`crate::Repository::snapshots`].
    pub fn snapshots(&self) -> Result<Vec<SnapshotInfo>> {
        self.run(|repository| async move { repository.snapshots().await })
    }

    /// Finds a snapshot by the beginning of its id in hexadecimal, or the latest one by the word `latest`.
    ///
    /// # Errors
    ///
    /// As [`crate::Repository::find_snapshot`].
    pub fn find_snapshot(&self, wanted: &str, filter: SnapshotFilter) -> Result<Id> {
        let wanted = wanted.to_owned();
        self.run(|repository| async move { repository.find_snapshot(&wanted, filter).await })
    }

    /// Backs up `source` and returns once the snapshot is in the journal and everything it needs is durable.
    ///
    /// # Errors
    ///
    /// As [`crate::Repository::backup`].
    pub fn backup(
        &self,
        source: Arc<dyn Source>,
        options: BackupOptions,
        observer: Arc<dyn Observer>,
    ) -> Result<BackupReport> {
        self.run(|repository| async move { repository.backup(source, options, observer).await })
    }

    /// Tells the observer what a backup would take, and what is excluded by which rule.
    ///
    /// # Errors
    ///
    /// As [`crate::Repository::backup_dry_run`].
    pub fn backup_dry_run(
        &self,
        source: Arc<dyn Source>,
        options: BackupOptions,
        observer: Arc<dyn Observer>,
    ) -> Result<DryRun> {
        self.run(
            |repository| async move { repository.backup_dry_run(source, options, observer).await },
        )
    }

    /// Compares a snapshot with the files that it was made of: level L6.
    ///
    /// # Errors
    ///
    /// As [`FileTree::compare`](strongroom_fs::FileTree::compare).
    #[cfg(unix)]
    pub fn compare_source(
        &self,
        source: Arc<strongroom_fs::FileTree>,
        snapshot: &Id,
        options: strongroom_fs::CompareSourceOptions,
        observer: Arc<dyn Observer>,
    ) -> Result<strongroom_fs::SourceReport> {
        let snapshot = *snapshot;
        self.run(|repository| async move {
            source
                .compare(&repository, &snapshot, options, observer)
                .await
        })
    }

    /// Restores a snapshot, or a part of it, into `target`.
    ///
    /// # Errors
    ///
    /// As [`crate::Repository::restore`].
    pub fn restore(
        &self,
        snapshot: &Id,
        target: Arc<dyn Target>,
        options: RestoreOptions,
        observer: Arc<dyn Observer>,
    ) -> Result<RestoreReport> {
        let snapshot = *snapshot;
        self.run(|repository| async move {
            repository
                .restore(&snapshot, target, options, observer)
                .await
        })
    }

    /// Says what restoring a snapshot, or a part of it, into an empty target needs of the store.
    ///
    /// # Errors
    ///
    /// As [`crate::Repository::plan_restore`].
    pub fn plan_restore(
        &self,
        snapshot: &Id,
        options: RestoreOptions,
        warmer: Option<Arc<dyn Warmer>>,
        observer: Arc<dyn Observer>,
    ) -> Result<RestorePlan> {
        let snapshot = *snapshot;
        self.run(|repository| async move {
            repository
                .plan_restore(&snapshot, options, warmer, observer)
                .await
        })
    }

    /// Asks for objects in cold storage and waits until they can be read.
    ///
    /// # Errors
    ///
    /// As [`crate::Repository::warm_up`].
    pub fn warm_up(
        &self,
        objects: Vec<Key>,
        warmer: Arc<dyn Warmer>,
        options: WarmUpOptions,
        observer: Arc<dyn Observer>,
    ) -> Result<WarmUpReport> {
        self.run(|repository| async move {
            repository.warm_up(objects, warmer, options, observer).await
        })
    }

    /// Lists a directory of a snapshot, calling `each` with the path of every entry and its metadata, in order.
    ///
    /// # Errors
    ///
    /// As [`crate::Repository::list`].
    pub fn list(
        &self,
        snapshot: &Id,
        path: &[u8],
        depth: Depth,
        each: impl FnMut(&[u8], &Node) -> ControlFlow<()> + Send + 'static,
    ) -> Result<()> {
        let (snapshot, path) = (*snapshot, path.to_vec());
        self.run(|repository| async move { repository.list(&snapshot, &path, depth, each).await })
    }

    /// Reads the content of one file, calling `each` with piece after piece.
    ///
    /// # Errors
    ///
    /// As [`crate::Repository::read_file`].
    pub fn read_file(
        &self,
        snapshot: &Id,
        path: &[u8],
        each: impl FnMut(&[u8]) -> ControlFlow<()> + Send + 'static,
    ) -> Result<u64> {
        let (snapshot, path) = (*snapshot, path.to_vec());
        self.run(|repository| async move { repository.read_file(&snapshot, &path, each).await })
    }

    /// Lists who can open the repository.
    ///
    /// # Errors
    ///
    /// As [`crate::Repository::slots`].
    pub fn slots(&self) -> Result<Vec<SlotInfo>> {
        self.run(|repository| async move { repository.slots().await })
    }

    /// Adds a way to open the repository.
    ///
    /// # Errors
    ///
    /// As [`crate::Repository::add_slot`].
    pub fn add_slot(&self, label: &str, new: NewSlot) -> Result<SlotInfo> {
        let label = label.to_owned();
        self.run(|repository| async move { repository.add_slot(&label, new).await })
    }

    /// Takes a slot's way into the repository away.
    ///
    /// # Errors
    ///
    /// As [`crate::Repository::revoke_slot`].
    pub fn revoke_slot(&self, id: SlotId) -> Result<RevokeReport> {
        self.run(|repository| async move { repository.revoke_slot(id).await })
    }

    /// Returns what is lost of the journal, if this handle was opened around it.
    #[must_use]
    pub fn journal_damage(&self) -> Option<JournalDamage> {
        self.inner.journal_damage()
    }

    /// Finds out what of the journal is lost, and what a repair would put in its place; changes nothing.
    ///
    /// # Errors
    ///
    /// As [`crate::Repository::plan_journal_repair`].
    pub fn plan_journal_repair(&self, other: Option<Arc<dyn Store>>) -> Result<JournalRepairPlan> {
        self.run(|repository| async move { repository.plan_journal_repair(other).await })
    }

    /// Carries a repair of the journal out.
    ///
    /// # Errors
    ///
    /// As [`crate::Repository::repair_journal`].
    pub fn repair_journal(
        &self,
        plan: &JournalRepairPlan,
        other: Option<Arc<dyn Store>>,
    ) -> Result<JournalRepairReport> {
        let plan = plan.clone();
        self.run(|repository| async move { repository.repair_journal(&plan, other).await })
    }

    /// Makes the recovery kit of this repository, which people find at `location`.
    #[must_use]
    pub fn recovery_kit(&self, location: impl Into<String>) -> RecoveryKit {
        self.inner.recovery_kit(location)
    }

    /// Returns the repository's name, which every object of it carries.
    #[must_use]
    pub fn id(&self) -> RepositoryId {
        self.inner.id()
    }

    /// Returns the algorithms that the repository was created with.
    #[must_use]
    pub fn suite(&self) -> Suite {
        self.inner.suite()
    }

    /// Returns the pin of this repository.
    #[must_use]
    pub fn pin(&self) -> GenesisPin {
        self.inner.pin()
    }

    /// Says whether only one machine may write, as of the last reading. Say so at every backup.
    #[must_use]
    pub fn is_single_writer(&self) -> bool {
        self.inner.is_single_writer()
    }

    /// Returns what the store was found to do when the repository was created. As [`crate::Repository::store_probe`].
    ///
    /// # Errors
    ///
    /// As there.
    pub fn store_probe(&self) -> Result<Option<StoreProbe>> {
        self.run(|repository| async move { repository.store_probe().await })
    }

    /// Probes the store again and records it. As [`crate::Repository::reprobe`].
    ///
    /// # Errors
    ///
    /// As there.
    pub fn reprobe(&self) -> Result<Reprobed> {
        self.run(|repository| async move { repository.reprobe().await })
    }

    /// Returns the async face of the same repository.
    #[must_use]
    pub fn inner(&self) -> &strongroom_repo::Repository {
        &self.inner
    }

    pub(super) fn new(thread: Arc<Thread>, inner: strongroom_repo::Repository) -> Self {
        Self { thread, inner }
    }

    /// Runs one operation on the thread and waits for it.
    pub(super) fn run<T, F>(&self, operation: impl FnOnce(strongroom_repo::Repository) -> F) -> T
    where
        T: Send + 'static,
        F: Future<Output = T> + Send + 'static,
    {
        self.thread.run(operation(self.inner.clone()))
    }
}
