//! Objects that must decode to the same values for ever. `testdata/format/README.md` says how they are described.

use std::fmt::Write as _;
use std::path::PathBuf;

use strongroom_crypt::{FrameSealer, IdHasher, Sealer as _, Session};
use strongroom_format::*;

use crate::sample::{self, REPOSITORY, SUITE};

struct Vector {
    name: &'static str,
    bytes: fn() -> Vec<u8>,
    /// What the bytes say, as lines `name = value`.
    describe: fn(&[u8]) -> String,
}

const VECTORS: [Vector; 21] = [
    Vector {
        name: "config",
        bytes: || sample::config().encode(sample::RANDOM).unwrap(),
        describe: |_| {
            let common = "suite = 1\ncreated = 1700000000 123456789\n";
            format!("{common}read features =\nwrite features =\nmaintain features = alpha beta\n")
        },
    },
    Vector {
        name: "slot",
        bytes: || sample::slot().encode(SUITE, REPOSITORY).unwrap(),
        describe: |_| {
            let mut text = "kind = 1\nm = 64\nt = 2\np = 1\n".to_owned();
            line(&mut text, "slot id", &[0x51; 16]);
            line(&mut text, "public key", &[0x50; 32]);
            line(&mut text, "salt", &[0x5A; 16]);
            line(&mut text, "box", &(0..144).collect::<Vec<u8>>());
            text
        },
    },
    Vector {
        name: "keyring",
        bytes: || {
            sample::keyring()
                .encode(SUITE, REPOSITORY, sample::RANDOM, &[&sample::admin()])
                .unwrap()
        },
        describe: describe_keyring,
    },
    Vector {
        name: "entry-genesis",
        bytes: || sample::entry(0, &sample::genesis()),
        describe: |_| describe_entry(&sample::genesis()),
    },
    Vector {
        name: "entry-genesis-probed",
        bytes: || sample::entry(0, &sample::probed_genesis()),
        describe: |_| describe_entry(&sample::probed_genesis()),
    },
    Vector {
        name: "entry-commit",
        bytes: || sample::entry(42, &sample::commit()),
        describe: |_| {
            let mut text = describe_entry(&sample::commit());
            let id = sample::snapshot().id(&sample::structure(0)).unwrap();
            line(&mut text, "snapshot id", id.as_bytes());
            line(&mut text, "epoch key 7", &[0x45; 32]);
            line(&mut text, "details", &sample::details().encode().unwrap());
            text
        },
    },
    Vector {
        name: "entry-commit-locked",
        bytes: || sample::entry(42, &sample::locked_commit()),
        describe: |_| describe_entry(&sample::locked_commit()),
    },
    Vector {
        name: "entry-bridge",
        bytes: || sample::entry(43, &sample::bridge()),
        describe: |_| describe_entry(&sample::bridge()),
    },
    Vector {
        name: "entry-evidence",
        bytes: || sample::entry(sample::EVIDENCE, &sample::evidence()),
        describe: |_| {
            let mut text = describe_entry(&sample::evidence());
            line(&mut text, "epoch key 7", &[0x45; 32]);
            line(&mut text, "sensitive", sample::SENSITIVE);
            text
        },
    },
    Vector {
        name: "bundle",
        bytes: sample::bundle,
        describe: |_| {
            "number = 128\nentries = the texts `entry 0` to `entry 63` (not journal entries)\n"
                .into()
        },
    },
    Vector {
        name: "checkpoint",
        bytes: || sample::checkpoint_object(&sample::checkpoint()),
        describe: |_| describe_checkpoint(&sample::checkpoint()),
    },
    Vector {
        name: "checkpoint-bridged",
        bytes: || sample::checkpoint_object(&sample::bridged_checkpoint()),
        describe: |_| describe_checkpoint(&sample::bridged_checkpoint()),
    },
    Vector {
        name: "beacon",
        bytes: || {
            sample::beacon()
                .encode(SUITE, REPOSITORY, sample::RANDOM)
                .unwrap()
        },
        describe: |_| "time = 1700000000 123456789\nhost = engine\n".into(),
    },
    Vector {
        name: "pack",
        bytes: sample::pack,
        describe: describe_pack,
    },
    Vector {
        name: "names-leaf",
        bytes: || sample::encoded(&sample::names()),
        describe: |_| LEAF.into(),
    },
    Vector {
        name: "names-interior",
        bytes: || sample::encoded(&sample::interior()),
        describe: |_| "child = 61 70\nchild = 6d 1024\n".into(),
    },
    Vector {
        name: "page",
        bytes: || sample::encoded_page(&sample::page()),
        describe: |bytes| {
            let mut text = "type = 1\nheight = 0\n".to_owned();
            for reference in &sample::page().refs {
                let Ref { id, len, kind } = reference;
                writeln!(text, "reference = {id} {len} {}", *kind as u8).unwrap();
            }
            let id = sample::structure(0).page_id(2, bytes);
            line(&mut text, "K_struct", &[0x53; 32]);
            line(&mut text, "page id", id.as_bytes());
            text
        },
    },
    Vector {
        name: "segment",
        bytes: sample::segment,
        describe: describe_segment,
    },
    Vector {
        name: "parity",
        bytes: sample::parity,
        describe: |object| describe_parity(object, "pack.bin"),
    },
    Vector {
        name: "parity-wide",
        bytes: sample::wide_parity,
        describe: |object| {
            let pack = sample::parity_pack();
            let mut of = String::new();
            pack[..64]
                .iter()
                .for_each(|byte| write!(of, "{byte:02x}").unwrap());
            describe_parity(object, &format!("{of} BLAKE3(`parity vector`).xof(39936)"))
        },
    },
    Vector {
        name: "audit-keys",
        bytes: || sample::audit_keys().encode(sample::RANDOM).unwrap(),
        describe: |_| {
            let mut text = String::new();
            line(&mut text, "genesis", ObjectHash::of(b"genesis").as_bytes());
            line(&mut text, "K_struct", &[0x53; 32]);
            line(&mut text, "K_id", &[0x49; 32]);
            line(&mut text, "epoch key 7", &[0x45; 32]);
            text
        },
    },
];

