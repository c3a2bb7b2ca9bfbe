//! Pruning against a model, against others who work at the same time, and against everything that goes wrong.

mod model;
mod race;
mod rogue;
mod split;
mod support;
mod work;

use std::sync::Arc;
use std::time::Duration;

use strongroom_format::{Body, Damaged, object_name};
use strongroom_store::wrap::Operation;
use strongroom_store::{Store as _, StoreExt as _};

use self::support::*;
use crate::testing::{Shape, Tree, repository};
use crate::{
    DeleteOptions, ErrorKind, PackAction, PackReason, PruneOptions, Reframe, Stopped, Unused,
};

#[test]
fn a_repository_without_garbage_has_an_empty_plan() {
    let (store, repository) = repository();
    let plan = plan(&repository, everything());
    assert!(plan.is_empty(), "{plan}");
    back_up(&repository, "a", &tree(1));
    let plan = support::plan(&repository, everything());
    assert!(plan.is_empty(), "{plan}");
    assert_eq!(plan.figures().unused_bytes_before, 0);
    store.reset();
    let report = prune(&repository, plan);
    assert_eq!((report.entries, store.count(Operation::Put)), (0, 0));
}

#[test]
fn what_nothing_needs_is_dropped_and_then_deleted() {
    let (store, repository) = repository();
    let gone = write(&repository, "a", &tree(1));
    let kept = write(&repository, "b", &apart());
    let before = packs(&repository);
    forget(&repository, gone);
    let report = prune(&repository, plan(&repository, only_dead()));
    assert!(
        report.is_complete() && report.dropped_packs > 0,
        "{report:?}"
    );
    assert_eq!(report.added_packs, 0);
    let after = packs(&repository);
    assert!(after.is_subset(&before) && after.len() < before.len());
    assert_eq!(stored_packs(&store), before, "dropping deletes nothing");
    let soon = delete_plan(&repository, DeleteOptions::default());
    assert!(soon.is_empty() && soon.waiting() > 0, "{soon}");
    assert!(soon.waiting_bytes() > 0 && soon.next_due().is_some());
    let report = delete(&repository);
    assert!(report.deleted > 0 && report.problems.is_empty());
    assert_eq!(stored_packs(&store), after);
    assert_eq!(delete(&repository).deleted, 0, "again is nothing");
    assert_restores(&store, kept, &apart());
}

#[test]
fn a_plan_is_equal_to_one_of_the_same_state_and_prints() {
    let (_, repository) = repository();
    let gone = write(&repository, "a", &tree(1));
    write(&repository, "a", &apart());
    forget(&repository, gone);
    let (one, other) = (
        plan(&repository, everything()),
        plan(&repository, everything()),
    );
    assert_eq!(one, other);
    assert!(
        one.to_string().contains("no snapshot needs anything of it"),
        "{one}"
    );
    assert!(one.freed_bytes() > 0 && !one.is_empty());
    write(&repository, "c", &tree(3));
    assert_ne!(one, plan(&repository, everything()));
}

#[test]
fn needed_parts_are_moved_and_nothing_unused_is_left() {
    let (store, repository) = repository();
    let kept = half_needed(&repository, &Shape::default());
    let first = plan(&repository, everything());
    assert!(first.figures().trapped_bytes_before > 0, "{first}");
    let report = prune(&repository, first);
    assert!(report.is_complete() && report.added_packs > 0, "{report:?}");
    assert_eq!(report.moved_trapped_bytes, 0);
    assert_restores(&store, kept, &tree(1));
    delete(&repository);
    assert_restores(&store, kept, &tree(1));
    assert_clean(&store, &repository);
}

#[test]
fn not_even_a_byte_is_left_beside_what_is_needed() {
    let (store, repository) = repository();
    let Tree::Dir(mut entries) = apart() else {
        unreachable!()
    };
    entries.insert(b"5 tiny".to_vec(), Tree::file(b"x"));
    let shape = Shape {
        frame_bytes: 20_000,
        pack_bytes: 40_000,
        ..Shape::default()
    };
    let gone = write_as(&repository, "a", &Tree::Dir(entries), &shape);
    let kept = back_up(&repository, "a", &apart());
    forget(&repository, gone);
    prune(&repository, plan(&repository, everything()));
    delete(&repository);
    assert_restores(&store, kept, &apart());
    assert_clean(&store, &repository);
}

