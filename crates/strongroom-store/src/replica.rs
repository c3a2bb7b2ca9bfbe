//! Two stores that should hold the same: [`compare`] says how they differ, [`sync`] makes one like the other.
//!
//! Neither knows what the objects are. The caller says in which order they are to be copied ([`SyncOrder`]), so that a copy that
//! was interrupted is what the reference was earlier; and what can be told of their bytes ([`ObjectRules`](crate::wrap::ObjectRules)).
//!
//! ```
//! # fn main() -> Result<(), strongroom_store::Error> {
//! # futures::executor::block_on(async {
//! use std::sync::Arc;
//!
//! use strongroom_store::replica::{CompareOptions, SyncOptions, SyncOrder, SyncPlan, compare, sync};
//! use strongroom_store::{Key, MemoryStore, Store, StoreExt};
//!
//! let [one, other]: [Arc<dyn Store>; 2] = [0, 1].map(|_| Arc::new(MemoryStore::new()) as _);
//! one.put_new(&Key::parse("config")?, "bytes".into()).await?;
//!
//! let options = CompareOptions::new(SyncOrder::everything());
//! let comparison = compare(&one, &other, &options).await?;
//! assert_eq!(comparison.missing.objects, 1);
//!
//! let plan = SyncPlan::new(&comparison, SyncOptions::default());
//! println!("{plan}");
//! assert_eq!(sync(&plan, &one, &other, &options).await?.copied.objects, 1);
//! assert!(compare(&one, &other, &options).await?.is_same());
//! # Ok(())
//! # })
//! # }
//! ```

mod comparison;
mod locked;
mod order;
mod plan;
mod sync;

pub use self::comparison::{
    CompareOptions, Comparison, Count, Difference, DifferenceKind, Thoroughness, compare,
};
pub(crate) use self::locked::copy_options;
pub use self::order::SyncOrder;
pub use self::plan::{Differing, Surplus, SyncOptions, SyncPlan};
pub use self::sync::{SyncReport, sync};
