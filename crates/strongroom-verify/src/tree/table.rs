//! All tree pages, and how they hang together.

use strongroom_crypt::Id;
use strongroom_format::PageType;

use crate::Level;
use crate::pack::FoundPage;

/// Every distinct page of which a good copy was found, sorted by id. It takes about 72 bytes a page and 4 bytes a reference
/// from page to page; making it takes twice that.
#[derive(Debug, Default)]
pub(crate) struct PageTable {
    pages: Vec<PageInfo>,
    links: Vec<u32>,
    flaws: Vec<PageFlaw>,
}

/// What is wrong with a page.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct PageFlaw {
    pub(super) page: u32,
    pub(super) what: String,
    /// The page below that cannot be used for that.
    pub(super) child: Option<Id>,
}

/// A page.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct PageInfo {
    pub(crate) id: Id,
    /// Bytes of content below it.
    pub(crate) sum: u64,
    first_link: u32,
    links: u32,
    /// Where a good copy of it is.
    pub(crate) pack: u32,
    pub(crate) frame: u32,
    pub(crate) start: u32,
    kind: u8,
    pub(crate) height: u8,
    is_live: bool,
    /// The least level at which it is noticed that something it refers to is lost, and one more; 0 if nothing is.
    hit: u8,
}

/// The number of a page of which there is no good copy.
pub(crate) const MISSING: u32 = u32::MAX;

impl PageInfo {
    /// Whether a selected snapshot needs it.
    pub(crate) const fn is_live(&self) -> bool {
        self.is_live
    }

    /// Whether it refers to something that is lost.
    pub(crate) const fn is_hit(&self) -> bool {
        self.hit != 0
    }

    /// The least level at which that is noticed.
    pub(crate) fn hit_level(&self) -> Option<Level> {
        let number = usize::from(self.hit).checked_sub(1)?;
        Level::ALL.get(number).copied()
    }

    /// Whether it breaks a rule of pages, so that nothing of it can be used.
    pub(crate) const fn is_broken(&self) -> bool {
        self.kind == 0
    }

    /// Whether it is a page of a directory.
    pub(crate) const fn is_directory(&self) -> bool {
        self.kind == PageType::Leaf as u8 || self.kind == PageType::Interior as u8
    }

    /// Whether it is the page of a directory's entries.
    pub(crate) const fn is_leaf(&self) -> bool {
        self.kind == PageType::Leaf as u8
    }

    /// Whether it is a page of a file's recipe.
    pub(crate) const fn is_recipe(&self) -> bool {
        self.kind == PageType::Recipe as u8
    }
}

impl PageTable {
    /// Joins the pages that were found in packs.
    pub(super) fn new(mut found: Vec<(u32, FoundPage)>) -> Self {
        found.sort_by_key(|(_, page)| page.id);
        found.dedup_by(|(_, a), (_, b)| a.id == b.id);
        let mut table = Self::default();
        table.pages.reserve(found.len());
        for (pack, page) in &found {
            let (kind, height, sum, links) = match &page.body {
                Ok(body) => (
                    body.page_type as u8,
                    body.height,
                    body.sum,
                    body.links.len(),
                ),
                Err(_) => (0, 0, 0, 0),
            };
            table.pages.push(PageInfo {
                id: page.id,
                sum,
                first_link: u32::try_from(table.links.len()).unwrap_or(MISSING),
                links: u32::try_from(links).unwrap_or(0),
                pack: *pack,
                frame: page.frame,
                start: page.start,
                kind,
                height,
                is_live: false,
                hit: 0,
            });
            // The numbers follow when all pages are there.
            table.links.resize(table.links.len() + links, MISSING);
        }
        table.link(&found);
        table
    }

    /// Resolves the references between pages, and compares what a page says with the pages below it.
    fn link(&mut self, found: &[(u32, FoundPage)]) {
        for (number, (_, page)) in (0_u32..).zip(found) {
            let body = match &page.body {
                Ok(body) => body,
                Err(what) => {
                    self.flaw(number, (*what).to_owned(), None);
                    continue;
                }
            };
            let Some(info) = self.get(number).copied() else {
                continue;
            };
            let mut highest = None;
            let mut is_complete = true;
            for (at, link) in body.links.iter().enumerate() {
                let child = self.find(&link.id);
                let place = info.first_link as usize + at;
                if let Some(slot) = self.links.get_mut(place) {
                    *slot = child.unwrap_or(MISSING);
                }
                let child = child.and_then(|child| self.get(child)).copied();
                let Some(child) = child.filter(|child| !child.is_broken()) else {
                    is_complete = false;
                    continue;
                };
                if link.len != child.sum.min(MAX_LEN) {
                    let what = format!("says {} bytes of a page that has {}", link.len, child.sum);
                    // The length of a directory is for people; that of a file says where its parts are.
                    let child = child.is_recipe().then_some(link.id);
                    self.flaw(number, what, child);
                }
                if body.page_type != PageType::Leaf {
                    highest = highest.max(Some(child.height));
                    if child.is_recipe() != (body.page_type == PageType::Recipe) {
                        let what = "refers to a page of another type".to_owned();
                        self.flaw(number, what, Some(link.id));
                    }
                }
            }
            self.check_height(number, &info, highest, is_complete);
            if info.is_recipe() && info.sum > MAX_LEN {
                let what = "a recipe of too many bytes".to_owned();
                self.flaw(number, what, None);
            }
        }
    }

