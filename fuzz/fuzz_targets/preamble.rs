#![no_main]

use libfuzzer_sys::fuzz_target;
use strongroom_format::Preamble;

fuzz_target!(|data: &[u8]| {
    if let Ok(preamble) = Preamble::decode(data) {
        assert_eq!(preamble.encode().as_slice(), &data[..Preamble::LEN]);
    }
});
