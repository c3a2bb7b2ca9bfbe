//! What is locked cannot be replaced, and is repaired all the same.

use std::sync::Arc;

use strongroom_format::DamagedObject;
use strongroom_format::object_name;

use super::support::{World, policy, tree};
use crate::repair::NoRemedy;
use crate::testing::MemoryTarget;
use crate::{Remedy, RepairOptions, RepairPlan, RestoreOptions};

fn plan_of(world: &World, object: &str) -> RepairPlan {
    let suspect = DamagedObject {
        name: object_name::parse(object).unwrap(),
        frames: Vec::new(),
    };
    let options = RepairOptions::default().with_suspects([suspect]);
    let plan = world.repository.plan_repair(options, Arc::new(()));
    world.block(plan).unwrap()
}

fn repair(world: &World, plan: RepairPlan) {
    let report = world.block(world.repository.repair(plan, Arc::new(())));
    let report = report.unwrap();
    assert!(report.problems.is_empty(), "{report:?}");
}

#[test]
fn a_locked_pack_is_moved_from_its_source() {
    let world = World::new(policy());
    let report = world.backup(&tree(1));
    let until = policy().target(world.now()).until;
    let packs = world.objects().into_iter();
    let packs: Vec<_> = packs.filter(|name| name.starts_with("pack/")).collect();
    for pack in packs {
        world.flip(&pack);
        let plan = plan_of(&world, &pack);
        let [item] = plan.items() else {
            panic!("{plan}")
        };
        assert!(matches!(item.remedy, Remedy::Quarantine(_)), "{plan}");
        assert_eq!(item.locked_until, Some(until));
        assert!(plan.to_string().contains("locked until"), "{plan}");
        repair(&world, plan);
        let plan = plan_of(&world, &pack);
        assert!(
            matches!(plan.items()[0].remedy, Remedy::Move { .. }),
            "{plan}"
        );
        repair(&world, plan);
        assert!(plan_of(&world, &pack).is_empty());
    }
    let target = Arc::new(MemoryTarget::default());
    let options = RestoreOptions::default();
    let restored =
        world
            .repository
            .restore(&report.snapshot, target.clone(), options, Arc::new(()));
    assert!(world.block(restored).unwrap().is_complete());
    assert_eq!(target.flat(), tree(1).flat());
    assert!(world.audit(None).is_kept());
}

#[test]
fn a_locked_segment_is_made_anew() {
    let world = World::new(policy());
    world.backup(&tree(1));
    let segment = world.first("index/");
    world.flip(&segment);
    let plan = plan_of(&world, &segment);
    assert!(
        matches!(plan.items()[0].remedy, Remedy::Rebuild(_)),
        "{plan}"
    );
    assert!(plan.items()[0].locked_until.is_some());
    repair(&world, plan);
    assert!(plan_of(&world, &segment).is_empty());
}

#[test]
fn of_what_cannot_be_repaired_the_plan_says_until_when() {
    let world = World::new(policy());
    world.flip("config.copy");
    let plan = plan_of(&world, "config.copy");
    let item = &plan.items()[0];
    assert_eq!(item.remedy, Remedy::None(NoRemedy::Locked));
    assert_eq!(item.locked_until, Some(policy().target(world.now()).until));
    assert!(!plan.has_work());
    world.pass(50 * super::support::DAY);
    repair(&world, plan_of(&world, "config.copy"));
    assert!(plan_of(&world, "config.copy").is_empty());
}