#[test]
fn without_content_keys_frames_are_moved_whole_and_what_is_trapped_is_told() {
    let (store, repository) = repository();
    let shape = large_frames();
    let kept = half_needed(&repository, &shape);
    let keyless = without_epochs(&store);
    let first = plan(&keyless, everything());
    let trapped = trapped_bytes(&store, &repository, &tree(1));
    assert!(trapped > 0);
    assert_eq!(first.figures().trapped_bytes_before, trapped);
    let figures = first.figures().clone();
    let report = prune(&keyless, first);
    assert!(report.is_complete(), "{report:?}");
    delete(&repository);
    assert_restores(&store, kept, &tree(1));
    let again = plan(&keyless, everything());
    assert_eq!(
        again.figures().trapped_bytes_before,
        figures.trapped_bytes_after
    );
    assert_eq!(again.figures().unused_bytes_before, 0);
    // With content keys they can be freed.
    let report = prune(&repository, plan(&repository, everything()));
    assert!(report.is_complete() && report.added_packs > 0, "{report:?}");
    delete(&repository);
    assert_restores(&store, kept, &tree(1));
    assert_clean(&store, &repository);
}

#[test]
fn never_means_that_no_frame_is_opened() {
    let (store, repository) = repository();
    let kept = half_needed(&repository, &Shape::default());
    let options = everything().with_reframe(Reframe::Never);
    let plan = plan(&repository, options);
    let keyless = support::plan(&without_epochs(&store), plan.options().clone());
    assert_eq!(plan, keyless);
    prune(&repository, plan);
    delete(&repository);
    assert_restores(&store, kept, &tree(1));
}

#[test]
fn copies_in_one_pack_and_in_several_are_not_taken_for_garbage_all_at_once() {
    let (store, repository) = repository();
    let shape = Shape {
        copies: 3,
        ..Shape::default()
    };
    let kept = write_as(&repository, "a", &tree(1), &shape);
    let also = write_as(&repository, "b", &tree(1), &Shape::default());
    let before = packs(&repository).len();
    let report = prune(&repository, plan(&repository, everything()));
    assert!(report.is_complete(), "{report:?}");
    delete(&repository);
    assert!(packs(&repository).len() < before);
    assert_restores(&store, kept, &tree(1));
    assert_restores(&store, also, &tree(1));
    assert_clean(&store, &repository);
}

#[test]
fn small_packs_become_few_and_stay_so() {
    let (store, repository) = repository();
    let mut kept = Vec::new();
    for n in 0..5 {
        kept.push((back_up(&repository, "a", &tree(n)), tree(n)));
    }
    let few = plan(&repository, everything());
    assert!(few.is_empty(), "{few}");
    for n in 5..10 {
        kept.push((back_up(&repository, "a", &tree(n)), tree(n)));
    }
    assert!(packs(&repository).len() >= 30);
    let plan = plan(&repository, everything());
    assert!(
        plan.decisions()
            .iter()
            .all(|one| one.reason == PackReason::Small),
        "{plan}"
    );
    prune(&repository, plan);
    assert_eq!(packs(&repository).len(), 3, "one of each class");
    let again = support::plan(&repository, everything());
    assert!(again.is_empty(), "{again}");
    for (id, tree) in kept {
        assert_restores(&store, id, &tree);
    }
}

#[test]
fn the_limit_on_what_is_written_again_is_kept() {
    let (_, repository) = repository();
    half_needed(&repository, &Shape::default());
    let all = plan(&repository, everything());
    let half = all.figures().written_bytes / 2;
    let limited = plan(&repository, everything().with_max_repack_bytes(half));
    assert!(limited.figures().written_bytes <= half && limited.figures().written_bytes > 0);
    assert!(
        limited
            .decisions()
            .iter()
            .any(|one| one.reason == PackReason::Limit)
    );
    let none = plan(&repository, everything().with_max_repack_bytes(0));
    assert_eq!(
        (none.figures().repacked_packs, none.figures().read_bytes),
        (0, 0)
    );
}

#[test]
fn a_share_of_garbage_may_stay() {
    let (_, repository) = repository();
    half_needed(&repository, &Shape::default());
    let with = |unused| plan(&repository, PruneOptions::default().with_max_unused(unused));
    let repacked = |plan: &crate::PrunePlan| {
        let unused = |one: &&crate::PackDecision| {
            matches!(one.reason, PackReason::Unused | PackReason::Scattered)
        };
        plan.decisions().iter().filter(unused).count()
    };
    let (none, some, any) = (
        with(Unused::Share(0.0)),
        with(Unused::Share(0.4)),
        with(Unused::Unlimited),
    );
    assert!(repacked(&none) > repacked(&some), "{none}\n{some}");
    assert_eq!(repacked(&any), 0);
    assert_eq!(with(Unused::Bytes(0)).decisions(), none.decisions());
    let invalid = try_plan(
        &repository,
        PruneOptions::default().with_max_unused(Unused::Share(-0.1)),
    );
    assert_eq!(invalid.unwrap_err().kind(), ErrorKind::Invalid);
}

