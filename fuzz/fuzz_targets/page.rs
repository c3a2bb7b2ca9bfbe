#![no_main]

use libfuzzer_sys::fuzz_target;
use strongroom_format::Page;

fuzz_target!(|data: &[u8]| {
    if let Ok(page) = Page::decode(data) {
        let mut again = Vec::new();
        page.encode(&mut again).unwrap();
        assert_eq!(again, data);
    }
});
