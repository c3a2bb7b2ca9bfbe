//! Snapshots without what they have lost.

use std::collections::BTreeSet;
use std::sync::Arc;

use strongroom_format::{ObjectHash, Outcome};
use strongroom_store::wrap::Operation;

use super::support::*;
use crate::repair::rewrite::REWRITTEN_FROM;
use crate::testing::{Shape, Tree, Writer};
use crate::{
    ErrorKind, LossKind, PruneOptions, Repository, RewriteOptions, RewritePlan, RewriteReport,
    Unused,
};

fn plan_rewrite(repository: &Repository, options: RewriteOptions) -> RewritePlan {
    wait(repository.plan_rewrite(options, Arc::new(()))).unwrap()
}

fn rewrite(repository: &Repository, plan: RewritePlan) -> RewriteReport {
    wait(repository.rewrite(plan, Arc::new(()))).unwrap()
}

/// A snapshot in pages, frames and packs as small as they get.
fn tiny(seed: u64) -> World {
    let mut world = World::new();
    for (id, _) in std::mem::take(&mut world.snapshots) {
        forget(&world.repository, id);
    }
    let options = PruneOptions::default().with_max_unused(Unused::Bytes(0));
    let plan = wait(world.repository.plan_prune(options, Arc::new(()))).unwrap();
    wait(world.repository.prune(plan, Arc::new(()))).unwrap();
    let tree = tree(seed);
    let id = Writer::new(&world.repository, Shape::default()).snapshot(&tree, "series");
    world.snapshots.push((id, tree));
    world
}

/// Asserts that what was made has everything of the original but what the plan says, and is sound.
fn assert_salvaged(world: &World, plan: &RewritePlan, report: &RewriteReport) {
    for done in &report.rewritten {
        let (_, tree) = world
            .snapshots
            .iter()
            .find(|(id, _)| *id == done.from)
            .unwrap();
        let losses = &plan
            .rewrites()
            .iter()
            .find(|one| one.losses.id == done.from)
            .unwrap()
            .losses;
        let (flat, restored) = restore(&fresh(&world.store), done.to);
        assert!(restored.is_complete(), "{restored:?}");
        let (before, _) = restore(&fresh(&world.store), done.from);
        let whole = tree.flat();
        for (path, entry) in &flat {
            assert_eq!(
                whole.get(path),
                Some(entry),
                "{}",
                String::from_utf8_lossy(path)
            );
        }
        let missing: BTreeSet<_> = whole
            .keys()
            .filter(|path| !flat.contains_key(*path))
            .collect();
        let is_named = |path: &[u8]| {
            losses.paths.iter().any(|one| match one.what {
                LossKind::Content => one.path == path,
                LossKind::Entries(_) => {
                    one.path.is_empty() || path.starts_with(&[&one.path, b"/".as_slice()].concat())
                }
            })
        };
        for path in missing {
            assert!(is_named(path), "{} is gone", String::from_utf8_lossy(path));
        }
        // A restore stops in a directory where something is lost; salvaging goes on behind it.
        assert!(flat.len() + usize::try_from(losses.files).unwrap() >= before.len());
        let snapshots = wait(world.repository.snapshots()).unwrap();
        let find = |id| snapshots.iter().find(|one| one.id == id).unwrap();
        let (new, old) = (find(done.to), find(done.from));
        assert_eq!(new.snapshot.outcome, Outcome::Partial);
        assert_eq!(
            new.snapshot.labels.get(REWRITTEN_FROM),
            Some(done.from.to_string().as_str())
        );
        assert_eq!(new.snapshot.began, old.snapshot.began);
        assert_eq!(new.snapshot.series, old.snapshot.series);
        let files = flat
            .values()
            .filter(|(kind, _)| *kind == strongroom_format::NodeKind::File);
        assert_eq!(new.snapshot.summary.files, files.count() as u64);
        assert_eq!(
            new.details.as_ref().unwrap().skipped.len(),
            losses.paths.len()
        );
    }
}

#[test]
fn what_is_left_of_a_snapshot_is_made_a_snapshot() {
    let whole = tiny(1);
    let packs: Vec<ObjectHash> = whole.packs();
    let mut salvaged = 0;
    for name in &packs {
        for harm in [0.1, 0.4] {
            let world = whole.twin();
            flip(&world.store, &pack(name), harm);
            let found = [suspect(&pack(name))];
            let options = RewriteOptions::default().with_suspects(found.clone());
            let made = plan_rewrite(&world.repository, options);
            if made.is_empty() {
                // The damage is in padding, or in what nothing needs.
                world.assert_whole();
                continue;
            }
            let report = rewrite(&world.repository, made.clone());
            if report.rewritten.is_empty() {
                // It was the root.
                assert_eq!(report.problems.len(), 1, "{report:?}");
                continue;
            }
            salvaged += 1;
            assert_salvaged(&world, &made, &report);
            // What was made stays whole when the original and its losses go.
            forget(&world.repository, report.rewritten[0].from);
            let suspects = crate::RepairOptions::default().with_suspects(found);
            let mut world = world;
            let (flat, _) = restore(&world.repository, report.rewritten[0].to);
            world.snapshots.clear();
            let last = world.repair_all(&suspects);
            assert!(last.is_empty(), "{last}");
            let options = PruneOptions::default().with_max_unused(Unused::Bytes(0));
            let plan = wait(world.repository.plan_prune(options, Arc::new(()))).unwrap();
            wait(world.repository.prune(plan, Arc::new(()))).unwrap();
            let (after, restored) = restore(&fresh(&world.store), report.rewritten[0].to);
            assert!(restored.is_complete() && after == flat);
        }
    }
    assert!(salvaged > packs.len() / 2, "{salvaged} of {}", packs.len());
}

