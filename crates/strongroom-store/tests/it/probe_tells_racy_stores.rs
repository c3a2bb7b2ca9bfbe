use futures::executor::block_on;
use strongroom_store::wrap::{Fault, FaultPlan, Faulty, Operation, Recording, Rule, When};
use strongroom_store::{DirStore, ErrorKind, MemoryStore, Store, StoreExt, probe_atomic_create};

use crate::broken_stores_are_caught::{Broken, Flaw};
use crate::{folder, kind, names, put};

fn probe(store: &dyn Store) -> bool {
    block_on(probe_atomic_create(store, &folder("scratch/"))).expect("no errors")
}

#[test]
fn sound_stores_pass_and_are_left_clean() {
    let scratch = tempfile::tempdir().expect("a directory");
    let directory = DirStore::create(scratch.path()).expect("a store");
    assert!(probe(&directory));
    assert_eq!(names(&directory, ""), [""; 0]);

    let memory = Recording::new(MemoryStore::new());
    assert!(probe(&memory));
    assert_eq!(names(&memory, ""), [""; 0]);
    assert_eq!(memory.count(Operation::Put), 48);
}

#[test]
fn stores_that_ignore_or_fake_the_condition_are_told() {
    for flaw in [Flaw::IgnoresCreate, Flaw::CreateLooksFirst] {
        let store = Broken::new(flaw);
        assert!(!probe(&store), "{flaw:?}");
        assert_eq!(names(&store, ""), [""; 0], "{flaw:?}");
    }
}

#[test]
fn a_store_that_fails_leaves_the_question_open_and_is_cleaned() {
    let fault = Rule::new(Fault::FailAfter(ErrorKind::Unavailable))
        .with_operation(Operation::Put)
        .with_when(When::Nth(5));
    let store = Faulty::new(MemoryStore::new(), FaultPlan::new().with_rule(fault));
    let outcome = block_on(probe_atomic_create(&store, &folder("scratch/")));
    assert_eq!(kind(outcome), ErrorKind::Unavailable);
    assert_eq!(names(&store, ""), [""; 0]);
}

#[test]
fn what_is_already_there_is_not_touched() {
    let store = MemoryStore::new();
    put(&store, "scratch/race-0", "precious");
    let outcome = block_on(probe_atomic_create(&store, &folder("scratch/")));
    assert_eq!(kind(outcome), ErrorKind::AlreadyExists);
    let data = block_on(store.get_all(&crate::key("scratch/race-0"))).expect("it is there");
    assert_eq!(data, "precious");
}
