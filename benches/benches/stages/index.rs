//! Building a segment, opening it, and looking ids up.

use std::hint::black_box;

use criterion::{Criterion, Throughput};
use strongroom_crypt::{Id, RepositoryId, Secret, SessionId, StructureKeys, Suite};
use strongroom_format::{ObjectHash, PackClass, PackRow, Segment, SegmentBuilder};

use crate::data::noise;

const ENTRIES: usize = 100_000;

/// Sorting the ids is the limit of building, finding them in a sorted list that of looking them up.
pub(crate) fn stages(criterion: &mut Criterion) {
    let keys = StructureKeys::new(Suite::Aes256Gcm, &Secret::from_bytes(&[3; 32]));
    let bytes = noise(ENTRIES * 32);
    let (ids, _) = bytes.as_chunks::<32>();
    let ids: Vec<Id> = ids.iter().map(|bytes| Id::from_bytes(*bytes)).collect();
    let build = || {
        let mut builder = SegmentBuilder::new();
        let pack = PackRow {
            name: ObjectHash::of(b"a pack"),
            len: 1 << 24,
            header_offset: 1 << 23,
            header_len: 1 << 20,
            class: PackClass::Data,
        };
        let pack = builder.push_pack(pack);
        let frame = builder.push_frame(pack, 64, 1 << 19, 0);
        for id in &ids {
            builder.push_entry(id, frame);
        }
        let (repository, session) = (
            RepositoryId::from_bytes([2; 16]),
            SessionId::from_bytes([0; 32]),
        );
        builder
            .finish(Suite::Aes256Gcm, repository, [0; 16], session, keys.index())
            .expect("it fits")
    };
    let object = build();
    let segment = Segment::decode(&object, keys.index()).expect("it was just made");
    let mut sorted: Vec<[u8; 32]> = ids.iter().map(|id| *id.as_bytes()).collect();
    let mut group = criterion.benchmark_group("index segment of 100,000 entries");
    group.throughput(Throughput::Elements(ENTRIES as u64));
    group.sample_size(20);
    group.bench_function("limit: sort", |bencher| {
        bencher.iter(|| {
            let mut copy: Vec<[u8; 32]> = black_box(&ids).iter().map(|id| *id.as_bytes()).collect();
            copy.sort_unstable();
            copy
        });
    });
    group.bench_function("build, sort and seal", |bencher| bencher.iter(build));
    group.bench_function("open and check", |bencher| {
        bencher.iter(|| Segment::decode(black_box(&object), keys.index()).expect("it is whole"));
    });
    sorted.sort_unstable();
    group.bench_function("limit: binary search", |bencher| {
        let find = |id: &&Id| sorted.binary_search(id.as_bytes()).is_ok();
        bencher.iter(|| black_box(&ids).iter().filter(find).count());
    });
    group.bench_function("look up", |bencher| {
        let find = |id: &&Id| !segment.find(id).is_empty();
        bencher.iter(|| black_box(&ids).iter().filter(find).count());
    });
    group.finish();
}
