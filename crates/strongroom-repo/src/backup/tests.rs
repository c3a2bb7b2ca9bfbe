//! Backing up into a memory store, with faults, and restoring into a map.

use std::collections::BTreeMap;
use std::sync::Arc;

use proptest::prelude::*;
use strongroom_chunk::ChunkSizes;
use strongroom_crypt::Suite;
use strongroom_format::{NodeKind, Outcome, SkipReason};
use strongroom_store::wrap::{
    Fault, FaultPlan, Faulty, Gate, Operation, Recording, RetryPolicy, Retrying, Rule, When,
};
use strongroom_store::{MemoryStore, Prefix, Store, StoreExt as _};

use super::{BackupOptions, BackupReport, Chunking, ParentChoice};
use crate::testing::{
    Content, MemoryTarget, TestStore, Tree, TreeSource, noise, reopen, repository, settings,
};
use crate::{CreateOptions, Credential, Error, ErrorKind, Repository, RestoreOptions, Settings};

/// Small chunks, so that small files have recipes of several pages.
pub(super) fn options() -> BackupOptions {
    let sizes = ChunkSizes::new(64, 256, 1024).unwrap();
    BackupOptions::new("tests").with_chunking(Chunking::Gear64(sizes))
}

/// Chunks as users have them, so that many packs are quickly filled.
fn back_up_packs(repository: &Repository) -> Result<BackupReport, Error> {
    let source = Arc::new(TreeSource::new(several_packs()));
    futures::executor::block_on(repository.backup(
        source,
        BackupOptions::new("packs"),
        Arc::new(()),
    ))
}

fn try_backup(repository: &Repository, source: &Arc<TreeSource>) -> Result<BackupReport, Error> {
    futures::executor::block_on(repository.backup(source.clone(), options(), Arc::new(())))
}

pub(super) fn backup(repository: &Repository, tree: &Tree) -> BackupReport {
    try_backup(repository, &Arc::new(TreeSource::new(tree.clone()))).unwrap()
}

pub(super) fn assert_restores(repository: &Repository, report: &BackupReport, tree: &Tree) {
    let target = Arc::new(MemoryTarget::default());
    let restored = repository.restore(
        &report.snapshot,
        target.clone(),
        RestoreOptions::default(),
        Arc::new(()),
    );
    let restored = futures::executor::block_on(restored).unwrap();
    assert!(restored.is_complete(), "{restored:?}");
    assert!(
        target.flat() == tree.flat(),
        "what was restored is not what was backed up"
    );
}

/// A tree with something of everything: empty things, files of one chunk and of many, a large one with
/// holes, hard links, a directory of several pages.
pub(super) fn sample() -> Tree {
    let many = (0..1_500)
        .map(|n| (format!("{n:04}").into_bytes(), Tree::file(&noise(n, 20))))
        .collect();
    let large = vec![
        Content::Data(noise(1, 1_300_000)),
        Content::Zeros(9_000_000),
        Content::Data(noise(2, 40_000)),
        Content::Zeros(70_000),
    ];
    Tree::dir([
        (
            "a",
            Tree::dir([("empty", Tree::file(b"")), ("nothing", Tree::dir([]))]),
        ),
        ("large", Tree::File(large, None)),
        (
            "linked",
            Tree::File(vec![Content::Data(b"one inode".to_vec())], Some(7)),
        ),
        (
            "linked too",
            Tree::File(vec![Content::Data(b"one inode".to_vec())], Some(7)),
        ),
        ("many", Tree::Dir(many)),
        ("medium", Tree::file(&noise(3, 200_000))),
        ("pointer", Tree::Symlink(b"large".to_vec())),
    ])
}

/// Packs of a megabyte and an announcement after each, to see both at work on little data.
pub(super) fn eager() -> Settings {
    let mut settings = settings(2);
    settings.pack_bytes = 1 << 20;
    settings.announce_bytes = 1 << 20;
    settings
}

