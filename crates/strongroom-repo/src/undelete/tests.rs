use std::sync::Arc;
use std::time::Duration;

use futures::executor::block_on;
use proptest::prelude::*;
use strongroom_crypt::{Id, Roles};
use strongroom_format::{Body, Condemn, Dropped, EpochState, Keys, Tombstone, object_name};
use strongroom_store::wrap::{Fault, FaultPlan, Faulty, Gate, Operation, Rule, When};
use strongroom_store::{ErrorKind as StoreKind, Store, StoreExt as _};

use super::{StillThere, UndeletePlan, UndeleteReport};
use crate::context::object_key;
use crate::error::Result;
use crate::testing::{
    Content, MemoryTarget, Shape, TestStore, Tree, TreeSource, Writer, append_as, copy_of, noise,
    reopen, repository, settings,
};
use crate::{
    BackupOptions, Credential, DeleteOptions, ErrorKind, ForgetOptions, ParentChoice, PruneOptions,
    Repository, RestoreOptions, Unused, edge,
};

/// A tree with a recipe and several directories. Trees of neighbouring numbers share most of it.
fn tree(n: u64) -> Tree {
    let file = |n: u64| (format!("{n:03}").into_bytes(), Tree::file(&noise(n, 150)));
    let large = (0..5)
        .map(|at| Content::Data(noise(1_000 + n * 3 + at, 90)))
        .collect();
    let many = (n * 4..n * 4 + 12).map(file).collect();
    Tree::dir([
        ("large", Tree::File(large, None)),
        ("many", Tree::Dir(many)),
        ("own", Tree::file(&noise(7_000 + n, 400))),
    ])
}

fn write(repository: &Repository, n: u64) -> Id {
    Writer::new(repository, Shape::default()).snapshot(&tree(n), "home")
}

fn forget(repository: &Repository, id: Id) {
    let plan = block_on(repository.plan_forget(ForgetOptions::of([id]))).unwrap();
    block_on(repository.forget(plan)).unwrap();
}

/// Moves everything that is needed out of every pack that has something unused.
fn prune(repository: &Repository) {
    let options = PruneOptions::default()
        .with_max_unused(Unused::Bytes(0))
        .with_orphan_age(Duration::ZERO)
        .with_session_age(Duration::ZERO);
    let plan = block_on(repository.plan_prune(options, Arc::new(()))).unwrap();
    block_on(repository.prune(plan, Arc::new(()))).unwrap();
}

fn delete(repository: &Repository) {
    let options = DeleteOptions::default().with_min_age(Duration::ZERO);
    let plan = block_on(repository.plan_delete(options)).unwrap();
    let report = block_on(repository.delete_dropped(plan, Arc::new(()))).unwrap();
    assert!(report.problems.is_empty());
}

fn plan(repository: &Repository, id: Id) -> UndeletePlan {
    block_on(repository.plan_undelete(id)).unwrap()
}

fn undelete(repository: &Repository, plan: &UndeletePlan) -> Result<UndeleteReport> {
    block_on(repository.undelete(plan.clone(), Arc::new(())))
}

fn assert_restores(repository: &Repository, id: Id, n: u64) {
    let target = Arc::new(MemoryTarget::default());
    let options = RestoreOptions::default();
    let restored = repository.restore(&id, target.clone(), options, Arc::new(()));
    let report = block_on(restored).unwrap();
    assert!(report.is_complete(), "{report:?}");
    assert!(target.flat() == tree(n).flat());
}

fn open(store: &Arc<impl Store>) -> Repository {
    let store: Arc<dyn Store> = store.clone();
    let builder = Repository::builder(store).settings(settings(1));
    block_on(builder.open(&Credential::None)).unwrap()
}

/// Likewise, and there is something to drop.
fn prune_something(repository: &Repository) {
    let before = repository.journal().state().dropped.len();
    prune(repository);
    assert!(repository.journal().state().dropped.len() > before);
}

