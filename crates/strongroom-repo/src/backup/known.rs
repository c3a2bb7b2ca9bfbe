//! Which blobs need not be stored.

use std::collections::HashSet;
use std::hash::{BuildHasherDefault, Hasher};
use std::sync::{Arc, Mutex, PoisonError, RwLock};

use strongroom_crypt::Id;
use strongroom_format::EntryRow;

use super::retired::Retired;
use crate::error::Result;
use crate::index::{Index, Prefix};

/// Decides, once per blob of a session, who stores it.
///
/// A blob is known when the index has an undamaged copy in force, or when this session has stored it or is
/// about to. The set holds only what the index does not have yet; what a `Packs` entry has announced moves over.
#[derive(Debug)]
pub(super) struct Known {
    index: RwLock<Arc<Index>>,
    retired: Option<Retired>,
    /// Sharded so that workers seldom wait for each other.
    claimed: [Mutex<Claims>; SHARDS],
}

/// As much of each id as the index has: who takes two for one here would do so there.
type Claims = HashSet<Prefix, BuildHasherDefault<IdAsHash>>;

const SHARDS: usize = 16;

impl Known {
    pub(super) fn new(index: Arc<Index>, retired: Option<Retired>) -> Self {
        Self {
            index: RwLock::new(index),
            retired,
            claimed: Default::default(),
        }
    }

    /// Returns true when the caller must store the blob: nobody has it and nobody else was told so.
    ///
    /// The order matters. A claim comes first and the index is looked at after it: [`Self::announced`]
    /// publishes the index before it forgets claims, so whoever claims anew sees the new index.
    pub(super) fn claim(&self, id: &Id) -> Result<bool> {
        if !self
            .shard(id)
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .insert(EntryRow::prefix_of(id))
        {
            return Ok(false);
        }
        if !self.has(id)? {
            return Ok(true);
        }
        self.release(id);
        Ok(false)
    }

    /// Says whether the index has a blob, so that a snapshot may refer to it without anybody storing it.
    pub(super) fn has(&self, id: &Id) -> Result<bool> {
        let index = self.index();
        let stored = index.contains(id)?;
        match &self.retired {
            Some(retired) if stored => retired.has_other(&index, id),
            _ => Ok(stored),
        }
    }

    /// Returns the index as of now.
    pub(super) fn index(&self) -> Arc<Index> {
        self.index
            .read()
            .unwrap_or_else(PoisonError::into_inner)
            .clone()
    }

    /// Takes an index that has these blobs, and forgets that they were claimed.
    pub(super) fn announced<'a>(&self, index: Arc<Index>, ids: impl Iterator<Item = &'a Id>) {
        *self.index.write().unwrap_or_else(PoisonError::into_inner) = index;
        ids.for_each(|id| self.release(id));
    }

    fn release(&self, id: &Id) {
        self.shard(id)
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .remove(&EntryRow::prefix_of(id));
    }

    fn shard(&self, id: &Id) -> &Mutex<Claims> {
        let [first, ..] = id.as_bytes();
        self.claimed
            .get(usize::from(*first) % SHARDS)
            .expect("the remainder is below the number of shards")
    }
}

/// Ids are keyed hashes already: eight of their bytes are as good as any hash of them, and nobody outside can choose them.
#[derive(Debug, Default)]
struct IdAsHash(u64);

impl Hasher for IdAsHash {
    fn finish(&self) -> u64 {
        self.0
    }

    fn write(&mut self, bytes: &[u8]) {
        // The first byte chose the shard; take later ones.
        if let Some(eight) = bytes
            .get(8..16)
            .and_then(|part| <[u8; 8]>::try_from(part).ok())
        {
            self.0 = u64::from_le_bytes(eight);
        }
    }

    fn write_usize(&mut self, _len: usize) {}
}
