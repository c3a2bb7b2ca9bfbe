//! Reading blobs: find, fetch, open, decompress, and check that each is what its id says.

mod follow;
mod sealed;
#[cfg(test)]
mod tests;

use std::collections::HashMap;
use std::ops::Range;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use bytes::Bytes;
use strongroom_crypt::{Id, Sealer as _, Session, SessionId};
use strongroom_format::{
    Codec, Decompressor, FrameKey, FrameRecord, ObjectHash, PackHeader, SessionKeyRecord, frame_aad,
};

use crate::blobs::follow::Follow;
use crate::blobs::sealed::{HeaderFlight, HeaderParts, SealedCache};
use crate::context::Context;
use crate::edge::Remote;
use crate::error::{Error, ErrorKind, Result};
use crate::index::{Index, is_loss, is_out_of_reach};
use crate::keys::Keys;
use crate::lru::Lru;
use crate::memory::Shares;
use crate::packs::{Location, PackInfo};
use crate::repository::Repository;

pub(crate) use follow::forgotten;
pub(crate) use sealed::frame_range;

/// Reads blobs of one repository, for one operation. Cloning shares everything.
///
/// Memory: what its [`Room`] says of each kind, or one of it.
#[derive(Debug, Clone)]
pub(crate) struct Blobs(Arc<Shared>);

#[derive(Debug)]
struct Shared {
    context: Arc<Context>,
    keys: Arc<Keys>,
    follow: Follow,
    sealed: SealedCache,
    frames: Mutex<Lru<(ObjectHash, u32), Bytes>>,
    headers: Mutex<Lru<ObjectHash, Arc<PackHeader>>>,
    sessions: Mutex<Lru<SessionId, Arc<Session>>>,
    /// What failed and need not be tried again.
    lost_packs: Mutex<HashMap<ObjectHash, ErrorKind>>,
    lost_frames: Mutex<HashMap<(ObjectHash, u32), ErrorKind>>,
    scratch: Mutex<Vec<Scratch>>,
}

/// How many bytes a reader of blobs may keep.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Room {
    /// Of decoded frames.
    pub(crate) frames: usize,
    /// Of decoded pack headers.
    pub(crate) headers: usize,
    /// Of sealed parts of packs, those on their way among them.
    pub(crate) sealed: usize,
}

impl From<usize> for Room {
    /// Room for so many bytes of decoded frames, and for the rest as much as an operation of many threads likes to have.
    fn from(frames: usize) -> Self {
        Self {
            frames,
            headers: 32 << 20,
            sealed: 48 << 20,
        }
    }
}

/// Buffers and a context for decoding frames one after another.
#[derive(Debug)]
pub(crate) struct Scratch {
    decompressor: Decompressor,
    aad: Vec<u8>,
    opened: Vec<u8>,
    plain: Vec<u8>,
}

impl Scratch {
    /// Makes empty buffers.
    ///
    /// # Errors
    ///
    /// `Internal` when there is no memory for a context.
    pub(crate) fn new() -> Result<Self> {
        let decompressor = Decompressor::new().map_err(|error| {
            Error::new(ErrorKind::Internal, "no decompression context").caused_by(error)
        })?;
        Ok(Self {
            decompressor,
            aad: Vec::new(),
            opened: Vec::new(),
            plain: Vec::new(),
        })
    }
}

/// What became of a blob in one index.
#[derive(Debug)]
enum Found {
    Blob(Bytes),
    Lost {
        failure: Error,
        /// A copy, or any, is not there at all.
        missing: Option<Error>,
    },
}

fn not_found() -> Error {
    Error::new(ErrorKind::NotFound, "no index maps a blob")
}

/// A pack's header that was asked for.
#[derive(Debug)]
pub(crate) struct HeaderTicket(Asked);

#[derive(Debug)]
enum Asked {
    There(Arc<PackHeader>),
    Flying(HeaderFlight),
    /// It is lost, which is said when it is waited for.
    Lost,
}

