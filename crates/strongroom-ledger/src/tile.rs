//! Tiles and their paths (C2SP tlog-tiles).

use std::fmt;

use crate::TreeHash;
use crate::error::ParseError;
use crate::number;
use crate::subtree::{Subtrees, of_range, split};

/// Hashes in a full tile, and entries in a full bundle.
pub const TILE_WIDTH: u16 = 256;

/// What a tile holds.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[expect(clippy::exhaustive_enums, reason = "the specification has these two")]
pub enum TileKind {
    /// Hashes: of leaves at level 0, above of full tiles of the level below. At most 63.
    Hashes(u8),
    /// The records of leaves, each after its length.
    Entries,
}

/// One file of a tiled log.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Tile {
    kind: TileKind,
    index: u64,
    width: u16,
}

impl Tile {
    /// Names a tile of `width` hashes or entries; `None` unless 1 ≤ `width` ≤ 256 and the level is at most 63.
    #[must_use]
    pub const fn new(kind: TileKind, index: u64, width: u16) -> Option<Self> {
        let is_level = !matches!(kind, TileKind::Hashes(level) if level > 63);
        if is_level && width >= 1 && width <= TILE_WIDTH {
            Some(Self { kind, index, width })
        } else {
            None
        }
    }

    /// Returns what it holds.
    #[must_use]
    pub const fn kind(&self) -> TileKind {
        self.kind
    }

    /// Returns its place among those of its kind.
    #[must_use]
    pub const fn index(&self) -> u64 {
        self.index
    }

    /// Returns how many hashes or entries it holds.
    #[must_use]
    pub const fn width(&self) -> u16 {
        self.width
    }

    /// Says whether more will come: such a file may be deleted when the full one is there.
    #[must_use]
    pub const fn is_partial(&self) -> bool {
        self.width < TILE_WIDTH
    }

    /// Returns the full tile in the same place.
    #[must_use]
    pub const fn full(self) -> Self {
        Self {
            width: TILE_WIDTH,
            ..self
        }
    }

    /// Parses a path.
    ///
    /// # Errors
    ///
    /// When the path is not that of a tile, or is not the only spelling of it.
    pub fn parse(path: &str) -> Result<Self, ParseError> {
        if path.len() > MAX_PATH_LEN {
            return Err(ParseError::too_large("path of a tile", 0));
        }
        let tile = parse(path).ok_or(ParseError::new("path of a tile", 0))?;
        // What is read otherwise than it is written has another spelling.
        (tile.to_string() == path)
            .then_some(tile)
            .ok_or(ParseError::new("spelling of a tile's path", 0))
    }
}

impl fmt::Display for Tile {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.kind {
            TileKind::Hashes(level) => write!(f, "tile/{level}/")?,
            TileKind::Entries => f.write_str("tile/entries/")?,
        }
        let mut groups = vec![self.index % 1000];
        let mut rest = self.index / 1000;
        while rest > 0 {
            groups.push(rest % 1000);
            rest /= 1000;
        }
        for (place, group) in groups.iter().enumerate().rev() {
            match place {
                0 => write!(f, "{group:03}")?,
                _ => write!(f, "x{group:03}/")?,
            }
        }
        if self.is_partial() {
            write!(f, ".p/{}", self.width)?;
        }
        Ok(())
    }
}

impl fmt::Debug for Tile {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Tile({self})")
    }
}

fn parse(path: &str) -> Option<Tile> {
    let (kind, rest) = path.strip_prefix("tile/")?.split_once('/')?;
    let kind = match kind {
        "entries" => TileKind::Entries,
        level => TileKind::Hashes(number::parse(level)?.try_into().ok()?),
    };
    let (place, width) = match rest.split_once(".p/") {
        Some((place, width)) => (place, number::parse(width)?.try_into().ok()?),
        None => (rest, TILE_WIDTH),
    };
    let mut index = 0_u64;
    for group in place.split('/') {
        let digits = group.strip_prefix('x').unwrap_or(group);
        if digits.len() != 3 || !digits.bytes().all(|c| c.is_ascii_digit()) {
            return None;
        }
        index = index.checked_mul(1000)?.checked_add(digits.parse().ok()?)?;
    }
    Tile::new(kind, index, width)
}

/// Where the files of a tiled log are read: a directory, a bucket, a map. Nothing that it returns is trusted.
pub trait Tiles {
    /// Why a file cannot be read.
    type Error;

    /// Returns the bytes of one file, `None` if there is none.
    ///
    /// # Errors
    ///
    /// Whatever keeps it from being read.
    fn read(&self, tile: Tile) -> Result<Option<Vec<u8>>, Self::Error>;
}

/// Why the hashes of a tiled log cannot be had.
#[derive(Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum TileError<E> {
    /// Reading failed.
    #[error("{0}")]
    Read(E),
    /// A file is not there, in its partial form or in its full one.
    #[error("{0} is missing")]
    Missing(Tile),
    /// A file does not have the length, or the root, that it must.
    #[error("{0} is damaged")]
    Damaged(Tile),
}

