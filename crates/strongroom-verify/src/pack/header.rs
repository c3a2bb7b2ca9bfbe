//! Headers of packs that are not read whole.

use strongroom_format::object_name::ObjectName;
use strongroom_format::{PackHeader, PackRef, PackTail, Preamble};

use super::check::{HeaderSpot, open_at, spot_of};
use super::fault::HashState;
use super::keys::Keyset;
use crate::edge::{Remote, Ticket};
use crate::error::Result;

/// A header that was asked for.
#[derive(Debug)]
pub(super) struct HeaderPlace {
    pack: PackRef,
    head: Ticket,
    tail: Ticket,
}

impl HeaderPlace {
    /// Begins to read the header of a pack: its first bytes, and its last ones, among which the header usually is.
    pub(super) fn ask(remote: &Remote, pack: &PackRef) -> Self {
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

    /// Waits for it and opens it. None says only that the whole pack must be looked at: what is wrong with a part cannot be known from
    /// the part, because its hash is not known.
    ///
    /// # Errors
    ///
    /// Those of the store that say that nothing can be looked at.
    pub(super) fn wait(
        self,
        remote: &Remote,
        keys: &Keyset,
    ) -> Result<Option<(HeaderSpot, PackHeader)>> {
        let (head, tail) = (self.head.wait()?, self.tail.wait()?);
        let (Ok(head), Ok(tail)) = (head, tail) else {
            return Ok(None);
        };
        let Some(spot) = spot(&head, &tail, u64::from(self.pack.len)) else {
            return Ok(None);
        };
        // The header ends where the last 32 bytes begin.
        let from_end = spot.len as usize + PackTail::LEN;
        let sealed = match tail.len().checked_sub(from_end) {
            Some(start) => tail.slice(start..start + spot.len as usize),
            None => {
                let start = u64::from(spot.offset);
                let range = start..start + u64::from(spot.len);
                match remote.get(&ObjectName::Pack(self.pack.name), Some(range))? {
                    Ok(sealed) => sealed,
                    Err(_) => return Ok(None),
                }
            }
        };
        let header = open_at(keys, &spot, &sealed, HashState::Equal, Some(&self.pack));
        Ok(header.ok().map(|header| (spot, header)))
    }
}

fn spot(head: &[u8], tail: &[u8], len: u64) -> Option<HeaderSpot> {
    let preamble = Preamble::decode(head).ok()?;
    let tail = PackTail::decode(tail.last_chunk()?, len).ok()?;
    spot_of(&preamble, &tail).ok()
}

/// A header of 1,000 blobs has half of this.
const GUESS_BYTES: u64 = 65_536;
