//! Trees of snapshots, from the signed roots down.
//!
//! Ids of pages were recomputed when their packs were read. Here every page that a snapshot needs is looked at once, however many
//! snapshots share it: its references against what packs really hold, its heights and sums against the pages below, and, with the
//! content keys, its names against its references.

mod names;
mod nodes;
mod pass;
mod summary;
mod table;

use std::collections::{HashMap, HashSet};

use strongroom_crypt::Id;
use strongroom_format::Snapshot;

use crate::content::Sink;
use crate::pack::FoundPage;
use crate::{Area, Level, Problem, Severity, Subject};

pub(crate) use nodes::{Counts, Flaw, look, page_positions, refs_of};
pub(crate) use table::{MISSING, PageTable};

/// The trees of the selected snapshots.
#[derive(Debug)]
pub(crate) struct Tree {
    pub(crate) pages: PageTable,
    pub(crate) roots: Vec<Root>,
    /// Blobs and pages that are needed and have no good copy; no more than [`MOST_LOST`].
    pub(crate) lost: HashSet<Id>,
    pub(crate) lost_count: u64,
    /// References that cannot be followed although what they are to is there: page and id.
    unusable: HashSet<(u32, Id)>,
    /// For each page with names, where those are: pack, frame, number of the page.
    pub(crate) names_at: Vec<(u32, u32, u32)>,
    /// What the names of each page say, where they were read.
    pub(crate) counts: Vec<Option<Counts>>,
    /// First and last name in pages that hang below an interior page.
    bounds: HashMap<u32, (Vec<u8>, Vec<u8>)>,
    /// By page: an interior page refers to it.
    below_interior: Vec<bool>,
    /// By page: an entry of it belongs to a link set.
    own_links: Vec<bool>,
    /// Needed blobs with a damaged copy and a good one.
    pub(crate) spared: u64,
    is_first: bool,
    not_indexed: u64,
    divisions: u64,
    refs: u64,
}

/// The root of a snapshot's tree.
#[derive(Debug, Clone)]
pub(crate) struct Root {
    pub(crate) snapshot: Id,
    pub(crate) details: Snapshot,
    /// None if there is no good copy of it.
    pub(crate) page: Option<u32>,
}

impl Tree {
    /// Joins the pages that were found, and marks those that snapshots need.
    pub(crate) fn new(found: Vec<(u32, FoundPage)>, snapshots: &[(Id, Snapshot)]) -> Self {
        let mut pages = PageTable::new(found);
        let roots: Vec<Root> = snapshots
            .iter()
            .map(|(snapshot, details)| Root {
                snapshot: *snapshot,
                page: pages.find(&details.root),
                details: details.clone(),
            })
            .collect();
        pages.mark_live(roots.iter().filter_map(|root| root.page));
        let mut below_interior = vec![false; pages.len()];
        for (number, page) in pages.iter() {
            if page.is_directory() && !page.is_leaf() {
                for link in pages.links(number) {
                    if let Some(slot) = below_interior.get_mut(*link as usize) {
                        *slot = true;
                    }
                }
            }
        }
        Self {
            own_links: vec![false; pages.len()],
            below_interior,
            pages,
            roots,
            lost: HashSet::new(),
            lost_count: 0,
            unusable: HashSet::new(),
            names_at: Vec::new(),
            counts: Vec::new(),
            bounds: HashMap::new(),
            spared: 0,
            is_first: true,
            not_indexed: 0,
            divisions: 0,
            refs: 0,
        }
    }

    /// Says which roots are missing, and which pages contradict the pages below them.
    pub(crate) fn check_links(&mut self, sink: &mut Sink) {
        sink.started(crate::Stage::Trees);
        sink.count(
            Area::Snapshots,
            Level::Authenticated,
            self.roots.len() as u64,
            0,
        );
        for at in 0..self.roots.len() {
            let Some(root) = self.roots.get(at) else {
                continue;
            };
            let snapshot = root.snapshot;
            match root.page.and_then(|page| self.pages.get(page)) {
                None => {
                    let id = root.details.root;
                    self.lose(&id);
                    sink.say(
                        Severity::Loss,
                        Subject::Snapshot(snapshot),
                        Problem::SnapshotDamaged,
                        Level::Authenticated,
                        "no good copy of its root",
                    );
                }
                Some(page) if !page.is_directory() => sink.say(
                    Severity::Loss,
                    Subject::Snapshot(snapshot),
                    Problem::SnapshotDamaged,
                    Level::Authenticated,
                    "its root is no directory",
                ),
                Some(_) => {}
            }
        }
        for flaw in self.pages.take_flaws() {
            let Some(info) = self.pages.get(flaw.page).filter(|page| page.is_live()) else {
                continue;
            };
            let subject = Subject::Page(info.id);
            let (problem, level) = (Problem::BadTree, Level::Authenticated);
            sink.say(Severity::Damage, subject, problem, level, flaw.what);
            if let Some(child) = flaw.child {
                self.pages.hit(flaw.page, level);
                self.unusable.insert((flaw.page, child));
            }
        }
    }

    /// Says what is known when all references were looked at.
    pub(crate) fn finish(&self, sink: &mut Sink) {
        let live = self.pages.iter().filter(|(_, page)| page.is_live()).count();
        sink.count(
            Area::Pages,
            Level::Authenticated,
            live as u64,
            40 * self.refs,
        );
        if self.not_indexed > MOST_NAMED {
            let detail = format!("{} blobs that snapshots need", self.not_indexed);
            let subject = Subject::Repository;
            let (problem, level) = (Problem::NotIndexed, Level::Authenticated);
            sink.say(Severity::Damage, subject, problem, level, detail);
        }
    }

    /// Whether there is no good copy of what a page refers to, as far as that is remembered, or the reference is wrong.
    pub(crate) fn is_lost(&self, page: u32, id: &Id) -> bool {
        self.lost.contains(id) || self.unusable.contains(&(page, *id))
    }

    /// Takes note of something without a good copy. Returns whether it is new.
    pub(crate) fn lose(&mut self, id: &Id) -> bool {
        if self.lost.len() >= MOST_LOST {
            let is_new = !self.lost.contains(id);
            self.lost_count += u64::from(is_new);
            return is_new;
        }
        let is_new = self.lost.insert(*id);
        self.lost_count += u64::from(is_new);
        is_new
    }
}

/// Ids of lost blobs that are remembered; beyond that some may be counted more than once.
const MOST_LOST: usize = 1_000_000;
/// Blobs that are named one by one.
const MOST_NAMED: u64 = 100;
