//! The head of a parity object: what is needed to use the rest, sealed for itself.

use super::{Geometry, HASH_BYTES};
use crate::fields::Fields;
use crate::limits::MAX_OBJECT_BYTES;
use crate::{DecodeError, ObjectHash};

/// The pack and its geometry. It stands in the object twice.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Head {
    pub(super) geometry: Geometry,
    pub(super) pack: ObjectHash,
}

impl Head {
    pub(super) fn encode(&self) -> Vec<u8> {
        let mut out = Vec::with_capacity(HEAD_BYTES);
        let geometry = &self.geometry;
        out.extend_from_slice(&CODE.to_le_bytes());
        out.extend_from_slice(&[0; 2]);
        for count in [
            geometry.shard_len(),
            geometry.data_shards(),
            geometry.parity_shards(),
        ] {
            out.extend_from_slice(&count.to_le_bytes());
        }
        out.extend_from_slice(&geometry.pack_len().to_le_bytes());
        out.extend_from_slice(&[0; 8]);
        out.extend_from_slice(self.pack.as_bytes());
        let seal = seal(&out);
        out.extend_from_slice(&seal);
        out
    }

    /// Decodes the bytes from `offset` on.
    ///
    /// # Errors
    ///
    /// `Damaged` when the seal does not match; then the fields as they come: `Unsupported` code and reserved bytes, `TooLarge`
    /// pack, `Invalid` geometry.
    pub(super) fn decode(object: &[u8], offset: usize) -> Result<Self, DecodeError> {
        let bytes = object
            .get(offset..)
            .and_then(<[u8]>::first_chunk::<HEAD_BYTES>)
            .ok_or(DecodeError::truncated(WHAT, object.len()))?;
        let (fields, found) = bytes.split_at(HEAD_BYTES - HEAD_SEAL_BYTES);
        if seal(fields) != found {
            return Err(DecodeError::damaged(WHAT));
        }
        Self::read(fields).map_err(|error| error.shifted(offset))
    }

    fn read(fields: &[u8]) -> Result<Self, DecodeError> {
        let mut f = Fields::new(fields, WHAT);
        if f.u16()? != CODE {
            return Err(DecodeError::unsupported("code of the parity", 0));
        }
        f.reserved(2)?;
        let (shard_len, data_shards, parity_shards) = (f.u32()?, f.u32()?, f.u32()?);
        let pack_len = f.u64()?;
        if pack_len > MAX_OBJECT_BYTES as u64 {
            return Err(DecodeError::too_large("pack of the parity", 16));
        }
        f.reserved(8)?;
        let pack = ObjectHash::from_bytes(f.array()?);
        let geometry = Geometry::read(pack_len, shard_len, data_shards, parity_shards)
            .ok_or(DecodeError::invalid("shards of the parity", 4))?;
        Ok(Self { geometry, pack })
    }

    /// Returns the bytes of one of the two tables of hashes.
    pub(super) const fn table_bytes(&self) -> usize {
        let shards = self.geometry.data_shards() as usize + self.geometry.parity_shards() as usize;
        shards * HASH_BYTES
    }
}

fn seal(fields: &[u8]) -> [u8; HEAD_SEAL_BYTES] {
    let mut hasher = blake3::Hasher::new();
    hasher.update(SEAL_CONTEXT);
    hasher.update(fields);
    *hasher.finalize().as_bytes()
}

/// Bytes of a head.
pub(super) const HEAD_BYTES: usize = 96;
const HEAD_SEAL_BYTES: usize = 32;
/// The only code of this version: the Reed–Solomon code of `docs/format.md`, §9.5.
const CODE: u16 = 1;
/// Parity of another major version is sealed under another context, so that its head is never taken for one of ours.
const SEAL_CONTEXT: &[u8] = b"strongroom v1 parity";
const WHAT: &str = "head of the parity";
