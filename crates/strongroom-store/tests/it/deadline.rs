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
fn what_moves_on_a_slow_link_is_not_cut_off() {
    // 32 MiB at 10 KiB/s: a pack, when several share a line of 1 Mbit/s.
    let transfer = SECOND * 3_277;
    let time = ManualTime::new();
    let inner = Recording::new(MemoryStore::new());
    let slow = Slow::new(inner.clone(), &time, move |verb, key| {
        let moves = matches!(verb, "put" | "get") && key.as_str().starts_with("pack/");
        if moves { transfer } else { SECOND }
    });
    let sleep = Arc::new(time.clone());
    let store = Deadline::new(slow, DeadlinePolicy::default()).with_sleep(sleep.clone());
    let store = Retrying::new(store, RetryPolicy::default()).with_sleep(sleep);
    let pack = |number: u32| key(&format!("pack/{number}"));
    let bytes = bytes::Bytes::from(vec![0; 32 << 20]);
    let both = time.run(async {
        let puts = [1, 2].map(|number| {
            let (store, bytes) = (&store, bytes.clone());
            async move { store.put_new(&pack(number), bytes).await }
        });
        futures::future::try_join_all(puts).await
    });
    both.expect("they move");
    assert_eq!(inner.count(Operation::Put), 2);
    put(&inner, "journal/1", "entry");
    // Many small objects say nothing of the next one.
    for _ in 0..100 {
        time.run(async { store.get_all(&key("journal/1")).await })
            .expect("it is there");
    }
    inner.reset();
    let whole = time.run(async { store.get_all(&pack(1)).await });
    assert_eq!(whole.expect("it moves").len(), bytes.len());
    let part = time.run(async { store.get_range(&pack(2), 0..32 << 20).await });
    assert_eq!(part.expect("it moves").len(), bytes.len());
    assert_eq!(inner.count(Operation::Get), 2);
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
