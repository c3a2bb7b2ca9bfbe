use std::sync::Arc;
use std::time::Duration;

use futures::executor::block_on;
use futures::future::{join, join_all, poll_immediate};
use futures::stream::StreamExt;
use strongroom_store::wrap::{
    Fault, FaultPlan, Faulty, Gate, Limited, Operation, Prefixed, RandomJitter, ReadOnly,
    Recording, RecordingSleep, RetryPolicy, Retrying, Rule, When,
};
use strongroom_store::{Error, ErrorKind, MemoryStore, Prefix, Store, StoreExt};

use crate::{folder, key, kind, names, put};

type Flaky = Faulty<Recording<MemoryStore>>;

/// A store that fails by a rule, and the same store with retries.
fn flaky(rule: Rule) -> (Flaky, Retrying<Flaky>, Arc<RecordingSleep>) {
    let inner = Recording::new(MemoryStore::new());
    let faulty = Faulty::new(inner, FaultPlan::new().with_rule(rule));
    let sleep = Arc::new(RecordingSleep::new());
    let retrying = Retrying::new(faulty.clone(), RetryPolicy::default().with_attempts_max(4))
        .with_sleep(Arc::<RecordingSleep>::clone(&sleep))
        .with_jitter(Arc::new(RandomJitter::seeded(1)));
    (faulty, retrying, sleep)
}

#[test]
fn retrying_waits_and_succeeds() {
    let rule = Rule::new(Fault::FailBefore(ErrorKind::Unavailable)).with_when(When::First(3));
    let (_, store, sleep) = flaky(rule);
    put(&store, "a", "bytes");
    let slept = sleep.slept();
    assert_eq!(slept.len(), 3);
    for (wait, limit_ms) in slept.iter().zip([500, 1_000, 2_000]) {
        assert!(
            *wait <= Duration::from_millis(limit_ms),
            "{wait:?} exceeds {limit_ms} ms"
        );
    }
}

#[test]
fn retrying_gives_up_with_the_last_error() {
    let (faulty, store, sleep) = flaky(Rule::new(Fault::FailBefore(ErrorKind::Unavailable)));
    assert_eq!(
        kind(block_on(store.get_all(&key("a")))),
        ErrorKind::Unavailable
    );
    assert_eq!((faulty.fired(), sleep.slept().len()), (4, 3));
}

#[test]
fn retrying_repeats_nothing_that_is_not_unavailable() {
    for never in [
        ErrorKind::NotFound,
        ErrorKind::PermissionDenied,
        ErrorKind::NoSpace,
        ErrorKind::Other,
    ] {
        let (faulty, store, _) = flaky(Rule::new(Fault::FailBefore(never)));
        assert_eq!(kind(block_on(store.head(&key("a")))), never);
        assert_eq!(faulty.fired(), 1);
    }
}

#[test]
fn a_create_whose_acknowledgement_was_lost_succeeds() {
    let rule = Rule::new(Fault::FailAfter(ErrorKind::Unavailable))
        .with_operation(Operation::Put)
        .with_when(When::Nth(1));
    let (faulty, store, _) = flaky(rule);
    put(&store, "journal/1", "ours");
    assert_eq!(faulty.inner().count(Operation::Put), 2);
    // The next create of the same bytes was told of no failure: it is refused.
    let outcome = block_on(store.put_new(&key("journal/1"), "ours".into()));
    assert_eq!(kind(outcome), ErrorKind::AlreadyExists);
}

#[test]
fn a_create_that_lost_to_another_while_in_doubt_is_refused() {
    let rule = Rule::new(Fault::FailBefore(ErrorKind::Unavailable))
        .with_operation(Operation::Put)
        .with_when(When::Nth(1));
    let (faulty, store, _) = flaky(rule);
    put(faulty.inner(), "journal/1", "them");
    let outcome = block_on(store.put_new(&key("journal/1"), "ours".into()));
    assert_eq!(kind(outcome), ErrorKind::AlreadyExists);
}

#[test]
fn a_list_that_breaks_off_is_begun_again_without_repeating() {
    let rule = Rule::new(Fault::FailAfter(ErrorKind::Unavailable))
        .with_operation(Operation::List)
        .with_when(When::First(2));
    let (faulty, store, _) = flaky(rule);
    for name in ["a", "b", "c/d"] {
        put(&store, name, "bytes");
    }
    assert_eq!(names(&store, ""), ["a", "b", "c/d"]);
    assert_eq!(faulty.inner().count(Operation::List), 3);
}

