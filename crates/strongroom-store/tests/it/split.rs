//! One store made of two.

use std::sync::Arc;

use futures::executor::block_on;
use futures::stream::StreamExt;
use proptest::prelude::*;
use strongroom_store::conformance::assert_conforms;
use strongroom_store::wrap::{
    Fault, FaultPlan, Faulty, Looking, Operation, Rule, Split, SplitRules,
};
use strongroom_store::{
    ErrorKind, GetOptions, Key, MemoryStore, Prefix, PutMode, PutOptions, Retention, RetentionMode,
    StorageClass, Store, StoreExt,
};

use crate::support::Spy;
use crate::{folder, key, kind, names, put};

type Side = Faulty<Spy>;

struct Two {
    store: Split<Side, Side>,
    home: Spy,
    data: Spy,
}

fn two(rules: SplitRules) -> Two {
    let [home, data] = [Spy::with_locks(), Spy::with_locks()];
    let side = |spy: &Spy| Faulty::new(spy.clone(), FaultPlan::new());
    Two {
        store: Split::new(side(&home), side(&data), rules),
        home,
        data,
    }
}

fn cold_packs() -> Two {
    two(SplitRules::cold_of([folder("pack/")]))
}

fn cold() -> PutOptions {
    PutOptions::default().with_class(StorageClass::Cold)
}

impl Two {
    fn put_cold(&self, name: &str) {
        block_on(self.store.put(&key(name), "cold".into(), cold())).expect("room");
    }

    fn logs(&self) -> (Vec<String>, Vec<String>) {
        (self.home.log(), self.data.log())
    }

    fn get(&self, name: &str, class: Option<StorageClass>) -> (Vec<String>, Vec<String>) {
        self.logs();
        let options = match class {
            Some(class) => GetOptions::default().with_class(class),
            None => GetOptions::default(),
        };
        block_on(self.store.get(&key(name), options)).expect("it is there");
        self.logs()
    }
}

fn down() -> Rule {
    Rule::new(Fault::FailBefore(ErrorKind::Unavailable))
}

#[test]
fn a_split_conforms_whichever_side_objects_are_on() {
    let make =
        |rules: SplitRules| Arc::new(Split::new(MemoryStore::new(), MemoryStore::new(), rules));
    assert_conforms(|| make(SplitRules::cold_of([folder("pack/")])));
    assert_conforms(|| make(SplitRules::cold_of([Prefix::root()])));
    assert_conforms(|| make(SplitRules::all_of([folder("law-6/a/"), folder("law-3/")])));
    assert_conforms(|| make(SplitRules::all_of([Prefix::root()])));
}

#[test]
fn only_cold_packs_leave_home_and_are_found_where_the_hint_says() {
    let two = cold_packs();
    two.put_cold("pack/content");
    two.put_cold("journal/1");
    put(&two.store, "pack/trees", "trees");
    assert_eq!(names(&two.home, ""), ["journal/1", "pack/trees"]);
    assert_eq!(names(&two.data, ""), ["pack/content"]);

    let (home, data) = two.get("pack/content", Some(StorageClass::Cold));
    assert_eq!((home.len(), data.len()), (0, 1));
    let (home, data) = two.get("pack/trees", Some(StorageClass::Hot));
    assert_eq!((home.len(), data.len()), (1, 0));
    let (home, data) = two.get("pack/trees", Some(StorageClass::Cold));
    assert_eq!(
        (home.len(), data.len()),
        (1, 1),
        "a wrong hint costs a request"
    );
    let (home, data) = two.get("journal/1", Some(StorageClass::Cold));
    assert_eq!((home.len(), data.len()), (1, 0));
}

#[test]
fn not_found_needs_the_word_of_both() {
    let two = cold_packs();
    let missing = key("pack/none");
    let outcome = |two: &Two| kind(block_on(two.store.get_all(&missing)));
    assert_eq!(outcome(&two), ErrorKind::NotFound);
    for (side, other) in [
        (two.store.home(), two.store.data()),
        (two.store.data(), two.store.home()),
    ] {
        side.inject(down());
        assert_eq!(outcome(&two), ErrorKind::Unavailable);
        assert_eq!(
            kind(block_on(two.store.head(&missing))),
            ErrorKind::Unavailable
        );
        assert_eq!(
            kind(block_on(two.store.delete(&missing))),
            ErrorKind::Unavailable
        );
        put(other, "pack/there", "bytes");
        let found = block_on(two.store.get_all(&key("pack/there")));
        assert_eq!(found.expect("the other one has it"), "bytes");
        side.heal();
        block_on(two.store.delete(&key("pack/there"))).expect("both are there");
    }
    // What is never there is not asked for there.
    two.store.data().inject(down());
    assert_eq!(
        kind(block_on(two.store.head(&key("journal/9")))),
        ErrorKind::NotFound
    );
}

