//! A world keeps the laws of a store when nothing is to go wrong, and one seed decides what does.

use std::collections::BTreeSet;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use futures::executor::block_on;
use strongroom_repo::Clock as _;
use strongroom_sim::{Client, Event, Fault, FaultPlan, Pool, Program, World};
use strongroom_store::conformance::assert_conforms;
use strongroom_store::{Error, ErrorKind, Key, Prefix, Store as _, StoreExt as _};

#[test]
fn the_store_conforms_to_bystanders() {
    assert_conforms(|| Arc::new(World::new(1, FaultPlan::none()).store()));
}

#[test]
fn the_store_conforms_to_a_client() {
    let world = World::new(1, FaultPlan::none());
    let program: Program = Box::new(|client| {
        let store = client.store();
        // Races on threads of the suite's own are one client's calls.
        assert_conforms(|| store.clone());
    });
    assert_eq!(world.run(&mut Pool::new(), vec![program]), [None]);
}

fn everything() -> FaultPlan {
    Fault::ALL
        .into_iter()
        .fold(FaultPlan::none(), |plan, fault| plan.with(fault, 12))
        .with_torn_below("pack/")
        .with_rot_below("pack/")
        .with_switch_one_in(1)
}

/// Puts, reads, lists and deletes, and gets up again whenever it dies.
fn busy(client: &Client) {
    for round in 0..30 {
        if client.is_dead() {
            client.revive();
        }
        let store = client.store();
        let key = |number: usize| Key::parse(&format!("pack/{}", number % 7)).unwrap();
        let own = vec![round; usize::from(round)];
        drop(block_on(
            store.put_new(&key(usize::from(round)), own.into()),
        ));
        drop(block_on(store.get_all(&key(client.id()))));
        drop(block_on(store.list_all(&Prefix::root())));
        drop(block_on(store.delete(&key(usize::from(round) + 3))));
        client.pause(Duration::from_secs(1));
        client.say("round", "done");
    }
}

fn events_of(seed: u64, pool: &mut Pool) -> (u64, Vec<Event>) {
    let world = World::new(seed, everything());
    world.keep_events();
    let programs = (0..4).map(|_| Box::new(busy) as Program).collect();
    let panics = world.run(pool, programs);
    assert!(panics.iter().all(Option::is_none), "{panics:?}");
    world.calm();
    (world.fingerprint(), world.take_events())
}

#[test]
fn one_seed_decides_everything() {
    let mut pool = Pool::new();
    let mut fingerprints = BTreeSet::new();
    for seed in 0..40 {
        let (fingerprint, events) = events_of(seed, &mut pool);
        assert_eq!(events_of(seed, &mut pool), (fingerprint, events));
        fingerprints.insert(fingerprint);
    }
    assert_eq!(fingerprints.len(), 40, "seeds differ");
}

#[test]
fn every_fault_happens() {
    let mut pool = Pool::new();
    let events = (0..20).flat_map(|seed| events_of(seed, &mut pool).1);
    let seen: BTreeSet<Fault> = events.filter_map(|event| event.fault).collect();
    assert_eq!(seen, BTreeSet::from(Fault::ALL));
}

/// Runs one client whose first call suffers a fault, and returns what it was told.
fn suffer(fault: Fault, seed: u64, world: &World) -> Result<(), Error> {
    let told = Arc::new(Mutex::new(None));
    let program: Program = {
        let told = told.clone();
        Box::new(move |client| {
            let outcome = block_on(client.store().put_new(&config(), "mine".into()));
            *told.lock().unwrap() = Some(outcome);
        })
    };
    world.run(&mut Pool::new(), vec![program]);
    let outcome = told.lock().unwrap().take();
    outcome.unwrap_or_else(|| panic!("{fault:?} with seed {seed}: no outcome"))
}

fn config() -> Key {
    Key::parse("config").unwrap()
}

#[test]
fn what_was_done_and_what_was_said_differ_as_told() {
    for seed in 0..20 {
        for (fault, is_there, kind) in [
            (Fault::Retried, Some(true), ErrorKind::AlreadyExists),
            (Fault::CrashAfter, Some(true), ErrorKind::Other),
            (Fault::CrashBefore, Some(false), ErrorKind::Other),
            (Fault::Full, Some(false), ErrorKind::NoSpace),
        ] {
            let world = World::new(seed, FaultPlan::none().with(fault, 1));
            let error = suffer(fault, seed, &world).unwrap_err();
            assert_eq!(error.kind(), kind, "{fault:?}");
            let found = block_on(world.store().exists(&config())).unwrap();
            assert_eq!(Some(found), is_there, "{fault:?}");
        }
    }
}

#[test]
fn a_late_write_arrives_when_the_world_is_calm_or_never() {
    let mut seen = BTreeSet::new();
    for seed in 0..40 {
        let world = World::new(seed, FaultPlan::none().with(Fault::LateWrite, 1));
        suffer(Fault::LateWrite, seed, &world).unwrap_err();
        world.calm();
        seen.insert(block_on(world.store().exists(&config())).unwrap());
    }
    assert_eq!(seen, BTreeSet::from([false, true]));
}

#[test]
fn the_dead_do_nothing_until_they_are_revived() {
    let world = World::new(3, FaultPlan::none().with(Fault::CrashBefore, 1));
    let program: Program = Box::new(|client| {
        let before = client.store();
        block_on(before.put_new(&config(), "lost".into())).unwrap_err();
        assert!(client.is_dead());
        client.world().calm();
        block_on(before.put_new(&config(), "lost".into())).unwrap_err();
        client.revive();
        block_on(before.put_new(&config(), "lost".into())).unwrap_err();
        block_on(client.store().put_new(&config(), "kept".into())).unwrap();
    });
    assert_eq!(world.run(&mut Pool::new(), vec![program]), [None]);
    assert_eq!(block_on(world.store().get_all(&config())).unwrap(), "kept");
}

#[test]
fn clocks_jump_and_differ() {
    let plan = FaultPlan::none().with(Fault::ClockJump, 1);
    let world = World::new(5, plan);
    let program: Program = Box::new(|client| {
        drop(block_on(client.store().exists(&config())));
        assert_ne!(client.clock().now(), client.world().clock().now());
    });
    assert_eq!(world.run(&mut Pool::new(), vec![program]), [None]);
}

#[test]
fn too_many_calls_end_the_world() {
    let world = World::new(5, FaultPlan::none().with_max_steps(50));
    let endless: Program = Box::new(|client| {
        while !client.is_over() {
            drop(block_on(client.store().exists(&config())));
        }
    });
    world.run(&mut Pool::new(), vec![endless]);
    assert!(world.is_exhausted());
    assert!(world.steps() < 60);
}

#[test]
fn a_panic_is_told_and_stops_nobody_else() {
    let world = World::new(5, FaultPlan::none());
    let panics: Program = Box::new(|_| panic!("told to"));
    let works: Program = Box::new(|client| {
        block_on(client.store().put_new(&config(), "mine".into())).unwrap();
    });
    let outcomes = world.run(&mut Pool::new(), vec![panics, works]);
    assert_eq!(outcomes, [Some("told to".to_owned()), None]);
    assert!(block_on(world.store().exists(&config())).unwrap());
}
