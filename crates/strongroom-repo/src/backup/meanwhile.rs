//! What others do between the beginning of a backup and its commit: every part of the precondition of Commit.

mod epochs;
mod own;
mod pruned;
mod support;

use std::collections::BTreeSet;
use std::sync::Arc;

use proptest::prelude::*;
use strongroom_crypt::{Roles, SessionId};
use strongroom_format::{Body, Condemn, ObjectHash, PackClass, SegmentRef, object_name};
use strongroom_store::wrap::Operation;

use self::support::*;
use super::ParentChoice;
use super::tests::{assert_restores, backup, options, sample};
use crate::context::object_key;
use crate::testing::{Tree, noise, reopen, repository, settings};
use crate::{BackupOptions, ErrorKind, Repository, Settings};

#[test]
fn entries_that_take_nothing_away_cost_one_more_try_and_no_walk() {
    let (store, tree, _) = two_snapshots();
    store.reset();
    let report = Meanwhile::new(&store)
        .at_put(1, announce_something)
        .back_up(&source(&tree))
        .unwrap();
    assert_eq!((report.passes, report.repeated_bytes), (1, 0));
    let indexes = store.calls().into_iter().filter(|call| {
        call.operation == Operation::Get
            && (call.key.starts_with("pack/") || call.key.starts_with("index/"))
    });
    // The two segments, and the parent's tree.
    let read: BTreeSet<_> = indexes.map(|call| call.key).collect();
    assert_eq!(
        read.iter().filter(|key| key.starts_with("index/")).count(),
        2,
        "{read:?}"
    );
    assert_restores(&fresh(&store), &report, &tree);
}

#[test]
fn a_parent_that_is_forgotten_meanwhile_is_nothing_lost() {
    let (store, tree, _) = two_snapshots();
    let source = source(&tree);
    let report = Meanwhile::new(&store)
        .at_put(1, forget_all)
        .back_up(&source)
        .unwrap();
    assert_eq!((report.passes, source.reads().len()), (1, 0));
    assert_restores(&fresh(&store), &report, &tree);
}

#[test]
fn packs_that_the_snapshot_does_not_need_may_go() {
    let (store, tree, _) = two_snapshots();
    let other = Tree::dir([("other", Tree::file(&noise(50, 9_000)))]);
    let before: BTreeSet<_> = everything(&fresh(&store)).0.into_iter().collect();
    let options = BackupOptions::new("other").with_parent(ParentChoice::None);
    wait(fresh(&store).backup(source(&other), options, Arc::new(()))).unwrap();
    let source = source(&tree);
    let report = Meanwhile::new(&store)
        .at_put(1, move |by| {
            let latest = state(by).snapshots.values().next_back().unwrap().0;
            forget(by, vec![latest]);
            let packs = everything(by).0;
            bury(
                by,
                packs
                    .into_iter()
                    .filter(|pack| !before.contains(pack))
                    .collect(),
                Vec::new(),
            );
        })
        .back_up(&source)
        .unwrap();
    assert_eq!((report.passes, source.reads().len()), (1, 0));
    assert_restores(&fresh(&store), &report, &tree);
}

#[test]
fn a_subtree_that_a_snapshot_in_force_has_is_not_walked() {
    let (store, mut tree, [old, _]) = two_snapshots();
    let unrelated = Tree::dir([("x", Tree::file(&noise(77, 700)))]);
    let kept: BTreeSet<_> = everything(&fresh(&store)).0.into_iter().collect();
    let other = BackupOptions::new("other").with_parent(ParentChoice::None);
    wait(fresh(&store).backup(source(&unrelated), other, Arc::new(()))).unwrap();
    let Tree::Dir(entries) = &mut tree else {
        unreachable!()
    };
    entries.insert(b"z".to_vec(), Tree::file(b"new"));
    let pages = of_class(&fresh(&store), &old, PackClass::Pages);
    let log = store.clone();
    let report = Meanwhile::new(&store)
        .at_put(1, move |by| {
            let latest = state(by).snapshots.values().next_back().unwrap().0;
            forget(by, vec![latest]);
            let gone = everything(by)
                .0
                .into_iter()
                .filter(|pack| !kept.contains(pack));
            bury(by, gone.collect(), Vec::new());
            log.reset();
        })
        .back_up(&source(&tree))
        .unwrap();
    assert_eq!(report.passes, 1);
    let asked = |prefix: &str| {
        let calls = store.calls();
        calls
            .iter()
            .filter(|call| call.key.starts_with(prefix))
            .count()
    };
    // The new root, which nobody else has, and the parent's beside it: nothing below.
    assert!(asked("pack/") > 0, "something was walked");
    for page in &pages {
        assert_eq!(asked(&object_name::pack(page)), 0);
    }
    assert_restores(&fresh(&store), &report, &tree);
}