/// Numbers of kinds, permission bits in octal, bytes as text with escapes.
const LEAF: &str = r"entry = name `report.txt` kind 0 mode 0640 owner 1000 group 100
  mtime 1700000000 123456789 ctime 1700000001 0 inode 4294967296 size 70000 references 1 and 2
  attribute `user.origin` = `mail` link 1 flags 8 atime -1 1 incomplete 2
entry = name `sub` kind 1 mode 0755 owner 0 group 0 mtime -86400 0 reference 3
entry = name `to\xff` kind 2 mode 0777 owner 0 group 0 mtime 0 0 target `../elsewhere`
entry = name `zero` kind 5 mode 0666 owner 0 group 0 mtime 0 0 device 1 5
owner = 0 `root`
owner = 1000 `ada`
group = 100 `users`
root = kind 1 mode 0700 owner 1000 group 0 mtime 1700000000 123456789
";

fn line(text: &mut String, name: &str, bytes: &[u8]) {
    write!(text, "{name} = ").unwrap();
    bytes
        .iter()
        .for_each(|byte| write!(text, "{byte:02x}").unwrap());
    text.push('\n');
}

fn describe_keyring(_: &[u8]) -> String {
    let mut text = "generation = 3\nrole = 0\n".to_owned();
    line(&mut text, "bundle key B", sample::bundle_key().expose());
    line(&mut text, "K_id", &[0x49; 32]);
    line(&mut text, "K_struct", &[0x53; 32]);
    line(&mut text, "epoch key 7", &[0x45; 32]);
    line(&mut text, "genesis", ObjectHash::of(b"genesis").as_bytes());
    line(&mut text, "signing seed", &[0x33; 32]);
    line(
        &mut text,
        "signing public key",
        sample::writer().public().as_bytes(),
    );
    text.push_str("signing roles = 3\n");
    line(&mut text, "slot id", &[0x51; 16]);
    text.push_str("slot kind = 1\nslot label = passphrase\nslot added = 1700000000 123456789\n");
    line(&mut text, "slot public key", &[0x50; 32]);
    text.push_str("grant kem = 1\n");
    line(&mut text, "grant enc", &[0xE0; 32]);
    line(&mut text, "grant ct", &[0xC7; 48]);
    line(
        &mut text,
        "admin's public key",
        sample::admin().public().as_bytes(),
    );
    text
}

