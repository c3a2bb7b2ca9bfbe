//! What is backed up.

use std::fmt::Debug;
use std::ops::Range;
use std::sync::Arc;

use strongroom_format::{Node, SkipReason};

/// A tree of entries that can be backed up.
///
/// The engine calls it from its own threads, several at once (inline: from the one that polls); nothing here is async, because files
/// are not. `strongroom-fs` implements it for local files; an application implements it for state of
/// its own.
///
/// # Contract
///
/// 1. [`walk`](Self::walk) yields `Enter(root)` first and the matching `Leave` last; between an
///    `Enter` and its `Leave` come exactly the entries of that directory.
/// 2. Siblings come in strictly ascending bytewise order of their names; names are legal
///    (docs/format.md §9.4). The same state of the source yields the same events.
/// 3. What cannot be read is a [`WalkEvent::Problem`] in its place, never the end of the walk.
/// 4. [`fill`](Self::fill) decides every item it is given: afterwards none is [`Fill::Pending`].
/// 5. Content is what was read: if it changed meanwhile, `changed` says so, and the node's `size` is the
///    number of bytes that were delivered.
pub trait Source: Debug + Send + Sync {
    /// Starts a walk.
    ///
    /// # Errors
    ///
    /// When the root itself cannot be read; the backup then fails.
    fn walk(&self) -> Result<Box<dyn Walk + Send + '_>, SourceError>;

    /// Completes the metadata of every item (extended attributes, flags, link target, access to the
    /// file as it is now) and, where [`BatchItem::want_content`] is set, appends the whole content to
    /// [`Batch::data`].
    ///
    /// The engine asks for content only of files that were at most 1 MiB when walked. An implementation stops
    /// reading one file at [`MAX_SMALL_BYTES`], and reports it as changed.
    fn fill(&self, batch: &mut Batch);

    /// Opens a large file for reading from its beginning to its end.
    ///
    /// # Errors
    ///
    /// When it cannot be opened, or is not the file that was walked any more.
    fn open(&self, entry: &Entry) -> Result<Box<dyn Content + Send + '_>, SourceError>;

    /// Returns the name of a user id, if the source knows it.
    fn owner_name(&self, uid: u32) -> Option<Vec<u8>>;

    /// Returns the name of a group id, if the source knows it.
    fn group_name(&self, gid: u32) -> Option<Vec<u8>>;
}

/// The most that one file may add to a batch. A file that was walked as smaller but grew past this is cut off and reported.
pub const MAX_SMALL_BYTES: usize = 4 << 20;

/// A walk in progress.
pub trait Walk: Debug {
    /// Appends the next events, in order, some hundred at a time, and returns false once there are none left.
    fn next(&mut self, events: &mut Vec<WalkEvent>) -> bool;
}

/// One step of a walk.
#[derive(Debug)]
#[non_exhaustive]
pub enum WalkEvent {
    /// A directory begins. The root's name is empty.
    Enter(Entry),
    /// The directory entered last and not yet left has ended.
    Leave,
    /// Anything but a directory.
    Item(Entry),
    /// Something is there that cannot be recorded, or a directory's list broke off.
    Problem(Problem),
    /// An exclude rule left something out. It is not recorded; a dry run shows it.
    Excluded {
        /// Relative path.
        path: Vec<u8>,
        /// The rule, as its author wrote it.
        rule: Arc<str>,
    },
}

/// An entry of the tree.
///
/// As walked, the node has what one `stat` tells: everything but `target`, `xattrs` and `flags`, which
/// [`Source::fill`] adds when the entry is not known from the parent snapshot.
#[derive(Debug, Clone)]
#[expect(
    clippy::exhaustive_structs,
    reason = "sources build it; a field more would be a new contract"
)]
pub struct Entry {
    /// Relative path of the directory it is in: empty for the root and for what is directly in it.
    pub dir: Arc<[u8]>,
    /// Its metadata. The references are the engine's and stay zero.
    pub node: Node,
}

