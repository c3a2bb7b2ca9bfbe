#![no_main]

use libfuzzer_sys::fuzz_target;
use strongroom_format::Details;

fuzz_target!(|data: &[u8]| {
    if let Ok(details) = Details::decode(data) {
        assert_eq!(details.encode().unwrap(), data);
    }
});
