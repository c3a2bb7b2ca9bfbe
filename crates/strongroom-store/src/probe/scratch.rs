//! The objects that a probe puts, and getting rid of them.

use std::sync::{Mutex, PoisonError};

use futures::stream::{self, StreamExt};

use crate::error::{Cause, Error, ErrorKind, Result};
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
        let store = self.store;
        let (mut left, mut refusal) = (Vec::new(), None);
        let deletes = keys
            .into_iter()
            .map(|key| async move { store.delete(&key).await.err().map(|error| (key, error)) });
        let concurrency = store.capabilities().concurrency.max(1);
        let mut failures = stream::iter(deletes).buffer_unordered(concurrency);
        while let Some(failure) = failures.next().await {
            if let Some((key, error)) = failure {
                if error.cause() != Some(Cause::Retained) {
                    refusal = refusal.or(Some(error));
                }
                left.push(key);
            }
        }
        left.sort_unstable();
        (left, refusal)
    }
}
