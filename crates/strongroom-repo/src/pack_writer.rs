//! Packs being filled.

mod fill;
mod open_pack;

use std::sync::{Mutex, PoisonError};

use bytes::Bytes;
use strongroom_crypt::{Random, Session, SessionId};
use strongroom_format::{
    BlobRecord, Codec, FrameRecord, ObjectHash, PackClass, PackHeader, PackRef, PackRow, PackTail,
    SegmentBuilder, SegmentRef, SessionKeyRecord, object_name, pack_preamble, padme, seal_header,
};

use crate::buffers::{Buffers, PackBuffer};
use crate::context::{Context, object_key};
use crate::edge::Remote;
use crate::error::{Error, ErrorKind, Result};
use crate::keys::Keys;
use crate::parity;
use crate::places::{Place, Places};
use crate::state::State;

use self::open_pack::{BOX_OVERHEAD, OpenPack};

/// A pack that is ready to be stored.
#[derive(Debug)]
pub(crate) struct FinishedPack {
    pub(crate) pack: PackRef,
    pub(crate) header_offset: u32,
    pub(crate) header_len: u32,
    pub(crate) header: PackHeader,
    /// Where its frames come from, by their positions.
    pub(crate) origins: Vec<u32>,
    pub(crate) bytes: Bytes,
    /// Its parity, if it is to have any.
    pub(crate) parity: Option<Result<Bytes>>,
    /// Its place among those that may be about, see [`PackWriter::with_places`].
    pub(crate) place: Option<Place>,
}

/// Takes the sealed frames of one class and fills packs with them, to exactly the pack size.
///
/// A second pack may be open beside the one that is being filled. What does not fit into the first any more begins the second, and when enough has gathered there the
/// two are sorted out: of the last frames of both, those stay in the first that fill it best. So the gap which random padding has to fill is nearly
/// nothing, whatever the sizes of frames, and neighbours in the source are not always neighbours in the store.
#[derive(Debug)]
pub(crate) struct PackWriter<'a> {
    context: &'a Context,
    random: &'a dyn Random,
    class: PackClass,
    size: usize,
    most_open: usize,
    buffers: Buffers,
    places: Option<Places>,
    open: Mutex<OpenPacks>,
}

#[derive(Debug, Default)]
struct OpenPacks {
    /// The pack that is being filled.
    first: Option<OpenPack>,
    /// What did not fit into it.
    second: Option<OpenPack>,
}

/// What a frame is, beside its sealed bytes.
#[derive(Debug, Clone, Copy)]
pub(crate) struct SealedFrame<'a> {
    pub(crate) kind: u8,
    pub(crate) codec: Codec,
    pub(crate) plain_len: u32,
    pub(crate) blobs: &'a [BlobRecord],
    /// The key record of the session whose secret seals it; `None` for pages, which are sealed under a key of the repository.
    pub(crate) session: Option<&'a SessionKeyRecord>,
    /// Where it comes from. Means something to the caller only, who finds it in [`FinishedPack::origins`].
    pub(crate) origin: u32,
    pub(crate) sealed: &'a [u8],
}

impl<'a> PackWriter<'a> {
    /// Makes one that has at most `most_open` packs open at once, one or two.
    pub(crate) fn new(
        context: &'a Context,
        class: PackClass,
        most_open: usize,
        buffers: Buffers,
    ) -> Self {
        let random = context.components.random.as_ref();
        Self {
            context,
            random,
            class,
            size: pack_bytes(context, class),
            most_open,
            buffers,
            places: None,
            open: Mutex::default(),
        }
    }

    /// Lets no more packs than this be anywhere between open and stored. Whoever stores them drops [`FinishedPack::place`] when that is done,
    /// and needs nothing of this writer for it.
    pub(crate) fn with_places(mut self, places: usize) -> Self {
        self.places = Some(Places::new(places.max(self.most_open + 1)));
        self
    }

    /// Adds a frame. Returns a pack when one had to be closed for it.
    pub(crate) fn add(&self, frame: SealedFrame<'_>) -> Result<Option<FinishedPack>> {
        let full = {
            let mut open = self.open.lock().unwrap_or_else(PoisonError::into_inner);
            self.put_in(&mut open, &frame)?
        };
        full.map(|pack| self.close(pack, self.size)).transpose()
    }

