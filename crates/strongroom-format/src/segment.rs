//! Index segments: where blobs are (`docs/format.md`, §10).

mod builder;
mod layout;
mod rows;

pub use builder::SegmentBuilder;
pub use layout::{SEGMENT_PAGE_PLAIN, SEGMENT_PAGE_SEALED, SegmentHead, SegmentLayout, Table};
pub use rows::{EntryRow, FrameRow, PackRow};
use strongroom_crypt::{Id, Sealer};

use crate::limits::MAX_OBJECT_BYTES;
use crate::{DecodeError, ObjectKind, Preamble};

/// A whole segment in memory, for tests, tools and small repositories.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Segment {
    /// The first 64 bytes.
    pub preamble: Preamble,
    /// Counts and author.
    pub head: SegmentHead,
    /// The packs.
    pub packs: Vec<PackRow>,
    /// Their frames.
    pub frames: Vec<FrameRow>,
    /// First 8 bytes of each page of entries.
    pub fences: Vec<[u8; 8]>,
    /// Sorted by prefix.
    pub entries: Vec<EntryRow>,
}

impl Segment {
    /// Opens and decodes a whole object, and checks every row against the others.
    ///
    /// # Errors
    ///
    /// `Damaged` when a page does not open; `Unsupported` as for preambles and for reserved bytes; `TooLarge`; `Truncated`;
    /// `Invalid` when entries are not sorted, fences are wrong or a row names one that is not there.
    pub fn decode(object: &[u8], sealer: &dyn Sealer) -> Result<Self, DecodeError> {
        if object.len() > MAX_OBJECT_BYTES {
            return Err(DecodeError::too_large("index segment", MAX_OBJECT_BYTES));
        }
        let preamble = Preamble::decode(object)?;
        if preamble.kind != ObjectKind::Index {
            return Err(DecodeError::invalid("kind of object", 3));
        }
        let bytes: &[u8; 64] = object
            .first_chunk()
            .ok_or(DecodeError::truncated("index segment", object.len()))?;
        let sealed = object
            .get(SegmentHead::SEALED_RANGE)
            .ok_or(DecodeError::truncated("index segment", object.len()))?;
        let mut page = Vec::new();
        open_segment_page(sealer, bytes, 0, sealed, &mut page)?;
        let head = SegmentHead::decode(&page)?;
        let layout = SegmentLayout::new(&head)?;
        match (object.len() as u64).cmp(&layout.total_len()) {
            std::cmp::Ordering::Less => {
                return Err(DecodeError::truncated("index segment", object.len()));
            }
            std::cmp::Ordering::Greater => {
                return Err(DecodeError::invalid(
                    "end of an index segment",
                    object.len(),
                ));
            }
            std::cmp::Ordering::Equal => {}
        }
        let tables = Tables {
            object,
            sealer,
            bytes,
            layout: &layout,
        };
        let segment = Self {
            preamble,
            head,
            packs: tables.rows(Table::Packs, PackRow::decode)?,
            frames: tables.rows(Table::Frames, |row| Ok(FrameRow::decode(row)))?,
            fences: tables.rows(Table::Fences, |row: &[u8; 8]| Ok(*row))?,
            entries: tables.rows(Table::Entries, |row| Ok(EntryRow::decode(row)))?,
        };
        segment.validate()?;
        Ok(segment)
    }

    /// Returns the rows whose prefix is that of `id`. The pack's header decides between ids that share it.
    #[must_use]
    pub fn find(&self, id: &Id) -> &[EntryRow] {
        let prefix = EntryRow::prefix_of(id);
        let start = self.entries.partition_point(|row| row.prefix < prefix);
        let found = self.entries.get(start..).unwrap_or_default();
        let len = found.partition_point(|row| row.prefix == prefix);
        found.get(..len).unwrap_or_default()
    }

    fn validate(&self) -> Result<(), DecodeError> {
        if !self.entries.is_sorted_by(|a, b| a.prefix <= b.prefix) {
            return Err(DecodeError::invalid("order of entries", 0));
        }
        if self
            .entries
            .iter()
            .any(|row| row.frame as usize >= self.frames.len())
        {
            return Err(DecodeError::invalid("frame of an entry", 0));
        }
        if self
            .frames
            .iter()
            .any(|row| row.pack as usize >= self.packs.len())
        {
            return Err(DecodeError::invalid("pack of a frame", 0));
        }
        let per_page = SEGMENT_PAGE_PLAIN / Table::Entries.row_bytes();
        let firsts = self
            .entries
            .iter()
            .step_by(per_page)
            .map(|row| row.prefix.first_chunk());
        if firsts.ne(self.fences.iter().map(Some)) {
            return Err(DecodeError::invalid("fences", 0));
        }
        Ok(())
    }
}

/// Opens one page of a segment; page 0 is the head.
///
/// # Errors
///
/// `TooLarge` above the size of a page; `Damaged` when it does not open. `out` is then as before.
pub fn open_segment_page(
    sealer: &dyn Sealer,
    preamble_bytes: &[u8; 64],
    page: u32,
    sealed: &[u8],
    out: &mut Vec<u8>,
) -> Result<(), DecodeError> {
    if sealed.len() > SEGMENT_PAGE_SEALED {
        return Err(DecodeError::too_large("page of an index segment", 0));
    }
    sealer
        .open(&page_aad(preamble_bytes, page), sealed, out)
        .map_err(|_| DecodeError::damaged("page of an index segment"))
}

fn page_aad(preamble_bytes: &[u8; 64], page: u32) -> [u8; 73] {
    let mut aad = [0; 73];
    let (label, rest) = aad.split_at_mut(5);
    let (preamble, number) = rest.split_at_mut(64);
    label.copy_from_slice(b"index");
    preamble.copy_from_slice(preamble_bytes);
    number.copy_from_slice(&page.to_le_bytes());
    aad
}

/// Reads the tables of a segment one by one.
struct Tables<'a> {
    object: &'a [u8],
    sealer: &'a dyn Sealer,
    bytes: &'a [u8; 64],
    layout: &'a SegmentLayout,
}

impl Tables<'_> {
    fn rows<const N: usize, T>(
        &self,
        table: Table,
        decode: impl Fn(&[u8; N]) -> Result<T, DecodeError>,
    ) -> Result<Vec<T>, DecodeError> {
        let mut rows = Vec::new();
        let mut plain = Vec::with_capacity(SEGMENT_PAGE_PLAIN);
        for page in self.layout.pages(table) {
            let range = self.layout.page_range(page);
            let bounds = usize::try_from(range.start)
                .ok()
                .zip(usize::try_from(range.end).ok());
            let sealed = bounds
                .and_then(|(start, end)| self.object.get(start..end))
                .ok_or(DecodeError::truncated(
                    "page of an index segment",
                    self.object.len(),
                ))?;
            plain.clear();
            open_segment_page(self.sealer, self.bytes, page, sealed, &mut plain)?;
            let (chunks, rest) = plain.as_chunks::<N>();
            if !rest.is_empty() {
                return Err(DecodeError::invalid("page of an index segment", 0));
            }
            for row in chunks {
                rows.push(decode(row)?);
            }
        }
        if rows.len() as u64 == self.layout.rows(table) {
            Ok(rows)
        } else {
            Err(DecodeError::invalid("rows of an index segment", 0))
        }
    }
}
