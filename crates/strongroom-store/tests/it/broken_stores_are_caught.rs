//! The suite must be able to fail: each store here breaks one law, and exactly that is reported.

use std::fmt;
use std::sync::{Arc, Mutex};
use std::thread;

use async_trait::async_trait;
use bytes::Bytes;
use futures::executor::block_on;
use futures::future::FutureExt;
use futures::stream::{self, BoxStream, StreamExt};
use strongroom_store::conformance::run_all;
use strongroom_store::{
    Capabilities, Error, ErrorKind, GetOptions, Key, MemoryStore, ObjectMeta, Prefix, PutMode,
    PutOptions, Result, Store, StoreExt,
};

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Flaw {
    None,
    PutInTwoSteps,
    IgnoresCreate,
    CreateLooksFirst,
    CreateSaysOther,
    HeadIsStale,
    RangeClamps,
    RangeOffByOne,
    DeleteOfMissingFails,
    ListMisses,
    ListRepeats,
    ListStopsShort,
    ListLeaksNeighbours,
    TearsWhenDropped,
    MissingIsOther,
    MissingIsDenied,
    TakesTooLarge,
    KeysRunTogether,
    RefusesLongKeys,
}

#[test]
fn exactly_the_right_law_reports_each_flaw() {
    check(Flaw::None, &[]);
    check(Flaw::PutInTwoSteps, &[1]);
    check(Flaw::IgnoresCreate, &[2]);
    check(Flaw::CreateLooksFirst, &[2]);
    check(Flaw::CreateSaysOther, &[2]);
    check(Flaw::HeadIsStale, &[3]);
    check(Flaw::RangeClamps, &[4]);
    check(Flaw::RangeOffByOne, &[4]);
    check(Flaw::DeleteOfMissingFails, &[5]);
    check(Flaw::ListMisses, &[6]);
    check(Flaw::ListRepeats, &[6]);
    check(Flaw::ListStopsShort, &[6]);
    check(Flaw::ListLeaksNeighbours, &[6]);
    check(Flaw::TearsWhenDropped, &[7]);
    check(Flaw::MissingIsOther, &[8]);
    check(Flaw::MissingIsDenied, &[8]);
    check(Flaw::TakesTooLarge, &[8]);
    check(Flaw::KeysRunTogether, &[9]);
    check(Flaw::RefusesLongKeys, &[9]);
}

fn check(flaw: Flaw, expected: &[u8]) {
    let report = block_on(run_all(|| Arc::new(Broken::new(flaw))));
    let broken: Vec<_> = report.broken().collect();
    assert_eq!(broken, expected, "{flaw:?}:\n{report}");
}

/// A memory store with a flaw.
#[derive(Debug)]
pub(crate) struct Broken {
    inner: Arc<MemoryStore>,
    flaw: Flaw,
    first_lens: Mutex<Vec<ObjectMeta>>,
}

impl Broken {
    pub(crate) fn new(flaw: Flaw) -> Self {
        Self {
            inner: Arc::new(MemoryStore::new()),
            flaw,
            first_lens: Mutex::default(),
        }
    }

    fn inner_key(&self, key: &Key) -> Key {
        match self.flaw {
            // Windows drops a dot at the end of a name.
            Flaw::KeysRunTogether => {
                Key::parse(key.as_str().trim_end_matches('.')).expect("still a key")
            }
            _ => key.clone(),
        }
    }

    async fn put_flawed(&self, key: &Key, data: Bytes, options: PutOptions) -> Result<()> {
        let create = options.mode == PutMode::Create;
        match self.flaw {
            Flaw::PutInTwoSteps if !create => {
                self.inner
                    .replace(key, data.slice(..data.len() / 2))
                    .await?;
                for _ in 0..100 {
                    thread::yield_now();
                }
                self.inner.replace(key, data).await
            }
            Flaw::IgnoresCreate => self.inner.replace(key, data).await,
            Flaw::CreateLooksFirst if create => {
                let exists = self.inner.exists(key).await?;
                // What a round trip is to a server. Yielding to the executor is a race among
                // futures, yielding to the system one among threads.
                yield_once().await;
                for _ in 0..20 {
                    thread::yield_now();
                }
                if exists {
                    return Err(Error::new(ErrorKind::AlreadyExists, "put").with_key(key));
                }
                self.inner.replace(key, data).await
            }
            Flaw::CreateSaysOther => {
                let outcome = self.inner.put(key, data, options).await;
                outcome.map_err(|error| match error.kind() {
                    ErrorKind::AlreadyExists => Error::new(ErrorKind::Other, "put").with_key(key),
                    _ => error,
                })
            }
            Flaw::TearsWhenDropped => {
                let torn = Torn {
                    store: &self.inner,
                    key,
                    data: Some(data.clone()),
                };
                yield_once().await;
                torn.finish();
                self.inner.put(key, data, options).await
            }
            Flaw::TakesTooLarge => {
                let data = if data.len() > 1 << 28 {
                    Bytes::new()
                } else {
                    data
                };
                self.inner.put(key, data, options).await
            }
            Flaw::RefusesLongKeys if key.as_str().len() > 128 => {
                Err(Error::new(ErrorKind::Other, "put").with_key(key))
            }
            _ => self.inner.put(key, data, options).await,
        }
    }
}

