use std::fmt;
use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};
use std::time::Duration;

use async_trait::async_trait;
use bytes::Bytes;
use futures::executor::block_on;
use futures::future::BoxFuture;
use futures::stream::BoxStream;
use strongroom_store::conformance::{LockSuite, Suite, Verdict, assert_conforms, run_all};
use strongroom_store::manners::Manners;
use strongroom_store::wrap::{
    Adaptive, AdaptivePolicy, Bandwidth, BandwidthLimits, Counted, Deadline, DeadlinePolicy,
    FaultPlan, Faulty, HedgePolicy, Hedged, Limited, Looking, MirrorSettings, Mirrored, Polite,
    Prefixed, Rate, ReadOnly, Recording, RetryPolicy, Retrying, Split, SplitRules,
};
use strongroom_store::{
    Capabilities, DirSettings, DirStore, GetOptions, Key, MemoryStore, ObjectMeta, Prefix,
    PutOptions, Result, Store,
};

use crate::folder;

#[test]
fn memory() {
    assert_conforms(|| Arc::new(MemoryStore::new()));
}

#[test]
fn memory_that_locks() {
    assert_conforms(|| Arc::new(MemoryStore::with_object_lock(|| 1_000)));
    let time = Arc::new(AtomicI64::new(1_000_000));
    let make = || {
        let clock = Arc::clone(&time);
        let store = MemoryStore::with_object_lock(move || clock.load(Ordering::SeqCst));
        Arc::new(store) as Arc<dyn Store>
    };
    let now = || time.load(Ordering::SeqCst);
    let wait = |passes: Duration| -> BoxFuture<'_, ()> {
        let seconds = i64::try_from(passes.as_secs()).expect("it is short");
        time.fetch_add(seconds, Ordering::SeqCst);
        Box::pin(async {})
    };
    let report = block_on(LockSuite::new(&make, &now).with_wait(&wait).run());
    assert!(report.is_conforming(), "{report}");
    assert_eq!(report.to_string().matches(": kept").count(), 5, "{report}");
}

#[test]
fn who_cannot_lock_is_asked_only_to_say_so() {
    let make = || Arc::new(MemoryStore::new()) as Arc<dyn Store>;
    let report = block_on(LockSuite::new(&make, &|| 0).run());
    assert!(report.is_conforming(), "{report}");
    let kept = report
        .laws
        .iter()
        .filter(|law| law.verdict == Verdict::Kept);
    assert_eq!(kept.map(|law| law.number).collect::<Vec<_>>(), [26]);
    let scratch = tempfile::tempdir().expect("a directory");
    let make = || Arc::new(DirStore::create(scratch.path()).expect("a store")) as Arc<dyn Store>;
    let report = block_on(LockSuite::new(&make, &|| 0).run());
    assert!(report.is_conforming(), "{report}");
}

#[test]
fn directory() {
    let scratch = tempfile::tempdir().expect("a directory");
    assert_conforms(|| Arc::new(DirStore::create(scratch.path()).expect("a store")));
    let left: Vec<_> = walk(scratch.path());
    assert!(
        left.is_empty(),
        "the suite and the temporary folder leave nothing: {left:?}"
    );
}

#[test]
fn directory_with_one_thread() {
    let scratch = tempfile::tempdir().expect("a directory");
    let settings = DirSettings::default().with_threads(1);
    assert_conforms(|| {
        let store = DirStore::create(scratch.path()).expect("a store");
        Arc::new(store.with_settings(settings.clone()))
    });
}

#[test]
fn limited() {
    assert_conforms(|| Arc::new(Limited::new(MemoryStore::new(), 2)));
}

#[test]
fn polite() {
    assert_conforms(|| Arc::new(Polite::new(MemoryStore::new(), Manners::new())));
}

#[test]
fn looking() {
    assert_conforms(|| Arc::new(Looking::new(MemoryStore::new())));
}

#[test]
fn prefixed() {
    assert_conforms(|| Arc::new(Prefixed::new(MemoryStore::new(), folder("one/host/"))));
}

#[test]
fn retrying() {
    assert_conforms(|| Arc::new(Retrying::new(MemoryStore::new(), RetryPolicy::default())));
}

#[test]
fn recording() {
    assert_conforms(|| Arc::new(Recording::new(MemoryStore::new())));
}

#[test]
fn faulty_without_faults() {
    assert_conforms(|| Arc::new(Faulty::new(MemoryStore::new(), FaultPlan::new())));
}

#[test]
fn counted() {
    assert_conforms(|| Arc::new(Counted::new(MemoryStore::new())));
}

#[test]
fn deadline() {
    assert_conforms(|| Arc::new(Deadline::new(MemoryStore::new(), DeadlinePolicy::default())));
}

#[test]
fn adaptive() {
    assert_conforms(|| {
        let policy = AdaptivePolicy::default().with_bounds(1, 3);
        Arc::new(Adaptive::new(MemoryStore::new(), policy))
    });
}

#[test]
fn bandwidth() {
    let fast = Some(Rate::new(1 << 40).with_burst(10));
    assert_conforms(|| {
        let limits = BandwidthLimits::new(fast, fast);
        Arc::new(Bandwidth::new(MemoryStore::new(), limits))
    });
}

#[test]
fn hedged() {
    assert_conforms(|| Arc::new(Hedged::new(MemoryStore::new(), HedgePolicy::default())));
}

#[test]
fn split() {
    assert_conforms(|| {
        let rules = SplitRules::cold_of([folder("law-3/"), folder("law-6/a/")]);
        Arc::new(Split::new(MemoryStore::new(), MemoryStore::new(), rules))
    });
}

#[test]
#[cfg(unix)]
fn cached() {
    let scratch = tempfile::tempdir().expect("a directory");
    assert_conforms(|| cached_everything(MemoryStore::new(), scratch.path()));
}

