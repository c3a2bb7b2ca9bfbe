//! What of routes stays in memory, as their file has it.

use std::io::Write;

use bytes::Bytes;
use strongroom_format::ObjectHash;

use super::MOST_SEGMENTS;
use crate::index::filter::IdFilter;

/// What stays in memory.
#[derive(Debug)]
pub(super) struct Tail {
    pub(super) segments: Vec<ObjectHash>,
    pub(super) rows: u64,
    pub(super) filters: Vec<IdFilter>,
    pub(super) fences: Fences,
}

/// The first key of each page, as they are in the file: a copy would be as large as they are.
#[derive(Debug, Default, PartialEq, Eq)]
pub(super) struct Fences(Bytes);

impl Fences {
    /// Returns how many come before the first for which `is_before` says no.
    pub(super) fn partition_point(&self, is_before: impl Fn(u64) -> bool) -> usize {
        let (keys, _) = self.0.as_chunks::<8>();
        keys.partition_point(|key| is_before(u64::from_le_bytes(*key)))
    }

    fn len(&self) -> usize {
        self.0.len() / 8
    }
}

impl FromIterator<u64> for Fences {
    fn from_iter<I: IntoIterator<Item = u64>>(keys: I) -> Self {
        let keys: Vec<u8> = keys.into_iter().flat_map(u64::to_le_bytes).collect();
        Self(keys.into())
    }
}

impl Tail {
    /// Writes it: counts, then filters, fences and names, then a hash of all. Returns its length.
    pub(super) fn write(&self, out: &mut impl Write) -> std::io::Result<u64> {
        let mut out = Hashed {
            out,
            hasher: blake3::Hasher::new(),
            len: 0,
        };
        out.push(MAGIC)?;
        let counts = [self.segments.len(), self.filters.len(), self.fences.len()];
        for count in counts {
            out.push(&(count as u64).to_le_bytes())?;
        }
        out.push(&self.rows.to_le_bytes())?;
        for filter in &self.filters {
            let bytes = filter.to_bytes();
            out.push(&(bytes.len() as u64).to_le_bytes())?;
            out.push(&bytes)?;
        }
        out.push(&self.fences.0)?;
        for segment in &self.segments {
            out.push(segment.as_bytes())?;
        }
        let seal = out.hasher.finalize();
        out.push(seal.as_bytes())?;
        Ok(out.len)
    }

    /// Reads what [`write`](Self::write) wrote for so many pages; `None` for anything else.
    pub(super) fn decode(bytes: &Bytes, pages: u64) -> Option<Self> {
        let (body, seal) = bytes.split_last_chunk::<32>()?;
        if ObjectHash::of(body).as_bytes() != seal {
            return None;
        }
        let mut rest = body.strip_prefix(MAGIC.as_slice())?;
        let count = |rest: &mut &[u8]| usize::try_from(take_u64(rest)?).ok();
        let segments = count(&mut rest)?;
        let ranges = count(&mut rest)?;
        let fences = count(&mut rest)?;
        let rows = take_u64(&mut rest)?;
        if fences as u64 != pages || segments > MOST_SEGMENTS || ranges == 0 {
            return None;
        }
        let mut filters = Vec::new();
        for _ in 0..ranges {
            let len = count(&mut rest)?;
            let (filter, after) = rest.split_at_checked(len)?;
            rest = after;
            filters.push(IdFilter::of_bytes(&bytes.slice_ref(filter))?);
        }
        let (keys, names) = rest.split_at_checked(fences.checked_mul(8)?)?;
        let (names, left) = names.as_chunks::<32>();
        let is_whole = names.len() == segments && left.is_empty();
        is_whole.then(|| Self {
            segments: names.iter().copied().map(ObjectHash::from_bytes).collect(),
            rows,
            filters,
            fences: Fences(bytes.slice_ref(keys)),
        })
    }
}

/// Hashes and counts what is written.
struct Hashed<'a, W> {
    out: &'a mut W,
    hasher: blake3::Hasher,
    len: u64,
}

impl<W: Write> Hashed<'_, W> {
    fn push(&mut self, bytes: &[u8]) -> std::io::Result<()> {
        self.hasher.update(bytes);
        self.len += bytes.len() as u64;
        self.out.write_all(bytes)
    }
}

fn take_u64(rest: &mut &[u8]) -> Option<u64> {
    let (first, after) = rest.split_first_chunk()?;
    *rest = after;
    Some(u64::from_le_bytes(*first))
}

const MAGIC: &[u8; 16] = b"strongroom rt v2";

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_tail_is_read_back_and_a_damaged_one_is_not() {
        let tail = Tail {
            segments: vec![ObjectHash::of(b"1"), ObjectHash::of(b"2")],
            rows: 7,
            filters: vec![
                IdFilter::build((0..500).collect()),
                IdFilter::build(Vec::new()),
            ],
            fences: [1, 2, 3].into_iter().collect(),
        };
        let mut bytes = Vec::new();
        let len = tail.write(&mut bytes).unwrap();
        assert_eq!(len, bytes.len() as u64);
        let read = Tail::decode(&bytes.clone().into(), 3).unwrap();
        assert_eq!((read.rows, &read.segments), (7, &tail.segments));
        assert_eq!(read.fences, tail.fences);
        assert!((0..500).all(|key| read.filters[0].may_contain(key)));
        assert!(!read.filters[1].may_contain(1));
        assert!(Tail::decode(&bytes.clone().into(), 4).is_none());
        for at in (0..bytes.len()).step_by(37) {
            let mut flipped = bytes.clone();
            flipped[at] ^= 1;
            assert!(Tail::decode(&flipped.into(), 3).is_none());
        }
    }
}
