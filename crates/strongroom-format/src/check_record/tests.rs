use super::*;
use crate::{DecodeErrorKind, PackClass};

fn hash(byte: u8) -> ObjectHash {
    ObjectHash::from_bytes([byte; 32])
}

fn record() -> CheckRecord {
    let stratum = Stratum {
        added: (0, 40),
        writer: Some([7; 32]),
        population: 812_000,
        drawn: 4_603,
        last: 1 << 56,
    };
    CheckRecord {
        level: 3,
        head: (20_852, hash(1)),
        time: Time::new(1_800_000_000, 5),
        duration_ms: 61_000,
        program: "sr-check 0.1.0".to_owned(),
        choices: vec![
            Choice::All {
                classes: PackClasses::TREES,
            },
            Choice::Sample {
                confidence: 990_000_000,
                below: 1_000_000,
                strata: vec![
                    stratum,
                    Stratum {
                        writer: None,
                        ..stratum
                    },
                ],
            },
            Choice::Rolling(Rolling {
                classes: PackClasses::DATA,
                began: (20_000, hash(2)),
                time: Time::new(1_799_000_000, 0),
                period_s: 2_592_000,
                first: 1 << 60,
                last: u64::MAX,
            }),
            Choice::Older {
                classes: PackClasses::ALL,
                since: Time::new(-1, 0),
            },
        ],
        read: (4_650, 78_000_000_000),
        damaged: vec![DamagedPack {
            pack: hash(3),
            frames: vec![0, 9],
        }],
        unread: vec![hash(4), hash(5)],
        is_truncated: true,
        problems: vec![("frame-damaged".to_owned(), 2), ("missing".to_owned(), 1)],
        unknown: Unknown::default(),
    }
}

#[test]
fn a_record_comes_back() {
    for record in [record(), CheckRecord::default()] {
        let evidence = record.to_evidence().unwrap();
        assert_eq!(CheckRecord::of_evidence(&evidence), Ok(Some(record)));
    }
}

#[test]
fn classes_are_what_they_say() {
    let classes = [PackClass::Data, PackClass::Names, PackClass::Pages];
    assert_eq!(
        classes.map(|class| PackClasses::TREES.contains(class)),
        [false, true, true]
    );
    assert_eq!(
        classes.map(|class| PackClasses::DATA.contains(class)),
        [true, false, false]
    );
    assert!(
        classes
            .iter()
            .all(|class| PackClasses::ALL.contains(*class))
    );
}

#[test]
fn evidence_of_others_is_none_of_ours() {
    let mut evidence = record().to_evidence().unwrap();
    evidence.kind = "drill".to_owned();
    assert_eq!(CheckRecord::of_evidence(&evidence), Ok(None));
    evidence = record().to_evidence().unwrap();
    evidence.schema = 2;
    assert_eq!(CheckRecord::of_evidence(&evidence), Ok(None));
}

#[test]
fn what_later_versions_add_is_kept_and_not_understood() {
    let later = CheckRecord {
        // {0: 9, 1: "x"}
        choices: vec![Choice::Unknown {
            kind: 9,
            raw: vec![0xA2, 0, 9, 1, 0x61, b'x'],
        }],
        ..CheckRecord::default()
    };
    let bytes = later.encode().unwrap();
    assert_eq!(CheckRecord::decode(&bytes), Ok(later));
    // A known kind with one key more: {0: 0, 1: 7, 20: 1}
    let extended = CheckRecord {
        choices: vec![Choice::Unknown {
            kind: 0,
            raw: vec![0xA3, 0, 0, 1, 7, 20, 1],
        }],
        ..CheckRecord::default()
    };
    let bytes = extended.encode().unwrap();
    assert_eq!(CheckRecord::decode(&bytes), Ok(extended));
}

#[test]
fn every_shortened_record_is_refused() {
    let bytes = record().encode().unwrap();
    for len in 0..bytes.len() {
        let error = CheckRecord::decode(&bytes[..len]).unwrap_err();
        assert!(matches!(
            error.kind(),
            DecodeErrorKind::Truncated | DecodeErrorKind::Invalid
        ));
    }
}

#[test]
fn whatever_bytes_are_changed_what_decodes_comes_back() {
    let bytes = record().encode().unwrap();
    for at in 0..bytes.len() {
        for change in [1, 2, 0x20, 0x40, 0x80, 0xFF] {
            let mut changed = bytes.clone();
            changed[at] ^= change;
            if let Ok(record) = CheckRecord::decode(&changed) {
                let again = record.encode().unwrap();
                assert_eq!(CheckRecord::decode(&again), Ok(record));
            }
        }
    }
}

#[test]
fn the_bytes_are_these() {
    let record = CheckRecord {
        level: 3,
        head: (2, hash(0xAA)),
        time: Time::new(7, 0),
        program: "x".to_owned(),
        choices: vec![Choice::All {
            classes: PackClasses::TREES,
        }],
        read: (4, 1_000),
        unread: vec![hash(0xBB)],
        ..CheckRecord::default()
    };
    let expected = [
        &[0xA7, 0, 3, 1, 0x82, 2, 0x58, 32][..],
        &[0xAA; 32],
        &[2, 0x82, 7, 0, 4, 0x61, b'x', 5, 0x81, 0xA2, 0, 0, 1, 6],
        &[6, 0x82, 4, 0x19, 0x03, 0xE8, 8, 0x81, 0x58, 32],
        &[0xBB; 32],
    ]
    .concat();
    assert_eq!(record.encode().unwrap(), expected);
}

#[test]
fn limits_and_order_are_kept_on_both_sides() {
    let many = |count: usize| {
        (0..count as u64)
            .map(|i| {
                let mut name = [0; 32];
                name[..8].copy_from_slice(&i.to_be_bytes());
                ObjectHash::from_bytes(name)
            })
            .collect::<Vec<_>>()
    };
    let mut full = CheckRecord {
        unread: many(MAX_CHECK_PACKS),
        ..record()
    };
    let packs = many(MAX_CHECK_PACKS).into_iter();
    let frames = u32::try_from(MAX_CHECK_FRAMES / MAX_CHECK_PACKS).unwrap();
    full.damaged = packs
        .map(|pack| DamagedPack {
            pack,
            frames: (u32::MAX - frames..u32::MAX).collect(),
        })
        .collect();
    let bytes = full.encode().unwrap();
    assert!(bytes.len() < crate::limits::MAX_ENTRY_BYTES - 65_536);
    assert!(CheckRecord::decode(&bytes).is_ok());

    full.unread = many(MAX_CHECK_PACKS + 1);
    let error = full.encode().unwrap_err();
    assert_eq!(error.kind(), crate::EncodeErrorKind::TooLarge);
    let disordered = CheckRecord {
        unread: vec![hash(2), hash(1)],
        ..record()
    };
    let error = disordered.encode().unwrap_err();
    assert_eq!(error.kind(), crate::EncodeErrorKind::Invalid);
}
