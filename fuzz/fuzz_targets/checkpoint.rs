#![no_main]

use libfuzzer_sys::fuzz_target;
use strongroom_format::Checkpoint;

fuzz_target!(|data: &[u8]| {
    if let Ok(checkpoint) = Checkpoint::decode(data) {
        let again = checkpoint.encode().unwrap();
        // An empty array that writers leave out is accepted and not written again.
        assert_eq!(Checkpoint::decode(&again).unwrap(), checkpoint);
    }
});
