//! What others do, and a backup that they do it to.

use std::collections::BTreeSet;
use std::sync::Arc;

use strongroom_crypt::{Id, Roles, SessionId};
use strongroom_format::{
    Body, Damaged, DamagedPack, Dropped, Forget, ObjectHash, PackClass, PackRef, Packs, Tombstone,
    object_name,
};
use strongroom_store::wrap::{Fault, FaultPlan, Faulty, Gate, Operation, Rule, When};
use strongroom_store::{Prefix, Store};

use crate::backup::BackupReport;
use crate::backup::tests::{backup, eager, in_store, options};
use crate::context::object_key;
use crate::edge::{self, Remote};
use crate::state::State;
use crate::testing::{TestStore, Tree, TreeSource, append_as, noise, reopen, repository, settings};
use crate::{BackupOptions, Error, Repository, Settings};

pub(super) fn wait<T>(future: impl Future<Output = T>) -> T {
    futures::executor::block_on(future)
}

/// Something that somebody else does while the backup's put of a journal entry is on its way.
pub(super) type Act<'a> = Box<dyn FnOnce(&Repository) + Send + 'a>;

/// A backup, and what others do to the repository meanwhile.
pub(super) struct Meanwhile<'a> {
    store: &'a Arc<TestStore>,
    pub(super) settings: Settings,
    pub(super) options: BackupOptions,
    acts: Vec<(u64, Act<'a>)>,
    /// What was to be done at a put that never comes is not done.
    pub(super) may_end_before: bool,
}

impl<'a> Meanwhile<'a> {
    pub(super) fn new(store: &'a Arc<TestStore>) -> Self {
        Self {
            store,
            settings: settings(2),
            options: options(),
            acts: Vec::new(),
            may_end_before: false,
        }
    }

    /// Does this while the nth put of a journal entry is on its way.
    pub(super) fn at_put(mut self, nth: u64, act: impl FnOnce(&Repository) + Send + 'a) -> Self {
        self.acts.push((nth, Box::new(act)));
        self
    }

    pub(super) fn back_up(self, source: &Arc<TreeSource>) -> Result<BackupReport, Error> {
        let mut plan = FaultPlan::new();
        let mut gates = Vec::new();
        for (nth, act) in self.acts {
            let gate = Gate::new();
            let rule = Rule::new(Fault::PauseBefore(gate.clone()))
                .with_operation(Operation::Put)
                .with_key_prefix("journal/")
                .with_when(When::Nth(nth));
            plan = plan.with_rule(rule);
            gates.push((gate, act));
        }
        let paused: Arc<dyn Store> = Arc::new(Faulty::new(Arc::clone(self.store), plan));
        let repository = in_store(paused, self.settings).unwrap();
        let (store, may_end_before) = (self.store, self.may_end_before);
        let mut run = Box::pin(repository.backup(source.clone(), self.options, Arc::new(())));
        wait(async move {
            for (gate, act) in gates {
                let arrived = Box::pin(async { gate.arrived(1).await });
                match futures::future::select(run, arrived).await {
                    futures::future::Either::Left((ended, _)) if may_end_before => {
                        return ended;
                    }
                    futures::future::Either::Left((ended, _)) => {
                        panic!("it ended before: {ended:?}")
                    }
                    futures::future::Either::Right(((), rest)) => run = rest,
                }
                std::thread::scope(|scope| {
                    let acted = scope.spawn(|| act(&reopen(store, settings(2))));
                    acted.join().unwrap();
                });
                gate.open();
            }
            run.await
        })
    }
}

pub(super) fn source(tree: &Tree) -> Arc<TreeSource> {
    Arc::new(TreeSource::new(tree.clone()))
}

pub(super) fn with_remote<T: Send + 'static>(
    repository: &Repository,
    work: impl FnOnce(&Remote) -> Result<T, Error> + Send + 'static,
) -> T {
    wait(edge::run(repository.store(), "test", work)).unwrap()
}

pub(super) fn append(repository: &Repository, roles: Roles, body: Body) {
    append_as(repository, roles, body).unwrap();
}

pub(super) fn state(repository: &Repository) -> Arc<State> {
    repository.journal().state()
}

pub(super) fn forget(repository: &Repository, snapshots: Vec<Id>) {
    let forget = Forget {
        snapshots,
        ..Forget::default()
    };
    append(repository, Roles::MAINTAINER, Body::Forget(forget));
}

pub(super) fn forget_all(repository: &Repository) {
    let all = state(repository)
        .snapshots
        .values()
        .map(|(id, _)| *id)
        .collect();
    forget(repository, all);
}

/// Drops these and deletes them, as a prune and a delete after it do.
pub(super) fn bury(repository: &Repository, packs: Vec<ObjectHash>, segments: Vec<ObjectHash>) {
    bury_with(repository, packs, segments, Vec::new());
}

