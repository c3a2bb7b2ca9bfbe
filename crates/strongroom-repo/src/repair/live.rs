//! What snapshots need of what is bad: a walk of the engine's own through all of them, by their reference lists alone.

use std::collections::{BTreeMap, BTreeSet, HashMap, HashSet};

use strongroom_crypt::Id;
use strongroom_format::{EntryRow, ObjectHash, PackClass, Page, Ref, RefKind};

use super::exam::{Exam, is_retired};
use super::look::Look;
use crate::blobs::{DATA, NAMES, PAGE};
use crate::error::Result;
use crate::index::{Prefix, is_loss};

/// What was found by walking through snapshots. Memory: the bad frames' blobs; ids of pages, at most [`REMEMBERED_PAGES`] of the sound
/// ones; and one page of each height.
pub(crate) struct Live<'a> {
    look: &'a Look<'a>,
    exams: &'a BTreeMap<ObjectHash, Exam>,
    /// The blobs of the bad frames of each pack.
    blobs_of: BTreeMap<ObjectHash, Vec<Prefix>>,
    suspects: HashSet<Prefix>,
    /// What is in bad packs that have a source.
    curable: HashSet<Prefix>,
    /// Of suspects that were asked for: the pack and segment that have another good copy, if there are.
    cover: HashMap<Prefix, Option<(ObjectHash, ObjectHash)>>,
    /// Suspects that snapshots need.
    live: HashSet<Prefix>,
    /// What cannot be read at all.
    pub(crate) lost: HashSet<Id>,
    pub(crate) lost_pages: HashSet<Id>,
    /// Pages at or below which something is lost.
    pub(crate) dirty: HashSet<Id>,
    clean: HashSet<Id>,
    /// A page is lost, so what is needed is not known.
    is_incomplete: bool,
    /// Packs in force are mapped by nothing that can be read, so that nothing says what is in them: every reference is looked up.
    looks_up_all: bool,
    /// The packs and segments that were found by that.
    looked_up: BTreeSet<ObjectHash>,
    /// Something can be read only where nobody should rely on it.
    is_shaky: bool,
    /// Snapshots that were walked.
    pub(crate) walked: BTreeSet<Id>,
    /// Those of them that lack something, by the numbers of their entries.
    pub(crate) affected: Vec<u64>,
}

/// A page that is being walked.
struct Level {
    page: Id,
    refs: std::vec::IntoIter<Ref>,
    is_dirty: bool,
}

/// What is true of a blob that a snapshot needs.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Standing {
    Fine,
    Lost,
}

impl<'a> Live<'a> {
    /// Finds out what is in the bad frames of packs.
    ///
    /// # Errors
    ///
    /// `Damaged` naming a segment of which a page cannot be read.
    pub(super) fn new(look: &'a Look<'a>, exams: &'a BTreeMap<ObjectHash, Exam>) -> Result<Self> {
        let mut blobs_of: BTreeMap<ObjectHash, Vec<Prefix>> = BTreeMap::new();
        let stays = |exam: &Exam| !exam.newer && !exam.moves_whole(&look.retired);
        let bad = |exam: &&Exam| exam.is_damaged() || stays(exam);
        for exam in exams.values().filter(bad) {
            let blobs = blobs_of.entry(exam.pack.name).or_default();
            let Some((_, header)) = &exam.header else {
                continue;
            };
            for (position, frame) in (0_u32..).zip(&header.frames) {
                if exam.is_bad(position) || is_retired(header, frame.key, &look.retired) {
                    let of_frame = header.frame_blobs(position as usize);
                    blobs.extend(of_frame.iter().map(|blob| EntryRow::prefix_of(&blob.id)));
                }
            }
        }
        let headless = |name: &ObjectHash| {
            let exam = exams.get(name);
            exam.is_some_and(|exam| exam.is_damaged() && exam.header.is_none())
        };
        look.index.each_blob_of(headless, |prefix, pack, _| {
            blobs_of.entry(*pack).or_default().push(prefix);
            Ok(())
        })?;
        let suspects = blobs_of.values().flatten().copied().collect();
        Ok(Self {
            look,
            exams,
            blobs_of,
            suspects,
            curable: HashSet::new(),
            cover: HashMap::new(),
            live: HashSet::new(),
            lost: HashSet::new(),
            lost_pages: HashSet::new(),
            dirty: HashSet::new(),
            clean: HashSet::new(),
            is_incomplete: false,
            looks_up_all: !look
                .index
                .unmapped(&look.state, &BTreeSet::new())?
                .is_empty(),
            looked_up: BTreeSet::new(),
            is_shaky: false,
            walked: BTreeSet::new(),
            affected: Vec::new(),
        })
    }

