//! Stores that need tokio, used from anywhere.
//!
//! The futures of a [`Store`](strongroom_store::Store) run on any executor. Clients of remote services are written for tokio: polled
//! elsewhere they panic, and inside somebody else's runtime they compete with its work. [`Hosted`] is a store around such a client:
//! it runs every call on a small runtime of its own, and hands out futures that any executor can poll, blocking code included.
//!
//! ```
//! use futures::executor::block_on;
//! use strongroom_store::{Key, MemoryStore, StoreExt};
//! use strongroom_tokio::Hosted;
//!
//! # fn main() -> Result<(), Box<dyn std::error::Error>> {
//! let store = Hosted::new(MemoryStore::new())?; // or one that really needs tokio
//! let key = Key::parse("pack/ab")?;
//! block_on(store.put_new(&key, "bytes".into()))?;
//! assert_eq!(block_on(store.get_all(&key))?, "bytes");
//! # Ok(())
//! # }
//! ```
//!
//! # What it is not
//!
//! Not a runtime for the engine, which needs none. No type of tokio is in its API but the
//! [`Handle`](tokio::runtime::Handle) of whoever wants the calls on a runtime that is there already.
//!
//! # Guarantees
//!
//! A call whose future is dropped is aborted. A panic within a call is an error of that call. Dropping the last clone of a store
//! ends its runtime without waiting, from async code too.

mod host;
mod hosted;
mod sleep;

pub use crate::hosted::Hosted;
pub use crate::sleep::TokioSleep;
