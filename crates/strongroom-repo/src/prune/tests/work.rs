//! What a prune does for what it frees: it reads and opens no more than it must.

use std::collections::BTreeSet;
use std::path::Path;
use std::sync::Arc;

use strongroom_format::{ObjectHash, PackClass, object_name};
use strongroom_store::Store;
use strongroom_store::wrap::{Call, Operation};

use super::support::*;
use crate::prune::spill::written;
use crate::testing::{Shape, TestStore, Tree, reopen, repository, settings};
use crate::{Components, Credential, Execution, PackAction, Repository, Settings, Unused};

/// The reads of packs since the log was reset.
fn reads_of_packs(store: &Arc<TestStore>) -> Vec<Call> {
    let mut calls = store.calls();
    calls.retain(|call| call.operation == Operation::Get && call.key.starts_with("pack/"));
    calls
}

fn name_of(call: &Call) -> ObjectHash {
    match object_name::parse(&call.key) {
        Some(object_name::ObjectName::Pack(name)) => name,
        other => panic!("{other:?}"),
    }
}

/// A repository with a tree of which a part is needed in frames of its own, a part among what is not, and much is not touched at all.
fn with_garbage() -> (Arc<TestStore>, Repository, strongroom_crypt::Id) {
    let (store, repository) = repository();
    let shape = large_frames();
    let gone = write_as(&repository, "a", &mixed(1), &shape);
    write_as(&repository, "b", &apart(), &shape);
    let kept = back_up(&repository, "a", &tree(1));
    forget(&repository, gone);
    (store, repository, kept)
}

#[test]
fn planning_reads_pages_and_headers_and_no_content() {
    let (store, repository) = repository();
    let names: Vec<String> = (0..60).map(|n| format!("{n:02}")).collect();
    let every = |step: usize| {
        let files = names.iter().enumerate().step_by(step);
        Tree::dir(files.map(|(n, name)| (name.as_str(), Tree::file(&noise(n as u64, 20_000)))))
    };
    let gone = back_up(&repository, "a", &every(1));
    back_up(&repository, "a", &every(2));
    forget(&repository, gone);
    let packs = state(&repository).packs.clone();
    // Requests cost nothing: only what is wanted is fetched.
    let near = Settings {
        request_bytes: 0,
        ..settings(2)
    };
    let repository = reopen(&store, near);
    store.reset();
    let plan = plan(&repository, everything());
    assert!(plan.figures().trapped_bytes_before > 0, "{plan}");
    let read = reads_of_packs(&store);
    let mut parts = BTreeSet::new();
    for call in &read {
        let pack = packs.get(&name_of(call)).unwrap().unwrap();
        let content = pack.class == PackClass::Data;
        assert!(!content || call.bytes < u64::from(pack.len) / 4, "{call:?}");
        let range = call.range.clone().map(|range| (range.start, range.end));
        assert!(parts.insert((call.key.clone(), range)), "twice: {call:?}");
    }
    assert!(!parts.is_empty());
}

#[test]
fn carrying_out_reads_each_pack_that_it_writes_anew_once_and_no_other() {
    let (store, repository, kept) = with_garbage();
    let plan = plan(&repository, everything());
    let repacked = decided(&plan, PackAction::Repack);
    assert!(!repacked.is_empty(), "{plan}");
    let foretold = plan.figures().clone();
    store.reset();
    let report = prune(&repository, plan);
    assert!(report.is_complete(), "{report:?}");
    let read = reads_of_packs(&store);
    let names: BTreeSet<_> = read.iter().map(name_of).collect();
    assert_eq!(names.len(), read.len(), "each once");
    assert_eq!(names, repacked.iter().copied().collect());
    let bytes: u64 = read.iter().map(|call| call.bytes).sum();
    assert_eq!(
        (bytes, report.read_bytes),
        (foretold.read_bytes, foretold.read_bytes)
    );
    delete(&repository);
    assert_restores(&store, kept, &tree(1));
    assert_clean(&store, &repository);
}

#[test]
fn frames_that_are_needed_as_a_whole_are_moved_byte_for_byte() {
    let (store, repository) = repository();
    // Each file has a frame of its own.
    let shape = Shape {
        frame_bytes: 1,
        pack_bytes: 8_000,
        ..Shape::default()
    };
    let kept = half_needed(&repository, &shape);
    let sealed = |pack: &ObjectHash| sealed_frames(&store, &repository, pack);
    let plan = plan(&repository, everything());
    let before: BTreeSet<_> = decided(&plan, PackAction::Repack)
        .iter()
        .flat_map(sealed)
        .collect();
    let old = packs(&repository);
    let report = prune(&repository, plan);
    assert!(report.added_packs > 0, "{report:?}");
    let new = packs(&repository);
    let data = |pack: &&ObjectHash| {
        state(&repository).packs.get(pack).unwrap().unwrap().class == PackClass::Data
    };
    let after: Vec<_> = new.difference(&old).filter(data).flat_map(sealed).collect();
    assert!(!after.is_empty());
    assert!(after.iter().all(|frame| before.contains(frame)));
    delete(&repository);
    assert_restores(&store, kept, &tree(1));
}