    /// Takes only these packs for bad: what is wrong with others is about to be repaired.
    pub(super) fn only(mut self, packs: &BTreeSet<ObjectHash>) -> Self {
        let curable = self
            .blobs_of
            .iter()
            .filter(|(pack, _)| !packs.contains(*pack));
        self.curable = curable.flat_map(|(_, blobs)| blobs).copied().collect();
        self.blobs_of.retain(|pack, _| packs.contains(pack));
        self.suspects = self.blobs_of.values().flatten().copied().collect();
        self
    }

    /// Walks all snapshots in force.
    ///
    /// # Errors
    ///
    /// What the store says when it cannot be reached.
    pub(super) fn walk(&mut self) -> Result<()> {
        let state = self.look.state.clone();
        for (n, (id, snapshot)) in &state.snapshots {
            if self.walk_tree(&snapshot.root)? {
                self.affected.push(*n);
            }
            self.walked.insert(*id);
        }
        Ok(())
    }

    /// Says whether nothing that a snapshot needs would be lost with the bad frames of a pack; and on which packs and segments that
    /// stands.
    ///
    /// # Errors
    ///
    /// What the store says when it cannot be reached.
    pub(super) fn allows(&mut self, pack: &ObjectHash) -> Result<Option<BTreeSet<ObjectHash>>> {
        let mut relied = BTreeSet::new();
        let blobs = self.blobs_of.get(pack).cloned().unwrap_or_default();
        // Of a pack that nothing maps and whose header is lost, nobody knows what is in it.
        let headless = self
            .exams
            .get(pack)
            .is_some_and(|exam| exam.header.is_none());
        if headless && blobs.is_empty() {
            // Then every reference was looked up, so whatever is in it is elsewhere too, if nothing is lost and nothing is in doubt.
            let is_needless = !self.is_incomplete && !self.is_shaky && self.lost.is_empty();
            return Ok(is_needless.then(|| self.looked_up.clone()));
        }
        for prefix in blobs {
            if !self.is_incomplete && !self.live.contains(&prefix) {
                continue;
            }
            match self.cover(&prefix)? {
                Some((pack, segment)) => relied.extend([pack, segment]),
                None => return Ok(None),
            }
        }
        Ok(Some(relied))
    }

    /// Walks what is below a page; says whether something of it is lost.
    pub(super) fn walk_tree(&mut self, root: &Id) -> Result<bool> {
        let mut stack = Vec::new();
        if let Some(is_dirty) = self.enter(root, &mut stack)? {
            return Ok(is_dirty);
        }
        let mut is_dirty = false;
        while let Some(level) = stack.last_mut() {
            let Some(reference) = level.refs.next() else {
                let Some(level) = stack.pop() else { break };
                is_dirty = level.is_dirty;
                self.leave(&level);
                if let Some(above) = stack.last_mut() {
                    above.is_dirty |= is_dirty;
                }
                continue;
            };
            let found = match reference.kind {
                RefKind::Zeros => Some(false),
                RefKind::Data => Some(self.stands(&reference.id, DATA)? == Standing::Lost),
                RefKind::Names => Some(self.stands(&reference.id, NAMES)? == Standing::Lost),
                RefKind::Page => self.enter(&reference.id, &mut stack)?,
            };
            if let (Some(true), Some(level)) = (found, stack.last_mut()) {
                level.is_dirty = true;
            }
        }
        Ok(is_dirty)
    }

    /// Goes into a page, or says whether something at or below it is lost if that is known.
    fn enter(&mut self, page: &Id, stack: &mut Vec<Level>) -> Result<Option<bool>> {
        self.look.remote.before_step()?;
        if self.clean.contains(page) {
            return Ok(Some(false));
        }
        if self.dirty.contains(page) {
            return Ok(Some(true));
        }
        self.note_live(page);
        self.is_shaky |= !self.look_up(page)?;
        let read = match self.look.blobs.read(PAGE, page) {
            Ok(bytes) => Page::decode(&bytes).ok(),
            Err(error) if is_loss(&error) => None,
            Err(error) => return Err(error),
        };
        let Some(read) = read else {
            self.is_incomplete = true;
            if self.curable.contains(&EntryRow::prefix_of(page)) {
                return Ok(Some(false));
            }
            self.lost.insert(*page);
            self.lost_pages.insert(*page);
            self.dirty.insert(*page);
            return Ok(Some(true));
        };
        stack.push(Level {
            page: *page,
            refs: read.refs.into_iter(),
            is_dirty: false,
        });
        Ok(None)
    }

