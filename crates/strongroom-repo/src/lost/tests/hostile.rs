//! Stores that show an earlier time, and people who forge what may have been lost.

use bytes::Bytes;
use futures::executor::block_on;
use strongroom_crypt::SigningKey;
use strongroom_format::{Body, ObjectHash, object_name};
use strongroom_store::StoreExt as _;

use super::super::*;
use super::support::*;
use crate::context::object_key;
use crate::{CreateOptions, ErrorKind, edge};

#[test]
fn a_journal_that_went_back_is_not_repaired() {
    let cache = Cache::new();
    let (store, repository) = create(CreateOptions::default());
    history(&repository);
    let alive = cache.open(&store).unwrap();
    let nothing = plan(&alive);
    let seen = alive.journal().state().head;
    for has_hole in [false, true] {
        go_back(&store, 9);
        if has_hole {
            remove(&store, &object_name::journal(4));
        }
        for handle in [&alive, &repository] {
            let error = block_on(handle.plan_journal_repair(None)).unwrap_err();
            assert_eq!(error.kind(), ErrorKind::Rollback, "{error}");
            let error = block_on(handle.repair_journal(&nothing, None)).unwrap_err();
            assert_eq!(error.kind(), ErrorKind::Rollback, "{error}");
            assert_eq!(handle.journal().state().head, seen);
        }
        let thawed = edge::run(alive.store(), "test", {
            let alive = alive.clone();
            move |remote| alive.journal().thaw(remote, alive.context())
        });
        if !has_hole {
            assert_eq!(block_on(thawed).unwrap_err().kind(), ErrorKind::Rollback);
        }
        // The evidence is still there.
        let error = cache.open(&store).unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Rollback, "{error}");
    }
}

#[test]
fn a_journal_that_went_back_after_it_was_opened_is_not_repaired() {
    let (store, repository) = create(CreateOptions::default());
    history(&repository);
    remove(&store, &object_name::journal(4));
    let around = open_around(&store, LostEntries::Prefix);
    let before = plan(&around);
    go_back(&store, 9);
    let error = block_on(around.plan_journal_repair(None)).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Rollback, "{error}");
    let error = block_on(around.repair_journal(&before, None)).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Rollback, "{error}");
    assert!(!names(&store).contains_key(&object_name::journal(4)));
}

fn stranger() -> SigningKey {
    SigningKey::from_seed(strongroom_crypt::Secret::from_bytes(&[9; 32])).unwrap()
}

/// Returns entry `n` as somebody writes it who has the keys that everybody has, and signs with `signer`.
fn forged(repository: &Repository, n: u64, previous: ObjectHash, signer: &SigningKey) -> Bytes {
    let body = Body::Evidence(strongroom_format::Evidence::default());
    forged_with(repository, n, previous, signer, body)
}

fn forged_with(
    repository: &Repository,
    n: u64,
    previous: ObjectHash,
    signer: &SigningKey,
    body: Body,
) -> Bytes {
    let context = repository.context();
    let keys = context.keys();
    let payload = strongroom_format::Payload::new(context.components.clock.now(), body);
    let sealed = strongroom_format::Entry::seal(
        context.suite,
        context.repository,
        n,
        context.random().unwrap(),
        previous,
        &payload,
        keys.structure.journal(),
        &[signer],
    );
    sealed.unwrap().into()
}

#[test]
fn nobody_who_is_not_certified_makes_the_last_entry_a_lost_one() {
    let (store, repository) = create(CreateOptions::default());
    let deeds = history(&repository);
    let state = repository.journal().state();
    let nowhere = ObjectHash::of(b"nothing");
    let evil = stranger();
    let bytes = forged(&repository, state.head, nowhere, &evil);
    let key = object_key(&object_name::journal(state.head)).unwrap();
    block_on(store.put_new(&key, bytes)).unwrap();
    assert_eq!(open(&store).unwrap_err().lost_entry(), Some(state.head));
    let around = open_around(&store, LostEntries::Skip);
    let damage = around.journal_damage().unwrap();
    let lost: Vec<_> = damage.lost.iter().map(|one| (one.n, one.found)).collect();
    assert_eq!(lost, [(state.head, InPlace::Another)]);
    repair(&around);
    // Whoever has read the last entry goes on.
    assert_eq!(restored(&repository), listed(&deeds, |_| false));
    commit(&repository, 9);
    assert!(open(&store).unwrap().journal().state().head > state.head + 1);
}

#[test]
fn nobody_who_is_not_certified_tells_what_a_hidden_entry_was() {
    let cache = Cache::new();
    let (store, repository) = create(CreateOptions::default());
    let deeds = history(&repository);
    let alive = cache.open(&store).unwrap();
    let head = alive.journal().state().head;
    remove(&store, &object_name::journal(head - 1));
    let evil = stranger();
    let bytes = forged(&repository, head, ObjectHash::of(b"nothing"), &evil);
    let key = object_key(&object_name::journal(head)).unwrap();
    block_on(store.put_new(&key, bytes)).unwrap();
    let report = repair(&alive);
    assert_eq!(
        (report.restored, report.bridged),
        (vec![head - 1], vec![head])
    );
    assert_eq!(restored(&open(&store).unwrap()), listed(&deeds, |_| false));
}

#[test]
fn objects_far_behind_the_journal_are_no_entries() {
    let (store, repository) = create(CreateOptions::default());
    let deeds = history(&repository);
    for far in [
        object_name::journal(u64::MAX),
        object_name::journal(1_000_000),
    ] {
        let key = object_key(&far).unwrap();
        block_on(store.put_new(&key, Bytes::new())).unwrap();
    }
    let nothing = plan(&repository);
    assert!(nothing.is_empty(), "{nothing}");
    remove(&store, &object_name::journal(4));
    let around = open_around(&store, LostEntries::Skip);
    let damage = around.journal_damage().unwrap();
    assert_eq!((damage.end, damage.lost.len()), (deeds.len() as u64, 1));
    mend(&store, &around);
    // Somebody with keys can make one that is an entry.
    let n = u64::MAX - 1;
    let bytes = forged(&repository, n, ObjectHash::of(b"nothing"), &stranger());
    block_on(store.put_new(&object_key(&object_name::journal(n)).unwrap(), bytes)).unwrap();
    let error = block_on(open(&store).unwrap().plan_journal_repair(None)).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Damaged);
}

#[test]
fn a_bridge_that_no_admin_signed_leads_nowhere() {
    let (store, repository) = create(CreateOptions::default());
    let deeds = history(&repository);
    let state = repository.journal().state();
    let before = repository.journal().read_so_far();
    let last = strongroom_format::Entry::decode(before.recent.last().unwrap()).unwrap();
    let stated = ObjectHash::of(b"nothing");
    let bridge = strongroom_format::Bridge {
        stated: Some(stated),
        ..Default::default()
    };
    let bridge = Body::Bridge(Box::new(bridge));
    let put = |name: String, bytes: Bytes| {
        block_on(store.put_new(&object_key(&name).unwrap(), bytes)).unwrap();
    };
    let n = state.head - 1;
    let bytes = forged_with(&repository, n, last.previous, &stranger(), bridge);
    put(object_name::journal_copy(n), bytes);
    put(
        object_name::journal(state.head),
        forged(&repository, state.head, stated, &stranger()),
    );
    assert_eq!(open(&store).unwrap_err().lost_entry(), Some(state.head));
    let around = open_around(&store, LostEntries::Skip);
    assert_eq!(restored(&around), listed(&deeds, |_| false));
    mend(&store, &around);
}
