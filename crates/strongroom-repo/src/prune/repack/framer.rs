//! Seals frames anew of which only a part is needed.

use std::collections::BTreeMap;
use std::collections::btree_map::Entry;
use std::sync::Arc;

use bytes::Bytes;
use strongroom_format::{BlobRecord, FrameRecord, PackClass, PackHeader};

use super::Tools;
use crate::blobs::{Blobs, Scratch, damaged};
use crate::error::{Error, ErrorKind, Result};
use crate::frame_writer::FrameWriter;
use crate::outlet::Outlet;
use crate::pack_writer::FinishedPack;
use crate::packs::PackInfo;

/// A frame where it is now.
#[derive(Debug, Clone)]
pub(super) struct FrameSource {
    pub(super) pack: Arc<PackInfo>,
    pub(super) header: Arc<PackHeader>,
    pub(super) at: usize,
    /// Of the pack, see [`SealedFrame::origin`](crate::pack_writer::SealedFrame::origin).
    pub(super) number: u32,
    /// Its sealed bytes.
    pub(super) sealed: Bytes,
}

impl FrameSource {
    fn frame(&self) -> Result<&FrameRecord> {
        let frame = self.header.frames.get(self.at);
        frame.ok_or_else(|| damaged(&self.pack, "a pack has not the frame that its header names"))
    }

    /// Opens the frame and checks every blob of it.
    fn open<'s>(&self, blobs: &Blobs, scratch: &'s mut Scratch) -> Result<&'s [u8]> {
        let position = u32::try_from(self.at).unwrap_or(u32::MAX);
        let (pack, kind) = (&*self.pack, self.frame()?.kind);
        let plain = blobs.decode_frame(scratch, pack, &self.header, position, &self.sealed)?;
        for (blob, bytes) in self.parts(plain) {
            if !blobs.is(kind, &blob.id, bytes) {
                return Err(damaged(pack, "a blob is not what its id says"));
            }
        }
        Ok(plain)
    }

    fn parts<'p>(&'p self, plain: &'p [u8]) -> impl Iterator<Item = (&'p BlobRecord, &'p [u8])> {
        let mut rest = plain;
        self.header.frame_blobs(self.at).iter().map(move |blob| {
            let (bytes, after) = rest
                .split_at_checked(blob.len as usize)
                .unwrap_or((rest, &[]));
            rest = after;
            (blob, bytes)
        })
    }
}

/// Opens frames and seals what is needed of them. Each thread has its own.
#[derive(Debug)]
pub(super) struct Framer<'a> {
    tools: &'a Tools<'a>,
    blobs: &'a Blobs,
    scratch: Scratch,
    /// Writers of frames, by the kind of their blobs.
    writers: BTreeMap<u8, FrameWriter<'a>>,
    finished: Outlet<'a, FinishedPack>,
    kept: Vec<u8>,
}

impl<'a> Framer<'a> {
    pub(super) fn new(
        tools: &'a Tools<'a>,
        blobs: &'a Blobs,
        finished: Outlet<'a, FinishedPack>,
    ) -> Result<Self> {
        Ok(Self {
            tools,
            blobs,
            scratch: Scratch::new()?,
            writers: BTreeMap::new(),
            finished,
            kept: Vec::new(),
        })
    }

    /// Seals what is needed of a frame anew, and says how many frames it has become. What was together stays together: a frame had one
    /// owner, and two owners share none.
    ///
    /// # Errors
    ///
    /// `Damaged` naming the pack when the frame does not open or a blob is not what its id says; `Cancelled` when nobody takes packs any
    /// more; `Internal` when it cannot be sealed.
    pub(super) fn reframe(&mut self, source: &FrameSource, needed: &[bool]) -> Result<u64> {
        let plain = source.open(self.blobs, &mut self.scratch)?;
        self.kept.clear();
        let mut records = Vec::new();
        let parts = source.parts(plain).zip(needed);
        for ((blob, bytes), _) in parts.filter(|(_, needed)| **needed) {
            self.kept.extend_from_slice(bytes);
            records.push(*blob);
        }
        let kind = source.frame()?.kind;
        let kept = std::mem::take(&mut self.kept);
        let frames = self.writer(kind, source.pack.class)?;
        frames.origin = source.number;
        let before = frames.added;
        frames.store(&kept, &records)?;
        let added = frames.added - before;
        self.kept = kept;
        Ok(added)
    }

    fn writer(&mut self, kind: u8, class: PackClass) -> Result<&mut FrameWriter<'a>> {
        let tools = self.tools;
        Ok(match self.writers.entry(kind) {
            Entry::Occupied(known) => known.into_mut(),
            Entry::Vacant(vacant) => {
                let none = || Error::new(ErrorKind::Internal, "no key to seal a frame with");
                let sealer = tools.sealer(kind).ok_or_else(none)?;
                let packs = tools.writer(class);
                let finished = self.finished.clone();
                vacant.insert(FrameWriter::new(
                    tools.context,
                    sealer,
                    kind,
                    packs,
                    finished,
                )?)
            }
        })
    }
}
