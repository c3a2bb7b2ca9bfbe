//! The keys that protect structure: everything but names and content.

use std::fmt;
use std::sync::Arc;

use crate::boxes::BoxSealer;
use crate::frame::FrameSealer;
use crate::id::Id;
use crate::ids::IdHasher;
use crate::random::{Random, SystemRandom};
use crate::secret::{Secret, derive};
use crate::suite::Suite;

/// The sealers that `K_struct` gives, one for each purpose (format §3.2).
///
/// Who holds them sees which blobs a repository has and how they hang together, and no name or
/// content.
pub struct StructureKeys {
    journal: BoxSealer,
    checkpoint: BoxSealer,
    header: BoxSealer,
    index: BoxSealer,
    refs: FrameSealer,
    pages: IdHasher,
    person: Secret,
}

impl StructureKeys {
    /// Derives them, with salts from the system's random generator.
    #[must_use]
    pub fn new(suite: Suite, structure_key: &Secret) -> Self {
        Self::with_random(suite, structure_key, &SystemRandom::shared())
    }

    /// Derives them, with salts from `random`.
    #[must_use]
    pub fn with_random(suite: Suite, structure_key: &Secret, random: &Arc<dyn Random>) -> Self {
        let boxes = |label| BoxSealer::with_random(suite, &derive(structure_key, label), random);
        Self {
            journal: boxes("journal"),
            checkpoint: boxes("checkpoint"),
            header: boxes("pack header"),
            index: boxes("index"),
            refs: FrameSealer::with_random(suite, &derive(structure_key, "refs"), random),
            pages: IdHasher::new(&derive(structure_key, "page id")),
            person: derive(structure_key, "person"),
        }
    }

    /// Returns the sealer of journal payloads.
    #[must_use]
    pub fn journal(&self) -> &BoxSealer {
        &self.journal
    }

    /// Returns the sealer of checkpoints.
    #[must_use]
    pub fn checkpoint(&self) -> &BoxSealer {
        &self.checkpoint
    }

    /// Returns the sealer of pack headers.
    #[must_use]
    pub fn header(&self) -> &BoxSealer {
        &self.header
    }

    /// Returns the sealer of index segments.
    #[must_use]
    pub fn index(&self) -> &BoxSealer {
        &self.index
    }

    /// Returns the sealer of frames that hold tree pages.
    #[must_use]
    pub fn refs(&self) -> &FrameSealer {
        &self.refs
    }

    /// Returns the id of a page (kind 2) or snapshot (kind 5).
    #[must_use]
    pub fn page_id(&self, kind: u8, bytes: &[u8]) -> Id {
        self.pages.id(kind, bytes)
    }

    /// Returns the digest that stands for somebody of this name.
    ///
    /// # Security
    ///
    /// Who holds these keys can test whether a digest is that of a name. Who does not, learns nothing of the name.
    #[must_use]
    pub fn person(&self, name: &str) -> [u8; 16] {
        let mut digest = [0; 16];
        let mut output = blake3::Hasher::new_keyed(self.person.expose());
        output
            .update(name.as_bytes())
            .finalize_xof()
            .fill(&mut digest);
        digest
    }
}

impl fmt::Debug for StructureKeys {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("StructureKeys(..)")
    }
}
