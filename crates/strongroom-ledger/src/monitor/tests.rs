use super::*;
use crate::testing::{ORIGIN, leaves, log_key, log_signer, signer};
use crate::{KeyKind, MemoryTree, NoteError, prove_consistency};

fn head(tree: &MemoryTree, size: u64) -> SignedHead {
    TreeHead::new(ORIGIN, size, tree.root(size).unwrap())
        .unwrap()
        .sign(&log_signer())
}

fn observe(
    monitor: &mut Monitor,
    signed: &SignedHead,
    proof: &[TreeHash],
) -> Result<Observed, Alarm> {
    monitor.observe(signed, proof, &WitnessPolicy::of_log(log_key()), &[])
}

fn watching(tree: &MemoryTree, sizes: &[u64]) -> Monitor {
    let mut monitor = Monitor::new(ORIGIN);
    for size in sizes {
        let old = monitor.last().map_or(0, |(old, _)| old);
        let proof = prove_consistency(tree, old, *size).unwrap();
        observe(&mut monitor, &head(tree, *size), &proof).unwrap();
    }
    monitor
}

#[test]
fn every_lie_has_its_name() {
    let tree: MemoryTree = leaves(40).into_iter().collect();
    let forked: MemoryTree = leaves(41).into_iter().skip(1).collect();
    let mut monitor = watching(&tree, &[3, 10, 20]);
    let before = monitor.clone();
    let mut alarm =
        |signed: &SignedHead, proof: &[TreeHash]| observe(&mut monitor, signed, proof).unwrap_err();

    assert_eq!(
        alarm(&head(&tree, 10), &[]),
        Alarm::Replayed {
            remembered: 20,
            shown: 10
        }
    );
    assert_eq!(
        alarm(&head(&tree, 12), &[]),
        Alarm::Shrunk {
            remembered: 20,
            shown: 12
        }
    );
    assert_eq!(alarm(&head(&forked, 20), &[]), Alarm::Forked { size: 20 });
    assert_eq!(alarm(&head(&forked, 10), &[]), Alarm::Forked { size: 10 });
    let unproven = Alarm::Unproven {
        remembered: 20,
        shown: 30,
    };
    assert_eq!(alarm(&head(&tree, 30), &[]), unproven);
    let proof = prove_consistency(&forked, 20, 30).unwrap();
    assert_eq!(alarm(&head(&forked, 30), &proof), unproven);
    let other = TreeHead::new("other.example", 30, TreeHash::empty()).unwrap();
    let wrong = Alarm::WrongOrigin {
        expected: ORIGIN.to_owned(),
        found: "other.example".to_owned(),
    };
    assert_eq!(alarm(&other.sign(&log_signer()), &[]), wrong);
    let stranger = signer(ORIGIN, KeyKind::Note, 9);
    let signed = head(&tree, 30).head().clone().sign(&stranger);
    let unknown = Alarm::NotEndorsed(EndorsementError::Note(NoteError::UnknownSigner));
    assert_eq!(alarm(&signed, &[]), unknown);
    // Nothing of this was remembered.
    assert_eq!(monitor, before);
}

#[test]
fn what_continues_is_remembered() {
    let tree: MemoryTree = leaves(40).into_iter().collect();
    let mut monitor = watching(&tree, &[20]);
    assert!(matches!(
        observe(&mut monitor, &head(&tree, 20), &[]),
        Ok(Observed::Same(_))
    ));
    let proof = prove_consistency(&tree, 20, 40).unwrap();
    let grown = observe(&mut monitor, &head(&tree, 40), &proof).unwrap();
    assert!(matches!(grown, Observed::Grown { from: 20, .. }));
    assert_eq!(monitor.last(), Some((40, tree.root(40).unwrap())));
    assert_eq!(Monitor::parse(&monitor.to_string()), Ok(monitor));
    for text in ["", "origin", "o\n1", "o\n1 x\n", "o\n01 x\n"] {
        assert!(Monitor::parse(text).is_err(), "{text:?}");
    }
    let root = TreeHash::empty();
    assert!(Monitor::parse(&format!("o\n2 {root}\n2 {root}\n")).is_err());
}

#[test]
fn memory_is_bounded_and_keeps_the_first_and_the_last() {
    let tree: MemoryTree = leaves(3000).into_iter().collect();
    let sizes: Vec<u64> = (1..=3000).collect();
    let monitor = watching(&tree, &sizes);
    assert!(monitor.heads.len() <= MAX_HEADS);
    assert_eq!((monitor.heads[0].0, monitor.last().unwrap().0), (1, 3000));
    assert!(
        monitor
            .heads
            .iter()
            .rev()
            .take(100)
            .map(|(size, _)| *size)
            .eq((2901..=3000).rev())
    );
}

#[test]
fn what_the_log_is_proven_to_have_had_decides() {
    let tree: MemoryTree = leaves(40).into_iter().collect();
    let monitor = watching(&tree, &[20]);
    let new = head(&tree, 40);
    let take_up = |root_at: &dyn Fn(u64) -> Option<TreeHash>| {
        let mut monitor = monitor.clone();
        monitor
            .take_up(new.head(), root_at)
            .map(|()| monitor.last())
    };
    let last = Some((40, tree.root(40).unwrap()));
    assert_eq!(take_up(&|size| tree.root(size)), Ok(last));
    assert_eq!(
        take_up(&|_| Some(TreeHash::empty())),
        Err(Alarm::Forked { size: 20 })
    );
    assert_eq!(
        take_up(&|_| None),
        Err(Alarm::Unproven {
            remembered: 20,
            shown: 40
        })
    );
}
