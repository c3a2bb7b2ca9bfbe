//! Looking up many ids in a segment, in their order.

use std::cmp::Ordering;

use bytes::Bytes;
use strongroom_crypt::Id;
use strongroom_format::{EntryRow, FrameRow};

use crate::error::Result;
use crate::index::segment::{ENTRY_LEN, EntryHit, Segment};

/// Looks up one id after another. While they ascend each page of the segment is fetched once, and what was passed is not looked
/// at again; in any other order they are found as well, with more effort.
#[derive(Debug)]
pub(super) struct Walk<'s> {
    segment: &'s Segment,
    entries: EntriesPage,
    frames: (Option<u32>, Bytes),
}

/// A page of entries, and the row in it where the last id is, or would be.
#[derive(Debug, Default)]
struct EntriesPage {
    /// Its number; `None` before the first.
    page: Option<usize>,
    first: u64,
    bytes: Bytes,
    at: usize,
}

impl<'s> Walk<'s> {
    pub(super) fn new(segment: &'s Segment) -> Self {
        Self {
            segment,
            entries: EntriesPage::default(),
            frames: (None, Bytes::new()),
        }
    }

    /// Appends the rows of all matches of an id to `hits`.
    ///
    /// # Errors
    ///
    /// As [`Segment::find_rows`].
    pub(super) fn find_rows(&mut self, id: &Id, hits: &mut Vec<EntryHit>) -> Result<()> {
        let prefix = EntryRow::prefix_of(id);
        for page in self.segment.candidates(id) {
            let entries = self.turn_to(page)?;
            let (rows, _) = entries.bytes.as_chunks::<ENTRY_LEN>();
            let passed = rows.get(..entries.at).and_then(<[_]>::last);
            let from = match passed.is_none_or(|row| is_before(row, &prefix)) {
                true => entries.at,
                false => 0,
            };
            let start = lower_bound(rows, from, &prefix);
            hits.extend(matches(rows, start, &prefix, entries.first));
            entries.at = start;
        }
        Ok(())
    }

    /// Reads a row of the frames.
    ///
    /// # Errors
    ///
    /// As [`Segment::frame`].
    pub(super) fn frame(&mut self, row: u32) -> Result<FrameRow> {
        let (page, offset) = self.segment.locate_frame(row)?;
        if self.frames.0 != Some(page) {
            self.frames = (Some(page), self.segment.page(page)?);
        }
        self.segment.frame_at(&self.frames.1, offset)
    }

    fn turn_to(&mut self, page: usize) -> Result<&mut EntriesPage> {
        if self.entries.page != Some(page) {
            let (first, bytes) = self.segment.entries_page(page)?;
            self.entries = EntriesPage {
                page: Some(page),
                first,
                bytes,
                at: 0,
            };
        }
        Ok(&mut self.entries)
    }
}

/// Returns the rows from `start` on that have this prefix. `first` is the row that the page begins with.
pub(super) fn matches(
    rows: &[[u8; ENTRY_LEN]],
    start: usize,
    prefix: &[u8; PREFIX_LEN],
    first: u64,
) -> impl Iterator<Item = EntryHit> {
    let rows = rows.iter().enumerate().skip(start);
    let entries = rows.map(|(at, row)| (at, EntryRow::decode(row)));
    let same = entries.take_while(|(_, entry)| entry.prefix == *prefix);
    same.map(move |(at, entry)| EntryHit {
        row: first + at as u64,
        frame: entry.frame,
    })
}

/// Says whether a row is of an id that begins with less than `prefix`.
pub(super) fn is_before(row: &[u8; ENTRY_LEN], prefix: &[u8; PREFIX_LEN]) -> bool {
    // Nearly always the first eight bytes tell.
    match number(row).cmp(&number(prefix)) {
        Ordering::Equal => row.get(..PREFIX_LEN) < Some(prefix.as_slice()),
        order => order == Ordering::Less,
    }
}

/// Compares ids, which ascend as their bytes do.
pub(crate) fn in_order(one: &Id, other: &Id) -> Ordering {
    let (one, other) = (one.as_bytes(), other.as_bytes());
    let order = number(one).cmp(&number(other));
    order.then_with(|| one.cmp(other))
}

/// Returns the first of the sorted rows that is not before `prefix`. Those in front of `from` are. Looks near `from` first.
fn lower_bound(rows: &[[u8; ENTRY_LEN]], from: usize, prefix: &[u8; PREFIX_LEN]) -> usize {
    let (mut low, mut step) = (from, 1);
    while rows
        .get(low + step - 1)
        .is_some_and(|row| is_before(row, prefix))
    {
        low += step;
        step *= 2;
    }
    let high = (low + step - 1).min(rows.len());
    let rest = rows.get(low..high).unwrap_or_default();
    low + rest.partition_point(|row| is_before(row, prefix))
}

fn number(bytes: &[u8]) -> u64 {
    u64::from_be_bytes(bytes.first_chunk().copied().unwrap_or_default())
}

/// What an entry has of an id.
const PREFIX_LEN: usize = 20;

#[cfg(test)]
mod tests {
    use super::*;

    fn row(number: u64, rest: u8) -> [u8; ENTRY_LEN] {
        let mut row = [rest; ENTRY_LEN];
        row[..8].copy_from_slice(&number.to_be_bytes());
        row
    }

    fn prefix(row: &[u8; ENTRY_LEN]) -> [u8; PREFIX_LEN] {
        let mut prefix = [0; PREFIX_LEN];
        prefix.copy_from_slice(&row[..PREFIX_LEN]);
        prefix
    }

    #[test]
    fn the_place_of_an_id_is_found_from_everywhere_in_front_of_it() {
        let mut rows: Vec<_> = (0..500).map(|n| row(n * n / 7, 1)).collect();
        rows.extend((0..9).map(|rest| row(40_000, rest)));
        rows.sort_unstable();
        for number in (0..36_000).step_by(13).chain([40_000, 40_001]) {
            for rest in [0, 1, 2, 8] {
                let wanted = prefix(&row(number, rest));
                let expected = rows.partition_point(|row| prefix(row) < wanted);
                for from in [0, expected / 2, expected.saturating_sub(1), expected] {
                    assert_eq!(lower_bound(&rows, from, &wanted), expected);
                }
            }
        }
    }

    #[test]
    fn ids_are_compared_as_their_bytes() {
        let id = |first: u64, last: u8| {
            let mut bytes = [0; 32];
            bytes[..8].copy_from_slice(&first.to_be_bytes());
            bytes[31] = last;
            Id::from_bytes(bytes)
        };
        let ids = [id(0, 1), id(1, 0), id(1, 9), id(256, 0), id(u64::MAX, 3)];
        for (one, other) in ids
            .iter()
            .flat_map(|one| ids.iter().map(move |other| (one, other)))
        {
            assert_eq!(in_order(one, other), one.as_bytes().cmp(other.as_bytes()));
        }
    }
}