#[test]
fn what_cannot_be_read_is_named_and_nothing_is_pruned() {
    for (prefix, class) in [("index/", None), ("pack/", Some(2))] {
        let (store, repository) = repository();
        write(&repository, "a", &tree(1));
        for key in keys_of(&store, prefix) {
            let bytes = wait(store.get_all(&key)).unwrap();
            if class.is_some_and(|class| bytes[14] != class) {
                continue;
            }
            wait(store.delete(&key)).unwrap();
            let error = try_plan(&fresh(&store), everything()).unwrap_err();
            assert_eq!(error.kind(), ErrorKind::Damaged, "{error:?}");
            assert_eq!(error.object(), Some(key.as_str()), "{error:?}");
            wait(store.put_new(&key, bytes)).unwrap();
        }
        assert!(try_plan(&fresh(&store), everything()).is_ok());
    }
}

#[test]
fn a_snapshot_that_needs_what_no_pack_has_is_named() {
    let (store, repository) = repository();
    let id = write(&repository, "a", &tree(1));
    let gone = packs(&repository).into_iter().next().unwrap();
    // Somebody broke the rules.
    append(&repository, tombstone([gone], []));
    let error = try_plan(&fresh(&store), everything()).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Damaged);
    assert!(error.to_string().contains(&id.to_string()), "{error}");
    assert!(
        error
            .object()
            .is_some_and(|object| object.starts_with("journal/"))
    );
}

#[test]
fn a_damaged_pack_is_left_behind_when_what_is_needed_of_it_is_good() {
    let (store, repository) = repository();
    let kept = write(&repository, "a", &tree(1));
    let also = write(&repository, "b", &tree(1));
    let all = packs(&repository);
    let damaged = *all.first().unwrap();
    append(
        &repository,
        Body::Damaged(Damaged {
            packs: vec![strongroom_format::DamagedPack {
                pack: damaged,
                frames: Vec::new(),
            }],
            ..Damaged::default()
        }),
    );
    let plan = plan(&repository, everything());
    let decision = plan
        .decisions()
        .iter()
        .find(|one| one.name == damaged)
        .unwrap();
    assert_eq!(decision.action, PackAction::Drop, "{plan}");
    prune(&repository, plan);
    delete(&repository);
    assert_restores(&store, kept, &tree(1));
    assert_restores(&store, also, &tree(1));
}

#[test]
fn a_damaged_pack_with_the_only_copy_stays() {
    let (_, repository) = repository();
    write(&repository, "a", &tree(1));
    let damaged = packs(&repository);
    let packs_damaged = damaged.iter().map(|pack| strongroom_format::DamagedPack {
        pack: *pack,
        frames: Vec::new(),
    });
    append(
        &repository,
        Body::Damaged(Damaged {
            packs: packs_damaged.collect(),
            ..Damaged::default()
        }),
    );
    let plan = plan(&repository, everything());
    assert!(
        plan.decisions()
            .iter()
            .all(|one| one.reason == PackReason::OnlyCopy),
        "{plan}"
    );
    prune(&repository, plan);
    assert_eq!(packs(&repository), damaged);
}

#[test]
fn packs_are_condemned_one_cycle_ahead() {
    let (_, repository) = repository();
    let gone = write(&repository, "a", &tree(1));
    write(&repository, "b", &apart());
    forget(&repository, gone);
    let options = only_dead().with_condemn(true);
    let before = packs(&repository);
    let first = prune(&repository, plan(&repository, options.clone()));
    assert!(
        first.condemned_packs > 0 && first.dropped_packs == 0,
        "{first:?}"
    );
    assert_eq!(packs(&repository), before);
    let second = prune(&repository, plan(&repository, options.clone()));
    assert_eq!(
        (second.dropped_packs, second.condemned_packs),
        (first.condemned_packs, 0)
    );
    let third = plan(&repository, options);
    assert!(third.is_empty(), "{third}\n{:?}", third.decisions());
}

