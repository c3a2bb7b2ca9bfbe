//! Locks that follow deduplication, against a store that keeps them.

mod copies;
mod credentials;
mod deleting;
mod generations;
mod repairing;
mod revoking;
mod split;
mod support;

use std::sync::Arc;

use strongroom_format::{LockRecord, Locked, Time};
use strongroom_store::{Retention, RetentionMode};

use self::support::{DAY, World, policy, tree};
use super::*;
use crate::forget::ClockTrust;
use crate::{DeleteOptions, ErrorKind, LockOptions};

#[test]
fn policies_are_written_and_read() {
    for text in [
        "compliance:30d",
        "governance:12h",
        "compliance:45s",
        "governance:2y",
        "compliance:30d:no-journal",
        "compliance:30d:trust-clock",
        "governance:30d:no-journal:trust-clock",
    ] {
        let policy: LockPolicy = text.parse().unwrap();
        assert_eq!(policy.to_string(), text);
    }
    for wrong in [
        "",
        "30d",
        "compliance",
        "compliance:",
        "other:3d",
        "compliance:d",
        "governance:-1d",
        "compliance:30",
        "compliance:0s",
        "compliance:11y",
        "compliance:99999999999d",
        "compliance:3µ",
    ] {
        let error = wrong.parse::<LockPolicy>().unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Invalid, "{wrong}");
    }
    assert!(policy().with_generations(0).is_err());
    assert!(policy().with_generations(65).is_err());
}

#[test]
fn a_target_covers_what_is_committed_in_two_generations() {
    for generations in [1, 3, 4, 64] {
        let policy = policy().with_generations(generations).unwrap();
        let length = i64::try_from(policy.generation().as_secs()).unwrap();
        for now in (0..40).map(|step| 1_800_000_000 + step * (length / 7 + 1)) {
            let target = policy.target(now);
            let end_of_next = (now.div_euclid(length) + 2) * length;
            assert!(target.covers(&policy.promise(end_of_next)));
            assert_eq!(policy.target(now.div_euclid(length) * length), target);
        }
    }
}

#[test]
fn what_is_put_once_and_for_all_is_locked_and_nothing_else() {
    let world = World::new(policy());
    world.backup(&tree(1));
    for _ in 0..70 {
        world.evidence();
    }
    let target = policy().target(world.now());
    let mut free = 0;
    for object in world.objects() {
        if object.starts_with("session/") {
            // The probe tries locks for a minute or two.
            let found = world.retention(&object).unwrap();
            assert!(found.until < world.now() + 600, "{object}: {found:?}");
            continue;
        }
        let found = world.retention(object.as_str());
        if object.starts_with("checkpoint/") || object.starts_with("parity/") {
            assert_eq!(found, None, "{object}");
            free += 1;
        } else {
            assert_eq!(found, Some(target), "{object}");
        }
    }
    // A checkpoint, and the parity of the packs.
    assert!(free >= 2);
}

#[test]
fn a_clock_that_leapt_locks_nothing() {
    let world = World::new(policy());
    world.backup(&tree(1));
    let lockable = || {
        let objects = world.objects().into_iter();
        let objects = objects.filter(|object| !object.starts_with("parity/"));
        objects.collect::<Vec<_>>()
    };
    let before = lockable();
    world.pass(2 * 365 * DAY);
    let error = world.try_backup(&tree(2)).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Invalid);
    assert!(error.to_string().contains("clock"), "{error}");
    assert_eq!(lockable(), before);
    assert_eq!(world.plan_error().kind(), ErrorKind::Invalid);
    // Somebody has looked at the clock.
    let trusting = world.reopened(policy().with_clock(ClockTrust::Trust));
    trusting.backup(&tree(2));
    assert!(trusting.plan().short() > 0);
    // From then on the repository knows the time.
    world.backup(&tree(3));
}

#[test]
fn a_clock_that_is_centuries_ahead_locks_nothing_even_if_trusted() {
    let world = World::new(policy().with_clock(ClockTrust::Trust));
    world.pass(200 * 365 * DAY);
    let error = world.try_backup(&tree(2)).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Invalid);
}

#[test]
fn a_store_that_cannot_lock_is_refused_at_once() {
    let error = World::try_new(Some(policy()), support::Kind::NoLocks).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Invalid);
    let error = World::try_new(Some(policy()), support::Kind::Forgets).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Invalid);
    assert_eq!(error.object(), Some("config"));
    let world = World::try_new(None, support::Kind::NoLocks).unwrap();
    world.backup(&tree(1));
    let error = world.try_reopened(Some(policy())).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Invalid);
    let error = world.plan_error();
    assert_eq!(error.kind(), ErrorKind::Invalid);
}

