//! Members that are away, and what they are given when they are back.

use std::sync::Arc;

use bytes::Bytes;
use futures::executor::block_on;
use strongroom_store::replica::{SyncOrder, Thoroughness};
use strongroom_store::wrap::{
    Fault, Health, MirrorSettings, Mirrored, Operation, Rule, When, WritePolicy,
};
use strongroom_store::{ErrorKind, Store, StoreExt as _};

use super::{Mirror, handle, order};
use crate::{folder, key, kind, names};

#[test]
fn without_the_arbiter_nothing_is_written_and_reads_go_on() {
    let mirror = Mirror::new(3, WritePolicy::All);
    mirror.put("pack/a", "a one");
    mirror.down(0);
    let refused = block_on(mirror.store.put_new(&key("pack/b"), "b".into()));
    assert_eq!(kind(refused), ErrorKind::Unavailable);
    assert_eq!(mirror.names(1), ["pack/a"]);
    let refused = block_on(mirror.store.delete(&key("pack/a")));
    assert_eq!(kind(refused), ErrorKind::Unavailable);
    assert_eq!(
        block_on(mirror.store.get_all(&key("pack/a"))).unwrap(),
        "a one"
    );
    assert_eq!(names(&mirror.store, ""), ["pack/a"]);
    // Each follower has whatever was acknowledged, so one is enough to know.
    let missing = block_on(mirror.store.get_all(&key("pack/c")));
    assert_eq!(kind(missing), ErrorKind::NotFound);
    // The arbiter may have stored this one.
    let unknown = block_on(mirror.store.get_all(&key("pack/b")));
    assert_eq!(kind(unknown), ErrorKind::Unavailable);
    assert!(mirror.store.status().degraded_answers >= 3);
    mirror.down(1);
    mirror.down(2);
    let unknown = block_on(mirror.store.get_all(&key("pack/b")));
    assert_eq!(kind(unknown), ErrorKind::Unavailable);
}

#[test]
fn a_follower_that_may_lag_is_not_believed_that_something_is_missing() {
    let mirror = Mirror::new(3, WritePolicy::AtLeast(2));
    mirror.down(2);
    mirror.put("pack/a", "a");
    let restarted = handle(&mirror.members, WritePolicy::AtLeast(2));
    mirror.up(2);
    mirror.down(0);
    let get = |name| block_on(restarted.get_all(&key(name)));
    assert_eq!(get("pack/a").unwrap(), "a");
    assert_eq!(
        kind(get("pack/b")),
        ErrorKind::NotFound,
        "two of three know"
    );
    mirror.down(1);
    assert_eq!(kind(get("pack/a")), ErrorKind::Unavailable, "it lags");
    let listed = block_on(restarted.list_all(&folder("")));
    assert_eq!(kind(listed), ErrorKind::Unavailable);
}

#[test]
fn what_a_follower_misses_is_given_in_order_when_it_is_back() {
    let mirror = Mirror::new(2, WritePolicy::AtLeast(1));
    mirror.put("journal/0", "entry 0");
    mirror.down(1);
    mirror.put("pack/a", "a");
    mirror.put("journal/1", "entry 1");
    mirror.put("pack/b", "b");
    mirror.put("journal/2", "entry 2");
    assert_eq!(mirror.health(1), Health::Lagging);
    let status = mirror.store.status();
    assert_eq!(status.members[1].queued_objects, 4);
    assert!(status.to_string().contains("4 objects"), "{status}");
    assert_eq!(mirror.names(1), ["journal/0"]);
    mirror.up(1);
    mirror.members[1].inner().reset();
    let status = block_on(mirror.store.catch_up());
    assert!(status.is_healthy(), "{status}");
    let calls = mirror.members[1].inner().calls();
    let puts = calls.iter().filter(|call| call.operation == Operation::Put);
    let puts: Vec<_> = puts.map(|call| call.key.as_str()).collect();
    assert_eq!(puts, ["pack/a", "journal/1", "pack/b", "journal/2"]);
}

#[test]
fn an_arbiter_without_any_object_makes_nobody_forget_what_is_queued() {
    let mirror = Mirror::new(2, WritePolicy::AtLeast(1));
    mirror.put("journal/0", "entry 0");
    mirror.down(1);
    mirror.put("pack/a", "a");
    mirror.put("pack/b", "b");
    mirror.up(1);
    // The disk of the arbiter is unmounted, and the empty folder below says that nothing is there.
    let gone: Vec<_> = mirror.names(0);
    let gone: Vec<_> = gone
        .iter()
        .map(|name| (name, mirror.bytes(0, name)))
        .collect();
    gone.iter().for_each(|(name, _)| mirror.lose(0, name));
    for _ in 0..2 {
        let status = block_on(mirror.store.catch_up());
        assert!(!status.is_healthy(), "{status}");
        assert_eq!(status.members[1].queued_objects, 2, "{status}");
        assert_eq!(mirror.names(1), ["journal/0"]);
    }
    // It is back, and what was deleted there meanwhile is not missed.
    let arbiter = mirror.member(0).inner().inner();
    for (name, bytes) in gone.iter().filter(|(name, _)| *name != "pack/b") {
        block_on(arbiter.put_new(&key(name), bytes.clone())).unwrap();
    }
    let status = block_on(mirror.store.catch_up());
    assert!(status.is_healthy(), "{status}");
    assert_eq!(mirror.names(1), ["journal/0", "pack/a"]);
}

