//! Embeds the whole backup process in any Rust program: deduplicating, encrypted, verified backup and restore.
//!
//! ```
//! # fn main() -> Result<(), Box<dyn std::error::Error>> {
//! # futures::executor::block_on(async {
//! use std::ops::ControlFlow;
//! use std::sync::{Arc, Mutex};
//!
//! use strongroom::{
//!     BackupOptions, CreateOptions, Credential, MemoryStore, Repository, StreamSource,
//! };
//!
//! // A store keeps named bytes. This one is in memory; `store_at("/srv/backup")` opens a directory.
//! let store = Arc::new(MemoryStore::new());
//! let passphrase = Credential::passphrase("correct horse battery staple");
//! let options = CreateOptions::default();
//! # let options = options.with_argon2(strongroom::Argon2Params::FASTEST);
//! let created = Repository::builder(store.clone()).create(options, &passphrase).await?;
//! let code = created.recovery_code.ok_or("no recovery code")?;
//! // `code.to_text()` is for paper: it opens the repository when the passphrase is lost.
//!
//! // Anything that can be read is a source; a `FileTree` is the usual one.
//! let source = Arc::new(StreamSource::new("greeting", "hello, world".as_bytes())?);
//! let options = BackupOptions::new("greetings");
//! let report = created.repository.backup(source, options, Arc::new(())).await?;
//! assert!(report.is_complete());
//!
//! // Years later, with nothing but the store and the piece of paper.
//! let repository = Repository::builder(store).open(&Credential::from(code)).await?;
//! let latest = repository.find_snapshot("latest", Default::default()).await?;
//! let content = Arc::new(Mutex::new(Vec::new()));
//! let to = content.clone();
//! let append = move |piece: &[u8]| {
//!     to.lock().expect("nobody panics").extend_from_slice(piece);
//!     ControlFlow::Continue(())
//! };
//! repository.read_file(&latest, b"greeting", append).await?;
//! assert_eq!(*content.lock().expect("nobody panics"), b"hello, world");
//! # Ok(())
//! # })
//! # }
//! ```
//!
//! # What it is not
//!
//! Not a command-line program: the packages of `examples/` show thin ones. Not a service: nothing runs in the background and
//! nothing is scheduled. Not a file synchroniser. It reads no environment variable, no home directory and no configuration file,
//! unless it is given a [`ProcessEnvironment`]; it prints nothing.
//!
//! # Concepts
//!
//! * A [`Repository`] is everything that belongs together: keys, content and the journal of what happened. It lives in a
//!   [`Store`], which keeps named bytes and knows nothing of backups. [`store_at`] makes one of a path, [`Stores`] of any URL.
//! * A [`Credential`] opens it: a passphrase, a recovery code, a key service ([`keys`]). Several people can have one each
//!   ([`Repository::add_slot`]), and lose it again ([`Repository::revoke_slot`]).
//! * A [`Source`](source::Source) is what is backed up: a [`FileTree`], a [`StreamSource`], the output of a [`CommandSource`], or your
//!   application's own state. A [`Target`](target::Target) is where it comes back to, such as a [`DirectoryTarget`].
//! * An [`Auditor`](verify::Auditor) looks for damage with code of its own, and says what it looked at.
//! * A **snapshot** is one backup run. Successive ones of the same *series* share what has not changed, and so does everything
//!   else that is equal.
//! * An [`Observer`] is told how an operation goes; `Arc::new(())` is silence, a closure is an observer.
//! * [`evidence`] is what happened to backups: written by whoever runs them, read by whoever judges them.
//! * [`Manners`](manners::Manners) pause operations and bound what they take of the machine.
//!
//! # Guarantees
//!
//! * What [`Repository::backup`] has acknowledged is durable in the store, and readable by every later release.
//! * Whatever was skipped or changed while it was read is in the report and in the snapshot. A run is complete, partial, or an
//!   error; it is never silent.
//! * What is restored was authenticated first. Damage costs what it hit, and the report names it.
//! * Who holds the store, without a credential, learns neither content nor names, nor whether a known file is in it.
//! * Any number of machines write at once, and any of them may sleep or die: a backup from under which others have removed what it relied on
//!   stores that again before it commits.
//! * A store that went back, or shows another history than before, is an error: [`ErrorKind::Rollback`] or [`ErrorKind::Fork`].
//! * Dropping a future cancels the operation and leaves a valid repository.
//! * No runtime is needed and nothing is spawned on yours: the same call works under tokio, smol, `futures::executor`, and through
//!   [`blocking`] on a plain thread.
//!
//! # Why not several `block_on`s
//!
//! An async call may not block the thread of a runtime, and a runtime may not be started inside another. [`blocking`] does
//! neither: its handle owns one thread, on which the async code runs, and calls are messages to it.
//!
//! # Features
//!
//! * `object-store`: stores on S3, Azure Blob Storage, Google Cloud Storage and, to be read, web servers.
//! * `opendal`: stores on SFTP and WebDAV.
//!
//! Both are off by default, and bring a runtime that stays inside of them.
//!
//! # Minimum Rust version
//!
//! 1.95. Raising it is a minor release, with notice.

