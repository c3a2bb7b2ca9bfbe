//! One index segment, searched in place.

use std::ops::Range;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError, Weak};

use bytes::Bytes;
use strongroom_crypt::{BoxSealer, Id};
use strongroom_format::{
    DecodeError, EntryRow, FrameRow, ObjectHash, PackRow, Preamble, SEGMENT_PAGE_PLAIN,
    SegmentHead, SegmentLayout, Table, object_name, open_segment_page,
};

use crate::context::Context;
use crate::error::{Error, ErrorKind, Result};
use crate::index::filter::IdFilter;
use crate::index::storage::{SegmentCache, Storage};
use crate::index::walk::{is_before, matches};
use crate::keys::Keys;
use crate::lru::Lru;
use crate::packs::PackInfo;

/// What was read last of all segments: decrypted pages, and rows of packs.
#[derive(Debug)]
pub(super) struct PageCache {
    /// How often a page was asked for.
    turns: AtomicU64,
    pages: Mutex<Lru<(u64, u32), Bytes>>,
    packs: Mutex<Lru<(u64, u32), Arc<PackInfo>>>,
}

impl PageCache {
    /// Makes a cache for `pages` pages of 64 KiB, and for half a mebibyte of packs.
    pub(super) fn new(pages: usize) -> Self {
        Self {
            turns: AtomicU64::new(0),
            pages: Mutex::new(Lru::new(pages)),
            packs: Mutex::new(Lru::new(CACHED_PACKS)),
        }
    }

    /// Returns how often a page was asked for, whether it was there or not.
    #[cfg(test)]
    pub(super) fn turns(&self) -> u64 {
        self.turns.load(Ordering::Relaxed)
    }
}

/// A segment: its fences in memory, all else where it is stored.
#[derive(Debug)]
pub(super) struct Segment {
    pub(super) name: ObjectHash,
    serial: u64,
    keys: Arc<Keys>,
    preamble: [u8; Preamble::LEN],
    layout: SegmentLayout,
    head: SegmentHead,
    storage: Storage,
    cache: Option<SegmentCache>,
    pages: Arc<PageCache>,
    fences: Vec<u64>,
    filter: Mutex<Filter>,
}

/// The filter of a segment.
#[derive(Debug)]
enum Filter {
    /// Of one that is in memory itself.
    Kept(Arc<IdFilter>),
    /// Somebody may have it in use.
    Lent(Weak<IdFilter>),
}

/// A match in a segment: a row of its packs, and the frame.
#[derive(Debug, Clone, Copy)]
pub(super) struct Hit {
    pub(super) pack: u32,
    pub(super) frame: FrameRow,
}

/// A row of a segment's entries, and the row of the frames that it names.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct EntryHit {
    pub(super) row: u64,
    pub(super) frame: u32,
}

/// What opening a segment needs beside its bytes.
#[derive(Debug)]
pub(super) struct Opening<'a> {
    pub(super) context: &'a Context,
    pub(super) cache: Option<&'a SegmentCache>,
    pub(super) pages: &'a Arc<PageCache>,
}

impl Segment {
    /// Opens a segment: reads its head and fences. Its packs are for [`each_pack`](Self::each_pack) to check, and its entries
    /// for [`filter`](Self::filter).
    ///
    /// # Errors
    ///
    /// `Damaged` or `Incompatible`, with the object's name.
    pub(super) fn open(
        name: ObjectHash,
        len: u64,
        storage: Storage,
        opening: &Opening<'_>,
    ) -> Result<Self> {
        let decode = |error| Error::decode(object_name::index(&name), error);
        let keys = opening.context.keys();
        let mut preamble = [0; Preamble::LEN];
        let mut sealed = Vec::new();
        if !storage.read(&(0..Preamble::LEN as u64), &mut sealed) {
            return Err(truncated(&name));
        }
        preamble.copy_from_slice(&sealed);
        let decoded = Preamble::decode(&preamble).map_err(decode)?;
        let context = opening.context;
        if decoded.repository != context.repository || decoded.suite != context.suite {
            return Err(damaged(&name, "a segment belongs to another repository"));
        }
        let head = read_head(&storage, &preamble, &keys).ok_or_else(|| truncated(&name))?;
        let head = head.map_err(decode)?;
        let layout = SegmentLayout::new(&head).map_err(decode)?;
        if layout.total_len() != len {
            return Err(damaged(
                &name,
                "a segment has not the length that its head implies",
            ));
        }
        let mut segment = Self {
            name,
            serial: next_serial(),
            keys,
            preamble,
            layout,
            head,
            storage,
            cache: opening.cache.cloned(),
            pages: Arc::clone(opening.pages),
            fences: Vec::new(),
            filter: Mutex::new(Filter::Lent(Weak::new())),
        };
        segment.fences = segment.read_fences()?;
        Ok(segment)
    }

