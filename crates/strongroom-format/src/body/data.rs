//! Entries about snapshots, packs and segments.

use strongroom_crypt::{Id, SessionId};

use crate::cbor::{MapWriter, Reader, Unknown};
use crate::config::missing;
use crate::item::Item;
use crate::{DecodeError, EncodeError, ObjectHash, PackRef, SegmentRef, Snapshot};

/// A snapshot, and the packs and segments that it needs and that were not announced before.
#[derive(Clone, Debug, PartialEq, Eq)]
#[expect(
    clippy::exhaustive_structs,
    reason = "what later versions add is in `unknown`"
)]
pub struct Commit {
    /// The snapshot.
    pub snapshot: Snapshot,
    /// Packs added.
    pub packs: Vec<PackRef>,
    /// Segments added.
    pub segments: Vec<SegmentRef>,
    /// The session that ends with this.
    pub session: SessionId,
    /// Number and hash of the head that the author had validated against.
    pub seen: Option<(u64, ObjectHash)>,
    /// What a later version added.
    pub unknown: Unknown,
}

impl Commit {
    pub(super) fn write(&self, out: &mut Vec<u8>) -> Result<(), EncodeError> {
        let mut map = MapWriter::new(out);
        self.snapshot.encode(map.key(0))?;
        map.items(1, &self.packs);
        map.items(2, &self.segments);
        self.session.write(map.key(3));
        if let Some(seen) = &self.seen {
            seen.write(map.key(4));
        }
        map.finish(&self.unknown)
    }

    pub(super) fn read(r: &mut Reader<'_>) -> Result<Self, DecodeError> {
        let (mut snapshot, mut packs, mut segments) = (None, None, None);
        let (mut session, mut seen) = (None, None);
        let unknown = r.map("commit", |r, key| {
            match key {
                0 => snapshot = Some(Snapshot::read(r)?),
                1 => packs = Some(r.items("packs")?),
                2 => segments = Some(r.items("segments")?),
                3 => session = Some(Item::read(r)?),
                4 => seen = Some(Item::read(r)?),
                _ => return Ok(false),
            }
            Ok(true)
        })?;
        Ok(Self {
            snapshot: snapshot.ok_or(missing("snapshot"))?,
            packs: packs.ok_or(missing("packs"))?,
            segments: segments.ok_or(missing("segments"))?,
            session: session.ok_or(missing("session"))?,
            seen,
            unknown,
        })
    }
}

/// Packs and segments of a session that goes on.
#[derive(Clone, Debug, PartialEq, Eq)]
#[expect(
    clippy::exhaustive_structs,
    reason = "what later versions add is in `unknown`"
)]
pub struct Packs {
    /// The session.
    pub session: SessionId,
    /// Packs added.
    pub packs: Vec<PackRef>,
    /// Segments added.
    pub segments: Vec<SegmentRef>,
    /// What a later version added.
    pub unknown: Unknown,
}

impl Packs {
    pub(super) fn write(&self, out: &mut Vec<u8>) -> Result<(), EncodeError> {
        let mut map = MapWriter::new(out);
        self.session.write(map.key(0));
        map.items(1, &self.packs);
        map.items(2, &self.segments);
        map.finish(&self.unknown)
    }

    pub(super) fn read(r: &mut Reader<'_>) -> Result<Self, DecodeError> {
        let (mut session, mut packs, mut segments) = (None, None, None);
        let unknown = r.map("packs", |r, key| {
            match key {
                0 => session = Some(Item::read(r)?),
                1 => packs = Some(r.items("packs")?),
                2 => segments = Some(r.items("segments")?),
                _ => return Ok(false),
            }
            Ok(true)
        })?;
        Ok(Self {
            session: session.ok_or(missing("session"))?,
            packs: packs.ok_or(missing("packs"))?,
            segments: segments.ok_or(missing("segments"))?,
            unknown,
        })
    }
}

