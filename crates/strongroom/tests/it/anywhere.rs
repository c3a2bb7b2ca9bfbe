//! The same calls work under every runtime, and under none.

use std::sync::Arc;

use strongroom::{
    BackupOptions, DirectoryTarget, DirectoryTargetOptions, ErrorKind, MemoryStore, Repository,
    RestoreOptions, Store, blocking,
};

use crate::tree::{back_up, cheap, files, make, open, passphrase, restored, settings, tree};

/// Creates, backs up twice, opens again, lists, and restores.
async fn the_whole_path(store: Arc<dyn Store>) {
    let folder = make(3 << 20);
    let builder = Repository::builder(store.clone()).settings(settings());
    let repository = builder
        .create(cheap(), &passphrase())
        .await
        .unwrap()
        .repository;
    let first = back_up(&repository, folder.path()).await.unwrap();
    assert!(first.is_complete(), "{:?}", first.problems);
    let second = back_up(&repository, folder.path()).await.unwrap();
    assert_eq!(second.parent, Some(first.snapshot));
    assert_eq!(second.summary.new_bytes, 0);

    let repository = open(store).await;
    let latest = repository
        .find_snapshot("latest", Default::default())
        .await
        .unwrap();
    assert_eq!(latest, second.snapshot);
    assert_eq!(repository.snapshots().await.unwrap().len(), 2);
    assert_eq!(restored(&repository, &latest).await, files(folder.path()));
}

/// The same on a thread that is not async.
fn the_whole_path_blocking() {
    let folder = make(3 << 20);
    let store = Arc::new(MemoryStore::new());
    let builder = blocking::Repository::builder(store.clone()).settings(settings());
    drop(builder.create(cheap(), &passphrase()).unwrap());
    let repository = blocking::Repository::builder(store)
        .settings(settings())
        .open(&passphrase())
        .unwrap();
    let source = Arc::new(tree(folder.path()));
    let report = repository
        .backup(source, BackupOptions::new("tests"), Arc::new(()))
        .unwrap();

    let into = tempfile::tempdir().unwrap();
    let target =
        Arc::new(DirectoryTarget::create(into.path(), DirectoryTargetOptions::new()).unwrap());
    let restored = repository
        .restore(
            &report.snapshot,
            target,
            RestoreOptions::default(),
            Arc::new(()),
        )
        .unwrap();
    assert!(restored.is_complete());
    assert_eq!(files(into.path()), files(folder.path()));
    let missing = repository
        .find_snapshot("ffffffff", Default::default())
        .unwrap_err();
    assert_eq!(missing.kind(), ErrorKind::NotFound);
}

#[test]
fn inside_tokio_with_threads() {
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .worker_threads(2)
        .build()
        .unwrap();
    runtime.block_on(async {
        let whole = tokio::spawn(the_whole_path(Arc::new(MemoryStore::new())));
        whole.await.unwrap();
    });
}

#[test]
fn inside_tokio_on_one_thread() {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .build()
        .unwrap();
    runtime.block_on(the_whole_path(Arc::new(MemoryStore::new())));
}

#[test]
fn inside_smol() {
    smol::block_on(async { smol::spawn(the_whole_path(Arc::new(MemoryStore::new()))).await });
}

#[test]
fn inside_the_executor_of_futures() {
    futures::executor::block_on(the_whole_path(Arc::new(MemoryStore::new())));
}

#[test]
fn with_a_directory_store() {
    let folder = tempfile::tempdir().unwrap();
    let store = strongroom::create_store_at(folder.path().join("new/repository")).unwrap();
    futures::executor::block_on(the_whole_path(store));
}

#[test]
fn on_a_plain_thread() {
    std::thread::spawn(the_whole_path_blocking).join().unwrap();
}

#[test]
fn blocking_inside_tokio() {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .build()
        .unwrap();
    runtime.block_on(async { the_whole_path_blocking() });
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .worker_threads(1)
        .build()
        .unwrap();
    runtime
        .block_on(runtime.spawn(async { the_whole_path_blocking() }))
        .unwrap();
}

#[test]
fn blocking_inside_another_executor() {
    futures::executor::block_on(async { the_whole_path_blocking() });
    smol::block_on(async { the_whole_path_blocking() });
}

#[test]
fn threads_share_one_blocking_handle() {
    let builder = blocking::Repository::builder(Arc::new(MemoryStore::new())).settings(settings());
    let repository = builder.create(cheap(), &passphrase()).unwrap().repository;
    let folder = make(1 << 20);
    std::thread::scope(|scope| {
        for number in 0..3 {
            let (repository, folder) = (repository.clone(), folder.path());
            scope.spawn(move || {
                let source = Arc::new(tree(folder));
                let options = BackupOptions::new(format!("series {number}"));
                assert!(
                    repository
                        .backup(source, options, Arc::new(()))
                        .unwrap()
                        .is_complete()
                );
            });
        }
    });
    assert_eq!(repository.snapshots().unwrap().len(), 3);
}

#[test]
fn a_panic_of_the_callers_own_code_reaches_nobody_else() {
    let builder = blocking::Repository::builder(Arc::new(MemoryStore::new())).settings(settings());
    let repository = builder.create(cheap(), &passphrase()).unwrap().repository;
    let folder = make(1 << 10);
    let source = Arc::new(tree(folder.path()));
    let snapshot = repository
        .backup(source, BackupOptions::new("tests"), Arc::new(()))
        .unwrap()
        .snapshot;
    let failed = repository.list(&snapshot, b"", Default::default(), |_, _| {
        panic!("a bug of the caller")
    });
    assert_eq!(failed.unwrap_err().kind(), ErrorKind::Internal);
    assert_eq!(repository.snapshots().unwrap().len(), 1);
}
