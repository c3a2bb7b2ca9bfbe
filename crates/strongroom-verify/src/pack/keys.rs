//! What a check can open.

use std::collections::HashMap;
use std::sync::Arc;

use strongroom_crypt::{EpochKey, Id, RepositoryId, StructureKeys, Suite};

use crate::keys::{Content, Keys};

/// The keys of a check, made ready for packs. Who has no content keys sees no names and no content, but how everything hangs
/// together.
#[derive(Debug)]
pub(crate) struct Keyset {
    /// The repository that every object must belong to.
    pub(crate) repository: RepositoryId,
    /// Its algorithms.
    pub(crate) suite: Suite,
    /// Opens headers, index and reference lists.
    pub(crate) structure: Arc<StructureKeys>,
    content: Option<Arc<Content>>,
    epochs: HashMap<u32, EpochKey>,
}

impl Keyset {
    /// Makes them of the auditor's.
    pub(crate) fn new(keys: &Keys) -> Self {
        let epochs = keys.content.iter().flat_map(|content| &content.epochs);
        Self {
            repository: keys.repository,
            suite: keys.suite,
            structure: Arc::clone(&keys.structure),
            content: keys.content.clone(),
            epochs: epochs
                .map(|(epoch, secret)| (*epoch, EpochKey::new(secret.duplicate())))
                .collect(),
        }
    }

    /// Whether names and content can be decoded.
    pub(crate) fn has_content(&self) -> bool {
        self.content.is_some()
    }

    /// Returns the key of an epoch, if it is there.
    pub(crate) fn epoch(&self, epoch: u32) -> Option<&EpochKey> {
        self.epochs.get(&epoch)
    }

    /// Returns the id of a blob; none without the key of its kind.
    pub(crate) fn id(&self, kind: u8, plain: &[u8]) -> Option<Id> {
        match kind {
            PAGE => Some(self.structure.page_id(PAGE, plain)),
            _ => Some(self.content.as_ref()?.ids.id(kind, plain)),
        }
    }
}

/// Kind of the blobs that are content.
pub(crate) const DATA: u8 = 0;
/// Kind of the blobs that are tree pages.
pub(crate) const PAGE: u8 = 2;