pub(super) fn in_store(store: Arc<dyn Store>, settings: Settings) -> Result<Repository, Error> {
    let builder = Repository::builder(store).settings(settings);
    futures::executor::block_on(builder.open(&Credential::None))
}

#[test]
fn what_was_backed_up_is_restored() {
    let (_, repository) = repository();
    let tree = sample();
    let report = backup(&repository, &tree);
    assert!(report.is_complete());
    assert_eq!(report.summary.files, 1_505);
    assert_eq!((report.summary.directories, report.summary.others), (4, 1));
    assert_restores(&repository, &report, &tree);
}

#[test]
fn an_unchanged_backup_is_one_journal_entry_and_reads_nothing() {
    let (store, repository) = repository();
    let tree = sample();
    let first = backup(&repository, &tree);
    let source = Arc::new(TreeSource::new(tree.clone()));
    store.reset();
    let second = try_backup(&repository, &source).unwrap();
    assert_eq!(source.reads(), Vec::<String>::new());
    assert_eq!(source.filled(), 0, "nothing was opened");
    let puts: Vec<_> = store
        .calls()
        .into_iter()
        .filter(|call| call.operation == Operation::Put)
        .collect();
    assert_eq!(puts.len(), 1, "{puts:?}");
    assert!(puts[0].key.starts_with("journal/"), "{puts:?}");
    assert_eq!(store.count(Operation::List), 0);
    assert_eq!(second.parent, Some(first.snapshot));
    assert_eq!(second.summary.unchanged, 1_506);
    assert_eq!((second.packs, second.summary.new_bytes), (0, 0));
    assert_restores(&repository, &second, &tree);
}

#[test]
fn opening_backing_up_and_committing_cost_just_these_requests() {
    let cache = tempfile::tempdir().unwrap();
    let (store, _) = repository();
    let cached = || {
        let cache = Some(cache.path().to_owned());
        Settings {
            cache,
            ..settings(2)
        }
    };
    let mut tree = sample();
    backup(&reopen(&store, cached()), &tree);
    let requests = |store: &TestStore| -> Vec<(Operation, String)> {
        let calls = store.calls().into_iter();
        let named = calls.map(|call| {
            let kind = call.key.split('/').next().unwrap().to_owned();
            (call.operation, kind)
        });
        named.collect()
    };
    let journal = |operation| (operation, "journal".to_owned());
    store.reset();
    let repository = reopen(&store, cached());
    let config = (Operation::Get, "config".to_owned());
    let opening = [config, journal(Operation::Get), journal(Operation::Get)];
    assert_eq!(requests(&store), opening);

    store.reset();
    backup(&repository, &tree);
    let beyond_packs = |all: Vec<(Operation, String)>| -> Vec<(Operation, String)> {
        all.into_iter().filter(|(_, kind)| kind != "pack").collect()
    };
    // Is there anything new; is there anything after it; the commit.
    let three = [Operation::Get, Operation::Head, Operation::Put].map(journal);
    assert_eq!(beyond_packs(requests(&store)), three);
    // The parent's names and pages, which are one small pack each.
    let of_packs = requests(&store).len() - three.len();
    assert!(of_packs <= 2, "{:?}", store.calls());

    let Tree::Dir(entries) = &mut tree else {
        unreachable!()
    };
    entries.insert(b"z".to_vec(), Tree::file(b"new"));
    store.reset();
    backup(&repository, &tree);
    let [new, vacant, commit] = three;
    let segment = (Operation::Put, "index".to_owned());
    assert_eq!(
        beyond_packs(requests(&store)),
        [new, segment, vacant, commit]
    );
    let packs = requests(&store).into_iter();
    let put = packs.filter(|(operation, kind)| *operation == Operation::Put && kind == "pack");
    assert_eq!(put.count(), 3, "content, names and pages");
}

