//! What these tests are made of: a history of every kind of entry, and what is left of it without some.

use std::collections::BTreeMap;
use std::sync::Arc;

use futures::executor::block_on;
use strongroom_crypt::{Id, Roles};
use strongroom_format::{Body, Dropped, ObjectHash, Tombstone, object_name};
use strongroom_store::{MemoryStore, Prefix, Store, StoreExt as _};

use super::super::*;
use crate::context::object_key;
pub(super) use crate::testing::copy_of as copy;
use crate::testing::{MemoryTarget, Shape, Tree, Writer, append_as};
use crate::{CreateOptions, Credential, RepositoryBuilder, RestoreOptions, Result, Settings};

pub(super) fn tree(number: u8) -> Tree {
    let file = |name: u8| Tree::file(&[name ^ number; 700]);
    let below = Tree::dir([("d", file(4)), ("e", Tree::Symlink(b"d".to_vec()))]);
    Tree::dir([
        ("a", file(1)),
        ("b", Tree::file(b"the same in all")),
        ("c", below),
    ])
}

pub(super) fn commit(repository: &Repository, number: u8) -> Id {
    Writer::new(repository, Shape::default()).snapshot(&tree(number), &number.to_string())
}

pub(super) fn append(repository: &Repository, body: Body) -> Result<u64> {
    let roles = match body.roles_needed() {
        roles if roles.intersects(Roles::ADMIN) => Roles::ADMIN,
        _ => Roles::MAINTAINER,
    };
    append_as(repository, roles, body)
}

pub(super) fn builder(store: &Arc<MemoryStore>) -> RepositoryBuilder {
    let store: Arc<dyn Store> = store.clone();
    Repository::builder(store)
}

/// A cache on this machine, until it is dropped.
pub(super) struct Cache(tempfile::TempDir);

impl Cache {
    pub(super) fn new() -> Self {
        Self(tempfile::tempdir().unwrap())
    }

    /// Returns what opens the repository with this cache.
    pub(super) fn builder(&self, store: &Arc<MemoryStore>) -> RepositoryBuilder {
        builder(store).settings(Settings {
            cache: Some(self.0.path().to_owned()),
            ..Settings::default()
        })
    }

    pub(super) fn open(&self, store: &Arc<MemoryStore>) -> Result<Repository> {
        block_on(self.builder(store).open(&Credential::None))
    }
}

pub(super) fn create(options: CreateOptions) -> (Arc<MemoryStore>, Repository) {
    let store = Arc::new(MemoryStore::new());
    let options = options.with_suite(strongroom_crypt::Suite::None);
    let created = block_on(builder(&store).create(options, &Credential::None)).unwrap();
    (store, created.repository)
}

pub(super) fn open(store: &Arc<MemoryStore>) -> Result<Repository> {
    block_on(builder(store).open(&Credential::None))
}

pub(super) fn open_around(store: &Arc<MemoryStore>, mode: LostEntries) -> Repository {
    block_on(builder(store).on_lost_entries(mode).open(&Credential::None)).unwrap()
}

pub(super) fn names(store: &MemoryStore) -> BTreeMap<String, u64> {
    let listed = block_on(store.list_all(&Prefix::root())).unwrap();
    let name = |meta: strongroom_store::ObjectMeta| (meta.key.as_str().to_owned(), meta.len);
    listed.into_iter().map(name).collect()
}

pub(super) fn remove(store: &MemoryStore, name: &str) {
    block_on(store.delete(&object_key(name).unwrap())).unwrap();
}

pub(super) fn rot(store: &MemoryStore, name: &str) {
    let key = object_key(name).unwrap();
    let mut bytes = block_on(store.get_all(&key)).unwrap().to_vec();
    let middle = bytes.len() / 2;
    bytes[middle] ^= 1;
    block_on(store.replace(&key, bytes.into())).unwrap();
}

/// Hides the entries from `n` on, as a store does that shows an earlier time.
pub(super) fn go_back(store: &MemoryStore, n: u64) {
    for name in names(store).into_keys() {
        if matches!(object_name::parse(&name), Some(object_name::ObjectName::Journal(at)) if at >= n)
        {
            remove(store, &name);
        }
    }
}

pub(super) type Harm = fn(&MemoryStore, &str);

pub(super) const HARMS: [Harm; 2] = [remove, rot];

/// Restores every snapshot, and compares it with the tree that its series names. Returns the series.
pub(super) fn restored(repository: &Repository) -> Vec<String> {
    let snapshots = block_on(repository.snapshots()).unwrap();
    let mut series = Vec::new();
    for info in snapshots {
        let target = Arc::new(MemoryTarget::default());
        let options = RestoreOptions::default();
        let restore = repository.restore(&info.id, target.clone(), options, Arc::new(()));
        let report = block_on(restore).unwrap();
        assert!(report.is_complete(), "{report:?}");
        let number = info.snapshot.series.parse().unwrap();
        assert!(target.flat() == tree(number).flat());
        series.push(info.snapshot.series.clone());
    }
    series.sort();
    series
}

