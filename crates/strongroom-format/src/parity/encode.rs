//! Making parity.

use super::head::Head;
use super::{Geometry, Overhead, code, shard_hash};
use crate::limits::MAX_OBJECT_BYTES;
use crate::whole::finish_whole;
use crate::{EncodeError, ObjectHash, ObjectKind, Preamble};

/// Returns the parity of the whole object `pack`, of which `name` is the hash.
///
/// Takes about a megabyte of working memory beside the result. The name is not computed again: parity of a pack under another
/// pack's name heals nothing.
///
/// # Errors
///
/// `Invalid` when `pack` is no pack of this version; `TooLarge` when the parity would be larger than an object may be.
pub fn encode(
    name: &ObjectHash,
    pack: &[u8],
    overhead: Overhead,
    random: [u8; 16],
) -> Result<Vec<u8>, EncodeError> {
    let of_pack = Preamble::decode(pack)
        .ok()
        .filter(|preamble| preamble.kind == ObjectKind::Pack)
        .ok_or(EncodeError::invalid("pack"))?;
    let geometry = Geometry::plan(pack.len() as u64, overhead);
    let len = usize::try_from(geometry.object_len()).unwrap_or(usize::MAX);
    if pack.len() > MAX_OBJECT_BYTES || len > MAX_OBJECT_BYTES || !geometry.is_within_limits() {
        return Err(EncodeError::too_large(WHAT));
    }
    let head = Head {
        geometry,
        pack: *name,
    };
    let mut object = Vec::with_capacity(len);
    let (suite, repository) = (of_pack.suite, of_pack.repository);
    let preamble = Preamble::new(ObjectKind::Parity, suite, repository, random);
    object.extend_from_slice(&preamble.encode());
    let encoded_head = head.encode();
    object.extend_from_slice(&encoded_head);
    let table_at = object.len();
    let shards_at = table_at + head.table_bytes();
    object.resize(shards_at, 0);
    code::append_parity(&geometry, pack, &mut object).map_err(|_| EncodeError::invalid(WHAT))?;
    let table = table(&geometry, pack, object.get(shards_at..).unwrap_or_default());
    if let Some(first) = object.get_mut(table_at..shards_at) {
        first.copy_from_slice(&table);
    }
    object.extend_from_slice(&table);
    object.extend_from_slice(&encoded_head);
    finish_whole(object, MAX_OBJECT_BYTES, WHAT)
}

/// Returns the hashes of all data shards and then of all parity shards.
fn table(geometry: &Geometry, pack: &[u8], parity: &[u8]) -> Vec<u8> {
    let shard = geometry.shard_len() as usize;
    pack.chunks(shard)
        .chain(parity.chunks(shard))
        .flat_map(shard_hash)
        .collect()
}

const WHAT: &str = "parity";
