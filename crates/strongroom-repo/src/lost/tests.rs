//! Journals of which entries are lost.

use std::collections::BTreeMap;
use std::sync::Arc;

use bytes::Bytes;
use futures::executor::block_on;
use proptest::prelude::*;
use strongroom_crypt::{Argon2Params, Roles, SigningKey};
use strongroom_format::{Body, Dropped, ObjectHash, Tombstone, object_name};
use strongroom_store::{MemoryStore, Prefix, Store, StoreExt as _};

use super::*;
use crate::context::object_key;

use crate::testing::{MemoryTarget, Shape, Tree, TreeSource, Writer};
use crate::{
    BackupOptions, CreateOptions, Credential, Error, ErrorKind, RepositoryBuilder, RestoreOptions,
    Result, Settings, edge,
};

fn tree(number: u8) -> Tree {
    let file = |name: u8| Tree::file(&[name ^ number; 700]);
    let below = Tree::dir([("d", file(4)), ("e", Tree::Symlink(b"d".to_vec()))]);
    Tree::dir([
        ("a", file(1)),
        ("b", Tree::file(b"the same in all")),
        ("c", below),
    ])
}

fn commit(repository: &Repository, number: u8) -> Id {
    Writer::new(repository, Shape::default()).snapshot(&tree(number), &number.to_string())
}

fn append(repository: &Repository, body: Body) -> Result<u64> {
    let this = repository.clone();
    let run = edge::run(repository.store(), "test", move |remote| {
        let roles = match body.roles_needed() {
            roles if roles.intersects(Roles::ADMIN) => Roles::ADMIN,
            _ => Roles::MAINTAINER,
        };
        this.journal()
            .append(remote, this.context(), roles, &mut |_| Ok(body.clone()))
            .map(|appended| appended.n)
    });
    block_on(run)
}

fn builder(store: &Arc<MemoryStore>) -> RepositoryBuilder {
    let store: Arc<dyn Store> = store.clone();
    Repository::builder(store)
}

fn create(options: CreateOptions) -> (Arc<MemoryStore>, Repository) {
    let store = Arc::new(MemoryStore::new());
    let options = options.with_suite(strongroom_crypt::Suite::None);
    let created = block_on(builder(&store).create(options, &Credential::None)).unwrap();
    (store, created.repository)
}

fn open(store: &Arc<MemoryStore>) -> Result<Repository> {
    block_on(builder(store).open(&Credential::None))
}

fn open_around(store: &Arc<MemoryStore>, mode: LostEntries) -> Repository {
    block_on(builder(store).on_lost_entries(mode).open(&Credential::None)).unwrap()
}

fn copy(store: &MemoryStore) -> Arc<MemoryStore> {
    let copy = MemoryStore::new();
    for meta in block_on(store.list_all(&Prefix::root())).unwrap() {
        let bytes = block_on(store.get_all(&meta.key)).unwrap();
        block_on(copy.put_new(&meta.key, bytes)).unwrap();
    }
    Arc::new(copy)
}

fn names(store: &MemoryStore) -> BTreeMap<String, u64> {
    let listed = block_on(store.list_all(&Prefix::root())).unwrap();
    let name = |meta: strongroom_store::ObjectMeta| (meta.key.as_str().to_owned(), meta.len);
    listed.into_iter().map(name).collect()
}

fn remove(store: &MemoryStore, name: &str) {
    block_on(store.delete(&object_key(name).unwrap())).unwrap();
}

fn rot(store: &MemoryStore, name: &str) {
    let key = object_key(name).unwrap();
    let mut bytes = block_on(store.get_all(&key)).unwrap().to_vec();
    let middle = bytes.len() / 2;
    bytes[middle] ^= 1;
    block_on(store.replace(&key, bytes.into())).unwrap();
}

type Harm = fn(&MemoryStore, &str);
const HARMS: [Harm; 2] = [remove, rot];

