//! What restoring, reading and listing ask of the store: requests and bytes.

use std::collections::{BTreeMap, BTreeSet};
use std::ops::ControlFlow;
use std::sync::{Arc, Mutex};

use strongroom_crypt::Id;
use strongroom_format::{NodeKind, PackClass, Preamble};
use strongroom_store::wrap::{Call, Operation};
use strongroom_store::{Key, Prefix, Store, StoreExt as _};

use crate::ranges::BLOCK;
use crate::testing::{
    Content, MemoryTarget, NearStore, Shape, TestStore, Tree, Writer, reopen, repository, settings,
};
use crate::{Credential, Depth, Repository, RestoreOptions};

const MIB: u64 = 1 << 20;

fn wait<T>(future: impl Future<Output = T>) -> T {
    futures::executor::block_on(future)
}

fn noise(seed: u64, len: usize) -> Vec<u8> {
    let mut bytes = vec![0; len];
    let mut hasher = blake3::Hasher::new();
    hasher.update(&seed.to_le_bytes());
    hasher.finalize_xof().fill(&mut bytes);
    bytes
}

/// Directories of files of one piece each.
fn tree(directories: u64, files: u64, bytes: usize) -> Tree {
    tree_from(0, directories, files, bytes)
}

fn tree_from(seed: u64, directories: u64, files: u64, bytes: usize) -> Tree {
    let named: Vec<(String, Tree)> = (0..directories)
        .map(|d| {
            let files: Vec<(String, Tree)> = (0..files)
                .map(|f| {
                    (
                        format!("f{f:03}"),
                        Tree::file(&noise(seed + d * files + f, bytes)),
                    )
                })
                .collect();
            let files = files
                .iter()
                .map(|(name, tree)| (name.as_str(), tree.clone()));
            (format!("d{d:04}"), Tree::dir(files))
        })
        .collect();
    Tree::dir(
        named
            .iter()
            .map(|(name, tree)| (name.as_str(), tree.clone())),
    )
}

/// Stores a tree in packs of 8 MiB and opens the repository afresh.
fn stored(tree: &Tree, frame_bytes: usize) -> (Arc<TestStore>, Repository, Id) {
    let (store, repository) = repository();
    let shape = Shape {
        frame_bytes,
        pack_bytes: 8 << 20,
        leaf_entries: 256,
        inline_refs: 32,
        recipe_refs: 512,
        copies: 1,
    };
    let id = Writer::new(&repository, shape).snapshot(tree, "s");
    drop(repository);
    let repository = reopen(&store, settings(2));
    (store, repository, id)
}

/// The class and length of every pack.
fn packs(store: &TestStore) -> BTreeMap<String, (PackClass, u64)> {
    let list = wait(store.inner().list_all(&Prefix::parse("pack/").unwrap())).unwrap();
    let describe = |key: &Key| {
        let bytes = wait(store.inner().get_all(key)).unwrap();
        let flags = Preamble::decode(&bytes).unwrap().flags;
        let class = PackClass::from_number(u64::from(flags)).unwrap();
        (key.as_str().to_owned(), (class, bytes.len() as u64))
    };
    list.iter().map(|meta| describe(&meta.key)).collect()
}

/// What was asked of packs with content; all ranges are aligned.
fn data_gets(store: &TestStore) -> Vec<Call> {
    let packs = packs(store);
    let gets: Vec<Call> = store
        .calls()
        .into_iter()
        .filter(|call| call.operation == Operation::Get && call.key.starts_with("pack/"))
        .collect();
    for call in &gets {
        let Some(range) = &call.range else { continue };
        let len = packs[&call.key].1;
        assert_eq!(range.start % BLOCK, 0, "{call:?}");
        assert!(
            range.end % BLOCK == 0 || range.end + BLOCK > len,
            "{call:?}"
        );
    }
    let is_data = |call: &Call| packs[&call.key].0 == PackClass::Data;
    gets.into_iter().filter(is_data).collect()
}

fn bytes(calls: &[Call]) -> u64 {
    calls.iter().map(|call| call.bytes).sum()
}

