#![no_main]

use libfuzzer_sys::fuzz_target;
use strongroom_format::{Entry, ObjectHash, Preamble};

fuzz_target!(|data: &[u8]| {
    let data = whole(data);
    if let Ok(entry) = Entry::decode(&data) {
        assert_eq!(entry.hash, ObjectHash::of(&data));
        assert_eq!(entry.n, Preamble::decode(&data).unwrap().number);
        let _: bool = entry.verify_signatures();
    }
});

/// Takes the input for an object without its seal of wholeness, which no fuzzer would find.
fn whole(data: &[u8]) -> Vec<u8> {
    [data, ObjectHash::of(data).as_bytes()].concat()
}