/// Restores every snapshot, and compares it with the tree that its series names. Returns the series.
fn restored(repository: &Repository) -> Vec<String> {
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
        series.push(info.snapshot.series);
    }
    series.sort();
    series
}

/// What each entry behind the first did, as a test sees it.
#[derive(Debug, Clone, Copy, PartialEq)]
enum Deed {
    Commits(u8),
    /// What the entry with this number committed.
    Forgets(usize),
    Drops,
    Notes,
}

/// A journal with every kind of entry that changes what is listed or needed.
fn history(repository: &Repository) -> Vec<Deed> {
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
        !before.packs.contains_key(*name) && !before.segments.contains_key(*name)
    };
    let dropped = Dropped {
        packs: after.packs.keys().filter(new).copied().collect(),
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
fn listed(deeds: &[Deed], lost: impl Fn(usize) -> bool) -> Vec<String> {
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

fn plan(repository: &Repository) -> JournalRepairPlan {
    block_on(repository.plan_journal_repair(None)).unwrap()
}

fn repair(repository: &Repository) -> JournalRepairReport {
    let plan = plan(repository);
    assert!(!plan.is_empty() && !plan.to_string().is_empty());
    block_on(repository.repair_journal(&plan, None)).unwrap()
}

/// Repairs, and makes sure that everything goes on.
fn mend(store: &Arc<MemoryStore>, around: &Repository) {
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

#[test]
fn losing_any_one_entry_costs_what_it_did_and_no_more() {
    let (original, repository) = create(CreateOptions::default());
    let deeds = history(&repository);
    let last = deeds.len() - 1;
    for (n, deed) in deeds.iter().enumerate().skip(1) {
        for harm in HARMS {
            let store = copy(&original);
            harm(&store, &object_name::journal(n as u64));
            match open(&store) {
                // Nobody knows that there was one more.
                Ok(repository) => {
                    assert!(n == last && names(&store).len() + 1 == names(&original).len());
                    assert_eq!(restored(&repository), listed(&deeds, |at| at == n));
                    continue;
                }
                Err(error) => assert_eq!(error.lost_entry(), Some(n as u64)),
            }
            let prefix = open_around(&store, LostEntries::Prefix);
            let damage = prefix.journal_damage().unwrap();
            assert_eq!((damage.intact, damage.end), (n as u64, last as u64 + 1));
            assert_eq!((damage.lost.len(), damage.later.len()), (1, last - n));
            let seen = prefix.journal().state();
            assert_eq!(seen.head, n as u64);
            let error = append(&prefix, Body::Evidence(Default::default())).unwrap_err();
            assert_eq!(error.kind(), ErrorKind::ReadOnly);

            let skipping = open_around(&store, LostEntries::Skip);
            let expected = listed(&deeds, |at| at == n);
            if *deed != Deed::Drops {
                assert_eq!(restored(&skipping), expected, "{n} {deed:?}");
            }
            mend(&store, &skipping);
            let after = restored(&open(&store).unwrap());
            let mut expected = listed(&deeds, |at| at == n);
            expected.extend(["8".to_owned(), "9".to_owned()]);
            assert_eq!(after, expected, "{n} {deed:?}");
        }
    }
}

#[test]
fn genesis_is_there_twice() {
    let (original, repository) = create(CreateOptions::default());
    let deeds = history(&repository);
    for harm in HARMS {
        let store = copy(&original);
        harm(&store, &object_name::journal(0));
        assert_eq!(restored(&open(&store).unwrap()), listed(&deeds, |_| false));
        harm(&store, &object_name::journal_copy(0));
        let error = open(&store).unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Damaged);
    }
}

#[test]
fn the_cache_of_this_machine_brings_lost_entries_back() {
    let folder = tempfile::tempdir().unwrap();
    let settings = Settings {
        cache: Some(folder.path().to_owned()),
        ..Settings::default()
    };
    let (store, repository) = create(CreateOptions::default());
    history(&repository);
    let expected = restored(&repository);
    let cached = || builder(&store).settings(settings.clone());
    drop(block_on(cached().open(&Credential::None)).unwrap());
    remove(&store, &object_name::journal(3));
    rot(&store, &object_name::journal(7));
    let around = cached().on_lost_entries(LostEntries::Skip);
    // With a warm cache, what is behind it is not even looked at.
    let warm = block_on(around.open(&Credential::None)).unwrap();
    assert_eq!(restored(&warm), expected);
    let plan = block_on(warm.plan_journal_repair(None)).unwrap();
    assert!(plan.is_lossless(), "{plan}");
    let report = block_on(warm.repair_journal(&plan, None)).unwrap();
    assert_eq!((report.restored, report.bridged), (vec![3, 7], vec![]));
    assert_eq!(restored(&open(&store).unwrap()), expected);
}

#[test]
fn a_replica_brings_lost_entries_back() {
    let (store, repository) = create(CreateOptions::default());
    history(&repository);
    let expected = restored(&repository);
    let mirror: Arc<dyn Store> = copy(&store);
    for n in [2, 3, 7] {
        remove(&store, &object_name::journal(n));
    }
    let around = open_around(&store, LostEntries::Prefix);
    let plan = block_on(around.plan_journal_repair(Some(mirror.clone()))).unwrap();
    let report = block_on(around.repair_journal(&plan, Some(mirror))).unwrap();
    assert_eq!(report.restored, [2, 3, 7]);
    assert_eq!(restored(&open(&store).unwrap()), expected);
}

#[test]
fn who_had_read_the_lost_entry_reads_anew() {
    for (lost, harm) in [(3, remove as Harm), (3, rot), (6, remove), (10, rot)] {
        let folder = tempfile::tempdir().unwrap();
        let settings = Settings {
            cache: Some(folder.path().to_owned()),
            ..Settings::default()
        };
        let (store, repository) = create(CreateOptions::default());
        history(&repository);
        let cached = || builder(&store).settings(settings.clone());
        let alive = block_on(cached().open(&Credential::None)).unwrap();
        let open_elsewhere = open(&store).unwrap();
        harm(&store, &object_name::journal(lost));
        // Somebody repairs who does not know what was lost.
        repair(&open_around(&store, LostEntries::Skip));
        let expected = restored(&open(&store).unwrap());
        assert_eq!(restored(&open_elsewhere), expected, "{lost}");
        assert_eq!(restored(&alive), expected, "{lost}");
        drop(alive);
        let again = block_on(cached().open(&Credential::None)).unwrap();
        assert_eq!(restored(&again), expected);
        assert_eq!(again.fork_evidence(), None);
        commit(&again, 5);
        commit(&open_elsewhere, 6);
    }
}

#[test]
fn a_lost_entry_that_appears_again_stays_replaced() {
    let (original, repository) = create(CreateOptions::default());
    history(&repository);
    let n = 6;
    let store = copy(&original);
    rot(&store, &object_name::journal(n));
    repair(&open_around(&store, LostEntries::Skip));
    let expected = open(&store).unwrap().journal().state();
    let key = object_key(&object_name::journal(n)).unwrap();
    let bytes = block_on(original.get_all(&key)).unwrap();
    block_on(store.replace(&key, bytes)).unwrap();
    let state = open(&store).unwrap().journal().state();
    assert_eq!(state.head_hash, expected.head_hash);
    assert_eq!(state.bridges, expected.bridges);
    // Without the bridge the journal is not read as if nothing had been.
    remove(&store, &object_name::journal_copy(n));
    let error = open(&store).unwrap_err();
    assert_eq!(error.lost_entry(), Some(n));
}

#[test]
fn a_late_entry_in_the_empty_place_is_not_the_lost_one() {
    let (store, repository) = create(CreateOptions::default());
    let rival = copy(&store);
    append(&open(&rival).unwrap(), Body::Evidence(Default::default())).unwrap();
    let deeds = history(&repository);
    let key = object_key(&object_name::journal(1)).unwrap();
    let late = block_on(rival.get_all(&key)).unwrap();
    block_on(store.replace(&key, late)).unwrap();
    let error = open(&store).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Damaged);
    let around = open_around(&store, LostEntries::Skip);
    let damage = around.journal_damage().unwrap();
    assert_eq!(damage.lost[0].found, InPlace::Another);
    assert_eq!((damage.intact, damage.lost[0].n), (1, 1));
    assert_eq!(restored(&around), listed(&deeds, |n| n == 1));
    mend(&store, &around);
}

#[test]
fn a_checkpoint_behind_the_gap_tells_what_was_lost() {
    let (original, repository) = create(CreateOptions::default());
    history(&repository);
    while repository.journal().state().head < 66 {
        append(&repository, Body::Evidence(Default::default())).unwrap();
    }
    let truth = restored(&repository);
    for n in 1..12 {
        let store = copy(&original);
        remove(&store, &object_name::bundle(64));
        remove(&store, &object_name::journal(n));
        let around = open_around(&store, LostEntries::Skip);
        let damage = around.journal_damage().unwrap();
        assert_eq!(damage.known_from.as_deref(), Some("checkpoint 64"), "{n}");
        assert_eq!(restored(&around), truth, "{n}");
        assert!(plan(&around).is_lossless());
        repair(&around);
        let state = open(&store).unwrap().journal().state();
        let expected = repository.journal().state();
        let plain = |state: &crate::state::State| strongroom_format::Checkpoint {
            bridges: Vec::new(),
            committed_sessions: Vec::new(),
            ..state.to_checkpoint()
        };
        assert!(plain(&state) == plain(&expected), "{n}");
    }
}

#[test]
fn of_two_who_repair_at_once_both_come_through() {
    let (store, repository) = create(CreateOptions::default());
    history(&repository);
    rot(&store, &object_name::journal(4));
    remove(&store, &object_name::journal(8));
    let (one, two) = (
        open_around(&store, LostEntries::Skip),
        open_around(&store, LostEntries::Prefix),
    );
    let (plan_one, plan_two) = (plan(&one), plan(&two));
    block_on(one.repair_journal(&plan_one, None)).unwrap();
    let error = block_on(two.repair_journal(&plan_two, None)).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Stale);
    let again = plan(&two);
    assert!(again.is_empty(), "{again}");
    block_on(two.repair_journal(&again, None)).unwrap();
    assert_eq!(restored(&two), restored(&one));
    commit(&two, 5);
}

