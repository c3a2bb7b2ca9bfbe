//! A local cache: what it saves, what it never shows, and what becomes of it when its folder is damaged, full or missing.

use std::fs;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::{Duration, SystemTime};

use bytes::Bytes;
use futures::executor::block_on;
use proptest::prelude::*;
use strongroom_store::conformance::assert_conforms;
use strongroom_store::wrap::{
    CacheRules, CacheSettings, Cached, ObjectRules, Operation, Recording, Wholeness,
};
use strongroom_store::{
    ErrorKind, GetOptions, Key, MemoryStore, Prefix, PutOptions, StorageClass, Store, StoreExt,
};
use tempfile::TempDir;

use crate::support::Spy;
use crate::{folder, key, kind, put};

const BLOCK: usize = 64 << 10;

type Far = Recording<MemoryStore>;

struct Near {
    cache: TempDir,
    far: Far,
    store: Cached<Far>,
}

fn rules() -> CacheRules {
    CacheRules::new()
        .with_folder(folder("index/"))
        .with_hot_of(folder("pack/"))
}

fn settings(path: &Path) -> CacheSettings {
    CacheSettings::new(path, "a repository")
}

impl Near {
    fn new() -> Self {
        Self::with(|settings| settings)
    }

    fn with(change: impl FnOnce(CacheSettings) -> CacheSettings) -> Self {
        let cache = tempfile::tempdir().expect("a directory");
        let far = Recording::new(MemoryStore::new());
        let store = Cached::new(far.clone(), rules(), change(settings(cache.path())));
        Self { cache, far, store }
    }

    /// The same folder and the same far store, after a restart.
    fn again(&self) -> Cached<Far> {
        Cached::new(self.far.clone(), rules(), settings(self.cache.path()))
    }

    fn files(&self) -> Vec<PathBuf> {
        files(self.cache.path())
    }

    fn gets(&self) -> usize {
        self.far.count(Operation::Get)
    }
}

fn files(path: &Path) -> Vec<PathBuf> {
    let mut files = Vec::new();
    for entry in fs::read_dir(path).into_iter().flatten().flatten() {
        if entry.path().is_dir() {
            files.extend(self::files(&entry.path()));
        } else {
            files.push(entry.path());
        }
    }
    files
}

/// Bytes that differ everywhere.
fn pattern(len: usize) -> Bytes {
    (0..len)
        .map(|at| u8::try_from(at * 7 % 251).expect("below 251"))
        .collect()
}

fn get(store: &impl Store, name: &str, range: std::ops::Range<usize>) -> Bytes {
    let hint = GetOptions::default().with_class(StorageClass::Hot);
    let range = range.start as u64..range.end as u64;
    block_on(store.get(&key(name), hint.with_range(range))).expect("it is there")
}

#[test]
fn a_cache_conforms() {
    let scratch = tempfile::tempdir().expect("a directory");
    let everything = || CacheRules::new().with_folder(Prefix::root());
    let number = std::sync::atomic::AtomicU32::new(0);
    assert_conforms(|| {
        let number = number.fetch_add(1, std::sync::atomic::Ordering::Relaxed);
        let settings = CacheSettings::new(scratch.path(), format!("store {number}"));
        Arc::new(Cached::new(MemoryStore::new(), everything(), settings))
    });
    assert_conforms(|| {
        let settings = CacheSettings::new("/proc/no/such/place", "");
        Arc::new(Cached::new(MemoryStore::new(), everything(), settings))
    });
}

#[test]
fn what_was_put_or_read_is_not_asked_for_again_even_after_a_restart() {
    let near = Near::new();
    put(&near.store, "index/1", "segment");
    put(&near.far, "index/2", "other");
    for _ in 0..2 {
        for (name, bytes) in [("index/1", "segment"), ("index/2", "other")] {
            let found = block_on(near.store.get_all(&key(name))).expect("it is there");
            assert_eq!(found, bytes);
        }
    }
    assert_eq!(near.gets(), 1);
    let restarted = near.again();
    block_on(restarted.get_all(&key("index/1"))).expect("it is there");
    assert_eq!(get(&restarted, "index/2", 1..3), "th");
    assert_eq!(near.gets(), 1);
    let counts = restarted.counts();
    assert_eq!((counts.hits, counts.misses, counts.damaged), (2, 0, 0));
}

