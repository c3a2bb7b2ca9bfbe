//! One fixed object of each kind, made of fixed random bytes: for damage and golden vectors.

use std::sync::Arc;

use strongroom_crypt::{
    Argon2Params, BoxSealer, EpochKey, FrameSealer, Id, IdHasher, PublicKey, RepositoryId, Roles,
    Sealer as _, Secret, SeededRandom, SessionId, SigningKey, SlotId, StructureKeys, Suite,
};
use strongroom_format::*;

pub(crate) const REPOSITORY: RepositoryId =
    RepositoryId::from_bytes(*b"\x00\x01\x02\x03\x04\x05\x06\x07\x08\x09\x0a\x0b\x0c\x0d\x0e\x0f");
pub(crate) const SUITE: Suite = Suite::Aes256Gcm;
pub(crate) const RANDOM: [u8; 16] = [0x52; 16];
pub(crate) const SNAPSHOT_RANDOM: [u8; 16] = [0x5A; 16];
pub(crate) const GENERATION: u64 = 3;
pub(crate) const EPOCH: u32 = 7;
const TIME: Time = Time::new(1_700_000_000, 123_456_789);

/// K_struct is 32 times 0x53, K_id 32 times 0x49, E_7 32 times 0x45, the secret of the session 32 times 0x5E.
pub(crate) fn structure(seed: u64) -> StructureKeys {
    StructureKeys::with_random(SUITE, &secret(0x53), &SeededRandom::shared(seed))
}

pub(crate) fn secret(byte: u8) -> Secret {
    Secret::from_bytes(&[byte; 32])
}

/// The admin's seed is 32 times 0xAD, the writer's 32 times 0x33.
pub(crate) fn admin() -> SigningKey {
    SigningKey::from_seed(secret(0xAD)).unwrap()
}

pub(crate) fn writer() -> SigningKey {
    SigningKey::from_seed(secret(0x33)).unwrap()
}

pub(crate) fn session_id() -> SessionId {
    SessionId::from_bytes(blake3::derive_key("strongroom v1 session id", &[0x5E; 32]))
}

pub(crate) fn epoch_key() -> EpochKey {
    EpochKey::new(secret(0x45))
}

pub(crate) fn bundle_key() -> Secret {
    secret(0xB0)
}

pub(crate) fn config() -> Config {
    Config {
        maintain_features: vec!["alpha".into(), "beta".into()],
        ..Config::new(REPOSITORY, SUITE, TIME)
    }
}

pub(crate) fn slot() -> Slot {
    let params = Argon2Params::new(64, 2, 1).unwrap();
    let boxed = std::array::from_fn(|i| u8::try_from(i).unwrap());
    let method = SlotMethod::Passphrase {
        params,
        salt: [0x5A; 16],
        boxed,
    };
    let public = PublicKey::from_bytes([0x50; 32]);
    Slot::new(SlotId::from_bytes([0x51; 16]), public, method)
}

pub(crate) fn beacon() -> Beacon {
    Beacon {
        time: TIME,
        host: Some("engine".into()),
        unknown: Unknown::default(),
    }
}

/// Parity of the pack vector, whose frames are compressed as they were when it was made.
pub(crate) fn parity() -> Vec<u8> {
    parity_of(include_bytes!("../../../../testdata/format/pack.bin"), 2)
}

/// Parity of something like a pack that has shards enough for the code to show what it is.
pub(crate) fn wide_parity() -> Vec<u8> {
    parity_of(&parity_pack(), 13)
}

/// A preamble and 39,936 bytes of BLAKE3's output.
pub(crate) fn parity_pack() -> Vec<u8> {
    let preamble = pack_preamble(SUITE, REPOSITORY, RANDOM, PackClass::Names);
    let mut pack = preamble.encode().to_vec();
    pack.resize(40_000, 0);
    let mut output = blake3::Hasher::new();
    output.update(b"parity vector");
    output.finalize_xof().fill(&mut pack[64..]);
    pack
}

fn parity_of(pack: &[u8], percent: u8) -> Vec<u8> {
    let overhead = parity::Overhead::percent(percent).unwrap();
    parity::encode(&ObjectHash::of(pack), pack, overhead, RANDOM).unwrap()
}

pub(crate) fn audit_keys() -> AuditKeys {
    AuditKeys {
        repository: REPOSITORY,
        suite: SUITE,
        genesis: ObjectHash::of(b"genesis"),
        structure_key: secret(0x53),
        content: Some(ContentKeys {
            id_key: secret(0x49),
            epochs: vec![(EPOCH, secret(0x45))],
        }),
        unknown: UnknownSecrets::default(),
    }
}

