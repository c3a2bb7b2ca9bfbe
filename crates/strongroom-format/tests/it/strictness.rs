//! Each violation of the encoding is refused, for what it is.

use strongroom_format::DecodeErrorKind::{Invalid, TooLarge, Truncated, Unsupported};
use strongroom_format::*;

use crate::sample;

/// All keys of details are optional, so that the shortest map is one and any key can be tried alone.
fn check(bytes: &[u8], expected: DecodeErrorKind) {
    let error = Details::decode(bytes).unwrap_err();
    assert_eq!(error.kind(), expected, "{bytes:02x?}: {error}");
}

#[test]
fn numbers_are_the_shortest() {
    check(&[0xB8, 0x00], Invalid);
    check(&[0xA1, 0x18, 0x02, 0x60], Invalid);
    check(&[0xA1, 0x02, 0x78, 0x01, b'x'], Invalid);
    check(&[0xA1, 0x09, 0x19, 0x00, 0xFF], Invalid);
    check(&[0xA1, 0x09, 0x1A, 0x00, 0x00, 0xFF, 0xFF], Invalid);
    check(
        &[0xA1, 0x09, 0x1B, 0, 0, 0, 0, 0xFF, 0xFF, 0xFF, 0xFF],
        Invalid,
    );
    check(&[0xA1, 0x09, 0x1C], Invalid);
}

#[test]
fn keys_ascend_and_are_unsigned() {
    check(&[0xA2, 0x02, 0x60, 0x02, 0x60], Invalid);
    check(&[0xA2, 0x02, 0x60, 0x01, 0x81, 0x60], Invalid);
    check(&[0xA1, 0x61, b'a', 0x00], Invalid);
    check(&[0xA1, 0x20, 0x00], Invalid);
    let greatest = [0x1B, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0x00];
    check(&[&[0xA2], greatest.as_slice(), &greatest].concat(), Invalid);
    Details::decode(&[&[0xA1], greatest.as_slice()].concat()).unwrap();
}

#[test]
fn values_that_nobody_knows_are_strict_too() {
    check(&[0xA1, 0x09, 0xA2, 0x02, 0x00, 0x01, 0x00], Invalid);
    check(
        &[0xA1, 0x09, 0xA2, 0x61, b'a', 0x00, 0x61, b'a', 0x00],
        Invalid,
    );
    check(&[0xA1, 0x09, 0xA2, 0x61, b'a', 0x00, 0x01, 0x00], Invalid);
    check(&[0xA1, 0x09, 0xA1, 0x20, 0x00], Invalid);
    check(&[0xA1, 0x09, 0xA1, 0x40, 0x00], Invalid);
    check(&[0xA1, 0x09, 0x61, 0xFF], Invalid);
    for value in [
        [0xF9, 0x3C, 0x00].as_slice(),
        &[0xFA, 0, 0, 0, 0],
        &[0xFB, 0, 0, 0, 0, 0, 0, 0, 0],
        &[0xC0, 0x00],
        &[0xD8, 0x20, 0x00],
        &[0xE0],
        &[0xF6],
        &[0xF7],
        &[0xF8, 0x20],
        &[0x5F, 0xFF],
        &[0x7F, 0xFF],
        &[0x9F, 0xFF],
        &[0xBF, 0xFF],
        &[0xFF],
    ] {
        check(&[[0xA1, 0x09].as_slice(), value].concat(), Invalid);
    }
}

#[test]
fn text_is_utf8_and_types_are_those_of_the_table() {
    check(&[0xA1, 0x02, 0x61, 0xFF], Invalid);
    check(&[0xA1, 0x02, 0x41, b'x'], Invalid);
    check(&[0xA1, 0x00, 0x81, 0x61, b'x'], Invalid);
    check(&[0xA1, 0x00, 0x41, b'x'], Invalid);
    check(&[0x80], Invalid);
}

