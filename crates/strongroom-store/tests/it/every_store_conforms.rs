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
use strongroom_store::wrap::{
    Counted, Deadline, DeadlinePolicy, FaultPlan, Faulty, Limited, Prefixed, ReadOnly, Recording,
    RetryPolicy, Retrying,
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
