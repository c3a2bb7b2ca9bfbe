//! Routes: where in many segments an id may be, in one file of the local cache.
//!
//! To ask the filter of every segment costs as much as there are segments. Routes have the ids of many segments by ranges, each range with one
//! filter, and for each id the number of the segment that maps it. What is not there costs one filter, and what is there one page of routes and one of
//! that segment, however many there are.
//!
//! A file has pages of rows, and behind them what stays in memory: filters, the first key of each page, and the names of the segments. Each page is
//! bound to the file by a hash of its own. Segments never change, so routes are right for ever, and a segment that is not in force any more is
//! passed over.

mod tail;

use std::fs::File;
use std::io::{BufWriter, Write as _};
use std::ops::Range;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU64, Ordering};

use strongroom_crypt::Id;
use strongroom_format::ObjectHash;

use self::tail::{Fences, Tail};
use crate::error::Result;
use crate::index::filter::IdFilter;
use crate::index::segment::{Segment, key_of};
use crate::index::storage::{read_at, temporary_beside};

/// Routes to the ids of several segments.
#[derive(Debug)]
pub(super) struct Routes {
    path: PathBuf,
    file: File,
    /// What pages are bound to.
    name: ObjectHash,
    /// By the numbers that rows have.
    segments: Vec<ObjectHash>,
    rows: u64,
    /// By range of keys, all equally wide.
    filters: Vec<IdFilter>,
    /// The first key of each page, shortened.
    fences: Fences,
    /// Pages that were read.
    reads: AtomicU64,
}

impl Routes {
    /// Makes the routes to all ids of these segments, in a file in `folder`.
    ///
    /// Memory: about 50 bytes for each of 2¹⁸ ids at a time, and what stays.
    ///
    /// # Errors
    ///
    /// `Damaged` naming a segment of which a page cannot be read. `Ok(None)` when there is no room for the file, or too many segments.
    pub(super) fn make(folder: &Path, segments: &[&Segment]) -> Result<Option<Self>> {
        let names: Vec<ObjectHash> = segments.iter().map(|segment| segment.name).collect();
        if names.len() > MOST_SEGMENTS {
            return Ok(None);
        }
        let name = hash_of(&names);
        let path = folder.join(format!("{name}{SUFFIX}"));
        let temporary = temporary_beside(&path);
        let made = Maker::begin(&temporary, name).map(|maker| maker.all(segments));
        let finished = match made {
            Ok(Ok(maker)) => maker.finish(&names),
            Ok(Err(Failure::Segment(error))) => {
                drop(std::fs::remove_file(&temporary));
                return Err(error);
            }
            Ok(Err(Failure::File(error))) | Err(error) => Err(error),
        };
        let opened = finished
            .and_then(|()| std::fs::rename(&temporary, &path))
            .map(|()| Self::open(path));
        match opened {
            Ok(routes) => Ok(routes),
            Err(error) => {
                tracing::debug!(%error, "the local cache takes no routes");
                drop(std::fs::remove_file(&temporary));
                Ok(None)
            }
        }
    }

    /// Opens a file of routes; `None` if it is not whole.
    pub(super) fn open(path: PathBuf) -> Option<Self> {
        let file = File::open(&path).ok()?;
        let len = file.metadata().ok()?.len();
        let mut end = [0; 8];
        let body_end = len.checked_sub(end.len() as u64)?;
        read_at(&file, &mut end, body_end).ok()?;
        let tail_len = u64::from_le_bytes(end);
        let start = body_end.checked_sub(tail_len)?;
        if !start.is_multiple_of(PAGE as u64) {
            return None;
        }
        let mut tail = vec![0; usize::try_from(tail_len).ok()?];
        read_at(&file, &mut tail, start).ok()?;
        let tail = Tail::decode(&tail.into(), start / PAGE as u64)?;
        Some(Self {
            path,
            file,
            name: hash_of(&tail.segments),
            segments: tail.segments,
            rows: tail.rows,
            filters: tail.filters,
            fences: tail.fences,
            reads: AtomicU64::new(0),
        })
    }

