//! Parity beside packs: who writes it, who takes it away, and that nothing depends on it.

mod bursts;

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use futures::executor::block_on;
use strongroom_crypt::{Id, Suite};
use strongroom_format::object_name::{self, ObjectName};
use strongroom_format::parity::{Geometry, Overhead, Parity};
use strongroom_format::{ObjectHash, PackRef};
use strongroom_store::wrap::{Fault, FaultPlan, Faulty, Operation, Recording, Rule};
use strongroom_store::{
    ErrorKind as StoreKind, Key, MemoryStore, Prefix, PutMode, PutOptions, Store, StoreExt as _,
};

use super::{ParityOptions, ParityPlan, ParityReport};
use crate::testing::{MemoryTarget, TestStore, Tree, TreeSource, noise};
use crate::{
    BackupOptions, BackupReport, CopyOptions, CreateOptions, Credential, DeleteOptions,
    DeleteReason, ErrorKind, ForgetOptions, ParentChoice, PruneOptions, PrunePlan, Repository,
    RestoreOptions, Settings, Unused,
};

/// Files of which those of neighbouring numbers are the same.
fn tree(n: u64) -> Tree {
    let file = |n: u64| (format!("{n:03}").into_bytes(), Tree::file(&noise(n, 9_000)));
    Tree::dir([("many", Tree::Dir((n * 4..n * 4 + 8).map(file).collect()))])
}

fn settings(parity: Option<Overhead>) -> Settings {
    Settings {
        threads: 2,
        pack_bytes: 16 << 10,
        parity,
        ..Settings::default()
    }
}

fn percent(percent: u8) -> Option<Overhead> {
    Some(Overhead::percent(percent).unwrap())
}

fn create(store: Arc<dyn Store>, parity: Option<Overhead>) -> Repository {
    let builder = Repository::builder(store).settings(settings(parity));
    let options = CreateOptions::default().with_suite(Suite::None);
    block_on(builder.create(options, &Credential::None))
        .unwrap()
        .repository
}

fn open(store: Arc<dyn Store>, parity: Option<Overhead>) -> Repository {
    let builder = Repository::builder(store).settings(settings(parity));
    block_on(builder.open(&Credential::None)).unwrap()
}

fn repository(parity: Option<Overhead>) -> (Arc<TestStore>, Repository) {
    let store = Arc::new(Recording::new(MemoryStore::new()));
    let repository = create(store.clone(), parity);
    (store, repository)
}

fn backup(repository: &Repository, n: u64) -> BackupReport {
    let options = BackupOptions::new("home").with_parent(ParentChoice::None);
    let source = Arc::new(TreeSource::new(tree(n)));
    block_on(repository.backup(source, options, Arc::new(()))).unwrap()
}

fn assert_restores(repository: &Repository, id: &Id, tree: &Tree) {
    let target = Arc::new(MemoryTarget::default());
    let options = RestoreOptions::default();
    let restored = repository.restore(id, target.clone(), options, Arc::new(()));
    assert!(block_on(restored).unwrap().is_complete());
    assert!(target.flat() == tree.flat());
}

fn key(name: &str) -> Key {
    Key::parse(name).unwrap()
}

fn get(store: &dyn Store, name: &str) -> Bytes {
    block_on(store.get_all(&key(name))).unwrap()
}

fn overwrite(store: &dyn Store, name: &str, bytes: Vec<u8>) {
    let options = PutOptions::default().with_mode(PutMode::Overwrite);
    block_on(store.put(&key(name), bytes.into(), options)).unwrap();
}

/// The parity objects that are there, by the packs they are of.
fn parity_of(store: &dyn Store) -> BTreeMap<ObjectHash, u64> {
    let listed = block_on(store.list_all(&Prefix::parse("parity/").unwrap())).unwrap();
    let named = listed
        .iter()
        .map(|meta| match object_name::parse(meta.key.as_str()) {
            Some(ObjectName::Parity(pack)) => (pack, meta.len),
            other => panic!("{other:?}"),
        });
    named.collect()
}

fn packs(repository: &Repository) -> Vec<PackRef> {
    block_on(repository.snapshots()).unwrap();
    let state = repository.journal().state();
    state.packs.all().values().copied().collect()
}

/// Every pack in force has the parity that is wished, and it is its own.
fn assert_protected(store: &dyn Store, repository: &Repository, overhead: Option<Overhead>) {
    let there = parity_of(store);
    let packs = packs(repository);
    assert!(!packs.is_empty());
    for pack in packs {
        let geometry = Geometry::plan(pack.len.into(), overhead.unwrap());
        assert_eq!(there.get(&pack.name), Some(&geometry.object_len()));
        let object = get(store, &object_name::parity(&pack.name));
        let parity = Parity::decode(&object).unwrap();
        parity.check(&pack.name, pack.len.into()).unwrap();
        assert_eq!(parity.preamble().unwrap().repository, repository.id());
        assert!(parity.is_of(&get(store, &object_name::pack(&pack.name))));
    }
}

