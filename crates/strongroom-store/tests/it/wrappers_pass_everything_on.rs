//! Classes, retentions and locks go through every wrapper. One that drops them fails here.

use std::sync::Arc;

use bytes::Bytes;
use futures::executor::block_on;
use strongroom_store::manners::Manners;
use strongroom_store::replica::{CompareOptions, SyncOptions, SyncOrder, SyncPlan, compare, sync};
use strongroom_store::wrap::{
    Adaptive, AdaptivePolicy, Bandwidth, BandwidthLimits, Counted, Deadline, DeadlinePolicy, Fault,
    FaultPlan, Faulty, HedgePolicy, Hedged, Limited, Looking, MirrorSettings, Mirrored,
    ObjectRules, Polite, Prefixed, ReadOnly, Recording, RetryPolicy, Retrying, Rule, Split,
    SplitRules, Wholeness, WritePolicy,
};
use strongroom_store::{
    ErrorKind, GetOptions, Key, MemoryStore, PutMode, PutOptions, Retention, RetentionMode,
    StorageClass, Store, StoreExt,
};

use crate::support::Spy;
use crate::{folder, key, kind};

/// A wrapper, the store inside of it, and what it puts before keys.
struct Case {
    inner: Spy,
    store: Box<dyn Store>,
    before: &'static str,
}

/// Every wrapper that calls the store inside as it is called itself.
fn all(make: impl Fn() -> Spy) -> Vec<Case> {
    let case = |wrap: &dyn Fn(Spy) -> Box<dyn Store>| {
        let inner = make();
        let store = wrap(inner.clone());
        let before = "";
        Case {
            inner,
            store,
            before,
        }
    };
    vec![
        case(&|spy| Box::new(Arc::new(spy))),
        case(&|spy| Box::new(Adaptive::new(spy, AdaptivePolicy::default()))),
        case(&|spy| {
            let limits = BandwidthLimits::new(None, None);
            Box::new(Bandwidth::new(spy, limits))
        }),
        case(&|spy| Box::new(Counted::new(spy))),
        case(&|spy| Box::new(Hedged::new(spy, HedgePolicy::default()))),
        case(&|spy| {
            let rules = SplitRules::cold_of([folder("parity/")]);
            Box::new(Split::new(spy, make(), rules))
        }),
        case(&|spy| Box::new(Deadline::new(spy, DeadlinePolicy::default()))),
        case(&|spy| Box::new(Faulty::new(spy, FaultPlan::new()))),
        case(&|spy| Box::new(Limited::new(spy, 1))),
        case(&|spy| Box::new(Looking::new(spy))),
        case(&|spy| Box::new(Polite::new(spy, Manners::new()))),
        case(&|spy| {
            let settings = MirrorSettings::default();
            Box::new(Mirrored::new(Arc::new(spy), Vec::new(), settings))
        }),
        Case {
            before: "some/host/",
            ..case(&|spy| Box::new(Prefixed::new(spy, folder("some/host/"))))
        },
        case(&|spy| Box::new(Recording::new(spy))),
        case(&|spy| Box::new(Retrying::new(spy, RetryPolicy::default()))),
    ]
}

fn until(until: i64) -> Retention {
    Retention::new(RetentionMode::Compliance, until)
}

#[test]
fn classes_ranges_and_retentions_arrive_as_they_were_given() {
    for case in all(Spy::with_locks) {
        let (inner, store, before) = (case.inner, case.store, case.before);
        let pack = key("pack/1");
        let put = PutOptions::default()
            .with_mode(PutMode::Overwrite)
            .with_class(StorageClass::Cold)
            .with_retention(until(7));
        let get = GetOptions::default().with_class(StorageClass::Cold);
        block_on(async {
            store.put(&pack, "bytes".into(), put).await?;
            store.get(&pack, get.clone()).await?;
            store
                .get(&pack, get.with_range(1..3).with_fresh(true))
                .await
        })
        .expect("nothing fails");
        let told = [
            format!("put {before}pack/1 Cold Some(7)"),
            format!("get {before}pack/1 Some(Cold)"),
            format!("get {before}pack/1 1..3 Some(Cold) fresh"),
        ];
        assert_eq!(inner.log(), told, "{store}");
    }
}