pub(crate) fn key_bundle() -> KeyBundle {
    KeyBundle {
        id_key: secret(0x49),
        structure_key: secret(0x53),
        epochs: vec![Epoch {
            number: EPOCH,
            kind: Epoch::SYMMETRIC,
            state: EpochState::Open,
            key: secret(0x45),
        }],
        genesis: ObjectHash::of(b"genesis"),
        signing: vec![SigningEntry {
            roles: Roles::WRITER | Roles::MAINTAINER,
            public: *writer().public().as_bytes(),
            seed: secret(0x33),
        }],
        slots: vec![SlotEntry {
            id: SlotId::from_bytes([0x51; 16]),
            kind: 1,
            label: "passphrase".into(),
            added: TIME,
            public: vec![0x50; 32],
            role: 0,
        }],
        unknown: UnknownSecrets::default(),
    }
}

pub(crate) fn keyring() -> Keyring {
    let sealer = BoxSealer::with_random(SUITE, &bundle_key(), &SeededRandom::shared(10));
    let sealed = key_bundle()
        .seal_with(&sealer, &REPOSITORY, GENERATION, 0)
        .unwrap();
    let grant = Grant {
        slot: SlotId::from_bytes([0x51; 16]),
        role: 0,
        kem: Grant::HPKE,
        enc: vec![0xE0; 32],
        ct: vec![0xC7; 48],
    };
    Keyring {
        generation: GENERATION,
        bundles: vec![(0, sealed)],
        grants: vec![grant],
        ..Keyring::default()
    }
}

pub(crate) fn genesis() -> Payload {
    let certificate = Certificate {
        roles: Roles::WRITER,
        public: *writer().public().as_bytes(),
        label: "laptop".into(),
        not_after: 0,
    };
    let body = Body::Genesis(Genesis {
        admin: *admin().public().as_bytes(),
        config: ObjectHash::of(&config().encode(RANDOM).unwrap()),
        certificates: vec![certificate],
        single_writer: false,
        only_writer: None,
        probed: true,
        probe: None,
        unknown: Unknown::default(),
    });
    Payload::new(TIME, body)
}

/// The same, with what else was found of the store.
pub(crate) fn probed_genesis() -> Payload {
    let mut payload = genesis();
    let answer = |question, answer, why: &str| ProbeAnswer {
        question,
        answer,
        why: why.to_owned(),
    };
    let record = ProbeRecord {
        time: Time::new(1_700_000_000, 0),
        store: "s3://bucket/prefix".to_owned(),
        answers: vec![
            answer(0, ProbeAnswer::YES, ""),
            answer(1, ProbeAnswer::YES, ""),
            answer(6, ProbeAnswer::NO, "delete: permission denied"),
            answer(8, ProbeAnswer::UNKNOWN, "the store says so"),
        ],
        unknown: Unknown::default(),
    };
    if let Body::Genesis(genesis) = &mut payload.body {
        genesis.probe = Some(record.encode().unwrap());
    }
    payload
}

pub(crate) fn details() -> Details {
    Details {
        paths: vec![b"/home/ada".to_vec()],
        excludes: vec!["*.tmp".into()],
        description: Some("before the upgrade".into()),
        skipped: vec![Skipped {
            path: b"/home/ada/\xff".to_vec(),
            reason: SkipReason::PermissionDenied,
            message: "permission denied".into(),
        }],
        ..Details::default()
    }
}

pub(crate) fn snapshot() -> Snapshot {
    let sealer = epoch_key().details(SUITE, &SeededRandom::shared(11));
    let sealed = details()
        .seal(&sealer, &REPOSITORY, &SNAPSHOT_RANDOM)
        .unwrap();
    Snapshot {
        random: SNAPSHOT_RANDOM,
        began: TIME,
        durable: Time::new(1_700_000_060, 0),
        root: Id::from_bytes([0x40; 32]),
        series: "ada@engine:/home".into(),
        tags: vec!["daily".into(), "important".into()],
        labels: Labels::from_iter([("host", "engine"), ("os", "linux")]),
        outcome: Outcome::Partial,
        summary: Summary {
            files: 3,
            directories: 2,
            others: 1,
            bytes: 1_000_000,
            new_bytes: 70_000,
            added_bytes: 40_000,
            unchanged: 1,
            skipped: 1,
            unknown: Unknown::default(),
        },
        details: Some((EPOCH, sealed)),
        parent: Some(Id::from_bytes([0x41; 32])),
        chunker: ChunkerRecord {
            id: 2,
            min: 262_144,
            target: 1_048_576,
            max: 8_388_608,
        },
        utc_offset_seconds: Some(-3_600),
        program: "strongroom 0.1.0".into(),
        unknown: Unknown::default(),
    }
}

