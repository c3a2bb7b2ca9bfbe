//! Inclusion proofs (RFC 6962, section 2.1.1).

use crate::TreeHash;
use crate::subtree::{Subtrees, of_range, split};

/// A proof does not lead to the root that it should.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("the proof does not lead to the root")]
#[expect(clippy::exhaustive_structs, reason = "it says nothing more")]
pub struct ProofError;

/// Returns the audit path of leaf `index` in the tree of the first `size` leaves, from the leaf up.
///
/// # Errors
///
/// Those of reading `tree`.
///
/// # Panics
///
/// When `index` is not below `size`.
pub fn prove_inclusion<T: Subtrees + ?Sized>(
    tree: &T,
    index: u64,
    size: u64,
) -> Result<Vec<TreeHash>, T::Error> {
    assert!(index < size, "a leaf outside the tree has no proof");
    let (mut from, mut to) = (0, size);
    let mut path = Vec::new();
    while to - from > 1 {
        let middle = from + split(to - from);
        if index < middle {
            path.push(of_range(tree, middle, to)?);
            to = middle;
        } else {
            path.push(of_range(tree, from, middle)?);
            from = middle;
        }
    }
    path.reverse();
    Ok(path)
}

/// Checks that `leaf` is leaf `index` of the tree with this size and root.
///
/// # Errors
///
/// [`ProofError`] if it is not, or if `path` is not as long as it has to be.
pub fn verify_inclusion(
    leaf: TreeHash,
    index: u64,
    size: u64,
    root: &TreeHash,
    path: &[TreeHash],
) -> Result<(), ProofError> {
    if index >= size {
        return Err(ProofError);
    }
    // The path from the root down: at each step the tree is split, and the hash is that of the other half.
    let mut turns = Vec::new();
    let (mut from, mut to) = (0, size);
    while to - from > 1 {
        let middle = from + split(to - from);
        let is_left = index < middle;
        turns.push(is_left);
        (from, to) = if is_left {
            (from, middle)
        } else {
            (middle, to)
        };
    }
    if turns.len() != path.len() {
        return Err(ProofError);
    }
    let steps = turns.iter().rev().zip(path);
    let found = steps.fold(leaf, |hash, (is_left, other)| match is_left {
        true => TreeHash::of_node(&hash, other),
        false => TreeHash::of_node(other, &hash),
    });
    (found == *root).then_some(()).ok_or(ProofError)
}