fn plan(repository: &Repository, overhead: Option<Overhead>) -> ParityPlan {
    plan_with(repository, ParityOptions::default().with_overhead(overhead))
}

fn plan_with(repository: &Repository, options: ParityOptions) -> ParityPlan {
    block_on(repository.plan_parity(options)).unwrap()
}

fn add(repository: &Repository, plan: &ParityPlan) -> ParityReport {
    block_on(repository.add_parity(plan.clone(), Arc::new(()))).unwrap()
}

fn forget(repository: &Repository, id: Id) {
    let plan = block_on(repository.plan_forget(ForgetOptions::of([id]))).unwrap();
    block_on(repository.forget(plan)).unwrap();
}

#[test]
fn without_the_setting_there_is_none() {
    let (store, repository) = repository(None);
    store.reset();
    let report = backup(&repository, 1);
    assert_eq!(report.parity, super::ParityCount::default());
    assert!(
        store
            .calls()
            .iter()
            .all(|call| !call.key.starts_with("parity"))
    );
}

#[test]
fn a_backup_gives_every_pack_its_parity() {
    for execution in [crate::Execution::Threads, crate::Execution::Inline] {
        let store = Arc::new(Recording::new(MemoryStore::new()));
        let components = crate::Components {
            execution,
            ..crate::Components::default()
        };
        let builder = Repository::builder(store.clone())
            .settings(settings(percent(10)))
            .components(components);
        let options = CreateOptions::default().with_suite(Suite::None);
        let repository = block_on(builder.create(options, &Credential::None))
            .unwrap()
            .repository;
        store.reset();
        let report = backup(&repository, 1);
        assert!(report.packs > 3);
        assert_eq!(report.parity.packs, report.packs);
        assert!(report.parity.is_complete());
        let there = parity_of(store.as_ref());
        assert_eq!(report.parity.bytes, there.values().sum::<u64>());
        // One put more for each pack, and nothing else.
        let puts = |prefix: &str| {
            let calls = store.calls();
            let of = |call: &&strongroom_store::wrap::Call| {
                call.operation == Operation::Put && call.key.starts_with(prefix)
            };
            calls.iter().filter(of).count() as u64
        };
        assert_eq!(
            (puts("pack/"), puts("parity/")),
            (report.packs, report.packs)
        );
        assert_protected(store.as_ref(), &repository, percent(10));
        assert!(plan(&repository, percent(10)).is_empty());
    }
}

#[test]
fn a_store_that_refuses_parity_costs_the_parity_alone() {
    let refuse = Rule::new(Fault::FailBefore(StoreKind::PermissionDenied))
        .with_operation(Operation::Put)
        .with_key_prefix("parity/");
    let store = Arc::new(Faulty::new(MemoryStore::new(), FaultPlan::new()));
    let repository = create(store.clone(), percent(5));
    store.inject(refuse);
    let report = backup(&repository, 1);
    assert!(report.is_complete());
    assert_eq!(
        (report.parity.packs, report.parity.failed),
        (0, report.packs)
    );
    assert!(report.parity.first_failure.is_some() && !report.parity.is_complete());
    assert_restores(&repository, &report.snapshot, &tree(1));

    let planned = plan(&repository, percent(5));
    assert_eq!(planned.packs().len() as u64, report.packs);
    let added = add(&repository, &planned);
    assert_eq!(
        (added.added, added.problems.len()),
        (0, planned.packs().len())
    );
    assert!(!added.is_complete());
    store.heal();
    let added = add(&repository, &planned);
    assert!(added.is_complete(), "{added}");
    assert_protected(store.as_ref(), &repository, percent(5));
}

