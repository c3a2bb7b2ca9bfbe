//! References of pages against what packs hold.

use strongroom_crypt::Id;
use strongroom_format::{Page, PageType, Ref, RefKind};

use super::{MOST_NAMED, Tree};
use crate::content::{Shared, Sink};
use crate::error::Result;
use crate::observer::Stage;
use crate::pack::{FrameReader, FrameStore, Holdings, PackTable, Row};
use crate::{Level, Problem, Severity, Subject};

/// What resolving a reference gave.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Resolved {
    /// A good copy is here.
    Good { pack: u32, frame: u32, mapped: bool },
    /// Every copy is damaged; how many there are, and the level at which that is noticed.
    Damaged(usize, Level),
    /// No pack in force holds it.
    Nowhere,
    /// No pack that was looked at has a good copy, and some are in cold storage.
    Unseen,
    /// What is there has another length.
    Length(u32),
    /// What is there is of another kind.
    Kind(u8),
}

/// What a pass works with.
struct Pass<'a, 'b> {
    table: &'a PackTable,
    holdings: &'b mut Holdings,
    sink: &'b mut Sink,
}

impl Tree {
    /// Resolves every reference of every needed page that belongs into this pass, against the headers of the packs in force and not
    /// against the index, and marks what is needed.
    ///
    /// # Errors
    ///
    /// Those of the store that say that nothing can be looked at.
    pub(crate) fn pass(
        &mut self,
        shared: Shared<'_>,
        frames: &mut FrameStore,
        holdings: &mut Holdings,
        sink: &mut Sink,
    ) -> Result<()> {
        for root in &self.roots {
            self.roots_needed(&root.details.root, holdings);
        }
        let order = self.live_in_order();
        let mut reader = FrameReader::new(shared, frames);
        let of = order.len() as u64;
        let mut done = 0;
        let table = shared.table;
        let mut rest = order.as_slice();
        while !rest.is_empty() {
            let place = |number: &u32| self.pages.get(*number).map(|page| (page.pack, page.frame));
            let count = reader.fitting(rest.iter().map(|number| [place(number), None]));
            let (batch, after) = rest.split_at(count);
            rest = after;
            reader.load(batch.iter().filter_map(place).collect())?;
            for number in batch {
                let pass = Pass {
                    table,
                    holdings: &mut *holdings,
                    sink: &mut *sink,
                };
                self.page(*number, &mut reader, pass)?;
            }
            done += batch.len() as u64;
            sink.advanced(Stage::Trees, done, of, reader.fetched());
        }
        self.is_first = false;
        self.spared += spared(table, holdings);
        Ok(())
    }

    /// A root is needed and referred to by no page.
    fn roots_needed(&self, root: &Id, holdings: &mut Holdings) {
        if holdings.covers(root) {
            holdings.mark_needed(root);
        }
    }

    /// Returns the needed pages in the order in which they lie in packs.
    fn live_in_order(&self) -> Vec<u32> {
        let live = self.pages.iter().filter(|(_, page)| page.is_live());
        let mut order: Vec<u32> = live.map(|(number, _)| number).collect();
        order.sort_unstable_by_key(|number| {
            let page = self.pages.get(*number);
            page.map(|page| (page.pack, page.frame, page.start))
        });
        order
    }

    fn page(
        &mut self,
        number: u32,
        reader: &mut FrameReader<'_>,
        mut pass: Pass<'_, '_>,
    ) -> Result<()> {
        let Some(info) = self.pages.get(number).copied() else {
            return Ok(());
        };
        if info.is_broken() {
            // Said before; what hangs below it cannot be known.
            self.pages.hit(number, Level::Authenticated);
            return Ok(());
        }
        let Some(page) = reader.page(info.pack, info.frame, &info.id)? else {
            // It was good a moment ago: it was deleted meanwhile, or the store changes its mind.
            self.pages.hit(number, Level::Authenticated);
            if self.lose(&info.id) {
                let subject = Subject::Page(info.id);
                let (problem, level) = (Problem::BlobMissing, Level::Authenticated);
                let detail = "could be read before and cannot be read again";
                pass.sink
                    .say(Severity::Loss, subject, problem, level, detail);
            }
            return Ok(());
        };
        if self.is_first && page.page_type == PageType::Recipe {
            self.divisions += recipe_divisions(&page);
        }
        for reference in &page.refs {
            if reference.kind != RefKind::Zeros && pass.holdings.covers(&reference.id) {
                self.refs += 1;
                self.reference(number, &info.id, reference, &mut pass);
            }
        }
        Ok(())
    }

