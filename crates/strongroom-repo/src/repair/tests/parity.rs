//! Parity as a source, and what becomes of it.

use std::sync::Arc;

use strongroom_format::parity::Overhead;

use super::support::*;
use crate::testing::{TestStore, reopen};
use crate::{Remedy, RepairOptions, RepairSource, Settings};

fn with_parity() -> Settings {
    Settings {
        parity: Some(Overhead::percent(10).unwrap()),
        ..small()
    }
}

/// A repository all packs of which have parity.
fn world() -> World {
    let mut world = World::with_bundle();
    world.repository = reopen(&world.store, with_parity());
    let options = crate::ParityOptions::default().with_overhead(with_parity().parity);
    let plan = wait(world.repository.plan_parity(options)).unwrap();
    wait(world.repository.add_parity(plan, Arc::new(()))).unwrap();
    world
}

#[test]
fn a_pack_is_healed_from_its_parity() {
    let whole = world();
    let name = pack(&whole.packs()[0]);
    let before = get(&whole.store, &name);
    for at in [0.0, 0.1, 0.5, 1.0] {
        let world = whole.twin();
        flip(&world.store, &name, at);
        let options = RepairOptions::default().with_suspects([suspect(&name)]);
        let made = plan(&world.repository, options);
        let [item] = made.items() else {
            panic!("{made}")
        };
        assert_eq!(item.remedy, Remedy::PutBack(RepairSource::Parity), "{made}");
        let report = repair(&world.repository, made);
        assert_eq!((report.put_back, report.entries), (1, 0));
        assert_eq!(get(&world.store, &name), before);
    }
}

#[test]
fn parity_is_made_anew_where_it_is_wished_and_deleted_where_not() {
    let whole = world();
    let packs = whole.packs();
    let parity = strongroom_format::object_name::parity(&packs[0]);
    let suspects = RepairOptions::default().with_suspects([suspect(&parity)]);
    let harms: [fn(&Arc<TestStore>, &str); 3] = [
        |store, name| flip(store, name, 0.7),
        |store, name| cut(store, name),
        |store, name| put(store, name, get(store, "config").unwrap()),
    ];
    for harm in harms {
        let world = whole.twin();
        harm(&world.store, &parity);
        let made = plan(&world.repository, suspects.clone());
        assert_eq!(made.items()[0].remedy, Remedy::Delete, "{made}");
        repair(&world.repository, made);
        assert!(get(&world.store, &parity).is_none());
        assert!(plan(&world.repository, suspects.clone()).is_empty());

        let world = whole.twin();
        let repository = reopen(&world.store, with_parity());
        harm(&world.store, &parity);
        let made = plan(&repository, suspects.clone());
        assert_eq!(made.items()[0].remedy, Remedy::Rebuild(RepairSource::Pack));
        repair(&repository, made);
        assert!(plan(&repository, suspects.clone()).is_empty());
        flip(&world.store, &pack(&packs[0]), 0.4);
        let options = RepairOptions::default().with_suspects([suspect(&pack(&packs[0]))]);
        repair(&repository, plan(&repository, options));
        world.assert_whole();
    }
}