#[test]
fn a_commit_names_the_head_it_was_validated_against() {
    let (store, repository) = repository();
    backup(&repository, &Tree::dir([]));
    let key =
        |n| strongroom_store::Key::parse(&strongroom_format::object_name::journal(n)).unwrap();
    let bytes = |n| futures::executor::block_on(store.get_all(&key(n))).unwrap();
    let entry = strongroom_format::Entry::decode(&bytes(1)).unwrap();
    let payload = entry
        .open(repository.context().keys().structure.journal())
        .unwrap();
    let strongroom_format::Body::Commit(commit) = payload.body else {
        panic!("{payload:?}")
    };
    assert_eq!(
        commit.seen,
        Some((1, strongroom_format::ObjectHash::of(&bytes(0))))
    );
}

#[test]
fn a_change_costs_what_changed() {
    let (_, repository) = repository();
    let mut tree = sample();
    backup(&repository, &tree);
    let Tree::Dir(entries) = &mut tree else {
        unreachable!()
    };
    let Some(Tree::Dir(many)) = entries.get_mut(b"many".as_slice()) else {
        unreachable!()
    };
    many.insert(b"0700".to_vec(), Tree::file(b"edited"));
    let mut source = TreeSource::new(tree.clone());
    source.stamps.insert("many/0700".into(), 1_650_000_000);
    let source = Arc::new(source);
    let report = try_backup(&repository, &source).unwrap();
    assert_eq!(source.reads(), ["many/0700"]);
    assert_eq!(report.summary.new_bytes, 6);
    assert_eq!(report.summary.unchanged, 1_505);
    assert_restores(&repository, &report, &tree);
}

#[test]
fn a_file_stamped_within_the_granule_of_the_parent_is_read_again() {
    let (_, repository) = repository();
    let tree = Tree::dir([("now", Tree::file(b"now")), ("old", Tree::file(b"old"))]);
    let far = 32_503_680_000; // the year 3000: later than any clock of a test
    let source = || {
        let mut source = TreeSource::new(tree.clone());
        source.stamps.insert("now".into(), far);
        Arc::new(source)
    };
    try_backup(&repository, &source()).unwrap();
    let again = source();
    try_backup(&repository, &again).unwrap();
    assert_eq!(again.reads(), ["now"]);
}

#[test]
fn equal_content_is_stored_once_whoever_comes_first() {
    let (_, repository) = repository();
    let same = noise(9, 900);
    let entries = (0..200)
        .map(|n| (format!("{n:03}").into_bytes(), Tree::file(&same)))
        .collect();
    let tree = Tree::Dir(entries);
    let report = backup(&repository, &tree);
    assert_eq!(report.summary.bytes, 200 * 900);
    assert_eq!(report.summary.new_bytes, 900);
    assert_restores(&repository, &report, &tree);
}

#[test]
fn what_cannot_be_read_is_named_and_everything_else_is_there() {
    let (_, repository) = repository();
    let tree = |with_secret: bool, with_locked: bool| {
        let mut entries = vec![
            ("changing", Tree::file(b"content")),
            ("fine", Tree::file(b"fine")),
        ];
        if with_locked {
            entries.push(("locked", Tree::dir([("inside", Tree::file(b"hidden"))])));
        }
        if with_secret {
            entries.push(("secret", Tree::file(b"secret")));
        }
        Tree::dir(entries)
    };
    let mut source = TreeSource::new(tree(true, true));
    source.unreadable = ["secret".to_owned(), "locked".to_owned()].into();
    source.changing = ["changing".to_owned()].into();
    let report = try_backup(&repository, &Arc::new(source)).unwrap();
    assert_eq!(report.outcome, Outcome::Partial);
    let named: BTreeMap<_, _> = report
        .problems
        .iter()
        .map(|one| (one.path.clone(), one.reason))
        .collect();
    assert_eq!(
        named,
        BTreeMap::from([
            (b"changing".to_vec(), SkipReason::ChangedWhileRead),
            (b"locked".to_vec(), SkipReason::PermissionDenied),
            (b"secret".to_vec(), SkipReason::PermissionDenied),
        ])
    );
    assert_eq!(report.summary.skipped, 3);
    assert_restores(&repository, &report, &tree(false, false));
    let listed = futures::executor::block_on(repository.snapshots()).unwrap();
    let recorded = &listed[0].details.as_ref().unwrap().skipped;
    assert_eq!(*recorded, report.problems, "the snapshot names them too");
}

