//! Credentials that may put and not delete, and such that may only read.

use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;

use strongroom_store::Cause;

use super::support::{DAY, Kind, World, tree};
use crate::testing::MemoryTarget;
use crate::{
    DeleteOptions, ErrorKind, ForgetOptions, MayDelete, PruneOptions, RestoreOptions, Unused,
};

#[test]
fn who_may_put_and_not_delete_backs_up_and_is_told_what_a_prune_lacks() {
    let world = World::try_new(None, Kind::NoLocks).unwrap();
    world.strict.permit(true, false);
    world.strict.deletes.store(0, Ordering::SeqCst);
    let first = world.backup(&tree(1));
    world.pass(DAY);
    let second = world.backup(&tree(2));
    for _ in 0..70 {
        world.evidence();
    }
    assert!(first.parity.first_failure.is_none() && second.parity.first_failure.is_none());
    assert_eq!(
        world.strict.deletes.load(Ordering::SeqCst),
        0,
        "a backup deletes nothing"
    );

    let rules = ForgetOptions::by_rules("last=1".parse().unwrap());
    let plan = world.block(world.repository.plan_forget(rules)).unwrap();
    world.block(world.repository.forget(plan)).unwrap();
    let options = PruneOptions::default().with_max_unused(Unused::Bytes(0));
    let plan = world
        .block(world.repository.plan_prune(options, Arc::new(())))
        .unwrap();
    assert_eq!(plan.may_delete(), MayDelete::No);
    assert!(plan.to_string().contains("may not delete"), "{plan}");
    // To drop is not to delete, and is another's permission.
    let report = world
        .block(world.repository.prune(plan, Arc::new(())))
        .unwrap();
    assert!(report.dropped_packs > 0 && report.is_complete());

    let options = DeleteOptions::default().with_min_age(Duration::ZERO);
    let plan = world
        .block(world.repository.plan_delete(options.clone()))
        .unwrap();
    assert_eq!(plan.may_delete(), MayDelete::No);
    let doomed = plan.objects().len();
    assert!(doomed > 2);
    world.strict.deletes.store(0, Ordering::SeqCst);
    let report = world
        .block(world.repository.delete_dropped(plan, Arc::new(())))
        .unwrap();
    assert_eq!(report.deleted, 0);
    let causes: Vec<_> = report.problems.iter().map(|error| error.cause()).collect();
    assert!(causes == [Some(Cause::Forbidden)], "{causes:?}");
    // Those on their way are refused, too, and no others are begun.
    assert!(world.strict.deletes.load(Ordering::SeqCst) <= 16);

    world.strict.permit(true, true);
    let plan = world.block(world.repository.plan_delete(options)).unwrap();
    assert_eq!(plan.may_delete(), MayDelete::Yes);
    let report = world
        .block(world.repository.delete_dropped(plan, Arc::new(())))
        .unwrap();
    assert_eq!(report.deleted, doomed as u64);
}

#[test]
fn who_may_only_read_restores_and_nothing_tries_to_write() {
    let world = World::try_new(None, Kind::NoLocks).unwrap();
    let report = world.backup(&tree(1));
    world.strict.permit(false, false);
    world.strict.writes.store(0, Ordering::SeqCst);
    let reader = world.try_reopened(None).unwrap();
    let repository = &reader.repository;
    assert_eq!(world.block(repository.snapshots()).unwrap().len(), 1);
    let target = Arc::new(MemoryTarget::default());
    let restored = repository.restore(
        &report.snapshot,
        target.clone(),
        RestoreOptions::default(),
        Arc::new(()),
    );
    assert!(world.block(restored).unwrap().is_complete());
    assert_eq!(target.flat(), tree(1).flat());
    let listed = repository.plan_forget(ForgetOptions::by_rules("last=1".parse().unwrap()));
    world.block(listed).unwrap();
    assert_eq!(
        world.strict.writes.load(Ordering::SeqCst),
        0,
        "something was written"
    );
    let error = reader.try_backup(&tree(2)).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::PermissionDenied);
    assert_eq!(error.cause(), Some(Cause::Forbidden));
}
