//! What is locked is dropped at once, and deleted later.

use std::sync::Arc;
use std::time::Duration;

use strongroom_store::{Key, ObjectLock as _, Retention, RetentionMode};

use super::support::{DAY, World, policy, tree};
use crate::{
    DeleteOptions, DeletePlan, ForgetOptions, ForgetPlan, PruneOptions, PrunePlan, Unused,
};

/// Backs up twice and plans to forget the first.
fn forgotten(world: &World) -> ForgetPlan {
    world.backup(&tree(1));
    world.pass(DAY);
    world.backup(&tree(2));
    world.pass(DAY);
    let rules = "last=1".parse().unwrap();
    world
        .block(world.repository.plan_forget(ForgetOptions::by_rules(rules)))
        .unwrap()
}

fn prune_plan(world: &World) -> PrunePlan {
    let options = PruneOptions::default()
        .with_max_unused(Unused::Bytes(0))
        .with_orphan_age(Duration::ZERO);
    world
        .block(world.repository.plan_prune(options, Arc::new(())))
        .unwrap()
}

fn delete_plan(world: &World) -> DeletePlan {
    let options = DeleteOptions::default().with_min_age(Duration::ZERO);
    world.block(world.repository.plan_delete(options)).unwrap()
}

#[test]
fn plans_know_what_cannot_be_deleted_before_when() {
    let world = World::new(policy());
    let put = policy().target(world.now()).until;
    let plan = forgotten(&world);
    assert_eq!(plan.promised(), 1);
    assert!(plan.promised_until().unwrap() > world.now() + 27 * 86_400);
    assert!(plan.to_string().contains("locked until"), "{plan}");
    world.block(world.repository.forget(plan)).unwrap();

    let plan = prune_plan(&world);
    let figures = plan.figures();
    assert!(figures.dropped_packs > 0);
    assert_eq!(figures.locked_packs, figures.dropped_packs);
    assert_eq!(figures.locked_bytes, figures.dropped_bytes);
    assert!(figures.locked_until.unwrap() >= put);
    assert!(
        plan.decisions()
            .iter()
            .all(|one| one.locked_until.is_some())
    );
    assert!(plan.to_string().contains("can be deleted by"), "{plan}");
    let dropped = plan.figures().dropped_packs;
    world
        .block(world.repository.prune(plan, Arc::new(())))
        .unwrap();

    // The store is not asked in vain; parity is not locked.
    let plan = delete_plan(&world);
    assert!(plan.locked().len() as u64 >= dropped);
    assert!(plan.locked().iter().all(|one| one.until > world.now()));
    assert!(plan.to_string().contains("are locked"), "{plan}");
    assert!(
        plan.objects()
            .iter()
            .all(|one| one.object.starts_with("parity/"))
    );
    let locked: Vec<_> = plan.locked().to_vec();
    let report = world
        .block(world.repository.delete_dropped(plan, Arc::new(())))
        .unwrap();
    assert!(report.problems.is_empty() && report.locked.is_empty());

    // What is in force is locked on, and what was dropped is not.
    let last = locked.iter().map(|one| one.until).max().unwrap();
    while world.now() <= last {
        world.pass(policy().generation().as_secs());
        world.extend(world.plan());
    }
    let plan = delete_plan(&world);
    assert!(plan.locked().is_empty());
    let doomed: Vec<_> = plan.objects().iter().map(|one| &one.object).collect();
    assert!(locked.iter().all(|one| doomed.contains(&&one.object)));
    let report = world
        .block(world.repository.delete_dropped(plan, Arc::new(())))
        .unwrap();
    assert_eq!(report.deleted, doomed_count(&locked, &report));
    assert!(report.problems.is_empty(), "{report:?}");
    assert!(world.audit(None).is_kept());
}

fn doomed_count(locked: &[crate::LockedObject], report: &crate::DeleteReport) -> u64 {
    assert!(report.deleted >= locked.len() as u64);
    report.deleted
}

#[test]
fn what_the_store_refuses_because_it_is_locked_is_left_for_later() {
    let world = World::new(policy());
    let plan = forgotten(&world);
    world.block(world.repository.forget(plan)).unwrap();
    world
        .block(world.repository.prune(prune_plan(&world), Arc::new(())))
        .unwrap();
    let until = delete_plan(&world).locked().last().unwrap().until;
    // Somebody has locked it longer, and the journal does not know.
    let pack = delete_plan(&world).locked().first().unwrap().object.clone();
    let longer = Retention::new(RetentionMode::Compliance, until + 86_400);
    let key = Key::parse(&pack).unwrap();
    world.block(world.strict.extend(&key, longer)).unwrap();
    while world.now() <= until {
        world.pass(DAY);
    }
    let plan = delete_plan(&world);
    assert!(plan.objects().iter().any(|one| one.object == pack));
    let report = world
        .block(world.repository.delete_dropped(plan, Arc::new(())))
        .unwrap();
    assert_eq!(report.locked, [pack.as_str()]);
    assert!(report.locked_bytes > 0 && report.deleted > 0);
    assert!(report.problems.is_empty(), "{report:?}");
    world.pass(2 * DAY);
    let report = world.block(
        world
            .repository
            .delete_dropped(delete_plan(&world), Arc::new(())),
    );
    assert_eq!(report.unwrap().deleted, 1);
}

#[test]
fn what_a_lock_keeps_can_be_brought_back() {
    let world = World::new(policy());
    let plan = forgotten(&world);
    let first = plan.forgotten().next().unwrap();
    world.block(world.repository.forget(plan)).unwrap();
    world
        .block(world.repository.prune(prune_plan(&world), Arc::new(())))
        .unwrap();
    world
        .block(
            world
                .repository
                .delete_dropped(delete_plan(&world), Arc::new(())),
        )
        .unwrap();
    let plan = world.block(world.repository.plan_undelete(first)).unwrap();
    world
        .block(world.repository.undelete(plan, Arc::new(())))
        .unwrap();
    let listed = world.block(world.repository.snapshots()).unwrap();
    assert_eq!(listed.len(), 2);
    assert!(world.audit(None).is_kept());
}
