//! Sealed parts of packs, fetched with some foresight.

use std::ops::Range;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};

use bytes::Bytes;
use strongroom_format::{FrameRecord, ObjectHash, PackClass, Preamble};

use crate::blobs::damaged;
use crate::edge::{Remote, Ticket};
use crate::error::{Error, Result};
use crate::lru::Lru;
use crate::packs::{PREAMBLE_LEN, PackInfo, if_whole};
use crate::ranges::Reads;

/// Fetches parts of packs and keeps them a while, those that are on their way among them.
#[derive(Debug)]
pub(super) struct SealedCache {
    remote: Remote,
    /// What a request is worth in bytes.
    request: u64,
    kept: Mutex<Lru<ObjectHash, Arc<Vec<Arc<Part>>>>>,
    /// Packs of which something that came was damaged: they are read past every cache.
    suspects: Mutex<Lru<ObjectHash, ()>>,
    /// What was paid for parts of a pack, one after another.
    paid: Mutex<Lru<ObjectHash, u64>>,
    fetched: AtomicU64,
    requests: AtomicU64,
    bound: usize,
    /// Whoever reads will want all of the tree.
    sweeps: AtomicBool,
    /// Bytes that were asked for in the hope that they will be wanted.
    hoped: AtomicU64,
    /// Bytes that were wanted.
    wanted: AtomicU64,
}

/// A part of a pack that is here or on its way.
#[derive(Debug)]
struct Part {
    range: Range<u64>,
    state: Mutex<State>,
}

#[derive(Debug)]
enum State {
    Flying(Ticket<Bytes>),
    Here(Bytes),
    Failed,
}

impl Part {
    /// Waits for it. Of an error the first who asks is told; to the others it is as if it had not been asked for: `None`.
    fn land(&self) -> Option<Result<Bytes>> {
        let mut state = lock(&self.state);
        match std::mem::replace(&mut *state, State::Failed) {
            State::Flying(ticket) => match ticket.wait() {
                Ok(bytes) => {
                    *state = State::Here(bytes.clone());
                    Some(Ok(bytes))
                }
                Err(error) => Some(Err(error)),
            },
            State::Here(bytes) => {
                *state = State::Here(bytes.clone());
                Some(Ok(bytes))
            }
            State::Failed => None,
        }
    }

    fn covers(&self, wanted: &Range<u64>) -> bool {
        self.range.start <= wanted.start && wanted.end <= self.range.end
    }

    fn cut(&self, bytes: &Bytes, wanted: &Range<u64>) -> Option<Bytes> {
        let start = usize::try_from(wanted.start.checked_sub(self.range.start)?).ok()?;
        let end = usize::try_from(wanted.end.checked_sub(self.range.start)?).ok()?;
        (start <= end && end <= bytes.len()).then(|| bytes.slice(start..end))
    }
}

/// What is needed to open a header.
#[derive(Debug)]
pub(super) struct HeaderParts {
    pub(super) front: Bytes,
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

/// The parts of a header on their way. They stay, whatever else is fetched meanwhile.
#[derive(Debug)]
pub(super) struct HeaderFlight {
    parts: Arc<Vec<Arc<Part>>>,
}

impl SealedCache {
    /// Makes one that keeps up to `bound` bytes.
    pub(super) fn new(remote: Remote, request: u64, bound: usize) -> Self {
        Self {
            remote,
            request,
            kept: Mutex::new(Lru::new(bound)),
            suspects: Mutex::new(Lru::new(REMEMBERED)),
            paid: Mutex::new(Lru::new(REMEMBERED)),
            fetched: AtomicU64::new(0),
            requests: AtomicU64::new(0),
            bound,
            sweeps: AtomicBool::new(false),
            hoped: AtomicU64::new(0),
            wanted: AtomicU64::new(0),
        }
    }

    /// Returns the bytes it keeps at most.
    pub(super) fn bound(&self) -> u64 {
        self.bound as u64
    }

    /// Takes note that all of the tree will be wanted.
    pub(super) fn sweep(&self) {
        self.sweeps.store(true, Ordering::Relaxed);
    }

    pub(super) fn fetched(&self) -> u64 {
        self.fetched.load(Ordering::Relaxed)
    }

    /// Returns the number of requests so far.
    pub(super) fn requests(&self) -> u64 {
        self.requests.load(Ordering::Relaxed)
    }

