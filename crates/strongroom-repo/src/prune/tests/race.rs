//! Others who prune, commit, announce and merge between a plan and its end; and prunes that end early.

use std::collections::BTreeSet;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use strongroom_crypt::SessionId;
use strongroom_format::{Body, Dropped, PackClass, PackRef, Packs, Tombstone, Unknown};
use strongroom_store::wrap::{Fault, FaultPlan, Faulty, Operation, Rule, When};
use strongroom_store::{ErrorKind as StoreKind, Store};

use super::support::*;
use crate::testing::{TestStore, repository, settings};
use crate::{Credential, Error, ErrorKind, PruneOptions, Repository, Stopped};

#[test]
fn a_snapshot_that_needs_nothing_that_goes_does_not_spoil_a_plan() {
    let (store, repository) = repository();
    let gone = write(&repository, "a", &tree(1));
    let first = write(&repository, "b", &apart());
    forget(&repository, gone);
    let other = fresh(&store);
    let plan = plan(&repository, only_dead());
    let same = back_up(&other, "b", &apart());
    let new = back_up(&other, "c", &tree(30));
    let planned = plan.figures().dropped_packs;
    let report = prune(&repository, plan);
    assert!(
        report.is_complete() && report.kept_after_all.is_empty(),
        "{report:?}"
    );
    assert_eq!(report.dropped_packs, planned);
    delete(&repository);
    for (id, tree) in [(first, apart()), (same, apart()), (new, tree(30))] {
        assert_restores(&store, id, &tree);
    }
}

#[test]
fn a_snapshot_that_needs_what_was_to_go_keeps_it() {
    for options in [only_dead(), everything()] {
        let (store, repository) = repository();
        let gone = write(&repository, "a", &mixed(1));
        let kept = write(&repository, "b", &apart());
        forget(&repository, gone);
        let plan = plan(&repository, options);
        let planned = plan.figures().dropped_packs;
        // It finds the blobs in force, and builds on them.
        let new = back_up(&fresh(&store), "c", &mixed(1));
        let report = prune(&repository, plan);
        assert!(
            report.is_complete() && !report.kept_after_all.is_empty(),
            "{report:?}"
        );
        assert!(report.dropped_packs < planned);
        delete(&repository);
        assert_restores(&store, kept, &apart());
        assert_restores(&store, new, &mixed(1));
    }
}

#[test]
fn of_two_prunes_that_would_keep_different_copies_the_second_is_stale() {
    let (store, repository) = repository();
    let one = write(&repository, "a", &tree(1));
    let plan_of_one = plan(&repository, only_dead());
    assert!(plan_of_one.is_empty());
    let other = write(&repository, "b", &tree(1));
    // One keeps the one copy, the other the other.
    let plan = plan(&repository, only_dead());
    let dropped: Vec<_> = plan.decisions().iter().map(|one| one.name).collect();
    assert!(!dropped.is_empty());
    let kept: Vec<_> = packs(&repository)
        .into_iter()
        .filter(|name| !dropped.contains(name))
        .collect();
    append(&repository, tombstone(kept, []));
    let error = try_prune(&repository, plan).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Stale, "{error}");
    assert!(
        error
            .object()
            .is_some_and(|object| object.starts_with("pack/"))
    );
    delete(&repository);
    assert_restores(&store, one, &tree(1));
    assert_restores(&store, other, &tree(1));
}

#[test]
fn a_copy_whose_segment_another_has_dropped_is_no_reason_to_drop_the_other() {
    let (store, repository) = repository();
    let kept = [
        write(&repository, "a", &tree(1)),
        write(&repository, "b", &tree(1)),
    ];
    let plan = plan(&repository, only_dead());
    let dropped: BTreeSet<_> = plan.decisions().iter().map(|one| one.name).collect();
    assert!(!dropped.is_empty());
    // Which is allowed: what they map has another copy, which another segment maps.
    let maps_what_stays = segments_of(&repository, move |pack| !dropped.contains(pack));
    assert!(!maps_what_stays.is_empty());
    append(
        &repository,
        Body::Tombstone(Tombstone {
            dropped: Dropped {
                segments: maps_what_stays,
                ..Dropped::default()
            },
            ..Tombstone::default()
        }),
    );
    let error = try_prune(&repository, plan).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Stale, "{error}");
    delete(&repository);
    for id in kept {
        assert_restores(&store, id, &tree(1));
    }
}

