//! Every object, damaged in every way.

use std::sync::Arc;

use strongroom_crypt::{Id, SessionId};
use strongroom_format::object_name::{self, ObjectName};
use strongroom_format::{Body, IndexChange, ObjectHash, Segment, SegmentBuilder, SegmentRef};
use strongroom_store::wrap::Operation;

use super::support::*;
use crate::{Remedy, RepairOptions, Wrong};

/// Entries that stand for all: the first and the last of a bundle, those behind it, and one in between.
fn is_typical(name: &str) -> bool {
    match object_name::parse(name) {
        Some(ObjectName::Journal(n)) => [0, 5, 63, 64, 69].contains(&n),
        _ => true,
    }
}

const HARMS: [fn(&World, &str); 4] = [
    |world, name| delete(&world.store, name),
    |world, name| cut(&world.store, name),
    |world, name| flip(&world.store, name, 0.3),
    |world, name| flip(&world.store, name, 1.0),
];

#[test]
fn a_healthy_repository_is_not_changed() {
    let mut world = World::with_bundle();
    for options in [RepairOptions::default(), everything(&world.store)] {
        world.reopen();
        let before = objects(&world.store);
        world.store.reset();
        let made = plan(&world.repository, options);
        assert!(made.is_empty() && made.lost().is_empty(), "{made}");
        let report = repair(&world.repository, made);
        assert_eq!((report.puts, report.entries, report.deleted), (0, 0, 0));
        assert_eq!(world.store.count(Operation::Put), 0);
        assert_eq!(world.store.count(Operation::Delete), 0);
        assert!(objects(&world.store) == before);
    }
}

#[test]
fn with_a_mirror_every_object_comes_back() {
    let world = World::with_bundle();
    let mirror = world.mirror();
    let before = objects(&world.store);
    for name in before.keys().filter(|name| is_typical(name)) {
        for (number, harm) in HARMS.iter().enumerate() {
            // The repository is open when this is found: that opens too is another matter.
            let world = world.twin();
            harm(&world, name);
            let options = RepairOptions::default()
                .with_suspects([suspect(name)])
                .with_source(as_store(&mirror));
            let made = plan(&world.repository, options.clone());
            let is_note = matches!(
                object_name::parse(name),
                Some(ObjectName::Checkpoint(_) | ObjectName::Session(_))
            );
            if is_note && number == 0 {
                assert!(made.is_empty(), "{made}");
                continue;
            }
            assert!(made.has_work() && made.lost().is_empty(), "{name}: {made}");
            let report = repair(&world.repository, made);
            assert!(report.is_complete(), "{report}");
            let expected = before.get(name).filter(|_| !is_note);
            if !matches!(object_name::parse(name), Some(ObjectName::Bundle(_))) {
                assert_eq!(get(&world.store, name).as_ref(), expected, "{name}");
            }
            let again = plan(&fresh(&world.store), options);
            assert!(again.is_empty(), "{again}");
        }
    }
}

#[test]
fn without_a_source_the_next_backup_heals_the_old_snapshots() {
    let world = World::new();
    for name in objects(&world.store).keys().filter(|name| is_pack(name)) {
        for harm in [HARMS[0], HARMS[2]] {
            let mut world = world.twin();
            harm(&world, name);
            let options = RepairOptions::default().with_suspects([suspect(name)]);
            let left = world.repair_all(&options);
            assert!(!left.has_work(), "{left}");
            // Everything that the three trees had is still there at the source.
            for n in 0..3 {
                let id = back_up(&world.repository, &tree(n));
                world.snapshots.push((id, tree(n)));
            }
            world.assert_whole();
            let last = world.repair_all(&options);
            assert!(last.is_empty() && last.lost().is_empty(), "{last}");
            world.assert_whole();
            let state = state(&world.repository);
            assert!(state.damaged.is_empty());
            // And what is in force is there.
            assert!(plan(&world.repository, RepairOptions::default()).is_empty());
        }
    }
}

#[test]
fn segments_are_made_anew_from_headers() {
    let world = World::new();
    let segments: Vec<String> = objects(&world.store)
        .into_keys()
        .filter(|name| name.starts_with("index/"))
        .collect();
    for name in &segments {
        for harm in HARMS {
            let mut world = world.twin();
            harm(&world, name);
            world.reopen();
            let made = plan(&world.repository, RepairOptions::default());
            assert!(made.has_work(), "{made}");
            let report = repair(&world.repository, made);
            assert_eq!((report.rebuilt, report.entries), (1, 1), "{report}");
            assert!(plan(&fresh(&world.store), RepairOptions::default()).is_empty());
            world.assert_whole();
        }
    }
    // All of them at once.
    let mut world = world.twin();
    segments.iter().for_each(|name| delete(&world.store, name));
    world.reopen();
    let made = plan(&world.repository, RepairOptions::default());
    assert_eq!(made.items().len(), segments.len(), "{made}");
    repair(&world.repository, made);
    assert!(plan(&fresh(&world.store), RepairOptions::default()).is_empty());
    world.assert_whole();
}