#[test]
fn a_pack_that_went_is_stored_again() {
    for class in [PackClass::Data, PackClass::Names, PackClass::Pages] {
        let (store, tree, _) = two_snapshots();
        let source = source(&tree);
        let report = Meanwhile::new(&store)
            .at_put(1, move |by| {
                forget_all(by);
                bury(by, packs_of(by, class), Vec::new());
            })
            .back_up(&source)
            .unwrap();
        assert_eq!(report.passes, 2, "{class:?}");
        assert!(report.repeated_bytes > 0);
        assert_restores(&fresh(&store), &report, &tree);
    }
}

#[test]
fn what_is_lost_below_a_subtree_that_stands_is_found() {
    for class in [PackClass::Data, PackClass::Names, PackClass::Pages] {
        let (store, tree, [old, _]) = two_snapshots();
        let lost = of_class(&fresh(&store), &old, class);
        let report = Meanwhile::new(&store)
            .at_put(1, move |by| {
                forget_all(by);
                // The root, its names and what came late are in other packs and stay.
                bury(by, lost, Vec::new());
            })
            .back_up(&source(&tree))
            .unwrap();
        assert_eq!(report.passes, 2, "{class:?}");
        assert_restores(&fresh(&store), &report, &tree);
    }
}

#[test]
fn recipe_pages_count_like_everything_else() {
    let (store, repository) = repository();
    let tree = sample();
    backup(&repository, &tree);
    let source = source(&tree);
    let report = Meanwhile::new(&store)
        .at_put(1, |by| {
            forget_all(by);
            bury(by, packs_of(by, PackClass::Pages), Vec::new());
        })
        .back_up(&source)
        .unwrap();
    assert_eq!(report.passes, 2);
    assert_eq!(report.summary.new_bytes, 0, "the content is still there");
    assert_restores(&fresh(&store), &report, &tree);
}

#[test]
fn a_recipe_page_whose_copy_is_damaged_makes_the_file_changed() {
    let (store, repository) = repository();
    let tree = sample();
    backup(&repository, &tree);
    damage(&repository, &packs_of(&repository, PackClass::Pages));
    let source = source(&tree);
    let report = wait(fresh(&store).backup(source.clone(), options(), Arc::new(()))).unwrap();
    assert!(
        source.reads().contains(&"large".to_owned()),
        "it has a recipe of its own"
    );
    assert!(!source.reads().contains(&"linked".to_owned()));
    let pages = packs_of(&repository, PackClass::Pages);
    bury(&fresh(&store), pages, Vec::new());
    assert_restores(&fresh(&store), &report, &tree);
}

#[test]
fn a_segment_that_went_without_a_substitute_leaves_blobs_unmapped() {
    let (store, tree, _) = two_snapshots();
    let report = Meanwhile::new(&store)
        .at_put(1, |by| {
            forget_all(by);
            bury(by, Vec::new(), everything(by).1);
        })
        .back_up(&source(&tree))
        .unwrap();
    assert_eq!(report.passes, 2);
    assert_restores(&fresh(&store), &report, &tree);
}

#[test]
fn merged_segments_map_what_they_replace() {
    let (store, tree, _) = two_snapshots();
    let source = source(&tree);
    let report = Meanwhile::new(&store)
        .at_put(1, |by| {
            let old: Vec<SegmentRef> = state(by).segments.values().copied().collect();
            let merged = merge_by_hand(by, &old);
            let body = Body::Index(strongroom_format::IndexChange {
                removed: old.iter().map(|one| one.name).collect(),
                added: vec![merged],
                ..Default::default()
            });
            append(by, Roles::MAINTAINER, body);
        })
        .back_up(&source)
        .unwrap();
    assert_eq!((report.passes, source.reads().len()), (1, 0));
    assert_restores(&fresh(&store), &report, &tree);
}

