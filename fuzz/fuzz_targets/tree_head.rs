#![no_main]

use libfuzzer_sys::fuzz_target;
use strongroom_ledger::{Monitor, SignedHead, TreeHead, WitnessState};

fuzz_target!(|data: &[u8]| {
    if let Ok(head) = SignedHead::parse(data) {
        assert_eq!(head.to_string().as_bytes(), data);
    }
    let Ok(text) = std::str::from_utf8(data) else {
        return;
    };
    if let Ok(head) = TreeHead::parse(text) {
        assert_eq!(head.to_string(), text);
    }
    if let Ok(state) = WitnessState::parse(text) {
        assert_eq!(state.to_string(), text);
    }
    if let Ok(monitor) = Monitor::parse(text) {
        assert_eq!(Monitor::parse(&monitor.to_string()), Ok(monitor));
    }
});
