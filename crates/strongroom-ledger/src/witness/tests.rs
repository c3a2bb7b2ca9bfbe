use std::convert::Infallible;

use super::*;
use crate::testing::{ORIGIN, leaves, log_key, log_signer, signer, witness_signer};
use crate::{MemoryTree, TreeHash, prove_consistency};

fn witness() -> Witness {
    Witness::new(witness_signer(1), vec![log_key()]).unwrap()
}

fn tree() -> MemoryTree {
    leaves(20).into_iter().collect()
}

fn head(tree: &MemoryTree, size: u64) -> SignedHead {
    TreeHead::new(ORIGIN, size, tree.root(size).unwrap())
        .unwrap()
        .sign(&log_signer())
}

fn request(tree: &MemoryTree, old: u64, size: u64) -> Vec<u8> {
    let proof = prove_consistency(tree, old.min(size), size).unwrap();
    WitnessRequest::new(old, proof, head(tree, size))
        .to_string()
        .into_bytes()
}

fn refused(decision: Decision) -> (WitnessStatus, String) {
    match decision {
        Decision::Refused(response) => (response.status, response.body),
        Decision::Accepted(_) => panic!("it was accepted"),
    }
}

fn accepted(decision: Decision) -> (WitnessState, WitnessResponse) {
    match decision {
        Decision::Accepted(unsaved) => unsaved.save(|_, _| Ok::<(), Infallible>(())).unwrap(),
        Decision::Refused(response) => panic!("{response:?}"),
    }
}

#[test]
fn what_continues_is_cosigned_and_remembered() {
    let (witness, tree) = (witness(), tree());
    let mut state = WitnessState::default();
    for (old, size) in [(0, 3), (3, 8), (8, 8), (8, 20)] {
        let (after, response) = accepted(witness.decide(&state, &request(&tree, old, size), 77));
        assert_eq!(response.status.code(), 200);
        let mut signed = head(&tree, size);
        let added = merge_answers(
            &mut signed,
            &[response.body.as_bytes(), b"\xff", b"no lines"],
            &[witness.key()],
        );
        assert_eq!(added, 1);
        let verified = signed.note().verify(&[witness.key()]).unwrap();
        assert_eq!(verified[0].time, Some(77));
        assert_eq!(after.seen(ORIGIN), (size, tree.root(size).unwrap()));
        assert_eq!(WitnessState::parse(&after.to_string()), Ok(after.clone()));
        state = after;
    }
    assert_eq!(state.seen("another"), (0, TreeHash::empty()));
}

/// Every answer of the specification.
#[test]
fn what_does_not_continue_is_refused() {
    let (witness, tree) = (witness(), tree());
    let (state, _) = accepted(witness.decide(&WitnessState::default(), &request(&tree, 0, 8), 1));
    let decide = |bytes: &[u8]| refused(witness.decide(&state, bytes, 2));
    let status = |status: WitnessStatus| (status, String::new());

    // Another size is remembered: whoever asks learns it, and asks again once. There is no loop.
    let conflict = (WitnessStatus::Conflict, "8\n".to_owned());
    assert_eq!(decide(&request(&tree, 0, 20)), conflict);
    assert_eq!(decide(&request(&tree, 9, 20)), conflict);
    assert_eq!(conflict.0.content_type(), "text/x.tlog.size");
    // An old head, replayed.
    assert_eq!(decide(&request(&tree, 3, 3)), conflict);
    assert_eq!(
        decide(&request(&tree, 8, 3)),
        status(WitnessStatus::Malformed)
    );
    // A fork of the same size, and of a larger one.
    let forked: MemoryTree = leaves(20).into_iter().rev().collect();
    assert_eq!(decide(&request(&forked, 8, 8)), conflict);
    assert_eq!(
        decide(&request(&forked, 8, 20)),
        status(WitnessStatus::Unproven)
    );
    // Another proof, none, and one that is too long.
    let proof = |proof| {
        WitnessRequest::new(8, proof, head(&tree, 20))
            .to_string()
            .into_bytes()
    };
    assert_eq!(decide(&proof(Vec::new())), status(WitnessStatus::Unproven));
    assert_eq!(
        decide(&proof(vec![TreeHash::empty(); 63])),
        status(WitnessStatus::Unproven)
    );
    assert_eq!(
        decide(&proof(vec![TreeHash::empty(); 64])),
        status(WitnessStatus::Malformed)
    );
    assert_eq!(decide(b"old 8\n\n"), status(WitnessStatus::Malformed));
    // Other logs, other keys.
    let sign = |origin: &str, seed| {
        let head = TreeHead::new(origin, 20, tree.root(20).unwrap()).unwrap();
        let signed = head.sign(&signer(origin, KeyKind::Note, seed));
        WitnessRequest::new(8, Vec::new(), signed)
            .to_string()
            .into_bytes()
    };
    assert_eq!(
        decide(&sign("other.example", 1)),
        status(WitnessStatus::UnknownLog)
    );
    assert_eq!(
        decide(&sign(ORIGIN, 2)),
        status(WitnessStatus::UnknownSigner)
    );
}

#[test]
fn a_known_key_whose_signature_fails_is_refused() {
    let (witness, tree) = (witness(), tree());
    let text = String::from_utf8(request(&tree, 0, 8))
        .unwrap()
        .replace("\n8\n", "\n7\n");
    let decision = witness.decide(&WitnessState::default(), text.as_bytes(), 2);
    assert_eq!(refused(decision).0.code(), 403);
}

/// The answer cannot be had before what it answers for is saved.
#[test]
fn nothing_is_answered_that_was_not_saved() {
    let (witness, tree) = (witness(), tree());
    let before = WitnessState::default();
    let Decision::Accepted(unsaved) = witness.decide(&before, &request(&tree, 0, 8), 1) else {
        panic!("it was refused");
    };
    assert_eq!(
        unsaved.save(|_, _| Err("the disk is full")).unwrap_err(),
        "the disk is full"
    );

    // Two requests at once: the second finds another state than it was decided by.
    let mut stored = before.clone();
    let mut save = |expected: &WitnessState, new: &WitnessState| match stored == *expected {
        true => {
            stored = new.clone();
            Ok(())
        }
        false => Err("somebody was faster"),
    };
    let decide = |size| witness.decide(&before, &request(&tree, 0, size), 1);
    let (Decision::Accepted(one), Decision::Accepted(two)) = (decide(8), decide(3)) else {
        panic!("it was refused");
    };
    assert!(one.save(&mut save).is_ok());
    assert_eq!(two.save(&mut save).unwrap_err(), "somebody was faster");
    assert_eq!(stored.seen(ORIGIN).0, 8);
}

#[test]
fn keys_are_for_what_they_are_for() {
    assert!(Witness::new(log_signer(), vec![log_key()]).is_none());
    assert!(Witness::new(witness_signer(1), vec![witness_signer(2).public().clone()]).is_none());
}

#[test]
fn what_is_no_state_is_refused() {
    let root = TreeHash::empty();
    let one = format!("a\n0\n{root}\n\n");
    for text in [
        "\n\n".to_owned(),
        one.trim_end().to_owned(),
        format!("{one}{one}"),
        format!("b\n0\n{root}\n\n{one}"),
        format!("a\n0\n{root}\next\n\n"),
        format!("{one}rest"),
    ] {
        assert!(WitnessState::parse(&text).is_err(), "{text:?}");
    }
    assert_eq!(WitnessState::parse("").unwrap(), WitnessState::default());
    assert!(WitnessState::parse(&one).is_ok());
}
