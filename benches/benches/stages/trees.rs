//! Names of a directory.

use std::hint::black_box;

use criterion::{Criterion, Throughput};
use strongroom_format::{Leaf, Names};

use crate::data::entries;

/// Copying the encoded bytes is the limit of encoding, copying each entry into memory of its own that of decoding.
pub(crate) fn stages(criterion: &mut Criterion) {
    let names = Names::Leaf(Leaf {
        entries: entries(1_000),
        ..Leaf::default()
    });
    let mut encoded = Vec::new();
    names.encode(&mut encoded).expect("it encodes");
    let mut group = criterion.benchmark_group("names of 1,000 entries");
    group.throughput(Throughput::Elements(1_000));
    let mut out = Vec::new();
    group.bench_function("limit: copy of the bytes", |bencher| {
        bencher.iter(|| {
            out.clear();
            out.extend_from_slice(black_box(&encoded));
        });
    });
    group.bench_function("encode", |bencher| {
        bencher.iter(|| {
            out.clear();
            black_box(&names).encode(&mut out).expect("it encodes");
        });
    });
    group.bench_function("limit: copy of the entries", |bencher| {
        bencher.iter(|| black_box(&names).clone());
    });
    group.bench_function("decode", |bencher| {
        bencher.iter(|| Names::decode(black_box(&encoded)).expect("it decodes"));
    });
    group.finish();
}