pub(crate) fn commit() -> Payload {
    let body = Commit {
        snapshot: snapshot(),
        packs: vec![PackRef {
            name: ObjectHash::of(b"pack"),
            len: 5_000,
            class: PackClass::Data,
        }],
        segments: vec![SegmentRef {
            name: ObjectHash::of(b"segment"),
            len: 900,
            entries: 12,
        }],
        session: session_id(),
        seen: Some((41, ObjectHash::of(b"entry 41"))),
        unknown: Unknown::default(),
    };
    Payload::new(TIME, Body::Commit(Box::new(body)))
}

/// The same, of an author who locks what he puts.
pub(crate) fn locked_commit() -> Payload {
    Payload {
        locked: Some(Locked {
            mode: Locked::COMPLIANCE,
            until: 1_703_888_000,
        }),
        ..commit()
    }
}

/// Entry 43 is lost, and entry 44 states its hash. It added a pack, and another one is gone.
pub(crate) fn bridge() -> Payload {
    let pack = PackRef {
        name: ObjectHash::of(b"pack of entry 43"),
        len: 7_000,
        class: PackClass::Names,
    };
    let gone = DamagedPack {
        pack: ObjectHash::of(b"pack that is gone"),
        frames: Vec::new(),
    };
    let body = Bridge {
        stated: Some(ObjectHash::of(b"entry 43")),
        effects: vec![
            Body::Tombstone(Tombstone {
                added: Added {
                    packs: vec![pack],
                    ..Added::default()
                },
                ..Tombstone::default()
            }),
            Body::Damaged(Damaged {
                packs: vec![gone],
                ..Damaged::default()
            }),
        ],
        confirmed: Vec::new(),
        reason: "entry 43 is lost".into(),
        unknown: Unknown::default(),
    };
    Payload {
        must_understand: true,
        ..Payload::new(TIME, Body::Bridge(Box::new(body)))
    }
}

/// A record of the process as entry 44, with something sensitive.
pub(crate) fn evidence() -> Payload {
    let head = entry_head(SUITE, REPOSITORY, EVIDENCE, RANDOM, &previous(EVIDENCE));
    let sealer = epoch_key().evidence(SUITE, &SeededRandom::shared(12));
    let mut sealed = Vec::new();
    sealer
        .seal(&evidence_aad(&REPOSITORY, &head), SENSITIVE, &mut sealed)
        .unwrap();
    let record = crate::records::first();
    Payload::new(
        TIME,
        Body::Evidence(Evidence {
            sensitive: Some((EPOCH, sealed)),
            ..record.to_evidence().unwrap()
        }),
    )
}

/// The entry of the evidence.
pub(crate) const EVIDENCE: u64 = 44;
/// What it keeps to itself.
pub(crate) const SENSITIVE: &[u8] = b"Ada Lovelace, /home/ada";

fn previous(n: u64) -> ObjectHash {
    match n {
        0 => ObjectHash::of(&config().encode(RANDOM).unwrap()),
        n => ObjectHash::of(format!("entry {}", n - 1).as_bytes()),
    }
}

pub(crate) fn entry(n: u64, payload: &Payload) -> Vec<u8> {
    let previous = previous(n);
    let (keys, admin, writer) = (structure(20 + n), admin(), writer());
    let by_admin = payload.body.roles_needed() == Roles::ADMIN;
    let signers: &[&SigningKey] = if by_admin { &[&admin] } else { &[&writer] };
    Entry::seal(
        SUITE,
        REPOSITORY,
        n,
        RANDOM,
        previous,
        payload,
        keys.journal(),
        signers,
    )
    .unwrap()
}

pub(crate) fn checkpoint() -> Checkpoint {
    Checkpoint {
        packs: vec![PackRef {
            name: ObjectHash::of(b"pack"),
            len: 5_000,
            class: PackClass::Data,
        }],
        segments: vec![SegmentRef {
            name: ObjectHash::of(b"segment"),
            len: 900,
            entries: 12,
        }],
        snapshots: vec![(42, Arc::new(snapshot()))],
        epochs: vec![(EPOCH, EpochState::Open)],
        keyring: (GENERATION, ObjectHash::of(b"keyring")),
        genesis: ObjectHash::of(b"genesis"),
        admin: *admin().public().as_bytes(),
        ..Checkpoint::default()
    }
}