pub(super) fn bury_with(
    repository: &Repository,
    packs: Vec<ObjectHash>,
    segments: Vec<ObjectHash>,
    sessions: Vec<SessionId>,
) {
    let packs_named = packs.iter().map(object_name::pack);
    let names: Vec<String> = packs_named
        .chain(segments.iter().map(object_name::index))
        .collect();
    let dropped = Dropped {
        packs,
        segments,
        sessions,
        ..Dropped::default()
    };
    let tombstone = Tombstone {
        dropped,
        ..Tombstone::default()
    };
    append(repository, Roles::MAINTAINER, Body::Tombstone(tombstone));
    with_remote(repository, move |remote| {
        names
            .iter()
            .try_for_each(|name| remote.delete(&object_key(name)?))
    });
}

pub(super) fn packs_of(repository: &Repository, class: PackClass) -> Vec<ObjectHash> {
    let state = state(repository);
    let all = state.packs.all();
    let packs = all.values().filter(|pack| pack.class == class);
    packs.map(|pack| pack.name).collect()
}

pub(super) fn everything(repository: &Repository) -> (Vec<ObjectHash>, Vec<ObjectHash>) {
    let state = state(repository);
    let packs = state.packs.all().keys().copied().collect();
    (packs, state.segments.keys().copied().collect())
}

/// Packs that are in the store and in no entry.
pub(super) fn unannounced(repository: &Repository) -> Vec<ObjectHash> {
    let known = state(repository);
    let all = with_remote(repository, |remote| remote.list(&Prefix::parse("pack/")?));
    all.iter()
        .filter_map(|object| {
            object
                .key
                .as_str()
                .rsplit('/')
                .next()
                .map(ToOwned::to_owned)
        })
        .filter_map(|name| ObjectHash::parse(&name))
        .filter(|name| !known.packs.contains(name).unwrap() && !known.dropped.contains_key(name))
        .collect()
}

pub(super) fn damage(repository: &Repository, packs: &[ObjectHash]) {
    let packs = packs
        .iter()
        .map(|pack| DamagedPack {
            pack: *pack,
            frames: Vec::new(),
        })
        .collect();
    let damaged = Damaged {
        packs,
        ..Damaged::default()
    };
    append(repository, Roles::MAINTAINER, Body::Damaged(damaged));
}

/// An entry that takes nothing away.
pub(super) fn announce_something(repository: &Repository) {
    let body = Body::Packs(Packs {
        session: SessionId::from_bytes([9; 32]),
        packs: vec![PackRef {
            name: ObjectHash::of(b"something"),
            len: 1,
            class: PackClass::Data,
        }],
        segments: Vec::new(),
        unknown: Default::default(),
    });
    append(repository, Roles::WRITER, body);
}

/// A repository with two snapshots: the first of the tree without `late`, so that the second has pages, names and content in
/// packs of its own, and shares a subtree below its root with the first.
pub(super) fn two_snapshots() -> (Arc<TestStore>, Tree, [BTreeSet<ObjectHash>; 2]) {
    let (store, repository) = repository();
    let deep = Tree::dir([("deep", Tree::dir([("file", Tree::file(&noise(1, 5_000)))]))]);
    let first = Tree::dir([("a", deep.clone())]);
    let both = Tree::dir([("a", deep), ("late", Tree::file(&noise(2, 3_000)))]);
    backup(&repository, &first);
    let old: BTreeSet<_> = state(&repository).packs.all().keys().copied().collect();
    backup(&repository, &both);
    let new = state(&repository)
        .packs
        .all()
        .keys()
        .filter(|name| !old.contains(*name))
        .copied()
        .collect();
    (store, both, [old, new])
}

pub(super) fn of_class(
    repository: &Repository,
    names: &BTreeSet<ObjectHash>,
    class: PackClass,
) -> Vec<ObjectHash> {
    let all = packs_of(repository, class);
    all.into_iter()
        .filter(|name| names.contains(name))
        .collect()
}

pub(super) fn fresh(store: &Arc<TestStore>) -> Repository {
    reopen(store, settings(2))
}

/// A tree of which a backup with eager settings announces one pack, and has some more at the end.
pub(super) fn one_announcement() -> Tree {
    let entries = (0..13).map(|n| {
        let name = format!("{n:02}").into_bytes();
        (name, Tree::file(&noise(100 + n, 120_000)))
    });
    Tree::Dir(entries.collect())
}

pub(super) fn announcing(store: &Arc<TestStore>) -> Meanwhile<'_> {
    let mut meanwhile = Meanwhile::new(store);
    meanwhile.settings = eager();
    meanwhile.options = BackupOptions::new("tests");
    meanwhile
}

pub(super) fn only_session(by: &Repository) -> SessionId {
    let state = state(by);
    assert_eq!(state.sessions.len(), 1);
    *state.sessions.keys().next().unwrap()
}
