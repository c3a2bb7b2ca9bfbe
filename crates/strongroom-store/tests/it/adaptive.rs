//! A limit that finds its place, on models of stores.

use std::fmt;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use async_trait::async_trait;
use bytes::Bytes;
use futures::future::{join_all, poll_immediate};
use futures::stream::BoxStream;
use strongroom_store::wrap::{Adaptive, AdaptivePolicy, ManualTime, Monotonic, Sleep};
use strongroom_store::{
    Capabilities, Cause, Error, ErrorKind, GetOptions, Key, MemoryStore, ObjectMeta, Prefix,
    PutOptions, Result, Store,
};

use crate::key;

/// A store that serves so many calls at once in 50 ms; more share its time, or are sent away.
#[derive(Debug)]
struct Crowded {
    inner: MemoryStore,
    time: ManualTime,
    capacity: Arc<AtomicUsize>,
    refuses: bool,
    running: AtomicUsize,
    most: AtomicUsize,
}

impl Crowded {
    fn new(time: &ManualTime, capacity: usize) -> Self {
        Self {
            inner: MemoryStore::new(),
            time: time.clone(),
            capacity: Arc::new(AtomicUsize::new(capacity)),
            refuses: false,
            running: AtomicUsize::new(0),
            most: AtomicUsize::new(0),
        }
    }

    async fn serve(&self) -> Result<()> {
        let running = self.running.fetch_add(1, Ordering::Relaxed) + 1;
        self.most.fetch_max(running, Ordering::Relaxed);
        let _left = Leaving(&self.running);
        let capacity = self.capacity.load(Ordering::Relaxed);
        if self.refuses && running > capacity {
            self.time.sleep(BASE).await;
            let error = Error::new(ErrorKind::Unavailable, "head");
            return Err(error.with_cause(Cause::Throttled));
        }
        let share = u32::try_from(running.div_ceil(capacity)).expect("small");
        let shared = BASE * share - BASE / 10 * (share - 1);
        self.time.sleep(shared).await;
        Ok(())
    }
}

const BASE: Duration = Duration::from_millis(50);

struct Leaving<'a>(&'a AtomicUsize);

impl Drop for Leaving<'_> {
    fn drop(&mut self) {
        self.0.fetch_sub(1, Ordering::Relaxed);
    }
}

#[async_trait]
impl Store for Crowded {
    fn capabilities(&self) -> Capabilities {
        self.inner.capabilities()
    }

    async fn put(&self, key: &Key, data: Bytes, options: PutOptions) -> Result<()> {
        self.serve().await?;
        self.inner.put(key, data, options).await
    }

    async fn get(&self, key: &Key, options: GetOptions) -> Result<Bytes> {
        self.serve().await?;
        self.inner.get(key, options).await
    }

    async fn head(&self, key: &Key) -> Result<ObjectMeta> {
        self.serve().await?;
        Ok(ObjectMeta::new(key.clone(), 0))
    }

    async fn delete(&self, key: &Key) -> Result<()> {
        self.serve().await?;
        self.inner.delete(key).await
    }

    fn list(&self, prefix: &Prefix) -> BoxStream<'static, Result<ObjectMeta>> {
        self.inner.list(prefix)
    }
}

impl fmt::Display for Crowded {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("crowded")
    }
}

fn adaptive(store: Crowded, time: &ManualTime) -> Adaptive<Crowded> {
    let policy = AdaptivePolicy::default().with_bounds(2, 128);
    Adaptive::with_clock(store, policy, Arc::new(time.clone()))
}

/// So many workers look so often each, one look after the other. Returns how many were sent away.
fn work(store: &Adaptive<Crowded>, time: &ManualTime, workers: usize, looks: usize) -> usize {
    let name = key("a");
    let worker = |_| async {
        let mut failures = 0;
        for _ in 0..looks {
            failures += usize::from(store.head(&name).await.is_err());
        }
        failures
    };
    time.run(join_all((0..workers).map(worker)))
        .into_iter()
        .sum()
}

#[test]
fn it_finds_what_a_store_can_serve_and_follows_when_that_changes() {
    let time = ManualTime::new();
    let store = adaptive(Crowded::new(&time, 20), &time);
    let capacity = Arc::clone(&store.inner().capacity);
    for expected in [20, 60, 10] {
        capacity.store(expected, Ordering::Relaxed);
        work(&store, &time, 128, 100);
        let began = time.now();
        work(&store, &time, 128, 50);
        let ideal = BASE * u32::try_from(128 * 50 / expected).expect("small");
        let took = time.now() - began;
        assert!(
            took < ideal * 13 / 10,
            "{expected}: {took:?}, and {ideal:?} is possible"
        );
        let limit = store.status().limit;
        assert!(
            (expected * 4 / 10..=expected * 4).contains(&limit),
            "{expected}: {limit}"
        );
    }
    assert!(store.status().shrunk_by_latency > 0);
    assert_eq!(store.status().shrunk_by_errors, 0);
}

#[test]
fn it_does_what_a_store_asks_for() {
    let time = ManualTime::new();
    let mut crowded = Crowded::new(&time, 24);
    crowded.refuses = true;
    let store = adaptive(crowded, &time);
    work(&store, &time, 128, 50);
    let refused = work(&store, &time, 128, 50);
    assert!(refused < 128 * 50 / 10, "{refused} of 6400");
    let status = store.status();
    assert!((6..=26).contains(&status.limit), "{status}");
    assert!(status.shrunk_by_errors > 0);
    assert_eq!(status.running, 0);
}

#[test]
fn it_stays_within_its_bounds_whatever_happens() {
    let time = ManualTime::new();
    let roomy = adaptive(Crowded::new(&time, 10_000), &time);
    assert_eq!(roomy.capabilities().concurrency, 128);
    work(&roomy, &time, 300, 20);
    assert_eq!(roomy.inner().most.load(Ordering::Relaxed), 128);
    let mut tight = Crowded::new(&time, 0);
    tight.refuses = true;
    let tight = adaptive(tight, &time);
    work(&tight, &time, 50, 20);
    assert_eq!(tight.status().limit, 2);
}

#[test]
fn a_limit_that_is_not_used_does_not_grow() {
    let time = ManualTime::new();
    let store = adaptive(Crowded::new(&time, 100), &time);
    work(&store, &time, 4, 200);
    assert_eq!(store.status().limit, 8);
}

#[test]
fn whoever_gives_up_gives_his_turn_back() {
    let time = ManualTime::new();
    let policy = AdaptivePolicy::default().with_bounds(1, 1);
    let crowded = Crowded::new(&time, 5);
    let store = Adaptive::with_clock(crowded, policy, Arc::new(time.clone()));
    let name = key("a");
    time.run(async {
        let mut first = store.head(&name);
        let mut second = store.head(&name);
        assert!(poll_immediate(&mut first).await.is_none());
        assert!(poll_immediate(&mut second).await.is_none());
        assert_eq!(store.status().running, 1);
        drop((first, second));
        assert_eq!(store.status().running, 0);
        store.head(&name).await.expect("there is room");
    });
    assert_eq!(store.to_string(), "adaptive(1 to 1, crowded)");
}
