//! Looking up what the test writer wrote.

use std::collections::BTreeSet;
use std::path::Path;
use std::sync::Arc;

use strongroom_crypt::{Id, Roles};
use strongroom_format::{Body, DamagedPack, ObjectHash, object_name};
use strongroom_store::StoreExt as _;
use strongroom_store::wrap::Operation;

use super::{Breadth, FETCHED_FOR_A_BACKUP, Index, Vicinity};
use crate::blobs::DATA;
use crate::context::object_key;
use crate::edge;
use crate::error::Result;
use crate::repository::Repository;
use crate::testing::{
    MemoryTarget, Shape, TestStore, Tree, TreeSource, Writer, reopen, repository,
};
use crate::{BackupOptions, Error, RestoreOptions, Settings};

/// Loads the index and looks at it.
fn with_index<T: Send + 'static>(
    repository: &Repository,
    look: impl FnOnce(&Index) -> Result<T> + Send + 'static,
) -> T {
    let this = repository.clone();
    let run = edge::run(repository.store(), "test", move |remote| {
        let state = this.journal().refresh(remote, this.context())?;
        look(&*this.index(remote, &state)?)
    });
    futures::executor::block_on(run).unwrap()
}

/// A snapshot of 200 files, and the ids of their contents.
fn filled(shape: Shape) -> (Arc<TestStore>, Repository, Vec<Id>) {
    let (store, repository) = repository();
    let contents: Vec<String> = (0..200).map(|n| format!("content {n}")).collect();
    let named: Vec<(String, Tree)> = contents
        .iter()
        .map(|text| (text.replace(' ', "-"), Tree::file(text.as_bytes())))
        .collect();
    let tree = Tree::dir(
        named
            .iter()
            .map(|(name, tree)| (name.as_str(), tree.clone())),
    );
    Writer::new(&repository, shape).snapshot(&tree, "s");
    let keys = repository.context().keys();
    let ids = contents
        .iter()
        .map(|text| keys.ids.id(DATA, text.as_bytes()))
        .collect();
    (store, repository, ids)
}

fn cached(folder: &Path) -> Settings {
    Settings {
        cache: Some(folder.to_owned()),
        ..Settings::default()
    }
}

fn count_present(repository: &Repository, ids: &[Id]) -> usize {
    let ids = ids.to_vec();
    with_index(repository, move |index| {
        let mut present = 0;
        for id in &ids {
            present += usize::from(index.contains(id)?);
        }
        Ok(present)
    })
}

#[test]
fn what_is_there_is_found_and_what_is_not_is_not() {
    let (_, repository, ids) = filled(Shape::default());
    assert_eq!(count_present(&repository, &ids), 200);
    let absent: Vec<Id> = (0..500_u32)
        .map(|n| Id::from_bytes(*blake3::hash(&n.to_le_bytes()).as_bytes()))
        .collect();
    assert_eq!(count_present(&repository, &absent), 0);
    let wanted = ids[17];
    let located = with_index(&repository, move |index| index.locate(&wanted));
    assert_eq!(located.len(), 1);
}

#[test]
fn a_cached_segment_is_not_fetched_again() {
    let (store, _, ids) = filled(Shape::default());
    let folder = tempfile::tempdir().unwrap();
    assert_eq!(
        count_present(&reopen(&store, cached(folder.path())), &ids),
        200
    );
    store.reset();
    assert_eq!(
        count_present(&reopen(&store, cached(folder.path())), &ids),
        200
    );
    let fetched = |prefix: &str| {
        let gets = |call: &&strongroom_store::wrap::Call| {
            call.operation == Operation::Get && call.key.starts_with(prefix)
        };
        store.calls().iter().filter(gets).count()
    };
    assert_eq!(fetched("index/"), 0);
}

