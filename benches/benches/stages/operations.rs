//! Whole operations in memory, of which one stage makes nearly all: the merge-join with the parent, and plans.

use std::hint::black_box;
use std::sync::Arc;

use criterion::{BatchSize, Criterion, Throughput};
use futures::executor::block_on;
use strongroom_crypt::{Id, Suite};
use strongroom_repo::testing::{PruneScale, ScaleShape, Tree, TreeSource};
use strongroom_repo::{
    BackupOptions, Components, CreateOptions, Credential, Execution, PruneOptions, Repository,
    RestoreOptions,
};
use strongroom_store::MemoryStore;

use crate::data::tree;

const DIRECTORIES: usize = 100;
const FILES: u64 = 100 * DIRECTORIES as u64;

/// Comparing two sorted lists of everything that a tree says is the limit of an unchanged backup and of a plan for a restore.
pub(crate) fn stages(criterion: &mut Criterion) {
    let (tree, repository, snapshot) = repository();
    let source = Arc::new(TreeSource::new(tree.clone()));
    let mut group = criterion.benchmark_group("10,000 files");
    group.throughput(Throughput::Elements(FILES));
    group.sample_size(20);
    let (one, two) = (tree.flat(), tree.flat());
    group.bench_function("limit: compare two sorted trees", |bencher| {
        bencher.iter(|| black_box(&one).iter().eq(black_box(&two)));
    });
    group.bench_function("merge-join with the parent", |bencher| {
        bencher.iter(|| {
            let options = BackupOptions::new("bench");
            let backup = repository.backup(source.clone(), options, Arc::new(()));
            block_on(backup).expect("nothing fails in memory")
        });
    });
    group.bench_function("plan of a restore", |bencher| {
        bencher.iter(|| {
            let options = RestoreOptions::default();
            let plan = repository.plan_restore(&snapshot, options, None, Arc::new(()));
            block_on(plan).expect("nothing fails in memory")
        });
    });
    group.finish();
    prune(criterion);
}

fn repository() -> (Tree, Repository, Id) {
    let mut components = Components::default();
    components.execution = Execution::Inline;
    let builder = Repository::builder(Arc::new(MemoryStore::new())).components(components);
    let options = CreateOptions::default().with_suite(Suite::None);
    let repository = block_on(builder.create(options, &Credential::None));
    let repository = repository.expect("nothing fails in memory").repository;
    let tree = tree(DIRECTORIES);
    let source = Arc::new(TreeSource::new(tree.clone()));
    let backup = repository.backup(source, BackupOptions::new("bench"), Arc::new(()));
    let report = block_on(backup).expect("nothing fails in memory");
    (tree, repository, report.snapshot)
}

/// Setting one bit for each blob that is needed is the limit of marking.
fn prune(criterion: &mut Criterion) {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let shape = ScaleShape::of_blobs(100_000);
    let open =
        || block_on(PruneScale::open(folder.path(), shape)).expect("nothing fails in memory");
    open().generate().expect("the shape is in bounds");
    let mut group = criterion.benchmark_group("prune of 100,000 blobs");
    group.throughput(Throughput::Elements(shape.blobs));
    group.sample_size(10);
    let mut bits = vec![0_u8; 100_000 / 8];
    group.bench_function("limit: set bits", |bencher| {
        bencher.iter(|| {
            for n in 0..black_box(70_000_usize) {
                // A prime, so that neighbours are not set one after another.
                let at = n * 7_919 % 100_000;
                if let Some(byte) = bits.get_mut(at / 8) {
                    *byte |= 1 << (at % 8);
                }
            }
        });
    });
    group.bench_function("mark and plan", |bencher| {
        let plan = |scale: PruneScale| block_on(scale.plan(PruneOptions::default()));
        bencher.iter_batched(open, plan, BatchSize::PerIteration);
    });
    group.finish();
}