#[test]
fn two_prunes_of_one_plan_do_it_once() {
    let (store, repository) = repository();
    let gone = write(&repository, "a", &tree(1));
    let kept = write(&repository, "b", &apart());
    forget(&repository, gone);
    let other = fresh(&store);
    let (one, two) = (plan(&repository, only_dead()), plan(&other, only_dead()));
    assert_eq!(one, two);
    assert!(prune(&repository, one).dropped_packs > 0);
    let report = prune(&other, two);
    assert_eq!((report.entries, report.dropped_packs), (0, 0), "{report:?}");
    delete(&other);
    assert_restores(&store, kept, &apart());
}

#[test]
fn two_prunes_that_write_the_same_anew_lose_nothing() {
    let (store, repository) = repository();
    let gone = write(&repository, "a", &mixed(1));
    let kept = back_up(&repository, "b", &tree(1));
    forget(&repository, gone);
    let other = fresh(&store);
    let (one, two) = (plan(&repository, everything()), plan(&other, everything()));
    assert!(prune(&repository, one).added_packs > 0);
    match try_prune(&other, two) {
        Ok(report) => assert!(matches!(report.stopped, None | Some(Stopped::Stale(_)))),
        Err(error) => assert_eq!(error.kind(), ErrorKind::Stale),
    }
    delete(&repository);
    assert_restores(&store, kept, &tree(1));
    prune(&repository, plan(&repository, everything()));
    delete(&repository);
    assert_restores(&store, kept, &tree(1));
    assert_clean(&store, &repository);
}

#[test]
fn a_pack_that_others_drop_and_delete_before_it_is_read_is_no_damage() {
    let (store, repository) = repository();
    let gone = write(&repository, "a", &mixed(1));
    let kept = back_up(&repository, "b", &tree(1));
    forget(&repository, gone);
    let slow = plan(&repository, everything());
    assert!(slow.figures().repacked_packs > 0);
    let other = fresh(&store);
    prune(&other, plan(&other, everything()));
    delete(&other);
    match try_prune(&repository, slow) {
        Ok(report) => {
            assert!(report.problems.is_empty(), "{report:?}");
            assert!(
                matches!(report.stopped, Some(Stopped::Stale(_))),
                "{report:?}"
            );
        }
        Err(error) => assert_eq!(error.kind(), ErrorKind::Stale, "{error:?}"),
    }
    assert_restores(&store, kept, &tree(1));
}

#[test]
fn what_a_prune_is_about_to_add_may_be_reclaimed_by_another() {
    let (store, repository) = repository();
    let gone = write(&repository, "a", &mixed(1));
    let kept = back_up(&repository, "b", &tree(1));
    forget(&repository, gone);
    // Every put of a journal entry is preceded by another prune that takes every orphan away.
    let thief = fresh(&store);
    let steal: Arc<dyn Fn() + Send + Sync> = Arc::new(move || {
        prune(&thief, plan(&thief, only_dead()));
    });
    let meddling = Arc::new(Meddling::new(store.clone(), "journal/", steal));
    let victim = open(meddling).unwrap();
    let result = try_prune(&victim, plan(&repository, everything()));
    match result {
        Ok(report) => assert!(report.stopped.is_some(), "{report:?}"),
        Err(error) => assert!(
            matches!(error.kind(), ErrorKind::Stale | ErrorKind::Conflict),
            "{error:?}"
        ),
    }
    delete(&repository);
    assert_restores(&store, kept, &tree(1));
}

fn open(store: Arc<dyn Store>) -> Result<Repository, Error> {
    wait(
        Repository::builder(store)
            .settings(settings(2))
            .open(&Credential::None),
    )
}