    /// Closes what is still open.
    pub(crate) fn finish(&self) -> Result<Vec<FinishedPack>> {
        let mut open = self.open.lock().unwrap_or_else(PoisonError::into_inner);
        if let OpenPacks {
            first: Some(first),
            second: Some(second),
        } = &mut *open
        {
            // What is left often fits into one.
            let mut left = usize::MAX;
            while !second.frames.is_empty() && second.frames.len() < left {
                left = second.frames.len();
                self.sort_out(first, second)?;
            }
        }
        let OpenPacks { first, second } = std::mem::take(&mut *open);
        drop(open);
        let left = [first, second].into_iter().flatten();
        left.filter(|pack| !pack.frames.is_empty())
            .map(|pack| {
                let len = pack.closed_len(None);
                let padded = usize::try_from(padme(len as u64)).unwrap_or(len);
                let most = self.size.max(len);
                self.close(pack, padded.min(most))
            })
            .collect()
    }

    /// Puts a frame where it fits. Returns the first pack when it is full.
    fn put_in(&self, open: &mut OpenPacks, frame: &SealedFrame<'_>) -> Result<Option<OpenPack>> {
        let first = match &mut open.first {
            Some(first) => first,
            none => none.insert(self.open_pack()?),
        };
        if first.frames.is_empty() || first.closed_len(Some(frame)) <= self.size {
            first.add(frame)?;
            return Ok(None);
        }
        let gap = self.size.saturating_sub(first.closed_len(None));
        if self.most_open < 2 || gap <= self.size / SMALL_GAP_SHARE {
            let mut next = match open.second.take() {
                Some(second) => second,
                None => self.open_pack()?,
            };
            next.add(frame)?;
            return Ok(open.first.replace(next));
        }
        let second = match &mut open.second {
            Some(second) => second,
            none => none.insert(self.open_pack()?),
        };
        second.add(frame)?;
        if second.bytes.len() < self.size / WAITING_SHARE {
            return Ok(None);
        }
        self.sort_out(first, second)?;
        let next = open.second.take();
        Ok(std::mem::replace(&mut open.first, next))
    }

    /// Exchanges frames, so that the first pack is as full as it can be.
    fn sort_out(&self, first: &mut OpenPack, second: &mut OpenPack) -> Result<()> {
        let settled = self.settled(first, second.frames.len());
        let movable = first.frames.len() - settled;
        let of_first = first.frames.iter().skip(settled);
        let lens: Vec<usize> = of_first.chain(&second.frames).map(len_in_pack).collect();
        let freed: usize = lens.iter().take(movable).sum();
        let room = (self.size + freed).saturating_sub(taken(first, second));
        let chosen = fill::closest(&lens, room);
        let leaving: Vec<usize> = (0..movable)
            .filter(|at| !chosen.contains(at))
            .map(|at| settled + at)
            .collect();
        let joining: Vec<usize> = chosen
            .iter()
            .filter_map(|at| at.checked_sub(movable))
            .collect();
        // What leaves is put behind what joins, so the positions hold.
        first.give(&leaving, second)?;
        second.give(&joining, first)
    }

    /// Returns how many frames of the pack stay where they are: moving costs a copy, so only the last ones are at choice.
    fn settled(&self, pack: &OpenPack, others: usize) -> usize {
        let mut settled = pack.frames.len();
        let mut moved = 0;
        for frame in pack.frames.iter().rev() {
            moved += frame.stored_len as usize;
            let enough = pack.frames.len() - settled + others >= CANDIDATES;
            if enough || moved > self.size / MOVED_SHARE {
                break;
            }
            settled -= 1;
        }
        settled
    }

    fn open_pack(&self) -> Result<OpenPack> {
        let place = self.places.as_ref().map(Places::take);
        let context = self.context;
        let mut random = [0; 16];
        self.random.fill(&mut random).map_err(no_random)?;
        let preamble = pack_preamble(context.suite, context.repository, random, self.class);
        // A second pack may for a moment hold more than half of another.
        let bytes = PackBuffer::new(self.buffers.take(), self.size + self.size / 8);
        Ok(OpenPack::new(preamble, bytes, place))
    }

