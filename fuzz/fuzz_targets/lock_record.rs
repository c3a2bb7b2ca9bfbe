#![no_main]

use libfuzzer_sys::fuzz_target;
use strongroom_format::LockRecord;

fuzz_target!(|data: &[u8]| {
    if let Ok(record) = LockRecord::decode(data) {
        // Empty lists that were written are left out, so the bytes may be fewer.
        let again = record.encode().unwrap();
        assert!(again.len() <= data.len());
        assert_eq!(LockRecord::decode(&again).unwrap(), record);
    }
});