impl HeaderTicket {
    /// Waits for it.
    ///
    /// # Errors
    ///
    /// As [`Blobs::header`].
    pub(crate) fn wait(self, blobs: &Blobs, pack: &PackInfo) -> Result<Arc<PackHeader>> {
        match self.0 {
            Asked::There(header) => Ok(header),
            Asked::Lost => blobs.header(pack),
            Asked::Flying(flight) => {
                let opened = blobs
                    .0
                    .sealed
                    .land(pack, &flight)
                    .and_then(|parts| blobs.open_header(pack, &parts));
                match opened {
                    Ok(header) => Ok(blobs.keep_header(pack, header)),
                    Err(error) if is_loss(&error) => blobs.header(pack),
                    Err(error) => Err(error),
                }
            }
        }
    }
}

impl Blobs {
    /// Makes a reader that keeps as much as there is `room` for. It keeps the operation's end of the store
    /// open, so it must not outlive the operation.
    pub(crate) fn new(
        remote: Remote,
        context: Arc<Context>,
        index: Arc<Index>,
        room: impl Into<Room>,
    ) -> Self {
        Self::with(remote, context, Follow::fixed(index), room.into())
    }

    /// Like [`new`](Self::new), for a snapshot that was in force after `head` entries. When a pack is missing, the journal and the index are
    /// read again and the blob is looked for anew.
    pub(crate) fn of_snapshot(
        remote: &Remote,
        repository: &Repository,
        index: Arc<Index>,
        (snapshot, head): (Id, u64),
        room: impl Into<Room>,
    ) -> Self {
        let follow = Follow::of_snapshot(index, repository, remote, snapshot, head);
        let context = Arc::clone(repository.context());
        Self::with(remote.clone(), context, follow, room.into())
    }

    fn with(remote: Remote, context: Arc<Context>, follow: Follow, room: Room) -> Self {
        let keys = context.keys();
        let sealed = SealedCache::new(remote, context.settings.request_bytes, room.sealed);
        Self(Arc::new(Shared {
            context,
            keys,
            follow,
            sealed,
            frames: Mutex::new(Lru::new(room.frames)),
            headers: Mutex::new(Lru::new(room.headers)),
            sessions: Mutex::new(Lru::new(SESSIONS)),
            lost_packs: Mutex::default(),
            lost_frames: Mutex::default(),
            scratch: Mutex::default(),
        }))
    }

    /// Returns the index it looks up in, as of now.
    pub(crate) fn index(&self) -> Arc<Index> {
        self.0.follow.index()
    }

    /// Says whether something could not be read because the snapshot was forgotten and its data deleted.
    pub(crate) fn is_forgotten(&self) -> bool {
        self.0.follow.is_forgotten()
    }

    /// Takes note of a pack that is in cold storage, if that is what the error says: it is not asked for again.
    pub(crate) fn note_archived(&self, pack: &PackInfo, error: &Error) {
        if error.kind() == ErrorKind::Archived {
            self.note_lost_pack(pack, error);
        }
    }

    /// Returns the number of requests for parts of packs so far.
    pub(crate) fn requests(&self) -> u64 {
        self.0.sealed.requests()
    }

    /// Returns the bytes fetched from the store so far.
    pub(crate) fn fetched(&self) -> u64 {
        self.0.sealed.fetched()
    }

    /// Reads a blob. Every copy is tried before it is given up, and each twice; and those that others have made since, if a pack
    /// is not there any more.
    ///
    /// # Errors
    ///
    /// `NotFound` when no index maps it, or when the snapshot was forgotten and its data deleted; `Damaged` or `NotFound` naming
    /// the pack of the first copy when none is good; otherwise what the store said.
    pub(crate) fn read(&self, kind: u8, id: &Id) -> Result<Bytes> {
        loop {
            let index = self.index();
            let (failure, missing) = match self.read_in(&index, kind, id)? {
                Found::Blob(blob) => return Ok(blob),
                Found::Lost { failure, missing } => (failure, missing),
            };
            let has_moved = match &missing {
                Some(missing) => self.0.follow.has_moved(&index, missing)?,
                None => false,
            };
            if !has_moved {
                return Err(self.0.follow.explain(failure));
            }
        }
    }