    fn close(&self, pack: OpenPack, size: usize) -> Result<FinishedPack> {
        let OpenPack {
            preamble,
            mut bytes,
            sessions,
            frames,
            blobs,
            origins,
            place,
        } = pack;
        let failed = |error| Error::new(ErrorKind::Internal, "a pack header").caused_by(error);
        let keys = self.context.keys();
        let sealed_len =
            PackHeader::padded_len(&sessions, frames.len(), blobs.len()) + BOX_OVERHEAD;
        let header = PackHeader::new(sessions, frames, blobs).map_err(failed)?;
        let frames_end = bytes.len();
        let header_offset = size
            .saturating_sub(sealed_len + PackTail::LEN)
            .max(frames_end);
        let padding = bytes.extend_to(header_offset);
        self.random.fill(padding).map_err(no_random)?;
        let sealer = keys.structure.header();
        let vec = bytes.vec();
        seal_header(sealer, &preamble, header_offset as u64, &header, vec).map_err(failed)?;
        let header_len = small(bytes.len() - header_offset)?;
        let tail = PackTail {
            header_offset: header_offset as u64,
            header_len,
        };
        bytes.vec().extend_from_slice(&tail.encode(&preamble));
        let whole = bytes.as_slice();
        let name = ObjectHash::of(whole);
        let overhead = self.context.settings.parity;
        let parity = overhead.map(|overhead| parity::make(self.random, overhead, &name, whole));
        Ok(FinishedPack {
            pack: PackRef {
                name,
                len: small(whole.len())?,
                class: self.class,
            },
            header_offset: small(header_offset)?,
            header_len,
            header,
            origins,
            bytes: self.buffers.lend(bytes),
            parity,
            place,
        })
    }
}

/// What a frame takes of a pack, its rows in the header included.
fn len_in_pack(frame: &FrameRecord) -> usize {
    let rows = PackHeader::plain_len(&[], 1, frame.blobs as usize);
    frame.stored_len as usize + rows - PackHeader::plain_len(&[], 0, 0)
}

/// What is taken of a pack, and of its header whatever joins it of the other's frames.
fn taken(pack: &OpenPack, other: &OpenPack) -> usize {
    let sessions = [pack.sessions.as_slice(), other.sessions.as_slice()].concat();
    let (frames, blobs) = (pack.frames.len(), pack.blobs.len());
    let now = PackHeader::plain_len(&sessions, frames, blobs);
    let least = PackHeader::padded_len(&[], 0, 0);
    let most = PackHeader::padded_len(
        &sessions,
        frames + other.frames.len(),
        blobs + other.blobs.len(),
    );
    // Headers are padded in steps, which are the larger the longer they are.
    let step = usize::try_from(padme(most as u64 + 1)).unwrap_or(usize::MAX) - most;
    pack.bytes.len() + now.max(least) + step + BOX_OVERHEAD + PackTail::LEN
}

/// A gap of this part of a pack is not worth a second pack. Small files leave none that is larger: their frames are smaller than that.
const SMALL_GAP_SHARE: usize = 256;
/// The second pack gets as much as this part of a pack before the first is closed.
const WAITING_SHARE: usize = 2;
/// Frames that are looked at when a pack is closed, if there are so many: of their choices one leaves a few hundred bytes.
const CANDIDATES: usize = 14;
/// Of the pack that is closed no more than this part is moved.
const MOVED_SHARE: usize = 4;

/// Returns the length of a full pack of a class.
pub(crate) fn pack_bytes(context: &Context, class: PackClass) -> usize {
    let data = context
        .settings
        .pack_bytes
        .clamp(MIN_PACK_BYTES, MAX_PACK_BYTES);
    match class {
        PackClass::Data => data,
        PackClass::Names | PackClass::Pages => data / TREE_PACK_SHARE,
    }
}

/// Tree packs are a quarter of a data pack: there is much less of them.
const TREE_PACK_SHARE: usize = 4;
/// What `Settings::pack_bytes` may be.
const MIN_PACK_BYTES: usize = 16 << 10;
const MAX_PACK_BYTES: usize = 64 << 20;