#[test]
fn a_source_that_fails_or_panics_or_lies_makes_no_snapshot() {
    let (_, repository) = repository();
    type Break = fn(&mut TreeSource);
    let broken: [(Break, ErrorKind); 5] = [
        (
            |source| _ = source.fatal.insert("medium".into()),
            ErrorKind::Source,
        ),
        (
            |source| _ = source.fatal.insert("large".into()),
            ErrorKind::Source,
        ),
        (
            |source| _ = source.panics.insert("many/0700".into()),
            ErrorKind::Internal,
        ),
        (
            |source| _ = source.panics.insert("large".into()),
            ErrorKind::Internal,
        ),
        (|source| source.disorder = true, ErrorKind::Internal),
    ];
    for (at, (break_it, kind)) in broken.into_iter().enumerate() {
        let mut source = TreeSource::new(sample());
        break_it(&mut source);
        let error = try_backup(&repository, &Arc::new(source)).unwrap_err();
        assert_eq!(error.kind(), kind, "case {at}: {error:?}");
        assert!(
            futures::executor::block_on(repository.snapshots())
                .unwrap()
                .is_empty()
        );
    }
    let tree = sample();
    let report = backup(&repository, &tree);
    assert_restores(&repository, &report, &tree);
}

/// A tree of incompressible files: five packs of a megabyte.
fn several_packs() -> Tree {
    let entries = (0..45).map(|n| {
        (
            format!("{n:02}").into_bytes(),
            Tree::file(&noise(n, 100_000)),
        )
    });
    Tree::Dir(entries.collect())
}

fn small_packs() -> Settings {
    eager()
}

fn plan_failing_put(n: u64, prefix: &str, fault: Fault) -> FaultPlan {
    let plan = FaultPlan::new();
    plan.with_rule(
        Rule::new(fault)
            .with_operation(Operation::Put)
            .with_key_prefix(prefix)
            .with_when(When::Nth(n)),
    )
}

#[test]
fn an_interrupted_backup_goes_on_without_storing_again_what_was_announced() {
    let (store, _) = repository();
    let tree = several_packs();
    // The fourth pack does not get through; what came before was announced.
    let plan = plan_failing_put(
        4,
        "pack/",
        Fault::FailBefore(strongroom_store::ErrorKind::Unavailable),
    );
    let faulty: Arc<dyn Store> = Arc::new(Faulty::new(store.clone() as Arc<dyn Store>, plan));
    let broken = in_store(faulty, small_packs()).unwrap();
    let error = back_up_packs(&broken).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Unavailable);
    let again = reopen(&store, small_packs());
    let announced: u64 = again
        .journal()
        .state()
        .packs
        .all()
        .values()
        .map(|pack| u64::from(pack.len))
        .sum();
    assert!(announced >= 1 << 20, "{announced} bytes were announced");
    let report = back_up_packs(&again).unwrap();
    let total = 45 * 100_000_u64;
    assert!(
        report.summary.new_bytes <= total - announced * 9 / 10,
        "{report:?}"
    );
    assert_restores(&again, &report, &tree);
}

