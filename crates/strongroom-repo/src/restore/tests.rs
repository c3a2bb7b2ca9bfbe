//! Restoring from what the test writer wrote into a target that is a map.

use std::sync::Arc;
use std::sync::atomic::Ordering;

use proptest::prelude::*;
use strongroom_crypt::Id;
use strongroom_format::{NodeKind, PackClass, Preamble};
use strongroom_store::wrap::Operation;
use strongroom_store::{Key, Prefix, StoreExt as _};

use crate::testing::{Content, MemoryTarget, Shape, TestStore, Tree, Writer, reopen, repository};
use crate::{
    ErrorKind, Existing, Extra, LostReason, Mode, Repository, RestoreOptions, RestoreReport,
    Settings,
};

fn restore_with(
    repository: &Repository,
    id: &Id,
    target: &Arc<MemoryTarget>,
    options: RestoreOptions,
) -> RestoreReport {
    let restored = repository.restore(id, target.clone(), options, Arc::new(()));
    futures::executor::block_on(restored).unwrap()
}

fn restore(repository: &Repository, id: &Id, target: &Arc<MemoryTarget>) -> RestoreReport {
    restore_with(repository, id, target, RestoreOptions::default())
}

fn noise(seed: u64, len: usize) -> Vec<u8> {
    let mut bytes = vec![0; len];
    blake3::Hasher::new()
        .update(&seed.to_le_bytes())
        .finalize_xof()
        .fill(&mut bytes);
    bytes
}

/// A tree with something of everything.
fn sample() -> Tree {
    let large: Vec<Content> = (0..40).map(|n| Content::Data(noise(n, 300))).collect();
    let mut holes = vec![Content::Zeros(5_000), Content::Data(noise(100, 200))];
    holes.extend([Content::Zeros(70_000), Content::Data(noise(3, 300))]);
    let many: Vec<(String, Tree)> = (0..30)
        .map(|n| (format!("f{n:02}"), Tree::file(&noise(1_000 + n, 150))))
        .collect();
    Tree::dir([
        (
            "a",
            Tree::dir([("same", Tree::file(b"hello")), ("empty", Tree::file(b""))]),
        ),
        (
            "b",
            Tree::dir([(
                "c",
                Tree::dir([("d", Tree::dir([("deep", Tree::file(b"deep"))]))]),
            )]),
        ),
        ("copy", Tree::file(b"hello")),
        ("hole", Tree::File(holes, None)),
        ("large", Tree::File(large, None)),
        ("link", Tree::Symlink(b"../elsewhere".to_vec())),
        (
            "many",
            Tree::dir(
                many.iter()
                    .map(|(name, tree)| (name.as_str(), tree.clone())),
            ),
        ),
        (
            "one",
            Tree::File(vec![Content::Data(b"linked".to_vec())], Some(7)),
        ),
        ("void", Tree::dir([])),
        ("zeros", Tree::File(vec![Content::Zeros(10_000)], None)),
        (
            "zwei",
            Tree::File(vec![Content::Data(b"linked".to_vec())], Some(7)),
        ),
    ])
}

#[test]
fn everything_comes_back() {
    let (_, repository) = repository();
    let tree = sample();
    let id = Writer::new(&repository, Shape::default()).snapshot(&tree, "s");
    let target = Arc::new(MemoryTarget::default());
    let report = restore(&repository, &id, &target);
    assert!(report.is_complete(), "{report:?}");
    assert_eq!(target.flat(), tree.flat());
    assert!(target.items().values().all(|item| item.finished));
    assert_eq!(
        (report.hard_links, report.symlinks, report.files),
        (1, 1, 38)
    );
    let items = target.items();
    assert!(Arc::ptr_eq(
        &items[&b"one"[..]].content,
        &items[&b"zwei"[..]].content
    ));
    assert_eq!(items[&b""[..]].node.mtime, tree.node(b"").mtime);
}

#[test]
fn pieces_that_follow_one_another_are_written_at_once() {
    let pieces: Vec<Content> = (0..40).map(|n| Content::Data(noise(n, 3_000))).collect();
    let tree = Tree::dir([("large", Tree::File(pieces, None))]);
    let (_, repository) = repository();
    let shape = Shape {
        frame_bytes: 64 << 10,
        pack_bytes: 8 << 20,
        ..Shape::default()
    };
    let id = Writer::new(&repository, shape).snapshot(&tree, "s");
    let target = Arc::new(MemoryTarget::default());
    let report = restore(&repository, &id, &target);
    assert!(report.is_complete(), "{report:?}");
    assert_eq!(target.flat(), tree.flat());
    assert_eq!(report.bytes_restored, 120_000);
    let writes = target.writes.load(Ordering::Relaxed);
    assert!(writes <= 3, "{writes} for two frames");
}

