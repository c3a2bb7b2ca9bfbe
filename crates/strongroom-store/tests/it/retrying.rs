//! Trying again: by cause, as long as it makes sense, and counted.

use std::collections::VecDeque;
use std::fmt;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use async_trait::async_trait;
use bytes::Bytes;
use futures::stream::BoxStream;
use strongroom_store::wrap::{
    Fault, FaultPlan, Faulty, Glacial, ManualTime, Monotonic, Operation, RandomJitter, RetryPolicy,
    Retrying, Rule, When,
};
use strongroom_store::{
    Capabilities, Cause, Error, ErrorKind, GetOptions, Key, MemoryStore, ObjectLock, ObjectMeta,
    Prefix, PutMode, PutOptions, Result, Retention, RetentionMode, StorageClass, Store, StoreExt,
};

use crate::support::Slow;
use crate::{key, kind, names, put};

const SECOND: Duration = Duration::from_secs(1);

/// A store whose next answers are these errors; after them it works.
#[derive(Debug)]
struct Moody {
    inner: MemoryStore,
    errors: Mutex<VecDeque<Error>>,
    /// Whether what fails has its effect.
    does_it: bool,
}

impl Moody {
    fn new(errors: impl IntoIterator<Item = Error>) -> Self {
        Self {
            inner: MemoryStore::with_object_lock(|| 0),
            errors: Mutex::new(errors.into_iter().collect()),
            does_it: false,
        }
    }

    fn mood<T>(&self, result: impl FnOnce() -> T) -> Result<T> {
        match self.errors.lock().expect("no panic").pop_front() {
            Some(error) => Err(error),
            None => Ok(result()),
        }
    }
}

#[async_trait]
impl Store for Moody {
    fn capabilities(&self) -> Capabilities {
        self.inner.capabilities()
    }

    async fn put(&self, key: &Key, data: Bytes, options: PutOptions) -> Result<()> {
        if self.does_it {
            self.inner.put(key, data, options).await?;
            return self.mood(|| ());
        }
        self.mood(|| ())?;
        self.inner.put(key, data, options).await
    }

    async fn get(&self, key: &Key, options: GetOptions) -> Result<Bytes> {
        self.mood(|| ())?;
        self.inner.get(key, options).await
    }

    async fn head(&self, key: &Key) -> Result<ObjectMeta> {
        self.mood(|| ())?;
        self.inner.head(key).await
    }

    async fn delete(&self, key: &Key) -> Result<()> {
        self.mood(|| ())?;
        self.inner.delete(key).await
    }

    fn list(&self, prefix: &Prefix) -> BoxStream<'static, Result<ObjectMeta>> {
        self.inner.list(prefix)
    }

    fn object_lock(&self) -> Option<&dyn ObjectLock> {
        Some(self)
    }
}

#[async_trait]
impl ObjectLock for Moody {
    async fn retention(&self, key: &Key) -> Result<Option<Retention>> {
        self.mood(|| ())?;
        self.inner.retention(key).await
    }

    async fn extend(&self, key: &Key, to: Retention) -> Result<()> {
        self.mood(|| ())?;
        self.inner.extend(key, to).await
    }
}

impl fmt::Display for Moody {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("moody")
    }
}

fn unavailable() -> Error {
    Error::new(ErrorKind::Unavailable, "head")
}

fn retrying<S: Store>(inner: S, time: &ManualTime) -> Retrying<S> {
    Retrying::new(inner, RetryPolicy::default())
        .with_sleep(Arc::new(time.clone()))
        .with_clock(Arc::new(time.clone()))
        .with_jitter(Arc::new(RandomJitter::seeded(1)))
}

#[test]
fn credentials_and_certificates_are_not_tried_again() {
    for cause in [Cause::WrongCredentials, Cause::NoStore, Cause::Certificate] {
        let time = ManualTime::new();
        let store = retrying(Moody::new([unavailable().with_cause(cause)]), &time);
        let error = time.run(store.head(&key("a"))).expect_err("at once");
        assert_eq!(error.cause(), Some(cause));
        assert_eq!(time.now(), Duration::ZERO);
        assert_eq!(store.counts().hopeless, 1);
    }
}

#[test]
fn a_store_that_asks_for_fewer_requests_is_left_alone_for_longer() {
    let time = ManualTime::new();
    let throttled = || unavailable().with_cause(Cause::Throttled);
    let store = retrying(Moody::new([throttled(), throttled()]), &time);
    put(&store.inner().inner, "a", "bytes");
    time.run(store.head(&key("a"))).expect("the third time");
    assert!((3 * SECOND..=6 * SECOND).contains(&time.now()));

    let began = time.now();
    let asked = throttled().with_retry_after(90 * SECOND);
    let store = retrying(Moody::new([asked]), &time);
    put(&store.inner().inner, "a", "bytes");
    time.run(store.head(&key("a"))).expect("the second time");
    assert!((90 * SECOND..=92 * SECOND).contains(&(time.now() - began)));
    let counts = store.counts();
    assert_eq!((counts.repeated, counts.throttled), (1, 1));
    assert_eq!(counts.waited, time.now() - began);
}

#[test]
fn when_time_is_out_no_other_attempt_is_begun() {
    let time = ManualTime::new();
    let hangs = Slow::new(MemoryStore::new(), &time, |_, _| 40 * SECOND);
    let down = Rule::new(Fault::FailAfter(ErrorKind::Unavailable));
    let hangs = Faulty::new(hangs, FaultPlan::new().with_rule(down));
    let policy = RetryPolicy::default().with_time_max(100 * SECOND);
    let store = Retrying::new(hangs.clone(), policy)
        .with_sleep(Arc::new(time.clone()))
        .with_clock(Arc::new(time.clone()));
    assert_eq!(
        kind(time.run(store.head(&key("a")))),
        ErrorKind::Unavailable
    );
    assert_eq!(hangs.fired(), 3, "the third began before the time was out");
    assert_eq!(store.counts().given_up, 1);

    // A store that asks for more time than there is has said enough.
    let asked = unavailable().with_retry_after(3_600 * SECOND);
    let store = retrying(Moody::new([asked]), &time);
    let began = time.now();
    assert_eq!(
        kind(time.run(store.head(&key("a")))),
        ErrorKind::Unavailable
    );
    assert_eq!(time.now(), began);
}

