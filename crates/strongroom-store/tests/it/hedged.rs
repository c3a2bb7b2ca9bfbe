//! Asking twice, on models of stores that are slow now and then.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use strongroom_store::wrap::{
    Fault, FaultPlan, Faulty, HedgePolicy, Hedged, ManualTime, Monotonic, Operation, Recording,
    Rule, When,
};
use strongroom_store::{ErrorKind, MemoryStore, Store, StoreExt};

use crate::support::Slow;
use crate::{key, kind, put};

const FAST: Duration = Duration::from_millis(50);
const SLOW: Duration = Duration::from_secs(10);

type Inner = Recording<Slow<Faulty<MemoryStore>>>;

/// A store in which calls take as long as this says of their number, after 100 that are fast.
fn hedged(
    time: &ManualTime,
    latency: impl Fn(u64) -> Duration + Send + Sync + 'static,
) -> Hedged<Inner> {
    let memory = Faulty::new(MemoryStore::new(), FaultPlan::new());
    put(&memory, "a", "bytes");
    let calls = AtomicU64::new(0);
    let slow = Slow::new(memory, time, move |_, _| {
        match calls.fetch_add(1, Ordering::Relaxed) {
            0..100 => FAST,
            later => latency(later - 100),
        }
    });
    let store = Hedged::with_time(
        Recording::new(slow),
        HedgePolicy::default(),
        Arc::new(time.clone()),
        Arc::new(time.clone()),
    );
    for _ in 0..100 {
        time.run(store.get_all(&key("a"))).expect("there");
    }
    assert_eq!(store.counts().second_requests, 0);
    store
}

fn faulty(store: &Hedged<Inner>) -> &Faulty<MemoryStore> {
    store.inner().inner().inner()
}

/// Gets the object, and returns how long it took.
fn get(store: &Hedged<Inner>, time: &ManualTime) -> Duration {
    let began = time.now();
    let found = time.run(async { store.get_all(&key("a")).await });
    assert_eq!(found.expect("there"), "bytes");
    assert_eq!(time.sleepers(), 0, "the loser is dropped");
    time.now() - began
}

#[test]
fn a_slow_answer_is_not_waited_for() {
    let time = ManualTime::new();
    let store = hedged(&time, |number| if number % 30 == 7 { SLOW } else { FAST });
    for _ in 0..300 {
        assert!(get(&store, &time) <= FAST * 2);
    }
    let counts = store.counts();
    assert_eq!(counts.second_requests, counts.seconds_won);
    // Second requests count too on the way to the next slow one.
    assert_eq!(counts.second_requests, 11);
    assert_eq!(store.inner().count(Operation::Get), 411);
}

#[test]
fn when_everything_is_slow_the_extra_requests_are_few() {
    let time = ManualTime::new();
    let store = hedged(&time, |_| SLOW);
    for _ in 0..1_000 {
        get(&store, &time);
    }
    let counts = store.counts();
    assert!(counts.second_requests <= 1_100 * 5 / 100, "{counts}");
    assert_eq!(
        store.inner().count(Operation::Get) as u64,
        1_100 + counts.second_requests
    );
}

#[test]
fn what_changes_the_store_is_never_asked_twice() {
    let time = ManualTime::new();
    let store = hedged(&time, |_| SLOW);
    time.run(async {
        store
            .put_new(&key("b"), "bytes".into())
            .await
            .expect("room");
        store
            .replace(&key("b"), "other".into())
            .await
            .expect("room");
        store.delete(&key("b")).await.expect("there");
    });
    let calls = store.inner();
    assert_eq!(
        (calls.count(Operation::Put), calls.count(Operation::Delete)),
        (2, 1)
    );
    assert_eq!(store.counts().second_requests, 0);
}

#[test]
fn an_answer_is_what_the_store_says_and_not_that_it_cannot() {
    let time = ManualTime::new();
    // The second answer comes first.
    let store = hedged(&time, |number| if number % 2 == 0 { SLOW } else { FAST });
    let missing = time.run(async { store.get_all(&key("none")).await });
    assert_eq!(kind(missing), ErrorKind::NotFound);
    assert!(time.now() < FAST * 110);

    // It fails: the first is waited for.
    let fails = || Rule::new(Fault::FailBefore(ErrorKind::Unavailable));
    faulty(&store).inject(fails().with_when(When::First(1)));
    assert_eq!(get(&store, &time), SLOW);
    // Both fail.
    faulty(&store).heal();
    faulty(&store).inject(fails());
    let outcome = time.run(async { store.get_all(&key("a")).await });
    assert_eq!(kind(outcome), ErrorKind::Unavailable);
}

#[test]
fn a_first_that_fails_late_leaves_the_second_to_answer() {
    let time = ManualTime::new();
    let store = hedged(
        &time,
        |number| if number == 0 { FAST * 2 } else { FAST * 4 },
    );
    let fails = Rule::new(Fault::FailBefore(ErrorKind::Unavailable));
    faulty(&store).inject(fails.with_when(When::First(1)));
    assert_eq!(get(&store, &time), FAST * 5);
    assert_eq!(store.counts().seconds_won, 1);
}

#[test]
fn heads_and_parts_are_measured_apart() {
    let time = ManualTime::new();
    let store = hedged(&time, |_| SLOW);
    let a = key("a");
    time.run(store.head(&a)).expect("there");
    time.run(store.get_range(&a, 0..1)).expect("there");
    assert_eq!(
        store.counts().second_requests,
        0,
        "nothing is known of these yet"
    );
    get(&store, &time);
    assert_eq!(store.counts().second_requests, 1);
}
