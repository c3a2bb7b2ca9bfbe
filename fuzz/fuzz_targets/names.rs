#![no_main]

use libfuzzer_sys::fuzz_target;
use strongroom_format::Names;

fuzz_target!(|data: &[u8]| {
    if let Ok(names) = Names::decode(data) {
        let mut again = Vec::new();
        names.encode(&mut again).unwrap();
        assert_eq!(again, data);
    }
});
