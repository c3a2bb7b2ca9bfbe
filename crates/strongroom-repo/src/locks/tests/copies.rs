//! Copies of a repository, whose journal says of locks what is true of another store.

use std::sync::Arc;

use strongroom_format::{LockRecord, Time};

use super::super::for_journal;
use super::support::{Kind, World, policy, tree};

#[test]
fn a_copy_without_locks_is_seen_and_locked_whole() {
    let world = World::new(policy());
    world.backup(&tree(1));
    assert!(world.plan().is_empty());
    let copy = world.copied(policy());
    let plan = copy.plan();
    assert!(!plan.contradicted().is_empty());
    let objects = plan.objects().len() as u64;
    assert_eq!((plan.enough(), plan.short()), (0, objects));
    assert!(plan.to_string().contains("what is not so"), "{plan}");
    let report = copy.extend(plan);
    assert_eq!(report.extended, objects);
    assert!(copy.audit(None).is_kept());
    let again = copy.plan();
    assert!(
        again.is_empty() && again.contradicted().is_empty(),
        "{again}"
    );
}

#[test]
fn a_record_that_the_store_contradicts_is_not_believed() {
    let world = World::new(policy());
    world.backup(&tree(1));
    world.pass(policy().generation().as_secs());
    let record = LockRecord {
        entries: world.repository.journal().state().head,
        time: Time::new(world.now(), 0),
        locked: for_journal(policy().target(world.now())),
        except: Vec::new(),
        unknown: Default::default(),
    };
    let evidence = record.to_evidence().unwrap();
    let said = world.repository.record_evidence(evidence);
    world.block(said).unwrap();
    let plan = world.plan();
    assert!(!plan.contradicted().is_empty());
    assert!(plan.objects().len() > 5, "{plan}");
    world.extend(plan);
    assert!(world.plan().is_empty());
    assert!(world.audit(None).is_kept());
}

#[test]
fn a_replica_is_locked_as_it_is_put() {
    let world = World::new(policy());
    world.backup(&tree(1));
    let store = world.another_store(Kind::Locks);
    let report = world.block(world.repository.replicate(store.clone(), Arc::new(())));
    let target = policy().target(world.now());
    assert_eq!(report.unwrap().locked, Some(target));
    let replica = world.opened_in(&store, policy());
    let mut locked = 0;
    for object in replica.objects() {
        if object.starts_with("checkpoint/") || object.starts_with("parity/") {
            continue;
        }
        assert_eq!(replica.retention(&object), Some(target), "{object}");
        locked += 1;
    }
    assert!(locked > 5);
    assert!(replica.audit(None).is_kept());
}

#[test]
fn a_replica_that_cannot_be_locked_is_said_to_be_so() {
    let world = World::new(policy());
    world.backup(&tree(1));
    let store = world.another_store(Kind::NoLocks);
    let report = world.block(world.repository.replicate(store, Arc::new(())));
    let report = report.unwrap();
    assert!(report.is_unlocked);
    assert!(report.to_string().contains("not locked"), "{report}");
    let careless = world.try_reopened(None).unwrap();
    let store = world.another_store(Kind::NoLocks);
    let report = world.block(careless.repository.replicate(store, Arc::new(())));
    assert!(!report.unwrap().is_unlocked);
}
