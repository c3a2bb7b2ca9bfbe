//! Slots and keyrings that a lock kept from being deleted with a revocation.

use std::sync::Arc;

use super::support::{DAY, World, policy};
use crate::DeleteOptions;

#[test]
fn what_a_revocation_could_not_delete_is_deleted_after_its_lock() {
    let world = World::encrypted(policy());
    world.add_slot();
    let slots = world.block(world.repository.slots()).unwrap();
    let second = slots.iter().find(|slot| slot.label == "second").unwrap();
    let slot = strongroom_format::object_name::slot(second.id);
    let until = policy().target(world.now()).until;
    let report = world
        .block(world.repository.revoke_slot(second.id))
        .unwrap();
    assert_eq!(report.locked_until, Some(until));
    assert!(report.left.iter().any(|(name, _)| *name == slot));
    assert!(report.still_readable().contains("locked until"));
    let left: Vec<String> = report.left.into_iter().map(|(name, _)| name).collect();

    let plan = || {
        let plan = world.repository.plan_delete(DeleteOptions::default());
        world.block(plan).unwrap()
    };
    let now = plan();
    let locked: Vec<&str> = now.locked().iter().map(|one| one.object.as_str()).collect();
    assert!(left.iter().all(|name| locked.contains(&name.as_str())));
    assert!(now.objects().iter().all(|one| !left.contains(&one.object)));

    world.pass(50 * DAY);
    let later = plan();
    let doomed = later.objects().iter().map(|one| one.object.as_str());
    let mut doomed: Vec<&str> = doomed
        .filter(|name| !name.starts_with("session/"))
        .collect();
    let mut left: Vec<&str> = left.iter().map(String::as_str).collect();
    doomed.sort_unstable();
    left.sort_unstable();
    assert_eq!(doomed, left);
    let deleted = world.repository.delete_dropped(later.clone(), Arc::new(()));
    assert!(world.block(deleted).unwrap().problems.is_empty());
    assert!(!world.objects().contains(&slot));
    assert!(plan().is_empty());
    // Those that open it stay.
    assert_eq!(world.retention_of("slot/").len(), 2);
}
