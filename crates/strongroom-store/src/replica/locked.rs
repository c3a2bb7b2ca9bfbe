//! Copies of locked objects.

use crate::error::{ErrorKind, Result};
use crate::key::Key;
use crate::options::{PutMode, PutOptions, StorageClass};
use crate::store::Store;
use crate::wrap::can_lock;

/// Returns how a copy of an object is to be put: locked as it is where it comes from, if both stores lock objects.
pub(crate) async fn copy_options(
    from: &dyn Store,
    to: &dyn Store,
    key: &Key,
    (mode, class): (PutMode, StorageClass),
) -> Result<PutOptions> {
    let options = PutOptions::default().with_mode(mode).with_class(class);
    let Some(lock) = from.object_lock() else {
        return Ok(options);
    };
    if !lock.locks(key) || !can_lock(to, key) {
        return Ok(options);
    }
    match lock.retention(key).await {
        Ok(Some(retention)) => Ok(options.with_retention(retention)),
        Ok(None) => Ok(options),
        // Deleted since: then it was not locked.
        Err(error) if error.kind() == ErrorKind::NotFound => Ok(options),
        Err(error) => Err(error),
    }
}
