//! From a path or URL to a store.

use strongroom::store::{ErrorKind, Key, StoreExt as _};
use strongroom::{LocationError, create_store_at, store_at};

#[test]
fn a_missing_directory_is_an_error_and_is_not_made() {
    let folder = tempfile::tempdir().unwrap();
    let missing = folder.path().join("missing");
    match store_at(&missing) {
        Err(LocationError::Store(error)) => assert_eq!(error.kind(), ErrorKind::Unavailable),
        other => panic!("{other:?}"),
    }
    assert!(!missing.exists());
    create_store_at(&missing).unwrap();
    assert!(missing.is_dir());
    store_at(missing).unwrap();
}

#[test]
fn urls_and_paths_of_one_directory_are_one_store() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("a b");
    let key = Key::parse("config").unwrap();
    let store = create_store_at(&path).unwrap();
    futures::executor::block_on(store.put_new(&key, "x".into())).unwrap();
    let path = path.to_str().unwrap();
    for location in [
        path.to_owned(),
        format!("file:{path}"),
        format!("file://{}", path.replace(' ', "%20")),
    ] {
        let store = store_at(&location).unwrap();
        assert_eq!(
            futures::executor::block_on(store.get_all(&key)).unwrap(),
            "x",
            "{location}"
        );
    }
}

#[test]
fn a_scheme_without_a_store_is_named() {
    for (location, scheme) in [("B2://bucket/x", "b2"), ("rest:https://host", "rest")] {
        match store_at(location) {
            Err(LocationError::Unsupported { scheme: found }) => assert_eq!(found, scheme),
            other => panic!("{other:?}"),
        }
    }
}
