//! Compressing, sealing, and both as a frame is made, and the reverse.

use std::hint::black_box;

use criterion::measurement::WallTime;
use criterion::{BenchmarkGroup, Criterion, Throughput};
use ring::aead::{AES_256_GCM, Aad, LessSafeKey, Nonce, UnboundKey};
use strongroom_crypt::{FrameSealer, Id, RepositoryId, Sealer as _, Secret, Suite};
use strongroom_format::{BlobRecord, Codec, Compressor, Decompressor, frame_aad};

use crate::data::{noise, prose};

const LEN: usize = 2 << 20;

/// Zstandard and AES-256-GCM as their libraries offer them, with contexts that are used again, are the limits.
pub(crate) fn stages(criterion: &mut Criterion) {
    let mut group = criterion.benchmark_group("frame of 2 MiB");
    group.throughput(Throughput::Bytes(LEN as u64));
    for (name, plain) in [("prose", prose(LEN)), ("noise", noise(LEN))] {
        compression(&mut group, name, &plain);
        whole(&mut group, name, &plain);
    }
    sealing(&mut group);
    group.finish();
}

fn compression(group: &mut BenchmarkGroup<'_, WallTime>, name: &str, plain: &[u8]) {
    for level in [1, 3] {
        let mut bare = zstd::bulk::Compressor::new(level).expect("a level that zstd has");
        let mut out = vec![0; zstd::zstd_safe::compress_bound(plain.len())];
        group.bench_function(format!("limit: zstd {level} of {name}"), |bencher| {
            bencher.iter(|| {
                bare.compress_to_buffer(black_box(plain), out.as_mut_slice())
                    .expect("it compresses")
            });
        });
        let mut compressor = Compressor::new(level).expect("a level that zstd has");
        let mut out = Vec::new();
        group.bench_function(format!("compress {name} at level {level}"), |bencher| {
            bencher.iter(|| {
                out.clear();
                compressor
                    .compress(black_box(plain), &mut out)
                    .expect("it compresses")
            });
        });
    }
    let mut stored = Vec::new();
    let codec = Compressor::new(3)
        .and_then(|mut one| one.compress(plain, &mut stored))
        .expect("it compresses");
    if codec != Codec::Zstd {
        return;
    }
    let mut bare = zstd::bulk::Decompressor::new().expect("zstd is there");
    let mut out = vec![0; plain.len()];
    group.bench_function(format!("limit: zstd -d of {name}"), |bencher| {
        bencher.iter(|| {
            bare.decompress_to_buffer(black_box(&stored), out.as_mut_slice())
                .expect("it decompresses")
        });
    });
    let mut decompressor = Decompressor::new().expect("zstd is there");
    let mut out = Vec::new();
    group.bench_function(format!("decompress {name}"), |bencher| {
        bencher.iter(|| {
            out.clear();
            decompressor
                .decompress(codec, black_box(&stored), plain.len(), &mut out)
                .expect("it decompresses");
        });
    });
}

fn sealing(group: &mut BenchmarkGroup<'_, WallTime>) {
    let plain = noise(LEN);
    let key = UnboundKey::new(&AES_256_GCM, &[9; 32]).expect("it is as long as a key");
    let key = LessSafeKey::new(key);
    let mut copy = plain.clone();
    group.bench_function("limit: AES-256-GCM in place", |bencher| {
        bencher.iter(|| {
            let nonce = Nonce::assume_unique_for_key([0; 12]);
            let tag = key.seal_in_place_separate_tag(nonce, Aad::empty(), black_box(&mut copy));
            tag.expect("it seals").as_ref().len()
        });
    });
    for suite in [Suite::Aes256Gcm, Suite::ChaCha20Poly1305] {
        let sealer = FrameSealer::new(suite, &Secret::from_bytes(&[9; 32]));
        let (blobs, repository) = (blobs(), RepositoryId::from_bytes([2; 16]));
        let (mut aad, mut out) = (Vec::new(), Vec::new());
        group.bench_function(format!("seal, {suite:?}"), |bencher| {
            bencher.iter(|| {
                frame_aad(&mut aad, &repository, 0, Codec::Raw, &blobs);
                out.clear();
                sealer
                    .seal(&aad, black_box(&plain), &mut out)
                    .expect("it seals");
            });
        });
    }
}

/// A frame as it is made for a pack. Its limit is the sum of the two above.
fn whole(group: &mut BenchmarkGroup<'_, WallTime>, name: &str, plain: &[u8]) {
    let sealer = FrameSealer::new(Suite::Aes256Gcm, &Secret::from_bytes(&[9; 32]));
    let (blobs, repository) = (blobs(), RepositoryId::from_bytes([2; 16]));
    let mut compressor = Compressor::new(3).expect("a level that zstd has");
    let (mut aad, mut stored, mut out) = (Vec::new(), Vec::new(), Vec::new());
    group.bench_function(
        format!("frame of {name}, compressed and sealed"),
        |bencher| {
            bencher.iter(|| {
                stored.clear();
                let codec = compressor
                    .compress(black_box(plain), &mut stored)
                    .expect("it compresses");
                frame_aad(&mut aad, &repository, 0, codec, &blobs);
                out.clear();
                sealer.seal(&aad, &stored, &mut out).expect("it seals");
            });
        },
    );
}

fn blobs() -> [BlobRecord; 1] {
    [BlobRecord {
        id: Id::from_bytes([1; 32]),
        len: 2 << 20,
    }]
}