#[test]
fn writes_bring_a_follower_up_by_and_by() {
    let mirror = Mirror::new(2, WritePolicy::AtLeast(1));
    mirror.down(1);
    for n in 0..40 {
        let data = Bytes::from(format!("entry {n}"));
        block_on(mirror.store.put_new(&key(&format!("journal/{n}")), data)).unwrap();
    }
    mirror.up(1);
    for n in 40..160 {
        let data = Bytes::from(format!("entry {n}"));
        block_on(mirror.store.put_new(&key(&format!("journal/{n}")), data)).unwrap();
    }
    assert_eq!(mirror.health(1), Health::Healthy);
    assert_eq!(mirror.names(1), mirror.names(0));
}

#[test]
fn all_means_all() {
    let mirror = Mirror::new(2, WritePolicy::All);
    mirror.down(1);
    let put = |name: &str| block_on(mirror.store.put_new(&key(name), "a b".into()));
    assert_eq!(kind(put("pack/a")), ErrorKind::Unavailable);
    // The next is refused before anything is stored.
    assert_eq!(kind(put("pack/b")), ErrorKind::Unavailable);
    assert_eq!(mirror.names(0), ["pack/a"]);
    mirror.up(1);
    put("pack/b").unwrap();
    assert_eq!(mirror.names(1), ["pack/a", "pack/b"]);
}

#[test]
fn nothing_is_deleted_while_somebody_lags() {
    let mirror = Mirror::new(2, WritePolicy::AtLeast(1));
    mirror.put("pack/a", "a");
    mirror.down(1);
    mirror.put("pack/b", "b");
    let held_back = block_on(mirror.store.delete(&key("pack/a")));
    assert_eq!(kind(held_back), ErrorKind::Unavailable);
    assert_eq!(mirror.names(0), ["pack/a", "pack/b"]);
    mirror.up(1);
    block_on(mirror.store.delete(&key("pack/a"))).unwrap();
    assert_eq!(mirror.names(0), ["pack/b"]);
    assert_eq!(mirror.names(1), ["pack/b"]);
}

#[test]
fn what_was_deleted_never_comes_back() {
    let mirror = Mirror::new(2, WritePolicy::All);
    mirror.put("pack/a", "a");
    let lost = Rule::new(Fault::FailBefore(ErrorKind::Unavailable))
        .with_operation(Operation::Delete)
        .with_when(When::Nth(1));
    mirror.members[1].inject(lost);
    let half = block_on(mirror.store.delete(&key("pack/a")));
    assert_eq!(kind(half), ErrorKind::Unavailable);
    assert_eq!(mirror.names(1), ["pack/a"]);
    // As far as this mirror knows it is deleted, though not everywhere yet.
    let gone = block_on(mirror.store.get_all(&key("pack/a")));
    assert_eq!(kind(gone), ErrorKind::NotFound);
    assert!(names(&mirror.store, "").is_empty());
    assert!(block_on(mirror.store.catch_up()).is_healthy());
    assert!(mirror.names(0).is_empty() && mirror.names(1).is_empty());
}

#[test]
fn a_restarted_mirror_does_not_skip_an_entry() {
    let mirror = Mirror::new(2, WritePolicy::AtLeast(1));
    mirror.put("journal/0", "entry 0");
    mirror.down(1);
    mirror.put("pack/a", "a");
    mirror.put("journal/1", "entry 1");
    mirror.up(1);
    let restarted = handle(&mirror.members, WritePolicy::AtLeast(1));
    block_on(restarted.put_new(&key("pack/b"), "b".into())).unwrap();
    block_on(restarted.put_new(&key("journal/2"), "entry 2".into())).unwrap();
    assert_eq!(
        mirror.names(1),
        ["journal/0", "pack/b"],
        "no entry without the one before"
    );
    let status = restarted.status();
    assert_eq!(status.members[1].health, Health::Lagging);
    assert!(status.to_string().contains("journal/2 waits"), "{status}");

    let found = block_on(restarted.compare(&order(), Thoroughness::Lengths))
        .remove(0)
        .unwrap();
    assert_eq!((found.missing.objects, found.same.objects), (3, 2));
    let report = block_on(restarted.resync(&order(), Thoroughness::Lengths))
        .remove(0)
        .unwrap();
    assert!(report.is_complete() && report.copied.objects == 3);
    assert!(restarted.status().is_healthy(), "{}", restarted.status());
    assert_eq!(mirror.names(1), mirror.names(0));
}

#[test]
fn a_full_queue_asks_for_a_resync() {
    let members = Mirror::new(2, WritePolicy::AtLeast(1)).members;
    let stores = members
        .iter()
        .map(|one| Arc::new(one.clone()) as Arc<dyn Store>);
    let [one, other] = stores.collect::<Vec<_>>().try_into().unwrap();
    let settings = MirrorSettings::default()
        .with_policy(WritePolicy::AtLeast(1))
        .with_queue_max(3);
    let store = Mirrored::new(one, vec![other], settings);
    members[1].inject(Rule::new(Fault::FailBefore(ErrorKind::NoSpace)));
    for name in ["a", "b", "c", "d", "e"] {
        block_on(store.put_new(&key(name), "x".into())).unwrap();
    }
    assert_eq!(store.status().members[1].health, Health::NeedsResync);
    members[1].heal();
    block_on(store.put_new(&key("f"), "x".into())).unwrap();
    assert!(names(members[1].inner().inner(), "").is_empty());
    let report = block_on(store.resync(&SyncOrder::everything(), Thoroughness::Lengths)).remove(0);
    assert_eq!(report.unwrap().copied.objects, 6);
    assert!(store.status().is_healthy());
}
