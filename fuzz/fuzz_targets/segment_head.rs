#![no_main]

use libfuzzer_sys::fuzz_target;
use strongroom_format::{SegmentHead, SegmentLayout, Table};

fuzz_target!(|data: &[u8]| {
    if let Ok(head) = SegmentHead::decode(data) {
        assert_eq!(head.encode(), data);
        if let Ok(layout) = SegmentLayout::new(&head) {
            let end = Table::ALL.map(|table| layout.pages(table).end);
            assert!(layout.page_range(end[3]).is_empty());
        }
    }
});
