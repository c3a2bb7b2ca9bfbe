//! Operations on a repository whose packs in force are in a file of the local cache.

use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use futures::executor::block_on;
use strongroom_crypt::Id;
use strongroom_format::{DamagedObject, object_name};
use strongroom_store::{Key, Prefix, Store as _, StoreExt as _};

use crate::testing::{MemoryTarget, TestStore, Tree, TreeSource, reopen, repository, settings};
use crate::{
    BackupOptions, DeleteOptions, ForgetOptions, ParentChoice, PruneOptions, RepairOptions,
    Repository, RestoreOptions, Settings, Unused,
};

/// A repository, and a cache folder in which every table of packs is a file.
struct World {
    store: Arc<TestStore>,
    cache: tempfile::TempDir,
    snapshots: Vec<(Id, Tree)>,
}

impl World {
    fn new() -> Self {
        Self {
            store: repository().0,
            cache: tempfile::tempdir().unwrap(),
            snapshots: Vec::new(),
        }
    }

    /// Opens it as the next process does.
    fn open(&self) -> Repository {
        let repository = reopen(&self.store, filed(self.cache.path()));
        let state = repository.journal().state();
        assert_eq!(state.packs.changes().is_some(), state.packs.len() > 0);
        repository
    }

    fn back_up(&mut self, n: u64) -> Id {
        let tree = tree(n);
        let options = BackupOptions::new("series").with_parent(ParentChoice::None);
        let source = Arc::new(TreeSource::new(tree.clone()));
        let report = block_on(self.open().backup(source, options, Arc::new(()))).unwrap();
        self.snapshots.push((report.snapshot, tree));
        report.snapshot
    }

    fn forget(&mut self, id: Id) {
        let repository = self.open();
        let plan = block_on(repository.plan_forget(ForgetOptions::of([id]))).unwrap();
        block_on(repository.forget(plan)).unwrap();
        self.snapshots.retain(|(one, _)| *one != id);
    }

    fn prune(&self) -> (u64, u64) {
        let options = PruneOptions::default()
            .with_max_unused(Unused::Bytes(0))
            .with_orphan_age(Duration::ZERO)
            .with_session_age(Duration::ZERO);
        let repository = self.open();
        let plan = block_on(repository.plan_prune(options, Arc::new(()))).unwrap();
        let report = block_on(repository.prune(plan, Arc::new(()))).unwrap();
        assert!(report.problems.is_empty());
        (report.dropped_packs, report.added_packs)
    }

    fn delete(&self) {
        let repository = self.open();
        let options = DeleteOptions::default().with_min_age(Duration::ZERO);
        let plan = block_on(repository.plan_delete(options)).unwrap();
        let report = block_on(repository.delete_dropped(plan, Arc::new(()))).unwrap();
        assert!(report.problems.is_empty());
    }

    /// Asserts that all snapshots are whole, that whoever has no cache has the same packs in force, and that these are what is stored.
    fn assert_whole(&self) {
        let repository = self.open();
        for (id, tree) in &self.snapshots {
            let target = Arc::new(MemoryTarget::default());
            let options = RestoreOptions::default();
            let restored = repository.restore(id, target.clone(), options, Arc::new(()));
            let report = block_on(restored).unwrap();
            assert!(report.is_complete() && target.flat() == tree.flat());
        }
        let own = repository.journal().state();
        let other = reopen(&self.store, settings(1)).journal().state();
        assert_eq!((own.head, own.head_hash), (other.head, other.head_hash));
        assert!(own.packs.all() == other.packs.all());
    }

    fn stored_packs(&self) -> Vec<Key> {
        let prefix = Prefix::parse("pack/").unwrap();
        let listed = block_on(self.store.list_all(&prefix)).unwrap();
        listed.into_iter().map(|meta| meta.key).collect()
    }
}

/// Tiny packs, all of them in a file.
fn filed(cache: &Path) -> Settings {
    Settings {
        pack_bytes: 16 << 10,
        cache: Some(cache.to_owned()),
        packs_in_memory: 0,
        ..settings(2)
    }
}

