//! What one seed decides: everything, when operations run inline.

mod pauses;
mod rivalry;
mod two_stores;

use std::collections::BTreeMap;
use std::ops::ControlFlow;
use std::sync::{Arc, Mutex};

use bytes::Bytes;
use futures::executor::block_on;
use futures::{FutureExt as _, TryStreamExt as _};
use strongroom_chunk::ChunkSizes;
use strongroom_crypt::{Argon2Params, Id, SeededRandom};
use strongroom_format::{Node, Time};
use strongroom_store::wrap::{
    Call, Fault, FaultPlan, Faulty, Operation, Recording, RecordingSleep, Rule, When,
};
use strongroom_store::{ErrorKind as StoreKind, Key, MemoryStore, Prefix, Store, StoreExt as _};

use super::Access;
use crate::testing::{Content, Flat, MemoryTarget, Tree, TreeSource, noise};
use crate::threads::started;
use crate::{
    BackupOptions, BackupReport, Chunking, Clock, Components, CreateOptions, Credential, Depth,
    Error, ErrorKind, Execution, Extra, Mode, Repository, RestoreOptions, RestoreReport, Settings,
};

/// Stands still.
#[derive(Debug)]
struct Noon;

impl Clock for Noon {
    fn now(&self) -> Time {
        Time::new(1_800_000_000, 0)
    }
}

fn components(seed: u64, execution: Execution) -> Components {
    Components {
        clock: Arc::new(Noon),
        random: Arc::new(SeededRandom::new(seed)),
        sleep: Arc::new(RecordingSleep::new()),
        execution,
        ..Components::default()
    }
}

const PASSPHRASE: &str = "correct horse battery staple";

/// Packs of a megabyte and an announcement after each two, to see both at work on little data.
fn settings() -> Settings {
    Settings {
        pack_bytes: 1 << 20,
        announce_bytes: 2 << 20,
        threads: 3,
        ..Settings::default()
    }
}

/// Something of everything, about seven packs of it. Each round has some new content, and some of the round before.
fn tree(round: u64) -> Tree {
    let small = (round..round + 200)
        .map(|n| (format!("{n:04}").into_bytes(), Tree::file(&noise(n, 5_000))))
        .collect();
    let large = |seed| {
        let before = Content::Data(noise(seed, 1_400_000));
        let after = Content::Data(noise(seed + 1, 300_000));
        Tree::File(vec![before, Content::Zeros(5_000_000), after], None)
    };
    let linked = || Tree::File(vec![Content::Data(b"one inode".to_vec())], Some(7));
    Tree::dir([
        ("a", Tree::dir([("nothing", Tree::dir([]))])),
        ("b", linked()),
        ("c", linked()),
        ("large", large(1_000)),
        ("larger", large(2_000 + round)),
        ("pointer", Tree::Symlink(b"large".to_vec())),
        ("small", Tree::Dir(small)),
    ])
}

/// What a history of operations came to.
struct History {
    calls: Vec<Call>,
    objects: BTreeMap<String, Bytes>,
    reports: Vec<BackupReport>,
    restored: Vec<RestoreReport>,
    trees: Vec<Flat>,
}

/// Creates a repository.
fn create(store: Arc<dyn Store>, seed: u64, execution: Execution) -> Repository {
    create_with(store, components(seed, execution))
}

fn create_with(store: Arc<dyn Store>, components: Components) -> Repository {
    let credential = Credential::passphrase(PASSPHRASE);
    let builder = Repository::builder(store)
        .settings(settings())
        .components(components);
    let options = CreateOptions::default().with_argon2(Argon2Params::FASTEST);
    block_on(builder.create(options, &credential))
        .unwrap()
        .repository
}

/// Creates a repository, backs up three times, and restores.
fn history(seed: u64, execution: Execution) -> History {
    history_with(components(seed, execution))
}

