//! The joint for key services: a KMS, a TPM, a smart card, somebody else's vault.

use std::fmt::Debug;

use crate::error::Error;
use crate::slot::SlotKey;

/// A slot's private key as a key service wrapped it: what a slot of kind 4 stores.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct WrappedKey {
    key_name: String,
    wrapped: Vec<u8>,
}

impl WrappedKey {
    /// Longest name in bytes. A slot is at most 64 KiB, whatever a service returns.
    pub const MAX_NAME_LEN: usize = 4_096;

    /// Longest wrapped key in bytes.
    pub const MAX_WRAPPED_LEN: usize = 32_768;

    /// Takes the service's name for its key and what it made of the slot's.
    ///
    /// # Errors
    ///
    /// [`ErrorKind::Params`](crate::ErrorKind::Params) if either is too long to be stored.
    pub fn new(key_name: String, wrapped: Vec<u8>) -> Result<Self, Error> {
        if key_name.len() > Self::MAX_NAME_LEN || wrapped.len() > Self::MAX_WRAPPED_LEN {
            return Err(Error::new(
                crate::ErrorKind::Params,
                "a wrapped key is too long",
            ));
        }
        Ok(Self { key_name, wrapped })
    }

    /// Returns the service's name for its key, by which an unwrapper knows its own slots.
    #[must_use]
    pub fn key_name(&self) -> &str {
        &self.key_name
    }

    /// Returns the slot's private key as the service wrapped it.
    #[must_use]
    pub fn wrapped(&self) -> &[u8] {
        &self.wrapped
    }
}

/// Wraps the private key of a new slot with a key that only a service holds.
///
/// # Contract
///
/// 1. What it returns reveals nothing of the key, and the matching [`KeyUnwrapper`] opens it as long
///    as the service's key exists.
/// 2. It may block; it is called from a thread that may.
pub trait KeyWrapper: Debug + Send + Sync {
    /// Wraps `key`; [`SlotKey::secret`] has the bytes.
    ///
    /// # Errors
    ///
    /// [`Error::external`] with the service's own error.
    fn wrap(&self, key: &SlotKey) -> Result<WrappedKey, Error>;
}

/// Unwraps the private keys of slots that a service protects.
///
/// # Contract
///
/// 1. `None` means *not my slot*, and another unwrapper is asked. `Some(Err)` means mine, and it
///    failed.
/// 2. It may block; it is called from a thread that may.
pub trait KeyUnwrapper: Debug + Send + Sync {
    /// Unwraps `slot` if it is one of its own; [`SlotKey::from_secret`] takes the bytes.
    fn unwrap(&self, slot: &WrappedKey) -> Option<Result<SlotKey, Error>>;
}
