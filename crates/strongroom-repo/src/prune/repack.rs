//! Writes what is needed of packs into new ones.

mod crew;
mod framer;
mod tools;

use std::collections::VecDeque;
use std::sync::Arc;

use bytes::Bytes;
use strongroom_format::object_name;
use strongroom_format::{Added, FrameKey, ObjectHash, PackClass, PackHeader, SegmentBuilder};

pub(super) use self::crew::Crew;
use self::crew::{Job, Outcome};
use self::framer::FrameSource;
pub(super) use self::tools::Tools;
use crate::blobs::{Blobs, damaged};
use crate::context::object_key;
use crate::edge::Ticket;
use crate::error::{Error, Result};
use crate::index::{Marks, is_out_of_reach};
use crate::pack_writer::{FinishedPack, SealedFrame, StoredPack, put_segment};
use crate::packs::PackInfo;
use crate::parity::{ParityCount, ParityPuts};
use crate::prune::apply::RepackSource;
use crate::prune::inspect::{Reframing, needed_blobs};

/// Moves frames from old packs into new ones, one old pack after another: those that are needed as a whole, or not worth the effort, byte by byte,
/// since the pack was compared with its name; of the others what is needed is sealed anew by a [`Crew`]. New packs are filled
/// across the borders of old ones; an old one is done when everything needed of it is durable.
#[derive(Debug)]
pub(super) struct Repacker<'a> {
    tools: &'a Tools<'a>,
    crew: Crew<'a>,
    reframing: Reframing<'a>,
    sources: Vec<Source>,
    under_way: VecDeque<(Ticket<()>, StoredPack)>,
    parity: ParityPuts<'a>,
    /// Durable, and in no entry yet.
    durable: Vec<StoredPack>,
    failed: Vec<(Arc<PackInfo>, Error)>,
    pub(super) trapped: u64,
}

/// A pack that is read.
#[derive(Debug)]
struct Source {
    pack: Arc<PackInfo>,
    /// Frames of it that are to be sealed anew and are not yet.
    jobs: u64,
    /// Frames made of it that are in packs which are not durable yet. While these are told by others it may be off.
    frames: i64,
    is_read: bool,
    is_taken: bool,
    /// Something of it cannot be read: it stays.
    has_failed: bool,
}

impl Source {
    fn is_done(&self) -> bool {
        let is_moved = self.is_read && self.jobs == 0 && self.frames == 0;
        is_moved && !self.is_taken && !self.has_failed
    }
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

impl<'a> Repacker<'a> {
    pub(super) fn new(tools: &'a Tools<'a>, crew: Crew<'a>, reframing: Reframing<'a>) -> Self {
        Self {
            tools,
            crew,
            reframing,
            sources: Vec::new(),
            under_way: VecDeque::new(),
            parity: ParityPuts::new(tools.remote),
            durable: Vec::new(),
            failed: Vec::new(),
            trapped: 0,
        }
    }

    /// Moves what is needed of a pack that was fetched whole.
    ///
    /// # Errors
    ///
    /// `Damaged` or `Incompatible` naming the pack when it is not what it should be: nothing of it has then been moved that counts. That may
    /// show later: see [`failed`](Self::failed). Otherwise what the store said of the new packs.
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
        let needed = needed_blobs(marks, pack, &header)?;
        // What only the index says to be in it would be lost with it, and nobody would know.
        let confirmed = needed.iter().flatten().filter(|needed| **needed).count() as u64;
        if confirmed < source.needed_rows {
            let what = "the index says of something needed that it is in a pack whose header does not have it";
            return Err(damaged(pack, what));
        }
        self.sources.push(Source {
            pack: Arc::clone(pack),
            jobs: 0,
            frames: 0,
            is_read: false,
            is_taken: false,
            has_failed: false,
        });
        for (at, needed) in needed.into_iter().enumerate() {
            if needed.contains(&true) {
                self.move_frame((pack, &header), at, needed, whole)?;
                self.hear()?;
            }
        }
        if let Some(source) = self.sources.last_mut() {
            source.is_read = true;
        }
        Ok(())
    }