fn describe_entry(payload: &Payload) -> String {
    let mut text = String::new();
    line(&mut text, "K_struct", &[0x53; 32]);
    line(&mut text, "payload", &payload.encode().unwrap());
    line(
        &mut text,
        "admin's public key",
        sample::admin().public().as_bytes(),
    );
    line(
        &mut text,
        "writer's public key",
        sample::writer().public().as_bytes(),
    );
    text
}

fn describe_checkpoint(checkpoint: &Checkpoint) -> String {
    let mut text = "number = 64\n".to_owned();
    line(&mut text, "K_struct", &[0x53; 32]);
    line(
        &mut text,
        "last entry",
        ObjectHash::of(b"entry 63").as_bytes(),
    );
    line(&mut text, "plaintext", &checkpoint.encode().unwrap());
    line(
        &mut text,
        "writer's public key",
        sample::writer().public().as_bytes(),
    );
    text
}

fn describe_pack(pack: &[u8]) -> String {
    let mut text = "class = 0\n".to_owned();
    line(&mut text, "K_struct", &[0x53; 32]);
    line(&mut text, "K_id", &[0x49; 32]);
    line(&mut text, "epoch key 7", &[0x45; 32]);
    line(&mut text, "session id", sample::session_id().as_bytes());
    line(&mut text, "session secret", &[0x5E; 32]);
    let header = sample::header_of(pack).unwrap();
    for (frame, blobs) in header.frames.iter().zip(sample::blobs()) {
        writeln!(
            text,
            "frame = offset {} codec {}",
            frame.offset, frame.codec as u8
        )
        .unwrap();
        blobs.iter().for_each(|blob| line(&mut text, "blob", blob));
    }
    header
        .blobs
        .iter()
        .for_each(|blob| line(&mut text, "blob id", blob.id.as_bytes()));
    text
}

fn describe_segment(object: &[u8]) -> String {
    let segment = Segment::decode(object, sample::structure(0).index()).unwrap();
    let mut text = String::new();
    line(&mut text, "K_struct", &[0x53; 32]);
    line(&mut text, "session id", segment.head.session.as_bytes());
    for PackRow {
        name,
        len,
        header_offset,
        header_len,
        class,
    } in &segment.packs
    {
        let class = *class as u8;
        writeln!(
            text,
            "pack = {name} {len} {header_offset} {header_len} {class}"
        )
        .unwrap();
    }
    for FrameRow {
        pack,
        offset,
        stored_len,
        position,
    } in &segment.frames
    {
        writeln!(text, "frame = {pack} {offset} {stored_len} {position}").unwrap();
    }
    for EntryRow { prefix, frame } in &segment.entries {
        line(&mut text, "entry prefix", prefix);
        writeln!(text, "entry frame = {frame}").unwrap();
    }
    text
}

fn describe_parity(object: &[u8], pack: &str) -> String {
    let parity = parity::Parity::decode(object).unwrap();
    let geometry = parity.geometry();
    let mut text = format!("pack = {pack}\n");
    line(&mut text, "pack hash", parity.pack().as_bytes());
    for (name, value) in [
        ("pack length", geometry.pack_len()),
        ("shard length", geometry.shard_len().into()),
        ("data shards", geometry.data_shards().into()),
        ("parity shards", geometry.parity_shards().into()),
        ("promised burst", geometry.promised_burst_bytes()),
    ] {
        writeln!(text, "{name} = {value}").unwrap();
    }
    text
}

fn path(name: &str, ending: &str) -> PathBuf {
    let folder = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../../testdata/format");
    folder.join(format!("{name}.{ending}"))
}

