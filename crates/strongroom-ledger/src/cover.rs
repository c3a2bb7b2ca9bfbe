//! One proof for many leaves: the tree, with a hash in the place of every part that has none of them.
//!
//! For one leaf it has the hashes of its audit path, from left to right. For all leaves it is empty. It is what an audit bundle
//! has, whose entries would otherwise repeat the upper half of the tree again and again.

use crate::TreeHash;
use crate::inclusion::ProofError;
use crate::subtree::{Subtrees, of_range, split};

/// Returns the hashes of the parts of the tree of the first `size` leaves in which none of `indices` is, from left to right.
///
/// # Errors
///
/// Those of reading `tree`.
///
/// # Panics
///
/// When `indices` are not strictly increasing and below `size`.
pub fn prove_cover<T: Subtrees + ?Sized>(
    tree: &T,
    indices: &[u64],
    size: u64,
) -> Result<Vec<TreeHash>, T::Error> {
    assert!(indices.is_sorted_by(|a, b| a < b), "leaves come in order");
    assert!(
        indices.last().is_none_or(|last| *last < size),
        "a leaf outside the tree has no proof"
    );
    let mut proof = Vec::new();
    if size > 0 {
        cover(tree, indices, 0, size, &mut proof)?;
    }
    Ok(proof)
}

fn cover<T: Subtrees + ?Sized>(
    tree: &T,
    indices: &[u64],
    from: u64,
    to: u64,
    proof: &mut Vec<TreeHash>,
) -> Result<(), T::Error> {
    if indices.is_empty() {
        proof.push(of_range(tree, from, to)?);
    } else if to - from > 1 {
        let middle = from + split(to - from);
        let (left, right) = indices.split_at(indices.partition_point(|index| *index < middle));
        cover(tree, left, from, middle, proof)?;
        cover(tree, right, middle, to, proof)?;
    }
    Ok(())
}

/// Checks that the tree with this size and root has these leaves, `(index, hash)`, at these places.
///
/// # Errors
///
/// [`ProofError`] if it has not, if `proof` has too few hashes or too many, and if the indices are not strictly increasing and below `size`.
pub fn verify_cover(
    leaves: &[(u64, TreeHash)],
    size: u64,
    root: &TreeHash,
    proof: &[TreeHash],
) -> Result<(), ProofError> {
    let is_sorted = leaves.is_sorted_by(|(a, _), (b, _)| a < b);
    if !is_sorted || leaves.last().is_some_and(|(last, _)| *last >= size) {
        return Err(ProofError);
    }
    let mut rest = proof.iter();
    let found = match size {
        0 => TreeHash::empty(),
        _ => fold(leaves, 0, size, &mut rest).ok_or(ProofError)?,
    };
    (found == *root && rest.as_slice().is_empty())
        .then_some(())
        .ok_or(ProofError)
}

fn fold(
    leaves: &[(u64, TreeHash)],
    from: u64,
    to: u64,
    proof: &mut std::slice::Iter<'_, TreeHash>,
) -> Option<TreeHash> {
    match leaves {
        [] => proof.next().copied(),
        [(_, leaf)] if to - from == 1 => Some(*leaf),
        _ => {
            let middle = from + split(to - from);
            let (left, right) =
                leaves.split_at(leaves.partition_point(|(index, _)| *index < middle));
            let left = fold(left, from, middle, proof)?;
            let right = fold(right, middle, to, proof)?;
            Some(TreeHash::of_node(&left, &right))
        }
    }
}