/// One segment in the place of several.
fn merge_by_hand(repository: &Repository, old: &[SegmentRef]) -> SegmentRef {
    use strongroom_format::{PackRow, PackTail, SegmentBuilder, open_header};
    let context = repository.context().clone();
    let keys = context.keys();
    let mut builder = SegmentBuilder::new();
    for pack in state(repository).packs.all().values() {
        let key = object_key(&object_name::pack(&pack.name)).unwrap();
        let bytes = with_remote(repository, move |remote| remote.get(&key, None));
        let tail = PackTail::decode(bytes.last_chunk().unwrap(), bytes.len() as u64).unwrap();
        let start = usize::try_from(tail.header_offset).unwrap();
        let sealed = &bytes[start..bytes.len() - PackTail::LEN];
        let preamble = strongroom_format::Preamble::decode(&bytes[..64]).unwrap();
        let header = open_header(
            keys.structure.header(),
            &preamble,
            tail.header_offset,
            sealed,
        )
        .unwrap();
        let row = builder.push_pack(PackRow {
            name: pack.name,
            len: pack.len,
            header_offset: u32::try_from(start).unwrap(),
            header_len: tail.header_len,
            class: pack.class,
        });
        for (at, frame) in header.frames.iter().enumerate() {
            let position = u32::try_from(at).unwrap();
            let frame = builder.push_frame(row, frame.offset, frame.stored_len, position);
            for blob in header.frame_blobs(at) {
                builder.push_entry(&blob.id, frame);
            }
        }
    }
    let entries = builder.entries();
    assert_eq!(entries, old.iter().map(|one| one.entries).sum::<u64>());
    let session = SessionId::from_bytes([0; 32]);
    let random = context.random().unwrap();
    let bytes = builder
        .finish(
            context.suite,
            context.repository,
            random,
            session,
            keys.structure.index(),
        )
        .unwrap();
    let name = ObjectHash::of(&bytes);
    let len = u32::try_from(bytes.len()).unwrap();
    let key = object_key(&object_name::index(&name)).unwrap();
    with_remote(repository, move |remote| remote.put(&key, bytes.into()));
    SegmentRef { name, len, entries }
}

#[test]
fn copies_found_damaged_count_for_nothing() {
    for class in [PackClass::Data, PackClass::Names, PackClass::Pages] {
        let (store, tree, _) = two_snapshots();
        let report = Meanwhile::new(&store)
            .at_put(1, move |by| damage(by, &packs_of(by, class)))
            .back_up(&source(&tree))
            .unwrap();
        assert_eq!(report.passes, 2, "{class:?}");
        let bad = packs_of(&fresh(&store), class);
        let state = state(&fresh(&store));
        let bad = bad
            .into_iter()
            .filter(|pack| state.damaged.contains_key(pack))
            .collect();
        // Nothing of the new snapshot is in them any more.
        forget(
            &fresh(&store),
            state
                .snapshots
                .values()
                .map(|(id, _)| *id)
                .filter(|id| *id != report.snapshot)
                .collect(),
        );
        bury(&fresh(&store), bad, Vec::new());
        assert_restores(&fresh(&store), &report, &tree);
    }
}

#[test]
fn condemned_packs_are_in_force() {
    let (store, tree, _) = two_snapshots();
    let source = source(&tree);
    let report = Meanwhile::new(&store)
        .at_put(1, |by| {
            let packs = everything(by).0;
            let condemn = Condemn {
                packs,
                ..Condemn::default()
            };
            append(by, Roles::MAINTAINER, Body::Condemn(condemn));
            // And something that makes it look.
            bury(by, vec![ObjectHash::of(b"nobody's")], Vec::new());
        })
        .back_up(&source)
        .unwrap();
    assert_eq!((report.passes, source.reads().len()), (1, 0));
    assert_restores(&fresh(&store), &report, &tree);
}

#[test]
fn what_was_walked_may_go_before_the_second_try() {
    let (store, tree, _) = two_snapshots();
    let needed: BTreeSet<_> = everything(&fresh(&store)).0.into_iter().collect();
    let unrelated = Tree::dir([("x", Tree::file(&noise(77, 700)))]);
    let other = BackupOptions::new("other").with_parent(ParentChoice::None);
    wait(fresh(&store).backup(source(&unrelated), other, Arc::new(()))).unwrap();
    let kept = needed.clone();
    let report = Meanwhile::new(&store)
        .at_put(1, move |by| {
            forget_all(by);
            let all = everything(by).0.into_iter();
            bury(
                by,
                all.filter(|pack| !kept.contains(pack)).collect(),
                Vec::new(),
            );
        })
        .at_put(2, move |by| {
            bury(by, of_class(by, &needed, PackClass::Data), Vec::new());
        })
        .back_up(&source(&tree))
        .unwrap();
    assert_eq!(report.passes, 2);
    assert_restores(&fresh(&store), &report, &tree);
}

#[test]
fn two_conflicts_in_a_row_cost_two_passes_more() {
    let (store, tree, _) = two_snapshots();
    let lose = |class| {
        move |by: &Repository| {
            if !state(by).snapshots.is_empty() {
                forget_all(by);
            }
            bury(by, packs_of(by, class), Vec::new());
        }
    };
    let report = Meanwhile::new(&store)
        .at_put(1, lose(PackClass::Data))
        .at_put(2, lose(PackClass::Pages))
        .back_up(&source(&tree))
        .unwrap();
    assert_eq!(report.passes, 3);
    assert_restores(&fresh(&store), &report, &tree);
}