    /// Returns the files of routes in a folder.
    pub(super) fn files(folder: &Path) -> Vec<PathBuf> {
        let Ok(entries) = std::fs::read_dir(folder) else {
            return Vec::new();
        };
        let paths = entries.flatten().map(|entry| entry.path());
        let is_routes = |path: &PathBuf| path.to_str().is_some_and(|path| path.ends_with(SUFFIX));
        let mut files: Vec<PathBuf> = paths.filter(is_routes).collect();
        files.sort();
        files
    }

    /// Appends the numbers of the segments that may have an id, each once; false when the file does not say: it is damaged, and gone with this.
    #[must_use]
    pub(super) fn find(&self, id: &Id, page: &mut RoutesPage, found: &mut Vec<u16>) -> bool {
        let key = key_of(id.as_bytes());
        let range = range_of(key, self.filters.len());
        if !self
            .filters
            .get(range)
            .is_some_and(|filter| filter.may_contain(key))
        {
            return true;
        }
        let before = found.len();
        let short = key >> DROPPED_BITS;
        // Equal keys may begin on the page before the first with that fence.
        let from = self.fences.partition_point(|fence| fence < short);
        let to = self.fences.partition_point(|fence| fence <= short);
        let is_whole = (from.saturating_sub(1)..to)
            .all(|number| self.find_in_page(number, short, page, found));
        if !is_whole {
            tracing::debug!(path = %self.path.display(), "routes are damaged");
            self.discard();
            found.truncate(before);
            return false;
        }
        if found.len() > before + 1 {
            let mut rest = found.split_off(before);
            rest.sort_unstable();
            rest.dedup();
            found.append(&mut rest);
        }
        true
    }

    /// Returns the segments that it leads to, by their numbers.
    pub(super) fn segments(&self) -> &[ObjectHash] {
        &self.segments
    }

    /// Returns how many ids it knows, as often as segments have them.
    pub(super) fn rows(&self) -> u64 {
        self.rows
    }

    /// Returns where it is.
    pub(super) fn path(&self) -> &Path {
        &self.path
    }

    /// Removes the file. What is open of it can still be read.
    pub(super) fn discard(&self) {
        drop(std::fs::remove_file(&self.path));
    }

    /// Returns how many bytes of memory its filters take.
    #[cfg(any(test, feature = "testing"))]
    pub(super) fn filter_bytes(&self) -> u64 {
        self.filters.iter().map(IdFilter::bytes).sum()
    }

    fn find_in_page(
        &self,
        number: usize,
        short: u64,
        page: &mut RoutesPage,
        found: &mut Vec<u16>,
    ) -> bool {
        let Some(rows) = self.turn_to(number, page) else {
            return false;
        };
        let start = rows.partition_point(|row| short_key(row) < short);
        let matching = rows.iter().skip(start);
        let matching = matching.take_while(|row| short_key(row) == short);
        found.extend(matching.map(number_of));
        true
    }

    /// Returns the rows of a page, which is read and checked unless it is the last one; `None` if it is not whole.
    fn turn_to<'p>(&self, number: usize, page: &'p mut RoutesPage) -> Option<&'p [[u8; ROW]]> {
        let RoutesPage { last, bytes } = page;
        let bytes = bytes.get_or_insert_with(|| Box::new([0; PAGE]));
        if *last != Some(number) {
            *last = None;
            self.reads.fetch_add(1, Ordering::Relaxed);
            read_at(&self.file, bytes.as_mut_slice(), (number * PAGE) as u64).ok()?;
            if !is_page(bytes, number as u64, &self.name) {
                return None;
            }
            *last = Some(number);
        }
        rows_of(bytes)
    }

    /// Returns how many pages were read.
    #[cfg(test)]
    pub(super) fn reads(&self) -> u64 {
        self.reads.load(Ordering::Relaxed)
    }
}

/// The page of one file of routes that was read last.
#[derive(Debug, Default)]
pub(super) struct RoutesPage {
    /// Its number; `None` before the first.
    last: Option<usize>,
    bytes: Option<Box<[u8; PAGE]>>,
}

/// A file of routes that is being written.
#[derive(Debug)]
struct Maker {
    file: BufWriter<File>,
    name: ObjectHash,
    tail: Tail,
    /// Those of the tail.
    fences: Vec<u64>,
}

