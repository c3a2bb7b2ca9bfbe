//! The order of events.

use std::collections::BTreeSet;
use std::fs;
use std::path::Path;

use proptest::prelude::*;
use strongroom_fs::FileTree;
use strongroom_repo::{Source, WalkEvent};

use crate::copier::events;

/// Checks law 1 and 2 of a source and returns every path.
pub(crate) fn check_order(events: &[WalkEvent]) -> Vec<Vec<u8>> {
    let mut open: Vec<(Vec<u8>, Option<Vec<u8>>)> = Vec::new();
    let mut paths = Vec::new();
    let mut ended = false;
    for event in events {
        assert!(!ended, "the root's end is the end");
        match event {
            WalkEvent::Enter(entry) | WalkEvent::Item(entry) => {
                let path = entry.path();
                if let Some((dir, last)) = open.last_mut() {
                    assert_eq!(*entry.dir, **dir);
                    assert!(
                        last.as_ref().is_none_or(|last| *last < entry.node.name),
                        "ascending"
                    );
                    *last = Some(entry.node.name.clone());
                } else {
                    assert!(path.is_empty() && matches!(event, WalkEvent::Enter(_)));
                }
                if matches!(event, WalkEvent::Enter(_)) {
                    open.push((path.clone(), None));
                }
                paths.push(path);
            }
            WalkEvent::Leave => {
                open.pop().unwrap();
                ended = open.is_empty();
            }
            _ => {}
        }
    }
    assert!(ended && open.is_empty());
    paths
}

fn walk(path: &Path, threads: usize, slice: usize) -> FileTree {
    FileTree::builder(path)
        .read_ahead_threads(threads)
        .slice_len(slice)
        .build()
        .unwrap()
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 12, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn events_are_sorted_balanced_and_the_same_however_they_are_read(
        paths in prop::collection::btree_set("[ab.0-]{1,2}(/[ab.0-]{1,2}){0,4}", 0..60),
    ) {
        let dir = tempfile::tempdir().unwrap();
        let mut expected = BTreeSet::from([Vec::new()]);
        for path in paths {
            if path.split('/').any(|name| name == "." || name == "..") {
                continue;
            }
            fs::create_dir_all(dir.path().join(&path)).unwrap();
            let mut prefix = String::new();
            for name in path.split('/') {
                prefix = if prefix.is_empty() { name.to_owned() } else { format!("{prefix}/{name}") };
                expected.insert(prefix.clone().into_bytes());
            }
            // A name with a byte below and one with a byte above the slash.
            fs::write(dir.path().join(format!("{path}!")), "").unwrap();
            fs::write(dir.path().join(format!("{path}~")), "").unwrap();
            expected.insert(format!("{path}!").into_bytes());
            expected.insert(format!("{path}~").into_bytes());
        }
        let alone = check_order(&events(&walk(dir.path(), 0, 512)));
        prop_assert_eq!(alone.iter().cloned().collect::<BTreeSet<_>>(), expected);
        for (threads, slice) in [(0, 1), (1, 2), (4, 1), (3, 512)] {
            prop_assert_eq!(&check_order(&events(&walk(dir.path(), threads, slice))), &alone);
        }
    }
}

#[test]
fn a_walk_that_is_given_up_ends_its_threads() {
    let dir = tempfile::tempdir().unwrap();
    for number in 0..300 {
        fs::create_dir_all(dir.path().join(format!("{number}/a/b/c"))).unwrap();
    }
    let source = walk(dir.path(), 4, 16);
    for calls in 0..3 {
        let mut walk = source.walk().unwrap();
        let mut some = Vec::new();
        for _ in 0..calls {
            walk.next(&mut some);
        }
    }
}

#[test]
fn a_tree_that_changes_under_the_walk_costs_only_what_changed() {
    let dir = tempfile::tempdir().unwrap();
    for number in 0..200 {
        fs::create_dir_all(dir.path().join(format!("d{number:03}/sub"))).unwrap();
        fs::write(dir.path().join(format!("d{number:03}/file")), "x").unwrap();
    }
    let source = walk(dir.path(), 2, 512);
    std::thread::scope(|scope| {
        let rename = scope.spawn(|| {
            for number in (0..200).rev() {
                let old = dir.path().join(format!("d{number:03}"));
                fs::rename(&old, dir.path().join(format!("x{number:03}"))).unwrap();
            }
        });
        check_order(&events(&source));
        rename.join().unwrap();
    });
    assert_eq!(check_order(&events(&source)).len(), 601);
}

#[test]
fn a_walk_that_was_begun_early_is_gone_on_with_once() {
    let dir = tempfile::tempdir().unwrap();
    for number in 0..100 {
        fs::create_dir_all(dir.path().join(format!("d{number}/sub"))).unwrap();
        fs::write(dir.path().join(format!("d{number}/file")), "x").unwrap();
    }
    let expected = check_order(&events(&walk(dir.path(), 2, 512)));
    for threads in [0, 1, 2] {
        let source = walk(dir.path(), threads, 512);
        source.read_ahead();
        assert_eq!(check_order(&events(&source)), expected);
        fs::write(dir.path().join(format!("later{threads}")), "x").unwrap();
        let again = check_order(&events(&source));
        assert!(again.len() > expected.len(), "it begins anew");
        fs::remove_file(dir.path().join(format!("later{threads}"))).unwrap();
        source.read_ahead();
    }
}
