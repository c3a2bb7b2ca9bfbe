//! The journal against stores that race, lose, delay and damage.

mod doubt;
mod history;
mod in_a_file;
mod reading;
mod remembered;

use std::sync::Arc;

use strongroom_crypt::{Roles, SessionId};
use strongroom_format::{Body, ObjectHash, PackClass, PackRef, Packs, Time, Unknown, object_name};
use strongroom_store::wrap::{Fault, FaultPlan, Faulty, Operation, Recording, Rule, When};
use strongroom_store::{ErrorKind as StoreKind, MemoryStore, Store, StoreExt as _};

use super::append::Appended;
use crate::context::object_key;
use crate::edge;
use crate::state::State;
use crate::{
    Clock, Components, CreateOptions, Credential, Error, ErrorKind, Head, Heads, Repository,
    Result, Settings,
};

fn wait<T>(future: impl Future<Output = T>) -> T {
    futures::executor::block_on(future)
}

/// A repository without encryption, on which everything else works as with it.
fn create(store: &Arc<impl Store>) -> Repository {
    let options = CreateOptions::default().with_suite(strongroom_crypt::Suite::None);
    let store: Arc<dyn Store> = store.clone();
    wait(Repository::builder(store).create(options, &Credential::None))
        .unwrap()
        .repository
}

fn open(store: &Arc<impl Store>) -> Result<Repository> {
    let store: Arc<dyn Store> = store.clone();
    wait(Repository::builder(store).open(&Credential::None))
}

fn open_cached(store: &Arc<impl Store>, cache: &std::path::Path) -> Result<Repository> {
    let store: Arc<dyn Store> = store.clone();
    let settings = Settings {
        cache: Some(cache.to_owned()),
        ..Settings::default()
    };
    wait(
        Repository::builder(store)
            .settings(settings)
            .open(&Credential::None),
    )
}

fn announce(number: u64) -> Body {
    announce_many(number, 1)
}

/// Announces packs with the names `first` to `first + packs - 1`.
fn announce_many(first: u64, packs: u64) -> Body {
    let name = |number: u64| {
        let mut name = [0; 32];
        name[..8].copy_from_slice(&number.to_le_bytes());
        name
    };
    let pack = |number| PackRef {
        name: ObjectHash::from_bytes(name(number)),
        len: 1,
        class: PackClass::Data,
    };
    Body::Packs(Packs {
        session: SessionId::from_bytes(name(first)),
        packs: (first..first + packs).map(pack).collect(),
        segments: Vec::new(),
        unknown: Unknown::default(),
    })
}

fn append(repository: &Repository, number: u64) -> Result<Appended> {
    append_with(repository, move |_| Ok(announce(number)))
}

fn append_with(
    repository: &Repository,
    mut make: impl FnMut(&State) -> Result<Body> + Send + 'static,
) -> Result<Appended> {
    let this = repository.clone();
    wait(edge::run(repository.store(), "test", move |remote| {
        this.journal()
            .append(remote, this.context(), Roles::WRITER, &mut make)
    }))
}

fn refresh(repository: &Repository) -> Result<Arc<State>> {
    let this = repository.clone();
    wait(edge::run(repository.store(), "test", move |remote| {
        this.journal().refresh(remote, this.context())
    }))
}

fn with_entries(entries: u64) -> Arc<Recording<MemoryStore>> {
    let store = Arc::new(Recording::new(MemoryStore::new()));
    let repository = create(&store);
    for number in 1..entries {
        append(&repository, number).unwrap();
    }
    store.reset();
    store
}

fn count(store: &Recording<MemoryStore>) -> usize {
    let all = [
        Operation::Get,
        Operation::Head,
        Operation::Put,
        Operation::Delete,
        Operation::List,
    ];
    all.into_iter()
        .map(|operation| store.count(operation))
        .sum()
}

type Damage = fn(&Arc<Recording<MemoryStore>>, &str);

fn remove(store: &Arc<Recording<MemoryStore>>, name: &str) {
    wait(store.delete(&object_key(name).unwrap())).unwrap();
}

fn flip(store: &Arc<Recording<MemoryStore>>, name: &str) {
    let key = object_key(name).unwrap();
    let mut bytes = wait(store.get_all(&key)).unwrap().to_vec();
    let middle = bytes.len() / 2;
    bytes[middle] ^= 1;
    wait(store.replace(&key, bytes.into())).unwrap();
}

