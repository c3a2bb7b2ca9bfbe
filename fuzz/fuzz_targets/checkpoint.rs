#![no_main]

use libfuzzer_sys::fuzz_target;
use strongroom_format::Checkpoint;

fuzz_target!(|data: &[u8]| {
    if let Ok(checkpoint) = Checkpoint::decode(data) {
        assert_eq!(checkpoint.encode().unwrap(), data);
    }
});