#[test]
fn locks_are_tried_again_too() {
    let time = ManualTime::new();
    let store = retrying(Moody::new([]), &time);
    put(&store, "a", "bytes");
    store
        .inner()
        .errors
        .lock()
        .expect("no panic")
        .extend([unavailable(), unavailable()]);
    let to = Retention::new(RetentionMode::Compliance, 9);
    let a = key("a");
    time.run(store.extend(&a, to)).expect("the third time");
    store
        .inner()
        .errors
        .lock()
        .expect("no panic")
        .push_back(unavailable());
    let found = time.run(store.retention(&a)).expect("the second time");
    assert_eq!(found, Some(to));
    assert_eq!(store.counts().repeated, 3);
}

#[test]
fn a_locked_replacement_whose_acknowledgement_was_lost_is_ours() {
    let time = ManualTime::new();
    let mut moody = Moody::new([unavailable()]);
    moody.does_it = true;
    let store = retrying(moody, &time);
    let options = PutOptions::default()
        .with_mode(PutMode::Overwrite)
        .with_retention(Retention::new(RetentionMode::Compliance, 9));
    let a = key("a");
    time.run(store.put(&a, "ours".into(), options.clone()))
        .expect("it was done");
    assert_eq!(store.counts().recognised, 1);
    let theirs = time.run(store.put(&a, "them".into(), options));
    assert_eq!(
        theirs.expect_err("it is locked").cause(),
        Some(Cause::Retained)
    );
}

#[test]
fn what_went_to_cold_storage_is_not_read_back() {
    let time = ManualTime::new();
    let cold = Glacial::new(MemoryStore::new(), SECOND, time.clone());
    let lost = Rule::new(Fault::FailAfter(ErrorKind::Unavailable)).with_when(When::First(1));
    let store = retrying(Faulty::new(cold, FaultPlan::new().with_rule(lost)), &time);
    let options = PutOptions::default().with_class(StorageClass::Cold);
    let pack = key("pack/1");
    let outcome = time.run(store.put(&pack, "bytes".into(), options));
    assert_eq!(kind(outcome), ErrorKind::AlreadyExists);
}

#[test]
fn a_long_list_that_breaks_off_often_is_had_in_the_end() {
    let time = ManualTime::new();
    let inner = MemoryStore::new();
    let expected: Vec<_> = (100..200).map(|number| format!("k{number}")).collect();
    for name in &expected {
        put(&inner, name, "bytes");
    }
    // Breaks off after one object more each time.
    let store = retrying(
        Staircase {
            inner,
            begun: Mutex::new(0),
        },
        &time,
    );
    assert_eq!(time.run(async { names_of(&store).await }), expected);
    assert_eq!(store.counts().repeated, 100);
    assert_eq!(store.counts().given_up, 0);
}

async fn names_of(store: &impl Store) -> Vec<String> {
    let listed = store
        .list_all(&Prefix::root())
        .await
        .expect("it can be had");
    listed.iter().map(|object| object.key.to_string()).collect()
}

#[test]
fn the_counts_say_it_in_a_line() {
    let time = ManualTime::new();
    let fault = Rule::new(Fault::FailBefore(ErrorKind::Unavailable))
        .with_operation(Operation::List)
        .with_when(When::First(1));
    let store = retrying(
        Faulty::new(MemoryStore::new(), FaultPlan::new().with_rule(fault)),
        &time,
    );
    assert_eq!(
        time.run(async { store.list_all(&Prefix::root()).await })
            .expect("the second time")
            .len(),
        0
    );
    let counts = store.counts();
    assert_eq!(
        counts.to_string(),
        format!(
            "1 attempts repeated (0 throttled, 0 timed out), 0 calls given up, 0 hopeless; {:?} waited",
            counts.waited
        )
    );
    assert_eq!(names(store.inner().inner(), ""), [""; 0]);
}

/// A store whose list gets one object further each time.
#[derive(Debug)]
struct Staircase {
    inner: MemoryStore,
    begun: Mutex<usize>,
}

#[async_trait]
impl Store for Staircase {
    fn capabilities(&self) -> Capabilities {
        self.inner.capabilities()
    }

    async fn put(&self, key: &Key, data: Bytes, options: PutOptions) -> Result<()> {
        self.inner.put(key, data, options).await
    }

    async fn get(&self, key: &Key, options: GetOptions) -> Result<Bytes> {
        self.inner.get(key, options).await
    }

    async fn head(&self, key: &Key) -> Result<ObjectMeta> {
        self.inner.head(key).await
    }

    async fn delete(&self, key: &Key) -> Result<()> {
        self.inner.delete(key).await
    }

    fn list(&self, prefix: &Prefix) -> BoxStream<'static, Result<ObjectMeta>> {
        use futures::stream::{self, StreamExt as _};
        let mut begun = self.begun.lock().expect("no panic");
        *begun += 1;
        if *begun > 100 {
            return self.inner.list(prefix);
        }
        let broken = stream::iter([Err(unavailable())]);
        self.inner.list(prefix).take(*begun).chain(broken).boxed()
    }
}

impl fmt::Display for Staircase {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("staircase")
    }
}
