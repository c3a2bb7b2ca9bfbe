//! Repositories with keys: slots, and what is left without the credential of one.

use std::sync::Arc;

use strongroom_crypt::{Argon2Params, Passphrase};
use strongroom_store::{MemoryStore, Store};

use super::support::*;
use crate::testing::TestStore;
use crate::{
    CreateOptions, Credential, NewSlot, NoRemedy, Remedy, RepairOptions, RepairSource, Repository,
};

#[test]
fn slots_come_from_memory_or_a_mirror_or_have_to_be_added() {
    let store = Arc::new(TestStore::new(MemoryStore::new()));
    let first = Credential::passphrase("the first");
    let options = CreateOptions::default().with_argon2(Argon2Params::FASTEST);
    let options = options.with_recovery_code(false);
    let builder = Repository::builder(store.clone() as Arc<dyn Store>).settings(small());
    let repository = wait(builder.create(options, &first)).unwrap().repository;
    let second = Passphrase::from("the second");
    let second = NewSlot::Passphrase(Arc::new(second), Argon2Params::FASTEST);
    wait(repository.add_slot("second", second)).unwrap();
    let mut world = World {
        store,
        repository,
        snapshots: Vec::new(),
    };
    world.back_up(&tree(1));
    let before = objects(&world.store);
    let mirror = world.mirror();
    let slots: Vec<&String> = before
        .keys()
        .filter(|name| name.starts_with("slot/"))
        .collect();
    assert_eq!(slots.len(), 2);
    let builder = Repository::builder(world.store.clone() as Arc<dyn Store>).settings(small());
    let opened = wait(builder.open(&first)).unwrap();
    assert!(plan(&opened, everything(&world.store)).is_empty());
    for name in &slots {
        flip(&world.store, name, 0.8);
    }
    let options = RepairOptions::default().with_suspects(slots.iter().map(|name| suspect(name)));
    let alone = plan(&opened, options.clone());
    let remedies: Vec<_> = alone.items().iter().map(|item| &item.remedy).collect();
    assert!(
        remedies.contains(&&Remedy::PutBack(RepairSource::Memory)),
        "{alone}"
    );
    assert!(
        remedies.contains(&&Remedy::None(NoRemedy::AddSlot)),
        "{alone}"
    );
    assert_eq!(alone.lost().objects.len(), 1);
    let made = plan(&opened, options.with_source(as_store(&mirror)));
    assert!(made.lost().is_empty(), "{made}");
    repair(&opened, made);
    assert!(objects(&world.store) == before);
    // Everything else of a sealed repository.
    // A generation of the keyring that was superseded is deleted instead.
    let lasts =
        |name: &str| !name.starts_with("slot/") && !name.starts_with("keyring/0000000000000000");
    for name in before.keys().filter(|name| lasts(name)) {
        flip(&world.store, name, 0.5);
        let options = RepairOptions::default()
            .with_suspects([suspect(name)])
            .with_source(as_store(&mirror));
        let made = plan(&opened, options.clone());
        assert!(made.has_work(), "{name}: {made}");
        repair(&opened, made);
        assert!(plan(&opened, options).is_empty());
        assert_eq!(get(&world.store, name).as_ref(), before.get(name));
    }
}

#[test]
fn a_slot_is_the_one_that_most_mirrors_have() {
    let store = Arc::new(TestStore::new(MemoryStore::new()));
    let first = Credential::passphrase("the first");
    let options = CreateOptions::default().with_argon2(Argon2Params::FASTEST);
    let options = options.with_recovery_code(false);
    let builder = Repository::builder(store.clone() as Arc<dyn Store>).settings(small());
    let repository = wait(builder.create(options, &first)).unwrap().repository;
    let world = World {
        store,
        repository,
        snapshots: Vec::new(),
    };
    let slots = |world: &World| -> Vec<String> {
        let names = objects(&world.store).into_keys();
        names.filter(|name| name.starts_with("slot/")).collect()
    };
    let known = slots(&world);
    let second = NewSlot::Passphrase(Arc::new(Passphrase::from("second")), Argon2Params::FASTEST);
    wait(world.repository.add_slot("second", second)).unwrap();
    let mut all = slots(&world).into_iter();
    let name = all.find(|name| !known.contains(name)).unwrap();
    let before = get(&world.store, &name).unwrap();
    let mirrors = [world.mirror(), world.mirror(), world.mirror()];
    // What its credential opens is something else, and everything that anybody can see is right.
    let mut wrong = before.to_vec();
    let end = wrong.len() - 32;
    wrong[end - 10] ^= 1;
    let seal = blake3::hash(&wrong[..end]);
    wrong[end..].copy_from_slice(seal.as_bytes());
    assert!(strongroom_format::Slot::decode(&wrong).is_ok());
    let key = strongroom_store::Key::parse(&name).unwrap();
    wait(strongroom_store::StoreExt::replace(
        mirrors[0].as_ref(),
        &key,
        wrong.into(),
    ))
    .unwrap();
    delete(&world.store, &name);
    let mut options = RepairOptions::default();
    for mirror in &mirrors {
        options = options.with_source(as_store(mirror));
    }
    let made = plan(&world.repository, options);
    assert_eq!(
        made.items()[0].remedy,
        Remedy::PutBack(RepairSource::Mirror(1)),
        "{made}"
    );
    repair(&world.repository, made);
    assert_eq!(get(&world.store, &name).unwrap(), before);
}

