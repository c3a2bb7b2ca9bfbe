//! A segment finds what a map of ids finds.

use std::collections::BTreeMap;

use proptest::prelude::*;
use strongroom_crypt::{Id, Sealer as _};
use strongroom_format::*;

use crate::sample::{self, REPOSITORY, SUITE};

fn id(n: u32) -> Id {
    Id::from_bytes(*blake3::hash(&n.to_le_bytes()).as_bytes())
}

fn pack(n: u32) -> PackRow {
    PackRow {
        name: ObjectHash::of(&n.to_le_bytes()),
        len: 1_000 + n,
        header_offset: 500,
        header_len: 300,
        class: PackClass::Data,
    }
}

/// Builds a segment of these blobs, `(id, frame)`, and the map that it stands for.
fn build(packs: u32, frames: u32, blobs: &[(u32, u32)]) -> (Vec<u8>, BTreeMap<[u8; 20], Vec<u32>>) {
    let mut builder = SegmentBuilder::new();
    let mut model: BTreeMap<[u8; 20], Vec<u32>> = BTreeMap::new();
    (0..packs).for_each(|n| assert_eq!(builder.push_pack(pack(n)), n));
    for n in 0..frames {
        assert_eq!(builder.push_frame(n % packs, 64 + n, 100 + n, n / packs), n);
    }
    for (blob, frame) in blobs {
        builder.push_entry(&id(*blob), *frame);
        model
            .entry(EntryRow::prefix_of(&id(*blob)))
            .or_default()
            .push(*frame);
    }
    model.values_mut().for_each(|frames| frames.sort_unstable());
    assert_eq!(builder.entries(), blobs.len() as u64);
    let len = builder.object_len().unwrap();
    let keys = sample::structure(1);
    let object = builder
        .finish(
            SUITE,
            REPOSITORY,
            [7; 16],
            sample::session_id(),
            keys.index(),
        )
        .unwrap();
    assert_eq!(object.len() as u64, len);
    (object, model)
}

fn check(packs: u32, frames: u32, blobs: &[(u32, u32)]) {
    let (object, model) = build(packs, frames, blobs);
    let keys = sample::structure(2);
    let segment = Segment::decode(&object, keys.index()).unwrap();
    assert_eq!(segment.head.session, sample::session_id());
    assert_eq!(segment.packs, (0..packs).map(pack).collect::<Vec<_>>());
    assert_eq!(segment.frames.len(), frames as usize);
    let mut found: BTreeMap<[u8; 20], Vec<u32>> = BTreeMap::new();
    segment
        .entries
        .iter()
        .for_each(|row| found.entry(row.prefix).or_default().push(row.frame));
    assert_eq!(found, model);
    for (blob, _) in blobs.iter().take(50) {
        let rows: Vec<u32> = segment
            .find(&id(*blob))
            .iter()
            .map(|row| row.frame)
            .collect();
        assert_eq!(rows, model[&EntryRow::prefix_of(&id(*blob))]);
    }
    assert!(segment.find(&id(u32::MAX)).is_empty());
    look_up_like_a_reader(&object, &segment, blobs);
}

/// Finds ids by pages alone: fences first, then one page of entries, then one frame row.
fn look_up_like_a_reader(object: &[u8], segment: &Segment, blobs: &[(u32, u32)]) {
    let keys = sample::structure(2);
    let preamble: &[u8; 64] = object.first_chunk().unwrap();
    let open = |range: std::ops::Range<usize>, page| {
        let mut plain = Vec::new();
        open_segment_page(keys.index(), preamble, page, &object[range], &mut plain).unwrap();
        plain
    };
    let head = SegmentHead::decode(&open(SegmentHead::SEALED_RANGE, 0)).unwrap();
    let layout = SegmentLayout::new(&head).unwrap();
    assert_eq!(layout.total_len(), object.len() as u64);
    let page = |n| {
        let range = layout.page_range(n);
        open(
            usize::try_from(range.start).unwrap()..usize::try_from(range.end).unwrap(),
            n,
        )
    };
    let pages: u32 = Table::ALL
        .map(|table| {
            let pages = layout.pages(table);
            pages.end - pages.start
        })
        .iter()
        .sum();
    assert!(layout.page_range(pages + 1).is_empty());
    for (blob, _) in blobs.iter().take(9) {
        let prefix = EntryRow::prefix_of(&id(*blob));
        let after = segment
            .fences
            .partition_point(|fence| fence.as_slice() < &prefix[..8]);
        let first = layout.pages(Table::Entries).start;
        let candidates = [after.saturating_sub(1), after.min(segment.fences.len() - 1)];
        let row = candidates.iter().find_map(|n| {
            let plain = page(first + u32::try_from(*n).unwrap());
            plain
                .as_chunks()
                .0
                .iter()
                .map(EntryRow::decode)
                .find(|row| row.prefix == prefix)
        });
        let row = row.unwrap();
        let (n, at) = layout
            .locate_row(Table::Frames, u64::from(row.frame))
            .unwrap();
        let frame = FrameRow::decode(page(n)[at..].first_chunk().unwrap());
        assert_eq!(frame, segment.frames[row.frame as usize]);
        let (n, at) = layout
            .locate_row(Table::Packs, u64::from(frame.pack))
            .unwrap();
        assert_eq!(
            PackRow::decode(page(n)[at..].first_chunk().unwrap()).unwrap(),
            pack(frame.pack)
        );
    }
    for table in Table::ALL {
        assert_eq!(layout.locate_row(table, layout.rows(table)), None);
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 24, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn few_entries_with_duplicates(
        packs in 1..4_u32, frames in 1..9_u32,
        blobs in proptest::collection::vec((0..40_u32, any::<u32>()), 0..80),
    ) {
        let blobs: Vec<_> = blobs.into_iter().map(|(blob, frame)| (blob, frame % frames)).collect();
        if !blobs.is_empty() {
            check(packs, frames, &blobs);
        }
    }
}

#[test]
fn several_pages_in_every_table() {
    // 1,365 packs, 4,095 frames, 2,730 entries and 8,190 fences fill a page.
    let blobs: Vec<_> = (0..20_000).map(|n| (n / 2, (n * 7) % 9_000)).collect();
    check(3_000, 9_000, &blobs);
}

#[test]
fn exactly_full_pages() {
    let blobs: Vec<_> = (0..5_460).map(|n| (n, n % 4_095)).collect();
    check(1_365, 4_095, &blobs);
}

#[test]
fn nothing() {
    let keys = sample::structure(1);
    let session = sample::session_id();
    let object = SegmentBuilder::new().finish(SUITE, REPOSITORY, [7; 16], session, keys.index());
    let object = object.unwrap();
    assert_eq!(object.len(), 64 + 64 + keys.index().overhead());
    let segment = Segment::decode(&object, keys.index()).unwrap();
    assert!(segment.entries.is_empty() && segment.find(&id(1)).is_empty());
}

#[test]
fn rows_that_are_not_there() {
    let mut builder = SegmentBuilder::new();
    builder.push_entry(&id(1), 0);
    let keys = sample::structure(1);
    let error = builder
        .finish(
            SUITE,
            REPOSITORY,
            [7; 16],
            sample::session_id(),
            keys.index(),
        )
        .unwrap_err();
    assert_eq!(error.kind(), EncodeErrorKind::Invalid);
}
