#![no_main]

use libfuzzer_sys::fuzz_target;
use strongroom_format::{Codec, Decompressor};

fuzz_target!(|data: &[u8]| {
    let Some((len, stored)) = data.split_first_chunk() else {
        return;
    };
    let plain_len = u32::from_le_bytes(*len) as usize;
    let mut out = Vec::new();
    let mut decompressor = Decompressor::new().unwrap();
    match decompressor.decompress(Codec::Zstd, stored, plain_len, &mut out) {
        Ok(()) => assert_eq!(out.len(), plain_len),
        Err(_) => assert!(out.is_empty()),
    }
});
