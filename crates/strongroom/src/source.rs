//! What it takes to back up something of your own: implement [`Source`].
//!
//! The example `embedded-state` does it for an application's state in memory.

pub use strongroom_repo::{
    Batch, BatchItem, Content, Entry, Fill, MAX_SMALL_BYTES, Piece, Source, SourceError, Walk,
    WalkEvent,
};
