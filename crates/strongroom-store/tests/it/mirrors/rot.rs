//! Members that do not have what they should.

use std::sync::Arc;

use futures::executor::block_on;
use strongroom_store::replica::Thoroughness;
use strongroom_store::wrap::{Health, MirrorSettings, Mirrored, RangeReads, WritePolicy};
use strongroom_store::{Store, StoreExt as _};

use super::{Mirror, Rules, order};
use crate::key;

#[test]
fn a_rotten_copy_is_passed_over_and_repaired() {
    let mirror = Mirror::new(3, WritePolicy::All);
    mirror.put("pack/a", "a whole pack");
    mirror.put("pack/b", "b whole pack");
    mirror.put("journal/0", "entry");
    mirror.spoil(0, "pack/a");
    mirror.spoil(1, "pack/a");
    mirror.lose(0, "pack/b");
    mirror.spoil(0, "journal/0");
    let get = |name| block_on(mirror.store.get_all(&key(name))).unwrap();
    assert_eq!(get("pack/a"), "a whole pack");
    let part = block_on(mirror.store.get_range(&key("pack/a"), 2..7));
    assert_eq!(part.unwrap(), "whole", "parts are checked too");
    assert_eq!(get("pack/b"), "b whole pack");
    assert_eq!(get("journal/0"), "entry");
    let status = mirror.store.status();
    let flawed: Vec<_> = status
        .members
        .iter()
        .map(|one| one.flawed_objects)
        .collect();
    assert_eq!(flawed, [3, 1, 0]);
    assert_eq!(mirror.bytes(0, "pack/a"), "rotten", "a read never writes");

    let status = block_on(mirror.store.catch_up());
    assert_eq!(mirror.bytes(0, "pack/a"), "a whole pack");
    assert_eq!(mirror.bytes(1, "pack/a"), "a whole pack");
    // The arbiter decides what an entry is and what exists: nobody but a person speaks for it.
    assert_eq!(mirror.bytes(0, "journal/0"), "rotten");
    assert_eq!(mirror.names(0), ["journal/0", "pack/a"]);
    let [arbiter, follower, _] = &status.members[..] else {
        panic!("{status}");
    };
    assert_eq!((arbiter.repaired_objects, arbiter.flawed_objects), (1, 2));
    assert_eq!((follower.repaired_objects, follower.flawed_objects), (1, 0));
}

#[test]
fn damage_everywhere_is_served_as_it_is_and_is_not_copied() {
    let mirror = Mirror::new(2, WritePolicy::AtLeast(1));
    mirror.put("pack/a", "a");
    mirror.spoil(0, "pack/a");
    mirror.spoil(1, "pack/a");
    assert_eq!(
        block_on(mirror.store.get_all(&key("pack/a"))).unwrap(),
        "rotten"
    );
    mirror.down(1);
    mirror.put("pack/b", "b");
    mirror.spoil(0, "pack/b");
    mirror.up(1);
    block_on(mirror.store.catch_up());
    assert_eq!(mirror.names(1), ["pack/a"]);
}

#[test]
fn parts_can_be_trusted_on_request() {
    let mirror = Mirror::new(2, WritePolicy::All);
    let stores = mirror
        .members
        .iter()
        .map(|one| Arc::new(one.clone()) as Arc<dyn Store>);
    let [one, other] = stores.collect::<Vec<_>>().try_into().unwrap();
    let settings = MirrorSettings::default()
        .with_rules(Arc::new(Rules))
        .with_ranges(RangeReads::Trusted);
    let store = Mirrored::new(one, vec![other], settings);
    block_on(store.put_new(&key("pack/a"), "a long pack".into())).unwrap();
    mirror.spoil(0, "pack/a");
    let part = block_on(store.get_range(&key("pack/a"), 0..3)).unwrap();
    assert_eq!(part, "rot");
    // Beyond what the torn copy has, another one has it.
    let part = block_on(store.get_range(&key("pack/a"), 7..11)).unwrap();
    assert_eq!(part, "pack");
}

#[test]
fn a_member_with_another_history_is_left_alone() {
    let mirror = Mirror::new(2, WritePolicy::AtLeast(1));
    mirror.put("journal/0", "entry 0");
    let there = mirror.members[1].inner().inner();
    block_on(there.put_new(&key("journal/1"), "entry of others".into())).unwrap();
    mirror.put("journal/1", "entry of ours");
    assert_eq!(mirror.health(1), Health::Diverged);
    mirror.put("journal/2", "entry 2");
    assert_eq!(mirror.names(1), ["journal/0", "journal/1"]);
    assert_eq!(mirror.bytes(1, "journal/1"), "entry of others");
    let report = block_on(mirror.store.resync(&order(), Thoroughness::Lengths))
        .remove(0)
        .unwrap();
    assert_eq!((report.conflicts.len(), report.held_back), (1, 1));
    assert_eq!(mirror.health(1), Health::Diverged);
    assert_eq!(mirror.names(1), ["journal/0", "journal/1"]);
}