#[test]
fn a_store_that_fails_at_any_put_costs_the_run_and_nothing_else() {
    for fault in [
        Fault::FailBefore(strongroom_store::ErrorKind::Unavailable),
        Fault::FailAfter(strongroom_store::ErrorKind::Unavailable),
        Fault::FailBefore(strongroom_store::ErrorKind::NoSpace),
    ] {
        for n in 1.. {
            let (store, _) = repository();
            let tree = several_packs();
            let plan = plan_failing_put(n, "", fault.clone());
            let faulty = Arc::new(Faulty::new(store.clone() as Arc<dyn Store>, plan));
            let broken = in_store(faulty.clone(), small_packs()).unwrap();
            let first = back_up_packs(&broken);
            let fired = faulty.fired() > 0;
            let healed = reopen(&store, small_packs());
            let listed = futures::executor::block_on(healed.snapshots()).unwrap();
            match &first {
                Ok(report) => {
                    assert!(
                        listed.iter().any(|one| one.id == report.snapshot),
                        "acknowledged and gone"
                    );
                    assert_restores(&healed, report, &tree);
                }
                Err(error) => assert!(
                    matches!(error.kind(), ErrorKind::Unavailable | ErrorKind::NoSpace),
                    "{error:?}"
                ),
            }
            let report = back_up_packs(&healed).unwrap();
            assert_restores(&healed, &report, &tree);
            if !fired {
                break;
            }
        }
    }
}

#[test]
fn dropping_the_future_leaves_a_repository_that_goes_on() {
    let (store, _) = repository();
    let tree = several_packs();
    let gate = Gate::new();
    let rule = Rule::new(Fault::PauseBefore(gate.clone()))
        .with_operation(Operation::Put)
        .with_key_prefix("pack/")
        .with_when(When::Nth(3));
    let plan = FaultPlan::new().with_rule(rule);
    let paused: Arc<dyn Store> = Arc::new(Faulty::new(store.clone() as Arc<dyn Store>, plan));
    let repository = in_store(paused, small_packs()).unwrap();
    let source = Arc::new(TreeSource::new(tree.clone()));
    let run = repository.backup(source, BackupOptions::new("packs"), Arc::new(()));
    let arrived = gate.arrived(1);
    let ended =
        futures::executor::block_on(futures::future::select(Box::pin(run), Box::pin(arrived)));
    assert!(
        matches!(ended, futures::future::Either::Right(_)),
        "it went past the gate"
    );
    drop(ended);
    let healed = reopen(&store, small_packs());
    assert!(
        futures::executor::block_on(healed.snapshots())
            .unwrap()
            .is_empty()
    );
    let report = back_up_packs(&healed).unwrap();
    assert_restores(&healed, &report, &tree);
}

#[test]
fn machines_that_back_up_at_once_all_get_their_snapshots() {
    let (store, _) = repository();
    let reports: Vec<(BackupReport, Tree)> = std::thread::scope(|scope| {
        let runs: Vec<_> = (0..6_u8)
            .map(|n| {
                let store = store.clone();
                scope.spawn(move || {
                    // Another length, so that nobody takes another's file for its own.
                    let own = Tree::file(&noise(1_000 + u64::from(n), 50_000 + usize::from(n)));
                    let tree = Tree::dir([("own", own), ("shared", several_packs())]);
                    (backup(&reopen(&store, small_packs()), &tree), tree)
                })
            })
            .collect();
        runs.into_iter().map(|run| run.join().unwrap()).collect()
    });
    let fresh = reopen(&store, settings(2));
    assert_eq!(
        futures::executor::block_on(fresh.snapshots())
            .unwrap()
            .len(),
        6
    );
    for (report, tree) in &reports {
        assert_restores(&fresh, report, tree);
    }
}

#[test]
fn every_pack_but_the_last_has_exactly_the_pack_size() {
    let (store, _) = repository();
    let repository = reopen(&store, small_packs());
    back_up_packs(&repository).unwrap();
    let packs = repository.journal().state().packs.clone();
    let data: Vec<u32> = packs
        .all()
        .values()
        .filter(|pack| pack.class == strongroom_format::PackClass::Data)
        .map(|pack| pack.len)
        .collect();
    let full = data.iter().filter(|len| **len == 1 << 20).count();
    let open = repository.context().shares.open_packs;
    assert!(data.len() - full <= open, "{data:?}");
    assert!(full >= 2, "{data:?}");
}

