//! Frames that are read again, after the packs were checked: of tree pages, of names, and of content that files are put together from.

use std::collections::{HashMap, HashSet};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use strongroom_crypt::{Id, Sealer as _, Session};
use strongroom_format::{Codec, FrameKey, PackHeader, Page, frame_aad};

use super::cache::Cache;
use super::check::{Depth, HeaderSpot, PackChecker, open_at};
use super::fault::HashState;
use super::frames::{Opened, check_ids};
use super::keys::Keyset;
use super::table::{PackState, PackTable, Presence};
use crate::content::Shared;
use crate::edge::{Got, Remote, Ticket, crew};
use crate::error::Result;

/// Reads frames of packs whose headers are known.
///
/// Memory: that of its [`FrameStore`]; and what is read at once: 128 frames and their headers.
#[derive(Debug)]
pub(crate) struct FrameReader<'a> {
    remote: &'a Remote,
    keys: &'a Arc<Keyset>,
    table: &'a PackTable,
    threads: usize,
    store: &'a mut FrameStore,
    fetched: u64,
}

/// Frames that are kept, from one reader to the next.
///
/// Memory: the `memory_bytes` it is made with, of which an eighth is for headers and the rest for decoded frames.
#[derive(Debug)]
pub(crate) struct FrameStore {
    headers: Cache<u32, Option<Arc<PackHeader>>>,
    frames: Cache<(u32, u32), Option<Arc<Frame>>>,
    checkers: Vec<PackChecker>,
    most: u64,
}

impl FrameStore {
    /// Makes an empty one.
    pub(crate) fn new(memory_bytes: u64) -> Self {
        Self {
            headers: Cache::new(memory_bytes / 8),
            frames: Cache::new(memory_bytes / 8 * 7),
            checkers: Vec::new(),
            most: memory_bytes / 4,
        }
    }

    /// Keeps a frame that was decoded elsewhere.
    pub(crate) fn keep(&mut self, pack: u32, frame: u32, value: Arc<Frame>) {
        let bytes = value.plain.len() as u64;
        self.frames.insert((pack, frame), Some(value), bytes);
    }

    /// Returns how many bytes of frames may be kept.
    pub(crate) fn room(memory_bytes: u64) -> u64 {
        memory_bytes / 8 * 7
    }
}

/// A decoded frame.
#[derive(Debug)]
pub(crate) struct Frame {
    plain: Vec<u8>,
    /// Sorted by id: its first bytes, where the blob begins, its length.
    blobs: Vec<(Id, u32, u32)>,
}

impl Frame {
    pub(super) fn new(plain: Vec<u8>, header: &PackHeader, frame: u32) -> Self {
        let mut start = 0;
        let mut blobs: Vec<(Id, u32, u32)> = header
            .frame_blobs(frame as usize)
            .iter()
            .map(|blob| {
                let place = (blob.id, start, blob.len);
                start += blob.len;
                place
            })
            .collect();
        blobs.sort_unstable();
        Self { plain, blobs }
    }

    /// Returns a blob of the frame.
    pub(crate) fn blob(&self, id: &Id) -> Option<&[u8]> {
        let at = self.blobs.partition_point(|(known, ..)| known < id);
        let (found, start, len) = self.blobs.get(at)?;
        let end = *start as usize + *len as usize;
        (found == id)
            .then(|| self.plain.get(*start as usize..end))
            .flatten()
    }
}

/// Neighbouring frames of a pack, read with one request.
struct Run {
    pack: u32,
    header: Arc<PackHeader>,
    frames: Vec<u32>,
    start: u64,
    end: u64,
}

impl<'a> FrameReader<'a> {
    /// Makes a reader.
    pub(crate) fn new(shared: Shared<'a>, store: &'a mut FrameStore) -> Self {
        Self {
            remote: shared.remote,
            keys: shared.keys,
            table: shared.table,
            threads: shared.threads,
            store,
            fetched: 0,
        }
    }

    /// Returns how many bytes were read from the store.
    pub(crate) fn fetched(&self) -> u64 {
        self.fetched
    }

