//! The engine: create, open, back up, list and restore a repository.

mod source;
mod target;

pub use source::{
    Batch, BatchItem, Content, Entry, Fill, MAX_SMALL_BYTES, Piece, Problem, Source, SourceError, Walk,
    WalkEvent,
};
pub use target::{
    Aspect, Deviation, ExistingFile, Made, ReadAt, SmallFile, Target, TargetError, TargetFile,
};
