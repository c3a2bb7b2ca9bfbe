//! Where hashes of complete subtrees come from, and what is computed from them.

use std::convert::Infallible;

use crate::TreeHash;

/// The hashes of complete subtrees.
///
/// # Contract
///
/// 1. `hash(level, index)` is the root of the leaves from `index << level` on, `1 << level` of them, of RFC 6962, section 2.1.
/// 2. It is asked only for subtrees that lie within the tree.
pub trait Subtrees {
    /// Why a hash cannot be had.
    type Error;

    /// Returns the root of one complete subtree.
    ///
    /// # Errors
    ///
    /// Whatever keeps the hash from being read.
    fn hash(&self, level: u32, index: u64) -> Result<TreeHash, Self::Error>;
}

/// A whole tree in memory: 64 bytes a leaf.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct MemoryTree {
    /// Hashes of the complete subtrees, by level.
    levels: Vec<Vec<TreeHash>>,
}

impl MemoryTree {
    /// Makes the empty tree.
    #[must_use]
    pub const fn new() -> Self {
        Self { levels: Vec::new() }
    }

    /// Adds the hash of the next leaf.
    pub fn push(&mut self, leaf: TreeHash) {
        let mut hash = leaf;
        for level in 0.. {
            if self.levels.len() == level {
                self.levels.push(Vec::new());
            }
            let Some(hashes) = self.levels.get_mut(level) else {
                return;
            };
            hashes.push(hash);
            let [.., left, right] = hashes.as_slice() else {
                return;
            };
            if hashes.len() % 2 == 1 {
                return;
            }
            hash = TreeHash::of_node(left, right);
        }
    }

    /// Returns how many leaves there are.
    #[must_use]
    pub fn size(&self) -> u64 {
        self.levels.first().map_or(0, |leaves| leaves.len() as u64)
    }

    /// Returns the root of the first `size` leaves, if there are so many.
    #[must_use]
    pub fn root(&self, size: u64) -> Option<TreeHash> {
        if size > self.size() {
            return None;
        }
        match root(self, size) {
            Ok(root) => Some(root),
            Err(never) => match never {},
        }
    }
}

impl Subtrees for MemoryTree {
    type Error = Infallible;

    /// # Panics
    ///
    /// For a subtree that is not within the tree.
    fn hash(&self, level: u32, index: u64) -> Result<TreeHash, Infallible> {
        let find = || {
            let hashes = self.levels.get(usize::try_from(level).ok()?)?;
            hashes.get(usize::try_from(index).ok()?)
        };
        Ok(*find().expect("the caller asks for what is within the tree"))
    }
}

impl FromIterator<TreeHash> for MemoryTree {
    fn from_iter<I: IntoIterator<Item = TreeHash>>(leaves: I) -> Self {
        let mut tree = Self::new();
        leaves.into_iter().for_each(|leaf| tree.push(leaf));
        tree
    }
}

/// Returns the root of the first `size` leaves of a tree that has at least so many.
///
/// # Errors
///
/// Those of reading `tree`.
pub fn root<T: Subtrees + ?Sized>(tree: &T, size: u64) -> Result<TreeHash, T::Error> {
    match size {
        0 => Ok(TreeHash::empty()),
        _ => of_range(tree, 0, size),
    }
}

/// The root of the leaves `from..to`, a range that RFC 6962 makes when it splits: `from` is a multiple of the power of two that
/// is next above the length.
pub(crate) fn of_range<T: Subtrees + ?Sized>(
    tree: &T,
    from: u64,
    to: u64,
) -> Result<TreeHash, T::Error> {
    let len = to - from;
    if len.is_power_of_two() {
        let level = len.trailing_zeros();
        return tree.hash(level, from >> level);
    }
    let middle = from + split(len);
    let left = of_range(tree, from, middle)?;
    let right = of_range(tree, middle, to)?;
    Ok(TreeHash::of_node(&left, &right))
}

/// The largest power of two below `len`, which is at least 2.
pub(crate) const fn split(len: u64) -> u64 {
    1 << (63 - (len - 1).leading_zeros())
}