/// Stores half of the bytes if it is dropped before it is finished.
struct Torn<'a> {
    store: &'a MemoryStore,
    key: &'a Key,
    data: Option<Bytes>,
}

impl Torn<'_> {
    fn finish(mut self) {
        self.data = None;
    }
}

impl Drop for Torn<'_> {
    fn drop(&mut self) {
        if let Some(data) = self.data.take() {
            let half = data.slice(..data.len() / 2);
            let stored = self.store.replace(self.key, half).now_or_never();
            stored
                .expect("memory does not wait")
                .expect("memory does not fail");
        }
    }
}

#[async_trait]
impl Store for Broken {
    fn capabilities(&self) -> Capabilities {
        self.inner.capabilities()
    }

    async fn put(&self, key: &Key, data: Bytes, options: PutOptions) -> Result<()> {
        if self.flaw == Flaw::HeadIsStale {
            let first = ObjectMeta::new(key.clone(), data.len() as u64);
            let mut lens = self.first_lens.lock().expect("no panic");
            if lens.iter().all(|object| object.key != *key) {
                lens.push(first);
            }
        }
        self.put_flawed(&self.inner_key(key), data, options).await
    }

    async fn get(&self, key: &Key, options: GetOptions) -> Result<Bytes> {
        let key = &self.inner_key(key);
        let missing = |kind| move |_| Error::new(kind, "get").with_key(key);
        let len = match self.flaw {
            Flaw::MissingIsOther => {
                self.inner
                    .head(key)
                    .await
                    .map_err(missing(ErrorKind::Other))?
                    .len
            }
            Flaw::MissingIsDenied => {
                self.inner
                    .head(key)
                    .await
                    .map_err(missing(ErrorKind::PermissionDenied))?
                    .len
            }
            _ => self.inner.head(key).await.map_or(0, |object| object.len),
        };
        let options = match (&options.range, self.flaw) {
            (Some(range), Flaw::RangeClamps) if range.start <= range.end => options
                .clone()
                .with_range(range.start.min(len)..range.end.min(len)),
            (Some(range), Flaw::RangeOffByOne) if range.end < len => {
                options.clone().with_range(range.start..range.end + 1)
            }
            _ => options,
        };
        self.inner.get(key, options).await
    }

    async fn head(&self, key: &Key) -> Result<ObjectMeta> {
        let found = self.inner.head(&self.inner_key(key)).await?;
        let lens = self.first_lens.lock().expect("no panic");
        Ok(lens
            .iter()
            .find(|object| object.key == *key)
            .cloned()
            .unwrap_or(found))
    }

    async fn delete(&self, key: &Key) -> Result<()> {
        if self.flaw == Flaw::DeleteOfMissingFails {
            self.inner.head(key).await?;
        }
        self.inner.delete(&self.inner_key(key)).await
    }

    fn list(&self, prefix: &Prefix) -> BoxStream<'static, Result<ObjectMeta>> {
        let prefix = match self.flaw {
            // A prefix of names where a folder was asked for.
            Flaw::ListLeaksNeighbours => {
                let parent = prefix.as_str().trim_end_matches('/');
                let parent = parent.rsplit_once('/').map_or("", |(parent, _)| parent);
                let wide = if parent.is_empty() {
                    prefix.to_string()
                } else {
                    format!("{parent}/")
                };
                let wide = Prefix::parse(&wide).expect("a folder");
                let text = prefix.as_str().trim_end_matches('/').to_owned();
                let leaky = move |object: &Result<ObjectMeta>| {
                    let matches = object
                        .as_ref()
                        .is_ok_and(|object| object.key.as_str().starts_with(&text));
                    std::future::ready(matches)
                };
                return self.inner.list(&wide).filter(leaky).boxed();
            }
            _ => prefix.clone(),
        };
        let objects = self.inner.list(&prefix);
        match self.flaw {
            Flaw::ListMisses => objects
                .enumerate()
                .filter_map(async |(at, it)| (at != 7).then_some(it))
                .boxed(),
            Flaw::ListRepeats => objects
                .enumerate()
                .flat_map(|(at, object)| {
                    let again = object.as_ref().ok().filter(|_| at == 7).cloned().map(Ok);
                    stream::iter(std::iter::once(object).chain(again))
                })
                .boxed(),
            Flaw::ListStopsShort => objects.take(20).boxed(),
            _ => objects,
        }
    }
}

impl fmt::Display for Broken {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "broken({:?})", self.flaw)
    }
}

/// Gives the other futures of the same executor a turn.
async fn yield_once() {
    let mut yielded = false;
    std::future::poll_fn(|context| {
        if std::mem::replace(&mut yielded, true) {
            return std::task::Poll::Ready(());
        }
        context.waker().wake_by_ref();
        std::task::Poll::Pending
    })
    .await;
}