#[test]
fn what_somebody_put_without_a_lock_is_found_and_locked() {
    let world = World::new(policy());
    world.backup(&tree(1));
    assert!(world.plan().is_empty());
    let careless = world.try_reopened(None).unwrap();
    careless.backup(&tree(2));
    let plan = world.plan();
    assert!(!plan.is_empty());
    assert_eq!(plan.short(), plan.objects().len() as u64);
    let audit = world.audit(None);
    assert_eq!(audit.short.len(), plan.objects().len());
    assert!(audit.short.iter().all(|one| one.found.is_none()));
    let report = world.extend(plan);
    assert!(report.problems.is_empty());
    assert!(world.audit(None).is_kept());
    assert!(world.plan().is_empty());
}

#[test]
fn new_keys_and_slots_are_locked_and_kept_so() {
    let world = World::encrypted(policy());
    world.backup(&tree(1));
    world.add_slot();
    assert!(world.audit(None).is_kept());
    world.pass(policy().generation().as_secs());
    let objects = world.plan().objects.len();
    let report = world.extend(world.plan());
    assert_eq!(report.extended, objects as u64);
    let newest = world.retention_of("slot/");
    assert!(
        newest
            .iter()
            .all(|found| *found == Some(policy().target(world.now())))
    );
    assert_eq!(newest.len(), 3);
    assert!(world.audit(None).is_kept());
}

#[test]
fn old_entries_are_kept_by_their_bundles() {
    let world = World::new(policy());
    world.backup(&tree(1));
    for _ in 0..200 {
        world.evidence();
    }
    world.pass(policy().generation().as_secs());
    let plan = world.plan();
    let of = |folder: &str| {
        let objects = plan.objects().iter();
        objects.filter(|one| one.object.starts_with(folder)).count()
    };
    assert_eq!(of("bundle/"), 3);
    assert!(of("journal/") <= 66, "{}", of("journal/"));
    // A bundle that was not written: its entries are kept themselves.
    world.delete_behind_the_back("bundle/0000000000000080");
    let report = world.extend(plan);
    assert!(report.problems.is_empty(), "{report:?}");
    assert_eq!(report.gone, 1);
    let target = Some(policy().target(world.now()));
    assert_eq!(world.retention("journal/0000000000000041"), target);
    assert_ne!(world.retention("journal/0000000000000001"), target);
}

#[test]
fn samples_are_as_large_as_asked_for() {
    let world = World::new(policy());
    world.backup(&tree(1));
    let all = world.audit(None);
    assert_eq!(all.asked, all.objects);
    let some = world.audit(Some(3));
    assert_eq!((some.asked, some.objects), (3, all.objects));
    assert!(some.is_kept());
    assert_eq!(world.audit(Some(10_000)).asked, all.objects);
}

#[test]
fn what_cannot_be_locked_is_excepted_and_tried_again() {
    let world = World::new(policy());
    world.backup(&tree(1));
    world.pass(policy().generation().as_secs());
    let plan = world.plan();
    let pack = world.first("pack/");
    world.strict.refuse_extension(Some(pack.clone()));
    let report = world.extend(plan);
    assert_eq!(report.problems.len(), 1);
    assert!(report.entry.is_some());
    let again = world.plan();
    let names: Vec<_> = again
        .objects()
        .iter()
        .map(|one| one.object.as_str())
        .collect();
    assert_eq!(names, [pack.as_str()]);
    world.strict.refuse_extension(None);
    assert_eq!(world.extend(again).extended, 1);
    assert!(world.plan().is_empty());
}

#[test]
fn a_plan_of_everything_asks_for_everything() {
    let world = World::new(policy());
    world.backup(&tree(1));
    assert!(world.plan().is_empty());
    let everything = world.plan_with(LockOptions::default().with_everything(true));
    assert!(everything.objects().len() > 5);
    assert_eq!(
        everything.requests().extensions,
        everything.objects().len() as u64
    );
}