/// A repository of two snapshots, of which the first was forgotten.
fn one_forgotten() -> (Arc<TestStore>, Repository, Id) {
    let (store, repository) = repository();
    let first = write(&repository, 1);
    write(&repository, 2);
    forget(&repository, first);
    (store, repository, first)
}

#[test]
fn what_was_forgotten_is_brought_back_by_a_commit_alone() {
    let (_, repository, first) = one_forgotten();
    let listed = block_on(repository.forgotten()).unwrap();
    assert_eq!(listed.len(), 1);
    assert_eq!(
        (listed[0].id, listed[0].committed, listed[0].entry),
        (first, 1, 3)
    );
    assert_eq!(listed[0].still_there, StillThere::Yes);
    let plan = plan(&repository, first);
    assert!(plan.is_possible() && plan.copied_bytes() == 0 && plan.requests().puts == 1);
    let report = undelete(&repository, &plan).unwrap();
    assert_eq!(
        (report.entry.unwrap().0, report.packs, report.bytes),
        (4, 0, 0)
    );
    assert_restores(&repository, first, 1);
    assert!(block_on(repository.forgotten()).unwrap().is_empty());
    let error = block_on(repository.plan_undelete(first)).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Invalid);
    // Forgotten once more, it can be had once more.
    forget(&repository, first);
    assert_eq!(block_on(repository.forgotten()).unwrap()[0].entry, 5);
}

#[test]
fn what_was_never_there_cannot_be_brought_back() {
    let (_, repository, _) = one_forgotten();
    let error = block_on(repository.plan_undelete(Id::from_bytes([5; 32]))).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::NotFound);
}

#[test]
fn what_was_dropped_is_copied_and_stands_by_itself() {
    let (store, repository, first) = one_forgotten();
    prune(&repository);
    let listed = block_on(repository.forgotten()).unwrap();
    assert_eq!(listed[0].still_there, StillThere::Yes);
    let planned = plan(&repository, first);
    assert!(
        planned.is_possible() && planned.copied_bytes() > 0,
        "{planned}"
    );
    assert!(
        planned.in_force() > 0,
        "what the other snapshot shares is in force"
    );
    assert_eq!(planned, plan(&reopen(&store, settings(1)), first));
    let report = undelete(&repository, &planned).unwrap();
    assert!(
        report.packs > 0 && report.packs + 2 <= planned.requests().puts,
        "{planned}"
    );
    // Nothing of it depends on what was dropped.
    delete(&repository);
    assert_restores(&reopen(&store, settings(1)), first, 1);
    prune(&repository);
    delete(&repository);
    assert_restores(&reopen(&store, settings(1)), first, 1);
}

#[test]
fn what_is_deleted_is_lost_and_named() {
    let (_, repository, first) = one_forgotten();
    prune(&repository);
    delete(&repository);
    let listed = block_on(repository.forgotten()).unwrap();
    assert_eq!(listed[0].still_there, StillThere::Perhaps);
    let plan = plan(&repository, first);
    assert!(!plan.is_possible() && plan.lost() > 0);
    assert_eq!(
        plan.lost_paths(),
        [b""],
        "its root is gone, and with it all names"
    );
    let error = undelete(&repository, &plan).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Invalid);
    assert_eq!(block_on(repository.snapshots()).unwrap().len(), 1);
}

#[test]
fn a_file_whose_content_is_deleted_is_named() {
    let (store, repository, first) = one_forgotten();
    prune(&repository);
    let planned = plan(&repository, first);
    // Only one of the packs that have its content.
    let state = repository.journal().state();
    let mut lost = Vec::new();
    for (name, _) in planned.packs() {
        let key = object_key(&name).unwrap();
        let bytes = block_on(store.get_all(&key)).unwrap();
        let preamble = strongroom_format::Preamble::decode(&bytes).unwrap();
        if preamble.flags == 0 {
            block_on(store.delete(&key)).unwrap();
            lost = plan(&repository, first).lost_paths().to_vec();
            break;
        }
    }
    assert!(!lost.is_empty() && state.head > 0);
    let is_file = |path: &Vec<u8>| path == b"large" || path == b"own" || path.starts_with(b"many/");
    assert!(lost.iter().all(is_file), "{lost:?}");
    // What was planned before is not possible any more.
    let error = undelete(&repository, &planned).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Stale, "{error}");
}

