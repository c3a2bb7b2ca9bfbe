//! Which rows of the index are needed: one bit a row.

mod confirm;
mod mapped;
mod needed;

pub(crate) use self::needed::Needed;
use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use strongroom_crypt::Id;
use strongroom_format::{FrameRow, ObjectHash, PackClass};

use crate::error::{Error, ErrorKind, Result};
use crate::index::Index;
use crate::index::bitmap::Bitmap;
use crate::index::filter::IdFilter;
use crate::index::segment::{EntryHit, Segment, key_of};
use crate::index::standing::{Standing, Standings};
use crate::index::walk::Walk;
use crate::packs::PackInfo;
use crate::state::State;

/// For every row of the segments in force, whether it is needed. Of all the copies of a blob one is marked, and which one depends
/// on the state alone, so that two who prune the same state keep the same copies. Where no copy is one to rely on, all are: none
/// of them may be the reason why another goes.
///
/// Memory: a bit a row and one a frame, about 80 bytes a pack, and another a frame for segments that name packs which are not simply good.
#[derive(Debug)]
pub(crate) struct Marks {
    parts: Vec<Part>,
    weak: WeakFrames,
    /// Packs that are about to go.
    doomed: BTreeSet<ObjectHash>,
}

#[derive(Debug)]
struct Part {
    segment: Arc<Segment>,
    filter: Arc<IdFilter>,
    /// The segment's packs, by row.
    packs: Vec<Arc<PackInfo>>,
    /// What is said of them.
    standing: Standings,
    rows: Bitmap,
    /// The frames of packs that are not simply good; `None` if there is no such pack.
    flawed: Option<Bitmap>,
    /// The frames of packs of pages.
    pages: Bitmap,
    /// Marked rows of blobs that have other copies, and of which it is not known yet whether their packs have them.
    rivals: Option<Bitmap>,
    /// Rows of which it is known that they are wrong.
    refuted: Option<Bitmap>,
}

/// What a reference says that a blob is. Whoever may write can refer to a page of somebody else's as if it were content:
/// that it is needed as content does not say that what it refers to is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Kind {
    Page,
    Content,
}

/// Frames that do not count as stored where there is another copy: by pack, their positions; all of a pack when there are none.
pub(crate) type WeakFrames = BTreeMap<ObjectHash, BTreeSet<u32>>;

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
    /// This is the best that is not gone, and whether there are others.
    Best(Grade, Place, bool),
    /// One is marked.
    Marked,
}

