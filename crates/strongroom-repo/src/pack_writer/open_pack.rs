//! A pack that is being filled.

use strongroom_format::{
    BlobRecord, FrameKey, FrameRecord, PackHeader, PackTail, Preamble, SessionKeyRecord,
};

use super::{SealedFrame, small};
use crate::buffers::PackBuffer;
use crate::error::{Error, ErrorKind, Result};
use crate::places::Place;

/// salt ‖ commit ‖ tag, docs/format.md §3.3.
pub(super) const BOX_OVERHEAD: usize = 80;

/// A pack that is being filled.
#[derive(Debug)]
pub(super) struct OpenPack {
    pub(super) preamble: Preamble,
    pub(super) bytes: PackBuffer,
    pub(super) sessions: Vec<SessionKeyRecord>,
    pub(super) frames: Vec<FrameRecord>,
    pub(super) blobs: Vec<BlobRecord>,
    pub(super) origins: Vec<u32>,
    pub(super) place: Option<Place>,
}

impl OpenPack {
    pub(super) fn new(preamble: Preamble, mut bytes: PackBuffer, place: Option<Place>) -> Self {
        bytes.vec().extend_from_slice(&preamble.encode());
        Self {
            preamble,
            bytes,
            sessions: Vec::new(),
            frames: Vec::new(),
            blobs: Vec::new(),
            origins: Vec::new(),
            place,
        }
    }

    /// Adds a frame at the end.
    pub(super) fn add(&mut self, frame: &SealedFrame<'_>) -> Result<()> {
        let key = match frame.session {
            None => FrameKey::Refs,
            Some(session) => FrameKey::Session(self.session_of(session)?),
        };
        let record = FrameRecord {
            offset: small(self.bytes.len())?,
            stored_len: small(frame.sealed.len())?,
            plain_len: frame.plain_len,
            blobs: small(frame.blobs.len())?,
            key,
            kind: frame.kind,
            codec: frame.codec,
        };
        self.frames.push(record);
        self.origins.push(frame.origin);
        self.blobs.extend_from_slice(frame.blobs);
        self.bytes.vec().extend_from_slice(frame.sealed);
        Ok(())
    }

    /// How long the pack would be if it were closed without padding, with one more frame or as it is.
    pub(super) fn closed_len(&self, more: Option<&SealedFrame<'_>>) -> usize {
        let (frames, blobs, bytes) = more.map_or((0, 0, 0), |frame| {
            (1, frame.blobs.len(), frame.sealed.len())
        });
        let frames = self.frames.len() + frames;
        let blobs = self.blobs.len() + blobs;
        let new = more
            .and_then(|frame| frame.session)
            .filter(|session| self.session(session).is_none());
        let header = match new {
            None => PackHeader::padded_len(&self.sessions, frames, blobs),
            Some(session) => {
                let sessions = [self.sessions.as_slice(), std::slice::from_ref(session)].concat();
                PackHeader::padded_len(&sessions, frames, blobs)
            }
        };
        self.bytes.len() + bytes + header + BOX_OVERHEAD + PackTail::LEN
    }

    /// Moves the frames at these positions, which ascend, to the end of another pack.
    pub(super) fn give(&mut self, positions: &[usize], to: &mut Self) -> Result<()> {
        if positions.is_empty() {
            return Ok(());
        }
        let frames = std::mem::take(&mut self.frames);
        let blobs = std::mem::take(&mut self.blobs);
        let origins = std::mem::take(&mut self.origins);
        let mut positions = positions.iter().peekable();
        let (mut rest, mut end) = (blobs.as_slice(), Preamble::LEN);
        for (at, (mut frame, origin)) in frames.into_iter().zip(origins).enumerate() {
            let (own, after) = rest
                .split_at_checked(frame.blobs as usize)
                .ok_or_else(contradiction)?;
            rest = after;
            let start = frame.offset as usize;
            let stored = start..start + frame.stored_len as usize;
            if positions.next_if_eq(&&at).is_some() {
                to.add(&SealedFrame {
                    kind: frame.kind,
                    codec: frame.codec,
                    plain_len: frame.plain_len,
                    blobs: own,
                    session: self.session_at(frame.key)?,
                    origin,
                    sealed: self
                        .bytes
                        .as_slice()
                        .get(stored)
                        .ok_or_else(contradiction)?,
                })?;
            } else {
                self.bytes.move_back(stored, end);
                frame.offset = small(end)?;
                end += frame.stored_len as usize;
                self.frames.push(frame);
                self.blobs.extend_from_slice(own);
                self.origins.push(origin);
            }
        }
        self.bytes.truncate(end);
        self.forget_unused_sessions()
    }

    fn session(&self, session: &SessionKeyRecord) -> Option<usize> {
        self.sessions.iter().position(|known| known == session)
    }

    fn session_at(&self, key: FrameKey) -> Result<Option<&SessionKeyRecord>> {
        match key {
            FrameKey::Refs => Ok(None),
            FrameKey::Session(at) => {
                let session = self.sessions.get(usize::from(at));
                session.ok_or_else(contradiction).map(Some)
            }
        }
    }

    /// Returns the position of a session's key record, which it adds if it is not there.
    fn session_of(&mut self, session: &SessionKeyRecord) -> Result<u16> {
        let at = self.session(session).unwrap_or_else(|| {
            self.sessions.push(session.clone());
            self.sessions.len() - 1
        });
        u16::try_from(at)
            .map_err(|_| Error::new(ErrorKind::Internal, "a pack has too many sessions"))
    }

    /// A header names the sessions of its own frames only.
    fn forget_unused_sessions(&mut self) -> Result<()> {
        let sessions = std::mem::take(&mut self.sessions);
        for at in 0..self.frames.len() {
            let Some(FrameKey::Session(old)) = self.frames.get(at).map(|frame| frame.key) else {
                continue;
            };
            let session = sessions.get(usize::from(old)).ok_or_else(contradiction)?;
            let new = FrameKey::Session(self.session_of(session)?);
            if let Some(frame) = self.frames.get_mut(at) {
                frame.key = new;
            }
        }
        Ok(())
    }
}

fn contradiction() -> Error {
    Error::new(ErrorKind::Internal, "an open pack contradicts itself")
}
