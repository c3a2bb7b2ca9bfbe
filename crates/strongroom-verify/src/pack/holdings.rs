//! What packs really hold: every blob of every header, sorted by id.

use strongroom_crypt::Id;
use strongroom_format::PackHeader;

/// A copy of a blob: 36 bytes.
///
/// Of the id there are the first 20 bytes, which is what the index has, and a sum of the others, so that an id that is wrong
/// in any single place is told from the right one.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Row {
    prefix: [u8; 20],
    tail: u32,
    /// 25 bits of length, 5 of kind, 2 marks.
    what: u32,
    /// Number of the pack in the [`PackTable`](super::PackTable).
    pub(crate) pack: u32,
    /// Position of the frame in the pack.
    pub(crate) frame: u32,
}

impl Row {
    /// Returns the blob's length.
    pub(crate) const fn len(&self) -> u32 {
        self.what & LEN_MASK
    }

    /// Returns the blob's kind.
    pub(crate) const fn kind(&self) -> u8 {
        // Five bits.
        ((self.what >> KIND_SHIFT) & 0x1F) as u8
    }

    /// Whether a segment in force maps this copy.
    pub(crate) const fn is_mapped(&self) -> bool {
        self.what & MAPPED != 0
    }

    /// Whether a snapshot in force needs the blob.
    pub(crate) const fn is_needed(&self) -> bool {
        self.what & NEEDED != 0
    }

    /// Returns the first bytes of the id.
    pub(crate) const fn prefix(&self) -> &[u8; 20] {
        &self.prefix
    }

    const fn key(&self) -> ([u8; 20], u32, u32) {
        (self.prefix, self.pack, self.frame)
    }
}

/// The copies of all blobs whose ids are in a range, sorted by id.
///
/// Memory: 36 bytes a copy, and at most `most` copies. When there are more, the range is halved and what is beyond it is left
/// for another pass: [`next`](Self::next) begins it. So everything is looked at, in as many passes as the memory asks for.
#[derive(Debug)]
pub(crate) struct Holdings {
    rows: Vec<Row>,
    /// First bytes of ids, as a number, from which on and before which they belong here.
    start: u64,
    end: u64,
    most: usize,
    /// For each value of the first 16 bits where its rows begin; made by [`finish`](Self::finish).
    buckets: Vec<u32>,
}

impl Holdings {
    /// Makes an empty table of at most `memory_bytes`, but of no fewer than a few thousand copies.
    pub(crate) fn new(memory_bytes: u64) -> Self {
        let most = usize::try_from(memory_bytes / ROW_BYTES).unwrap_or(usize::MAX);
        Self {
            rows: Vec::new(),
            start: 0,
            end: END,
            most: most.clamp(LEAST_ROWS, u32::MAX as usize),
            buckets: Vec::new(),
        }
    }

    /// Takes the blobs of a pack.
    pub(crate) fn push(&mut self, pack: u32, header: &PackHeader) {
        for (position, frame) in (0_u32..).zip(&header.frames) {
            for blob in header.frame_blobs(position as usize) {
                let prefix = prefix_of(&blob.id);
                if !self.covers_prefix(&prefix) {
                    continue;
                }
                if self.rows.len() >= self.most {
                    self.narrow();
                    if !self.covers_prefix(&prefix) {
                        continue;
                    }
                }
                self.rows.push(Row {
                    prefix,
                    tail: tail_of(&blob.id),
                    what: (blob.len & LEN_MASK) | u32::from(frame.kind & 0x1F) << KIND_SHIFT,
                    pack,
                    frame: position,
                });
            }
        }
    }

    /// Leaves the upper half of the range to a later pass, until there is room.
    fn narrow(&mut self) {
        while self.rows.len() >= self.most && self.end - self.start > 1 {
            self.end = self.start + (self.end - self.start) / 2;
            let end = self.end;
            self.rows.retain(|row| number_of(&row.prefix) < end);
        }
        // As many copies of what begins alike are not made by any writer; they are taken all the same.
        if self.rows.len() >= self.most {
            self.most = self.most.saturating_mul(2);
        }
    }

