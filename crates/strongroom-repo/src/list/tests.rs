//! Finding snapshots, listing them, reading files.

use std::ops::ControlFlow;
use std::sync::{Arc, Mutex};

use strongroom_crypt::Id;

use super::choose;
use crate::testing::{Content, Shape, Tree, Writer, repository};
use crate::{Depth, ErrorKind, Repository, SnapshotFilter};

fn tree() -> Tree {
    let pieces = vec![
        Content::Data(b"one".to_vec()),
        Content::Zeros(100_000),
        Content::Data(b"two".to_vec()),
        Content::Data(b"three".to_vec()),
    ];
    Tree::dir([
        (
            "a",
            Tree::dir([
                ("x", Tree::file(b"1")),
                ("y", Tree::dir([("z", Tree::file(b"2"))])),
            ]),
        ),
        ("b", Tree::File(pieces, None)),
        ("c", Tree::Symlink(b"b".to_vec())),
        ("d", Tree::file(b"")),
        ("e", Tree::file(b"5")),
    ])
}

fn listed(
    repository: &Repository,
    id: &Id,
    path: &str,
    depth: Depth,
) -> Result<Vec<String>, ErrorKind> {
    let seen = Arc::new(Mutex::new(Vec::new()));
    let sink = seen.clone();
    let list = repository.list(id, path.as_bytes(), depth, move |path, _| {
        sink.lock()
            .unwrap()
            .push(String::from_utf8(path.to_vec()).unwrap());
        ControlFlow::Continue(())
    });
    futures::executor::block_on(list).map_err(|error| error.kind())?;
    let paths = seen.lock().unwrap().clone();
    Ok(paths)
}

fn content(repository: &Repository, id: &Id, path: &str) -> Result<Vec<u8>, ErrorKind> {
    let seen = Arc::new(Mutex::new(Vec::new()));
    let sink = seen.clone();
    let read = repository.read_file(id, path.as_bytes(), move |part| {
        sink.lock().unwrap().extend_from_slice(part);
        ControlFlow::Continue(())
    });
    let delivered = futures::executor::block_on(read).map_err(|error| error.kind())?;
    let bytes = seen.lock().unwrap().clone();
    assert_eq!(delivered, bytes.len() as u64);
    Ok(bytes)
}

#[test]
fn directories_are_listed_in_order() {
    let (_, repository) = repository();
    let id = Writer::new(&repository, Shape::default()).snapshot(&tree(), "s");
    let all = ["a", "a/x", "a/y", "a/y/z", "b", "c", "d", "e"].map(str::to_owned);
    assert_eq!(listed(&repository, &id, "", Depth::All).unwrap(), all);
    let top = ["a", "b", "c", "d", "e"].map(str::to_owned);
    assert_eq!(listed(&repository, &id, "/", Depth::Children).unwrap(), top);
    assert_eq!(
        listed(&repository, &id, "a/", Depth::All).unwrap(),
        all[1..4]
    );
    assert_eq!(
        listed(&repository, &id, "a/x", Depth::All).unwrap(),
        ["a/x"]
    );
    for absent in ["f", "a/w", "b/x", "..", "a/../b", "a/x/y"] {
        assert_eq!(
            listed(&repository, &id, absent, Depth::All),
            Err(ErrorKind::NotFound),
            "{absent}"
        );
    }
}

#[test]
fn a_listing_ends_when_told() {
    let (_, repository) = repository();
    let id = Writer::new(&repository, Shape::default()).snapshot(&tree(), "s");
    let seen = Arc::new(Mutex::new(0));
    let sink = seen.clone();
    let list = repository.list(&id, b"", Depth::All, move |_, _| {
        *sink.lock().unwrap() += 1;
        ControlFlow::Break(())
    });
    futures::executor::block_on(list).unwrap();
    assert_eq!(*seen.lock().unwrap(), 1);
}

#[test]
fn files_are_read_piece_by_piece() {
    let (_, repository) = repository();
    let id = Writer::new(&repository, Shape::default()).snapshot(&tree(), "s");
    let expected = tree().flat();
    for path in ["a/x", "a/y/z", "b", "d", "e"] {
        assert_eq!(
            content(&repository, &id, path).unwrap(),
            expected[path.as_bytes()].1
        );
    }
    assert_eq!(content(&repository, &id, "a"), Err(ErrorKind::Invalid));
    assert_eq!(content(&repository, &id, "c"), Err(ErrorKind::Invalid));
    assert_eq!(content(&repository, &id, "g"), Err(ErrorKind::NotFound));
    let nobody = Id::from_bytes([9; 32]);
    assert_eq!(content(&repository, &nobody, "a"), Err(ErrorKind::NotFound));
}

#[test]
fn a_snapshot_is_found_by_what_it_is_called() {
    let (_, repository) = repository();
    let first = Writer::new(&repository, Shape::default()).snapshot(&tree(), "home");
    let second = Writer::new(&repository, Shape::default()).snapshot(&tree(), "etc");
    let find = |wanted: &str, filter: SnapshotFilter| {
        futures::executor::block_on(repository.find_snapshot(wanted, filter))
            .map_err(|error| error.kind())
    };
    let any = SnapshotFilter::default;
    assert_eq!(find("latest", any()), Ok(second));
    assert_eq!(find("latest", any().with_series("home")), Ok(first));
    assert_eq!(
        find("latest", any().with_series("var")),
        Err(ErrorKind::NotFound)
    );
    assert_eq!(
        find("latest", any().with_host("h")),
        Err(ErrorKind::NotFound)
    );
    assert_eq!(find(&first.to_string(), any()), Ok(first));
    assert_eq!(
        find(&second.to_string()[..20].to_uppercase(), any()),
        Ok(second)
    );
    assert_eq!(
        find(&first.to_string(), any().with_series("etc")),
        Err(ErrorKind::NotFound)
    );
    assert_eq!(find("", any()), Err(ErrorKind::Invalid));
    assert_eq!(find("newest", any()), Err(ErrorKind::Invalid));
}

#[test]
fn an_ambiguous_prefix_names_the_candidates() {
    let snapshot = strongroom_format::Snapshot::default();
    let ids: Vec<Id> = (0..20)
        .map(|n| Id::from_bytes([[0xab; 31].as_slice(), &[n]].concat().try_into().unwrap()))
        .collect();
    let all = || ids.iter().map(|id| (id, &snapshot));
    let error = choose("abab", all()).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Invalid);
    assert!(error.to_string().contains(&ids[7].to_string()));
    assert!(!error.to_string().contains(&ids[8].to_string()));
    assert_eq!(choose(&ids[3].to_string(), all()).unwrap(), ids[3]);
}