#[test]
fn only_what_the_rules_name_is_kept() {
    let near = Near::new();
    let cold = PutOptions::default().with_class(StorageClass::Cold);
    put(&near.store, "journal/1", "entry");
    put(&near.store, "config", "config");
    block_on(near.store.put(&key("pack/1"), "content".into(), cold)).expect("room");
    let whole = |name: &str, options| block_on(near.store.get(&key(name), options));
    for class in [None, Some(StorageClass::Cold)] {
        let mut options = GetOptions::default();
        options.class = class;
        for name in ["journal/1", "config", "pack/1"] {
            whole(name, options.clone()).expect("it is there");
        }
    }
    assert_eq!((near.gets(), near.files().len()), (6, 0));
    let hot = GetOptions::default().with_class(StorageClass::Hot);
    whole("pack/1", hot).expect("it is there");
    whole("pack/1", GetOptions::default()).expect("it is here now");
    assert_eq!((near.gets(), near.files().len()), (7, 1));
}

#[test]
fn parts_are_read_in_blocks_and_only_those_that_are_missing() {
    let near = Near::new();
    let data = pattern(5 * BLOCK + 100);
    block_on(near.far.put_new(&key("index/1"), data.clone())).expect("room");
    let check = |range: std::ops::Range<usize>, asked: Option<std::ops::Range<usize>>| {
        near.far.reset();
        assert_eq!(
            get(&near.store, "index/1", range.clone()),
            data.slice(range.clone()),
            "{range:?}"
        );
        let calls = near.far.calls();
        let told = calls.last().and_then(|call| call.range.clone());
        let asked = asked.map(|asked| asked.start as u64..asked.end as u64);
        assert_eq!(told, asked, "{range:?}");
    };
    check(BLOCK + 10..BLOCK + 20, Some(BLOCK..BLOCK + 20));
    check(BLOCK + 10..BLOCK + 20, None);
    check(BLOCK..BLOCK + 21, Some(BLOCK..BLOCK + 21));
    check(BLOCK..2 * BLOCK, Some(BLOCK..2 * BLOCK));
    check(BLOCK + 1..BLOCK + 2, None);
    check(10..3 * BLOCK, Some(0..3 * BLOCK));
    check(0..5 * BLOCK, Some(3 * BLOCK..5 * BLOCK));
    check(4 * BLOCK..data.len(), Some(5 * BLOCK..data.len()));
    check(BLOCK - 1..data.len(), None);
    for bad in [
        0..data.len() as u64 + 1,
        data.len() as u64 + 1..data.len() as u64 + 1,
    ] {
        let outcome = block_on(near.store.get_range(&key("index/1"), bad));
        assert_eq!(kind(outcome), ErrorKind::InvalidRange);
    }
}

#[test]
fn a_damaged_file_is_thrown_away_and_read_again() {
    let near = Near::new();
    let data = pattern(2 * BLOCK + 5);
    block_on(near.store.put_new(&key("index/1"), data.clone())).expect("room");
    let [file] = near.files().try_into().expect("one file");
    let good = fs::read(&file).expect("it can be read");
    let spoilt = |at: usize| {
        let mut bytes = good.clone();
        *bytes.get_mut(at).expect("within") ^= 1;
        bytes
    };
    let last = good.len() - 1;
    let cases = [
        spoilt(0),
        spoilt(9),
        spoilt(50),
        spoilt(70),
        spoilt(110),
        spoilt(last),
        good.get(..last).expect("shorter").to_vec(),
        good.get(..20).expect("shorter").to_vec(),
        Vec::new(),
        vec![0; good.len()],
        [good.as_slice(), b"more"].concat(),
    ];
    for (number, bytes) in (1..).zip(cases) {
        fs::write(&file, bytes).expect("it can be written");
        near.far.reset();
        let found = block_on(near.store.get_all(&key("index/1"))).expect("it is there");
        assert_eq!((found, near.gets()), (data.clone(), 1), "case {number}");
        assert_eq!(near.store.counts().damaged, number);
        assert_eq!(fs::read(&file).expect("it is there again"), good);
    }
    // A part of it that is good is served, one that is not is read again.
    fs::write(&file, spoilt(last)).expect("it can be written");
    near.far.reset();
    assert_eq!(get(&near.store, "index/1", 5..BLOCK), data.slice(5..BLOCK));
    assert_eq!(near.gets(), 0);
    assert_eq!(
        get(&near.store, "index/1", 5..2 * BLOCK + 5),
        data.slice(5..2 * BLOCK + 5)
    );
    assert_eq!(near.gets(), 1);
}

