#![no_main]

use libfuzzer_sys::fuzz_target;
use strongroom_format::CheckRecord;

fuzz_target!(|data: &[u8]| {
    if let Ok(record) = CheckRecord::decode(data) {
        // Empty lists that were written are left out, so the bytes may be fewer.
        let again = record.encode().unwrap();
        assert!(again.len() <= data.len());
        assert_eq!(CheckRecord::decode(&again).unwrap(), record);
    }
});
