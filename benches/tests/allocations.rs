//! What a backup, a restore and a check allocate for each mebibyte: bounds that a buffer which is not used again, or a copy for each file, breaks.
//!
//! Each operation is done on a small and on a larger tree, everything on one thread; what the larger costs more is the slope, which does not
//! hold what is allocated once. One test, since the allocator counts for the whole process.

#![expect(clippy::unwrap_used, reason = "a test says by a panic that it failed")]

use std::alloc::System;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use futures::executor::block_on;
use stats_alloc::{INSTRUMENTED_SYSTEM, Region, StatsAlloc};
use strongroom_crypt::Suite;
use strongroom_fs::{DirectoryTarget, DirectoryTargetOptions, FileTree};
use strongroom_repo::{
    BackupOptions, Components, CreateOptions, Credential, Execution, Repository, RestoreOptions,
    Settings,
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
    // In memory where there is such a folder: it is not the disk that is looked at.
    let folder = tempfile::tempdir_in("/dev/shm").or_else(|_| tempfile::tempdir());
    let folder = folder.unwrap();
    let source = folder.path().join("source");
    write_tree(&source, files, len);
    let mut components = Components::default();
    components.execution = Execution::Inline;
    // Small packs, so that the last one, which is not full, hardly counts.
    let mut settings = Settings::default();
    settings.pack_bytes = 1 << 20;
    let store: Arc<dyn Store> = Arc::new(MemoryStore::new());
    let builder = Repository::builder(store)
        .components(components)
        .settings(settings);
    let options = CreateOptions::default().with_suite(Suite::None);
    let created = block_on(builder.create(options, &Credential::None)).unwrap();
    let repository = created.repository;
    let backup = || {
        // Files that were written this moment count as settled: none is read twice.
        let source = FileTree::builder(&source).timestamp_granule(Duration::ZERO);
        let source = source.build().unwrap();
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
    let mut above = Vec::new();
    for (what, len, [few, many], bounds) in BOUNDS {
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
            if a_file > most_a_file || a_byte > most_a_byte {
                above.push(format!("{operation} of {what}"));
            }
        }
    }
    assert!(above.is_empty(), "more than is allowed: {above:?}");
}

/// Name, length and two counts of files; then the most allocations a file and bytes allocated a byte of a first backup, an unchanged one and a restore:
/// about half as much again as was counted.
type Bounds = (&'static str, usize, [usize; 2], [(f64, f64); 3]);

const BOUNDS: [Bounds; 2] = [
    (
        "small files",
        4_000,
        [500, 2_500],
        [(6.5, 3.5), (6.5, 1.0), (20.0, 1.0)],
    ),
    (
        "large files",
        1_000_000,
        [2, 10],
        [(75.0, 2.3), (25.0, 0.5), (75.0, 0.1)],
    ),
];
