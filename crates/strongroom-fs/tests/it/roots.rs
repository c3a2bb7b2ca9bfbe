//! One directory, several paths, single files.

use std::fs;
use std::os::unix::ffi::OsStrExt;
use std::os::unix::fs::symlink;
use std::path::Path;

use strongroom_fs::FileTree;
use strongroom_repo::{Source, WalkEvent};

use crate::copier::{events, shown};
use crate::events::check_order;

/// Paths below the temporary directory, of a tree that begins at `/`.
fn below(base: &Path, source: &FileTree) -> Vec<String> {
    let base = shown(&base.canonicalize().unwrap().as_os_str().as_bytes()[1..]);
    let paths = check_order(&events(source));
    let above = paths
        .iter()
        .filter(|path| base.starts_with(&shown(path)))
        .count();
    assert_eq!(
        above,
        base.split('/').count() + 1,
        "the directories above are there"
    );
    let below = paths.iter().filter_map(|path| {
        shown(path)
            .strip_prefix(&format!("{base}/"))
            .map(str::to_owned)
    });
    let below: Vec<_> = below.collect();
    assert_eq!(above + below.len(), paths.len(), "and nothing else");
    below
}

#[test]
fn several_paths_keep_their_places_and_merge() {
    let dir = tempfile::tempdir().unwrap();
    for file in ["a/x/1", "a/x/2", "a/y/1", "b/x/1", "b/file", "c/x"] {
        fs::create_dir_all(dir.path().join(file).parent().unwrap()).unwrap();
        fs::write(dir.path().join(file), file).unwrap();
    }
    symlink("../c", dir.path().join("a/to c")).unwrap();
    symlink("none", dir.path().join("dangling")).unwrap();
    let source = FileTree::builder(dir.path().join("a/x"))
        .path(dir.path().join("b/x"))
        .path(dir.path().join("a/x/1"))
        .path(dir.path().join("b/file"))
        .path(dir.path().join("b/x"))
        .path(dir.path().join("a/to c"))
        .path(dir.path().join("dangling"))
        .build()
        .unwrap();
    assert_eq!(
        below(dir.path(), &source),
        [
            "a", "a/x", "a/x/1", "a/x/2", "b", "b/file", "b/x", "b/x/1", "c", "c/x", "dangling"
        ]
    );
    let mode = |path: &str| fs::symlink_metadata(path).unwrap();
    let WalkEvent::Enter(root) = &events(&source)[0] else {
        panic!()
    };
    assert_eq!(
        root.node.inode,
        std::os::unix::fs::MetadataExt::ino(&mode("/"))
    );
}

#[test]
fn one_file_is_a_tree_of_one_file() {
    let dir = tempfile::tempdir().unwrap();
    fs::write(dir.path().join("file"), "x").unwrap();
    fs::write(dir.path().join("other"), "x").unwrap();
    let source = FileTree::builder(dir.path().join("file")).build().unwrap();
    assert_eq!(below(dir.path(), &source), ["file"]);
}

#[test]
fn a_selected_path_that_vanished_is_a_problem_in_its_place() {
    let dir = tempfile::tempdir().unwrap();
    fs::write(dir.path().join("a"), "x").unwrap();
    fs::write(dir.path().join("b"), "x").unwrap();
    let source = FileTree::builder(dir.path().join("a"))
        .path(dir.path().join("b"))
        .build()
        .unwrap();
    fs::remove_file(dir.path().join("a")).unwrap();
    assert_eq!(below(dir.path(), &source), ["b"]);
    let problems = events(&source).into_iter().filter_map(|event| match event {
        WalkEvent::Problem(problem) => {
            Some((problem.path.ends_with(b"/a"), problem.error.reason()))
        }
        _ => None,
    });
    assert_eq!(
        problems.collect::<Vec<_>>(),
        [(true, strongroom_format::SkipReason::Vanished)]
    );
}

#[test]
fn hard_links_have_one_number_in_every_walk_and_others_another() {
    let dir = tempfile::tempdir().unwrap();
    for name in ["a", "b"] {
        fs::write(dir.path().join(name), "x").unwrap();
        fs::hard_link(dir.path().join(name), dir.path().join(format!("{name}2"))).unwrap();
    }
    fs::write(dir.path().join("single"), "x").unwrap();
    let numbers = || {
        let source = FileTree::builder(dir.path()).build().unwrap();
        let items = events(&source).into_iter().filter_map(|event| match event {
            WalkEvent::Item(entry) => Some(entry.node.link),
            _ => None,
        });
        items.collect::<Vec<_>>()
    };
    let first = numbers();
    assert!(
        first[0].is_some() && first[0] == first[1] && first[2] == first[3] && first[0] != first[2]
    );
    assert_eq!(first[4], None);
    assert_eq!(first, numbers());
}

#[test]
fn names_of_owners_come_from_the_given_accounts() {
    let dir = tempfile::tempdir().unwrap();
    let accounts = strongroom_fs::Accounts::parse(b"ann:x:1000:1000::/:\n", b"staff:x:50:\n");
    let source = FileTree::builder(dir.path())
        .accounts(accounts)
        .build()
        .unwrap();
    assert_eq!(source.owner_name(1000), Some(b"ann".to_vec()));
    assert_eq!(source.owner_name(0), None);
    assert_eq!(source.group_name(50), Some(b"staff".to_vec()));
}
