//! Packs: what their headers say.

use strongroom_crypt::{Id, RepositoryId, Sealer, SessionId, Suite};

use crate::fields::Fields;
use crate::limits::{
    MAX_HEADER_BYTES, MAX_OBJECT_BYTES, MAX_PACK_BLOBS, MAX_PACK_FRAMES, MAX_PACK_SESSIONS,
};
use crate::{
    BlobRecord, Codec, DecodeError, EncodeError, FrameKey, FrameRecord, ObjectKind, PackClass,
    Preamble, padme,
};

/// Describes a pack of this class.
#[must_use]
pub const fn pack_preamble(
    suite: Suite,
    repository: RepositoryId,
    random: [u8; 16],
    class: PackClass,
) -> Preamble {
    let mut preamble = Preamble::new(ObjectKind::Pack, suite, repository, random);
    preamble.flags = class as u16;
    preamble
}

/// The plaintext of a pack's header (`docs/format.md`, §9.1).
#[derive(Clone, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct PackHeader {
    /// Sessions whose secrets seal frames, each with its wrapped secret.
    pub sessions: Vec<SessionKeyRecord>,
    /// Frames in order of their offsets.
    pub frames: Vec<FrameRecord>,
    /// The blobs of all frames, in order.
    pub blobs: Vec<BlobRecord>,
    /// For each frame the position of its first blob.
    first_blob: Vec<u32>,
}

/// A session's wrapped secret.
#[derive(Clone, Debug, PartialEq, Eq)]
#[expect(clippy::exhaustive_structs, reason = "the format fixes the fields")]
pub struct SessionKeyRecord {
    /// Names the session.
    pub session: SessionId,
    /// The epoch whose key wraps.
    pub epoch: u32,
    /// How it is wrapped; 1 is a box. Others come from later versions and are kept.
    pub wrap_kind: u8,
    /// The wrapped secret.
    pub wrapped: Vec<u8>,
}

impl SessionKeyRecord {
    /// The wrap kind of a box under a key derived from the epoch's.
    pub const BOX: u8 = 1;
}

impl PackHeader {
    /// Joins what a writer has collected.
    ///
    /// # Errors
    ///
    /// `TooLarge` above a limit; `Invalid` when the parts contradict each other: blobs that do not add up to their
    /// frames, frames that overlap, a key that is not there.
    pub fn new(
        sessions: Vec<SessionKeyRecord>,
        frames: Vec<FrameRecord>,
        blobs: Vec<BlobRecord>,
    ) -> Result<Self, EncodeError> {
        let mut header = Self {
            sessions,
            frames,
            blobs,
            first_blob: Vec::new(),
        };
        header
            .complete(MAX_OBJECT_BYTES as u64)
            .map_err(|error| match error.kind() {
                crate::DecodeErrorKind::TooLarge => EncodeError::too_large(error.what()),
                _ => EncodeError::invalid(error.what()),
            })?;
        let len = Self::padded_len(&header.sessions, header.frames.len(), header.blobs.len());
        if len > MAX_HEADER_BYTES {
            return Err(EncodeError::too_large("pack header"));
        }
        Ok(header)
    }

    /// Returns the blobs of the frame at `position`; none if there is no such frame.
    #[must_use]
    pub fn frame_blobs(&self, position: usize) -> &[BlobRecord] {
        let range = || {
            let first = *self.first_blob.get(position)? as usize;
            let len = self.frames.get(position)?.blobs as usize;
            self.blobs.get(first..first + len)
        };
        range().unwrap_or_default()
    }

    /// Returns the plaintext, padded with zero bytes to a Padmé length of at least 1 KiB.
    #[must_use]
    pub fn encode_plain(&self) -> Vec<u8> {
        let len = Self::padded_len(&self.sessions, self.frames.len(), self.blobs.len());
        let mut out = Vec::with_capacity(len);
        write_count(&mut out, self.sessions.len());
        for session in &self.sessions {
            out.extend_from_slice(session.session.as_bytes());
            out.extend_from_slice(&session.epoch.to_le_bytes());
            out.extend_from_slice(&[session.wrap_kind, 0]);
            let wrapped = u16::try_from(session.wrapped.len()).unwrap_or(u16::MAX);
            out.extend_from_slice(&wrapped.to_le_bytes());
            out.extend_from_slice(&session.wrapped);
        }
        write_count(&mut out, self.frames.len());
        for frame in &self.frames {
            let key = match frame.key {
                FrameKey::Session(position) => position,
                FrameKey::Refs => REFS_KEY,
            };
            for field in [frame.offset, frame.stored_len, frame.plain_len, frame.blobs] {
                out.extend_from_slice(&field.to_le_bytes());
            }
            out.extend_from_slice(&key.to_le_bytes());
            out.extend_from_slice(&[frame.kind, frame.codec as u8, 0, 0, 0, 0]);
        }
        for blob in &self.blobs {
            out.extend_from_slice(blob.id.as_bytes());
            out.extend_from_slice(&blob.len.to_le_bytes());
        }
        out.resize(len, 0);
        out
    }

