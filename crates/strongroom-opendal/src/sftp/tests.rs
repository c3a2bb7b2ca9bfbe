//! The store against a server of our own, without a network or `ssh`.

use std::fs;
use std::sync::{Arc, Mutex};
use std::time::{Duration, SystemTime};

use futures::executor::block_on;
use futures::future::{join_all, poll_immediate};
use strongroom_store::conformance::assert_conforms;
use strongroom_store::{Cause, DirStore, ErrorKind, Key, Prefix, Store, StoreExt};
use strongroom_tokio::Hosted;
use tempfile::TempDir;

use self::server::{EXTENSIONS, Fault, Server};
use super::wire::{code, kind};
use super::{Sftp, SftpCreate, SftpSettings};

mod server;

struct World {
    folder: TempDir,
    server: Server,
    store: Hosted<Sftp>,
}

impl World {
    fn new() -> Self {
        Self::with(|_| {})
    }

    fn with(set: impl FnOnce(&mut SftpSettings)) -> Self {
        let folder = tempfile::tempdir().expect("a directory");
        let server = Server::new(folder.path());
        let mut settings = SftpSettings::new("server");
        settings.connections = 3;
        set(&mut settings);
        let store = Sftp::dialing(&settings, Arc::new(server.clone()));
        let store = Hosted::new(store).expect("a runtime");
        Self {
            folder,
            server,
            store,
        }
    }

    fn left(&self) -> Vec<String> {
        let names = fs::read_dir(self.folder.path().join(".tmp")).expect("a folder");
        let name = |entry: std::io::Result<fs::DirEntry>| entry.expect("an entry").file_name();
        let mut names: Vec<_> = names
            .map(|entry| name(entry).into_string().expect("UTF-8"))
            .collect();
        names.sort();
        names
    }

    /// Waits until the server has done what nobody waited for, on every connection.
    fn settle(&self) {
        for _ in 0..1_000 {
            let none = key("none");
            let calls = (0..6).map(|_| self.store.exists(&none));
            for found in block_on(join_all(calls)) {
                found.expect("it answers");
            }
            if self.server.open_count() == 0 {
                return;
            }
        }
    }
}

fn key(text: &str) -> Key {
    Key::parse(text).expect("a key")
}

#[test]
fn it_conforms() {
    let folders = Mutex::new(Vec::new());
    assert_conforms(|| {
        let world = World::new();
        folders.lock().expect("no panic").push(world.folder);
        Arc::new(world.store)
    });
}

#[test]
fn what_it_writes_is_a_directory_store() {
    let world = World::new();
    let data = vec![7; 200_000];
    block_on(
        world
            .store
            .put_new(&key("pack/ab/one"), data.clone().into()),
    )
    .expect("it is stored");
    let here = DirStore::open(world.folder.path()).expect("a directory store");
    assert_eq!(
        block_on(here.get_all(&key("pack/ab/one"))).expect("it is there"),
        data
    );
    block_on(here.put_new(&key("pack/ab/two"), "two".into())).expect("it is stored");
    let listed = block_on(world.store.list_all(&Prefix::root())).expect("a list");
    assert_eq!(listed.len(), 2);
}

#[test]
fn an_object_is_synced_before_and_after_it_gets_its_name() {
    let world = World::new();
    block_on(world.store.put_new(&key("warm"), "up".into())).expect("it is stored");
    world.settle();
    world.server.asked();
    block_on(world.store.put_new(&key("one"), "bytes".into())).expect("it is stored");
    let expected = [
        kind::OPEN.to_string(),
        kind::WRITE.to_string(),
        "fsync@openssh.com".to_owned(),
        "hardlink@openssh.com".to_owned(),
        "fsync@openssh.com".to_owned(),
    ];
    assert_eq!(world.server.asked().get(..5), Some(expected.as_slice()));
    world.settle();
    assert!(world.left().is_empty());
}

