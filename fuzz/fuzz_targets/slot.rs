#![no_main]

use libfuzzer_sys::fuzz_target;
use strongroom_format::{ObjectHash, Preamble, Slot};

fuzz_target!(|data: &[u8]| {
    let data = whole(data);
    if let Ok(slot) = Slot::decode(&data) {
        let preamble = Preamble::decode(&data).unwrap();
        let again = slot.encode(preamble.suite, preamble.repository).unwrap();
        assert_eq!(&again[64..data.len() - 32], &data[64..data.len() - 32]);
    }
});

/// Takes the input for an object without its seal of wholeness, which no fuzzer would find.
fn whole(data: &[u8]) -> Vec<u8> {
    [data, ObjectHash::of(data).as_bytes()].concat()
}
