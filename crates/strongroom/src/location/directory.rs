//! Stores in directories.

use std::path::Path;
use std::sync::Arc;

use strongroom_store::Store;

use super::error::LocationError;
use super::place::Make;

#[cfg(unix)]
pub(super) fn open(path: &Path, make: Make) -> Result<Arc<dyn Store>, LocationError> {
    use strongroom_store::DirStore;

    Ok(match make {
        Make::Nothing => Arc::new(DirStore::open(path)?),
        Make::Directories => Arc::new(DirStore::create(path)?),
    })
}

#[cfg(not(unix))]
pub(super) fn open(_path: &Path, _make: Make) -> Result<Arc<dyn Store>, LocationError> {
    Err(LocationError::Unsupported {
        scheme: "file".to_owned(),
    })
}
