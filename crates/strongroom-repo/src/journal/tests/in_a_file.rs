//! The packs in force in a file of the local cache: opened, changed, shared by processes, damaged and missing.

use std::fs;
use std::path::{Path, PathBuf};
use std::time::{Duration, SystemTime};

use strongroom_format::{Dropped, Tombstone};

use super::*;

type TestStore = Arc<Recording<MemoryStore>>;

/// Opens with a cache in which more than four packs are in a file.
fn open_filed(store: &TestStore, cache: &Path) -> Result<Repository> {
    let settings = Settings {
        cache: Some(cache.to_owned()),
        packs_in_memory: 4,
        ..Settings::default()
    };
    wait(
        Repository::builder(store.clone() as Arc<dyn Store>)
            .settings(settings)
            .open(&Credential::None),
    )
}

fn files(cache: &Path, repository: &Repository) -> Vec<PathBuf> {
    let folder = cache.join(repository.id().to_string()).join("packs");
    let entries = fs::read_dir(folder).into_iter().flatten();
    entries.map(|entry| entry.unwrap().path()).collect()
}

fn file_of(cache: &Path, repository: &Repository) -> PathBuf {
    let state = repository.journal().state();
    let name = state.packs.changes().unwrap().file.name().to_string();
    let mut files = files(cache, repository).into_iter();
    files.find(|path| path.ends_with(&name)).unwrap()
}

fn is_filed(repository: &Repository) -> bool {
    repository.journal().state().packs.changes().is_some()
}

/// Asserts that a handle knows what somebody without a cache does.
fn assert_knows_all(repository: &Repository, store: &TestStore) {
    let (own, other) = (
        refresh(repository).unwrap(),
        open(store).unwrap().journal().state(),
    );
    assert_eq!((own.head, own.head_hash), (other.head, other.head_hash));
    assert!(own.packs.all() == other.packs.all() && own.sessions == other.sessions);
    assert_eq!(own.packs.len(), other.packs.len());
}

fn cut(path: &Path, len: u64) {
    let file = fs::OpenOptions::new().write(true).open(path).unwrap();
    file.set_len(len).unwrap();
}

#[test]
fn many_packs_are_in_a_file_that_is_opened_and_not_read() {
    let cache = tempfile::tempdir().unwrap();
    let store = with_entries(20);
    // Who makes the file uses it from then on.
    let repository = open_filed(&store, cache.path()).unwrap();
    assert!(is_filed(&repository));
    let first = file_of(cache.path(), &repository);
    store.reset();
    let repository = open_filed(&store, cache.path()).unwrap();
    assert_eq!(count(&store), 3);
    assert_eq!(file_of(cache.path(), &repository), first);
    assert_knows_all(&repository, &store);
    // Few changes are beside it.
    for number in 100..104 {
        append(&repository, number).unwrap();
    }
    let repository = open_filed(&store, cache.path()).unwrap();
    let state = repository.journal().state();
    let changes = state.packs.changes().unwrap();
    assert_eq!((changes.added.len(), changes.removed.len()), (4, 0));
    assert_eq!(file_of(cache.path(), &repository), first);
    assert_knows_all(&repository, &store);
    // For many it is written anew.
    append_with(&repository, |_| Ok(announce_many(1_000, 300))).unwrap();
    assert_ne!(file_of(cache.path(), &repository), first);
    let state = repository.journal().state();
    assert_eq!(state.packs.changes().unwrap().added.len(), 0);
    let repository = open_filed(&store, cache.path()).unwrap();
    assert_eq!(repository.journal().state().packs.len(), 323);
    assert_knows_all(&repository, &store);
    // Who does not have them in files reads the same.
    assert_knows_all(&open_cached(&store, cache.path()).unwrap(), &store);
}

