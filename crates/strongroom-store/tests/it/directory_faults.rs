//! Full disks, read-only mounts and missing permissions, made for real.
//!
//! Each needs a process in other circumstances: a mount of its own, or no superuser's rights. So the
//! test prepares a directory and runs one of the ignored tests below in it, in this same program.
//! Where that is impossible (no `unshare`), it fails and says so.

use std::fs::{self, Permissions};
use std::os::unix::fs::PermissionsExt;
use std::os::unix::process::CommandExt;
use std::path::Path;
use std::process::Command;

use bytes::Bytes;
use futures::executor::block_on;
use futures::stream::StreamExt;
use strongroom_store::{DirStore, ErrorKind, Key, Prefix, Store, StoreExt};

use crate::{folder, key, kind, names, put};

#[test]
fn a_full_disk_is_no_space_and_costs_nothing_else() {
    let scratch = tempfile::tempdir().expect("a directory");
    let mount = "mount -t tmpfs -o size=2m tmpfs .";
    run_with_mount(
        scratch.path(),
        mount,
        "directory_faults::inside_a_full_disk",
    );
}

#[test]
#[ignore = "run by a_full_disk_is_no_space_and_costs_nothing_else; alone it has no disk to fill"]
fn inside_a_full_disk() {
    let store = DirStore::create("disk").expect("a store");
    let data = Bytes::from(vec![7; 300_000]);
    let names_of = |count| (0..count).map(|index| key(&format!("pack/{index:02}")));
    let outcomes: Vec<_> = names_of(12)
        .map(|key| block_on(store.put_new(&key, data.clone())))
        .collect();
    let stored = outcomes.iter().filter(|outcome| outcome.is_ok()).count();
    assert!(
        (3..10).contains(&stored),
        "{stored} objects of 300 kB on 2 MiB"
    );
    for error in outcomes.into_iter().filter_map(Result::err) {
        assert_eq!(error.kind(), ErrorKind::NoSpace, "{error:?}");
    }
    let present: Vec<Key> = names(&store, "").iter().map(|name| key(name)).collect();
    assert_eq!(present.len(), stored);
    for key in &present {
        assert!(
            block_on(store.get_all(key)).expect("it is there") == data,
            "{key} is whole"
        );
    }
    let replaced = present.first().expect("some fitted");
    let larger = Bytes::from(vec![8; 600_000]);
    assert_eq!(
        kind(block_on(store.replace(replaced, larger))),
        ErrorKind::NoSpace
    );
    assert!(
        block_on(store.get_all(replaced)).expect("it is there") == data,
        "the old one stays"
    );
    assert_eq!(
        fs::read_dir("disk/.tmp").expect("a folder").count(),
        0,
        "no leftovers"
    );

    block_on(store.delete(replaced)).expect("deleting makes room");
    block_on(store.put_new(replaced, data)).expect("there is room again");
}

#[test]
fn a_read_only_mount_can_be_read_and_denies_the_rest() {
    let scratch = tempfile::tempdir().expect("a directory");
    let store = DirStore::create(scratch.path().join("disk")).expect("a store");
    put(&store, "pack/ab/c", "bytes");
    let mount = "mount --bind disk disk && mount -o remount,bind,ro disk";
    run_with_mount(
        scratch.path(),
        mount,
        "directory_faults::inside_a_read_only_mount",
    );
}

#[test]
#[ignore = "run by a_read_only_mount_can_be_read_and_denies_the_rest; alone it has no mount"]
fn inside_a_read_only_mount() {
    check_readable_but_not_writable("disk");
}