    /// Returns its filter: that which is in use, or that of the local cache, or else one made of all entries. Of a segment in a file it lasts as long as
    /// somebody has it.
    ///
    /// # Errors
    ///
    /// As [`each_entry`](Self::each_entry).
    pub(super) fn filter(&self) -> Result<Arc<IdFilter>> {
        let mut filter = lock(&self.filter);
        let known = match &*filter {
            Filter::Kept(known) => Some(Arc::clone(known)),
            Filter::Lent(known) => known.upgrade(),
        };
        if let Some(known) = known {
            return Ok(known);
        }
        let read = Arc::new(self.read_or_build_filter()?);
        *filter = match self.storage.is_file() {
            true => Filter::Lent(Arc::downgrade(&read)),
            false => Filter::Kept(Arc::clone(&read)),
        };
        Ok(read)
    }

    /// Says whether it is in a file of the local cache.
    pub(super) fn is_in_file(&self) -> bool {
        self.storage.is_file() && self.cache.is_some()
    }

    /// Appends all matches of an id to `hits`. Who can ask the filter first does.
    ///
    /// # Errors
    ///
    /// `Damaged` when a page does not open; a copy in the local cache is then discarded.
    pub(super) fn find(&self, id: &Id, hits: &mut Vec<Hit>) -> Result<()> {
        self.candidates(id)
            .try_for_each(|page| self.find_in_page(page, id, hits))
    }

    /// Appends the rows of all matches of an id to `rows`. Unlike [`find`](Self::find) it reads nothing of the frames.
    ///
    /// # Errors
    ///
    /// As [`find`](Self::find).
    pub(super) fn find_rows(&self, id: &Id, rows: &mut Vec<EntryHit>) -> Result<()> {
        self.candidates(id)
            .try_for_each(|page| self.find_rows_in_page(page, id, rows))
    }

    /// Calls `each` with every entry, in the order of their rows.
    ///
    /// # Errors
    ///
    /// As [`find`](Self::find), and those of `each`.
    pub(super) fn each_entry(&self, mut each: impl FnMut(&EntryRow) -> Result<()>) -> Result<()> {
        self.each_row::<ENTRY_LEN>(Table::Entries, self.head.entries, |row| {
            each(&EntryRow::decode(row))
        })
    }

    /// Calls `each` with every frame, in the order of their rows.
    ///
    /// # Errors
    ///
    /// As [`find`](Self::find), and those of `each`.
    pub(super) fn each_frame(&self, mut each: impl FnMut(&FrameRow) -> Result<()>) -> Result<()> {
        self.each_row::<FRAME_LEN>(Table::Frames, u64::from(self.head.frames), |row| {
            let row = FrameRow::decode(row);
            self.check_frame(&row)?;
            each(&row)
        })
    }

    /// Calls `each` with every pack, in the order of their rows.
    ///
    /// # Errors
    ///
    /// `Damaged` or `Incompatible` also when a row is not what the format allows; those of `each`.
    pub(super) fn each_pack(
        &self,
        mut each: impl FnMut(u32, PackInfo) -> Result<()>,
    ) -> Result<()> {
        let mut at = 0;
        self.each_row::<PACK_LEN>(Table::Packs, u64::from(self.head.packs), |row| {
            each(at, self.decode_pack(row)?)?;
            at += 1;
            Ok(())
        })
    }