    fn reference(&mut self, number: u32, page: &Id, reference: &Ref, pass: &mut Pass<'_, '_>) {
        let is_lost_page =
            reference.kind == RefKind::Page && self.pages.find(&reference.id).is_none();
        let resolved = if is_lost_page {
            lost_page(reference, pass.table, pass.holdings)
        } else {
            resolve(reference, pass.table, pass.holdings)
        };
        pass.holdings.mark_needed(&reference.id);
        match resolved {
            Resolved::Good {
                pack,
                frame,
                mapped,
            } => {
                if !mapped {
                    self.not_mapped(&reference.id, pass.sink);
                }
                if reference.kind == RefKind::Names {
                    self.names_at.push((pack, frame, number));
                }
            }
            Resolved::Damaged(copies, level) => {
                let detail = match copies {
                    1 => "its only copy is damaged".to_owned(),
                    _ => format!("all its {copies} copies are damaged"),
                };
                self.lost_reference(number, reference, (detail, level), pass.sink);
            }
            // That is neither good nor bad: coverage says how much was not looked at.
            Resolved::Unseen => {}
            Resolved::Nowhere => {
                let detail = "no pack in force holds it".to_owned();
                let level = Level::Authenticated;
                self.lost_reference(number, reference, (detail, level), pass.sink);
            }
            Resolved::Length(len) => {
                self.wrong_reference(number, reference);
                let (says, id) = (reference.len, reference.id);
                let detail = format!("says {says} bytes of blob {id}, which has {len}");
                bad_tree(page, detail, pass.sink);
            }
            Resolved::Kind(kind) => {
                self.wrong_reference(number, reference);
                let detail = format!("refers to blob {}, which is of kind {kind}", reference.id);
                bad_tree(page, detail, pass.sink);
            }
        }
    }

    /// Takes note of a reference to something that is there and is not what the reference says.
    fn wrong_reference(&mut self, number: u32, reference: &Ref) {
        self.pages.hit(number, Level::Authenticated);
        self.unusable.insert((number, reference.id));
    }

    fn lost_reference(
        &mut self,
        number: u32,
        reference: &Ref,
        (detail, level): (String, Level),
        sink: &mut Sink,
    ) {
        self.pages.hit(number, level);
        if self.lose(&reference.id) {
            let subject = match reference.kind {
                RefKind::Page => Subject::Page(reference.id),
                _ => Subject::Blob(reference.id),
            };
            sink.say(Severity::Loss, subject, Problem::BlobMissing, level, detail);
        }
    }

    fn not_mapped(&mut self, id: &Id, sink: &mut Sink) {
        self.not_indexed += 1;
        if self.not_indexed <= MOST_NAMED {
            let (problem, level) = (Problem::NotIndexed, Level::Authenticated);
            sink.say(Severity::Damage, Subject::Blob(*id), problem, level, "");
        }
    }
}

fn bad_tree(page: &Id, detail: String, sink: &mut Sink) {
    let subject = Subject::Page(*page);
    let (problem, level) = (Problem::BadTree, Level::Authenticated);
    sink.say(Severity::Damage, subject, problem, level, detail);
}

/// Looks for a good copy of what a reference is to.
pub(super) fn resolve(reference: &Ref, table: &PackTable, holdings: &Holdings) -> Resolved {
    let kind = match reference.kind {
        RefKind::Data => 0,
        RefKind::Names => 1,
        RefKind::Page | RefKind::Zeros => 2,
    };
    let mut result = Resolved::Nowhere;
    let (mut copies, mut is_mapped, mut good) = (0, false, None);
    let mut level = Level::Authenticated;
    for row in holdings.copies(&reference.id) {
        if row.kind() != kind {
            result = Resolved::Kind(row.kind());
        } else if kind != 2 && u64::from(row.len()) != reference.len {
            result = Resolved::Length(row.len());
        } else {
            copies += 1;
            is_mapped |= row.is_mapped();
            if table.is_good(row.pack, row.frame) {
                good.get_or_insert((row.pack, row.frame));
            } else {
                // A lesser check takes one of them for good.
                level = level.max(table.bad_level(row.pack, row.frame));
            }
        }
    }
    match good {
        Some((pack, frame)) => Resolved::Good {
            pack,
            frame,
            mapped: is_mapped,
        },
        None if kind == 0 && table.has_cold() => Resolved::Unseen,
        None if copies > 0 => Resolved::Damaged(copies, level),
        None => result,
    }
}

/// Counts needed blobs that have both damaged and good copies.
fn spared(table: &PackTable, holdings: &Holdings) -> u64 {
    if table.is_sound() {
        return 0;
    }
    let groups = holdings.rows().chunk_by(|a, b| a.prefix() == b.prefix());
    let is_spared = |rows: &&[Row]| {
        let good = |row: &Row| table.is_good(row.pack, row.frame);
        let needed = rows.iter().any(Row::is_needed);
        needed && rows.iter().any(good) && !rows.iter().all(good)
    };
    groups.filter(is_spared).count() as u64
}

/// Says why a page is not there: pages are known by their bytes, so a header that lists it does not make it so.
fn lost_page(reference: &Ref, table: &PackTable, holdings: &Holdings) -> Resolved {
    let copies = holdings.copies(&reference.id);
    let levels = copies
        .filter(|row| row.kind() == 2)
        .map(|row| table.bad_level(row.pack, row.frame));
    let (count, level) = levels.fold((0, Level::Authenticated), |(count, most), level| {
        (count + 1, most.max(level))
    });
    match count {
        0 => Resolved::Nowhere,
        copies => Resolved::Damaged(copies, level),
    }
}

/// Counts the places in a recipe's page at which it should have ended.
fn recipe_divisions(page: &Page) -> u64 {
    let inner = page.refs.len().saturating_sub(1);
    let refs = page.refs.iter().take(inner).enumerate();
    refs.filter(|(at, reference)| strongroom_format::split::recipe_ends(at + 1, reference))
        .count() as u64
}
