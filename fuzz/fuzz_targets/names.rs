#![no_main]

use libfuzzer_sys::fuzz_target;
use strongroom_format::Names;

fuzz_target!(|data: &[u8]| {
    if let Ok(names) = Names::decode(data) {
        let mut again = Vec::new();
        names.encode(&mut again).unwrap();
        // An empty array that writers leave out is accepted and not written again.
        assert_eq!(Names::decode(&again).unwrap(), names);
    }
});