fn restore(repository: &Repository, id: &Id, options: RestoreOptions) -> Arc<MemoryTarget> {
    let target = Arc::new(MemoryTarget::default());
    let report = wait(repository.restore(id, target.clone(), options, Arc::new(()))).unwrap();
    assert!(report.is_complete(), "{report:?}");
    target
}

#[test]
fn a_small_file_costs_a_few_blocks() {
    let (store, repository, id) = stored(&tree(100, 16, 20_000), 128 << 10);
    store.reset();
    let options = RestoreOptions::default().with_path(b"d0050/f003".to_vec());
    let target = restore(&repository, &id, options);
    assert_eq!(target.flat().len(), 2);
    let gets = data_gets(&store);
    assert!(gets.len() <= 3, "{gets:?}");
    assert!(bytes(&gets) <= 6 * BLOCK, "{gets:?}");
    store.reset();
    let each = |_: &[u8]| ControlFlow::Continue(());
    let repository = reopen(&store, settings(2));
    assert_eq!(
        wait(repository.read_file(&id, b"d0071/f009", each)).unwrap(),
        20_000
    );
    let gets = data_gets(&store);
    assert!(gets.len() <= 3 && bytes(&gets) <= 6 * BLOCK, "{gets:?}");
}

#[test]
fn a_folder_costs_one_range() {
    let (store, repository, id) = stored(&tree(100, 16, 20_000), 128 << 10);
    store.reset();
    restore(
        &repository,
        &id,
        RestoreOptions::default().with_path(b"d0031".to_vec()),
    );
    let gets = data_gets(&store);
    assert!(gets.len() <= 3, "{gets:?}");
    assert!(bytes(&gets) <= 320_000 + 7 * BLOCK, "{gets:?}");
}

/// Fails unless each pack was asked for once, and whole.
fn assert_each_pack_once(store: &TestStore, gets: &[Call]) {
    assert!(gets.iter().all(|call| call.range.is_none()), "{gets:?}");
    let asked: BTreeSet<&String> = gets.iter().map(|call| &call.key).collect();
    let all = packs(store);
    let data = all.values().filter(|(class, _)| *class == PackClass::Data);
    assert_eq!((gets.len(), asked.len()), (asked.len(), data.count()));
}

#[test]
fn everything_costs_a_request_a_pack() {
    // Several windows of the planner, which do not end where packs do.
    let (store, repository, id) = stored(&tree(60, 100, 6_000), 128 << 10);
    store.reset();
    restore(&repository, &id, RestoreOptions::default());
    assert_each_pack_once(&store, &data_gets(&store));
    let gets = store.count(Operation::Get);
    assert!(gets <= packs(&store).len() + 6, "{gets}");
    assert_eq!(
        (store.count(Operation::Head), store.count(Operation::List)),
        (0, 0)
    );
}

#[test]
fn the_packs_of_the_tree_are_fetched_once_and_whole() {
    let directories: Vec<(String, Tree)> = (0..30)
        .map(|n| (format!("p{n:02}"), tree_from(n * 100, 40, 2, 10)))
        .collect();
    let named = directories.iter();
    let tree = Tree::dir(named.map(|(name, tree)| (name.as_str(), tree.clone())));
    let (store, repository) = repository();
    let shape = Shape {
        frame_bytes: 4 << 10,
        pack_bytes: 60_000,
        leaf_entries: 256,
        inline_refs: 32,
        recipe_refs: 512,
        copies: 1,
    };
    let id = Writer::new(&repository, shape).snapshot(&tree, "s");
    let repository = reopen(&store, settings(2));
    store.reset();
    let target = restore(&repository, &id, RestoreOptions::default());
    assert_eq!(target.flat(), tree.flat());
    let packs = packs(&store);
    for (key, (class, _)) in packs {
        let calls = store.calls();
        let gets: Vec<&Call> = calls.iter().filter(|call| call.key == key).collect();
        if class != PackClass::Data {
            assert_eq!(gets.len(), 1, "{gets:?}");
            assert!(gets[0].range.is_none(), "{gets:?}");
        }
    }
}