#[test]
fn an_archived_copy_does_not_hide_one_at_hand() {
    let two = cold_packs();
    two.put_cold("pack/1");
    let frozen = Rule::new(Fault::FailBefore(ErrorKind::Archived)).with_operation(Operation::Get);
    two.store.data().inject(frozen);
    assert_eq!(
        kind(block_on(two.store.get_all(&key("pack/1")))),
        ErrorKind::Archived
    );
    put(&two.home, "pack/1", "cold");
    assert_eq!(
        block_on(two.store.get_all(&key("pack/1"))).expect("at home"),
        "cold"
    );
}

#[test]
fn a_replacement_leaves_no_older_copy_on_the_other_side() {
    let two = cold_packs();
    two.put_cold("pack/1");
    block_on(two.store.replace(&key("pack/1"), "hot".into())).expect("room");
    assert_eq!(names(&two.data, ""), [""; 0]);
    let hint = GetOptions::default().with_class(StorageClass::Cold);
    let found = block_on(two.store.get(&key("pack/1"), hint)).expect("it is there");
    assert_eq!(found, "hot");
}

#[test]
fn lists_are_of_both_sides_and_name_each_object_once() {
    let two = cold_packs();
    put(&two.store, "config", "bytes");
    put(&two.store, "pack/trees", "bytes");
    two.put_cold("pack/content");
    put(&two.data, "pack/trees", "bytes");
    put(&two.data, "journal/strange", "bytes");
    assert_eq!(
        names(&two.store, ""),
        ["config", "pack/content", "pack/trees"]
    );
    assert_eq!(names(&two.store, "pack/"), ["pack/content", "pack/trees"]);
    two.logs();
    assert_eq!(names(&two.store, "journal/"), [""; 0]);
    assert_eq!(two.logs().1, [""; 0], "nothing of the journal is in data");
    for side in [two.store.home(), two.store.data()] {
        side.inject(down().with_operation(Operation::List));
        let listed: Vec<_> = block_on(two.store.list(&folder("pack/")).collect());
        assert!(
            listed.last().is_some_and(Result::is_err),
            "never quietly short"
        );
        side.heal();
    }
}

#[test]
fn what_takes_all_of_a_folder_is_alone_with_it() {
    let two = two(SplitRules::all_of([folder("pack/")]));
    put(&two.store, "pack/1", "hot");
    put(&two.store, "journal/1", "entry");
    two.logs();
    block_on(two.store.get_all(&key("pack/1"))).expect("it is there");
    block_on(two.store.delete(&key("pack/1"))).expect("it can go");
    assert_eq!(names(&two.store, "pack/"), [""; 0]);
    assert_eq!(two.home.log(), [""; 0]);
}

#[test]
fn three_places_are_two_splits() {
    let [journal, packs, archive] = [0, 1, 2].map(|_| Arc::new(MemoryStore::new()));
    let inner = Split::new(
        packs.clone(),
        archive.clone(),
        SplitRules::cold_of([folder("pack/")]),
    );
    let store = Split::new(
        journal.clone(),
        inner,
        SplitRules::all_of([folder("pack/")]),
    );
    put(&store, "journal/1", "entry");
    put(&store, "pack/trees", "trees");
    block_on(store.put(&key("pack/content"), "cold".into(), cold())).expect("room");
    assert_eq!(names(&*journal, ""), ["journal/1"]);
    assert_eq!(names(&*packs, ""), ["pack/trees"]);
    assert_eq!(names(&*archive, ""), ["pack/content"]);
    assert_eq!(
        names(&store, ""),
        ["journal/1", "pack/content", "pack/trees"]
    );
    assert_eq!(
        store.to_string(),
        "split(memory:, all of pack/: split(memory:, cold of pack/: memory:))"
    );
}

#[test]
fn locks_are_where_the_object_is() {
    let two = cold_packs();
    let to = |until| Retention::new(RetentionMode::Compliance, until);
    put(&two.store, "pack/trees", "trees");
    block_on(async {
        let locked = cold().with_retention(to(5));
        two.store
            .put(&key("pack/1"), "cold".into(), locked)
            .await
            .expect("room");
        let lock = two.store.object_lock().expect("both have one");
        assert_eq!(
            lock.retention(&key("pack/1")).await.expect("there"),
            Some(to(5))
        );
        assert_eq!(
            lock.retention(&key("pack/trees")).await.expect("there"),
            None
        );
        for name in ["pack/1", "pack/trees"] {
            lock.extend(&key(name), to(9)).await.expect("there");
            assert_eq!(
                lock.retention(&key(name)).await.expect("there"),
                Some(to(9))
            );
        }
        assert_eq!(
            kind(lock.extend(&key("pack/none"), to(9)).await),
            ErrorKind::NotFound
        );
    });
    let none = Split::new(Spy::new(), Spy::new(), SplitRules::cold_of([]));
    assert!(none.object_lock().is_none() && !none.capabilities().object_lock);
}