#[test]
fn defaults_are_absent_and_nothing_follows() {
    // Only arrays may be empty where writers leave them out, but not in a snapshot: its encoding is its identity.
    for key in [0x00, 0x01, 0x03, 0x04] {
        let details = Details::decode(&[0xA1, key, 0x80]).unwrap();
        assert_eq!(details, Details::default());
    }
    let mut snapshot = sample::snapshot();
    (snapshot.tags, snapshot.labels) = (Vec::new(), Labels::default());
    let mut bytes = Vec::new();
    snapshot.encode(&mut bytes).unwrap();
    let at = bytes.windows(3).position(|w| w == [0x07, 0x01, 0x08]);
    bytes[0] += 1;
    for empty in [[0x05, 0x80], [0x06, 0xA0]] {
        let (head, tail) = bytes.split_at(at.unwrap());
        let bytes = [head, &empty, tail].concat();
        assert_eq!(Snapshot::decode(&bytes).unwrap_err().kind(), Invalid);
    }
    check(&[0xA0, 0x00], Invalid);
    check(&[0xA0, 0xA0], Invalid);
    // Text has no default: absent and empty differ.
    assert_eq!(
        Details::decode(&[0xA1, 0x02, 0x60]).unwrap().description,
        Some(String::new())
    );
}

#[test]
fn lengths_are_those_of_the_input() {
    check(&[], Truncated);
    check(&[0xA1], Truncated);
    check(
        &[0xBB, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF],
        Truncated,
    );
    check(
        &[
            0xA1, 0x00, 0x9B, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF,
        ],
        Truncated,
    );
    check(&[0xA1, 0x00, 0x9A, 0x7F, 0xFF, 0xFF, 0xFF], Truncated);
    check(&[0xA1, 0x00, 0x81, 0x5A, 0x7F, 0xFF, 0xFF, 0xFF], Truncated);
    check(
        &[
            0xA1, 0x02, 0x7B, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF,
        ],
        Truncated,
    );
    check(&[0xA1, 0x09, 0x82, 0x01], Truncated);
}

#[test]
fn depth_is_at_most_sixteen() {
    let nested = |arrays: usize| [[0xA1, 0x09].to_vec(), vec![0x81; arrays], vec![0]].concat();
    Details::decode(&nested(15)).unwrap();
    check(&nested(16), TooLarge);
    check(&nested(100_000), TooLarge);
}

#[test]
fn unknown_keys_survive() {
    for bytes in [
        [0xA2, 0x02, 0x61, b'x', 0x18, 0x63, 0x82, 0x01, 0xF5].to_vec(),
        [
            0xA1, 0x09, 0xA3, 0x01, 0x00, 0x61, b'b', 0x20, 0x62, b'a', b'a', 0x41, 0xFF,
        ]
        .to_vec(),
        // Forty keys: the map's head takes two bytes.
        [
            vec![0xB8, 40],
            (0..40).flat_map(|key| [0x18, 30 + key, 0xF4]).collect(),
        ]
        .concat(),
    ] {
        let details = Details::decode(&bytes).unwrap();
        assert!(!details.unknown.is_empty());
        assert_eq!(details.encode().unwrap(), bytes);
    }
    let mut snapshot = Vec::new();
    sample::snapshot().encode(&mut snapshot).unwrap();
    snapshot[0] += 1;
    snapshot.extend_from_slice(&[0x18, 0x20, 0x81, 0xF5]);
    let mut again = Vec::new();
    Snapshot::decode(&snapshot)
        .unwrap()
        .encode(&mut again)
        .unwrap();
    assert_eq!(again, snapshot);
    let mut names = sample::encoded(&sample::names());
    names[0] += 1;
    names.extend_from_slice(&[0x05, 0x00]);
    assert_eq!(sample::encoded(&Names::decode(&names).unwrap()), names);
}

#[test]
fn unknown_keys_of_a_node_count() {
    // A node with 24 keys, of which 20 come from a later version.
    let mut node = vec![
        0xB8, 24, 0x00, 0x41, b'a', 0x01, 0x00, 0x02, 0x00, 0x05, 0x00,
    ];
    (0..20).for_each(|key| node.extend_from_slice(&[0x18, 100 + key, 0x00]));
    let leaf = [[0xA2, 0x00, 0x01, 0x01, 0x81].as_slice(), &node].concat();
    let Names::Leaf(decoded) = Names::decode(&leaf).unwrap() else {
        panic!("a leaf")
    };
    assert_eq!(decoded.entries[0].encoded_len(), node.len());
    assert_eq!(sample::encoded(&Names::Leaf(decoded)), leaf);
}