pub mod blocking;
pub mod evidence;
pub mod keys;
mod location;
pub mod manners;
pub mod mirror;
#[cfg(doctest)]
mod readme;
pub mod retain;
pub mod source;
pub mod store;
pub mod target;
pub mod verify;

pub use strongroom_chunk::ChunkSizes;
pub use strongroom_crypt::{
    Argon2Params, GenesisPin, Id, Passphrase, Random, RecoveryCode, RepositoryId, SlotId, Suite,
    SystemRandom,
};
pub use strongroom_format::parity::{InvalidOverhead, Overhead};
pub use strongroom_format::{
    DamagedObject, DamagedPack, Details, Labels, LabelsIter, Node, NodeKind, ObjectHash, Outcome,
    SkipReason, Skipped, Snapshot, Summary, Time,
};
#[cfg(unix)]
pub use strongroom_fs::{
    Accounts, Changes, CommandSource, CommandWarmer, CompareSourceOptions, DirectoryTarget,
    DirectoryTargetOptions, Discrepancy, Excludes, FileTree, FileTreeBuilder, FileTreeError,
    RuleError, SourceDifference, SourceReport, Standing, StreamSource,
};
pub use strongroom_repo::{
    BackupOptions, BackupReport, Choice, Chunking, Clock, ClockTrust, Cold, ColdContent,
    Components, Copied, CopyOptions, CopyReport, CreateOptions, Created, Credential, DeleteOptions,
    DeletePlan, DeleteReason, DeleteReport, Depth, DoomedObject, DryRun, Error, ErrorKind, Event,
    Execution, Existing, Extra, Fitness, ForgetOptions, ForgetPlan, ForgetReport, Forgotten,
    FoundTree, Head, Heads, HiddenObject, HoldInfo, HoldRequest, InPlace, Include, JournalDamage,
    JournalObject, JournalRepairPlan, JournalRepairReport, KitError, LaterEntry, LockAudit,
    LockAuditOptions, LockOptions, LockPlan, LockPolicy, LockReport, LockedObject, LossAt,
    LossKind, Losses, Lost, LostEntries, LostEntry, LostReason, MayDelete, Mode, NeededPack,
    NewSlot, NoRemedy, NotCopied, Observer, Obstacle, Orphan, PackAction, PackDecision, PackReason,
    ParentChoice, ParityCount, ParityOptions, ParityPlan, ParityReport, PathDeviation, Phase,
    Phases, PlannedLock, Problem, Progress, PruneFigures, PruneOptions, PrunePlan, PruneReport,
    QuarantineReport, RecoveryKit, Reframe, Remedy, RepairItem, RepairOptions, RepairPlan,
    RepairReport, RepairSource, ReplicaDifference, ReplicaFork, ReplicaReport, Repository,
    RepositoryBuilder, Reprobed, Requests, RestoreOptions, RestorePlan, RestoreReport, Result,
    RevokeReport, Rewrite, RewriteOptions, RewritePlan, RewriteReport, Rewritten, Salvage,
    Settings, ShortLock, SlotInfo, SlotKind, SnapshotFilter, SnapshotInfo, SnapshotLosses,
    StillThere, Stopped, StoreProbe, SystemClock, Uncopied, UncoverReport, UndeletePlan,
    UndeleteReport, Unused, WarmUpOptions, WarmUpProgress, WarmUpReport, Worsened, Wrong, uncover,
};
#[cfg(unix)]
pub use strongroom_store::{DirSettings, DirStore};
pub use strongroom_store::{Environment, MemoryStore, Store, Warmer, Warmth};

pub use crate::location::{
    Concurrency, Counter, LocationError, ProcessEnvironment, Stores, create_store_at, mirror_at,
    store_at,
};
