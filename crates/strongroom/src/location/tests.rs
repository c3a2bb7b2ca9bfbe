//! What is kept of a store on this machine, with the engine and the checker at work.

use std::sync::Arc;

use futures::executor::block_on;
use strongroom_repo::{BackupOptions, CreateOptions, Credential, RepairOptions, Settings};
use strongroom_store::wrap::{CacheSettings, Cached, Operation, Recording};
use strongroom_store::{MemoryStore, Prefix, Store, StoreExt as _};
use strongroom_verify::{Auditor, CheckOptions, Level};
use tempfile::TempDir;

use super::stores::cache_rules;
use crate::{Argon2Params, FileTree, blocking};

type Far = Recording<MemoryStore>;

fn near(far: &Far, folder: &TempDir) -> Cached<Far> {
    let settings = CacheSettings::new(folder.path(), "a bucket");
    Cached::new(far.clone(), cache_rules().unwrap(), settings)
}

fn builder(store: impl Store + 'static) -> blocking::RepositoryBuilder {
    let mut settings = Settings::default();
    settings.threads = 1;
    settings.pack_bytes = 1 << 20;
    settings.cache = None;
    blocking::Repository::builder(Arc::new(store)).settings(settings)
}

/// A repository with some megabytes of content, written through a cache.
fn backed_up(far: &Far, folder: &TempDir) -> Cached<Far> {
    let source = tempfile::tempdir().unwrap();
    let mut noise = vec![0; CONTENT];
    let mut state = 0x9e37_79b9_7f4a_7c15_u64;
    for byte in &mut noise {
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
        *byte = state.to_le_bytes()[0];
    }
    std::fs::write(source.path().join("noise"), noise).unwrap();
    let store = near(far, folder);
    let options = CreateOptions::default().with_argon2(Argon2Params::FASTEST);
    let created = builder(store.clone()).create(options, &credential());
    let repository = created.unwrap().repository;
    let tree = FileTree::builder(source.path()).build().unwrap();
    repository
        .backup(Arc::new(tree), BackupOptions::new("tests"), Arc::new(()))
        .unwrap();
    store
}

fn credential() -> Credential {
    Credential::passphrase("kept on this machine")
}

fn kept_bytes(folder: &TempDir) -> u64 {
    let folders = std::fs::read_dir(folder.path()).unwrap().flatten();
    let files = folders.flat_map(|folder| std::fs::read_dir(folder.path()).unwrap().flatten());
    files.map(|file| file.metadata().unwrap().len()).sum()
}

#[test]
fn content_is_not_kept_and_segments_are() {
    let (far, folder) = (Far::new(MemoryStore::new()), tempfile::tempdir().unwrap());
    backed_up(&far, &folder);
    let kept = kept_bytes(&folder);
    assert!(0 < kept && kept < CONTENT as u64 / 4, "{kept} bytes");
    far.reset();
    let repository = builder(near(&far, &folder)).open(&credential()).unwrap();
    let plan = repository.plan_repair(RepairOptions::default(), Arc::new(()));
    assert!(!plan.unwrap().has_work());
    far.reset();
    assert_eq!(repository.snapshots().unwrap().len(), 1);
    let calls = far.calls();
    let asked = calls.iter().filter(|call| call.operation == Operation::Get);
    let segments = asked.filter(|call| call.key.starts_with("index/"));
    assert_eq!(segments.count(), 0);
}

#[test]
fn a_check_and_a_repair_look_at_the_store_and_not_at_what_is_kept_of_it() {
    let (far, folder) = (Far::new(MemoryStore::new()), tempfile::tempdir().unwrap());
    let store = backed_up(&far, &folder);
    let prefix = Prefix::parse("index/").unwrap();
    let segment = block_on(far.list_all(&prefix)).unwrap().remove(0).key;
    let mut bytes = block_on(far.get_all(&segment)).unwrap().to_vec();
    let last = bytes.len() / 2;
    bytes[last] ^= 1;
    block_on(far.replace(&segment, bytes.clone().into())).unwrap();
    assert_ne!(block_on(store.get_all(&segment)).unwrap(), bytes, "kept");

    let options = CheckOptions::new(strongroom_format::Time::default()).with_level(Level::Hashed);
    let auditor = Auditor::new(Arc::new(store));
    let report = blocking::check(auditor, options, Arc::new(())).unwrap();
    assert!(!report.is_intact(), "{report:?}");

    let store = near(&far, &folder);
    let kept = block_on(store.get_all(&segment)).unwrap();
    assert_eq!(
        kept, bytes,
        "the check has seen to it that it is not kept any more"
    );
    let repository = builder(store).open(&credential()).unwrap();
    let plan = repository.plan_repair(RepairOptions::default(), Arc::new(()));
    assert!(plan.unwrap().has_work());
}

const CONTENT: usize = 6 << 20;