    /// Decodes the plaintext of a header that lies at `header_offset` in its pack.
    ///
    /// # Errors
    ///
    /// `Unsupported` for codecs and kinds of blobs that this version does not know and for reserved bytes; `TooLarge` above
    /// a limit; `Truncated`; `Invalid` when frames overlap, leave the pack or do not add up.
    pub fn decode_plain(plain: &[u8], header_offset: u64) -> Result<Self, DecodeError> {
        if plain.len() > MAX_HEADER_BYTES {
            return Err(DecodeError::too_large("pack header", MAX_HEADER_BYTES));
        }
        let mut f = Fields::new(plain, "pack header");
        let count = f.count(SESSION_BYTES, MAX_PACK_SESSIONS)?;
        let mut sessions = Vec::with_capacity(count);
        for _ in 0..count {
            sessions.push(read_session(&mut f)?);
        }
        let count = f.count(FRAME_BYTES, MAX_PACK_FRAMES)?;
        let mut frames = Vec::with_capacity(count);
        let mut blob_count = 0_usize;
        for _ in 0..count {
            let frame = read_frame(&mut f)?;
            blob_count = blob_count.saturating_add(frame.blobs as usize);
            frames.push(frame);
        }
        if blob_count > MAX_PACK_BLOBS {
            return Err(DecodeError::too_large("blobs of a pack", f.position()));
        }
        let (rows, _) = f.take(blob_count * BLOB_BYTES)?.as_chunks::<BLOB_BYTES>();
        let mut blobs = Vec::with_capacity(blob_count);
        for row in rows {
            let mut f = Fields::new(row, "blob");
            blobs.push(BlobRecord {
                id: Id::from_bytes(f.array()?),
                len: f.u32()?,
            });
        }
        f.reserved(f.rest().len())?;
        let mut header = Self {
            sessions,
            frames,
            blobs,
            first_blob: Vec::new(),
        };
        header.complete(header_offset)?;
        Ok(header)
    }

    /// Checks that every frame's kind belongs into a pack of `class`.
    ///
    /// # Errors
    ///
    /// `Invalid` when one does not.
    pub fn check_class(&self, class: PackClass) -> Result<(), DecodeError> {
        let fits = |frame: &FrameRecord| PackClass::of_blob_kind(frame.kind) == Some(class);
        if self.frames.iter().all(fits) {
            Ok(())
        } else {
            Err(DecodeError::invalid(
                "kind of blobs in this class of pack",
                0,
            ))
        }
    }

    /// Checks the parts against each other and computes where each frame's blobs begin.
    fn complete(&mut self, header_offset: u64) -> Result<(), DecodeError> {
        if self.frames.len() > MAX_PACK_FRAMES || self.sessions.len() > MAX_PACK_SESSIONS {
            return Err(DecodeError::too_large("frames or sessions of a pack", 0));
        }
        if self
            .sessions
            .iter()
            .any(|s| s.wrapped.len() > usize::from(u16::MAX))
        {
            return Err(DecodeError::too_large("wrapped session secret", 0));
        }
        let mut end = Preamble::LEN as u64;
        let mut first = 0_usize;
        self.first_blob = Vec::with_capacity(self.frames.len());
        for frame in &self.frames {
            frame.validate()?;
            let known = match frame.key {
                FrameKey::Session(position) => usize::from(position) < self.sessions.len(),
                FrameKey::Refs => true,
            };
            if !known {
                return Err(DecodeError::invalid("key of a frame", 0));
            }
            if u64::from(frame.offset) < end {
                return Err(DecodeError::invalid("offset of a frame", 0));
            }
            end = u64::from(frame.offset) + u64::from(frame.stored_len);
            let next = first + frame.blobs as usize;
            let blobs = self
                .blobs
                .get(first..next)
                .ok_or(DecodeError::invalid("blobs of a pack", 0))?;
            let sum: u64 = blobs.iter().map(|blob| u64::from(blob.len)).sum();
            if sum != u64::from(frame.plain_len) {
                return Err(DecodeError::invalid("lengths of blobs", 0));
            }
            self.first_blob
                .push(u32::try_from(first).unwrap_or(u32::MAX));
            first = next;
        }
        if end > header_offset {
            return Err(DecodeError::invalid("end of the last frame", 0));
        }
        if first > MAX_PACK_BLOBS {
            return Err(DecodeError::too_large("blobs of a pack", 0));
        }
        if first != self.blobs.len() {
            return Err(DecodeError::invalid("blobs of a pack", 0));
        }
        Ok(())
    }

    /// Returns how many bytes [`encode_plain`](Self::encode_plain) gives for a header with so many frames and blobs, so that a writer knows when a
    /// pack is full.
    #[must_use]
    pub fn padded_len(sessions: &[SessionKeyRecord], frames: usize, blobs: usize) -> usize {
        let plain = Self::plain_len(sessions, frames, blobs);
        let padded = padme(plain.max(MIN_HEADER_BYTES) as u64);
        usize::try_from(padded)
            .unwrap_or(MAX_HEADER_BYTES)
            .min(MAX_HEADER_BYTES)
            .max(plain)
    }