#[test]
fn every_suite_backs_up_and_restores() {
    for suite in [Suite::Aes256Gcm, Suite::ChaCha20Poly1305] {
        let store: Arc<TestStore> = Arc::new(Recording::new(MemoryStore::new()));
        let credential = Credential::passphrase("a passphrase");
        let fast = strongroom_crypt::Argon2Params::FASTEST;
        let create = CreateOptions::default().with_suite(suite).with_argon2(fast);
        let builder = Repository::builder(store.clone() as Arc<dyn Store>);
        futures::executor::block_on(builder.create(create, &credential)).unwrap();
        let opening = Repository::builder(store.clone() as Arc<dyn Store>).open(&credential);
        let repository = futures::executor::block_on(opening).unwrap();
        let tree = sample();
        let report = backup(&repository, &tree);
        assert_restores(&repository, &report, &tree);
        let objects = futures::executor::block_on(store.list_all(&Prefix::root())).unwrap();
        for object in objects {
            let bytes = futures::executor::block_on(store.get_all(&object.key)).unwrap();
            let plain = noise(3, 200_000);
            assert!(
                !bytes
                    .windows(32)
                    .any(|window| window == &plain[1_000..1_032]),
                "{}",
                object.key
            );
        }
    }
}

#[test]
fn a_dry_run_counts_and_writes_nothing() {
    let (store, repository) = repository();
    let tree = sample();
    let dry = |source: TreeSource| {
        let run = repository.backup_dry_run(Arc::new(source), options(), Arc::new(()));
        futures::executor::block_on(run).unwrap()
    };
    store.reset();
    let first = dry(TreeSource::new(tree.clone()));
    assert_eq!((first.entries, first.unchanged), (1_510, 0));
    assert_eq!(store.count(Operation::Put), 0);
    backup(&repository, &tree);
    let second = dry(TreeSource::new(tree));
    assert_eq!(
        (second.entries, second.unchanged, second.bytes),
        (1_510, 1_510, 0)
    );
}

#[test]
fn without_a_parent_everything_is_read_and_nothing_is_stored_again() {
    let (_, repository) = repository();
    let tree = sample();
    backup(&repository, &tree);
    let source = Arc::new(TreeSource::new(tree.clone()));
    let options = options().with_parent(ParentChoice::None);
    let run = repository.backup(source.clone(), options, Arc::new(()));
    let report = futures::executor::block_on(run).unwrap();
    assert_eq!(source.reads().len(), 1_505);
    assert_eq!((report.summary.new_bytes, report.packs), (0, 0));
    assert_restores(&repository, &report, &tree);
}

/// Trees of few names, so that later ones meet earlier ones under another kind.
fn any_tree() -> impl Strategy<Value = Tree> {
    let content = prop_oneof![
        (0u64..6, 0usize..3_000).prop_map(|(seed, len)| Content::Data(noise(seed, len.max(1)))),
        (1u64..200_000).prop_map(Content::Zeros),
    ];
    let leaf = prop_oneof![
        3 => prop::collection::vec(content, 0..3).prop_map(|parts| Tree::File(parts, None)),
        1 => "[a-z]{1,9}".prop_map(|target| Tree::Symlink(target.into_bytes())),
    ];
    let name = prop_oneof![Just("a"), Just("b"), Just("c"), Just("d"), Just("e")];
    let names = move |inner| {
        prop::collection::btree_map(
            name.clone().prop_map(|name| name.as_bytes().to_vec()),
            inner,
            0..5,
        )
        .prop_map(Tree::Dir)
    };
    let tree = leaf.prop_recursive(4, 24, 5, names.clone());
    names(tree.boxed())
}

