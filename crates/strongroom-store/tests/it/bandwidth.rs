//! Bytes a second, by a clock that jumps.

use std::sync::Arc;
use std::time::Duration;

use futures::future::{join_all, poll_immediate};
use proptest::prelude::*;
use strongroom_store::wrap::{
    Bandwidth, BandwidthLimits, ManualTime, Monotonic, Operation, Rate, Recording,
};
use strongroom_store::{ErrorKind, Key, MemoryStore, Store, StoreExt};

use crate::support::Slow;
use crate::{key, kind, put};

const SECOND: Duration = Duration::from_secs(1);

fn limits(time: &ManualTime, up: Option<Rate>, down: Option<Rate>) -> BandwidthLimits {
    BandwidthLimits::with_time(up, down, Arc::new(time.clone()), Arc::new(time.clone()))
}

fn rate(bytes_per_second: u64, burst: u64) -> Option<Rate> {
    Some(Rate::new(bytes_per_second).with_burst(burst))
}

/// Puts objects of these lengths at once, and returns when each was begun, in the order in which they were.
fn begun(time: &ManualTime, lens: &[usize], limit: Option<Rate>) -> Vec<(Duration, usize)> {
    let inner = Recording::new(MemoryStore::new());
    let at = Arc::new(std::sync::Mutex::new(Vec::new()));
    let (clock, log) = (time.clone(), Arc::clone(&at));
    // Asked for how long a call takes, it takes note of when that was.
    let noting = Slow::new(inner.clone(), time, move |_, _| {
        log.lock().expect("no panic").push(clock.now());
        Duration::ZERO
    });
    let store = Bandwidth::new(noting, limits(time, limit, None));
    let keys: Vec<_> = (0..lens.len())
        .map(|number| key(&format!("k{number:04}")))
        .collect();
    let puts = keys
        .iter()
        .zip(lens)
        .map(|(key, len)| store.put_new(key, vec![0; *len].into()));
    time.run(join_all(puts))
        .into_iter()
        .for_each(|outcome| outcome.expect("room"));
    let order: Vec<_> = inner.calls().iter().map(|call| call.key.clone()).collect();
    assert!(order.is_sorted(), "first come, first served");
    let at = at.lock().expect("no panic").clone();
    at.into_iter().zip(lens.iter().copied()).collect()
}

#[test]
fn small_objects_go_as_fast_as_the_rate() {
    let time = ManualTime::new();
    let begun = begun(&time, &[500; 10], rate(1_000, 1_000));
    let at: Vec<_> = begun.iter().map(|(at, _)| at.as_millis()).collect();
    assert_eq!(
        at,
        [0, 0, 500, 1_000, 1_500, 2_000, 2_500, 3_000, 3_500, 4_000]
    );
}

#[test]
fn after_a_large_object_nothing_moves_until_the_average_is_kept() {
    let time = ManualTime::new();
    let begun = begun(&time, &[50_000, 100, 50_000, 100], rate(1_000, 1_000));
    let at: Vec<_> = begun.iter().map(|(at, _)| at.as_millis()).collect();
    assert_eq!(at, [0, 49_100, 50_100, 99_200]);
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(48))]

    #[test]
    fn in_no_period_does_more_move_than_the_contract_says(
        lens in prop::collection::vec(0..5_000_usize, 1..40),
        per_second in 1..3_000_u64,
        burst in 0..4_000_u64,
    ) {
        let time = ManualTime::new();
        let begun = begun(&time, &lens, rate(per_second, burst));
        let largest = lens.iter().copied().max().unwrap_or(0) as u128;
        for (first, (from, _)) in begun.iter().enumerate() {
            let mut moved = 0;
            for (until, len) in begun.get(first..).expect("within") {
                moved += *len as u128;
                let period = (*until - *from).as_nanos();
                let filled = period * u128::from(per_second) / 1_000_000_000 + 1;
                prop_assert!(moved <= filled + u128::from(burst) + largest);
            }
        }
        // Nor does it take longer than it has to.
        let total: u128 = lens.iter().map(|len| *len as u128).sum();
        let needed = (total * 1_000_000_000).div_ceil(u128::from(per_second));
        prop_assert!(time.now().as_nanos() <= needed + lens.len() as u128 + u128::from(burst) * 1_000_000_000 / u128::from(per_second));
    }
}

