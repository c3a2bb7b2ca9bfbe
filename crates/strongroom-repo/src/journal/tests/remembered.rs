//! What this machine remembers, and in which states a process may leave it that ended at any moment.

use super::*;

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
        assert!(
            seen.packs.all() == own.packs.all()
                && seen.committed_sessions == own.committed_sessions
        );
    }
    assert!(written > 0);
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

/// What is in the folder of a repository in the local cache.
fn files(folder: &std::path::Path) -> (Option<Vec<u8>>, Option<Vec<u8>>) {
    let read = |name| std::fs::read(folder.join(name)).ok();
    (read("head"), read("since"))
}

#[test]
fn whichever_two_files_a_killed_process_leaves_the_next_one_sees_the_journal() {
    let cache = tempfile::tempdir().unwrap();
    let store = with_entries(2);
    let repository = open_cached(&store, cache.path()).unwrap();
    let folder = cache.path().join(repository.id().to_string());
    append_with(&repository, |_| Ok(announce_many(1 << 40, 20_000))).unwrap();
    let mut versions = vec![files(&folder)];
    // Across the end of a bundle, where the state is written anew and what is beside it belongs to the one before.
    for number in 0..70 {
        append(&repository, 100 + number).unwrap();
        repository.journal().keep(repository.context());
        let now = files(&folder);
        let is_anew = versions.last().is_some_and(|last| last.0 != now.0);
        if is_anew || number % 20 == 0 {
            versions.push(now);
        }
    }
    versions.push(files(&folder));
    assert!(versions.iter().any(|(_, since)| since.is_some()));
    let own = repository.journal().state();
    for (head, _) in &versions {
        for (_, since) in &versions {
            for (name, bytes) in [("head", head), ("since", since)] {
                match bytes {
                    Some(bytes) => std::fs::write(folder.join(name), bytes).unwrap(),
                    None => drop(std::fs::remove_file(folder.join(name))),
                }
            }
            // And what it was just writing.
            std::fs::write(folder.join("since.tmp-1"), b"half of").unwrap();
            let opened = open_cached(&store, cache.path()).unwrap();
            let seen = opened.journal().state();
            assert_eq!((seen.head, seen.head_hash), (own.head, own.head_hash));
            assert!(seen.packs.all() == own.packs.all() && seen.sessions == own.sessions);
        }
    }
}
