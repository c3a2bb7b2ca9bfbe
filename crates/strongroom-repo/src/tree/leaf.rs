//! A page of entries that was read, and entries in it that are not copied out of it.

use std::sync::Arc;

use strongroom_crypt::Id;
use strongroom_format::{Leaf, Node, Ref, RefKind};

use super::TreeEntry;

/// A page of a directory's entries with its names.
#[derive(Debug)]
pub(crate) struct StoredLeaf {
    /// The page.
    pub(crate) id: Id,
    pub(crate) names: Leaf,
    /// The page's references, the first of which is its names.
    pub(crate) refs: Vec<Ref>,
}

/// An entry of a stored directory, where it was read. A clone is the same entry.
#[derive(Debug, Clone)]
pub(crate) struct Recorded {
    leaf: Arc<StoredLeaf>,
    /// Below the number of the leaf's entries.
    at: usize,
}

impl StoredLeaf {
    /// Returns what refers to the page: its length is that of the content below.
    pub(crate) fn reference(&self) -> Ref {
        let below = self.refs.iter().filter(|one| one.kind != RefKind::Names);
        Ref {
            id: self.id,
            len: below
                .fold(0u64, |sum, one| sum.saturating_add(one.len))
                .min((1 << 56) - 1),
            kind: RefKind::Page,
        }
    }

    /// Returns the part of the references that is an entry's; none when the page has not got them.
    pub(super) fn refs_of(&self, node: &Node) -> &[Ref] {
        let first = node.first_ref as usize;
        // Position 0 is the names blob.
        let own = match node.refs {
            0 => None,
            _ if first == 0 => None,
            count => first
                .checked_add(count as usize)
                .and_then(|end| self.refs.get(first..end)),
        };
        own.unwrap_or_default()
    }

    /// Copies an entry with what it refers to.
    pub(super) fn entry(&self, at: usize) -> Option<TreeEntry> {
        let node = self.names.entries.get(at)?;
        Some(TreeEntry {
            node: node.clone(),
            refs: self.refs_of(node).to_vec(),
        })
    }
}

impl Recorded {
    /// Names an entry of a leaf; `None` if the leaf has not so many.
    pub(crate) fn new(leaf: &Arc<StoredLeaf>, at: usize) -> Option<Self> {
        (at < leaf.names.entries.len()).then(|| Self {
            leaf: Arc::clone(leaf),
            at,
        })
    }

    /// Returns the leaf that it is in.
    pub(crate) fn leaf(&self) -> &Arc<StoredLeaf> {
        &self.leaf
    }

    /// Returns its metadata.
    pub(crate) fn node(&self) -> &Node {
        let node = self.leaf.names.entries.get(self.at);
        node.expect("it was made for an entry that the leaf has")
    }

    /// Returns what it refers to.
    pub(crate) fn refs(&self) -> &[Ref] {
        self.leaf.refs_of(self.node())
    }

    /// Says whether it is the first entry of its leaf.
    pub(crate) fn is_first(&self) -> bool {
        self.at == 0
    }

    /// Says whether it is the last entry of its leaf.
    pub(crate) fn is_last(&self) -> bool {
        self.at + 1 == self.leaf.names.entries.len()
    }

    /// Says whether it comes right after another one in the same leaf.
    pub(crate) fn comes_after(&self, other: &Self) -> bool {
        Arc::ptr_eq(&self.leaf, &other.leaf) && self.at == other.at + 1
    }

    /// Returns all entries of its leaf up to and with itself.
    pub(crate) fn up_to_here(&self) -> impl Iterator<Item = Self> + '_ {
        (0..=self.at).filter_map(|at| Self::new(&self.leaf, at))
    }
}
