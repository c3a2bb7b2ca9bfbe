//! What others do between the beginning of a backup and its commit: every part of the precondition of Commit.

use std::collections::BTreeSet;
use std::sync::Arc;

use proptest::prelude::*;
use strongroom_crypt::{Argon2Params, Id, Passphrase, Roles, SessionId, Suite};
use strongroom_format::{
    Abandon, Body, Condemn, Damaged, DamagedPack, Dropped, EpochState, Forget, Keys, ObjectHash,
    PackClass, PackRef, Packs, SegmentRef, Tombstone, object_name,
};
use strongroom_store::wrap::{Fault, FaultPlan, Faulty, Gate, Operation, Rule, When};
use strongroom_store::{ErrorKind as StoreKind, Prefix, Store};

use super::tests::{assert_restores, backup, eager, in_store, noise, options, sample};
use super::{BackupReport, ParentChoice};
use crate::context::object_key;
use crate::edge::{self, Remote};
use crate::state::State;
use crate::testing::{TestStore, Tree, TreeSource, reopen, repository, settings};
use crate::{
    BackupOptions, CreateOptions, Credential, Error, ErrorKind, NewSlot, Repository, Settings,
};

fn wait<T>(future: impl Future<Output = T>) -> T {
    futures::executor::block_on(future)
}

/// Something that somebody else does while the backup's put of a journal entry is on its way.
type Act<'a> = Box<dyn FnOnce(&Repository) + Send + 'a>;

/// A backup, and what others do to the repository meanwhile.
struct Meanwhile<'a> {
    store: &'a Arc<TestStore>,
    settings: Settings,
    options: BackupOptions,
    acts: Vec<(u64, Act<'a>)>,
}

impl<'a> Meanwhile<'a> {
    fn new(store: &'a Arc<TestStore>) -> Self {
        Self {
            store,
            settings: settings(2),
            options: options(),
            acts: Vec::new(),
        }
    }

    /// Does this while the nth put of a journal entry is on its way.
    fn at_put(mut self, nth: u64, act: impl FnOnce(&Repository) + Send + 'a) -> Self {
        self.acts.push((nth, Box::new(act)));
        self
    }