/// Sessions that will not commit.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
#[expect(
    clippy::exhaustive_structs,
    reason = "what later versions add is in `unknown`"
)]
pub struct Abandon {
    /// The sessions.
    pub sessions: Vec<SessionId>,
    /// What a later version added.
    pub unknown: Unknown,
}

impl Abandon {
    pub(super) fn write(&self, out: &mut Vec<u8>) -> Result<(), EncodeError> {
        let mut map = MapWriter::new(out);
        map.items(0, &self.sessions);
        map.finish(&self.unknown)
    }

    pub(super) fn read(r: &mut Reader<'_>) -> Result<Self, DecodeError> {
        let mut sessions = None;
        let unknown = r.map("abandon", |r, key| {
            match key {
                0 => sessions = Some(r.items("sessions")?),
                _ => return Ok(false),
            }
            Ok(true)
        })?;
        Ok(Self {
            sessions: sessions.ok_or(missing("sessions"))?,
            unknown,
        })
    }
}

/// Snapshots that are no longer in force.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
#[expect(
    clippy::exhaustive_structs,
    reason = "what later versions add is in `unknown`"
)]
pub struct Forget {
    /// The snapshots.
    pub snapshots: Vec<Id>,
    /// Groups that may be emptied.
    pub emptied: Vec<String>,
    /// What a later version added.
    pub unknown: Unknown,
}

impl Forget {
    pub(super) fn write(&self, out: &mut Vec<u8>) -> Result<(), EncodeError> {
        let mut map = MapWriter::new(out);
        map.items(0, &self.snapshots);
        map.some_items(1, &self.emptied);
        map.finish(&self.unknown)
    }

    pub(super) fn read(r: &mut Reader<'_>) -> Result<Self, DecodeError> {
        let (mut snapshots, mut emptied) = (None, Vec::new());
        let unknown = r.map("forget", |r, key| {
            match key {
                0 => snapshots = Some(r.items("snapshots")?),
                1 => emptied = r.items("groups")?,
                _ => return Ok(false),
            }
            Ok(true)
        })?;
        Ok(Self {
            snapshots: snapshots.ok_or(missing("snapshots"))?,
            emptied,
            unknown,
        })
    }
}

/// Packs that a prune is about to drop.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
#[expect(
    clippy::exhaustive_structs,
    reason = "what later versions add is in `unknown`"
)]
pub struct Condemn {
    /// The packs.
    pub packs: Vec<ObjectHash>,
    /// What a later version added.
    pub unknown: Unknown,
}

impl Condemn {
    pub(super) fn write(&self, out: &mut Vec<u8>) -> Result<(), EncodeError> {
        let mut map = MapWriter::new(out);
        map.items(0, &self.packs);
        map.finish(&self.unknown)
    }

    pub(super) fn read(r: &mut Reader<'_>) -> Result<Self, DecodeError> {
        let mut packs = None;
        let unknown = r.map("condemn", |r, key| {
            match key {
                0 => packs = Some(r.items("packs")?),
                _ => return Ok(false),
            }
            Ok(true)
        })?;
        Ok(Self {
            packs: packs.ok_or(missing("packs"))?,
            unknown,
        })
    }
}

/// Packs, segments and sessions that are dropped, and what replaces them.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
#[expect(
    clippy::exhaustive_structs,
    reason = "what later versions add is in `unknown`"
)]
pub struct Tombstone {
    /// What is dropped.
    pub dropped: Dropped,
    /// What is added.
    pub added: Added,
    /// What a later version added.
    pub unknown: Unknown,
}

/// What a [`Tombstone`] drops.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
#[expect(
    clippy::exhaustive_structs,
    reason = "what later versions add is in `unknown`"
)]
pub struct Dropped {
    /// Packs.
    pub packs: Vec<ObjectHash>,
    /// Segments.
    pub segments: Vec<ObjectHash>,
    /// Sessions.
    pub sessions: Vec<SessionId>,
    /// What a later version added.
    pub unknown: Unknown,
}