fn announce(repository: &Repository, session: u8, seed: u64, store: &Arc<TestStore>) -> PackRef {
    let pack = PackRef {
        name: put_orphan(store, seed),
        len: 100,
        class: PackClass::Data,
    };
    append(
        repository,
        Body::Packs(Packs {
            session: SessionId::from_bytes([session; 32]),
            packs: vec![pack],
            segments: Vec::new(),
            unknown: Unknown::default(),
        }),
    );
    pack
}

#[test]
fn a_session_is_waited_for_until_it_is_old() {
    let (store, repository) = repository();
    let kept = write(&repository, "a", &tree(1));
    announce(&repository, 1, 77, &store);
    let clock = Arc::new(TestClock::default());
    let young = plan(&repository, PruneOptions::default());
    assert!(
        young.sessions_given_up().is_empty() && young.figures().dropped_packs == 0,
        "{young}"
    );
    let old = with_clock(&store, &clock, None);
    let plan = plan(
        &old,
        only_dead().with_session_age(Duration::from_secs(7 * 86_400)),
    );
    assert_eq!(plan.sessions_given_up().len(), 1);
    let report = prune(&old, plan);
    assert_eq!(
        (report.sessions, report.dropped_packs),
        (1, 1),
        "{report:?}"
    );
    assert!(state(&old).session_ended(&SessionId::from_bytes([1; 32])));
    delete(&old);
    assert_restores(&store, kept, &tree(1));
}

#[test]
fn a_session_that_speaks_after_the_plan_is_not_given_up() {
    let (store, repository) = repository();
    write(&repository, "a", &tree(1));
    announce(&repository, 1, 77, &store);
    let also_old = announce(&repository, 2, 78, &store);
    let plan = plan(&repository, only_dead());
    assert_eq!(plan.sessions_given_up().len(), 2);
    announce(&repository, 1, 79, &store);
    let report = prune(&repository, plan);
    assert_eq!(
        (report.sessions, report.dropped_packs),
        (1, 1),
        "{report:?}"
    );
    assert!(state(&repository).dropped.contains_key(&also_old.name));
    assert_eq!(state(&repository).sessions.len(), 1);
}

#[test]
fn an_orphan_that_is_announced_after_the_plan_stays() {
    let (store, repository) = repository();
    write(&repository, "a", &tree(1));
    put_orphan(&store, 5);
    let sleeping = put_orphan(&store, 6);
    let plan = plan(&repository, only_dead());
    assert_eq!(plan.orphans().len(), 2);
    let pack = PackRef {
        name: sleeping,
        len: 100,
        class: PackClass::Data,
    };
    append(
        &repository,
        Body::Packs(Packs {
            session: SessionId::from_bytes([1; 32]),
            packs: vec![pack],
            segments: Vec::new(),
            unknown: Unknown::default(),
        }),
    );
    let report = prune(&repository, plan);
    assert_eq!(report.dropped_orphans, 1, "{report:?}");
    delete(&repository);
    assert!(stored_packs(&store).contains(&sleeping));
}

/// A backup that sleeps just before its entry, while all that it has stored is taken for orphans and deleted.
#[test]
fn a_backup_whose_packs_were_reclaimed_fails_or_is_whole() {
    let (store, repository) = repository();
    let kept = back_up(&repository, "a", &tree(1));
    let pruner = fresh(&store);
    let reclaim: Arc<dyn Fn() + Send + Sync> = Arc::new(move || {
        prune(&pruner, plan(&pruner, everything()));
        delete(&pruner);
    });
    let meddling = Arc::new(Meddling::once(store.clone(), "journal/", reclaim));
    let sleeper = open(meddling).unwrap();
    let result = try_back_up(&sleeper, "b", &tree(2));
    match result {
        Ok(id) => assert_restores(&store, id, &tree(2)),
        Err(error) => assert_eq!(error.kind(), ErrorKind::Conflict, "{error:?}"),
    }
    let again = back_up(&sleeper, "b", &tree(2));
    assert_restores(&store, again, &tree(2));
    assert_restores(&store, kept, &tree(1));
}

