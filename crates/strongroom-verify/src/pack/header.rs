//! Headers of packs that are not read whole.

use strongroom_format::object_name::ObjectName;
use strongroom_format::{PackHeader, PackRef, PackTail, Preamble};

use super::check::{HeaderSpot, open_at, spot_of};
use super::fault::{HashState, PackFault};
use super::keys::Keyset;
use crate::edge::{Remote, Ticket, Unread};
use crate::error::Result;

/// A header that was asked for.
#[derive(Debug)]
pub(crate) struct HeaderPlace {
    pack: PackRef,
    head: Ticket,
    tail: Ticket,
}

/// What reading a header gave.
#[derive(Debug)]
pub(crate) enum HeaderSeen {
    Good(HeaderSpot, PackHeader),
    Fault(PackFault),
    Unread(Unread),
}

impl HeaderPlace {
    /// Begins to read the header of a pack: its first bytes, and its last ones, among which the header usually is.
    pub(crate) fn ask(remote: &Remote, pack: &PackRef) -> Self {
        let name = ObjectName::Pack(pack.name);
        let len = u64::from(pack.len);
        let head = remote.get_later(&name, Some(0..len.min(Preamble::LEN as u64)));
        let tail = remote.get_later(&name, Some(len.saturating_sub(GUESS_BYTES)..len));
        Self {
            pack: *pack,
            head,
            tail,
        }
    }

    /// Waits for it and opens it. Bytes that do not open are not called damaged by their hash, which is not known.
    ///
    /// # Errors
    ///
    /// Those of the store that say that nothing can be looked at.
    pub(crate) fn wait(self, remote: &Remote, keys: &Keyset) -> Result<HeaderSeen> {
        let (head, tail) = (self.head.wait()?, self.tail.wait()?);
        let (head, tail) = match (head, tail) {
            (Ok(head), Ok(tail)) => (head, tail),
            (Err(unread), _) | (_, Err(unread)) => return Ok(HeaderSeen::Unread(unread)),
        };
        let len = u64::from(self.pack.len);
        let spot = match spot(&head, &tail, len) {
            Ok(spot) => spot,
            Err(fault) => return Ok(HeaderSeen::Fault(fault)),
        };
        // The header ends where the last 32 bytes begin.
        let from_end = spot.len as usize + PackTail::LEN;
        let opened = match tail.len().checked_sub(from_end) {
            Some(start) => {
                let sealed = tail
                    .get(start..start + spot.len as usize)
                    .unwrap_or_default();
                open_at(keys, &spot, sealed, HashState::Equal, Some(&self.pack))
            }
            None => match read_header(remote, &self.pack, &spot)? {
                Ok(sealed) => open_at(keys, &spot, &sealed, HashState::Equal, Some(&self.pack)),
                Err(unread) => return Ok(HeaderSeen::Unread(unread)),
            },
        };
        Ok(match opened {
            Ok(header) => HeaderSeen::Good(spot, header),
            Err(fault) => HeaderSeen::Fault(fault),
        })
    }
}

/// Reads a sealed header whose place is known.
///
/// # Errors
///
/// Those of the store that say that nothing can be looked at.
pub(crate) fn read_header(
    remote: &Remote,
    pack: &PackRef,
    spot: &HeaderSpot,
) -> Result<crate::edge::Got> {
    let start = u64::from(spot.offset);
    let range = start..start + u64::from(spot.len);
    remote.get(&ObjectName::Pack(pack.name), Some(range))
}

fn spot(head: &[u8], tail: &[u8], len: u64) -> std::result::Result<HeaderSpot, PackFault> {
    use strongroom_format::DecodeErrorKind::Unsupported;
    let preamble = Preamble::decode(head).map_err(|error| match error.kind() {
        Unsupported => PackFault::Unsupported { what: error.what() },
        kind => PackFault::Header {
            what: error.what(),
            kind,
        },
    })?;
    let last = tail
        .last_chunk::<{ PackTail::LEN }>()
        .ok_or(PackFault::Tail { what: "length" })?;
    let tail = PackTail::decode(last, len).map_err(|error| match error.kind() {
        Unsupported => PackFault::Unsupported { what: error.what() },
        _ => PackFault::Tail { what: error.what() },
    })?;
    spot_of(&preamble, &tail)
}

/// A header of 1,000 blobs has half of this.
const GUESS_BYTES: u64 = 65_536;