#[test]
fn the_keyring_in_force_is_brought_back_though_another_is_in_use() {
    let store = Arc::new(TestStore::new(MemoryStore::new()));
    let first = Credential::passphrase("the first");
    let options = CreateOptions::default().with_argon2(Argon2Params::FASTEST);
    let options = options.with_recovery_code(false);
    let builder = Repository::builder(store.clone() as Arc<dyn Store>).settings(small());
    let repository = wait(builder.create(options, &first)).unwrap().repository;
    let world = World {
        store,
        repository,
        snapshots: Vec::new(),
    };
    for label in ["second", "third"] {
        let slot = NewSlot::Passphrase(Arc::new(Passphrase::from(label)), Argon2Params::FASTEST);
        wait(world.repository.add_slot(label, slot)).unwrap();
    }
    // Whoever added the third died before saying so.
    let last = state(&world.repository).head - 1;
    delete(&world.store, &format!("journal/{last:016x}"));
    let mirror = world.mirror();
    let before = objects(&world.store);
    let names = ["keyring/0000000000000001", "keyring/0000000000000001.copy"];
    for harm in [
        (|store, name| flip(store, name, 0.5)) as fn(&Arc<TestStore>, &str),
        |store, name| delete(store, name),
    ] {
        names.iter().for_each(|name| harm(&world.store, name));
        let builder = Repository::builder(world.store.clone() as Arc<dyn Store>).settings(small());
        let opened = wait(builder.open(&first)).unwrap();
        assert_eq!(opened.context().keys().generation, 2);
        let named = names.iter().map(|name| suspect(name));
        let named = RepairOptions::default().with_suspects(named);
        for options in [RepairOptions::default(), named.clone()] {
            let alone = plan(&opened, options);
            assert!(!alone.has_work(), "{alone}");
            assert_eq!(alone.lost().objects.len(), 2, "{alone}");
        }
        let options = RepairOptions::default().with_source(as_store(&mirror));
        let made = plan(&opened, options);
        assert!(made.lost().is_empty(), "{made}");
        let report = repair(&opened, made);
        assert_eq!(report.put_back, 2, "{report}");
        assert!(objects(&world.store) == before);
    }
}

#[test]
fn a_mirror_that_lies_or_is_gone_is_no_source() {
    let world = World::new();
    let other = World::new();
    let name = pack(&world.packs()[0]);
    let before = get(&world.store, &name).unwrap();
    delete(&world.store, &name);
    delete(&world.store, "config.copy");
    let liar = Arc::new(MemoryStore::new());
    for (name, bytes) in objects(&other.store) {
        let key = strongroom_store::Key::parse(&name).unwrap();
        wait(strongroom_store::StoreExt::put_new(
            liar.as_ref(),
            &key,
            bytes,
        ))
        .unwrap();
    }
    let key = strongroom_store::Key::parse(&name).unwrap();
    let mut rotten = before.to_vec();
    rotten[100] ^= 1;
    wait(strongroom_store::StoreExt::put_new(
        liar.as_ref(),
        &key,
        rotten.into(),
    ))
    .unwrap();
    let options = RepairOptions::default().with_source(as_store(&liar));
    let made = plan(&world.repository, options);
    let pack = made
        .items()
        .iter()
        .find(|item| item.object.to_string() == name);
    let is_source = |remedy: &Remedy| matches!(remedy, Remedy::PutBack(RepairSource::Mirror(_)));
    assert!(!is_source(&pack.unwrap().remedy), "{made}");
    let copy = made
        .items()
        .iter()
        .find(|item| item.object.to_string() == "config.copy");
    assert!(!is_source(&copy.unwrap().remedy), "{made}");
    // One that cannot be reached is named, and the rest is done.
    let broken = strongroom_store::wrap::Faulty::new(
        MemoryStore::new(),
        strongroom_store::wrap::FaultPlan::new().with_rule(strongroom_store::wrap::Rule::new(
            strongroom_store::wrap::Fault::FailBefore(strongroom_store::ErrorKind::Unavailable),
        )),
    );
    let options = RepairOptions::default().with_source(Arc::new(broken));
    let made = plan(&world.repository, options);
    assert_eq!(made.unreadable_sources().len(), 1);
    assert!(made.has_work());
    repair(&world.repository, made);
}