/// A tree of many packs. Trees of neighbouring numbers share half.
fn tree(n: u64) -> Tree {
    let file = |n: u64| {
        let mut bytes = vec![0; 6_000];
        let mut noise = blake3::Hasher::new();
        noise
            .update(&n.to_le_bytes())
            .finalize_xof()
            .fill(&mut bytes);
        (format!("{n:03}").into_bytes(), Tree::file(&bytes))
    };
    Tree::dir([("many", Tree::Dir((n * 20..n * 20 + 40).map(file).collect()))])
}

#[test]
fn every_operation_works_on_a_table_in_a_file() {
    let mut world = World::new();
    let first = world.back_up(0);
    world.back_up(1);
    let last = world.back_up(2);
    assert!(world.open().journal().state().packs.len() > 20);
    world.assert_whole();

    world.forget(first);
    let (dropped, _) = world.prune();
    assert!(dropped > 0);
    world.assert_whole();

    // What was dropped and not deleted yet comes back.
    let repository = world.open();
    let plan = block_on(repository.plan_undelete(first)).unwrap();
    assert!(plan.is_possible() && plan.in_force() > 0);
    let report = block_on(repository.undelete(plan, Arc::new(()))).unwrap();
    assert!(report.entry.is_some());
    world.snapshots.push((first, tree(0)));
    world.delete();
    world.assert_whole();

    world.forget(last);
    world.prune();
    world.delete();
    world.assert_whole();
    let in_force = world.open().journal().state().packs.len();
    assert_eq!(world.stored_packs().len(), in_force);
}

#[test]
fn what_is_damaged_or_missing_is_found_and_put_back_with_a_table_in_a_file() {
    let mut world = World::new();
    world.back_up(0);
    world.back_up(1);
    let copies = Arc::new(strongroom_store::MemoryStore::new());
    for meta in block_on(world.store.list_all(&Prefix::root())).unwrap() {
        let bytes = block_on(world.store.get_all(&meta.key)).unwrap();
        block_on(copies.put_new(&meta.key, bytes)).unwrap();
    }
    let packs = world.stored_packs();
    let (gone, bad) = (&packs[0], &packs[packs.len() / 2]);
    block_on(world.store.delete(gone)).unwrap();
    let mut bytes = block_on(world.store.get_all(bad)).unwrap().to_vec();
    bytes[1_000] ^= 1;
    block_on(world.store.replace(bad, bytes.into())).unwrap();

    let suspect = |key: &Key| DamagedObject {
        name: object_name::parse(key.as_str()).unwrap(),
        frames: Vec::new(),
    };
    let repository = world.open();
    let report = block_on(repository.quarantine(vec![suspect(bad)])).unwrap();
    assert_eq!(report.entries.len(), 1);
    let options = RepairOptions::default().with_source(copies);
    let repository = world.open();
    let plan = block_on(repository.plan_repair(options, Arc::new(()))).unwrap();
    assert!(plan.has_work());
    let report = block_on(repository.repair(plan, Arc::new(()))).unwrap();
    assert!(report.is_complete(), "{report}");
    world.assert_whole();
}

#[test]
fn a_backup_notices_what_the_cache_lost_and_the_next_one_works() {
    let mut world = World::new();
    world.back_up(0);
    let repository = world.open();
    let state = repository.journal().state();
    let name = state.packs.changes().unwrap().file.name().to_string();
    let folder = world.cache.path().join(repository.id().to_string());
    let path = folder.join("packs").join(name);
    let mut bytes = std::fs::read(&path).unwrap();
    bytes[100] ^= 1;
    std::fs::write(&path, bytes).unwrap();
    let back_up = |repository: &Repository| {
        let options = BackupOptions::new("series").with_parent(ParentChoice::None);
        let source = Arc::new(TreeSource::new(tree(1)));
        block_on(repository.backup(source, options, Arc::new(())))
    };
    let error = back_up(&repository).unwrap_err();
    assert_eq!(error.kind(), crate::ErrorKind::Unavailable, "{error}");
    let report = back_up(&repository).unwrap();
    world.snapshots.push((report.snapshot, tree(1)));
    world.assert_whole();
}