#[test]
fn a_repair_that_was_interrupted_is_completed() {
    let (store, repository) = create(CreateOptions::default());
    let deeds = history(&repository);
    for n in [3, 4] {
        remove(&store, &object_name::journal(n));
    }
    let whole = copy(&store);
    repair(&open_around(&whole, LostEntries::Skip));
    // The bridges are in their places, and the entry that names them is not.
    let last = open(&whole).unwrap().journal().state().head - 1;
    remove(&whole, &object_name::journal(last));
    let repository = open(&whole).unwrap();
    let plan = plan(&repository);
    assert!(plan.damage.is_none() && plan.unnamed.len() == 2, "{plan}");
    block_on(repository.repair_journal(&plan, None)).unwrap();
    assert_eq!(
        restored(&open(&whole).unwrap()),
        listed(&deeds, |n| n == 3 || n == 4)
    );
}

#[test]
fn in_single_writer_mode_the_admin_repairs() {
    let (store, repository) = create(CreateOptions::default().with_single_writer(true));
    let deeds = history(&repository);
    remove(&store, &object_name::journal(2));
    let around = open_around(&store, LostEntries::Skip);
    assert_eq!(restored(&around), listed(&deeds, |n| n == 2));
    mend(&store, &around);
}

#[test]
fn a_repaired_journal_is_replicated_to_whoever_has_the_lost_entry() {
    let (store, repository) = create(CreateOptions::default());
    history(&repository);
    let (replica, fresh) = (copy(&store), Arc::new(MemoryStore::new()));
    rot(&store, &object_name::journal(6));
    repair(&open_around(&store, LostEntries::Skip));
    let repaired = open(&store).unwrap();
    commit(&repaired, 5);
    let expected = restored(&repaired);
    for to in [replica, fresh] {
        let target: Arc<dyn Store> = to.clone();
        block_on(repaired.replicate(target, Arc::new(()))).unwrap();
        assert_eq!(restored(&open(&to).unwrap()), expected);
    }
}

