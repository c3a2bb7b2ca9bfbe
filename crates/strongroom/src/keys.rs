//! What it takes to open a repository by a key service of your own ([`KeyWrapper`], [`KeyUnwrapper`]), or by somebody's key pair.

pub use strongroom_crypt::{KeyUnwrapper, KeyWrapper, PublicKey, SlotKey, WrappedKey};