    /// Returns every pack, by row: about 80 bytes each.
    ///
    /// # Errors
    ///
    /// As [`each_pack`](Self::each_pack).
    pub(super) fn all_packs(&self) -> Result<Vec<Arc<PackInfo>>> {
        let mut packs = Vec::new();
        self.each_pack(|_, pack| {
            packs.push(Arc::new(pack));
            Ok(())
        })?;
        Ok(packs)
    }

    /// Reads the row of one pack.
    ///
    /// # Errors
    ///
    /// As [`each_pack`](Self::each_pack).
    pub(super) fn pack(&self, row: u32) -> Result<Arc<PackInfo>> {
        let key = (self.serial, row);
        if let Some(pack) = lock(&self.pages.packs).get(&key) {
            return Ok(pack);
        }
        let (page, offset) = self.locate_row(Table::Packs, u64::from(row))?;
        let bytes = self.page(page)?;
        let found = bytes
            .get(offset..)
            .and_then(|rest| rest.first_chunk::<PACK_LEN>());
        let pack = self.decode_pack(found.ok_or_else(|| truncated(&self.name))?)?;
        let pack = Arc::new(pack);
        lock(&self.pages.packs).insert(key, Arc::clone(&pack), 1);
        Ok(pack)
    }

    /// Returns how many packs it maps.
    pub(super) fn packs(&self) -> u32 {
        self.head.packs
    }

    /// Returns all its bytes, as they are stored here.
    pub(super) fn bytes(&self) -> Option<Bytes> {
        let mut all = Vec::new();
        let whole = self.storage.read(&(0..self.layout.total_len()), &mut all);
        whole.then(|| all.into())
    }

    /// Returns how many entries it has.
    pub(super) fn entries(&self) -> u64 {
        self.head.entries
    }

    /// Returns how many frames it has.
    pub(super) fn frames(&self) -> u32 {
        self.head.frames
    }

    /// Calls `each` with the beginning of every id in a range, as often as it is there.
    ///
    /// # Errors
    ///
    /// As [`find`](Self::find).
    pub(super) fn each_key(&self, keys: &Range<u128>, mut each: impl FnMut(u64)) -> Result<()> {
        let is_before = |end: u128| move |fence: &u64| u128::from(*fence) < end;
        let from = self.fences.partition_point(is_before(keys.start));
        let to = self.fences.partition_point(is_before(keys.end));
        for page in from.saturating_sub(1)..to {
            let first = page as u64 * ENTRIES_OF_A_PAGE;
            let (number, _) = self.locate_row(Table::Entries, first)?;
            let bytes = self.read_page(number)?;
            let (rows, _) = bytes.as_chunks::<ENTRY_LEN>();
            let of_page = rows.iter().map(|row| key_of(row));
            of_page
                .filter(|key| keys.contains(&u128::from(*key)))
                .for_each(&mut each);
        }
        Ok(())
    }

    /// Returns the pages of entries that may hold an id.
    pub(super) fn candidates(&self, id: &Id) -> Range<usize> {
        let key = key_of(id.as_bytes());
        // Ids equal in 8 bytes may begin on the page before the first with that fence.
        let from = self
            .fences
            .partition_point(|fence| *fence < key)
            .saturating_sub(1);
        from..self.fences.partition_point(|fence| *fence <= key)
    }

    fn find_in_page(&self, page: usize, id: &Id, hits: &mut Vec<Hit>) -> Result<()> {
        let mut rows = Vec::new();
        self.find_rows_in_page(page, id, &mut rows)?;
        for hit in rows {
            let frame = self.frame(hit.frame)?;
            hits.push(Hit {
                pack: frame.pack,
                frame,
            });
        }
        Ok(())
    }

    fn find_rows_in_page(&self, page: usize, id: &Id, hits: &mut Vec<EntryHit>) -> Result<()> {
        let (first, bytes) = self.entries_page(page)?;
        let (rows, _) = bytes.as_chunks::<ENTRY_LEN>();
        let prefix = EntryRow::prefix_of(id);
        let start = rows.partition_point(|row| is_before(row, &prefix));
        hits.extend(matches(rows, start, &prefix, first));
        Ok(())
    }

