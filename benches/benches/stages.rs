//! Throughput of each stage of a backup on one core. `memcpy` and `blake3` on the same data are the limits to
//! read the others against.

use std::hint::black_box;

use criterion::{BenchmarkId, Criterion, Throughput, criterion_group, criterion_main};
use strongroom_chunk::{ChunkSizes, Gear64, chunks};
use strongroom_crypt::{
    FrameSealer, Id, IdHasher, Sealer as _, Secret, SessionId, StructureKeys, Suite,
};
use strongroom_format::parity::{self, Overhead, Parity};
use strongroom_format::{
    BlobRecord, Codec, Compressor, Decompressor, Leaf, Names, Node, ObjectHash, PackClass, PackRow,
    SegmentBuilder, Time, frame_aad, pack_preamble,
};

const MEBIBYTE: usize = 1 << 20;

/// Bytes that do not compress.
fn noise(len: usize) -> Vec<u8> {
    let mut bytes = vec![0; len];
    blake3::Hasher::new().finalize_xof().fill(&mut bytes);
    bytes
}

/// Bytes that compress about as source code does: words of a small vocabulary.
fn prose(len: usize) -> Vec<u8> {
    let words: Vec<String> = (0..600)
        .map(|n: u32| format!("{:x} ", n.wrapping_mul(2_654_435_761) >> 12))
        .collect();
    let choice = noise(len);
    let (pairs, _) = choice.as_chunks::<2>();
    let word = |pair: &[u8; 2]| {
        let at = usize::from(u16::from_le_bytes(*pair));
        // Squared, so that some words are common and most are rare.
        words
            .get(((at * at) >> 18) % words.len())
            .map_or("", String::as_str)
            .bytes()
    };
    pairs.iter().flat_map(word).take(len).collect()
}

fn content(criterion: &mut Criterion) {
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
    group.bench_function("limit: blake3", |bencher| {
        bencher.iter(|| blake3::hash(black_box(&data)));
    });
    group.bench_function("cut", |bencher| {
        bencher.iter(|| chunks(&chunker, black_box(&data)).count());
    });
    for size in [4 << 10, 64 << 10, MEBIBYTE] {
        let label = BenchmarkId::new("id", size);
        group.bench_function(label, |bencher| {
            bencher.iter(|| {
                data.chunks(size)
                    .map(|chunk| ids.id(0, chunk))
                    .fold(0, |sum, id| sum ^ id.as_bytes()[0])
            });
        });
    }
    group.finish();
}

