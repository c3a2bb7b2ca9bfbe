//! Consistency proofs (RFC 6962, section 2.1.2).

use crate::TreeHash;
use crate::inclusion::ProofError;
use crate::subtree::{Subtrees, of_range, split};

/// Hashes that a consistency proof has at most.
pub const MAX_CONSISTENCY_HASHES: usize = 63;

/// Returns the proof that the tree of the first `old` leaves is the beginning of that of the first `new` ones. It is empty when
/// either tree is empty or they are of one size.
///
/// # Errors
///
/// Those of reading `tree`.
///
/// # Panics
///
/// When `old` is above `new`.
pub fn prove_consistency<T: Subtrees + ?Sized>(
    tree: &T,
    old: u64,
    new: u64,
) -> Result<Vec<TreeHash>, T::Error> {
    assert!(old <= new, "a tree is not the beginning of a smaller one");
    let mut proof = Vec::new();
    if old == 0 || old == new {
        return Ok(proof);
    }
    let (mut from, mut to) = (0, new);
    // RFC 6962's SUBPROOF, from the top: until the old tree ends where a subtree does.
    while old != to {
        let middle = from + split(to - from);
        if old <= middle {
            proof.push(of_range(tree, middle, to)?);
            to = middle;
        } else {
            proof.push(of_range(tree, from, middle)?);
            from = middle;
        }
    }
    // The old tree's root is known when that subtree is all of it.
    if from != 0 {
        proof.push(of_range(tree, from, to)?);
    }
    proof.reverse();
    Ok(proof)
}

/// Checks that the tree with the old size and root is the beginning of the one with the new size and root.
///
/// # Errors
///
/// [`ProofError`] if that is not proven, if `old` is above `new`, and if the proof is not as long as it has to be.
pub fn verify_consistency(
    (old, old_root): (u64, &TreeHash),
    (new, new_root): (u64, &TreeHash),
    proof: &[TreeHash],
) -> Result<(), ProofError> {
    let is_shown = if old > new {
        false
    } else if old == new {
        proof.is_empty() && old_root == new_root
    } else if old == 0 {
        proof.is_empty() && *old_root == TreeHash::empty()
    } else {
        grows((old, old_root), (new, new_root), proof)
    };
    is_shown.then_some(()).ok_or(ProofError)
}

fn grows(
    (old, old_root): (u64, &TreeHash),
    (new, new_root): (u64, &TreeHash),
    proof: &[TreeHash],
) -> bool {
    // As the proof was made: whether the other half, at each step from the top, is to the right of the old tree's end.
    let mut turns = Vec::new();
    let (mut from, mut to) = (0, new);
    while old != to {
        let middle = from + split(to - from);
        let is_left = old <= middle;
        turns.push(is_left);
        (from, to) = if is_left {
            (from, middle)
        } else {
            (middle, to)
        };
    }
    let (start, rest) = match (from, proof) {
        (0, rest) => (*old_root, rest),
        (_, [start, rest @ ..]) => (*start, rest),
        (_, []) => return false,
    };
    if rest.len() != turns.len() {
        return false;
    }
    let (mut old_hash, mut new_hash) = (start, start);
    for (is_left, other) in turns.iter().rev().zip(rest) {
        if *is_left {
            new_hash = TreeHash::of_node(&new_hash, other);
        } else {
            old_hash = TreeHash::of_node(other, &old_hash);
            new_hash = TreeHash::of_node(other, &new_hash);
        }
    }
    old_hash == *old_root && new_hash == *new_root
}
