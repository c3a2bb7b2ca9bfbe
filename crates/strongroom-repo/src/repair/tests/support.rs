//! Short names for what the tests do over and over.

use std::collections::BTreeMap;
use std::sync::Arc;

use bytes::Bytes;
use strongroom_crypt::Id;
use strongroom_format::object_name::{self, ObjectName};
use strongroom_format::{Body, DamagedObject, Evidence, ObjectHash};
use strongroom_store::{Key, MemoryStore, Prefix, Store, StoreExt as _};

use crate::edge;
use crate::state::State;
use crate::testing::{
    Flat, MemoryTarget, TestStore, Tree, TreeSource, reopen, repository, settings,
};
pub(super) use crate::testing::{append, forget, noise};
use crate::{
    BackupOptions, Error, ParentChoice, QuarantineReport, RepairOptions, RepairPlan, RepairReport,
    Repository, RestoreOptions, RestoreReport, Settings,
};

pub(super) fn wait<T>(future: impl Future<Output = T>) -> T {
    futures::executor::block_on(future)
}

/// A tree of some directories and files. Trees of neighbouring numbers share most.
pub(super) fn tree(n: u64) -> Tree {
    let file = |n: u64| (format!("{n:03}").into_bytes(), Tree::file(&noise(n, 700)));
    let dir = |from: u64| Tree::Dir((from..from + 20).map(file).collect());
    Tree::dir([
        ("deep", Tree::dir([("down", dir(100))])),
        ("empty", Tree::file(b"")),
        ("large", Tree::file(&noise(1_000, 40_000))),
        ("many", dir(n * 4)),
        ("new", Tree::file(&noise(5_000 + n, 3_000))),
    ])
}

/// Small packs, so that there are many.
pub(super) fn small() -> Settings {
    Settings {
        pack_bytes: 16 << 10,
        ..settings(1)
    }
}

pub(super) fn fresh(store: &Arc<TestStore>) -> Repository {
    reopen(store, small())
}

/// A repository with snapshots, and what they are of.
pub(super) struct World {
    pub(super) store: Arc<TestStore>,
    pub(super) repository: Repository,
    pub(super) snapshots: Vec<(Id, Tree)>,
}

impl World {
    /// Three snapshots of a series, and a full bundle.
    pub(super) fn new() -> Self {
        let (store, _) = repository();
        let mut world = Self {
            repository: fresh(&store),
            store,
            snapshots: Vec::new(),
        };
        for n in 0..3 {
            world.back_up(&tree(n));
        }
        world
    }

    /// The same with entries enough for a bundle and a checkpoint.
    pub(super) fn with_bundle() -> Self {
        let world = Self::new();
        let body = Body::Evidence(Evidence::default());
        while state(&world.repository).head < 70 {
            append(&world.repository, body.clone());
        }
        world
    }

    pub(super) fn back_up(&mut self, tree: &Tree) -> Id {
        let id = back_up(&self.repository, tree);
        self.snapshots.push((id, tree.clone()));
        id
    }

    /// Opens it afresh.
    pub(super) fn reopen(&mut self) {
        self.repository = fresh(&self.store);
    }

    /// Returns a byte-for-byte copy.
    pub(super) fn mirror(&self) -> Arc<MemoryStore> {
        let mirror = Arc::new(MemoryStore::new());
        for (name, bytes) in objects(&self.store) {
            wait(mirror.put_new(&Key::parse(&name).unwrap(), bytes)).unwrap();
        }
        mirror
    }

    /// Another one, with the same bytes.
    pub(super) fn twin(&self) -> Self {
        let store = Arc::new(TestStore::new(MemoryStore::new()));
        for (name, bytes) in objects(&self.store) {
            put(&store, &name, bytes);
        }
        Self {
            repository: fresh(&store),
            store,
            snapshots: self.snapshots.clone(),
        }
    }

    pub(super) fn assert_whole(&self) {
        for (id, tree) in &self.snapshots {
            let (flat, report) = restore(&fresh(&self.store), *id);
            assert!(report.is_complete(), "{report:?}");
            assert!(flat == tree.flat(), "snapshot {id} is not what it was");
        }
    }

    /// Says whether a snapshot is whole.
    pub(super) fn is_whole(&self, at: usize) -> bool {
        let (id, tree) = &self.snapshots[at];
        let (flat, report) = restore(&fresh(&self.store), *id);
        report.is_complete() && flat == tree.flat()
    }

    /// Plans with these suspects and everything again, until nothing is left to do. Returns the last plan.
    pub(super) fn repair_all(&mut self, options: &RepairOptions) -> RepairPlan {
        let mut last = String::new();
        for _ in 0..4 {
            self.reopen();
            let plan = plan(&self.repository, options.clone());
            if !plan.has_work() {
                return plan;
            }
            last = plan.to_string();
            let report = repair(&self.repository, plan);
            assert!(report.is_complete(), "{report}");
        }
        panic!("repair finds no end: {last}")
    }