#[test]
fn a_damaged_cache_is_replaced() {
    let (store, _, ids) = filled(Shape::default());
    let folder = tempfile::tempdir().unwrap();
    assert_eq!(
        count_present(&reopen(&store, cached(folder.path())), &ids),
        200
    );
    let mut files = Vec::new();
    collect(folder.path(), &mut files);
    let index: Vec<_> = files
        .iter()
        .filter(|file| file.to_string_lossy().contains("index"))
        .collect();
    assert_eq!(index.len(), 2, "a segment and its filter");
    for file in index {
        let good = std::fs::read(file).unwrap();
        for at in [0, 70, 300, good.len() / 2, good.len() - 1] {
            let mut bad = std::fs::read(file).unwrap();
            bad[at] ^= 4;
            std::fs::write(file, bad).unwrap();
            // A page that is damaged is noticed when it is read; the next load fetches the segment again.
            let opened = reopen(&store, cached(folder.path()));
            let this = opened.clone();
            let wanted = ids.clone();
            let first =
                futures::executor::block_on(edge::run(opened.store(), "test", move |remote| {
                    let state = this.journal().refresh(remote, this.context())?;
                    let index = this.index(remote, &state)?;
                    wanted
                        .iter()
                        .try_for_each(|id| index.contains(id).map(drop))
                }));
            drop(first);
            assert_eq!(
                count_present(&reopen(&store, cached(folder.path())), &ids),
                200
            );
        }
    }
}

fn collect(folder: &Path, files: &mut Vec<std::path::PathBuf>) {
    for entry in std::fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            collect(&path, files);
        } else {
            files.push(path);
        }
    }
}

/// Writes a journal entry.
fn append(repository: &Repository, roles: Roles, body: Body) {
    let this = repository.clone();
    let run = edge::run(repository.store(), "test", move |remote| {
        this.journal()
            .append(remote, this.context(), roles, &mut |_| Ok(body.clone()))
            .map(drop)
    });
    futures::executor::block_on(run).unwrap();
}

#[test]
fn damaged_frames_do_not_count_and_come_last() {
    let (_, repository, ids) = filled(Shape {
        copies: 2,
        ..Shape::default()
    });
    let wanted = ids[17];
    let before = with_index(&repository, move |index| index.locate(&wanted));
    assert_eq!(before.len(), 2);
    let hit = |at: usize, frames: Vec<u32>| DamagedPack {
        pack: before[at].pack.name,
        frames,
    };
    let damaged = |packs| {
        Body::Damaged(strongroom_format::Damaged {
            packs,
            ..Default::default()
        })
    };
    let other = before[0].position + 1;
    append(
        &repository,
        Roles::WRITER,
        damaged(vec![hit(0, vec![other])]),
    );
    let still = with_index(&repository, move |index| index.locate(&wanted));
    assert_eq!(still[0].pack.name, before[0].pack.name);
    append(
        &repository,
        Roles::WRITER,
        damaged(vec![hit(0, vec![before[0].position])]),
    );
    let after = with_index(&repository, move |index| index.locate(&wanted));
    assert_eq!(after[0].pack.name, before[1].pack.name);
    assert_eq!(after[1].pack.name, before[0].pack.name);
    assert_eq!(count_present(&repository, &[wanted]), 1);
    append(
        &repository,
        Roles::WRITER,
        damaged(vec![hit(1, Vec::new())]),
    );
    assert_eq!(count_present(&repository, &[wanted]), 0);
    assert_eq!(
        with_index(&repository, move |index| index.locate(&wanted)).len(),
        2
    );
}

#[test]
fn what_is_damaged_is_not_taken_from_the_vicinity() {
    let (_, repository, mut ids) = filled(Shape {
        copies: 2,
        ..Shape::default()
    });
    ids.sort_unstable();
    // The second time the segment is in the vicinity.
    let copies = |ids: &[Id]| {
        let ids = ids.to_vec();
        with_index(&repository, move |index| {
            let mut vicinity = Vicinity::default();
            let mut counts = Vec::new();
            for _ in 0..2 {
                counts.clear();
                index.locate_sorted(&ids, &mut vicinity, |_, copies| {
                    counts.push(copies?);
                    Ok(())
                })?;
            }
            Ok(counts)
        })
    };
    let before = copies(&ids);
    assert!(before.iter().all(|copies| copies.len() == 2));
    let damage = |at: usize| {
        let packs: BTreeSet<ObjectHash> = before.iter().map(|one| one[at].pack.name).collect();
        let whole = |pack| DamagedPack {
            pack,
            frames: Vec::new(),
        };
        let packs = packs.into_iter().map(whole).collect();
        let damaged = strongroom_format::Damaged {
            packs,
            ..Default::default()
        };
        append(&repository, Roles::WRITER, Body::Damaged(damaged));
    };
    damage(0);
    let after = copies(&ids);
    for (before, after) in before.iter().zip(&after) {
        assert_eq!(after.len(), 1);
        assert_eq!(after[0].pack.name, before[1].pack.name);
    }
    damage(1);
    // Better than nothing.
    assert!(copies(&ids).iter().all(|copies| copies.len() == 2));
}

