//! Stores that are compared, and made alike by a plan.

use std::sync::Arc;

use futures::executor::block_on;
use strongroom_store::replica::{
    CompareOptions, DifferenceKind, Differing, Surplus, SyncOptions, SyncPlan, Thoroughness,
    compare, sync,
};
use strongroom_store::wrap::WritePolicy;
use strongroom_store::{ErrorKind, Key, MemoryStore, Store, StoreExt as _};

use super::{Mirror, Rules, content, handle, history, order};
use crate::{key, kind, names};

#[test]
fn an_arbiter_that_went_back_takes_nothing_until_it_is_made_whole() {
    let mirror = Mirror::new(2, WritePolicy::All);
    for (name, data) in [
        ("journal/0", "entry 0"),
        ("pack/a", "a"),
        ("journal/1", "entry 1"),
    ] {
        mirror.put(name, data);
    }
    // Somebody mounted an older copy of it, or none.
    mirror.lose(0, "journal/1");
    mirror.lose(0, "pack/a");
    let restarted = handle(&mirror.members, WritePolicy::All);
    assert_eq!(
        block_on(restarted.get_all(&key("journal/1"))).unwrap(),
        "entry 1"
    );
    let refused = block_on(restarted.put_new(&key("journal/2"), "entry 2".into()));
    assert_eq!(kind(refused), ErrorKind::Unavailable);
    // Nobody but a person says that the follower is right.
    let [arbiter, follower] = [0, 1].map(|n| Arc::new(mirror.members[n].clone()) as Arc<dyn Store>);
    let options = CompareOptions::new(order()).with_rules(Arc::new(Rules));
    let found = block_on(compare(&follower, &arbiter, &options)).unwrap();
    let plan = SyncPlan::new(&found, SyncOptions::default());
    block_on(sync(&plan, &follower, &arbiter, &options)).unwrap();
    block_on(restarted.put_new(&key("journal/2"), "entry 2".into())).unwrap();
    assert_eq!(mirror.names(0), mirror.names(1));
}

#[test]
fn what_a_plan_leaves_out_stays_out() {
    let mirror = Mirror::new(2, WritePolicy::All);
    for (name, data) in [("pack/a", "a"), ("pack/b", "b"), ("pack/c", "c")] {
        mirror.put(name, data);
    }
    for name in ["pack/a", "pack/b"] {
        mirror.lose(0, name);
    }
    mirror.lose(1, "pack/c");
    let [arbiter, follower] = [0, 1].map(|n| Arc::new(mirror.members[n].clone()) as Arc<dyn Store>);
    let options = CompareOptions::new(order()).with_rules(Arc::new(Rules));
    let found = block_on(compare(&follower, &arbiter, &options)).unwrap();
    let is_left_out = |key: &Key| key.as_str() != "pack/a";
    let plan = SyncPlan::leaving_out(&found, SyncOptions::default(), is_left_out);
    // What only the arbiter has stays in any case.
    assert_eq!(plan.left_out, [key("pack/b")]);
    assert_eq!((plan.copies.objects, plan.is_partial), (1, false));
    assert!(plan.to_string().contains("leave out pack/b"), "{plan}");
    let report = block_on(sync(&plan, &follower, &arbiter, &options)).unwrap();
    assert!(report.is_complete(), "{report}");
    assert_eq!(mirror.names(0), ["pack/a", "pack/c"]);
}