#[test]
fn where_one_side_locks_names_say_what_can_be_locked() {
    let to = Retention::new(RetentionMode::Compliance, 5);
    let packs = || [folder("pack/")];
    let (locks, plain) = (Spy::with_locks, Spy::new);
    let cases = [
        (
            Split::new(plain(), locks(), SplitRules::all_of(packs())),
            false,
            true,
        ),
        (
            Split::new(locks(), plain(), SplitRules::all_of(packs())),
            true,
            false,
        ),
        (
            Split::new(plain(), locks(), SplitRules::cold_of(packs())),
            false,
            false,
        ),
        (
            Split::new(locks(), plain(), SplitRules::cold_of(packs())),
            true,
            false,
        ),
        (
            Split::new(locks(), locks(), SplitRules::cold_of(packs())),
            true,
            true,
        ),
    ];
    for (store, journal, pack) in cases {
        assert!(store.capabilities().object_lock);
        let lock = store.object_lock().expect("one side has one");
        for (name, can) in [("journal/1", journal), ("pack/1", pack)] {
            let name = key(name);
            assert_eq!(lock.locks(&name), can, "{name}");
            block_on(async {
                let put = store
                    .put(
                        &name,
                        "bytes".into(),
                        PutOptions::default().with_retention(to),
                    )
                    .await;
                let there = store.exists(&name).await.expect("memory");
                let told = lock.retention(&name).await;
                if can {
                    put.expect("room");
                    assert_eq!(told.expect("there"), Some(to));
                } else {
                    assert_eq!(kind(put), ErrorKind::Unsupported);
                    assert_eq!(kind(told), ErrorKind::Unsupported);
                    assert_eq!(kind(lock.extend(&name, to).await), ErrorKind::Unsupported);
                }
                assert_eq!(there, can, "nothing is put that was to be locked");
            });
        }
    }
}

#[test]
fn that_a_create_is_atomic_is_homes_promise() {
    let racy = || Looking::new(MemoryStore::new());
    let packs = || SplitRules::all_of([folder("pack/")]);
    assert!(
        Split::new(MemoryStore::new(), racy(), packs())
            .capabilities()
            .atomic_create
    );
    assert!(
        !Split::new(racy(), MemoryStore::new(), packs())
            .capabilities()
            .atomic_create
    );
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    /// Whatever is put and deleted, with whatever class, a split shows what a single store would.
    #[test]
    fn a_split_is_like_one_store(
        steps in prop::collection::vec((0..4_u8, 0..5_usize, any::<bool>()), 1..40)
    ) {
        let keys = ["config", "pack/1", "pack/2", "packs", "pack/deep/1"].map(key);
        let plain = MemoryStore::new();
        let split = cold_packs().store;
        for (number, (verb, at, is_cold)) in steps.into_iter().enumerate() {
            let key = keys.get(at).expect("one of them");
            let class = if is_cold { StorageClass::Cold } else { StorageClass::Hot };
            block_on(step(&plain, &split, verb, key, class, number));
        }
        prop_assert_eq!(block_on(plain.list_all(&Prefix::root())).expect("memory"), block_on(split.list_all(&Prefix::root())).expect("memory"));
    }
}

async fn step(
    plain: &MemoryStore,
    split: &impl Store,
    verb: u8,
    key: &Key,
    class: StorageClass,
    number: usize,
) {
    let hint = GetOptions::default().with_class(class);
    let data = format!("bytes {number}");
    match verb {
        // Everybody puts an object with the class it has; only a replacement may change it.
        0 if plain.exists(key).await.expect("memory") => {}
        0 | 1 => {
            let mode = if verb == 0 {
                PutMode::Create
            } else {
                PutMode::Overwrite
            };
            let options = PutOptions::default().with_mode(mode).with_class(class);
            plain
                .put(key, data.clone().into(), options.clone())
                .await
                .expect("room");
            split.put(key, data.into(), options).await.expect("room");
        }
        2 => {
            plain.delete(key).await.expect("memory");
            split.delete(key).await.expect("memory");
        }
        _ => {
            let ours = plain
                .get(key, hint.clone())
                .await
                .map_err(|error| error.kind());
            let theirs = split.get(key, hint).await.map_err(|error| error.kind());
            assert_eq!(ours, theirs);
        }
    }
}
