//! What is above a limit is refused before memory is taken for it.

use strongroom_crypt::Id;
use strongroom_format::DecodeErrorKind::{Invalid, TooLarge, Truncated, Unsupported};
use strongroom_format::limits::*;
use strongroom_format::*;

use crate::sample;

#[test]
fn objects() {
    let kind = |result: Result<(), DecodeError>| result.unwrap_err().kind();
    assert_eq!(
        kind(Config::decode(&vec![0; MAX_CONFIG_BYTES + 1]).map(drop)),
        TooLarge
    );
    assert_eq!(
        kind(Slot::decode(&vec![0; MAX_CONFIG_BYTES + 1]).map(drop)),
        TooLarge
    );
    assert_eq!(
        kind(SignedKeyring::decode(&vec![0; MAX_KEYRING_BYTES + 1]).map(drop)),
        TooLarge
    );
    assert_eq!(
        kind(Entry::decode(&vec![0; MAX_ENTRY_BYTES + 1]).map(drop)),
        TooLarge
    );
    assert_eq!(
        kind(Payload::decode(&vec![0; MAX_ENTRY_BYTES + 1]).map(drop)),
        TooLarge
    );
    assert_eq!(
        kind(Names::decode(&vec![0; MAX_BLOB_BYTES + 1]).map(drop)),
        TooLarge
    );
    let mut config = sample::config();
    config.read_features = vec!["x".repeat(MAX_CONFIG_BYTES)];
    assert_eq!(
        config.encode(sample::RANDOM).unwrap_err().kind(),
        EncodeErrorKind::TooLarge
    );
    let body = Condemn {
        packs: vec![ObjectHash::of(b""); 70_000],
        ..Condemn::default()
    };
    let payload = Payload::new(Time::default(), Body::Condemn(body));
    let (keys, admin) = (sample::structure(1), sample::admin());
    let seal = |signers: &[&strongroom_crypt::SigningKey]| {
        let (suite, repository, previous) =
            (sample::SUITE, sample::REPOSITORY, ObjectHash::of(b""));
        Entry::seal(
            suite,
            repository,
            1,
            [0; 16],
            previous,
            &payload,
            keys.journal(),
            signers,
        )
        .unwrap_err()
        .kind()
    };
    assert_eq!(seal(&[&admin]), EncodeErrorKind::TooLarge);
    assert_eq!(seal(&[]), EncodeErrorKind::Invalid);
    assert_eq!(seal(&[&admin; 9]), EncodeErrorKind::Invalid);
}

#[test]
fn entries_of_a_bundle() {
    let encode = |n, entries: &[Vec<u8>]| {
        encode_bundle(sample::SUITE, sample::REPOSITORY, n, [0; 16], entries)
            .unwrap_err()
            .kind()
    };
    assert_eq!(encode(64, &vec![vec![]; 63]), EncodeErrorKind::Invalid);
    assert_eq!(encode(65, &vec![vec![]; 64]), EncodeErrorKind::Invalid);
    assert_eq!(encode(0, &vec![vec![]; 64]), EncodeErrorKind::Invalid);
    let mut large = vec![vec![]; 64];
    large[3] = vec![0; MAX_ENTRY_BYTES + 1];
    assert_eq!(encode(64, &large), EncodeErrorKind::TooLarge);
}

#[test]
fn references_of_a_page() {
    let page = |count: usize| Page {
        page_type: PageType::Recipe,
        height: 0,
        refs: vec![Ref::zeros(1); count],
    };
    page(MAX_PAGE_REFS).encode(&mut Vec::new()).unwrap();
    let error = page(MAX_PAGE_REFS + 1).encode(&mut Vec::new()).unwrap_err();
    assert_eq!(error.kind(), EncodeErrorKind::TooLarge);
    let claim = [[1, 3, 0, 0].as_slice(), &u32::MAX.to_le_bytes()].concat();
    assert_eq!(Page::decode(&claim).unwrap_err().kind(), TooLarge);
    let claim = [[1, 3, 0, 0].as_slice(), &9_u32.to_le_bytes(), &[0; 40]].concat();
    assert_eq!(Page::decode(&claim).unwrap_err().kind(), Truncated);
}