    /// Closes all packs and waits until they are durable.
    pub(super) fn finish(&mut self) -> Result<()> {
        while let Some(outcome) = self.crew.wait()? {
            self.settle(outcome)?;
        }
        self.hear()?;
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

    /// Returns the packs of which it has turned out since the last call that they cannot be read as they should be.
    pub(super) fn failed(&mut self) -> Vec<(Arc<PackInfo>, Error)> {
        std::mem::take(&mut self.failed)
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
        let packs: Vec<ObjectHash> = self.done().map(|source| source.pack.name).collect();
        if packs.is_empty() && self.durable.is_empty() {
            return Ok(None);
        }
        for source in &mut self.sources {
            source.is_taken |= source.is_done();
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
        self.sources.iter().filter(|source| source.is_done())
    }

    fn move_frame(
        &mut self,
        (pack, header): (&Arc<PackInfo>, &Arc<PackHeader>),
        at: usize,
        needed: Vec<bool>,
        whole: &Bytes,
    ) -> Result<()> {
        let missing = || damaged(pack, "a header has not the frame that it names");
        let frame = header.frames.get(at).ok_or_else(missing)?;
        let start = frame.offset as usize;
        let sealed = whole.get(start..start + frame.stored_len as usize);
        let sealed = sealed.ok_or_else(|| damaged(pack, "a pack ends too early"))?;
        let blobs = header.frame_blobs(at);
        let live = blobs.iter().zip(&needed).filter(|(_, needed)| **needed);
        let live_bytes: u64 = live.map(|(blob, _)| u64::from(blob.len)).sum();
        let number = u32::try_from(self.sources.len() - 1).unwrap_or(u32::MAX);
        let is_whole = !needed.contains(&false);
        let is_sealed_anew = !is_whole
            && self.reframing.opens(header, frame)
            && self.reframing.is_worth(frame.plain_len, live_bytes);
        if is_sealed_anew {
            self.source(number, |source| source.jobs += 1);
            let source = FrameSource {
                pack: Arc::clone(pack),
                header: Arc::clone(header),
                at,
                number,
                // Not a part of the whole pack, which could go no sooner then.
                sealed: Bytes::copy_from_slice(sealed),
            };
            return self.crew.give(Job { source, needed });
        }
        self.trapped += u64::from(frame.plain_len).saturating_sub(live_bytes);
        let session = match frame.key {
            FrameKey::Refs => None,
            FrameKey::Session(at) => {
                let record = header.sessions.get(usize::from(at));
                let what = "a frame names a session that its pack does not";
                Some(record.ok_or_else(|| damaged(pack, what))?)
            }
        };
        let frame = SealedFrame {
            kind: frame.kind,
            codec: frame.codec,
            plain_len: frame.plain_len,
            blobs,
            session,
            origin: number,
            sealed,
        };
        self.source(number, |source| source.frames += 1);
        match self.tools.writer(pack.class).add(frame)? {
            Some(pack) => self.put(pack),
            None => Ok(()),
        }
    }

    /// Takes note of what the crew has done since.
    fn hear(&mut self) -> Result<()> {
        while let Some(pack) = self.crew.finished() {
            self.put(pack)?;
        }
        while let Some(outcome) = self.crew.outcome() {
            self.settle(outcome)?;
        }
        Ok(())
    }

    fn settle(&mut self, outcome: Outcome) -> Result<()> {
        let Some(source) = self.sources.get_mut(outcome.number as usize) else {
            return Ok(());
        };
        source.jobs = source.jobs.saturating_sub(1);
        match outcome.frames {
            Ok(frames) => {
                source.frames += i64::try_from(frames).unwrap_or(i64::MAX);
                Ok(())
            }
            Err(error) if is_out_of_reach(&error) => {
                if !source.has_failed {
                    source.has_failed = true;
                    self.failed.push((Arc::clone(&source.pack), error));
                }
                Ok(())
            }
            Err(error) => Err(error),
        }
    }

    fn source(&mut self, number: u32, change: impl FnOnce(&mut Source)) {
        if let Some(source) = self.sources.get_mut(number as usize) {
            change(source);
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
            self.source(*origin, |source| source.frames -= 1);
        }
        self.durable.push(stored);
        Ok(())
    }
}

/// Packs on their way at once.
const PUTS: usize = 2;
/// After so many old packs an entry is written.
const BATCH_PACKS: usize = 64;
/// Or after so many new bytes.
pub(super) const BATCH_BYTES: u64 = 128 << 20;