#[test]
fn a_fresh_read_is_the_stores_word_and_replaces_what_was_kept() {
    let near = Near::new();
    let (old, new) = (pattern(2 * BLOCK), pattern(3 * BLOCK).slice(BLOCK..));
    let name = key("index/1");
    let hint = GetOptions::default().with_class(StorageClass::Hot);
    block_on(near.store.put_new(&name, old.clone())).expect("room");
    // What only the store has is not seen, unless it is asked for.
    block_on(near.far.replace(&name, new.clone())).expect("somebody else does it");
    assert_eq!(get(&near.store, "index/1", 5..9), old.slice(5..9));
    let fresh = hint.clone().with_fresh(true);
    let whole = block_on(near.store.get(&name, fresh.clone())).expect("it is there");
    assert_eq!(whole, new);
    near.far.reset();
    assert_eq!(get(&near.store, "index/1", 5..9), new.slice(5..9));
    assert_eq!(near.gets(), 0);
    // A part likewise, and the rest of what was kept is not believed any more.
    block_on(near.far.replace(&name, old.clone())).expect("somebody else does it");
    let part = fresh.with_range(7..9);
    let part = block_on(near.store.get(&name, part)).expect("it is there");
    assert_eq!(part, old.slice(7..9));
    assert_eq!(get(&near.store, "index/1", 5..8), old.slice(5..8));
    assert_eq!(near.gets(), 1);
    let all = block_on(near.store.get(&name, hint)).expect("it is there");
    assert_eq!((all, near.gets()), (old, 2));
}

#[test]
fn whole_objects_are_kept_if_their_bytes_say_so() {
    let cache = tempfile::tempdir().expect("a directory");
    let far = Recording::new(MemoryStore::new());
    let rules = rules().with_filter(|_, bytes| bytes.starts_with(b"tree"));
    let store = Cached::new(far.clone(), rules, settings(cache.path()));
    put(&store, "pack/1", "content");
    put(&store, "pack/2", "tree of names");
    put(&far, "pack/3", "content");
    let hint = GetOptions::default().with_class(StorageClass::Hot);
    block_on(store.get(&key("pack/3"), hint)).expect("it is there");
    assert_eq!(store.counts().kept, 1);
    far.reset();
    block_on(store.get_all(&key("pack/2"))).expect("it is there");
    assert_eq!(far.count(Operation::Get), 0);
}

#[test]
fn a_file_in_the_place_of_another_is_noticed() {
    let near = Near::new();
    put(&near.store, "index/1", "one");
    let [one] = near.files().try_into().expect("one file");
    put(&near.store, "index/2", "two");
    let two = near
        .files()
        .into_iter()
        .find(|file| *file != one)
        .expect("two files");
    fs::copy(&one, &two).expect("it can be written");
    let found = block_on(near.store.get_all(&key("index/2"))).expect("it is there");
    assert_eq!((found, near.gets()), (Bytes::from("two"), 1));
}

#[test]
fn scopes_do_not_see_each_other() {
    let near = Near::new();
    put(&near.store, "index/1", "ours");
    let theirs = MemoryStore::new();
    put(&theirs, "index/1", "theirs");
    let other = Cached::new(
        theirs,
        rules(),
        CacheSettings::new(near.cache.path(), "another"),
    );
    assert_eq!(
        block_on(other.get_all(&key("index/1"))).expect("it is there"),
        "theirs"
    );
}

#[test]
fn what_was_deleted_here_is_gone_and_lists_and_heads_are_the_stores_word() {
    let near = Near::new();
    put(&near.store, "index/1", "one");
    put(&near.store, "index/2", "two");
    block_on(near.store.delete(&key("index/1"))).expect("it can go");
    assert_eq!(
        kind(block_on(near.store.get_all(&key("index/1")))),
        ErrorKind::NotFound
    );
    block_on(near.far.delete(&key("index/2"))).expect("somebody else does it");
    assert!(!block_on(near.store.exists(&key("index/2"))).expect("the store says"));
    assert_eq!(crate::names(&near.store, ""), [""; 0]);
}