    /// Drops what is kept of a pack, so that it is fetched afresh.
    pub(super) fn forget(&self, name: &ObjectHash) {
        lock(&self.kept).remove(name);
    }

    /// Drops what is kept of a pack, and fetches it past every cache from now on: something of it was damaged.
    pub(super) fn suspect(&self, name: &ObjectHash) {
        lock(&self.suspects).insert(*name, (), 1);
        self.forget(name);
    }

    /// Begins to fetch parts of a pack, unless they are here or on their way; nothing if that were more than `most` bytes. Returns
    /// how many bytes are on their way for it.
    pub(super) fn begin(
        &self,
        pack: &PackInfo,
        wanted: impl IntoIterator<Item = Range<u64>>,
        most: u64,
    ) -> Result<u64> {
        let kept = lock(&self.kept).get(&pack.name).unwrap_or_default();
        let missing: Vec<Range<u64>> = wanted
            .into_iter()
            .filter(|range| !kept.iter().any(|part| part.covers(range)))
            .collect();
        if missing.is_empty() {
            return Ok(0);
        }
        let parts = Reads::choose(missing, pack, self.request);
        if parts.bytes(pack) > most {
            return Ok(0);
        }
        let reads = match kept.is_empty() {
            true => self.hope(pack, parts),
            false => parts,
        };
        let bytes = reads.bytes(pack);
        self.start(pack, reads)?;
        Ok(bytes)
    }

    /// Says what to fetch of a pack of which nothing was fetched yet: all of it, if everything in the tree will be wanted and that was so
    /// of most of what was fetched in this hope before.
    fn hope(&self, pack: &PackInfo, parts: Reads) -> Reads {
        if pack.class == PackClass::Data || !self.sweeps.load(Ordering::Relaxed) {
            return parts;
        }
        let whole = u64::from(pack.len);
        let hoped = self.hoped.load(Ordering::Relaxed).saturating_add(whole);
        let wanted = self.wanted.load(Ordering::Relaxed);
        if hoped > HOPED_AT_FIRST.saturating_add(wanted.saturating_mul(HOPED_A_BYTE)) {
            return parts;
        }
        self.hoped.store(hoped, Ordering::Relaxed);
        Reads::Whole
    }

    /// Fetches what is needed to open a pack's header.
    pub(super) fn header(&self, pack: &PackInfo) -> Result<HeaderParts> {
        self.begin(pack, [PackInfo::FRONT, pack.header()], u64::MAX)?;
        Ok(HeaderParts {
            front: self.bytes(pack, PackInfo::FRONT)?,
            sealed: self.bytes(pack, pack.header())?,
        })
    }

    /// Begins to fetch what is needed to open a pack's header.
    pub(super) fn header_later(&self, pack: &PackInfo) -> Result<HeaderFlight> {
        self.begin(pack, [PackInfo::FRONT, pack.header()], u64::MAX)?;
        let parts = lock(&self.kept).get(&pack.name).unwrap_or_default();
        Ok(HeaderFlight { parts })
    }

    /// Waits for what is needed to open a pack's header.
    pub(super) fn land(&self, pack: &PackInfo, flight: &HeaderFlight) -> Result<HeaderParts> {
        let take = |wanted: Range<u64>| {
            let known = flight.parts.iter().find(|part| part.covers(&wanted));
            match known.and_then(|part| Some((part, part.land()?))) {
                Some((part, bytes)) => part
                    .cut(&bytes?, &wanted)
                    .ok_or_else(|| damaged(pack, "a pack ends too early")),
                None => self.bytes(pack, wanted),
            }
        };
        Ok(HeaderParts {
            front: take(PackInfo::FRONT)?,
            sealed: take(pack.header())?,
        })
    }

    /// Fetches a sealed frame.
    pub(super) fn frame(&self, pack: &PackInfo, frame: &FrameRecord) -> Result<Bytes> {
        self.bytes(pack, frame_range(frame.offset, frame.stored_len))
    }

