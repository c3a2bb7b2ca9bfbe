//! The right edge of a growing tree: all that is needed to go on, and to know the root.

use crate::TreeHash;

/// A tree that grows by one leaf at a time and keeps one hash for each of its complete subtrees: at most 64.
///
/// ```
/// use strongroom_ledger::{Frontier, TreeHash};
///
/// let mut tree = Frontier::new();
/// assert_eq!(tree.root(), TreeHash::empty());
/// tree.push(TreeHash::of_leaf(b"first"));
/// tree.push(TreeHash::of_leaf(b"second"));
/// assert_eq!(tree.size(), 2);
/// ```
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Frontier {
    size: u64,
    /// Roots of the complete subtrees, from the largest to the smallest.
    hashes: Vec<TreeHash>,
}

impl Frontier {
    /// Makes the empty tree.
    #[must_use]
    pub const fn new() -> Self {
        Self {
            size: 0,
            hashes: Vec::new(),
        }
    }

    /// Adds the hash of the next leaf.
    ///
    /// # Panics
    ///
    /// When there are 2^64 − 1 leaves.
    pub fn push(&mut self, leaf: TreeHash) {
        let mut hash = leaf;
        for _ in 0..self.size.trailing_ones() {
            if let Some(left) = self.hashes.pop() {
                hash = TreeHash::of_node(&left, &hash);
            }
        }
        self.hashes.push(hash);
        assert!(self.size < u64::MAX, "a log is never that long");
        self.size += 1;
    }

    /// Returns how many leaves there are.
    #[must_use]
    pub const fn size(&self) -> u64 {
        self.size
    }

    /// Returns the root of the tree.
    #[must_use]
    pub fn root(&self) -> TreeHash {
        let mut hashes = self.hashes.iter().rev().copied();
        let smallest = hashes.next();
        smallest.map_or_else(TreeHash::empty, |smallest| {
            hashes.fold(smallest, |right, left| TreeHash::of_node(&left, &right))
        })
    }
}

impl Extend<TreeHash> for Frontier {
    fn extend<I: IntoIterator<Item = TreeHash>>(&mut self, leaves: I) {
        leaves.into_iter().for_each(|leaf| self.push(leaf));
    }
}

impl FromIterator<TreeHash> for Frontier {
    fn from_iter<I: IntoIterator<Item = TreeHash>>(leaves: I) -> Self {
        let mut tree = Self::new();
        tree.extend(leaves);
        tree
    }
}
