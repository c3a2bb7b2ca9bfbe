//! What is in the store beside the journal.

use super::Set;
use super::config::{FIRST_MERGED, MAX_MERGED, MAX_PACKS};

/// Packs and segments: what they hold, and which of them are there.
///
/// The segment of a pack has the pack's number and maps all of it. Merged segments are numbered from 16.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub(crate) struct Objects {
    /// Four bits for each pack: the blobs in it.
    contents: u64,
    /// The packs that each merged segment maps.
    merged: [Set; MAX_MERGED as usize],
    /// Packs sealed under epoch 1.
    pub(crate) new_epoch: Set,
    /// Packs that are in the store.
    pub(crate) packs: Set,
    /// Segments that are in the store.
    pub(crate) segments: Set,
    /// Packs on their way: they may land at any time, or never.
    pub(crate) late_packs: Set,
    /// Segments on their way.
    pub(crate) late_segments: Set,
    /// Packs that were deleted at least once.
    pub(crate) deleted_packs: Set,
    /// Segments that were deleted at least once.
    pub(crate) deleted_segments: Set,
}

impl Objects {
    /// The blobs in one pack.
    pub(crate) fn blobs_of(&self, pack: u8) -> Set {
        let bits = (self.contents >> (u32::from(pack % MAX_PACKS) * 4)) & 15;
        Set::from_bits(u32::try_from(bits).unwrap_or(0))
    }

    /// The blobs in any of several packs.
    pub(crate) fn blobs(&self, packs: Set) -> Set {
        packs
            .iter()
            .fold(Set::EMPTY, |blobs, pack| blobs.or(self.blobs_of(pack)))
    }

    /// Decides what a pack holds.
    pub(crate) fn fill(&mut self, pack: u8, blobs: Set) {
        let shift = u32::from(pack % MAX_PACKS) * 4;
        self.contents &= !(15 << shift);
        self.contents |= u64::from(blobs.bits() & 15) << shift;
    }

    /// The packs that a segment maps.
    pub(crate) fn mapped_by(&self, segment: u8) -> Set {
        match segment.checked_sub(FIRST_MERGED) {
            None => Set::one(segment),
            Some(merged) => self
                .merged
                .get(usize::from(merged))
                .copied()
                .unwrap_or_default(),
        }
    }

    /// The packs that any of several segments maps.
    pub(crate) fn mapped(&self, segments: Set) -> Set {
        let single = segments.and(Set::ALL_SINGLE);
        segments
            .minus(Set::ALL_SINGLE)
            .iter()
            .fold(single, |packs, segment| packs.or(self.mapped_by(segment)))
    }

    /// Decides what a merged segment maps.
    pub(crate) fn map(&mut self, segment: u8, packs: Set) {
        let place = segment.checked_sub(FIRST_MERGED).map(usize::from);
        if let Some(merged) = place.and_then(|place| self.merged.get_mut(place)) {
            *merged = packs;
        }
    }
}

impl Set {
    /// Every segment that maps one pack.
    const ALL_SINGLE: Self = Self::below(FIRST_MERGED);
}
