//! A directory to back up, and what it takes to do so.

use std::collections::BTreeMap;
use std::fs;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use strongroom::{
    Argon2Params, BackupOptions, BackupReport, CreateOptions, Credential, DirectoryTarget,
    DirectoryTargetOptions, FileTree, Id, Repository, RestoreOptions, Settings, Store,
};

pub(crate) fn passphrase() -> Credential {
    Credential::passphrase("correct horse battery staple")
}

pub(crate) fn cheap() -> CreateOptions {
    CreateOptions::default().with_argon2(Argon2Params::FASTEST)
}

pub(crate) fn settings() -> Settings {
    let mut settings = Settings::default();
    settings.threads = 2;
    settings.pack_bytes = 1 << 20;
    settings
}

/// Makes a directory with some small files and one of that many incompressible bytes.
pub(crate) fn make(bytes: usize) -> tempfile::TempDir {
    let folder = tempfile::tempdir().unwrap();
    fs::create_dir(folder.path().join("below")).unwrap();
    for number in 0..20 {
        fs::write(
            folder.path().join(format!("below/{number}")),
            vec![b'x'; number * 100],
        )
        .unwrap();
    }
    let mut state = 0x9e37_79b9_7f4a_7c15_u64;
    let mut noise = Vec::with_capacity(bytes + 8);
    while noise.len() < bytes {
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
        noise.extend_from_slice(&state.to_le_bytes());
    }
    fs::write(folder.path().join("noise"), &noise[..bytes]).unwrap();
    folder
}

/// Returns every file's path and content.
pub(crate) fn files(root: &Path) -> BTreeMap<String, Vec<u8>> {
    let mut found = BTreeMap::new();
    let mut todo = vec![root.to_owned()];
    while let Some(folder) = todo.pop() {
        for entry in fs::read_dir(folder).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() {
                todo.push(path);
            } else {
                let name = path
                    .strip_prefix(root)
                    .unwrap()
                    .to_str()
                    .unwrap()
                    .to_owned();
                found.insert(name, fs::read(&path).unwrap());
            }
        }
    }
    found
}

/// Makes the source of a directory. Its files are new, and their times are trusted nevertheless.
pub(crate) fn tree(folder: &Path) -> FileTree {
    FileTree::builder(folder)
        .timestamp_granule(Duration::ZERO)
        .build()
        .unwrap()
}

pub(crate) async fn open(store: Arc<dyn Store>) -> Repository {
    Repository::builder(store)
        .settings(settings())
        .open(&passphrase())
        .await
        .unwrap()
}

pub(crate) async fn back_up(
    repository: &Repository,
    folder: &Path,
) -> strongroom::Result<BackupReport> {
    let source = Arc::new(tree(folder));
    repository
        .backup(source, BackupOptions::new("tests"), Arc::new(()))
        .await
}

pub(crate) async fn restored(repository: &Repository, snapshot: &Id) -> BTreeMap<String, Vec<u8>> {
    let folder = tempfile::tempdir().unwrap();
    let target = DirectoryTarget::create(folder.path(), DirectoryTargetOptions::new()).unwrap();
    let report = repository
        .restore(
            snapshot,
            Arc::new(target),
            RestoreOptions::default(),
            Arc::new(()),
        )
        .await;
    assert!(report.unwrap().is_complete());
    files(folder.path())
}