/// Why it could not be made.
#[derive(Debug)]
enum Failure {
    File(std::io::Error),
    Segment(crate::error::Error),
}

impl Maker {
    fn begin(path: &Path, name: ObjectHash) -> std::io::Result<Self> {
        Ok(Self {
            file: BufWriter::new(File::create(path)?),
            name,
            tail: Tail {
                segments: Vec::new(),
                rows: 0,
                filters: Vec::new(),
                fences: Fences::default(),
            },
            fences: Vec::new(),
        })
    }

    fn all(mut self, segments: &[&Segment]) -> Result<Self, Failure> {
        let entries: u64 = segments.iter().map(|segment| segment.entries()).sum();
        let ranges = usize::try_from(entries / KEYS_OF_A_RANGE).unwrap_or(usize::MAX) + 1;
        for range in 0..ranges {
            let keys = keys_of(range, ranges);
            let mut rows: Vec<(u64, u16)> = Vec::new();
            for (number, segment) in (0..).zip(segments) {
                segment
                    .each_key(&keys, |key| rows.push((key, number)))
                    .map_err(Failure::Segment)?;
            }
            rows.sort_unstable();
            rows.dedup();
            self.range(&rows).map_err(Failure::File)?;
        }
        Ok(self)
    }

    fn range(&mut self, rows: &[(u64, u16)]) -> std::io::Result<()> {
        for rows in rows.chunks(ROWS_OF_A_PAGE) {
            let mut page = [0; PAGE];
            let number = self.fences.len() as u64;
            fill_page(&mut page, number, &self.name, rows);
            self.file.write_all(&page)?;
            let first = rows.first().map_or(0, |(key, _)| key >> DROPPED_BITS);
            self.fences.push(first);
        }
        self.tail.rows += rows.len() as u64;
        let keys = rows.iter().map(|(key, _)| *key).collect();
        self.tail.filters.push(IdFilter::build(keys));
        Ok(())
    }

    fn finish(mut self, names: &[ObjectHash]) -> std::io::Result<()> {
        self.tail.segments = names.to_vec();
        self.tail.fences = self.fences.into_iter().collect();
        let len = self.tail.write(&mut self.file)?;
        self.file.write_all(&len.to_le_bytes())?;
        self.file.flush()
    }
}

/// Which of so many ranges a key is in.
fn range_of(key: u64, ranges: usize) -> usize {
    let product = u128::from(key) * ranges as u128;
    usize::try_from(product >> 64).unwrap_or(usize::MAX)
}

/// The keys of a range, from the first to the last.
fn keys_of(range: usize, ranges: usize) -> Range<u128> {
    let first = |range: usize| ((range as u128) << 64).div_ceil(ranges as u128);
    first(range)..first(range + 1)
}

fn fill_page(page: &mut [u8; PAGE], number: u64, name: &ObjectHash, rows: &[(u64, u16)]) {
    let (body, _) = page.split_at_mut(CHECK_AT);
    let (count, body) = body.split_at_mut(COUNT_LEN);
    let len = u16::try_from(rows.len()).unwrap_or(u16::MAX);
    count.copy_from_slice(&len.to_le_bytes());
    for (slot, (key, segment)) in body.as_chunks_mut::<ROW>().0.iter_mut().zip(rows) {
        let (short, of) = slot.split_at_mut(SHORT_LEN);
        let key = key.to_be_bytes();
        short.iter_mut().zip(key).for_each(|(to, from)| *to = from);
        of.copy_from_slice(&segment.to_le_bytes());
    }
    let seal = page_check(page, number, name);
    let (_, check) = page.split_at_mut(CHECK_AT);
    check.copy_from_slice(&seal);
}

/// Says whether a page is the one with this number.
fn is_page(page: &[u8; PAGE], number: u64, name: &ObjectHash) -> bool {
    let (_, check) = page.split_at(CHECK_AT);
    page_check(page, number, name).as_slice() == check
}