#[test]
fn a_server_without_extensions_says_what_it_lacks() {
    let world = World::new();
    for (extension, _) in EXTENSIONS {
        world.server.without(extension);
    }
    let error = block_on(world.store.put_new(&key("a"), "a".into())).expect_err("it cannot link");
    assert_eq!(error.kind(), ErrorKind::Unsupported);
    let error =
        block_on(world.store.replace(&key("a"), "a".into())).expect_err("it cannot replace");
    assert_eq!(error.kind(), ErrorKind::Unsupported);
    world.settle();
    assert!(world.left().is_empty());
}

#[test]
fn a_single_writer_creates_by_renaming() {
    let world = World::with(|settings| settings.create = SftpCreate::Rename);
    world.server.without("hardlink");
    assert!(!world.store.capabilities().atomic_create);
    block_on(world.store.put_new(&key("f/a"), "first".into())).expect("it is stored");
    let error =
        block_on(world.store.put_new(&key("f/a"), "second".into())).expect_err("it is there");
    assert_eq!(error.kind(), ErrorKind::AlreadyExists);
    assert_eq!(
        block_on(world.store.get_all(&key("f/a"))).expect("it is there"),
        "first"
    );
    world.settle();
    assert!(world.left().is_empty());
}

#[test]
fn where_files_cannot_be_linked_it_is_said() {
    let world = World::new();
    block_on(world.store.put_new(&key("a"), "a".into())).expect("it is stored");
    // The second link is refused, and then nothing is found in its way.
    world
        .server
        .fail(kind::LSTAT, Fault::Status(code::NO_SUCH_FILE));
    let error = block_on(world.store.put_new(&key("a"), "b".into())).expect_err("it is refused");
    assert_eq!(error.kind(), ErrorKind::Unsupported);
}

#[test]
fn a_lost_connection_is_unavailable_and_the_next_call_connects_again() {
    for kind in [kind::OPEN, kind::WRITE, kind::EXTENDED] {
        let world = World::new();
        block_on(world.store.exists(&key("a"))).expect("it answers");
        world.server.fail(kind, Fault::HangUp);
        let error =
            block_on(world.store.put_new(&key("a"), "bytes".into())).expect_err("it is lost");
        assert_eq!(error.kind(), ErrorKind::Unavailable);
        assert_eq!(error.key(), Some(&key("a")));
        assert!(
            block_on(world.store.list_all(&Prefix::root()))
                .expect("a list")
                .is_empty()
        );
        block_on(world.store.put_new(&key("a"), "bytes".into())).expect("it is stored");
    }
}

#[test]
fn a_silent_server_is_given_up() {
    let world = World::new();
    world.server.hurry();
    block_on(world.store.put_new(&key("a"), "bytes".into())).expect("it is stored");
    world.server.fail(kind::READ, Fault::Silence);
    let error = block_on(world.store.get_all(&key("a"))).expect_err("it is silent");
    assert_eq!(error.kind(), ErrorKind::Unavailable);
    assert_eq!(error.cause(), Some(Cause::Timeout));
    assert_eq!(
        block_on(world.store.get_all(&key("a"))).expect("it is there"),
        "bytes"
    );
}

#[test]
fn a_missing_folder_is_no_store() {
    let world = World::new();
    block_on(world.store.put_new(&key("a"), "bytes".into())).expect("it is stored");
    // It goes while we are connected, as when a disk is unmounted.
    fs::remove_dir_all(world.folder.path()).expect("it is removed");
    let fresh = Sftp::dialing(&SftpSettings::new("server"), Arc::new(world.server.clone()));
    for store in [&world.store, &Hosted::new(fresh).expect("a runtime")] {
        let a = key("a");
        let kinds = block_on(async {
            [
                store.get_all(&a).await.map(drop),
                store.head(&a).await.map(drop),
                store.delete(&a).await,
                store.put_new(&a, "bytes".into()).await,
                store.list_all(&Prefix::root()).await.map(drop),
            ]
        });
        for outcome in kinds {
            let error = outcome.expect_err("there is no store");
            assert_eq!(
                (error.kind(), error.cause()),
                (ErrorKind::NoStore, Some(Cause::NoStore))
            );
        }
    }
}