#[test]
fn locks_are_lent_by_whoever_has_one_inside() {
    for case in all(Spy::with_locks) {
        let (inner, store, before) = (case.inner, case.store, case.before);
        let pack = key("pack/1");
        let put = PutOptions::default()
            .with_mode(PutMode::Overwrite)
            .with_retention(until(7));
        assert!(store.capabilities().object_lock, "{store}");
        let lock = store.object_lock().expect("there is one inside");
        block_on(async {
            store.put(&pack, "bytes".into(), put).await.expect("room");
            inner.log();
            assert_eq!(
                lock.retention(&pack).await.expect("it is there"),
                Some(until(7))
            );
            lock.extend(&pack, until(9)).await.expect("it is longer");
            assert_eq!(
                lock.retention(&pack).await.expect("it is there"),
                Some(until(9))
            );
            assert_eq!(
                kind(
                    lock.extend(&pack, Retention::new(RetentionMode::Governance, 99))
                        .await
                ),
                ErrorKind::Invalid
            );
            let missing = lock
                .retention(&key("none"))
                .await
                .expect_err("it is missing");
            assert_eq!(
                (missing.kind(), missing.key()),
                (ErrorKind::NotFound, Some(&key("none"))).clone(),
                "{store}"
            );
        });
        let told = [
            format!("retention {before}pack/1"),
            format!("extend {before}pack/1 9"),
            format!("retention {before}pack/1"),
            format!("extend {before}pack/1 99"),
            format!("retention {before}none"),
        ];
        assert_eq!(inner.log(), told, "{store}");
    }
}

#[test]
fn which_names_can_be_locked_is_passed_on() {
    // Of the folders of all cases, those of packs can be locked.
    let packs = || ["pack/", "some/host/pack/"].map(folder);
    let half = || Split::new(Spy::new(), Spy::with_locks(), SplitRules::all_of(packs()));
    let mirror = || {
        let members = [0, 1].map(|_| Arc::new(half()) as Arc<dyn Store>);
        let [arbiter, follower] = members;
        Mirrored::new(arbiter, vec![follower], MirrorSettings::default())
    };
    let cases: Vec<Box<dyn Store>> = vec![
        Box::new(Arc::new(half())),
        Box::new(Adaptive::new(half(), AdaptivePolicy::default())),
        Box::new(Bandwidth::new(half(), BandwidthLimits::new(None, None))),
        Box::new(Counted::new(half())),
        Box::new(Deadline::new(half(), DeadlinePolicy::default())),
        Box::new(Faulty::new(half(), FaultPlan::new())),
        Box::new(Hedged::new(half(), HedgePolicy::default())),
        Box::new(Limited::new(half(), 1)),
        Box::new(Looking::new(half())),
        Box::new(mirror()),
        Box::new(Prefixed::new(half(), folder("some/host/"))),
        Box::new(ReadOnly::new(half())),
        Box::new(Recording::new(half())),
        Box::new(Retrying::new(half(), RetryPolicy::default())),
    ];
    for store in cases {
        let lock = store.object_lock().expect("one side has one");
        assert!(lock.locks(&key("pack/1")), "{store}");
        assert!(!lock.locks(&key("journal/1")), "{store}");
    }
}

#[test]
fn nobody_has_a_lock_where_there_is_none() {
    for Case { store, .. } in all(Spy::new) {
        assert!(store.object_lock().is_none(), "{store}");
        assert!(!store.capabilities().object_lock, "{store}");
    }
}

#[test]
fn read_only_tells_of_locks_and_does_not_lock() {
    let inner = Spy::with_locks();
    let store = ReadOnly::new(inner.clone());
    let lock = store.object_lock().expect("there is one inside");
    block_on(async {
        let locked = PutOptions::default().with_retention(until(7));
        inner
            .put(&key("a"), "bytes".into(), locked)
            .await
            .expect("room");
        inner.log();
        assert_eq!(
            lock.retention(&key("a")).await.expect("it is there"),
            Some(until(7))
        );
        assert_eq!(
            kind(lock.extend(&key("a"), until(9)).await),
            ErrorKind::PermissionDenied
        );
        let hint = GetOptions::default().with_class(StorageClass::Cold);
        store.get(&key("a"), hint).await.expect("it is there");
    });
    assert_eq!(inner.log(), ["retention a", "get a Some(Cold)"]);
}

#[test]
fn a_mirror_replaces_a_broken_copy_by_one_that_is_locked() {
    let members = [
        MemoryStore::with_object_lock(|| 0),
        MemoryStore::with_object_lock(|| 0),
    ];
    let [arbiter, follower] = members.map(Arc::new);
    let name = key("pack/1");
    block_on(follower.put_new(&name, "rotten".into())).expect("room");
    let settings = MirrorSettings::default().with_rules(Arc::new(Whole));
    let store = Mirrored::new(
        arbiter,
        vec![Arc::clone(&follower) as Arc<dyn Store>],
        settings,
    );
    let options = PutOptions::default().with_retention(until(9));
    block_on(store.put(&name, "whole".into(), options)).expect("it locks");
    let bytes = block_on(follower.get_all(&name)).expect("it is there");
    assert_eq!(bytes, "whole");
    let lock = follower.object_lock().expect("it has one");
    let retention = block_on(lock.retention(&name)).expect("it says");
    assert_eq!(retention, Some(until(9)));
}