#[test]
fn a_near_store_is_read_in_slices() {
    let tree = tree(60, 100, 6_000);
    let (store, _, id) = stored(&tree, 128 << 10);
    let near: Arc<dyn Store> = Arc::new(NearStore::new(store.clone()));
    let opening = Repository::builder(near).settings(settings(2));
    let repository = wait(opening.open(&Credential::None)).unwrap();
    store.reset();
    let target = restore(&repository, &id, RestoreOptions::default());
    assert_eq!(target.flat(), tree.flat());
    let gets = data_gets(&store);
    assert!(gets.iter().all(|call| call.bytes < 8 * MIB), "{gets:?}");
    let sum: u64 = packs(&store).values().map(|(_, len)| len).sum();
    assert!(bytes(&gets) <= sum + gets.len() as u64 * 2 * BLOCK);
}

#[test]
fn of_alternating_files_only_large_ones_are_skipped() {
    let every_other = |path: &[u8], kind: Option<NodeKind>| {
        kind == Some(NodeKind::Directory) || path.last().is_some_and(|digit| digit % 2 == 0)
    };
    let options = RestoreOptions::default().with_include(Arc::new(every_other));
    let (store, repository, id) = stored(&tree(4, 20, 300_000), 128 << 10);
    store.reset();
    restore(&repository, &id, options.clone());
    let gets = data_gets(&store);
    let packs_read: BTreeSet<&String> = gets.iter().map(|call| &call.key).collect();
    assert!(gets.len() <= packs_read.len() + 1, "{gets:?}");
    let (store, repository, id) = stored(&tree(4, 6, 1 << 20), 128 << 10);
    store.reset();
    restore(&repository, &id, options);
    let gets = data_gets(&store);
    // A range a file, the ends of each pack, and at most one pack that is cheaper whole.
    assert!(gets.len() <= 12 + 2 * 4, "{gets:?}");
    assert!(
        bytes(&gets) <= 12 * (MIB + 2 * BLOCK) + 4 * 2 * BLOCK + 8 * MIB,
        "{gets:?}"
    );
    assert!(bytes(&gets) < 24 * MIB);
}

#[test]
fn a_deep_listing_does_not_cost_a_request_a_directory() {
    let directories: Vec<(String, Tree)> = (0..40)
        .map(|n| (format!("p{n:02}"), tree_from(n * 100, 50, 2, 10)))
        .collect();
    let tree = Tree::dir(
        directories
            .iter()
            .map(|(name, tree)| (name.as_str(), tree.clone())),
    );
    for pack_bytes in [8 << 20, 40_000] {
        let (store, repository) = repository();
        let shape = Shape {
            frame_bytes: 16 << 10,
            pack_bytes,
            leaf_entries: 256,
            inline_refs: 32,
            recipe_refs: 512,
            copies: 1,
        };
        let id = Writer::new(&repository, shape).snapshot(&tree, "s");
        let repository = reopen(&store, settings(2));
        store.reset();
        let seen = Arc::new(Mutex::new(0));
        let count = Arc::clone(&seen);
        let each = move |_: &[u8], _: &strongroom_format::Node| {
            *count.lock().unwrap() += 1;
            ControlFlow::Continue(())
        };
        wait(repository.list(&id, b"", Depth::All, each)).unwrap();
        assert_eq!(*seen.lock().unwrap(), 40 + 2_000 + 4_000);
        let packs = packs(&store);
        let trees = packs
            .values()
            .filter(|(class, _)| *class != PackClass::Data)
            .count();
        let gets = store.count(Operation::Get);
        assert!(gets <= trees + 4, "{gets} for {trees} tree packs");
    }
}

#[test]
fn a_large_file_is_read_ahead() {
    let pieces: Vec<Content> = (0..40).map(|n| Content::Data(noise(n, 500_000))).collect();
    let tree = Tree::dir([("large", Tree::File(pieces, None))]);
    let (store, repository, id) = stored(&tree, 128 << 10);
    store.reset();
    let each = |_: &[u8]| ControlFlow::Continue(());
    assert_eq!(
        wait(repository.read_file(&id, b"large", each)).unwrap(),
        20_000_000
    );
    let gets = data_gets(&store);
    assert!(gets.len() <= 12, "{gets:?}");
    assert!(bytes(&gets) <= 24 * MIB, "{}", bytes(&gets));
}