/// Writes vectors that do not exist yet. Existing ones are never changed.
#[test]
#[ignore = "vectors are added, not made anew: `cargo test -p strongroom-format write_new -- --ignored`"]
fn write_new_vectors() {
    for Vector {
        name,
        bytes,
        describe,
    } in VECTORS
    {
        if !path(name, "bin").exists() {
            let bytes = bytes();
            std::fs::write(path(name, "bin"), &bytes).unwrap();
            std::fs::write(path(name, "txt"), describe(&bytes)).unwrap();
        }
    }
}

#[test]
fn the_same_values_and_random_bytes_make_the_same_objects() {
    for Vector {
        name,
        bytes,
        describe,
    } in VECTORS
    {
        let stored = std::fs::read(path(name, "bin")).unwrap();
        let text = std::fs::read_to_string(path(name, "txt")).unwrap();
        assert_eq!(describe(&stored), text, "{name}");
        // What zstd makes of the same bytes may change with its version.
        if name != "pack" {
            assert!(bytes() == stored, "{name}");
        }
    }
}

fn stored(name: &str) -> Vec<u8> {
    std::fs::read(path(name, "bin")).unwrap()
}

#[test]
fn unsealed_objects_decode() {
    assert_eq!(Config::decode(&stored("config")).unwrap(), sample::config());
    assert_eq!(Slot::decode(&stored("slot")).unwrap(), sample::slot());
    assert_eq!(Beacon::decode(&stored("beacon")).unwrap(), sample::beacon());
    assert_eq!(
        Names::decode(&stored("names-leaf")).unwrap(),
        sample::names()
    );
    assert_eq!(
        Names::decode(&stored("names-interior")).unwrap(),
        sample::interior()
    );
    assert_eq!(Page::decode(&stored("page")).unwrap(), sample::page());
    let entries = decode_bundle(&stored("bundle")).unwrap();
    assert_eq!(
        (entries.len(), entries[63].as_slice()),
        (64, b"entry 63".as_slice())
    );
}

#[test]
fn the_audit_keys_decode() {
    let keys = AuditKeys::decode(&stored("audit-keys")).unwrap();
    assert_eq!((keys.repository, keys.suite), (REPOSITORY, SUITE));
    assert_eq!(keys.genesis, ObjectHash::of(b"genesis"));
    assert_eq!(keys.structure_key.expose(), &[0x53; 32]);
    let content = keys.content.unwrap();
    assert_eq!(content.id_key.expose(), &[0x49; 32]);
    let [(epoch, key)] = content.epochs.as_slice() else {
        panic!("one epoch");
    };
    assert_eq!((*epoch, key.expose()), (sample::EPOCH, &[0x45; 32]));
}

#[test]
fn the_keyring_opens() {
    let signed = SignedKeyring::decode(&stored("keyring")).unwrap();
    assert!(signed.is_signed_by(&sample::admin().public()));
    assert!(!signed.is_signed_by(&sample::writer().public()));
    let keyring = signed.keyring;
    assert_eq!(keyring, sample::keyring());
    let (key, sealed) = (sample::bundle_key(), &keyring.bundles[0].1);
    let bundle = KeyBundle::open(SUITE, &key, &REPOSITORY, sample::GENERATION, 0, sealed).unwrap();
    assert_eq!(format!("{bundle:?}"), format!("{:?}", sample::key_bundle()));
    assert_eq!(bundle.id_key.expose(), &[0x49; 32]);
    assert_eq!(bundle.structure_key.expose(), &[0x53; 32]);
    assert_eq!(bundle.epochs[0].key.expose(), &[0x45; 32]);
    assert_eq!(bundle.signing[0].seed.expose(), &[0x33; 32]);
}