#[test]
fn stores_are_compared_and_made_alike_by_a_plan() {
    let stores: [Arc<dyn Store>; 2] = [0, 1].map(|_| Arc::new(MemoryStore::new()) as _);
    let [one, other] = &stores;
    let put = |store: &Arc<dyn Store>, name: &str, data: &'static str| {
        block_on(store.put_new(&key(name), data.into())).unwrap();
    };
    for store in &stores {
        put(store, "pack/same", "same");
    }
    put(one, "pack/new", "new");
    put(one, "journal/0", "entry");
    put(one, "pack/torn", "torn no more");
    put(other, "pack/torn", "to");
    put(one, "pack/here", "!!");
    put(other, "pack/here", "here");
    put(one, "config", "ours");
    put(other, "config", "abcd");
    put(other, "pack/old", "old");
    let by_length = CompareOptions::new(order()).with_rules(Arc::new(Rules));
    let by_bytes = by_length.clone().with_thoroughness(Thoroughness::Bytes);
    let quick = block_on(compare(one, other, &by_length)).unwrap();
    assert_eq!((quick.missing.objects, quick.differing.objects), (2, 2));
    let found = block_on(compare(one, other, &by_bytes)).unwrap();
    let kinds: Vec<_> = found
        .differences
        .iter()
        .map(|one| (one.key.as_str(), one.kind))
        .collect();
    assert_eq!(
        kinds,
        [
            ("config", DifferenceKind::Differs),
            ("pack/here", DifferenceKind::ReferenceBroken),
            ("pack/new", DifferenceKind::Missing),
            ("pack/old", DifferenceKind::Surplus),
            ("pack/torn", DifferenceKind::CopyBroken),
            ("journal/0", DifferenceKind::Missing),
        ]
    );
    assert!(
        found
            .to_string()
            .contains("broken in the reference: pack/here"),
        "{found}"
    );

    let plan = SyncPlan::new(&found, SyncOptions::default());
    assert_eq!((plan.copies.objects, plan.replacements.objects), (2, 1));
    assert_eq!((plan.conflicts.objects, plan.broken.objects), (1, 1));
    assert_eq!(plan, SyncPlan::new(&found, SyncOptions::default()));
    let report = block_on(sync(&plan, one, other, &by_bytes)).unwrap();
    assert_eq!((report.copied.objects, report.conflicts.len()), (2, 1));
    assert!(block_on(other.exists(&key("pack/old"))).unwrap());
    // The same plan again finds everything done.
    let again = block_on(sync(&plan, one, other, &by_bytes)).unwrap();
    assert_eq!((again.copied.objects, again.settled), (0, 2));

    let options = {
        let mut options = SyncOptions::default();
        options.surplus = Surplus::Delete;
        options.differing = Differing::Replace;
        options
    };
    let found = block_on(compare(one, other, &by_bytes)).unwrap();
    let plan = SyncPlan::new(&found, options);
    let report = block_on(sync(&plan, one, other, &by_bytes)).unwrap();
    assert_eq!((report.deleted.objects, report.replaced.objects), (1, 1));
    // What only the copy has whole goes the other way.
    let found = block_on(compare(other, one, &by_bytes)).unwrap();
    let plan = SyncPlan::new(&found, SyncOptions::default());
    block_on(sync(&plan, other, one, &by_bytes)).unwrap();
    let found = block_on(compare(one, other, &by_bytes)).unwrap();
    assert!(found.is_same() && found.surplus.objects == 0, "{found}");
}

#[test]
fn a_plan_that_does_not_list_everything_begins_with_what_others_need() {
    let stores: [Arc<dyn Store>; 2] = [0, 1].map(|_| Arc::new(MemoryStore::new()) as _);
    let [one, other] = &stores;
    for name in history() {
        block_on(one.put_new(&key(&name), content(&name))).unwrap();
    }
    let options = CompareOptions::new(order())
        .with_rules(Arc::new(Rules))
        .with_listed_max(6);
    let mut rounds = 0;
    loop {
        let found = block_on(compare(one, other, &options)).unwrap();
        let plan = SyncPlan::new(&found, SyncOptions::default());
        if plan.is_empty() {
            break;
        }
        block_on(sync(&plan, one, other, &options)).unwrap();
        rounds += 1;
        let there = names(other, "journal/");
        assert!(rounds > 1 || there.is_empty(), "packs come first");
    }
    assert_eq!(rounds, 3);
}