#[test]
fn a_list_that_cannot_be_had_ends_after_its_error() {
    let (_, store, _) =
        flaky(Rule::new(Fault::FailAfter(ErrorKind::Unavailable)).with_operation(Operation::List));
    put(&store, "a", "bytes");
    let items: Vec<_> = block_on(store.list(&Prefix::root()).collect());
    assert_eq!(items.len(), 2, "the object, then the error, then the end");
    assert!(items.last().is_some_and(Result::is_err));
}

#[test]
fn limited_lets_so_many_in_and_no_more() {
    let gate = Gate::new();
    let pause = Rule::new(Fault::PauseBefore(gate.clone()));
    let inner = Faulty::new(MemoryStore::new(), FaultPlan::new().with_rule(pause));
    let store = Limited::new(inner.clone(), 3);
    assert_eq!(store.capabilities().concurrency, 3);
    block_on(async {
        let keys: Vec<_> = (0..10).map(|index| key(&format!("k{index}"))).collect();
        let puts = join_all(keys.iter().map(|key| store.put_new(key, "bytes".into())));
        let mut puts = Box::pin(puts);
        assert!(poll_immediate(&mut puts).await.is_none());
        assert_eq!(inner.fired(), 3, "the others wait outside");
        gate.open();
        assert!(puts.await.into_iter().all(|outcome| outcome.is_ok()));
        assert_eq!(inner.fired(), 10);
    });
}

#[test]
fn a_caller_of_a_limited_store_can_act_on_a_list_as_it_comes() {
    let store = Limited::new(MemoryStore::new(), 1);
    put(&store, "a", "bytes");
    put(&store, "b", "bytes");
    block_on(async {
        let mut objects = store.list(&Prefix::root());
        while let Some(object) = objects.next().await {
            store
                .delete(&object.expect("no fault").key)
                .await
                .expect("no deadlock");
        }
    });
    assert_eq!(names(&store, ""), [""; 0]);
}

#[test]
fn a_paused_call_goes_on_when_the_gate_opens() {
    let gate = Gate::new();
    let pause = Rule::new(Fault::PauseAfter(gate.clone())).with_operation(Operation::Put);
    let store = Faulty::new(MemoryStore::new(), FaultPlan::new().with_rule(pause));
    let a = key("a");
    let (outcome, seen) = block_on(join(store.put_new(&a, "bytes".into()), async {
        gate.arrived(1).await;
        let seen = store.get_all(&a).await;
        gate.open();
        seen
    }));
    outcome.expect("it went on");
    assert_eq!(seen.expect("the effect came before the pause"), "bytes");
}

#[test]
fn faults_do_what_the_table_says() {
    let store = |fault| {
        Faulty::new(
            MemoryStore::new(),
            FaultPlan::new().with_rule(Rule::new(fault)),
        )
    };
    let a = key("a");
    block_on(async {
        let torn = store(Fault::TornWrite(ErrorKind::Other));
        assert_eq!(
            kind(torn.put_new(&a, "12345678".into()).await),
            ErrorKind::Other
        );
        assert_eq!(torn.inner().get_all(&a).await.expect("it is there"), "1234");

        let lost = store(Fault::LostWrite);
        lost.put_new(&a, "bytes".into()).await.expect("it says so");
        assert!(!lost.inner().exists(&a).await.expect("memory"));

        let half = store(Fault::TornRead);
        half.put_new(&a, "12345678".into())
            .await
            .expect("writes are whole");
        assert_eq!(half.get_all(&a).await.expect("half of it"), "1234");

        let flipped = store(Fault::FlippedRead);
        flipped
            .put_new(&a, "12345678".into())
            .await
            .expect("writes are whole");
        let data = flipped.get_all(&a).await.expect("it seems right");
        let wrong_bits: u32 = data
            .iter()
            .zip(b"12345678")
            .map(|(a, b)| (a ^ b).count_ones())
            .sum();
        assert_eq!(wrong_bits, 1);
        flipped.heal();
        assert_eq!(flipped.get_all(&a).await.expect("healed"), "12345678");
    });
}

