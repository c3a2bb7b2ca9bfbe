//! The index against what packs really hold, in both directions.
//!
//! Every segment in force is decoded whole and every row of it compared with the header of the pack that it points to: pack, frame,
//! place, and the id itself. What a header lists and no segment maps is damage if a snapshot needs it, and otherwise worth a note.

use std::collections::{BTreeMap, BTreeSet};

use bytes::Bytes;
use strongroom_format::object_name::ObjectName;
use strongroom_format::{DecodeErrorKind, FrameRow, ObjectHash, PackRow, Segment, SegmentRef};

use crate::content::{Input, Shared, Sink};
use crate::edge::{Remote, Unread};
use crate::error::Result;
use crate::observer::Stage;
use crate::pack::{Holdings, Keyset, PackTable, Presence};
use crate::{Area, Level, Problem, Severity, Subject};

/// The check of all segments in force, over one or more passes.
#[derive(Debug)]
pub(crate) struct Index {
    segments: Vec<SegmentRef>,
    dropped: BTreeSet<ObjectHash>,
    /// In force and not listed: that was said.
    unlisted: BTreeSet<ObjectHash>,
    /// By segment: it can be used.
    usable: Vec<bool>,
    is_first: bool,
    unmapped: u64,
}

/// What a row of packs stands for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Target {
    Pack(u32),
    /// In force, and its header is not known.
    Unknown,
    Dropped,
    Wrong,
}

impl Index {
    /// Prepares the check of the segments in force.
    pub(crate) fn new(input: &Input) -> Self {
        Self {
            usable: vec![true; input.segments.len()],
            segments: input.segments.clone(),
            dropped: input.dropped.clone(),
            unlisted: input.unlisted.clone(),
            is_first: true,
            unmapped: 0,
        }
    }

    /// Compares the bytes of segments with their names, which needs no key.
    ///
    /// # Errors
    ///
    /// Those of the store that say that nothing can be looked at.
    pub(crate) fn hash_only(&mut self, remote: &Remote, sink: &mut Sink) -> Result<()> {
        for at in 0..self.segments.len() {
            self.fetch(at, remote, sink)?;
        }
        Ok(())
    }

    /// Compares the rows that belong into this pass with the holdings of packs, and marks what they map.
    ///
    /// # Errors
    ///
    /// Those of the store that say that nothing can be looked at.
    pub(crate) fn pass(
        &mut self,
        shared: Shared<'_>,
        holdings: &mut Holdings,
        sink: &mut Sink,
    ) -> Result<()> {
        if self.is_first {
            sink.started(Stage::Index);
        }
        let mut bytes_read = 0;
        for at in 0..self.segments.len() {
            shared.remote.before_batch()?;
            let Some((segment, bytes)) = self.fetch(at, shared.remote, sink)? else {
                continue;
            };
            bytes_read += bytes.len() as u64;
            self.segment((at, &segment), &bytes, shared, holdings, sink);
            let of = self.segments.len() as u64;
            sink.advanced(Stage::Index, at as u64 + 1, of, bytes_read);
        }
        self.is_first = false;
        Ok(())
    }

    /// Counts the copies of this pass that no segment maps and nothing needs.
    pub(crate) fn count_unmapped(&mut self, holdings: &Holdings) {
        let rows = holdings.rows().iter();
        let count = rows
            .filter(|row| !row.is_mapped() && !row.is_needed())
            .count();
        self.unmapped += count as u64;
    }

    /// Says what is known when all passes are done.
    pub(crate) fn finish(&self, sink: &mut Sink) {
        // A segment that cannot be used is a finding of its own.
        if self.unmapped > 0 && self.usable.iter().all(|usable| *usable) {
            let detail = format!("{} copies of blobs that no snapshot needs", self.unmapped);
            let subject = Subject::Repository;
            let (problem, level) = (Problem::NotIndexed, Level::Authenticated);
            sink.say(Severity::Note, subject, problem, level, detail);
        }
    }

