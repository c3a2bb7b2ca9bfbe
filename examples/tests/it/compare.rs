//! Compares two trees by names, kinds, modes, times and bytes. The complete comparison, with everything that only root can
//! make, is `tools/acceptance/compare.sh`.

use std::collections::BTreeSet;
use std::fs;
use std::os::unix::fs::MetadataExt as _;
use std::path::{Path, PathBuf};

/// Returns the relative paths at which two trees differ. What is below a directory that is only on one side is listed too.
pub(crate) fn differences(a: &Path, b: &Path) -> BTreeSet<PathBuf> {
    let names: BTreeSet<PathBuf> = paths(a).into_iter().chain(paths(b)).collect();
    names
        .into_iter()
        .filter(|name| !is_same(&a.join(name), &b.join(name)))
        .collect()
}

/// Fails the test when two trees differ.
#[track_caller]
pub(crate) fn assert_identical(a: &Path, b: &Path) {
    let found = differences(a, b);
    let shown: Vec<_> = found.iter().take(20).collect();
    assert!(found.is_empty(), "{} paths differ: {shown:?}", found.len());
}

/// Returns all paths below a directory, without the directory itself.
pub(crate) fn paths(root: &Path) -> Vec<PathBuf> {
    let (mut found, mut pending) = (Vec::new(), vec![PathBuf::new()]);
    while let Some(directory) = pending.pop() {
        // A restore that failed may have left no target.
        let Ok(entries) = fs::read_dir(root.join(&directory)) else {
            continue;
        };
        for entry in entries {
            let entry = entry.unwrap();
            let path = directory.join(entry.file_name());
            if entry.file_type().unwrap().is_dir() {
                pending.push(path.clone());
            }
            found.push(path);
        }
    }
    found
}

fn is_same(a: &Path, b: &Path) -> bool {
    let (Ok(of_a), Ok(of_b)) = (a.symlink_metadata(), b.symlink_metadata()) else {
        return false;
    };
    if of_a.mode() != of_b.mode() {
        return false;
    }
    if of_a.is_dir() {
        return true; // its time is compared only where nothing below it was lost
    }
    let times = |of: &fs::Metadata| (of.mtime(), of.mtime_nsec());
    if times(&of_a) != times(&of_b) || of_a.len() != of_b.len() {
        return false;
    }
    if of_a.is_symlink() {
        return fs::read_link(a).unwrap() == fs::read_link(b).unwrap();
    }
    !of_a.is_file() || fs::read(a).unwrap() == fs::read(b).unwrap()
}
