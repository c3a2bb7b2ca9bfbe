//! Where a segment's tables and pages lie.

use std::ops::Range;

use strongroom_crypt::SessionId;

use crate::fields::Fields;
use crate::limits::MAX_OBJECT_BYTES;
use crate::{DecodeError, Preamble};

/// Plaintext bytes of every page of a table but its last. Rows never cross pages: it is a multiple of every row.
pub const SEGMENT_PAGE_PLAIN: usize = 65_520;
/// Sealed bytes of such a page.
pub const SEGMENT_PAGE_SEALED: usize = SEGMENT_PAGE_PLAIN + OVERHEAD;

/// The head of a segment: what its tables hold.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[expect(clippy::exhaustive_structs, reason = "the format fixes the fields")]
pub struct SegmentHead {
    /// Rows of the entries table.
    pub entries: u64,
    /// Rows of the packs table.
    pub packs: u32,
    /// Rows of the frames table.
    pub frames: u32,
    /// Session that wrote the segment, or zeros.
    pub session: SessionId,
}

impl SegmentHead {
    /// Bytes of the plaintext.
    pub const LEN: usize = 64;
    /// Bytes of the object in which the sealed head lies.
    pub const SEALED_RANGE: Range<usize> = Preamble::LEN..Preamble::LEN + Self::LEN + OVERHEAD;

    /// Returns the plaintext.
    #[must_use]
    pub fn encode(&self) -> [u8; 64] {
        let mut out = [0; 64];
        let (counts, rest) = out.split_at_mut(16);
        let (entries, others) = counts.split_at_mut(8);
        let (packs, frames) = others.split_at_mut(4);
        entries.copy_from_slice(&self.entries.to_le_bytes());
        packs.copy_from_slice(&self.packs.to_le_bytes());
        frames.copy_from_slice(&self.frames.to_le_bytes());
        rest.split_at_mut(32)
            .0
            .copy_from_slice(self.session.as_bytes());
        out
    }

    /// Decodes the plaintext.
    ///
    /// # Errors
    ///
    /// `Truncated` and `Invalid` unless there are 64 bytes; `Unsupported` for reserved bytes that are not zero.
    pub fn decode(plain: &[u8]) -> Result<Self, DecodeError> {
        let mut f = Fields::new(plain, "head of an index segment");
        let head = Self {
            entries: f.u64()?,
            packs: f.u32()?,
            frames: f.u32()?,
            session: SessionId::from_bytes(f.array()?),
        };
        f.reserved(16)?;
        f.finish()?;
        Ok(head)
    }
}

/// The tables of a segment, in their order.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[expect(clippy::exhaustive_enums, reason = "the format fixes the tables")]
pub enum Table {
    /// [`PackRow`](super::PackRow)s.
    Packs,
    /// [`FrameRow`](super::FrameRow)s.
    Frames,
    /// The first 8 bytes of each page of entries.
    Fences,
    /// [`EntryRow`](super::EntryRow)s.
    Entries,
}

impl Table {
    /// All tables, in their order.
    pub const ALL: [Self; 4] = [Self::Packs, Self::Frames, Self::Fences, Self::Entries];

    /// Returns the bytes of a row.
    #[must_use]
    pub const fn row_bytes(self) -> usize {
        match self {
            Self::Packs => 48,
            Self::Frames => 16,
            Self::Fences => 8,
            Self::Entries => 24,
        }
    }

    const fn rows_per_page(self) -> u64 {
        (SEGMENT_PAGE_PLAIN / self.row_bytes()) as u64
    }
}

/// Where the pages of a segment lie, computed from its head alone.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct SegmentLayout {
    packs: Extent,
    frames: Extent,
    fences: Extent,
    entries: Extent,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Extent {
    table: Table,
    rows: u64,
    first_page: u32,
    pages: u32,
    /// Byte in the object at which the first page begins.
    start: u64,
}