/// Uses the disk space of a file of one page; 4 KiB of data are two.
const SMALL: usize = 3_000;

#[test]
fn the_oldest_goes_when_the_folder_is_full() {
    let near = Near::with(|settings| settings.with_bytes_max(8 * 4_096));
    for number in 0..8 {
        let name = key(&format!("index/{number}"));
        block_on(near.store.put_new(&name, pattern(SMALL))).expect("room");
    }
    assert_eq!(near.files().len(), 8);
    assert_eq!(near.store.counts().evicted, 0);
    // All were used long ago, in this order; then one is used again.
    for file in near.files() {
        let file = fs::File::options().write(true).open(file).expect("ours");
        let long_ago = SystemTime::now() - Duration::from_secs(10_000);
        file.set_modified(long_ago).expect("ours");
    }
    for number in 0..8_u32 {
        age(&near.cache, number, 1_000 - u64::from(number));
    }
    get(&near.store, "index/0", 0..10);
    let restarted = Cached::new(
        near.far.clone(),
        rules(),
        settings(near.cache.path()).with_bytes_max(8 * 4_096),
    );
    block_on(restarted.put_new(&key("index/8"), pattern(SMALL))).expect("room");
    assert_eq!(restarted.counts().evicted, 2, "a little more than needed");
    near.far.reset();
    for number in [0, 3, 4, 5, 6, 7, 8] {
        get(&restarted, &format!("index/{number}"), 0..10);
    }
    assert_eq!(near.gets(), 0);
    assert_eq!(near.files().len(), 7);
}

/// Makes the file of an object so many seconds old. It is found by its bytes being read through a cache of nothing but it.
fn age(cache: &TempDir, number: u32, seconds: u64) {
    let probe = MemoryStore::new();
    let used = SystemTime::now() - Duration::from_secs(seconds);
    let store = Cached::new(probe, rules(), settings(cache.path()));
    get(&store, &format!("index/{number}"), 0..1);
    let touched = files(cache.path())
        .into_iter()
        .max_by_key(|file| {
            fs::metadata(file)
                .and_then(|meta| meta.modified())
                .expect("a time")
        })
        .expect("a file");
    let file = fs::File::options().write(true).open(touched).expect("ours");
    file.set_modified(used).expect("ours");
}

#[test]
fn the_bound_holds_whatever_is_read_and_what_is_too_large_passes() {
    let near = Near::with(|settings| {
        settings
            .with_bytes_max(40 * 4_096)
            .with_object_bytes_max(100_000)
    });
    for number in 0..100_usize {
        let name = key(&format!("index/{number}"));
        block_on(near.store.put_new(&name, pattern(number * 1_500))).expect("room");
        let size: u64 = near
            .files()
            .iter()
            .map(|file| fs::metadata(file).expect("there").len().div_ceil(4_096) * 4_096)
            .sum();
        assert!(size <= 40 * 4_096, "{size} after {number}");
    }
    near.far.reset();
    get(&near.store, "index/99", 0..100_001);
    assert_eq!(
        near.far.calls().first().and_then(|call| call.range.clone()),
        Some(0..100_001)
    );
}

#[test]
fn files_of_others_in_the_folder_are_left_alone() {
    let near = Near::with(|settings| settings.with_bytes_max(2 * 4_096));
    put(&near.store, "index/0", "bytes");
    let [file] = near.files().try_into().expect("one file");
    let theirs = [
        file.with_file_name("letter.txt"),
        near.cache.path().join("photo.jpg"),
    ];
    for path in &theirs {
        fs::write(path, "precious").expect("room");
    }
    for number in 1..20 {
        let name = key(&format!("index/{number}"));
        block_on(near.store.put_new(&name, pattern(SMALL))).expect("room");
    }
    assert!(near.store.counts().evicted > 10);
    for path in &theirs {
        assert_eq!(fs::read(path).expect("it is there"), b"precious");
    }
}

