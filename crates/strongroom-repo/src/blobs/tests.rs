//! Readers that meet packs which others have taken away.

use std::ops::ControlFlow;
use std::sync::{Arc, Mutex};

use futures::TryStreamExt as _;
use strongroom_crypt::{Id, Roles};
use strongroom_format::{Body, Dropped, Forget, ObjectHash, Tombstone, object_name};
use strongroom_store::wrap::{
    CacheRules, CacheSettings, Cached, Fault, FaultPlan, Faulty, Gate, Operation, Rule, When,
};
use strongroom_store::{Prefix, PutMode, PutOptions, Store, StoreExt as _};

use crate::context::object_key;
use crate::edge;
use crate::restore::LostReason;
use crate::testing::{
    Content, MemoryTarget, Shape, TestStore, Tree, Writer, append_as, reopen, repository, settings,
};
use crate::{
    Credential, Depth, Error, ErrorKind, PruneOptions, Repository, RestoreOptions, RestoreReport,
    Settings,
};

fn wait<T>(future: impl Future<Output = T>) -> T {
    futures::executor::block_on(future)
}

fn tree() -> Tree {
    // Not compressible, so that there are many packs.
    let text = |n: u32| {
        let mut bytes = vec![0; 400];
        let mut hasher = blake3::Hasher::new();
        hasher
            .update(&n.to_le_bytes())
            .finalize_xof()
            .fill(&mut bytes);
        bytes
    };
    let files = (0..30).map(|n| (format!("f{n:02}").into_bytes(), Tree::file(&text(n))));
    let parts = (100..120).map(|n| Content::Data(text(n))).collect();
    Tree::dir([
        ("dir", Tree::Dir(files.collect())),
        ("large", Tree::File(parts, None)),
        ("zlast", Tree::dir([("x", Tree::file(b"x"))])),
    ])
}

/// A snapshot in many small packs.
fn snapshot() -> (Arc<TestStore>, Id) {
    let (store, repository) = repository();
    let id = Writer::new(&repository, Shape::default()).snapshot(&tree(), "s");
    (store, id)
}

fn append(repository: &Repository, body: Body) {
    append_as(repository, Roles::MAINTAINER, body).unwrap();
}

/// Drops and deletes everything there is.
fn bury_all(by: &Repository) {
    let state = by.journal().state();
    let (packs, segments): (Vec<ObjectHash>, Vec<ObjectHash>) = (
        state.packs.all().keys().copied().collect(),
        state.segments.keys().copied().collect(),
    );
    bury(by, packs, segments);
}

fn bury(by: &Repository, packs: Vec<ObjectHash>, segments: Vec<ObjectHash>) {
    let packs_named = packs.iter().map(object_name::pack);
    let names: Vec<_> = packs_named
        .chain(segments.iter().map(object_name::index))
        .collect();
    let dropped = Dropped {
        packs,
        segments,
        ..Dropped::default()
    };
    append(
        by,
        Body::Tombstone(Tombstone {
            dropped,
            ..Tombstone::default()
        }),
    );
    let run = edge::run(by.store(), "test", move |remote| {
        names
            .iter()
            .try_for_each(|name| remote.delete(&object_key(name)?))
    });
    wait(run).unwrap();
}

/// Moves everything into other packs, as prune does, and deletes what was there.
fn move_all(by: &Repository) {
    let old = by.journal().state();
    Writer::new(by, Shape::default()).snapshot(&tree(), "moved");
    let (packs, segments) = (&old.packs, &old.segments);
    bury(
        by,
        packs.all().keys().copied().collect(),
        segments.keys().copied().collect(),
    );
}

fn forget_and_bury(by: &Repository) {
    let state = by.journal().state();
    let snapshots = state.snapshots.values().map(|(id, _)| *id).collect();
    append(
        by,
        Body::Forget(Forget {
            snapshots,
            ..Forget::default()
        }),
    );
    bury_all(by);
}