#[test]
fn the_index_is_asked_for_a_window_of_files_at_once() {
    const FILES: u64 = 6_000;
    let names: Vec<String> = (0..FILES).map(|n| format!("{n:04}")).collect();
    let files = (0..).zip(&names);
    let files = files.map(|(n, name)| (name.as_str(), Tree::file(&noise(n, 20))));
    let tree = Tree::dir(files);
    let (store, repository) = repository();
    let shape = Shape {
        frame_bytes: 2_000,
        pack_bytes: 30_000,
        leaf_entries: 500,
        inline_refs: 500,
        ..Shape::default()
    };
    let id = Writer::new(&repository, shape).snapshot(&tree, "s");
    let repository = reopen(&store, Settings::default());
    let target = Arc::new(MemoryTarget::default());
    let report = restore(&repository, &id, &target);
    assert!(report.is_complete(), "{report:?}");
    assert_eq!(target.flat(), tree.flat());
    let index = repository.index_slot().lock().unwrap().clone().unwrap();
    let turns = index.page_turns();
    assert!((1..FILES / 4).contains(&turns), "{turns}");
}

#[test]
fn a_second_restore_changes_nothing_and_fetches_no_content() {
    let (_, repository) = repository();
    let tree = sample();
    let id = Writer::new(&repository, Shape::default()).snapshot(&tree, "s");
    let target = Arc::new(MemoryTarget::default());
    let first = restore(&repository, &id, &target);
    for existing in [Existing::Verify, Existing::TrustTimes] {
        target.writes.store(0, Ordering::Relaxed);
        let options = RestoreOptions::default().with_existing(existing);
        let report = restore_with(&repository, &id, &target, options);
        assert!(report.is_complete(), "{report:?}");
        assert_eq!(target.flat(), tree.flat());
        assert_eq!(report.bytes_restored, 0);
        assert_eq!(report.bytes_kept, first.bytes_restored);
        // Empty files have no content to keep.
        assert_eq!(target.writes.load(Ordering::Relaxed), 1);
    }
    let options = RestoreOptions::default().with_existing(Existing::Overwrite);
    let report = restore_with(&repository, &id, &target, options);
    assert_eq!(report.bytes_restored, first.bytes_restored);
    assert_eq!(target.flat(), tree.flat());
}

#[test]
fn only_what_differs_is_fetched_and_holes_are_not_taken_on_trust() {
    let (_, repository) = repository();
    let tree = sample();
    let id = Writer::new(&repository, Shape::default()).snapshot(&tree, "s");
    let target = Arc::new(MemoryTarget::default());
    let first = restore(&repository, &id, &target);
    {
        let items = target.items();
        items[&b"hole"[..]].content.lock().unwrap()[10_000] = 9;
        items[&b"large"[..]].content.lock().unwrap()[310] ^= 1;
        items[&b"a/same"[..]].content.lock().unwrap().push(b'!');
    }
    let report = restore(&repository, &id, &target);
    assert!(report.is_complete(), "{report:?}");
    assert_eq!(target.flat(), tree.flat());
    assert_eq!(report.bytes_restored, 70_000 + 300 + 5);
    assert_eq!(
        report.bytes_kept,
        first.bytes_restored - report.bytes_restored
    );
}

#[test]
fn what_is_not_in_the_snapshot_goes_only_when_asked() {
    let (_, repository) = repository();
    let tree = sample();
    let id = Writer::new(&repository, Shape::default()).snapshot(&tree, "s");
    let target = Arc::new(MemoryTarget::default());
    drop(restore(&repository, &id, &target));
    for path in ["0", "a/zzz", "b/c/extra", "zzz"] {
        target.plant(path, Tree::file(b"x").node(b"x"), b"x");
    }
    let kept = restore(&repository, &id, &target);
    assert_eq!(kept.removed, 0);
    assert!(target.items().contains_key(&b"0"[..]));
    let options = RestoreOptions::default()
        .with_extra(Extra::Remove)
        .with_mode(Mode::DryRun);
    let dry = restore_with(&repository, &id, &target, options);
    assert_eq!(dry.removed, 4);
    assert!(target.items().contains_key(&b"0"[..]));
    let options = RestoreOptions::default().with_extra(Extra::Remove);
    let report = restore_with(&repository, &id, &target, options);
    assert_eq!(
        report.removed_paths,
        [b"0".as_slice(), b"a/zzz", b"b/c/extra", b"zzz"]
    );
    assert_eq!(target.flat(), tree.flat());
}

