//! What the loss of entries costs, and that a repair makes everything go on.

use std::sync::Arc;

use futures::executor::block_on;
use proptest::prelude::*;
use strongroom_format::{Body, ObjectHash, object_name};

use super::super::*;
use super::support::*;
use crate::{CreateOptions, Error, ErrorKind, Result};

#[test]
fn losing_any_one_entry_costs_what_it_did_and_no_more() {
    let (original, repository) = create(CreateOptions::default());
    let deeds = history(&repository);
    let last = deeds.len() - 1;
    for (n, deed) in deeds.iter().enumerate().skip(1) {
        for harm in HARMS {
            let store = copy(&original);
            harm(&store, &object_name::journal(n as u64));
            match open(&store) {
                // Nobody knows that there was one more.
                Ok(repository) => {
                    assert!(n == last && names(&store).len() + 1 == names(&original).len());
                    assert_eq!(restored(&repository), listed(&deeds, |at| at == n));
                    continue;
                }
                Err(error) => assert_eq!(error.lost_entry(), Some(n as u64)),
            }
            let prefix = open_around(&store, LostEntries::Prefix);
            let damage = prefix.journal_damage().unwrap();
            assert_eq!((damage.intact, damage.end), (n as u64, last as u64 + 1));
            assert_eq!((damage.lost.len(), damage.later.len()), (1, last - n));
            let seen = prefix.journal().state();
            assert_eq!(seen.head, n as u64);
            let error = append(&prefix, Body::Evidence(Default::default())).unwrap_err();
            assert_eq!(error.kind(), ErrorKind::ReadOnly);

            let skipping = open_around(&store, LostEntries::Skip);
            let expected = listed(&deeds, |at| at == n);
            if *deed != Deed::Drops {
                assert_eq!(restored(&skipping), expected, "{n} {deed:?}");
            }
            mend(&store, &skipping);
            let after = restored(&open(&store).unwrap());
            let mut expected = listed(&deeds, |at| at == n);
            expected.extend(["8".to_owned(), "9".to_owned()]);
            assert_eq!(after, expected, "{n} {deed:?}");
        }
    }
}

#[test]
fn genesis_is_there_twice() {
    let (original, repository) = create(CreateOptions::default());
    let deeds = history(&repository);
    for harm in HARMS {
        let store = copy(&original);
        harm(&store, &object_name::journal(0));
        assert_eq!(restored(&open(&store).unwrap()), listed(&deeds, |_| false));
        harm(&store, &object_name::journal_copy(0));
        let error = open(&store).unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Damaged);
    }
}

#[test]
fn in_single_writer_mode_the_admin_repairs() {
    let (store, repository) = create(CreateOptions::default().with_single_writer(true));
    let deeds = history(&repository);
    remove(&store, &object_name::journal(2));
    let around = open_around(&store, LostEntries::Skip);
    assert_eq!(restored(&around), listed(&deeds, |n| n == 2));
    mend(&store, &around);
}

#[test]
fn without_any_index_everything_works_and_a_repair_makes_it_anew() {
    let (store, repository) = create(CreateOptions::default());
    history(&repository);
    let expected = restored(&repository);
    for name in names(&store).into_keys() {
        if name.starts_with("index/") {
            remove(&store, &name);
        }
    }
    let repository = open(&store).unwrap();
    assert_eq!(restored(&repository), expected);
    commit(&repository, 5);
    let plan = repository.plan_repair(crate::RepairOptions::default(), Arc::new(()));
    let plan = block_on(plan).unwrap();
    assert!(plan.has_work(), "{plan}");
    let report = block_on(repository.repair(plan, Arc::new(()))).unwrap();
    assert!(report.is_complete(), "{report}");
    let repository = open(&store).unwrap();
    let mut all = expected;
    all.push("5".to_owned());
    assert_eq!(restored(&repository), all);
    let state = repository.journal().state();
    let is_there = |name: &ObjectHash| names(&store).contains_key(&object_name::index(name));
    assert!(state.segments.keys().all(is_there));
}

#[test]
fn a_repair_of_the_rest_leaves_bridges_as_they_are() {
    let (store, repository) = create(CreateOptions::default());
    history(&repository);
    rot(&store, &object_name::journal(4));
    remove(&store, &object_name::journal(6));
    repair(&open_around(&store, LostEntries::Skip));
    let repository = open(&store).unwrap();
    let before = names(&store);
    let plan = repository.plan_repair(crate::RepairOptions::default(), Arc::new(()));
    let plan = block_on(plan).unwrap();
    assert!(!plan.has_work(), "{plan}");
    assert_eq!(names(&store), before);
}

fn lost_and_repaired(lost: &[(usize, bool)]) -> Result<(), Error> {
    let (store, repository) = create(CreateOptions::default());
    let deeds = history(&repository);
    let last = deeds.len() - 1;
    for (n, rots) in lost {
        HARMS[usize::from(*rots)](&store, &object_name::journal(*n as u64));
    }
    // Entries that are missing at the end have never been.
    let is_lost = |n: usize| lost.iter().any(|(at, _)| *at == n);
    let around = match open(&store) {
        Ok(repository) => repository,
        Err(_) => open_around(&store, LostEntries::Skip),
    };
    let expected = listed(&deeds, is_lost);
    let drops = deeds.iter().position(|deed| *deed == Deed::Drops);
    if drops.is_none_or(|n| !is_lost(n)) {
        assert_eq!(restored(&around), expected, "of {last}: {lost:?}");
    }
    if around.journal_damage().is_some() {
        repair(&around);
    }
    let repository = open(&store)?;
    commit(&repository, 9);
    let mut after = restored(&open(&store)?);
    after.retain(|series| series != "9");
    assert_eq!(after, expected, "of {last}: {lost:?}");
    Ok(())
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 24, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn losing_several_entries_costs_what_they_did(
        lost in proptest::collection::btree_map(1..11_usize, any::<bool>(), 1..5),
    ) {
        let lost: Vec<_> = lost.into_iter().collect();
        lost_and_repaired(&lost).unwrap();
    }
}
