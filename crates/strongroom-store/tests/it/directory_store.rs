use std::fs;
use std::os::unix::fs::{PermissionsExt, symlink};
use std::path::Path;

use bytes::Bytes;
use futures::executor::block_on;
use futures::future::join_all;
use futures::stream::StreamExt;
use strongroom_store::{
    DirSettings, DirStore, ErrorKind, MAX_OBJECT_BYTES, Prefix, Store, StoreExt,
};

use crate::{folder, key, kind, names, put};

fn store() -> (tempfile::TempDir, DirStore) {
    let scratch = tempfile::tempdir().expect("a directory");
    let store = DirStore::create(scratch.path()).expect("a store");
    (scratch, store)
}

#[test]
fn objects_are_read_only_files_in_private_folders() {
    let (scratch, store) = store();
    put(&store, "pack/ab/c", "bytes");
    let mode = |path: &str| {
        let metadata = fs::metadata(scratch.path().join(path)).expect("it is there");
        metadata.permissions().mode() & 0o7777
    };
    assert_eq!(
        fs::read(scratch.path().join("pack/ab/c")).expect("a file"),
        b"bytes"
    );
    assert_eq!(
        [
            mode("pack/ab/c"),
            mode("pack/ab"),
            mode("pack"),
            mode(".tmp")
        ],
        [0o400, 0o700, 0o700, 0o700]
    );
    block_on(store.replace(&key("pack/ab/c"), "other".into())).expect("it can be replaced");
    assert_eq!(mode("pack/ab/c"), 0o400);
    assert_eq!(
        store.to_string(),
        format!("dir:{}", scratch.path().display())
    );
}

#[test]
fn another_handle_sees_what_was_put() {
    let (scratch, store) = store();
    put(&store, "pack/ab/c", "bytes");
    drop(store);
    let again = DirStore::open(scratch.path()).expect("it exists");
    assert_eq!(names(&again, ""), ["pack/ab/c"]);
}

#[test]
fn opening_and_reading_write_nothing() {
    let (scratch, _) = store();
    let store = DirStore::open(scratch.path()).expect("it exists");
    assert_eq!(
        kind(block_on(store.get_all(&key("a/b")))),
        ErrorKind::NotFound
    );
    assert_eq!(names(&store, ""), [""; 0]);
    block_on(store.delete(&key("a/b"))).expect("it is missing");
    assert_eq!(fs::read_dir(scratch.path()).expect("a folder").count(), 0);
}

#[test]
fn a_store_opened_for_reading_refuses_the_rest() {
    let (scratch, writable) = store();
    put(&writable, "a", "bytes");
    let settings = DirSettings::default().with_read_only(true);
    let store = DirStore::open(scratch.path())
        .expect("it exists")
        .with_settings(settings);
    assert!(!store.capabilities().put && !store.capabilities().delete);
    assert_eq!(
        kind(block_on(store.put_new(&key("b"), "b".into()))),
        ErrorKind::PermissionDenied
    );
    assert_eq!(
        kind(block_on(store.delete(&key("a")))),
        ErrorKind::PermissionDenied
    );
    assert_eq!(names(&store, ""), ["a"]);
}

#[test]
fn a_root_that_is_not_there_is_unavailable() {
    let (scratch, _) = store();
    let gone = DirStore::open(scratch.path().join("none"));
    assert_eq!(kind(gone), ErrorKind::Unavailable);
}

/// What an unmounted disk looks like must never look like an empty store.
fn check_root_gone(vanish: impl FnOnce(&Path)) {
    let scratch = tempfile::tempdir().expect("a directory");
    let root = scratch.path().join("root");
    let store = DirStore::create(&root).expect("a store");
    put(&store, "pack/ab/c", "bytes");
    vanish(&root);
    let missing = key("pack/ab/none");
    assert_eq!(
        kind(block_on(store.get_all(&missing))),
        ErrorKind::Unavailable
    );
    assert_eq!(kind(block_on(store.head(&missing))), ErrorKind::Unavailable);
    assert_eq!(
        kind(block_on(store.exists(&missing))),
        ErrorKind::Unavailable
    );
    assert_eq!(
        kind(block_on(store.delete(&missing))),
        ErrorKind::Unavailable
    );
    for prefix in ["", "pack/", "none/"] {
        let items: Vec<_> = block_on(store.list(&folder(prefix)).collect());
        let last = items.into_iter().last().expect("at least the error");
        assert_eq!(kind(last), ErrorKind::Unavailable, "{prefix:?}");
    }
}

