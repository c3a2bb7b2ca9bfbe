//! The end of a pack.

use crate::fields::Fields;
use crate::limits::MAX_OBJECT_BYTES;
use crate::{DecodeError, ObjectKind, Preamble};

/// The last 32 bytes of a pack, which say where its header is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[expect(clippy::exhaustive_structs, reason = "the format fixes the fields")]
pub struct PackTail {
    /// Bytes from the start of the pack.
    pub header_offset: u64,
    /// Sealed bytes.
    pub header_len: u32,
}

impl PackTail {
    /// Bytes of a tail.
    pub const LEN: usize = 32;

    /// Returns the bytes.
    #[must_use]
    pub fn encode(&self, preamble: &Preamble) -> [u8; 32] {
        let mut out = [0; 32];
        let (fields, magic) = out.split_at_mut(24);
        let (offset, rest) = fields.split_at_mut(8);
        offset.copy_from_slice(&self.header_offset.to_le_bytes());
        rest.split_at_mut(4)
            .0
            .copy_from_slice(&self.header_len.to_le_bytes());
        magic.copy_from_slice(&preamble.kind.magic());
        magic.reverse();
        out
    }

    /// Decodes the last 32 bytes of a pack of `pack_len` bytes.
    ///
    /// # Errors
    ///
    /// `Invalid` when this is not the end of a pack or the header does not lie directly before it; `TooLarge` above the
    /// limit of objects; `Unsupported` for reserved bytes that are not zero.
    pub fn decode(bytes: &[u8; 32], pack_len: u64) -> Result<Self, DecodeError> {
        let mut f = Fields::new(bytes, "end of a pack");
        let header_offset = f.u64()?;
        let header_len = f.u32()?;
        let reserved = f.reserved(12);
        let mut magic: [u8; 8] = f.array()?;
        magic.reverse();
        if magic != ObjectKind::Pack.magic() {
            return Err(DecodeError::invalid("magic at the end", 24));
        }
        reserved?;
        if pack_len > MAX_OBJECT_BYTES as u64 {
            return Err(DecodeError::too_large("pack", 0));
        }
        let end = header_offset.checked_add(u64::from(header_len) + Self::LEN as u64);
        if header_offset < Preamble::LEN as u64 || end != Some(pack_len) {
            return Err(DecodeError::invalid("place of the header", 0));
        }
        Ok(Self {
            header_offset,
            header_len,
        })
    }
}
