//! Packs being filled.

use std::sync::{Mutex, PoisonError};

use bytes::Bytes;
use strongroom_crypt::Random;
use strongroom_format::{
    BlobRecord, Codec, FrameKey, FrameRecord, ObjectHash, PackClass, PackHeader, PackRef, PackTail,
    Preamble, SessionKeyRecord, pack_preamble, padme, seal_header,
};

use super::buffers::Buffers;
use crate::context::Context;
use crate::error::{Error, ErrorKind, Result};

/// A pack that is ready to be stored.
#[derive(Debug)]
pub(super) struct FinishedPack {
    pub(super) pack: PackRef,
    pub(super) header_offset: u32,
    pub(super) header_len: u32,
    pub(super) header: PackHeader,
    pub(super) bytes: Bytes,
}

/// Takes the sealed frames of one class and fills packs with them, to exactly the pack size.
///
/// Several packs are open at once and a frame goes to the fullest in which it fits, so that the gap which random
/// padding has to fill stays small, and neighbours in the source are not always neighbours in the store.
#[derive(Debug)]
pub(super) struct PackWriter<'a> {
    context: &'a Context,
    random: &'a dyn Random,
    class: PackClass,
    size: usize,
    most_open: usize,
    session: SessionKeyRecord,
    buffers: Buffers,
    open: Mutex<Vec<OpenPack>>,
}

#[derive(Debug)]
struct OpenPack {
    preamble: Preamble,
    bytes: Vec<u8>,
    frames: Vec<FrameRecord>,
    blobs: Vec<BlobRecord>,
}

/// What a frame is, beside its sealed bytes.
#[derive(Debug, Clone, Copy)]
pub(super) struct SealedFrame<'a> {
    pub(super) kind: u8,
    pub(super) codec: Codec,
    pub(super) plain_len: u32,
    pub(super) blobs: &'a [BlobRecord],
    pub(super) sealed: &'a [u8],
}

impl<'a> PackWriter<'a> {
    pub(super) fn new(
        context: &'a Context,
        class: PackClass,
        size: usize,
        most_open: usize,
        session: SessionKeyRecord,
        buffers: Buffers,
    ) -> Self {
        let random = context.components.random.as_ref();
        Self {
            context,
            random,
            class,
            size,
            most_open,
            session,
            buffers,
            open: Mutex::default(),
        }
    }

    /// Adds a frame. Returns a pack when one had to be closed for it.
    pub(super) fn add(&self, frame: SealedFrame<'_>) -> Result<Option<FinishedPack>> {
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
            pack.add(&frame, self.class)?;
            let at = open.partition_point(|other| other.bytes.len() >= pack.bytes.len());
            open.insert(at, pack);
            full
        };
        full.map(|pack| self.close(pack, self.size)).transpose()
    }

    /// Closes what is still open.
    pub(super) fn finish(&self) -> Result<Vec<FinishedPack>> {
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
            frames: Vec::new(),
            blobs: Vec::new(),
        })
    }

    fn close(&self, pack: OpenPack, size: usize) -> Result<FinishedPack> {
        let OpenPack {
            preamble,
            mut bytes,
            frames,
            blobs,
        } = pack;
        let failed = |error| Error::new(ErrorKind::Internal, "a pack header").caused_by(error);
        let keys = self.context.keys();
        let sealed_len =
            PackHeader::padded_len(self.sessions(), frames.len(), blobs.len()) + BOX_OVERHEAD;
        let header = PackHeader::new(self.sessions().to_vec(), frames, blobs).map_err(failed)?;
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
        Ok(FinishedPack {
            pack: PackRef {
                name,
                len: small(bytes.len())?,
                class: self.class,
            },
            header_offset: small(header_offset)?,
            header_len,
            header,
            bytes: self.buffers.lend(bytes),
        })
    }

    /// Pages are sealed under a key of the repository and need no session's.
    fn sessions(&self) -> &[SessionKeyRecord] {
        match self.class {
            PackClass::Pages => &[],
            _ => std::slice::from_ref(&self.session),
        }
    }

    /// How long the pack would be if it were closed without padding, with one more frame or as it is.
    fn closed_len(&self, pack: &OpenPack, more: Option<&SealedFrame<'_>>) -> usize {
        let (frames, blobs, bytes) = more.map_or((0, 0, 0), |frame| {
            (1, frame.blobs.len(), frame.sealed.len())
        });
        let header = PackHeader::padded_len(
            self.sessions(),
            pack.frames.len() + frames,
            pack.blobs.len() + blobs,
        );
        pack.bytes.len() + bytes + header + BOX_OVERHEAD + PackTail::LEN
    }
}

/// salt ‖ commit ‖ tag, docs/format.md §3.3.
const BOX_OVERHEAD: usize = 80;

impl OpenPack {
    fn add(&mut self, frame: &SealedFrame<'_>, class: PackClass) -> Result<()> {
        let record = FrameRecord {
            offset: small(self.bytes.len())?,
            stored_len: small(frame.sealed.len())?,
            plain_len: frame.plain_len,
            blobs: small(frame.blobs.len())?,
            key: match class {
                PackClass::Pages => FrameKey::Refs,
                _ => FrameKey::Session(0),
            },
            kind: frame.kind,
            codec: frame.codec,
        };
        self.frames.push(record);
        self.blobs.extend_from_slice(frame.blobs);
        self.bytes.extend_from_slice(frame.sealed);
        Ok(())
    }
}

fn small(len: usize) -> Result<u32> {
    u32::try_from(len).map_err(|_| Error::new(ErrorKind::Internal, "a pack grew past its limit"))
}

fn no_random(error: strongroom_crypt::Error) -> Error {
    Error::new(ErrorKind::Internal, "the system gave no random bytes").caused_by(error)
}