#[test]
fn an_ordinary_user_is_denied_and_never_told_that_objects_are_missing() {
    let scratch = tempfile::tempdir().expect("a directory");
    let disk = scratch.path().join("disk");
    put(
        &DirStore::create(&disk).expect("a store"),
        "pack/ab/c",
        "bytes",
    );
    put(
        &DirStore::create(&disk).expect("a store"),
        "locked/object",
        "bytes",
    );
    put(
        &DirStore::create(&disk).expect("a store"),
        "open/locked",
        "bytes",
    );
    fs::remove_dir(disk.join(".tmp")).expect("it is empty");
    let chmod = |path: &Path, mode| {
        fs::set_permissions(path, Permissions::from_mode(mode)).expect("our own file");
    };
    chmod(&disk.join("pack/ab/c"), 0o444);
    for path in ["pack/ab", "pack", "open", ""] {
        chmod(&disk.join(path), 0o555);
    }
    chmod(&disk.join("locked"), 0o000);
    chmod(&disk.join("open/locked"), 0o000);
    chmod(scratch.path(), 0o755);

    let program = scratch.path().join("program");
    fs::copy(std::env::current_exe().expect("it runs"), &program).expect("a copy anyone can run");
    let mut command = Command::new(&program);
    if rustix::process::geteuid().is_root() {
        command.uid(65_534).gid(65_534);
    }
    run_inside(
        command,
        scratch.path(),
        "directory_faults::inside_without_permissions",
    );
    for path in ["locked", "open", "pack/ab", "pack", ""] {
        chmod(&disk.join(path), 0o755);
    }
}

#[test]
#[ignore = "run by an_ordinary_user_is_denied_and_never_told_that_objects_are_missing"]
fn inside_without_permissions() {
    check_readable_but_not_writable("disk");
    let store = DirStore::open("disk").expect("it exists");
    for locked in ["locked/object", "locked/none", "open/locked"] {
        assert_eq!(
            kind(block_on(store.get_all(&key(locked)))),
            ErrorKind::PermissionDenied,
            "{locked}"
        );
    }
    assert_eq!(
        kind(block_on(store.exists(&key("locked/none")))),
        ErrorKind::PermissionDenied
    );
    let items: Vec<_> = block_on(store.list(&Prefix::root()).collect());
    let last = items.into_iter().last().expect("at least the error");
    assert_eq!(
        kind(last),
        ErrorKind::PermissionDenied,
        "a list is never quietly short"
    );
    assert_eq!(
        kind(DirStore::create("another")),
        ErrorKind::PermissionDenied
    );
}

fn check_readable_but_not_writable(root: &str) {
    let store = DirStore::open(root).expect("opening writes nothing");
    let there = key("pack/ab/c");
    assert_eq!(
        block_on(store.get_all(&there)).expect("it can be read"),
        "bytes"
    );
    assert_eq!(block_on(store.head(&there)).expect("it is there").len, 5);
    assert_eq!(names(&store, "pack/"), ["pack/ab/c"]);
    assert_eq!(
        kind(block_on(store.get_all(&key("pack/ab/none")))),
        ErrorKind::NotFound
    );
    assert_eq!(
        block_on(store.list_all(&folder("none/"))).expect("an empty folder"),
        []
    );
    for outcome in [
        block_on(store.put_new(&key("pack/ab/new"), "new".into())),
        block_on(store.put_new(&key("new/folder/new"), "new".into())),
        block_on(store.replace(&there, "new".into())),
        block_on(store.delete(&there)),
    ] {
        assert_eq!(kind(outcome), ErrorKind::PermissionDenied);
    }
}

/// Runs an ignored test in a directory, after a command of mounts that nobody else sees.
fn run_with_mount(directory: &Path, mount: &str, test: &str) {
    let mut command = Command::new("unshare");
    if !rustix::process::geteuid().is_root() {
        command.arg("--map-root-user");
    }
    let program = std::env::current_exe().expect("it runs");
    // After a mount on the current directory, its path leads to what was mounted.
    let script = format!("{mount} && cd \"$PWD\" && exec \"$0\" \"$@\"");
    command.args(["--mount", "sh", "-c", &script]).arg(program);
    run_inside(command, directory, test);
}

fn run_inside(mut command: Command, directory: &Path, test: &str) {
    let output = command
        .args([test, "--exact", "--ignored", "--nocapture"])
        .current_dir(directory)
        .output()
        .expect("this test needs `unshare` of util-linux, or to copy and run its own program");
    let told = format!(
        "{}{}",
        String::from_utf8_lossy(&output.stdout),
        String::from_utf8_lossy(&output.stderr)
    );
    assert!(
        output.status.success() && told.contains("1 passed"),
        "{command:?}\n{told}"
    );
}