    fn back_up(self, source: &Arc<TreeSource>) -> Result<BackupReport, Error> {
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
        let store = self.store;
        let mut run = Box::pin(repository.backup(source.clone(), self.options, Arc::new(())));
        wait(async move {
            for (gate, act) in gates {
                let arrived = Box::pin(async { gate.arrived(1).await });
                match futures::future::select(run, arrived).await {
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

fn source(tree: &Tree) -> Arc<TreeSource> {
    Arc::new(TreeSource::new(tree.clone()))
}

fn with_remote<T: Send + 'static>(
    repository: &Repository,
    work: impl FnOnce(&Remote) -> Result<T, Error> + Send + 'static,
) -> T {
    wait(edge::run(repository.store(), "test", work)).unwrap()
}

fn append(repository: &Repository, roles: Roles, body: Body) {
    let this = repository.clone();
    with_remote(repository, move |remote| {
        this.journal()
            .append(remote, this.context(), roles, &mut |_| Ok(body.clone()))
    });
}

fn state(repository: &Repository) -> Arc<State> {
    repository.journal().state()
}

fn forget(repository: &Repository, snapshots: Vec<Id>) {
    let forget = Forget {
        snapshots,
        ..Forget::default()
    };
    append(repository, Roles::MAINTAINER, Body::Forget(forget));
}

fn forget_all(repository: &Repository) {
    let all = state(repository)
        .snapshots
        .values()
        .map(|(id, _)| *id)
        .collect();
    forget(repository, all);
}

/// Drops these and deletes them, as a prune and a delete after it do.
fn bury(repository: &Repository, packs: Vec<ObjectHash>, segments: Vec<ObjectHash>) {
    bury_with(repository, packs, segments, Vec::new());
}

fn bury_with(
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

fn packs_of(repository: &Repository, class: PackClass) -> Vec<ObjectHash> {
    let state = state(repository);
    let packs = state.packs.values().filter(|pack| pack.class == class);
    packs.map(|pack| pack.name).collect()
}

fn everything(repository: &Repository) -> (Vec<ObjectHash>, Vec<ObjectHash>) {
    let state = state(repository);
    let packs = state.packs.keys().copied().collect();
    (packs, state.segments.keys().copied().collect())
}

/// Packs that are in the store and in no entry.
fn unannounced(repository: &Repository) -> Vec<ObjectHash> {
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
        .filter(|name| !known.packs.contains_key(name) && !known.dropped.contains_key(name))
        .collect()
}

fn damage(repository: &Repository, packs: &[ObjectHash]) {
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
fn announce_something(repository: &Repository) {
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
fn two_snapshots() -> (Arc<TestStore>, Tree, [BTreeSet<ObjectHash>; 2]) {
    let (store, repository) = repository();
    let deep = Tree::dir([("deep", Tree::dir([("file", Tree::file(&noise(1, 5_000)))]))]);
    let first = Tree::dir([("a", deep.clone())]);
    let both = Tree::dir([("a", deep), ("late", Tree::file(&noise(2, 3_000)))]);
    backup(&repository, &first);
    let old: BTreeSet<_> = state(&repository).packs.keys().copied().collect();
    backup(&repository, &both);
    let new = state(&repository)
        .packs
        .keys()
        .filter(|name| !old.contains(*name))
        .copied()
        .collect();
    (store, both, [old, new])
}

fn of_class(
    repository: &Repository,
    names: &BTreeSet<ObjectHash>,
    class: PackClass,
) -> Vec<ObjectHash> {
    let all = packs_of(repository, class);
    all.into_iter()
        .filter(|name| names.contains(name))
        .collect()
}

fn fresh(store: &Arc<TestStore>) -> Repository {
    reopen(store, settings(2))
}

#[test]
fn entries_that_take_nothing_away_cost_one_more_try_and_no_walk() {
    let (store, tree, _) = two_snapshots();
    store.reset();
    let report = Meanwhile::new(&store)
        .at_put(1, announce_something)
        .back_up(&source(&tree))
        .unwrap();
    assert_eq!((report.passes, report.repeated_bytes), (1, 0));
    let indexes = store.calls().into_iter().filter(|call| {
        call.operation == Operation::Get
            && (call.key.starts_with("pack/") || call.key.starts_with("index/"))
    });
    // The two segments, and the parent's tree.
    let read: BTreeSet<_> = indexes.map(|call| call.key).collect();
    assert_eq!(
        read.iter().filter(|key| key.starts_with("index/")).count(),
        2,
        "{read:?}"
    );
    assert_restores(&fresh(&store), &report, &tree);
}

#[test]
fn a_parent_that_is_forgotten_meanwhile_is_nothing_lost() {
    let (store, tree, _) = two_snapshots();
    let source = source(&tree);
    let report = Meanwhile::new(&store)
        .at_put(1, forget_all)
        .back_up(&source)
        .unwrap();
    assert_eq!((report.passes, source.reads().len()), (1, 0));
    assert_restores(&fresh(&store), &report, &tree);
}

#[test]
fn packs_that_the_snapshot_does_not_need_may_go() {
    let (store, tree, _) = two_snapshots();
    let other = Tree::dir([("other", Tree::file(&noise(50, 9_000)))]);
    let before: BTreeSet<_> = everything(&fresh(&store)).0.into_iter().collect();
    let options = BackupOptions::new("other").with_parent(ParentChoice::None);
    wait(fresh(&store).backup(source(&other), options, Arc::new(()))).unwrap();
    let source = source(&tree);
    let report = Meanwhile::new(&store)
        .at_put(1, move |by| {
            let latest = state(by).snapshots.values().next_back().unwrap().0;
            forget(by, vec![latest]);
            let packs = everything(by).0;
            bury(
                by,
                packs
                    .into_iter()
                    .filter(|pack| !before.contains(pack))
                    .collect(),
                Vec::new(),
            );
        })
        .back_up(&source)
        .unwrap();
    assert_eq!((report.passes, source.reads().len()), (1, 0));
    assert_restores(&fresh(&store), &report, &tree);
}

#[test]
fn a_subtree_that_a_snapshot_in_force_has_is_not_walked() {
    let (store, mut tree, [old, _]) = two_snapshots();
    let unrelated = Tree::dir([("x", Tree::file(&noise(77, 700)))]);
    let kept: BTreeSet<_> = everything(&fresh(&store)).0.into_iter().collect();
    let other = BackupOptions::new("other").with_parent(ParentChoice::None);
    wait(fresh(&store).backup(source(&unrelated), other, Arc::new(()))).unwrap();
    let Tree::Dir(entries) = &mut tree else {
        unreachable!()
    };
    entries.insert(b"z".to_vec(), Tree::file(b"new"));
    let pages = of_class(&fresh(&store), &old, PackClass::Pages);
    let log = store.clone();
    let report = Meanwhile::new(&store)
        .at_put(1, move |by| {
            let latest = state(by).snapshots.values().next_back().unwrap().0;
            forget(by, vec![latest]);
            let gone = everything(by)
                .0
                .into_iter()
                .filter(|pack| !kept.contains(pack));
            bury(by, gone.collect(), Vec::new());
            log.reset();
        })
        .back_up(&source(&tree))
        .unwrap();
    assert_eq!(report.passes, 1);
    let asked = |prefix: &str| {
        let calls = store.calls();
        calls
            .iter()
            .filter(|call| call.key.starts_with(prefix))
            .count()
    };
    // The new root, which nobody else has, and the parent's beside it: nothing below.
    assert!(asked("pack/") > 0, "something was walked");
    for page in &pages {
        assert_eq!(asked(&object_name::pack(page)), 0);
    }
    assert_restores(&fresh(&store), &report, &tree);
}

#[test]
fn a_pack_that_went_is_stored_again() {
    for class in [PackClass::Data, PackClass::Names, PackClass::Pages] {
        let (store, tree, _) = two_snapshots();
        let source = source(&tree);
        let report = Meanwhile::new(&store)
            .at_put(1, move |by| {
                forget_all(by);
                bury(by, packs_of(by, class), Vec::new());
            })
            .back_up(&source)
            .unwrap();
        assert_eq!(report.passes, 2, "{class:?}");
        assert!(report.repeated_bytes > 0);
        assert_restores(&fresh(&store), &report, &tree);
    }
}

#[test]
fn what_is_lost_below_a_subtree_that_stands_is_found() {
    for class in [PackClass::Data, PackClass::Names, PackClass::Pages] {
        let (store, tree, [old, _]) = two_snapshots();
        let lost = of_class(&fresh(&store), &old, class);
        let report = Meanwhile::new(&store)
            .at_put(1, move |by| {
                forget_all(by);
                // The root, its names and what came late are in other packs and stay.
                bury(by, lost, Vec::new());
            })
            .back_up(&source(&tree))
            .unwrap();
        assert_eq!(report.passes, 2, "{class:?}");
        assert_restores(&fresh(&store), &report, &tree);
    }
}

#[test]
fn recipe_pages_count_like_everything_else() {
    let (store, repository) = repository();
    let tree = sample();
    backup(&repository, &tree);
    let source = source(&tree);
    let report = Meanwhile::new(&store)
        .at_put(1, |by| {
            forget_all(by);
            bury(by, packs_of(by, PackClass::Pages), Vec::new());
        })
        .back_up(&source)
        .unwrap();
    assert_eq!(report.passes, 2);
    assert_eq!(report.summary.new_bytes, 0, "the content is still there");
    assert_restores(&fresh(&store), &report, &tree);
}

#[test]
fn a_recipe_page_whose_copy_is_damaged_makes_the_file_changed() {
    let (store, repository) = repository();
    let tree = sample();
    backup(&repository, &tree);
    damage(&repository, &packs_of(&repository, PackClass::Pages));
    let source = source(&tree);
    let report = wait(fresh(&store).backup(source.clone(), options(), Arc::new(()))).unwrap();
    assert!(
        source.reads().contains(&"large".to_owned()),
        "it has a recipe of its own"
    );
    assert!(!source.reads().contains(&"linked".to_owned()));
    let pages = packs_of(&repository, PackClass::Pages);
    bury(&fresh(&store), pages, Vec::new());
    assert_restores(&fresh(&store), &report, &tree);
}

#[test]
fn a_segment_that_went_without_a_substitute_leaves_blobs_unmapped() {
    let (store, tree, _) = two_snapshots();
    let report = Meanwhile::new(&store)
        .at_put(1, |by| {
            forget_all(by);
            bury(by, Vec::new(), everything(by).1);
        })
        .back_up(&source(&tree))
        .unwrap();
    assert_eq!(report.passes, 2);
    assert_restores(&fresh(&store), &report, &tree);
}

#[test]
fn merged_segments_map_what_they_replace() {
    let (store, tree, _) = two_snapshots();
    let source = source(&tree);
    let report = Meanwhile::new(&store)
        .at_put(1, |by| {
            let old: Vec<SegmentRef> = state(by).segments.values().copied().collect();
            let merged = merge_by_hand(by, &old);
            let body = Body::Index(strongroom_format::IndexChange {
                removed: old.iter().map(|one| one.name).collect(),
                added: vec![merged],
                ..Default::default()
            });
            append(by, Roles::MAINTAINER, body);
        })
        .back_up(&source)
        .unwrap();
    assert_eq!((report.passes, source.reads().len()), (1, 0));
    assert_restores(&fresh(&store), &report, &tree);
}

/// One segment in the place of several.
fn merge_by_hand(repository: &Repository, old: &[SegmentRef]) -> SegmentRef {
    use strongroom_format::{PackRow, PackTail, SegmentBuilder, open_header};
    let context = repository.context().clone();
    let keys = context.keys();
    let mut builder = SegmentBuilder::new();
    for pack in state(repository).packs.values() {
        let key = object_key(&object_name::pack(&pack.name)).unwrap();
        let bytes = with_remote(repository, move |remote| remote.get(&key, None));
        let tail = PackTail::decode(bytes.last_chunk().unwrap(), bytes.len() as u64).unwrap();
        let start = usize::try_from(tail.header_offset).unwrap();
        let sealed = &bytes[start..bytes.len() - PackTail::LEN];
        let preamble = strongroom_format::Preamble::decode(&bytes[..64]).unwrap();
        let header = open_header(
            keys.structure.header(),
            &preamble,
            tail.header_offset,
            sealed,
        )
        .unwrap();
        let row = builder.push_pack(PackRow {
            name: pack.name,
            len: pack.len,
            header_offset: u32::try_from(start).unwrap(),
            header_len: tail.header_len,
            class: pack.class,
        });
        for (at, frame) in header.frames.iter().enumerate() {
            let position = u32::try_from(at).unwrap();
            let frame = builder.push_frame(row, frame.offset, frame.stored_len, position);
            for blob in header.frame_blobs(at) {
                builder.push_entry(&blob.id, frame);
            }
        }
    }
    let entries = builder.entries();
    assert_eq!(entries, old.iter().map(|one| one.entries).sum::<u64>());
    let session = SessionId::from_bytes([0; 32]);
    let random = context.random().unwrap();
    let bytes = builder
        .finish(
            context.suite,
            context.repository,
            random,
            session,
            keys.structure.index(),
        )
        .unwrap();
    let name = ObjectHash::of(&bytes);
    let len = u32::try_from(bytes.len()).unwrap();
    let key = object_key(&object_name::index(&name)).unwrap();
    with_remote(repository, move |remote| remote.put(&key, bytes.into()));
    SegmentRef { name, len, entries }
}

#[test]
fn copies_found_damaged_count_for_nothing() {
    for class in [PackClass::Data, PackClass::Names, PackClass::Pages] {
        let (store, tree, _) = two_snapshots();
        let report = Meanwhile::new(&store)
            .at_put(1, move |by| damage(by, &packs_of(by, class)))
            .back_up(&source(&tree))
            .unwrap();
        assert_eq!(report.passes, 2, "{class:?}");
        let bad = packs_of(&fresh(&store), class);
        let state = state(&fresh(&store));
        let bad = bad
            .into_iter()
            .filter(|pack| state.damaged.contains_key(pack))
            .collect();
        // Nothing of the new snapshot is in them any more.
        forget(
            &fresh(&store),
            state
                .snapshots
                .values()
                .map(|(id, _)| *id)
                .filter(|id| *id != report.snapshot)
                .collect(),
        );
        bury(&fresh(&store), bad, Vec::new());
        assert_restores(&fresh(&store), &report, &tree);
    }
}

#[test]
fn condemned_packs_are_in_force() {
    let (store, tree, _) = two_snapshots();
    let source = source(&tree);
    let report = Meanwhile::new(&store)
        .at_put(1, |by| {
            let packs = everything(by).0;
            let condemn = Condemn {
                packs,
                ..Condemn::default()
            };
            append(by, Roles::MAINTAINER, Body::Condemn(condemn));
            // And something that makes it look.
            bury(by, vec![ObjectHash::of(b"nobody's")], Vec::new());
        })
        .back_up(&source)
        .unwrap();
    assert_eq!((report.passes, source.reads().len()), (1, 0));
    assert_restores(&fresh(&store), &report, &tree);
}

/// A tree of which a backup with eager settings announces one pack, and has some more at the end.
fn one_announcement() -> Tree {
    let entries = (0..13).map(|n| {
        let name = format!("{n:02}").into_bytes();
        (name, Tree::file(&noise(100 + n, 120_000)))
    });
    Tree::Dir(entries.collect())
}

fn announcing(store: &Arc<TestStore>) -> Meanwhile<'_> {
    let mut meanwhile = Meanwhile::new(store);
    meanwhile.settings = eager();
    meanwhile.options = BackupOptions::new("tests");
    meanwhile
}

fn only_session(by: &Repository) -> SessionId {
    let state = state(by);
    assert_eq!(state.sessions.len(), 1);
    *state.sessions.keys().next().unwrap()
}

#[test]
fn a_session_that_was_given_up_commits_as_another_and_stores_nothing_again() {
    let (store, _) = repository();
    let tree = one_announcement();
    let report = announcing(&store)
        .at_put(2, |by| {
            let sessions = vec![only_session(by)];
            let body = Body::Abandon(Abandon {
                sessions,
                ..Abandon::default()
            });
            append(by, Roles::MAINTAINER, body);
        })
        .back_up(&source(&tree))
        .unwrap();
    assert_eq!((report.passes, report.repeated_bytes), (2, 0));
    assert_eq!(report.parent, None);
    assert_restores(&fresh(&store), &report, &tree);
}

#[test]
fn a_session_given_up_before_it_announces_begins_again() {
    let (store, _) = repository();
    let mut tree = one_announcement();
    let Tree::Dir(entries) = &mut tree else {
        unreachable!()
    };
    for n in 0..12 {
        entries.insert(
            format!("more {n:02}").into_bytes(),
            Tree::file(&noise(300 + n, 120_000)),
        );
    }
    let report = announcing(&store)
        .at_put(2, |by| {
            let sessions = vec![only_session(by)];
            let body = Body::Abandon(Abandon {
                sessions,
                ..Abandon::default()
            });
            append(by, Roles::MAINTAINER, body);
        })
        .back_up(&source(&tree))
        .unwrap();
    assert_eq!(report.passes, 2);
    assert!(
        report.repeated_bytes < report.transferred_bytes,
        "{report:?}"
    );
    assert_restores(&fresh(&store), &report, &tree);
}

#[test]
fn own_packs_that_were_announced_may_go_too() {
    let (store, _) = repository();
    let tree = one_announcement();
    let source = source(&tree);
    let report = announcing(&store)
        .at_put(2, |by| {
            let state = state(by);
            let fullest = state.packs.values().max_by_key(|pack| pack.len).unwrap();
            bury(by, vec![fullest.name], Vec::new());
        })
        .back_up(&source)
        .unwrap();
    assert_eq!(report.passes, 2);
    let again = source.reads().len() - 13;
    assert_eq!(again, 8, "only what was in that pack is read again");
    assert_restores(&fresh(&store), &report, &tree);
}

#[test]
fn own_packs_that_nobody_knew_of_may_go_too() {
    let (store, _) = repository();
    let tree = one_announcement();
    let report = announcing(&store)
        .at_put(2, |by| {
            let session = only_session(by);
            let mut packs = unannounced(by);
            packs.truncate(1);
            bury_with(by, packs, Vec::new(), vec![session]);
        })
        .back_up(&source(&tree))
        .unwrap();
    assert_eq!(report.passes, 2);
    assert!(report.repeated_bytes > 0);
    assert_restores(&fresh(&store), &report, &tree);
}

#[test]
fn own_packs_that_are_damaged_are_not_added() {
    let (store, _) = repository();
    let tree = one_announcement();
    let report = announcing(&store)
        .at_put(2, |by| damage(by, &unannounced(by)))
        .back_up(&source(&tree))
        .unwrap();
    assert_eq!(report.passes, 2);
    let state = state(&fresh(&store));
    bury(
        &fresh(&store),
        state.damaged.keys().copied().collect(),
        Vec::new(),
    );
    assert_restores(&fresh(&store), &report, &tree);
}

#[test]
fn two_conflicts_in_a_row_cost_two_passes_more() {
    let (store, tree, _) = two_snapshots();
    let lose = |class| {
        move |by: &Repository| {
            if !state(by).snapshots.is_empty() {
                forget_all(by);
            }
            bury(by, packs_of(by, class), Vec::new());
        }
    };
    let report = Meanwhile::new(&store)
        .at_put(1, lose(PackClass::Data))
        .at_put(2, lose(PackClass::Pages))
        .back_up(&source(&tree))
        .unwrap();
    assert_eq!(report.passes, 3);
    assert_restores(&fresh(&store), &report, &tree);
}

#[test]
fn whoever_loses_everything_again_and_again_gives_up() {
    let (store, tree, _) = two_snapshots();
    let mut meanwhile = Meanwhile::new(&store);
    // From the second pass on, what is left is announced, if anything is, before the commit.
    for nth in 1..=8 {
        meanwhile = meanwhile.at_put(nth, |by| {
            if !state(by).snapshots.is_empty() {
                forget_all(by);
            }
            let mut packs = everything(by).0;
            packs.extend(unannounced(by));
            bury(by, packs, everything(by).1);
        });
    }
    let error = meanwhile.back_up(&source(&tree)).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Conflict);
    let report = backup(&fresh(&store), &tree);
    assert_restores(&fresh(&store), &report, &tree);
}

#[test]
fn a_lost_acknowledgement_of_the_commit_is_no_second_snapshot() {
    let (store, tree, _) = two_snapshots();
    let rule = Rule::new(Fault::FailAfter(StoreKind::Unavailable))
        .with_operation(Operation::Put)
        .with_key_prefix("journal/")
        .with_when(When::Nth(1));
    let plan = FaultPlan::new().with_rule(rule);
    let faulty: Arc<dyn Store> = Arc::new(Faulty::new(store.clone(), plan));
    let repository = in_store(faulty, settings(2)).unwrap();
    let report = backup(&repository, &tree);
    assert_eq!(report.passes, 1);
    let listed = wait(fresh(&store).snapshots()).unwrap();
    assert_eq!(listed.len(), 3);
    assert_eq!(listed[2].id, report.snapshot);
}

#[test]
fn a_machine_that_slept_while_everything_went_stores_it_again() {
    for (announce, tree) in [(false, sample()), (true, one_announcement())] {
        let (store, repository) = repository();
        let mut old = tree.clone();
        let Tree::Dir(entries) = &mut old else {
            unreachable!()
        };
        entries.pop_last();
        wait(repository.backup(source(&old), BackupOptions::new("tests"), Arc::new(()))).unwrap();
        let sleeper = if announce {
            announcing(&store)
        } else {
            let mut sleeper = Meanwhile::new(&store);
            sleeper.options = BackupOptions::new("tests");
            sleeper
        };
        let source = source(&tree);
        let report = sleeper
            .at_put(1, |by| {
                forget_all(by);
                let (mut packs, segments) = everything(by);
                packs.extend(unannounced(by));
                let sessions = state(by).sessions.keys().copied().collect();
                bury_with(by, packs, segments, sessions);
            })
            .back_up(&source)
            .unwrap();
        assert!(report.passes >= 2);
        assert_eq!(report.parent, None);
        assert_restores(&fresh(&store), &report, &tree);
        let fresh = fresh(&store);
        assert_eq!(wait(fresh.snapshots()).unwrap().len(), 1);
    }
}

#[test]
fn a_new_epoch_is_used_when_the_old_one_is_closed_or_retired() {
    for retire in [false, true] {
        let credential = Credential::passphrase("a passphrase");
        let (store, _) = repository();
        let sealed: Arc<TestStore> = Arc::new(TestStore::new(strongroom_store::MemoryStore::new()));
        drop(store);
        let options = CreateOptions::default()
            .with_suite(Suite::ChaCha20Poly1305)
            .with_argon2(Argon2Params::FASTEST);
        let dynamic = || sealed.clone() as Arc<dyn Store>;
        let created = wait(Repository::builder(dynamic()).create(options, &credential)).unwrap();
        let other = NewSlot::Passphrase(
            Arc::new(Passphrase::new("another".to_owned())),
            Argon2Params::FASTEST,
        );
        let slot = wait(created.repository.add_slot("other", other)).unwrap();
        let tree = Tree::dir([
            ("old", Tree::file(&noise(1, 9_000))),
            ("sub", Tree::dir([("x", Tree::file(b"x"))])),
        ]);
        let first = backup(&created.repository, &tree);
        let mut more = tree.clone();
        let Tree::Dir(entries) = &mut more else {
            unreachable!()
        };
        entries.insert(b"new".to_vec(), Tree::file(&noise(2, 9_000)));

        let gate = Gate::new();
        let rule = Rule::new(Fault::PauseBefore(gate.clone()))
            .with_operation(Operation::Put)
            .with_key_prefix("journal/")
            .with_when(When::Nth(1));
        let faulty: Arc<dyn Store> = Arc::new(Faulty::new(
            sealed.clone(),
            FaultPlan::new().with_rule(rule),
        ));
        let repository = wait(Repository::builder(faulty).open(&credential)).unwrap();
        let source = source(&more);
        let run = repository.backup(source.clone(), super::tests::options(), Arc::new(()));
        let admin = &created.repository;
        let meanwhile = async {
            gate.arrived(1).await;
            std::thread::scope(|scope| {
                let revoked = scope.spawn(|| {
                    wait(admin.revoke_slot(slot.id)).unwrap();
                    if retire {
                        let keys = Keys {
                            epochs: vec![(0, EpochState::Retired)],
                            ..Keys::default()
                        };
                        append(admin, Roles::ADMIN, Body::Keys(keys));
                    }
                });
                revoked.join().unwrap();
            });
            gate.open();
        };
        let (report, ()) = wait(futures::future::join(run, meanwhile));
        let report = report.unwrap();
        assert_eq!(report.passes, 2);
        let opened = wait(Repository::builder(dynamic()).open(&credential)).unwrap();
        assert_restores(&opened, &report, &more);
        let (old, new) = packs_by_epoch(&opened);
        assert!(!new.is_empty());
        if retire {
            // What is sealed under the retired epoch is no ground for anything.
            forget(&opened, vec![first.snapshot]);
            bury(&opened, old, Vec::new());
            assert_restores(&opened, &report, &more);
        }
        let listed = wait(opened.snapshots()).unwrap();
        assert_eq!(
            listed.last().unwrap().snapshot.details.as_ref().unwrap().0,
            1
        );
    }
}

/// The packs with anything sealed under epoch 0, and those with anything sealed under epoch 1.
fn packs_by_epoch(repository: &Repository) -> (Vec<ObjectHash>, Vec<ObjectHash>) {
    let this = repository.clone();
    with_remote(repository, move |remote| {
        let state = this.journal().refresh(remote, this.context())?;
        let index = this.index(remote, &state)?;
        let blobs = crate::blobs::Blobs::new(remote.clone(), this.context().clone(), index, 0);
        let (mut old, mut new) = (Vec::new(), Vec::new());
        for pack in blobs.index().packs() {
            let header = blobs.header(&pack)?;
            let has = |epoch| header.sessions.iter().any(|one| one.epoch == epoch);
            // Pages are sealed under no epoch.
            let is_content = pack.class != PackClass::Pages;
            old.extend((is_content && has(0)).then_some(pack.name));
            new.extend((is_content && has(1)).then_some(pack.name));
        }
        Ok((old, new))
    })
}

#[test]
fn from_a_remembered_state_with_things_dropped_a_commit_is_as_fast() {
    let cache = tempfile::tempdir().unwrap();
    let (store, tree, _) = two_snapshots();
    let unrelated = Tree::dir([("x", Tree::file(&noise(77, 700)))]);
    let before: BTreeSet<_> = everything(&fresh(&store)).0.into_iter().collect();
    let other = BackupOptions::new("other").with_parent(ParentChoice::None);
    wait(fresh(&store).backup(source(&unrelated), other, Arc::new(()))).unwrap();
    let by = fresh(&store);
    forget(
        &by,
        vec![state(&by).snapshots.values().next_back().unwrap().0],
    );
    let gone = everything(&by)
        .0
        .into_iter()
        .filter(|pack| !before.contains(pack));
    bury(&by, gone.collect(), Vec::new());
    let cached = Settings {
        cache: Some(cache.path().to_owned()),
        ..settings(2)
    };
    backup(&reopen(&store, cached.clone()), &tree);
    let again = reopen(&store, cached);
    store.reset();
    let report = wait(again.backup(source(&tree), options(), Arc::new(()))).unwrap();
    assert_eq!(report.passes, 1);
    assert!(
        store
            .calls()
            .iter()
            .all(|call| !call.key.starts_with("index/"))
    );
}

/// What of the repository somebody takes away meanwhile.
#[derive(Debug, Clone)]
struct Loss {
    forget: bool,
    /// Of the packs, in and out of force, those whose number modulo 7 has its bit set.
    packs: u8,
    segments: u8,
    sessions: bool,
    damage: u8,
}

impl Loss {
    fn inflict(&self, by: &Repository) {
        let snapshots = !state(by).snapshots.is_empty();
        if self.forget && snapshots {
            forget_all(by);
        } else if snapshots {
            // A pruner keeps what is live.
            return;
        }
        let some = |names: Vec<ObjectHash>, mask: u8| -> Vec<ObjectHash> {
            let numbered = names.into_iter().enumerate();
            numbered
                .filter(|(at, _)| mask >> (at % 7) & 1 == 1)
                .map(|(_, name)| name)
                .collect()
        };
        let (mut packs, segments) = everything(by);
        packs.extend(unannounced(by));
        let bad = some(packs.clone(), self.damage);
        let known = state(by);
        let sessions = known.sessions.keys().copied();
        let sessions = sessions.filter(|_| self.sessions).collect();
        damage(by, &bad);
        bury_with(
            by,
            some(packs, self.packs),
            some(segments, self.segments),
            sessions,
        );
    }
}

fn any_loss() -> impl Strategy<Value = Loss> {
    (any::<bool>(), 0..128_u8, 0..4_u8, any::<bool>(), 0..8_u8).prop_map(
        |(forget, packs, segments, sessions, damage)| Loss {
            forget,
            packs,
            segments,
            sessions,
            damage,
        },
    )
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(12))]

    #[test]
    fn whatever_goes_meanwhile_the_snapshot_restores(losses in prop::collection::vec(any_loss(), 1..4), first in any::<bool>()) {
        let (store, repository) = repository();
        let tree = one_announcement();
        if first {
            let mut old = tree.clone();
            let Tree::Dir(entries) = &mut old else { unreachable!() };
            entries.pop_last();
            entries.insert(b"gone".to_vec(), Tree::file(&noise(9, 3_000)));
            wait(repository.backup(source(&old), BackupOptions::new("tests"), Arc::new(()))).unwrap();
        }
        let mut meanwhile = announcing(&store);
        // Each journal put but the last may be an announcement; the first is always there.
        let mut chain = losses.into_iter();
        let loss = chain.next().unwrap();
        meanwhile = meanwhile.at_put(1, move |by| loss.inflict(by));
        let report = meanwhile.back_up(&source(&tree)).unwrap();
        let fresh = fresh(&store);
        let state = state(&fresh);
        // What is damaged is no ground: the snapshot restores without it.
        let alone = state.snapshots.len() == 1;
        let bad: Vec<_> = state.damaged.keys().copied().collect();
        if alone {
            bury(&fresh, bad, Vec::new());
        }
        assert_restores(&fresh, &report, &tree);
    }
}
