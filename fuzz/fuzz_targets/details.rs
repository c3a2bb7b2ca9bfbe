#![no_main]

use libfuzzer_sys::fuzz_target;
use strongroom_format::Details;

fuzz_target!(|data: &[u8]| {
    if let Ok(details) = Details::decode(data) {
        let again = details.encode().unwrap();
        // An empty array that writers leave out is accepted and not written again.
        assert_eq!(Details::decode(&again).unwrap(), details);
    }
});
