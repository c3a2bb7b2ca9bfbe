#![no_main]

use libfuzzer_sys::fuzz_target;
use strongroom_format::Payload;

fuzz_target!(|data: &[u8]| {
    if let Ok(payload) = Payload::decode(data) {
        let again = payload.encode().unwrap();
        // An empty array that writers leave out is accepted and not written again.
        assert_eq!(Payload::decode(&again).unwrap(), payload);
    }
});
