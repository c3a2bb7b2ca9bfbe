//! Which segments to search for an id.

use std::cmp::Reverse;
use std::collections::{BTreeSet, HashMap};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use strongroom_crypt::Id;
use strongroom_format::ObjectHash;

use crate::index::filter::IdFilter;
use crate::index::routes::{MOST_SEGMENTS, Routes, RoutesPage};
use crate::index::segment::{Segment, key_of};
use crate::index::standing::Part;
use crate::index::storage::SegmentCache;

/// Says which segments of an index to search: by routes where there are many segments, and else by the filter of each.
///
/// A look-up costs no more when there are more segments: less than [`ROUTED_FROM`] are asked each, and of the files of routes each has at least a multiple of the ids
/// of the next smaller one, so they are few.
#[derive(Debug, Default)]
pub(super) struct Routing {
    routed: Vec<Routed>,
    /// Parts, by number, and their filters. Without one a part is always searched.
    filtered: Vec<(usize, Option<Arc<IdFilter>>)>,
}

/// Routes, and the parts that they lead to.
#[derive(Debug)]
struct Routed {
    routes: Arc<Routes>,
    /// By the numbers that the routes have for segments.
    parts: Vec<Option<usize>>,
    is_broken: AtomicBool,
}

impl Routing {
    /// Asks the filter of each part.
    pub(super) fn by_filters(parts: &[Part]) -> Self {
        Self {
            routed: Vec::new(),
            filtered: filters(parts, (0..parts.len()).collect()),
        }
    }

    /// Takes the routes that are known or in the local cache, and makes some where there are many segments to which none lead.
    pub(super) fn of(parts: &[Part], cache: Option<&SegmentCache>, known: &[Arc<Routes>]) -> Self {
        let Some(cache) = cache else {
            return Self::by_filters(parts);
        };
        let mut plan = Plan::new(parts, known);
        if plan.left.len() >= ROUTED_FROM {
            plan.take_files(cache);
        }
        if plan.left.len() >= ROUTED_FROM {
            plan.make(cache);
        }
        let Plan {
            routed,
            left,
            outside,
            ..
        } = plan;
        let others = left.into_iter().chain(outside).collect();
        Self {
            routed,
            filtered: filters(parts, others),
        }
    }

    /// Returns the numbers of the parts that may have an id, in ascending order.
    pub(super) fn candidates(&self, id: &Id) -> Vec<usize> {
        let mut found = Vec::new();
        self.append_filtered(id, &mut found);
        for routed in &self.routed {
            routed.append(id, &mut RoutesPage::default(), &mut found);
        }
        found.sort_unstable();
        found
    }

    /// Begins to ask for many ids.
    pub(super) fn asking(&self) -> Asking<'_> {
        let pages = self.routed.iter().map(|_| RoutesPage::default());
        Asking {
            routing: self,
            pages: pages.collect(),
            found: Vec::new(),
        }
    }

    /// Returns the routes in use.
    pub(super) fn routes(&self) -> Vec<Arc<Routes>> {
        let routed = self.routed.iter();
        routed.map(|routed| Arc::clone(&routed.routes)).collect()
    }

    /// Returns how many bytes of memory all filters take.
    #[cfg(any(test, feature = "testing"))]
    pub(super) fn filter_bytes(&self) -> u64 {
        let of_parts = self.filtered.iter().flat_map(|(_, filter)| filter);
        let of_routes = self.routed.iter().map(|one| one.routes.filter_bytes());
        of_parts.map(|filter| filter.bytes()).sum::<u64>() + of_routes.sum::<u64>()
    }

    fn append_filtered(&self, id: &Id, found: &mut Vec<usize>) {
        let key = key_of(id.as_bytes());
        let may = |filter: &Option<Arc<IdFilter>>| {
            filter.as_ref().is_none_or(|filter| filter.may_contain(key))
        };
        let filtered = self.filtered.iter().filter(|(_, filter)| may(filter));
        found.extend(filtered.map(|(part, _)| *part));
    }
}

/// Asks for one id after another. While they ascend, each page of routes is read once.
#[derive(Debug)]
pub(super) struct Asking<'r> {
    routing: &'r Routing,
    /// Of each file of routes the page that was read last.
    pages: Vec<RoutesPage>,
    found: Vec<usize>,
}

impl Asking<'_> {
    /// Returns what [`Routing::candidates`] does.
    pub(super) fn candidates(&mut self, id: &Id) -> &[usize] {
        self.found.clear();
        self.routing.append_filtered(id, &mut self.found);
        for (routed, page) in self.routing.routed.iter().zip(&mut self.pages) {
            routed.append(id, page, &mut self.found);
        }
        self.found.sort_unstable();
        &self.found
    }
}

impl Routed {
    fn append(&self, id: &Id, page: &mut RoutesPage, found: &mut Vec<usize>) {
        let mut numbers = Vec::new();
        if !self.is_broken.load(Ordering::Relaxed) && self.routes.find(id, page, &mut numbers) {
            let parts = numbers
                .iter()
                .map(|number| self.parts.get(usize::from(*number)));
            found.extend(parts.filter_map(|part| part.copied().flatten()));
            return;
        }
        // The next to load the index makes new ones.
        self.is_broken.store(true, Ordering::Relaxed);
        found.extend(self.parts.iter().flatten());
    }
}

