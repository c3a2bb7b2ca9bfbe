//! Where in a history something is, while it is read.

use std::collections::{BTreeMap, HashMap};
use std::sync::Arc;

use strongroom_crypt::Id;

use super::{EntryRef, Ids, Names, Read, Records};

/// Where something is, so that what later entries say about it finds it.
#[derive(Debug, Clone, Default)]
pub(super) struct Place {
    /// Entries that were read.
    pub(super) read: Read,
    /// Records that were read.
    pub(super) records: Records,
    /// Snapshots by their ids.
    pub(super) by_id: Ids,
    /// Names of resources, each kept once.
    names: Names,
    /// Forgotten before they were seen.
    pub(super) forgotten: HashMap<Id, (i64, EntryRef)>,
    /// Times of the last entries of each journal.
    pub(super) recent: BTreeMap<u16, Vec<(EntryRef, i64)>>,
}

impl Place {
    /// Returns a name, shared by all who have it.
    pub(super) fn name(&mut self, name: &str) -> Arc<str> {
        if let Some(known) = self.names.get(name) {
            return Arc::clone(known);
        }
        let name: Arc<str> = Arc::from(name);
        self.names.insert(Arc::clone(&name));
        name
    }
}
