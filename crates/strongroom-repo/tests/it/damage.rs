//! One damaged object at a time: recovered through a copy, or named.

use std::sync::Arc;

use strongroom_repo::{ErrorKind, Repository};
use strongroom_store::{MemoryStore, Store as _, StoreExt as _};

use crate::world::{copy, key, memory, names, open, passphrase, wait};

fn damaged(store: &MemoryStore, name: &str) -> Vec<Arc<MemoryStore>> {
    let whole = wait(store.get_all(&key(name))).unwrap();
    let mut versions = vec![Vec::new(), b"nonsense".to_vec(), vec![0; whole.len()]];
    versions.push(whole[..whole.len() / 2].to_vec());
    versions.push(whole[..whole.len() - 1].to_vec());
    versions.push([&whole[..], b"x"].concat());
    for position in (0..whole.len()).step_by(1 + whole.len() / 40) {
        let mut flipped = whole.to_vec();
        flipped[position] ^= 0x10;
        versions.push(flipped);
    }
    let mut stores = Vec::new();
    for bytes in versions {
        let copy = copy(store);
        wait(copy.replace(&key(name), bytes.into())).unwrap();
        stores.push(copy);
    }
    let copy = copy(store);
    wait(copy.delete(&key(name))).unwrap();
    stores.push(copy);
    stores
}

fn check(
    store: &MemoryStore,
    name: &str,
    judge: impl Fn(Result<Repository, strongroom_repo::Error>),
) {
    for damaged in damaged(store, name) {
        judge(open(&damaged, &passphrase()));
    }
}

#[test]
fn every_object_with_a_copy_may_be_damaged() {
    let (store, created) = memory();
    for name in [
        "config",
        "config.copy",
        "keyring/0000000000000000",
        "keyring/0000000000000000.copy",
        "journal/0000000000000000",
        "journal/0000000000000000.copy",
    ] {
        check(&store, name, |opened| {
            assert_eq!(opened.unwrap().id(), created.repository.id());
        });
    }
}

#[test]
fn a_damaged_first_entry_without_a_copy_is_named() {
    let (store, _) = memory();
    wait(store.delete(&key("journal/0000000000000000.copy"))).unwrap();
    check(&store, "journal/0000000000000000", |opened| {
        let error = opened.unwrap_err();
        let kinds = [
            ErrorKind::Damaged,
            ErrorKind::Incompatible,
            ErrorKind::NotFound,
        ];
        assert!(kinds.contains(&error.kind()), "{error:?}");
        assert_eq!(error.object(), Some("journal/0000000000000000"));
    });
}

#[test]
fn a_damaged_slot_is_named_and_the_other_slots_open() {
    let (store, created) = memory();
    let main = wait(created.repository.slots()).unwrap()[0].id;
    let code = created.recovery_code.unwrap().into();
    let name = format!("slot/{main}");
    for damaged in damaged(&store, &name) {
        let error = open(&damaged, &passphrase()).unwrap_err();
        let kinds = [ErrorKind::Damaged, ErrorKind::Incompatible];
        assert!(kinds.contains(&error.kind()), "{error:?}");
        assert_eq!(error.object(), Some(name.as_str()));
        open(&damaged, &code).unwrap();
    }
}

#[test]
fn a_config_of_another_repository_is_not_taken() {
    let (store, created) = memory();
    let (other, _) = memory();
    let foreign = wait(other.get_all(&key("config"))).unwrap();
    wait(store.replace(&key("config"), foreign)).unwrap();
    // Its copy is still the right one; config alone cannot be told from that of another repository before a key opens.
    match open(&store, &passphrase()) {
        Ok(repository) => assert_eq!(repository.id(), created.repository.id()),
        Err(error) => assert_eq!(error.kind(), ErrorKind::Damaged),
    }
}

#[test]
fn nothing_but_names_of_the_format_is_in_a_new_repository() {
    let (store, _) = memory();
    for name in names(&store) {
        assert!(
            strongroom_format::object_name::parse(&name).is_some(),
            "{name}"
        );
    }
}
