//! Where named bytes are kept: the [`Store`] trait, its laws, memory and directory stores, wrappers.
//!
//! ```
//! # fn main() -> Result<(), strongroom_store::Error> {
//! # futures::executor::block_on(async {
//! use strongroom_store::{ErrorKind, Key, MemoryStore, StoreExt};
//!
//! let store = MemoryStore::new();
//! let key = Key::parse("journal/0000000000000001")?;
//! store.put_new(&key, "an entry".into()).await?;
//! assert_eq!(store.get_all(&key).await?, "an entry");
//!
//! // Whoever comes second changes nothing and is told so.
//! let late = store.put_new(&key, "another".into()).await;
//! assert_eq!(late.map_err(|error| error.kind()), Err(ErrorKind::AlreadyExists));
//! # Ok(())
//! # })
//! # }
//! ```
//!
//! # What it is not
//!
//! Not a file system: no rename, no append, no times, no permissions, because stores differ in them
//! and a backup format can do without. Not a client for remote services: those are crates of their
//! own, which implement the same trait. It does not know what it stores.
//!
//! # Concepts
//!
//! * An **object** is a byte string of at most [`MAX_OBJECT_BYTES`] that is put and replaced whole.
//! * A [`Key`] names it. A [`Prefix`] names a folder of keys.
//! * [`Store`] is what implementors write, [`StoreExt`] is what users call.
//! * A wrapper in [`wrap`] is a store around a store: it retries, limits, counts, caches, fails on demand, or makes one of several.
//! * [`manners`] stop work, let it go on, and bound what it takes of the machine.
//! * [`replica`] compares stores that should hold the same, and makes one like the other.
//! * The numbered laws of [`Store`] are functions in `conformance`, to be run on any implementation.
//!
//! # Guarantees
//!
//! An object is durable when `put` has returned, is never seen in part, and a key is created by one
//! writer alone. *Not found* means that the object is missing, never that the store could not look.
//! No future here needs a particular runtime, and none spawns onto one.
//!
//! # Features
//!
//! * `conformance`: the laws as functions, for the tests of your own implementation.

#[cfg(feature = "conformance")]
pub mod conformance;
#[cfg(unix)]
mod dir;
mod environment;
mod error;
mod key;
mod lock;
pub mod manners;
mod memory;
mod options;
#[cfg(unix)]
mod pool;
mod probe;
pub mod replica;
mod store;
mod warm;
pub mod wrap;

#[cfg(unix)]
pub use crate::dir::{DirSettings, DirStore};
pub use crate::environment::Environment;
pub use crate::error::{Cause, Error, ErrorKind, Result};
pub use crate::key::{Key, MAX_KEY_LEN, Prefix};
pub use crate::lock::{Hidden, HiddenPage, ObjectLock, Retention, RetentionMode};
pub use crate::memory::MemoryStore;
pub use crate::options::{Capabilities, GetOptions, ObjectMeta, PutMode, PutOptions, StorageClass};
pub use crate::probe::{Answer, ProbeOptions, Probed, Question, probe, probe_atomic_create};
pub use crate::store::{MAX_OBJECT_BYTES, Store, StoreExt};
pub use crate::warm::{Warmer, Warmth};