#[test]
fn a_lost_change_of_keys_is_announced_again() {
    let store = Arc::new(MemoryStore::new());
    let options = CreateOptions::default().with_argon2(Argon2Params::FASTEST);
    let (old, new) = (
        Credential::passphrase("the old one"),
        Credential::passphrase("the new one"),
    );
    let repository = block_on(builder(&store).create(options, &old)).unwrap();
    let repository = repository.repository;
    commit(&repository, 1);
    let slot = crate::NewSlot::Passphrase(
        Arc::new("the new one".to_owned().into()),
        Argon2Params::FASTEST,
    );
    block_on(repository.add_slot("new", slot)).unwrap();
    let n = repository.journal().state().head - 1;
    commit(&repository, 2);
    for harm in HARMS {
        let store = copy(&store);
        harm(&store, &object_name::journal(n));
        let open_with = |credential| {
            let skipping = builder(&store).on_lost_entries(LostEntries::Skip);
            block_on(skipping.open(credential)).unwrap()
        };
        for credential in [&old, &new] {
            assert_eq!(restored(&open_with(credential)), ["1", "2"]);
        }
        repair(&open_with(&old));
        let repaired = block_on(builder(&store).open(&new)).unwrap();
        let (announced, known) = (repaired.journal().state(), repository.journal().state());
        assert_eq!(announced.keyring, known.keyring);
        commit(&repaired, 3);
        assert_eq!(restored(&repaired), ["1", "2", "3"]);
    }
}

