use super::*;
use crate::testing::{ORIGIN, leaves, log_signer, signer};
use crate::{MemoryTree, TreeHash};

fn head(size: u64) -> TreeHead {
    let tree: MemoryTree = leaves(100).into_iter().collect();
    TreeHead::new(ORIGIN, size, tree.root(size).unwrap()).unwrap()
}

fn key(seed: u8) -> NoteSigner {
    signer(ORIGIN, KeyKind::Note, seed)
}

#[test]
fn both_keys_sign_and_each_has_its_time() {
    let (first, second, third) = (log_signer(), key(2), key(3));
    let rotations = [
        Rotation::new(head(10), &first, &second).unwrap(),
        Rotation::new(head(20), &second, &third).unwrap(),
    ];
    for rotation in &rotations {
        assert_eq!(rotation.verify(), Ok(()));
        assert_eq!(
            Rotation::parse(rotation.to_string().as_bytes()).as_ref(),
            Ok(rotation)
        );
    }
    let policy = WitnessPolicy::of_log(first.public().clone());
    let keys = KeyChain::new(&policy, &rotations);
    for (size, signers) in [
        (0, vec![&first]),
        (10, vec![&first, &second]),
        (15, vec![&second]),
        (20, vec![&second, &third]),
        (99, vec![&third]),
    ] {
        let expected: Vec<_> = signers.iter().map(|signer| signer.public()).collect();
        assert_eq!(keys.at(ORIGIN, size), expected, "{size}");
        let accepts = |signer: &NoteSigner| keys.verify(&head(size).sign(signer)).is_ok();
        for signer in [&first, &second, &third] {
            assert_eq!(accepts(signer), expected.contains(&signer.public()));
        }
    }
    // Who knows the last key needs none of this.
    let policy = WitnessPolicy::of_log(third.public().clone());
    assert_eq!(
        KeyChain::new(&policy, &rotations).at(ORIGIN, 99),
        [third.public()]
    );
}

/// Whoever has the old key alone, or neither, replaces nothing.
#[test]
fn one_signature_is_not_enough() {
    let (old, new, thief) = (log_signer(), key(2), key(9));
    let rotation = Rotation::new(head(10), &old, &new).unwrap();
    let text = rotation.to_string();
    let lines: Vec<_> = text.split_inclusive('\n').collect();
    let (without_new, without_old) = (
        lines[..lines.len() - 1].concat(),
        [&lines[..lines.len() - 2], &lines[lines.len() - 1..]]
            .concat()
            .concat(),
    );
    let policy = WitnessPolicy::of_log(old.public().clone());
    for text in [without_new, without_old] {
        let rotation = [Rotation::parse(text.as_bytes()).unwrap()];
        assert!(rotation[0].verify().is_err());
        assert_eq!(
            KeyChain::new(&policy, &rotation).at(ORIGIN, 50),
            [old.public()]
        );
    }
    let forged = [Rotation::new(head(10), &thief, &new).unwrap()];
    assert_eq!(
        KeyChain::new(&policy, &forged).at(ORIGIN, 50),
        [old.public()]
    );
    for changed in [
        text.replace("\n10\n", "\n11\n"),
        text.replace(&head(10).root().to_string(), &TreeHash::empty().to_string()),
    ] {
        assert!(
            Rotation::parse(changed.as_bytes())
                .unwrap()
                .verify()
                .is_err()
        );
    }
}

#[test]
fn a_rotation_is_of_one_log_and_two_keys() {
    let old = log_signer();
    assert!(Rotation::new(head(1), &old, &old).is_err());
    assert!(Rotation::new(head(1), &old, &signer("other", KeyKind::Note, 2)).is_err());
    assert!(Rotation::new(head(1), &old, &signer(ORIGIN, KeyKind::Cosigner, 2)).is_err());
    let text = Rotation::new(head(1), &old, &key(2)).unwrap().to_string();
    for (from, to) in [
        ("v1\n", "v2\n"),
        (LABEL, ""),
        ("\n1\n", "\n01\n"),
        (ORIGIN, "other"),
    ] {
        assert!(
            Rotation::parse(text.replacen(from, to, 1).as_bytes()).is_err(),
            "{from}"
        );
    }
}