/// A frame of a pack as the index has it, and what of it is needed.
#[derive(Debug, Clone, Copy)]
pub(crate) struct FrameTally<'a> {
    pub(crate) pack: &'a Arc<PackInfo>,
    pub(crate) position: u32,
    pub(crate) stored_len: u32,
    /// How many rows of it are marked.
    pub(crate) live_rows: u32,
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
            part.standing = Standings::of(&part.segment, state)?;
            part.find_flawed(&self.weak)?;
        }
        self.adopt(index)
    }

    /// Says which packs are about to go. From now on every copy of what is marked is: there is no more [`confirm`](Self::confirm).
    pub(crate) fn doom(&mut self, packs: BTreeSet<ObjectHash>) {
        self.doomed = packs;
    }

    /// Marks a blob, unless a copy of it is marked: says whether it did, and `tell` hears of each copy that it marked. Pages are looked for in packs of pages only, and content in the others only.
    ///
    /// # Errors
    ///
    /// `Damaged` when no pack in force has it as what it is said to be, or naming a segment of which a page cannot be read; those of
    /// `tell`.
    pub(crate) fn mark(
        &mut self,
        id: &Id,
        kind: Kind,
        tell: impl FnMut(&Self, Place) -> Result<()>,
    ) -> Result<bool> {
        let mut choice = Choice::None;
        let mut hits = Vec::new();
        for (at, part) in self.parts.iter().enumerate() {
            if matches!(choice, Choice::Marked) {
                break;
            }
            hits.clear();
            part.find_rows(id, &mut hits)?;
            let grounds = (&self.doomed, &self.weak);
            part.choose((at, kind), &hits, grounds, &mut choice)?;
        }
        self.settle(id, kind, choice, tell)
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
        kind: Kind,
        mut tell: impl FnMut(&Self, Place) -> Result<()>,
    ) -> Result<()> {
        let mut choices = vec![Choice::None; ids.len()];
        let mut hits = Vec::new();
        for (at, part) in self.parts.iter().enumerate() {
            let grounds = (&self.doomed, &self.weak);
            let mut walk = Walk::new(&part.segment);
            for (id, choice) in ids.iter().zip(&mut choices) {
                if !matches!(choice, Choice::Marked) {
                    hits.clear();
                    if part.may_have(id) {
                        walk.find_rows(id, &mut hits)?;
                    }
                    part.choose((at, kind), &hits, grounds, choice)?;
                }
            }
        }
        for (id, choice) in ids.iter().zip(choices) {
            self.settle(id, kind, choice, &mut tell)?;
        }
        Ok(())
    }

    /// Returns all copies that are not gone.
    fn copies(&self, id: &Id, kind: Kind) -> Result<Vec<Place>> {
        let mut copies = Vec::new();
        let mut hits = Vec::new();
        for (at, part) in self.parts.iter().enumerate() {
            hits.clear();
            part.find_rows(id, &mut hits)?;
            for hit in hits.iter().filter(|hit| part.is_kind(hit, kind)) {
                if part.grade(hit, &self.doomed, &self.weak)? < Grade::Gone {
                    copies.push(Place {
                        part: at,
                        hit: *hit,
                    });
                }
            }
        }
        Ok(copies)
    }

    /// Marks the copy that was chosen, or all where it is not one to rely on. Says whether none was marked before.
    fn settle(
        &mut self,
        id: &Id,
        kind: Kind,
        choice: Choice,
        mut tell: impl FnMut(&Self, Place) -> Result<()>,
    ) -> Result<bool> {
        let lost = || {
            let what = format!("no pack in force has the blob {id}, which a snapshot needs");
            Error::new(ErrorKind::Damaged, what)
        };
        let (grade, best, has_rivals) = match choice {
            Choice::Marked => return Ok(false),
            Choice::None => return Err(lost()),
            Choice::Best(grade, best, has_rivals) => (grade, best, has_rivals),
        };
        // Once something is about to go, no copy is taken for another that goes: nobody asks its pack any more.
        if grade < Grade::Weak && (self.doomed.is_empty() || !has_rivals) {
            let part = self.parts.get_mut(best.part).ok_or_else(lost)?;
            part.rows.set(best.hit.row);
            if has_rivals {
                let rows = part.segment.entries();
                let rivals = part.rivals.get_or_insert_with(|| Bitmap::new(rows));
                rivals.set(best.hit.row);
            }
            tell(self, best)?;
            return Ok(true);
        }
        for place in self.copies(id, kind)? {
            if let Some(part) = self.parts.get_mut(place.part) {
                part.rows.set(place.hit.row);
            }
            tell(self, place)?;
        }
        Ok(true)
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
        let pack = part.packs.get(frame.pack as usize);
        pack.cloned().ok_or_else(gone)
    }

    /// Returns the packs that segments map, as often as segments map them, and in which part each time.
    pub(crate) fn packs(&self) -> impl Iterator<Item = (usize, &Arc<PackInfo>)> {
        let parts = self.parts.iter().enumerate();
        parts.flat_map(|(at, part)| part.packs.iter().map(move |pack| (at, pack)))
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
            let mut live = vec![0_u32; usize::try_from(frames).unwrap_or(usize::MAX)];
            let mut dead = Bitmap::new(frames);
            let mut row = 0;
            part.segment.each_entry(|entry| {
                if !part.rows.get(row) {
                    dead.set(u64::from(entry.frame));
                } else if let Some(rows) = live.get_mut(entry.frame as usize) {
                    *rows = rows.saturating_add(1);
                }
                row += 1;
                Ok(())
            })?;
            let mut at: u32 = 0;
            part.segment.each_frame(|frame| {
                let tally = part.packs.get(frame.pack as usize).map(|pack| FrameTally {
                    pack,
                    position: frame.position,
                    stored_len: frame.stored_len,
                    live_rows: live.get(at as usize).copied().unwrap_or(0),
                    is_dead: dead.get(u64::from(at)),
                });
                at = at.saturating_add(1);
                tally.map_or(Ok(()), &mut each)
            })?;
        }
        Ok(())
    }

    fn adopt(&mut self, index: &Index) -> Result<()> {
        // It has the filters anyway, so nobody else need have more.
        index.route_by_filters();
        let known: BTreeSet<ObjectHash> = self.parts.iter().map(|part| part.segment.name).collect();
        // In what order the index loaded them depends on this client; which copy is chosen must not.
        let mut new: Vec<_> = index.parts.iter().collect();
        new.retain(|part| !known.contains(&part.segment.name));
        new.sort_by_key(|part| part.segment.name);
        for part in new {
            let mut part = Part {
                segment: Arc::clone(&part.segment),
                filter: part.segment.filter()?,
                packs: part.segment.all_packs()?,
                standing: part.standing.clone(),
                rows: Bitmap::new(part.segment.entries()),
                flawed: None,
                pages: Bitmap::new(u64::from(part.segment.frames())),
                rivals: None,
                refuted: None,
            };
            part.find_pages()?;
            part.find_flawed(&self.weak)?;
            self.parts.push(part);
        }
        Ok(())
    }
}