    /// Returns a frame; none if it is damaged or not there any more. One that was not loaded before is read alone.
    ///
    /// # Errors
    ///
    /// Those of the store that say that nothing can be looked at.
    pub(crate) fn frame(&mut self, pack: u32, frame: u32) -> Result<Option<Arc<Frame>>> {
        if !self.store.frames.has(&(pack, frame)) {
            self.load(vec![(pack, frame)])?;
        }
        Ok(self.store.frames.get(&(pack, frame)).flatten())
    }

    /// Returns how many of `items`, each of which needs up to two frames, can be loaded together within a quarter of the memory; at
    /// least one.
    pub(crate) fn fitting(
        &self,
        items: impl IntoIterator<Item = [Option<(u32, u32)>; 2]>,
    ) -> usize {
        let mut seen = HashSet::new();
        let (mut count, mut bytes) = (0, 0);
        for item in items {
            for place in item.into_iter().flatten() {
                if seen.insert(place) {
                    bytes += plain_len(self.table, place);
                }
            }
            if count > 0 && (bytes > self.store.most || count >= MOST_ITEMS) {
                break;
            }
            count += 1;
        }
        count.max(1)
    }

    /// Whether frames of a pack could not be opened for want of a key.
    pub(crate) fn is_closed(&self, pack: u32) -> bool {
        self.table.is_closed(pack)
    }

    /// Returns a tree page; none if its frame is damaged or not there any more.
    ///
    /// # Errors
    ///
    /// Those of the store that say that nothing can be looked at.
    pub(crate) fn page(&mut self, pack: u32, frame: u32, id: &Id) -> Result<Option<Page>> {
        let frame = self.frame(pack, frame)?;
        let bytes = frame.as_ref().and_then(|frame| frame.blob(id));
        Ok(bytes.and_then(|bytes| Page::decode(bytes).ok()))
    }

    /// Reads frames, each pack's in the order in which they lie, several requests at once and on all threads.
    ///
    /// # Errors
    ///
    /// Those of the store that say that nothing can be looked at.
    pub(crate) fn load(&mut self, mut wanted: Vec<(u32, u32)>) -> Result<()> {
        wanted.sort_unstable();
        wanted.dedup();
        wanted.retain(|key| self.store.frames.get(key).is_none());
        let mut some = wanted.chunks(FRAMES_AT_ONCE);
        some.try_for_each(|some| self.load_some(some))
    }

    /// Reads a few frames. Their headers are held until it is done, whether or not the cache has room for all of them.
    fn load_some(&mut self, wanted: &[(u32, u32)]) -> Result<()> {
        let headers = self.load_headers(wanted)?;
        let runs = self.runs(wanted, &headers);
        let next = AtomicUsize::new(0);
        let threads = self.threads.clamp(1, runs.len().max(1));
        let mut checkers = std::mem::take(&mut self.store.checkers);
        while checkers.len() < threads {
            checkers.push(PackChecker::new(
                Some(Arc::clone(self.keys)),
                Depth::Decoded,
            )?);
        }
        let spare = crossbeam_channel::unbounded();
        for checker in checkers {
            // The channel has no bound and its receiver is here.
            drop(spare.0.send(checker));
        }
        let (remote, keys) = (self.remote, self.keys);
        let work = |sender: &crossbeam_channel::Sender<Decoded>| {
            let Ok(mut checker) = spare.1.recv() else {
                return Ok(());
            };
            let mut ahead = ask(self.table, remote, &runs, &next);
            while let Some((run, ticket)) = ahead {
                remote.before_batch()?;
                // The next one is on its way while this one is decoded.
                let got = ticket.wait()?;
                ahead = ask(self.table, remote, &runs, &next);
                let decoded = decode(&mut checker, keys, run, got);
                if sender.send(decoded).is_err() {
                    break;
                }
            }
            drop(spare.0.send(checker));
            Ok(())
        };
        let mut loaded = Vec::new();
        let result = if runs.is_empty() {
            Ok(())
        } else {
            crew(threads, work, |decoded| {
                loaded.push(decoded);
                Ok(())
            })
        };
        self.store.checkers = spare.1.try_iter().collect();
        for decoded in loaded {
            self.fetched += decoded.fetched;
            for (frame, value) in decoded.frames {
                let bytes = value.as_ref().map_or(64, |frame| frame.plain.len() as u64);
                self.store
                    .frames
                    .insert((decoded.pack, frame), value, bytes);
            }
        }
        result
    }