impl Entry {
    /// Returns its relative path, without a leading slash.
    #[must_use]
    pub fn path(&self) -> Vec<u8> {
        let mut path = Vec::with_capacity(self.dir.len() + 1 + self.node.name.len());
        path.extend_from_slice(&self.dir);
        if !self.dir.is_empty() {
            path.push(b'/');
        }
        path.extend_from_slice(&self.node.name);
        path
    }
}

/// Entries to complete, and the content of small files back to back.
#[derive(Debug, Default)]
#[expect(
    clippy::exhaustive_structs,
    reason = "a plain pair of buffers shared with sources"
)]
pub struct Batch {
    /// What is asked for, and the answers.
    pub items: Vec<BatchItem>,
    /// The content of those that wanted it.
    pub data: Vec<u8>,
}

/// One question of a batch and its answer.
#[derive(Debug)]
#[expect(
    clippy::exhaustive_structs,
    reason = "sources match on and assign its fields"
)]
pub struct BatchItem {
    /// The entry; its node is completed in place.
    pub entry: Entry,
    /// Whether the content goes into the batch.
    pub want_content: bool,
    /// The answer.
    pub fill: Fill,
}

/// What became of a [`BatchItem`].
#[derive(Debug)]
#[expect(
    clippy::exhaustive_enums,
    reason = "the engine must handle every answer"
)]
pub enum Fill {
    /// Not answered.
    Pending,
    /// Answered.
    Done {
        /// Where its content is in [`Batch::data`]; empty when none was wanted.
        content: Range<usize>,
        /// It changed while it was read, or since it was walked.
        changed: bool,
    },
    /// It cannot be recorded.
    Failed(SourceError),
}

/// The content of one large file, read once from front to back.
pub trait Content: Debug {
    /// Reads the next piece into the front of `buf`, which is not empty.
    ///
    /// # Errors
    ///
    /// When reading fails; the file is then left out of the snapshot and reported.
    fn read(&mut self, buf: &mut [u8]) -> Result<Piece, SourceError>;

    /// Says, after [`Piece::End`], whether the file changed while it was read; and gives a stream the
    /// chance to fail (a command that ended badly).
    ///
    /// # Errors
    ///
    /// When what was read must not be kept.
    fn finish(&mut self, entry: &mut Entry) -> Result<bool, SourceError>;
}

/// A piece of content.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[expect(
    clippy::exhaustive_enums,
    reason = "the engine must handle every piece"
)]
pub enum Piece {
    /// That many bytes were written to the front of the buffer; at least one.
    Data(usize),
    /// A hole of that many zero bytes; at least one. Sources report holes of 64 KiB or more and read smaller ones as zeros.
    Hole(u64),
    /// The end of the file.
    End,
}

/// Why something could not be read.
#[derive(Debug, Clone)]
pub struct SourceError {
    reason: SkipReason,
    message: String,
    fatal: bool,
}

impl SourceError {
    /// Makes an error that costs one entry.
    pub fn new(reason: SkipReason, message: impl Into<String>) -> Self {
        Self {
            reason,
            message: message.into(),
            fatal: false,
        }
    }

    /// Makes an error that makes the whole run fail, such as a command that ended badly.
    pub fn fatal(reason: SkipReason, message: impl Into<String>) -> Self {
        Self {
            reason,
            message: message.into(),
            fatal: true,
        }
    }

    /// Returns the reason, as it is recorded.
    #[must_use]
    pub fn reason(&self) -> SkipReason {
        self.reason
    }

    /// Returns the system's words.
    #[must_use]
    pub fn message(&self) -> &str {
        &self.message
    }

    /// Says whether the whole run has failed.
    #[must_use]
    pub fn is_fatal(&self) -> bool {
        self.fatal
    }
}

impl std::fmt::Display for SourceError {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(&self.message)
    }
}

impl std::error::Error for SourceError {}

/// An entry that was skipped, or recorded although it changed meanwhile.
#[derive(Debug, Clone)]
#[expect(clippy::exhaustive_structs, reason = "sources build it")]
pub struct Problem {
    /// Its relative path.
    pub path: Vec<u8>,
    /// What happened.
    pub error: SourceError,
}