    fn fetch(
        &mut self,
        at: usize,
        remote: &Remote,
        sink: &mut Sink,
    ) -> Result<Option<(SegmentRef, Bytes)>> {
        let (Some(segment), Some(usable)) =
            (self.segments.get(at).copied(), self.usable.get_mut(at))
        else {
            return Ok(None);
        };
        if !*usable {
            return Ok(None);
        }
        let name = ObjectName::Index(segment.name);
        let bytes = match remote.get(&name, None)? {
            Ok(bytes) => bytes,
            Err(unread) => {
                *usable = false;
                if unread == Unread::Missing && self.unlisted.contains(&segment.name) {
                    return Ok(None);
                }
                let (severity, problem, level) = match unread {
                    Unread::Missing => (Severity::Damage, Problem::Missing, Level::Listed),
                    Unread::Cold => (Severity::Note, Problem::Cold, Level::Hashed),
                    _ => (Severity::Damage, Problem::Unreadable, Level::Hashed),
                };
                sink.say(severity, Subject::Object(name), problem, level, "");
                return Ok(None);
            }
        };
        if self.is_first {
            sink.count(Area::Index, Level::Hashed, 1, bytes.len() as u64);
        }
        if ObjectHash::of(&bytes) != segment.name {
            *usable = false;
            let detail = format!("{} bytes of {}", bytes.len(), segment.len);
            sink.say(
                Severity::Damage,
                Subject::Object(name),
                Problem::HashDiffers,
                Level::Hashed,
                detail,
            );
            return Ok(None);
        }
        Ok(Some((segment, bytes)))
    }

    fn segment(
        &mut self,
        (at, stated): (usize, &SegmentRef),
        bytes: &[u8],
        shared: Shared<'_>,
        holdings: &mut Holdings,
        sink: &mut Sink,
    ) {
        let object = Subject::Object(ObjectName::Index(stated.name));
        let segment = match decode(shared.keys, bytes) {
            Ok(segment) => segment,
            Err((severity, problem, what)) => {
                if let Some(usable) = self.usable.get_mut(at) {
                    *usable = false;
                }
                sink.say(severity, object, problem, Level::Authenticated, what);
                return;
            }
        };
        let mut seen = Seen::new(&segment, shared.table, &self.dropped);
        seen.rows(&segment, shared.table, holdings);
        if !self.is_first {
            // The entries of the other passes were looked at there; what follows was said.
            if seen.wrong_entries > 0 {
                sink.say(
                    Severity::Damage,
                    object,
                    Problem::Inconsistent,
                    Level::Authenticated,
                    seen.words(),
                );
            }
            return;
        }
        sink.count(Area::Index, Level::Authenticated, 1, bytes.len() as u64);
        if segment.head.entries != stated.entries {
            let detail = format!(
                "{} entries, and the journal says {}",
                segment.head.entries, stated.entries
            );
            sink.say(
                Severity::Damage,
                object.clone(),
                Problem::Inconsistent,
                Level::Authenticated,
                detail,
            );
        }
        if seen.wrong() > 0 {
            sink.say(
                Severity::Damage,
                object.clone(),
                Problem::Inconsistent,
                Level::Authenticated,
                seen.words(),
            );
        }
        if seen.dropped_packs > 0 {
            let detail = format!("{} packs that were dropped", seen.dropped_packs);
            sink.say(
                Severity::Note,
                object,
                Problem::StaleIndex,
                Level::Authenticated,
                detail,
            );
        }
    }
}

/// Returns where the headers of packs are, as far as the index says: offset and length.
///
/// # Errors
///
/// Those of the store that say that nothing can be looked at.
pub(crate) fn places_of_headers(
    remote: &Remote,
    keys: &Keyset,
    segments: &[SegmentRef],
) -> Result<BTreeMap<ObjectHash, (u32, u32)>> {
    let mut places = BTreeMap::new();
    for segment in segments {
        let Ok(bytes) = remote.get(&ObjectName::Index(segment.name), None)? else {
            continue;
        };
        if ObjectHash::of(&bytes) != segment.name {
            continue;
        }
        if let Ok(segment) = decode(keys, &bytes) {
            let place = |row: &PackRow| (row.name, (row.header_offset, row.header_len));
            places.extend(segment.packs.iter().map(place));
        }
    }
    Ok(places)
}

