//! Looking up many ids at once.

use std::cmp::Reverse;
use std::collections::BTreeMap;

use strongroom_crypt::Id;
use strongroom_format::ObjectHash;

use crate::error::{Error, Result};
use crate::index::Index;
use crate::index::segment::{EntryHit, Hit};
use crate::index::standing::{Part, Rank};
use crate::index::walk::Walk;
use crate::packs::Location;

/// The segments that had much of what was looked up last. What was stored together is in the same few, so they are asked first.
#[derive(Debug, Default)]
pub(crate) struct Vicinity(Vec<ObjectHash>);

impl Index {
    /// Calls `each` with the number of each id and its copies: the good ones first, then those known to be damaged, then those that may have been
    /// deleted. They are not all if a good one is in the vicinity. Where none was found because a page of a segment cannot be read, it hears of that.
    ///
    /// The ids ascend and none is there twice. Segments of the vicinity are searched for all of them, and the others for those that these do not
    /// have; each page of a segment and of routes is turned to once. So to ask for many ids at once is what makes this cheap.
    ///
    /// Memory: about 60 bytes an id.
    ///
    /// # Errors
    ///
    /// Those of `each`.
    pub(crate) fn locate_sorted(
        &self,
        ids: &[Id],
        vicinity: &mut Vicinity,
        each: impl FnMut(usize, Result<Vec<Location>>) -> Result<()>,
    ) -> Result<()> {
        let mut search = Search::new(self, ids);
        let left = search.nearby(vicinity);
        if !left.is_empty() {
            search.elsewhere(&left);
        }
        search.learn(vicinity);
        search.tell(each)
    }

    /// Returns every copy, in the order of [`locate_sorted`](Self::locate_sorted).
    ///
    /// # Errors
    ///
    /// `Damaged` when a page of a segment cannot be read and no other segment has the blob.
    pub(crate) fn locate(&self, id: &Id) -> Result<Vec<Location>> {
        let mut found = Vec::new();
        let of_this = |_, copies: Result<Vec<Location>>| {
            found = copies?;
            Ok(())
        };
        self.locate_sorted(std::slice::from_ref(id), &mut Vicinity::default(), of_this)?;
        Ok(found)
    }
}

/// What is looked up, and what was found so far.
#[derive(Debug)]
struct Search<'a> {
    index: &'a Index,
    ids: &'a [Id],
    /// By the number of the id, which is there as often as it has copies.
    found: Vec<(usize, Rank, Location)>,
    failures: BTreeMap<usize, Error>,
    /// How many copies each part has.
    of_parts: BTreeMap<usize, usize>,
    /// Of the id that is looked at.
    rows: Vec<EntryHit>,
}

impl<'a> Search<'a> {
    fn new(index: &'a Index, ids: &'a [Id]) -> Self {
        Self {
            index,
            ids,
            found: Vec::new(),
            failures: BTreeMap::new(),
            of_parts: BTreeMap::new(),
            rows: Vec::new(),
        }
    }

    /// Looks for good copies in the segments of the vicinity, and returns the numbers of the ids that have none there.
    fn nearby(&mut self, vicinity: &Vicinity) -> Vec<usize> {
        let mut left: Vec<usize> = (0..self.ids.len()).collect();
        for name in &vicinity.0 {
            let mut parts = (0..).zip(&self.index.parts);
            let Some((at, part)) = parts.find(|(_, part)| part.segment.name == *name) else {
                continue;
            };
            let mut walk = Walk::new(&part.segment);
            left.retain(|number| {
                let before = self.found.len();
                // What cannot be read here is said if nobody else has the blob.
                drop(self.look((at, part), &mut walk, *number, Rank::Good));
                self.found.len() == before
            });
        }
        left
    }

    /// Looks for all copies of the ids with these numbers, in the segments that may have them.
    fn elsewhere(&mut self, numbers: &[usize]) {
        let mut asking = self.index.routing().asking();
        let mut candidates: Vec<(usize, usize)> = Vec::new();
        for number in numbers {
            if let Some(id) = self.ids.get(*number) {
                let parts = asking.candidates(id).iter();
                candidates.extend(parts.map(|part| (*part, *number)));
            }
            // Without filters, when routes are damaged, everybody is a candidate for everything.
            if candidates.len() >= MOST_CANDIDATES {
                self.look_at(&mut candidates);
            }
        }
        self.look_at(&mut candidates);
    }

