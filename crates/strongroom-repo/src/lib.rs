//! The engine: create, open, back up, list and restore a repository.

mod context;
mod create;
mod credential;
mod edge;
mod error;
mod head;
mod journal;
mod keys;
mod observer;
mod open;
mod repository;
mod settings;
mod slots;
mod source;
mod state;
mod target;

pub use create::CreateOptions;
pub use credential::Credential;
pub use error::{Error, ErrorKind, Result};
pub use observer::{Event, Observer, Phase, Progress};
pub use repository::{Created, Repository, RepositoryBuilder, SnapshotInfo};
pub use settings::{Clock, Components, Settings, SystemClock};
pub use slots::{NewSlot, RevokeReport, SlotInfo, SlotKind};
pub use source::{
    Batch, BatchItem, Content, Entry, Fill, MAX_SMALL_BYTES, Piece, Problem, Source, SourceError, Walk,
    WalkEvent,
};
pub use target::{
    Aspect, Deviation, ExistingFile, Made, ReadAt, SmallFile, Target, TargetError, TargetFile,
};
