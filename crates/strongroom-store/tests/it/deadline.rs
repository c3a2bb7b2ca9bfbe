//! Calls that end in time.

use std::sync::Arc;
use std::time::Duration;

use futures::executor::block_on;
use futures::stream::StreamExt;
use strongroom_store::wrap::{
    Deadline, DeadlinePolicy, ManualTime, Monotonic, Operation, Recording, RetryPolicy, Retrying,
};
use strongroom_store::{Cause, ErrorKind, MemoryStore, Prefix, Store, StoreExt};

use crate::support::Slow;
use crate::{key, put};

const SECOND: Duration = Duration::from_secs(1);

fn policy() -> DeadlinePolicy {
    DeadlinePolicy::default()
        .with_base(10 * SECOND)
        .with_bytes_per_second_min(1_000)
        .with_whole_object_bytes(20_000)
}

/// A store in which everything takes so many seconds.
fn taking(seconds: u32, time: &ManualTime) -> Deadline<Slow<Recording<MemoryStore>>> {
    let inner = Recording::new(MemoryStore::new());
    put(&inner, "a", "bytes");
    let slow = Slow::new(inner, time, move |_, _| seconds * SECOND);
    Deadline::new(slow, policy()).with_sleep(Arc::new(time.clone()))
}

#[test]
fn a_call_in_time_is_answered_and_one_too_late_is_given_up() {
    let time = ManualTime::new();
    let fast = taking(9, &time);
    time.run(fast.head(&key("a"))).expect("in time");
    let slow = taking(11, &time);
    let began = time.now();
    let error = time.run(slow.head(&key("a"))).expect_err("too late");
    assert_eq!(time.now() - began, 10 * SECOND);
    assert_eq!(error.kind(), ErrorKind::Unavailable);
    assert_eq!(error.cause(), Some(Cause::Timeout));
    assert_eq!(error.key(), Some(&key("a")));
    assert!(error.is_retryable());
    assert_eq!(time.sleepers(), 0, "the call inside was dropped");
}

#[test]
fn bytes_are_given_the_time_they_take() {
    let time = ManualTime::new();
    let store = taking(25, &time);
    let (small, large) = (vec![0; 14_000], vec![0; 16_000]);
    let put = |name: &str, data: Vec<u8>| {
        let name = key(name);
        let outcome = time.run(store.put_new(&name, data.into()));
        outcome.map_err(|error| error.cause())
    };
    assert_eq!(put("small", small), Err(Some(Cause::Timeout)));
    assert_eq!(put("large", large), Ok(()));
    let whole = time.run(store.get_all(&key("a")));
    assert_eq!(whole.expect("30 seconds are allowed"), "bytes");
    let part = time.run(store.get_range(&key("a"), 0..3));
    assert_eq!(part.expect_err("too late").cause(), Some(Cause::Timeout));
}

#[test]
fn a_list_may_be_long_and_must_not_hang() {
    let time = ManualTime::new();
    let inner = MemoryStore::new();
    for name in ["a", "b", "c", "d"] {
        put(&inner, name, "bytes");
    }
    let hangs = key("c");
    let slow = Slow::new(inner, &time, move |_, key| {
        SECOND * if *key == hangs { 3_600 } else { 9 }
    });
    let store = Deadline::new(slow, policy()).with_sleep(Arc::new(time.clone()));
    let listed: Vec<_> = time.run(store.list(&Prefix::root()).collect());
    let words: Vec<_> = listed
        .iter()
        .map(|object| {
            object
                .as_ref()
                .map(|object| object.key.as_str())
                .map_err(|error| error.cause())
        })
        .collect();
    assert_eq!(words, [Ok("a"), Ok("b"), Err(Some(Cause::Timeout))]);
    assert_eq!(time.now(), 28 * SECOND);
}

#[test]
fn what_was_given_up_is_tried_again_outside() {
    let time = ManualTime::new();
    let inner = Recording::new(MemoryStore::new());
    let calls = std::sync::atomic::AtomicU32::new(0);
    let slow = Slow::new(inner.clone(), &time, move |_, _| {
        let nth = calls.fetch_add(1, std::sync::atomic::Ordering::Relaxed);
        SECOND * if nth < 2 { 3_600 } else { 1 }
    });
    let store = Deadline::new(slow, policy()).with_sleep(Arc::new(time.clone()));
    let store = Retrying::new(store, RetryPolicy::default()).with_sleep(Arc::new(time.clone()));
    let name = key("a");
    time.run(store.put_new(&name, "bytes".into()))
        .expect("the third time");
    assert_eq!(inner.count(Operation::Put), 1);
}

#[test]
fn a_whole_object_is_given_more_time_the_more_often_it_takes_too_long() {
    let time = ManualTime::new();
    // 1 MiB has 8 seconds at first, beside the base; this one takes a minute.
    let policy = DeadlinePolicy::default().with_base(SECOND);
    let inner = MemoryStore::new();
    put(&inner, "small", "bytes");
    let name = key("large");
    time.run(inner.put_new(&name, vec![0; 7 << 20].into()))
        .expect("room");
    let slow = Slow::new(inner, &time, move |_, key| {
        SECOND * if key.as_str() == "large" { 60 } else { 0 }
    });
    let store = Deadline::new(slow, policy).with_sleep(Arc::new(time.clone()));
    let get = |name: &str| {
        let began = time.now();
        let answer = time.run(async { store.get_all(&key(name)).await });
        (answer.is_ok(), (time.now() - began).as_secs())
    };
    assert_eq!(
        [get("large"), get("large"), get("large")],
        [(false, 9), (false, 17), (false, 33)]
    );
    assert_eq!(get("large"), (true, 60));
    // What was learnt is forgotten when it is not needed any more.
    assert_eq!(get("large"), (true, 60));
    for _ in 0..100 {
        assert_eq!(get("small"), (true, 0));
    }
    assert_eq!(get("large"), (false, 9));
}

#[test]
fn without_a_clock_of_its_own_it_needs_no_runtime() {
    let store = Deadline::new(MemoryStore::new(), DeadlinePolicy::default());
    put(&store, "a", "bytes");
    assert_eq!(
        block_on(store.get_all(&key("a"))).expect("in time"),
        "bytes"
    );
    assert_eq!(store.to_string(), "deadline(30s, memory:)");
}
