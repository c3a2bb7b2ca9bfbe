//! Others who read, write and repair, and what arrives late.

use std::sync::Arc;

use futures::executor::block_on;
use strongroom_format::{Body, Dropped, ObjectHash, Tombstone, object_name};
use strongroom_store::{MemoryStore, Store, StoreExt as _};

use super::super::*;
use super::support::*;
use crate::context::object_key;
use crate::testing::{MemoryTarget, TreeSource};
use crate::{BackupOptions, CreateOptions, ErrorKind, ReplicaDifference, RestoreOptions};

#[test]
fn who_had_read_the_lost_entry_reads_anew() {
    for (lost, harm) in [(3, remove as Harm), (3, rot), (6, remove), (10, rot)] {
        let cache = Cache::new();
        let (store, repository) = create(CreateOptions::default());
        history(&repository);
        let alive = cache.open(&store).unwrap();
        let open_elsewhere = open(&store).unwrap();
        harm(&store, &object_name::journal(lost));
        // Somebody repairs who does not know what was lost.
        repair(&open_around(&store, LostEntries::Skip));
        let expected = restored(&open(&store).unwrap());
        assert_eq!(restored(&open_elsewhere), expected, "{lost}");
        assert_eq!(restored(&alive), expected, "{lost}");
        drop(alive);
        let again = cache.open(&store).unwrap();
        assert_eq!(restored(&again), expected);
        assert_eq!(again.fork_evidence(), None);
        commit(&again, 5);
        commit(&open_elsewhere, 6);
    }
}

#[test]
fn a_lost_entry_that_appears_again_stays_replaced() {
    let (original, repository) = create(CreateOptions::default());
    history(&repository);
    let n = 6;
    let store = copy(&original);
    rot(&store, &object_name::journal(n));
    repair(&open_around(&store, LostEntries::Skip));
    let expected = open(&store).unwrap().journal().state();
    let key = object_key(&object_name::journal(n)).unwrap();
    let bytes = block_on(original.get_all(&key)).unwrap();
    block_on(store.replace(&key, bytes)).unwrap();
    let state = open(&store).unwrap().journal().state();
    assert_eq!(state.head_hash, expected.head_hash);
    assert_eq!(state.bridges, expected.bridges);
    // Without the bridge the journal is not read as if nothing had been.
    remove(&store, &object_name::journal_copy(n));
    let error = open(&store).unwrap_err();
    assert_eq!(error.lost_entry(), Some(n));
}

#[test]
fn a_late_entry_in_the_empty_place_is_not_the_lost_one() {
    let (store, repository) = create(CreateOptions::default());
    let rival = copy(&store);
    append(&open(&rival).unwrap(), Body::Evidence(Default::default())).unwrap();
    let deeds = history(&repository);
    let key = object_key(&object_name::journal(1)).unwrap();
    let late = block_on(rival.get_all(&key)).unwrap();
    block_on(store.replace(&key, late)).unwrap();
    let error = open(&store).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Damaged);
    let around = open_around(&store, LostEntries::Skip);
    let damage = around.journal_damage().unwrap();
    assert_eq!(damage.lost[0].found, InPlace::Another);
    assert_eq!((damage.intact, damage.lost[0].n), (1, 1));
    assert_eq!(restored(&around), listed(&deeds, |n| n == 1));
    mend(&store, &around);
}

#[test]
fn of_two_who_repair_at_once_both_come_through() {
    let (store, repository) = create(CreateOptions::default());
    history(&repository);
    rot(&store, &object_name::journal(4));
    remove(&store, &object_name::journal(8));
    let (one, two) = (
        open_around(&store, LostEntries::Skip),
        open_around(&store, LostEntries::Prefix),
    );
    let (plan_one, plan_two) = (plan(&one), plan(&two));
    block_on(one.repair_journal(&plan_one, None)).unwrap();
    let error = block_on(two.repair_journal(&plan_two, None)).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Stale);
    let again = plan(&two);
    assert!(again.is_empty(), "{again}");
    block_on(two.repair_journal(&again, None)).unwrap();
    assert_eq!(restored(&two), restored(&one));
    commit(&two, 5);
}

#[test]
fn a_repair_that_was_interrupted_is_completed() {
    let (store, repository) = create(CreateOptions::default());
    let deeds = history(&repository);
    for n in [3, 4] {
        remove(&store, &object_name::journal(n));
    }
    let whole = copy(&store);
    repair(&open_around(&whole, LostEntries::Skip));
    // The bridges are in their places, and the entry that names them is not.
    let last = open(&whole).unwrap().journal().state().head - 1;
    remove(&whole, &object_name::journal(last));
    let repository = open(&whole).unwrap();
    let plan = plan(&repository);
    assert!(plan.damage.is_none() && plan.unnamed.len() == 2, "{plan}");
    block_on(repository.repair_journal(&plan, None)).unwrap();
    assert_eq!(
        restored(&open(&whole).unwrap()),
        listed(&deeds, |n| n == 3 || n == 4)
    );
}

