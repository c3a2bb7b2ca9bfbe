//! Cutting and ids.

use std::hint::black_box;

use criterion::{BenchmarkId, Criterion, Throughput};
use strongroom_chunk::{ChunkSizes, Gear64, chunks};
use strongroom_crypt::{IdHasher, Secret};

use crate::data::{MEBIBYTE, noise};

/// Reading the bytes once is the limit of cutting, BLAKE3 without a key that of ids.
pub(crate) fn stages(criterion: &mut Criterion) {
    let key = Secret::from_bytes(&[7; 32]);
    let chunker = Gear64::new(ChunkSizes::DEFAULT, key.expose()).expect("the default sizes suit");
    let ids = IdHasher::new(&key);
    let data = noise(16 * MEBIBYTE);
    let mut group = criterion.benchmark_group("content");
    group.throughput(Throughput::Bytes(data.len() as u64));
    let mut copy = vec![0; data.len()];
    group.bench_function("limit: memcpy", |bencher| {
        bencher.iter(|| copy.copy_from_slice(black_box(&data)));
    });
    group.bench_function("cut", |bencher| {
        bencher.iter(|| chunks(&chunker, black_box(&data)).count());
    });
    for size in [4 << 10, 64 << 10, MEBIBYTE] {
        group.bench_function(BenchmarkId::new("limit: blake3", size), |bencher| {
            let hash = |chunk| blake3::hash(chunk).as_bytes()[0];
            bencher.iter(|| data.chunks(size).map(hash).fold(0, |sum, byte| sum ^ byte));
        });
        group.bench_function(BenchmarkId::new("id", size), |bencher| {
            let id = |chunk| ids.id(0, chunk).as_bytes()[0];
            bencher.iter(|| data.chunks(size).map(id).fold(0, |sum, byte| sum ^ byte));
        });
    }
    group.finish();
}
