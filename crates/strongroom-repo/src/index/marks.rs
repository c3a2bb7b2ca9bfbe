//! Which rows of the index are needed: one bit a row.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use strongroom_crypt::Id;
use strongroom_format::ObjectHash;

use crate::error::{Error, ErrorKind, Result};
use crate::index::bitmap::Bitmap;
use crate::index::segment::{EntryHit, Segment};
use crate::index::{Index, Standing};
use crate::packs::PackInfo;
use crate::state::State;

/// For every row of the segments in force, whether it is needed. Of all the copies of a blob exactly one is ever marked, and which
/// one depends on the state alone, so that two who prune the same state keep the same copies.
///
/// Memory: a bit a row, and a bit a frame for segments that name packs which are not simply good.
#[derive(Debug)]
pub(crate) struct Marks {
    parts: Vec<Part>,
    weak: WeakFrames,
    /// Packs that are about to go: their copies are taken only where there is no other.
    doomed: BTreeSet<ObjectHash>,
}

#[derive(Debug)]
struct Part {
    segment: Arc<Segment>,
    /// By row of the segment's packs.
    standing: Vec<Standing>,
    rows: Bitmap,
    /// The frames of packs that are not simply good; `None` if there is no such pack.
    flawed: Option<Bitmap>,
}

/// Frames that do not count as stored where there is another copy, though they can be read: by pack, their positions.
pub(crate) type WeakFrames = BTreeMap<ObjectHash, BTreeSet<u32>>;

/// What marking a blob did.
#[derive(Debug)]
pub(crate) enum Marked {
    /// It was marked before.
    Before,
    /// This copy is marked now.
    Now(Place),
}

/// Where a copy of a blob is.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Place {
    part: usize,
    hit: EntryHit,
}

/// How good a copy is; the best comes first.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Grade {
    Good,
    Doomed,
    Condemned,
    Weak,
    Damaged,
    Gone,
}

/// What is known of the copies of a blob so far.
#[derive(Debug, Clone, Copy)]
enum Choice {
    /// There is none.
    None,
    /// This is the best.
    Best(Grade, Place),
    /// One is marked.
    Marked,
}

/// A frame of a pack as the index has it, and what of it is needed.
#[derive(Debug, Clone, Copy)]
pub(crate) struct FrameTally<'a> {
    pub(crate) pack: &'a Arc<PackInfo>,
    pub(crate) position: u32,
    pub(crate) stored_len: u32,
    /// A row of it is marked.
    pub(crate) is_live: bool,
    /// A row of it is not.
    pub(crate) is_dead: bool,
}

impl Marks {
    /// Makes marks for an index, none of them set.
    ///
    /// # Errors
    ///
    /// `Damaged` naming a segment of which a page cannot be read.
    pub(crate) fn new(index: &Index, weak: WeakFrames) -> Result<Self> {
        let mut marks = Self {
            parts: Vec::new(),
            weak,
            doomed: BTreeSet::new(),
        };
        marks.adopt(index)?;
        Ok(marks)
    }

    /// Takes up the segments of a later index and what is said of packs now. What is marked stays marked, in segments that are not in
    /// force any more too: that a pack has a blob stays true.
    ///
    /// # Errors
    ///
    /// As [`new`](Self::new).
    pub(crate) fn follow(&mut self, index: &Index, state: &State) -> Result<()> {
        for part in &mut self.parts {
            let standing = part.segment.packs.iter();
            part.standing = standing
                .map(|pack| Standing::of(pack, Some(state)))
                .collect();
            part.find_flawed(&self.weak)?;
        }
        self.adopt(index)
    }

    /// Says which packs are about to go. From now on their copies are marked only where there is no other.
    pub(crate) fn doom(&mut self, packs: BTreeSet<ObjectHash>) {
        self.doomed = packs;
    }

    /// Marks a blob, unless a copy of it is marked.
    ///
    /// # Errors
    ///
    /// `Damaged` when no pack in force has it, or naming a segment of which a page cannot be read.
    pub(crate) fn mark(&mut self, id: &Id) -> Result<Marked> {
        let mut choice = Choice::None;
        let mut hits = Vec::new();
        for (at, part) in self.parts.iter().enumerate() {
            part.choose(at, id, &mut hits, (&self.doomed, &self.weak), &mut choice)?;
        }
        self.settle(id, choice)
    }

