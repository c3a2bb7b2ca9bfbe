//! Packs in memory, made by hand.

use std::sync::Arc;

use strongroom_crypt::{
    EpochKey, Id, IdHasher, RepositoryId, Sealer as _, Secret, Session, StructureKeys, Suite,
    SystemRandom,
};
use strongroom_format::{
    AuditKeys, BlobRecord, Codec, Compressor, ContentKeys, FrameKey, FrameRecord, ObjectHash,
    PackClass, PackHeader, PackRef, PackTail, Page, PageType, Preamble, Ref, SessionKeyRecord,
    UnknownSecrets, frame_aad, header_aad, pack_preamble, seal_header,
};

use super::check::{Depth, PackChecker, PackOutcome};
use super::fault::{FrameFault, Gap, HashState, PackFault};
use super::holdings::Holdings;
use super::keys::Keyset;
use super::report::describe;
use crate::keys::Keys;
use crate::{Problem, Severity};

const REPOSITORY: RepositoryId = RepositoryId::from_bytes([9; 16]);
const SUITE: Suite = Suite::Aes256Gcm;
const EPOCH: u32 = 3;

fn secret(n: u8) -> Secret {
    Secret::from_bytes(&[n; 32])
}

fn keyset(content: bool, epochs: &[u32]) -> Arc<Keyset> {
    let keys = AuditKeys {
        repository: REPOSITORY,
        suite: SUITE,
        genesis: ObjectHash::default(),
        structure_key: secret(1),
        content: content.then(|| ContentKeys {
            id_key: secret(2),
            epochs: epochs.iter().map(|epoch| (*epoch, secret(3))).collect(),
        }),
        unknown: UnknownSecrets::default(),
    };
    Arc::new(Keyset::new(&Keys::new(&keys)))
}

/// A pack, and what the journal says of it.
struct Made {
    bytes: Vec<u8>,
    pack: PackRef,
    header: PackHeader,
}

/// Packs frames of blobs. `spoil` changes what is about to be sealed: the ids, the plaintext and the codec's output.
fn make(
    class: PackClass,
    frames: &[Vec<Vec<u8>>],
    spoil: impl Fn(usize, &mut Vec<BlobRecord>, &mut Vec<u8>),
) -> Made {
    let random = SystemRandom::shared();
    let session = Session::start(SUITE, &random).unwrap();
    let structure = StructureKeys::new(SUITE, &secret(1));
    let ids = IdHasher::new(&secret(2));
    let kind = class as u8;
    let preamble = pack_preamble(SUITE, REPOSITORY, [7; 16], class);
    let mut bytes = preamble.encode().to_vec();
    let (mut records, mut all) = (Vec::new(), Vec::new());
    for (at, blobs) in frames.iter().enumerate() {
        let mut rows: Vec<BlobRecord> = blobs
            .iter()
            .map(|blob| BlobRecord {
                id: match kind {
                    2 => structure.page_id(2, blob),
                    _ => ids.id(kind, blob),
                },
                len: u32::try_from(blob.len()).unwrap(),
            })
            .collect();
        let plain = blobs.concat();
        let mut packed = Vec::new();
        let codec = Compressor::new(3)
            .unwrap()
            .compress(&plain, &mut packed)
            .unwrap();
        spoil(at, &mut rows, &mut packed);
        let mut aad = Vec::new();
        frame_aad(&mut aad, &REPOSITORY, kind, codec, &rows);
        let offset = u32::try_from(bytes.len()).unwrap();
        let sealer = if kind == 2 {
            structure.refs()
        } else {
            session.sealer()
        };
        sealer.seal(&aad, &packed, &mut bytes).unwrap();
        records.push(FrameRecord {
            offset,
            stored_len: u32::try_from(bytes.len()).unwrap() - offset,
            plain_len: u32::try_from(plain.len()).unwrap(),
            blobs: u32::try_from(rows.len()).unwrap(),
            key: if kind == 2 {
                FrameKey::Refs
            } else {
                FrameKey::Session(0)
            },
            kind,
            codec,
        });
        all.extend(rows);
    }
    bytes.extend([5; 300]);
    close(bytes, class, &session, records, all)
}