    /// Returns a part of a pack, from what is kept or through it.
    fn bytes(&self, pack: &PackInfo, wanted: Range<u64>) -> Result<Bytes> {
        loop {
            let kept = lock(&self.kept).get(&pack.name).unwrap_or_default();
            let known = kept.iter().find(|part| part.covers(&wanted)).cloned();
            let part = match known {
                Some(part) => part,
                None => {
                    let reads = self.worth(pack, &wanted);
                    let started = self.start(pack, reads)?;
                    let covering = started.into_iter().find(|part| part.covers(&wanted));
                    covering.ok_or_else(|| damaged(pack, "the index misplaces a frame"))?
                }
            };
            match part.land() {
                Some(Ok(bytes)) => {
                    let len = wanted.end.saturating_sub(wanted.start);
                    self.wanted.fetch_add(len, Ordering::Relaxed);
                    let cut = part.cut(&bytes, &wanted);
                    return cut.ok_or_else(|| damaged(pack, "a pack ends too early"));
                }
                Some(Err(error)) => {
                    self.forget(&pack.name);
                    return Err(error);
                }
                None => self.forget(&pack.name),
            }
        }
    }

    /// Says what to fetch for one part that somebody waits for: the whole pack, once as much was paid for its parts as it costs.
    fn worth(&self, pack: &PackInfo, wanted: &Range<u64>) -> Reads {
        let trip = self.request.saturating_mul(WAITED_FOR);
        let alone = Reads::choose([wanted.clone()], pack, self.request);
        let price = alone.bytes(pack).saturating_add(trip);
        let mut paid = lock(&self.paid);
        let before = paid.get(&pack.name).unwrap_or(0);
        if before.saturating_add(price) >= u64::from(pack.len).saturating_add(trip) {
            return Reads::Whole;
        }
        paid.insert(pack.name, before.saturating_add(price), 1);
        alone
    }

    /// Asks for parts of a pack, and keeps them with those that are kept already.
    fn start(&self, pack: &PackInfo, reads: Reads) -> Result<Vec<Arc<Part>>> {
        let key = pack.key()?;
        self.fetched.fetch_add(reads.bytes(pack), Ordering::Relaxed);
        self.requests.fetch_add(reads.requests(), Ordering::Relaxed);
        let is_suspect = lock(&self.suspects).get(&pack.name).is_some();
        let ask = |range: Option<Range<u64>>| {
            let part = range.clone();
            let ticket = match is_suspect {
                true => self.remote.get_pack_fresh_later(&key, pack.class, part),
                false => self.remote.get_pack_later(&key, pack.class, part),
            };
            Arc::new(Part {
                range: range.unwrap_or(0..u64::MAX),
                state: Mutex::new(State::Flying(ticket)),
            })
        };
        let parts: Vec<Arc<Part>> = match reads {
            Reads::Whole => vec![ask(None)],
            Reads::Ranges(ranges) => ranges.into_iter().map(|range| ask(Some(range))).collect(),
        };
        let mut kept = lock(&self.kept);
        let mut all = match parts.iter().any(|part| part.range.end == u64::MAX) {
            // The whole pack has all the others.
            true => Vec::new(),
            false => kept.get(&pack.name).unwrap_or_default().to_vec(),
        };
        all.extend(parts.iter().cloned());
        let weight = all.iter().map(|part| weight(pack, &part.range)).sum();
        kept.insert(pack.name, Arc::new(all), weight);
        Ok(parts)
    }

    /// Looks at the whole pack before it is said to be of a later version.
    pub(super) fn if_whole(&self, pack: &PackInfo, error: Error) -> Error {
        if_whole(&self.remote, &pack.name, error)
    }
}

/// Returns where a frame is.
pub(crate) fn frame_range(offset: u32, stored_len: u32) -> Range<u64> {
    u64::from(offset)..u64::from(offset) + u64::from(stored_len)
}

fn weight(pack: &PackInfo, range: &Range<u64>) -> usize {
    let end = range.end.min(u64::from(pack.len));
    usize::try_from(end.saturating_sub(range.start)).unwrap_or(usize::MAX)
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

fn lock<T>(mutex: &Mutex<T>) -> std::sync::MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

/// A read that somebody waits for costs the whole round trip, of which several that are under way together share one.
const WAITED_FOR: u64 = 8;
/// What a sweep may fetch of packs of the tree before anything of it was wanted, and for each byte that was.
const HOPED_AT_FIRST: u64 = 16 << 20;
const HOPED_A_BYTE: u64 = 3;
/// Packs of which it is remembered what was paid for their parts, or that something of them was damaged.
const REMEMBERED: usize = 4_096;
