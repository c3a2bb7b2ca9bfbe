//! From plaintext to sealed frames in packs.

use std::ops::Range;

use strongroom_crypt::Sealer;
use strongroom_format::{BlobRecord, Codec, Compressor, Decompressor, SessionKeyRecord, frame_aad};

use crate::context::Context;
use crate::error::{Error, ErrorKind, Result};
use crate::outlet::Outlet;
use crate::pack_writer::{FinishedPack, PackWriter, SealedFrame};

/// Small neighbours share a frame until it has about this many bytes: enough for zstd to find what they have in
/// common, little enough that reading one of them stays cheap. Measured in `docs/decisions/0009-frames-of-2-mib.md`.
const FRAME_BYTES: usize = 2 << 20;
/// And never more than this part of a pack, or small packs would not fill to one size.
const FRAMES_IN_A_PACK: usize = 4;

/// Seals frames of one kind into the packs of one class. Each thread has its own.
pub(crate) struct FrameWriter<'a> {
    context: &'a Context,
    sealer: FrameSealer<'a>,
    kind: u8,
    packs: &'a PackWriter<'a>,
    finished: Outlet<'a, FinishedPack>,
    /// Where what is stored next comes from, see [`SealedFrame::origin`].
    pub(crate) origin: u32,
    /// Frames that were added to packs so far.
    pub(crate) added: u64,
    /// About how much plaintext small neighbours share.
    frame_bytes: usize,
    compressor: Compressor,
    /// What was sealed is opened again and compared, unless the settings say no.
    proof: Option<Decompressor>,
    compressed: Vec<u8>,
    sealed: Vec<u8>,
    opened: Vec<u8>,
    aad: Vec<u8>,
}

/// What frames are sealed with.
#[derive(Clone, Copy)]
pub(crate) enum FrameSealer<'a> {
    /// The secret of a session, which the pack names by this record.
    Session(&'a dyn Sealer, &'a SessionKeyRecord),
    /// The key of reference lists.
    Refs(&'a dyn Sealer),
}

impl<'a> FrameSealer<'a> {
    fn sealer(&self) -> &'a dyn Sealer {
        match self {
            Self::Session(sealer, _) | Self::Refs(sealer) => *sealer,
        }
    }

    fn session(&self) -> Option<&'a SessionKeyRecord> {
        match self {
            Self::Session(_, session) => Some(session),
            Self::Refs(_) => None,
        }
    }
}

impl std::fmt::Debug for FrameWriter<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("FrameWriter")
            .field("kind", &self.kind)
            .finish_non_exhaustive()
    }
}

impl<'a> FrameWriter<'a> {
    pub(crate) fn new(
        context: &'a Context,
        sealer: FrameSealer<'a>,
        kind: u8,
        packs: &'a PackWriter<'a>,
        finished: Outlet<'a, FinishedPack>,
    ) -> Result<Self> {
        let compressor = Compressor::new(context.settings.level)
            .map_err(|error| Error::new(ErrorKind::Internal, "zstd").caused_by(error))?;
        let proof = match context.settings.verify_frames {
            true => Some(
                Decompressor::new()
                    .map_err(|error| Error::new(ErrorKind::Internal, "zstd").caused_by(error))?,
            ),
            false => None,
        };
        Ok(Self {
            context,
            sealer,
            kind,
            packs,
            finished,
            origin: 0,
            added: 0,
            frame_bytes: FRAME_BYTES.min(context.settings.pack_bytes / FRAMES_IN_A_PACK),
            compressor,
            proof,
            compressed: Vec::new(),
            sealed: Vec::new(),
            opened: Vec::new(),
            aad: Vec::new(),
        })
    }

    /// Seals blobs and adds them to a pack, in one frame if they compress. Returns how many bytes they have there.
    pub(crate) fn store(&mut self, plain: &[u8], blobs: &[BlobRecord]) -> Result<u64> {
        self.compressed.clear();
        let shrunk = self
            .compressor
            .shrink(plain, &mut self.compressed)
            .map_err(|error| {
                Error::new(ErrorKind::Internal, "compression failed").caused_by(error)
            })?;
        if shrunk {
            return self.seal(Codec::Zstd, plain, blobs);
        }
        // Together they are no smaller, and apart they fill packs better and are read faster.
        let mut stored = 0;
        for (plain, blobs) in Apart::new(plain, blobs) {
            stored += self.seal(Codec::Raw, plain, blobs)?;
        }
        Ok(stored)
    }

    /// Seals one frame and adds it to a pack.
    fn seal(&mut self, codec: Codec, plain: &[u8], blobs: &[BlobRecord]) -> Result<u64> {
        let stored = match codec {
            Codec::Raw => plain,
            _ => &self.compressed,
        };
        let repository = &self.context.repository;
        frame_aad(&mut self.aad, repository, self.kind, codec, blobs);
        self.sealed.clear();
        let sealer = self.sealer.sealer();
        sealer
            .seal(&self.aad, stored, &mut self.sealed)
            .map_err(|error| Error::new(ErrorKind::Internal, "sealing failed").caused_by(error))?;
        self.prove(codec, plain)?;
        let frame = SealedFrame {
            kind: self.kind,
            codec,
            plain_len: u32::try_from(plain.len()).unwrap_or(u32::MAX),
            blobs,
            session: self.sealer.session(),
            origin: self.origin,
            sealed: &self.sealed,
        };
        let full = self.packs.add(frame)?;
        self.added += 1;
        if let Some(pack) = full {
            self.finished.send(pack)?;
        }
        Ok(self.sealed.len() as u64)
    }

