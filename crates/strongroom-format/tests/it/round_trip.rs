//! What is encoded decodes to the same value, and that to the same bytes.

use proptest::prelude::*;
use strongroom_crypt::{RepositoryId, Secret, SeededRandom, SigningKey, StructureKeys, Suite};
use strongroom_format::*;

use crate::strategy;

const REPOSITORY: RepositoryId = RepositoryId::from_bytes([0x11; 16]);

fn keys(suite: Suite) -> StructureKeys {
    StructureKeys::with_random(
        suite,
        &Secret::from_bytes(&[3; 32]),
        &SeededRandom::shared(1),
    )
}

fn signer(seed: u8) -> SigningKey {
    SigningKey::from_seed(Secret::from_bytes(&[seed; 32])).unwrap()
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 64, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn names(names in strategy::names()) {
        let mut bytes = Vec::new();
        names.encode(&mut bytes).unwrap();
        let decoded = Names::decode(&bytes).unwrap();
        prop_assert_eq!(&decoded, &names);
        let mut again = Vec::new();
        decoded.encode(&mut again).unwrap();
        prop_assert_eq!(again, bytes);
    }

    #[test]
    fn encoded_len_of_a_node_is_exact(node in strategy::node()) {
        let len = node.encoded_len();
        let leaf = Leaf { entries: vec![node], ..Leaf::default() };
        let (mut with, mut without) = (Vec::new(), Vec::new());
        leaf.encode(&mut with).unwrap();
        Leaf::default().encode(&mut without).unwrap();
        prop_assert_eq!(len, with.len() - without.len());
    }

    #[test]
    fn preamble(suite in strategy::suite(), repository in strategy::repository(), random in any::<[u8; 16]>(), minor in any::<u16>(), number in strategy::number(), flags in 0..3_u16) {
        let kinds = [
            ObjectKind::Config, ObjectKind::Slot, ObjectKind::Keyring, ObjectKind::Journal, ObjectKind::Bundle,
            ObjectKind::Checkpoint, ObjectKind::Pack, ObjectKind::Index, ObjectKind::Parity, ObjectKind::Session,
        ];
        for kind in kinds {
            let mut preamble = Preamble::new(kind, suite, repository, random);
            preamble.minor = minor;
            match kind {
                ObjectKind::Pack => preamble.flags = flags,
                ObjectKind::Keyring | ObjectKind::Journal | ObjectKind::Bundle | ObjectKind::Checkpoint => preamble.number = number,
                _ => {}
            }
            prop_assert_eq!(Preamble::decode(&preamble.encode()).unwrap(), preamble);
        }
    }

    #[test]
    fn page(page in strategy::page()) {
        let mut bytes = Vec::new();
        page.encode(&mut bytes).unwrap();
        prop_assert_eq!(Page::decode(&bytes).unwrap(), page);
    }

    #[test]
    fn pack_header(header in strategy::header(PackClass::Data), suite in strategy::suite()) {
        let end = header.frames.last().map_or(64, |f| u64::from(f.offset + f.stored_len));
        let plain = header.encode_plain();
        prop_assert_eq!(plain.len() as u64, padme(plain.len() as u64));
        prop_assert_eq!(&PackHeader::decode_plain(&plain, end).unwrap(), &header);
        let preamble = pack_preamble(suite, REPOSITORY, [5; 16], PackClass::Data);
        let mut sealed = Vec::new();
        let keys = keys(suite);
        seal_header(keys.header(), &preamble, end, &header, &mut sealed).unwrap();
        prop_assert_eq!(&open_header(keys.header(), &preamble, end, &sealed).unwrap(), &header);
        prop_assert!(open_header(keys.header(), &preamble, end + 1, &sealed).is_err());
        let count: usize = (0..header.frames.len()).map(|i| header.frame_blobs(i).len()).sum();
        prop_assert_eq!(count, header.blobs.len());
        let tail = PackTail { header_offset: end, header_len: u32::try_from(sealed.len()).unwrap() };
        let len = end + sealed.len() as u64 + 32;
        prop_assert_eq!(PackTail::decode(&tail.encode(&preamble), len).unwrap(), tail);
        prop_assert!(PackTail::decode(&tail.encode(&preamble), len + 1).is_err());
    }

    #[test]
    fn config(config in strategy::config()) {
        let object = config.encode([9; 16]).unwrap();
        prop_assert_eq!(Config::decode(&object).unwrap(), config);
    }

    #[test]
    fn slot(slot in strategy::slot(), suite in strategy::suite()) {
        let object = slot.encode(suite, REPOSITORY).unwrap();
        prop_assert_eq!(Slot::decode(&object).unwrap(), slot);
        prop_assert!(Preamble::decode(&object).unwrap().check(ObjectKind::Slot, suite, &REPOSITORY).is_ok());
    }

    #[test]
    fn keyring(keyring in strategy::keyring()) {
        let (one, two) = (signer(1), signer(2));
        let object = keyring.encode(Suite::Aes256Gcm, REPOSITORY, [9; 16], &[&one, &two]).unwrap();
        let signed = SignedKeyring::decode(&object).unwrap();
        prop_assert!(signed.is_signed_by(&one.public()) && signed.is_signed_by(&two.public()));
        prop_assert!(!signed.is_signed_by(&signer(3).public()));
        prop_assert_eq!(signed.keyring, keyring);
    }

    #[test]
    fn key_bundle(bundle in strategy::key_bundle(), suite in strategy::suite()) {
        let key = Secret::from_bytes(&[8; 32]);
        let sealed = bundle.seal(suite, &key, &REPOSITORY, 4, 0).unwrap();
        let opened = KeyBundle::open(suite, &key, &REPOSITORY, 4, 0, &sealed).unwrap();
        prop_assert!(opened.id_key.ct_eq(&bundle.id_key) && opened.structure_key.ct_eq(&bundle.structure_key));
        prop_assert_eq!(&opened.slots, &bundle.slots);
        prop_assert_eq!(opened.genesis, bundle.genesis);
        prop_assert_eq!(opened.epochs.len(), bundle.epochs.len());
        for (a, b) in opened.epochs.iter().zip(&bundle.epochs) {
            prop_assert!(a.key.ct_eq(&b.key) && a.number == b.number && a.state == b.state);
        }
        for (a, b) in opened.signing.iter().zip(&bundle.signing) {
            prop_assert!(a.seed.ct_eq(&b.seed) && a.public == b.public && a.roles == b.roles);
        }
        let wrong = KeyBundle::open(suite, &key, &REPOSITORY, 5, 0, &sealed).unwrap_err();
        prop_assert_eq!(wrong.kind(), DecodeErrorKind::Damaged);
    }

    #[test]
    fn payload(payload in strategy::payload()) {
        let bytes = payload.encode().unwrap();
        let decoded = Payload::decode(&bytes).unwrap();
        prop_assert_eq!(&decoded, &payload);
        prop_assert_eq!(decoded.encode().unwrap(), bytes);
    }

    #[test]
    fn entry(payload in strategy::payload(), suite in strategy::suite(), n in strategy::number(), previous in strategy::hash()) {
        let (keys, one, two) = (keys(suite), signer(1), signer(2));
        let object =
            Entry::seal(suite, REPOSITORY, n, [6; 16], previous, &payload, keys.journal(), &[&one, &two]).unwrap();
        let entry = Entry::decode(&object).unwrap();
        prop_assert_eq!((entry.n, entry.attempt, entry.previous), (n, [6; 16], previous));
        prop_assert_eq!(entry.hash, ObjectHash::of(&object));
        prop_assert!(entry.verify_signatures());
        prop_assert_eq!(entry.signatures[1].public, *two.public().as_bytes());
        prop_assert_eq!(&entry.open(keys.journal()).unwrap(), &payload);
        let mut forged = entry;
        forged.previous = ObjectHash::of(b"another");
        prop_assert!(!forged.verify_signatures());
        prop_assert_eq!(forged.open(keys.journal()).unwrap_err().kind(), DecodeErrorKind::Damaged);
    }

    #[test]
    fn snapshot(snapshot in strategy::snapshot()) {
        let mut bytes = Vec::new();
        snapshot.encode(&mut bytes).unwrap();
        prop_assert_eq!(&Snapshot::decode(&bytes).unwrap(), &snapshot);
        let keys = keys(Suite::None);
        prop_assert_eq!(snapshot.id(&keys).unwrap(), keys.page_id(5, &bytes));
    }

    #[test]
    fn details(details in strategy::details(), suite in strategy::suite()) {
        let sealer = keys(suite);
        let sealed = details.seal(sealer.journal(), &REPOSITORY, &[1; 16]).unwrap();
        prop_assert_eq!(&Details::open(sealer.journal(), &REPOSITORY, &[1; 16], &sealed).unwrap(), &details);
        prop_assert!(Details::open(sealer.journal(), &REPOSITORY, &[2; 16], &sealed).is_err());
    }

    #[test]
    fn checkpoint(checkpoint in strategy::checkpoint(), suite in strategy::suite(), last in strategy::hash()) {
        let (keys, signer) = (keys(suite), signer(1));
        let object =
            checkpoint.seal(suite, REPOSITORY, 128, [4; 16], last, keys.checkpoint(), &[&signer]).unwrap();
        let sealed = SealedCheckpoint::decode(&object).unwrap();
        prop_assert_eq!((sealed.n, sealed.last), (128, last));
        prop_assert!(sealed.verify_signatures());
        prop_assert_eq!(sealed.open(keys.checkpoint()).unwrap(), checkpoint);
    }

    #[test]
    fn bundle(entries in proptest::collection::vec(proptest::collection::vec(any::<u8>(), 0..50), 64)) {
        let object = encode_bundle(Suite::None, REPOSITORY, 192, [4; 16], &entries).unwrap();
        prop_assert_eq!(decode_bundle(&object).unwrap(), entries);
        prop_assert_eq!(Preamble::decode(&object).unwrap().number, 192);
    }

    #[test]
    fn object_name(hash in strategy::hash(), n in strategy::number()) {
        for name in [
            object_name::pack(&hash), object_name::index(&hash), object_name::parity(&hash), object_name::journal(n),
            object_name::journal_copy(n), object_name::keyring(n), object_name::keyring_copy(n), object_name::bundle(n / 64 * 64),
            object_name::config(), object_name::config_copy(), object_name::checkpoint((n / 64).max(1) * 64),
        ] {
            let parsed = object_name::parse(&name);
            prop_assert_eq!(parsed.map(|n| n.to_string()), (name != object_name::bundle(0)).then_some(name.clone()));
            prop_assert_eq!(object_name::parse(&name.to_uppercase()), None);
            prop_assert_eq!(object_name::parse(&format!("{name}x")), None);
        }
    }
}

/// A checkpoint of several parts.
#[test]
fn large_checkpoint() {
    let dropped = (0..300_000_u64)
        .map(|n| {
            let mut bytes = [0; 32];
            bytes[..8].copy_from_slice(&n.to_be_bytes());
            ObjectHash::from_bytes(bytes)
        })
        .collect();
    let checkpoint = Checkpoint {
        dropped,
        ..Checkpoint::default()
    };
    let keys = keys(Suite::Aes256Gcm);
    let object = checkpoint
        .seal(
            Suite::Aes256Gcm,
            REPOSITORY,
            64,
            [0; 16],
            ObjectHash::of(b""),
            keys.checkpoint(),
            &[&signer(3)],
        )
        .unwrap();
    let sealed = SealedCheckpoint::decode(&object).unwrap();
    assert!(sealed.verify_signatures());
    assert_eq!(sealed.open(keys.checkpoint()).unwrap(), checkpoint);
}