    /// Looks for all copies where there may be one, and is done with that: of (part, number).
    fn look_at(&mut self, candidates: &mut Vec<(usize, usize)>) {
        candidates.sort_unstable();
        for of_part in candidates.chunk_by(|one, other| one.0 == other.0) {
            let Some((at, part)) = of_part
                .first()
                .and_then(|(at, _)| Some((*at, self.index.parts.get(*at)?)))
            else {
                continue;
            };
            let mut walk = Walk::new(&part.segment);
            for (_, number) in of_part {
                if let Err(error) = self.look((at, part), &mut walk, *number, Rank::Gone) {
                    self.failures.insert(*number, error);
                }
            }
        }
        candidates.clear();
    }

    /// Takes the copies of an id in one part that are at least as good as that. After one that cannot be read come the others.
    fn look(
        &mut self,
        (at, part): (usize, &Part),
        walk: &mut Walk<'_>,
        number: usize,
        least: Rank,
    ) -> Result<()> {
        let Some(id) = self.ids.get(number) else {
            return Ok(());
        };
        self.rows.clear();
        walk.find_rows(id, &mut self.rows)?;
        let mut outcome = Ok(());
        for row in &self.rows {
            match ranked(part, walk, row) {
                Ok(Some((rank, location))) if rank <= least => {
                    self.found.push((number, rank, location));
                    *self.of_parts.entry(at).or_default() += 1;
                }
                Ok(_) => {}
                Err(error) => outcome = Err(error),
            }
        }
        outcome
    }

    /// Makes the vicinity of the segments that had most. A few ids say nothing of it.
    fn learn(&self, vicinity: &mut Vicinity) {
        if self.ids.len() < TELLING {
            return;
        }
        let is_large = |count: usize| count * SHARES_NEARBY >= self.ids.len();
        let parts = self.of_parts.iter();
        let mut large: Vec<(usize, usize)> = parts.map(|(part, count)| (*count, *part)).collect();
        large.retain(|(count, _)| is_large(*count));
        large.sort_unstable_by_key(|(count, part)| (Reverse(*count), *part));
        let parts = large
            .iter()
            .filter_map(|(_, part)| self.index.parts.get(*part));
        vicinity.0 = parts.map(|part| part.segment.name).collect();
    }

    /// Says of each id what was found, the best copies first and each once.
    fn tell(
        mut self,
        mut each: impl FnMut(usize, Result<Vec<Location>>) -> Result<()>,
    ) -> Result<()> {
        self.found.sort_by_key(|(number, rank, _)| (*number, *rank));
        let mut found = self.found.into_iter().peekable();
        for number in 0..self.ids.len() {
            let mut copies: Vec<Location> = Vec::new();
            while let Some((_, _, location)) = found.next_if(|(of, ..)| *of == number) {
                let is_same = |other: &Location| {
                    other.pack.name == location.pack.name && other.position == location.position
                };
                if !copies.iter().any(is_same) {
                    copies.push(location);
                }
            }
            match self.failures.remove(&number) {
                Some(error) if copies.is_empty() => each(number, Err(error))?,
                _ => each(number, Ok(copies))?,
            }
        }
        Ok(())
    }
}

/// Returns the copy that a row is of, if it is one.
fn ranked(part: &Part, walk: &mut Walk<'_>, row: &EntryHit) -> Result<Option<(Rank, Location)>> {
    let frame = walk.frame(row.frame)?;
    let hit = Hit {
        pack: frame.pack,
        frame,
    };
    let location = part.location(&hit)?;
    Ok(location.map(|location| (part.rank(&hit), location)))
}

/// Candidates that are gathered before they are looked at, 4 MiB of them.
const MOST_CANDIDATES: usize = 1 << 18;
/// So many ids say where the next ones may be.
const TELLING: usize = 64;
/// A segment is in the vicinity if it had one in so many of the copies: to walk through eight of a million ids each, for eight thousand that they
/// may have, takes about as long as to read a page of routes for each of these.
const SHARES_NEARBY: usize = 8;

#[cfg(test)]
mod tests;
