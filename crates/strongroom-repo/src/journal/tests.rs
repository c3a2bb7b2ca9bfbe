//! The journal against stores that race, lose, delay and damage.

mod doubt;

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

#[test]
fn a_damaged_entry_is_read_from_its_bundle() {
    for damage in [remove as Damage, flip] {
        let store = with_entries(70);
        damage(&store, &object_name::journal(33));
        assert_eq!(open(&store).unwrap().journal().state().head, 70);
    }
}

#[test]
fn a_damaged_bundle_is_not_needed() {
    for damage in [remove as Damage, flip] {
        let store = with_entries(70);
        damage(&store, &object_name::bundle(64));
        assert_eq!(open(&store).unwrap().journal().state().head, 70);
    }
}

#[test]
fn a_damaged_entry_without_a_bundle_is_named() {
    for n in [1, 68, 69] {
        let store = with_entries(70);
        remove(&store, &object_name::bundle(64));
        flip(&store, &object_name::journal(n));
        let error = open(&store).unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Damaged);
        assert_eq!(error.object(), Some(object_name::journal(n).as_str()));
    }
}

#[test]
fn genesis_is_read_from_its_bundle_and_its_copy() {
    let store = with_entries(70);
    remove(&store, &object_name::journal(0));
    assert_eq!(open(&store).unwrap().journal().state().head, 70);
    remove(&store, &object_name::bundle(64));
    assert_eq!(open(&store).unwrap().journal().state().head, 70);
    remove(&store, &object_name::journal_copy(0));
    let error = open(&store).unwrap_err();
    assert_eq!(
        (error.kind(), error.object()),
        (ErrorKind::Damaged, Some("journal/0000000000000000"))
    );
    assert_eq!(error.lost_entry(), Some(0));
}

#[test]
fn a_swapped_entry_does_not_follow() {
    let store = with_entries(5);
    let other = with_entries(5);
    let key = object_key(&object_name::journal(3)).unwrap();
    let foreign = wait(other.get_all(&key)).unwrap();
    wait(store.replace(&key, foreign)).unwrap();
    let error = open(&store).unwrap_err();
    assert_eq!(
        (error.kind(), error.object()),
        (ErrorKind::Damaged, Some(key.as_str()))
    );
}

#[test]
fn newcomers_read_bundles_and_checkpoints_instead_of_entries() {
    let store = with_entries(200);
    open(&store).unwrap();
    // Three bundles instead of 192 entries; the end is found by doubling and halving, and looked beyond.
    assert!(count(&store) < 45, "{}", count(&store));

    let store = with_entries(650);
    let repository = open(&store).unwrap();
    assert!(count(&store) < 55, "{}", count(&store));
    assert_eq!(repository.journal().state().head, 650);
    assert_eq!(repository.journal().state().packs.len(), 649);

    // Without a good checkpoint the same state comes from bundles.
    for (damage, n) in [(remove as Damage, 640), (flip as Damage, 576)] {
        damage(&store, &object_name::checkpoint(n));
        let state = open(&store).unwrap().journal().state();
        assert_eq!(state.head_hash, repository.journal().state().head_hash);
        assert_eq!(state.packs.len(), 649);
    }
}

#[test]
fn a_checkpoint_of_another_chain_is_not_trusted() {
    let store = with_entries(650);
    let other = with_entries(650);
    let key = object_key(&object_name::checkpoint(640)).unwrap();
    let foreign = wait(other.get_all(&key)).unwrap();
    wait(store.replace(&key, foreign)).unwrap();
    assert_eq!(open(&store).unwrap().journal().state().packs.len(), 649);
}

#[test]
fn a_client_that_was_away_catches_up_with_few_requests() {
    let store = with_entries(2);
    let (away, busy) = (open(&store).unwrap(), open(&store).unwrap());
    for number in 10..1_010 {
        append(&busy, number).unwrap();
    }
    store.reset();
    let state = refresh(&away).unwrap();
    assert_eq!(state.head, 1_002);
    assert!(count(&store) < 80, "{}", count(&store));
    assert_eq!(store.count(Operation::List), 0);
    append(&away, 5).unwrap();
}

