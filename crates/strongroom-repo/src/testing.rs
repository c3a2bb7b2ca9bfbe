//! For tests (feature `testing`): trees as values, a source that is one of them, a target that is a map, and a store near at hand.
//!
//! With [`Execution::Inline`](crate::Execution::Inline), a seeded source of randomness, a clock of their own and a store that
//! fails where it is told to, tests and simulations run the real engine on these and can run every history again.
//!
//! ```
//! use std::sync::Arc;
//!
//! use strongroom_crypt::Suite;
//! use strongroom_repo::testing::{MemoryTarget, Tree, TreeSource};
//! use strongroom_repo::{
//!     BackupOptions, Components, CreateOptions, Credential, Execution, Repository, RestoreOptions,
//! };
//! use strongroom_store::MemoryStore;
//!
//! # fn main() -> Result<(), strongroom_repo::Error> { futures::executor::block_on(async {
//! let mut components = Components::default();
//! components.execution = Execution::Inline;
//! let builder = Repository::builder(Arc::new(MemoryStore::new())).components(components);
//! let options = CreateOptions::default().with_suite(Suite::None);
//! let repository = builder.create(options, &Credential::None).await?.repository;
//!
//! let tree = Tree::dir([("notes", Tree::file(b"buy milk")), ("empty", Tree::dir([]))]);
//! let source = Arc::new(TreeSource::new(tree.clone()));
//! let report = repository.backup(source, BackupOptions::new("example"), Arc::new(())).await?;
//!
//! let target = Arc::new(MemoryTarget::default());
//! let options = RestoreOptions::default();
//! repository.restore(&report.snapshot, target.clone(), options, Arc::new(())).await?;
//! assert_eq!(target.flat(), tree.flat());
//! # Ok(()) }) }
//! ```

#[cfg(test)]
mod entries;
mod near;
#[cfg(test)]
mod noise;
#[cfg(test)]
mod repository;
mod source;
mod target;
mod tree;
#[cfg(test)]
mod writer;

pub use crate::index::scale::IndexScale;
pub use crate::prune::scale::{PruneScale, ScaleReport, ScaleShape};
#[cfg(test)]
pub(crate) use entries::{append, append_as, forget};
pub use near::NearStore;
#[cfg(test)]
pub(crate) use noise::noise;
#[cfg(test)]
pub(crate) use repository::{TestStore, copy_of, reopen, repository, settings};
pub use source::TreeSource;
pub use target::MemoryTarget;
pub use tree::{Content, Flat, Tree};
#[cfg(test)]
pub(crate) use writer::{Shape, Writer};
