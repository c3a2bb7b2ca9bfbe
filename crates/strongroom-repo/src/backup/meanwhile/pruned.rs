//! What a real prune and a real delete do meanwhile, with nobody waiting for anybody.

use std::sync::Arc;
use std::time::Duration;

use proptest::prelude::*;

use super::support::*;
use crate::backup::tests::{assert_restores, backup, sample};
use crate::testing::{Tree, noise, repository};
use crate::{BackupOptions, DeleteOptions, PruneOptions, Repository, Unused};

/// Drops and deletes all that nothing needs, and gives up whoever is at work.
fn prune(by: &Repository, merge: bool) {
    let options = PruneOptions::default()
        .with_orphan_age(Duration::ZERO)
        .with_session_age(Duration::ZERO)
        .with_condemn(false)
        .with_max_unused(Unused::Bytes(0))
        .with_merge_segments(merge);
    let plan = wait(by.plan_prune(options, Arc::new(()))).unwrap();
    let report = wait(by.prune(plan, Arc::new(()))).unwrap();
    assert!(report.is_complete(), "{report:?}");
    let options = DeleteOptions::default().with_min_age(Duration::ZERO);
    let plan = wait(by.plan_delete(options)).unwrap();
    wait(by.delete_dropped(plan, Arc::new(()))).unwrap();
}

#[test]
fn a_machine_that_slept_through_forget_prune_and_delete_commits_what_restores() {
    for (tree, nth) in [
        (sample(), 1),
        (one_announcement(), 1),
        (one_announcement(), 2),
    ] {
        let (store, repository) = repository();
        let mut old = tree.clone();
        let Tree::Dir(entries) = &mut old else {
            unreachable!()
        };
        entries.pop_last();
        entries.pop_last();
        let options = BackupOptions::new("tests");
        wait(repository.backup(source(&old), options, Arc::new(()))).unwrap();
        let mut sleeper = announcing(&store);
        if nth == 2 {
            // So that there is something to announce.
            forget_all(&repository);
            prune(&repository, true);
        }
        sleeper = sleeper.at_put(nth, |by| {
            if !state(by).snapshots.is_empty() {
                forget_all(by);
            }
            prune(by, true);
        });
        let report = sleeper.back_up(&source(&tree)).unwrap();
        assert!(report.passes > 1, "{report:?}");
        assert_restores(&fresh(&store), &report, &tree);
        // And nothing that it needs is garbage.
        prune(&fresh(&store), true);
        assert_restores(&fresh(&store), &report, &tree);
    }
}

#[test]
fn a_repack_while_the_parent_is_in_force_costs_no_pass() {
    let (store, tree, _) = two_snapshots();
    let first = state(&fresh(&store)).snapshots.values().next().unwrap().0;
    let source = source(&tree);
    let report = Meanwhile::new(&store)
        .at_put(1, |by| {
            forget(by, vec![first]);
            prune(by, true);
        })
        .back_up(&source)
        .unwrap();
    assert_eq!((report.passes, source.reads().len()), (1, 0));
    assert_restores(&fresh(&store), &report, &tree);
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(6))]

    #[test]
    fn pruners_and_backups_lose_nothing(acts in prop::collection::vec((1..4_u64, any::<bool>(), any::<bool>()), 1..4)) {
        let (store, _) = repository();
        let mut kept = Vec::new();
        for (number, (nth, forgets, merges)) in (0..).zip(acts) {
            let mut tree = one_announcement();
            let Tree::Dir(entries) = &mut tree else { unreachable!() };
            let own = format!("own {number}").into_bytes();
            entries.insert(own, Tree::file(&noise(1_000 + number, 30_000)));
            entries.remove(format!("{number:02}").as_bytes());
            let forgotten = kept.len().checked_sub(1).filter(|_| forgets);
            let mut meanwhile = announcing(&store);
            let gone = forgotten.map(|at| {
                let (report, _): (crate::BackupReport, Tree) = kept.remove(at);
                report.snapshot
            });
            meanwhile.may_end_before = true;
            meanwhile = meanwhile.at_put(nth, move |by| {
                if let Some(gone) = gone {
                    forget(by, vec![gone]);
                }
                prune(by, merges);
            });
            let report = meanwhile.back_up(&source(&tree)).unwrap();
            kept.push((report, tree));
            for (report, tree) in &kept {
                assert_restores(&fresh(&store), report, tree);
            }
        }
        let unrelated = Tree::dir([("x", Tree::file(b"x"))]);
        backup(&fresh(&store), &unrelated);
    }
}
