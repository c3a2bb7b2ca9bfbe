//! Repositories that have lost their journal.

use std::collections::BTreeSet;
use std::sync::Arc;

use futures::executor::block_on;
use strongroom_crypt::{Argon2Params, Suite};
use strongroom_store::{MemoryStore, Store, StoreExt as _};

use super::*;
use crate::testing::{MemoryTarget, Shape, Tree, Writer};
use crate::{CopyOptions, CreateOptions, RestoreOptions};

fn tree(number: u8) -> Tree {
    let file = |name: u8| Tree::file(&[name ^ number; 700]);
    let below = Tree::dir([("d", file(4)), ("e", Tree::Symlink(b"d".to_vec()))]);
    let many: Vec<_> = ["f", "g", "h", "i", "j"].map(|name| (name, file(9))).into();
    let mut entries = vec![("a", file(1)), ("b", Tree::file(b"the same")), ("c", below)];
    entries.extend(many);
    Tree::dir(entries)
}

fn builder(store: &Arc<MemoryStore>) -> RepositoryBuilder {
    let store: Arc<dyn Store> = store.clone();
    Repository::builder(store)
}

/// A repository with three snapshots, the second of them forgotten.
fn repository(suite: Suite, credential: &Credential) -> Arc<MemoryStore> {
    let store = Arc::new(MemoryStore::new());
    let options = CreateOptions::default()
        .with_suite(suite)
        .with_argon2(Argon2Params::FASTEST);
    let created = block_on(builder(&store).create(options, credential)).unwrap();
    for number in 1..=3 {
        let writer = Writer::new(&created.repository, Shape::default());
        writer.snapshot(&tree(number), &number.to_string());
    }
    store
}

fn remove_all(store: &MemoryStore, prefix: &str) {
    for meta in block_on(store.list_all(&Prefix::root())).unwrap() {
        if meta.key.as_str().starts_with(prefix) {
            block_on(store.delete(&meta.key)).unwrap();
        }
    }
}

fn lose_journal(store: &MemoryStore) {
    for prefix in ["journal/", "bundle/", "checkpoint/", "index/"] {
        remove_all(store, prefix);
    }
}

fn salvage(store: &Arc<MemoryStore>, credential: &Credential) -> Result<Salvage> {
    block_on(builder(store).salvage(credential, Arc::new(())))
}

/// Restores every snapshot, and returns which of the trees they are.
fn restored(repository: &Repository) -> BTreeSet<u8> {
    let mut found = BTreeSet::new();
    for info in block_on(repository.snapshots()).unwrap() {
        let target = Arc::new(MemoryTarget::default());
        let options = RestoreOptions::default();
        let restore = repository.restore(&info.id, target.clone(), options, Arc::new(()));
        let report = block_on(restore).unwrap();
        assert!(report.is_complete(), "{report:?}");
        let number = (1..=3).find(|number| target.flat() == tree(*number).flat());
        found.insert(number.unwrap());
    }
    found
}

#[test]
fn all_trees_are_found_in_packs_alone_and_go_into_a_new_repository() {
    let credential = Credential::passphrase("a passphrase");
    let store = repository(Suite::Aes256Gcm, &credential);
    lose_journal(&store);
    let found = salvage(&store, &credential).unwrap();
    assert_eq!((found.trees.len(), found.unreadable_packs), (3, 0));
    assert!(!found.config_is_lost);
    assert!(found.to_string().contains("none of them is signed"));
    assert!(found.trees.iter().all(|tree| tree.entries == 8));
    assert_eq!(restored(found.repository()), BTreeSet::from([1, 2, 3]));

    let new = Arc::new(MemoryStore::new());
    let options = CreateOptions::default().with_suite(Suite::None);
    let created = block_on(builder(&new).create(options, &Credential::None)).unwrap();
    let copy =
        found
            .repository()
            .copy_to(&created.repository, CopyOptions::default(), Arc::new(()));
    block_on(copy).unwrap();
    assert_eq!(restored(&created.repository), BTreeSet::from([1, 2, 3]));
}

#[test]
fn nothing_is_written_to_what_is_salvaged() {
    let store = repository(Suite::None, &Credential::None);
    lose_journal(&store);
    let before = block_on(store.list_all(&Prefix::root())).unwrap();
    let found = salvage(&store, &Credential::None).unwrap();
    let hold = crate::HoldRequest::on_series("salvaged", "a test");
    let refused = block_on(found.repository().place_hold(hold)).unwrap_err();
    assert_eq!(refused.kind(), ErrorKind::ReadOnly);
    assert_eq!(block_on(store.list_all(&Prefix::root())).unwrap(), before);
}

#[test]
fn config_is_not_needed() {
    let credential = Credential::passphrase("a passphrase");
    let store = repository(Suite::ChaCha20Poly1305, &credential);
    lose_journal(&store);
    remove_all(&store, "config");
    let found = salvage(&store, &credential).unwrap();
    assert!(found.config_is_lost);
    assert_eq!(restored(found.repository()), BTreeSet::from([1, 2, 3]));
    let error = salvage(&store, &Credential::passphrase("another")).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::WrongKey);
}

#[test]
fn without_a_keyring_nothing_can_be_done() {
    let credential = Credential::passphrase("a passphrase");
    for also_config in [false, true] {
        let store = repository(Suite::Aes256Gcm, &credential);
        remove_all(&store, "keyring/");
        if also_config {
            remove_all(&store, "config");
        }
        let error = salvage(&store, &credential).unwrap_err();
        assert_eq!(error.kind(), ErrorKind::KeysLost, "{error}");
        assert!(error.to_string().contains("mirror"));
    }
}

#[test]
fn where_there_is_nothing_there_is_no_repository() {
    let store = Arc::new(MemoryStore::new());
    let error = salvage(&store, &Credential::None).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::NotFound);
}

#[test]
fn a_lost_pack_costs_the_trees_it_holds_a_part_of() {
    let store = repository(Suite::None, &Credential::None);
    lose_journal(&store);
    let all = salvage(&store, &Credential::None).unwrap().trees;
    let packs = block_on(store.list_all(&Prefix::parse("pack/").unwrap())).unwrap();
    for meta in packs {
        let bytes = block_on(store.get_all(&meta.key)).unwrap();
        block_on(store.delete(&meta.key)).unwrap();
        let found = salvage(&store, &Credential::None).unwrap();
        assert!(found.trees.len() <= all.len());
        assert!(found.trees.len() + 1 >= all.len(), "{found}");
        block_on(store.put_new(&meta.key, bytes)).unwrap();
    }
}