#[test]
fn damage_in_a_dropped_pack_is_not_committed() {
    let (store, repository, first) = one_forgotten();
    prune(&repository);
    let planned = plan(&repository, first);
    let (name, _) = planned.packs().next().unwrap();
    let key = object_key(&name).unwrap();
    let mut bytes = block_on(store.get_all(&key)).unwrap().to_vec();
    bytes[70] ^= 1;
    block_on(store.delete(&key)).unwrap();
    block_on(store.put_new(&key, bytes.into())).unwrap();
    let error = undelete(&repository, &planned).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Stale, "{error}");
    assert_eq!(block_on(repository.snapshots()).unwrap().len(), 1);
}

#[test]
fn of_two_who_bring_it_back_one_finds_it_there() {
    let (store, repository, first) = one_forgotten();
    prune(&repository);
    let planned = plan(&repository, first);
    let other = reopen(&store, settings(1));
    assert!(undelete(&other, &planned).unwrap().entry.is_some());
    assert_eq!(undelete(&repository, &planned).unwrap().entry, None);
    assert_eq!(block_on(repository.snapshots()).unwrap().len(), 2);
}

/// Brings a snapshot back, while another handle does something just before its entry is put.
fn undelete_and(
    store: &Arc<TestStore>,
    planned: &UndeletePlan,
    key_prefix: &str,
    meanwhile: impl FnOnce() + Send,
) -> Result<UndeleteReport> {
    let gate = Gate::new();
    let faulty = Arc::new(Faulty::new(store.clone(), FaultPlan::new()));
    let slow = open(&faulty);
    faulty.inject(
        Rule::new(Fault::PauseBefore(gate.clone()))
            .with_operation(Operation::Put)
            .with_key_prefix(key_prefix)
            .with_when(When::Nth(1)),
    );
    let other = async {
        gate.arrived(1).await;
        std::thread::scope(|scope| drop(scope.spawn(meanwhile)));
        gate.open();
    };
    let undeleted = slow.undelete(planned.clone(), Arc::new(()));
    block_on(futures::future::join(undeleted, other)).0
}

#[test]
fn what_a_pruner_takes_away_before_the_entry_is_copied_too() {
    let (store, repository, first) = one_forgotten();
    prune(&repository);
    let planned = plan(&repository, first);
    let report = undelete_and(&store, &planned, "journal/", || {
        // The other snapshot goes, and everything that it shares with the first.
        let second = block_on(repository.snapshots()).unwrap()[0].id;
        write(&repository, 30);
        forget(&repository, second);
        prune_something(&repository);
    });
    let report = report.unwrap();
    assert!(report.entry.is_some() && report.bytes > planned.copied_bytes());
    delete(&repository);
    assert_restores(&reopen(&store, settings(1)), first, 1);
}

#[test]
fn what_a_pruner_takes_for_garbage_is_copied_anew() {
    let (store, repository, first) = one_forgotten();
    prune(&repository);
    let planned = plan(&repository, first);
    // All new packs are there and no entry names them.
    let report = undelete_and(&store, &planned, "index/", || prune_something(&repository));
    assert!(report.unwrap().entry.is_some());
    delete(&repository);
    assert_restores(&reopen(&store, settings(1)), first, 1);
}

#[test]
fn what_is_deleted_before_the_entry_stops_it() {
    let (store, repository, first) = one_forgotten();
    prune(&repository);
    let planned = plan(&repository, first);
    let report = undelete_and(&store, &planned, "index/", || {
        prune(&repository);
        delete(&repository);
    });
    assert_eq!(report.unwrap_err().kind(), ErrorKind::Stale);
    assert_eq!(block_on(repository.snapshots()).unwrap().len(), 1);
}