#[test]
fn whoever_loses_everything_again_and_again_gives_up() {
    let (store, tree, _) = two_snapshots();
    let mut meanwhile = Meanwhile::new(&store);
    // From the second pass on, what is left is announced, if anything is, before the commit.
    for nth in 1..=8 {
        meanwhile = meanwhile.at_put(nth, |by| {
            if !state(by).snapshots.is_empty() {
                forget_all(by);
            }
            let mut packs = everything(by).0;
            packs.extend(unannounced(by));
            bury(by, packs, everything(by).1);
        });
    }
    let error = meanwhile.back_up(&source(&tree)).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Conflict);
    let report = backup(&fresh(&store), &tree);
    assert_restores(&fresh(&store), &report, &tree);
}

#[test]
fn from_a_remembered_state_with_things_dropped_a_commit_is_as_fast() {
    let cache = tempfile::tempdir().unwrap();
    let (store, tree, _) = two_snapshots();
    let unrelated = Tree::dir([("x", Tree::file(&noise(77, 700)))]);
    let before: BTreeSet<_> = everything(&fresh(&store)).0.into_iter().collect();
    let other = BackupOptions::new("other").with_parent(ParentChoice::None);
    wait(fresh(&store).backup(source(&unrelated), other, Arc::new(()))).unwrap();
    let by = fresh(&store);
    forget(
        &by,
        vec![state(&by).snapshots.values().next_back().unwrap().0],
    );
    let gone = everything(&by)
        .0
        .into_iter()
        .filter(|pack| !before.contains(pack));
    bury(&by, gone.collect(), Vec::new());
    let cached = Settings {
        cache: Some(cache.path().to_owned()),
        ..settings(2)
    };
    backup(&reopen(&store, cached.clone()), &tree);
    let again = reopen(&store, cached);
    store.reset();
    let report = wait(again.backup(source(&tree), options(), Arc::new(()))).unwrap();
    assert_eq!(report.passes, 1);
    assert!(
        store
            .calls()
            .iter()
            .all(|call| !call.key.starts_with("index/"))
    );
}

/// What of the repository somebody takes away meanwhile.
#[derive(Debug, Clone)]
struct Loss {
    forget: bool,
    /// Of the packs, in and out of force, those whose number modulo 7 has its bit set.
    packs: u8,
    segments: u8,
    sessions: bool,
    damage: u8,
}

impl Loss {
    fn inflict(&self, by: &Repository) {
        let snapshots = !state(by).snapshots.is_empty();
        if self.forget && snapshots {
            forget_all(by);
        } else if snapshots {
            // A pruner keeps what is live.
            return;
        }
        let some = |names: Vec<ObjectHash>, mask: u8| -> Vec<ObjectHash> {
            let numbered = names.into_iter().enumerate();
            numbered
                .filter(|(at, _)| mask >> (at % 7) & 1 == 1)
                .map(|(_, name)| name)
                .collect()
        };
        let (mut packs, segments) = everything(by);
        packs.extend(unannounced(by));
        let bad = some(packs.clone(), self.damage);
        let known = state(by);
        let sessions = known.sessions.keys().copied();
        let sessions = sessions.filter(|_| self.sessions).collect();
        damage(by, &bad);
        bury_with(
            by,
            some(packs, self.packs),
            some(segments, self.segments),
            sessions,
        );
    }
}

fn any_loss() -> impl Strategy<Value = Loss> {
    (any::<bool>(), 0..128_u8, 0..4_u8, any::<bool>(), 0..8_u8).prop_map(
        |(forget, packs, segments, sessions, damage)| Loss {
            forget,
            packs,
            segments,
            sessions,
            damage,
        },
    )
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(12))]

    #[test]
    fn whatever_goes_meanwhile_the_snapshot_restores(losses in prop::collection::vec(any_loss(), 1..4), first in any::<bool>()) {
        let (store, repository) = repository();
        let tree = one_announcement();
        if first {
            let mut old = tree.clone();
            let Tree::Dir(entries) = &mut old else { unreachable!() };
            entries.pop_last();
            entries.insert(b"gone".to_vec(), Tree::file(&noise(9, 3_000)));
            wait(repository.backup(source(&old), BackupOptions::new("tests"), Arc::new(()))).unwrap();
        }
        let mut meanwhile = announcing(&store);
        meanwhile.may_end_before = true;
        for (nth, loss) in (1..).zip(losses) {
            meanwhile = meanwhile.at_put(nth, move |by| loss.inflict(by));
        }
        let report = meanwhile.back_up(&source(&tree)).unwrap();
        let fresh = fresh(&store);
        let state = state(&fresh);
        // What is damaged is no ground: the snapshot restores without it.
        let alone = state.snapshots.len() == 1;
        let bad: Vec<_> = state.damaged.keys().copied().collect();
        if alone {
            bury(&fresh, bad, Vec::new());
        }
        assert_restores(&fresh, &report, &tree);
    }
}