/// Starts a session: a secret of its own, and the record by which the packs that use it name it.
///
/// # Errors
///
/// `WrongKey` when no epoch is open to add to; `Internal` without random bytes.
pub(crate) fn start_session(
    context: &Context,
    keys: &Keys,
    state: &State,
) -> Result<(Session, SessionKeyRecord)> {
    let failed = || Error::new(ErrorKind::Internal, "no session");
    let session = Session::start(context.suite, &context.components.random)
        .map_err(|error| failed().caused_by(error))?;
    let (epoch, key) = keys.open_epoch(state)?;
    let wrapped = session
        .wrap(&context.repository, epoch, key)
        .map_err(|error| failed().caused_by(error))?;
    let record = SessionKeyRecord {
        session: session.id(),
        epoch,
        wrap_kind: 1,
        wrapped: wrapped.to_vec(),
    };
    Ok((session, record))
}

fn small(len: usize) -> Result<u32> {
    u32::try_from(len).map_err(|_| Error::new(ErrorKind::Internal, "a pack grew past its limit"))
}

fn no_random(error: strongroom_crypt::Error) -> Error {
    Error::new(ErrorKind::Internal, "the system gave no random bytes").caused_by(error)
}

/// A pack in the store, and what is in it.
#[derive(Debug)]
pub(crate) struct StoredPack {
    pub(crate) pack: PackRef,
    header_offset: u32,
    header_len: u32,
    pub(crate) header: PackHeader,
    pub(crate) origins: Vec<u32>,
}

impl FinishedPack {
    /// Returns what is to be remembered of it, what is to be stored, and its parity, if it is to have any.
    pub(crate) fn split(self) -> (StoredPack, Bytes, Option<Result<Bytes>>) {
        let Self {
            pack,
            header_offset,
            header_len,
            header,
            origins,
            bytes,
            parity,
            place: _,
        } = self;
        let stored = StoredPack {
            pack,
            header_offset,
            header_len,
            header,
            origins,
        };
        (stored, bytes, parity)
    }
}

impl StoredPack {
    /// Maps all its blobs.
    pub(crate) fn map(&self, builder: &mut SegmentBuilder) {
        let row = builder.push_pack(PackRow {
            name: self.pack.name,
            len: self.pack.len,
            header_offset: self.header_offset,
            header_len: self.header_len,
            class: self.pack.class,
        });
        let mut blobs = self.header.blobs.iter();
        for (position, frame) in (0..).zip(&self.header.frames) {
            let frame_row = builder.push_frame(row, frame.offset, frame.stored_len, position);
            for blob in blobs.by_ref().take(frame.blobs as usize) {
                builder.push_entry(&blob.id, frame_row);
            }
        }
    }
}

/// Seals a segment and stores it. Returns once it is durable.
///
/// # Errors
///
/// `Internal` when it is larger than an object may be; otherwise what the store said.
pub(crate) fn put_segment(
    remote: &Remote,
    context: &Context,
    session: SessionId,
    builder: SegmentBuilder,
) -> Result<(SegmentRef, Bytes)> {
    let full = |error| Error::new(ErrorKind::Internal, "an index segment").caused_by(error);
    let entries = builder.entries();
    let random = context.random()?;
    let keys = context.keys();
    let bytes: Bytes = builder
        .finish(
            context.suite,
            context.repository,
            random,
            session,
            keys.structure.index(),
        )
        .map_err(full)?
        .into();
    let name = ObjectHash::of(&bytes);
    remote.put_hashed(&object_key(&object_name::index(&name))?, bytes.clone())?;
    let len = u32::try_from(bytes.len())
        .map_err(|_| Error::new(ErrorKind::Internal, "an index segment past the limit"))?;
    Ok((SegmentRef { name, len, entries }, bytes))
}

/// Parity that is there already will do: somebody else may have given the pack another.
pub(crate) fn present(result: Result<()>) -> Result<()> {
    match result {
        Err(error) if error.kind() == ErrorKind::AlreadyExists => Ok(()),
        other => other,
    }
}
