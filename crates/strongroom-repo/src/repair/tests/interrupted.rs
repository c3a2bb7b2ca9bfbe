//! Repairs that end at every request, and those that others interfere with.

use std::sync::Arc;

use strongroom_store::wrap::{Fault, FaultPlan, Faulty, Operation, Rule, When};
use strongroom_store::{ErrorKind as StoreKind, MemoryStore, Store};

use super::support::*;
use crate::{Credential, PruneOptions, RepairOptions, Repository, Unused};

/// Several things are wrong at once: a pack that a mirror has, one that nobody has, a segment, config and an entry.
fn harmed() -> (World, Arc<MemoryStore>, RepairOptions) {
    let world = World::with_bundle();
    let mirror = world.mirror();
    let packs: Vec<String> = world.packs().iter().map(pack).collect();
    let segment = objects(&world.store)
        .into_keys()
        .find(|name| name.starts_with("index/"))
        .unwrap();
    flip(&world.store, &packs[0], 0.2);
    delete(&world.store, &packs[1]);
    wait(mirror.delete(&strongroom_store::Key::parse(&packs[1]).unwrap())).unwrap();
    cut(&world.store, &segment);
    wait(mirror.delete(&strongroom_store::Key::parse(&segment).unwrap())).unwrap();
    delete(&world.store, "config");
    flip(&world.store, "journal/0000000000000005", 0.9);
    let options = RepairOptions::default()
        .with_suspects([
            suspect(&packs[0]),
            suspect(&packs[1]),
            suspect(&segment),
            suspect("config"),
            suspect("journal/0000000000000005"),
        ])
        .with_source(as_store(&mirror));
    (world, mirror, options)
}

#[test]
fn it_can_end_anywhere_and_be_done_again() {
    let (whole, _mirror, options) = harmed();
    let mut ended = 0;
    for nth in 1.. {
        let mut world = whole.twin();
        let rule = Rule::new(Fault::FailBefore(StoreKind::Unavailable))
            .with_operation(Operation::Put)
            .with_when(When::From(nth));
        let store = Faulty::new(
            Arc::clone(&world.store) as Arc<dyn Store>,
            FaultPlan::new().with_rule(rule),
        );
        let builder = Repository::builder(Arc::new(store)).settings(small());
        let faulty = wait(builder.open(&Credential::None)).unwrap();
        let made = plan(&faulty, options.clone());
        let finished = try_repair(&faulty, made).is_ok();
        world.reopen();
        for n in 0..3 {
            // Nothing is worse than it was.
            assert!(world.is_whole(n) || !whole.is_whole(n));
        }
        let left = world.repair_all(&options);
        assert!(!left.has_work(), "{left}");
        for n in 0..3 {
            world.back_up(&tree(n));
        }
        let last = world.repair_all(&options);
        assert!(last.is_empty(), "{last}");
        world.assert_whole();
        if finished {
            break;
        }
        ended += 1;
    }
    assert!(ended >= 5, "{ended}");
}

#[test]
fn backups_and_prunes_beside_it_lose_nothing() {
    let (whole, _mirror, options) = harmed();
    let prune = |world: &World| {
        let options = PruneOptions::default().with_max_unused(Unused::Bytes(0));
        let planned = wait(world.repository.plan_prune(options, Arc::new(())));
        // A prune refuses where something needed cannot be read.
        if let Ok(plan) = planned {
            drop(wait(world.repository.prune(plan, Arc::new(()))));
        }
    };
    for order in 0..3 {
        let mut world = whole.twin();
        let other = fresh(&world.store);
        let made = plan(&other, options.clone());
        match order {
            0 => drop(world.back_up(&tree(9))),
            1 => prune(&world),
            _ => {
                world.back_up(&tree(9));
                prune(&world);
            }
        }
        // Some of it may be stale.
        drop(try_repair(&other, made));
        prune(&world);
        world.repair_all(&options);
        for n in 0..3 {
            world.back_up(&tree(n));
        }
        let last = world.repair_all(&options);
        assert!(last.is_empty(), "{last}");
        prune(&world);
        world.assert_whole();
    }
}