#[test]
fn what_is_appended_is_seen_by_others() {
    let store = with_entries(1);
    let (one, other) = (open(&store).unwrap(), open(&store).unwrap());
    let appended = append(&one, 7).unwrap();
    assert_eq!(appended.n, 1);
    let seen = refresh(&other).unwrap();
    assert_eq!(seen.head_hash, appended.hash);
    assert_eq!((seen.head, seen.packs.len()), (2, 1));
}

#[test]
fn an_append_costs_two_requests_and_a_quiet_refresh_one() {
    let store = with_entries(3);
    let repository = open(&store).unwrap();
    store.reset();
    append(&repository, 9).unwrap();
    assert_eq!((store.count(Operation::Put), count(&store)), (1, 2));
    store.reset();
    refresh(&repository).unwrap();
    assert_eq!(count(&store), 1);
}

#[test]
fn racing_handles_lose_no_entry_and_write_none_twice() {
    const EACH: u64 = 20;
    let store = Arc::new(MemoryStore::new());
    create(&store);
    let handles: Vec<_> = (0..4).map(|_| open(&store).unwrap()).collect();
    std::thread::scope(|scope| {
        for (lane, handle) in (0..).zip(&handles) {
            scope.spawn(move || {
                for number in 0..EACH {
                    append(handle, 1 + lane * EACH + number).unwrap();
                }
            });
        }
    });
    let state = open(&store).unwrap().journal().state();
    assert_eq!(state.head, 1 + 4 * EACH);
    assert_eq!(state.packs.len() as u64, 4 * EACH);
    assert!(state.sessions.values().all(|packs| packs.len() == 1));
}

#[test]
fn threads_of_one_handle_may_append_at_once() {
    let store = Arc::new(MemoryStore::new());
    let repository = create(&store);
    std::thread::scope(|scope| {
        for number in 1..9 {
            let repository = &repository;
            scope.spawn(move || append(repository, number).unwrap());
        }
    });
    assert_eq!(open(&store).unwrap().journal().state().packs.len(), 8);
}

#[test]
fn after_a_conflict_the_entry_is_made_again_for_the_new_state() {
    let store = with_entries(1);
    let (one, other) = (open(&store).unwrap(), open(&store).unwrap());
    append(&other, 1).unwrap();
    let seen = Arc::new(std::sync::Mutex::new(Vec::new()));
    let log = seen.clone();
    append_with(&one, move |state| {
        log.lock().unwrap().push(state.packs.len());
        Ok(announce(2))
    })
    .unwrap();
    assert_eq!(*seen.lock().unwrap(), [0, 1]);
}

#[test]
fn who_is_behind_by_two_entries_puts_nothing_in_vain() {
    let store = with_entries(1);
    let (one, other) = (open(&store).unwrap(), open(&store).unwrap());
    append(&other, 1).unwrap();
    append(&other, 2).unwrap();
    store.reset();
    assert_eq!(append(&one, 3).unwrap().n, 3);
    assert_eq!(store.count(Operation::Put), 1);
}

#[test]
fn a_refusal_to_make_the_entry_ends_the_append() {
    let store = with_entries(1);
    let repository = open(&store).unwrap();
    let error = append_with(&repository, |_| Err(Error::new(ErrorKind::Stale, "no"))).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Stale);
    assert_eq!(store.count(Operation::Put), 0);
}

#[test]
fn an_entry_above_the_limit_is_refused() {
    let store = with_entries(1);
    let repository = open(&store).unwrap();
    let error = append_with(&repository, |_| {
        let Body::Packs(mut packs) = announce(1) else {
            unreachable!()
        };
        packs.packs = vec![packs.packs[0]; 60_000];
        Ok(Body::Packs(packs))
    })
    .unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Invalid);
    assert_eq!(store.count(Operation::Put), 0);
}

#[test]
fn an_entry_that_would_be_void_is_not_written() {
    let store = with_entries(1);
    let repository = open(&store).unwrap();
    let error = append_with(&repository, |_| {
        Ok(Body::Forget(strongroom_format::Forget {
            snapshots: vec![strongroom_crypt::Id::from_bytes([1; 32])],
            ..Default::default()
        }))
    })
    .unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Conflict);
    assert_eq!(store.count(Operation::Put), 0);
}

fn append_with_fault(
    rules: impl IntoIterator<Item = Rule>,
) -> (Arc<MemoryStore>, Result<Appended>) {
    let memory = Arc::new(MemoryStore::new());
    create(&memory);
    let store = Arc::new(Faulty::new(memory.clone(), FaultPlan::new()));
    let repository = open(&store).unwrap();
    rules.into_iter().for_each(|rule| store.inject(rule));
    let appended = append(&repository, 1);
    (memory, appended)
}