/// The subtrees of a tiled log with `size` leaves.
#[derive(Debug)]
pub struct TileTree<'a, T> {
    tiles: &'a T,
    size: u64,
}

impl<'a, T: Tiles> TileTree<'a, T> {
    /// Reads from `tiles`, which has those of a tree of `size` leaves or more.
    pub const fn new(tiles: &'a T, size: u64) -> Self {
        Self { tiles, size }
    }

    /// Reads a tile as the tree of this size has it: from its own file or from that of a larger tree.
    ///
    /// # Errors
    ///
    /// `Missing`, `Damaged` and `Read`.
    pub fn hashes(&self, level: u8, index: u64) -> Result<Vec<TreeHash>, TileError<T::Error>> {
        let tile = hash_tile(self.size, level, index).ok_or(TileError::Damaged(Tile {
            kind: TileKind::Hashes(level),
            index,
            width: TILE_WIDTH,
        }))?;
        let bytes = read_either(self.tiles, tile)?;
        let (hashes, rest) = bytes.as_chunks::<{ TreeHash::LEN }>();
        let width = usize::from(tile.width);
        if !rest.is_empty() || hashes.len() < width {
            return Err(TileError::Damaged(tile));
        }
        let hashes = hashes.iter().take(width);
        Ok(hashes.map(|hash| TreeHash::from_bytes(*hash)).collect())
    }
}

impl<T: Tiles> Subtrees for TileTree<'_, T> {
    type Error = TileError<T::Error>;

    fn hash(&self, level: u32, index: u64) -> Result<TreeHash, Self::Error> {
        let (tile_level, within) = (level / 8, level % 8);
        // The first of the tile's hashes that are below this one.
        let first = index << within;
        let tile_level = u8::try_from(tile_level).unwrap_or(u8::MAX);
        let place = first / u64::from(TILE_WIDTH);
        let hashes = self.hashes(tile_level, place)?;
        let start = usize::try_from(first % u64::from(TILE_WIDTH)).unwrap_or(usize::MAX);
        let below = hashes.get(start..).and_then(|rest| rest.get(..1 << within));
        let damaged = || {
            TileError::Damaged(Tile {
                kind: TileKind::Hashes(tile_level),
                index: place,
                width: TILE_WIDTH,
            })
        };
        let below = below.ok_or_else(damaged)?;
        hash_of(below).ok_or_else(damaged)
    }
}

/// Reads the file, or the full one that has taken its place.
pub(crate) fn read_either<T: Tiles>(tiles: &T, tile: Tile) -> Result<Vec<u8>, TileError<T::Error>> {
    let found = match tiles.read(tile).map_err(TileError::Read)? {
        None if tile.is_partial() => tiles.read(tile.full()).map_err(TileError::Read)?,
        found => found,
    };
    let bytes = found.ok_or(TileError::Missing(tile))?;
    match bytes.len() > MAX_TILE_BYTES {
        true => Err(TileError::Damaged(tile)),
        false => Ok(bytes),
    }
}

/// The tile at this place in a tree of `size` leaves, `None` if it has none there.
pub(crate) fn hash_tile(size: u64, level: u8, index: u64) -> Option<Tile> {
    let hashes = size.checked_shr(8 * u32::from(level)).unwrap_or(0);
    tile_of(TileKind::Hashes(level), hashes, index)
}

/// The bundle at this place in a log of `size` entries, `None` if it has none there.
pub(crate) fn entry_tile(size: u64, index: u64) -> Option<Tile> {
    tile_of(TileKind::Entries, size, index)
}

fn tile_of(kind: TileKind, items: u64, index: u64) -> Option<Tile> {
    let before = index.checked_mul(u64::from(TILE_WIDTH))?;
    let width = items.checked_sub(before)?.min(u64::from(TILE_WIDTH));
    Tile::new(kind, index, width.try_into().ok()?)
}

/// The root of the subtree that has these hashes as its leaves; `None` if there are none.
pub(crate) fn hash_of(hashes: &[TreeHash]) -> Option<TreeHash> {
    match hashes {
        [] => None,
        [one] => Some(*one),
        _ => {
            let middle = usize::try_from(split(hashes.len() as u64)).ok()?;
            let (left, right) = hashes.split_at_checked(middle)?;
            Some(TreeHash::of_node(&hash_of(left)?, &hash_of(right)?))
        }
    }
}

/// The root of all `size` leaves, from tiles.
pub(crate) fn root_of<T: Tiles>(
    tree: &TileTree<'_, T>,
    size: u64,
) -> Result<TreeHash, TileError<T::Error>> {
    match size {
        0 => Ok(TreeHash::empty()),
        _ => of_range(tree, 0, size),
    }
}

/// Seven groups, the level and the width.
const MAX_PATH_LEN: usize = 64;

/// A full bundle of entries of the greatest length.
const MAX_TILE_BYTES: usize = 256 * (2 + 65_535);

#[cfg(test)]
mod tests;
