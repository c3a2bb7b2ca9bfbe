//! Finding what snapshots need: their pages are followed, and everything they refer to is marked.

use std::collections::BTreeSet;

use strongroom_crypt::Id;
use strongroom_format::{ObjectHash, Page, Ref, RefKind};

use crate::blobs::{Blobs, PAGE};
use crate::edge::Remote;
use crate::error::{Error, ErrorKind, Result};
use crate::index::{Kind, Marks, in_order};
use crate::prune::spill::{Spill, SpillPlace};

/// Where the reference lists of pages come from.
pub(crate) trait Pages {
    /// Appends the references of a page to `refs`.
    ///
    /// # Errors
    ///
    /// `Damaged`, `NotFound` or `Incompatible` when there is no good copy; otherwise what the store said.
    fn references(&mut self, page: &Id, refs: &mut Vec<Ref>) -> Result<()>;
}

/// Reads pages out of packs.
#[derive(Debug)]
pub(crate) struct StoredPages<'a> {
    pub(crate) blobs: Blobs,
    pub(crate) remote: &'a Remote,
}

impl Pages for StoredPages<'_> {
    fn references(&mut self, page: &Id, refs: &mut Vec<Ref>) -> Result<()> {
        self.remote.before_step()?;
        let broken = |error| {
            Error::new(ErrorKind::Damaged, "a tree page breaks the format").caused_by(error)
        };
        let page = Page::decode(&self.blobs.read(PAGE, page)?).map_err(broken)?;
        refs.extend(page.refs);
        Ok(())
    }
}

/// Marks what trees need.
///
/// Pages are followed depth first, each once, whoever shares it. Names and content are gathered, sorted and looked up
/// together, so that the pages of the index are read in order, however large it is. What does not fit into memory is gathered in a file, if there
/// is a place for one: then every page of the index is read once for a snapshot, and otherwise once for each 262,144 ids.
///
/// Memory: the references of the pages from a root down to one leaf, and 32 MiB.
#[derive(Debug)]
pub(crate) struct Marker<'a, P> {
    marks: &'a mut Marks,
    pages: P,
    gathered: Vec<Id>,
    /// What was gathered before.
    spill: Option<Spill>,
    place: Option<SpillPlace>,
    to_follow: Vec<Id>,
    refs: Vec<Ref>,
    /// The packs of copies that are marked now, if somebody wants to know.
    touched: Option<&'a mut BTreeSet<ObjectHash>>,
    followed: u64,
}

/// Ids that are looked up together: 32 bytes each, and 40 for the copy that is chosen. Few in tests, so that what happens to many is tested.
const GATHERED: usize = if cfg!(test) { 8 } else { 1 << 18 };

impl<'a, P: Pages> Marker<'a, P> {
    pub(crate) fn new(marks: &'a mut Marks, pages: P) -> Self {
        Self {
            marks,
            pages,
            gathered: Vec::new(),
            spill: None,
            place: None,
            to_follow: Vec::new(),
            refs: Vec::new(),
            touched: None,
            followed: 0,
        }
    }

    /// Says where ids can be gathered that do not fit into memory.
    pub(crate) fn gathering_in(mut self, place: Option<SpillPlace>) -> Self {
        self.place = place;
        self
    }

    /// Notes from now on which packs the copies are in.
    pub(crate) fn telling(mut self, touched: &'a mut BTreeSet<ObjectHash>) -> Self {
        self.touched = Some(touched);
        self
    }

    /// Marks everything that the snapshot with this root needs.
    ///
    /// # Errors
    ///
    /// `Damaged` when no pack in force has a blob of it, as what it is referred to, or a part of the index cannot be read; those of the pages' reader.
    pub(crate) fn snapshot(&mut self, root: &Id) -> Result<()> {
        self.to_follow.push(*root);
        while let Some(page) = self.to_follow.pop() {
            if self.mark(&page, Kind::Page)? {
                self.follow(&page)?;
            }
        }
        self.flush()
    }

    /// Returns what is marked so far.
    pub(crate) fn marks(&self) -> &Marks {
        self.marks
    }

    /// Returns how many pages were followed.
    pub(crate) fn followed(&self) -> u64 {
        self.followed
    }

    fn follow(&mut self, page: &Id) -> Result<()> {
        self.followed += 1;
        let mut refs = std::mem::take(&mut self.refs);
        refs.clear();
        self.pages.references(page, &mut refs)?;
        for reference in &refs {
            match reference.kind {
                RefKind::Data | RefKind::Names => self.gathered.push(reference.id),
                RefKind::Page | RefKind::Zeros => {}
            }
        }
        // Children are stored in order, so the first is followed first.
        let children = refs.iter().rev().filter(|one| one.kind == RefKind::Page);
        self.to_follow.extend(children.map(|child| child.id));
        self.refs = refs;
        if self.gathered.len() >= GATHERED {
            self.set_aside()?;
        }
        Ok(())
    }

    /// Makes room for more ids: in a file, or by looking up what is there.
    fn set_aside(&mut self) -> Result<()> {
        if self.spill.is_none()
            && let Some(place) = &self.place
        {
            self.spill = Spill::new(place, self.marks.rows());
        }
        let Some(spill) = &mut self.spill else {
            return self.flush();
        };
        let takes_more = spill.take(&self.gathered);
        self.gathered.clear();
        if takes_more {
            return Ok(());
        }
        // The disk is full, or it fails. That is no reason not to prune.
        self.place = None;
        self.flush()?;
        self.spill = None;
        Ok(())
    }

    /// Marks everything that was gathered.
    fn flush(&mut self) -> Result<()> {
        let mut gathered = std::mem::take(&mut self.gathered);
        let (marks, touched) = (&mut *self.marks, &mut self.touched);
        let mut mark = |ids: &[Id]| {
            marks.mark_sorted(ids, Kind::Content, |marks, place| {
                if let Some(touched) = touched {
                    touched.insert(marks.pack_of(&place)?.name);
                }
                Ok(())
            })
        };
        match &mut self.spill {
            Some(spill) => {
                spill.take(&gathered);
                spill.drain(mark)?;
            }
            None => {
                gathered.sort_unstable_by(in_order);
                gathered.dedup();
                mark(&gathered)?;
            }
        }
        gathered.clear();
        self.gathered = gathered;
        Ok(())
    }

    /// Marks a blob; says whether it was not marked before.
    fn mark(&mut self, id: &Id, kind: Kind) -> Result<bool> {
        let touched = &mut self.touched;
        self.marks.mark(id, kind, |marks, place| {
            if let Some(touched) = touched {
                touched.insert(marks.pack_of(&place)?.name);
            }
            Ok(())
        })
    }
}