fn history_with(components: Components) -> History {
    let store = Arc::new(Recording::new(MemoryStore::new()));
    let repository = create_with(store.clone(), components);
    let reports: Vec<_> = (0..3).map(|round| backup(&repository, round)).collect();
    let (mut restored, mut trees) = (Vec::new(), Vec::new());
    let target = Arc::new(MemoryTarget::default());
    for report in &reports {
        let (report, flat) = restore(&repository, &report.snapshot, &target);
        restored.push(report);
        trees.push(flat);
    }
    let objects = block_on(all(store.inner()));
    History {
        calls: store.calls(),
        objects,
        reports,
        restored,
        trees,
    }
}

fn backup(repository: &Repository, round: u64) -> BackupReport {
    try_backup(repository, round).unwrap()
}

fn try_backup(repository: &Repository, round: u64) -> Result<BackupReport, Error> {
    let mut source = TreeSource::new(tree(round));
    // What has changed since the round before has another stamp.
    let stamp = 1_600_000_000 + i64::try_from(round).unwrap();
    source.stamps.insert("larger".to_owned(), stamp);
    try_backup_of(repository, source)
}

fn try_backup_of(repository: &Repository, source: TreeSource) -> Result<BackupReport, Error> {
    let sizes = ChunkSizes::new(16 << 10, 64 << 10, 256 << 10).unwrap();
    let options = BackupOptions::new("tests").with_chunking(Chunking::Gear64(sizes));
    block_on(repository.backup(Arc::new(source), options, Arc::new(())))
}

/// Restores over what is in the target.
fn restore(
    repository: &Repository,
    snapshot: &Id,
    target: &Arc<MemoryTarget>,
) -> (RestoreReport, Flat) {
    let options = RestoreOptions::default().with_extra(Extra::Remove);
    let restoring = repository.restore(snapshot, target.clone(), options, Arc::new(()));
    let report = block_on(restoring).unwrap();
    assert!(report.is_complete(), "{report:?}");
    (report, target.flat())
}

async fn all(store: &MemoryStore) -> BTreeMap<String, Bytes> {
    let listed: Vec<_> = store.list(&Prefix::root()).try_collect().await.unwrap();
    let mut objects = BTreeMap::new();
    for meta in listed {
        let bytes = store.get_all(&meta.key).await.unwrap();
        objects.insert(meta.key.as_str().to_owned(), bytes);
    }
    objects
}

#[test]
fn one_seed_decides_everything() {
    let before = started::by_this_thread();
    let (one, other) = (history(1, Execution::Inline), history(1, Execution::Inline));
    assert_eq!(started::by_this_thread(), before, "no thread is started");
    for (at, (one, other)) in one.calls.iter().zip(&other.calls).enumerate() {
        assert_eq!(one, other, "call {at}");
    }
    assert_eq!(one.calls.len(), other.calls.len());
    for (name, bytes) in &one.objects {
        assert!(other.objects.get(name) == Some(bytes), "{name}");
    }
    assert_eq!(one.objects.len(), other.objects.len());
    assert_eq!(one.reports[2].snapshot, other.reports[2].snapshot);
    let elsewhere = history(2, Execution::Inline);
    assert!(one.objects.keys().ne(elsewhere.objects.keys()));
    assert!(one.calls != elsewhere.calls);
}

#[test]
fn both_forms_of_execution_do_the_same() {
    let inline = history(1, Execution::Inline);
    let before = started::by_this_thread();
    let threads = history(1, Execution::Threads);
    assert!(started::by_this_thread() > before);
    assert!(inline.trees == threads.trees);
    for (round, flat) in (0..).zip(&inline.trees) {
        assert!(*flat == tree(round).flat(), "round {round}");
    }
    for (inline, threads) in inline.reports.iter().zip(&threads.reports) {
        let mut counts = inline.summary.clone();
        // Packs are padded, and what is packed together depends on who is done first.
        counts.added_bytes = threads.summary.added_bytes;
        assert_eq!(counts, threads.summary);
        assert_eq!(inline.outcome, threads.outcome);
    }
    assert_eq!(inline.restored.len(), threads.restored.len());
    for (inline, threads) in inline.restored.iter().zip(&threads.restored) {
        assert_eq!(inline.entries(), threads.entries());
        assert_eq!(inline.bytes_restored, threads.bytes_restored);
        assert_eq!(inline.hard_links, threads.hard_links);
    }
}