#[test]
fn entries_of_a_leaf() {
    let children = |count: usize| Interior {
        children: (0..count)
            .map(|n| (format!("{n:08}").into_bytes(), 1))
            .collect(),
        ..Interior::default()
    };
    let error = children(MAX_LEAF_ENTRIES + 1)
        .encode(&mut Vec::new())
        .unwrap_err();
    assert_eq!(error.kind(), EncodeErrorKind::TooLarge);
    let mut bytes = Vec::new();
    children(MAX_LEAF_ENTRIES).encode(&mut bytes).unwrap();
    Names::decode(&bytes).unwrap();
    let claim = [vec![0xA2, 0, 1, 1, 0x9A, 0, 1, 0, 1], vec![0xA0; 70_000]].concat();
    assert_eq!(Names::decode(&claim).unwrap_err().kind(), TooLarge);
}

#[test]
fn extended_attributes() {
    let encode = |xattrs| {
        let node = Node {
            name: b"a".to_vec(),
            xattrs,
            ..Node::default()
        };
        Leaf {
            entries: vec![node],
            ..Leaf::default()
        }
        .encode(&mut Vec::new())
        .map_err(|e| e.kind())
    };
    let large = |count: u8| {
        (0..count)
            .map(|n| (vec![n], vec![0; MAX_XATTR_BYTES - 1]))
            .collect()
    };
    encode(large(16)).unwrap();
    assert_eq!(encode(large(17)), Err(EncodeErrorKind::TooLarge));
    let one = vec![(b"n".to_vec(), vec![0; MAX_XATTR_BYTES + 1])];
    assert_eq!(encode(one), Err(EncodeErrorKind::TooLarge));
    let twins = vec![(b"n".to_vec(), vec![]), (b"n".to_vec(), vec![])];
    assert_eq!(encode(twins), Err(EncodeErrorKind::Invalid));
}

#[test]
fn skipped_entries() {
    let skipped = Skipped {
        path: vec![],
        reason: SkipReason::Other,
        message: String::new(),
    };
    let details = |count| Details {
        skipped: vec![skipped.clone(); count],
        ..Details::default()
    };
    details(MAX_DETAILS_SKIPPED).encode().unwrap();
    let error = details(MAX_DETAILS_SKIPPED + 1).encode().unwrap_err();
    assert_eq!(error.kind(), EncodeErrorKind::TooLarge);
}

#[test]
fn pack_headers() {
    let decode = |plain: &[u8]| PackHeader::decode_plain(plain, 1_000).map_err(|e| e.kind());
    assert_eq!(decode(&vec![0; MAX_HEADER_BYTES + 1]), Err(TooLarge));
    assert_eq!(decode(&u32::MAX.to_le_bytes()), Err(TooLarge));
    assert_eq!(decode(&[0, 0, 0, 0, 0xFF, 0xFF, 0xFF, 0xFF]), Err(TooLarge));
    assert_eq!(decode(&[0, 0, 0, 0, 9, 0, 0, 0]), Err(Truncated));
    assert_eq!(
        decode(&[0, 0, 0, 0, 0, 0, 0, 0, 1]),
        Err(Unsupported),
        "padding is zero"
    );
}

