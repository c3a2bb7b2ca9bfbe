//! Packs in quarantine and out of it.

use std::sync::Arc;

use strongroom_format::DamagedObject;
use strongroom_format::object_name::ObjectName;

use super::support::*;
use crate::testing::Tree;
use crate::{ErrorKind, LossKind, PruneOptions, Remedy, RepairOptions, Unused};

/// The pack that has the content of a file alone.
fn damage_content(world: &World, at: f64) -> String {
    // Of all packs, one of content of which the newest snapshot needs something.
    let state = state(&world.repository);
    let all = state.packs.all();
    let pack = all.values().find(|pack| pack.class as u16 == 0);
    let name = pack_name(&pack.unwrap().name);
    flip(&world.store, &name, at);
    name
}

fn pack_name(name: &strongroom_format::ObjectHash) -> String {
    pack(name)
}

#[test]
fn only_what_is_bad_is_quarantined() {
    let world = World::new();
    let all: Vec<DamagedObject> = world
        .packs()
        .into_iter()
        .map(|name| DamagedObject {
            name: ObjectName::Pack(name),
            frames: vec![0],
        })
        .collect();
    let report = quarantine(&world.repository, all.clone());
    assert_eq!(report.intact.len(), all.len(), "{report:?}");
    assert!(report.entries.is_empty());
    let name = damage_content(&world, 0.2);
    let report = quarantine(&world.repository, all.clone());
    assert_eq!(report.quarantined.len(), 1, "{report:?}");
    assert_eq!(pack(&report.quarantined[0].pack), name);
    assert_eq!(report.entries.len(), 1);
    let again = quarantine(&world.repository, all);
    assert_eq!((again.already.len(), again.entries.len()), (1, 0));
    let others = [suspect("config"), suspect("journal/0000000000000000")];
    assert_eq!(quarantine(&world.repository, others).left.len(), 2);
}

#[test]
fn a_pack_in_quarantine_that_is_good_again_is_moved() {
    let mut world = World::new();
    let mirror = world.mirror();
    let name = damage_content(&world, 0.2);
    let before = wait(strongroom_store::StoreExt::get_all(
        mirror.as_ref(),
        &strongroom_store::Key::parse(&name).unwrap(),
    ));
    quarantine(&world.repository, [suspect(&name)]);
    put(&world.store, &name, before.unwrap());
    let made = plan(&world.repository, RepairOptions::default());
    let [item] = made.items() else {
        panic!("{made}")
    };
    assert!(
        matches!(
            item.remedy,
            Remedy::Move {
                from: None,
                left: 0,
                ..
            }
        ),
        "{made}"
    );
    assert!(made.lost().is_empty());
    let report = repair(&world.repository, made);
    assert_eq!((report.moved, report.entries), (1, 1));
    world.reopen();
    assert!(plan(&world.repository, RepairOptions::default()).is_empty());
    assert!(state(&world.repository).damaged.is_empty());
    world.assert_whole();
}

#[test]
fn a_pack_in_quarantine_of_which_a_mirror_has_the_bytes_is_moved() {
    let mut world = World::new();
    let mirror = world.mirror();
    let name = damage_content(&world, 0.2);
    quarantine(&world.repository, [suspect(&name)]);
    let made = plan(
        &world.repository,
        RepairOptions::default().with_source(as_store(&mirror)),
    );
    let [item] = made.items() else {
        panic!("{made}")
    };
    assert!(
        matches!(
            item.remedy,
            Remedy::Move {
                from: Some(_),
                left: 0,
                ..
            }
        ),
        "{made}"
    );
    repair(&world.repository, made);
    world.reopen();
    assert!(plan(&world.repository, RepairOptions::default()).is_empty());
    world.assert_whole();
}

#[test]
fn what_is_lost_is_named() {
    let world = World::new();
    let name = damage_content(&world, 0.2);
    let options = RepairOptions::default().with_suspects([suspect(&name)]);
    let made = plan(&world.repository, options.clone());
    let lost = made.lost();
    assert!(lost.blobs > 0, "{made}");
    assert!(!lost.snapshots.is_empty());
    // What is named is what a restore misses, no more and no less.
    for (id, _) in &world.snapshots {
        let (_, report) = restore(&fresh(&world.store), *id);
        let named = lost.snapshots.iter().find(|one| one.id == *id);
        let missed: Vec<&[u8]> = report.lost.iter().map(|one| one.path.as_slice()).collect();
        let named: Vec<&[u8]> = named
            .iter()
            .flat_map(|one| &one.paths)
            .filter(|one| one.what == LossKind::Content)
            .map(|one| one.path.as_slice())
            .collect();
        assert_eq!(missed, named);
    }
    assert!(lost.to_string().contains("lack content"), "{lost}");
    // Quarantined, it is still lost, and nothing more is to be done.
    repair(&world.repository, made);
    let after = plan(&world.repository, RepairOptions::default());
    assert!(!after.has_work() && !after.is_empty(), "{after}");
    assert_eq!(
        after.lost().blobs,
        plan(&world.repository, options).lost().blobs
    );
}

