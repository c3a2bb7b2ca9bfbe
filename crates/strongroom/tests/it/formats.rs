//! Repositories that earlier versions wrote are read as they were written.

use std::collections::BTreeMap;
use std::ops::ControlFlow;
use std::path::PathBuf;
use std::sync::{Arc, Mutex};

use strongroom::blocking::Repository;
use strongroom::{Credential, Depth, Node, NodeKind, RecoveryCode, store_at};

#[test]
fn version_1_is_read() {
    let passphrase = || Credential::passphrase("a tiny passphrase");
    let code = |text| Credential::from(RecoveryCode::parse(text).unwrap());
    check("aes256-gcm", &passphrase());
    check(
        "aes256-gcm",
        &code("KGNKD5N-91FH1BD-MC88A43-7C4BNE6-X25CPH4-M6XB8Q2-2J3VDGS-9JMRN8S"),
    );
    check("chacha20-poly1305", &passphrase());
    check(
        "chacha20-poly1305",
        &code("F2BC07T-P1896B7-6BYCTDN-FAQESFR-RTY4EHA-17Z7TXG-ADSAN5G-JV3Z62G"),
    );
    check("none", &Credential::None);
}

fn check(folder: &str, credential: &Credential) {
    let path = PathBuf::from(env!("CARGO_MANIFEST_DIR"))
        .join("../../testdata/repository-1")
        .join(folder);
    let repository = Repository::builder(store_at(path).unwrap())
        .open(credential)
        .unwrap();
    let snapshots = repository.snapshots().unwrap();
    assert_eq!(snapshots.len(), 2, "{folder}");
    for (snapshot, later) in snapshots.iter().zip([false, true]) {
        assert_eq!(snapshot.snapshot.series, "tiny");
        assert!(
            snapshot.details.is_some(),
            "{folder}: the key of the epoch is there"
        );
        check_names(&entries(&repository, &snapshot.id), later);
        check_content(&repository, &snapshot.id, later);
    }
}

fn check_names(found: &BTreeMap<String, Node>, later: bool) {
    let mut names = vec![
        "docs",
        "docs/empty",
        "docs/one",
        "docs/pointer",
        "docs/two",
        "hello.txt",
        "long",
        "noise",
        "nothing",
    ];
    if later {
        names.insert(2, "docs/later");
    }
    assert_eq!(found.keys().map(String::as_str).collect::<Vec<_>>(), names);
    assert_eq!(found["nothing"].mode, 0o4755);
    let mtime = found["hello.txt"].mtime;
    assert_eq!((mtime.seconds, mtime.nanos), (981_173_106, 789_000_000));
    assert_eq!(
        found["docs/pointer"].target.as_deref(),
        Some(b"../hello.txt".as_slice())
    );
    assert!(found["docs/one"].link.is_some());
    assert_eq!(found["docs/one"].link, found["docs/two"].link);
}

fn check_content(repository: &Repository, snapshot: &strongroom::Id, later: bool) {
    let read = |path: &str| {
        let bytes = Arc::new(Mutex::new(Vec::new()));
        let into = bytes.clone();
        let take = move |part: &[u8]| {
            into.lock().unwrap().extend_from_slice(part);
            ControlFlow::Continue(())
        };
        repository
            .read_file(snapshot, path.as_bytes(), take)
            .unwrap();
        let bytes = bytes.lock().unwrap();
        bytes.clone()
    };
    assert_eq!(read("hello.txt"), b"hello\n");
    assert_eq!(read("docs/two"), b"a second name\n");
    let line = |n: u32| format!("line {n:08} of a long file\n").into_bytes();
    assert_eq!(
        read("long"),
        (0..120_000).flat_map(line).collect::<Vec<u8>>()
    );
    assert_eq!(read("noise").len(), 640 * 32);
    if later {
        assert_eq!(read("docs/later"), b"later\n");
    }
}

fn entries(repository: &Repository, snapshot: &strongroom::Id) -> BTreeMap<String, Node> {
    let found = Arc::new(Mutex::new(BTreeMap::new()));
    let into = found.clone();
    let take = move |path: &[u8], node: &Node| {
        into.lock()
            .unwrap()
            .insert(String::from_utf8(path.to_vec()).unwrap(), node.clone());
        ControlFlow::Continue(())
    };
    repository.list(snapshot, b"", Depth::All, take).unwrap();
    let mut found = std::mem::take(&mut *found.lock().unwrap());
    found.retain(|path, node| !(path.is_empty() && node.kind == NodeKind::Directory));
    found
}
