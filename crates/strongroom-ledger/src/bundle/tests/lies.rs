use super::*;
use crate::policy::EndorsementError;
use crate::testing::{ORIGIN, signer};
use crate::{Alarm, KeyKind, NoteError};

fn reason(bytes: &[u8]) -> BundleError {
    verify(bytes).unwrap_err()
}

/// Every byte of a bundle, changed by somebody without its maker's key, and shorter files.
#[test]
fn no_byte_can_be_changed() {
    let bytes = Maker {
        audited: Some(3),
        ..Maker::new()
    }
    .bytes();
    let trust = trust();
    assert!(verify_bundle(&bytes, &trust).is_ok());
    let mut reasons = std::collections::BTreeMap::new();
    for place in 0..bytes.len() {
        let mut changed = bytes.clone();
        changed[place] ^= 1 << (place % 8);
        let reason = match verify_bundle(&changed, &trust) {
            Err(BundleError::Altered { section }) => format!("altered {section}"),
            Err(
                BundleError::Malformed { .. }
                | BundleError::TooLarge { .. }
                | BundleError::Unsupported,
            ) => "malformed".to_owned(),
            Err(BundleError::Seal(_)) => "seal".to_owned(),
            other => panic!("byte {place}: {other:?}"),
        };
        *reasons.entry(reason).or_insert(0) += 1;
    }
    for section in [
        "about",
        "trust",
        "checkpoint",
        "audited",
        "consistency",
        "journal-key",
        "evidence-key 1",
        "entry 0",
        "entry 6",
        "report.json",
        "token.tsr",
        "seal",
    ] {
        assert!(
            reasons.keys().any(|reason| reason.ends_with(section)),
            "{section} {reasons:?}"
        );
    }
    for len in (0..bytes.len()).step_by(7) {
        assert!(
            matches!(reason(&bytes[..len]), BundleError::Malformed { .. }),
            "{len}"
        );
    }
    assert!(matches!(
        reason(&[bytes.as_slice(), b"\n"].concat()),
        BundleError::Malformed { .. }
    ));
}

/// Every byte of every entry, and of the proofs, changed by somebody who has the maker's key and seals the bundle anew: the log's head convicts.
#[test]
fn the_maker_cannot_change_an_entry() {
    let bytes = Maker {
        audited: Some(3),
        ..Maker::new()
    }
    .bytes();
    let trust = trust();
    let names: Vec<String> = Parts::read(&bytes)
        .unwrap()
        .sections
        .iter()
        .map(|section| section.name.to_string())
        .collect();
    for name in names.iter().filter(|name| {
        name.starts_with("entry ") || ["tree", "consistency", "audited"].contains(&name.as_str())
    }) {
        let len = Parts::read(&bytes)
            .unwrap()
            .sections
            .iter()
            .find(|section| section.name.to_string() == *name)
            .unwrap()
            .bytes
            .len();
        for place in 0..len {
            let changed = resealed(&bytes, |sections| set(sections, name)[place] ^= 1);
            assert!(
                verify_bundle(&changed, &trust).is_err(),
                "{name} byte {place}"
            );
        }
    }
}

/// The reason against the bundle of a maker who changed its sections.
fn changed(change: impl FnOnce(&mut Vec<(String, Vec<u8>)>)) -> BundleError {
    let maker = Maker {
        audited: Some(3),
        ..Maker::new()
    };
    reason(&resealed(&maker.bytes(), change))
}

fn drop_section(name: &str) -> BundleError {
    changed(|sections| sections.retain(|(found, _)| found != name))
}

#[test]
fn entries_are_neither_left_out_nor_replaced() {
    // An entry is left out, and the tree is not; or both.
    assert_eq!(drop_section("entry 3"), BundleError::NotInTree);
    let maker = Maker {
        whole: vec![0, 1, 2, 4, 5, 6],
        policies: Vec::new(),
        ..Maker::new()
    };
    assert_eq!(
        reason(&maker.bytes()),
        BundleError::Incomplete {
            missing: 1,
            size: 7
        }
    );
    // An entry stands at another place, or is another one.
    let swapped = changed(|sections| {
        let (three, four) = (
            set(sections, "entry 3").clone(),
            set(sections, "entry 4").clone(),
        );
        *set(sections, "entry 3") = four;
        *set(sections, "entry 4") = three;
    });
    assert_eq!(
        swapped,
        BundleError::Entry {
            n: 3,
            what: "it has the number of another"
        }
    );
    let replaced = Journal::new().seal(
        3,
        ObjectHash::of(&Journal::new().objects[2]),
        11,
        journal::end_writer().1,
    );
    assert_eq!(
        changed(|sections| *set(sections, "entry 3") = replaced.clone()),
        BundleError::NotInTree
    );
}

