//! What is lost in the store and known elsewhere.

use std::sync::Arc;

use futures::executor::block_on;
use strongroom_crypt::Argon2Params;
use strongroom_format::{Body, object_name};
use strongroom_store::{MemoryStore, Store, StoreExt as _};

use super::super::*;
use super::support::*;
use crate::context::object_key;
use crate::{CreateOptions, Credential};

#[test]
fn the_cache_of_this_machine_brings_lost_entries_back() {
    let cache = Cache::new();
    let (store, repository) = create(CreateOptions::default());
    history(&repository);
    let expected = restored(&repository);
    drop(cache.open(&store).unwrap());
    remove(&store, &object_name::journal(3));
    rot(&store, &object_name::journal(7));
    let around = cache.builder(&store).on_lost_entries(LostEntries::Skip);
    // With a warm cache, what is behind it is not even looked at.
    let warm = block_on(around.open(&Credential::None)).unwrap();
    assert_eq!(restored(&warm), expected);
    let plan = block_on(warm.plan_journal_repair(None)).unwrap();
    assert!(plan.is_lossless(), "{plan}");
    let report = block_on(warm.repair_journal(&plan, None)).unwrap();
    assert_eq!((report.restored, report.bridged), (vec![3, 7], vec![]));
    assert_eq!(restored(&open(&store).unwrap()), expected);
}

#[test]
fn a_replica_brings_lost_entries_back() {
    let (store, repository) = create(CreateOptions::default());
    history(&repository);
    let expected = restored(&repository);
    let mirror: Arc<dyn Store> = copy(&store);
    for n in [2, 3, 7] {
        remove(&store, &object_name::journal(n));
    }
    let around = open_around(&store, LostEntries::Prefix);
    let plan = block_on(around.plan_journal_repair(Some(mirror.clone()))).unwrap();
    let report = block_on(around.repair_journal(&plan, Some(mirror))).unwrap();
    assert_eq!(report.restored, [2, 3, 7]);
    assert_eq!(restored(&open(&store).unwrap()), expected);
}

#[test]
fn a_checkpoint_behind_the_gap_tells_what_was_lost() {
    let (original, repository) = create(CreateOptions::default());
    history(&repository);
    while repository.journal().state().head < 66 {
        append(&repository, Body::Evidence(Default::default())).unwrap();
    }
    let truth = restored(&repository);
    for n in 1..12 {
        let store = copy(&original);
        remove(&store, &object_name::bundle(64));
        remove(&store, &object_name::journal(n));
        let around = open_around(&store, LostEntries::Skip);
        let damage = around.journal_damage().unwrap();
        assert_eq!(damage.known_from.as_deref(), Some("checkpoint 64"), "{n}");
        assert_eq!(restored(&around), truth, "{n}");
        assert!(plan(&around).is_lossless());
        repair(&around);
        let state = open(&store).unwrap().journal().state();
        let expected = repository.journal().state();
        let plain = |state: &crate::state::State| strongroom_format::Checkpoint {
            bridges: Vec::new(),
            committed_sessions: Vec::new(),
            ..state.to_checkpoint().unwrap()
        };
        assert!(plain(&state) == plain(&expected), "{n}");
    }
}

#[test]
fn a_lost_change_of_keys_is_announced_again() {
    let store = Arc::new(MemoryStore::new());
    let options = CreateOptions::default().with_argon2(Argon2Params::FASTEST);
    let (old, new) = (
        Credential::passphrase("the old one"),
        Credential::passphrase("the new one"),
    );
    let repository = block_on(builder(&store).create(options, &old)).unwrap();
    let repository = repository.repository;
    commit(&repository, 1);
    let slot = crate::NewSlot::Passphrase(
        Arc::new("the new one".to_owned().into()),
        Argon2Params::FASTEST,
    );
    block_on(repository.add_slot("new", slot)).unwrap();
    let n = repository.journal().state().head - 1;
    commit(&repository, 2);
    for harm in HARMS {
        let store = copy(&store);
        harm(&store, &object_name::journal(n));
        let open_with = |credential| {
            let skipping = builder(&store).on_lost_entries(LostEntries::Skip);
            block_on(skipping.open(credential)).unwrap()
        };
        for credential in [&old, &new] {
            assert_eq!(restored(&open_with(credential)), ["1", "2"]);
        }
        repair(&open_with(&old));
        let repaired = block_on(builder(&store).open(&new)).unwrap();
        let (announced, known) = (repaired.journal().state(), repository.journal().state());
        assert_eq!(announced.keyring, known.keyring);
        commit(&repaired, 3);
        assert_eq!(restored(&repaired), ["1", "2", "3"]);
    }
}

#[test]
fn what_a_late_entry_displaced_is_known_from_the_cache() {
    let cache = Cache::new();
    let (store, repository) = create(CreateOptions::default());
    let rival = copy(&store);
    append(&open(&rival).unwrap(), Body::Evidence(Default::default())).unwrap();
    history(&repository);
    let expected = restored(&repository);
    let alive = cache.open(&store).unwrap();
    let key = object_key(&object_name::journal(1)).unwrap();
    let late = block_on(rival.get_all(&key)).unwrap();
    block_on(store.replace(&key, late)).unwrap();
    let plan = plan(&alive);
    assert!(plan.is_lossless(), "{plan}");
    block_on(alive.repair_journal(&plan, None)).unwrap();
    assert_eq!(restored(&open(&store).unwrap()), expected);
    assert_eq!(restored(&alive), expected);
}