#[test]
fn a_segment_is_added_without_the_store() {
    let (store, repository, ids) = filled(Shape::default());
    let this = repository.clone();
    let run = edge::run(repository.store(), "test", move |remote| {
        let context = this.context();
        let state = this.journal().refresh(remote, context)?;
        let segment = *state.segments.values().next().unwrap();
        let key = object_key(&object_name::index(&segment.name))?;
        let bytes = remote.get(&key, None)?;
        let mut empty = state.as_ref().clone();
        empty.segments = Default::default();
        let index = Index::load(remote, context, &empty, None, Breadth::Whole)?;
        assert!(!index.contains(&ids[0])?);
        let more = index.with_segment(&segment, bytes.clone(), context)?;
        assert!(ids.iter().all(|id| more.contains(id).unwrap()));
        assert!(!index.contains(&ids[0])?);
        let wrong = index.with_segment(&segment, bytes.slice(1..), context);
        Ok::<Error, Error>(wrong.unwrap_err())
    });
    let error = futures::executor::block_on(run).unwrap();
    assert_eq!(error.kind(), crate::ErrorKind::Damaged);
    assert!(store.count(Operation::Put) > 0);
}

/// Backs up a file of its own in a series of its own.
fn back_up(repository: &Repository, number: usize) -> Id {
    let tree = Tree::dir([("file", Tree::file(format!("file {number}").as_bytes()))]);
    let options = BackupOptions::new(format!("series {number}"));
    let source = Arc::new(TreeSource::new(tree));
    let backup = repository.backup(source, options, Arc::new(()));
    futures::executor::block_on(backup).unwrap().snapshot
}

fn segments_read(store: &TestStore) -> usize {
    let calls = store.calls();
    let of_index = calls
        .iter()
        .filter(|call| call.operation == Operation::Get && call.key.starts_with("index/"));
    of_index.count()
}

#[test]
fn a_backup_fetches_few_of_the_segments_that_others_have_added() {
    let (store, own) = repository();
    back_up(&own, 0);
    let other = reopen(&store, Settings::default());
    let theirs: Vec<Id> = (1..60).map(|number| back_up(&other, number)).collect();

    store.reset();
    back_up(&own, 1_000);
    assert_eq!(segments_read(&store), FETCHED_FOR_A_BACKUP);
    // Whoever knows nothing wants everything, and so does whoever goes on with what another has backed up.
    store.reset();
    back_up(&reopen(&store, Settings::default()), 1_001);
    assert_eq!(segments_read(&store), 61);
    store.reset();
    let mut last = 0;
    for (number, _) in (1..60).zip(&theirs) {
        back_up(&own, number);
        last = segments_read(&store);
    }
    assert!(last >= 27, "the parents of all were found: {last}");
    // And reading finds everything.
    for snapshot in &theirs {
        let target = Arc::new(MemoryTarget::default());
        let restore = own.restore(snapshot, target, RestoreOptions::default(), Arc::new(()));
        assert!(futures::executor::block_on(restore).unwrap().is_complete());
    }
}

#[test]
fn what_a_lost_segment_mapped_is_read_and_not_built_on() {
    let (store, repository, ids) = filled(Shape::default());
    let name = with_index(&repository, |index| Ok(index.parts[0].segment.name));
    drop(repository);
    let key = object_key(&object_name::index(&ObjectHash::from_bytes(
        *name.as_bytes(),
    )))
    .unwrap();
    futures::executor::block_on(store.inner().replace(&key, "rubbish".into())).unwrap();
    let repository = reopen(&store, Settings::default());
    assert_eq!(count_present(&repository, &ids), 0);
    let wanted = ids[17];
    let (found, problems) = with_index(&repository, move |index| {
        Ok((index.locate(&wanted)?.len(), index.problems().len()))
    });
    assert_eq!((found, problems), (1, 1));
}