    /// Returns the row that a page of entries begins with, and the page.
    pub(super) fn entries_page(&self, page: usize) -> Result<(u64, Bytes)> {
        let first = page as u64 * ENTRIES_OF_A_PAGE;
        let (number, _) = self.locate_row(Table::Entries, first)?;
        Ok((first, self.page(number)?))
    }

    /// Reads a row of the frames.
    ///
    /// # Errors
    ///
    /// As [`find`](Self::find).
    pub(super) fn frame(&self, row: u32) -> Result<FrameRow> {
        let (page, offset) = self.locate_frame(row)?;
        self.frame_at(&self.page(page)?, offset)
    }

    /// Returns the page that has a row of the frames, and where in it.
    pub(super) fn locate_frame(&self, row: u32) -> Result<(u32, usize)> {
        self.locate_row(Table::Frames, u64::from(row))
    }

    /// Decodes a row of the frames out of the page that [has it](Self::locate_frame).
    pub(super) fn frame_at(&self, page: &Bytes, offset: usize) -> Result<FrameRow> {
        let row = page
            .get(offset..)
            .and_then(|rest| rest.first_chunk::<FRAME_LEN>());
        let row = FrameRow::decode(row.ok_or_else(|| truncated(&self.name))?);
        self.check_frame(&row)?;
        Ok(row)
    }

    fn check_frame(&self, row: &FrameRow) -> Result<()> {
        if self.head.packs <= row.pack {
            return Err(damaged(
                &self.name,
                "a segment names a pack that it does not have",
            ));
        }
        Ok(())
    }

    fn locate_row(&self, table: Table, row: u64) -> Result<(u32, usize)> {
        self.layout
            .locate_row(table, row)
            .ok_or_else(|| damaged(&self.name, "a segment names a row that it does not have"))
    }

    /// Returns a decrypted page.
    pub(super) fn page(&self, number: u32) -> Result<Bytes> {
        let key = (self.serial, number);
        self.pages.turns.fetch_add(1, Ordering::Relaxed);
        let cached = lock(&self.pages.pages).get(&key);
        if let Some(page) = cached {
            return Ok(page);
        }
        let page = Bytes::from(self.read_page(number)?);
        lock(&self.pages.pages).insert(key, page.clone(), 1);
        Ok(page)
    }

    fn read_page(&self, number: u32) -> Result<Vec<u8>> {
        let mut plain = Vec::new();
        let opened = open_page(
            &self.storage,
            &self.preamble,
            self.keys.structure.index(),
            number,
            &self.layout.page_range(number),
            &mut plain,
        );
        let failure = match opened {
            Some(Ok(())) => return Ok(plain),
            Some(Err(error)) => Error::decode(object_name::index(&self.name), error),
            None => truncated(&self.name),
        };
        if let Some(cache) = &self.cache {
            cache.discard(&self.name);
        }
        Err(failure)
    }

    /// Reads the table that stays in memory.
    fn read_fences(&self) -> Result<Vec<u64>> {
        let pages = self.head.entries.div_ceil(ENTRIES_OF_A_PAGE);
        let mut fences = Vec::new();
        self.each_row::<FENCE_LEN>(Table::Fences, pages, |row| {
            fences.push(u64::from_be_bytes(*row));
            Ok(())
        })?;
        if !fences.is_sorted() {
            return Err(damaged(
                &self.name,
                "the fences of a segment are not sorted",
            ));
        }
        fences.shrink_to_fit();
        Ok(fences)
    }

    fn decode_pack(&self, row: &[u8; PACK_LEN]) -> Result<PackInfo> {
        let row = PackRow::decode(row)
            .map_err(|error| Error::decode(object_name::index(&self.name), error))?;
        let pack = PackInfo {
            name: row.name,
            len: row.len,
            header_offset: row.header_offset,
            header_len: row.header_len,
            class: row.class,
        };
        pack.check()?;
        Ok(pack)
    }

