use std::sync::{Arc, Mutex};

use futures::executor::block_on;
use strongroom_crypt::Suite;
use strongroom_format::{Body, Entry, ProbeRecord};
use strongroom_store::wrap::{Fault, FaultPlan, Faulty, Operation, Rule};
use strongroom_store::{ErrorKind as StoreErrorKind, MemoryStore, Store, StoreExt as _};

use super::*;
use crate::testing::{Tree, TreeSource};
use crate::{BackupOptions, CreateOptions, Created, Credential, ErrorKind, Event, Fitness};

fn create(store: Arc<dyn Store>, single_writer: bool) -> Result<Created> {
    let options = CreateOptions::default()
        .with_suite(Suite::None)
        .with_single_writer(single_writer);
    block_on(Repository::builder(store).create(options, &Credential::None))
}

#[test]
fn what_the_store_does_is_recorded_and_shown() {
    let store = Arc::new(MemoryStore::new());
    let created = create(store.clone(), false).unwrap();
    assert!(created.probe.answer(Question::AtomicCreate).is_yes());
    assert!(created.left.is_empty());
    assert_eq!(created.probe.store, "memory:");
    assert_eq!(Fitness::of(&created.probe), Fitness::ManyWriters);

    let reopened = block_on(Repository::builder(store).open(&Credential::None)).unwrap();
    let shown = block_on(reopened.store_probe()).unwrap();
    assert_eq!(shown, Some(created.probe));
}

#[test]
fn a_store_that_got_worse_is_found_when_it_is_probed_again() {
    let store = Arc::new(MemoryStore::new());
    let created = create(store.clone(), false).unwrap();
    let same = block_on(created.repository.reprobe()).unwrap();
    assert!(same.worse.is_empty());
    assert_eq!(same.before, Some(created.probe));

    let denied = Rule::new(Fault::FailBefore(StoreErrorKind::PermissionDenied))
        .with_operation(Operation::Delete);
    let plan = FaultPlan::new().with_rule(denied);
    let adder = Arc::new(Faulty::new(store.clone(), plan));
    let opened = block_on(Repository::builder(adder).open(&Credential::None)).unwrap();
    let again = block_on(opened.reprobe()).unwrap();
    let worse: Vec<_> = again.worse.iter().map(|one| one.question).collect();
    assert_eq!(worse, [Question::Delete]);
    assert!(!again.left.is_empty());

    let key = Key::parse(&object_name::journal(again.entry)).unwrap();
    let entry = Entry::decode(&block_on(store.get_all(&key)).unwrap()).unwrap();
    let keys = opened.context().keys();
    let Body::Evidence(evidence) = entry.open(keys.structure.journal()).unwrap().body else {
        panic!("another entry");
    };
    let record = ProbeRecord::of_evidence(&evidence).unwrap().unwrap();
    assert_eq!(StoreProbe::of_record(&record), again.now);
}

#[test]
fn who_may_put_and_not_delete_creates_a_repository() {
    let denied = Rule::new(Fault::FailBefore(StoreErrorKind::PermissionDenied))
        .with_operation(Operation::Delete);
    let plan = FaultPlan::new().with_rule(denied);
    let created = create(Arc::new(Faulty::new(MemoryStore::new(), plan)), false).unwrap();
    assert!(created.probe.answer(Question::Delete).is_no());
    assert!(
        created
            .left
            .iter()
            .all(|name| name.starts_with("session/probe-"))
    );
    assert!(!created.left.is_empty());
}

#[test]
fn a_store_that_denies_what_is_missing_holds_no_repository() {
    let denied = Rule::new(Fault::FailBefore(StoreErrorKind::PermissionDenied))
        .with_operation(Operation::Head);
    let plan = FaultPlan::new().with_rule(denied);
    let store = Arc::new(Faulty::new(MemoryStore::new(), plan));
    for single_writer in [false, true] {
        let error = create(store.clone(), single_writer).unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Unfit, "{error}");
    }
}

#[test]
fn of_a_split_store_both_parts_are_probed() {
    use strongroom_store::wrap::{Split, SplitRules};

    let packs = || SplitRules::all_of([Prefix::parse("pack/").unwrap()]);
    let denied = Rule::new(Fault::FailBefore(StoreErrorKind::PermissionDenied));
    let data = |operation| {
        let rule = denied.clone().with_operation(operation);
        Faulty::new(MemoryStore::new(), FaultPlan::new().with_rule(rule))
    };
    let split = Split::new(MemoryStore::new(), data(Operation::Head), packs());
    let error = create(Arc::new(split), false).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Unfit, "{error}");

    let split = Split::new(MemoryStore::new(), data(Operation::Delete), packs());
    let created = create(Arc::new(split), false).unwrap();
    assert!(created.probe.answer(Question::AtomicCreate).is_yes());
    assert!(created.probe.answer(Question::Delete).is_no());
    assert!(
        created
            .left
            .iter()
            .all(|name| name.starts_with("pack/probe-"))
    );
    assert!(!created.left.is_empty());
}

#[test]
fn one_writer_at_a_time_is_said_at_every_backup() {
    for single_writer in [false, true] {
        let created = create(Arc::new(MemoryStore::new()), single_writer).unwrap();
        for _ in 0..2 {
            let said = Arc::new(Mutex::new(0));
            let counter = said.clone();
            let observer = move |event: &Event<'_>| {
                if matches!(event, Event::SingleWriter) {
                    *counter.lock().unwrap() += 1;
                }
            };
            let source = TreeSource::new(Tree::dir([("a", Tree::file(b"a"))]));
            let backup = created.repository.backup(
                Arc::new(source),
                BackupOptions::new("x"),
                Arc::new(observer),
            );
            assert_eq!(block_on(backup).unwrap().single_writer, single_writer);
            assert_eq!(*said.lock().unwrap(), usize::from(single_writer));
        }
    }
}