/// Adds the header and the end.
fn close(
    mut bytes: Vec<u8>,
    class: PackClass,
    session: &Session,
    records: Vec<FrameRecord>,
    all: Vec<BlobRecord>,
) -> Made {
    let structure = StructureKeys::new(SUITE, &secret(1));
    let preamble = pack_preamble(SUITE, REPOSITORY, [7; 16], class);
    let wrapped = session
        .wrap(&REPOSITORY, EPOCH, &EpochKey::new(secret(3)))
        .unwrap();
    let record = SessionKeyRecord {
        session: session.id(),
        epoch: EPOCH,
        wrap_kind: SessionKeyRecord::BOX,
        wrapped,
    };
    let header = PackHeader::new(vec![record], records, all).unwrap();
    let at = bytes.len() as u64;
    seal_header(structure.header(), &preamble, at, &header, &mut bytes).unwrap();
    let header_len = u32::try_from(bytes.len() as u64 - at).unwrap();
    let tail = PackTail {
        header_offset: at,
        header_len,
    };
    bytes.extend(tail.encode(&preamble));
    let pack = PackRef {
        name: ObjectHash::of(&bytes),
        len: u32::try_from(bytes.len()).unwrap(),
        class,
    };
    Made {
        bytes,
        pack,
        header,
    }
}

fn content() -> Vec<Vec<Vec<u8>>> {
    let noise = |n: u8| blake3::hash(&[n]).as_bytes().repeat(3);
    vec![
        vec![noise(1), noise(2), Vec::new()],
        vec![b"all the same ".repeat(500)],
        vec![noise(4)],
    ]
}

fn check(keys: Option<&Arc<Keyset>>, depth: Depth, made: &Made, bytes: Vec<u8>) -> PackOutcome {
    let mut checker = PackChecker::new(keys.cloned(), depth).unwrap();
    checker.check(&made.pack.name, Some(&made.pack), bytes)
}

#[test]
fn a_good_pack_is_good_at_every_depth_and_with_all_keys() {
    let made = make(PackClass::Data, &content(), |_, _, _| {});
    for keys in [None, Some(keyset(false, &[])), Some(keyset(true, &[EPOCH]))] {
        for depth in [Depth::Hashed, Depth::Authenticated, Depth::Decoded] {
            let outcome = check(keys.as_ref(), depth, &made, made.bytes.clone());
            assert_eq!(outcome.hash, HashState::Equal);
            assert_eq!(outcome.fault, None);
            assert_eq!(outcome.frames, []);
            let opens = keys.is_some() && depth > Depth::Hashed;
            assert_eq!(outcome.header.is_some(), opens);
            let has_content = keys.as_ref().is_some_and(|keys| keys.has_content());
            let decodes = opens && has_content && depth == Depth::Decoded;
            assert_eq!(outcome.decoded_blobs, if decodes { 5 } else { 0 });
            let gaps = if opens && !has_content {
                vec![(Gap::NoContentKeys, 3)]
            } else {
                Vec::new()
            };
            assert_eq!(outcome.gaps, gaps);
        }
    }
}

#[test]
fn every_flipped_bit_is_told_and_only_its_frame_is_bad() {
    let made = make(PackClass::Data, &content(), |_, _, _| {});
    let keys = keyset(true, &[EPOCH]);
    for at in 0..made.bytes.len() {
        let mut bytes = made.bytes.clone();
        bytes[at] ^= 1 << (at % 8);
        let outcome = check(Some(&keys), Depth::Decoded, &made, bytes);
        assert_eq!(outcome.hash, HashState::Differs);
        let at = u32::try_from(at).unwrap();
        let frames = &made.header.frames;
        let hit = frames
            .iter()
            .position(|f| (f.offset..f.offset + f.stored_len).contains(&at));
        match hit {
            Some(frame) => {
                let frame = u32::try_from(frame).unwrap();
                assert_eq!(outcome.frames, [(frame, FrameFault::Sealed)], "byte {at}");
                assert_eq!(outcome.authenticated, 2);
            }
            None => assert_eq!(outcome.frames, [], "byte {at}"),
        }
        let is_padding = (frames[2].offset + frames[2].stored_len
            ..frames[2].offset + frames[2].stored_len + 300)
            .contains(&at);
        let opens = hit.is_some() || is_padding;
        assert_eq!(outcome.header.is_some(), opens, "byte {at}");
        assert_eq!(outcome.fault.is_none(), opens, "byte {at}");
        assert!(
            !matches!(outcome.fault, Some(PackFault::Unsupported { .. })),
            "byte {at}"
        );
    }
}

