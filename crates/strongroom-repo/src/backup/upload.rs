//! Packs on their way to the store, and what is said of them in the journal.

use std::collections::VecDeque;

use bytes::Bytes;
use strongroom_crypt::{Roles, SessionId};
use strongroom_format::{
    Body, ObjectHash, PackRef, Packs, SegmentBuilder, SegmentRef, object_name,
};
use strongroom_store::Key;

use super::known::Known;
use super::progress::Meter;
use super::validate::may_add;
use crate::context::Context;
use crate::edge::{Remote, Ticket};
use crate::error::{Error, ErrorKind, Result};
use crate::journal::Journal;
use crate::pack_writer::{FinishedPack, StoredPack, put_segment};
use crate::parity::ParityPuts;
use crate::repository::Repository;
use crate::state::State;

/// Puts packs and announces them.
///
/// The order is that of docs/format.md §4: packs are durable before the segment that maps them, the segment before
/// the entry that names both.
#[derive(Debug)]
pub(super) struct Uploader<'a> {
    context: &'a Context,
    journal: &'a Journal,
    remote: &'a Remote,
    known: &'a Known,
    progress: &'a Meter,
    session: SessionId,
    epoch: u32,
    under_way: VecDeque<(Ticket<()>, StoredPack)>,
    parity: ParityPuts<'a>,
    /// Durable and not in the journal yet.
    durable: Vec<StoredPack>,
    /// Packs and segments that the journal knows of.
    pub(super) announced: Vec<ObjectHash>,
}

/// What a commit has to name beyond what was announced.
#[derive(Debug, Default)]
pub(super) struct Unannounced {
    pub(super) packs: Vec<PackRef>,
    /// The segment that maps them, and its bytes.
    pub(super) segment: Option<SegmentRef>,
    pub(super) bytes: Option<Bytes>,
}

impl Unannounced {
    /// Says whether all of it can still be added: nothing was dropped, and nothing is known to be damaged.
    pub(super) fn is_intact(&self, now: &State) -> bool {
        let packs = self.packs.iter().map(|pack| &pack.name);
        let mut names = packs.chain(self.segment.iter().map(|segment| &segment.name));
        names.all(|name| !now.dropped.contains_key(name) && !now.damaged.contains_key(name))
    }
}

/// More packs than this are announced at once whatever their size, so that no journal entry grows past its limit.
const MAX_UNANNOUNCED_PACKS: usize = 4096;

impl<'a> Uploader<'a> {
    pub(super) fn new(
        repository: &'a Repository,
        remote: &'a Remote,
        known: &'a Known,
        progress: &'a Meter,
        (session, epoch): (SessionId, u32),
    ) -> Self {
        Self {
            context: repository.context(),
            journal: repository.journal(),
            remote,
            known,
            progress,
            session,
            epoch,
            under_way: VecDeque::new(),
            parity: ParityPuts::new(remote),
            durable: Vec::new(),
            announced: Vec::new(),
        }
    }

    /// Takes a pack, sends it on its way, and announces what is durable when that is due.
    pub(super) fn take(&mut self, pack: FinishedPack) -> Result<()> {
        self.begin(pack);
        while self
            .under_way
            .front()
            .is_some_and(|(ticket, _)| ticket.is_ready())
        {
            self.reap()?;
        }
        if self.is_announcement_due() {
            self.announce()?;
        }
        Ok(())
    }

    /// Waits until all packs taken are durable, and their parity is in the store or has failed.
    pub(super) fn finish(&mut self) -> Result<()> {
        while !self.under_way.is_empty() {
            self.reap()?;
        }
        self.progress.parity(self.parity.finish());
        Ok(())
    }

    /// Makes the segment of what has not been announced, for the commit to name.
    pub(super) fn rest(&mut self) -> Result<Unannounced> {
        let stored = std::mem::take(&mut self.durable);
        if stored.is_empty() {
            return Ok(Unannounced::default());
        }
        let (segment, bytes) = self.put_segment(&stored)?;
        let packs = stored.into_iter().map(|stored| stored.pack).collect();
        Ok(Unannounced {
            packs,
            segment: Some(segment),
            bytes: Some(bytes),
        })
    }

    fn begin(&mut self, mut pack: FinishedPack) {
        let place = pack.place.take();
        let (stored, bytes, parity) = pack.split();
        let ticket = match Key::parse(&object_name::pack(&stored.pack.name)) {
            Ok(key) => self.remote.put_hashed_holding(&key, bytes, place),
            Err(error) => Ticket::failed(error.into()),
        };
        self.progress.sent_pack();
        self.parity.begin(&stored.pack.name, parity);
        self.under_way.push_back((ticket, stored));
    }

    fn reap(&mut self) -> Result<()> {
        if let Some((ticket, stored)) = self.under_way.pop_front() {
            ticket.wait()?;
            self.progress.transferred(u64::from(stored.pack.len));
            self.durable.push(stored);
        }
        Ok(())
    }

    fn is_announcement_due(&self) -> bool {
        let bytes: u64 = self
            .durable
            .iter()
            .map(|stored| u64::from(stored.pack.len))
            .sum();
        let blobs: usize = self
            .durable
            .iter()
            .map(|stored| stored.header.blobs.len())
            .sum();
        bytes >= self.context.settings.announce_bytes
            || blobs >= MAX_UNANNOUNCED_BLOBS
            || self.durable.len() >= MAX_UNANNOUNCED_PACKS
    }

    fn announce(&mut self) -> Result<()> {
        let stored = std::mem::take(&mut self.durable);
        let (segment, bytes) = self.put_segment(&stored)?;
        let body = Packs {
            session: self.session,
            packs: stored.iter().map(|stored| stored.pack).collect(),
            segments: vec![segment],
            unknown: Default::default(),
        };
        let (session, epoch) = (self.session, self.epoch);
        self.journal
            .append(self.remote, self.context, Roles::WRITER, &mut |now| {
                let names = body
                    .packs
                    .iter()
                    .map(|pack| &pack.name)
                    .chain([&segment.name]);
                let dropped = names.into_iter().any(|name| now.dropped.contains_key(name));
                if dropped || !may_add(now, &session, epoch) {
                    let what = "the session was given up by somebody else";
                    return Err(Error::new(ErrorKind::Stale, what));
                }
                Ok(Body::Packs(body.clone()))
            })?;
        let names = body.packs.iter().map(|pack| pack.name);
        self.announced.extend(names.chain([segment.name]));
        self.progress.announced();
        let index = self
            .known
            .index()
            .with_segment(&segment, bytes, self.context)?;
        let ids = stored
            .iter()
            .flat_map(|stored| stored.header.blobs.iter().map(|blob| &blob.id));
        self.known.announced(index.into(), ids);
        Ok(())
    }

    fn put_segment(&self, stored: &[StoredPack]) -> Result<(SegmentRef, Bytes)> {
        let mut builder = SegmentBuilder::new();
        for stored in stored {
            stored.map(&mut builder);
        }
        let (segment, bytes) = put_segment(self.remote, self.context, self.session, builder)?;
        self.progress.transferred(bytes.len() as u64);
        Ok((segment, bytes))
    }
}

/// Bounds the memory of what is stored and not announced: about 150 bytes a blob while the segment is made, for headers, claims, rows and the object.
/// Blobs of usual sizes are fewer in [`Settings::announce_bytes`](crate::Settings::announce_bytes).
const MAX_UNANNOUNCED_BLOBS: usize = 1 << 17;