    /// Closes what is open. Only one of those who share the packs calls it, when the others are done.
    pub(crate) fn finish(&self) -> Result<()> {
        self.packs
            .finish()?
            .into_iter()
            .try_for_each(|pack| self.finished.send(pack))
    }

    /// Opens what was just sealed. A compressor with a bug (two releases of a peer shipped one) or a bit that flipped in
    /// memory is found here, while the plaintext is still at hand, and not at the restore.
    fn prove(&mut self, codec: Codec, plain: &[u8]) -> Result<()> {
        let Some(decompressor) = &mut self.proof else {
            return Ok(());
        };
        let lost = || {
            Error::new(
                ErrorKind::Internal,
                "a sealed frame does not open to what was sealed",
            )
        };
        self.opened.clear();
        let sealer = self.sealer.sealer();
        sealer
            .open(&self.aad, &self.sealed, &mut self.opened)
            .map_err(|error| lost().caused_by(error))?;
        let same = if codec == Codec::Raw {
            self.opened == plain
        } else {
            self.compressed.clear();
            decompressor
                .decompress(codec, &self.opened, plain.len(), &mut self.compressed)
                .map_err(|error| lost().caused_by(error))?;
            self.compressed == plain
        };
        if same { Ok(()) } else { Err(lost()) }
    }
}

/// Takes blobs apart that need not be in one frame.
#[derive(Debug)]
struct Apart<'p> {
    plain: &'p [u8],
    blobs: &'p [BlobRecord],
}

/// What does not compress is in frames of about this size, or of one blob.
const RAW_FRAME_BYTES: usize = 256 << 10;

impl<'p> Apart<'p> {
    fn new(plain: &'p [u8], blobs: &'p [BlobRecord]) -> Self {
        Self { plain, blobs }
    }
}

impl<'p> Iterator for Apart<'p> {
    type Item = (&'p [u8], &'p [BlobRecord]);

    fn next(&mut self) -> Option<Self::Item> {
        let mut len = 0;
        let enough = self.blobs.iter().position(|blob| {
            len += blob.len as usize;
            len >= RAW_FRAME_BYTES
        });
        let count = enough.map_or(self.blobs.len(), |at| at + 1);
        let (blobs, other_blobs) = self.blobs.split_at_checked(count)?;
        let (plain, other_plain) = self.plain.split_at_checked(len)?;
        (self.plain, self.blobs) = (other_plain, other_blobs);
        (count > 0).then_some((plain, blobs))
    }
}

/// Gathers small neighbours until they make a frame.
///
/// Plaintext is borrowed where the neighbours lie side by side in the batch, which on a first backup is always.
#[derive(Debug, Default)]
pub(crate) struct Gather {
    blobs: Vec<BlobRecord>,
    /// Where they are in the batch, while that is one piece.
    run: Range<usize>,
    /// Their bytes, once it is not.
    copied: Vec<u8>,
    owner: u32,
}

impl Gather {
    /// Adds a blob that lies at `at` in `data`. A frame never holds blobs of two owners: what compresses together can be guessed at together.
    pub(crate) fn add(
        &mut self,
        frames: &mut FrameWriter<'_>,
        data: &[u8],
        at: Range<usize>,
        blob: BlobRecord,
        owner: u32,
    ) -> Result<u64> {
        let mut stored = 0;
        let full = self.len() + at.len() > frames.frame_bytes || self.owner != owner;
        if full && !self.blobs.is_empty() {
            stored = self.flush(frames, data)?;
        }
        self.owner = owner;
        if self.blobs.is_empty() {
            self.run = at;
        } else if self.copied.is_empty() && self.run.end == at.start {
            self.run.end = at.end;
        } else {
            if self.copied.is_empty() {
                self.copied
                    .extend_from_slice(data.get(self.run.clone()).unwrap_or_default());
            }
            self.copied
                .extend_from_slice(data.get(at).unwrap_or_default());
        }
        self.blobs.push(blob);
        Ok(stored)
    }

    /// Stores what has been gathered.
    pub(crate) fn flush(&mut self, frames: &mut FrameWriter<'_>, data: &[u8]) -> Result<u64> {
        if self.blobs.is_empty() {
            return Ok(0);
        }
        let plain = match self.copied.is_empty() {
            true => data.get(self.run.clone()).unwrap_or_default(),
            false => &self.copied,
        };
        let stored = frames.store(plain, &self.blobs)?;
        self.blobs.clear();
        self.copied.clear();
        Ok(stored)
    }

    fn len(&self) -> usize {
        if self.copied.is_empty() {
            self.run.len()
        } else {
            self.copied.len()
        }
    }
}
