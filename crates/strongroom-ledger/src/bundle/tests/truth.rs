use super::*;
use crate::testing::signer;
use crate::{KeyKind, Log, TileTree};

#[test]
fn a_bundle_says_who_said_what() {
    let bytes = Maker::new().bytes();
    let report = verify(&bytes).unwrap();
    assert_eq!(
        (report.head.size(), report.left_out, report.audited),
        (7, 0, None)
    );
    assert_eq!(report.makers, [crate::testing::ORIGIN]);
    assert_eq!(
        report.endorsement.witnesses.get("peer"),
        Some(&1_800_000_000)
    );
    let standings: Vec<_> = report.entries.iter().map(|entry| entry.standing).collect();
    let void = Standing::Void("no signer is certified for what it does");
    assert_eq!(standings[5], void);
    assert!(
        standings
            .iter()
            .enumerate()
            .all(|(n, standing)| n == 5 || *standing == Standing::InForce)
    );
    assert_eq!(report.entries[1].labels, ["laptop"]);
    assert_eq!(report.entries[4].labels, ["auditor"]);
    let Content::Opened { sensitive, payload } = &report.entries[4].content else {
        panic!("it is not opened");
    };
    assert_eq!(sensitive.as_deref(), Some(b"Ada Lovelace".as_slice()));
    assert_eq!(payload.time.seconds, 1_800_000_004);
    assert_eq!(
        report.policies,
        [(ObjectHash::of(journal::POLICY), journal::POLICY)]
    );
    let names: Vec<_> = report
        .reports
        .iter()
        .map(|file| file.name.as_str())
        .collect();
    assert_eq!(names, ["report.json", "report.md"]);
    assert_eq!(report.attachments[0].bytes, b"\x30\x00");
    assert_eq!(report.premises, [Premise::Truth, Premise::Maker]);
    assert_eq!(report.trust, policy());
    assert_eq!(report.memory.last(), Some((7, *report.head.root())));
}

#[test]
fn the_same_parts_give_the_same_bytes() {
    assert_eq!(Maker::new().bytes(), Maker::new().bytes());
}

/// The vector of `docs/audit-bundle.md`: another program that reads this file reads bundles.
#[test]
fn the_published_bundle_is_what_is_written() {
    let bytes = Maker {
        audited: Some(3),
        ..Maker::new()
    }
    .bytes();
    let path = concat!(
        env!("CARGO_MANIFEST_DIR"),
        "/../../testdata/ledger/bundle.audit"
    );
    let published = std::fs::read(path).unwrap();
    assert_eq!(published, bytes);
    assert_eq!(verify(&published).unwrap().audited, Some(3));
}

#[test]
fn what_cannot_be_verified_is_named() {
    let maker = Maker {
        discloses: (false, false),
        whole: vec![0, 2, 6],
        absent: vec![(4, None)],
        ..Maker::new()
    };
    let bytes = maker.bytes();
    let trust = TrustPolicy::new(WitnessPolicy::of_log(log_key()));
    let report = verify_bundle(&bytes, &trust).unwrap();
    assert_eq!(report.left_out, 3);
    let numbers: Vec<_> = report
        .entries
        .iter()
        .map(|entry| (entry.n, entry.standing))
        .collect();
    let (unjudged, absent) = (Standing::Unjudged, Standing::Absent);
    assert_eq!(
        numbers,
        [(0, unjudged), (2, unjudged), (4, absent), (6, unjudged)]
    );
    assert_eq!(
        report.premises,
        [
            Premise::Truth,
            Premise::Maker,
            Premise::NoWitness,
            Premise::NoMemory,
            Premise::Identity,
            Premise::Sealed,
            Premise::LeftOut,
        ]
    );
    // Opened, but with a gap before: who might sign is known up to there only, and the sensitive part stays closed.
    let maker = Maker {
        discloses: (true, false),
        whole: vec![0, 1, 3, 4],
        ..Maker::new()
    };
    let bytes = maker.bytes();
    let report = verify_bundle(&bytes, &TrustPolicy::new(policy())).unwrap();
    let standings: Vec<_> = report.entries.iter().map(|entry| entry.standing).collect();
    assert_eq!(
        standings,
        [Standing::InForce, Standing::InForce, unjudged, unjudged]
    );
    assert!(report.premises.contains(&Premise::Sensitive));
}

/// The auditor comes again: what was audited is continued, and what is remembered is enough of it.
#[test]
fn an_audit_continues_the_last_one() {
    let maker = Maker {
        audited: Some(4),
        whole: vec![5, 6],
        policies: Vec::new(),
        ..Maker::new()
    };
    let bytes = maker.bytes();
    let trust = TrustPolicy::new(policy()).with_memory(memory(&[2, 4]));
    let report = verify_bundle(&bytes, &trust).unwrap();
    assert_eq!((report.audited, report.left_out), (Some(4), 5));
    // Without it there is no proof, unless all entries are there.
    let bytes = Maker {
        audited: None,
        ..maker
    }
    .bytes();
    let unproven = BundleError::Head(crate::Alarm::Unproven {
        remembered: 4,
        shown: 7,
    });
    assert_eq!(verify_bundle(&bytes, &trust).unwrap_err(), unproven);
    let bytes = Maker::new().bytes();
    assert!(verify_bundle(&bytes, &trust).is_ok());
}