#[test]
fn a_writer_that_was_wrong_is_noticed_though_every_tag_is_right() {
    let keys = keyset(true, &[EPOCH]);
    let made = make(PackClass::Data, &content(), |frame, rows, _| {
        if frame == 0 {
            rows[1].id = Id::from_bytes([1; 32]);
        }
    });
    let outcome = check(Some(&keys), Depth::Decoded, &made, made.bytes.clone());
    assert_eq!(outcome.hash, HashState::Equal);
    assert_eq!(
        outcome.frames,
        [(0, FrameFault::Ids { count: 1, first: 1 })]
    );
    let outcome = check(Some(&keys), Depth::Authenticated, &made, made.bytes.clone());
    assert_eq!(outcome.frames, []);

    let made = make(PackClass::Data, &content(), |frame, _, packed| {
        if frame == 1 {
            packed[10] ^= 255;
        }
    });
    assert_eq!(made.header.frames[1].codec, Codec::Zstd);
    let outcome = check(Some(&keys), Depth::Decoded, &made, made.bytes.clone());
    assert!(
        matches!(
            outcome.frames[..],
            [(1, FrameFault::Codec | FrameFault::Ids { .. })]
        ),
        "{:?}",
        outcome.frames
    );
}

#[test]
fn what_there_is_no_key_for_is_a_gap_and_no_damage() {
    let made = make(PackClass::Data, &content(), |_, _, _| {});
    let keys = keyset(true, &[EPOCH + 1]);
    let outcome = check(Some(&keys), Depth::Decoded, &made, made.bytes.clone());
    assert_eq!(outcome.gaps, [(Gap::NoEpochKey(EPOCH), 3)]);
    assert_eq!((outcome.frames.len(), outcome.decoded_blobs), (0, 0));
}

#[test]
fn length_place_and_version_are_told_apart() {
    let made = make(PackClass::Data, &content(), |_, _, _| {});
    let keys = keyset(true, &[EPOCH]);
    let fault = |bytes: Vec<u8>| check(Some(&keys), Depth::Decoded, &made, bytes).fault;
    let stated = made.bytes.len() as u64;
    let short = made.bytes[..100].to_vec();
    assert_eq!(fault(short), Some(PackFault::Truncated { is: 100, stated }));
    let long = [made.bytes.as_slice(), b"more"].concat();
    let outcome = check(Some(&keys), Depth::Decoded, &made, long);
    // What was appended hides nothing.
    assert_eq!((outcome.fault, outcome.hash), (None, HashState::Differs));
    assert_eq!((outcome.frames.len(), outcome.authenticated), (0, 3));

    // Whole objects under their own names: of a later version, of another repository, of another class.
    let whole = |bytes: Vec<u8>, class| {
        let pack = PackRef {
            name: ObjectHash::of(&bytes),
            len: u32::try_from(bytes.len()).unwrap(),
            class,
        };
        let mut checker = PackChecker::new(Some(Arc::clone(&keys)), Depth::Decoded).unwrap();
        checker.check(&pack.name, Some(&pack), bytes).fault
    };
    let with = |at: usize, value: u8| {
        let mut bytes = made.bytes.clone();
        bytes[at] = value;
        bytes
    };
    let later = whole(with(8, 2), PackClass::Data);
    assert!(
        matches!(later, Some(PackFault::Unsupported { .. })),
        "{later:?}"
    );
    assert_eq!(
        whole(with(16, 0), PackClass::Data),
        Some(PackFault::Foreign)
    );
    assert_eq!(
        whole(with(3, b'I'), PackClass::Data),
        Some(PackFault::Foreign)
    );
    assert_eq!(
        whole(made.bytes.clone(), PackClass::Names),
        Some(PackFault::Class)
    );
}

/// Seals the header once more, with a codec that this version does not know.
fn of_a_later_version(made: &Made) -> Made {
    let mut bytes = made.bytes.clone();
    let tail = PackTail::decode(bytes.last_chunk().unwrap(), bytes.len() as u64).unwrap();
    let mut plain = made.header.encode_plain();
    let wrapped: usize = made
        .header
        .sessions
        .iter()
        .map(|one| 40 + one.wrapped.len())
        .sum();
    plain[4 + wrapped + 4 + 19] = 0x77;
    let preamble = Preamble::decode(&bytes).unwrap();
    let aad = header_aad(&preamble, tail.header_offset);
    let mut sealed = Vec::new();
    let keys = StructureKeys::new(SUITE, &secret(1));
    keys.header().seal(&aad, &plain, &mut sealed).unwrap();
    let at = usize::try_from(tail.header_offset).unwrap();
    bytes[at..at + sealed.len()].copy_from_slice(&sealed);
    Made {
        pack: PackRef {
            name: ObjectHash::of(&bytes),
            ..made.pack
        },
        bytes,
        header: made.header.clone(),
    }
}