#[test]
fn what_a_prune_writes_has_parity_and_what_is_deleted_loses_it() {
    let (store, repository) = repository(percent(2));
    let first = backup(&repository, 1).snapshot;
    let second = backup(&repository, 2).snapshot;
    let before = parity_of(store.as_ref());
    forget(&repository, first);
    let options = PruneOptions::default()
        .with_max_unused(Unused::Bytes(0))
        .with_orphan_age(Duration::ZERO)
        .with_session_age(Duration::ZERO);
    let planned = block_on(repository.plan_prune(options, Arc::new(()))).unwrap();
    let options = planned.options().clone();
    let without = open(store.clone(), None);
    let without = block_on(without.plan_prune(options, Arc::new(()))).unwrap();
    let puts = |plan: &PrunePlan| plan.figures().requests.puts;
    assert!(puts(&without) < puts(&planned));
    let report = block_on(repository.prune(planned, Arc::new(()))).unwrap();
    assert!(report.added_packs > 0 && report.dropped_packs > 0);
    assert_eq!(report.parity.packs, report.added_packs);
    assert_protected(store.as_ref(), &repository, percent(2));

    let options = DeleteOptions::default().with_min_age(Duration::ZERO);
    let planned = block_on(repository.plan_delete(options)).unwrap();
    let parities = planned
        .objects()
        .iter()
        .filter(|one| one.object.starts_with("parity/"));
    let of_packs = planned
        .objects()
        .iter()
        .filter(|one| one.object.starts_with("pack/"));
    let (parities, of_packs): (Vec<_>, Vec<_>) = (parities.collect(), of_packs.collect());
    assert_eq!(parities.len() as u64, report.dropped_packs);
    assert_eq!(parities.len(), of_packs.len());
    assert!(
        parities
            .iter()
            .all(|one| matches!(one.reason, DeleteReason::Dropped(_)))
    );
    assert_eq!(planned.requests().deletes, planned.objects().len() as u64);
    block_on(repository.delete_dropped(planned, Arc::new(()))).unwrap();
    let after = parity_of(store.as_ref());
    assert_eq!(after.len(), packs(&repository).len());
    assert!(before.keys().any(|pack| !after.contains_key(pack)));
    assert_restores(&repository, &second, &tree(2));
    assert!(plan(&repository, percent(2)).is_empty());
}

#[test]
fn what_is_brought_back_has_parity() {
    let (store, repository) = repository(percent(2));
    let first = backup(&repository, 1).snapshot;
    backup(&repository, 5);
    forget(&repository, first);
    let options = PruneOptions::default()
        .with_max_unused(Unused::Bytes(0))
        .with_session_age(Duration::ZERO);
    let planned = block_on(repository.plan_prune(options, Arc::new(()))).unwrap();
    block_on(repository.prune(planned, Arc::new(()))).unwrap();
    let planned = block_on(repository.plan_undelete(first)).unwrap();
    let foreseen = planned.requests().puts;
    store.reset();
    let report = block_on(repository.undelete(planned, Arc::new(()))).unwrap();
    assert!(report.packs > 0);
    assert_eq!(report.parity.packs, report.packs);
    assert!(store.count(Operation::Put) as u64 <= foreseen);
    assert_protected(store.as_ref(), &repository, percent(2));
    assert_restores(&repository, &first, &tree(1));
}

#[test]
fn copies_have_what_their_own_settings_say() {
    let (_, source) = repository(None);
    backup(&source, 1);
    let (store, target) = repository(percent(3));
    let report = block_on(source.copy_to(&target, CopyOptions::default(), Arc::new(()))).unwrap();
    assert!(report.is_complete() && report.parity.packs > 0);
    assert_protected(store.as_ref(), &target, percent(3));
}

#[test]
fn replicas_get_parity_by_the_wish_of_who_replicates() {
    let (original, repository) = repository(percent(50));
    backup(&repository, 1);
    let plain = Arc::new(MemoryStore::new());
    let without = open(original.clone(), None);
    let report = block_on(without.replicate(plain.clone(), Arc::new(()))).unwrap();
    assert!(report.is_complete() && report.parity.packs == 0);
    assert!(parity_of(plain.as_ref()).is_empty());
    assert!(block_on(without.compare_replica(plain)).unwrap().is_same());

    let disk = Arc::new(MemoryStore::new());
    let with = open(original, percent(2));
    let report = block_on(with.replicate(disk.clone(), Arc::new(()))).unwrap();
    assert_eq!(
        (report.parity.packs, report.parity.failed),
        (report.packs, 0)
    );
    let replica = open(disk.clone(), None);
    assert_protected(disk.as_ref(), &replica, percent(2));
    assert!(block_on(with.compare_replica(disk)).unwrap().is_same());
}