    /// Returns the headers of all packs that `wanted`, which is sorted, has frames of; none of those that cannot be opened.
    fn load_headers(&mut self, wanted: &[(u32, u32)]) -> Result<Headers> {
        let mut headers = Headers::new();
        let mut last = None;
        let mut tickets = Vec::new();
        for (pack, _) in wanted {
            if last.replace(*pack) == Some(*pack) {
                continue;
            }
            if let Some(header) = self.store.headers.get(pack) {
                headers.insert(*pack, header);
                continue;
            }
            if let Some((state, spot)) = known(self.table, *pack) {
                let start = u64::from(spot.offset);
                let range = start..start + u64::from(spot.len);
                tickets.push((*pack, self.remote.get_pack_later(&state.pack, Some(range))));
            }
            if tickets.len() >= self.remote.concurrency() {
                self.take_headers(&mut tickets, &mut headers)?;
            }
        }
        self.take_headers(&mut tickets, &mut headers)?;
        Ok(headers)
    }

    fn take_headers(
        &mut self,
        tickets: &mut Vec<(u32, Ticket)>,
        headers: &mut Headers,
    ) -> Result<()> {
        for (pack, ticket) in tickets.drain(..) {
            let got = ticket.wait()?;
            headers.insert(pack, self.take_header(pack, got));
        }
        Ok(())
    }

    fn take_header(&mut self, pack: u32, got: Got) -> Option<Arc<PackHeader>> {
        let (state, spot) = known(self.table, pack)?;
        let header = got.ok().and_then(|sealed| {
            self.fetched += sealed.len() as u64;
            open_at(
                self.keys,
                &spot,
                &sealed,
                HashState::Equal,
                Some(&state.pack),
            )
            .ok()
            .map(Arc::new)
        });
        let bytes = header
            .as_ref()
            .map_or(64, |h| 36 * h.blobs.len() + 32 * h.frames.len() + 64);
        self.store
            .headers
            .insert(pack, header.clone(), bytes as u64);
        header
    }

    /// Joins frames that lie near each other. What has no header is not there.
    fn runs(&mut self, wanted: &[(u32, u32)], headers: &Headers) -> Vec<Run> {
        let mut runs: Vec<Run> = Vec::new();
        for (pack, frame) in wanted {
            let header = headers.get(pack).cloned().flatten();
            let Some((header, place)) = header.and_then(|header| {
                let place = *header.frames.get(*frame as usize)?;
                Some((header, place))
            }) else {
                self.store.frames.insert((*pack, *frame), None, 64);
                continue;
            };
            // Whole blocks, so that requests say nothing of the lengths of chunks.
            let frames_end = known(self.table, *pack).map_or(0, |(_, spot)| u64::from(spot.offset));
            let stored_end = u64::from(place.offset) + u64::from(place.stored_len);
            let start = u64::from(place.offset) / BLOCK * BLOCK;
            let end = stored_end
                .next_multiple_of(BLOCK)
                .min(frames_end)
                .max(stored_end);
            match runs.last_mut() {
                Some(run)
                    if run.pack == *pack
                        && start <= run.end + GAP_BYTES
                        && end - run.start <= RUN_BYTES =>
                {
                    run.frames.push(*frame);
                    run.end = run.end.max(end);
                }
                _ => runs.push(Run {
                    pack: *pack,
                    header,
                    frames: vec![*frame],
                    start,
                    end,
                }),
            }
        }
        runs
    }
}