#[test]
fn a_frame_that_becomes_several_goes_when_all_of_them_are_stored() {
    let (store, repository) = repository();
    let text = b"what compresses well is no reason to keep what does not. ".repeat(18_000);
    let file = |seed| Tree::file(&noise(seed, 300_000));
    let all = Tree::dir([
        ("1", file(1)),
        ("2", Tree::file(&text)),
        ("3", file(3)),
        ("4", file(4)),
    ]);
    let rest = Tree::dir([("1", file(1)), ("3", file(3)), ("4", file(4))]);
    let gone = back_up(&repository, "a", &all);
    let kept = back_up(&repository, "a", &rest);
    forget(&repository, gone);
    let before = packs(&repository);
    let plan = plan(&repository, everything());
    assert!(plan.figures().trapped_bytes_before > 0, "{plan}");
    let repacked = decided(&plan, PackAction::Repack);
    let report = prune(&repository, plan);
    assert!(report.is_complete(), "{report:?}");
    let after = packs(&repository);
    assert!(
        repacked
            .iter()
            .all(|pack| before.contains(pack) && !after.contains(pack))
    );
    delete(&repository);
    assert_restores(&store, kept, &rest);
    assert_clean(&store, &repository);
}

#[test]
fn what_is_dear_to_free_stays_until_there_is_too_much_of_it() {
    let (_, repository) = repository();
    let names: Vec<String> = (0..40).map(|n| format!("{n:02}")).collect();
    let tree = |from: usize| {
        let files = names.iter().enumerate().skip(from);
        Tree::dir(files.map(|(n, name)| (name.as_str(), Tree::file(&noise(n as u64, 1_000)))))
    };
    // All in one frame; of it an eighth goes, then as much again.
    let shape = Shape {
        frame_bytes: 100_000,
        pack_bytes: 200_000,
        ..Shape::default()
    };
    let mut gone = write_as(&repository, "a", &tree(0), &shape);
    let with = |share| {
        plan(
            &repository,
            everything().with_max_unused(Unused::Share(share)),
        )
    };
    for (from, stays, goes) in [(3, 0.05, 0.03), (5, 0.07, 0.05), (9, 0.25, 0.1)] {
        let next = back_up(&repository, "a", &tree(from));
        forget(&repository, gone);
        gone = next;
        let is_repacked = |share| {
            let plan = with(share);
            let data = |one: &&crate::PackDecision| {
                one.class == PackClass::Data && one.action == PackAction::Repack
            };
            (
                plan.decisions().iter().any(|one| data(&one)),
                plan.to_string(),
            )
        };
        let (kept, freed) = (is_repacked(stays), is_repacked(goes));
        assert!(!kept.0, "{from}: {}", kept.1);
        assert!(freed.0, "{from}: {}", freed.1);
        assert!(is_repacked(0.0).0);
    }
}

/// Opens the repository on this thread, with a local cache in this folder.
fn cached_in(store: &Arc<TestStore>, folder: &Path) -> Repository {
    let settings = Settings {
        cache: Some(folder.to_owned()),
        ..settings(1)
    };
    let components = Components {
        execution: Execution::Inline,
        ..Components::default()
    };
    let builder = Repository::builder(store.clone() as Arc<dyn Store>).settings(settings);
    wait(builder.components(components).open(&Credential::None)).unwrap()
}

#[test]
fn ids_that_do_not_fit_into_memory_are_marked_from_a_file() {
    let (store, repository) = repository();
    let gone = write(&repository, "a", &mixed(1));
    for n in 1..6 {
        write(&repository, "b", &tree(n));
    }
    forget(&repository, gone);
    let folder = tempfile::tempdir().unwrap();
    let cached = cached_in(&store, folder.path());
    let before = written::by_this_thread();
    let of_file = plan(&cached, everything());
    assert!(
        written::by_this_thread() > before + 2,
        "nothing was written"
    );
    // Nothing of it is left in the folder.
    let left = std::fs::read_dir(folder.path().join(cached.id().to_string())).unwrap();
    let names: Vec<_> = left.map(|entry| entry.unwrap().file_name()).collect();
    assert!(
        !names
            .iter()
            .any(|name| name.to_string_lossy().starts_with("gathered")),
        "{names:?}"
    );
    assert_eq!(of_file, plan(&fresh(&store), everything()));
    assert!(!of_file.is_empty());
    prune(&cached, of_file);
    delete(&cached);
    assert_clean(&store, &fresh(&store));
}