/// D18: an interrupted prune must leave no cache behind that names what is gone.
#[test]
fn after_an_interrupted_prune_a_backup_with_a_warm_cache_is_whole() {
    let cache = tempfile::tempdir().unwrap();
    let (store, repository) = repository();
    let clock = Arc::new(TestClock::default());
    let gone = write(&repository, "a", &tree(1));
    forget(&repository, gone);
    let writer = with_clock(&store, &clock, Some(cache.path()));
    back_up(&writer, "b", &tree(2));
    for call in 1..40 {
        let rule = Rule::new(Fault::FailBefore(StoreKind::Unavailable)).with_when(When::From(call));
        let faulty = Arc::new(Faulty::new(
            store.clone() as Arc<dyn Store>,
            FaultPlan::new(),
        ));
        let mut settings = settings(2);
        settings.cache = Some(cache.path().to_owned());
        let builder = Repository::builder(faulty.clone() as Arc<dyn Store>).settings(settings);
        let broken = wait(builder.open(&Credential::None)).unwrap();
        let plan = plan(&broken, everything());
        faulty.inject(rule);
        let done = try_prune(&broken, plan).is_ok();
        // The same machine, with what is in its cache now.
        let again = with_clock(&store, &clock, Some(cache.path()));
        let id = back_up(&again, "b", &tree(1));
        delete(&fresh(&store));
        assert_restores(&store, id, &tree(1));
        assert_restores_with(&again, id, &tree(1));
        if done {
            return;
        }
        forget(&again, id);
    }
    panic!("the prune never came to its end");
}

#[test]
fn a_prune_that_fails_at_any_request_costs_nothing_and_the_next_one_finishes() {
    for call in 1.. {
        let (store, repository) = repository();
        let gone = write(&repository, "a", &mixed(1));
        let kept = back_up(&repository, "b", &tree(1));
        forget(&repository, gone);
        for n in 0..8 {
            back_up(&repository, "b", &tree(n));
        }
        let faulty = Arc::new(Faulty::new(
            store.clone() as Arc<dyn Store>,
            FaultPlan::new(),
        ));
        let broken = open(faulty.clone()).unwrap();
        let plan_of_broken = plan(&broken, everything());
        faulty.inject(
            Rule::new(Fault::FailAfter(StoreKind::Unavailable)).with_when(When::From(call)),
        );
        let pruned = try_prune(&broken, plan_of_broken);
        assert_restores(&store, kept, &tree(1));
        let healthy = fresh(&store);
        delete(&healthy);
        assert_restores(&store, kept, &tree(1));
        let report = prune(&healthy, plan(&healthy, everything()));
        assert!(report.is_complete(), "{report:?}");
        delete(&healthy);
        assert_restores(&store, kept, &tree(1));
        assert_clean(&store, &healthy);
        match pruned {
            Ok(_) => return,
            Err(error) => assert_eq!(error.kind(), ErrorKind::Unavailable),
        }
    }
}

#[test]
fn deleting_that_fails_at_any_request_is_taken_up_again() {
    for call in 1.. {
        let (store, repository) = repository();
        let gone = write(&repository, "a", &tree(1));
        let kept = write(&repository, "b", &apart());
        forget(&repository, gone);
        prune(&repository, plan(&repository, only_dead()));
        let faulty = Arc::new(Faulty::new(
            store.clone() as Arc<dyn Store>,
            FaultPlan::new(),
        ));
        let broken = open(faulty.clone()).unwrap();
        let options = crate::DeleteOptions::default().with_min_age(Duration::ZERO);
        let plan = delete_plan(&broken, options);
        faulty.inject(
            Rule::new(Fault::FailBefore(StoreKind::Unavailable)).with_when(When::From(call)),
        );
        let report = match wait(broken.delete_dropped(plan, Arc::new(()))) {
            Ok(report) => report,
            // It could not even find out whether the plan is of this journal, and what is in force by now.
            Err(error) => {
                assert_eq!(error.kind(), ErrorKind::Unavailable, "{error:?}");
                assert!(call <= 3, "{call}: {error:?}");
                assert!(packs(&repository).len() < stored_packs(&store).len());
                continue;
            }
        };
        assert_restores(&store, kept, &apart());
        delete(&repository);
        assert_eq!(stored_packs(&store), packs(&repository));
        if report.problems.is_empty() {
            return;
        }
    }
}

