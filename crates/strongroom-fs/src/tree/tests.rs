//! System calls, counted.

use std::collections::BTreeMap;
use std::fs;

use strongroom_repo::{Batch, BatchItem, Entry, Fill, Source as _, WalkEvent};

use super::FileTree;
use crate::calls;

const FILES: u64 = 40;
const DIRECTORIES: u64 = 3;

/// Files, half of them in directories of their own.
fn tree() -> tempfile::TempDir {
    let dir = tempfile::tempdir().unwrap();
    for number in 0..FILES {
        let mut path = dir.path().to_owned();
        if number % 2 == 1 {
            path.push(format!("dir{}", number % (2 * DIRECTORIES)));
            fs::create_dir_all(&path).unwrap();
        }
        fs::write(path.join(format!("file{number}")), [7; 100]).unwrap();
    }
    dir
}

/// Without threads, so that all calls are those of the test.
fn walked(dir: &tempfile::TempDir) -> (FileTree, Vec<WalkEvent>) {
    let source = FileTree::builder(dir.path())
        .read_ahead_threads(0)
        .build()
        .unwrap();
    calls::take();
    let mut events = Vec::new();
    let mut walk = source.walk().unwrap();
    while walk.next(&mut events) {}
    drop(walk);
    (source, events)
}

fn files(events: Vec<WalkEvent>) -> Vec<Entry> {
    let files = events.into_iter().filter_map(|event| match event {
        WalkEvent::Item(entry) => Some(entry),
        _ => None,
    });
    files.collect()
}

#[test]
fn an_entry_that_is_walked_costs_one_statx_and_a_directory_one_opening() {
    let dir = tree();
    let (_, events) = walked(&dir);
    assert_eq!(files(events).len() as u64, FILES);
    let root = 1;
    let expected = BTreeMap::from([
        ("getdents", root + DIRECTORIES),
        ("openat", root + DIRECTORIES),
        ("statx", root + DIRECTORIES + FILES),
    ]);
    let mut made = calls::take();
    // A directory that is not below the one before it is reached from the root by its path.
    let by_path = made.remove("openat2").unwrap_or_default();
    *made.entry("openat").or_default() += by_path;
    assert_eq!(made, expected);
}

#[test]
fn a_small_file_that_is_read_costs_open_read_attributes_and_one_look() {
    let dir = tree();
    let (source, events) = walked(&dir);
    calls::take();
    let items = files(events).into_iter().map(|entry| BatchItem {
        entry,
        want_content: true,
        fill: Fill::Pending,
    });
    let mut batch = Batch {
        items: items.collect(),
        data: Vec::new(),
    };
    source.fill(&mut batch);
    let is_read = |item: &BatchItem| matches!(item.fill, Fill::Done { changed: false, .. });
    assert!(batch.items.iter().all(is_read));
    assert_eq!(batch.data.len() as u64, FILES * 100);
    // The directories of a batch are opened once each, one after another.
    let opened = FILES + DIRECTORIES + 1;
    let expected = BTreeMap::from([
        ("listxattr", FILES),
        ("openat", opened),
        ("read", FILES),
        ("statx", FILES),
    ]);
    assert_eq!(calls::take(), expected);
}
