//! Local file trees as the source of a backup and the target of a restore.

mod account;
mod close;
mod command;
mod dirs;
mod names;
mod rules;
mod single;
mod stat;
mod stream;
mod target;
mod tree;
mod xattr;

pub use account::Accounts;
pub use command::CommandSource;
pub use rules::{Excludes, RuleError};
pub use stream::StreamSource;
pub use target::{DirectoryTarget, DirectoryTargetOptions};
pub use tree::{FileTree, FileTreeBuilder, FileTreeError};
