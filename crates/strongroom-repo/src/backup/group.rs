//! The unit of work: about two megabytes of a source.

use crossbeam_channel::Receiver;
use strongroom_format::Ref;

use super::judge::OwnRecord;
use super::large::LargeFile;
use crate::error::Result;
use crate::source::{Batch, Problem};
use crate::tree::Recorded;

/// About so much content makes a group, whatever the sizes of files: a frame's worth.
pub(super) const GROUP_BYTES: u64 = 2 << 20;
/// And no more entries than this, so that a group of empty or unchanged files stays small.
pub(super) const GROUP_STEPS: usize = 1024;

/// A run of neighbours of the walk: what the tree builder does with them, and what a worker must find out first.
#[derive(Debug, Default)]
pub(super) struct Group {
    /// Its place in the walk.
    pub(super) number: u64,
    pub(super) steps: Vec<Step>,
    pub(super) batch: Batch,
    /// For each item of the batch, where its references are in `refs`.
    pub(super) answers: Vec<std::ops::Range<usize>>,
    pub(super) refs: Vec<Ref>,
}

/// One thing for the tree builder to do.
#[derive(Debug)]
pub(super) enum Step {
    /// A directory begins whose metadata is as the parent snapshot has it.
    EnterKnown(OwnRecord),
    /// A directory begins; its metadata is an item of the batch.
    EnterFilled(usize),
    /// The directory entered last ends.
    Leave,
    /// An entry that is as the parent snapshot has it.
    Known(Recorded),
    /// An item of the batch.
    Filled(usize),
    /// A file with a reader of its own.
    Large(Receiver<Result<LargeFile>>),
    /// Something that is not in the snapshot.
    Problem(Problem),
}

impl Group {
    pub(super) fn is_full(&self, bytes: u64) -> bool {
        bytes >= GROUP_BYTES || self.steps.len() >= GROUP_STEPS
    }

    /// Says whether a worker has to look at it.
    pub(super) fn has_work(&self) -> bool {
        !self.batch.items.is_empty()
    }
}
