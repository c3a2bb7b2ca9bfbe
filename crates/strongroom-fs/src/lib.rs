//! Local file trees as the source of a backup and the target of a restore.
//!
//! ```
//! # fn main() -> Result<(), Box<dyn std::error::Error>> {
//! # let dir = tempfile::tempdir()?;
//! use strongroom_fs::{DirectoryTarget, DirectoryTargetOptions, Excludes, FileTree};
//! use strongroom_repo::Source;
//!
//! let excludes = Excludes::new().pattern("*.tmp").caches();
//! let source = FileTree::builder(dir.path()).excludes(excludes).one_file_system().build()?;
//! let mut events = Vec::new();
//! let mut walk = source.walk()?;
//! while walk.next(&mut events) {}
//!
//! let target = DirectoryTarget::create(dir.path().join("restored"), DirectoryTargetOptions::new())?;
//! # Ok(())
//! # }
//! ```
//!
//! What it is not: it knows nothing of how repositories are kept; the engine (`strongroom-repo`) drives it. On systems other than Linux
//! there are only [`StreamSource`], [`CommandSource`] and [`CommandWarmer`].
//!
//! Guarantees: no symbolic link below the root of a source or a target is ever followed. What could not be read
//! is named, and what changed while it was read is recorded as it was read and reported. What could not be
//! restored as recorded is reported, entry by entry.

mod command;
mod single;
mod stream;
mod warm;

#[cfg(target_os = "linux")]
mod account;
#[cfg(target_os = "linux")]
mod calls;
#[cfg(target_os = "linux")]
mod close;
#[cfg(target_os = "linux")]
mod compare;
#[cfg(target_os = "linux")]
mod dirs;
#[cfg(target_os = "linux")]
mod guard;
#[cfg(target_os = "linux")]
mod names;
#[cfg(target_os = "linux")]
mod priority;
#[cfg(target_os = "linux")]
mod rules;
#[cfg(target_os = "linux")]
mod stat;
#[cfg(target_os = "linux")]
mod target;
#[cfg(target_os = "linux")]
mod tree;
#[cfg(target_os = "linux")]
mod xattr;

pub use command::CommandSource;
pub use stream::StreamSource;
pub use warm::CommandWarmer;

#[cfg(target_os = "linux")]
pub use account::Accounts;
#[cfg(target_os = "linux")]
pub use compare::{
    Changes, CompareSourceOptions, Discrepancy, SourceDifference, SourceReport, Standing,
};
#[cfg(target_os = "linux")]
pub use guard::{SystemGuard, SystemLimits};
#[cfg(target_os = "linux")]
pub use priority::{IoPriority, IoPriorityError, ThreadPriority};
#[cfg(target_os = "linux")]
pub use rules::{Excludes, RuleError};
#[cfg(target_os = "linux")]
pub use target::{DirectoryTarget, DirectoryTargetOptions};
#[cfg(target_os = "linux")]
pub use tree::{FileTree, FileTreeBuilder, FileTreeError};