/// A head that nobody signed; one that witnesses did not see; one that was changed.
#[test]
fn a_head_is_endorsed_or_it_is_none() {
    let maker = Maker {
        signer: signer(ORIGIN, KeyKind::Note, 77),
        ..Maker::new()
    };
    let head = |error| BundleError::Head(Alarm::NotEndorsed(error));
    assert_eq!(
        reason(&maker.bytes()),
        head(EndorsementError::Note(NoteError::UnknownSigner))
    );
    let maker = Maker {
        witnesses: vec![7],
        ..Maker::new()
    };
    assert_eq!(
        reason(&maker.bytes()),
        head(EndorsementError::NoQuorum {
            signed: 0,
            known: 2
        })
    );
    let forged = changed(|sections| {
        let text = String::from_utf8(set(sections, "checkpoint").clone()).unwrap();
        *set(sections, "checkpoint") = text.replacen("\n7\n", "\n6\n", 1).into_bytes();
    });
    assert_eq!(
        forged,
        head(EndorsementError::Note(NoteError::BadSignature(
            ORIGIN.to_owned()
        )))
    );
}

/// Keys that open nothing, policies that nobody set, and parts that are missing.
#[test]
fn keys_and_policies_are_those_of_the_journal() {
    assert_eq!(
        changed(|sections| set(sections, "journal-key")[0] ^= 1),
        BundleError::WrongKey { n: 0 }
    );
    let hash = ObjectHash::of(b"another");
    let maker = Maker {
        policies: vec![b"another".to_vec()],
        ..Maker::new()
    };
    assert_eq!(reason(&maker.bytes()), BundleError::UnknownPolicy { hash });
    let altered = changed(|sections| {
        let name = format!("policy {}", ObjectHash::of(journal::POLICY));
        *set(sections, &name) = b"another".to_vec();
    });
    assert_eq!(
        altered,
        BundleError::UnknownPolicy {
            hash: ObjectHash::of(journal::POLICY)
        }
    );
    for section in ["about", "trust", "checkpoint", "tree", "consistency"] {
        assert_eq!(drop_section(section), BundleError::Missing { section });
    }
}

/// The log is truncated, forked, or an old head of it is shown again: by somebody who has its key, and even by all witnesses together.
#[test]
fn a_log_that_goes_back_is_told_from_one_that_forks() {
    let trust = trust().with_memory(memory(&[3, 5, 7]));
    let reason = |maker: &Maker| match verify_bundle(&maker.bytes(), &trust) {
        Err(BundleError::Head(alarm)) => alarm,
        other => panic!("{other:?}"),
    };
    let shorter = |size: u64| Maker {
        size,
        whole: (0..size).collect(),
        ..Maker::new()
    };
    assert_eq!(
        reason(&shorter(6)),
        Alarm::Shrunk {
            remembered: 7,
            shown: 6
        }
    );
    assert_eq!(
        reason(&shorter(5)),
        Alarm::Replayed {
            remembered: 7,
            shown: 5
        }
    );

    // Another history, which is the same up to entry 4.
    let mut journal = Journal::new();
    journal.objects.truncate(5);
    let previous = ObjectHash::of(&journal.objects[4]);
    let object = journal.seal(5, previous, 11, journal::end_writer().1);
    journal.objects.push(object);
    let forked = |count: u64| {
        let mut fork = Journal::new();
        fork.objects = journal.objects.clone();
        while (fork.objects.len() as u64) < count {
            let n = fork.objects.len() as u64;
            let previous = ObjectHash::of(&fork.objects[fork.objects.len() - 1]);
            let object = fork.seal(n, previous, 11, journal::end_writer().1);
            fork.objects.push(object);
        }
        Maker::of(fork)
    };
    assert_eq!(reason(&forked(7)), Alarm::Forked { size: 7 });
    assert_eq!(reason(&forked(9)), Alarm::Forked { size: 7 });
    assert_eq!(
        reason(&forked(6)),
        Alarm::Shrunk {
            remembered: 7,
            shown: 6
        }
    );

    // The truth goes on.
    let mut journal = Journal::new();
    journal.push_evidence();
    assert!(verify_bundle(&Maker::of(journal).bytes(), &trust).is_ok());
}

#[test]
fn a_history_that_is_not_a_chain_is_found_though_it_is_signed() {
    let mut journal = Journal::new();
    let object = journal.seal(
        4,
        ObjectHash::of(b"something else"),
        11,
        journal::end_writer().1,
    );
    journal.objects[4] = object;
    let bytes = Maker::of(journal).bytes();
    assert_eq!(reason(&bytes), BundleError::BrokenChain { n: 4 });

    let mut journal = Journal::new();
    let genesis = journal.seal(0, ObjectHash::of(b"config"), 11, journal::end_writer().1);
    journal.objects[0] = genesis;
    let bytes = Maker::of(journal).bytes();
    let trust = trust().with_memory(Monitor::new(ORIGIN));
    assert_eq!(
        verify_bundle(&bytes, &trust).unwrap_err(),
        BundleError::WrongGenesis
    );
}