    /// Marks blobs, each unless a copy of it is marked; `tell` hears of the others. The ids are sorted and none is there twice.
    ///
    /// One segment is searched for all of them before the next is: its filter and its pages are then read in order, and once.
    ///
    /// # Errors
    ///
    /// As [`mark`](Self::mark).
    pub(crate) fn mark_sorted(
        &mut self,
        ids: &[Id],
        mut tell: impl FnMut(&Self, Place) -> Result<()>,
    ) -> Result<()> {
        let mut choices = vec![Choice::None; ids.len()];
        let mut hits = Vec::new();
        for (at, part) in self.parts.iter().enumerate() {
            for (id, choice) in ids.iter().zip(&mut choices) {
                part.choose(at, id, &mut hits, (&self.doomed, &self.weak), choice)?;
            }
        }
        for (id, choice) in ids.iter().zip(choices) {
            if let Marked::Now(place) = self.settle(id, choice)? {
                tell(self, place)?;
            }
        }
        Ok(())
    }

    /// Marks the copy that was chosen.
    fn settle(&mut self, id: &Id, choice: Choice) -> Result<Marked> {
        let lost = || {
            let what = format!("no pack in force has the blob {id}, which a snapshot needs");
            Error::new(ErrorKind::Damaged, what)
        };
        match choice {
            Choice::Marked => Ok(Marked::Before),
            Choice::None | Choice::Best(Grade::Gone, _) => Err(lost()),
            Choice::Best(_, place) => {
                let part = self.parts.get_mut(place.part).ok_or_else(lost)?;
                part.rows.set(place.hit.row);
                Ok(Marked::Now(place))
            }
        }
    }

    /// Returns the pack that a copy is in.
    ///
    /// # Errors
    ///
    /// `Damaged` naming a segment of which a page cannot be read.
    pub(crate) fn pack_of(&self, place: &Place) -> Result<Arc<PackInfo>> {
        let gone = || Error::new(ErrorKind::Internal, "a copy that is in no segment");
        let part = self.parts.get(place.part).ok_or_else(gone)?;
        let frame = part.segment.frame(place.hit.frame)?;
        let pack = part.segment.packs.get(frame.pack as usize);
        pack.cloned().ok_or_else(gone)
    }

    /// Says whether the copy of a blob in one frame is the one that is needed. `part` is where the pack is mapped, if it is in one part
    /// only; see [`packs`](Self::packs).
    ///
    /// # Errors
    ///
    /// `Damaged` naming a segment of which a page cannot be read.
    pub(crate) fn is_needed(
        &self,
        id: &Id,
        pack: &ObjectHash,
        position: u32,
        part: Option<usize>,
    ) -> Result<bool> {
        let parts = match part {
            Some(part) => self.parts.get(part..=part),
            None => Some(self.parts.as_slice()),
        };
        let mut hits = Vec::new();
        for part in parts.unwrap_or_default() {
            hits.clear();
            part.segment.find_rows(id, &mut hits)?;
            for hit in hits.iter().filter(|hit| part.rows.get(hit.row)) {
                let frame = part.segment.frame(hit.frame)?;
                let found = part.segment.packs.get(frame.pack as usize);
                if frame.position == position && found.is_some_and(|found| found.name == *pack) {
                    return Ok(true);
                }
            }
        }
        Ok(false)
    }

    /// Returns the packs that segments map, as often as segments map them, and in which part each time.
    pub(crate) fn packs(&self) -> impl Iterator<Item = (usize, &Arc<PackInfo>)> {
        let parts = self.parts.iter().enumerate();
        parts.flat_map(|(at, part)| part.segment.packs.iter().map(move |pack| (at, pack)))
    }

    /// Returns how many rows are marked, which is how many blobs are needed.
    pub(crate) fn count(&self) -> u64 {
        self.parts.iter().map(|part| part.rows.count()).sum()
    }

    /// Returns how many rows there are.
    pub(crate) fn rows(&self) -> u64 {
        self.parts.iter().map(|part| part.segment.entries()).sum()
    }

