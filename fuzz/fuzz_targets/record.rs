#![no_main]

use libfuzzer_sys::fuzz_target;
use strongroom_format::record::{Fact, Record};

// The first byte chooses the kind.
fuzz_target!(|data: &[u8]| {
    let Some((first, bytes)) = data.split_first() else {
        return;
    };
    let kind = Fact::KINDS[usize::from(*first) % Fact::KINDS.len()];
    if let Ok(record) = Record::decode(kind, bytes) {
        assert_eq!(record.encode().unwrap(), bytes);
    }
});
