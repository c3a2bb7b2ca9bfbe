//! Moves what is good of a pack into new ones and drops it, when nothing that is left behind is needed.
//!
//! This is how a pack leaves quarantine: what an entry said of it ends only by dropping it. It is also how a pack goes of which
//! something has rotted that nothing needs, or that others have too: a prune cannot, since it moves only out of packs that match their names.

use std::collections::{BTreeMap, BTreeSet};

use bytes::Bytes;
use strongroom_crypt::{Id, Roles, SessionId};
use strongroom_format::{
    Added, Body, Dropped, FrameKey, ObjectHash, PackHeader, SegmentBuilder, Tombstone, object_name,
};

use super::exam::Exam;
use super::look::Look;
use super::report::RepairReport;
use crate::backup::retired_epochs;
use crate::blobs::damaged;
use crate::buffers::Buffers;
use crate::context::object_key;
use crate::error::{Error, ErrorKind, Result};
use crate::pack_writer::{FinishedPack, PackWriter, SealedFrame, StoredPack, put_segment};
use crate::packs::PackInfo;
use crate::parity::ParityPuts;
use crate::state::State;

/// On what it stands that what is left behind of a pack is not needed.
#[derive(Debug, Default)]
pub(super) struct Grounds {
    /// Packs and segments that have what snapshots need of it.
    pub(super) relied: BTreeSet<ObjectHash>,
    /// The snapshots that were looked at; `None` if nothing is left behind.
    pub(super) walked: Option<BTreeSet<Id>>,
}

/// What became of a pack.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Moved {
    Done,
    /// It is not in force any more.
    Gone,
    /// What it stood on has changed: look again.
    Again,
}