    fn leave(&mut self, level: &Level) {
        if level.is_dirty {
            self.dirty.insert(level.page);
        } else if self.clean.len() < REMEMBERED_PAGES {
            self.clean.insert(level.page);
        }
    }

    /// Says whether a blob that a snapshot needs can be read.
    fn stands(&mut self, id: &Id, kind: u8) -> Result<Standing> {
        if self.lost.contains(id) {
            return Ok(Standing::Lost);
        }
        let is_suspect = self.note_live(id);
        let is_nowhere = !self.look_up(id)?;
        let covered = is_suspect && self.cover(&EntryRow::prefix_of(id))?.is_some();
        if (!is_suspect || covered) && !is_nowhere {
            return Ok(Standing::Fine);
        }
        // It may be found where nobody should rely on it, such as in a pack that was dropped and is not deleted.
        match self.look.blobs.read(kind, id) {
            Ok(_) => {
                self.is_shaky = true;
                Ok(Standing::Fine)
            }
            Err(error) if is_loss(&error) => {
                self.lost.insert(*id);
                if kind == NAMES {
                    self.lost_pages.insert(*id);
                }
                Ok(Standing::Lost)
            }
            Err(error) => Err(error),
        }
    }

    /// Looks a blob up, if everything is to be; says whether there is a copy to rely on, as far as it is known.
    fn look_up(&mut self, id: &Id) -> Result<bool> {
        if !self.looks_up_all {
            return Ok(true);
        }
        let found = self.look.index.grounds(id)?.into_iter().next();
        let names = found.map(|(location, segment)| [location.pack.name, segment]);
        let is_there = names.is_some();
        self.looked_up.extend(names.into_iter().flatten());
        Ok(is_there)
    }

    /// Notes that a snapshot needs a blob; says whether a copy of it is bad.
    fn note_live(&mut self, id: &Id) -> bool {
        let prefix = EntryRow::prefix_of(id);
        let is_suspect = self.suspects.contains(&prefix);
        if is_suspect {
            self.live.insert(prefix);
        }
        is_suspect
    }

    /// Returns the pack and the segment of a copy that is good, by the word of the pack itself.
    fn cover(&mut self, prefix: &Prefix) -> Result<Option<(ObjectHash, ObjectHash)>> {
        if let Some(known) = self.cover.get(prefix) {
            return Ok(*known);
        }
        let found = self.find_cover(prefix)?;
        self.cover.insert(*prefix, found);
        Ok(found)
    }

    fn find_cover(&self, prefix: &Prefix) -> Result<Option<(ObjectHash, ObjectHash)>> {
        let look = self.look;
        let mut bytes = [0; 32];
        bytes
            .iter_mut()
            .zip(prefix)
            .for_each(|(to, from)| *to = *from);
        for (location, segment) in look.index.grounds(&Id::from_bytes(bytes))? {
            let name = location.pack.name;
            let exam = self.exams.get(&name);
            if exam.is_some_and(|exam| exam.is_damaged() && exam.is_bad(location.position)) {
                continue;
            }
            let header = match look.blobs.header(&location.pack) {
                Ok(header) => header,
                Err(error) if is_loss(&error) => continue,
                Err(error) => return Err(error),
            };
            let at = location.position as usize;
            let Some(frame) = header.frames.get(at) else {
                continue;
            };
            let is_page = frame.kind == PAGE;
            let blobs = header.frame_blobs(at);
            let has = blobs
                .iter()
                .any(|blob| EntryRow::prefix_of(&blob.id) == *prefix);
            // Who prunes looks for pages in packs of pages only.
            let is_placed = is_page == (location.pack.class == PackClass::Pages);
            if has && is_placed && !is_retired(&header, frame.key, &look.retired) {
                return Ok(Some((name, segment)));
            }
        }
        Ok(None)
    }
}

/// Sound pages that are remembered: 32 MiB. Beyond that, some are walked more than once.
const REMEMBERED_PAGES: usize = 1 << 20;
