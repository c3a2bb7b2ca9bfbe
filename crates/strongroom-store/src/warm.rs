//! Bringing objects out of cold storage.

use std::fmt::Debug;

use async_trait::async_trait;

use crate::error::Result;
use crate::key::Key;

/// Whether an object can be read now.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Warmth {
    /// It can be read, until that time in seconds since 1970 if it is known to cool down again.
    Ready {
        /// When it cools down.
        until: Option<i64>,
    },
    /// It was asked for and is on its way.
    Warming,
    /// It is in cold storage, and nobody has asked for it.
    Cold,
}

/// Makes objects in cold storage ready to be read: a service's own call, a command, a person with a tape.
#[async_trait]
pub trait Warmer: Debug + Send + Sync {
    /// Returns whether an object can be read now.
    ///
    /// # Errors
    ///
    /// `NotFound`, `PermissionDenied`, `Unavailable`, `Unsupported`, `Other`.
    async fn warmth(&self, key: &Key) -> Result<Warmth>;

    /// Asks for objects to be made ready, and does not wait for them. To ask again for what was asked for, or is ready, is no error
    /// and costs nothing more than the request.
    ///
    /// # Errors
    ///
    /// As [`warmth`](Self::warmth); some of the objects may have been asked for.
    async fn warm(&self, keys: &[Key]) -> Result<()>;
}
