//! Locks that are extended generation by generation.

use std::sync::atomic::Ordering;

use super::support::{DAY, World, policy, tree};
use crate::RestoreOptions;
use crate::testing::MemoryTarget;

/// Says of everything in force whether it is locked for a period from now.
fn assert_promised(world: &World) {
    let audit = world.audit(None);
    assert!(audit.is_kept(), "{audit}: {:?}", audit.short);
    assert_eq!(audit.promise, policy().promise(world.now()));
}

#[test]
fn every_snapshot_is_locked_whole_from_its_commit_on() {
    let world = World::new(policy());
    let mut seed = 7_u64;
    let generation = policy().generation().as_secs();
    let mut backups = 0;
    for _ in 0..12 {
        // Once a generation, at any time in it.
        let begins = world.now().unsigned_abs() / generation * generation;
        let left = begins + generation - world.now().unsigned_abs();
        seed = seed.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1);
        let before = (seed >> 33) % left;
        world.pass(before);
        world.extend(world.plan());
        for step in 1..=3 {
            // The last of them at the very end of the next generation.
            world.pass((left - before + if step == 3 { 0 } else { 1 }) / 3);
            world.backup(&tree(backups));
            backups += 1;
            assert_promised(&world);
        }
        let now = world.now().unsigned_abs();
        world.pass(generation - now % generation);
    }
}

#[test]
fn an_object_costs_one_request_a_generation_however_many_snapshots_share_it() {
    let world = World::new(policy());
    world.backup(&tree(1));
    let generation = policy().generation().as_secs();
    world.pass(generation);
    world.extend(world.plan());
    for _ in 0..10 {
        world.pass(generation);
        world.strict.extensions.store(0, Ordering::SeqCst);
        world.strict.questions.store(0, Ordering::SeqCst);
        world.strict.lists.store(0, Ordering::SeqCst);
        for _ in 0..5 {
            world.backup(&tree(1));
            let plan = world.plan();
            world.extend(plan);
            world.pass(DAY / 2);
        }
        // Entries and tree packs of these five are new, and locked as they are put: nothing is asked for twice.
        let in_force = world.repository.journal().state();
        let objects = in_force.packs.len() + in_force.segments.len() + 72;
        let extensions = world.strict.extensions.load(Ordering::SeqCst);
        assert!(extensions <= objects as u64, "{extensions} > {objects}");
        // Each plan asks for a few, whatever there is.
        assert!(world.strict.questions.load(Ordering::SeqCst) <= 5 * 16);
        assert_eq!(world.strict.lists.load(Ordering::SeqCst), 0);
        assert!(world.plan().is_empty());
        world.pass(generation - 5 * DAY / 2);
    }
}

#[test]
fn a_generation_that_was_missed_is_seen_and_made_good() {
    let world = World::new(policy());
    world.backup(&tree(1));
    let generation = policy().generation().as_secs();
    // Locked as put for this generation and the next.
    world.pass(generation);
    world.backup(&tree(2));
    assert!(world.audit(None).is_kept());
    world.pass(generation);
    world.backup(&tree(3));
    let audit = world.audit(None);
    assert!(!audit.is_kept());
    let plan = world.plan();
    assert!(plan.short() > 0);
    assert!(plan.to_string().contains("newest snapshot"), "{plan}");
    // What the journal says is what the store says.
    assert_eq!(plan.short(), audit.short.len() as u64);
    world.extend(plan);
    assert!(world.audit(None).is_kept());
    assert_eq!(world.plan().short(), 0);
}

#[test]
fn a_lock_is_never_shortened() {
    let world = World::new(policy());
    world.backup(&tree(1));
    let before = world.retention_of("pack/");
    let shorter = world.reopened("compliance:1d".parse().unwrap());
    // What the journal says is more than this policy can have asked for, and is not believed.
    assert!(!shorter.plan().is_empty());
    let everything = shorter.plan_with(crate::LockOptions::default().with_everything(true));
    let report = shorter.extend(everything);
    assert!(report.problems.is_empty(), "{report:?}");
    assert_eq!(world.retention_of("pack/"), before);
}

#[test]
fn a_plan_of_another_repository_is_refused() {
    let (one, other) = (World::new(policy()), World::new(policy()));
    let plan = one.plan();
    let refused = other.block(other.repository.extend_locks(plan, std::sync::Arc::new(())));
    assert_eq!(refused.unwrap_err().kind(), crate::ErrorKind::Invalid);
}

#[test]
fn a_promise_ends() {
    let world = World::new(policy());
    world.backup(&tree(1));
    world.pass(31 * DAY);
    let audit = world.audit(None);
    assert!(audit.is_over && audit.is_kept(), "{audit}");
    assert!(audit.to_string().contains("any more"), "{audit}");
    let plan = world.plan();
    assert!(!plan.is_empty());
    assert_eq!(plan.short(), 0);
    world.backup(&tree(2));
    assert!(world.plan().short() > 0);
    world.pass(50 * DAY);
    assert!(world.audit(None).short.is_empty());
}

#[test]
fn a_plan_of_the_last_generation_is_stale() {
    let world = World::new(policy());
    world.backup(&tree(1));
    world.pass(policy().generation().as_secs());
    let plan = world.plan();
    world.pass(policy().generation().as_secs());
    let stale = world.block(world.repository.extend_locks(plan, std::sync::Arc::new(())));
    assert_eq!(stale.unwrap_err().kind(), crate::ErrorKind::Stale);
    world.extend(world.plan());
    assert!(world.plan().is_empty());
}

#[test]
fn what_is_locked_restores() {
    let world = World::new(policy());
    let report = world.backup(&tree(1));
    let target = std::sync::Arc::new(MemoryTarget::default());
    let options = RestoreOptions::default();
    let restored = world.repository.restore(
        &report.snapshot,
        target.clone(),
        options,
        std::sync::Arc::new(()),
    );
    assert!(world.block(restored).unwrap().is_complete());
    assert_eq!(target.flat(), tree(1).flat());
}