/// Objects are broken unless they say that they are whole.
#[derive(Debug)]
struct Whole;

impl ObjectRules for Whole {
    fn can_check(&self, _key: &Key) -> bool {
        true
    }

    fn check(&self, _key: &Key, bytes: &Bytes) -> Wholeness {
        match bytes.starts_with(b"whole") {
            true => Wholeness::Proven,
            false => Wholeness::Broken,
        }
    }

    fn predecessor(&self, _key: &Key) -> Option<Key> {
        None
    }
}

#[test]
fn a_mirror_locks_everywhere_and_says_what_the_weakest_says() {
    let members = [Spy::with_locks(), Spy::with_locks()];
    let [arbiter, follower] = members.clone().map(|spy| Arc::new(spy) as Arc<dyn Store>);
    let store = Mirrored::new(arbiter, vec![follower], MirrorSettings::default());
    let lock = store.object_lock().expect("all have one");
    let a = key("a");
    block_on(async {
        let locked = PutOptions::default().with_retention(until(7));
        store.put(&a, "bytes".into(), locked).await.expect("room");
        lock.extend(&a, until(9)).await.expect("it is longer");
        for member in &members {
            let theirs = member.object_lock().expect("it locks");
            assert_eq!(
                theirs.retention(&a).await.expect("it is there"),
                Some(until(9))
            );
        }
        let arbiter = members
            .first()
            .expect("two")
            .object_lock()
            .expect("it locks");
        arbiter.extend(&a, until(11)).await.expect("it is longer");
        assert_eq!(
            lock.retention(&a).await.expect("both are there"),
            Some(until(9))
        );
    });
}

#[test]
fn a_mirror_with_a_member_that_cannot_lock_says_so_before_anything_is_put() {
    let members = [Spy::with_locks(), Spy::new()];
    let [arbiter, follower] = members.clone().map(|spy| Arc::new(spy) as Arc<dyn Store>);
    let store = Mirrored::new(arbiter, vec![follower], MirrorSettings::default());
    assert!(store.object_lock().is_none() && !store.capabilities().object_lock);
    let locked = PutOptions::default().with_retention(until(7));
    let outcome = block_on(store.put(&key("a"), "bytes".into(), locked));
    assert_eq!(kind(outcome), ErrorKind::Unsupported);
    for member in members {
        assert_eq!(member.log(), [""; 0]);
    }
}

#[test]
fn a_mirror_gives_late_what_it_would_have_given_then() {
    let [here, there] = [Spy::with_locks(), Spy::with_locks()];
    let away = Faulty::new(there.clone(), FaultPlan::new());
    away.inject(Rule::new(Fault::FailBefore(ErrorKind::Unavailable)));
    let settings = MirrorSettings::default().with_policy(WritePolicy::AtLeast(1));
    let store = Mirrored::new(Arc::new(here), vec![Arc::new(away.clone())], settings);
    let lock = store.object_lock().expect("all have one");
    let pack = key("pack/1");
    let options = PutOptions::default()
        .with_class(StorageClass::Cold)
        .with_retention(until(7));
    block_on(async {
        store
            .put(&pack, "bytes".into(), options)
            .await
            .expect("one suffices");
        lock.extend(&pack, until(9)).await.expect("one suffices");
        away.heal();
        there.log();
        store.catch_up().await;
    });
    assert_eq!(there.log(), ["put pack/1 Cold Some(9)"]);
}

#[test]
fn a_copy_is_locked_as_its_original_is() {
    let [one, other]: [Arc<dyn Store>; 2] = [0, 1].map(|_| Arc::new(Spy::with_locks()) as _);
    let plain: Arc<dyn Store> = Arc::new(Spy::new());
    let locked = PutOptions::default().with_retention(until(7));
    let options = CompareOptions::new(SyncOrder::everything());
    block_on(async {
        one.put(&key("a"), "bytes".into(), locked)
            .await
            .expect("room");
        one.put_new(&key("b"), "bytes".into()).await.expect("room");
        for copy in [&other, &plain] {
            let comparison = compare(&one, copy, &options).await.expect("no fault");
            let plan = SyncPlan::new(&comparison, SyncOptions::default());
            let report = sync(&plan, &one, copy, &options).await.expect("no fault");
            assert_eq!(report.copied.objects, 2);
        }
        let lock = other.object_lock().expect("it locks");
        let found = lock.retention(&key("a")).await.expect("there");
        assert_eq!(found, Some(until(7)));
        assert_eq!(lock.retention(&key("b")).await.expect("there"), None);
    });
}