#[test]
fn a_segment_that_somebody_else_merges_is_followed() {
    let (store, repository) = repository();
    let mut kept = Vec::new();
    for n in 0..9 {
        kept.push((write(&repository, "a", &tree(n)), tree(n)));
    }
    let gone = write(&repository, "b", &tree(40));
    forget(&repository, gone);
    let plan = plan(&repository, everything());
    let other = fresh(&store);
    prune(&other, support_plan_of_merges(&other));
    assert!(state(&other).segments.len() < 9);
    let report = prune(&repository, plan);
    assert!(report.is_complete(), "{report:?}");
    delete(&repository);
    for (id, tree) in kept {
        assert_restores(&store, id, &tree);
    }
    assert_clean(&store, &repository);
}

#[test]
fn a_segment_that_goes_while_a_prune_catches_up_is_no_damage() {
    let (store, repository) = repository();
    for n in 0..9 {
        write(&repository, "a", &tree(n));
    }
    let gone = write(&repository, "b", &tree(40));
    forget(&repository, gone);
    let (other, armed) = (fresh(&store), Arc::new(AtomicBool::new(false)));
    let is_armed = Arc::clone(&armed);
    let merge: Arc<dyn Fn() + Send + Sync> = Arc::new(move || {
        if is_armed.swap(false, Ordering::Relaxed) {
            prune(&other, support_plan_of_merges(&other));
            delete(&other);
        }
    });
    let victim = open(Arc::new(Meddling::before_gets(
        store.clone(),
        "index/",
        merge,
    )))
    .unwrap();
    let plan = plan(&victim, only_dead());
    let new = write(&repository, "c", &apart());
    armed.store(true, Ordering::Relaxed);
    let report = prune(&victim, plan);
    assert!(!armed.load(Ordering::Relaxed), "nothing was raced");
    assert!(
        report.is_complete() && report.dropped_packs > 0,
        "{report:?}"
    );
    delete(&repository);
    assert_restores(&store, new, &apart());
}

#[test]
fn what_was_dropped_is_told_though_segments_cannot_be_merged() {
    let (store, repository) = repository();
    for n in 0..9 {
        write(&repository, "a", &tree(n));
    }
    let gone = write(&repository, "b", &tree(40));
    forget(&repository, gone);
    let faulty = Arc::new(Faulty::new(store as Arc<dyn Store>, FaultPlan::new()));
    let broken = open(faulty.clone()).unwrap();
    let plan = plan(&broken, only_dead());
    faulty.inject(
        Rule::new(Fault::FailBefore(StoreKind::Unavailable))
            .with_operation(Operation::Put)
            .with_key_prefix("index/")
            .with_when(When::From(1)),
    );
    let report = prune(&broken, plan);
    assert!(report.dropped_packs > 0, "{report:?}");
    assert_eq!((report.problems.len(), report.merged_segments), (1, 0));
    assert!(!report.is_complete());
}

/// A plan that merges segments and does nothing else.
fn support_plan_of_merges(repository: &Repository) -> crate::PrunePlan {
    let mut plan = plan(repository, only_dead());
    plan.decisions.clear();
    plan.basis.ground.doomed.clear();
    plan
}

#[test]
fn a_plan_is_of_one_repository() {
    let (_, one) = repository();
    let (_, other) = repository();
    let error = try_prune(&other, plan(&one, everything())).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Invalid);
    let plan = delete_plan(&one, crate::DeleteOptions::default());
    let error = wait(other.delete_dropped(plan, Arc::new(()))).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Invalid);
}