/// Returns the rows of a page.
fn rows_of(page: &[u8; PAGE]) -> Option<&[[u8; ROW]]> {
    let (body, _) = page.split_at(CHECK_AT);
    let (count, rows) = body.split_first_chunk::<COUNT_LEN>()?;
    let (rows, _) = rows.as_chunks::<ROW>();
    rows.get(..usize::from(u16::from_le_bytes(*count)))
}

/// Returns the hash of a page without its check, keyed with what it is bound to. Zeros stand for the check: so it is of four whole chunks, which are
/// hashed side by side, three times as fast as one after another.
fn page_check(page: &[u8; PAGE], number: u64, name: &ObjectHash) -> [u8; CHECK_LEN] {
    let mut key = *name.as_bytes();
    let of_number = key.iter_mut().zip(number.to_le_bytes());
    of_number.for_each(|(key, number)| *key ^= number);
    let mut page = *page;
    let (_, check) = page.split_at_mut(CHECK_AT);
    check.fill(0);
    let hash = blake3::keyed_hash(&key, &page);
    hash.as_bytes().first_chunk().copied().unwrap_or_default()
}

fn short_key(row: &[u8; ROW]) -> u64 {
    let mut key = [0; 8];
    let (short, _) = row.split_at(SHORT_LEN);
    key.iter_mut()
        .skip(8 - SHORT_LEN)
        .zip(short)
        .for_each(|(to, from)| *to = *from);
    u64::from_be_bytes(key)
}

fn number_of(row: &[u8; ROW]) -> u16 {
    let number = row.last_chunk().copied().unwrap_or_default();
    u16::from_le_bytes(number)
}

fn hash_of(names: &[ObjectHash]) -> ObjectHash {
    let all: Vec<u8> = names.iter().flat_map(|name| *name.as_bytes()).collect();
    ObjectHash::of(&all)
}

const SUFFIX: &str = ".routes";
/// A row has the beginning of a key, and the number of a segment.
const ROW: usize = SHORT_LEN + 2;
/// Of a key so many bytes: in a page, of which the others begin alike, that tells all but a few of a million apart.
const SHORT_LEN: usize = 5;
const DROPPED_BITS: usize = 64 - 8 * SHORT_LEN;
const PAGE: usize = 4_096;
const COUNT_LEN: usize = 2;
const CHECK_LEN: usize = 16;
const CHECK_AT: usize = PAGE - CHECK_LEN;
const ROWS_OF_A_PAGE: usize = (CHECK_AT - COUNT_LEN) / ROW;
const KEYS_OF_A_RANGE: u64 = 1 << 18;
/// Rows have two bytes for the number.
pub(super) const MOST_SEGMENTS: usize = 1 << 15;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ranges_are_all_keys_and_each_is_in_its_own() {
        for ranges in [1, 2, 3, 7, 1_000] {
            let mut end = 0;
            for range in 0..ranges {
                let keys = keys_of(range, ranges);
                assert_eq!(keys.start, end);
                end = keys.end;
                for key in [keys.start, keys.end - 1] {
                    assert_eq!(range_of(u64::try_from(key).unwrap(), ranges), range);
                }
            }
            assert_eq!(end, 1 << 64);
        }
    }

    #[test]
    fn a_page_has_its_rows_and_no_other_page_has() {
        let name = ObjectHash::of(b"routes");
        let rows: Vec<(u64, u16)> = (0..ROWS_OF_A_PAGE as u64)
            .map(|n| (n << 40 | 0x12_3456, u16::try_from(n % 9).unwrap()))
            .collect();
        let mut page = [0; PAGE];
        fill_page(&mut page, 3, &name, &rows);
        assert!(is_page(&page, 3, &name));
        let read = rows_of(&page).unwrap();
        assert_eq!(read.len(), rows.len());
        for (row, (key, number)) in read.iter().zip(&rows) {
            assert_eq!(
                (short_key(row), number_of(row)),
                (key >> DROPPED_BITS, *number)
            );
        }
        assert!(!is_page(&page, 4, &name));
        assert!(!is_page(&page, 3, &ObjectHash::of(b"others")));
        for at in [0, 2, 100, CHECK_AT - 1, CHECK_AT, PAGE - 1] {
            let mut flipped = page;
            flipped[at] ^= 1;
            assert!(!is_page(&flipped, 3, &name));
        }
    }
}