    pub(super) fn packs(&self) -> Vec<ObjectHash> {
        state(&self.repository)
            .packs
            .all()
            .keys()
            .copied()
            .collect()
    }
}

pub(super) fn back_up(repository: &Repository, tree: &Tree) -> Id {
    let options = BackupOptions::new("series").with_parent(ParentChoice::None);
    let source = Arc::new(TreeSource::new(tree.clone()));
    let report = wait(repository.backup(source, options, Arc::new(()))).unwrap();
    report.snapshot
}

pub(super) fn restore(repository: &Repository, id: Id) -> (Flat, RestoreReport) {
    let target = Arc::new(MemoryTarget::default());
    let options = RestoreOptions::default();
    let report = wait(repository.restore(&id, target.clone(), options, Arc::new(()))).unwrap();
    (target.flat(), report)
}

pub(super) fn state(repository: &Repository) -> Arc<State> {
    let this = repository.clone();
    wait(edge::run(repository.store(), "test", move |remote| {
        this.journal().refresh(remote, this.context())
    }))
    .unwrap()
}

pub(super) fn try_plan(
    repository: &Repository,
    options: RepairOptions,
) -> Result<RepairPlan, Error> {
    wait(repository.plan_repair(options, Arc::new(())))
}

pub(super) fn plan(repository: &Repository, options: RepairOptions) -> RepairPlan {
    try_plan(repository, options).unwrap()
}

pub(super) fn try_repair(repository: &Repository, plan: RepairPlan) -> Result<RepairReport, Error> {
    wait(repository.repair(plan, Arc::new(())))
}

pub(super) fn repair(repository: &Repository, plan: RepairPlan) -> RepairReport {
    try_repair(repository, plan).unwrap()
}

pub(super) fn quarantine(
    repository: &Repository,
    found: impl IntoIterator<Item = DamagedObject>,
) -> QuarantineReport {
    wait(repository.quarantine(found.into_iter().collect())).unwrap()
}

/// All objects of a store.
pub(super) fn objects(store: &Arc<TestStore>) -> BTreeMap<String, Bytes> {
    let inner = store.inner();
    let listed = wait(inner.list_all(&Prefix::root())).unwrap();
    let read = |key: &Key| wait(inner.get_all(key)).unwrap();
    let object = |key: Key| (key.as_str().to_owned(), read(&key));
    listed.into_iter().map(|meta| object(meta.key)).collect()
}

/// Puts an object, whatever is there.
pub(super) fn put(store: &Arc<TestStore>, name: &str, bytes: Bytes) {
    let key = Key::parse(name).unwrap();
    wait(store.inner().delete(&key)).unwrap();
    wait(store.inner().put_new(&key, bytes)).unwrap();
}

pub(super) fn delete(store: &Arc<TestStore>, name: &str) {
    wait(store.inner().delete(&Key::parse(name).unwrap())).unwrap();
}

pub(super) fn get(store: &Arc<TestStore>, name: &str) -> Option<Bytes> {
    wait(store.inner().get_all(&Key::parse(name).unwrap())).ok()
}

/// Flips a bit at a place between the beginning and the end.
pub(super) fn flip(store: &Arc<TestStore>, name: &str, at: f64) {
    let mut bytes = get(store, name).unwrap().to_vec();
    #[expect(
        clippy::cast_possible_truncation,
        clippy::cast_sign_loss,
        reason = "a place in a small object"
    )]
    let place = ((bytes.len() - 1) as f64 * at) as usize;
    bytes[place] ^= 0x10;
    put(store, name, bytes.into());
}

/// Cuts an object off in the middle.
pub(super) fn cut(store: &Arc<TestStore>, name: &str) {
    let bytes = get(store, name).unwrap();
    put(store, name, bytes.slice(..bytes.len() / 2));
}

pub(super) fn pack(name: &ObjectHash) -> String {
    object_name::pack(name)
}

/// What a check would say of an object.
pub(super) fn suspect(name: &str) -> DamagedObject {
    DamagedObject {
        name: object_name::parse(name).unwrap(),
        frames: Vec::new(),
    }
}

/// All objects of a store, as suspects.
pub(super) fn everything(store: &Arc<TestStore>) -> RepairOptions {
    let all = objects(store);
    RepairOptions::default().with_suspects(all.keys().map(|name| suspect(name)))
}

pub(super) fn is_pack(name: &str) -> bool {
    matches!(object_name::parse(name), Some(ObjectName::Pack(_)))
}

pub(super) fn as_store(store: &Arc<MemoryStore>) -> Arc<dyn Store> {
    store.clone()
}