/// Puts a segment in the place of one, as if a writer with a bug had left every second blob out. Returns its name, and the packs that it maps.
fn misled(world: &mut World) -> (String, Vec<ObjectHash>) {
    let context = Arc::clone(world.repository.context());
    let (keys, old) = (
        context.keys(),
        *state(&world.repository).segments.values().next().unwrap(),
    );
    let bytes = get(&world.store, &object_name::index(&old.name)).unwrap();
    let segment = Segment::decode(&bytes, keys.structure.index()).unwrap();
    let mut builder = SegmentBuilder::new();
    for pack in &segment.packs {
        builder.push_pack(*pack);
    }
    for frame in &segment.frames {
        builder.push_frame(frame.pack, frame.offset, frame.stored_len, frame.position);
    }
    for row in segment.entries.iter().step_by(2) {
        let mut id = [0; 32];
        id[..20].copy_from_slice(&row.prefix);
        builder.push_entry(&Id::from_bytes(id), row.frame);
    }
    let nobody = SessionId::from_bytes([0; 32]);
    let entries = builder.entries();
    let (suite, repository) = (context.suite, context.repository);
    let wrong = builder.finish(suite, repository, [3; 16], nobody, keys.structure.index());
    let wrong = wrong.unwrap();
    let name = ObjectHash::of(&wrong);
    let len = u32::try_from(wrong.len()).unwrap();
    let object = object_name::index(&name);
    put(&world.store, &object, wrong.into());
    append(
        &world.repository,
        Body::Index(IndexChange {
            removed: vec![old.name],
            added: vec![SegmentRef { name, len, entries }],
            ..IndexChange::default()
        }),
    );
    world.reopen();
    let packs = segment.packs.iter().map(|pack| pack.name);
    (object, packs.collect())
}

#[test]
fn a_segment_that_misleads_is_made_anew() {
    let mut world = World::new();
    let (segment, _) = misled(&mut world);
    assert!((0..3).any(|at| !world.is_whole(at)));
    let options = RepairOptions::default().with_suspects([suspect(&segment)]);
    let made = plan(&world.repository, options.clone());
    assert_eq!(made.items()[0].wrong, Wrong::Misleading, "{made}");
    repair(&world.repository, made);
    world.reopen();
    assert!(plan(&world.repository, options).is_empty());
    world.assert_whole();
}

#[test]
fn a_pack_without_its_last_bytes_is_still_mapped_when_its_segment_is_made_anew() {
    let mut world = World::new();
    let (segment, packs) = misled(&mut world);
    for name in packs.iter().map(pack) {
        let bytes = get(&world.store, &name).unwrap();
        put(&world.store, &name, bytes.slice(..bytes.len() - 8));
    }
    world.reopen();
    let suspects = packs.iter().map(|name| suspect(&pack(name)));
    let options =
        RepairOptions::default().with_suspects([suspect(&segment)].into_iter().chain(suspects));
    let last = world.repair_all(&options);
    assert!(last.is_empty() && last.lost().is_empty(), "{last}");
    world.assert_whole();
}

#[test]
fn what_a_handle_still_knows_is_a_source() {
    let world = World::new();
    let name = objects(&world.store)
        .into_keys()
        .find(|name| name.starts_with("index/"))
        .unwrap();
    let before = get(&world.store, &name);
    // This handle has read the segment.
    assert!(plan(&world.repository, RepairOptions::default()).is_empty());
    flip(&world.store, &name, 0.5);
    let options = RepairOptions::default().with_suspects([suspect(&name)]);
    let made = plan(&world.repository, options);
    assert!(made.has_work(), "{made}");
    repair(&world.repository, made);
    assert_eq!(get(&world.store, &name), before);
}

#[test]
fn copies_of_each_other_are_enough() {
    let world = World::with_bundle();
    for name in objects(&world.store).keys().filter(|name| is_typical(name)) {
        let has_copy = matches!(
            object_name::parse(name),
            Some(
                ObjectName::Config
                    | ObjectName::ConfigCopy
                    | ObjectName::Keyring(_)
                    | ObjectName::KeyringCopy(_)
                    | ObjectName::Journal(0..64)
            )
        );
        if !has_copy {
            continue;
        }
        for (number, harm) in HARMS.iter().enumerate() {
            let mut world = world.twin();
            let before = get(&world.store, name);
            harm(&world, name);
            world.reopen();
            let made = match number {
                0 => plan(&world.repository, RepairOptions::default()),
                _ => plan(
                    &world.repository,
                    RepairOptions::default().with_suspects([suspect(name)]),
                ),
            };
            let [item] = made.items() else {
                panic!("{name}: {made}")
            };
            assert!(matches!(item.remedy, Remedy::PutBack(_)), "{made}");
            repair(&world.repository, made);
            assert_eq!(get(&world.store, name), before);
        }
    }
}

#[test]
fn what_a_later_version_wrote_is_left_alone() {
    let world = World::with_bundle();
    // An entry that does not say its version any more is one that the next one names.
    let entry = "journal/0000000000000003";
    let before = get(&world.store, entry).unwrap();
    let mut bytes = before.to_vec();
    bytes[8] ^= 2;
    put(&world.store, entry, bytes.into());
    let options = RepairOptions::default().with_suspects([suspect(entry)]);
    repair(&world.repository, plan(&world.repository, options));
    assert_eq!(get(&world.store, entry).unwrap(), before);
    for name in ["config.copy", "keyring/0000000000000000.copy"] {
        let world = world.twin();
        let mut bytes = get(&world.store, name).unwrap().to_vec();
        // Another major version.
        bytes[8] = 2;
        let len = bytes.len() - 32;
        let seal = blake3::hash(&bytes[..len]);
        bytes[len..].copy_from_slice(seal.as_bytes());
        put(&world.store, name, bytes.clone().into());
        let made = plan(&world.repository, RepairOptions::default());
        let [item] = made.items() else {
            panic!("{made}")
        };
        assert_eq!(item.wrong, Wrong::Newer);
        assert!(!made.has_work(), "{made}");
        repair(&world.repository, made);
        assert_eq!(get(&world.store, name).unwrap(), bytes);
    }
}
