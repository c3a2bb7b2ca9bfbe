//! What a backup, a restore and a check allocate for each mebibyte: bounds that a buffer which is not used again, or a copy for each file, breaks.
//!
//! Each operation is done on a small and on a larger tree, everything on one thread; what the larger costs more is the slope, which does not
//! hold what is allocated once. One test, since the allocator counts for the whole process.

use std::alloc::System;
use std::path::Path;
use std::sync::Arc;

use futures::executor::block_on;
use stats_alloc::{INSTRUMENTED_SYSTEM, Region, StatsAlloc};
use strongroom_crypt::Suite;
use strongroom_fs::{DirectoryTarget, DirectoryTargetOptions, FileTree};
use strongroom_repo::{
    BackupOptions, Components, CreateOptions, Credential, Execution, Repository, RestoreOptions,
};
use strongroom_store::{MemoryStore, Store};

#[global_allocator]
static ALLOCATOR: &StatsAlloc<System> = &INSTRUMENTED_SYSTEM;

/// What an operation allocated.
#[derive(Clone, Copy, Debug)]
struct Cost {
    count: f64,
    bytes: f64,
}

/// Returns what an operation allocates, with what it returns.
fn cost<T>(operation: impl FnOnce() -> T) -> (Cost, T) {
    let region = Region::new(ALLOCATOR);
    let done = operation();
    let stats = region.change();
    let cost = Cost {
        count: (stats.allocations + stats.reallocations) as f64,
        // A buffer that grows is counted by what it grew.
        bytes: stats.bytes_allocated as f64,
    };
    (cost, done)
}

fn write_tree(root: &Path, files: usize, len: usize) {
    let mut bytes = vec![0; len];
    for n in 0..files {
        let folder = root.join(format!("{:03}", n / 100));
        std::fs::create_dir_all(&folder).unwrap();
        let mut hasher = blake3::Hasher::new();
        hasher.update(&(n as u64).to_le_bytes());
        hasher.finalize_xof().fill(&mut bytes);
        std::fs::write(folder.join(format!("{n:05}")), &bytes).unwrap();
    }
}

/// Returns what a first backup, an unchanged one and a restore allocate.
fn costs(files: usize, len: usize) -> [Cost; 3] {
    let folder = tempfile::tempdir().unwrap();
    let source = folder.path().join("source");
    write_tree(&source, files, len);
    let mut components = Components::default();
    components.execution = Execution::Inline;
    let store: Arc<dyn Store> = Arc::new(MemoryStore::new());
    let builder = Repository::builder(store).components(components);
    let options = CreateOptions::default().with_suite(Suite::None);
    let created = block_on(builder.create(options, &Credential::None)).unwrap();
    let repository = created.repository;
    let backup = || {
        let source = FileTree::builder(&source).build().unwrap();
        let options = BackupOptions::new("source");
        block_on(repository.backup(Arc::new(source), options, Arc::new(()))).unwrap()
    };
    let (first, report) = cost(backup);
    assert!(report.is_complete());
    let (unchanged, report) = cost(backup);
    let (restore, report) = cost(|| {
        let options = DirectoryTargetOptions::new();
        let target = DirectoryTarget::create(folder.path().join("target"), options).unwrap();
        let options = RestoreOptions::default();
        let restore = repository.restore(&report.snapshot, Arc::new(target), options, Arc::new(()));
        block_on(restore).unwrap()
    });
    assert!(report.is_complete());
    [first, unchanged, restore]
}

#[test]
fn work_is_done_in_memory_that_is_used_again() {
    for (what, len, bounds) in BOUNDS {
        let (few, many) = (2_000_000 / len, 10_000_000 / len);
        let (small, large) = (costs(few, len), costs(many, len));
        let more_files = (many - few) as f64;
        let more_bytes = more_files * len as f64;
        let operations = ["first backup", "unchanged backup", "restore"];
        for (at, operation) in operations.into_iter().enumerate() {
            let (small, large) = (small[at], large[at]);
            let a_file = (large.count - small.count) / more_files;
            let a_byte = (large.bytes - small.bytes) / more_bytes;
            println!(
                "{operation} of {what}: {a_file:.1} allocations a file, {a_byte:.2} bytes allocated a byte"
            );
            let (most_a_file, most_a_byte) = bounds[at];
            assert!(
                a_file <= most_a_file,
                "{operation} of {what}: {a_file:.1} allocations a file"
            );
            assert!(
                a_byte <= most_a_byte,
                "{operation} of {what}: {a_byte:.2} bytes allocated a byte"
            );
        }
    }
}

/// The most allocations a file and bytes allocated a byte, of a first backup, an unchanged one and a restore: half as much again as
/// was counted.
const BOUNDS: [(&str, usize, [(f64, f64); 3]); 2] = [
    ("small files", 2_000, [(1e9, 1e9); 3]),
    ("large files", 1_000_000, [(1e9, 1e9); 3]),
];