#[test]
fn nothing_is_rewritten_that_has_lost_nothing() {
    let world = World::new();
    world.store.reset();
    let made = plan_rewrite(&world.repository, RewriteOptions::default());
    assert!(made.is_empty() && made.rewrites().is_empty(), "{made}");
    let report = rewrite(&world.repository, made);
    assert!(report.rewritten.is_empty());
    assert_eq!(world.store.count(Operation::Put), 0);
    let nobody = strongroom_crypt::Id::from_bytes([7; 32]);
    let options = RewriteOptions::default().with_snapshots([nobody]);
    let error = wait(world.repository.plan_rewrite(options, Arc::new(()))).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::NotFound);
}

#[test]
fn it_is_done_once_and_the_original_goes_if_that_is_said() {
    let mut world = World::new();
    let name = {
        let state = state(&world.repository);
        let all = state.packs.all();
        let data = all.values().find(|one| one.class as u16 == 0);
        pack(&data.unwrap().name)
    };
    delete(&world.store, &name);
    let options = RewriteOptions::default();
    let made = plan_rewrite(&world.repository, options.clone());
    let count = made.rewrites().len();
    assert!(count > 0, "{made}");
    assert_eq!(made, plan_rewrite(&fresh(&world.store), options.clone()));
    let again = made.clone();
    let report = rewrite(&world.repository, made.clone());
    assert_eq!(report.rewritten.len(), count);
    assert_salvaged(&world, &made, &report);
    let twice = rewrite(&world.repository, again);
    assert!(twice.rewritten.is_empty() && twice.stale.is_empty());
    let after = plan_rewrite(&world.repository, options.clone());
    assert!(
        after.is_empty() && after.rewrites().len() == count,
        "{after}"
    );
    for (from, _) in std::mem::take(&mut world.snapshots) {
        if report.rewritten.iter().any(|one| one.from == from) {
            forget(&world.repository, from);
        }
    }
    assert!(
        plan_rewrite(&world.repository, options)
            .rewrites()
            .is_empty()
    );

    // The same with forgetting; one is held.
    let mut world = World::new();
    delete(&world.store, &{
        let state = state(&world.repository);
        let all = state.packs.all();
        let data = all.values().find(|one| one.class as u16 == 0);
        pack(&data.unwrap().name)
    });
    let options = RewriteOptions::default().with_forget(true);
    let made = plan_rewrite(&world.repository, options);
    let held = made.rewrites()[0].losses.id;
    let request = crate::HoldRequest::on_snapshots([held], "a test");
    wait(world.repository.place_hold(request)).unwrap();
    let report = rewrite(&world.repository, made);
    assert_eq!(report.problems.len(), 1, "{report:?}");
    for done in &report.rewritten {
        assert_eq!(done.forgotten, done.from != held);
    }
    world.reopen();
    let listed = wait(world.repository.snapshots()).unwrap();
    assert!(listed.iter().any(|one| one.id == held));
}

#[test]
fn a_directory_that_lost_pages_keeps_the_others() {
    // A directory of very many entries, in pages of a few.
    let file = |n: u64| {
        let name: String = noise(n, 120)
            .iter()
            .map(|byte| format!("{byte:02x}"))
            .collect();
        (name.into_bytes(), Tree::file(&noise(n, 10)))
    };
    let tree = Tree::Dir((0..120).map(file).collect());
    let mut world = tiny(1);
    let id = Writer::new(&world.repository, Shape::default()).snapshot(&tree, "wide");
    world.snapshots.push((id, tree));
    let names: Vec<ObjectHash> = {
        let state = state(&world.repository);
        let all = state.packs.all();
        let names = all.values().filter(|one| one.class as u16 == 1);
        names.map(|one| one.name).collect()
    };
    let mut cut = 0;
    for name in names {
        let world = world.twin();
        delete(&world.store, &pack(&name));
        let options = RewriteOptions::default().with_snapshots([id]);
        let made = plan_rewrite(&world.repository, options);
        let [one] = made.rewrites() else { continue };
        if one.losses.entries == 0 || one.losses.entries >= 120 {
            continue;
        }
        assert_eq!(one.losses.pages, 0, "{made}");
        let report = rewrite(&world.repository, made.clone());
        assert_salvaged(&world, &made, &report);
        let (flat, _) = restore(&world.repository, report.rewritten[0].to);
        let left = u64::try_from(flat.len() - 1).unwrap();
        assert_eq!(left + one.losses.entries, 120);
        cut += 1;
    }
    assert!(cut > 0);
}