    /// Calls `each` with every frame of every segment. A frame that several segments map comes as often.
    ///
    /// # Errors
    ///
    /// `Damaged` naming a segment of which a page cannot be read; those of `each`.
    pub(crate) fn tally(&self, mut each: impl FnMut(FrameTally<'_>) -> Result<()>) -> Result<()> {
        for part in &self.parts {
            let frames = u64::from(part.segment.frames());
            let (mut live, mut dead) = (Bitmap::new(frames), Bitmap::new(frames));
            let mut row = 0;
            part.segment.each_entry(|entry| {
                let side = if part.rows.get(row) {
                    &mut live
                } else {
                    &mut dead
                };
                side.set(u64::from(entry.frame));
                row += 1;
                Ok(())
            })?;
            let mut at = 0;
            part.segment.each_frame(|frame| {
                let tally = part
                    .segment
                    .packs
                    .get(frame.pack as usize)
                    .map(|pack| FrameTally {
                        pack,
                        position: frame.position,
                        stored_len: frame.stored_len,
                        is_live: live.get(at),
                        is_dead: dead.get(at),
                    });
                at += 1;
                tally.map_or(Ok(()), &mut each)
            })?;
        }
        Ok(())
    }

    fn adopt(&mut self, index: &Index) -> Result<()> {
        let known: BTreeSet<ObjectHash> = self.parts.iter().map(|part| part.segment.name).collect();
        // In what order the index loaded them depends on this client; which copy is chosen must not.
        let mut new: Vec<_> = index.parts.iter().collect();
        new.retain(|part| !known.contains(&part.segment.name));
        new.sort_by_key(|part| part.segment.name);
        for part in new {
            let mut part = Part {
                segment: Arc::clone(&part.segment),
                standing: part.standing.clone(),
                rows: Bitmap::new(part.segment.entries()),
                flawed: None,
            };
            part.find_flawed(&self.weak)?;
            self.parts.push(part);
        }
        Ok(())
    }
}

impl Part {
    /// Looks for copies of a blob that are better than what was chosen so far.
    fn choose(
        &self,
        at: usize,
        id: &Id,
        hits: &mut Vec<EntryHit>,
        (doomed, weak): (&BTreeSet<ObjectHash>, &WeakFrames),
        choice: &mut Choice,
    ) -> Result<()> {
        if matches!(choice, Choice::Marked) {
            return Ok(());
        }
        hits.clear();
        self.segment.find_rows(id, hits)?;
        for hit in hits.iter() {
            if self.rows.get(hit.row) {
                *choice = Choice::Marked;
            }
            let grade = match choice {
                Choice::Marked => return Ok(()),
                Choice::None | Choice::Best(..) => self.grade(hit, doomed, weak)?,
            };
            if !matches!(choice, Choice::Best(best, _) if *best <= grade) {
                *choice = Choice::Best(
                    grade,
                    Place {
                        part: at,
                        hit: *hit,
                    },
                );
            }
        }
        Ok(())
    }

    /// Finds the frames that are not simply good, so that nothing need be read of all the others.
    fn find_flawed(&mut self, weak: &WeakFrames) -> Result<()> {
        let rows = self.standing.iter().zip(&self.segment.packs);
        let good: Vec<bool> = rows
            .map(|(standing, pack)| {
                matches!(standing, Standing::InForce) && !weak.contains_key(&pack.name)
            })
            .collect();
        self.flawed = None;
        if !good.contains(&false) {
            return Ok(());
        }
        let mut flawed = Bitmap::new(u64::from(self.segment.frames()));
        let mut at = 0;
        self.segment.each_frame(|frame| {
            if good.get(frame.pack as usize) != Some(&true) {
                flawed.set(at);
            }
            at += 1;
            Ok(())
        })?;
        self.flawed = Some(flawed);
        Ok(())
    }

    fn grade(
        &self,
        hit: &EntryHit,
        doomed: &BTreeSet<ObjectHash>,
        weak: &WeakFrames,
    ) -> Result<Grade> {
        let flawed = self.flawed.as_ref();
        if doomed.is_empty() && !flawed.is_some_and(|flawed| flawed.get(u64::from(hit.frame))) {
            return Ok(Grade::Good);
        }
        let frame = self.segment.frame(hit.frame)?;
        let row = frame.pack as usize;
        let pack = self.segment.packs.get(row);
        let weak = pack.and_then(|pack| weak.get(&pack.name));
        let is_weak = weak.is_some_and(|frames| frames.contains(&frame.position));
        Ok(match self.standing.get(row) {
            Some(Standing::InForce | Standing::Condemned) if is_weak => Grade::Weak,
            Some(Standing::InForce) => self.grade_of_good(row, doomed),
            Some(Standing::Condemned) => Grade::Condemned,
            Some(Standing::Damaged(frames))
                if !frames.is_empty() && !frames.contains(&frame.position) =>
            {
                self.grade_of_good(row, doomed)
            }
            Some(Standing::Damaged(_)) => Grade::Damaged,
            Some(Standing::Gone) | None => Grade::Gone,
        })
    }

    fn grade_of_good(&self, row: usize, doomed: &BTreeSet<ObjectHash>) -> Grade {
        let pack = self.segment.packs.get(row);
        match pack.is_some_and(|pack| doomed.contains(&pack.name)) {
            true => Grade::Doomed,
            false => Grade::Good,
        }
    }
}