#[test]
fn a_folder_is_made_if_that_is_asked_for() {
    let world = World::new();
    let folder = world.folder.path().join("new");
    let mut settings = SftpSettings::new("server");
    settings.root = folder.to_str().expect("UTF-8").to_owned();
    settings.make_folder = true;
    let store = Sftp::dialing(&settings, Arc::new(world.server));
    let store = Hosted::new(store).expect("a runtime");
    assert!(
        block_on(store.list_all(&Prefix::root()))
            .expect("a list")
            .is_empty()
    );
    assert!(folder.is_dir());
}

#[test]
fn a_full_disk_and_a_refusal_are_told() {
    let world = World::new();
    block_on(world.store.exists(&key("a"))).expect("it answers");
    world.server.fail(kind::WRITE, Fault::Status(code::FAILURE));
    let error =
        block_on(world.store.put_new(&key("a"), "bytes and more".into())).expect_err("it is full");
    assert_eq!(
        (error.kind(), error.cause()),
        (ErrorKind::NoSpace, Some(Cause::Full))
    );
    world
        .server
        .fail(kind::OPEN, Fault::Status(code::PERMISSION_DENIED));
    let error =
        block_on(world.store.put_new(&key("a"), "bytes".into())).expect_err("it is read-only");
    assert_eq!(
        (error.kind(), error.cause()),
        (ErrorKind::PermissionDenied, Some(Cause::Forbidden))
    );
    assert!(!block_on(world.store.exists(&key("a"))).expect("it answers"));
}

#[test]
fn a_folder_is_no_object_and_an_object_no_folder() {
    let world = World::new();
    block_on(async {
        world
            .store
            .put_new(&key("f/a"), "bytes".into())
            .await
            .expect("it is stored");
        let error = world.store.get_all(&key("f")).await.expect_err("a folder");
        assert_eq!(error.kind(), ErrorKind::NotFound);
        let error = world
            .store
            .put_new(&key("f"), "bytes".into())
            .await
            .expect_err("a folder");
        assert_eq!(error.kind(), ErrorKind::Invalid);
        let error = world
            .store
            .put_new(&key("f/a/b"), "bytes".into())
            .await
            .expect_err("an object");
        assert_eq!(error.kind(), ErrorKind::Invalid);
        world
            .store
            .delete(&key("f"))
            .await
            .expect("there is no such object");
        assert_eq!(
            world.store.get_all(&key("f/a")).await.expect("it is there"),
            "bytes"
        );
    });
}

#[test]
fn only_old_leftovers_are_swept() {
    let world = World::new();
    let temp = world.folder.path().join(".tmp");
    fs::create_dir(&temp).expect("a folder");
    let two_days_ago = SystemTime::now() - Duration::from_secs(172_800);
    let old = fs::File::create(temp.join("old")).expect("a leftover");
    old.set_modified(two_days_ago).expect("its age");
    fs::write(temp.join("young"), "").expect("a leftover");
    block_on(world.store.put_new(&key("a"), "bytes".into())).expect("it is stored");
    world.settle();
    assert_eq!(world.left(), ["young"]);
}

#[test]
fn dropped_calls_leave_nothing_open() {
    let world = World::new();
    let data = vec![1; 300_000];
    for polls in 0..30 {
        let key = key(&format!("dropped-{polls}"));
        let mut put = Box::pin(world.store.put_new(&key, data.clone().into()));
        for _ in 0..polls {
            if block_on(poll_immediate(&mut put)).is_some() {
                break;
            }
            std::thread::yield_now();
        }
    }
    block_on(async {
        for _ in 0..50 {
            world
                .store
                .put_new(&key("after"), "bytes".into())
                .await
                .ok();
        }
    });
    world.settle();
    assert_eq!(world.server.open_count(), 0);
    assert!(world.left().is_empty(), "{:?}", world.left());
}
