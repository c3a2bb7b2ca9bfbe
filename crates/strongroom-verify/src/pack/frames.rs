//! The frames of a pack in memory.

use std::ops::Range;
use std::sync::Arc;

use strongroom_crypt::{Sealer as _, Session};
use strongroom_format::{BlobRecord, Codec, FrameKey, PackHeader, SessionKeyRecord, frame_aad};

use super::check::{Depth, PackChecker, PackOutcome};
use super::fault::{FrameFault, Gap};
use super::keys::{DATA, Keyset, PAGE};
use super::pages::FoundPage;
use super::reader::Frame;
use super::stream::bad;

/// What opening a session's key gave.
#[derive(Clone, Debug)]
pub(super) enum Opened {
    Session(Arc<Session>),
    Bad,
    Gap(Gap),
}

impl PackChecker {
    /// Looks at all frames of a pack as closely as depth and keys allow.
    pub(super) fn frames(
        &mut self,
        keys: &Keyset,
        header: &PackHeader,
        bytes: &mut [u8],
        outcome: &mut PackOutcome,
    ) {
        let sessions = self.sessions_of(keys, header);
        outcome.bad_sessions = bad(&sessions);
        let all = (0, 0..header.frames.len());
        self.some_frames(keys, (header, &sessions), all, bytes, outcome);
    }

    /// Opens the keys of the sessions of a pack.
    pub(super) fn sessions_of(&mut self, keys: &Keyset, header: &PackHeader) -> Vec<Opened> {
        let sessions = header.sessions.iter();
        sessions.map(|record| self.session(keys, record)).collect()
    }

    /// Looks at some frames of a pack. `bytes` are those of the pack that begin at the first part of `at`.
    pub(super) fn some_frames(
        &mut self,
        keys: &Keyset,
        (header, sessions): (&PackHeader, &[Opened]),
        at: (u64, Range<usize>),
        bytes: &mut [u8],
        outcome: &mut PackOutcome,
    ) {
        let (base, positions) = at;
        let frames = header.frames.iter().enumerate();
        let count = positions.len();
        for (at, frame) in frames.skip(positions.start).take(count) {
            let position = u32::try_from(at).unwrap_or(u32::MAX);
            let start = u64::from(frame.offset).checked_sub(base);
            let start = start.and_then(|start| usize::try_from(start).ok());
            let sealed = start
                .and_then(|start| Some(start..start.checked_add(frame.stored_len as usize)?))
                .and_then(|range| bytes.get_mut(range));
            let result = match (sealed, frame.key) {
                (None, _) => Err(FrameFault::Sealed),
                (Some(sealed), FrameKey::Refs) => {
                    self.frame(keys, None, (header, position), sealed, outcome)
                }
                (Some(sealed), FrameKey::Session(at)) => match sessions.get(usize::from(at)) {
                    Some(Opened::Session(session)) => {
                        let session = Some(&**session);
                        self.frame(keys, session, (header, position), sealed, outcome)
                    }
                    Some(Opened::Gap(gap)) => {
                        note(&mut outcome.gaps, *gap);
                        Ok(())
                    }
                    Some(Opened::Bad) | None => Err(FrameFault::SessionKey),
                },
            };
            if let Err(fault) = result {
                outcome.frames.push((position, fault));
            }
        }
    }

    /// Opens a frame where it lies; decompresses it and recomputes every id, if that is asked for.
    fn frame(
        &mut self,
        keys: &Keyset,
        session: Option<&Session>,
        (header, position): (&PackHeader, u32),
        sealed: &mut [u8],
        outcome: &mut PackOutcome,
    ) -> Result<(), FrameFault> {
        let frame = header.frames.get(position as usize);
        let frame = frame.ok_or(FrameFault::Sealed)?;
        let blobs = header.frame_blobs(position as usize);
        frame_aad(
            &mut self.aad,
            &keys.repository,
            frame.kind,
            frame.codec,
            blobs,
        );
        let sealer = session.map_or_else(|| keys.structure.refs(), Session::sealer);
        let opened = sealer
            .open_in_place(&self.aad, sealed)
            .map_err(|_| FrameFault::Sealed)?;
        outcome.authenticated += 1;
        outcome.authenticated_bytes += u64::from(frame.stored_len);
        if self.depth < Depth::Decoded && frame.kind != PAGE {
            return Ok(());
        }
        let plain_len = frame.plain_len as usize;
        let plain: &[u8] = match frame.codec {
            // Nothing to copy: the sealed bytes are the plaintext now.
            Codec::Raw if opened.len() == plain_len => opened,
            codec => {
                self.plain.clear();
                self.decompressor
                    .decompress(codec, opened, plain_len, &mut self.plain)
                    .map_err(|_| FrameFault::Codec)?;
                &self.plain
            }
        };
        check_ids(keys, frame.kind, blobs, plain)?;
        outcome.decoded_blobs += blobs.len() as u64;
        outcome.decoded_bytes += plain_len as u64;
        if frame.kind == PAGE {
            FoundPage::read_all(position, blobs, plain, &mut outcome.pages);
        }
        // Data is most of a repository, and what of it is needed again nobody knows.
        if frame.kind != DATA && self.spare.take(plain_len as u64) {
            let kept = Frame::new(plain.to_vec(), header, position);
            outcome.kept.push((position, Arc::new(kept)));
        }
        Ok(())
    }

    /// Opens the key of a session, or takes it from those that were opened before. Each pack has its own wrapped copy, and
    /// each is opened: one that is damaged would otherwise hide behind another.
    pub(super) fn session(&mut self, keys: &Keyset, record: &SessionKeyRecord) -> Opened {
        if !keys.has_content() {
            return Opened::Gap(Gap::NoContentKeys);
        }
        if record.wrap_kind != SessionKeyRecord::BOX {
            return Opened::Gap(Gap::UnknownWrap(record.wrap_kind));
        }
        let Some(epoch) = keys.epoch(record.epoch) else {
            return Opened::Gap(Gap::NoEpochKey(record.epoch));
        };
        let opened = Session::unwrap(
            keys.suite,
            &keys.repository,
            record.session,
            record.epoch,
            epoch,
            &record.wrapped,
        );
        let Ok(session) = opened else {
            return Opened::Bad;
        };
        if self.sessions.len() >= MAX_SESSIONS {
            self.sessions.clear();
        }
        let known = self
            .sessions
            .entry(record.session)
            .or_insert_with(|| Arc::new(session));
        Opened::Session(Arc::clone(known))
    }
}

/// Recomputes the ids of a frame's blobs.
pub(super) fn check_ids(
    keys: &Keyset,
    kind: u8,
    blobs: &[BlobRecord],
    plain: &[u8],
) -> Result<(), FrameFault> {
    let mut rest = plain;
    let mut bad: Option<(u32, u32)> = None;
    for (position, blob) in (0_u32..).zip(blobs) {
        let (bytes, after) = rest
            .split_at_checked(blob.len as usize)
            .ok_or(FrameFault::Codec)?;
        rest = after;
        if keys.id(kind, bytes) != Some(blob.id) {
            let (count, first) = bad.unwrap_or((0, position));
            bad = Some((count + 1, first));
        }
    }
    match bad {
        Some((count, first)) => Err(FrameFault::Ids { count, first }),
        None => Ok(()),
    }
}

fn note(gaps: &mut Vec<(Gap, u32)>, gap: Gap) {
    match gaps.iter_mut().find(|(known, _)| *known == gap) {
        Some((_, count)) => *count += 1,
        None => gaps.push((gap, 1)),
    }
}

/// Secrets of sessions that are kept ready.
const MAX_SESSIONS: usize = 256;
