//! The code: Reed–Solomon over GF(2^16) as `docs/format.md`, §9.5, defines it, by the `reed-solomon-simd` crate.
//!
//! The crate chooses between two codes by the numbers of shards unless it is told; the format has one of them, *high rate*. The
//! code works on 64 bytes of every shard at a time, so it can be applied to columns of the shards. That keeps its working memory
//! small and in the processor's cache.

use reed_solomon_simd::Error;
use reed_solomon_simd::engine::DefaultEngine;
use reed_solomon_simd::rate::{HighRateDecoder, HighRateEncoder, RateDecoder, RateEncoder};

use super::Geometry;

/// Appends the parity shards of `pack`, whose length is that of `geometry`.
pub(super) fn append_parity(
    geometry: &Geometry,
    pack: &[u8],
    out: &mut Vec<u8>,
) -> Result<(), Error> {
    let Sizes {
        shard,
        data,
        parity,
    } = Sizes::of(geometry);
    let start = out.len();
    out.resize(start + parity * shard, 0);
    let (_, out) = out.split_at_mut(start);
    let columns = Columns::new(shard, ENCODER_BYTES / data);
    let mut encoder: Option<HighRateEncoder<DefaultEngine>> = None;
    let mut filled = Vec::new();
    for (at, width) in columns {
        let encoder = match &mut encoder {
            Some(encoder) => {
                encoder.reset(data, parity, width)?;
                encoder
            }
            none => none.insert(HighRateEncoder::new(
                data,
                parity,
                width,
                DefaultEngine::new(),
                None,
            )?),
        };
        for shard in pack.chunks(shard) {
            encoder.add_original_shard(column(shard, at, width, &mut filled))?;
        }
        let encoded = encoder.encode()?;
        for (to, from) in out.chunks_mut(shard).zip(encoded.recovery_iter()) {
            copy_column(to, at, from);
        }
    }
    Ok(())
}

/// Writes the data shards `missing` into `pack`, whose length is that of `geometry`, from its other shards and from the parity
/// shards that there are.
pub(super) fn restore(
    geometry: &Geometry,
    pack: &mut [u8],
    missing: &[u32],
    parity: &[(usize, &[u8])],
) -> Result<(), Error> {
    let sizes = Sizes::of(geometry);
    let rows = (sizes.parity.next_power_of_two() + sizes.data).next_power_of_two();
    let mut decoder: Option<HighRateDecoder<DefaultEngine>> = None;
    let mut filled = Vec::new();
    for (at, width) in Columns::new(sizes.shard, DECODER_BYTES / rows) {
        let decoder = match &mut decoder {
            Some(decoder) => {
                decoder.reset(sizes.data, sizes.parity, width)?;
                decoder
            }
            none => none.insert(HighRateDecoder::new(
                sizes.data,
                sizes.parity,
                width,
                DefaultEngine::new(),
                None,
            )?),
        };
        let mut absent = missing.iter().map(|shard| *shard as usize).peekable();
        for (index, shard) in pack.chunks(sizes.shard).enumerate() {
            if absent.next_if_eq(&index).is_none() {
                decoder.add_original_shard(index, column(shard, at, width, &mut filled))?;
            }
        }
        // No more than are needed: each is work.
        for (index, shard) in parity.iter().take(missing.len()) {
            decoder.add_recovery_shard(*index, column(shard, at, width, &mut filled))?;
        }
        let decoded = decoder.decode()?;
        for shard in missing {
            let to = usize::try_from(geometry.data_range(*shard).start)
                .ok()
                .and_then(|start| pack.get_mut(start..));
            let from = decoded.restored_original(*shard as usize);
            if let (Some(to), Some(from)) = (to, from) {
                let len = to.len().min(sizes.shard);
                copy_column(to.split_at_mut(len).0, at, from);
            }
        }
    }
    Ok(())
}

/// The numbers of a geometry, for slices.
struct Sizes {
    shard: usize,
    data: usize,
    parity: usize,
}

impl Sizes {
    const fn of(geometry: &Geometry) -> Self {
        Self {
            shard: geometry.shard_len() as usize,
            data: geometry.data_shards() as usize,
            parity: geometry.parity_shards() as usize,
        }
    }
}

/// The columns of a shard: where each begins and how wide it is, a multiple of 64 bytes.
struct Columns {
    shard: usize,
    width: usize,
    at: usize,
}

impl Columns {
    /// Divides shards into columns of about `width` bytes.
    const fn new(shard: usize, width: usize) -> Self {
        let symbols = width / SYMBOL_BYTES;
        let width = if symbols == 0 { 1 } else { symbols } * SYMBOL_BYTES;
        Self {
            shard,
            width,
            at: 0,
        }
    }
}

impl Iterator for Columns {
    type Item = (usize, usize);

    fn next(&mut self) -> Option<(usize, usize)> {
        let (at, width) = (self.at, self.width.min(self.shard - self.at));
        self.at += width;
        (width > 0).then_some((at, width))
    }
}

/// Returns the bytes of a column; zeros where the last shard has none.
fn column<'a>(shard: &'a [u8], at: usize, width: usize, filled: &'a mut Vec<u8>) -> &'a [u8] {
    if let Some(whole) = shard.get(at..at + width) {
        return whole;
    }
    filled.clear();
    filled.extend_from_slice(shard.get(at..).unwrap_or_default());
    filled.resize(width, 0);
    filled
}

/// Writes a column into a shard, as far as the shard goes.
fn copy_column(shard: &mut [u8], at: usize, column: &[u8]) {
    let to = shard.get_mut(at..).unwrap_or_default();
    to.iter_mut().zip(column).for_each(|(to, from)| *to = *from);
}

const SYMBOL_BYTES: usize = 64;
/// Working memory of the encoder: fits the cache of a core.
const ENCODER_BYTES: usize = 1 << 20;
/// Working memory of the decoder. Every column costs it a fixed two milliseconds, so they are wider.
const DECODER_BYTES: usize = 16 << 20;