/// The same, where entry 43 was lost.
pub(crate) fn bridged_checkpoint() -> Checkpoint {
    let bridge = BridgeRef {
        n: 43,
        hash: ObjectHash::of(b"bridge 43"),
        next: ObjectHash::of(b"entry 43"),
    };
    Checkpoint {
        bridges: vec![bridge],
        ..checkpoint()
    }
}

pub(crate) fn checkpoint_object(checkpoint: &Checkpoint) -> Vec<u8> {
    let (keys, writer, last) = (structure(12), writer(), ObjectHash::of(b"entry 63"));
    checkpoint
        .seal(
            SUITE,
            REPOSITORY,
            64,
            RANDOM,
            last,
            keys.checkpoint(),
            &[&writer],
        )
        .unwrap()
}

pub(crate) fn bundle() -> Vec<u8> {
    let entries: Vec<Vec<u8>> = (0..64).map(|n| format!("entry {n}").into_bytes()).collect();
    encode_bundle(SUITE, REPOSITORY, 128, RANDOM, &entries).unwrap()
}

/// The blobs of the pack, by frame: text that compresses, then two that do not.
pub(crate) fn blobs() -> Vec<Vec<Vec<u8>>> {
    let mut noise = vec![0; 300];
    blake3::Hasher::new()
        .update(b"noise")
        .finalize_xof()
        .fill(&mut noise);
    vec![
        vec![
            b"strongroom ".repeat(40),
            b"a second blob of the frame; ".repeat(9),
        ],
        vec![noise, Vec::new()],
    ]
}

pub(crate) fn pack() -> Vec<u8> {
    let random = SeededRandom::shared(13);
    let sealer = FrameSealer::with_random(SUITE, &secret(0x5E), &random);
    let ids = IdHasher::new(&secret(0x49));
    let preamble = pack_preamble(SUITE, REPOSITORY, RANDOM, PackClass::Data);
    let mut pack = preamble.encode().to_vec();
    let (mut frames, mut records) = (Vec::new(), Vec::new());
    let (mut compressor, mut aad) = (Compressor::new(3).unwrap(), Vec::new());
    for blobs in blobs() {
        let first = records.len();
        let record = |blob: &Vec<u8>| BlobRecord {
            id: ids.id(0, blob),
            len: u32::try_from(blob.len()).unwrap(),
        };
        records.extend(blobs.iter().map(record));
        let plain = blobs.concat();
        let mut stored = Vec::new();
        let codec = compressor.compress(&plain, &mut stored).unwrap();
        frame_aad(&mut aad, &REPOSITORY, 0, codec, &records[first..]);
        let offset = u32::try_from(pack.len()).unwrap();
        sealer.seal(&aad, &stored, &mut pack).unwrap();
        frames.push(FrameRecord {
            offset,
            stored_len: u32::try_from(pack.len()).unwrap() - offset,
            plain_len: u32::try_from(plain.len()).unwrap(),
            blobs: u32::try_from(blobs.len()).unwrap(),
            key: FrameKey::Session(0),
            kind: 0,
            codec,
        });
    }
    pack.extend_from_slice(&[0xA5; 21]);
    let mut wrapped = Vec::new();
    let wrap_key = strongroom_crypt::derive(epoch_key().secret(), "session wrap");
    let session = session_id();
    let context = [
        b"session".as_slice(),
        REPOSITORY.as_bytes(),
        session.as_bytes(),
        &EPOCH.to_le_bytes(),
    ]
    .concat();
    BoxSealer::with_random(SUITE, &wrap_key, &random)
        .seal(&context, &[0x5E; 32], &mut wrapped)
        .unwrap();
    let key = SessionKeyRecord {
        session: session_id(),
        epoch: EPOCH,
        wrap_kind: SessionKeyRecord::BOX,
        wrapped,
    };
    let header = PackHeader::new(vec![key], frames, records).unwrap();
    let header_offset = pack.len() as u64;
    seal_header(
        structure(14).header(),
        &preamble,
        header_offset,
        &header,
        &mut pack,
    )
    .unwrap();
    let header_len = u32::try_from(pack.len() as u64 - header_offset).unwrap();
    pack.extend_from_slice(
        &PackTail {
            header_offset,
            header_len,
        }
        .encode(&preamble),
    );
    pack
}

