//! One writer after another.

use std::path::Path;
use std::sync::Arc;

use strongroom_crypt::{Argon2Params, Suite};
use strongroom_store::{MemoryStore, Store};

use crate::testing::{Tree, TreeSource, settings};
use crate::{
    BackupOptions, CreateOptions, Credential, Error, ErrorKind, Repository, Result, Settings,
};

fn wait<T>(future: impl Future<Output = T>) -> T {
    futures::executor::block_on(future)
}

fn create(store: &Arc<MemoryStore>, single_writer: bool) -> Repository {
    let options = CreateOptions::default()
        .with_suite(Suite::Aes256Gcm)
        .with_argon2(Argon2Params::FASTEST)
        .with_single_writer(single_writer);
    let store: Arc<dyn Store> = store.clone();
    let credential = Credential::passphrase("open");
    wait(Repository::builder(store).create(options, &credential))
        .unwrap()
        .repository
}

fn open(store: &Arc<MemoryStore>, cache: Option<&Path>) -> Repository {
    let store: Arc<dyn Store> = store.clone();
    let settings = Settings {
        cache: cache.map(Path::to_owned),
        ..settings(1)
    };
    let builder = Repository::builder(store).settings(settings);
    wait(builder.open(&Credential::passphrase("open"))).unwrap()
}

fn write(repository: &Repository) -> Result<(), Error> {
    let tree = Tree::dir([("a", Tree::file(b"a"))]);
    let source = Arc::new(TreeSource::new(tree));
    wait(repository.backup(source, BackupOptions::new("s"), Arc::new(()))).map(drop)
}

fn assert_refused(repository: &Repository) {
    assert_eq!(write(repository).unwrap_err().kind(), ErrorKind::TakenOver);
}

#[test]
fn who_takes_over_writes_and_who_wrote_before_is_refused() {
    let store = Arc::new(MemoryStore::new());
    let first = create(&store, true);
    write(&first).unwrap();
    let second = open(&store, None);
    wait(second.take_over("the first machine is gone")).unwrap();
    write(&second).unwrap();
    assert_refused(&first);
    // It still reads, and may take over in turn.
    assert_eq!(wait(first.snapshots()).unwrap().len(), 2);
    wait(first.take_over("it is back")).unwrap();
    write(&first).unwrap();
    assert_refused(&second);
    assert!(first.is_single_writer() && second.is_single_writer());
    let third = open(&store, None);
    assert_eq!(wait(third.snapshots()).unwrap().len(), 3);
}

#[test]
fn a_machine_that_was_refused_stays_refused_when_it_opens_again() {
    let store = Arc::new(MemoryStore::new());
    create(&store, true);
    let (one, other) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
    write(&open(&store, Some(one.path()))).unwrap();
    let second = open(&store, Some(other.path()));
    wait(second.take_over("the first machine is gone")).unwrap();
    for _ in 0..2 {
        assert_refused(&open(&store, Some(one.path())));
        write(&open(&store, Some(other.path()))).unwrap();
    }
    wait(open(&store, Some(one.path())).take_over("it is back")).unwrap();
    for _ in 0..2 {
        write(&open(&store, Some(one.path()))).unwrap();
        assert_refused(&open(&store, Some(other.path())));
    }
}

#[test]
fn where_many_may_write_nobody_takes_over() {
    let store = Arc::new(MemoryStore::new());
    let repository = create(&store, false);
    let before = repository.journal().state().head;
    let error = wait(repository.take_over("why not")).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Invalid);
    assert_eq!(repository.journal().state().head, before);
    write(&repository).unwrap();
}

#[test]
fn after_many_takeovers_the_keyring_has_two_writers_keys() {
    let store = Arc::new(MemoryStore::new());
    let repository = create(&store, true);
    for _ in 0..4 {
        wait(repository.take_over("again")).unwrap();
        write(&repository).unwrap();
    }
    let context = repository.context();
    let bundle = context.keys().bundle(context.suite, &context.repository);
    assert_eq!(bundle.unwrap().signing.len(), 3, "the admin's and two");
}
