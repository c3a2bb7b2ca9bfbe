//! Compression of frames.

use std::io::Cursor;

use zstd::zstd_safe;

use crate::limits::{MAX_FRAME_PLAIN_BYTES, MAX_WINDOW_BYTES};
use crate::{Codec, DecodeError, EncodeError};

/// A reusable zstd context that compresses frames, and leaves alone what does not shrink.
pub struct Compressor {
    main: zstd::bulk::Compressor<'static>,
    probe: zstd::bulk::Compressor<'static>,
    scratch: Vec<u8>,
}

impl std::fmt::Debug for Compressor {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Compressor(..)")
    }
}

impl Compressor {
    /// Makes a context for a zstd level, 1 to 22 or negative for the fast ones.
    ///
    /// # Errors
    ///
    /// `Invalid` when zstd does not know the level or has no memory.
    pub fn new(level: i32) -> Result<Self, EncodeError> {
        let range = zstd::compression_level_range();
        if !range.contains(&level) {
            return Err(EncodeError::invalid("compression level"));
        }
        let context = |level| {
            let mut context = zstd::bulk::Compressor::new(level)
                .map_err(|_| EncodeError::invalid("compression context"))?;
            context
                .include_contentsize(true)
                .map_err(|_| EncodeError::invalid("compression context"))?;
            Ok(context)
        };
        Ok(Self {
            main: context(level)?,
            probe: context(PROBE_LEVEL)?,
            scratch: Vec::new(),
        })
    }

    /// Appends `plain` to `out`, compressed if that makes it smaller by three per cent at least.
    ///
    /// # Errors
    ///
    /// `TooLarge` above the limit of a frame. `out` is then as before.
    pub fn compress(&mut self, plain: &[u8], out: &mut Vec<u8>) -> Result<Codec, EncodeError> {
        if self.shrink(plain, out)? {
            return Ok(Codec::Zstd);
        }
        out.extend_from_slice(plain);
        Ok(Codec::Raw)
    }

    /// Appends `plain`, compressed, to `out`, if that makes it smaller by three per cent at least; says whether it did, and else leaves `out` as it
    /// was.
    ///
    /// Of large inputs two windows are tried at a fast level first; if neither shrinks, nothing else is tried.
    ///
    /// # Errors
    ///
    /// `TooLarge` above the limit of a frame. `out` is then as before.
    pub fn shrink(&mut self, plain: &[u8], out: &mut Vec<u8>) -> Result<bool, EncodeError> {
        if plain.len() > MAX_FRAME_PLAIN_BYTES {
            return Err(EncodeError::too_large("frame"));
        }
        Ok(self.is_worth_it(plain) && append(&mut self.main, plain, worthwhile(plain.len()), out))
    }

    fn is_worth_it(&mut self, plain: &[u8]) -> bool {
        if plain.len() < PROBE_FROM_BYTES {
            return plain.len() >= MIN_BYTES;
        }
        let middle = plain.len() / 2;
        [0, middle].into_iter().any(|at| {
            let window = plain.get(at..at + PROBE_BYTES).unwrap_or_default();
            self.scratch.clear();
            append(
                &mut self.probe,
                window,
                worthwhile(PROBE_BYTES),
                &mut self.scratch,
            )
        })
    }
}

/// A reusable zstd context that decompresses frames.
pub struct Decompressor(zstd::bulk::Decompressor<'static>);

impl std::fmt::Debug for Decompressor {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Decompressor(..)")
    }
}

impl Decompressor {
    /// Makes a context.
    ///
    /// # Errors
    ///
    /// `TooLarge` when there is no memory for it.
    pub fn new() -> Result<Self, DecodeError> {
        zstd::bulk::Decompressor::new()
            .map(Self)
            .map_err(|_| DecodeError::too_large("decompression context", 0))
    }

