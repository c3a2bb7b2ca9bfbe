//! Entry bundles (C2SP tlog-tiles): the records of up to 256 leaves.

use crate::Leaf;
use crate::error::ParseError;
use crate::tile::{TILE_WIDTH, TileError, Tiles, entry_tile, read_either};

/// Joins records, each after its length in two bytes.
pub(crate) fn encode(leaves: &[Leaf]) -> Vec<u8> {
    let mut out = Vec::with_capacity(leaves.len() * (2 + Leaf::LEN));
    for leaf in leaves {
        let record = leaf.record();
        // A record has 67 bytes.
        out.extend_from_slice(
            &u16::try_from(record.len())
                .unwrap_or(u16::MAX)
                .to_be_bytes(),
        );
        out.extend_from_slice(&record);
    }
    out
}

/// Returns the leaves of an entry bundle of this log.
///
/// # Errors
///
/// When it is not a sequence of 1 to 256 records of leaves.
pub fn decode_entry_bundle(bytes: &[u8]) -> Result<Vec<Leaf>, ParseError> {
    let mut leaves = Vec::new();
    let mut rest = bytes;
    while !rest.is_empty() {
        let at = bytes.len() - rest.len();
        let wrong = ParseError::new("entry bundle", at);
        if leaves.len() >= usize::from(TILE_WIDTH) {
            return Err(ParseError::too_large("entry bundle", at));
        }
        let (len, after) = rest.split_first_chunk().ok_or(wrong)?;
        let len = usize::from(u16::from_be_bytes(*len));
        let (record, after) = after.split_at_checked(len).ok_or(wrong)?;
        leaves.push(Leaf::parse(record).map_err(|error| error.shifted(at + 2))?);
        rest = after;
    }
    match leaves.is_empty() {
        true => Err(ParseError::new("entry bundle", 0)),
        false => Ok(leaves),
    }
}

/// Reads the leaves of the bundle that has leaf `n` of a log of `size`.
///
/// # Errors
///
/// `Missing`, `Damaged` and `Read`; `Damaged` also when the leaves are not those of the bundle's place.
pub fn read_leaves<T: Tiles>(
    tiles: &T,
    n: u64,
    size: u64,
) -> Result<Vec<Leaf>, TileError<T::Error>> {
    let index = n / u64::from(TILE_WIDTH);
    let Some(tile) = entry_tile(size, index) else {
        return Ok(Vec::new());
    };
    let bytes = read_either(tiles, tile)?;
    let mut leaves = decode_entry_bundle(&bytes).map_err(|_| TileError::Damaged(tile))?;
    leaves.truncate(usize::from(tile.width()));
    let first = index * u64::from(TILE_WIDTH);
    let is_dense = leaves.iter().zip(first..).all(|(leaf, n)| leaf.n == n);
    if leaves.len() != usize::from(tile.width()) || !is_dense {
        return Err(TileError::Damaged(tile));
    }
    Ok(leaves)
}
