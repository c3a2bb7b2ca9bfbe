//! Sealed parts of packs, fetched with some foresight.

use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Mutex, PoisonError};

use bytes::Bytes;
use strongroom_format::{FrameRecord, ObjectHash, PackClass, Preamble};

use crate::blobs::damaged;
use crate::edge::{Remote, Ticket};
use crate::error::{Error, Result};
use crate::lru::Lru;
use crate::packs::{PREAMBLE_LEN, PackInfo, if_whole};

/// Fetches parts of packs. A pack that is small, or asked for again, is fetched whole and kept a while.
#[derive(Debug)]
pub(super) struct SealedCache {
    remote: Remote,
    whole: Mutex<Lru<ObjectHash, Bytes>>,
    /// How often a part of a pack was fetched.
    asked: Mutex<Lru<ObjectHash, u32>>,
    fetched: AtomicU64,
}

/// What is needed to open a header.
#[derive(Debug)]
pub(super) struct HeaderParts {
    front: Bytes,
    pub(super) sealed: Bytes,
}

impl HeaderParts {
    /// Decodes the pack's preamble.
    ///
    /// # Errors
    ///
    /// `Damaged` or `Incompatible` naming the pack.
    pub(super) fn preamble(&self, pack: &PackInfo) -> Result<Preamble> {
        Preamble::decode(&self.front).map_err(|error| Error::decode(pack.object(), error))
    }
}

/// The parts of a header on their way.
#[derive(Debug)]
pub(super) struct HeaderFlight {
    front: Ticket<Bytes>,
    sealed: Ticket<Bytes>,
}

impl HeaderFlight {
    /// Waits for them.
    pub(super) fn land(self) -> Result<HeaderParts> {
        Ok(HeaderParts {
            front: self.front.wait()?,
            sealed: self.sealed.wait()?,
        })
    }
}

impl SealedCache {
    pub(super) fn new(remote: Remote) -> Self {
        Self {
            remote,
            whole: Mutex::new(Lru::new(WHOLE_BYTES)),
            asked: Mutex::new(Lru::new(REMEMBERED)),
            fetched: AtomicU64::new(0),
        }
    }

    pub(super) fn fetched(&self) -> u64 {
        self.fetched.load(Ordering::Relaxed)
    }

    /// Drops what is kept of a pack, so that it is fetched afresh.
    pub(super) fn forget(&self, name: &ObjectHash) {
        lock(&self.whole).remove(name);
    }

    /// Fetches what is needed to open a pack's header.
    pub(super) fn header(&self, pack: &PackInfo) -> Result<HeaderParts> {
        if let Some(whole) = self.whole(pack, pack.len <= SMALL_PACK)? {
            return parts_of_whole(pack, &whole);
        }
        self.header_later(pack)?.land()
    }

    /// Begins to fetch what is needed to open a pack's header.
    pub(super) fn header_later(&self, pack: &PackInfo) -> Result<HeaderFlight> {
        let key = pack.key()?;
        let start = u64::from(pack.header_offset);
        let end = start + u64::from(pack.header_len);
        self.count(PREAMBLE_LEN as usize + pack.header_len as usize);
        Ok(HeaderFlight {
            front: self
                .remote
                .get_later(&key, Some(0..u64::from(PREAMBLE_LEN))),
            sealed: self.remote.get_later(&key, Some(start..end)),
        })
    }

    /// Fetches a sealed frame.
    pub(super) fn frame(&self, pack: &PackInfo, frame: &FrameRecord) -> Result<Bytes> {
        let wanted = frame.offset as usize..frame.offset as usize + frame.stored_len as usize;
        let asked = lock(&self.asked).get(&pack.name).unwrap_or(0);
        let patience = match pack.class {
            PackClass::Data => PATIENCE_DATA,
            _ => PATIENCE_TREE,
        };
        if let Some(whole) = self.whole(pack, pack.len <= SMALL_PACK || asked >= patience)? {
            if whole.len() < wanted.end {
                return Err(damaged(pack, "a pack ends too early"));
            }
            return Ok(whole.slice(wanted));
        }
        lock(&self.asked).insert(pack.name, asked + 1, 1);
        let range = aligned(wanted.start as u64, wanted.end as u64, pack);
        let part = self.remote.get(&pack.key()?, Some(range.clone()))?;
        self.count(part.len());
        let start = usize::try_from(wanted.start as u64 - range.start).unwrap_or(usize::MAX);
        let inner = start..start.saturating_add(frame.stored_len as usize);
        if part.len() < inner.end {
            return Err(damaged(pack, "a pack ends too early"));
        }
        Ok(part.slice(inner))
    }

    /// Returns the whole pack if it is there, or `worth_it` says to fetch it.
    fn whole(&self, pack: &PackInfo, worth_it: bool) -> Result<Option<Bytes>> {
        let kept = lock(&self.whole).get(&pack.name);
        if kept.is_some() || !worth_it {
            return Ok(kept);
        }
        let whole = self.remote.get(&pack.key()?, None)?;
        self.count(whole.len());
        lock(&self.whole).insert(pack.name, whole.clone(), whole.len());
        Ok(Some(whole))
    }

    /// Looks at the whole pack before it is said to be of a later version.
    pub(super) fn if_whole(&self, pack: &PackInfo, error: Error) -> Error {
        if_whole(&self.remote, &pack.name, error)
    }

    fn count(&self, bytes: usize) {
        self.fetched.fetch_add(bytes as u64, Ordering::Relaxed);
    }
}

/// Takes what is needed to open the header out of a whole pack, which may have lost its tail, or gained something: header and frames prove
/// themselves.
pub(super) fn parts_of_whole(pack: &PackInfo, whole: &Bytes) -> Result<HeaderParts> {
    let start = pack.header_offset as usize;
    let end = start + pack.header_len as usize;
    if end > whole.len() {
        return Err(damaged(pack, "a pack ends too early"));
    }
    Ok(HeaderParts {
        front: whole.slice(..PREAMBLE_LEN as usize),
        sealed: whole.slice(start..end),
    })
}

/// Widens a range to whole blocks of 64 KiB, within the frames of a pack: requests then say nothing of the lengths of chunks.
pub(crate) fn aligned(start: u64, end: u64, pack: &PackInfo) -> std::ops::Range<u64> {
    let last = u64::from(pack.header_offset).max(end);
    start / BLOCK * BLOCK..end.next_multiple_of(BLOCK).min(last)
}

fn lock<T>(mutex: &Mutex<T>) -> std::sync::MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

/// Ranges begin and end at multiples of this.
const BLOCK: u64 = 64 << 10;
/// Packs up to this are always fetched whole: one request in place of three.
const SMALL_PACK: u32 = 1 << 20;
/// Parts of a pack that are fetched before the rest is. A tree is walked through, content is often picked from.
const PATIENCE_TREE: u32 = 1;
const PATIENCE_DATA: u32 = 3;
/// Sealed packs that are kept.
const WHOLE_BYTES: usize = 48 << 20;
/// Packs of which it is remembered how often they were asked for.
const REMEMBERED: usize = 4_096;