#[test]
fn a_dry_run_says_what_would_happen_and_touches_nothing() {
    let (store, repository) = repository();
    let id = Writer::new(&repository, Shape::default()).snapshot(&sample(), "s");
    let target = Arc::new(MemoryTarget::default());
    let options = RestoreOptions::default().with_mode(Mode::DryRun);
    let dry = restore_with(&repository, &id, &target, options);
    assert!(target.items().is_empty());
    store.reset();
    let real = restore(&repository, &id, &target);
    assert_eq!(dry.entries(), real.entries());
    assert_eq!(dry.bytes_restored, real.bytes_restored);
    assert_eq!(dry.bytes_fetched, real.bytes_fetched);
}

#[test]
fn a_part_of_a_snapshot_is_restored_alone() {
    let (_, repository) = repository();
    let id = Writer::new(&repository, Shape::default()).snapshot(&sample(), "s");
    let target = Arc::new(MemoryTarget::default());
    let report = restore_with(
        &repository,
        &id,
        &target,
        RestoreOptions::default().with_path("b/c"),
    );
    assert!(report.is_complete());
    let expected = Tree::dir([("d", Tree::dir([("deep", Tree::file(b"deep"))]))]);
    assert_eq!(target.flat(), expected.flat());
    let target = Arc::new(MemoryTarget::default());
    let report = restore_with(
        &repository,
        &id,
        &target,
        RestoreOptions::default().with_path("many/f07"),
    );
    assert!(report.is_complete());
    assert_eq!(target.flat()[&b"f07"[..]].1, noise(1_007, 150));
    let options = RestoreOptions::default().with_path("b/nothing");
    let error = futures::executor::block_on(repository.restore(&id, target, options, Arc::new(())));
    assert_eq!(error.unwrap_err().kind(), ErrorKind::NotFound);
}

#[test]
fn a_filter_chooses() {
    let (_, repository) = repository();
    let id = Writer::new(&repository, Shape::default()).snapshot(&sample(), "s");
    let target = Arc::new(MemoryTarget::default());
    let only = |path: &[u8], _: Option<NodeKind>| !path.starts_with(b"many") && path != b"large";
    let options = RestoreOptions::default().with_include(Arc::new(only));
    let report = restore_with(&repository, &id, &target, options);
    assert!(report.is_complete());
    let mut expected = sample().flat();
    expected.retain(|path, _| !path.starts_with(b"many") && path != b"large");
    assert_eq!(target.flat(), expected);
}

#[test]
fn links_become_copies_where_there_are_no_links() {
    let (_, repository) = repository();
    let tree = sample();
    let id = Writer::new(&repository, Shape::default()).snapshot(&tree, "s");
    let target = Arc::new(MemoryTarget {
        no_links: true,
        ..MemoryTarget::default()
    });
    let report = restore(&repository, &id, &target);
    assert!(report.is_complete(), "{report:?}");
    assert_eq!(target.flat(), tree.flat());
    assert_eq!((report.hard_links, report.deviations_total), (0, 1));
    assert_eq!(report.deviations[0].path, b"zwei");
}

#[test]
fn below_a_directory_that_cannot_be_made_everything_is_named() {
    let (_, repository) = repository();
    let id = Writer::new(&repository, Shape::default()).snapshot(&sample(), "s");
    let target = Arc::new(MemoryTarget {
        refused: Some(b"b/c".to_vec()),
        ..MemoryTarget::default()
    });
    let report = restore(&repository, &id, &target);
    let lost: Vec<&[u8]> = report
        .lost
        .iter()
        .map(|lost| lost.path.as_slice())
        .collect();
    assert_eq!(lost, [b"b/c".as_slice(), b"b/c/d", b"b/c/d/deep"]);
    assert_eq!(report.lost[0].reason, LostReason::Target);
    assert_eq!(report.lost[2].reason, LostReason::Directory);
    let mut expected = sample().flat();
    expected.retain(|path, _| !path.starts_with(b"b/c"));
    assert_eq!(target.flat(), expected);
}