#[test]
fn few_packs_are_in_no_file_and_few_that_are_left_go_back() {
    let cache = tempfile::tempdir().unwrap();
    let store = with_entries(5);
    let repository = open_filed(&store, cache.path()).unwrap();
    assert!(!is_filed(&repository) && files(cache.path(), &repository).is_empty());
    append(&repository, 10).unwrap();
    assert!(is_filed(&repository));
    let state = repository.journal().state();
    let drop = |count| {
        let packs = state.packs.names().take(count).map(Result::unwrap);
        let packs = packs.collect();
        Body::Tombstone(Tombstone {
            dropped: Dropped {
                packs,
                ..Dropped::default()
            },
            ..Tombstone::default()
        })
    };
    // Not at once, or it would go to and fro.
    for (count, filed) in [(2, true), (3, false)] {
        let body = drop(count);
        let this = repository.clone();
        let appended = edge::run(repository.store(), "test", move |remote| {
            let mut make = |_: &State| Ok(body.clone());
            let journal = this.journal();
            journal.append(remote, this.context(), Roles::MAINTAINER, &mut make)
        });
        wait(appended).unwrap();
        assert_eq!(is_filed(&repository), filed);
        let opened = open_filed(&store, cache.path()).unwrap();
        assert_eq!(is_filed(&opened), filed);
        assert_knows_all(&opened, &store);
    }
}

#[test]
fn where_the_cache_takes_no_file_head_has_all_packs() {
    let cache = tempfile::tempdir().unwrap();
    let store = with_entries(20);
    let id = open(&store).unwrap().id().to_string();
    let folder = cache.path().join(id);
    fs::create_dir_all(&folder).unwrap();
    fs::write(folder.join("packs"), b"in the way").unwrap();
    for _ in 0..2 {
        let repository = open_filed(&store, cache.path()).unwrap();
        assert!(!is_filed(&repository));
        assert_knows_all(&repository, &store);
    }
    store.reset();
    drop(open_filed(&store, cache.path()).unwrap());
    assert_eq!(count(&store), 3);
    fs::remove_file(folder.join("packs")).unwrap();
    let repository = open_filed(&store, cache.path()).unwrap();
    append(&repository, 100).unwrap();
    assert!(is_filed(&repository));
    assert_knows_all(&repository, &store);
}

#[test]
fn a_file_that_is_not_as_it_was_written_is_made_again() {
    let cache = tempfile::tempdir().unwrap();
    let store = with_entries(20);
    let repository = open_filed(&store, cache.path()).unwrap();
    let path = file_of(cache.path(), &repository);
    let whole = fs::read(&path).unwrap();
    let expect = |bytes: Option<Vec<u8>>| {
        match bytes {
            Some(bytes) => fs::write(&path, bytes).unwrap(),
            None => fs::remove_file(&path).unwrap(),
        }
        let opened = open_filed(&store, cache.path()).unwrap();
        // A page that is damaged is noticed when it is asked.
        append_with(&opened, |state| {
            let known = state.packs.names().count();
            let found = state.packs.contains(&ObjectHash::from_bytes([255; 32]))?;
            assert!(!found && known == 19);
            Err(Error::new(ErrorKind::Stale, "nothing to say"))
        })
        .unwrap_err();
        assert_knows_all(&opened, &store);
        drop(opened);
        store.reset();
        let again = open_filed(&store, cache.path()).unwrap();
        assert_eq!(count(&store), 3);
        assert!(is_filed(&again));
        assert_knows_all(&again, &store);
        assert!(fs::read(&path).unwrap() == whole);
    };
    let tail = whole.len() - 40;
    // A name, a length, a class, the gap behind the rows, and each part of the tail.
    for at in [
        0,
        33,
        36,
        4_000,
        tail,
        tail + 8,
        tail + 16,
        tail + 24,
        whole.len() - 1,
    ] {
        let mut bytes = whole.clone();
        bytes[at] ^= 0x10;
        expect(Some(bytes));
    }
    expect(Some(whole[..100].to_vec()));
    expect(Some(Vec::new()));
    expect(Some([whole.as_slice(), b"more"].concat()));
    expect(None);
}

