//! Frames: what a pack's header says about them, and the context in which they are sealed.

use strongroom_crypt::{Id, RepositoryId};

use crate::limits::{MAX_FRAME_BLOBS, MAX_FRAME_PLAIN_BYTES};
use crate::{DecodeError, PackClass};

/// Where a frame lies in its pack and what it holds.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[expect(clippy::exhaustive_structs, reason = "the format fixes the fields")]
pub struct FrameRecord {
    /// Bytes from the start of the pack.
    pub offset: u32,
    /// Sealed bytes in the pack.
    pub stored_len: u32,
    /// Bytes of all blobs together.
    pub plain_len: u32,
    /// Number of blobs.
    pub blobs: u32,
    /// The secret under which the frame is sealed.
    pub key: FrameKey,
    /// Kind of the blobs.
    pub kind: u8,
    /// How the blobs are compressed.
    pub codec: Codec,
}

/// A blob of a frame. Blobs lie in the plaintext back to back.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[expect(clippy::exhaustive_structs, reason = "the format fixes the fields")]
pub struct BlobRecord {
    /// Names the blob.
    pub id: Id,
    /// Bytes of plaintext.
    pub len: u32,
}

/// The secret under which a frame is sealed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[expect(
    clippy::exhaustive_enums,
    reason = "the format has one number for each"
)]
pub enum FrameKey {
    /// Of the session at this position in the pack's header.
    Session(u16),
    /// The key of reference lists.
    Refs,
}

/// How a frame's blobs are compressed.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
#[non_exhaustive]
#[repr(u8)]
pub enum Codec {
    /// As they are.
    #[default]
    Raw = 0,
    /// One zstd frame, RFC 8878.
    Zstd = 1,
}

impl Codec {
    pub(crate) const fn from_number(number: u8) -> Option<Self> {
        match number {
            0 => Some(Self::Raw),
            1 => Some(Self::Zstd),
            _ => None,
        }
    }
}

impl FrameRecord {
    /// Sealed bytes beyond those sealed.
    pub const OVERHEAD: u32 = 48;

    /// Checks what can be checked without the pack: limits, lengths that contradict each other, and the key.
    pub(crate) fn validate(&self) -> Result<(), DecodeError> {
        if self.plain_len as usize > MAX_FRAME_PLAIN_BYTES {
            return Err(DecodeError::too_large("plain length of a frame", 8));
        }
        if self.blobs as usize > MAX_FRAME_BLOBS {
            return Err(DecodeError::too_large("blobs of a frame", 12));
        }
        if self.blobs == 0 {
            return Err(DecodeError::invalid("frame without blobs", 12));
        }
        let raw = self.plain_len + Self::OVERHEAD;
        let fits = match self.codec {
            Codec::Raw => self.stored_len == raw,
            Codec::Zstd => (Self::OVERHEAD + 1..raw).contains(&self.stored_len),
        };
        if !fits {
            return Err(DecodeError::invalid("stored length of a frame", 4));
        }
        let class = PackClass::of_blob_kind(self.kind)
            .ok_or(DecodeError::unsupported("kind of blobs", 18))?;
        if (class == PackClass::Pages) != (self.key == FrameKey::Refs) {
            return Err(DecodeError::invalid("key of a frame", 16));
        }
        Ok(())
    }
}

/// Writes the context in which a frame is sealed (`docs/format.md`, §9.2) over whatever `out` held.
pub fn frame_aad(
    out: &mut Vec<u8>,
    repository: &RepositoryId,
    kind: u8,
    codec: Codec,
    blobs: &[BlobRecord],
) {
    out.clear();
    out.reserve(43 + 36 * blobs.len());
    out.extend_from_slice(b"strongroom v1 frame");
    out.extend_from_slice(repository.as_bytes());
    out.extend_from_slice(&[kind, codec as u8, 0, 0]);
    // A frame has at most 65,536 blobs; the header's checks saw to it.
    out.extend_from_slice(&u32::try_from(blobs.len()).unwrap_or(u32::MAX).to_le_bytes());
    for blob in blobs {
        out.extend_from_slice(blob.id.as_bytes());
        out.extend_from_slice(&blob.len.to_le_bytes());
    }
}