#[test]
fn orphans_are_given_up_when_this_client_saw_them_long_ago() {
    let cache = tempfile::tempdir().unwrap();
    let (store, repository) = repository();
    let kept = back_up(&repository, "a", &tree(1));
    let orphan = put_orphan(&store, 7);
    let clock = Arc::new(TestClock::default());
    let cached = with_clock(&store, &clock, Some(cache.path()));
    let first = plan(&cached, PruneOptions::default());
    assert_eq!(first.orphans().len(), 1);
    assert!(!first.orphans()[0].given_up);
    prune(&cached, first);
    clock.advance(Duration::from_secs(23 * 3_600));
    assert!(!plan(&cached, PruneOptions::default()).orphans()[0].given_up);
    clock.advance(Duration::from_secs(3_600));
    // Another client has not seen it, and one without a cache never will have.
    assert!(
        !plan(&with_clock(&store, &clock, None), PruneOptions::default()).orphans()[0].given_up
    );
    let report = prune(&cached, plan(&cached, PruneOptions::default()));
    assert_eq!(report.dropped_orphans, 1);
    assert!(stored_packs(&store).contains(&orphan));
    delete(&cached);
    assert!(!stored_packs(&store).contains(&orphan));
    assert_restores(&store, kept, &tree(1));
    assert_clean(&store, &cached);
}

#[test]
fn deleting_takes_parities_and_old_checkpoints_along() {
    let (store, repository) = repository();
    let gone = write(&repository, "a", &tree(1));
    let dropped = *packs(&repository).first().unwrap();
    put(&store, &object_name::parity(&dropped), b"parity");
    put(
        &store,
        &object_name::parity(&strongroom_format::ObjectHash::of(b"other")),
        b"parity",
    );
    forget(&repository, gone);
    while state(&repository).head < 200 {
        append(&repository, evidence());
    }
    prune(&repository, plan(&repository, only_dead()));
    delete(&repository);
    let names = |prefix| {
        keys_of(&store, prefix)
            .iter()
            .map(|key| key.as_str().to_owned())
            .collect::<Vec<_>>()
    };
    assert_eq!(
        names("checkpoint/"),
        [object_name::checkpoint(128), object_name::checkpoint(192)]
    );
    assert_eq!(names("parity/").len(), 1);
    assert!(
        names("index/").is_empty(),
        "a segment of which nothing is left goes too"
    );
}

#[test]
fn small_segments_are_merged_and_map_the_same() {
    let (store, repository) = repository();
    let mut kept = Vec::new();
    for n in 0..12 {
        kept.push((write(&repository, "a", &tree(n)), tree(n)));
    }
    let before = state(&repository).segments.len();
    let plan = plan(&repository, only_dead());
    assert_eq!(plan.figures().replaced_segments, before as u64);
    let report = prune(&repository, plan);
    assert_eq!(
        (report.merged_segments, state(&repository).segments.len()),
        (before as u64, 1)
    );
    delete(&repository);
    for (id, tree) in kept {
        assert_restores(&store, id, &tree);
    }
}

#[test]
fn what_it_costs_is_foretold() {
    let (store, repository) = repository();
    for n in 0..9 {
        back_up(&repository, "a", &tree(n));
    }
    let plan = plan(&repository, everything().with_merge_segments(false));
    let foretold = plan.figures().requests;
    store.reset();
    let report = prune(&repository, plan);
    assert!(report.is_complete());
    assert_eq!(store.count(Operation::Put) as u64, foretold.puts);
    assert_eq!(store.count(Operation::List), 0);
    // A refresh before merging, and reading what was merged, come on top.
    assert!(store.count(Operation::Get) as u64 <= foretold.gets + 3);
    store.reset();
    let plan = delete_plan(
        &repository,
        DeleteOptions::default().with_min_age(Duration::ZERO),
    );
    assert_eq!(store.count(Operation::List), 5);
    let foretold = plan.requests().deletes;
    store.reset();
    wait(repository.delete_dropped(plan, Arc::new(()))).unwrap();
    assert_eq!(store.count(Operation::Delete) as u64, foretold);
}

#[test]
fn no_time_means_nothing_is_written_again() {
    let (_, repository) = repository();
    for n in 0..9 {
        back_up(&repository, "a", &tree(n));
    }
    let options = everything().with_time(Duration::ZERO);
    let report = prune(&repository, plan(&repository, options));
    assert!(matches!(report.stopped, Some(Stopped::Time)), "{report:?}");
    assert!(!report.is_complete());
}
