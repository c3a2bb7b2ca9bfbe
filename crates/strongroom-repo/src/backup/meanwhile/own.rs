//! What becomes of the session and of what it has stored itself.

use std::sync::Arc;

use strongroom_crypt::Roles;
use strongroom_format::{Abandon, Body};
use strongroom_store::wrap::{Fault, FaultPlan, Faulty, Operation, Rule, When};
use strongroom_store::{ErrorKind as StoreKind, Store};

use super::support::*;
use crate::BackupOptions;
use crate::backup::tests::{assert_restores, backup, in_store, sample};
use crate::testing::{Tree, noise, repository, settings};

#[test]
fn a_session_that_was_given_up_commits_as_another_and_stores_nothing_again() {
    let (store, _) = repository();
    let tree = one_announcement();
    let report = announcing(&store)
        .at_put(2, |by| {
            let sessions = vec![only_session(by)];
            let body = Body::Abandon(Abandon {
                sessions,
                ..Abandon::default()
            });
            append(by, Roles::MAINTAINER, body);
        })
        .back_up(&source(&tree))
        .unwrap();
    assert_eq!((report.passes, report.repeated_bytes), (2, 0));
    assert_eq!(report.parent, None);
    assert_restores(&fresh(&store), &report, &tree);
}

#[test]
fn a_session_given_up_before_it_announces_begins_again() {
    let (store, _) = repository();
    let mut tree = one_announcement();
    let Tree::Dir(entries) = &mut tree else {
        unreachable!()
    };
    for n in 0..12 {
        entries.insert(
            format!("more {n:02}").into_bytes(),
            Tree::file(&noise(300 + n, 120_000)),
        );
    }
    let report = announcing(&store)
        .at_put(2, |by| {
            let sessions = vec![only_session(by)];
            let body = Body::Abandon(Abandon {
                sessions,
                ..Abandon::default()
            });
            append(by, Roles::MAINTAINER, body);
        })
        .back_up(&source(&tree))
        .unwrap();
    assert_eq!(report.passes, 2);
    assert!(
        report.repeated_bytes < report.transferred_bytes,
        "{report:?}"
    );
    assert_restores(&fresh(&store), &report, &tree);
}

#[test]
fn own_packs_that_were_announced_may_go_too() {
    let (store, _) = repository();
    let tree = one_announcement();
    let source = source(&tree);
    let report = announcing(&store)
        .at_put(2, |by| {
            let state = state(by);
            let all = state.packs.all();
            let fullest = all.values().max_by_key(|pack| pack.len).unwrap();
            bury(by, vec![fullest.name], Vec::new());
        })
        .back_up(&source)
        .unwrap();
    assert_eq!(report.passes, 2);
    let again = source.reads().len() - 13;
    assert_eq!(again, 8, "only what was in that pack is read again");
    assert_restores(&fresh(&store), &report, &tree);
}

#[test]
fn own_packs_that_nobody_knew_of_may_go_too() {
    let (store, _) = repository();
    let tree = one_announcement();
    let report = announcing(&store)
        .at_put(2, |by| {
            let session = only_session(by);
            let mut packs = unannounced(by);
            packs.truncate(1);
            bury_with(by, packs, Vec::new(), vec![session]);
        })
        .back_up(&source(&tree))
        .unwrap();
    assert_eq!(report.passes, 2);
    assert!(report.repeated_bytes > 0);
    assert_restores(&fresh(&store), &report, &tree);
}

#[test]
fn own_packs_that_are_damaged_are_not_added() {
    let (store, _) = repository();
    let tree = one_announcement();
    let report = announcing(&store)
        .at_put(2, |by| damage(by, &unannounced(by)))
        .back_up(&source(&tree))
        .unwrap();
    assert_eq!(report.passes, 2);
    let state = state(&fresh(&store));
    bury(
        &fresh(&store),
        state.damaged.keys().copied().collect(),
        Vec::new(),
    );
    assert_restores(&fresh(&store), &report, &tree);
}

#[test]
fn a_lost_acknowledgement_of_the_commit_is_no_second_snapshot() {
    let (store, tree, _) = two_snapshots();
    let rule = Rule::new(Fault::FailAfter(StoreKind::Unavailable))
        .with_operation(Operation::Put)
        .with_key_prefix("journal/")
        .with_when(When::Nth(1));
    let plan = FaultPlan::new().with_rule(rule);
    let faulty: Arc<dyn Store> = Arc::new(Faulty::new(store.clone(), plan));
    let repository = in_store(faulty, settings(2)).unwrap();
    let report = backup(&repository, &tree);
    assert_eq!(report.passes, 1);
    let listed = wait(fresh(&store).snapshots()).unwrap();
    assert_eq!(listed.len(), 3);
    assert_eq!(listed[2].id, report.snapshot);
}

#[test]
fn a_machine_that_slept_while_everything_went_stores_it_again() {
    for (announce, tree) in [(false, sample()), (true, one_announcement())] {
        let (store, repository) = repository();
        let mut old = tree.clone();
        let Tree::Dir(entries) = &mut old else {
            unreachable!()
        };
        entries.pop_last();
        wait(repository.backup(source(&old), BackupOptions::new("tests"), Arc::new(()))).unwrap();
        let sleeper = if announce {
            announcing(&store)
        } else {
            let mut sleeper = Meanwhile::new(&store);
            sleeper.options = BackupOptions::new("tests");
            sleeper
        };
        let source = source(&tree);
        let report = sleeper
            .at_put(1, |by| {
                forget_all(by);
                let (mut packs, segments) = everything(by);
                packs.extend(unannounced(by));
                let sessions = state(by).sessions.keys().copied().collect();
                bury_with(by, packs, segments, sessions);
            })
            .back_up(&source)
            .unwrap();
        assert!(report.passes >= 2);
        assert_eq!(report.parent, None);
        assert_restores(&fresh(&store), &report, &tree);
        let fresh = fresh(&store);
        assert_eq!(wait(fresh.snapshots()).unwrap().len(), 1);
    }
}