    /// Appends the `plain_len` bytes that `stored` stands for.
    ///
    /// # Errors
    ///
    /// `TooLarge` above the limit of a frame, checked before anything is allocated. `Invalid` when `stored` is not exactly
    /// one frame of `plain_len` bytes. `out` is then as before.
    pub fn decompress(
        &mut self,
        codec: Codec,
        stored: &[u8],
        plain_len: usize,
        out: &mut Vec<u8>,
    ) -> Result<(), DecodeError> {
        if plain_len > MAX_FRAME_PLAIN_BYTES || stored.len() > MAX_FRAME_PLAIN_BYTES {
            return Err(DecodeError::too_large("frame", 0));
        }
        match codec {
            Codec::Raw if stored.len() == plain_len => {
                out.extend_from_slice(stored);
                Ok(())
            }
            Codec::Raw => Err(DecodeError::invalid("length of a frame", 0)),
            Codec::Zstd => self.zstd(stored, plain_len, out),
        }
    }

    fn zstd(
        &mut self,
        stored: &[u8],
        plain_len: usize,
        out: &mut Vec<u8>,
    ) -> Result<(), DecodeError> {
        // The frame states its length, and zstd produces no more than that: so this bounds memory.
        let stated = zstd_safe::get_frame_content_size(stored).ok().flatten();
        let one_frame = zstd_safe::find_frame_compressed_size(stored) == Ok(stored.len());
        let is_frame = stored.first_chunk() == Some(&ZSTD_MAGIC);
        if !is_frame || !one_frame || stated != Some(plain_len as u64) || has_large_window(stored) {
            return Err(DecodeError::invalid("compressed frame", 0));
        }
        let start = out.len();
        out.reserve(plain_len);
        let mut cursor = Cursor::new(&mut *out);
        cursor.set_position(start as u64);
        match self.0.decompress_to_buffer(stored, &mut cursor) {
            Ok(len) if len == plain_len && out.len() == start + plain_len => Ok(()),
            _ => {
                out.truncate(start);
                Err(DecodeError::invalid("compressed frame", 0))
            }
        }
    }
}

/// Whether a frame needs a window larger than the format permits. One that is a single segment needs its content size.
fn has_large_window(frame: &[u8]) -> bool {
    let (Some(descriptor), Some(window)) = (frame.get(4), frame.get(5)) else {
        return true;
    };
    if descriptor & SINGLE_SEGMENT != 0 {
        return false;
    }
    // RFC 8878, section 3.1.1.1.2.
    let base = 1_u64 << (10 + (window >> 3));
    base + base / 8 * u64::from(window & 7) > MAX_WINDOW_BYTES
}

/// Rounds a length up so that it says little: Padmé, at most 12 % more.
///
/// Of a length with a most significant bit e, only the first ⌊log₂ e⌋ + 2 bits remain.
#[must_use]
pub const fn padme(len: u64) -> u64 {
    if len < 2 {
        return len;
    }
    let exponent = len.ilog2();
    let kept = match exponent {
        0 => 1,
        _ => exponent.ilog2() + 1,
    };
    let mask = (1_u64 << (exponent - kept)) - 1;
    match len.checked_add(mask) {
        Some(sum) => sum & !mask,
        None => len,
    }
}

/// Appends one zstd frame if it has at most `most` bytes.
fn append(
    context: &mut zstd::bulk::Compressor<'_>,
    plain: &[u8],
    most: usize,
    out: &mut Vec<u8>,
) -> bool {
    let start = out.len();
    out.reserve(most);
    let mut cursor = Cursor::new(&mut *out);
    cursor.set_position(start as u64);
    // Too small a buffer is an error too, and the usual one.
    let written = context.compress_to_buffer(plain, &mut cursor);
    let fits = written.is_ok_and(|len| len <= most);
    if !fits {
        out.truncate(start);
    }
    fits
}

/// The greatest compressed length that is worth a decompression later.
const fn worthwhile(len: usize) -> usize {
    len - len.div_ceil(32)
}

/// Nothing below this shrinks: a zstd frame has a dozen bytes of its own.
const MIN_BYTES: usize = 32;
const PROBE_BYTES: usize = 65_536;
const PROBE_FROM_BYTES: usize = 4 * PROBE_BYTES;
const PROBE_LEVEL: i32 = 1;
/// RFC 8878, section 3.1.1.1.1.2.
const SINGLE_SEGMENT: u8 = 1 << 5;
const ZSTD_MAGIC: [u8; 4] = [0x28, 0xB5, 0x2F, 0xFD];
