#![no_main]

use libfuzzer_sys::fuzz_target;
use strongroom_format::PackHeader;

fuzz_target!(|data: &[u8]| {
    // Only the padding may differ: its length is the writer's choice.
    if let Ok(header) = PackHeader::decode_plain(data, u64::from(u32::MAX)) {
        let again = header.encode_plain();
        let common = again.len().min(data.len());
        assert_eq!(again[..common], data[..common]);
        assert_eq!(
            PackHeader::decode_plain(&again, u64::from(u32::MAX)).unwrap(),
            header
        );
    }
});
