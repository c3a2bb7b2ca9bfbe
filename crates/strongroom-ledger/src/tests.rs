//! Every proof of every small tree, against RFC 6962 word for word.

use crate::testing::{leaves, naive_path, naive_root, naive_subproof};
use crate::{
    Frontier, MemoryTree, TreeHash, prove_consistency, prove_cover, prove_inclusion,
    verify_consistency, verify_cover, verify_inclusion,
};

const SIZES: u16 = 300;

#[test]
fn roots_of_all_sizes_are_the_naive_ones() {
    let hashes = leaves(SIZES.into());
    let (mut frontier, mut memory) = (Frontier::new(), MemoryTree::new());
    for size in 0..=usize::from(SIZES) {
        let root = naive_root(&hashes[..size]);
        assert_eq!(frontier.root(), root);
        assert_eq!(memory.root(size as u64), Some(root));
        if let Some(hash) = hashes.get(size) {
            frontier.push(*hash);
            memory.push(*hash);
        }
    }
    assert_eq!(
        (frontier.size(), memory.size()),
        (SIZES.into(), SIZES.into())
    );
    assert_eq!(memory.root(u64::from(SIZES) + 1), None);
}

/// All sizes and all leaves: made and verified. The naive proofs, which are slow, for every small tree and some of the others.
#[test]
fn inclusion_is_proven_for_all_sizes() {
    let hashes = leaves(SIZES.into());
    let tree: MemoryTree = hashes.iter().copied().collect();
    for size in 1..=u64::from(SIZES) {
        let root = tree.root(size).unwrap();
        let count = usize::try_from(size).unwrap();
        for (index, leaf) in (0..).zip(&hashes[..count]) {
            let path = prove_inclusion(&tree, index, size).unwrap();
            if size < 70 || index % 29 == 0 || index + 1 == size {
                let place = usize::try_from(index).unwrap();
                assert_eq!(
                    path,
                    naive_path(place, &hashes[..count]),
                    "{index} of {size}"
                );
            }
            assert_eq!(verify_inclusion(*leaf, index, size, &root, &path), Ok(()));
            // Another place, another leaf, another length.
            assert!(verify_inclusion(*leaf, index ^ 1, size, &root, &path).is_err() || size == 1);
            assert!(verify_inclusion(root, index, size, &root, &path).is_err() || size == 1);
            let longer = [path.as_slice(), &[root]].concat();
            assert!(verify_inclusion(*leaf, index, size, &root, &longer).is_err());
        }
        assert!(verify_inclusion(hashes[0], size, size, &root, &[]).is_err());
    }
}

#[test]
fn consistency_is_proven_for_all_sizes() {
    let hashes = leaves(SIZES.into());
    let tree: MemoryTree = hashes.iter().copied().collect();
    let root = |size| tree.root(size).unwrap();
    for new in 0..=u64::from(SIZES) {
        let new_root = root(new);
        for old in 0..=new {
            let proof = prove_consistency(&tree, old, new).unwrap();
            if old > 0 && (new < 70 || old % 31 == 0 || old + 1 == new) {
                let (old, new) = (usize::try_from(old).unwrap(), usize::try_from(new).unwrap());
                assert_eq!(
                    proof,
                    naive_subproof(old, &hashes[..new], true),
                    "{old} of {new}"
                );
            }
            assert!(proof.len() <= crate::MAX_CONSISTENCY_HASHES);
            let old_root = root(old);
            assert_eq!(
                verify_consistency((old, &old_root), (new, &new_root), &proof),
                Ok(())
            );
            let verify = |old: (u64, &TreeHash), new: (u64, &TreeHash), proof: &[TreeHash]| {
                verify_consistency(old, new, proof).is_ok()
            };
            assert!(!verify((old, &hashes[0]), (new, &new_root), &proof) || old == 1);
            assert!(!verify((old, &old_root), (new, &hashes[1]), &proof) || old == 0);
            assert!(!verify((new + 1, &old_root), (new, &new_root), &proof));
            let longer = [proof.as_slice(), &[old_root]].concat();
            assert!(!verify((old, &old_root), (new, &new_root), &longer));
            if let Some((_, shorter)) = proof.split_last() {
                assert!(
                    !verify(
                        (old, &old_root),
                        (new, &new_root),
                        shorter.split_first().map_or(&[], |(_, rest)| rest)
                    ) || shorter.is_empty()
                );
            }
        }
    }
}

/// All sets of leaves of all trees of up to ten leaves; for one leaf it is the audit path, for all it is nothing.
#[test]
fn one_proof_covers_any_leaves() {
    let hashes = leaves(10);
    let tree: MemoryTree = hashes.iter().copied().collect();
    for size in 0..=10_u32 {
        let root = tree.root(size.into()).unwrap();
        for set in 0..1_u32 << size {
            let indices: Vec<u64> = (0..u64::from(size)).filter(|n| set >> n & 1 == 1).collect();
            let chosen: Vec<_> = indices
                .iter()
                .map(|n| (*n, hashes[usize::try_from(*n).unwrap()]))
                .collect();
            let proof = prove_cover(&tree, &indices, size.into()).unwrap();
            assert_eq!(verify_cover(&chosen, size.into(), &root, &proof), Ok(()));
            if let [(index, _)] = chosen.as_slice() {
                let mut path = prove_inclusion(&tree, *index, size.into()).unwrap();
                let mut sorted = proof.clone();
                path.sort();
                sorted.sort();
                assert_eq!(path, sorted);
            }
            assert_eq!(proof.is_empty(), chosen.len() == size as usize);
            check_wrong_covers(&chosen, size.into(), &root, &proof);
        }
    }
}

fn check_wrong_covers(chosen: &[(u64, TreeHash)], size: u64, root: &TreeHash, proof: &[TreeHash]) {
    let fails = |leaves: &[(u64, TreeHash)], size, proof: &[TreeHash]| {
        assert!(verify_cover(leaves, size, root, proof).is_err());
    };
    fails(chosen, size, &[proof, &[*root]].concat());
    if let Some((_, shorter)) = proof.split_last() {
        fails(chosen, size, shorter);
    }
    if let Some((last, shorter)) = chosen.split_last() {
        fails(shorter, size, proof);
        fails(&[shorter, &[(last.0 + 1, last.1)]].concat(), size, proof);
        fails(
            &[shorter, &[(last.0, TreeHash::empty())]].concat(),
            size,
            proof,
        );
        fails(&[chosen, &[*last]].concat(), size, proof);
        fails(chosen, last.0, proof);
    }
}