#[test]
fn frames_and_blobs_that_contradict_each_other() {
    let (frame, blob) = (FRAME, BLOB);
    let new = |frame, blobs| {
        PackHeader::new(vec![], vec![frame], blobs)
            .map(drop)
            .map_err(|e| e.kind())
    };
    assert_eq!(new(frame, vec![blob]), Ok(()));
    for wrong in [
        FrameRecord {
            offset: 63,
            ..frame
        },
        FrameRecord {
            stored_len: 149,
            ..frame
        },
        FrameRecord {
            codec: Codec::Zstd,
            ..frame
        },
        FrameRecord { blobs: 0, ..frame },
        FrameRecord { blobs: 2, ..frame },
        FrameRecord {
            plain_len: 99,
            stored_len: 147,
            ..frame
        },
        FrameRecord { kind: 1, ..frame },
        FrameRecord { kind: 9, ..frame },
        FrameRecord {
            key: FrameKey::Session(0),
            ..frame
        },
        FrameRecord {
            kind: 0,
            key: FrameKey::Session(0),
            ..frame
        },
    ] {
        assert_eq!(
            new(wrong, vec![blob]),
            Err(EncodeErrorKind::Invalid),
            "{wrong:?}"
        );
    }
    assert_eq!(new(frame, vec![blob, blob]), Err(EncodeErrorKind::Invalid));
    let plain_len = u32::try_from(MAX_FRAME_PLAIN_BYTES + 1).unwrap();
    let large = FrameRecord { plain_len, ..frame };
    assert_eq!(new(large, vec![blob]), Err(EncodeErrorKind::TooLarge));
}

#[test]
fn frames_lie_before_the_header_and_suit_the_class() {
    let header = PackHeader::new(vec![], vec![FRAME], vec![BLOB]).unwrap();
    let plain = header.encode_plain();
    assert_eq!(
        PackHeader::decode_plain(&plain, 211).unwrap_err().kind(),
        Invalid
    );
    assert!(PackHeader::decode_plain(&plain, 212).is_ok());
    assert!(header.check_class(PackClass::Pages).is_ok());
    assert_eq!(
        header.check_class(PackClass::Data).unwrap_err().kind(),
        Invalid
    );
}

#[test]
fn index_segments() {
    let head = |entries, packs, frames| SegmentHead {
        entries,
        packs,
        frames,
        session: sample::session_id(),
    };
    for head in [
        head(u64::MAX, 0, 0),
        head(12_000_000, 0, 0),
        head(0, u32::MAX, u32::MAX),
    ] {
        assert_eq!(SegmentLayout::new(&head).unwrap_err().kind(), TooLarge);
        assert_eq!(SegmentHead::decode(&head.encode()).unwrap(), head);
    }
    let mut bytes = head(1, 1, 1).encode();
    bytes[63] = 1;
    assert_eq!(SegmentHead::decode(&bytes).unwrap_err().kind(), Unsupported);
}

const FRAME: FrameRecord = FrameRecord {
    offset: 64,
    stored_len: 148,
    plain_len: 100,
    blobs: 1,
    key: FrameKey::Refs,
    kind: 2,
    codec: Codec::Raw,
};

const BLOB: BlobRecord = BlobRecord {
    id: Id::from_bytes([0; 32]),
    len: 100,
};

#[test]
fn texts_of_a_snapshot() {
    type Change = fn(&mut Snapshot, String);
    let encode = |change: Change, len: usize| {
        let mut snapshot = sample::snapshot();
        change(&mut snapshot, "x".repeat(len));
        let mut out = Vec::new();
        let encoded = snapshot.encode(&mut out).map_err(|error| error.kind());
        encoded.map(|()| Snapshot::decode(&out).unwrap())
    };
    let changes: [Change; 4] = [
        |snapshot, text| snapshot.series = text,
        |snapshot, text| snapshot.tags = vec![text],
        |snapshot, text| snapshot.labels = Labels::from_iter([(text, "")]),
        |snapshot, text| snapshot.labels = Labels::from_iter([("host", text)]),
    ];
    for change in changes {
        encode(change, MAX_LABEL_BYTES).unwrap();
        assert_eq!(
            encode(change, MAX_LABEL_BYTES + 1),
            Err(EncodeErrorKind::TooLarge)
        );
    }
}