#[test]
fn what_a_dead_writer_left_goes_and_what_a_living_one_writes_stays() {
    let near = Near::with(|settings| settings.with_bytes_max(4 * 4_096));
    put(&near.store, "index/0", "bytes");
    let [file] = near.files().try_into().expect("one file");
    let [dead, living] =
        ["new-00000000000000ab-1", "new-00000000000000ab-2"].map(|name| file.with_file_name(name));
    for path in [&dead, &living] {
        fs::write(path, "half").expect("room");
    }
    let two_hours_ago = SystemTime::now() - Duration::from_secs(7_200);
    let leftover = fs::File::options().write(true).open(&dead).expect("there");
    leftover.set_modified(two_hours_ago).expect("ours");
    let restarted = Cached::new(
        near.far.clone(),
        rules(),
        settings(near.cache.path()).with_bytes_max(4 * 4_096),
    );
    for number in 1..5 {
        let name = key(&format!("index/{number}"));
        block_on(restarted.put_new(&name, pattern(SMALL))).expect("room");
    }
    assert!(!dead.exists() && living.exists());
}

#[test]
fn two_caches_share_a_folder_and_its_bound() {
    let near = Near::with(|settings| settings.with_bytes_max(64 * 4_096));
    let other = Cached::new(
        near.far.clone(),
        rules(),
        settings(near.cache.path()).with_bytes_max(64 * 4_096),
    );
    for number in 0..100_usize {
        let store = if number % 2 == 0 { &near.store } else { &other };
        let name = key(&format!("index/{number}"));
        block_on(store.put_new(&name, pattern(SMALL))).expect("room");
        assert!(near.files().len() <= 64 + 5, "a sixteenth more, at most");
    }
    near.far.reset();
    get(&near.store, "index/99", 0..SMALL);
    get(&other, "index/98", 0..SMALL);
    assert_eq!(near.gets(), 0, "each reads what the other has kept");
}

#[test]
fn many_threads_of_two_processes_read_nothing_but_what_was_put() {
    let cache = tempfile::tempdir().expect("a directory");
    let far = Arc::new(MemoryStore::new());
    let bytes = |number: usize| pattern(number * 9_000 + 1).slice(number % 2..);
    for number in 0..12 {
        let name = key(&format!("index/{number}"));
        block_on(far.put_new(&name, bytes(number))).expect("room");
    }
    // There is room for a third of it.
    let settings = settings(cache.path()).with_bytes_max(200_000);
    let stores = [0, 1].map(|_| Cached::new(Arc::clone(&far), rules(), settings.clone()));
    std::thread::scope(|scope| {
        for (thread, store) in (0..8_usize).zip(stores.iter().cycle()) {
            scope.spawn(move || {
                for step in 0..30_usize {
                    let number = (step * 7 + thread * 5) % 12;
                    let name = key(&format!("index/{number}"));
                    let expected = bytes(number);
                    if step % 3 == 0 {
                        let half = expected.len() / 2..expected.len();
                        let range = half.start as u64..half.end as u64;
                        let part = block_on(store.get_range(&name, range)).expect("there");
                        assert_eq!(part, expected.slice(half));
                    } else {
                        let whole = block_on(store.get_all(&name)).expect("there");
                        assert_eq!(whole, expected);
                    }
                }
            });
        }
    });
    for store in stores {
        let counts = store.counts();
        assert!(counts.hits > 0 && counts.evicted > 0, "{counts}");
        assert_eq!((counts.damaged, counts.io_failures), (0, 0), "{counts}");
    }
}

#[test]
fn a_folder_that_cannot_be_written_is_as_good_as_none() {
    let scratch = tempfile::tempdir().expect("a directory");
    let file = scratch.path().join("no-folder");
    fs::write(&file, "a file").expect("room");
    let store = Cached::new(MemoryStore::new(), rules(), settings(&file));
    put(&store, "index/1", "bytes");
    assert_eq!(
        block_on(store.get_all(&key("index/1"))).expect("it is there"),
        "bytes"
    );
    assert_eq!(get(&store, "index/1", 1..3), "yt");
    let counts = store.counts();
    assert!(counts.io_failures > 0 && counts.kept == 0 && counts.hits == 0);
}

/// Objects that begin with `good` are.
#[derive(Debug)]
struct Good;

impl ObjectRules for Good {
    fn can_check(&self, _key: &Key) -> bool {
        true
    }

