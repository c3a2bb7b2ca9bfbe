use futures::executor::block_on;
use strongroom_store::wrap::{Fault, FaultPlan, Faulty, Limited, Operation, Recording, Rule, When};
use strongroom_store::{
    Answer, DirStore, ErrorKind, MemoryStore, ProbeOptions, Store, StoreExt, probe_atomic_create,
};

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

#[test]
fn who_asks_one_thing_at_a_time_learns_nothing_of_races() {
    let store = Limited::new(Broken::new(Flaw::CreateLooksFirst), 1);
    let scratch = folder("scratch/");
    let probe = strongroom_store::probe(&store, &scratch, ProbeOptions::default());
    let answer = block_on(probe).expect("no errors").atomic_create;
    assert!(matches!(answer, Answer::Unknown(_)), "{answer}");
}

#[test]
fn the_whole_probe_says_what_the_fault_is() {
    for (flaw, question, expected) in [
        (
            Flaw::IgnoresCreate,
            "atomic_create",
            "ignores the condition",
        ),
        (
            Flaw::CreateLooksFirst,
            "atomic_create",
            "only as long as nobody races",
        ),
        (
            Flaw::HeadIsStale,
            "read_after_write",
            "still the old object",
        ),
        (
            Flaw::RangeOffByOne,
            "ranges",
            "not the part that was asked for",
        ),
        (Flaw::ListMisses, "complete_list", "11 were listed"),
        (Flaw::ListRepeats, "complete_list", "13 were listed"),
        (Flaw::DeleteOfMissingFails, "delete", "not found"),
        (Flaw::MissingIsDenied, "missing", "permission denied"),
    ] {
        let store = Broken::new(flaw);
        let scratch = folder("scratch/");
        let probe = strongroom_store::probe(&store, &scratch, ProbeOptions::default());
        let probed = block_on(probe).expect("no errors");
        let answer = probed
            .answers()
            .find(|(asked, _)| asked.name() == question)
            .map(|(_, answer)| answer.clone());
        let why = answer.as_ref().and_then(|answer| answer.why());
        assert!(
            why.is_some_and(|why| why.contains(expected)),
            "{flaw:?}: {probed}"
        );
        assert_eq!(names(&store, ""), [""; 0], "{flaw:?}");
    }
}
