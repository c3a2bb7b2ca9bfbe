//! Headers of packs that are not read whole.

use bytes::Bytes;
use strongroom_format::{PackHeader, PackRef, PackTail, Preamble};

use super::check::{HeaderSpot, open_at, spot_of};
use super::fault::HashState;
use super::keys::Keyset;
use crate::edge::{Remote, Ticket, Unread};
use crate::error::Result;

/// A header that was asked for.
#[derive(Debug)]
pub(super) struct HeaderPlace {
    pack: PackRef,
    asked: Asked,
}

/// What became of looking for a header.
#[derive(Debug)]
pub(super) enum Place {
    /// It opens. With its bytes as they were read.
    Found(HeaderSpot, Box<PackHeader>, Bytes),
    /// The whole pack must be looked at: what is wrong with a part cannot be known from the part, because its hash is not known.
    Unsure,
    /// The pack is in cold storage.
    Cold,
}

/// What was asked for.
#[derive(Debug)]
enum Asked {
    /// The first bytes, and the last ones, among which the header usually is.
    Ends(Ticket, Ticket),
    /// The header itself.
    Header(HeaderSpot, Ticket),
}

impl HeaderPlace {
    /// Begins to read the header of a pack, wherever it is.
    pub(super) fn ask(remote: &Remote, pack: &PackRef, spot: Option<HeaderSpot>) -> Self {
        let asked = match spot {
            Some(spot) => {
                let start = u64::from(spot.offset);
                let range = start..start + u64::from(spot.len);
                Asked::Header(spot, remote.get_pack_later(pack, Some(range)))
            }
            None => {
                let len = u64::from(pack.len);
                let head = 0..len.min(Preamble::LEN as u64);
                let tail = len.saturating_sub(GUESS_BYTES)..len;
                Asked::Ends(
                    remote.get_pack_later(pack, Some(head)),
                    remote.get_pack_later(pack, Some(tail)),
                )
            }
        };
        Self { pack: *pack, asked }
    }

    /// Waits for it and opens it.
    ///
    /// # Errors
    ///
    /// Those of the store that say that nothing can be looked at.
    pub(super) fn wait(self, remote: &Remote, keys: &Keyset) -> Result<Place> {
        let sealed = match self.asked {
            Asked::Header(spot, ticket) => match ticket.wait()? {
                Err(Unread::Cold) => return Ok(Place::Cold),
                got => got.ok().map(|sealed| (spot, sealed)),
            },
            Asked::Ends(head, tail) => match (head.wait()?, tail.wait()?) {
                (Ok(head), Ok(tail)) => within(remote, &self.pack, &head, &tail)?,
                (Err(Unread::Cold), _) | (_, Err(Unread::Cold)) => return Ok(Place::Cold),
                _ => None,
            },
        };
        let Some((spot, sealed)) = sealed else {
            return Ok(Place::Unsure);
        };
        let header = open_at(keys, &spot, &sealed, HashState::Equal, Some(&self.pack));
        Ok(header.map_or(Place::Unsure, |header| {
            Place::Found(spot, Box::new(header), sealed)
        }))
    }
}

/// Takes the sealed header from the last bytes of its pack, or reads it if it begins before them.
fn within(
    remote: &Remote,
    pack: &PackRef,
    head: &[u8],
    tail: &Bytes,
) -> Result<Option<(HeaderSpot, Bytes)>> {
    let Some(spot) = spot(head, tail, u64::from(pack.len)) else {
        return Ok(None);
    };
    // The header ends where the last 32 bytes begin.
    let from_end = spot.len as usize + PackTail::LEN;
    if let Some(start) = tail.len().checked_sub(from_end) {
        return Ok(Some((spot, tail.slice(start..start + spot.len as usize))));
    }
    let start = u64::from(spot.offset);
    let range = start..start + u64::from(spot.len);
    let got = remote.get_pack_later(pack, Some(range)).wait()?;
    Ok(got.ok().map(|sealed| (spot, sealed)))
}

fn spot(head: &[u8], tail: &[u8], len: u64) -> Option<HeaderSpot> {
    let preamble = Preamble::decode(head).ok()?;
    let tail = PackTail::decode(tail.last_chunk()?, len).ok()?;
    spot_of(&preamble, &tail).ok()
}

/// A header of 1,000 blobs has half of this.
const GUESS_BYTES: u64 = 65_536;
