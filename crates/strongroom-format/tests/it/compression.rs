//! Frames are compressed when that helps, and never decompressed beyond what they claim.

use proptest::prelude::*;
use strongroom_format::limits::MAX_FRAME_PLAIN_BYTES;
use strongroom_format::*;

fn noise(len: usize) -> Vec<u8> {
    let mut noise = vec![0; len];
    blake3::Hasher::new().finalize_xof().fill(&mut noise);
    noise
}

fn compress(plain: &[u8]) -> (Codec, Vec<u8>) {
    let mut out = b"before".to_vec();
    let codec = Compressor::new(3)
        .unwrap()
        .compress(plain, &mut out)
        .unwrap();
    assert_eq!(&out[..6], b"before");
    (codec, out.split_off(6))
}

fn decompress(codec: Codec, stored: &[u8], plain_len: usize) -> Result<Vec<u8>, DecodeErrorKind> {
    let mut out = b"before".to_vec();
    let result = Decompressor::new()
        .unwrap()
        .decompress(codec, stored, plain_len, &mut out);
    assert_eq!(&out[..6], b"before");
    match result {
        Ok(()) => Ok(out.split_off(6)),
        Err(error) => {
            assert_eq!(out.len(), 6);
            Err(error.kind())
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 64, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn round_trip(plain in proptest::collection::vec(0..4_u8, 0..5_000)) {
        let (codec, stored) = compress(&plain);
        prop_assert!(codec == Codec::Raw || stored.len() + plain.len() / 40 <= plain.len());
        prop_assert_eq!(decompress(codec, &stored, plain.len()).unwrap(), plain);
    }

    #[test]
    fn padme_rounds_up_by_little(len in any::<u64>()) {
        let padded = padme(len);
        prop_assert!(padded >= len && u128::from(padded - len) * 100 <= u128::from(len) * 12);
        prop_assert_eq!(padme(padded), padded);
    }
}

#[test]
fn what_does_not_shrink_is_stored() {
    for len in [0, 1, 31, 1_000, 70_000, 600_000] {
        let plain = noise(len);
        assert_eq!(compress(&plain), (Codec::Raw, plain));
    }
}

#[test]
fn a_compressible_half_is_found() {
    let mut plain = noise(1 << 20);
    plain[1 << 19..].fill(b'a');
    let (codec, stored) = compress(&plain);
    assert_eq!(codec, Codec::Zstd);
    assert!(stored.len() < 600_000);
    assert_eq!(decompress(codec, &stored, plain.len()).unwrap(), plain);
}

#[test]
fn a_bomb_is_refused() {
    let (codec, stored) = compress(&vec![0; 1 << 20]);
    assert_eq!(codec, Codec::Zstd);
    assert!(stored.len() < 200);
    for wrong in [0, 100, (1 << 20) - 1, (1 << 20) + 1, MAX_FRAME_PLAIN_BYTES] {
        assert_eq!(
            decompress(codec, &stored, wrong),
            Err(DecodeErrorKind::Invalid)
        );
    }
    let over = MAX_FRAME_PLAIN_BYTES + 1;
    assert_eq!(
        decompress(codec, &stored, over),
        Err(DecodeErrorKind::TooLarge)
    );
    let mut compressor = Compressor::new(3).unwrap();
    let error = compressor
        .compress(&vec![0; over], &mut Vec::new())
        .unwrap_err();
    assert_eq!(error.kind(), EncodeErrorKind::TooLarge);
}

#[test]
fn only_one_frame_that_is_whole() {
    let plain = b"a line that repeats; ".repeat(50);
    let (codec, stored) = compress(&plain);
    for len in 0..stored.len() {
        decompress(codec, &stored[..len], plain.len()).unwrap_err();
    }
    let skippable = [0x50, 0x2A, 0x4D, 0x18, 0, 0, 0, 0];
    for wrong in [
        [stored.as_slice(), &[0]].concat(),
        [stored.as_slice(), &stored].concat(),
        [stored.as_slice(), &skippable].concat(),
        [skippable.as_slice(), &stored].concat(),
    ] {
        decompress(codec, &wrong, plain.len()).unwrap_err();
    }
    decompress(Codec::Raw, &plain, plain.len() - 1).unwrap_err();
}

#[test]
fn levels() {
    Compressor::new(1_000).unwrap_err();
    for level in [-5, 1, 9] {
        Compressor::new(level).unwrap();
    }
}

#[test]
fn a_window_larger_than_a_frame_can_be_is_refused() {
    // One raw block of one byte; the window descriptor stands for 2^(10 + n/8), and eighths of it.
    let frame = |window: u8| {
        [
            &[0x28, 0xB5, 0x2F, 0xFD, 0x80, window, 1, 0, 0, 0][..],
            &[0x09, 0, 0, b'x'],
        ]
        .concat()
    };
    let decompress = |window: u8| {
        let mut out = Vec::new();
        let mut decompressor = Decompressor::new().unwrap();
        decompressor.decompress(Codec::Zstd, &frame(window), 1, &mut out)
    };
    decompress(0).unwrap();
    decompress(14 << 3).unwrap();
    decompress(14 << 3 | 1).unwrap_err();
    decompress(15 << 3).unwrap_err();
    decompress(u8::MAX).unwrap_err();
}