pub(crate) fn header_of(pack: &[u8]) -> Result<PackHeader, DecodeError> {
    let preamble = Preamble::decode(pack)?;
    preamble.check(ObjectKind::Pack, SUITE, &REPOSITORY)?;
    let Some(tail) = pack.last_chunk() else {
        return Err(Preamble::decode(&[]).unwrap_err());
    };
    let tail = PackTail::decode(tail, pack.len() as u64)?;
    let start = usize::try_from(tail.header_offset).unwrap();
    let sealed = &pack[start..start + tail.header_len as usize];
    open_header(structure(0).header(), &preamble, tail.header_offset, sealed)
}

pub(crate) fn names() -> Names {
    let file = Node {
        name: b"report.txt".to_vec(),
        mode: 0o640,
        uid: 1_000,
        gid: 100,
        mtime: TIME,
        ctime: Some(Time::new(1_700_000_001, 0)),
        inode: 4_294_967_296,
        size: 70_000,
        first_ref: 1,
        refs: 2,
        xattrs: vec![(b"user.origin".to_vec(), b"mail".to_vec())],
        link: Some(1),
        flags: 8,
        atime: Some(Time::new(-1, 1)),
        incomplete: 2,
        ..Node::default()
    };
    let directory = Node {
        name: b"sub".to_vec(),
        kind: NodeKind::Directory,
        mode: 0o755,
        mtime: Time::new(-86_400, 0),
        first_ref: 3,
        refs: 1,
        ..Node::default()
    };
    let symlink = Node {
        name: b"to\xff".to_vec(),
        kind: NodeKind::Symlink,
        mode: 0o777,
        target: Some(b"../elsewhere".to_vec()),
        ..Node::default()
    };
    let device = Node {
        name: b"zero".to_vec(),
        kind: NodeKind::CharDevice,
        mode: 0o666,
        device: Some((1, 5)),
        ..Node::default()
    };
    let root = Node {
        kind: NodeKind::Directory,
        mode: 0o700,
        uid: 1_000,
        mtime: TIME,
        ..Node::default()
    };
    Names::Leaf(Leaf {
        entries: vec![file, directory, symlink, device],
        owners: vec![(0, b"root".to_vec()), (1_000, b"ada".to_vec())],
        groups: vec![(100, b"users".to_vec())],
        root: Some(Box::new(root)),
        ..Leaf::default()
    })
}

pub(crate) fn interior() -> Names {
    Names::Interior(Interior {
        children: vec![(b"a".to_vec(), 70), (b"m".to_vec(), 1_024)],
        ..Interior::default()
    })
}

pub(crate) fn page() -> Page {
    let reference = |byte, len, kind| Ref {
        id: Id::from_bytes([byte; 32]),
        len,
        kind,
    };
    Page {
        page_type: PageType::Leaf,
        height: 0,
        refs: vec![
            reference(1, 300, RefKind::Names),
            reference(2, 65_536, RefKind::Data),
            Ref::zeros(4_464),
            reference(3, 5, RefKind::Page),
        ],
    }
}

pub(crate) fn encoded(names: &Names) -> Vec<u8> {
    let mut out = Vec::new();
    names.encode(&mut out).unwrap();
    out
}

pub(crate) fn encoded_page(page: &Page) -> Vec<u8> {
    let mut out = Vec::new();
    page.encode(&mut out).unwrap();
    out
}

/// 40 blobs in 5 frames of 2 packs; the last blob a second time in another frame.
pub(crate) fn segment() -> Vec<u8> {
    let mut builder = SegmentBuilder::new();
    for class in [PackClass::Data, PackClass::Names] {
        let name = ObjectHash::of(&[class as u8]);
        builder.push_pack(PackRow {
            name,
            len: 9_000,
            header_offset: 7_000,
            header_len: 1_968,
            class,
        });
    }
    for frame in 0..5 {
        builder.push_frame(u32::from(frame >= 3), 64 + frame * 1_000, 1_000, frame % 3);
    }
    for blob in 0..40_u32 {
        let id = Id::from_bytes(*blake3::hash(&blob.to_le_bytes()).as_bytes());
        builder.push_entry(&id, blob / 8);
        if blob == 39 {
            builder.push_entry(&id, 0);
        }
    }
    builder
        .finish(
            SUITE,
            REPOSITORY,
            RANDOM,
            session_id(),
            structure(15).index(),
        )
        .unwrap()
}