#[test]
fn the_journal_opens() {
    let keys = sample::structure(0);
    for (name, payload) in [
        ("entry-genesis", sample::genesis()),
        ("entry-genesis-probed", sample::probed_genesis()),
        ("entry-commit", sample::commit()),
        ("entry-commit-locked", sample::locked_commit()),
        ("entry-bridge", sample::bridge()),
        ("entry-evidence", sample::evidence()),
    ] {
        let entry = Entry::decode(&stored(name)).unwrap();
        assert!(entry.verify_signatures());
        assert_eq!(entry.open(keys.journal()).unwrap(), payload);
    }
    for (name, expected) in [
        ("checkpoint", sample::checkpoint()),
        ("checkpoint-bridged", sample::bridged_checkpoint()),
    ] {
        let checkpoint = SealedCheckpoint::decode(&stored(name)).unwrap();
        assert!(checkpoint.verify_signatures());
        assert_eq!(checkpoint.open(keys.checkpoint()).unwrap(), expected);
    }
    let (epoch, sealed) = sample::snapshot().details.unwrap();
    assert_eq!(epoch, sample::EPOCH);
    let sealer = sample::epoch_key().details(SUITE, &strongroom_crypt::SeededRandom::shared(0));
    let opened = Details::open(&sealer, &REPOSITORY, &sample::SNAPSHOT_RANDOM, &sealed).unwrap();
    assert_eq!(opened, sample::details());
}

#[test]
fn the_sensitive_part_opens_in_its_entry_only() {
    let object = stored("entry-evidence");
    let entry = Entry::decode(&object).unwrap();
    let payload = entry.open(sample::structure(0).journal()).unwrap();
    let Body::Evidence(evidence) = payload.body else {
        panic!("not evidence");
    };
    let record = record::Record::of_evidence(&evidence).unwrap().unwrap();
    assert_eq!(record, crate::records::first());
    let (epoch, sealed) = evidence.sensitive.unwrap();
    assert_eq!(epoch, sample::EPOCH);
    let sealer = sample::epoch_key().evidence(SUITE, &strongroom_crypt::SeededRandom::shared(0));
    let mut head: [u8; ENTRY_HEAD_BYTES] = *object.first_chunk().unwrap();
    let mut plain = Vec::new();
    let aad = evidence_aad(&REPOSITORY, &head);
    sealer.open(&aad, &sealed, &mut plain).unwrap();
    assert_eq!(plain, sample::SENSITIVE);
    head[40] ^= 1;
    let aad = evidence_aad(&REPOSITORY, &head);
    assert!(sealer.open(&aad, &sealed, &mut plain).is_err());
}

#[test]
fn the_pack_opens() {
    let pack = stored("pack");
    let header = sample::header_of(&pack).unwrap();
    let key = &header.sessions[0];
    let epoch = sample::epoch_key();
    Session::unwrap(
        SUITE,
        &REPOSITORY,
        key.session,
        key.epoch,
        &epoch,
        &key.wrapped,
    )
    .unwrap();
    let sealer = FrameSealer::new(SUITE, &sample::secret(0x5E));
    let ids = IdHasher::new(&sample::secret(0x49));
    let mut decompressor = Decompressor::new().unwrap();
    assert_eq!(
        [header.frames[0].codec, header.frames[1].codec],
        [Codec::Zstd, Codec::Raw]
    );
    for ((position, frame), expected) in header.frames.iter().enumerate().zip(sample::blobs()) {
        let records = header.frame_blobs(position);
        let (mut aad, mut compressed, mut plain) = (Vec::new(), Vec::new(), Vec::new());
        frame_aad(&mut aad, &REPOSITORY, frame.kind, frame.codec, records);
        let sealed = &pack[frame.offset as usize..(frame.offset + frame.stored_len) as usize];
        sealer.open(&aad, sealed, &mut compressed).unwrap();
        decompressor
            .decompress(
                frame.codec,
                &compressed,
                frame.plain_len as usize,
                &mut plain,
            )
            .unwrap();
        assert_eq!(plain, expected.concat());
        for (record, blob) in records.iter().zip(&expected) {
            assert_eq!(record.id, ids.id(frame.kind, blob));
        }
    }
}

/// Not only the same bytes as when it was made: they heal.
#[test]
fn the_parity_heals() {
    for (name, pack) in [
        ("parity", stored("pack")),
        ("parity-wide", sample::parity_pack()),
    ] {
        let object = stored(name);
        let parity = parity::Parity::decode(&object).unwrap();
        assert!(parity.is_of(&pack));
        let burst = usize::try_from(parity.geometry().promised_burst_bytes()).unwrap();
        let mut damaged = pack.clone();
        damaged[..burst].fill(0xAA);
        assert!(parity.heal(&damaged).unwrap() == pack);
    }
}
