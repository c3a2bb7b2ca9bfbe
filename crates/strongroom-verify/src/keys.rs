//! What the keys of an auditor open.

use std::collections::BTreeMap;
use std::sync::Arc;

use strongroom_crypt::{IdHasher, RepositoryId, Secret, StructureKeys, Suite};
use strongroom_format::{AuditKeys, ObjectHash};

/// The keys of an auditor, made ready.
#[derive(Debug)]
pub(crate) struct Keys {
    pub(crate) repository: RepositoryId,
    pub(crate) suite: Suite,
    /// Hash of entry 0.
    pub(crate) genesis: ObjectHash,
    pub(crate) structure: Arc<StructureKeys>,
    pub(crate) content: Option<Arc<Content>>,
}

/// What opens content.
#[derive(Debug)]
pub(crate) struct Content {
    /// Computes the ids of blobs other than pages.
    pub(crate) ids: IdHasher,
    /// `E_x` of every epoch that was handed over.
    pub(crate) epochs: BTreeMap<u32, Secret>,
}

impl Keys {
    pub(crate) fn new(keys: &AuditKeys) -> Self {
        let content = keys.content.as_ref().map(|content| {
            let epoch = |(number, key): &(u32, Secret)| (*number, key.duplicate());
            Arc::new(Content {
                ids: IdHasher::new(&content.id_key),
                epochs: content.epochs.iter().map(epoch).collect(),
            })
        });
        Self {
            repository: keys.repository,
            suite: keys.suite,
            genesis: keys.genesis,
            structure: Arc::new(StructureKeys::new(keys.suite, &keys.structure_key)),
            content,
        }
    }
}
