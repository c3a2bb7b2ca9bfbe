//! The engine: create, open, back up, list and restore a repository.

mod edge;
mod error;
mod observer;
mod settings;
mod source;
mod target;

pub use error::{Error, ErrorKind, Result};
pub use observer::{Event, Observer, Phase, Progress};
pub use settings::{Clock, Components, Settings, SystemClock};
pub use source::{
    Batch, BatchItem, Content, Entry, Fill, MAX_SMALL_BYTES, Piece, Problem, Source, SourceError, Walk,
    WalkEvent,
};
pub use target::{
    Aspect, Deviation, ExistingFile, Made, ReadAt, SmallFile, Target, TargetError, TargetFile,
};