#[test]
fn a_root_that_was_removed_is_unavailable() {
    check_root_gone(|root| fs::remove_dir_all(root).expect("it is removed"));
}

#[test]
fn a_root_that_was_replaced_by_an_empty_folder_is_unavailable() {
    check_root_gone(|root| {
        fs::rename(root, root.with_extension("old")).expect("it is moved");
        fs::create_dir(root).expect("an empty mount point");
    });
}

#[test]
fn nothing_can_be_put_into_a_root_that_was_removed() {
    let scratch = tempfile::tempdir().expect("a directory");
    let root = scratch.path().join("root");
    let store = DirStore::create(&root).expect("a store");
    fs::remove_dir(&root).expect("it is empty");
    assert_eq!(
        kind(block_on(store.put_new(&key("a"), "a".into()))),
        ErrorKind::Unavailable
    );
}

#[test]
fn a_link_in_an_objects_place_is_an_error_and_is_not_followed() {
    let (scratch, store) = store();
    let outside = tempfile::tempdir().expect("a directory");
    fs::write(outside.path().join("secret"), "secret").expect("a file");
    symlink(outside.path().join("secret"), scratch.path().join("file")).expect("a link");
    symlink(outside.path(), scratch.path().join("pack")).expect("a link");

    assert_eq!(
        kind(block_on(store.get_all(&key("file")))),
        ErrorKind::Other
    );
    assert_eq!(
        kind(block_on(store.get_all(&key("pack/secret")))),
        ErrorKind::Other
    );
    assert_eq!(
        kind(block_on(store.head(&key("pack/none")))),
        ErrorKind::Other
    );
    assert_eq!(
        kind(block_on(store.put_new(&key("pack/new"), "new".into()))),
        ErrorKind::Other
    );
    assert_eq!(
        kind(block_on(store.delete(&key("pack/secret")))),
        ErrorKind::Other
    );
    assert_eq!(
        kind(block_on(store.list_all(&Prefix::root()))),
        ErrorKind::Other
    );
    assert_eq!(
        kind(block_on(store.list_all(&folder("pack/")))),
        ErrorKind::Other
    );
    let left: Vec<_> = fs::read_dir(outside.path()).expect("a folder").collect();
    assert_eq!(left.len(), 1, "nothing was put or deleted outside");
}

#[test]
fn what_cannot_be_a_key_is_not_listed() {
    let (scratch, store) = store();
    put(&store, "pack/ab/c", "bytes");
    fs::create_dir(scratch.path().join("lost+found")).expect("a folder");
    fs::write(scratch.path().join("README"), "hands off").expect("a file");
    fs::write(scratch.path().join("pack/.nfs001"), "").expect("a file");
    fs::write(scratch.path().join(".tmp/leftover"), "half").expect("a file");
    assert_eq!(names(&store, ""), ["pack/ab/c"]);
    assert_eq!(names(&store, "pack/ab/c/"), [""; 0]);
}

