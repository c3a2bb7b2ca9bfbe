//! The engine: create, open, back up, list and restore a repository.
//!
//! ```
//! use std::sync::Arc;
//!
//! use strongroom_crypt::Argon2Params;
//! use strongroom_repo::{CreateOptions, Credential, Repository};
//! use strongroom_store::MemoryStore;
//!
//! # fn main() -> Result<(), strongroom_repo::Error> { futures::executor::block_on(async {
//! let store = Arc::new(MemoryStore::new());
//! let passphrase = Credential::passphrase("correct horse battery staple");
//! let options = CreateOptions::default();
//! # let options = options.with_argon2(Argon2Params::FASTEST);
//! let created = Repository::builder(store.clone()).create(options, &passphrase).await?;
//! assert!(created.recovery_code.is_some());
//!
//! let repository = Repository::builder(store).pin(created.pin).open(&passphrase).await?;
//! assert!(repository.snapshots().await?.is_empty());
//! # Ok(()) }) }
//! ```
//!
//! It is **not** tied to files, to a runtime or to a kind of store: what is backed up is a [`Source`], where it is restored to a
//! [`Target`], and where objects are kept a `Store` of `strongroom-store`. The crate `strongroom` joins it with the local implementations.
//!
//! * [`Repository::backup`] turns a source into a snapshot, reading only what has changed since the parent.
//! * [`Repository::restore`] writes a snapshot, or a part of it, and reports every entry that is not as recorded.
//! * [`Repository::list`], [`Repository::find_snapshot`] and [`Repository::read_file`] look into snapshots.
//! * [`Repository::plan_forget`] and [`Repository::forget`] let snapshots go, by rules or by name; [`Repository::place_hold`] forbids it,
//!   and [`Repository::undelete`] brings them back while their data is there.
//! * [`Repository::copy_to`] copies snapshots into a repository with other keys, [`Repository::replicate`] the repository as it is.
//! * [`Settings::parity`] and [`Repository::add_parity`] put parity beside packs, which takes damage up to a promised extent back.
//! * [`Repository::plan_repair`] and [`Repository::repair`] bring back what is damaged from where it still is, put the rest in quarantine,
//!   and name what is lost; [`Repository::plan_rewrite`] makes snapshots without it.
//! * [`Repository::add_slot`] and [`Repository::revoke_slot`] say who can open it.
//! * [`RepositoryBuilder::on_lost_entries`], [`Repository::plan_journal_repair`] and [`RepositoryBuilder::salvage`] are for the worst day, and
//!   [`RecoveryKit`] is the page of paper to have before it.
//! * An [`Observer`] is told how it goes; [`Settings`] bound threads and memory; [`Components::manners`] pause operations, make them back off,
//!   and bound what they take of disks.
//!
//! What a call returned as done is durable. Dropping a future cancels the operation and leaves a valid repository. Errors
//! have an [`ErrorKind`] to act on and name the object they are about. The minimum Rust version is 1.95.

mod audit_keys;
mod backup;
mod blobs;
mod buffers;
mod context;
mod copy;
mod create;
mod credential;
mod delete;
mod edge;
mod epochs;
mod error;
mod evidence;
mod features;
mod fitness;
mod forget;
mod frame_writer;
mod head;
mod history;
mod holds;
mod index;
mod journal;
mod journal_objects;
mod keys;
mod kit;
mod list;
mod locks;
mod lost;
mod lru;
mod memory;
mod merge;
mod observer;
mod open;
mod outlet;
mod pack_writer;
mod packs;
mod pair;
mod parity;
mod places;
mod probe;
mod prune;
mod ranges;
mod repair;
mod replicate;
mod repository;
mod restore;
mod salvage;
mod settings;
mod slots;
mod source;
mod state;
mod takeover;
mod target;
#[cfg(any(test, feature = "testing"))]
pub mod testing;
mod threads;
mod tree;
mod undelete;
mod warm_up;

pub use audit_keys::AuditScope;
pub use backup::{BackupOptions, BackupReport, Chunking, DryRun, ParentChoice, Phases};
pub use copy::{Copied, CopyOptions, CopyReport, NotCopied, Uncopied};
pub use create::CreateOptions;
pub use credential::Credential;
pub use delete::{
    DeleteOptions, DeletePlan, DeleteReason, DeleteReport, DoomedObject, LockedObject, MayDelete,
};
pub use error::{Error, ErrorKind, Head, Heads, Result};
pub use evidence::{Canaries, Changes, PolicyInForce, RunNotes, Sniffer};
pub use fitness::{Fitness, Obstacle};
pub use forget::{Choice, ClockTrust, ForgetOptions, ForgetPlan, ForgetReport};
pub use holds::{HoldInfo, HoldRequest};
pub use journal_objects::JournalObject;
pub use kit::{KitError, RecoveryKit};
pub use list::{Depth, SnapshotFilter};
pub use locks::{
    HiddenObject, LockAudit, LockAuditOptions, LockOptions, LockPlan, LockPolicy, LockReport,
    PlannedLock, ShortLock, UncoverReport, uncover,
};
pub use lost::{
    InPlace, JournalDamage, JournalRepairPlan, JournalRepairReport, LaterEntry, LostEntries,
    LostEntry,
};
pub use observer::{Event, Observer, Phase, Progress};
pub use parity::{ParityCount, ParityOptions, ParityPlan, ParityReport};
pub use probe::{Reprobed, StoreProbe, Worsened};
pub use prune::{
    ColdContent, Orphan, PackAction, PackDecision, PackReason, PruneFigures, PruneOptions,
    PrunePlan, PruneReport, Reframe, Requests, Stopped, Unused,
};
pub use repair::{
    LossAt, LossKind, Losses, NoRemedy, QuarantineReport, Remedy, RepairItem, RepairOptions,
    RepairPlan, RepairReport, RepairSource, Rewrite, RewriteOptions, RewritePlan, RewriteReport,
    Rewritten, SnapshotLosses, Wrong,
};
pub use replicate::{ReplicaDifference, ReplicaFork, ReplicaReport};
pub use repository::{Created, Repository, RepositoryBuilder, SnapshotInfo};
pub use restore::{
    Cold, Existing, Extra, Include, Lost, LostReason, Mode, NeededPack, PathDeviation,
    RestoreOptions, RestorePlan, RestoreReport,
};
pub use salvage::{FoundTree, Salvage};
pub use settings::{Clock, Components, Execution, Settings, SystemClock};
pub use slots::{NewSlot, RevokeReport, SlotInfo, SlotKind};
pub use source::{
    Batch, BatchItem, Content, Entry, Fill, MAX_SMALL_BYTES, Piece, Problem, Source, SourceError,
    Walk, WalkEvent,
};
pub use target::{
    Aspect, Deviation, ExistingFile, Made, ReadAt, SmallFile, Target, TargetError, TargetFile,
};
pub use undelete::{Forgotten, StillThere, UndeletePlan, UndeleteReport};
pub use warm_up::{WarmUpOptions, WarmUpProgress, WarmUpReport};
