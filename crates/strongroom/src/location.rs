//! From a path or URL to a store.

mod counter;
mod directory;
mod environment;
mod error;
mod mirror;
mod place;
mod remote;
mod split;
mod stores;
#[cfg(test)]
mod tests;
mod text;

use std::ffi::OsStr;
use std::sync::Arc;

use strongroom_store::Store;

pub use self::counter::Counter;
pub use self::environment::ProcessEnvironment;
pub use self::error::LocationError;
pub use self::stores::{Concurrency, Stores};
use crate::mirror::Mirrored;

/// Opens the store at a path or URL, without credentials: [`Stores::open`] by default settings.
///
/// ```
/// use strongroom::{LocationError, store_at};
///
/// let folder = tempfile::tempdir()?;
/// let store = store_at(folder.path())?;
/// assert!(store.capabilities().atomic_create);
///
/// let refused = store_at("rest:https://host/folder");
/// assert!(matches!(refused, Err(LocationError::Unsupported { scheme }) if scheme == "rest"));
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
///
/// # Errors
///
/// As [`Stores::open`].
pub fn store_at(location: impl AsRef<OsStr>) -> Result<Arc<dyn Store>, LocationError> {
    Stores::new().open(location)
}

/// Opens the store at a path or URL, as [`store_at`] does, and creates its directory, and those above it, where they are
/// missing: for a new repository.
///
/// # Errors
///
/// As [`Stores::open`].
pub fn create_store_at(location: impl AsRef<OsStr>) -> Result<Arc<dyn Store>, LocationError> {
    Stores::new().create(location)
}

/// Opens the mirror at `mirror:<location>,<location>,…`, without credentials: [`Stores::open_mirror`] by default settings.
///
/// ```
/// let folder = tempfile::tempdir()?;
/// for name in ["disk", "nas"] {
///     std::fs::create_dir(folder.path().join(name))?;
/// }
/// let (disk, nas) = (folder.path().join("disk"), folder.path().join("nas"));
/// let mirror = strongroom::mirror_at(format!("mirror:1:{},{}", disk.display(), nas.display()))?;
/// assert!(mirror.status().is_healthy());
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
///
/// # Errors
///
/// As [`Stores::open_mirror`].
pub fn mirror_at(location: impl AsRef<OsStr>) -> Result<Mirrored, LocationError> {
    Stores::new().open_mirror(location)
}