    fn check(&self, _key: &Key, bytes: &Bytes) -> Wholeness {
        match bytes.starts_with(b"good") {
            true => Wholeness::Plausible,
            false => Wholeness::Broken,
        }
    }

    fn predecessor(&self, _key: &Key) -> Option<Key> {
        None
    }
}

#[test]
fn what_the_store_gave_broken_is_not_kept_and_what_nobody_can_check_can_be_forgotten() {
    let scratch = tempfile::tempdir().expect("a directory");
    let far = MemoryStore::new();
    put(&far, "index/1", "bad bytes");
    let rules = rules().with_check(Arc::new(Good));
    let store = Cached::new(far, rules, settings(scratch.path()));
    let name = key("index/1");
    block_on(async {
        assert_eq!(store.get_all(&name).await.expect("there"), "bad bytes");
        store
            .inner()
            .replace(&name, "good bytes".into())
            .await
            .expect("repaired");
        assert_eq!(store.get_all(&name).await.expect("there"), "good bytes");

        store
            .inner()
            .replace(&name, "good again".into())
            .await
            .expect("room");
        assert_eq!(store.get_all(&name).await.expect("kept"), "good bytes");
        store.forget(&name).await;
        assert_eq!(store.get_all(&name).await.expect("there"), "good again");
    });
}

#[test]
fn nothing_of_what_passes_is_changed() {
    let scratch = tempfile::tempdir().expect("a directory");
    let inner = Spy::with_locks();
    let store = Cached::new(inner.clone(), rules(), settings(scratch.path()));
    let until = strongroom_store::Retention::new(strongroom_store::RetentionMode::Compliance, 7);
    let cold = PutOptions::default()
        .with_class(StorageClass::Cold)
        .with_retention(until);
    let hint = GetOptions::default().with_class(StorageClass::Cold);
    block_on(async {
        store
            .put(&key("pack/1"), "bytes".into(), cold)
            .await
            .expect("room");
        store
            .get(&key("pack/1"), hint.clone())
            .await
            .expect("there");
        store
            .get(&key("pack/1"), hint.with_range(1..3))
            .await
            .expect("there");
        let lock = store.object_lock().expect("there is one inside");
        assert_eq!(
            lock.retention(&key("pack/1")).await.expect("there"),
            Some(until)
        );
    });
    let told = [
        "put pack/1 Cold Some(7)",
        "get pack/1 Some(Cold)",
        "get pack/1 0..3 Some(Cold)",
        "retention pack/1",
    ];
    assert_eq!(inner.log(), told);
    let shown = format!("cached({}, spy)", scratch.path().display());
    assert_eq!(store.to_string(), shown);
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(32))]

    /// Whatever is read, put, deleted and lost from the folder, in whatever order: the answers are the store's.
    #[test]
    fn a_cache_is_never_seen(
        steps in prop::collection::vec((0..6_u8, 0..3_usize, 0..3 * BLOCK, 0..2 * BLOCK), 1..25)
    ) {
        let near = Near::with(|settings| settings.with_bytes_max(12 * BLOCK as u64));
        let names = ["index/1", "index/2", "pack/1"].map(key);
        for (verb, at, start, len) in steps {
            let name = names.get(at).expect("one of them");
            let far = near.far.inner();
            let hint = GetOptions::default().with_class(StorageClass::Hot);
            let range = start as u64..(start + len) as u64;
            let options = if verb < 3 { hint.with_range(range) } else { hint };
            match verb {
                0..=3 => {
                    let ours = block_on(near.store.get(name, options.clone()));
                    let theirs = block_on(far.get(name, options));
                    prop_assert_eq!(
                        ours.map_err(|error| error.kind()),
                        theirs.map_err(|error| error.kind())
                    );
                }
                4 => {
                    // Written once: what comes after a delete are the same bytes.
                    drop(block_on(near.store.put_new(name, pattern(3 * BLOCK - at * 1_000))));
                }
                _ if start % 2 == 0 => block_on(near.store.delete(name)).expect("memory"),
                _ => {
                    for file in near.files().into_iter().skip(len % 3).step_by(2) {
                        fs::remove_file(file).expect("ours");
                    }
                }
            }
        }
        prop_assert_eq!(near.store.counts().damaged, 0);
    }
}
