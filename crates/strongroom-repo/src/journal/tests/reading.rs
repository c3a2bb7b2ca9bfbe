//! Entries that are damaged, bundles and checkpoints that stand in for them, and what opening costs.

use super::*;

#[test]
fn a_damaged_entry_is_read_from_its_bundle() {
    for damage in [remove as Damage, flip] {
        let store = with_entries(70);
        damage(&store, &object_name::journal(33));
        assert_eq!(open(&store).unwrap().journal().state().head, 70);
    }
}

#[test]
fn a_damaged_bundle_is_not_needed() {
    for damage in [remove as Damage, flip] {
        let store = with_entries(70);
        damage(&store, &object_name::bundle(64));
        assert_eq!(open(&store).unwrap().journal().state().head, 70);
    }
}

#[test]
fn a_damaged_entry_without_a_bundle_is_named() {
    for n in [1, 68, 69] {
        let store = with_entries(70);
        remove(&store, &object_name::bundle(64));
        flip(&store, &object_name::journal(n));
        let error = open(&store).unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Damaged);
        assert_eq!(error.object(), Some(object_name::journal(n).as_str()));
    }
}

#[test]
fn genesis_is_read_from_its_bundle_and_its_copy() {
    let store = with_entries(70);
    remove(&store, &object_name::journal(0));
    assert_eq!(open(&store).unwrap().journal().state().head, 70);
    remove(&store, &object_name::bundle(64));
    assert_eq!(open(&store).unwrap().journal().state().head, 70);
    remove(&store, &object_name::journal_copy(0));
    let error = open(&store).unwrap_err();
    assert_eq!(
        (error.kind(), error.object()),
        (ErrorKind::Damaged, Some("journal/0000000000000000"))
    );
    assert_eq!(error.lost_entry(), Some(0));
}

#[test]
fn a_swapped_entry_does_not_follow() {
    let store = with_entries(5);
    let other = with_entries(5);
    let key = object_key(&object_name::journal(3)).unwrap();
    let foreign = wait(other.get_all(&key)).unwrap();
    wait(store.replace(&key, foreign)).unwrap();
    let error = open(&store).unwrap_err();
    assert_eq!(
        (error.kind(), error.object()),
        (ErrorKind::Damaged, Some(key.as_str()))
    );
}

#[test]
fn newcomers_read_bundles_and_checkpoints_instead_of_entries() {
    let store = with_entries(200);
    open(&store).unwrap();
    // Three bundles instead of 192 entries; the end is found by doubling and halving, and looked beyond.
    assert!(count(&store) < 45, "{}", count(&store));

    let store = with_entries(650);
    let repository = open(&store).unwrap();
    assert!(count(&store) < 55, "{}", count(&store));
    assert_eq!(repository.journal().state().head, 650);
    assert_eq!(repository.journal().state().packs.len(), 649);

    // Without a good checkpoint the same state comes from bundles.
    for (damage, n) in [(remove as Damage, 640), (flip as Damage, 576)] {
        damage(&store, &object_name::checkpoint(n));
        let state = open(&store).unwrap().journal().state();
        assert_eq!(state.head_hash, repository.journal().state().head_hash);
        assert_eq!(state.packs.len(), 649);
    }
}

#[test]
fn a_checkpoint_of_another_chain_is_not_trusted() {
    let store = with_entries(650);
    let other = with_entries(650);
    let key = object_key(&object_name::checkpoint(640)).unwrap();
    let foreign = wait(other.get_all(&key)).unwrap();
    wait(store.replace(&key, foreign)).unwrap();
    assert_eq!(open(&store).unwrap().journal().state().packs.len(), 649);
}

#[test]
fn a_client_that_was_away_catches_up_with_few_requests() {
    let store = with_entries(2);
    let (away, busy) = (open(&store).unwrap(), open(&store).unwrap());
    for number in 10..1_010 {
        append(&busy, number).unwrap();
    }
    store.reset();
    let state = refresh(&away).unwrap();
    assert_eq!(state.head, 1_002);
    assert!(count(&store) < 80, "{}", count(&store));
    assert_eq!(store.count(Operation::List), 0);
    append(&away, 5).unwrap();
}

#[test]
fn bundles_are_written_by_who_has_opened_from_a_cache() {
    let cache = tempfile::tempdir().unwrap();
    let store = with_entries(62);
    open_cached(&store, cache.path()).unwrap();
    let repository = open_cached(&store, cache.path()).unwrap();
    append(&repository, 500).unwrap();
    append(&repository, 501).unwrap();
    assert!(wait(store.exists(&object_key(&object_name::bundle(64)).unwrap())).unwrap());
    assert!(wait(store.exists(&object_key(&object_name::checkpoint(64)).unwrap())).unwrap());
}
