#![no_main]

use libfuzzer_sys::fuzz_target;
use strongroom_crypt::{RepositoryId, Suite};
use strongroom_format::{PackClass, PackTail, pack_preamble};

fuzz_target!(|data: &[u8]| {
    if let Some((tail, rest)) = data.split_first_chunk()
        && let Some(len) = rest.first_chunk()
        && let Ok(decoded) = PackTail::decode(tail, u64::from_le_bytes(*len))
    {
        let preamble = pack_preamble(
            Suite::None,
            RepositoryId::from_bytes([0; 16]),
            [0; 16],
            PackClass::Data,
        );
        assert_eq!(decoded.encode(&preamble), *tail);
    }
});