#[test]
fn another_key_of_the_log_and_another_maker_are_known() {
    let new = signer(crate::testing::ORIGIN, KeyKind::Note, 50);
    let mut maker = Maker::new();
    let rotation = Rotation::new(maker.head(4).head().clone(), &log_signer(), &new).unwrap();
    maker.rotations = vec![rotation];
    maker.signer = signer(crate::testing::ORIGIN, KeyKind::Note, 50);
    maker.sealer = signer(crate::testing::ORIGIN, KeyKind::Note, 50);
    let bytes = maker.bytes();
    assert_eq!(verify(&bytes).unwrap().endorsement.log, *new.public());
    // The old key signs nothing any more: neither heads nor bundles.
    let bytes = Maker {
        sealer: log_signer(),
        ..maker
    }
    .bytes();
    assert_eq!(
        verify(&bytes).unwrap_err(),
        BundleError::Seal(crate::NoteError::UnknownSigner)
    );

    let auditor = signer("auditor.example", KeyKind::Note, 51);
    let trust = trust().with_maker(auditor.public().clone());
    let bytes = Maker {
        sealer: auditor,
        ..Maker::new()
    }
    .bytes();
    assert_eq!(
        verify_bundle(&bytes, &trust).unwrap().makers,
        ["auditor.example"]
    );
}

/// A lost entry: its hash is in the log, a Bridge stands in its place, and the chain goes on.
#[test]
fn a_bridge_stands_for_a_lost_entry() {
    let mut maker = Maker::new();
    let bridge = maker.journal.bridge(1, 10);
    maker.whole.retain(|n| *n != 1);
    maker.absent = vec![(1, Some(bridge.clone()))];
    let bytes = maker.bytes();
    let report = verify(&bytes).unwrap();
    assert_eq!(
        report.entries[1].content,
        Content::Absent {
            instead: Some(ObjectHash::of(&bridge))
        }
    );
    assert_eq!(
        (report.entries[1].standing, report.entries[2].standing),
        (Standing::Absent, Standing::InForce)
    );
    assert!(report.premises.contains(&Premise::LeftOut));
}

#[test]
fn certificates_count_for_what_comes_after_them() {
    let mut journal = Journal::new();
    let (admin, end) = journal::end_writer();
    journal.push(admin, end);
    journal.push_evidence();
    let bytes = Maker::of(journal).bytes();
    let report = verify(&bytes).unwrap();
    assert_eq!(report.entries[6].standing, Standing::InForce);
    assert_eq!(
        report.entries[8].standing,
        Standing::Void("no signer is certified for what it does")
    );
}

/// The tree of a bundle is that of the log's files.
#[test]
fn a_bundle_is_proven_from_files() {
    let maker = Maker {
        whole: vec![1, 5],
        ..Maker::new()
    };
    let mut log = Log::new(crate::testing::ORIGIN);
    (0..)
        .zip(&maker.logged)
        .for_each(|(n, hash)| log.push(crate::Leaf { n, hash: *hash }));
    let files = crate::testing::Files(log.take_files().into_iter().collect());
    let head = maker.head(7);
    assert_eq!(log.head(), *head.head());
    let mut builder =
        BundleBuilder::new(Vec::new(), &maker.journal.about(), &policy(), &[], &head).unwrap();
    for n in [1, 5_u64] {
        builder
            .entry(n, &maker.journal.objects[usize::try_from(n).unwrap()])
            .unwrap();
    }
    builder.prove(&TileTree::new(&files, 7)).unwrap().unwrap();
    let bytes = builder.seal(&log_signer()).unwrap();
    assert_eq!(
        verify_bundle(&bytes, &TrustPolicy::new(policy()))
            .unwrap()
            .left_out,
        5
    );
}

#[test]
fn parts_out_of_order_are_not_written() {
    let maker = Maker::new();
    let (about, head) = (maker.journal.about(), maker.head(7));
    let builder = || BundleBuilder::new(Vec::new(), &about, &policy(), &[], &head).unwrap();
    let mut twice = builder();
    twice.entry(3, &maker.journal.objects[3]).unwrap();
    assert!(matches!(twice.entry(3, b""), Err(BuildError::Order { .. })));
    assert!(matches!(twice.entry(2, b""), Err(BuildError::Order { .. })));
    assert!(matches!(twice.entry(7, b""), Err(BuildError::Invalid(_))));
    assert!(matches!(
        twice.entry(4, &vec![0; 2_097_153]),
        Err(BuildError::TooLarge { .. })
    ));
    assert!(matches!(
        builder().report("../x", b""),
        Err(BuildError::Invalid(_))
    ));
    assert!(matches!(
        builder().seal(&log_signer()),
        Err(BuildError::Invalid(_))
    ));
    let other = About {
        origin: "other".to_owned(),
        ..about.clone()
    };
    assert!(BundleBuilder::new(Vec::new(), &other, &policy(), &[], &head).is_err());
}