#[test]
fn a_quiet_repository_opens_with_three_requests_when_it_is_remembered() {
    let cache = tempfile::tempdir().unwrap();
    let store = with_entries(70);
    open_cached(&store, cache.path()).unwrap();
    store.reset();
    let repository = open_cached(&store, cache.path()).unwrap();
    assert_eq!(count(&store), 3);
    assert_eq!(repository.journal().state().packs.len(), 69);
    append(&repository, 500).unwrap();
    store.reset();
    assert_eq!(
        open_cached(&store, cache.path())
            .unwrap()
            .journal()
            .state()
            .head,
        71
    );
    assert_eq!(count(&store), 3);
}

#[test]
fn bundles_are_written_by_who_has_opened_from_a_cache() {
    let cache = tempfile::tempdir().unwrap();
    let store = with_entries(62);
    open_cached(&store, cache.path()).unwrap();
    let repository = open_cached(&store, cache.path()).unwrap();
    append(&repository, 500).unwrap();
    append(&repository, 501).unwrap();
    assert!(wait(store.exists(&object_key(&object_name::bundle(64)).unwrap())).unwrap());
    assert!(wait(store.exists(&object_key(&object_name::checkpoint(64)).unwrap())).unwrap());
}

fn hash_of(store: &Arc<Recording<MemoryStore>>, n: u64) -> ObjectHash {
    let key = object_key(&object_name::journal(n)).unwrap();
    ObjectHash::of(&wait(store.get_all(&key)).unwrap())
}

#[test]
fn a_store_that_went_back_is_noticed() {
    let cache = tempfile::tempdir().unwrap();
    let store = with_entries(10);
    open_cached(&store, cache.path()).unwrap();
    let remembered = Head::new(9, hash_of(&store, 9));
    remove(&store, &object_name::journal(9));
    for newest in [8, 3] {
        for n in newest + 1..9 {
            remove(&store, &object_name::journal(n));
        }
        let error = open_cached(&store, cache.path()).unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Rollback);
        let found = Some(Head::new(newest, hash_of(&store, newest)));
        assert_eq!(error.heads(), Some(&Heads { remembered, found }));
        let said = error.to_string();
        assert!(
            said.contains("entry 9") && said.contains(&format!("entry {newest}")),
            "{said}"
        );
    }
}

/// A clock that is set.
#[derive(Debug, Default)]
struct Hand(std::sync::atomic::AtomicI64);

impl Clock for Hand {
    fn now(&self) -> Time {
        Time::new(self.0.load(std::sync::atomic::Ordering::Relaxed), 0)
    }
}

fn open_at(store: &Arc<impl Store>, clock: &Arc<Hand>) -> Repository {
    let dynamic: Arc<dyn Store> = store.clone();
    let components = Components {
        clock: clock.clone(),
        ..Components::default()
    };
    let builder = Repository::builder(dynamic).components(components);
    wait(builder.open(&Credential::None)).unwrap()
}

#[test]
fn nothing_is_written_behind_a_hole_by_a_handle_that_was_open() {
    let condemn = || Body::Condemn(strongroom_format::Condemn::default());
    let feature = || Body::Feature(strongroom_format::Feature::default());
    let cases = [
        (Roles::MAINTAINER, condemn(), 0),
        (Roles::ADMIN, feature(), 0),
        (Roles::WRITER, announce(99), 301),
        (Roles::WRITER, announce(99), -1),
    ];
    for (roles, body, later) in cases {
        let store = with_entries(10);
        let clock = Arc::new(Hand::default());
        let repository = open_at(&store, &clock);
        (7..10).for_each(|n| remove(&store, &object_name::journal(n)));
        clock.0.store(later, std::sync::atomic::Ordering::Relaxed);
        store.reset();
        let this = repository.clone();
        let error = wait(edge::run(repository.store(), "test", move |remote| {
            let mut make = |_: &_| Ok(body.clone());
            this.journal()
                .append(remote, this.context(), roles, &mut make)
        }))
        .unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Rollback);
        assert_eq!(store.count(Operation::Put), 0);
    }
}

#[test]
fn who_was_away_for_long_looks_once_more_at_the_last_entry() {
    let store = with_entries(3);
    let clock = Arc::new(Hand::default());
    let repository = open_at(&store, &clock);
    clock.0.store(301, std::sync::atomic::Ordering::Relaxed);
    for (number, requests) in [(10, 3), (11, 2)] {
        store.reset();
        append(&repository, number).unwrap();
        assert_eq!(count(&store), requests);
    }
}

