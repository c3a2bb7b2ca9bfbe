//! Where names and pages of a new tree go.

use std::collections::HashSet;

use crossbeam_channel::{Receiver, unbounded};
use strongroom_crypt::{Id, Session, SessionId};
use strongroom_format::{
    BlobRecord, Names, ObjectHash, PackClass, PackRef, Page, Ref, RefKind, SegmentBuilder,
    SegmentRef, SessionKeyRecord, object_name,
};

use crate::backup::PageStore;
use crate::blobs::{NAMES, PAGE};
use crate::buffers::Buffers;
use crate::context::{encode_error, object_key};
use crate::error::{Error, ErrorKind, Result};
use crate::frame_writer::{FrameSealer, FrameWriter};
use crate::keys::Keys;
use crate::outlet::Outlet;
use crate::pack_writer::{FinishedPack, PackWriter, StoredPack, put_segment};
use crate::parity::ParityPuts;
use crate::repair::look::Look;

/// What a tree writer needs that lives longer than it.
#[derive(Debug)]
pub(super) struct Tools<'a> {
    keys: &'a Keys,
    session: Session,
    record: SessionKeyRecord,
    names: PackWriter<'a>,
    pages: PackWriter<'a>,
}

impl<'a> Tools<'a> {
    pub(super) fn new(look: &Look<'a>, keys: &'a Keys) -> Result<Self> {
        let context = look.context;
        let (session, record) = crate::pack_writer::start_session(context, keys, &look.state)?;
        let writer = |class| PackWriter::new(context, class, 1, Buffers::default());
        Ok(Self {
            keys,
            session,
            record,
            names: writer(PackClass::Names),
            pages: writer(PackClass::Pages),
        })
    }

    /// Returns the session, and the epoch that it seals under.
    pub(super) fn session(&self) -> (SessionId, u32) {
        (self.session.id(), self.record.epoch)
    }
}

/// Stores names and pages that no pack has yet, many to a frame.
pub(super) struct TreeWriter<'a, 't> {
    look: &'t Look<'a>,
    keys: &'t Keys,
    names: Collector<'t>,
    pages: Collector<'t>,
    finished: Receiver<FinishedPack>,
    claimed: HashSet<Id>,
    stored: Vec<StoredPack>,
    parity: ParityPuts<'t>,
    pub(super) written_bytes: u64,
}

/// What was stored of a tree.
#[derive(Debug, Default)]
pub(super) struct Stored {
    pub(super) packs: Vec<PackRef>,
    pub(super) segment: Option<(SegmentRef, bytes::Bytes)>,
}

struct Collector<'t> {
    frames: FrameWriter<'t>,
    plain: Vec<u8>,
    blobs: Vec<BlobRecord>,
}

impl<'a, 't> TreeWriter<'a, 't> {
    pub(super) fn new(look: &'t Look<'a>, tools: &'t Tools<'_>) -> Result<Self> {
        // This thread takes out what it has put in.
        let (sender, finished) = unbounded();
        let context = look.context;
        let content = FrameSealer::Session(tools.session.sealer(), &tools.record);
        let refs = FrameSealer::Refs(tools.keys.structure.refs());
        let outlet = || Outlet::Queue(sender.clone());
        let names = FrameWriter::new(context, content, NAMES, &tools.names, outlet())?;
        let pages = FrameWriter::new(context, refs, PAGE, &tools.pages, outlet())?;
        Ok(Self {
            look,
            keys: tools.keys,
            names: Collector::new(names),
            pages: Collector::new(pages),
            finished,
            claimed: HashSet::new(),
            stored: Vec::new(),
            parity: ParityPuts::new(look.remote),
            written_bytes: 0,
        })
    }

    /// Waits until everything is durable, and maps it.
    pub(super) fn finish(&mut self, session: SessionId) -> Result<Stored> {
        for collector in [&mut self.names, &mut self.pages] {
            collector.flush()?;
            collector.frames.finish()?;
        }
        self.drain()?;
        drop(self.parity.finish());
        let mut stored = Stored::default();
        let mut builder = SegmentBuilder::new();
        for pack in &self.stored {
            pack.map(&mut builder);
            stored.packs.push(pack.pack);
        }
        if !stored.packs.is_empty() {
            let look = self.look;
            let segment = put_segment(look.remote, look.context, session, builder)?;
            self.written_bytes += segment.1.len() as u64;
            stored.segment = Some(segment);
        }
        Ok(stored)
    }

    /// Says whether nobody has a blob to rely on, and claims it.
    fn is_new(&mut self, id: &Id) -> Result<bool> {
        // The index does not say under which epoch a copy is sealed.
        let is_stored = self.look.retired.is_empty() && self.look.index.contains(id)?;
        Ok(!is_stored && self.claimed.insert(*id))
    }

    fn drain(&mut self) -> Result<()> {
        while let Ok(pack) = self.finished.try_recv() {
            let (stored, bytes, parity) = pack.split();
            let name: ObjectHash = stored.pack.name;
            let key = object_key(&object_name::pack(&name))?;
            self.written_bytes += bytes.len() as u64;
            self.look.remote.put_hashed(&key, bytes)?;
            self.parity.begin(&name, parity);
            self.stored.push(stored);
        }
        Ok(())
    }
}

impl PageStore for TreeWriter<'_, '_> {
    fn names(&mut self, names: &Names) -> Result<Ref> {
        let mut plain = Vec::new();
        names.encode(&mut plain).map_err(encode_error)?;
        let id = self.keys.ids.id(NAMES, &plain);
        if self.is_new(&id)? {
            self.names.add(id, &plain)?;
            self.drain()?;
        }
        Ok(Ref {
            id,
            len: plain.len() as u64,
            kind: RefKind::Names,
        })
    }

    fn page(&mut self, page: &Page) -> Result<Ref> {
        let mut plain = Vec::new();
        page.encode(&mut plain).map_err(encode_error)?;
        let id = self.keys.structure.page_id(PAGE, &plain);
        if self.is_new(&id)? {
            self.pages.add(id, &plain)?;
            self.drain()?;
        }
        let below = page.refs.iter().filter(|one| one.kind != RefKind::Names);
        let len = below.fold(0_u64, |sum, one| sum.saturating_add(one.len));
        Ok(Ref {
            id,
            len: len.min(MAX_LEN),
            kind: RefKind::Page,
        })
    }
}

impl<'t> Collector<'t> {
    fn new(frames: FrameWriter<'t>) -> Self {
        Self {
            frames,
            plain: Vec::new(),
            blobs: Vec::new(),
        }
    }

    fn add(&mut self, id: Id, plain: &[u8]) -> Result<()> {
        if self.plain.len() + plain.len() > FRAME_BYTES {
            self.flush()?;
        }
        self.plain.extend_from_slice(plain);
        let len = u32::try_from(plain.len())
            .map_err(|_| Error::new(ErrorKind::Invalid, "a page of a directory past the limit"))?;
        self.blobs.push(BlobRecord { id, len });
        Ok(())
    }

    fn flush(&mut self) -> Result<()> {
        if !self.blobs.is_empty() {
            self.frames.store(&self.plain, &self.blobs)?;
            self.plain.clear();
            self.blobs.clear();
        }
        Ok(())
    }
}

/// As with a backup: names and pages are read in small numbers when somebody browses.
const FRAME_BYTES: usize = 512 << 10;
/// Lengths of references end here (docs/format.md §9.3).
const MAX_LEN: u64 = (1 << 56) - 1;