/// Everything is taken for written once, which it is not: within a process that must not show.
#[cfg(unix)]
fn cached_everything(inner: impl Store, path: &std::path::Path) -> Arc<dyn Store> {
    use std::hash::{BuildHasher as _, Hasher as _, RandomState};
    use strongroom_store::wrap::{CacheRules, CacheSettings, Cached};
    let scope = RandomState::new().build_hasher().finish().to_string();
    let rules = CacheRules::new().with_folder(Prefix::root());
    Arc::new(Cached::new(inner, rules, CacheSettings::new(path, scope)))
}

/// The order that the documentation of the wrappers recommends, from the inside out.
fn everything_around(store: impl Store) -> impl Store {
    let store = Counted::new(store);
    let store = Deadline::new(store, DeadlinePolicy::default());
    let store = Hedged::new(store, HedgePolicy::default());
    let store = Adaptive::new(store, AdaptivePolicy::default());
    let store = Retrying::new(store, RetryPolicy::default());
    Bandwidth::new(store, BandwidthLimits::new(None, None))
}

#[test]
fn what_a_far_store_needs() {
    assert_conforms(|| Arc::new(everything_around(MemoryStore::new())));
}

#[test]
#[cfg(unix)]
fn locks_conform_through_every_wrapper() {
    let scratch = tempfile::tempdir().expect("a directory");
    let store = || MemoryStore::with_object_lock(|| 0);
    let plan = FaultPlan::new;
    let cold = || SplitRules::cold_of([folder("law-21/"), folder("law-23/")]);
    let wrapped: [&dyn Fn() -> Arc<dyn Store>; 11] = [
        &|| Arc::new(Arc::new(store())),
        &|| Arc::new(Faulty::new(store(), plan())),
        &|| Arc::new(Limited::new(store(), 1)),
        &|| Arc::new(Prefixed::new(store(), folder("one/host/"))),
        &|| Arc::new(Recording::new(store())),
        &|| Arc::new(everything_around(store())),
        &|| cached_everything(store(), scratch.path()),
        &|| Arc::new(Split::new(store(), store(), cold())),
        &|| {
            Arc::new(Split::new(
                store(),
                store(),
                SplitRules::all_of([folder("law-22/")]),
            ))
        },
        &|| {
            Arc::new(Split::new(
                MemoryStore::new(),
                store(),
                SplitRules::all_of([Prefix::root()]),
            ))
        },
        &|| {
            let members = [0, 1, 2].map(|_| Arc::new(store()) as Arc<dyn Store>);
            let [arbiter, followers @ ..] = members;
            let settings = MirrorSettings::default();
            Arc::new(Mirrored::new(arbiter, followers.into(), settings))
        },
    ];
    for make in wrapped {
        let report = block_on(LockSuite::new(&make, &|| 0).run());
        assert!(report.is_conforming(), "{}: {report}", make());
    }
}

#[test]
fn a_stack_of_wrappers() {
    let scratch = tempfile::tempdir().expect("a directory");
    assert_conforms(|| {
        let store = DirStore::create(scratch.path()).expect("a store");
        let store: Arc<dyn Store> = Arc::new(Retrying::new(store, RetryPolicy::default()));
        Arc::new(Recording::new(Limited::new(
            Prefixed::new(store, folder("a/")),
            3,
        )))
    });
}

#[test]
fn read_only_keeps_the_laws_of_reading() {
    assert_conforms(|| {
        let store = Arc::new(MemoryStore::new());
        Arc::new(WrittenBehind {
            reader: ReadOnly::new(Arc::clone(&store)),
            store,
        })
    });
}

#[test]
fn read_only_is_asked_only_what_it_can() {
    let report = block_on(run_all(|| Arc::new(ReadOnly::new(MemoryStore::new()))));
    assert!(report.is_conforming(), "{report}");
    assert_eq!(
        report.to_string().matches("not asked").count(),
        8,
        "{report}"
    );
}

#[test]
fn a_long_list_conforms_too() {
    let make: &dyn Fn() -> Arc<dyn Store> = &|| Arc::new(MemoryStore::new());
    let suite = Suite::new(make).with_listed_objects(2_500);
    let report = block_on(suite.run());
    assert!(report.is_conforming(), "{report}");
}

/// Reads through the wrapper and writes past it.
#[derive(Debug)]
struct WrittenBehind {
    reader: ReadOnly<Arc<MemoryStore>>,
    store: Arc<MemoryStore>,
}

#[async_trait]
impl Store for WrittenBehind {
    fn capabilities(&self) -> Capabilities {
        self.store.capabilities()
    }

    async fn put(&self, key: &Key, data: Bytes, options: PutOptions) -> Result<()> {
        self.store.put(key, data, options).await
    }

    async fn get(&self, key: &Key, options: GetOptions) -> Result<Bytes> {
        self.reader.get(key, options).await
    }

    async fn head(&self, key: &Key) -> Result<ObjectMeta> {
        self.reader.head(key).await
    }

    async fn delete(&self, key: &Key) -> Result<()> {
        self.store.delete(key).await
    }

    fn list(&self, prefix: &Prefix) -> BoxStream<'static, Result<ObjectMeta>> {
        self.reader.list(prefix)
    }
}

impl fmt::Display for WrittenBehind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "written-behind({})", self.reader)
    }
}

fn walk(path: &std::path::Path) -> Vec<std::path::PathBuf> {
    let mut files = Vec::new();
    for entry in std::fs::read_dir(path).expect("a folder") {
        let path = entry.expect("an entry").path();
        if path.is_dir() {
            files.extend(walk(&path));
        } else {
            files.push(path);
        }
    }
    files
}
