//! The log itself, as its keeper has it: what to write when entries come.

use crate::head::TreeHead;
use crate::tile::{
    TILE_WIDTH, Tile, TileError, TileKind, TileTree, Tiles, hash_of, hash_tile, root_of,
};
use crate::{Leaf, TreeHash, entries, read_leaves};

/// A log that grows. It holds the tiles at its right edge, at most 256 hashes for each of eight levels, and says which files to write.
///
/// # Contract
///
/// The host writes every file of [`take_files`](Self::take_files) before it signs and publishes the [`head`](Self::head) that
/// came with them, and keeps them for ever, but for partial tiles that have become full. Files have the same bytes whenever and wherever
/// they are written, so that a second place can be a plain copy.
#[derive(Clone, Debug)]
pub struct Log {
    origin: String,
    size: u64,
    /// Hashes of the tile at the right edge, by level; fewer than 256.
    edge: Vec<Vec<TreeHash>>,
    /// Leaves of the entry bundle at the right edge; fewer than 256.
    leaves: Vec<Leaf>,
    /// Full tiles that were not taken yet.
    full: Vec<(Tile, Vec<u8>)>,
}

/// Why a log cannot be gone on with.
#[derive(Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum ResumeError<E> {
    /// Its files cannot be read, or are not what they must be.
    #[error(transparent)]
    Tiles(TileError<E>),
    /// Its files lead to another root than the head has. Another copy may help; nothing may be signed.
    #[error("the tiles do not lead to the root that was signed")]
    Root,
}

impl Log {
    /// Begins a log.
    #[must_use]
    pub fn new(origin: impl Into<String>) -> Self {
        Self {
            origin: origin.into(),
            size: 0,
            edge: Vec::new(),
            leaves: Vec::new(),
            full: Vec::new(),
        }
    }

    /// Goes on with a log whose last head is `head`.
    ///
    /// # Errors
    ///
    /// [`ResumeError`].
    pub fn resume<T: Tiles>(head: &TreeHead, tiles: &T) -> Result<Self, ResumeError<T::Error>> {
        let mut log = Self::new(head.origin());
        let size = head.size();
        let tree = TileTree::new(tiles, size);
        if root_of(&tree, size).map_err(ResumeError::Tiles)? != *head.root() {
            return Err(ResumeError::Root);
        }
        log.size = size;
        for level in 0.. {
            let hashes = size.checked_shr(8 * u32::from(level)).unwrap_or(0);
            if hashes == 0 {
                break;
            }
            let index = hashes / u64::from(TILE_WIDTH);
            log.edge.push(match hash_tile(size, level, index) {
                Some(_) => tree.hashes(level, index).map_err(ResumeError::Tiles)?,
                None => Vec::new(),
            });
        }
        if !size.is_multiple_of(u64::from(TILE_WIDTH)) {
            log.leaves = read_leaves(tiles, size, size).map_err(ResumeError::Tiles)?;
        }
        let recorded = log.leaves.iter().map(Leaf::tree_hash);
        let edge = log.edge.first().into_iter().flatten().copied();
        match recorded.eq(edge) {
            true => Ok(log),
            false => Err(ResumeError::Root),
        }
    }

    /// Returns how many leaves there are; the next entry to push has this number.
    #[must_use]
    pub const fn size(&self) -> u64 {
        self.size
    }

    /// Adds the next entry.
    ///
    /// # Panics
    ///
    /// When `leaf` has not the number that is next.
    pub fn push(&mut self, leaf: Leaf) {
        assert_eq!(
            leaf.n, self.size,
            "entries of a journal come one after another"
        );
        self.leaves.push(leaf);
        self.size += 1;
        if self.leaves.len() == usize::from(TILE_WIDTH) {
            let bytes = entries::encode(&self.leaves);
            self.leaves.clear();
            self.put(TileKind::Entries, self.size, bytes);
        }
        self.push_hash(leaf.tree_hash());
    }

    fn push_hash(&mut self, leaf: TreeHash) {
        let mut hash = leaf;
        for level in 0_u8.. {
            let place = usize::from(level);
            if self.edge.len() == place {
                self.edge.push(Vec::new());
            }
            let Some(tile) = self.edge.get_mut(place) else {
                return;
            };
            tile.push(hash);
            if tile.len() < usize::from(TILE_WIDTH) {
                return;
            }
            let full = std::mem::take(tile);
            let end = self.size >> (8 * u32::from(level));
            self.put(TileKind::Hashes(level), end, bytes_of(&full));
            let Some(root) = hash_of(&full) else { return };
            hash = root;
        }
    }

    /// Takes note of a full tile that ends before `end`.
    fn put(&mut self, kind: TileKind, end: u64, bytes: Vec<u8>) {
        let index = (end / u64::from(TILE_WIDTH)).saturating_sub(1);
        let tile = Tile::new(kind, index, TILE_WIDTH);
        self.full.extend(tile.map(|tile| (tile, bytes)));
    }

    /// Returns the files to write before the head is signed: full tiles that came since the last call, and all partial ones.
    pub fn take_files(&mut self) -> Vec<(Tile, Vec<u8>)> {
        let mut files = std::mem::take(&mut self.full);
        let partial = |kind, items: u64, width: usize| {
            let width = u16::try_from(width).ok()?;
            Tile::new(kind, items / u64::from(TILE_WIDTH), width)
        };
        for (level, hashes) in (0_u8..).zip(&self.edge) {
            let items = self.size.checked_shr(8 * u32::from(level)).unwrap_or(0);
            let tile = partial(TileKind::Hashes(level), items, hashes.len());
            files.extend(tile.map(|tile| (tile, bytes_of(hashes))));
        }
        let tile = partial(TileKind::Entries, self.size, self.leaves.len());
        files.extend(tile.map(|tile| (tile, entries::encode(&self.leaves))));
        files
    }

    /// Returns the head.
    #[must_use]
    pub fn head(&self) -> TreeHead {
        // The largest subtree is the last of the levels' last hashes: what is further left was rolled up.
        let mut root = None;
        for hashes in &self.edge {
            for (start, len) in subtrees(hashes.len()) {
                let subtree = hashes.get(start..start + len).and_then(hash_of);
                root = match (subtree, root) {
                    (Some(left), Some(right)) => Some(TreeHash::of_node(&left, &right)),
                    (subtree, root) => subtree.or(root),
                };
            }
        }
        let root = root.unwrap_or_else(TreeHash::empty);
        TreeHead::trusted(self.origin.clone(), self.size, root)
    }
}

/// The complete subtrees of `len` hashes, as `(start, len)`, from the last to the first.
fn subtrees(len: usize) -> impl Iterator<Item = (usize, usize)> {
    let mut end = len;
    std::iter::from_fn(move || {
        let size = 1_usize
            .checked_shl(end.trailing_zeros())
            .filter(|_| end > 0)?;
        end -= size;
        Some((end, size))
    })
}

fn bytes_of(hashes: &[TreeHash]) -> Vec<u8> {
    hashes.iter().flat_map(|hash| *hash.as_bytes()).collect()
}

#[cfg(test)]
mod tests;