impl Look<'_> {
    /// Writes the good frames of a pack into new packs and says in one entry that these are there and the pack is not.
    ///
    /// Just before the entry the pack is in force, no snapshot is that was not looked at, and everything that is relied on for what is
    /// left behind is in force and no more damaged than it was.
    ///
    /// # Errors
    ///
    /// What the store said.
    pub(super) fn relocate(
        &self,
        exam: &Exam,
        bytes: &Bytes,
        grounds: &Grounds,
        report: &mut RepairReport,
    ) -> Result<Moved> {
        if grounds.walked.is_none() && !exam.moves_whole(&self.retired) {
            let what = "a pack was to be dropped before all of it is moved";
            let name = object_name::pack(&exam.pack.name);
            return Err(Error::new(ErrorKind::Internal, what).object_named(name));
        }
        let added = self.write_frames(exam, bytes, report)?;
        let pack = exam.pack.name;
        let mut outcome = Moved::Done;
        let mut make = |now: &State| {
            outcome = self.may_drop(now, &pack, grounds, &added)?;
            match outcome {
                Moved::Done => Ok(self.tombstone(now, pack, &added)),
                // Never leaves this function: why is in a variable beside it.
                Moved::Gone | Moved::Again => Err(Error::new(ErrorKind::Stale, "overtaken")),
            }
        };
        let journal = self.repository.journal();
        let appended = journal.append(self.remote, self.context, Roles::MAINTAINER, &mut make);
        if outcome == Moved::Done {
            appended?;
            report.entries += 1;
            report.moved += 1;
        }
        Ok(outcome)
    }

    fn may_drop(
        &self,
        now: &State,
        pack: &ObjectHash,
        grounds: &Grounds,
        added: &Added,
    ) -> Result<Moved> {
        if !now.packs.contains(pack)? {
            return Ok(Moved::Gone);
        }
        let then = &self.state;
        let same_damage = |name: &ObjectHash| now.damaged.get(name) == then.damaged.get(name);
        let walked = grounds.walked.as_ref().is_none_or(|walked| {
            let mut snapshots = now.snapshots.values();
            snapshots.all(|(id, _)| walked.contains(id))
        });
        let relied = &grounds.relied;
        let packs = added.packs.iter().map(|pack| &pack.name);
        let mut new = packs.chain(added.segments.iter().map(|segment| &segment.name));
        let stands = walked
            && now.are_in_force(relied)?
            && relied.iter().all(same_damage)
            && new.all(|name| !now.dropped.contains_key(name))
            && retired_epochs(now) == self.retired
            && !is_announced(now, pack);
        Ok(match stands {
            true => Moved::Done,
            false => Moved::Again,
        })
    }

    fn tombstone(&self, now: &State, pack: ObjectHash, added: &Added) -> Body {
        // Segments of which nothing is left go too, as with a prune.
        let gone = |name: &ObjectHash| *name == pack || now.dropped.contains_key(name);
        let empty = self.index.exhausted(gone).into_iter();
        let empty = empty.filter(|name| now.segments.contains_key(name));
        Body::Tombstone(Tombstone {
            dropped: Dropped {
                packs: vec![pack],
                segments: empty.take(SEGMENTS).collect(),
                ..Dropped::default()
            },
            added: added.clone(),
            ..Tombstone::default()
        })
    }

    /// Writes the good frames of a pack into new packs, and a segment that maps them.
    fn write_frames(&self, exam: &Exam, bytes: &Bytes, report: &mut RepairReport) -> Result<Added> {
        let mut added = Added::default();
        let good = exam.good(&self.retired);
        let Some((info, header)) = exam.header.as_ref().filter(|_| !good.is_empty()) else {
            return Ok(added);
        };
        let writer = PackWriter::new(self.context, exam.pack.class, 1, Buffers::default());
        let mut parity = ParityPuts::new(self.remote);
        let mut stored = Vec::new();
        for position in good {
            let frame = sealed_frame(info, header, position, bytes)?;
            if let Some(full) = writer.add(frame)? {
                stored.push(self.put(full, &mut parity, report)?);
            }
        }
        for full in writer.finish()? {
            stored.push(self.put(full, &mut parity, report)?);
        }
        report.parity.add(parity.finish());
        let mut builder = SegmentBuilder::new();
        for pack in &stored {
            pack.map(&mut builder);
            added.packs.push(pack.pack);
        }
        let nobody = SessionId::from_bytes([0; SessionId::LEN]);
        let (segment, object) = put_segment(self.remote, self.context, nobody, builder)?;
        report.wrote(object.len() as u64);
        added.segments.push(segment);
        Ok(added)
    }

    fn put(
        &self,
        pack: FinishedPack,
        puts: &mut ParityPuts<'_>,
        report: &mut RepairReport,
    ) -> Result<StoredPack> {
        let (stored, bytes, parity) = pack.split();
        let key = object_key(&object_name::pack(&stored.pack.name))?;
        report.wrote(bytes.len() as u64);
        self.remote.put_hashed(&key, bytes)?;
        puts.begin(&stored.pack.name, parity);
        Ok(stored)
    }
}

/// Says whether a session that has not ended announced a pack: it is about to be committed, and is left alone.
pub(super) fn is_announced(state: &State, pack: &ObjectHash) -> bool {
    let sessions: &BTreeMap<SessionId, BTreeSet<ObjectHash>> = &state.sessions;
    sessions.values().any(|packs| packs.contains(pack))
}

fn sealed_frame<'a>(
    info: &PackInfo,
    header: &'a PackHeader,
    position: u32,
    bytes: &'a Bytes,
) -> Result<SealedFrame<'a>> {
    let at = position as usize;
    let frame = header.frames.get(at);
    let frame = frame.ok_or_else(|| damaged(info, "a pack has fewer frames"))?;
    let start = frame.offset as usize;
    let sealed = bytes.get(start..start.saturating_add(frame.stored_len as usize));
    let session = match frame.key {
        FrameKey::Refs => None,
        FrameKey::Session(session) => {
            let record = header.sessions.get(usize::from(session));
            let missing = || damaged(info, "a frame names a session that its pack does not");
            Some(record.ok_or_else(missing)?)
        }
    };
    Ok(SealedFrame {
        kind: frame.kind,
        codec: frame.codec,
        plain_len: frame.plain_len,
        blobs: header.frame_blobs(at),
        session,
        origin: 0,
        sealed: sealed.ok_or_else(|| damaged(info, "a pack ends too early"))?,
    })
}

/// Segments that one entry drops because nothing is left in them.
const SEGMENTS: usize = 1_000;