#[test]
fn a_key_that_is_a_folder_is_invalid_or_missing() {
    let (_scratch, store) = store();
    put(&store, "a/b", "bytes");
    for outcome in [
        block_on(store.put_new(&key("a"), "x".into())),
        block_on(store.replace(&key("a"), "x".into())),
        block_on(store.put_new(&key("a/b/c"), "x".into())),
        block_on(store.replace(&key("a/b/c"), "x".into())),
    ] {
        assert_eq!(kind(outcome), ErrorKind::Invalid);
    }
    assert_eq!(
        kind(block_on(store.get_all(&key("a")))),
        ErrorKind::NotFound
    );
    assert_eq!(
        kind(block_on(store.get_all(&key("a/b/c")))),
        ErrorKind::NotFound
    );
    block_on(store.delete(&key("a"))).expect("there is no such object");
    block_on(store.delete(&key("a/b/c"))).expect("there is no such object");
    assert_eq!(names(&store, ""), ["a/b"]);
}

#[test]
fn a_file_too_large_for_an_object_is_refused_unread() {
    let (scratch, store) = store();
    let file = fs::File::create(scratch.path().join("huge")).expect("a file");
    file.set_len(MAX_OBJECT_BYTES as u64 + 1).expect("a hole");
    assert_eq!(
        kind(block_on(store.get_all(&key("huge")))),
        ErrorKind::TooLarge
    );
    assert_eq!(
        kind(block_on(store.get_range(&key("huge"), 0..1))),
        ErrorKind::TooLarge
    );
    assert_eq!(
        block_on(store.head(&key("huge"))).expect("it is there").len,
        MAX_OBJECT_BYTES as u64 + 1
    );
}

#[test]
fn a_pipe_in_an_objects_place_does_not_hang() {
    let (scratch, store) = store();
    let status = std::process::Command::new("mkfifo")
        .arg(scratch.path().join("pipe"))
        .status()
        .expect("a standard tool");
    assert!(status.success());
    assert_eq!(
        kind(block_on(store.get_all(&key("pipe")))),
        ErrorKind::Other
    );
}

#[test]
fn a_folder_that_was_removed_is_made_again() {
    let (scratch, store) = store();
    put(&store, "pack/ab/one", "1");
    fs::remove_dir_all(scratch.path().join("pack")).expect("it is removed");
    put(&store, "pack/ab/two", "2");
    assert_eq!(names(&store, ""), ["pack/ab/two"]);
}

#[test]
fn large_objects_and_their_ranges_come_back() {
    let (_scratch, store) = store();
    let data: Bytes = (0..40_000_000_u32)
        .map(|index| index.to_le_bytes()[1])
        .collect();
    let big = key("pack/big");
    block_on(store.put_new(&big, data.clone())).expect("it can be put");
    assert!(block_on(store.get_all(&big)).expect("it is there") == data);
    let part = block_on(store.get_range(&big, 12_345_678..23_456_789)).expect("a range");
    assert!(part == data.slice(12_345_678..23_456_789));
}

#[test]
fn a_thousand_reads_at_once_are_served() {
    let (_scratch, store) = store();
    put(&store, "a", "0123456789");
    let a = key("a");
    let parts = block_on(join_all(
        (0..1_000).map(|at| store.get_range(&a, at % 10..at % 10 + 1)),
    ));
    for (at, part) in parts.into_iter().enumerate() {
        assert_eq!(part.expect("a range"), (at % 10).to_string());
    }
}

#[test]
fn lists_that_nobody_reads_hold_up_nothing() {
    let (_scratch, store) = store();
    put(&store, "a", "bytes");
    let mut lists: Vec<_> = (0..20).map(|_| store.list(&Prefix::root())).collect();
    for list in &mut lists {
        block_on(list.next())
            .expect("one object")
            .expect("no fault");
    }
    assert_eq!(
        block_on(store.get_all(&key("a"))).expect("it is there"),
        "bytes"
    );
    drop(store);
    for mut list in lists {
        assert!(
            block_on(list.next()).is_none(),
            "a list outlives the store's handle"
        );
    }
}

#[test]
fn more_entries_than_a_batch_are_all_listed() {
    let (scratch, store) = store();
    fs::create_dir(scratch.path().join("many")).expect("a folder");
    for index in 0..2_500 {
        fs::write(scratch.path().join(format!("many/{index}")), "").expect("a file");
    }
    assert_eq!(names(&store, "").len(), 2_500);
}