    /// Sorts what was taken.
    pub(crate) fn finish(&mut self) {
        self.rows.sort_unstable_by_key(Row::key);
        self.buckets.clear();
        self.buckets.reserve(BUCKETS + 1);
        for (at, row) in (0_u32..).zip(&self.rows) {
            while self.buckets.len() <= bucket_of(&row.prefix) {
                self.buckets.push(at);
            }
        }
        let len = u32::try_from(self.rows.len()).unwrap_or(u32::MAX);
        self.buckets.resize(BUCKETS + 1, len);
    }

    /// Begins the next pass; false when the last one reached the end.
    pub(crate) fn next(&mut self) -> bool {
        if self.end >= END {
            return false;
        }
        self.rows.clear();
        self.start = self.end;
        self.end = END;
        true
    }

    /// Whether all ids are here: there is only one pass.
    pub(crate) const fn is_all(&self) -> bool {
        self.start == 0 && self.end >= END
    }

    /// Whether an id belongs into this pass.
    pub(crate) fn covers(&self, id: &Id) -> bool {
        self.covers_prefix(&prefix_of(id))
    }

    /// Whether ids that begin so belong into this pass.
    pub(crate) fn covers_prefix(&self, prefix: &[u8; 20]) -> bool {
        (self.start..self.end).contains(&number_of(prefix))
    }

    /// Returns the rows.
    pub(crate) fn rows(&self) -> &[Row] {
        &self.rows
    }

    /// Returns the copies of a blob.
    pub(crate) fn copies(&self, id: &Id) -> impl Iterator<Item = &Row> {
        let range = self.range(&prefix_of(id));
        let tail = tail_of(id);
        let rows = self.rows.get(range).unwrap_or_default();
        rows.iter().filter(move |row| row.tail == tail)
    }

    /// Takes note that a snapshot needs a blob.
    pub(crate) fn mark_needed(&mut self, id: &Id) {
        let range = self.range(&prefix_of(id));
        let tail = tail_of(id);
        let rows = self.rows.get_mut(range).unwrap_or_default();
        for row in rows.iter_mut().filter(|row| row.tail == tail) {
            row.what |= NEEDED;
        }
    }

    /// Takes note that a segment maps a copy; false if there is none.
    pub(crate) fn mark_mapped(&mut self, prefix: &[u8; 20], pack: u32, frame: u32) -> bool {
        let range = self.range(prefix);
        let rows = self.rows.get_mut(range).unwrap_or_default();
        let mut found = false;
        for row in rows
            .iter_mut()
            .filter(|row| row.pack == pack && row.frame == frame)
        {
            row.what |= MAPPED;
            found = true;
        }
        found
    }

    fn range(&self, prefix: &[u8; 20]) -> std::ops::Range<usize> {
        let bucket = bucket_of(prefix);
        let bound = |at: usize| self.buckets.get(at).map_or(0, |at| *at as usize);
        let (first, last) = (bound(bucket), bound(bucket + 1));
        let rows = self.rows.get(first..last).unwrap_or_default();
        let start = rows.partition_point(|row| row.prefix < *prefix);
        let same = rows.get(start..).unwrap_or_default();
        let len = same.iter().take_while(|row| row.prefix == *prefix).count();
        first + start..first + start + len
    }
}

fn prefix_of(id: &Id) -> [u8; 20] {
    strongroom_format::EntryRow::prefix_of(id)
}

/// Sums up the bytes that are not in the prefix.
fn tail_of(id: &Id) -> u32 {
    let (_, rest) = id.as_bytes().split_at(20);
    let (words, _) = rest.as_chunks::<4>();
    words.iter().fold(0, |sum: u32, word| {
        sum.rotate_left(7) ^ u32::from_le_bytes(*word)
    })
}

fn number_of(prefix: &[u8; 20]) -> u64 {
    let [a, b, c, d, ..] = *prefix;
    u64::from(u32::from_be_bytes([a, b, c, d]))
}

fn bucket_of(prefix: &[u8; 20]) -> usize {
    let [a, b, ..] = *prefix;
    usize::from(u16::from_be_bytes([a, b]))
}

const _: () = assert!(size_of::<Row>() as u64 == ROW_BYTES);
const ROW_BYTES: u64 = 36;
const LEAST_ROWS: usize = 4_096;
const BUCKETS: usize = 65_536;
const END: u64 = 1 << 32;
const LEN_MASK: u32 = (1 << 25) - 1;
const KIND_SHIFT: u32 = 25;
const MAPPED: u32 = 1 << 30;
const NEEDED: u32 = 1 << 31;
