//! Where a snapshot is restored to.

use std::fmt::Debug;

use strongroom_format::Node;

/// A place that takes the entries of a snapshot.
///
/// The engine calls it from several threads at once. Paths are relative to the target's root, without a
/// leading slash, `/` between components; the root is the empty path. Every component is a legal name
/// (docs/format.md §9.4), but may be hostile in any other way: a target never leaves its root.
///
/// # Contract
///
/// 1. A directory is created before anything in it, and finished after everything in it.
/// 2. Whatever is in the way (another kind of entry, a link, a read-only file) is replaced, never
///    followed and never written through.
/// 3. What could be restored only in part is returned as [`Deviation`]s, not as an error: an error means
///    that the entry is not there as recorded.
/// 4. After `finish` of a file, `Ok` of a small file, or `finish_directory`, metadata is as recorded but for
///    the deviations returned.
/// 5. Everything is repeatable: a second restore of the same snapshot changes nothing and succeeds.
pub trait Target: Debug + Send + Sync {
    /// Creates the directory, or adopts the one that is there.
    ///
    /// # Errors
    ///
    /// When it cannot be made; everything below it is then reported as not restored.
    fn create_directory(&self, path: &[u8], node: &Node) -> Result<Made, TargetError>;

    /// Writes whole small files: creates, writes, sets metadata, closes. One answer for each, in order.
    fn write_files(&self, files: &[SmallFile<'_>]) -> Vec<Result<Vec<Deviation>, TargetError>>;

    /// Opens the file for writing at offsets, creating it with its final length where it is missing.
    /// An existing regular file keeps its content; `fresh` promises that there is none.
    ///
    /// # Errors
    ///
    /// When it cannot be created.
    fn open_file(
        &self,
        path: &[u8],
        node: &Node,
        fresh: bool,
    ) -> Result<Box<dyn TargetFile>, TargetError>;

    /// Returns what is there, so that good content need not be fetched again. `None` when it is no regular file
    /// of the recorded size. The default answer of a target that cannot look is `Ok(None)`.
    ///
    /// # Errors
    ///
    /// When looking fails; the engine then restores the whole file.
    fn existing_file(&self, path: &[u8], node: &Node) -> Result<Option<ExistingFile>, TargetError>;

    /// Makes a symbolic link, fifo, socket or device, with its metadata.
    ///
    /// # Errors
    ///
    /// When it cannot be made.
    fn create_other(&self, path: &[u8], node: &Node) -> Result<Vec<Deviation>, TargetError>;

    /// Makes `path` another name of `first`, which has been restored before.
    ///
    /// # Errors
    ///
    /// When it cannot be made; the engine then restores a copy.
    fn link(&self, path: &[u8], first: &[u8]) -> Result<Vec<Deviation>, TargetError>;

    /// Sets a directory's metadata, after everything in it.
    ///
    /// # Errors
    ///
    /// When the directory has gone.
    fn finish_directory(&self, path: &[u8], node: &Node) -> Result<Vec<Deviation>, TargetError>;

    /// Returns the names in a directory, sorted, for reconciling.
    ///
    /// # Errors
    ///
    /// When it cannot be read.
    fn names(&self, path: &[u8]) -> Result<Vec<Vec<u8>>, TargetError>;

    /// Removes an entry and everything below it.
    ///
    /// # Errors
    ///
    /// When something of it stays.
    fn remove(&self, path: &[u8]) -> Result<(), TargetError>;
}

/// What [`Target::create_directory`] found.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[expect(clippy::exhaustive_enums, reason = "there is no third answer")]
pub enum Made {
    /// It is new: nothing is in it.
    Created,
    /// It was there.
    Existed,
}

/// A small file, whole.
#[derive(Debug, Clone, Copy)]
#[expect(
    clippy::exhaustive_structs,
    reason = "the engine builds it, targets read it"
)]
pub struct SmallFile<'a> {
    /// Relative path.
    pub path: &'a [u8],
    /// Its metadata.
    pub node: &'a Node,
    /// Its content.
    pub content: &'a [u8],
    /// Nothing is there under this name.
    pub fresh: bool,
}

/// A file being restored. Several threads write different parts of it at once.
pub trait TargetFile: Debug + Send + Sync {
    /// Writes all of `data` at `offset`. Runs of zeros become holes when the node says that the file is sparse.
    ///
    /// # Errors
    ///
    /// When not all could be written.
    fn write_at(&self, offset: u64, data: &[u8]) -> Result<(), TargetError>;

    /// Makes `len` bytes from `offset` read as zeros, without storage where the system can.
    ///
    /// # Errors
    ///
    /// When that fails.
    fn write_zeros(&self, offset: u64, len: u64) -> Result<(), TargetError>;

    /// Sets length and metadata and closes; errors of closing surface.
    ///
    /// # Errors
    ///
    /// When the content may not be as written.
    fn finish(&self, node: &Node) -> Result<Vec<Deviation>, TargetError>;
}

/// A regular file of the recorded size that is there already.
#[derive(Debug)]
#[expect(clippy::exhaustive_structs, reason = "targets build it")]
pub struct ExistingFile {
    /// Its modification time is as recorded.
    pub same_time: bool,
    /// Reads its content.
    pub content: Box<dyn ReadAt>,
}

/// Reading at offsets.
pub trait ReadAt: Debug + Send + Sync {
    /// Fills all of `buf` from `offset`.
    ///
    /// # Errors
    ///
    /// When there are fewer bytes, or reading fails.
    fn read_exact_at(&self, offset: u64, buf: &mut [u8]) -> std::io::Result<()>;
}

/// Something of an entry that is not as recorded.
#[derive(Debug, Clone, PartialEq, Eq)]
#[expect(clippy::exhaustive_structs, reason = "targets build it")]
pub struct Deviation {
    /// What differs.
    pub what: Aspect,
    /// The system's words.
    pub message: String,
}

/// A part of an entry's metadata.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub enum Aspect {
    /// Owner or group.
    Owner,
    /// Permission bits.
    Mode,
    /// Times.
    Times,
    /// The extended attribute (or ACL, or capability) of that name.
    Xattr(Vec<u8>),
    /// Inode flags.
    Flags,
    /// Holes.
    Sparse,
    /// It is a copy of its hard link.
    Link,
}

/// Why an entry was not restored.
#[derive(Debug, Clone)]
pub struct TargetError {
    message: String,
    no_space: bool,
}

impl TargetError {
    /// Makes an error that costs one entry.
    pub fn new(message: impl Into<String>) -> Self {
        Self {
            message: message.into(),
            no_space: false,
        }
    }

    /// Makes the error of a full target; the restore stops, since nothing more will fit.
    pub fn no_space(message: impl Into<String>) -> Self {
        Self {
            message: message.into(),
            no_space: true,
        }
    }

    /// Says whether the target is full.
    #[must_use]
    pub fn is_no_space(&self) -> bool {
        self.no_space
    }
}

impl std::fmt::Display for TargetError {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(&self.message)
    }
}

impl std::error::Error for TargetError {}
