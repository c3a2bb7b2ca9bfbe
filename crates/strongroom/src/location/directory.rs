//! Stores in directories.

use std::path::Path;
use std::sync::Arc;

use strongroom_store::Store;
use strongroom_store::manners::Manners;

use super::error::LocationError;
use super::place::Make;

#[cfg(unix)]
pub(super) fn open(
    path: &Path,
    make: Make,
    manners: &Manners,
) -> Result<Arc<dyn Store>, LocationError> {
    use strongroom_store::DirStore;

    let store = match make {
        Make::Nothing => DirStore::open(path)?,
        Make::Directories => DirStore::create(path)?,
    };
    Ok(Arc::new(store.with_manners(manners.clone())))
}

#[cfg(not(unix))]
pub(super) fn open(
    _path: &Path,
    _make: Make,
    _manners: &Manners,
) -> Result<Arc<dyn Store>, LocationError> {
    Err(LocationError::Unsupported {
        scheme: "file".to_owned(),
    })
}