#[test]
fn packs_that_are_there_are_protected_later() {
    let (store, repository) = repository(None);
    let snapshot = backup(&repository, 1).snapshot;
    let planned = plan(&repository, percent(2));
    assert_eq!(planned.packs().len(), packs(&repository).len());
    assert_eq!(planned.protected(), 0);
    store.reset();
    let report = add(&repository, &planned);
    assert!(report.is_complete());
    assert_eq!(report.bytes, planned.written_bytes());
    assert_eq!(report.read_bytes, planned.read_bytes());
    let made = (
        store.count(Operation::Get) as u64,
        store.count(Operation::Put) as u64,
    );
    assert_eq!(made, (planned.requests().gets, planned.requests().puts));
    assert_protected(store.as_ref(), &repository, percent(2));
    let again = plan(&repository, percent(2));
    assert!(again.is_empty() && again.protected() == report.added);

    // Another amount takes the place of what is there, but of small packs, for which it comes to the same.
    let planned = plan(&repository, percent(50));
    assert!(planned.packs().len() > 3 && planned.removed().len() == 0);
    let all = planned.packs().len() as u64 + planned.protected();
    assert_eq!(all, report.added);
    assert!(planned.to_string().contains("50%"), "{planned}");
    assert!(add(&repository, &planned).is_complete());
    assert_protected(store.as_ref(), &repository, percent(50));
    // None at all removes it.
    let planned = plan(&repository, None);
    assert_eq!(planned.removed().len() as u64, report.added);
    assert_eq!(add(&repository, &planned).removed, report.added);
    assert!(parity_of(store.as_ref()).is_empty());
    assert_restores(&repository, &snapshot, &tree(1));
}

#[test]
fn parity_is_made_from_what_is_intact_and_for_what_is_there() {
    let (store, repository) = repository(None);
    backup(&repository, 1);
    let packs = packs(&repository);
    let [damaged, absent, torn, gone, ..] = packs.as_slice() else {
        panic!("there are {} packs", packs.len());
    };
    let name = |pack: &PackRef| object_name::pack(&pack.name);
    let mut bytes = get(store.as_ref(), &name(damaged)).to_vec();
    bytes[100] ^= 1;
    overwrite(store.as_ref(), &name(damaged), bytes);
    block_on(store.delete(&key(&name(absent)))).unwrap();
    overwrite(store.as_ref(), &name(torn), vec![1, 2, 3]);
    let planned = plan(&repository, percent(2));
    let mut expected = [absent.name, torn.name];
    expected.sort();
    assert_eq!(planned.absent(), expected);
    assert!(planned.to_string().contains(&name(absent)), "{planned}");
    block_on(store.delete(&key(&name(gone)))).unwrap();
    let report = add(&repository, &planned);
    assert_eq!(report.damaged, [damaged.name]);
    assert_eq!((report.gone, report.added), (1, packs.len() as u64 - 4));
    assert!(!report.is_complete() && report.to_string().contains(&name(damaged)));
    assert!(!parity_of(store.as_ref()).contains_key(&damaged.name));
}

/// Parity that was put before its pack, which then never came, is nobody's.
#[test]
fn parity_of_nothing_is_removed() {
    let (store, repository) = repository(percent(2));
    let first = backup(&repository, 1).snapshot;
    backup(&repository, 9);
    let orphan = ObjectHash::of(b"never came");
    overwrite(store.as_ref(), &object_name::parity(&orphan), vec![0; 10]);
    // That of a pack that is dropped and still there waits for its pack.
    forget(&repository, first);
    let options = PruneOptions::default().with_session_age(Duration::ZERO);
    let planned = block_on(repository.plan_prune(options, Arc::new(()))).unwrap();
    block_on(repository.prune(planned, Arc::new(()))).unwrap();
    let planned = plan(&repository, percent(2));
    assert_eq!(planned.removed().collect::<Vec<_>>(), [&orphan]);
    assert_eq!(planned.removed_bytes(), 10);
    assert_eq!(add(&repository, &planned).removed, 1);
    assert!(plan(&repository, percent(2)).is_empty());
}

#[test]
fn parity_that_a_check_has_found_damaged_is_made_anew() {
    let (store, repository) = repository(percent(2));
    backup(&repository, 1);
    let pack = packs(&repository)[0].name;
    let name = object_name::parity(&pack);
    let mut bytes = get(store.as_ref(), &name).to_vec();
    bytes[500] ^= 1;
    overwrite(store.as_ref(), &name, bytes);
    assert!(
        plan(&repository, percent(2)).is_empty(),
        "its length is right"
    );
    let planned = plan_with(&repository, ParityOptions::default().with_renew([pack]));
    assert_eq!(
        planned.packs().map(|pack| pack.name).collect::<Vec<_>>(),
        [pack]
    );
    assert!(add(&repository, &planned).is_complete());
    assert_protected(store.as_ref(), &repository, percent(2));
}

#[test]
fn a_plan_of_another_repository_is_refused() {
    let (_, one) = repository(None);
    let (_, other) = repository(None);
    backup(&one, 1);
    let planned = plan(&one, percent(2));
    assert_eq!(planned, plan(&one, percent(2)));
    let refused = block_on(other.add_parity(planned, Arc::new(())));
    assert_eq!(refused.unwrap_err().kind(), ErrorKind::Invalid);
}