#[test]
fn packs_are_put_and_announced_on_the_way() {
    let history = history(3, Execution::Inline);
    let report = &history.reports[0];
    assert!(report.packs >= 6, "{report:?}");
    assert!(report.announcements >= 2, "{report:?}");
    let puts: Vec<&str> = history
        .calls
        .iter()
        .filter(|call| call.operation == Operation::Put)
        .map(|call| call.key.as_str())
        .collect();
    let first_segment = puts
        .iter()
        .position(|key| key.starts_with("index/"))
        .unwrap();
    let last_pack = puts
        .iter()
        .rposition(|key| key.starts_with("pack"))
        .unwrap();
    assert!(first_segment < last_pack, "{puts:?}");
}

#[test]
fn looking_reads_and_dry_runs_start_no_thread() {
    let before = started::by_this_thread();
    let store = Arc::new(MemoryStore::new());
    let repository = create(store, 1, Execution::Inline);
    let report = backup(&repository, 0);
    let listed = Arc::new(Mutex::new(Vec::new()));
    let seen = Arc::clone(&listed);
    let each = move |path: &[u8], _: &Node| {
        seen.lock().unwrap().push(path.to_vec());
        ControlFlow::Continue(())
    };
    block_on(repository.list(&report.snapshot, b"", Depth::All, each)).unwrap();
    let flat = tree(0).flat();
    assert!(listed.lock().unwrap().iter().eq(flat.keys().skip(1)));
    let read =
        block_on(repository.read_file(&report.snapshot, b"large", |_| ControlFlow::Continue(())));
    assert_eq!(read.unwrap(), 6_700_000);
    let source = Arc::new(TreeSource::new(tree(0)));
    let options = BackupOptions::new("tests");
    let dry = block_on(repository.backup_dry_run(source, options, Arc::new(()))).unwrap();
    assert_eq!(dry.entries, flat.len() as u64);
    let target = Arc::new(MemoryTarget::default());
    let options = RestoreOptions::default().with_mode(Mode::DryRun);
    let restoring = repository.restore(&report.snapshot, target.clone(), options, Arc::new(()));
    assert!(block_on(restoring).unwrap().is_complete());
    assert!(target.flat().is_empty());
    assert_eq!(started::by_this_thread(), before);
}

#[test]
fn the_first_poll_is_the_whole_operation() {
    let store = Arc::new(Recording::new(MemoryStore::new()));
    let repository = create(store.clone(), 1, Execution::Inline);
    store.reset();
    drop(repository.snapshots());
    assert_eq!(store.calls(), Vec::new());
    let snapshots = repository.snapshots().now_or_never().unwrap();
    assert!(snapshots.unwrap().is_empty());
}

/// What is announced is found by the next backup, at whatever request the store goes away.
#[test]
fn a_store_that_goes_away_at_any_put_leaves_a_repository() {
    let undisturbed = history(1, Execution::Inline);
    let puts = |prefix: &str| {
        let is_put =
            |call: &&Call| call.operation == Operation::Put && call.key.starts_with(prefix);
        undisturbed.calls.iter().filter(is_put).count()
    };
    assert!(puts("pack/") > 9 && puts("journal/") > 4);
    for at in [1, 4, 7, 9] {
        let store = Arc::new(Faulty::new(MemoryStore::new(), FaultPlan::new()));
        let repository = create(store.clone(), 1, Execution::Inline);
        let gone = Rule::new(Fault::FailBefore(StoreKind::Unavailable));
        let gone = gone
            .with_operation(Operation::Put)
            .with_when(When::From(at));
        store.inject(gone);
        let error = try_backup(&repository, 0).unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Unavailable, "{error:?}");
        store.heal();
        let report = backup(&repository, 0);
        let (_, restored) = restore(&repository, &report.snapshot, &Arc::default());
        assert!(restored == tree(0).flat());
    }
}

