//! The laws of [`Chunker`], as functions that panic when one is broken. Feature `conformance`.
//!
//! ```
//! use strongroom_chunk::{ChunkSizes, Gear64, conformance};
//!
//! let chunker = Gear64::new(ChunkSizes::new(64, 256, 1024)?, &[7; 32])?;
//! conformance::check(&chunker);
//! # Ok::<(), strongroom_chunk::SizesError>(())
//! ```
//!
//! Law 5, that cuts never change, is golden vectors and no function.

use std::io::{self, Read};

use crate::chunker::{Chunker, chunks};
use crate::reader::ChunkReader;

/// Checks laws 1 to 4 and 6 on the [`inputs`] for this chunker's sizes.
///
/// # Panics
///
/// If a law is broken; the message has its number.
pub fn check(chunker: &dyn Chunker) {
    for input in inputs(chunker.sizes().max()) {
        law_1_a_cut_lies_within(chunker, &input);
        law_2_a_cut_is_not_too_early(chunker, &input);
        law_3_only_the_first_max_bytes_count(chunker, &input);
        law_4_pieces_do_not_matter(chunker, &input);
        law_6_a_cut_found_early_stays(chunker, &input);
    }
}

/// Checks that `1 ≤ cut ≤ min(len, max)`, that empty data is cut at 0, and that chunks join to the
/// data.
///
/// # Panics
///
/// If not.
pub fn law_1_a_cut_lies_within(chunker: &dyn Chunker, data: &[u8]) {
    assert_eq!(chunker.cut(&[]), 0, "law 1: empty data is cut at 0");
    let mut rest = data;
    while !rest.is_empty() {
        let cut = chunker.cut(rest);
        assert!(cut >= 1, "law 1: a chunk is not empty");
        assert!(
            cut <= chunker.sizes().max(),
            "law 1: cut {cut} is above max"
        );
        rest = rest.get(cut..).expect("law 1: a chunk is within the data");
    }
    let joined = chunks(chunker, data).collect::<Vec<_>>().concat();
    assert!(joined == data, "law 1: chunks join to the data");
}

/// Checks that `cut ≥ min` unless the input ends before.
///
/// # Panics
///
/// If not.
pub fn law_2_a_cut_is_not_too_early(chunker: &dyn Chunker, data: &[u8]) {
    let mut rest = data.len();
    for chunk in chunks(chunker, data) {
        let least = chunker.sizes().min().min(rest);
        assert!(chunk.len() >= least, "law 2: {} is below min", chunk.len());
        rest -= chunk.len();
    }
}

/// Checks that what follows the first `max` bytes changes no cut, and that asking twice gives the
/// same answer.
///
/// # Panics
///
/// If not.
pub fn law_3_only_the_first_max_bytes_count(chunker: &dyn Chunker, data: &[u8]) {
    let max = chunker.sizes().max();
    let mut rest = data;
    while let Some((first, _)) = rest.split_at_checked(max) {
        let cut = chunker.cut(rest);
        assert_eq!(cut, chunker.cut(rest), "law 3: asked twice");
        assert_eq!(cut, chunker.cut(first), "law 3: nothing behind it");
        let other = [first, &[0xa5; 97]].concat();
        assert_eq!(cut, chunker.cut(&other), "law 3: something else behind it");
        rest = rest.get(cut.max(1)..).unwrap_or_default();
    }
}

/// Checks that a [`ChunkReader`] gives the chunks of the whole, whatever pieces it reads.
///
/// # Panics
///
/// If not.
pub fn law_4_pieces_do_not_matter(chunker: &dyn Chunker, data: &[u8]) {
    let max = chunker.sizes().max();
    for piece in [1, 7, 64, max - 1, max, max + 1, 3 * max] {
        // Single bytes of long inputs would take long and show no more.
        let data = data.get(..piece.saturating_mul(20_000)).unwrap_or(data);
        let mut whole = chunks(chunker, data);
        let mut reader = ChunkReader::new(
            chunker,
            Pieces {
                rest: data,
                piece,
                turn: 0,
            },
        );
        loop {
            let chunk = reader.next_slice().expect("the reader does not fail");
            assert!(chunk == whole.next(), "law 4: pieces of {piece}");
            if chunk.is_none() {
                break;
            }
        }
    }
}

/// Checks that a cut before the end of a part of the data is the cut of the whole.
///
/// # Panics
///
/// If not.
pub fn law_6_a_cut_found_early_stays(chunker: &dyn Chunker, data: &[u8]) {
    let max = chunker.sizes().max();
    let mut rest = data;
    while !rest.is_empty() {
        let cut = chunker.cut(rest);
        let around = [1, cut.saturating_sub(1), cut, cut + 1, cut + 2, max / 2];
        for len in around {
            let part = rest.get(..len).unwrap_or(rest);
            let found = chunker.cut(part);
            assert!(
                found == part.len() || found == cut,
                "law 6: {found} of {len}, then {cut}"
            );
        }
        rest = rest.get(cut.max(1)..).unwrap_or_default();
    }
}

/// Returns inputs that chunkers tend to get wrong, a few times `max` bytes long: random, constant,
/// periodic and text-like, empty and of one byte, and around the bounds.
#[must_use]
pub fn inputs(max: usize) -> Vec<Vec<u8>> {
    let len = max.saturating_mul(5).saturating_add(37);
    let random = random_bytes("conformance", len);
    let mut inputs = vec![
        Vec::new(),
        vec![0],
        vec![0; len],
        vec![0xff; len],
        (0..64).cycle().take(len).collect(),
        text(len),
    ];
    for len in [1, 63, 64, 65, max - 1, max, max + 1, 2 * max] {
        inputs.push(random.iter().copied().take(len).collect());
    }
    inputs.push(random);
    inputs
}

/// Returns the first `len` bytes of BLAKE3's extended output for `label`.
#[must_use]
pub fn random_bytes(label: &str, len: usize) -> Vec<u8> {
    let mut bytes = vec![0; len];
    blake3::Hasher::new()
        .update(label.as_bytes())
        .finalize_xof()
        .fill(&mut bytes);
    bytes
}

/// Returns the first `len` bytes of `"line 0\nline 1\nline 2\n…"`.
#[must_use]
pub fn text(len: usize) -> Vec<u8> {
    let lines = (0_u32..).flat_map(|number| format!("line {number}\n").into_bytes());
    lines.take(len).collect()
}

/// Gives at most `piece` bytes at a time, and is interrupted now and then.
struct Pieces<'a> {
    rest: &'a [u8],
    piece: usize,
    turn: u32,
}

impl Read for Pieces<'_> {
    fn read(&mut self, out: &mut [u8]) -> io::Result<usize> {
        self.turn += 1;
        if self.turn.is_multiple_of(5) {
            return Err(io::ErrorKind::Interrupted.into());
        }
        let len = self.piece.min(out.len());
        self.rest.read(out.get_mut(..len).unwrap_or_default())
    }
}