#[test]
fn labels_are_in_order_of_their_encodings() {
    let mut snapshot = sample::snapshot();
    snapshot.labels = Labels::from_iter([("b", ""), ("aa", "")]);
    let mut bytes = Vec::new();
    snapshot.encode(&mut bytes).unwrap();
    let at = bytes
        .windows(7)
        .position(|w| w == b"\xA2\x61b\x60\x62aa")
        .unwrap();
    bytes[at + 1..at + 8].copy_from_slice(b"\x62aa\x60\x61b\x60");
    assert_eq!(Snapshot::decode(&bytes).unwrap_err().kind(), Invalid);
}

/// Applies a change to the bytes of a whole object and seals it again.
fn resealed(object: &[u8], change: impl FnOnce(&mut [u8])) -> Vec<u8> {
    let mut body = object[..object.len() - 32].to_vec();
    change(&mut body);
    let seal = ObjectHash::of(&body);
    body.extend_from_slice(seal.as_bytes());
    body
}

#[test]
fn later_versions_are_unsupported() {
    let config = sample::config().encode(sample::RANDOM).unwrap();
    let kind =
        |change: fn(&mut [u8])| Config::decode(&resealed(&config, change)).map_err(|e| e.kind());
    assert_eq!(kind(|b| b[8] = 2), Err(Unsupported));
    assert_eq!(kind(|b| b[12] = 9), Err(Unsupported));
    assert_eq!(kind(|b| b[14] = 1), Err(Unsupported));
    assert_eq!(kind(|b| b[63] = 1), Err(Unsupported));
    assert_eq!(kind(|b| b[3] = b'Z'), Err(Unsupported));
    assert_eq!(kind(|b| b[3] = b'S'), Err(Invalid));
    assert_eq!(kind(|b| b[48] = 1), Err(Invalid));
    assert_eq!(kind(|b| b[0] = 0), Err(Invalid));
    assert_eq!(
        kind(|b| b[16] ^= 1),
        Err(Invalid),
        "another repository than the map says"
    );
    assert!(kind(|b| b[10] = 7).is_ok(), "any minor version is read");
    let entry = sample::entry(42, &sample::commit());
    let signature = entry.len() - 32 - 102;
    let changed = |at: usize| {
        Entry::decode(&resealed(&entry, |b| b[at] = 2))
            .map(|entry| entry.signatures.len())
            .map_err(|e| e.kind())
    };
    assert_eq!(changed(signature), Ok(0), "another algorithm is skipped");
    assert_eq!(changed(signature + 1), Err(Unsupported), "reserved");
    assert_eq!(changed(signature + 2), Err(Invalid), "length of the key");
    assert_eq!(changed(signature + 4), Err(Invalid), "of the signature");
    let mut page = sample::encoded_page(&sample::page());
    for (at, value) in [(0, 2), (1, 4), (3, 1), (8 + 39, 9)] {
        let old = std::mem::replace(&mut page[at], value);
        assert_eq!(
            Page::decode(&page).unwrap_err().kind(),
            Unsupported,
            "byte {at}"
        );
        page[at] = old;
    }
}

