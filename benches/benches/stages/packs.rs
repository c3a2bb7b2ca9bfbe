//! Parity of a full pack, as a backup makes it, as a check looks at it, and as a repair uses it.

use std::hint::black_box;

use criterion::{Criterion, Throughput};
use strongroom_crypt::{RepositoryId, Suite};
use strongroom_format::parity::{self, Overhead, Parity};
use strongroom_format::{ObjectHash, PackClass, pack_preamble};

use crate::data::{MEBIBYTE, noise};

/// Hashing the pack once is the limit of all of them.
pub(crate) fn stages(criterion: &mut Criterion) {
    let repository = RepositoryId::from_bytes([2; 16]);
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
            let burst = MEBIBYTE + 7..MEBIBYTE + 7 + len;
            damaged.get_mut(burst).expect("it fits the pack").fill(0);
            group.bench_function(format!("heal {what} with {overhead}"), |bencher| {
                bencher.iter(|| view.heal(black_box(&damaged)).expect("it heals"));
            });
        }
    }
    group.finish();
}
