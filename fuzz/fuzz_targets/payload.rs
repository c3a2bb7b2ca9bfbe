#![no_main]

use libfuzzer_sys::fuzz_target;
use strongroom_format::Payload;

fuzz_target!(|data: &[u8]| {
    if let Ok(payload) = Payload::decode(data) {
        assert_eq!(payload.encode().unwrap(), data);
    }
});