#[test]
fn a_full_target_ends_the_restore_and_leaves_nothing_half() {
    let (_, repository) = repository();
    let id = Writer::new(&repository, Shape::default()).snapshot(&sample(), "s");
    for capacity in [0, 100, 5_000, 9_000, 20_000] {
        let target = Arc::new(MemoryTarget {
            capacity: Some(capacity),
            ..MemoryTarget::default()
        });
        let report = restore(&repository, &id, &target);
        assert!(!report.is_complete());
        assert_eq!(
            report.stopped.map(|error| error.kind()),
            Some(ErrorKind::Target)
        );
        let expected = sample().flat();
        for (path, item) in target.flat() {
            assert_eq!(item, expected[&path], "{}", String::from_utf8_lossy(&path));
        }
    }
}

#[test]
fn each_pack_is_fetched_once() {
    let (store, repository) = repository();
    let many: Vec<(String, Tree)> = (0..600)
        .map(|n| (format!("f{n:03}"), Tree::file(&noise(n % 500, 400))))
        .collect();
    let tree = Tree::dir(
        many.iter()
            .map(|(name, tree)| (name.as_str(), tree.clone())),
    );
    let shape = Shape {
        frame_bytes: 4_000,
        pack_bytes: 20_000,
        leaf_entries: 50,
        ..Shape::default()
    };
    let id = Writer::new(&repository, shape).snapshot(&tree, "s");
    drop(repository);
    let repository = reopen(&store, Settings::default());
    store.reset();
    let target = Arc::new(MemoryTarget::default());
    let report = restore(&repository, &id, &target);
    assert!(report.is_complete());
    assert_eq!(target.flat(), tree.flat());
    let mut packs: Vec<String> = store
        .calls()
        .into_iter()
        .filter(|call| call.operation == Operation::Get && call.key.starts_with("pack/"))
        .map(|call| call.key)
        .collect();
    let requests = packs.len();
    packs.sort();
    packs.dedup();
    assert_eq!(requests, packs.len());
    assert!(packs.len() > 10);
    assert_eq!(store.count(Operation::List), 0);
}

/// Every pack, with its class and bytes.
fn packs(store: &TestStore) -> Vec<(Key, PackClass, Vec<u8>)> {
    let prefix = Prefix::parse("pack/").unwrap();
    let list = store.inner().list_all(&prefix);
    let mut packs = Vec::new();
    for meta in futures::executor::block_on(list).unwrap() {
        let bytes = futures::executor::block_on(store.inner().get_all(&meta.key)).unwrap();
        let flags = Preamble::decode(&bytes).unwrap().flags;
        let class = PackClass::from_number(u64::from(flags)).unwrap();
        packs.push((meta.key, class, bytes.to_vec()));
    }
    packs
}

fn put(store: &TestStore, key: &Key, bytes: Option<Vec<u8>>) {
    match bytes {
        Some(bytes) => {
            futures::executor::block_on(store.inner().replace(key, bytes.into())).unwrap();
        }
        None => {
            let delete = strongroom_store::Store::delete(store.inner(), key);
            futures::executor::block_on(delete).unwrap();
        }
    }
}

/// The ways in which a pack is damaged.
fn damages(bytes: &[u8]) -> Vec<Option<Vec<u8>>> {
    let flip = |at: usize| {
        let mut flipped = bytes.to_vec();
        flipped[at] ^= 1;
        Some(flipped)
    };
    let cut = |len: usize| Some(bytes[..len].to_vec());
    vec![
        flip(20),
        flip(100),
        flip(bytes.len() - 40),
        None,
        cut(bytes.len() / 2),
        cut(0),
    ]
}

/// Whatever happens to a pack: what is not reported is as it was, and what is reported is not there.
fn check_damaged(store: &Arc<TestStore>, tree: &Tree, id: &Id, must_lose: bool) {
    let expected = tree.flat();
    for (key, class, bytes) in packs(store) {
        for damage in damages(&bytes) {
            put(store, &key, damage);
            let repository = reopen(store, Settings::default());
            let target = Arc::new(MemoryTarget::default());
            let report = restore(&repository, id, &target);
            put(store, &key, Some(bytes.clone()));
            assert!(report.stopped.is_none());
            assert_eq!(report.is_complete(), !must_lose, "{class:?} {report:?}");
            let lost = |path: &[u8]| {
                report.lost.iter().any(|lost| match lost.reason {
                    LostReason::Listing => path.starts_with(&lost.path) && path != lost.path,
                    _ => lost.path == path,
                })
            };
            let found = target.flat();
            for (path, item) in &expected {
                match found.get(path) {
                    Some(there) => assert_eq!(there, item),
                    None => assert!(lost(path), "{} is missing", String::from_utf8_lossy(path)),
                }
            }
            if class == PackClass::Data {
                for lost in &report.lost {
                    assert!(lost.object.is_some(), "{lost:?}");
                    assert!(!found.contains_key(&lost.path));
                }
                assert_eq!(found.len() + report.lost.len(), expected.len());
            }
        }
    }
}