/// The rows of signatures have room for algorithms that nobody knows yet.
#[test]
fn signatures_of_unknown_algorithms_count_as_absent() {
    let entry = sample::entry(42, &sample::commit());
    let (head, known) = entry[..entry.len() - 32].split_at(entry.len() - 32 - 102);
    let head = &head[..head.len() - 2];
    let row = |key: usize, signature: usize| {
        let lens = [key, signature].map(|len| u16::try_from(len).unwrap().to_le_bytes());
        [[2, 0].as_slice(), &lens.concat(), &vec![7; key + signature]].concat()
    };
    let decode = |rows: &[&[u8]]| {
        let count = u16::try_from(rows.len()).unwrap().to_le_bytes();
        let object = [head, &count, &rows.concat(), &[0; 32]].concat();
        Entry::decode(&resealed(&object, |_| {})).map_err(|error| error.kind())
    };
    let unknown = row(4_096, 8_192);
    for rows in [[&unknown, known], [known, &unknown]] {
        let entry = decode(&rows).unwrap();
        assert_eq!(entry.signatures.len(), 1);
        assert!(entry.verify_signatures());
    }
    let alone = decode(&[&unknown]).unwrap();
    assert!(alone.signatures.is_empty() && !alone.verify_signatures());
    assert_eq!(decode(&[&row(4_097, 0)]).unwrap_err(), TooLarge);
    assert_eq!(decode(&[&row(0, 8_193)]).unwrap_err(), TooLarge);
    assert_eq!(decode(&[known; 9]).unwrap_err(), Invalid);
    assert!(decode(&[known; 8]).unwrap().verify_signatures());
}

#[test]
fn what_belongs_together_comes_together() {
    let Body::Genesis(mut genesis) = sample::genesis().body else {
        panic!("Genesis")
    };
    genesis.single_writer = true;
    let keys = Keys {
        generation: Some(1),
        ..Keys::default()
    };
    for body in [Body::Genesis(genesis), Body::Keys(keys)] {
        let error = Payload::new(Time::default(), body).encode().unwrap_err();
        assert_eq!(error.kind(), EncodeErrorKind::Invalid);
    }
    // Type 9 with a generation and no hash; type 0 in single-writer mode without its writer.
    let keys = [0xA3, 0x00, 0x09, 0x01, 0x82, 0, 0, 0x02, 0xA1, 0x00, 0x01];
    assert_eq!(Payload::decode(&keys).unwrap_err().kind(), Invalid);
    // A release needs no more than the id of its hold.
    let release = [
        [
            0xA3, 0x00, 0x0B, 0x01, 0x82, 0, 0, 0x02, 0xA2, 0x00, 0x00, 0x01, 0x50,
        ]
        .as_slice(),
        &[7; 16],
    ]
    .concat();
    let payload = Payload::decode(&release).unwrap();
    assert_eq!(payload.encode().unwrap(), release);
    let mut place = release;
    place[10] = 1;
    assert_eq!(Payload::decode(&place).unwrap_err().kind(), Invalid);
}

#[test]
fn features_are_named() {
    let mut config = sample::config();
    config.read_features = vec!["zeta".into(), "eta".into()];
    let config = Config::decode(&config.encode(sample::RANDOM).unwrap()).unwrap();
    assert_eq!(config.unsupported_read_features(), ["eta", "zeta"]);
    assert!(config.unsupported_write_features().is_empty());
}

#[test]
fn names_are_legal_and_sorted() {
    for name in [b"".as_slice(), b".", b"..", b"a/b", b"a\0", &[b'n'; 4_097]] {
        let node = Node {
            name: name.to_vec(),
            ..Node::default()
        };
        let leaf = Leaf {
            entries: vec![node],
            ..Leaf::default()
        };
        let error = leaf.encode(&mut Vec::new()).unwrap_err();
        assert_eq!(error.kind(), EncodeErrorKind::Invalid);
    }
    let node = |name: &[u8]| Node {
        name: name.to_vec(),
        ..Node::default()
    };
    for pair in [[b"b", b"a"], [b"a", b"a"]] {
        let entries = pair.iter().map(|name| node(*name)).collect();
        Leaf {
            entries,
            ..Leaf::default()
        }
        .encode(&mut Vec::new())
        .unwrap_err();
    }
    let mut bytes = sample::encoded(&Names::Leaf(Leaf {
        entries: vec![node(b"a"), node(b"b")],
        ..Leaf::default()
    }));
    let at = bytes.iter().position(|b| *b == b'b').unwrap();
    bytes[at] = b'a';
    assert_eq!(Names::decode(&bytes).unwrap_err().kind(), Invalid);
    bytes[at] = b'/';
    assert_eq!(Names::decode(&bytes).unwrap_err().kind(), Invalid);
}

