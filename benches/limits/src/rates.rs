//! What computes, each stage alone.

use std::hint::black_box;

use anyhow::anyhow;
use ring::aead::{AES_256_GCM, Aad, Algorithm, CHACHA20_POLY1305, LessSafeKey, Nonce, UnboundKey};
use ring::digest;

use crate::data::{MEBIBYTE, noise, prose};
use crate::sampling::{Sampling, Unit, Work};
use crate::window::Gear;

/// Measures copying, cutting, hashing, compressing and sealing. Every thread has data of its own, so that none warms another's cache.
pub(crate) fn measure(sampling: &Sampling) -> anyhow::Result<()> {
    content(sampling)?;
    compression(sampling)?;
    for (name, algorithm) in [
        ("AES-256-GCM", &AES_256_GCM),
        ("ChaCha20-Poly1305", &CHACHA20_POLY1305),
    ] {
        sealing(sampling, name, algorithm)?;
    }
    Ok(())
}

fn content(sampling: &Sampling) -> anyhow::Result<()> {
    let all = 16 * MEBIBYTE;
    sampling.measure("copy 16 MiB", Unit::Megabytes, all, |seed| {
        let (from, mut to) = (noise(seed as u64, all), vec![0; all]);
        done(move || to.copy_from_slice(black_box(&from)))
    })?;
    sampling.measure("cut, gear, mean 1 MiB", Unit::Megabytes, all, |seed| {
        let (data, gear) = (noise(seed as u64, all), Gear::new(&[1; 32]));
        done(move || {
            let mut rest = data.as_slice();
            while !rest.is_empty() {
                rest = rest.split_at(gear.cut(rest)).1;
            }
        })
    })?;
    for (label, size) in [
        ("4 KiB", 4 << 10),
        ("64 KiB", 64 << 10),
        ("1 MiB", MEBIBYTE),
    ] {
        sampling.measure(
            &format!("id, BLAKE3 keyed, {label}"),
            Unit::Megabytes,
            all,
            |seed| {
                let data = noise(seed as u64, all);
                done(move || {
                    for chunk in data.chunks(size) {
                        black_box(blake3::keyed_hash(&[2; 32], chunk));
                    }
                })
            },
        )?;
    }
    sampling.measure("SHA-256, 1 MiB", Unit::Megabytes, MEBIBYTE, |seed| {
        let data = noise(seed as u64, MEBIBYTE);
        done(move || {
            black_box(digest::digest(&digest::SHA256, &data));
        })
    })
}

fn compression(sampling: &Sampling) -> anyhow::Result<()> {
    let len = 2 * MEBIBYTE;
    for (kind, make) in [
        ("prose", prose as fn(u64, usize) -> Vec<u8>),
        ("noise", noise),
    ] {
        for level in [1, 3, 6] {
            let name = format!("compress {kind}, zstd {level}, 2 MiB");
            sampling.measure(&name, Unit::Megabytes, len, |seed| {
                let data = make(seed as u64, len);
                let mut context = zstd::bulk::Compressor::new(level)?;
                let mut out = vec![0; zstd::zstd_safe::compress_bound(len)];
                Ok(Box::new(move || {
                    black_box(context.compress_to_buffer(&data, out.as_mut_slice())?);
                    Ok(())
                }))
            })?;
        }
    }
    sampling.measure(
        "decompress prose, zstd 3, 2 MiB",
        Unit::Megabytes,
        len,
        |seed| {
            let stored = zstd::bulk::compress(&prose(seed as u64, len), 3)?;
            let mut context = zstd::bulk::Decompressor::new()?;
            let mut out = vec![0; len];
            Ok(Box::new(move || {
                black_box(context.decompress_to_buffer(&stored, out.as_mut_slice())?);
                Ok(())
            }))
        },
    )
}

fn sealing(sampling: &Sampling, name: &str, algorithm: &'static Algorithm) -> anyhow::Result<()> {
    let key = || -> anyhow::Result<LessSafeKey> {
        let key = UnboundKey::new(algorithm, &[3; 32]).map_err(|_| anyhow!("a key"))?;
        Ok(LessSafeKey::new(key))
    };
    let nonce = |number: u32| {
        let mut bytes = [0; 12];
        bytes[..4].copy_from_slice(&number.to_le_bytes());
        Nonce::assume_unique_for_key(bytes)
    };
    for (label, len) in [("4 KiB", 4 << 10), ("512 KiB", 512 << 10)] {
        sampling.measure(
            &format!("seal, {name}, {label}"),
            Unit::Megabytes,
            len,
            |seed| {
                let (mut data, key, mut count) = (noise(seed as u64, len), key()?, 0_u32);
                Ok(Box::new(move || {
                    count = count.wrapping_add(1);
                    let tag = key.seal_in_place_separate_tag(nonce(count), Aad::empty(), &mut data);
                    let tag = tag.map_err(|_| anyhow!("it does not seal"))?;
                    black_box(tag.as_ref());
                    Ok(())
                }))
            },
        )?;
    }
    let len = 512 << 10;
    sampling.measure(
        &format!("open, {name}, 512 KiB"),
        Unit::Megabytes,
        len,
        |seed| {
            let key = key()?;
            let mut sealed = noise(seed as u64, len);
            key.seal_in_place_append_tag(nonce(0), Aad::empty(), &mut sealed)
                .map_err(|_| anyhow!("seal"))?;
            let mut copy = sealed.clone();
            // Opening destroys what it opens: the copy is in the figure, at a few per cent.
            Ok(Box::new(move || {
                copy.copy_from_slice(&sealed);
                let opened = key.open_in_place(nonce(0), Aad::empty(), &mut copy);
                black_box(opened.map_err(|_| anyhow!("it does not open"))?);
                Ok(())
            }))
        },
    )
}

/// Makes work of what cannot fail.
fn done<'w>(mut work: impl FnMut() + Send + 'w) -> anyhow::Result<Work<'w>> {
    Ok(Box::new(move || {
        work();
        Ok(())
    }))
}