#[test]
fn a_lost_acknowledgement_is_recognised() {
    let rule = Rule::new(Fault::FailAfter(StoreKind::Unavailable))
        .with_operation(Operation::Put)
        .with_when(When::Nth(1));
    let (memory, appended) = append_with_fault([rule]);
    assert_eq!(appended.unwrap().n, 1);
    let state = open(&memory).unwrap().journal().state();
    assert_eq!((state.head, state.packs.len()), (2, 1));
}

#[test]
fn a_put_that_was_lost_is_put_again() {
    let rule = Rule::new(Fault::FailBefore(StoreKind::Unavailable))
        .with_operation(Operation::Put)
        .with_when(When::Nth(1));
    let (memory, appended) = append_with_fault([rule]);
    assert_eq!(appended.unwrap().n, 1);
    assert_eq!(open(&memory).unwrap().journal().state().head, 2);
}

#[test]
fn a_store_that_is_gone_gives_an_error_and_at_most_the_entry() {
    for call in 1..6 {
        let gone = Rule::new(Fault::FailBefore(StoreKind::Unavailable)).with_when(When::From(call));
        let (memory, appended) = append_with_fault([gone]);
        let state = open(&memory).unwrap().journal().state();
        match appended {
            Ok(appended) => assert_eq!(appended.n + 1, state.head),
            Err(error) => {
                assert_eq!(error.kind(), ErrorKind::Unavailable);
                assert!(state.head <= 2);
            }
        }
    }
}

#[test]
fn no_entry_is_written_below_a_later_one() {
    let store = with_entries(4);
    remove(&store, &object_name::journal(2));
    // Gallop finds the hole or the end, whichever it meets.
    match open(&store) {
        Err(error) => assert_eq!(error.object(), Some(object_name::journal(2).as_str())),
        Ok(repository) => {
            let error = append(&repository, 9).unwrap_err();
            assert_eq!(error.kind(), ErrorKind::Damaged);
            assert_eq!(error.object(), Some(object_name::journal(2).as_str()));
        }
    }
}

fn commit(seen: Option<(u64, ObjectHash)>) -> Body {
    let snapshot = strongroom_format::Snapshot {
        series: "s".to_owned(),
        ..Default::default()
    };
    Body::Commit(Box::new(strongroom_format::Commit {
        snapshot,
        packs: Vec::new(),
        segments: Vec::new(),
        session: SessionId::from_bytes([8; 32]),
        seen,
        unknown: Unknown::default(),
    }))
}

/// Commits on a handle as a backup does: after having seen all that the handle has.
fn commit_now(repository: &Repository) {
    append_with(repository, |now| {
        Ok(commit(Some((now.head, now.head_hash))))
    })
    .unwrap();
}

/// Another store with the same objects.
fn with_copy_of(store: &Arc<Recording<MemoryStore>>) -> Arc<Recording<MemoryStore>> {
    let copy = Arc::new(Recording::new(MemoryStore::new()));
    for object in wait(store.list_all(&strongroom_store::Prefix::root())).unwrap() {
        let bytes = wait(store.get_all(&object.key)).unwrap();
        wait(copy.put_new(&object.key, bytes)).unwrap();
    }
    copy
}

#[test]
fn states_that_differ_by_an_entry_share_what_it_does_not_change() {
    let store = with_entries(3);
    let repository = open(&store).unwrap();
    commit_now(&repository);
    let before = repository.journal().state();
    append(&repository, 50).unwrap();
    let after = repository.journal().state();
    assert_eq!((before.packs.len(), after.packs.len()), (2, 3));
    assert!(before.snapshots.is_shared_with(&after.snapshots));
    assert!(before.dropped.is_shared_with(&after.dropped));
    let snapshot = |state: &State| Arc::clone(&state.snapshots.values().next().unwrap().1);
    assert!(Arc::ptr_eq(&snapshot(&before), &snapshot(&after)));
}

#[test]
fn in_single_writer_mode_every_put_is_read_before_and_after() {
    let store = Arc::new(Recording::new(MemoryStore::new()));
    let options = CreateOptions::default()
        .with_suite(strongroom_crypt::Suite::None)
        .with_single_writer(true);
    let dynamic: Arc<dyn Store> = store.clone();
    let created = wait(Repository::builder(dynamic).create(options, &Credential::None)).unwrap();
    assert!(created.single_writer && created.repository.is_single_writer());
    store.reset();
    append(&created.repository, 1).unwrap();
    assert_eq!(store.count(Operation::Put), 1);
    assert_eq!(
        (store.count(Operation::Head), store.count(Operation::Get)),
        (2, 1)
    );
}