    /// Returns how many bytes of those are not padding. Every frame and every blob adds the same to it.
    #[must_use]
    pub fn plain_len(sessions: &[SessionKeyRecord], frames: usize, blobs: usize) -> usize {
        let sessions: usize = sessions
            .iter()
            .map(|s| SESSION_BYTES + s.wrapped.len())
            .sum();
        8 + sessions + FRAME_BYTES * frames + BLOB_BYTES * blobs
    }
}

/// Returns the context in which the header at `header_offset` is sealed.
#[must_use]
pub fn header_aad(preamble: &Preamble, header_offset: u64) -> [u8; 72] {
    let mut aad = [0; 72];
    let (head, tail) = aad.split_at_mut(Preamble::LEN);
    head.copy_from_slice(&preamble.encode());
    tail.copy_from_slice(&header_offset.to_le_bytes());
    aad
}

/// Appends the sealed header, which is to lie at `header_offset` in the pack.
///
/// # Errors
///
/// `Seal` when the sealer fails; `Invalid` when a frame lies behind the header or does not belong into the class.
pub fn seal_header(
    sealer: &dyn Sealer,
    preamble: &Preamble,
    header_offset: u64,
    header: &PackHeader,
    out: &mut Vec<u8>,
) -> Result<(), EncodeError> {
    let end = header.frames.last().map_or(Preamble::LEN as u64, |frame| {
        u64::from(frame.offset) + u64::from(frame.stored_len)
    });
    let class = PackClass::from_number(u64::from(preamble.flags));
    if end > header_offset || class.and_then(|class| header.check_class(class)).is_err() {
        return Err(EncodeError::invalid("pack header"));
    }
    sealer
        .seal(
            &header_aad(preamble, header_offset),
            &header.encode_plain(),
            out,
        )
        .map_err(|_| EncodeError::seal("pack header"))
}

/// Opens the sealed header that lies at `header_offset` in the pack.
///
/// # Errors
///
/// `Damaged` when it does not open, otherwise as [`PackHeader::decode_plain`] and [`PackHeader::check_class`].
pub fn open_header(
    sealer: &dyn Sealer,
    preamble: &Preamble,
    header_offset: u64,
    sealed: &[u8],
) -> Result<PackHeader, DecodeError> {
    if sealed.len() > MAX_HEADER_BYTES + sealer.overhead() {
        return Err(DecodeError::too_large("pack header", 0));
    }
    let mut plain = Vec::new();
    sealer
        .open(&header_aad(preamble, header_offset), sealed, &mut plain)
        .map_err(|_| DecodeError::damaged("pack header"))?;
    let header = PackHeader::decode_plain(&plain, header_offset)?;
    header.check_class(PackClass::from_number(u64::from(preamble.flags))?)?;
    Ok(header)
}

fn read_session(f: &mut Fields<'_>) -> Result<SessionKeyRecord, DecodeError> {
    let session = SessionId::from_bytes(f.array()?);
    let epoch = f.u32()?;
    let wrap_kind = f.u8()?;
    f.reserved(1)?;
    let len = usize::from(f.u16()?);
    let at = f.position();
    let wrapped = f.take(len)?.to_vec();
    if wrap_kind == SessionKeyRecord::BOX && len != strongroom_crypt::WRAPPED_SESSION_LEN {
        return Err(DecodeError::invalid("wrapped session secret", at));
    }
    Ok(SessionKeyRecord {
        session,
        epoch,
        wrap_kind,
        wrapped,
    })
}

fn read_frame(f: &mut Fields<'_>) -> Result<FrameRecord, DecodeError> {
    let at = f.position();
    let (offset, stored_len, plain_len, blobs) = (f.u32()?, f.u32()?, f.u32()?, f.u32()?);
    let key = match f.u16()? {
        REFS_KEY => FrameKey::Refs,
        position => FrameKey::Session(position),
    };
    let kind = f.u8()?;
    let codec = Codec::from_number(f.u8()?).ok_or(DecodeError::unsupported("codec", at + 19))?;
    f.reserved(4)?;
    let frame = FrameRecord {
        offset,
        stored_len,
        plain_len,
        blobs,
        key,
        kind,
        codec,
    };
    frame.validate().map_err(|error| error.shifted(at))?;
    Ok(frame)
}

fn write_count(out: &mut Vec<u8>, count: usize) {
    out.extend_from_slice(&u32::try_from(count).unwrap_or(u32::MAX).to_le_bytes());
}

const REFS_KEY: u16 = 65_535;
const SESSION_BYTES: usize = 40;
const FRAME_BYTES: usize = 24;
const BLOB_BYTES: usize = 36;
const MIN_HEADER_BYTES: usize = 1_024;