/// Returns the bytes of a frame's plaintext.
pub(crate) fn plain_len(table: &PackTable, (pack, frame): (u32, u32)) -> u64 {
    let place = table.frame(pack, frame);
    place.map_or(0, |place| u64::from(place.plain_len))
}

/// Headers by pack; none of one that cannot be opened.
type Headers = HashMap<u32, Option<Arc<PackHeader>>>;

/// What became of a run.
struct Decoded {
    pack: u32,
    fetched: u64,
    frames: Vec<(u32, Option<Arc<Frame>>)>,
}

fn known(table: &PackTable, pack: u32) -> Option<(&PackState, HeaderSpot)> {
    let state = table.get(pack)?;
    match state.presence {
        Presence::Known(spot) => Some((state, spot)),
        _ => None,
    }
}

/// Asks for the next run.
fn ask<'r>(
    table: &PackTable,
    remote: &Remote,
    runs: &'r [Run],
    next: &AtomicUsize,
) -> Option<(&'r Run, Ticket)> {
    let run = runs.get(next.fetch_add(1, Ordering::Relaxed))?;
    let pack = &table.get(run.pack)?.pack;
    Some((run, remote.get_pack_later(pack, Some(run.start..run.end))))
}

fn decode(checker: &mut PackChecker, keys: &Keyset, run: &Run, got: Got) -> Decoded {
    let bytes = got.unwrap_or_default();
    let one = |frame: u32| {
        let record = run.header.frames.get(frame as usize)?;
        let start = usize::try_from(u64::from(record.offset) - run.start).ok()?;
        let sealed = bytes.get(start..start + record.stored_len as usize)?;
        checker.decode(keys, &run.header, frame, sealed)
    };
    let frames: Vec<_> = {
        let mut one = one;
        run.frames
            .iter()
            .map(|frame| (*frame, one(*frame).map(Arc::new)))
            .collect()
    };
    Decoded {
        pack: run.pack,
        fetched: bytes.len() as u64,
        frames,
    }
}

impl PackChecker {
    /// Opens and decompresses a frame, and checks that every blob is what its id says.
    fn decode(
        &mut self,
        keys: &Keyset,
        header: &PackHeader,
        position: u32,
        sealed: &[u8],
    ) -> Option<Frame> {
        let frame = header.frames.get(position as usize)?;
        let blobs = header.frame_blobs(position as usize);
        let session = match frame.key {
            FrameKey::Refs => None,
            FrameKey::Session(at) => {
                let record = header.sessions.get(usize::from(at))?;
                match self.sessions.get(&record.session) {
                    Some(session) => Some(Arc::clone(session)),
                    None => match self.session(keys, record) {
                        Opened::Session(session) => Some(session),
                        Opened::Bad | Opened::Gap(_) => return None,
                    },
                }
            }
        };
        frame_aad(
            &mut self.aad,
            &keys.repository,
            frame.kind,
            frame.codec,
            blobs,
        );
        let sealer = session
            .as_deref()
            .map_or_else(|| keys.structure.refs(), Session::sealer);
        self.plain.clear();
        sealer.open(&self.aad, sealed, &mut self.plain).ok()?;
        let plain_len = frame.plain_len as usize;
        let plain = if frame.codec == Codec::Raw {
            self.plain.clone()
        } else {
            let mut plain = Vec::new();
            self.decompressor
                .decompress(frame.codec, &self.plain, plain_len, &mut plain)
                .ok()?;
            plain
        };
        check_ids(keys, frame.kind, blobs, &plain).ok()?;
        Some(Frame::new(plain, header, position))
    }
}

/// Frames that are read before the cache decides which of them stay: what does not is read again when it is needed.
const FRAMES_AT_ONCE: usize = 128;
/// Bytes between frames that are read and thrown away rather than asked for apart.
const GAP_BYTES: u64 = 262_144;
/// Requests for frames begin and end at multiples of this.
const BLOCK: u64 = 65_536;
/// Items that are read together.
const MOST_ITEMS: usize = 4_096;
/// Bytes of one request.
const RUN_BYTES: u64 = 8 << 20;