fn frames(criterion: &mut Criterion) {
    let secret = Secret::from_bytes(&[9; 32]);
    let blobs = [BlobRecord {
        id: Id::from_bytes([1; 32]),
        len: 512 << 10,
    }];
    let repository = strongroom_crypt::RepositoryId::from_bytes([2; 16]);
    let mut group = criterion.benchmark_group("frame of 512 KiB");
    group.throughput(Throughput::Bytes(512 << 10));
    for (name, plain) in [("prose", prose(512 << 10)), ("noise", noise(512 << 10))] {
        for level in [1, 3] {
            let mut compressor = Compressor::new(level).expect("a level that zstd has");
            let mut out = Vec::new();
            group.bench_function(format!("compress {name} at level {level}"), |bencher| {
                bencher.iter(|| {
                    out.clear();
                    compressor
                        .compress(black_box(&plain), &mut out)
                        .expect("it compresses")
                });
            });
        }
        let mut stored = Vec::new();
        let codec = Compressor::new(3)
            .and_then(|mut one| one.compress(&plain, &mut stored))
            .expect("it compresses");
        if codec == Codec::Zstd {
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
    }
    let plain = noise(512 << 10);
    for suite in [Suite::Aes256Gcm, Suite::ChaCha20Poly1305] {
        let sealer = FrameSealer::new(suite, &secret);
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
    group.finish();
}

fn trees(criterion: &mut Criterion) {
    let entries: Vec<Node> = (0..1_000_u32)
        .map(|n| Node {
            name: format!("file-{n:04}.rs").into_bytes(),
            mode: 0o644,
            mtime: Time::new(1_700_000_000 + i64::from(n) * 7_919, n * 900_001),
            ctime: Some(Time::new(1_710_000_000, n * 800_001)),
            inode: 1_000_000 + u64::from(n),
            size: u64::from(n) * 37,
            first_ref: n + 1,
            refs: 1,
            ..Node::default()
        })
        .collect();
    let names = Names::Leaf(Leaf {
        entries,
        ..Leaf::default()
    });
    let mut encoded = Vec::new();
    names.encode(&mut encoded).expect("it encodes");
    let mut group = criterion.benchmark_group("names of 1,000 entries");
    group.throughput(Throughput::Elements(1_000));
    let mut out = Vec::new();
    group.bench_function("encode", |bencher| {
        bencher.iter(|| {
            out.clear();
            black_box(&names).encode(&mut out).expect("it encodes");
        });
    });
    group.bench_function("decode", |bencher| {
        bencher.iter(|| Names::decode(black_box(&encoded)).expect("it decodes"));
    });
    group.finish();
}

fn index(criterion: &mut Criterion) {
    let keys = StructureKeys::new(Suite::Aes256Gcm, &Secret::from_bytes(&[3; 32]));
    let ids: Vec<Id> = noise(100_000 * 32)
        .as_chunks::<32>()
        .0
        .iter()
        .map(|bytes| Id::from_bytes(*bytes))
        .collect();
    let mut group = criterion.benchmark_group("index segment of 100,000 entries");
    group.throughput(Throughput::Elements(100_000));
    group.sample_size(20);
    group.bench_function("build, sort and seal", |bencher| {
        bencher.iter(|| {
            let mut builder = SegmentBuilder::new();
            let name = strongroom_format::ObjectHash::of(b"a pack");
            let pack = PackRow {
                name,
                len: 1 << 24,
                header_offset: 1 << 23,
                header_len: 1 << 20,
                class: PackClass::Data,
            };
            let row = builder.push_pack(pack);
            let frame = builder.push_frame(row, 64, 1 << 19, 0);
            for id in &ids {
                builder.push_entry(id, frame);
            }
            let repository = strongroom_crypt::RepositoryId::from_bytes([2; 16]);
            let session = SessionId::from_bytes([0; 32]);
            builder
                .finish(Suite::Aes256Gcm, repository, [0; 16], session, keys.index())
                .expect("it fits")
        });
    });
    group.finish();
}

/// Parity of a full pack, as a backup makes it, as a check looks at it, and as a repair uses it.
fn packs(criterion: &mut Criterion) {
    let repository = strongroom_crypt::RepositoryId::from_bytes([2; 16]);
    let mut pack = noise(16 * MEBIBYTE);
    let preamble = pack_preamble(Suite::Aes256Gcm, repository, [3; 16], PackClass::Data);
    pack.splice(..64, preamble.encode());
    let name = ObjectHash::of(&pack);
    let mut group = criterion.benchmark_group("parity of 16 MiB");
    group.throughput(Throughput::Bytes(pack.len() as u64));
    group.bench_function("limit: blake3", |bencher| {
        bencher.iter(|| blake3::hash(black_box(&pack)));
    });
    for percent in [2, 10] {
        let overhead = Overhead::percent(percent).expect("it is a percentage");
        group.bench_function(format!("encode {overhead}"), |bencher| {
            bencher.iter(|| parity::encode(&name, black_box(&pack), overhead, [4; 16]));
        });
        let object = parity::encode(&name, &pack, overhead, [4; 16]).expect("it is a pack");
        let view = Parity::decode(&object).expect("it was just made");
        group.bench_function(format!("inspect {overhead}"), |bencher| {
            bencher.iter(|| view.inspect(black_box(&pack)).is_intact());
        });
        let burst = view.geometry().promised_burst_bytes();
        for (what, len) in [("one sector", 4_096), ("the promised burst", burst)] {
            let mut damaged = pack.clone();
            let len = usize::try_from(len).expect("it fits the pack");
            damaged[MEBIBYTE + 7..MEBIBYTE + 7 + len].fill(0);
            group.bench_function(format!("heal {what} with {overhead}"), |bencher| {
                bencher.iter(|| view.heal(black_box(&damaged)).expect("it heals"));
            });
        }
    }
    group.finish();
}

criterion_group!(stages, content, frames, trees, index, packs);
criterion_main!(stages);