/// What becomes of the parts of an index.
#[derive(Debug)]
struct Plan<'a> {
    parts: &'a [Part],
    by_name: HashMap<ObjectHash, usize>,
    routed: Vec<Routed>,
    /// Parts in files to which no routes lead yet.
    left: BTreeSet<usize>,
    /// Parts that are in memory.
    outside: BTreeSet<usize>,
}

impl<'a> Plan<'a> {
    fn new(parts: &'a [Part], known: &[Arc<Routes>]) -> Self {
        let (left, outside): (BTreeSet<usize>, BTreeSet<usize>) =
            (0..parts.len()).partition(|at| {
                let part = parts.get(*at);
                part.is_some_and(|part| !part.rebuilt && part.segment.is_in_file())
            });
        let named = |at: &usize| Some((parts.get(*at)?.segment.name, *at));
        let by_name = left.iter().filter_map(named).collect();
        let mut plan = Self {
            parts,
            by_name,
            routed: Vec::new(),
            left,
            outside,
        };
        plan.take(known.to_vec());
        plan
    }

    /// Takes the routes in the local cache that lead somewhere, and removes those that hardly do.
    fn take_files(&mut self, cache: &SegmentCache) {
        let known: Vec<Arc<Routes>> = self.routed.iter().map(|one| one.routes.clone()).collect();
        let is_new = |path: &std::path::PathBuf| known.iter().all(|one| one.path() != path);
        let files = Routes::files(cache.folder()).into_iter().filter(is_new);
        let opened = files.filter_map(|path| {
            let routes = Routes::open(path.clone());
            if routes.is_none() {
                drop(std::fs::remove_file(path));
            }
            routes.map(Arc::new)
        });
        let useless = self.take(opened.collect());
        useless.iter().for_each(|routes| routes.discard());
    }

    /// Takes routes, those with most ids first, and returns the others: more than half of their ids lead nowhere, or where others lead.
    fn take(&mut self, mut all: Vec<Arc<Routes>>) -> Vec<Arc<Routes>> {
        all.sort_by_key(|routes| Reverse(routes.rows()));
        let mut useless = Vec::new();
        for routes in all {
            let of_segment = |name: &ObjectHash| {
                let part = self.by_name.get(name).copied();
                part.filter(|part| self.left.contains(part))
            };
            let parts: Vec<Option<usize>> = routes.segments().iter().map(of_segment).collect();
            let leads: u64 = parts.iter().flatten().map(|part| self.entries(*part)).sum();
            if leads == 0 || leads < routes.rows() / 2 {
                useless.push(routes);
                continue;
            }
            for part in parts.iter().flatten() {
                self.left.remove(part);
            }
            self.routed.push(Routed {
                routes,
                parts,
                is_broken: AtomicBool::new(false),
            });
        }
        useless
    }

    /// Makes routes to the parts that are left, and in one file with them to what smaller ones lead to.
    fn make(&mut self, cache: &SegmentCache) {
        let mut wanted: Vec<usize> = self.left.iter().copied().take(MOST_SEGMENTS).collect();
        let mut rows: u64 = wanted.iter().map(|part| self.entries(*part)).sum();
        let mut absorbed = Vec::new();
        let fits = |one: &Routed, rows: u64, parts: usize| {
            one.routes.rows() <= GROWTH * rows && one.parts.len() + parts <= MOST_SEGMENTS
        };
        while let Some(smallest) = self.routed.pop_if(|one| fits(one, rows, wanted.len())) {
            rows += smallest.routes.rows();
            wanted.extend(smallest.parts.iter().flatten());
            absorbed.push(smallest);
        }
        let segments = wanted.iter().filter_map(|part| self.parts.get(*part));
        let segments: Vec<&Segment> = segments.map(|part| part.segment.as_ref()).collect();
        match Routes::make(cache.folder(), &segments) {
            Ok(Some(routes)) => {
                absorbed.iter().for_each(|one| one.routes.discard());
                for part in &wanted {
                    self.left.remove(part);
                }
                self.routed.push(Routed {
                    routes: Arc::new(routes),
                    parts: wanted.into_iter().map(Some).collect(),
                    is_broken: AtomicBool::new(false),
                });
            }
            Ok(None) => self.routed.extend(absorbed.into_iter().rev()),
            Err(error) => {
                tracing::debug!(%error, "no routes are made");
                self.routed.extend(absorbed.into_iter().rev());
            }
        }
    }

    fn entries(&self, part: usize) -> u64 {
        let part = self.parts.get(part);
        part.map_or(0, |part| part.segment.entries())
    }
}

/// Reads the filters of parts. A part whose filter cannot be read is searched always, and says then what is wrong.
fn filters(parts: &[Part], of: Vec<usize>) -> Vec<(usize, Option<Arc<IdFilter>>)> {
    let filter = |at: usize| {
        let part = parts.get(at)?;
        let read = part.segment.filter();
        let read = read.inspect_err(|error| tracing::debug!(%error, "a filter cannot be read"));
        Some((at, read.ok()))
    };
    of.into_iter().filter_map(filter).collect()
}

/// From so many segments on it is worth a file: below, asking each filter is about as fast as reading a page.
pub(super) const ROUTED_FROM: usize = 8;
/// New routes take in older ones that have up to so many times as many ids. So each id is written again as often as the whole has grown by half, and no
/// two files are of about the same size.
const GROWTH: u64 = 2;

#[cfg(test)]
mod tests;