    fn read_in(&self, index: &Index, kind: u8, id: &Id) -> Result<Found> {
        let mut failure = None;
        let mut missing = None;
        for location in index.locate(id)? {
            match self.read_copy(kind, id, &location) {
                Ok(blob) => return Ok(Found::Blob(blob)),
                Err(error) if is_out_of_reach(&error) => {
                    if error.kind() == ErrorKind::NotFound {
                        missing.get_or_insert_with(|| {
                            not_found().object_named(location.pack.object())
                        });
                    }
                    // What can be warmed up is not lost.
                    if failure.is_none() || error.kind() == ErrorKind::Archived {
                        failure = Some(error);
                    }
                }
                Err(error) => return Err(error),
            }
        }
        Ok(match failure {
            Some(failure) => Found::Lost { failure, missing },
            None => Found::Lost {
                failure: not_found(),
                missing: Some(not_found()),
            },
        })
    }

    /// Says whether `bytes` are the blob that `id` names.
    pub(crate) fn is(&self, kind: u8, id: &Id, bytes: &[u8]) -> bool {
        let found = match kind {
            PAGE => self.0.keys.structure.page_id(kind, bytes),
            _ => self.0.keys.ids.id(kind, bytes),
        };
        found == *id
    }

    /// Returns a pack's header.
    ///
    /// # Errors
    ///
    /// `Damaged`, `Incompatible` or `NotFound` naming the pack, otherwise what the store said.
    pub(crate) fn header(&self, pack: &PackInfo) -> Result<Arc<PackHeader>> {
        if let Some(header) = lock(&self.0.headers).get(&pack.name) {
            return Ok(header);
        }
        if let Some(kind) = lock(&self.0.lost_packs).get(&pack.name) {
            return Err(unreadable(pack, *kind));
        }
        let first = self
            .0
            .sealed
            .header(pack)
            .and_then(|parts| self.open_header(pack, &parts));
        let header = match first {
            Err(error) if error.kind() == ErrorKind::Damaged => {
                // Once more, past every cache, before crying wolf.
                self.0.sealed.suspect(&pack.name);
                self.0
                    .sealed
                    .header(pack)
                    .and_then(|parts| self.open_header(pack, &parts))
            }
            other => other,
        };
        match header {
            Ok(header) => Ok(self.keep_header(pack, header)),
            Err(error) => {
                let error = self.0.sealed.if_whole(pack, error);
                self.note_lost_pack(pack, &error);
                Err(error)
            }
        }
    }

    /// Begins to fetch a pack's header.
    ///
    /// # Errors
    ///
    /// None but what [`PackInfo::key`] says.
    pub(crate) fn header_later(&self, pack: &PackInfo) -> Result<HeaderTicket> {
        if let Some(header) = lock(&self.0.headers).get(&pack.name) {
            return Ok(HeaderTicket(Asked::There(header)));
        }
        if lock(&self.0.lost_packs).contains_key(&pack.name) {
            return Ok(HeaderTicket(Asked::Lost));
        }
        Ok(HeaderTicket(Asked::Flying(
            self.0.sealed.header_later(pack)?,
        )))
    }

    /// Returns what a request is worth in bytes.
    pub(crate) fn request_bytes(&self) -> u64 {
        self.0.context.settings.request_bytes
    }

    /// Says that the whole tree of the snapshot will be read: packs of pages and names are fetched whole then, as long as little of that turns
    /// out not to be needed.
    pub(crate) fn sweep(&self) {
        self.0.sealed.sweep();
    }

    /// Returns what the parts of the operation may have in memory.
    pub(crate) fn shares(&self) -> &Shares {
        &self.0.context.shares
    }