#[test]
fn pages_are_what_their_type_says() {
    let reference = |kind| Ref {
        id: strongroom_crypt::Id::from_bytes([1; 32]),
        len: 1,
        kind,
    };
    let (names, page, data) = (
        reference(RefKind::Names),
        reference(RefKind::Page),
        reference(RefKind::Data),
    );
    let zeros_with_id = reference(RefKind::Zeros);
    let too_long = Ref {
        len: 1 << 56,
        ..data
    };
    for (page_type, height, refs) in [
        (PageType::Leaf, 0, vec![]),
        (PageType::Leaf, 0, vec![data]),
        (PageType::Leaf, 0, vec![names, names]),
        (PageType::Leaf, 1, vec![names, page]),
        (PageType::Interior, 0, vec![names, page]),
        (PageType::Interior, 1, vec![names]),
        (PageType::Interior, 1, vec![names, data]),
        (PageType::Interior, 17, vec![names, page]),
        (PageType::Recipe, 0, vec![page]),
        (PageType::Recipe, 1, vec![data]),
        (PageType::Recipe, 0, vec![names]),
        (PageType::Recipe, 0, vec![zeros_with_id]),
        (PageType::Recipe, 0, vec![too_long]),
    ] {
        let page = Page {
            page_type,
            height,
            refs,
        };
        page.encode(&mut Vec::new()).unwrap_err();
    }
}

#[test]
fn names_of_objects_have_one_spelling() {
    for name in [
        "",
        "config2",
        "journal",
        "journal/",
        "journal/2a",
        "journal/000000000000002A",
        "bundle/0000000000000000",
        "bundle/0000000000000001",
        "keyring/0000000000000001.bak",
        "slot/00",
        "index/zz",
        "pack/ab/cd",
        "unknown/0000000000000001",
        "journal/+00000000000002a",
    ] {
        assert_eq!(object_name::parse(name), None, "{name}");
    }
    let hash = ObjectHash::of(b"");
    let wrong = format!("pack/00/{hash}");
    assert_eq!(object_name::parse(&wrong), None);
    assert_eq!(
        object_name::parse(&object_name::pack(&hash)),
        Some(object_name::ObjectName::Pack(hash))
    );
    for prefix in object_name::PREFIXES {
        assert!(!prefix.contains('/'));
    }
}

/// What stands in the place of a lost entry has effects of known types, no entries of its own kind, and one snapshot at most.
#[test]
fn bridges_are_not_nested_and_bring_one_snapshot() {
    let commit = sample::commit().body;
    let bridge = |effects: Vec<Body>| {
        let body = Bridge {
            effects,
            ..Bridge::default()
        };
        Payload::new(Time::default(), Body::Bridge(Box::new(body)))
    };
    let one = bridge(vec![commit.clone()]);
    assert_eq!(Payload::decode(&one.encode().unwrap()).unwrap(), one);
    for effects in [
        vec![commit.clone(), commit],
        vec![sample::genesis().body],
        vec![Body::Bridge(Box::default())],
        vec![Body::Unknown {
            kind: 16,
            raw: vec![0xA0],
        }],
    ] {
        let error = bridge(effects).encode().unwrap_err();
        assert_eq!(error.kind(), EncodeErrorKind::Invalid);
    }
}

/// The number of an effect's type is as strict as that of an entry's.
#[test]
fn effects_of_later_versions_are_unsupported() {
    let with_kind = |kind: u8| {
        let mut plain = vec![0xA3, 0x00, 0x0F, 0x01, 0x82, 0x00, 0x00, 0x02];
        // Key 1: one effect with an empty map; key 3: an empty text.
        plain.extend([0xA2, 0x01, 0x81, 0x82, kind, 0xA0, 0x03, 0x60]);
        Payload::decode(&plain).unwrap_err().kind()
    };
    assert_eq!(with_kind(16), Unsupported);
    assert_eq!(with_kind(15), Invalid);
    assert_eq!(with_kind(0), Invalid);
}