#[test]
fn what_is_deleted_after_it_was_copied_is_not_missed() {
    let (store, repository, first) = one_forgotten();
    prune(&repository);
    let planned = plan(&repository, first);
    let report = undelete_and(&store, &planned, "index/", || delete(&repository));
    assert!(report.unwrap().entry.is_some());
    assert_restores(&reopen(&store, settings(1)), first, 1);
}

fn back_up(repository: &Repository, n: u64) -> Id {
    let options = BackupOptions::new("home").with_parent(ParentChoice::None);
    let source = Arc::new(TreeSource::new(tree(n)));
    let report = block_on(repository.backup(source, options, Arc::new(())));
    report.unwrap().snapshot
}

fn append(repository: &Repository, body: Body) {
    append_as(repository, Roles::MAINTAINER, body).unwrap();
}

#[test]
fn what_moves_while_it_is_looked_for_is_found() {
    let (store, repository) = repository();
    let first = back_up(&repository, 1);
    back_up(&repository, 1);
    forget(&repository, first);
    let planned = plan(&repository, first);
    let gate = Gate::new();
    let faulty = Arc::new(Faulty::new(store.clone(), FaultPlan::new()));
    let slow = open(&faulty);
    faulty.inject(
        Rule::new(Fault::PauseBefore(gate.clone()))
            .with_operation(Operation::Get)
            .with_key_prefix("pack/")
            .with_when(When::Nth(1)),
    );
    let moved = || {
        let state = repository.journal().state();
        let packs: Vec<_> = state.packs.all().keys().copied().collect();
        let condemned = Condemn {
            packs: packs.clone(),
            ..Condemn::default()
        };
        append(&repository, Body::Condemn(condemned));
        back_up(&repository, 1);
        let dropped = Dropped {
            packs,
            segments: state.segments.keys().copied().collect(),
            ..Dropped::default()
        };
        let tombstone = Tombstone {
            dropped,
            ..Tombstone::default()
        };
        append(&repository, Body::Tombstone(tombstone));
        delete(&repository);
    };
    let other = async {
        gate.arrived(1).await;
        std::thread::scope(|scope| drop(scope.spawn(moved)));
        gate.open();
    };
    let undeleted = slow.undelete(planned, Arc::new(()));
    let (report, ()) = block_on(futures::future::join(undeleted, other));
    assert!(report.unwrap().entry.is_some());
    assert_restores(&reopen(&store, settings(1)), first, 1);
}

#[test]
fn an_interrupted_undeleting_is_begun_again() {
    let (store, repository, first) = one_forgotten();
    prune(&repository);
    let planned = plan(&repository, first);
    for call in 1..200 {
        let memory = copy_of(store.inner());
        let faulty = Arc::new(Faulty::new(memory.clone(), FaultPlan::new()));
        let handle = open(&faulty);
        let gone = Fault::FailBefore(StoreKind::Unavailable);
        faulty.inject(Rule::new(gone).with_when(When::From(call)));
        let result = undelete(&handle, &planned);
        let died = faulty.fired() > 0;
        if died {
            assert_eq!(result.unwrap_err().kind(), ErrorKind::Unavailable);
        }
        let again = open(&memory);
        undelete(&again, &planned).unwrap();
        assert_restores(&again, first, 1);
        if !died {
            return;
        }
    }
    panic!("it never comes through");
}

#[test]
fn what_is_sealed_under_a_retired_epoch_is_lost() {
    let (_, repository, first) = one_forgotten();
    prune(&repository);
    let this = repository.clone();
    let run = edge::run(repository.store(), "test", move |remote| {
        let keys = Keys {
            epochs: vec![(0, EpochState::Retired)],
            ..Keys::default()
        };
        this.journal()
            .append(remote, this.context(), Roles::ADMIN, &mut |_| {
                Ok(Body::Keys(keys.clone()))
            })
    });
    block_on(run).unwrap();
    let plan = plan(&repository, first);
    assert!(!plan.is_possible(), "{plan}");
    assert!(plan.packs().count() > 0, "pages are sealed under no epoch");
}