#[test]
fn without_any_index_everything_works_and_a_repair_makes_it_anew() {
    let (store, repository) = create(CreateOptions::default());
    history(&repository);
    let expected = restored(&repository);
    for name in names(&store).into_keys() {
        if name.starts_with("index/") {
            remove(&store, &name);
        }
    }
    let repository = open(&store).unwrap();
    assert_eq!(restored(&repository), expected);
    commit(&repository, 5);
    let plan = repository.plan_repair(crate::RepairOptions::default(), Arc::new(()));
    let plan = block_on(plan).unwrap();
    assert!(plan.has_work(), "{plan}");
    let report = block_on(repository.repair(plan, Arc::new(()))).unwrap();
    assert!(report.is_complete(), "{report}");
    let repository = open(&store).unwrap();
    let mut all = expected;
    all.push("5".to_owned());
    assert_eq!(restored(&repository), all);
    let state = repository.journal().state();
    let is_there = |name: &ObjectHash| names(&store).contains_key(&object_name::index(name));
    assert!(state.segments.keys().all(is_there));
}

#[test]
fn a_repair_of_the_rest_leaves_bridges_as_they_are() {
    let (store, repository) = create(CreateOptions::default());
    history(&repository);
    rot(&store, &object_name::journal(4));
    remove(&store, &object_name::journal(6));
    repair(&open_around(&store, LostEntries::Skip));
    let repository = open(&store).unwrap();
    let before = names(&store);
    let plan = repository.plan_repair(crate::RepairOptions::default(), Arc::new(()));
    let plan = block_on(plan).unwrap();
    assert!(!plan.has_work(), "{plan}");
    assert_eq!(names(&store), before);
}