/// Stamps that differ wherever two trees differ, as a file system's would.
fn stamped(number: usize, tree: &Tree) -> TreeSource {
    let mut source = TreeSource::new(tree.clone());
    for (path, (kind, content)) in tree.flat() {
        let hash = blake3::hash(&[&[kind as u8], content.as_slice()].concat());
        let stamp = i64::from(u16::from_le_bytes([hash.as_bytes()[0], hash.as_bytes()[1]]));
        let stamp = if kind == NodeKind::Directory {
            number as i64
        } else {
            stamp
        };
        source
            .stamps
            .insert(String::from_utf8(path).unwrap(), 1_000 + stamp);
    }
    source
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(24))]

    #[test]
    fn every_snapshot_of_a_changing_tree_restores_as_it_was(trees in prop::collection::vec(any_tree(), 1..5)) {
        let (store, _) = repository();
        let mut reports = Vec::new();
        for (number, tree) in trees.iter().enumerate() {
            let repository = reopen(&store, settings(1 + number % 3));
            reports.push(try_backup(&repository, &Arc::new(stamped(number, tree))).unwrap());
        }
        let repository = reopen(&store, settings(2));
        for (report, tree) in reports.iter().zip(&trees) {
            assert_restores(&repository, report, tree);
        }
    }
}

#[test]
fn a_pack_of_which_half_is_stored_is_not_taken_for_stored() {
    let torn = Fault::TornWrite(strongroom_store::ErrorKind::Unavailable);
    for (prefix, nth) in [("pack/", 1), ("pack/", 3), ("index/", 1)] {
        let (store, _) = repository();
        let rule = Rule::new(torn.clone())
            .with_operation(Operation::Put)
            .with_key_prefix(prefix)
            .with_when(When::Nth(nth));
        let faulty = Faulty::new(store.clone(), FaultPlan::new().with_rule(rule));
        let retrying = Retrying::new(faulty, RetryPolicy::default());
        let retrying = retrying.with_sleep(Arc::new(AtOnce));
        let builder = Repository::builder(Arc::new(retrying)).settings(settings(1));
        let opened = futures::executor::block_on(builder.open(&Credential::None)).unwrap();
        let error = back_up_packs(&opened).unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Conflict, "{error:?}");
        assert!(error.object().is_some_and(|name| name.starts_with(prefix)));
        // Started again, it is sealed anew, and complete.
        let report = back_up_packs(&opened).unwrap();
        assert_restores(&opened, &report, &several_packs());
    }
}

/// No time passes.
#[derive(Debug)]
struct AtOnce;

impl strongroom_store::wrap::Sleep for AtOnce {
    fn sleep(&self, _duration: std::time::Duration) -> futures::future::BoxFuture<'static, ()> {
        Box::pin(std::future::ready(()))
    }
}

#[test]
fn a_budget_of_memory_makes_packs_smaller_and_changes_nothing_else() {
    let (store, _) = repository();
    let mut little = settings(2);
    little.memory_bytes = Some(little.memory_bytes_min());
    let repository = reopen(&store, little.clone());
    let report = back_up_packs(&repository).unwrap();
    assert_restores(&repository, &report, &several_packs());
    let packs = repository.journal().state().packs.clone();
    let pack_bytes = repository.context().shares.pack_bytes;
    assert!(pack_bytes < Settings::default().pack_bytes);
    assert!(
        packs
            .all()
            .values()
            .all(|pack| pack.len as usize <= pack_bytes)
    );

    little.memory_bytes = little.memory_bytes.map(|least| least - 1);
    let builder = Repository::builder(store as Arc<dyn Store>).settings(little);
    let refused = futures::executor::block_on(builder.open(&Credential::None)).unwrap_err();
    assert_eq!(refused.kind(), ErrorKind::Invalid);
}