#[test]
fn names_of_owners_and_attributes_and_targets_of_links() {
    let encode = |node: Node, owner: usize| {
        let leaf = Leaf {
            entries: vec![node],
            owners: vec![(1, vec![b'o'; owner])],
            ..Leaf::default()
        };
        let mut out = Vec::new();
        let encoded = leaf.encode(&mut out).map_err(|error| error.kind());
        encoded.map(|()| drop(Names::decode(&out).unwrap()))
    };
    let node = |target: usize, attribute: usize| Node {
        name: b"n".to_vec(),
        kind: NodeKind::Symlink,
        target: Some(vec![b't'; target]),
        xattrs: vec![(vec![b'a'; attribute], Vec::new())],
        ..Node::default()
    };
    let (target, name) = (MAX_TARGET_BYTES, MAX_SHORT_NAME_BYTES);
    encode(node(target, name), name).unwrap();
    for (node, owner) in [
        (node(target + 1, name), name),
        (node(target, name + 1), name),
        (node(target, name), name + 1),
    ] {
        assert_eq!(encode(node, owner), Err(EncodeErrorKind::TooLarge));
    }
}

#[test]
fn a_directory_has_one_page_and_no_size() {
    let node = Node {
        name: b"d".to_vec(),
        kind: NodeKind::Directory,
        first_ref: 1,
        refs: 1,
        ..Node::default()
    };
    let encode = |node: &Node| {
        let leaf = Leaf {
            entries: vec![node.clone()],
            ..Leaf::default()
        };
        leaf.encode(&mut Vec::new()).map_err(|error| error.kind())
    };
    encode(&node).unwrap();
    let two = Node {
        refs: 2,
        ..node.clone()
    };
    let sized = Node { size: 1, ..node };
    for node in [two, sized] {
        assert_eq!(encode(&node), Err(EncodeErrorKind::Invalid));
    }
}

/// A head that promises more than an object may be, whose seal is right.
#[test]
fn parity_of_anything_too_large() {
    let object = sample::parity();
    let with = |at: usize, number: &[u8]| {
        let mut head = object[64..128].to_vec();
        head[at..at + number.len()].copy_from_slice(number);
        let mut hasher = blake3::Hasher::new();
        hasher.update(b"strongroom v1 parity").update(&head);
        let seal = hasher.finalize();
        let heads = [head.as_slice(), seal.as_bytes()].concat();
        let mut changed = object[..object.len() - 32].to_vec();
        let second = changed.len() - 96;
        changed[64..160].copy_from_slice(&heads);
        changed[second..].copy_from_slice(&heads);
        let seal = ObjectHash::of(&changed);
        changed.extend_from_slice(seal.as_bytes());
        let strict = parity::Parity::decode(&changed).map(drop).unwrap_err();
        let lenient = parity::Parity::salvage(&changed).map(drop);
        (strict.kind(), lenient.map_err(|error| error.kind()))
    };
    let refused = |kind| (kind, Err(kind));
    assert_eq!(with(0, &[2, 0]), refused(Unsupported));
    assert_eq!(with(2, &[1]), refused(Unsupported));
    assert_eq!(with(24, &[1]), refused(Unsupported));
    for shard_len in [0_u32, 32, 100, 2_048, 65_600, 131_072, u32::MAX] {
        assert_eq!(with(4, &shard_len.to_le_bytes()), refused(Invalid));
    }
    assert_eq!(with(8, &[3]), refused(Invalid));
    assert_eq!(with(12, &[0]), refused(Invalid));
    assert_eq!(with(12, &32_769_u32.to_le_bytes()), refused(Invalid));
    // More parity shards than the object has bytes for: what is there may still be of use.
    assert_eq!(with(12, &32_768_u32.to_le_bytes()), (Invalid, Ok(())));
    assert_eq!(with(16, &u64::MAX.to_le_bytes()), refused(TooLarge));
    assert_eq!(with(16, &0_u64.to_le_bytes()), refused(Invalid));
    let too_long = vec![0; MAX_OBJECT_BYTES + 1];
    assert_eq!(
        parity::Parity::salvage(&too_long).unwrap_err().kind(),
        TooLarge
    );
}