#[test]
fn a_snapshot_that_comes_back_without_its_packs_lends_nothing() {
    let (store, repository) = create(CreateOptions::default());
    let back_up = |repository: &Repository| {
        let source = Arc::new(TreeSource::new(tree(1)));
        let backup = repository.backup(source, BackupOptions::new("1"), Arc::new(()));
        block_on(backup).unwrap().snapshot
    };
    commit(&repository, 2);
    let before = repository.journal().state();
    let id = back_up(&repository);
    let forget = strongroom_format::Forget {
        snapshots: vec![id],
        ..Default::default()
    };
    let n = append(&repository, Body::Forget(forget)).unwrap();
    let state = repository.journal().state();
    let new = |name: &&ObjectHash| !before.packs.contains_key(*name);
    let packs: Vec<ObjectHash> = state.packs.keys().filter(new).copied().collect();
    let dropped = Dropped {
        packs: packs.clone(),
        ..Dropped::default()
    };
    let tombstone = Tombstone {
        dropped,
        ..Tombstone::default()
    };
    append(&repository, Body::Tombstone(tombstone)).unwrap();
    for pack in &packs {
        remove(&store, &object_name::pack(pack));
    }
    remove(&store, &object_name::journal(n));
    repair(&open_around(&store, LostEntries::Skip));
    let repository = open(&store).unwrap();
    assert!(repository.journal().state().snapshot(&id).is_some());
    let again = back_up(&repository);
    let target = Arc::new(MemoryTarget::default());
    let options = RestoreOptions::default();
    let restore = repository.restore(&again, target.clone(), options, Arc::new(()));
    assert!(block_on(restore).unwrap().is_complete());
    assert!(target.flat() == tree(1).flat());
}

#[test]
fn what_a_late_entry_displaced_is_known_from_the_cache() {
    let folder = tempfile::tempdir().unwrap();
    let settings = Settings {
        cache: Some(folder.path().to_owned()),
        ..Settings::default()
    };
    let (store, repository) = create(CreateOptions::default());
    let rival = copy(&store);
    append(&open(&rival).unwrap(), Body::Evidence(Default::default())).unwrap();
    history(&repository);
    let expected = restored(&repository);
    let cached = builder(&store).settings(settings);
    let alive = block_on(cached.open(&Credential::None)).unwrap();
    let key = object_key(&object_name::journal(1)).unwrap();
    let late = block_on(rival.get_all(&key)).unwrap();
    block_on(store.replace(&key, late)).unwrap();
    let plan = plan(&alive);
    assert!(plan.is_lossless(), "{plan}");
    block_on(alive.repair_journal(&plan, None)).unwrap();
    assert_eq!(restored(&open(&store).unwrap()), expected);
    assert_eq!(restored(&alive), expected);
}

/// Hides the entries from `n` on, as a store does that shows an earlier time.
fn go_back(store: &MemoryStore, n: u64) {
    for name in names(store).into_keys() {
        if matches!(object_name::parse(&name), Some(object_name::ObjectName::Journal(at)) if at >= n)
        {
            remove(store, &name);
        }
    }
}

#[test]
fn a_journal_that_went_back_is_not_repaired() {
    let folder = tempfile::tempdir().unwrap();
    let settings = Settings {
        cache: Some(folder.path().to_owned()),
        ..Settings::default()
    };
    let (store, repository) = create(CreateOptions::default());
    history(&repository);
    let cached = || builder(&store).settings(settings.clone());
    let alive = block_on(cached().open(&Credential::None)).unwrap();
    let nothing = plan(&alive);
    let seen = alive.journal().state().head;
    for has_hole in [false, true] {
        go_back(&store, 9);
        if has_hole {
            remove(&store, &object_name::journal(4));
        }
        for handle in [&alive, &repository] {
            let error = block_on(handle.plan_journal_repair(None)).unwrap_err();
            assert_eq!(error.kind(), ErrorKind::Rollback, "{error}");
            let error = block_on(handle.repair_journal(&nothing, None)).unwrap_err();
            assert_eq!(error.kind(), ErrorKind::Rollback, "{error}");
            assert_eq!(handle.journal().state().head, seen);
        }
        let thawed = edge::run(alive.store(), "test", {
            let alive = alive.clone();
            move |remote| alive.journal().thaw(remote, alive.context())
        });
        if !has_hole {
            assert_eq!(block_on(thawed).unwrap_err().kind(), ErrorKind::Rollback);
        }
        // The evidence is still there.
        let error = block_on(cached().open(&Credential::None)).unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Rollback, "{error}");
    }
}

