//! Writes what is needed of packs into new ones.

use std::collections::btree_map::Entry;
use std::collections::{BTreeMap, VecDeque};

use bytes::Bytes;
use crossbeam_channel::{Receiver, Sender, unbounded};
use strongroom_crypt::{Session, SessionId};
use strongroom_format::{
    Added, FrameKey, FrameRecord, ObjectHash, PackClass, PackHeader, SegmentBuilder,
    SessionKeyRecord, object_name,
};

use crate::blobs::{Blobs, Scratch, damaged};
use crate::buffers::Buffers;
use crate::context::{Context, object_key};
use crate::edge::{Remote, Ticket};
use crate::error::{Error, ErrorKind, Result};
use crate::frame_writer::{FrameSealer, FrameWriter};
use crate::index::Marks;
use crate::keys::Keys;
use crate::outlet::Outlet;
use crate::pack_writer::{
    FinishedPack, PackWriter, SealedFrame, StoredPack, put_segment, start_session,
};
use crate::packs::PackInfo;
use crate::parity::{ParityCount, ParityPuts};
use crate::prune::apply::RepackSource;
use crate::prune::inspect::{Reframing, needed_blobs};
use crate::prune::options::PruneOptions;
use crate::state::State;

/// Moves frames from old packs into new ones, one old pack after another. New packs are filled across the borders of old ones; an old
/// one is done when everything needed of it is durable.
#[derive(Debug)]
pub(super) struct Repacker<'a> {
    tools: &'a Tools<'a>,
    reframing: Reframing<'a>,
    scratch: Scratch,
    /// Writers of frames that are sealed anew, by the kind of their blobs.
    writers: BTreeMap<u8, FrameWriter<'a>>,
    sender: Sender<FinishedPack>,
    finished: Receiver<FinishedPack>,
    sources: Vec<Source>,
    under_way: VecDeque<(Ticket<()>, StoredPack)>,
    parity: ParityPuts<'a>,
    /// Durable, and in no entry yet.
    durable: Vec<StoredPack>,
    pub(super) trapped: u64,
}

/// What the writers of a repack share.
#[derive(Debug)]
pub(super) struct Tools<'a> {
    context: &'a Context,
    keys: &'a Keys,
    remote: &'a Remote,
    packs: [PackWriter<'a>; 3],
    session: Option<(Session, SessionKeyRecord)>,
}

/// A pack that is read.
#[derive(Debug)]
struct Source {
    name: ObjectHash,
    /// Frames of it that are in packs which are not durable yet.
    outstanding: u32,
    is_read: bool,
    is_taken: bool,
}

/// A batch that is ready for its entry.
#[derive(Debug, Default)]
pub(super) struct Moved {
    /// Packs of which everything needed is in what is added, or was added before.
    pub(super) packs: Vec<ObjectHash>,
    pub(super) added: Added,
    pub(super) added_bytes: u64,
    /// The epoch under which frames were sealed anew, if any were.
    pub(super) epoch: Option<u32>,
}

impl<'a> Tools<'a> {
    pub(super) fn new(
        context: &'a Context,
        keys: &'a Keys,
        remote: &'a Remote,
        state: &State,
        options: &PruneOptions,
    ) -> Result<Self> {
        let buffers = Buffers::default();
        let writer = |class, open| PackWriter::new(context, class, open, buffers.clone());
        let needs_session = Reframing::new(keys, state, options).has_content_keys();
        Ok(Self {
            context,
            keys,
            remote,
            packs: [
                writer(PackClass::Data, OPEN_PACKS),
                writer(PackClass::Names, 1),
                writer(PackClass::Pages, 1),
            ],
            session: match needs_session {
                true => Some(start_session(context, keys, state)?),
                false => None,
            },
        })
    }

    fn writer(&self, class: PackClass) -> &PackWriter<'a> {
        let [data, names, pages] = &self.packs;
        match class {
            PackClass::Data => data,
            PackClass::Names => names,
            PackClass::Pages => pages,
        }
    }

    fn sealer(&self, kind: u8) -> Option<FrameSealer<'_>> {
        if kind == crate::blobs::PAGE {
            return Some(FrameSealer::Refs(self.keys.structure.refs()));
        }
        let (session, record) = self.session.as_ref()?;
        Some(FrameSealer::Session(session.sealer(), record))
    }

    /// The author that segments name: the session whose secret new frames have, if there is one.
    fn author(&self) -> SessionId {
        let nobody = SessionId::from_bytes([0; SessionId::LEN]);
        self.session
            .as_ref()
            .map_or(nobody, |(session, _)| session.id())
    }
}

impl<'a> Repacker<'a> {
    pub(super) fn new(tools: &'a Tools<'a>, state: &State, options: &PruneOptions) -> Result<Self> {
        // This thread takes out what it has put in.
        let (sender, finished) = unbounded();
        Ok(Self {
            tools,
            reframing: Reframing::new(tools.keys, state, options),
            scratch: Scratch::new()?,
            writers: BTreeMap::new(),
            sender,
            finished,
            sources: Vec::new(),
            under_way: VecDeque::new(),
            parity: ParityPuts::new(tools.remote),
            durable: Vec::new(),
            trapped: 0,
        })
    }

