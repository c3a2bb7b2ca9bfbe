//! Makes index segments.

use strongroom_crypt::{Id, RepositoryId, Sealer, SessionId, Suite};

use super::layout::{SEGMENT_PAGE_PLAIN, SegmentHead, SegmentLayout, Table};
use super::page_aad;
use super::rows::{FrameRow, PackRow};
use crate::{EncodeError, ObjectKind, Preamble};

/// Collects packs, frames and entries in any order of ids, and sorts them once.
///
/// An entry takes 24 bytes of memory.
#[derive(Debug, Default)]
pub struct SegmentBuilder {
    packs: Vec<PackRow>,
    frames: Vec<FrameRow>,
    entries: Vec<SortKey>,
}

/// An entry, its id's prefix as numbers that compare like bytes.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
struct SortKey {
    high: u64,
    middle: u64,
    low: u32,
    frame: u32,
}

impl SegmentBuilder {
    /// Makes a builder of an empty segment.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// Adds a pack and returns its row.
    pub fn push_pack(&mut self, pack: PackRow) -> u32 {
        self.packs.push(pack);
        last_row(self.packs.len())
    }

    /// Adds a frame and returns its row. `position` is the frame's in the pack's header.
    pub fn push_frame(&mut self, pack: u32, offset: u32, stored_len: u32, position: u32) -> u32 {
        self.frames.push(FrameRow {
            pack,
            offset,
            stored_len,
            position,
        });
        last_row(self.frames.len())
    }

    /// Adds a blob of a frame.
    pub fn push_entry(&mut self, id: &Id, frame: u32) {
        let [a, b, c, d, e, f, g, h, rest @ ..] = *id.as_bytes();
        let [i, j, k, l, m, n, o, p, q, r, s, t, ..] = rest;
        self.entries.push(SortKey {
            high: u64::from_be_bytes([a, b, c, d, e, f, g, h]),
            middle: u64::from_be_bytes([i, j, k, l, m, n, o, p]),
            low: u32::from_be_bytes([q, r, s, t]),
            frame,
        });
    }

    /// Returns the number of entries so far.
    #[must_use]
    pub const fn entries(&self) -> u64 {
        self.entries.len() as u64
    }

    /// Whether there is no entry.
    #[must_use]
    pub const fn is_empty(&self) -> bool {
        self.entries.is_empty()
    }

    /// Returns the bytes that the object will have, to know when to finish it.
    ///
    /// # Errors
    ///
    /// `TooLarge` above the limit of objects.
    pub fn object_len(&self) -> Result<u64, EncodeError> {
        self.head(SessionId::from_bytes([0; 32]))
            .map(|(_, layout)| layout.total_len())
    }

    /// Sorts the entries and returns the object.
    ///
    /// # Errors
    ///
    /// `TooLarge` above the limit of objects; `Invalid` when a row names one that is not there; `Seal`.
    pub fn finish(
        mut self,
        suite: Suite,
        repository: RepositoryId,
        random: [u8; 16],
        session: SessionId,
        sealer: &dyn Sealer,
    ) -> Result<Vec<u8>, EncodeError> {
        let frames_end = self.frames.len() as u64;
        let packs_end = self.packs.len() as u64;
        if self
            .entries
            .iter()
            .any(|entry| u64::from(entry.frame) >= frames_end)
            || self
                .frames
                .iter()
                .any(|frame| u64::from(frame.pack) >= packs_end)
        {
            return Err(EncodeError::invalid("row of an index segment"));
        }
        let (head, layout) = self.head(session)?;
        self.entries.sort_unstable();
        let preamble = Preamble::new(ObjectKind::Index, suite, repository, random).encode();
        let len = usize::try_from(layout.total_len())
            .map_err(|_| EncodeError::too_large("index segment"))?;
        let mut object = Vec::with_capacity(len);
        object.extend_from_slice(&preamble);
        let mut pages = PageWriter::new(&preamble, sealer, object);
        pages.seal(&head.encode())?;
        pages.table(Table::Packs, self.packs.iter(), PackRow::write)?;
        pages.table(Table::Frames, self.frames.iter(), FrameRow::write)?;
        let per_page = SEGMENT_PAGE_PLAIN / Table::Entries.row_bytes();
        pages.table(
            Table::Fences,
            self.entries.iter().step_by(per_page),
            |entry, out| {
                out.extend_from_slice(&entry.high.to_be_bytes());
            },
        )?;
        pages.table(Table::Entries, self.entries.iter(), |entry, out| {
            let mut row = [0; 24];
            let (high, rest) = row.split_at_mut(8);
            let (middle, rest) = rest.split_at_mut(8);
            let (low, frame) = rest.split_at_mut(4);
            high.copy_from_slice(&entry.high.to_be_bytes());
            middle.copy_from_slice(&entry.middle.to_be_bytes());
            low.copy_from_slice(&entry.low.to_be_bytes());
            frame.copy_from_slice(&entry.frame.to_le_bytes());
            out.extend_from_slice(&row);
        })?;
        Ok(pages.object)
    }

    fn head(&self, session: SessionId) -> Result<(SegmentHead, SegmentLayout), EncodeError> {
        let count = |len| u32::try_from(len).map_err(|_| EncodeError::too_large("index segment"));
        let head = SegmentHead {
            entries: self.entries.len() as u64,
            packs: count(self.packs.len())?,
            frames: count(self.frames.len())?,
            session,
        };
        let layout =
            SegmentLayout::new(&head).map_err(|_| EncodeError::too_large("index segment"))?;
        Ok((head, layout))
    }
}

/// Seals one page after another.
struct PageWriter<'a> {
    preamble: &'a [u8; 64],
    sealer: &'a dyn Sealer,
    object: Vec<u8>,
    plain: Vec<u8>,
    next: u32,
}

impl<'a> PageWriter<'a> {
    fn new(preamble: &'a [u8; 64], sealer: &'a dyn Sealer, object: Vec<u8>) -> Self {
        let plain = Vec::with_capacity(SEGMENT_PAGE_PLAIN);
        Self {
            preamble,
            sealer,
            object,
            plain,
            next: 0,
        }
    }

    fn table<'t, T: 't>(
        &mut self,
        table: Table,
        rows: impl Iterator<Item = &'t T>,
        write: impl Fn(&T, &mut Vec<u8>),
    ) -> Result<(), EncodeError> {
        for row in rows {
            write(row, &mut self.plain);
            if self.plain.len() + table.row_bytes() > SEGMENT_PAGE_PLAIN {
                self.flush()?;
            }
        }
        if self.plain.is_empty() {
            Ok(())
        } else {
            self.flush()
        }
    }

    fn flush(&mut self) -> Result<(), EncodeError> {
        let mut plain = std::mem::take(&mut self.plain);
        let sealed = self.seal(&plain);
        plain.clear();
        self.plain = plain;
        sealed
    }

    fn seal(&mut self, plain: &[u8]) -> Result<(), EncodeError> {
        self.sealer
            .seal(&page_aad(self.preamble, self.next), plain, &mut self.object)
            .map_err(|_| EncodeError::seal("page of an index segment"))?;
        self.next += 1;
        Ok(())
    }
}

fn last_row(len: usize) -> u32 {
    // More rows than this are above the limit of objects; `finish` says so.
    u32::try_from(len - 1).unwrap_or(u32::MAX)
}