    fn flaw(&mut self, page: u32, what: String, child: Option<Id>) {
        self.flaws.push(PageFlaw { page, what, child });
    }

    fn check_height(
        &mut self,
        number: u32,
        info: &PageInfo,
        highest: Option<u8>,
        is_complete: bool,
    ) {
        if info.is_leaf() {
            return;
        }
        let needed = highest.map_or(0, |height| u32::from(height) + 1);
        let height = u32::from(info.height);
        if height < needed || (is_complete && height != needed) {
            let what = format!("says height {height}, and has {needed}");
            self.flaw(number, what, None);
        }
    }

    /// Returns the number of a page.
    pub(crate) fn find(&self, id: &Id) -> Option<u32> {
        let at = self.pages.binary_search_by(|page| page.id.cmp(id)).ok()?;
        u32::try_from(at).ok()
    }

    /// Returns a page.
    pub(crate) fn get(&self, number: u32) -> Option<&PageInfo> {
        self.pages.get(number as usize)
    }

    /// Returns how many there are.
    pub(crate) fn len(&self) -> usize {
        self.pages.len()
    }

    /// Returns all pages with their numbers.
    pub(crate) fn iter(&self) -> impl Iterator<Item = (u32, &PageInfo)> {
        (0_u32..).zip(&self.pages)
    }

    /// Returns the numbers of the pages that a page refers to, in the order of its references; [`MISSING`] for those without a good copy.
    pub(crate) fn links(&self, number: u32) -> &[u32] {
        let of = |info: &PageInfo| {
            let first = info.first_link as usize;
            self.links.get(first..first + info.links as usize)
        };
        self.get(number).and_then(of).unwrap_or_default()
    }

    /// Takes note that a page refers to something that is lost.
    pub(crate) fn hit(&mut self, number: u32, level: Level) {
        if let Some(page) = self.pages.get_mut(number as usize) {
            let new = level.number() + 1;
            page.hit = if page.hit == 0 {
                new
            } else {
                page.hit.min(new)
            };
        }
    }

    /// Marks what hangs below the roots.
    pub(super) fn mark_live(&mut self, roots: impl Iterator<Item = u32>) {
        let mut open: Vec<u32> = roots.collect();
        while let Some(number) = open.pop() {
            let Some(page) = self.pages.get_mut(number as usize) else {
                continue;
            };
            if page.is_live() {
                continue;
            }
            page.is_live = true;
            open.extend(self.links(number).iter().filter(|link| **link != MISSING));
        }
    }

    /// Returns all pages below the roots, children before parents, those of one page in their order.
    pub(crate) fn bottom_up(&self, roots: impl Iterator<Item = u32>) -> Vec<u32> {
        let mut order = Vec::new();
        let mut seen = vec![false; self.pages.len()];
        let mut open: Vec<(u32, bool)> = roots.map(|root| (root, false)).collect();
        while let Some((number, is_left)) = open.pop() {
            if is_left {
                order.push(number);
                continue;
            }
            let Some(seen) = seen.get_mut(number as usize) else {
                continue;
            };
            if std::mem::replace(seen, true) {
                continue;
            }
            open.push((number, true));
            let links = self.links(number).iter().rev();
            let there = links.filter(|link| **link != MISSING);
            open.extend(there.map(|link| (*link, false)));
        }
        order
    }

    /// Returns all pages below the roots, parents before children.
    pub(crate) fn top_down(&self, roots: impl Iterator<Item = u32>) -> Vec<u32> {
        let mut order = Vec::new();
        let mut seen = vec![false; self.pages.len()];
        let mut open: Vec<u32> = roots.collect();
        open.reverse();
        while let Some(number) = open.pop() {
            let Some(seen) = seen.get_mut(number as usize) else {
                continue;
            };
            if !std::mem::replace(seen, true) {
                order.push(number);
                open.extend(self.links(number).iter().rev());
            }
        }
        order
    }

    /// Takes what is wrong with pages, needed or not.
    pub(super) fn take_flaws(&mut self) -> Vec<PageFlaw> {
        std::mem::take(&mut self.flaws)
    }
}

/// The greatest length of a reference.
const MAX_LEN: u64 = (1 << 56) - 1;