#[test]
fn a_repaired_journal_is_replicated_to_whoever_has_the_lost_entry() {
    let (store, repository) = create(CreateOptions::default());
    history(&repository);
    let (replica, fresh) = (copy(&store), Arc::new(MemoryStore::new()));
    rot(&store, &object_name::journal(6));
    repair(&open_around(&store, LostEntries::Skip));
    let repaired = open(&store).unwrap();
    commit(&repaired, 5);
    let expected = restored(&repaired);
    for to in [replica, fresh] {
        let target: Arc<dyn Store> = to.clone();
        block_on(repaired.replicate(target, Arc::new(()))).unwrap();
        assert_eq!(restored(&open(&to).unwrap()), expected);
    }
}

/// Returns how a replica that had come to entry `n` differs, if `writes` entries were written to it since.
fn parted(original: &MemoryStore, repaired: &Repository, n: u64, writes: u64) -> ReplicaDifference {
    let replica = copy(original);
    go_back(&replica, n);
    for _ in 0..writes {
        append(&open(&replica).unwrap(), Body::Evidence(Default::default())).unwrap();
    }
    let before = names(&replica);
    let target: Arc<dyn Store> = replica.clone();
    let difference = block_on(repaired.compare_replica(target.clone())).unwrap();
    match block_on(repaired.replicate(target, Arc::new(()))) {
        Ok(_) => assert_eq!(difference.fork, None, "{n} {writes}"),
        Err(error) => {
            assert_eq!(error.kind(), ErrorKind::Fork, "{n} {writes}");
            assert!(difference.fork.is_some(), "{n} {writes}");
            assert_eq!(names(&replica), before);
        }
    }
    difference
}

#[test]
fn a_replica_that_somebody_wrote_to_at_a_bridge_is_none() {
    let (original, repository) = create(CreateOptions::default());
    history(&repository);
    for lost in [vec![6], vec![5, 6]] {
        let store = copy(&original);
        for n in &lost {
            rot(&store, &object_name::journal(*n));
        }
        repair(&open_around(&store, LostEntries::Skip));
        let repaired = open(&store).unwrap();
        commit(&repaired, 5);
        for n in &lost {
            for writes in [1, 2] {
                let fork = parted(&original, &repaired, *n, writes).fork.unwrap();
                assert!(lost.contains(&fork.ours.n) && fork.ours.n <= *n);
                assert_eq!(
                    fork.our_entries,
                    repaired.journal().state().head - fork.ours.n
                );
                assert!(
                    fork.theirs
                        .is_some_and(|theirs| theirs.hash != fork.ours.hash)
                );
            }
        }
        // It has what is lost here, and only that; then entries of its own behind it.
        assert_eq!(parted(&original, &repaired, 7, 0).fork, None);
        assert_eq!(parted(&original, &repaired, 7, 1).fork.unwrap().ours.n, 7);
        assert_eq!(parted(&original, &repaired, lost[0], 0).fork, None);
    }
}

#[test]
fn an_entry_that_nothing_tells_of_is_not_taken_for_the_lost_one() {
    let (original, repository) = create(CreateOptions::default());
    let last = history(&repository).len() as u64 - 1;
    let store = copy(&original);
    rot(&store, &object_name::journal(last));
    repair(&open_around(&store, LostEntries::Skip));
    let repaired = open(&store).unwrap();
    for (n, writes) in [(last + 1, 0), (last, 1)] {
        let fork = parted(&original, &repaired, n, writes).fork.unwrap();
        assert_eq!(fork.ours.n, last);
    }
}

#[test]
fn a_snapshot_that_comes_back_without_its_packs_lends_nothing() {
    let (store, repository) = create(CreateOptions::default());
    let back_up = |repository: &Repository| {
        let source = Arc::new(TreeSource::new(tree(1)));
        let backup = repository.backup(source, BackupOptions::new("1"), Arc::new(()));
        block_on(backup).unwrap().snapshot
    };
    commit(&repository, 2);
    let before = repository.journal().state();
    let id = back_up(&repository);
    let forget = strongroom_format::Forget {
        snapshots: vec![id],
        ..Default::default()
    };
    let n = append(&repository, Body::Forget(forget)).unwrap();
    let state = repository.journal().state();
    let new = |name: &&ObjectHash| !before.packs.contains(name).unwrap();
    let packs: Vec<ObjectHash> = state.packs.all().keys().filter(new).copied().collect();
    let dropped = Dropped {
        packs: packs.clone(),
        ..Dropped::default()
    };
    let tombstone = Tombstone {
        dropped,
        ..Tombstone::default()
    };
    append(&repository, Body::Tombstone(tombstone)).unwrap();
    for pack in &packs {
        remove(&store, &object_name::pack(pack));
    }
    remove(&store, &object_name::journal(n));
    repair(&open_around(&store, LostEntries::Skip));
    let repository = open(&store).unwrap();
    assert!(repository.journal().state().snapshot(&id).is_some());
    let again = back_up(&repository);
    let target = Arc::new(MemoryTarget::default());
    let options = RestoreOptions::default();
    let restore = repository.restore(&again, target.clone(), options, Arc::new(()));
    assert!(block_on(restore).unwrap().is_complete());
    assert!(target.flat() == tree(1).flat());
}
