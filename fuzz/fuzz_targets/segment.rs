#![no_main]

use libfuzzer_sys::fuzz_target;
use strongroom_crypt::{BoxSealer, RepositoryId, Sealer, Secret, SeededRandom, Suite};
use strongroom_format::{ObjectKind, Preamble, Segment, SegmentHead, SegmentLayout, Table};

fuzz_target!(|data: &[u8]| {
    // The input is the plaintext of all pages; they are sealed with suite 0, which anybody can make.
    let sealer = BoxSealer::with_random(
        Suite::None,
        &Secret::from_bytes(&[1; 32]),
        &SeededRandom::shared(3),
    );
    let repository = RepositoryId::from_bytes([2; 16]);
    let preamble = Preamble::new(ObjectKind::Index, Suite::None, repository, [3; 16]).encode();
    let Some((head, tables)) = data.split_first_chunk::<64>() else {
        return;
    };
    let Ok(parsed) = SegmentHead::decode(head) else {
        return;
    };
    let Ok(layout) = SegmentLayout::new(&parsed) else {
        return;
    };
    let mut object = preamble.to_vec();
    let seal = |page: u32, plain: &[u8], object: &mut Vec<u8>| {
        let aad = [b"index".as_slice(), &preamble, &page.to_le_bytes()].concat();
        sealer.seal(&aad, plain, object).unwrap();
    };
    seal(0, head, &mut object);
    let mut rest = tables;
    for page in 1..layout.pages(Table::Entries).end {
        let range = layout.page_range(page);
        let len = (range.end - range.start) as usize - sealer.overhead();
        let Some((plain, after)) = rest.split_at_checked(len) else {
            break;
        };
        seal(page, plain, &mut object);
        rest = after;
    }
    if let Ok(segment) = Segment::decode(&object, &sealer) {
        assert_eq!(segment.entries.len() as u64, parsed.entries);
    }
});