#[test]
fn no_key_to_content_is_needed() {
    let (store, repository, first) = one_forgotten();
    prune(&repository);
    let keyless = reopen(&store, settings(1));
    let context = keyless.context();
    let keys = context.keys();
    let mut bundle = keys.bundle(context.suite, &context.repository).unwrap();
    bundle.epochs.clear();
    let keyring = (keys.generation, keys.keyring, keys.keyring_object.clone());
    let random = &context.components.random;
    let opener = Arc::clone(&keys.opener);
    let without = crate::keys::Keys::of_bundle(context.suite, random, bundle, keyring, opener);
    context.replace_keys(without.unwrap());
    let planned = plan(&keyless, first);
    assert_eq!(planned, plan(&repository, first));
    assert!(undelete(&keyless, &planned).unwrap().packs > 0);
    delete(&repository);
    assert_restores(&reopen(&store, settings(1)), first, 1);
}

#[test]
fn a_plan_prints_what_it_costs() {
    let (_, repository, first) = one_forgotten();
    prune(&repository);
    let planned = plan(&repository, first);
    let text = planned.to_string();
    let copied = format!("writes {} bytes", planned.copied_bytes());
    assert!(text.contains(&copied) && text.contains("costs "), "{text}");
    let (name, _) = planned.packs().next().unwrap();
    assert!(object_name::parse(&name).is_some());
}

#[derive(Debug, Clone, Copy)]
enum Step {
    Write(u64),
    Forget(usize),
    Prune,
    Delete,
    Undelete(usize),
}

fn steps() -> impl Strategy<Value = Vec<Step>> {
    let step = prop_oneof![
        4 => (0..6_u64).prop_map(Step::Write),
        4 => (0..4_usize).prop_map(Step::Forget),
        3 => Just(Step::Prune),
        1 => Just(Step::Delete),
        4 => (0..4_usize).prop_map(Step::Undelete),
    ];
    proptest::collection::vec(step, 1..16)
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(24))]

    /// Whatever is forgotten, dropped, deleted and brought back: what is in force restores, and what was not deleted can be had again.
    #[test]
    fn what_is_brought_back_is_what_was_forgotten(steps in steps()) {
        let (store, repository) = repository();
        let mut in_force: Vec<(Id, u64)> = vec![(write(&repository, 9), 9)];
        // With whether something was deleted since.
        let mut gone: Vec<(Id, u64, bool)> = Vec::new();
        for step in steps {
            match step {
                Step::Write(n) => in_force.push((write(&repository, n), n)),
                Step::Forget(at) if in_force.len() > 1 => {
                    let (id, n) = in_force.remove(at % in_force.len());
                    forget(&repository, id);
                    gone.push((id, n, false));
                }
                Step::Forget(_) => {}
                Step::Prune => prune(&repository),
                Step::Delete => {
                    delete(&repository);
                    gone.iter_mut().for_each(|one| one.2 = true);
                }
                Step::Undelete(_) if gone.is_empty() => {}
                Step::Undelete(at) => {
                    let at = at % gone.len();
                    let (id, n, deleted) = gone[at];
                    let listed = block_on(repository.forgotten()).unwrap();
                    let listed = listed.iter().find(|one| one.id == id).unwrap();
                    let planned = plan(&repository, id);
                    prop_assert!(planned.is_possible() || deleted);
                    let sure = listed.still_there == StillThere::Yes;
                    prop_assert!(planned.is_possible() || !sure);
                    if planned.is_possible() {
                        prop_assert!(undelete(&repository, &planned).unwrap().entry.is_some());
                        gone.remove(at);
                        in_force.push((id, n));
                    }
                }
            }
        }
        delete(&repository);
        let fresh = reopen(&store, settings(1));
        prop_assert_eq!(block_on(fresh.snapshots()).unwrap().len(), in_force.len());
        for (id, n) in in_force {
            assert_restores(&fresh, id, n);
        }
    }
}