#[test]
fn one_seed_gives_the_same_faults() {
    let run = |seed| {
        let rule = Rule::new(Fault::FailBefore(ErrorKind::Unavailable)).with_when(When::OneIn(3));
        let store = Faulty::new(MemoryStore::new(), FaultPlan::seeded(seed).with_rule(rule));
        (0..60)
            .map(|_| block_on(store.exists(&key("a"))).is_ok())
            .collect::<Vec<_>>()
    };
    assert_eq!(run(5), run(5));
    assert_ne!(run(5), run(6));
    let failures = run(5).into_iter().filter(|ok| !ok).count();
    assert!((8..35).contains(&failures), "{failures} of 60");
}

#[test]
fn recording_logs_what_was_asked_and_what_became_of_it() {
    let store = Recording::new(MemoryStore::new());
    let handle = store.clone();
    put(&store, "a/b", "bytes");
    let part = block_on(store.get_range(&key("a/b"), 1..3)).expect("a range");
    assert_eq!(part, "yt");
    assert_eq!(
        kind(block_on(store.head(&key("none")))),
        ErrorKind::NotFound
    );
    assert_eq!(names(&store, "a/"), ["a/b"]);

    let calls = handle.calls();
    let told: Vec<_> = calls
        .iter()
        .map(|call| (call.operation, call.key.as_str(), call.bytes, call.outcome))
        .collect();
    assert_eq!(
        told,
        [
            (Operation::Put, "a/b", 5, Some(Ok(()))),
            (Operation::Get, "a/b", 2, Some(Ok(()))),
            (Operation::Head, "none", 0, Some(Err(ErrorKind::NotFound))),
            (Operation::List, "a/", 0, Some(Ok(()))),
        ]
    );
    assert_eq!(calls.get(1).and_then(|call| call.range.clone()), Some(1..3));
    handle.reset();
    assert_eq!(store.count(Operation::Get), 0);
}

#[test]
fn prefixed_shows_its_folder_alone_and_speaks_of_the_callers_keys() {
    let inner = Arc::new(MemoryStore::new());
    let store = Prefixed::new(Arc::clone(&inner), folder("host/a/"));
    put(&*inner, "host/ab/other", "bytes");
    put(&store, "pack/1", "bytes");
    assert_eq!(names(&store, ""), ["pack/1"]);
    assert_eq!(names(&store, "pack/"), ["pack/1"]);
    assert_eq!(names(&*inner, "host/a/"), ["host/a/pack/1"]);

    let error = block_on(store.get_all(&key("none"))).expect_err("it is missing");
    assert_eq!(error.key(), Some(&key("none")));
    let too_long = key(&"k".repeat(store.capabilities().key_len_max + 1));
    assert_eq!(
        kind(block_on(store.put_new(&too_long, "bytes".into()))),
        ErrorKind::Invalid
    );
}

#[test]
fn read_only_never_calls_the_store_inside() {
    let inner = Recording::new(MemoryStore::new());
    let store = ReadOnly::new(inner.clone());
    let put = block_on(store.replace(&key("a"), "bytes".into()));
    assert_eq!(kind(put), ErrorKind::PermissionDenied);
    assert_eq!(
        kind(block_on(store.delete(&key("a")))),
        ErrorKind::PermissionDenied
    );
    assert!(inner.calls().is_empty());
}

#[test]
fn delete_all_reports_a_failure() {
    let fault = Rule::new(Fault::FailBefore(ErrorKind::PermissionDenied)).with_when(When::Nth(2));
    let store = Faulty::new(MemoryStore::new(), FaultPlan::new());
    let keys = ["a", "b", "c"].map(|name| {
        put(&store, name, "bytes");
        key(name)
    });
    store.inject(fault);
    assert_eq!(
        kind(block_on(store.delete_all(&keys))),
        ErrorKind::PermissionDenied
    );
    store.heal();
    block_on(store.delete_all(&keys)).expect("nothing fails now");
    assert_eq!(names(&store, ""), [""; 0]);
}

#[test]
fn exists_never_turns_a_failure_into_absence() {
    let fault = Rule::new(Fault::FailBefore(ErrorKind::Unavailable));
    let store = Faulty::new(MemoryStore::new(), FaultPlan::new().with_rule(fault));
    let outcome: Result<bool, Error> = block_on(store.exists(&key("a")));
    assert_eq!(kind(outcome), ErrorKind::Unavailable);
}
