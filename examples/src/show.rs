//! How things of a repository are shown, to people on a line and to machines as an object.

pub mod check;
pub mod copy;
pub mod entry;
pub mod forget;
pub mod locks;
pub mod parity;
pub mod prune;
pub mod recover;
pub mod repair;
pub mod slot;
pub mod snapshot;
pub mod store;
pub mod undelete;
mod verified;

pub use verified::verified;
