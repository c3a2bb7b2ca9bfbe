//! The joint: what a chunker is, and cutting a slice with one.

use std::fmt::{self, Debug};
use std::iter::FusedIterator;
use std::sync::Arc;

use crate::sizes::ChunkSizes;

/// Finds the ends of chunks.
///
/// # Contract
///
/// `data` begins where a chunk begins, and holds at least `max` bytes unless the input ends before.
///
/// 1. `1 ≤ cut ≤ min(len, max)`; for empty data it is 0.
/// 2. `cut ≥ min`, unless the input ends before.
/// 3. It depends on the first `max` bytes only, and on nothing but bytes.
/// 4. Whoever reads in whatever pieces gets the same chunks as from the whole.
/// 5. For one id, sizes and key the cuts never change: golden vectors.
/// 6. A cut before the end of data that is shorter than `max` is the cut whatever follows. So a
///    reader that finds one need not have read `max` bytes.
///
/// The laws are functions in `conformance` (feature `conformance`), with these numbers. A chunker
/// never panics, whatever the bytes.
pub trait Chunker: Debug + Send + Sync {
    /// Returns the number of the algorithm, which snapshots record.
    fn id(&self) -> ChunkerId;

    /// Returns the bounds of a chunk.
    fn sizes(&self) -> ChunkSizes;

    /// Returns the length of the first chunk of `data`.
    fn cut(&self, data: &[u8]) -> usize;
}

impl<C: Chunker + ?Sized> Chunker for Arc<C> {
    fn id(&self) -> ChunkerId {
        self.as_ref().id()
    }

    fn sizes(&self) -> ChunkSizes {
        self.as_ref().sizes()
    }

    fn cut(&self, data: &[u8]) -> usize {
        self.as_ref().cut(data)
    }
}

/// The number of an algorithm in the format (§11). Readers need no chunker, so a number that nobody
/// knows is no error.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct ChunkerId(u32);

impl ChunkerId {
    /// Chunks of one size: [`Fixed`](crate::Fixed).
    pub const FIXED: Self = Self(1);
    /// Content-defined: [`Gear64`](crate::Gear64).
    pub const GEAR64: Self = Self(2);

    /// Makes one of its number.
    #[must_use]
    pub const fn from_number(number: u32) -> Self {
        Self(number)
    }

    /// Returns the number.
    #[must_use]
    pub const fn number(self) -> u32 {
        self.0
    }
}

impl fmt::Display for ChunkerId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match *self {
            Self::FIXED => f.write_str("fixed"),
            Self::GEAR64 => f.write_str("gear64"),
            Self(number) => write!(f, "chunker {number}"),
        }
    }
}

/// Cuts all of `data`. The chunks, joined, are `data`; empty data has none.
#[must_use]
pub fn chunks<'a>(chunker: &'a dyn Chunker, data: &'a [u8]) -> Chunks<'a> {
    Chunks {
        chunker,
        rest: data,
    }
}

/// The chunks of a slice; made by [`chunks`].
#[derive(Debug, Clone)]
pub struct Chunks<'a> {
    chunker: &'a dyn Chunker,
    rest: &'a [u8],
}

impl<'a> Iterator for Chunks<'a> {
    type Item = &'a [u8];

    fn next(&mut self) -> Option<&'a [u8]> {
        let len = cut_within(self.chunker, self.rest)?;
        let (chunk, rest) = self.rest.split_at_checked(len)?;
        self.rest = rest;
        Some(chunk)
    }
}

impl FusedIterator for Chunks<'_> {}

/// The length of the first chunk, or `None` if there is no byte left.
///
/// A chunker that breaks its first law still neither loses a byte nor cuts for ever.
pub(crate) fn cut_within(chunker: &dyn Chunker, data: &[u8]) -> Option<usize> {
    (!data.is_empty()).then(|| chunker.cut(data).clamp(1, data.len()))
}