#[test]
fn locks_of_two_voices_do_not_add_up_to_more_than_either() {
    let lock = |mode, until| Some(Retention::new(mode, until));
    use RetentionMode::{Compliance, Governance};
    assert_eq!(stronger(None, None), None);
    assert_eq!(stronger(lock(Governance, 5), None), lock(Governance, 5));
    assert_eq!(
        stronger(lock(Governance, 5), lock(Compliance, 5)),
        lock(Compliance, 5)
    );
    assert_eq!(
        stronger(lock(Compliance, 9), lock(Governance, 5)),
        lock(Compliance, 9)
    );
    assert_eq!(
        stronger(lock(Governance, 9), lock(Compliance, 5)),
        lock(Governance, 9)
    );
    assert_eq!(
        stronger(lock(Compliance, 5), lock(Governance, 9)),
        lock(Governance, 9)
    );
}

#[test]
fn what_is_hidden_is_not_kept_and_comes_back() {
    let world = World::new(policy());
    world.backup(&tree(1));
    let (pack, segment) = (world.first("pack/"), world.first("index/"));
    world.cover(&pack, None);
    world.cover(&segment, Some("garbage under a lock of its own"));
    world.cover("config", None);

    for audit in [world.audit(None), world.audit(Some(1))] {
        assert!(!audit.is_kept() && audit.short.is_empty());
        let hidden = audit.hidden.iter();
        let hidden: Vec<_> = hidden
            .map(|one| (one.object.as_str(), one.deleted))
            .collect();
        let mut expected = [
            ("config", true),
            (segment.as_str(), false),
            (pack.as_str(), true),
        ];
        expected.sort_unstable();
        let mut hidden = hidden;
        hidden.sort_unstable();
        assert_eq!(hidden, expected);
        assert!(audit.kept + 3 <= audit.objects);
    }
    let dry = world.block(uncover(&*world.strict, true)).unwrap();
    assert_eq!((dry.hidden.len(), dry.uncovered), (3, 0));
    let report = world.block(uncover(&*world.strict, false)).unwrap();
    assert_eq!((report.hidden.len(), report.uncovered), (3, 3));
    assert!(report.problems.is_empty() && report.unlocked.is_empty());
    assert!(world.audit(None).is_kept());
    assert!(
        world
            .block(uncover(&*world.strict, false))
            .unwrap()
            .hidden
            .is_empty()
    );
}

#[test]
fn what_is_hidden_without_a_lock_is_named_and_left() {
    let world = World::new(policy());
    world.backup(&tree(1));
    let pack = world.first("pack/");
    world.pass(100 * DAY);
    world.cover(&pack, None);
    let report = world.block(uncover(&*world.strict, false)).unwrap();
    assert_eq!((report.unlocked, report.uncovered), (vec![pack], 0));
}

#[test]
fn a_claim_of_more_than_can_be_is_not_believed() {
    let world = World::new(policy());
    world.backup(&tree(1));
    let state = world.repository.journal().state();
    let record = LockRecord {
        entries: state.head,
        time: Time::new(world.now(), 0),
        locked: Locked {
            mode: Locked::COMPLIANCE,
            until: 4_700_000_000,
        },
        except: Vec::new(),
        unknown: Default::default(),
    };
    let evidence = record.to_evidence().unwrap();
    world
        .block(world.repository.record_evidence(evidence))
        .unwrap();
    let plan = world.plan();
    assert!(plan.objects().len() > 5, "{plan}");
    world.extend(plan);
    assert!(world.audit(None).is_kept());
}

#[test]
fn a_store_that_locks_for_less_is_refused() {
    let error = World::try_new(Some(policy()), support::Kind::Clips).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Invalid);
    assert_eq!(error.object(), Some("config"));
}

#[test]
fn an_archive_that_is_only_extended_knows_the_time() {
    let world = World::new(policy());
    world.backup(&tree(1));
    for _ in 0..70 {
        world.pass(policy().generation().as_secs());
        world.extend(world.plan());
    }
    assert!(world.now() > support::BEGIN + 500 * 86_400);
    world.backup(&tree(2));
    let again = world.reopened(policy());
    again.backup(&tree(3));
    assert!(again.audit(None).is_kept());
}

#[test]
fn a_keyring_that_a_lock_kept_is_deleted_later() {
    let world = World::encrypted(policy());
    world.add_slot();
    let old = |world: &World| {
        let objects = world.objects().into_iter();
        objects
            .filter(|one| one.starts_with("keyring/0000000000000000"))
            .count()
    };
    assert_eq!(old(&world), 2);
    world.pass(46 * DAY);
    let plan = world.block(world.repository.plan_delete(DeleteOptions::default()));
    world
        .block(world.repository.delete_dropped(plan.unwrap(), Arc::new(())))
        .unwrap();
    assert_eq!(old(&world), 0);
}
