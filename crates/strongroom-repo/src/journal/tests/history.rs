//! Journals that went back, or show another history than before.

use super::*;

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
