//! Packs being filled.

use std::sync::{Mutex, PoisonError};

use bytes::Bytes;
use strongroom_crypt::{Random, Session, SessionId};
use strongroom_format::{
    BlobRecord, Codec, FrameKey, FrameRecord, ObjectHash, PackClass, PackHeader, PackRef, PackRow,
    PackTail, Preamble, SegmentBuilder, SegmentRef, SessionKeyRecord, object_name, pack_preamble,
    padme, seal_header,
};

use crate::buffers::Buffers;
use crate::context::{Context, object_key};
use crate::edge::Remote;
use crate::error::{Error, ErrorKind, Result};
use crate::keys::Keys;
use crate::parity;
use crate::state::State;

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
}

/// Takes the sealed frames of one class and fills packs with them, to exactly the pack size.
///
/// Several packs are open at once and a frame goes to the fullest in which it fits, so that the gap which random
/// padding has to fill stays small, and neighbours in the source are not always neighbours in the store.
#[derive(Debug)]
pub(crate) struct PackWriter<'a> {
    context: &'a Context,
    random: &'a dyn Random,
    class: PackClass,
    size: usize,
    most_open: usize,
    buffers: Buffers,
    open: Mutex<Vec<OpenPack>>,
}

#[derive(Debug)]
struct OpenPack {
    preamble: Preamble,
    bytes: Vec<u8>,
    sessions: Vec<SessionKeyRecord>,
    frames: Vec<FrameRecord>,
    blobs: Vec<BlobRecord>,
    origins: Vec<u32>,
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
            open: Mutex::default(),
        }
    }

    /// Adds a frame. Returns a pack when one had to be closed for it.
    pub(crate) fn add(&self, frame: SealedFrame<'_>) -> Result<Option<FinishedPack>> {
        let full = {
            let mut open = self.open.lock().unwrap_or_else(PoisonError::into_inner);
            // Fullest first: see `insert_sorted`.
            let fits = open
                .iter()
                .position(|pack| self.closed_len(pack, Some(&frame)) <= self.size);
            let (mut pack, full) = match fits {
                Some(at) => (open.remove(at), None),
                None if open.len() < self.most_open => (self.open_pack()?, None),
                None => (self.open_pack()?, Some(open.remove(0))),
            };
            pack.add(&frame)?;
            let at = open.partition_point(|other| other.bytes.len() >= pack.bytes.len());
            open.insert(at, pack);
            full
        };
        full.map(|pack| self.close(pack, self.size)).transpose()
    }

    /// Closes what is still open.
    pub(crate) fn finish(&self) -> Result<Vec<FinishedPack>> {
        let open = std::mem::take(&mut *self.open.lock().unwrap_or_else(PoisonError::into_inner));
        // What is left of several packs often fits in fewer.
        open.into_iter()
            .map(|pack| {
                let len = self.closed_len(&pack, None);
                let padded = usize::try_from(padme(len as u64)).unwrap_or(len);
                self.close(
                    pack,
                    if len <= self.size {
                        padded.min(self.size)
                    } else {
                        padded
                    },
                )
            })
            .collect()
    }

    fn open_pack(&self) -> Result<OpenPack> {
        let context = self.context;
        let mut random = [0; 16];
        self.random.fill(&mut random).map_err(no_random)?;
        let preamble = pack_preamble(context.suite, context.repository, random, self.class);
        let mut bytes = self.buffers.take();
        bytes.reserve(self.size);
        bytes.extend_from_slice(&preamble.encode());
        Ok(OpenPack {
            preamble,
            bytes,
            sessions: Vec::new(),
            frames: Vec::new(),
            blobs: Vec::new(),
            origins: Vec::new(),
        })
    }

    fn close(&self, pack: OpenPack, size: usize) -> Result<FinishedPack> {
        let OpenPack {
            preamble,
            mut bytes,
            sessions,
            frames,
            blobs,
            origins,
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
        bytes.resize(header_offset, 0);
        let padding = bytes.get_mut(frames_end..).unwrap_or_default();
        self.random.fill(padding).map_err(no_random)?;
        let sealer = keys.structure.header();
        seal_header(sealer, &preamble, header_offset as u64, &header, &mut bytes)
            .map_err(failed)?;
        let header_len = small(bytes.len() - header_offset)?;
        let tail = PackTail {
            header_offset: header_offset as u64,
            header_len,
        };
        bytes.extend_from_slice(&tail.encode(&preamble));
        let name = ObjectHash::of(&bytes);
        let overhead = self.context.settings.parity;
        let parity = overhead.map(|overhead| parity::make(self.random, overhead, &name, &bytes));
        Ok(FinishedPack {
            pack: PackRef {
                name,
                len: small(bytes.len())?,
                class: self.class,
            },
            header_offset: small(header_offset)?,
            header_len,
            header,
            origins,
            bytes: self.buffers.lend(bytes),
            parity,
        })
    }

    /// How long the pack would be if it were closed without padding, with one more frame or as it is.
    fn closed_len(&self, pack: &OpenPack, more: Option<&SealedFrame<'_>>) -> usize {
        let (frames, blobs, bytes) = more.map_or((0, 0, 0), |frame| {
            (1, frame.blobs.len(), frame.sealed.len())
        });
        let frames = pack.frames.len() + frames;
        let blobs = pack.blobs.len() + blobs;
        let new = more
            .and_then(|frame| frame.session)
            .filter(|session| pack.session(session).is_none());
        let header = match new {
            None => PackHeader::padded_len(&pack.sessions, frames, blobs),
            Some(session) => {
                let sessions = [pack.sessions.as_slice(), std::slice::from_ref(session)].concat();
                PackHeader::padded_len(&sessions, frames, blobs)
            }
        };
        pack.bytes.len() + bytes + header + BOX_OVERHEAD + PackTail::LEN
    }
}

/// salt ‖ commit ‖ tag, docs/format.md §3.3.
const BOX_OVERHEAD: usize = 80;

impl OpenPack {
    fn add(&mut self, frame: &SealedFrame<'_>) -> Result<()> {
        let key = match frame.session {
            None => FrameKey::Refs,
            Some(session) => FrameKey::Session(self.session_of(session)?),
        };
        let record = FrameRecord {
            offset: small(self.bytes.len())?,
            stored_len: small(frame.sealed.len())?,
            plain_len: frame.plain_len,
            blobs: small(frame.blobs.len())?,
            key,
            kind: frame.kind,
            codec: frame.codec,
        };
        self.frames.push(record);
        self.origins.push(frame.origin);
        self.blobs.extend_from_slice(frame.blobs);
        self.bytes.extend_from_slice(frame.sealed);
        Ok(())
    }

    fn session(&self, session: &SessionKeyRecord) -> Option<usize> {
        self.sessions.iter().position(|known| known == session)
    }

    /// Returns the position of a session's key record, which it adds if it is not there.
    fn session_of(&mut self, session: &SessionKeyRecord) -> Result<u16> {
        let at = self.session(session).unwrap_or_else(|| {
            self.sessions.push(session.clone());
            self.sessions.len() - 1
        });
        u16::try_from(at)
            .map_err(|_| Error::new(ErrorKind::Internal, "a pack has too many sessions"))
    }
}

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