#[test]
fn a_journal_that_went_back_after_it_was_opened_is_not_repaired() {
    let (store, repository) = create(CreateOptions::default());
    history(&repository);
    remove(&store, &object_name::journal(4));
    let around = open_around(&store, LostEntries::Prefix);
    let before = plan(&around);
    go_back(&store, 9);
    let error = block_on(around.plan_journal_repair(None)).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Rollback, "{error}");
    let error = block_on(around.repair_journal(&before, None)).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Rollback, "{error}");
    assert!(!names(&store).contains_key(&object_name::journal(4)));
}

fn stranger() -> SigningKey {
    SigningKey::from_seed(strongroom_crypt::Secret::from_bytes(&[9; 32])).unwrap()
}

/// Returns entry `n` as somebody writes it who has the keys that everybody has, and signs with `signer`.
fn forged(repository: &Repository, n: u64, previous: ObjectHash, signer: &SigningKey) -> Bytes {
    let body = Body::Evidence(strongroom_format::Evidence::default());
    forged_with(repository, n, previous, signer, body)
}

fn forged_with(
    repository: &Repository,
    n: u64,
    previous: ObjectHash,
    signer: &SigningKey,
    body: Body,
) -> Bytes {
    let context = repository.context();
    let keys = context.keys();
    let payload = strongroom_format::Payload::new(context.components.clock.now(), body);
    let sealed = strongroom_format::Entry::seal(
        context.suite,
        context.repository,
        n,
        context.random().unwrap(),
        previous,
        &payload,
        keys.structure.journal(),
        &[signer],
    );
    sealed.unwrap().into()
}

#[test]
fn nobody_who_is_not_certified_makes_the_last_entry_a_lost_one() {
    let (store, repository) = create(CreateOptions::default());
    let deeds = history(&repository);
    let state = repository.journal().state();
    let nowhere = ObjectHash::of(b"nothing");
    let evil = stranger();
    let bytes = forged(&repository, state.head, nowhere, &evil);
    let key = object_key(&object_name::journal(state.head)).unwrap();
    block_on(store.put_new(&key, bytes)).unwrap();
    assert_eq!(open(&store).unwrap_err().lost_entry(), Some(state.head));
    let around = open_around(&store, LostEntries::Skip);
    let damage = around.journal_damage().unwrap();
    let lost: Vec<_> = damage.lost.iter().map(|one| (one.n, one.found)).collect();
    assert_eq!(lost, [(state.head, InPlace::Another)]);
    repair(&around);
    // Whoever has read the last entry goes on.
    assert_eq!(restored(&repository), listed(&deeds, |_| false));
    commit(&repository, 9);
    assert!(open(&store).unwrap().journal().state().head > state.head + 1);
}

#[test]
fn nobody_who_is_not_certified_tells_what_a_hidden_entry_was() {
    let folder = tempfile::tempdir().unwrap();
    let settings = Settings {
        cache: Some(folder.path().to_owned()),
        ..Settings::default()
    };
    let (store, repository) = create(CreateOptions::default());
    let deeds = history(&repository);
    let cached = builder(&store).settings(settings);
    let alive = block_on(cached.open(&Credential::None)).unwrap();
    let head = alive.journal().state().head;
    remove(&store, &object_name::journal(head - 1));
    let evil = stranger();
    let bytes = forged(&repository, head, ObjectHash::of(b"nothing"), &evil);
    let key = object_key(&object_name::journal(head)).unwrap();
    block_on(store.put_new(&key, bytes)).unwrap();
    let report = repair(&alive);
    assert_eq!(
        (report.restored, report.bridged),
        (vec![head - 1], vec![head])
    );
    assert_eq!(restored(&open(&store).unwrap()), listed(&deeds, |_| false));
}