#[test]
fn rot_in_a_pack_of_a_later_version_is_damage() {
    let made = of_a_later_version(&make(PackClass::Data, &content(), |_, _, _| {}));
    let keys = keyset(true, &[EPOCH]);
    let said = |bytes: Vec<u8>, depth| {
        let outcome = check(Some(&keys), depth, &made, bytes);
        let mut found = Vec::new();
        describe(&made.pack.name, &outcome, |_| false, |one| found.push(one));
        let [one] = found.try_into().unwrap();
        (one.problem, one.severity)
    };
    let mut rotten = made.bytes.clone();
    rotten[made.header.frames[0].offset as usize + 7] ^= 1;
    for depth in [Depth::Authenticated, Depth::Decoded] {
        let whole = said(made.bytes.clone(), depth);
        assert_eq!(whole, (Problem::NewerVersion, Severity::Note));
        let rotten = said(rotten.clone(), depth);
        assert_eq!(rotten, (Problem::HashDiffers, Severity::Damage));
    }
}

#[test]
fn the_index_stands_in_for_the_end_of_a_pack() {
    let made = make(PackClass::Data, &content(), |_, _, _| {});
    let keys = keyset(true, &[EPOCH]);
    let tail = PackTail::decode(made.bytes.last_chunk().unwrap(), made.bytes.len() as u64).unwrap();
    let place = (u32::try_from(tail.header_offset).unwrap(), tail.header_len);
    let cut = made.bytes[..made.bytes.len() - 32].to_vec();
    let mut checker = PackChecker::new(Some(keys), Depth::Decoded).unwrap();
    let outcome = checker.check_at(&made.pack.name, Some(&made.pack), cut.clone(), Some(place));
    assert_eq!((outcome.fault, outcome.authenticated), (None, 3));
    let wrong = checker.check_at(
        &made.pack.name,
        Some(&made.pack),
        cut,
        Some((place.0 + 1, place.1)),
    );
    assert!(wrong.header.is_none() && wrong.fault.is_some());
}

#[test]
fn pages_are_read_without_content_keys() {
    let mut page = Vec::new();
    let zeros = Page {
        page_type: PageType::Recipe,
        height: 0,
        refs: vec![Ref::zeros(5), Ref::zeros(7)],
    };
    zeros.encode(&mut page).unwrap();
    let made = make(
        PackClass::Pages,
        &[vec![page, b"no page".to_vec()]],
        |_, _, _| {},
    );
    let keys = keyset(false, &[]);
    let outcome = check(Some(&keys), Depth::Authenticated, &made, made.bytes.clone());
    assert_eq!(outcome.pages.len(), 2);
    assert_eq!(outcome.pages[0].body.as_ref().unwrap().sum, 12);
    assert!(outcome.pages[1].body.is_err());
}

#[test]
fn holdings_find_every_copy_in_as_many_passes_as_it_takes() {
    let made = make(PackClass::Data, &content(), |_, _, _| {});
    let mut all = Vec::new();
    let mut holdings = Holdings::new(0);
    let many: Vec<BlobRecord> = (0..9_000_u32)
        .map(|n| BlobRecord {
            id: Id::from_bytes(*blake3::hash(&n.to_le_bytes()).as_bytes()),
            len: 0,
        })
        .collect();
    let frame = FrameRecord {
        blobs: 9_000,
        plain_len: 0,
        stored_len: 48,
        codec: Codec::Raw,
        ..made.header.frames[0]
    };
    let header = PackHeader::new(made.header.sessions, vec![frame], many.clone()).unwrap();
    let mut passes = 0;
    loop {
        holdings.push(4, &header);
        holdings.push(6, &header);
        holdings.finish();
        passes += 1;
        for blob in &many {
            if !holdings.covers(&blob.id) {
                continue;
            }
            let copies: Vec<u32> = holdings.copies(&blob.id).map(|row| row.pack).collect();
            assert_eq!(copies, [4, 6]);
            let prefix = strongroom_format::EntryRow::prefix_of(&blob.id);
            assert!(holdings.mark_mapped(&prefix, 6, 0) && !holdings.mark_mapped(&prefix, 6, 1));
            holdings.mark_needed(&blob.id);
            all.push(blob.id);
            // One that differs in the very last byte is another blob.
            let mut other = *blob.id.as_bytes();
            other[31] ^= 1;
            assert_eq!(holdings.copies(&Id::from_bytes(other)).count(), 0);
        }
        assert!(
            holdings
                .rows()
                .iter()
                .all(|row| row.is_needed() && row.is_mapped() == (row.pack == 6))
        );
        if !holdings.next() {
            break;
        }
    }
    assert!(passes > 2, "{passes}");
    all.sort_unstable();
    all.dedup();
    assert_eq!(all.len(), many.len());
}