impl Part {
    /// Finds the frames of packs of pages.
    fn find_pages(&mut self) -> Result<()> {
        let packs = &self.packs;
        let pages = &mut self.pages;
        let mut at = 0;
        self.segment.each_frame(|frame| {
            let pack = packs.get(frame.pack as usize);
            if pack.is_some_and(|pack| pack.class == PackClass::Pages) {
                pages.set(at);
            }
            at += 1;
            Ok(())
        })
    }

    fn find_rows(&self, id: &Id, hits: &mut Vec<EntryHit>) -> Result<()> {
        match self.may_have(id) {
            true => self.segment.find_rows(id, hits),
            false => Ok(()),
        }
    }

    fn may_have(&self, id: &Id) -> bool {
        self.filter.may_contain(key_of(id.as_bytes()))
    }

    fn is_kind(&self, hit: &EntryHit, kind: Kind) -> bool {
        self.pages.get(u64::from(hit.frame)) == (kind == Kind::Page)
    }

    /// Looks for copies of a blob that are better than what was chosen so far among all that this part has.
    fn choose(
        &self,
        (at, kind): (usize, Kind),
        hits: &[EntryHit],
        (doomed, weak): (&BTreeSet<ObjectHash>, &WeakFrames),
        choice: &mut Choice,
    ) -> Result<()> {
        for hit in hits.iter().filter(|hit| self.is_kind(hit, kind)) {
            if self.rows.get(hit.row) {
                *choice = Choice::Marked;
                return Ok(());
            }
            let grade = self.grade(hit, doomed, weak)?;
            let place = Place {
                part: at,
                hit: *hit,
            };
            if grade < Grade::Gone {
                *choice = match *choice {
                    Choice::Best(best, first, _) if best <= grade => {
                        Choice::Best(best, first, true)
                    }
                    Choice::Best(..) => Choice::Best(grade, place, true),
                    _ => Choice::Best(grade, place, false),
                };
            }
        }
        Ok(())
    }

    /// Finds the frames that are not simply good, so that nothing need be read of all the others.
    fn find_flawed(&mut self, weak: &WeakFrames) -> Result<()> {
        let rows = (0..).zip(&self.packs);
        let good: Vec<bool> = rows
            .map(|(row, pack)| {
                matches!(self.standing.get(row), Standing::InForce)
                    && !weak.contains_key(&pack.name)
            })
            .collect();
        let mut flawed = None;
        let frames = u64::from(self.segment.frames());
        let mut at = 0;
        self.segment.each_frame(|frame| {
            let row = frame.pack as usize;
            if good.get(row) != Some(&true) || !is_inside(frame, self.packs.get(row)) {
                flawed.get_or_insert_with(|| Bitmap::new(frames)).set(at);
            }
            at += 1;
            Ok(())
        })?;
        self.flawed = flawed;
        Ok(())
    }

    fn grade(
        &self,
        hit: &EntryHit,
        doomed: &BTreeSet<ObjectHash>,
        weak: &WeakFrames,
    ) -> Result<Grade> {
        if self.refuted.as_ref().is_some_and(|rows| rows.get(hit.row)) {
            return Ok(Grade::Weak);
        }
        let flawed = self.flawed.as_ref();
        if doomed.is_empty() && !flawed.is_some_and(|flawed| flawed.get(u64::from(hit.frame))) {
            return Ok(Grade::Good);
        }
        let frame = self.segment.frame(hit.frame)?;
        let row = frame.pack as usize;
        let pack = self.packs.get(row);
        if !is_inside(&frame, pack) {
            return Ok(Grade::Gone);
        }
        let weak = pack.and_then(|pack| weak.get(&pack.name));
        let is_weak =
            weak.is_some_and(|frames| frames.is_empty() || frames.contains(&frame.position));
        Ok(match self.standing.get(frame.pack) {
            Standing::InForce | Standing::Condemned if is_weak => Grade::Weak,
            Standing::InForce => self.grade_of_good(row, doomed),
            Standing::Condemned => Grade::Condemned,
            Standing::Damaged(frames)
                if !frames.is_empty() && !frames.contains(&frame.position) =>
            {
                self.grade_of_good(row, doomed)
            }
            Standing::Damaged(_) => Grade::Damaged,
            Standing::Gone => Grade::Gone,
        })
    }

    fn grade_of_good(&self, row: usize, doomed: &BTreeSet<ObjectHash>) -> Grade {
        let pack = self.packs.get(row);
        match pack.is_some_and(|pack| doomed.contains(&pack.name)) {
            true => Grade::Doomed,
            false => Grade::Good,
        }
    }
}

/// Says whether a frame lies inside its pack. A row that points elsewhere is as good as none.
fn is_inside(frame: &FrameRow, pack: Option<&Arc<PackInfo>>) -> bool {
    let end = u64::from(frame.offset) + u64::from(frame.stored_len);
    pack.is_some_and(|pack| end <= u64::from(pack.header_offset))
}