fn decode(
    keys: &Keyset,
    bytes: &[u8],
) -> std::result::Result<Segment, (Severity, Problem, &'static str)> {
    let segment = Segment::decode(bytes, keys.structure.index()).map_err(|error| {
        // The bytes have the hash that is their name: they are as they were written.
        match error.kind() {
            DecodeErrorKind::Unsupported => (Severity::Note, Problem::NewerVersion, error.what()),
            DecodeErrorKind::Damaged => (Severity::Damage, Problem::DoesNotOpen, error.what()),
            _ => (Severity::Damage, Problem::Malformed, error.what()),
        }
    })?;
    let preamble = segment.preamble;
    let kind = strongroom_format::ObjectKind::Index;
    match preamble.check(kind, keys.suite, &keys.repository) {
        Ok(()) => Ok(segment),
        Err(error) => Err((Severity::Damage, Problem::WrongPlace, error.what())),
    }
}

/// What was seen in one segment.
struct Seen {
    /// For each frame row its pack and frame, if both are as the pack's header says.
    frames: Vec<Option<(u32, u32)>>,
    wrong_packs: u64,
    dropped_packs: u64,
    wrong_frames: u64,
    wrong_entries: u64,
}

impl Seen {
    fn new(segment: &Segment, table: &PackTable, dropped: &BTreeSet<ObjectHash>) -> Self {
        let targets: Vec<Target> = segment
            .packs
            .iter()
            .map(|row| target(row, table, dropped))
            .collect();
        let count = |wanted| targets.iter().filter(|target| **target == wanted).count() as u64;
        let mut seen = Self {
            frames: Vec::with_capacity(segment.frames.len()),
            wrong_packs: count(Target::Wrong),
            dropped_packs: count(Target::Dropped),
            wrong_frames: 0,
            wrong_entries: 0,
        };
        // Of a pack that is damaged itself the index may say what was true.
        let is_altered = |number| table.get(number).is_some_and(|state| state.is_altered);
        for row in &segment.frames {
            let target = targets.get(row.pack as usize);
            let place = match target {
                Some(Target::Pack(number)) if is_right(row, *number, table) => {
                    Some((*number, row.position))
                }
                Some(Target::Pack(number)) if is_altered(*number) => None,
                Some(Target::Pack(_)) => {
                    seen.wrong_frames += 1;
                    None
                }
                _ => None,
            };
            seen.frames.push(place);
        }
        seen
    }

    /// Compares entries with what the frames hold, and marks those that are right.
    fn rows(&mut self, segment: &Segment, table: &PackTable, holdings: &mut Holdings) {
        for entry in &segment.entries {
            if !holdings.covers_prefix(&entry.prefix) {
                continue;
            }
            let Some(Some((pack, frame))) = self.frames.get(entry.frame as usize) else {
                continue;
            };
            if !holdings.mark_mapped(&entry.prefix, *pack, *frame)
                && table.get(*pack).is_some_and(|state| !state.is_altered)
            {
                self.wrong_entries += 1;
            }
        }
    }

    const fn wrong(&self) -> u64 {
        self.wrong_packs + self.wrong_frames + self.wrong_entries
    }

    fn words(&self) -> String {
        format!(
            "rows that are not as the packs say: {} of packs, {} of frames, {} of blobs",
            self.wrong_packs, self.wrong_frames, self.wrong_entries
        )
    }
}

fn target(row: &PackRow, table: &PackTable, dropped: &BTreeSet<ObjectHash>) -> Target {
    let Some(number) = table.number(&row.name) else {
        return if dropped.contains(&row.name) {
            Target::Dropped
        } else {
            Target::Wrong
        };
    };
    let Some(state) = table.get(number) else {
        return Target::Wrong;
    };
    if row.len != state.pack.len || row.class != state.pack.class {
        return Target::Wrong;
    }
    match state.presence {
        Presence::Known(spot) if (spot.offset, spot.len) == (row.header_offset, row.header_len) => {
            Target::Pack(number)
        }
        Presence::Known(_) if !state.is_altered => Target::Wrong,
        _ => Target::Unknown,
    }
}

fn is_right(row: &FrameRow, number: u32, table: &PackTable) -> bool {
    table
        .frame(number, row.position)
        .is_some_and(|frame| (frame.offset, frame.stored_len) == (row.offset, row.stored_len))
}
