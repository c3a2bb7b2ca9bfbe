//! Requests and bytes, counted.

use futures::executor::block_on;
use futures::future::poll_immediate;
use futures::stream::StreamExt;
use strongroom_store::wrap::{
    Counted, Fault, FaultPlan, Faulty, Gate, Operation, RequestKind, Rule,
};
use strongroom_store::{
    ErrorKind, GetOptions, MemoryStore, ObjectLock as _, Prefix, PutOptions, Retention,
    RetentionMode, StorageClass, Store, StoreExt,
};

use crate::support::Spy;
use crate::{key, kind, names, put};

fn requests(store: &Counted<impl Store>, kind: RequestKind) -> u64 {
    store.counts().of(kind).requests
}

#[test]
fn every_kind_is_counted_as_what_it_is() {
    let store = Counted::new(Spy::with_locks());
    let a = key("a");
    block_on(async {
        let cold = PutOptions::default().with_class(StorageClass::Cold);
        store.put(&a, "12345".into(), cold).await?;
        store.get_all(&a).await?;
        let hint = GetOptions::default().with_class(StorageClass::Cold);
        store.get(&a, hint.with_range(1..3)).await?;
        store.head(&a).await?;
        store.retention(&a).await?;
        let to = Retention::new(RetentionMode::Governance, 5);
        store.extend(&a, to).await?;
        store.delete(&key("b")).await
    })
    .expect("nothing fails");
    assert_eq!(names(&store, ""), ["a"]);
    for kind in RequestKind::all() {
        assert_eq!(requests(&store, kind), 1, "{kind}");
    }
    let counts = store.counts();
    assert_eq!((counts.bytes_up(), counts.bytes_down()), (5, 7));
    let cold = |kind| counts.of_class(kind, StorageClass::Cold).bytes;
    assert_eq!(cold(RequestKind::Put), 5);
    assert_eq!(cold(RequestKind::Get), 0);
    assert_eq!(cold(RequestKind::RangeGet), 2);
}

#[test]
fn refused_failed_and_abandoned_are_told_apart() {
    let gate = Gate::new();
    let down = Rule::new(Fault::FailBefore(ErrorKind::Unavailable)).with_operation(Operation::Head);
    let wait = Rule::new(Fault::PauseBefore(gate)).with_key_prefix("stuck");
    let plan = FaultPlan::new().with_rule(down).with_rule(wait);
    let store = Counted::new(Faulty::new(MemoryStore::new(), plan));
    put(&store, "a", "12345");
    block_on(async {
        let again = store.put_new(&key("a"), "123".into()).await;
        assert_eq!(kind(again), ErrorKind::AlreadyExists);
        assert_eq!(kind(store.head(&key("a")).await), ErrorKind::Unavailable);
        let stuck = key("stuck");
        let mut stuck = Box::pin(store.put_new(&stuck, "1".into()));
        assert!(poll_immediate(&mut stuck).await.is_none());
    });
    let tally = store.counts().of(RequestKind::Put);
    assert_eq!((tally.requests, tally.refused, tally.abandoned), (3, 1, 1));
    assert_eq!((tally.bytes, tally.bytes_in_vain), (5, 4));
    assert_eq!(store.counts().of(RequestKind::Head).failed, 1);
}

#[test]
fn a_list_costs_a_request_for_each_page_it_goes_through() {
    let store = Counted::new(MemoryStore::new()).with_page_len(3);
    for name in ["a", "b", "c", "d"] {
        put(&store, name, "bytes");
    }
    drop(store.list(&Prefix::root()));
    assert_eq!(requests(&store, RequestKind::List), 0, "nobody asked it");
    let first: Vec<_> = block_on(store.list(&Prefix::root()).take(3).collect());
    assert_eq!((first.len(), requests(&store, RequestKind::List)), (3, 1));
    let before = store.counts();
    assert_eq!(names(&store, "").len(), 4);
    assert_eq!(
        store.counts().since(&before).of(RequestKind::List).requests,
        2
    );
}

#[test]
fn clones_count_to_one_account() {
    let store = Counted::new(MemoryStore::new());
    let handle = store.clone();
    put(&handle, "a", "bytes");
    put(&store, "b", "bytes");
    assert_eq!(store.counts().total().requests, 2);
    assert_eq!(store.to_string(), "counted(memory:)");
}