/// Runs operations on a store that fails one request in nine; returns the requests and how the operations ended.
fn with_faults(seed: u64) -> (Vec<Call>, Vec<Result<u64, ErrorKind>>) {
    let store = Arc::new(Faulty::new(MemoryStore::new(), FaultPlan::seeded(seed)));
    let recording = Arc::new(Recording::new(store.clone()));
    let repository = create(recording.clone(), seed, Execution::Inline);
    for fault in [
        Fault::FailBefore(StoreKind::Unavailable),
        Fault::FailAfter(StoreKind::Unavailable),
    ] {
        store.inject(Rule::new(fault).with_when(When::OneIn(9)));
    }
    let run = |round: u64| {
        let file = Tree::file(&noise(round, 50_000));
        let source = TreeSource::new(Tree::dir([("file", file), ("dir", Tree::dir([]))]));
        let ended = try_backup_of(&repository, source);
        ended
            .map(|report| report.entry.0)
            .map_err(|error| error.kind())
    };
    let ended = (0..6).map(run).collect();
    (recording.calls(), ended)
}

#[test]
fn a_history_with_faults_is_repeated() {
    let mut failed = 0;
    for seed in 1..6 {
        let (one, other) = (with_faults(seed), with_faults(seed));
        assert!(one == other, "seed {seed}");
        failed += one.1.iter().filter(|ended| ended.is_err()).count();
    }
    assert!(failed > 0);
}

#[test]
fn a_source_that_fails_or_panics_ends_the_run_with_the_cause() {
    let repository = create(Arc::new(MemoryStore::new()), 1, Execution::Inline);
    for path in ["larger", "small/0007"] {
        let run = |source: TreeSource| {
            let options = BackupOptions::new("tests");
            block_on(repository.backup(Arc::new(source), options, Arc::new(()))).unwrap_err()
        };
        let mut source = TreeSource::new(tree(0));
        source.fatal.insert(path.to_owned());
        assert_eq!(run(source).kind(), ErrorKind::Source);
        let mut source = TreeSource::new(tree(0));
        source.panics.insert(path.to_owned());
        assert_eq!(run(source).kind(), ErrorKind::Internal);
    }
    backup(&repository, 0);
}

#[test]
fn nothing_is_written_over_either_where_nothing_is_to_be_written() {
    let key = Key::parse("config").unwrap();
    for execution in [Execution::Inline, Execution::Threads] {
        let store = Arc::new(MemoryStore::new());
        block_on(store.put_new(&key, "before".into())).unwrap();
        let access = Access::new(store.clone(), execution);
        access.set_read_only(true);
        let over = |access: Access| {
            let key = key.clone();
            block_on(super::run(access, "test", move |remote| {
                remote.replace(&key, "after".into())
            }))
        };
        let error = over(access.clone()).unwrap_err();
        assert_eq!(error.kind(), ErrorKind::ReadOnly);
        assert_eq!(block_on(store.get_all(&key)).unwrap(), "before");
        // The repair that lets others write again may.
        over(access.writable()).unwrap();
        assert_eq!(block_on(store.get_all(&key)).unwrap(), "after");
    }
}

#[test]
fn an_object_that_is_there_under_its_hash_counts_only_if_it_holds_the_same() {
    let key = Key::parse("index/1").unwrap();
    let cases = [
        ("whole", None),
        ("who", Some(ErrorKind::Conflict)),
        ("whole and more", Some(ErrorKind::Conflict)),
        ("whale", Some(ErrorKind::Conflict)),
    ];
    for execution in [Execution::Inline, Execution::Threads] {
        for (there, expected) in cases {
            let store = Arc::new(MemoryStore::new());
            block_on(store.put_new(&key, there.into())).unwrap();
            let access = Access::new(store.clone(), execution);
            let name = key.clone();
            let outcome = block_on(super::run(access, "test", move |remote| {
                remote.put_hashed(&name, "whole".into())
            }));
            assert_eq!(
                outcome.map_err(|error| error.kind()).err(),
                expected,
                "{there}"
            );
            assert_eq!(block_on(store.get_all(&key)).unwrap(), there);
        }
    }
}