/// A history that goes on behind another entry is no repair, whoever signed that.
#[test]
fn only_a_bridge_stands_in_the_place_of_an_entry() {
    let mut maker = Maker::new();
    let previous = ObjectHash::of(&maker.journal.objects[5]);
    let other = maker.journal.seal(6, previous, 10, journal::end_writer().1);
    maker.whole.retain(|n| *n != 6);
    maker.absent = vec![(6, Some(other))];
    let what = "what stands in its place is no Bridge";
    assert_eq!(reason(&maker.bytes()), BundleError::Entry { n: 6, what });
    // A Bridge that no admin signed is none.
    maker.absent = vec![(6, Some(maker.journal.bridge(6, 11)))];
    assert_eq!(reason(&maker.bytes()), BundleError::Entry { n: 6, what });
    maker.absent = vec![(6, Some(maker.journal.bridge(6, 10)))];
    assert!(verify(&maker.bytes()).is_ok());
}

#[test]
fn the_audit_before_must_be_continued() {
    let maker = Maker {
        audited: Some(3),
        ..Maker::new()
    };
    let bytes = maker.bytes();
    let proof = joined(&prove_consistency(&maker.tree(), 2, 7).unwrap());
    let changed = resealed(&bytes, |sections| *set(sections, "consistency") = proof);
    assert_eq!(
        reason(&changed),
        BundleError::Inconsistent {
            audited: 3,
            shown: 7
        }
    );
    let stranger = Maker {
        signer: signer(ORIGIN, KeyKind::Note, 77),
        ..Maker::new()
    };
    let head = stranger.head(3).to_string().into_bytes();
    let changed = resealed(&bytes, |sections| *set(sections, "audited") = head);
    assert!(matches!(reason(&changed), BundleError::Audited(_)));
}

#[test]
fn rotations_must_hold() {
    let new = || signer(ORIGIN, KeyKind::Note, 50);
    let rotate = |head: TreeHead, old: &NoteSigner| {
        let rotations = vec![Rotation::new(head, old, &new()).unwrap()];
        Maker {
            rotations,
            signer: new(),
            sealer: new(),
            ..Maker::new()
        }
    };
    let fork = TreeHead::new(ORIGIN, 4, TreeHash::empty()).unwrap();
    assert_eq!(
        reason(&rotate(fork, &log_signer()).bytes()),
        BundleError::Rotation { index: 0 }
    );
    // Whoever is not the log replaces nothing.
    let head = Maker::new().head(4).head().clone();
    let forged = rotate(head, &signer(ORIGIN, KeyKind::Note, 60)).bytes();
    assert_eq!(reason(&forged), BundleError::Seal(NoteError::UnknownSigner));
}

#[test]
fn another_log_and_another_repository_are_told() {
    let bytes = Maker::new().bytes();
    let other = strongroom_crypt::RepositoryId::from_bytes([9; 16]);
    let error = verify_bundle(&bytes, &trust().with_repository(other)).unwrap_err();
    assert_eq!(
        error,
        BundleError::WrongRepository {
            found: Journal::new().repository.to_string()
        }
    );
    let error = verify_bundle(&bytes, &trust().with_memory(Monitor::new("other"))).unwrap_err();
    assert!(matches!(
        error,
        BundleError::Head(Alarm::WrongOrigin { .. })
    ));
    let stranger = signer("other", KeyKind::Note, 1);
    let trust = TrustPolicy::new(WitnessPolicy::of_log(stranger.public().clone()));
    let unknown = EndorsementError::UnknownLog(ORIGIN.to_owned());
    assert_eq!(
        verify_bundle(&bytes, &trust).unwrap_err(),
        BundleError::Head(Alarm::NotEndorsed(unknown))
    );
}

/// A seal has signatures of known keys and no others, so that nothing about it can be changed either.
#[test]
fn a_seal_has_no_stranger() {
    let bytes = Maker::new().bytes();
    let sealed = Parts::read(&bytes).unwrap().sealed.to_vec();
    let stranger = signer("stranger", KeyKind::Note, 1);
    assert_eq!(
        reason(&seal(sealed.clone(), &stranger)),
        BundleError::Seal(NoteError::UnknownSigner)
    );
    let both =
        String::from_utf8(seal(sealed.clone(), &log_signer())[sealed.len()..].to_vec()).unwrap();
    let (_, note) = both.split_once('\n').unwrap();
    let mut note = crate::Note::parse(note.as_bytes()).unwrap();
    note.sign(&stranger, 0);
    let note = note.to_string();
    let bytes = [sealed, format!("seal {}\n{note}", note.len()).into_bytes()].concat();
    assert_eq!(reason(&bytes), BundleError::Seal(NoteError::UnknownSigner));
}
