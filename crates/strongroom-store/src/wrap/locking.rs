//! The lock of the store inside.

use crate::error::{Error, ErrorKind, Result};
use crate::key::Key;
use crate::lock::ObjectLock;
use crate::store::Store;

/// Returns the lock of the store inside. A wrapper hands out its own only if there is one, and a store never changes its mind; one
/// that does is told so.
pub(super) fn lock_of<'a, S: Store + ?Sized>(
    store: &'a S,
    operation: &'static str,
) -> Result<&'a dyn ObjectLock> {
    let none = || Error::new(ErrorKind::Unsupported, operation);
    store.object_lock().ok_or_else(none)
}

/// Says whether a store locks objects of this name.
pub(crate) fn can_lock(store: &dyn Store, key: &Key) -> bool {
    store.object_lock().is_some_and(|lock| lock.locks(key))
}
