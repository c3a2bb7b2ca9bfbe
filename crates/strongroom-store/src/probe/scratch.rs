//! The objects that a probe puts, and getting rid of them.

use std::sync::{Mutex, PoisonError};

use crate::error::{Error, ErrorKind, Result};
use crate::key::{Key, Prefix};
use crate::store::{Store, StoreExt};

/// A folder of scratch objects, which remembers what may be in it.
#[derive(Debug)]
pub(super) struct Scratch<'a, S: ?Sized> {
    pub(super) store: &'a S,
    pub(super) folder: &'a Prefix,
    keys: Mutex<Vec<Key>>,
}

impl<'a, S: Store + ?Sized> Scratch<'a, S> {
    pub(super) fn new(store: &'a S, folder: &'a Prefix) -> Self {
        Self {
            store,
            folder,
            keys: Mutex::default(),
        }
    }

    /// Returns the key of that name, which is deleted in the end. Before anything is put under it.
    pub(super) fn key(&self, name: &str) -> Result<Key> {
        let key = self.folder.key(name)?;
        let mut keys = self.keys.lock().unwrap_or_else(PoisonError::into_inner);
        if !keys.contains(&key) {
            keys.push(key.clone());
        }
        Ok(key)
    }

    /// Fails if the folder is not empty.
    pub(super) async fn refuse_what_is_there(&self) -> Result<()> {
        match self.store.list_all(self.folder).await?.first() {
            None => Ok(()),
            Some(object) => {
                Err(Error::new(ErrorKind::AlreadyExists, "probe").with_key(&object.key))
            }
        }
    }

    /// Deletes everything, and returns what could not be deleted, with the first error that is not a lock's.
    pub(super) async fn clean_up(self) -> (Vec<Key>, Option<Error>) {
        let keys = self
            .keys
            .into_inner()
            .unwrap_or_else(PoisonError::into_inner);
        let (mut left, mut refusal) = (Vec::new(), None);
        for key in keys {
            if let Err(error) = self.store.delete(&key).await {
                if error.cause() != Some(crate::error::Cause::Retained) {
                    refusal = refusal.or(Some(error));
                }
                left.push(key);
            }
        }
        (left, refusal)
    }
}
