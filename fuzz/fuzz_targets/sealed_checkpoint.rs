#![no_main]

use libfuzzer_sys::fuzz_target;
use strongroom_format::{ObjectHash, Preamble, SealedCheckpoint};

fuzz_target!(|data: &[u8]| {
    let data = whole(data);
    if let Ok(sealed) = SealedCheckpoint::decode(&data) {
        assert_eq!(sealed.n, Preamble::decode(&data).unwrap().number);
        let _: bool = sealed.verify_signatures();
    }
});

/// Takes the input for an object without its seal of wholeness, which no fuzzer would find.
fn whole(data: &[u8]) -> Vec<u8> {
    [data, ObjectHash::of(data).as_bytes()].concat()
}