    /// Says whether a request to the store costs hardly more than its bytes.
    pub(crate) fn is_near(&self) -> bool {
        self.0.context.store.capabilities().near
    }

    /// Says whether a pack's header need not be fetched.
    pub(crate) fn has_header(&self, pack: &PackInfo) -> bool {
        lock(&self.0.headers).get(&pack.name).is_some()
    }

    /// Returns the header of a pack of which parts were fetched, from them if it is among them.
    ///
    /// # Errors
    ///
    /// As [`header`](Self::header).
    pub(crate) fn header_among(
        &self,
        pack: &PackInfo,
        part: impl Fn(Range<u64>) -> Option<Bytes>,
    ) -> Result<Arc<PackHeader>> {
        if self.has_header(pack) {
            return self.header(pack);
        }
        let (Some(front), Some(sealed)) = (part(PackInfo::FRONT), part(pack.header())) else {
            return self.header(pack);
        };
        match self.open_header(pack, &HeaderParts { front, sealed }) {
            Ok(header) => Ok(self.keep_header(pack, header)),
            Err(error) if is_loss(&error) => self.header(pack),
            Err(error) => Err(error),
        }
    }

    /// Begins to fetch what will be needed to read these blobs, as far as there is room for it, so that they come in few requests
    /// and several at once. What cannot be found is passed over: reading it says why.
    ///
    /// # Errors
    ///
    /// `Internal`, if a name has no key.
    pub(crate) fn expect<'i>(&self, ids: impl IntoIterator<Item = &'i Id>) -> Result<()> {
        let index = self.index();
        let mut numbers: HashMap<ObjectHash, usize> = HashMap::new();
        let mut packs: Vec<(Arc<PackInfo>, Vec<Range<u64>>)> = Vec::new();
        for id in ids {
            let Some(location) = index.locate(id).ok().and_then(|all| all.into_iter().next())
            else {
                continue;
            };
            let Location {
                pack,
                position,
                offset,
                stored_len,
            } = location;
            if lock(&self.0.frames).get(&(pack.name, position)).is_some() {
                continue;
            }
            let number = *numbers.entry(pack.name).or_insert(packs.len());
            if number == packs.len() {
                packs.push((pack, Vec::new()));
            }
            if let Some((_, ranges)) = packs.get_mut(number) {
                ranges.push(frame_range(offset, stored_len));
            }
        }
        let mut room = AHEAD_BYTES.min(self.0.sealed.bound() / 2);
        for (pack, mut ranges) in packs {
            if lock(&self.0.lost_packs).contains_key(&pack.name) {
                continue;
            }
            if !self.has_header(&pack) {
                ranges.extend([PackInfo::FRONT, pack.header()]);
            }
            room = room.saturating_sub(self.0.sealed.begin(&pack, ranges, room)?);
        }
        Ok(())
    }

    /// Opens the header of a pack that was fetched whole.
    ///
    /// # Errors
    ///
    /// `Damaged` or `Incompatible` naming the pack.
    pub(crate) fn header_of_whole(
        &self,
        pack: &PackInfo,
        whole: &Bytes,
    ) -> Result<Arc<PackHeader>> {
        if let Some(header) = lock(&self.0.headers).get(&pack.name) {
            return Ok(header);
        }
        let header = self.open_header(pack, &sealed::parts_of_whole(pack, whole)?)?;
        Ok(self.keep_header(pack, header))
    }

    /// Opens and decompresses a frame. The ids of its blobs are not checked yet.
    ///
    /// # Errors
    ///
    /// `Damaged` or `Incompatible` naming the pack; `WrongKey` when its epoch's key is not in the keyring.
    pub(crate) fn decode_frame<'s>(
        &self,
        scratch: &'s mut Scratch,
        pack: &PackInfo,
        header: &PackHeader,
        position: u32,
        sealed: &[u8],
    ) -> Result<&'s [u8]> {
        let at = position as usize;
        let frame = header.frames.get(at).ok_or_else(|| misplaced(pack))?;
        let blobs = header.frame_blobs(at);
        frame_aad(
            &mut scratch.aad,
            &self.0.context.repository,
            frame.kind,
            frame.codec,
            blobs,
        );
        scratch.opened.clear();
        let opened = match frame.key {
            FrameKey::Refs => {
                self.0
                    .keys
                    .structure
                    .refs()
                    .open(&scratch.aad, sealed, &mut scratch.opened)
            }
            FrameKey::Session(key) => {
                let record = header
                    .sessions
                    .get(usize::from(key))
                    .ok_or_else(|| misplaced(pack))?;
                let session = self.session(pack, record)?;
                session
                    .sealer()
                    .open(&scratch.aad, sealed, &mut scratch.opened)
            }
        };
        opened.map_err(|_| damaged(pack, "a frame does not open"))?;
        let plain_len = frame.plain_len as usize;
        if frame.codec == Codec::Raw && scratch.opened.len() == plain_len {
            return Ok(&scratch.opened);
        }
        scratch.plain.clear();
        scratch
            .decompressor
            .decompress(frame.codec, &scratch.opened, plain_len, &mut scratch.plain)
            .map_err(|error| Error::decode(pack.object(), error))?;
        Ok(&scratch.plain)
    }

    fn read_copy(&self, kind: u8, id: &Id, location: &Location) -> Result<Bytes> {
        let pack = &*location.pack;
        let known = lock(&self.0.lost_packs).get(&pack.name).copied();
        if known == Some(ErrorKind::Archived) {
            return Err(unreadable(pack, ErrorKind::Archived));
        }
        if !self.has_header(pack) && known.is_none() {
            // What the header is read for comes in the same round trip.
            let frame = frame_range(location.offset, location.stored_len);
            let wanted = [PackInfo::FRONT, pack.header(), frame];
            self.0.sealed.begin(pack, wanted, u64::MAX)?;
        }
        let header = self.header(pack)?;
        let at = location.position as usize;
        let frame = header.frames.get(at).ok_or_else(|| misplaced(pack))?;
        if frame.kind != kind {
            return Err(misplaced(pack));
        }
        let mut offset = 0_usize;
        let mut found = None;
        for blob in header.frame_blobs(at) {
            let end = offset + blob.len as usize;
            if blob.id == *id {
                found = Some(offset..end);
                break;
            }
            offset = end;
        }
        let range = found.ok_or_else(|| misplaced(pack))?;
        let plain = self.frame(pack, &header, location.position, frame)?;
        let blob = plain.get(range.clone()).ok_or_else(|| misplaced(pack))?;
        if !self.is(kind, id, blob) {
            return Err(damaged(pack, "a blob is not what its id says"));
        }
        Ok(plain.slice(range))
    }

    /// Returns a decoded frame, from the cache or through it.
    fn frame(
        &self,
        pack: &PackInfo,
        header: &PackHeader,
        position: u32,
        frame: &FrameRecord,
    ) -> Result<Bytes> {
        let key = (pack.name, position);
        if let Some(plain) = lock(&self.0.frames).get(&key) {
            return Ok(plain);
        }
        if let Some(kind) = lock(&self.0.lost_frames).get(&key) {
            return Err(Error::new(*kind, "a frame is lost").object_named(pack.object()));
        }
        let pooled = lock(&self.0.scratch).pop();
        let mut scratch = pooled.map_or_else(Scratch::new, Ok)?;
        let mut decode = || {
            let sealed = self.0.sealed.frame(pack, frame)?;
            self.decode_frame(&mut scratch, pack, header, position, &sealed)
                .map(Bytes::copy_from_slice)
        };
        let mut plain = decode();
        if plain
            .as_ref()
            .is_err_and(|error| error.kind() == ErrorKind::Damaged)
        {
            self.0.sealed.suspect(&pack.name);
            plain = decode();
        }
        lock(&self.0.scratch).push(scratch);
        let plain = plain.inspect_err(|error| {
            self.note_lost_frame(key, error);
            self.note_archived(pack, error);
        })?;
        lock(&self.0.frames).insert(key, plain.clone(), plain.len());
        Ok(plain)
    }

    fn session(&self, pack: &PackInfo, record: &SessionKeyRecord) -> Result<Arc<Session>> {
        if let Some(session) = lock(&self.0.sessions).get(&record.session) {
            return Ok(session);
        }
        if record.wrap_kind != SessionKeyRecord::BOX {
            return Err(Error::new(
                ErrorKind::Incompatible,
                "a session key is wrapped in a newer way",
            )
            .object_named(pack.object()));
        }
        let Some(epoch) = self.0.keys.epoch(record.epoch) else {
            return Err(Error::new(
                ErrorKind::WrongKey,
                "the key of an epoch is not in the keyring",
            )
            .object_named(pack.object()));
        };
        let session = Session::unwrap(
            self.0.context.suite,
            &self.0.context.repository,
            record.session,
            record.epoch,
            epoch,
            &record.wrapped,
        )
        .map_err(|_| damaged(pack, "a session key does not open"))?;
        let session = Arc::new(session);
        lock(&self.0.sessions).insert(record.session, Arc::clone(&session), 1);
        Ok(session)
    }

    fn open_header(&self, pack: &PackInfo, parts: &HeaderParts) -> Result<PackHeader> {
        let preamble = parts.preamble(pack)?;
        if preamble.repository != self.0.context.repository
            || preamble.suite != self.0.context.suite
            || preamble.flags != pack.class as u16
        {
            return Err(damaged(pack, "a pack is not the one that the index names"));
        }
        strongroom_format::open_header(
            self.0.keys.structure.header(),
            &preamble,
            u64::from(pack.header_offset),
            &parts.sealed,
        )
        .map_err(|error| Error::decode(pack.object(), error))
    }

    fn keep_header(&self, pack: &PackInfo, header: PackHeader) -> Arc<PackHeader> {
        let weight =
            header.blobs.len() * 36 + header.frames.len() * 28 + header.sessions.len() * 200;
        let header = Arc::new(header);
        lock(&self.0.headers).insert(pack.name, Arc::clone(&header), weight);
        header
    }

    fn note_lost_pack(&self, pack: &PackInfo, error: &Error) {
        let mut lost = lock(&self.0.lost_packs);
        if is_out_of_reach(error) && lost.len() < REMEMBERED_LOSSES {
            lost.insert(pack.name, error.kind());
        }
    }

    fn note_lost_frame(&self, key: (ObjectHash, u32), error: &Error) {
        let mut lost = lock(&self.0.lost_frames);
        if is_loss(error) && lost.len() < REMEMBERED_LOSSES {
            lost.insert(key, error.kind());
        }
    }
}

/// Makes the error of a pack whose bytes are not what was written.
pub(crate) fn damaged(pack: &PackInfo, what: &str) -> Error {
    Error::new(ErrorKind::Damaged, what).object_named(pack.object())
}

/// Makes the error of a pack of which it is known that it cannot be read.
fn unreadable(pack: &PackInfo, kind: ErrorKind) -> Error {
    let what = match kind {
        ErrorKind::Archived => "a pack is in cold storage and must be warmed up first",
        _ => "a pack is lost",
    };
    Error::new(kind, what).object_named(pack.object())
}

fn misplaced(pack: &PackInfo) -> Error {
    damaged(pack, "the index misplaces a blob")
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

/// Kinds of blobs.
pub(crate) const DATA: u8 = 0;
pub(crate) const NAMES: u8 = 1;
pub(crate) const PAGE: u8 = 2;

/// What is fetched ahead at once, so that it does not drive out what is read.
const AHEAD_BYTES: u64 = 24 << 20;
const SESSIONS: usize = 4_096;
const REMEMBERED_LOSSES: usize = 65_536;