/// Reads while somebody acts before the nth reading of what begins with a prefix.
fn read_while<T>(
    store: &Arc<TestStore>,
    (prefix, nth): (&str, u64),
    act: impl FnOnce(&Repository) + Send,
    read: impl AsyncFnOnce(Repository) -> T,
) -> T {
    let gate = Gate::new();
    let rule = Rule::new(Fault::PauseBefore(gate.clone()))
        .with_operation(Operation::Get)
        .with_key_prefix(prefix)
        .with_when(When::Nth(nth));
    let plan = FaultPlan::new().with_rule(rule);
    let paused: Arc<dyn Store> = Arc::new(Faulty::new(store.clone(), plan));
    let builder = Repository::builder(paused).settings(settings(2));
    let repository = wait(builder.open(&Credential::None)).unwrap();
    let meanwhile = async {
        gate.arrived(1).await;
        std::thread::scope(|scope| {
            let acting = scope.spawn(|| act(&reopen(store, settings(1))));
            acting.join().unwrap();
        });
        gate.open();
    };
    wait(async {
        let read = Box::pin(read(repository));
        match futures::future::select(read, Box::pin(meanwhile)).await {
            futures::future::Either::Left(_) => panic!("it ended before"),
            futures::future::Either::Right(((), read)) => read.await,
        }
    })
}

async fn restore(
    repository: &Repository,
    id: &Id,
    target: &Arc<MemoryTarget>,
) -> Result<RestoreReport, Error> {
    let options = RestoreOptions::default();
    repository
        .restore(id, target.clone(), options, Arc::new(()))
        .await
}

#[test]
fn a_restore_goes_on_in_the_packs_that_others_have_made() {
    for nth in [1, 2, 5, 9] {
        let (store, id) = snapshot();
        let target = Arc::new(MemoryTarget::default());
        let report = read_while(&store, ("pack/", nth), move_all, async |repository| {
            restore(&repository, &id, &target).await.unwrap()
        });
        assert!(report.is_complete(), "{report:?}");
        assert!(target.flat() == tree().flat());
    }
}

#[test]
fn an_index_that_is_replaced_while_it_is_loaded_is_loaded_again() {
    let (store, id) = snapshot();
    let target = Arc::new(MemoryTarget::default());
    let report = read_while(&store, ("index/", 1), move_all, async |repository| {
        restore(&repository, &id, &target).await.unwrap()
    });
    assert!(report.is_complete(), "{report:?}");
    assert!(target.flat() == tree().flat());
}

#[test]
fn listing_and_reading_go_on_too() {
    for nth in [1, 3] {
        let (store, id) = snapshot();
        let seen: Arc<Mutex<Vec<Vec<u8>>>> = Arc::default();
        let paths = seen.clone();
        read_while(&store, ("pack/", nth), move_all, async |repository| {
            let each = move |path: &[u8], _: &_| {
                paths.lock().unwrap().push(path.to_vec());
                ControlFlow::Continue(())
            };
            repository.list(&id, b"", Depth::All, each).await.unwrap();
        });
        let all = tree().flat();
        let expected: Vec<_> = all.into_keys().filter(|path| !path.is_empty()).collect();
        let mut listed = seen.lock().unwrap().clone();
        listed.sort();
        assert_eq!(listed, expected);

        let (store, id) = snapshot();
        let content: Arc<Mutex<Vec<u8>>> = Arc::default();
        let bytes = content.clone();
        read_while(&store, ("pack/", nth), move_all, async |repository| {
            let each = move |piece: &[u8]| {
                bytes.lock().unwrap().extend_from_slice(piece);
                ControlFlow::Continue(())
            };
            repository.read_file(&id, b"large", each).await.unwrap();
        });
        assert_eq!(
            *content.lock().unwrap(),
            tree().flat()[b"large".as_slice()].1
        );
    }
}

#[test]
fn a_snapshot_that_was_forgotten_is_not_called_damaged() {
    for nth in [1, 4] {
        let (store, id) = snapshot();
        let target = Arc::new(MemoryTarget::default());
        let report = read_while(
            &store,
            ("pack/", nth),
            forget_and_bury,
            async |repository| restore(&repository, &id, &target).await,
        );
        // Where nothing was read yet, it has not begun.
        let error = match report {
            Err(error) => error,
            Ok(report) => {
                let damaged = |lost: &crate::Lost| lost.reason == LostReason::Damaged;
                assert!(!report.lost.iter().any(damaged), "{report:?}");
                report.stopped.unwrap()
            }
        };
        assert_eq!(error.kind(), ErrorKind::NotFound);
        assert!(error.to_string().contains("forgotten"), "{error}");
    }
    let (store, id) = snapshot();
    let error = read_while(&store, ("pack/", 2), forget_and_bury, async |repository| {
        let each = |_: &[u8]| ControlFlow::Continue(());
        repository.read_file(&id, b"large", each).await.unwrap_err()
    });
    assert_eq!(error.kind(), ErrorKind::NotFound);
    assert!(error.to_string().contains("forgotten"), "{error}");
}

