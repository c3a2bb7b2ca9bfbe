#![no_main]

use libfuzzer_sys::fuzz_target;
use strongroom_format::{ObjectHash, Preamble, decode_bundle, encode_bundle};

fuzz_target!(|data: &[u8]| {
    let data = whole(data);
    if let Ok(entries) = decode_bundle(&data) {
        let Preamble {
            suite,
            repository,
            random,
            number,
            ..
        } = Preamble::decode(&data).unwrap();
        let again = encode_bundle(suite, repository, number, random, &entries).unwrap();
        assert_eq!(&again[64..data.len() - 32], &data[64..data.len() - 32]);
    }
});

/// Takes the input for an object without its seal of wholeness, which no fuzzer would find.
fn whole(data: &[u8]) -> Vec<u8> {
    [data, ObjectHash::of(data).as_bytes()].concat()
}