impl SegmentLayout {
    /// Computes the layout.
    ///
    /// # Errors
    ///
    /// `TooLarge` when the tables are above the limit of objects.
    pub fn new(head: &SegmentHead) -> Result<Self, DecodeError> {
        let most = MAX_OBJECT_BYTES as u64;
        if head.entries > most {
            return Err(DecodeError::too_large("index segment", 0));
        }
        let mut page = 1;
        let mut start = SegmentHead::SEALED_RANGE.end as u64;
        let mut extent = |table: Table, rows: u64| {
            let pages = rows.div_ceil(table.rows_per_page());
            let extent = Extent {
                table,
                rows,
                first_page: page,
                pages: u32::try_from(pages).unwrap_or(u32::MAX),
                start,
            };
            page = page.saturating_add(extent.pages);
            start += rows * table.row_bytes() as u64 + pages * OVERHEAD as u64;
            extent
        };
        let layout = Self {
            packs: extent(Table::Packs, u64::from(head.packs)),
            frames: extent(Table::Frames, u64::from(head.frames)),
            fences: extent(
                Table::Fences,
                head.entries.div_ceil(Table::Entries.rows_per_page()),
            ),
            entries: extent(Table::Entries, head.entries),
        };
        if layout.total_len() > most {
            return Err(DecodeError::too_large("index segment", 0));
        }
        Ok(layout)
    }

    /// Returns the bytes of the whole object.
    #[must_use]
    pub const fn total_len(&self) -> u64 {
        self.entries.end()
    }

    /// Returns the bytes of the object in which `page` lies; none for a page that is not there.
    #[must_use]
    pub fn page_range(&self, page: u32) -> Range<u64> {
        if page == 0 {
            let head = SegmentHead::SEALED_RANGE;
            return head.start as u64..head.end as u64;
        }
        let holds = |extent: &&Extent| {
            (extent.first_page..extent.first_page + extent.pages).contains(&page)
        };
        match self.extents().iter().find(holds) {
            Some(extent) => {
                let start =
                    extent.start + u64::from(page - extent.first_page) * SEGMENT_PAGE_SEALED as u64;
                start..extent.end().min(start + SEGMENT_PAGE_SEALED as u64)
            }
            None => self.total_len()..self.total_len(),
        }
    }

    /// Returns the number of rows of a table.
    #[must_use]
    pub fn rows(&self, table: Table) -> u64 {
        self.extent(table).rows
    }

    /// Returns the pages of a table.
    #[must_use]
    pub fn pages(&self, table: Table) -> Range<u32> {
        let extent = self.extent(table);
        extent.first_page..extent.first_page + extent.pages
    }

    /// Returns the page in which a row lies and the byte of its plaintext at which it begins; `None` for a row that is
    /// not there.
    #[must_use]
    pub fn locate_row(&self, table: Table, row: u64) -> Option<(u32, usize)> {
        let extent = self.extent(table);
        if row >= extent.rows {
            return None;
        }
        let page = u32::try_from(row / table.rows_per_page()).ok()?;
        let position = usize::try_from(row % table.rows_per_page()).ok()?;
        Some((extent.first_page + page, position * table.row_bytes()))
    }

    const fn extents(&self) -> [Extent; 4] {
        [self.packs, self.frames, self.fences, self.entries]
    }

    const fn extent(&self, table: Table) -> &Extent {
        match table {
            Table::Packs => &self.packs,
            Table::Frames => &self.frames,
            Table::Fences => &self.fences,
            Table::Entries => &self.entries,
        }
    }
}

impl Extent {
    const fn end(&self) -> u64 {
        self.start + self.rows * self.table.row_bytes() as u64 + self.pages as u64 * OVERHEAD as u64
    }
}

/// Bytes that a box adds.
const OVERHEAD: usize = strongroom_crypt::BoxSealer::OVERHEAD;

const _: () = assert!(OVERHEAD == 80);
const _: () = assert!(
    SEGMENT_PAGE_PLAIN.is_multiple_of(48)
        && SEGMENT_PAGE_PLAIN.is_multiple_of(16)
        && SEGMENT_PAGE_PLAIN.is_multiple_of(8)
        && SEGMENT_PAGE_PLAIN.is_multiple_of(24)
);
