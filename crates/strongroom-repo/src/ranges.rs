//! Which ranges of a pack are read for the parts of it that are wanted.

use std::ops::Range;

use crate::packs::PackInfo;

/// What is asked of the store for parts of one pack.
///
/// Ranges begin and end at multiples of 64 KiB, or end where the header does: so they say little of where chunks end (the cut points
/// of known content would tell the key of the chunker). They are in order and do not touch.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Reads {
    /// All of it, in one request.
    Whole,
    /// These ranges, a request each.
    Ranges(Vec<Range<u64>>),
}

impl Reads {
    /// Chooses what costs least when a request is worth `request` bytes: gaps up to that are read too, and the whole pack is if it
    /// costs no more than its parts, or those are nearly all of it: then what is left is mostly padding.
    pub(crate) fn choose(
        wanted: impl IntoIterator<Item = Range<u64>>,
        pack: &PackInfo,
        request: u64,
    ) -> Self {
        let mut blocks: Vec<Range<u64>> = wanted
            .into_iter()
            .map(|part| aligned(&part, pack))
            .filter(|part| part.start < part.end)
            .collect();
        blocks.sort_unstable_by_key(|part| part.start);
        let mut ranges: Vec<Range<u64>> = Vec::new();
        for part in blocks {
            match ranges.last_mut() {
                Some(last) if part.start <= last.end.saturating_add(request) => {
                    last.end = last.end.max(part.end);
                }
                _ => ranges.push(part),
            }
        }
        let parts = Self::Ranges(ranges);
        let whole = pack.header().end;
        let is_most = parts.bytes(pack) * MOST.1 >= whole * MOST.0;
        if is_most || whole.saturating_add(request) <= parts.cost(pack, request) {
            Self::Whole
        } else {
            parts
        }
    }

    /// Returns the bytes that are read.
    pub(crate) fn bytes(&self, pack: &PackInfo) -> u64 {
        match self {
            Self::Whole => u64::from(pack.len),
            Self::Ranges(ranges) => ranges.iter().map(|range| range.end - range.start).sum(),
        }
    }

    /// Returns the number of requests.
    pub(crate) fn requests(&self) -> u64 {
        match self {
            Self::Whole => 1,
            Self::Ranges(ranges) => ranges.len() as u64,
        }
    }

    /// Returns the bytes, and what the requests are worth in bytes.
    fn cost(&self, pack: &PackInfo, request: u64) -> u64 {
        self.bytes(pack)
            .saturating_add(self.requests().saturating_mul(request))
    }
}

/// Widens a range to whole blocks, and clips it to what of the pack is of use: the tail repeats what the index says.
fn aligned(part: &Range<u64>, pack: &PackInfo) -> Range<u64> {
    let end = part.end.checked_next_multiple_of(BLOCK);
    part.start / BLOCK * BLOCK..end.unwrap_or(u64::MAX).min(pack.header().end)
}

/// From this share on, a pack is read whole.
const MOST: (u64, u64) = (7, 8);
/// Ranges begin and end at multiples of this.
pub(crate) const BLOCK: u64 = 64 << 10;

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use strongroom_format::{ObjectHash, PackClass};

    use super::*;

    fn pack(len: u32) -> PackInfo {
        PackInfo {
            name: ObjectHash::of(b"a pack"),
            len,
            header_offset: len - 1_040,
            header_len: 1_000,
            class: PackClass::Data,
        }
    }

    const REQUEST: u64 = 256 << 10;
    const MIB: u64 = 1 << 20;

    #[test]
    fn a_small_part_of_a_large_pack_costs_its_blocks() {
        let pack = pack(32 << 20);
        let end = pack.header().end;
        let reads = Reads::choose(
            [10 * MIB + 5..10 * MIB + 70_000, pack.header()],
            &pack,
            REQUEST,
        );
        let blocks = 10 * MIB..10 * MIB + 2 * BLOCK;
        assert_eq!(reads, Reads::Ranges(vec![blocks, end / BLOCK * BLOCK..end]));
    }

    #[test]
    fn small_gaps_are_read_too_and_large_ones_are_not() {
        let pack = pack(32 << 20);
        let near = Reads::choose(
            [MIB..MIB + 1, MIB + REQUEST..MIB + REQUEST + 1],
            &pack,
            REQUEST,
        );
        let both = std::iter::once(MIB..MIB + REQUEST + BLOCK);
        assert_eq!(near, Reads::Ranges(both.collect()));
        let far = Reads::choose([MIB..MIB + 1, 2 * MIB..2 * MIB + 1], &pack, REQUEST);
        assert_eq!(far.requests(), 2);
        assert_eq!(far.bytes(&pack), 2 * BLOCK);
    }

    #[test]
    fn a_small_pack_and_one_that_is_mostly_wanted_are_read_whole() {
        let small = pack(300_000);
        assert_eq!(
            Reads::choose([0..64, small.header()], &small, REQUEST),
            Reads::Whole
        );
        let large = pack(32 << 20);
        let most = 5 * MIB..u64::from(large.header_offset);
        assert_ne!(
            Reads::choose(std::iter::once(most), &large, REQUEST),
            Reads::Whole
        );
        let all = 64..u64::from(large.header_offset);
        assert_eq!(
            Reads::choose(std::iter::once(all), &large, REQUEST),
            Reads::Whole
        );
    }

    #[test]
    fn what_an_index_misplaces_is_not_asked_for() {
        let pack = pack(32 << 20);
        let beyond = u64::from(pack.len) + MIB;
        assert_eq!(
            Reads::choose(std::iter::once(beyond..beyond + 5), &pack, REQUEST),
            Reads::Ranges(Vec::new())
        );
        let reads = Reads::choose([0..5, 0..u64::MAX], &pack, REQUEST);
        assert_eq!(reads, Reads::Whole);
    }

    proptest! {
        #[test]
        fn every_part_is_covered_in_aligned_ranges(
            parts in proptest::collection::vec((0_u64..33_000_000, 1_u64..2_000_000), 0..20),
            request in 0_u64..3_000_000,
        ) {
            let pack = pack(32 << 20);
            let end = pack.header().end;
            let wanted: Vec<Range<u64>> = parts.iter().map(|(start, len)| *start..start + len).collect();
            let Reads::Ranges(ranges) = Reads::choose(wanted.clone(), &pack, request) else { return Ok(()) };
            for range in &ranges {
                prop_assert!(range.start % BLOCK == 0 && range.start < range.end && range.end <= end);
                prop_assert!(range.end % BLOCK == 0 || range.end == end);
            }
            prop_assert!(ranges.windows(2).all(|pair| pair[0].end + request < pair[1].start));
            for part in wanted.into_iter().filter(|part| part.end <= end) {
                prop_assert!(ranges.iter().any(|range| range.start <= part.start && part.end <= range.end));
            }
        }
    }
}