#[test]
fn objects_far_behind_the_journal_are_no_entries() {
    let (store, repository) = create(CreateOptions::default());
    let deeds = history(&repository);
    for far in [
        object_name::journal(u64::MAX),
        object_name::journal(1_000_000),
    ] {
        let key = object_key(&far).unwrap();
        block_on(store.put_new(&key, Bytes::new())).unwrap();
    }
    let nothing = plan(&repository);
    assert!(nothing.is_empty(), "{nothing}");
    remove(&store, &object_name::journal(4));
    let around = open_around(&store, LostEntries::Skip);
    let damage = around.journal_damage().unwrap();
    assert_eq!((damage.end, damage.lost.len()), (deeds.len() as u64, 1));
    mend(&store, &around);
    // Somebody with keys can make one that is an entry.
    let n = u64::MAX - 1;
    let bytes = forged(&repository, n, ObjectHash::of(b"nothing"), &stranger());
    block_on(store.put_new(&object_key(&object_name::journal(n)).unwrap(), bytes)).unwrap();
    let error = block_on(open(&store).unwrap().plan_journal_repair(None)).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Damaged);
}

#[test]
fn a_bridge_that_no_admin_signed_leads_nowhere() {
    let (store, repository) = create(CreateOptions::default());
    let deeds = history(&repository);
    let state = repository.journal().state();
    let before = repository.journal().read_so_far();
    let last = strongroom_format::Entry::decode(before.recent.last().unwrap()).unwrap();
    let stated = ObjectHash::of(b"nothing");
    let bridge = strongroom_format::Bridge {
        stated: Some(stated),
        ..Default::default()
    };
    let bridge = Body::Bridge(Box::new(bridge));
    let put = |name: String, bytes: Bytes| {
        block_on(store.put_new(&object_key(&name).unwrap(), bytes)).unwrap();
    };
    let n = state.head - 1;
    let bytes = forged_with(&repository, n, last.previous, &stranger(), bridge);
    put(object_name::journal_copy(n), bytes);
    put(
        object_name::journal(state.head),
        forged(&repository, state.head, stated, &stranger()),
    );
    assert_eq!(open(&store).unwrap_err().lost_entry(), Some(state.head));
    let around = open_around(&store, LostEntries::Skip);
    assert_eq!(restored(&around), listed(&deeds, |_| false));
    mend(&store, &around);
}

fn lost_and_repaired(lost: &[(usize, bool)]) -> Result<(), Error> {
    let (store, repository) = create(CreateOptions::default());
    let deeds = history(&repository);
    let last = deeds.len() - 1;
    for (n, rots) in lost {
        HARMS[usize::from(*rots)](&store, &object_name::journal(*n as u64));
    }
    // Entries that are missing at the end have never been.
    let is_lost = |n: usize| lost.iter().any(|(at, _)| *at == n);
    let around = match open(&store) {
        Ok(repository) => repository,
        Err(_) => open_around(&store, LostEntries::Skip),
    };
    let expected = listed(&deeds, is_lost);
    let drops = deeds.iter().position(|deed| *deed == Deed::Drops);
    if drops.is_none_or(|n| !is_lost(n)) {
        assert_eq!(restored(&around), expected, "of {last}: {lost:?}");
    }
    if around.journal_damage().is_some() {
        repair(&around);
    }
    let repository = open(&store)?;
    commit(&repository, 9);
    let mut after = restored(&open(&store)?);
    after.retain(|series| series != "9");
    assert_eq!(after, expected, "of {last}: {lost:?}");
    Ok(())
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 24, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn losing_several_entries_costs_what_they_did(
        lost in proptest::collection::btree_map(1..11_usize, any::<bool>(), 1..5),
    ) {
        let lost: Vec<_> = lost.into_iter().collect();
        lost_and_repaired(&lost).unwrap();
    }
}