#[test]
fn whoever_gives_up_waiting_leaves_no_trace() {
    let time = ManualTime::new();
    let store = Bandwidth::new(MemoryStore::new(), limits(&time, rate(1_000, 1_000), None));
    let [a, b, c] = ["a", "b", "c"].map(key);
    let body = || vec![0; 1_000].into();
    time.run(async {
        store.put_new(&a, body()).await.expect("at once");
        let mut gone = Box::pin(store.put_new(&b, body()));
        assert!(poll_immediate(&mut gone).await.is_none());
        drop(gone);
        store.put_new(&c, body()).await.expect("next");
    });
    assert_eq!(time.now(), SECOND);
    assert_eq!(time.sleepers(), 0);
}

#[test]
fn a_new_limit_is_for_those_who_wait_already() {
    let time = ManualTime::new();
    let limits = limits(&time, rate(1, 1), None);
    let store = Bandwidth::new(MemoryStore::new(), limits.clone());
    let [a, b, c] = ["a", "b", "c"].map(key);
    let body = || vec![0; 7_200].into();
    time.run(async {
        store.put_new(&a, body()).await.expect("at once");
        let mut waits = Box::pin(store.put_new(&b, body()));
        assert!(poll_immediate(&mut waits).await.is_none());
        limits.set_up(rate(7_200, 7_200));
        waits.await.expect("soon");
    });
    // What it was ahead, and as much as it needs.
    assert_eq!(time.now().as_secs(), 1);
    limits.set_up(None);
    time.run(store.put_new(&c, body())).expect("at once");
    assert_eq!(time.now().as_secs(), 1);
    assert_eq!(
        store.to_string(),
        "bandwidth(up unlimited, down unlimited, memory:)"
    );
}

#[test]
fn what_is_received_counts_whether_or_not_its_length_was_known() {
    let time = ManualTime::new();
    let inner = MemoryStore::new();
    let name = key("a");
    time.run(inner.put_new(&name, vec![0; 1_000].into()))
        .expect("room");
    let store = Bandwidth::new(inner, limits(&time, None, rate(1_000, 1_000)));
    for _ in 0..50 {
        time.run(store.get_all(&name)).expect("there");
        time.run(store.get_range(&name, 0..500)).expect("there");
    }
    assert!(
        (72 * SECOND..=75 * SECOND).contains(&time.now()),
        "{:?}",
        time.now()
    );
    let began = time.now();
    for _ in 0..50 {
        let outcome = time.run(async { store.get_all(&key("none")).await });
        assert_eq!(kind(outcome), ErrorKind::NotFound);
    }
    assert!(time.now() - began <= SECOND, "nothing came");
}

#[test]
fn several_stores_share_a_limit_and_other_calls_are_free() {
    let time = ManualTime::new();
    let limits = limits(&time, rate(1_000, 1_000), None);
    let stores = [0, 1].map(|_| Bandwidth::new(Recording::new(MemoryStore::new()), limits.clone()));
    let name: Key = key("a");
    time.run(join_all(
        stores
            .iter()
            .map(|store| store.put_new(&name, vec![0; 1_000].into())),
    ));
    assert_eq!(time.now(), SECOND);
    for store in &stores {
        put(store.inner(), "b", "beside the limit");
        time.run(store.head(&name)).expect("there");
        time.run(store.delete(&name)).expect("there");
        assert_eq!(store.inner().count(Operation::Head), 1);
    }
    assert_eq!(time.now(), SECOND);
}