#[test]
fn a_snapshot_that_is_forgotten_and_not_deleted_is_read_to_its_end() {
    let (store, id) = snapshot();
    let target = Arc::new(MemoryTarget::default());
    let forget_only = |by: &Repository| {
        let snapshots = vec![id];
        append(
            by,
            Body::Forget(Forget {
                snapshots,
                ..Forget::default()
            }),
        );
    };
    let report = read_while(&store, ("pack/", 2), forget_only, async |repository| {
        restore(&repository, &id, &target).await.unwrap()
    });
    assert!(report.is_complete() && target.flat() == tree().flat());
}

#[test]
fn a_pack_that_is_lost_is_asked_for_in_the_journal_once() {
    let (store, id) = snapshot();
    let repository = reopen(&store, settings(2));
    let packs: Vec<_> = repository
        .journal()
        .state()
        .packs
        .all()
        .keys()
        .copied()
        .collect();
    for pack in &packs {
        let key = object_key(&object_name::pack(pack)).unwrap();
        wait(store.delete(&key)).unwrap();
    }
    store.reset();
    let target = Arc::new(MemoryTarget::default());
    let report = wait(restore(&repository, &id, &target)).unwrap();
    assert!(!report.is_complete() && report.stopped.is_none());
    let asked = store.calls();
    let asked = asked.iter().filter(|call| call.key.starts_with("journal/"));
    assert!(asked.count() <= 1 + packs.len());
}

#[test]
fn a_warm_cache_does_not_hide_what_has_moved() {
    let cache = tempfile::tempdir().unwrap();
    let (store, id) = snapshot();
    let cached = Settings {
        cache: Some(cache.path().to_owned()),
        ..settings(2)
    };
    let repository = reopen(&store, cached);
    let target = Arc::new(MemoryTarget::default());
    let report = wait(restore(&repository, &id, &target)).unwrap();
    assert!(report.is_complete());
    move_all(&reopen(&store, settings(1)));
    let target = Arc::new(MemoryTarget::default());
    let report = wait(restore(&repository, &id, &target)).unwrap();
    assert!(report.is_complete() && target.flat() == tree().flat());
}

/// Changes one bit in every pack, or changes it back.
fn flip(store: &Arc<TestStore>, at: usize) {
    let packs = store.list(&Prefix::parse("pack/").unwrap());
    for pack in wait(packs.try_collect::<Vec<_>>()).unwrap() {
        let mut bytes = wait(store.get_all(&pack.key)).unwrap().to_vec();
        bytes[at] ^= 4;
        let overwrite = PutOptions::default().with_mode(PutMode::Overwrite);
        wait(store.put(&pack.key, bytes.into(), overwrite)).unwrap();
    }
}

/// Found by the simulator (rotten packs, seed 8217).
#[test]
fn a_flipped_bit_in_a_preamble_is_damage_and_no_later_version() {
    let (store, id) = snapshot();
    for (field, at) in [("major", 8), ("suite", 12), ("flags", 14), ("reserved", 60)] {
        flip(&store, at);
        let reader = reopen(&store, settings(1));
        let listed = reader.list(&id, b"", Depth::All, |_, _| ControlFlow::Continue(()));
        assert_eq!(
            wait(listed).unwrap_err().kind(),
            ErrorKind::Damaged,
            "{field}"
        );
        let planned = reader.plan_prune(PruneOptions::default(), Arc::new(()));
        assert_eq!(
            wait(planned).unwrap_err().kind(),
            ErrorKind::Damaged,
            "{field}"
        );
        flip(&store, at);
    }
}

#[test]
fn what_arrived_damaged_once_does_not_stay_damaged_in_a_cache() {
    for nth in 1..=6 {
        let (store, id) = snapshot();
        let folder = tempfile::tempdir().unwrap();
        let rule = Rule::new(Fault::FlippedRead)
            .with_operation(Operation::Get)
            .with_key_prefix("pack/")
            .with_when(When::Nth(nth));
        let faulty = Faulty::new(store, FaultPlan::new().with_rule(rule));
        let rules = CacheRules::new().with_folder(Prefix::parse("pack/").unwrap());
        let cached = Cached::new(faulty, rules, CacheSettings::new(folder.path(), "one"));
        let builder = Repository::builder(Arc::new(cached)).settings(settings(1));
        let repository = wait(builder.open(&Credential::None)).unwrap();
        let target = Arc::new(MemoryTarget::default());
        let report = wait(restore(&repository, &id, &target)).unwrap();
        assert!(report.is_complete(), "{nth}: {report:?}");
        assert!(target.flat() == tree().flat(), "{nth}");
    }
}
