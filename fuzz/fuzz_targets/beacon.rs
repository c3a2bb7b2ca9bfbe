#![no_main]

use libfuzzer_sys::fuzz_target;
use strongroom_format::{Beacon, ObjectHash, Preamble};

fuzz_target!(|data: &[u8]| {
    let data = [data, ObjectHash::of(data).as_bytes()].concat();
    if let Ok(beacon) = Beacon::decode(&data) {
        let Preamble {
            suite,
            repository,
            random,
            ..
        } = Preamble::decode(&data).unwrap();
        let again = beacon.encode(suite, repository, random).unwrap();
        assert_eq!(&again[64..data.len() - 32], &data[64..data.len() - 32]);
    }
});