/// What a [`Tombstone`] adds.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
#[expect(
    clippy::exhaustive_structs,
    reason = "what later versions add is in `unknown`"
)]
pub struct Added {
    /// Packs.
    pub packs: Vec<PackRef>,
    /// Segments.
    pub segments: Vec<SegmentRef>,
    /// What a later version added.
    pub unknown: Unknown,
}

impl Tombstone {
    pub(super) fn write(&self, out: &mut Vec<u8>) -> Result<(), EncodeError> {
        let mut map = MapWriter::new(out);
        let mut dropped = MapWriter::new(map.key(0));
        dropped.items(0, &self.dropped.packs);
        dropped.items(1, &self.dropped.segments);
        dropped.items(2, &self.dropped.sessions);
        dropped.finish(&self.dropped.unknown)?;
        let mut added = MapWriter::new(map.key(1));
        added.items(0, &self.added.packs);
        added.items(1, &self.added.segments);
        added.finish(&self.added.unknown)?;
        map.finish(&self.unknown)
    }

    pub(super) fn read(r: &mut Reader<'_>) -> Result<Self, DecodeError> {
        let (mut dropped, mut added) = (None, None);
        let unknown = r.map("tombstone", |r, key| {
            match key {
                0 => dropped = Some(Dropped::read(r)?),
                1 => added = Some(Added::read(r)?),
                _ => return Ok(false),
            }
            Ok(true)
        })?;
        Ok(Self {
            dropped: dropped.ok_or(missing("what is dropped"))?,
            added: added.ok_or(missing("what is added"))?,
            unknown,
        })
    }
}

impl Dropped {
    fn read(r: &mut Reader<'_>) -> Result<Self, DecodeError> {
        let (mut packs, mut segments, mut sessions) = (None, None, None);
        let unknown = r.map("what is dropped", |r, key| {
            match key {
                0 => packs = Some(r.items("packs")?),
                1 => segments = Some(r.items("segments")?),
                2 => sessions = Some(r.items("sessions")?),
                _ => return Ok(false),
            }
            Ok(true)
        })?;
        Ok(Self {
            packs: packs.ok_or(missing("packs"))?,
            segments: segments.ok_or(missing("segments"))?,
            sessions: sessions.ok_or(missing("sessions"))?,
            unknown,
        })
    }
}

impl Added {
    fn read(r: &mut Reader<'_>) -> Result<Self, DecodeError> {
        let (mut packs, mut segments) = (None, None);
        let unknown = r.map("what is added", |r, key| {
            match key {
                0 => packs = Some(r.items("packs")?),
                1 => segments = Some(r.items("segments")?),
                _ => return Ok(false),
            }
            Ok(true)
        })?;
        Ok(Self {
            packs: packs.ok_or(missing("packs"))?,
            segments: segments.ok_or(missing("segments"))?,
            unknown,
        })
    }
}

/// Segments that are replaced.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
#[expect(
    clippy::exhaustive_structs,
    reason = "what later versions add is in `unknown`"
)]
pub struct IndexChange {
    /// Segments dropped.
    pub removed: Vec<ObjectHash>,
    /// Segments added.
    pub added: Vec<SegmentRef>,
    /// What a later version added.
    pub unknown: Unknown,
}

impl IndexChange {
    pub(super) fn write(&self, out: &mut Vec<u8>) -> Result<(), EncodeError> {
        let mut map = MapWriter::new(out);
        map.items(0, &self.removed);
        map.items(1, &self.added);
        map.finish(&self.unknown)
    }

    pub(super) fn read(r: &mut Reader<'_>) -> Result<Self, DecodeError> {
        let (mut removed, mut added) = (None, None);
        let unknown = r.map("index", |r, key| {
            match key {
                0 => removed = Some(r.items("segments")?),
                1 => added = Some(r.items("segments")?),
                _ => return Ok(false),
            }
            Ok(true)
        })?;
        Ok(Self {
            removed: removed.ok_or(missing("segments removed"))?,
            added: added.ok_or(missing("segments added"))?,
            unknown,
        })
    }
}