#[test]
fn what_is_lost_while_it_is_used_is_an_error_once_and_then_read_anew() {
    let cache = tempfile::tempdir().unwrap();
    let store = with_entries(20);
    drop(open_filed(&store, cache.path()).unwrap());
    let repository = open_filed(&store, cache.path()).unwrap();
    cut(&file_of(cache.path(), &repository), 10);
    let look = |state: &State| {
        let found = state.packs.contains(&ObjectHash::from_bytes([1; 32]))?;
        assert!(!found);
        Ok(announce(700))
    };
    let error = append_with(&repository, look).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Unavailable);
    assert!(repository.journal().state().packs.is_unreadable());
    let appended = append_with(&repository, look).unwrap();
    assert_eq!(appended.n, 20);
    assert!(is_filed(&repository));
    assert_knows_all(&repository, &store);
}

#[test]
fn an_entry_that_was_put_is_put_though_what_it_changes_cannot_be_read() {
    let cache = tempfile::tempdir().unwrap();
    let store = with_entries(20);
    drop(open_filed(&store, cache.path()).unwrap());
    let repository = open_filed(&store, cache.path()).unwrap();
    cut(&file_of(cache.path(), &repository), 10);
    // Nobody asks for a pack before the entry is there.
    let appended = append(&repository, 800).unwrap();
    assert_eq!(appended.n, 20);
    // It was read anew at once, so that it is remembered.
    let state = repository.journal().state();
    assert_eq!((state.head, state.packs.len()), (21, 20));
    assert_knows_all(&repository, &store);
    assert_eq!(append(&repository, 801).unwrap().n, 21);
    assert_knows_all(&repository, &store);
}

#[test]
fn opening_survives_what_it_finds_lost_while_it_reads_on() {
    let cache = tempfile::tempdir().unwrap();
    let store = with_entries(20);
    let repository = open_filed(&store, cache.path()).unwrap();
    let path = file_of(cache.path(), &repository);
    append(&open(&store).unwrap(), 900).unwrap();
    let mut bytes = fs::read(&path).unwrap();
    bytes[5] ^= 1;
    fs::write(&path, bytes).unwrap();
    let opened = open_filed(&store, cache.path()).unwrap();
    assert!(is_filed(&opened));
    assert_knows_all(&opened, &store);
    store.reset();
    drop(open_filed(&store, cache.path()).unwrap());
    assert_eq!(count(&store), 3);
}

#[test]
fn processes_that_share_a_folder_do_not_need_each_others_files() {
    let cache = tempfile::tempdir().unwrap();
    let store = with_entries(20);
    let one = open_filed(&store, cache.path()).unwrap();
    let other = open_filed(&store, cache.path()).unwrap();
    let shared = file_of(cache.path(), &one);
    assert_eq!(file_of(cache.path(), &other), shared);
    append_with(&one, |_| Ok(announce_many(5_000, 30))).unwrap();
    assert_ne!(file_of(cache.path(), &one), shared);
    // Whoever has just read the name of the other file still finds it, for an hour.
    assert!(shared.exists());
    let file = fs::OpenOptions::new().write(true).open(&shared).unwrap();
    file.set_modified(SystemTime::now() - Duration::from_secs(7_200))
        .unwrap();
    append(&one, 6_000).unwrap();
    assert!(!shared.exists());
    let known = other.journal().state();
    assert_eq!(known.packs.all().len(), 19);
    // Who has one that is gone does not leave a head behind that names it.
    append(&other, 6_001).unwrap();
    assert_knows_all(&other, &store);
    store.reset();
    let third = open_filed(&store, cache.path()).unwrap();
    assert_eq!(count(&store), 3);
    for repository in [&one, &other, &third] {
        assert_knows_all(repository, &store);
    }
}

#[test]
fn a_store_that_went_back_is_noticed_without_the_file_too() {
    let cache = tempfile::tempdir().unwrap();
    let store = with_entries(20);
    let older = with_copy_of(&store);
    let repository = open_filed(&store, cache.path()).unwrap();
    append(&repository, 100).unwrap();
    repository.journal().keep(repository.context());
    for file in files(cache.path(), &repository) {
        fs::remove_file(file).unwrap();
    }
    let error = open_filed(&older, cache.path()).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Rollback);
}
