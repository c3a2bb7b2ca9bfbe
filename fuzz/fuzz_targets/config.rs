#![no_main]

use libfuzzer_sys::fuzz_target;
use strongroom_format::{Config, ObjectHash, Preamble};

fuzz_target!(|data: &[u8]| {
    let data = whole(data);
    if let Ok(config) = Config::decode(&data) {
        let random = Preamble::decode(&data).unwrap().random;
        assert_eq!(
            &config.encode(random).unwrap()[64..data.len() - 32],
            &data[64..data.len() - 32]
        );
    }
});

/// Takes the input for an object without its seal of wholeness, which no fuzzer would find.
fn whole(data: &[u8]) -> Vec<u8> {
    [data, ObjectHash::of(data).as_bytes()].concat()
}