    /// Moves what is needed of a pack that was fetched whole.
    ///
    /// # Errors
    ///
    /// `Damaged` or `Incompatible` naming the pack when it is not what it should be: nothing of it has then been moved that counts.
    /// Otherwise what the store said of the new packs.
    pub(super) fn take(
        &mut self,
        blobs: &Blobs,
        marks: &Marks,
        source: &RepackSource,
        whole: &Bytes,
    ) -> Result<()> {
        let pack = &source.pack;
        if ObjectHash::of(whole) != pack.name {
            return Err(damaged(pack, "a pack does not match its name"));
        }
        let header = blobs.header_of_whole(pack, whole)?;
        let needed = (0..header.frames.len())
            .map(|at| needed_blobs(marks, pack, &header, at))
            .collect::<Result<Vec<_>>>()?;
        // What only the index says to be in it would be lost with it, and nobody would know.
        let confirmed = needed.iter().flatten().filter(|needed| **needed).count() as u64;
        if confirmed < source.needed_rows {
            let what = "the index says of something needed that it is in a pack whose header does not have it";
            return Err(damaged(pack, what));
        }
        let number = u32::try_from(self.sources.len()).unwrap_or(u32::MAX);
        self.sources.push(Source {
            name: pack.name,
            outstanding: 0,
            is_read: false,
            is_taken: false,
        });
        for ((at, frame), needed) in header.frames.iter().enumerate().zip(&needed) {
            if !needed.contains(&true) {
                continue;
            }
            if let Some(source) = self.sources.last_mut() {
                source.outstanding += 1;
            }
            let source = FrameSource {
                blobs,
                pack,
                header: &header,
                at,
                frame,
                number,
                whole,
            };
            self.move_frame(&source, needed)?;
        }
        if let Some(source) = self.sources.last_mut() {
            source.is_read = true;
        }
        Ok(())
    }

    /// Closes all packs and waits until they are durable.
    pub(super) fn finish(&mut self) -> Result<()> {
        for class in [PackClass::Data, PackClass::Names, PackClass::Pages] {
            for pack in self.tools.writer(class).finish()? {
                self.put(pack)?;
            }
        }
        while !self.under_way.is_empty() {
            self.reap()?;
        }
        Ok(())
    }

    /// Waits for parity, and returns what became of it.
    pub(super) fn parity(&mut self) -> ParityCount {
        self.parity.finish()
    }

    /// Says whether so much is durable that it should be said in the journal.
    pub(super) fn is_due(&self) -> bool {
        let bytes: u64 = self
            .durable
            .iter()
            .map(|stored| u64::from(stored.pack.len))
            .sum();
        self.done().count() >= BATCH_PACKS || bytes >= BATCH_BYTES
    }

    /// Makes the batch of what is durable: its segment is stored when this returns. `None` if there is nothing to say.
    pub(super) fn batch(&mut self) -> Result<Option<Moved>> {
        let packs: Vec<ObjectHash> = self.done().map(|source| source.name).collect();
        if packs.is_empty() && self.durable.is_empty() {
            return Ok(None);
        }
        for source in &mut self.sources {
            source.is_taken |= source.is_read && source.outstanding == 0;
        }
        let stored = std::mem::take(&mut self.durable);
        let session = self.tools.session.as_ref();
        let mut moved = Moved {
            packs,
            epoch: session.map(|(_, record)| record.epoch),
            ..Moved::default()
        };
        if stored.is_empty() {
            return Ok(Some(moved));
        }
        let mut builder = SegmentBuilder::new();
        for pack in &stored {
            pack.map(&mut builder);
            moved.added.packs.push(pack.pack);
            moved.added_bytes += u64::from(pack.pack.len);
        }
        let tools = self.tools;
        let (segment, bytes) = put_segment(tools.remote, tools.context, tools.author(), builder)?;
        moved.added.segments.push(segment);
        moved.added_bytes += bytes.len() as u64;
        Ok(Some(moved))
    }

    fn done(&self) -> impl Iterator<Item = &Source> {
        let done = |source: &&Source| source.is_read && source.outstanding == 0 && !source.is_taken;
        self.sources.iter().filter(done)
    }

    fn move_frame(&mut self, source: &FrameSource<'_>, needed: &[bool]) -> Result<()> {
        let records = source.header.frame_blobs(source.at);
        let live = records.iter().zip(needed).filter(|(_, needed)| **needed);
        let live_bytes: u64 = live.map(|(blob, _)| u64::from(blob.len)).sum();
        let is_whole = !needed.contains(&false);
        if self.reframing.opens(source.header, source.frame) {
            source.open(&mut self.scratch)?;
            if !is_whole && self.reframing.is_worth(source.frame.plain_len, live_bytes) {
                return self.reframe(source, needed);
            }
        }
        self.trapped += u64::from(source.frame.plain_len).saturating_sub(live_bytes);
        self.copy(source)
    }

