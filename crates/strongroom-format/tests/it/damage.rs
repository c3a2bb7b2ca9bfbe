//! Every truncation and every flipped bit of every object is noticed.

use strongroom_format::*;

use crate::sample;

type Make = fn() -> Vec<u8>;
/// Decodes an object completely; `Ok` holds what it said, for comparison.
type Decode = fn(&[u8]) -> Result<String, DecodeError>;

const OBJECTS: [(&str, Make, Decode); 10] = [
    (
        "config",
        || sample::config().encode(sample::RANDOM).unwrap(),
        |b| Config::decode(b).map(|v| format!("{v:?}")),
    ),
    (
        "slot",
        || {
            sample::slot()
                .encode(sample::SUITE, sample::REPOSITORY)
                .unwrap()
        },
        |b| Slot::decode(b).map(|v| format!("{v:?}")),
    ),
    (
        "beacon",
        || {
            sample::beacon()
                .encode(sample::SUITE, sample::REPOSITORY, sample::RANDOM)
                .unwrap()
        },
        |b| Beacon::decode(b).map(|v| format!("{v:?}")),
    ),
    ("parity", sample::parity, |b| {
        parity::Parity::decode(b).map(|v| format!("{v:?}"))
    }),
    (
        "keyring",
        || {
            sample::keyring()
                .encode(
                    sample::SUITE,
                    sample::REPOSITORY,
                    sample::RANDOM,
                    &[&sample::admin()],
                )
                .unwrap()
        },
        |b| SignedKeyring::decode(b).map(|v| format!("{v:?}")),
    ),
    (
        "entry",
        || sample::entry(42, &sample::commit()),
        |b| {
            Entry::decode(b)?
                .open(sample::structure(0).journal())
                .map(|v| format!("{v:?}"))
        },
    ),
    ("bundle", sample::bundle, |b| {
        decode_bundle(b).map(|v| format!("{v:?}"))
    }),
    (
        "checkpoint",
        || sample::checkpoint_object(&sample::bridged_checkpoint()),
        |b| {
            SealedCheckpoint::decode(b)?
                .open(sample::structure(0).checkpoint())
                .map(|v| format!("{v:?}"))
        },
    ),
    ("segment", sample::segment, |b| {
        Segment::decode(b, sample::structure(0).index()).map(|v| format!("{v:?}"))
    }),
    ("pack", sample::pack, |b| {
        sample::header_of(b).map(|v| format!("{v:?}"))
    }),
];

#[test]
fn every_truncation_is_an_error() {
    for (name, object, decode) in OBJECTS {
        let object = object();
        decode(&object).unwrap_or_else(|error| panic!("{name}: {error}"));
        for len in 0..object.len() {
            assert!(decode(&object[..len]).is_err(), "{name} of {len} bytes");
        }
        let mut longer = object;
        longer.push(0);
        assert!(decode(&longer).is_err(), "{name} with a byte more");
    }
}

#[test]
fn every_flipped_bit_is_an_error() {
    for (name, object, decode) in OBJECTS {
        let object = object();
        // Frames and padding of a pack are not the header's: each frame has its own seal.
        let frames = match name {
            "pack" => 64..usize::try_from(tail_of(&object).header_offset).unwrap(),
            _ => 0..0,
        };
        let intact = decode(&object).unwrap();
        for at in 0..object.len() {
            for bit in [0, 3, 7] {
                let mut flipped = object.clone();
                flipped[at] ^= 1 << bit;
                match decode(&flipped) {
                    Err(_) => {}
                    Ok(value) => {
                        assert!(frames.contains(&at), "{name}: bit {bit} of byte {at}");
                        assert_eq!(value, intact);
                    }
                }
            }
        }
    }
}

/// Damage is not mistaken for a later version, except in the bytes that say which version it is.
#[test]
fn damage_of_whole_objects_is_called_damage() {
    for (name, object, decode) in OBJECTS.into_iter().take(7) {
        let object = object();
        for at in 0..object.len() {
            let mut flipped = object.clone();
            flipped[at] ^= 0x10;
            let error = decode(&flipped).unwrap_err();
            let expected = match at {
                8 | 9 => DecodeErrorKind::Unsupported,
                _ => DecodeErrorKind::Damaged,
            };
            assert_eq!(error.kind(), expected, "{name}: byte {at}");
        }
    }
}

/// Unsealed plaintexts: a flipped bit gives an error or other bytes, never the same value from other bytes.
#[test]
fn plaintexts_have_one_encoding() {
    let names = sample::encoded(&sample::names());
    let interior = sample::encoded(&sample::interior());
    let page = sample::encoded_page(&sample::page());
    let payload = sample::commit().encode().unwrap();
    one_encoding(&names, |b| {
        let mut out = Vec::new();
        Names::decode(b)?
            .encode(&mut out)
            .map(|()| out)
            .map_err(|e| panic!("{e}"))
    });
    one_encoding(&interior, |b| {
        let mut out = Vec::new();
        Names::decode(b)?
            .encode(&mut out)
            .map(|()| out)
            .map_err(|e| panic!("{e}"))
    });
    one_encoding(&page, |b| {
        Page::decode(b).map(|page| sample::encoded_page(&page))
    });
    one_encoding(&payload, |b| {
        Payload::decode(b).map(|p| p.encode().unwrap())
    });
}

fn one_encoding(bytes: &[u8], encode_decoded: impl Fn(&[u8]) -> Result<Vec<u8>, DecodeError>) {
    assert_eq!(encode_decoded(bytes).unwrap(), bytes);
    for len in 0..bytes.len() {
        assert!(encode_decoded(&bytes[..len]).is_err(), "{len} bytes");
    }
    for at in 0..bytes.len() {
        for bit in 0..8 {
            let mut flipped = bytes.to_vec();
            flipped[at] ^= 1 << bit;
            if let Ok(again) = encode_decoded(&flipped) {
                assert_eq!(again, flipped, "bit {bit} of byte {at}");
            }
        }
    }
}

fn tail_of(pack: &[u8]) -> PackTail {
    PackTail::decode(pack.last_chunk().unwrap(), pack.len() as u64).unwrap()
}
