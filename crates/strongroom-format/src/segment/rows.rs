//! The rows of a segment's tables.

use strongroom_crypt::Id;

use crate::fields::Fields;
use crate::{DecodeError, ObjectHash, PackClass};

/// A pack and where its header is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[expect(clippy::exhaustive_structs, reason = "the format fixes the fields")]
pub struct PackRow {
    /// The pack's name.
    pub name: ObjectHash,
    /// Its bytes.
    pub len: u32,
    /// Bytes before its header.
    pub header_offset: u32,
    /// Sealed bytes of its header.
    pub header_len: u32,
    /// What it holds.
    pub class: PackClass,
}

impl PackRow {
    /// Decodes a row.
    ///
    /// # Errors
    ///
    /// `Unsupported` for another class and for reserved bytes.
    pub fn decode(row: &[u8; 48]) -> Result<Self, DecodeError> {
        let mut f = Fields::new(row, "pack of an index segment");
        let name = ObjectHash::from_bytes(f.array()?);
        let (len, header_offset, header_len) = (f.u32()?, f.u32()?, f.u32()?);
        let class =
            PackClass::from_number(u64::from(f.u8()?)).map_err(|error| error.shifted(44))?;
        f.reserved(3)?;
        Ok(Self {
            name,
            len,
            header_offset,
            header_len,
            class,
        })
    }

    pub(super) fn write(&self, out: &mut Vec<u8>) {
        out.extend_from_slice(self.name.as_bytes());
        out.extend_from_slice(&self.len.to_le_bytes());
        out.extend_from_slice(&self.header_offset.to_le_bytes());
        out.extend_from_slice(&self.header_len.to_le_bytes());
        out.extend_from_slice(&[self.class as u8, 0, 0, 0]);
    }
}

/// A frame.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[expect(clippy::exhaustive_structs, reason = "the format fixes the fields")]
pub struct FrameRow {
    /// Row of its pack.
    pub pack: u32,
    /// Bytes from the start of the pack.
    pub offset: u32,
    /// Sealed bytes.
    pub stored_len: u32,
    /// Position in the pack's header.
    pub position: u32,
}

impl FrameRow {
    /// Decodes a row.
    #[must_use]
    pub fn decode(row: &[u8; 16]) -> Self {
        let [
            a0,
            a1,
            a2,
            a3,
            b0,
            b1,
            b2,
            b3,
            c0,
            c1,
            c2,
            c3,
            d0,
            d1,
            d2,
            d3,
        ] = *row;
        Self {
            pack: u32::from_le_bytes([a0, a1, a2, a3]),
            offset: u32::from_le_bytes([b0, b1, b2, b3]),
            stored_len: u32::from_le_bytes([c0, c1, c2, c3]),
            position: u32::from_le_bytes([d0, d1, d2, d3]),
        }
    }

    pub(super) fn write(&self, out: &mut Vec<u8>) {
        for field in [self.pack, self.offset, self.stored_len, self.position] {
            out.extend_from_slice(&field.to_le_bytes());
        }
    }
}

/// The first bytes of an id, and the frame that holds the blob.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[expect(clippy::exhaustive_structs, reason = "the format fixes the fields")]
pub struct EntryRow {
    /// First 20 bytes of the id.
    pub prefix: [u8; 20],
    /// Row of the frame.
    pub frame: u32,
}

impl EntryRow {
    /// Decodes a row.
    #[must_use]
    pub fn decode(row: &[u8; 24]) -> Self {
        let mut prefix = [0; 20];
        let (head, tail) = row.split_at(20);
        prefix.copy_from_slice(head);
        Self {
            prefix,
            frame: tail
                .first_chunk()
                .map_or(0, |frame| u32::from_le_bytes(*frame)),
        }
    }

    /// Returns what a row holds of `id`.
    #[must_use]
    pub fn prefix_of(id: &Id) -> [u8; 20] {
        let mut prefix = [0; 20];
        prefix.copy_from_slice(id.as_bytes().split_at(20).0);
        prefix
    }
}