#[test]
fn damage_costs_what_it_hits_and_nothing_else() {
    let (store, repository) = repository();
    let tree = sample();
    let id = Writer::new(&repository, Shape::default()).snapshot(&tree, "s");
    drop(repository);
    check_damaged(&store, &tree, &id, true);
}

#[test]
fn with_a_second_copy_damage_costs_nothing() {
    let (store, repository) = repository();
    let tree = sample();
    let shape = Shape {
        copies: 2,
        pack_bytes: 12_000,
        ..Shape::default()
    };
    let id = Writer::new(&repository, shape).snapshot(&tree, "s");
    drop(repository);
    check_damaged(&store, &tree, &id, false);
}

#[test]
fn a_lost_index_segment_costs_nothing() {
    let (store, repository) = repository();
    let tree = sample();
    let id = Writer::new(&repository, Shape::default()).snapshot(&tree, "s");
    drop(repository);
    let prefix = Prefix::parse("index/").unwrap();
    let list = store.inner().list_all(&prefix);
    for meta in futures::executor::block_on(list).unwrap() {
        let bytes = futures::executor::block_on(store.inner().get_all(&meta.key)).unwrap();
        for damage in damages(&bytes) {
            put(&store, &meta.key, damage);
            let target = Arc::new(MemoryTarget::default());
            let report = restore(&reopen(&store, Settings::default()), &id, &target);
            assert!(report.is_complete(), "{report:?}");
            assert_eq!(target.flat(), tree.flat());
        }
    }
}

fn any_tree() -> impl Strategy<Value = Tree> {
    let piece = prop_oneof![
        4 => (0_u64..40, 1_usize..700).prop_map(|(seed, len)| Content::Data(noise(seed, len))),
        1 => (1_u64..100_000).prop_map(Content::Zeros),
    ];
    let leaf = prop_oneof![
        6 => prop::collection::vec(piece, 0..9).prop_map(|pieces| Tree::File(pieces, None)),
        1 => "[a-z/.]{1,20}".prop_map(|target| Tree::Symlink(target.into_bytes())),
        1 => (0_u64..3).prop_map(|set| {
            Tree::File(vec![Content::Data(noise(set, 50))], Some(set))
        }),
    ];
    let name = prop::collection::vec(1_u8..=255, 1..6)
        .prop_map(|name| {
            name.into_iter()
                .map(|byte| if byte == b'/' { b'_' } else { byte })
                .collect()
        })
        .prop_filter("legal", |name: &Vec<u8>| {
            strongroom_format::is_legal_name(name)
        });
    let inner = leaf.prop_recursive(4, 60, 12, move |entry| {
        prop::collection::btree_map(name.clone(), entry, 0..12).prop_map(Tree::Dir)
    });
    prop::collection::btree_map("[a-z]{1,3}".prop_map(String::into_bytes), inner, 0..8)
        .prop_map(Tree::Dir)
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(24))]

    #[test]
    fn any_tree_comes_back(tree in any_tree(), frame_bytes in 1_usize..3_000, leaf_entries in 1_usize..5) {
        let (_, repository) = repository();
        let shape = Shape { frame_bytes, leaf_entries, ..Shape::default() };
        let id = Writer::new(&repository, shape).snapshot(&tree, "s");
        let target = Arc::new(MemoryTarget::default());
        let report = restore(&repository, &id, &target);
        prop_assert!(report.is_complete(), "{report:?}");
        prop_assert_eq!(target.flat(), tree.flat());
        let again = restore(&repository, &id, &target);
        prop_assert!(again.is_complete());
        prop_assert_eq!(again.bytes_restored, 0);
        prop_assert_eq!(target.flat(), tree.flat());
    }
}

#[test]
fn a_dry_run_into_an_empty_target_keeps_nothing() {
    let (store, _) = repository();
    let repository = reopen(&store, Settings::default());
    let tree = Tree::dir([("one", Tree::file(b"one")), ("two", Tree::file(b"another"))]);
    let id = Writer::new(&repository, Shape::default()).snapshot(&tree, "s");
    let options = RestoreOptions::default().with_mode(Mode::DryRun);
    let report = restore_with(&repository, &id, &Arc::default(), options);
    assert_eq!((report.files, report.files_kept), (2, 0));
}