#[test]
fn lost_pages_are_named_by_their_directories() {
    let world = World::new();
    let state = state(&world.repository);
    for class in [1, 2] {
        let world = world.twin();
        let all = state.packs.all();
        let of_class = all.values().filter(|pack| pack.class as u16 == class);
        for one in of_class {
            delete(&world.store, &pack(&one.name));
        }
        let made = plan(&world.repository, RepairOptions::default());
        assert!(made.lost().pages > 0, "{made}");
        assert_eq!(made.lost().snapshots.len(), 3, "{made}");
        for snapshot in &made.lost().snapshots {
            assert!(snapshot.paths.iter().any(|one| one.path.is_empty()));
        }
    }
}

#[test]
fn what_nothing_needs_is_dropped_with_its_pack() {
    let mut world = World::new();
    let apart = Tree::dir([("apart", Tree::file(&noise(77_777, 12_000)))]);
    let before = world.packs();
    let id = back_up(&world.repository, &apart);
    let new: Vec<_> = world
        .packs()
        .into_iter()
        .filter(|name| !before.contains(name))
        .collect();
    forget(&world.repository, id);
    for name in &new {
        delete(&world.store, &pack(name));
    }
    let made = plan(&world.repository, RepairOptions::default());
    assert_eq!(made.items().len(), new.len(), "{made}");
    assert!(made.lost().is_empty(), "{made}");
    let report = repair(&world.repository, made);
    assert_eq!(report.moved, new.len() as u64);
    world.reopen();
    assert!(plan(&world.repository, RepairOptions::default()).is_empty());
    world.assert_whole();
    // What was bad does not stand in the way of a prune.
    let options = PruneOptions::default().with_max_unused(Unused::Bytes(0));
    let pruned = wait(world.repository.plan_prune(options, Arc::new(()))).unwrap();
    wait(world.repository.prune(pruned, Arc::new(()))).unwrap();
    world.assert_whole();
}

#[test]
fn a_plan_that_others_have_overtaken_does_no_harm() {
    let world = World::new();
    let name = damage_content(&world, 0.2);
    let options = RepairOptions::default().with_suspects([suspect(&name)]);
    let first = plan(&world.repository, options.clone());
    let second = plan(&fresh(&world.store), options.clone());
    assert_eq!(first, second);
    repair(&world.repository, first);
    let report = repair(&world.repository, second);
    assert_eq!((report.already, report.entries), (1, 0), "{report}");
    // Planned to be put back, and quarantined by somebody else before it is.
    let world = World::new();
    let mirror = world.mirror();
    let name = damage_content(&world, 0.2);
    let options = options
        .with_suspects([suspect(&name)])
        .with_source(as_store(&mirror));
    let made = plan(&world.repository, options);
    quarantine(&fresh(&world.store), [suspect(&name)]);
    let error = try_repair(&world.repository, made).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Stale);
    let other = World::new();
    let foreign = plan(&other.repository, RepairOptions::default());
    let error = try_repair(&world.repository, foreign).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Invalid);
}

#[test]
fn it_runs_inline_too() {
    let world = World::new();
    let mirrors = [world.mirror(), world.mirror()];
    let names: Vec<String> = world.packs().iter().map(pack).collect();
    let before = objects(&world.store);
    for (name, mirror) in names.iter().zip(&mirrors) {
        delete(&world.store, name);
        let key = strongroom_store::Key::parse(name).unwrap();
        wait(strongroom_store::Store::delete(mirror.as_ref(), &key)).unwrap();
    }
    let components = crate::Components {
        execution: crate::Execution::Inline,
        ..crate::Components::default()
    };
    let store = Arc::clone(&world.store) as Arc<dyn strongroom_store::Store>;
    let builder = crate::Repository::builder(store).components(components);
    let inline = wait(builder.open(&crate::Credential::None)).unwrap();
    let mut options = RepairOptions::default();
    for mirror in &mirrors {
        options = options.with_source(as_store(mirror));
    }
    // What the first does not have, the second has.
    let made = plan(&inline, options);
    assert_eq!(made.items().len(), 2, "{made}");
    repair(&inline, made);
    assert!(objects(&world.store) == before);
}