#[test]
fn a_lost_entry_below_others_is_damage_and_no_rollback() {
    let cache = tempfile::tempdir().unwrap();
    let store = with_entries(10);
    open_cached(&store, cache.path()).unwrap();
    append(&open(&store).unwrap(), 10).unwrap();
    remove(&store, &object_name::journal(9));
    let error = open_cached(&store, cache.path()).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Damaged);
    assert_eq!(error.object(), Some(object_name::journal(9).as_str()));
}

#[test]
fn a_store_with_another_history_is_noticed() {
    let cache = tempfile::tempdir().unwrap();
    let store = with_entries(5);
    let repository = open_cached(&store, cache.path()).unwrap();
    let remembered = Head::new(4, hash_of(&store, 4));
    remove(&store, &object_name::journal(4));
    append(&open(&store).unwrap(), 77).unwrap();
    let found = Some(Head::new(4, hash_of(&store, 4)));
    let heads = Heads { remembered, found };
    let error = open_cached(&store, cache.path()).unwrap_err();
    assert_eq!(
        (error.kind(), error.heads()),
        (ErrorKind::Fork, Some(&heads))
    );
    // A handle that was open all the time notices with the next entry, whoever wants to write it.
    append(&open(&store).unwrap(), 78).unwrap();
    let error = refresh(&repository).unwrap_err();
    assert_eq!(
        (error.kind(), error.heads()),
        (ErrorKind::Fork, Some(&heads))
    );
    let error = append(&repository, 79).unwrap_err();
    assert_eq!(
        (error.kind(), error.heads()),
        (ErrorKind::Fork, Some(&heads))
    );
    // And goes on noticing: nothing of the other history was folded.
    let error = refresh(&repository).unwrap_err();
    assert_eq!(
        (error.kind(), error.heads()),
        (ErrorKind::Fork, Some(&heads))
    );
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

#[test]
fn a_commit_on_what_a_cache_or_checkpoint_brought_is_no_evidence() {
    let cache = tempfile::tempdir().unwrap();
    let store = with_entries(5);
    open_cached(&store, cache.path()).unwrap();
    let warm = open_cached(&store, cache.path()).unwrap();
    commit_now(&warm);
    assert_eq!(warm.fork_evidence(), None);

    let store = with_entries(640);
    let jumped = open(&store).unwrap();
    commit_now(&jumped);
    assert_eq!(jumped.fork_evidence(), None);
}

#[test]
fn who_has_only_the_last_hash_still_finds_evidence() {
    let cache = tempfile::tempdir().unwrap();
    let bad = ObjectHash::of(b"another entry");
    for seen in [5, 6] {
        let store = with_entries(5);
        open_cached(&store, cache.path()).unwrap();
        let warm = open_cached(&store, cache.path()).unwrap();
        append_with(&warm, move |_| Ok(commit(Some((seen, bad))))).unwrap();
        let heads = warm.fork_evidence().unwrap();
        assert_eq!(heads.remembered, Head::new(seen - 1, bad));
    }
}

#[test]
fn a_commit_by_somebody_who_was_shown_another_history_is_evidence() {
    let store = with_entries(5);
    let good = hash_of(&store, 2);
    let bad = ObjectHash::of(b"another entry");
    let cases = [
        (None, None),
        (Some((3, good)), None),
        (Some((3, bad)), Some((2, bad, Some(good)))),
        (Some((100, bad)), Some((99, bad, None))),
    ];
    for (seen, expected) in cases {
        let store = with_copy_of(&store);
        let reader = open(&store).unwrap();
        append_with(&open(&store).unwrap(), move |_| Ok(commit(seen))).unwrap();
        refresh(&reader).unwrap();
        let expected = expected.map(|(n, hash, found)| Heads {
            remembered: Head::new(n, hash),
            found: found.map(|hash| Head::new(n, hash)),
        });
        assert_eq!(reader.fork_evidence(), expected);
        assert_eq!(
            reader.journal().state().snapshots.len(),
            1,
            "it counts nevertheless"
        );
    }
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
fn a_large_cache_is_not_written_for_every_entry() {
    let cache = tempfile::tempdir().unwrap();
    let store = with_entries(2);
    let repository = open_cached(&store, cache.path()).unwrap();
    let file = cache.path().join(repository.id().to_string()).join("head");
    append_with(&repository, |_| Ok(announce_many(1 << 40, 20_000))).unwrap();
    let large = std::fs::read(&file).unwrap();
    assert!(large.len() > 4 << 16);
    for number in 0..4 {
        append(&repository, 100 + number).unwrap();
        assert!(std::fs::read(&file).unwrap() == large);
    }
    // Who opens meanwhile reads on from what is there.
    let packs = |repository: &Repository| repository.journal().state().packs.len();
    assert_eq!(packs(&open(&store).unwrap()), 20_005);
    // At the end of an operation it is the entries that are written, and opening goes on from them.
    repository.journal().keep(repository.context());
    assert!(std::fs::read(&file).unwrap() == large);
    let since = file.with_file_name("since");
    assert!(std::fs::metadata(&since).unwrap().len() < 16 << 10);
    store.reset();
    assert_eq!(packs(&open_cached(&store, cache.path()).unwrap()), 20_005);
    assert_eq!(count(&store), 3);
    // They are of use beside this state alone, and if they are whole.
    let bytes = std::fs::read(&since).unwrap();
    for position in [0, 90, bytes.len() / 2, bytes.len() - 1] {
        let mut flipped = bytes.clone();
        flipped[position] ^= 1;
        std::fs::write(&since, flipped).unwrap();
        let opened = open_cached(&store, cache.path()).unwrap();
        assert_eq!(packs(&opened), 20_005);
        assert!(std::fs::read(&file).unwrap() == large);
    }
    std::fs::write(&since, bytes).unwrap();
    std::fs::remove_file(&file).unwrap();
    assert_eq!(packs(&open_cached(&store, cache.path()).unwrap()), 20_005);
}

#[test]
fn a_journal_that_lost_what_only_the_entries_beside_a_state_remember_went_back() {
    let cache = tempfile::tempdir().unwrap();
    let store = with_entries(2);
    let repository = open_cached(&store, cache.path()).unwrap();
    append_with(&repository, |_| Ok(announce_many(1 << 40, 20_000))).unwrap();
    let older = with_copy_of(&store);
    append(&repository, 100).unwrap();
    repository.journal().keep(repository.context());
    let error = open_cached(&older, cache.path()).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Rollback);
}

#[test]
fn after_a_bundle_of_entries_the_state_is_written_anew() {
    let cache = tempfile::tempdir().unwrap();
    let store = with_entries(2);
    let repository = open_cached(&store, cache.path()).unwrap();
    let file = cache.path().join(repository.id().to_string()).join("head");
    for many in 1..4 {
        append_with(&repository, move |_| Ok(announce_many(many << 40, 20_000))).unwrap();
    }
    let large = std::fs::read(&file).unwrap();
    assert!(large.len() > 4 << 16);
    let mut written = 0;
    for number in 0..70 {
        append(&repository, 100 + number).unwrap();
        repository.journal().keep(repository.context());
        let now = std::fs::read(&file).unwrap();
        written += u32::from(now != large && now.len() != large.len());
        let opened = open_cached(&store, cache.path()).unwrap();
        let (seen, own) = (opened.journal().state(), repository.journal().state());
        assert_eq!((seen.head, seen.head_hash), (own.head, own.head_hash));
        assert!(seen.packs == own.packs && seen.committed_sessions == own.committed_sessions);
    }
    assert!(written > 0);
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
fn a_damaged_cache_is_no_cache() {
    let cache = tempfile::tempdir().unwrap();
    let store = with_entries(5);
    let repository = open_cached(&store, cache.path()).unwrap();
    let file = cache.path().join(repository.id().to_string()).join("head");
    let whole = std::fs::read(&file).unwrap();
    for position in [0, 8, 40, 80, 120, whole.len() / 2, whole.len() - 1] {
        let mut bytes = whole.clone();
        bytes[position] ^= 1;
        std::fs::write(&file, bytes).unwrap();
        assert_eq!(
            open_cached(&store, cache.path())
                .unwrap()
                .journal()
                .state()
                .head,
            5
        );
    }
    std::fs::write(&file, &whole[..whole.len() / 3]).unwrap();
    assert_eq!(
        open_cached(&store, cache.path())
            .unwrap()
            .journal()
            .state()
            .head,
        5
    );
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
