//! One pack, piece by piece: for stores of which many small reads serve as well as one large one.
//!
//! The header is read first. Then come the pieces in order, each hashed, and its frames opened, as long as it is in the processor's cache. A thread
//! holds two pieces instead of two packs. Nothing is judged here that is not as it must be: then the pack is read again, whole.

use std::ops::Range;

use bytes::Bytes;
use strongroom_format::{ObjectHash, PackHeader, PackRef};

use super::check::{HeaderSpot, PackChecker, PackOutcome};
use super::fault::HashState;
use super::frames::Opened;
use super::keys::Keyset;
use crate::edge::{Remote, Ticket};
use crate::error::Result;

/// A pack of which the header is known.
pub(super) struct Streamed<'a> {
    pub(super) remote: &'a Remote,
    pub(super) keys: &'a Keyset,
    pub(super) pack: &'a PackRef,
    pub(super) spot: HeaderSpot,
    pub(super) header: PackHeader,
    /// The header as it was read.
    pub(super) sealed: Bytes,
}

/// Neighbouring bytes of a pack, and the frames that lie in them.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Piece {
    bytes: Range<u64>,
    frames: Range<usize>,
}

impl Streamed<'_> {
    /// Looks at the pack as [`PackChecker::check`] does. `None` if it is not what its name says, as far as one can see.
    ///
    /// # Errors
    ///
    /// Those of the store that say that nothing can be looked at.
    pub(super) fn check(self, checker: &mut PackChecker) -> Result<Option<PackOutcome>> {
        let Some(pieces) = pieces(&self.header, u64::from(self.pack.len)) else {
            return Ok(None);
        };
        let sessions = checker.sessions_of(self.keys, &self.header);
        let mut outcome = PackOutcome::new(HashState::Equal, self.pack.name);
        let mut hasher = blake3::Hasher::new();
        let mut coming = pieces.iter().map(|piece| self.ask(piece.bytes.clone()));
        let mut ahead = coming.next();
        for piece in &pieces {
            let Some(ticket) = ahead.take() else {
                return Ok(None);
            };
            self.remote.before_batch()?;
            let got = ticket.wait()?;
            // The next one is on its way while this one is looked at.
            ahead = coming.next();
            let Ok(bytes) = got else { return Ok(None) };
            if !self.is_like(piece, &bytes) {
                return Ok(None);
            }
            hasher.update(&bytes);
            let at = (piece.bytes.start, piece.frames.clone());
            let header = (&self.header, sessions.as_slice());
            checker.some_frames(self.keys, header, at, &mut Vec::from(bytes), &mut outcome);
        }
        let is_whole = ObjectHash::from_bytes(*hasher.finalize().as_bytes()) == self.pack.name;
        let len = u64::from(self.pack.len);
        // What was appended is no part of what the journal says that there is.
        if !is_whole || self.ask(len..len + 1).wait()?.is_ok() {
            return Ok(None);
        }
        outcome.bad_sessions = bad(&sessions);
        outcome.header = Some((self.spot, self.header));
        Ok(Some(outcome))
    }

    fn ask(&self, bytes: Range<u64>) -> Ticket {
        self.remote.get_pack_later(self.pack, Some(bytes))
    }

    /// Whether a piece has its length, and the header in it is the one that was opened.
    fn is_like(&self, piece: &Piece, bytes: &[u8]) -> bool {
        if bytes.len() as u64 != piece.bytes.end - piece.bytes.start {
            return false;
        }
        let header = u64::from(self.spot.offset);
        let Some(start) = header.checked_sub(piece.bytes.start) else {
            // Pieces begin where frames do, and frames end before the header: this one is behind all of them.
            return false;
        };
        if header >= piece.bytes.end {
            return true;
        }
        let start = usize::try_from(start).unwrap_or(usize::MAX);
        let there = bytes.get(start..start.saturating_add(self.sealed.len()));
        there == Some(&*self.sealed)
    }
}

/// Returns how many keys of sessions are bad.
pub(super) fn bad(sessions: &[Opened]) -> u32 {
    let bad = sessions.iter().filter(|s| matches!(s, Opened::Bad)).count();
    u32::try_from(bad).unwrap_or(u32::MAX)
}

/// Divides a pack at the beginnings of frames. `None` if they do not lie one behind the other.
fn pieces(header: &PackHeader, len: u64) -> Option<Vec<Piece>> {
    let mut pieces = Vec::new();
    let (mut start, mut first) = (0, 0);
    let mut last = 0;
    for (at, frame) in header.frames.iter().enumerate() {
        let begins = u64::from(frame.offset);
        let ends = begins + u64::from(frame.stored_len);
        if begins < last || ends > len {
            return None;
        }
        if begins > start && ends - start > PIECE_BYTES {
            pieces.push(Piece {
                bytes: start..begins,
                frames: first..at,
            });
            (start, first) = (begins, at);
        }
        last = ends;
    }
    pieces.push(Piece {
        bytes: start..len,
        frames: first..header.frames.len(),
    });
    Some(pieces)
}

/// Bytes of a piece, unless one frame has more: few enough for the caches of a processor.
const PIECE_BYTES: u64 = if cfg!(test) { 8 << 10 } else { 1 << 20 };