/// What each entry behind the first did, as a test sees it.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) enum Deed {
    Commits(u8),
    /// What the entry with this number committed.
    Forgets(usize),
    Drops,
    Notes,
}

/// A journal with every kind of entry that changes what is listed or needed.
pub(super) fn history(repository: &Repository) -> Vec<Deed> {
    let mut deeds = vec![Deed::Notes];
    let one = commit(repository, 1);
    let two = commit(repository, 2);
    deeds.extend([Deed::Commits(1), Deed::Commits(2)]);
    // Snapshot 3 is repacked, and what it was in is dropped.
    let before = repository.journal().state();
    commit(repository, 3);
    let after = repository.journal().state();
    let again = commit(repository, 3);
    let new = |name: &&ObjectHash| {
        !before.packs.contains(name).unwrap() && !before.segments.contains_key(*name)
    };
    let dropped = Dropped {
        packs: after.packs.all().keys().filter(new).copied().collect(),
        segments: after.segments.keys().filter(new).copied().collect(),
        ..Dropped::default()
    };
    let body = Body::Tombstone(Tombstone {
        dropped,
        ..Tombstone::default()
    });
    append(repository, body).unwrap();
    deeds.extend([Deed::Commits(3), Deed::Commits(3), Deed::Drops]);
    let forget = |id| {
        Body::Forget(strongroom_format::Forget {
            snapshots: vec![id],
            ..Default::default()
        })
    };
    append(repository, forget(two)).unwrap();
    append(repository, forget(again)).unwrap();
    deeds.extend([Deed::Forgets(2), Deed::Forgets(4)]);
    let hold = strongroom_format::Hold {
        action: strongroom_format::HoldAction::Place,
        id: [7; 16],
        snapshots: vec![one],
        series: None,
        reason: "a test".to_owned(),
        end: None,
        unknown: strongroom_format::Unknown::default(),
    };
    append(repository, Body::Hold(hold)).unwrap();
    commit(repository, 4);
    let evidence = strongroom_format::Evidence {
        kind: "test".to_owned(),
        record: vec![0xA0],
        ..Default::default()
    };
    append(repository, Body::Evidence(evidence)).unwrap();
    deeds.extend([Deed::Notes, Deed::Commits(4), Deed::Notes]);
    deeds
}

/// The series that are listed when entries do what they do but for the lost ones.
pub(super) fn listed(deeds: &[Deed], lost: impl Fn(usize) -> bool) -> Vec<String> {
    let mut listed: BTreeMap<usize, u8> = BTreeMap::new();
    for (n, deed) in deeds.iter().enumerate().filter(|(n, _)| !lost(*n)) {
        match deed {
            Deed::Commits(number) => drop(listed.insert(n, *number)),
            Deed::Forgets(at) => drop(listed.remove(at)),
            Deed::Drops | Deed::Notes => {}
        }
    }
    let mut series: Vec<_> = listed.values().map(u8::to_string).collect();
    series.sort();
    series
}

pub(super) fn plan(repository: &Repository) -> JournalRepairPlan {
    block_on(repository.plan_journal_repair(None)).unwrap()
}

pub(super) fn repair(repository: &Repository) -> JournalRepairReport {
    let plan = plan(repository);
    assert!(!plan.is_empty() && !plan.to_string().is_empty());
    block_on(repository.repair_journal(&plan, None)).unwrap()
}

/// Repairs, and makes sure that everything goes on.
pub(super) fn mend(store: &Arc<MemoryStore>, around: &Repository) {
    let report = repair(around);
    assert!(!report.bridged.is_empty() || !report.restored.is_empty());
    let repository = open(store).unwrap();
    assert_eq!(repository.journal().state().head, report.head);
    assert_eq!(around.journal_damage(), None);
    // The handle that repaired goes on as well as one that is opened afresh.
    commit(around, 8);
    commit(&repository, 9);
    let mut expected = restored(&repository);
    expected.retain(|series| *series != "8" && *series != "9");
    let all = restored(&open(store).unwrap());
    assert_eq!(all.len(), expected.len() + 2);
    let before = names(store);
    let nothing = plan(&repository);
    assert!(nothing.is_empty(), "{nothing}");
    let report = block_on(repository.repair_journal(&nothing, None)).unwrap();
    assert_eq!(report.bridged, Vec::<u64>::new());
    assert_eq!(names(store), before);
}
