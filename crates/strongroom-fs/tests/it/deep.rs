//! Trees deeper than the longest path, with few descriptors.

use std::os::fd::OwnedFd;
use std::path::Path;

use rustix::fs::{Mode, OFlags, mkdirat, openat};
use strongroom_repo::{Target, WalkEvent};

use crate::child::run_in_shell;
use crate::copier::{copy, events};
use crate::hostile::{target, tree};
use crate::inspect::{assert_same, open_dir};

const DIR: OFlags = OFlags::RDONLY
    .union(OFlags::DIRECTORY)
    .union(OFlags::CLOEXEC);

fn chain(root: &Path, depth: usize, name: &str, beside: usize) -> OwnedFd {
    let mut dir = open_dir(root);
    for level in 0..depth {
        for side in 0..beside {
            // Some before and some after the way down.
            let side = if side % 2 == 0 {
                format!("a{side}")
            } else {
                format!("z{side}")
            };
            mkdirat(&dir, &side, Mode::RWXU).unwrap();
        }
        if level % 100 == 99 {
            openat(&dir, "file", OFlags::CREATE | OFlags::WRONLY, Mode::RWXU).unwrap();
        }
        mkdirat(&dir, name, Mode::RWXU).unwrap();
        dir = openat(&dir, name, DIR, Mode::empty()).unwrap();
    }
    openat(&dir, "bottom", OFlags::CREATE | OFlags::WRONLY, Mode::RWXU).unwrap();
    dir
}

#[test]
fn paths_longer_than_the_system_allows() {
    let dir = tempfile::tempdir().unwrap();
    let (from, to) = (dir.path().join("from"), dir.path().join("to"));
    std::fs::create_dir(&from).unwrap();
    // Names of 250 bytes: the pieces in which a path is walked end at a different place in each level.
    chain(&from, 60, &"d".repeat(250), 1);
    copy(&tree(&from), &target(&to), false).assert_clean();
    assert_same(&from, &to);
    let both = target(dir.path());
    both.remove(b"from").unwrap();
    both.remove(b"to").unwrap();
    assert_eq!(both.names(b"").unwrap(), Vec::<Vec<u8>>::new());
}

#[test]
fn two_thousand_levels_with_few_descriptors() {
    run_in_shell("ulimit -n 256; exec", "deep::child_two_thousand_levels");
}

#[test]
#[ignore = "run by two_thousand_levels_with_few_descriptors"]
fn child_two_thousand_levels() {
    // In memory where that is possible: what counts here is the depth, and disks are slow at it.
    let memory = tempfile::tempdir_in("/dev/shm");
    let dir = memory.unwrap_or_else(|_| tempfile::tempdir().unwrap());
    let (from, to) = (dir.path().join("from"), dir.path().join("to"));
    std::fs::create_dir(&from).unwrap();
    drop(chain(&from, 2_000, "deep", 2));
    let report = copy(&tree(&from), &target(&to), false);
    report.assert_clean();
    assert_eq!(report.entries, 21);
    let count = |path: &Path| {
        events(&tree(path))
            .iter()
            .filter(|event| matches!(event, WalkEvent::Enter(_)))
            .count()
    };
    assert_eq!(count(&to), 6_001);
    let both = target(dir.path());
    both.remove(b"from").unwrap();
    both.remove(b"to").unwrap();
}
