use futures::executor::block_on;

use super::*;
use crate::key::Key;
use crate::memory::MemoryStore;
use crate::wrap::{Fault, FaultPlan, Faulty, Operation, ReadOnly, Recording, Rule, When};

fn run<S: Store>(store: &S) -> Result<Probed> {
    let scratch = Prefix::parse("session/probe-1/").expect("a folder");
    block_on(probe(store, &scratch, ProbeOptions::default().with_now(0)))
}

fn is_clean<S: Store>(store: &S) -> bool {
    use crate::store::StoreExt as _;

    block_on(store.list_all(&Prefix::root()))
        .expect("memory")
        .is_empty()
}

#[test]
fn a_full_store_gets_a_yes_where_it_can_be_tried_within_the_promised_requests() {
    let store = Recording::new(MemoryStore::new());
    let probed = run(&store).expect("no error");
    for question in Question::ALL {
        let expected = match question {
            Question::ConditionalDelete | Question::Versioning => {
                Answer::Unknown("the store does not say".to_owned())
            }
            Question::ObjectLock => {
                Answer::No("as it was opened, the store offers no locks".to_owned())
            }
            _ => Answer::Yes,
        };
        assert_eq!(probed.answer(question), &expected, "{question:?}");
    }
    assert!(probed.left.is_empty() && is_clean(&store));
    assert!(store.calls().len() <= 110, "{}", store.calls().len());
    assert!(
        store.count(Operation::Put) <= 67,
        "{}",
        store.count(Operation::Put)
    );
}

#[test]
fn without_the_right_to_delete_the_objects_are_named() {
    let denied =
        Rule::new(Fault::FailBefore(ErrorKind::PermissionDenied)).with_operation(Operation::Delete);
    let store = Faulty::new(MemoryStore::new(), FaultPlan::new().with_rule(denied));
    let probed = run(&store).expect("no error");
    assert_eq!(probed.atomic_create, Answer::Yes);
    assert_eq!(probed.read_after_write, Answer::Yes);
    assert!(probed.delete.is_no(), "{probed}");
    let race = Key::parse("session/probe-1/race-0").expect("a key");
    assert!(probed.left.contains(&race));
}

#[test]
fn a_failure_on_the_way_is_an_answer_and_what_was_put_is_deleted() {
    let fault = Rule::new(Fault::FailAfter(ErrorKind::Unavailable))
        .with_operation(Operation::Put)
        .with_when(When::Nth(5));
    let store = Faulty::new(MemoryStore::new(), FaultPlan::new().with_rule(fault));
    let probed = run(&store).expect("no error");
    assert!(
        matches!(probed.atomic_create, Answer::Unknown(_)),
        "{probed}"
    );
    assert!(is_clean(&store));
}

#[test]
fn a_store_that_denies_what_is_missing_is_told() {
    let fault =
        Rule::new(Fault::FailBefore(ErrorKind::PermissionDenied)).with_operation(Operation::Head);
    let store = Faulty::new(MemoryStore::new(), FaultPlan::new().with_rule(fault));
    let probed = run(&store).expect("no error");
    let why = probed.missing.why().expect("a fault");
    assert!(why.contains("permission denied"), "{why}");
}

#[test]
fn who_cannot_put_is_told_by_kind() {
    let kind = |outcome: Result<Probed>| outcome.map_err(|error| error.kind());
    assert_eq!(
        kind(run(&ReadOnly::new(MemoryStore::new()))),
        Err(ErrorKind::PermissionDenied)
    );
    let no_bucket = Rule::new(Fault::FailBefore(ErrorKind::NoStore));
    let store = Faulty::new(MemoryStore::new(), FaultPlan::new().with_rule(no_bucket));
    assert_eq!(kind(run(&store)), Err(ErrorKind::NoStore));
}
