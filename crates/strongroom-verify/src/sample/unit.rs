//! What is chosen from.

use strongroom_format::{ObjectHash, PackClass, Time};

/// A pack that can be read.
///
/// Packs are the units because damage comes in clusters, and a pack is in one place; a statement about packs needs no assumption about how
/// damage is spread among blobs.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Unit {
    pub(crate) name: ObjectHash,
    pub(crate) bytes: u64,
    /// Not known without the structure key.
    pub(crate) class: Option<PackClass>,
    /// The entry that added it; 0 if that is not known.
    pub(crate) n: u64,
    /// When that entry says it was written.
    pub(crate) time: Time,
    /// Public key of its first signer; zeros if that is not known.
    pub(crate) writer: [u8; 32],
}

impl Unit {
    /// A pack of which nothing but name and length is known.
    pub(crate) fn unknown(name: ObjectHash, bytes: u64) -> Self {
        Self {
            name,
            bytes,
            class: None,
            n: 0,
            time: Time::default(),
            writer: [0; 32],
        }
    }

    /// Whether it may be left out: it holds content, or nobody knows what.
    pub(crate) fn is_sampled(&self) -> bool {
        matches!(self.class, None | Some(PackClass::Data))
    }
}
