#![no_main]

use libfuzzer_sys::fuzz_target;
use strongroom_format::Snapshot;

fuzz_target!(|data: &[u8]| {
    if let Ok(snapshot) = Snapshot::decode(data) {
        let mut again = Vec::new();
        snapshot.encode(&mut again).unwrap();
        assert_eq!(again, data);
    }
});
