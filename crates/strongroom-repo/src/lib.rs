//! The engine: create, open, back up, list and restore a repository.

mod backup;
mod blobs;
mod context;
mod create;
mod credential;
mod edge;
mod error;
mod head;
mod index;
mod journal;
mod keys;
mod list;
mod lru;
mod observer;
mod open;
mod packs;
mod repository;
mod restore;
mod settings;
mod slots;
mod source;
mod state;
mod target;
#[cfg(test)]
mod testing;
mod tree;

pub use backup::{BackupOptions, BackupReport, Chunking, DryRun, ParentChoice, Phases};
pub use create::CreateOptions;
pub use credential::Credential;
pub use error::{Error, ErrorKind, Result};
pub use list::{Depth, SnapshotFilter};
pub use observer::{Event, Observer, Phase, Progress};
pub use repository::{Created, Repository, RepositoryBuilder, SnapshotInfo};
pub use restore::{
    Existing, Extra, Include, Lost, LostReason, Mode, PathDeviation, RestoreOptions, RestoreReport,
};
pub use settings::{Clock, Components, Settings, SystemClock};
pub use slots::{NewSlot, RevokeReport, SlotInfo, SlotKind};
pub use source::{
    Batch, BatchItem, Content, Entry, Fill, MAX_SMALL_BYTES, Piece, Problem, Source, SourceError,
    Walk, WalkEvent,
};
pub use target::{
    Aspect, Deviation, ExistingFile, Made, ReadAt, SmallFile, Target, TargetError, TargetFile,
};