    /// Seals what is needed of a frame anew. What was together stays together: a frame had one owner, and two owners share none.
    fn reframe(&mut self, source: &FrameSource<'_>, needed: &[bool]) -> Result<()> {
        let mut kept = Vec::new();
        let mut records = Vec::new();
        let plain = source.open(&mut self.scratch)?;
        let parts = source
            .parts(plain)
            .zip(needed)
            .filter(|(_, needed)| **needed);
        for ((blob, bytes), _) in parts {
            kept.extend_from_slice(bytes);
            records.push(*blob);
        }
        let frames = self.frames(source.frame.kind, source.pack.class)?;
        frames.origin = source.number;
        frames.store(&kept, &records)?;
        while let Ok(pack) = self.finished.try_recv() {
            self.put(pack)?;
        }
        Ok(())
    }

    fn frames(&mut self, kind: u8, class: PackClass) -> Result<&mut FrameWriter<'a>> {
        let tools = self.tools;
        Ok(match self.writers.entry(kind) {
            Entry::Occupied(known) => known.into_mut(),
            Entry::Vacant(vacant) => {
                let none = || Error::new(ErrorKind::Internal, "no key to seal a frame with");
                let sealer = tools.sealer(kind).ok_or_else(none)?;
                let outlet = Outlet::Queue(self.sender.clone());
                let packs = tools.writer(class);
                vacant.insert(FrameWriter::new(
                    tools.context,
                    sealer,
                    kind,
                    packs,
                    outlet,
                )?)
            }
        })
    }

    /// Moves a frame as it is.
    fn copy(&mut self, source: &FrameSource<'_>) -> Result<()> {
        let class = source.pack.class;
        let session = match source.frame.key {
            FrameKey::Refs => None,
            FrameKey::Session(at) => {
                let record = source.header.sessions.get(usize::from(at));
                let missing = || {
                    damaged(
                        source.pack,
                        "a frame names a session that its pack does not",
                    )
                };
                Some(record.ok_or_else(missing)?)
            }
        };
        let frame = SealedFrame {
            kind: source.frame.kind,
            codec: source.frame.codec,
            plain_len: source.frame.plain_len,
            blobs: source.header.frame_blobs(source.at),
            session,
            origin: source.number,
            sealed: source.sealed()?,
        };
        match self.tools.writer(class).add(frame)? {
            Some(pack) => self.put(pack),
            None => Ok(()),
        }
    }

    fn put(&mut self, pack: FinishedPack) -> Result<()> {
        let (stored, bytes, parity) = pack.split();
        let key = object_key(&object_name::pack(&stored.pack.name))?;
        let ticket = self.tools.remote.put_hashed_later(&key, bytes);
        self.parity.begin(&stored.pack.name, parity);
        self.under_way.push_back((ticket, stored));
        while self.under_way.len() > PUTS
            || self
                .under_way
                .front()
                .is_some_and(|(ticket, _)| ticket.is_ready())
        {
            self.reap()?;
        }
        Ok(())
    }

    fn reap(&mut self) -> Result<()> {
        let Some((ticket, stored)) = self.under_way.pop_front() else {
            return Ok(());
        };
        ticket.wait()?;
        for origin in &stored.origins {
            if let Some(source) = self.sources.get_mut(*origin as usize) {
                source.outstanding = source.outstanding.saturating_sub(1);
            }
        }
        self.durable.push(stored);
        Ok(())
    }
}

/// A frame where it is now.
#[derive(Debug)]
struct FrameSource<'a> {
    blobs: &'a Blobs,
    pack: &'a PackInfo,
    header: &'a PackHeader,
    at: usize,
    frame: &'a FrameRecord,
    /// Of the source, see [`SealedFrame::origin`].
    number: u32,
    whole: &'a Bytes,
}

impl FrameSource<'_> {
    fn sealed(&self) -> Result<&[u8]> {
        let start = self.frame.offset as usize;
        let end = start + self.frame.stored_len as usize;
        let sealed = self.whole.get(start..end);
        sealed.ok_or_else(|| damaged(self.pack, "a pack ends too early"))
    }

    /// Opens the frame and checks every blob of it.
    fn open<'s>(&self, scratch: &'s mut Scratch) -> Result<&'s [u8]> {
        let position = u32::try_from(self.at).unwrap_or(u32::MAX);
        let plain =
            self.blobs
                .decode_frame(scratch, self.pack, self.header, position, self.sealed()?)?;
        for (blob, bytes) in self.parts(plain) {
            if !self.blobs.is(self.frame.kind, &blob.id, bytes) {
                return Err(damaged(self.pack, "a blob is not what its id says"));
            }
        }
        Ok(plain)
    }

    fn parts<'p>(
        &'p self,
        plain: &'p [u8],
    ) -> impl Iterator<Item = (&'p strongroom_format::BlobRecord, &'p [u8])> {
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

/// Packs open at once.
const OPEN_PACKS: usize = 2;
/// Packs on their way at once.
const PUTS: usize = 2;
/// After so many old packs an entry is written.
const BATCH_PACKS: usize = 64;
/// Or after so many new bytes.
pub(super) const BATCH_BYTES: u64 = 128 << 20;