    fn read_or_build_filter(&self) -> Result<IdFilter> {
        let kept = self
            .cache
            .as_ref()
            .and_then(|cache| cache.filter(&self.name));
        if let Some(filter) = kept.and_then(|bytes| IdFilter::decode(&bytes.into(), &self.name)) {
            return Ok(filter);
        }
        let mut keys = Vec::new();
        self.each_row::<ENTRY_LEN>(Table::Entries, self.head.entries, |row| {
            keys.push(key_of(row));
            Ok(())
        })?;
        if !keys.is_sorted() {
            return Err(damaged(
                &self.name,
                "the entries of a segment are not sorted",
            ));
        }
        let filter = IdFilter::build(keys);
        if let (Some(cache), Some(bytes)) = (&self.cache, filter.encode(&self.name)) {
            cache.keep_filter(&self.name, &bytes);
        }
        Ok(filter)
    }

    /// Calls `each` with every row of a table, page by page.
    fn each_row<const LEN: usize>(
        &self,
        table: Table,
        count: u64,
        mut each: impl FnMut(&[u8; LEN]) -> Result<()>,
    ) -> Result<()> {
        let per_page = (SEGMENT_PAGE_PLAIN / LEN) as u64;
        let mut first = 0;
        while first < count {
            let (number, _) = self.locate_row(table, first)?;
            let bytes = self.read_page(number)?;
            let (rows, _) = bytes.as_chunks::<LEN>();
            let expected = per_page.min(count - first);
            let rows = usize::try_from(expected)
                .ok()
                .and_then(|expected| rows.get(..expected));
            for row in rows.ok_or_else(|| truncated(&self.name))? {
                each(row)?;
            }
            first += expected;
        }
        Ok(())
    }
}

fn read_head(
    storage: &Storage,
    preamble: &[u8; Preamble::LEN],
    keys: &Keys,
) -> Option<Result<SegmentHead, DecodeError>> {
    let mut plain = Vec::new();
    let range = SegmentHead::SEALED_RANGE.start as u64..SegmentHead::SEALED_RANGE.end as u64;
    let opened = open_page(
        storage,
        preamble,
        keys.structure.index(),
        0,
        &range,
        &mut plain,
    )?;
    Some(opened.and_then(|()| SegmentHead::decode(&plain)))
}

/// Reads and opens a page; `None` when it could not be read.
fn open_page(
    storage: &Storage,
    preamble: &[u8; Preamble::LEN],
    sealer: &BoxSealer,
    number: u32,
    range: &Range<u64>,
    plain: &mut Vec<u8>,
) -> Option<Result<(), DecodeError>> {
    let mut sealed = Vec::new();
    storage
        .read(range, &mut sealed)
        .then(|| open_segment_page(sealer, preamble, number, &sealed, plain))
}

/// The part of an id that filters and fences know.
pub(super) fn key_of(id: &[u8]) -> u64 {
    u64::from_be_bytes(id.first_chunk::<8>().copied().unwrap_or_default())
}

fn truncated(name: &ObjectHash) -> Error {
    damaged(name, "a segment ends too early")
}

fn damaged(name: &ObjectHash, what: &str) -> Error {
    Error::new(ErrorKind::Damaged, what).object_named(object_name::index(name))
}

fn next_serial() -> u64 {
    static SERIAL: AtomicU64 = AtomicU64::new(0);
    SERIAL.fetch_add(1, Ordering::Relaxed)
}

fn lock<T>(mutex: &Mutex<T>) -> std::sync::MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

/// Rows of packs that are kept: what is looked up one after another is often in the same few packs.
const CACHED_PACKS: usize = 4_096;
const PACK_LEN: usize = 48;
const FRAME_LEN: usize = 16;
const FENCE_LEN: usize = 8;
pub(super) const ENTRY_LEN: usize = 24;
const ENTRIES_OF_A_PAGE: u64 = (SEGMENT_PAGE_PLAIN / ENTRY_LEN) as u64;
