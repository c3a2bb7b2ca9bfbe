//! Compressing and sealing, and the reverse, into memory that is used again.

use anyhow::{Context as _, anyhow};
use ring::aead::{AES_256_GCM, Aad, LessSafeKey, Nonce, UnboundKey};

use crate::aligned::Aligned;
use crate::laps::{Laps, Stage};

/// What a frame is found by again.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Frame {
    pub(crate) offset: usize,
    /// With its tag.
    pub(crate) stored: usize,
    /// In plain.
    pub(crate) plain: usize,
    pub(crate) is_compressed: bool,
    pub(crate) nonce: u64,
}

/// Bytes of an authentication tag.
const TAG: usize = 16;
/// What is tried at a fast level before a large frame is compressed.
const PROBE: usize = 16 << 10;

/// Contexts that are made once a thread.
pub(crate) struct Chest {
    key: LessSafeKey,
    compressor: zstd::bulk::Compressor<'static>,
    probe: zstd::bulk::Compressor<'static>,
    decompressor: zstd::bulk::Decompressor<'static>,
    scratch: Vec<u8>,
}

impl std::fmt::Debug for Chest {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Chest(..)")
    }
}

impl Chest {
    pub(crate) fn new(level: i32) -> anyhow::Result<Self> {
        let key = UnboundKey::new(&AES_256_GCM, &[3; 32]).map_err(|_| anyhow!("a key"))?;
        Ok(Self {
            key: LessSafeKey::new(key),
            compressor: zstd::bulk::Compressor::new(level)?,
            probe: zstd::bulk::Compressor::new(1)?,
            decompressor: zstd::bulk::Decompressor::new()?,
            scratch: vec![0; zstd::zstd_safe::compress_bound(PROBE)],
        })
    }

    /// Appends a frame to a pack.
    pub(crate) fn put(
        &mut self,
        plain: &[u8],
        nonce: u64,
        pack: &mut Aligned,
        laps: &mut Laps,
    ) -> anyhow::Result<Frame> {
        let offset = pack.len();
        let is_compressed = laps.lap(Stage::Compress, plain.len(), || self.compress(plain, pack));
        let len = pack.len() - offset;
        laps.lap(Stage::Seal, len, || -> anyhow::Result<()> {
            let body = pack.filled_from(offset);
            let tag = self
                .key
                .seal_in_place_separate_tag(unique(nonce), Aad::from(b"a frame"), body)
                .map_err(|_| anyhow!("it does not seal"))?;
            pack.append(tag.as_ref());
            Ok(())
        })?;
        Ok(Frame {
            offset,
            stored: pack.len() - offset,
            plain: plain.len(),
            is_compressed,
            nonce,
        })
    }

    /// Appends what is compressed, or what is as it is if that is hardly longer.
    fn compress(&mut self, plain: &[u8], pack: &mut Aligned) -> bool {
        let most = plain.len() - plain.len() / 32;
        if self.is_worth_it(plain)
            && let Ok(len) = self.compressor.compress_to_buffer(plain, pack.room())
            && len < most
        {
            pack.grow(len);
            return true;
        }
        pack.append(plain);
        false
    }

    /// Tries a little of the beginning and of the middle.
    fn is_worth_it(&mut self, plain: &[u8]) -> bool {
        let middle = plain.len() / 2;
        let windows = [plain.get(..PROBE), plain.get(middle..middle + PROBE)];
        windows.into_iter().any(|window| {
            window.is_none_or(|window| {
                let tried = self
                    .probe
                    .compress_to_buffer(window, self.scratch.as_mut_slice());
                tried.is_ok_and(|len| len < PROBE - PROBE / 32)
            })
        })
    }

    /// Opens a frame where it lies in a pack; returns it in plain.
    pub(crate) fn get<'a>(
        &mut self,
        frame: &Frame,
        pack: &'a mut [u8],
        plain: &'a mut Vec<u8>,
        laps: &mut Laps,
    ) -> anyhow::Result<&'a [u8]> {
        let body = pack.get_mut(frame.offset..frame.offset + frame.stored);
        let body = body.context("the pack is too short")?;
        let opened = laps.lap(Stage::Open, frame.stored, || {
            self.key
                .open_in_place(unique(frame.nonce), Aad::from(b"a frame"), body)
        });
        let opened: &[u8] = opened.map_err(|_| anyhow!("a frame does not open"))?;
        if !frame.is_compressed {
            return Ok(opened);
        }
        plain.resize(frame.plain, 0);
        laps.lap(Stage::Decompress, frame.plain, || {
            self.decompressor
                .decompress_to_buffer(opened, plain.as_mut_slice())
        })?;
        Ok(plain)
    }
}

/// Returns the most that a frame needs in a pack.
pub(crate) fn bound(plain: usize) -> usize {
    zstd::zstd_safe::compress_bound(plain) + TAG
}

fn unique(number: u64) -> Nonce {
    let mut bytes = [0; 12];
    bytes[..8].copy_from_slice(&number.to_le_bytes());
    Nonce::assume_unique_for_key(bytes)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::data::{noise, prose};

    #[test]
    fn what_is_put_is_got_again() {
        let mut chest = Chest::new(3).unwrap();
        let mut pack = Aligned::new(1 << 20);
        let mut laps = Laps::default();
        for (number, plain) in [prose(1, 200_000), noise(2, 200_000), prose(3, 10)]
            .iter()
            .enumerate()
        {
            let frame = chest
                .put(plain, number as u64, &mut pack, &mut laps)
                .unwrap();
            assert_eq!(frame.is_compressed, number == 0);
            let mut stored = pack.filled().to_vec();
            let mut out = Vec::new();
            let got = chest.get(&frame, &mut stored, &mut out, &mut laps).unwrap();
            assert_eq!(got, plain);
        }
    }
}
