//! What others have written, wrong or dishonest, and what a store has lost: an honest prune must not make it worse.

use std::sync::Arc;
use std::time::Duration;

use strongroom_crypt::{Id, SessionId};
use strongroom_format::{
    Body, Damaged, DamagedPack, IndexChange, Leaf, Names, ObjectHash, PackRow, PageType, Ref,
    RefKind, SegmentBuilder, object_name,
};
use strongroom_store::wrap::Recording;
use strongroom_store::{MemoryStore, Store, StoreExt as _};

use super::support::*;
use crate::edge;
use crate::packs::PackInfo;
use crate::testing::{Shape, TestStore, Tree, Writer, repository};
use crate::{DeleteOptions, ErrorKind, PackAction, PackReason, Repository, Stopped};

/// Removes the last entries of the journal.
fn roll_back(store: &Arc<TestStore>, entries: usize) {
    for key in keys_of(store, "journal/").iter().rev().take(entries) {
        wait(store.delete(key)).unwrap();
    }
}

#[test]
fn what_was_dropped_in_a_longer_journal_is_not_deleted_from_an_older_copy() {
    let (store, repository) = repository();
    let older = write(&repository, "a", &tree(1));
    let replica = Arc::new(Recording::new(MemoryStore::new()));
    wait(repository.replicate(replica.clone() as Arc<dyn Store>, Arc::new(()))).unwrap();
    let written = state(&repository).head;
    forget(&repository, older);
    prune(&repository, plan(&repository, everything()));
    let entries = usize::try_from(state(&repository).head - written).unwrap();
    let all = DeleteOptions::default().with_min_age(Duration::ZERO);
    let plan = delete_plan(&repository, all);
    assert!(!plan.is_empty());
    let behind = fresh(&replica);
    let error = wait(behind.delete_dropped(plan.clone(), Arc::new(()))).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Rollback, "{error:?}");
    assert_restores(&replica, older, &tree(1));
    // The same store, after somebody has put an older copy in its place.
    roll_back(&store, entries);
    let error = wait(fresh(&store).delete_dropped(plan, Arc::new(()))).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Rollback, "{error:?}");
    assert_restores(&store, older, &tree(1));
}

fn root_of(repository: &Repository, id: Id) -> Id {
    state(repository).snapshot(&id).unwrap().1.root
}

/// Commits a snapshot that refers to a blob as content.
fn refer_to_as_content(repository: &Repository, id: Id) -> Id {
    let mut writer = Writer::new(repository, Shape::default());
    let kind = RefKind::Data;
    let names = Names::Leaf(Leaf {
        root: Some(Box::new(Tree::dir([]).node(b""))),
        ..Leaf::default()
    });
    let refs = vec![Ref { id, len: 1, kind }];
    let page = writer.page(PageType::Leaf, 0, Some(&names), refs);
    writer.commit(page.id, "rogue")
}

#[test]
fn a_page_that_somebody_refers_to_as_content_is_followed_all_the_same() {
    let (store, repository) = repository();
    let kept = write(&repository, "victim", &apart());
    let rogue = refer_to_as_content(&repository, root_of(&repository, kept));
    let error = try_plan(&repository, everything()).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Damaged, "{error:?}");
    assert!(error.to_string().contains(&rogue.to_string()), "{error}");
    forget(&repository, rogue);
    prune(&repository, plan(&repository, everything()));
    delete(&repository);
    assert_restores(&store, kept, &apart());
}

#[test]
fn a_copy_that_is_not_there_is_no_reason_to_drop_another() {
    for is_truncated in [false, true] {
        let (store, repository) = repository();
        let kept = [
            write(&repository, "a", &tree(1)),
            write(&repository, "b", &tree(1)),
        ];
        let dropped = decided(&plan(&repository, only_dead()), PackAction::Drop);
        assert!(!dropped.is_empty());
        for pack in packs(&repository) {
            if dropped.contains(&pack) {
                continue;
            }
            let bytes = wait(store.get_all(&key_of(&pack))).unwrap();
            wait(store.delete(&key_of(&pack))).unwrap();
            if is_truncated {
                wait(store.put_new(&key_of(&pack), bytes.slice(..bytes.len() - 1))).unwrap();
            }
        }
        prune(&repository, plan(&repository, only_dead()));
        delete(&repository);
        for id in kept {
            assert_restores(&store, id, &tree(1));
        }
    }
}

#[test]
fn a_pack_that_is_missing_and_needed_stays_in_force() {
    let (store, repository) = repository();
    let kept = write(&repository, "a", &tree(1));
    let class = |pack: &ObjectHash| state(&repository).packs.get(pack).unwrap().unwrap().class;
    let missing = packs(&repository)
        .into_iter()
        .find(|pack| class(pack) == strongroom_format::PackClass::Data)
        .unwrap();
    let bytes = wait(store.get_all(&key_of(&missing))).unwrap();
    wait(store.delete(&key_of(&missing))).unwrap();
    let plan = plan(&repository, everything());
    let decision = plan.decisions().iter().find(|one| one.name == missing);
    let decision = decision.map(|one| (one.action, one.reason));
    assert_eq!(decision, Some((PackAction::Keep, PackReason::Missing)));
    prune(&repository, plan);
    delete(&repository);
    // It was only mislaid.
    wait(store.put_new(&key_of(&missing), bytes)).unwrap();
    assert_restores(&store, kept, &tree(1));
}

#[test]
fn damage_found_after_a_plan_is_not_lost_by_writing_its_pack_anew() {
    let (store, repository) = repository();
    let shape = Shape {
        frame_bytes: 500,
        pack_bytes: 8_000,
        ..Shape::default()
    };
    let (Tree::Dir(mut entries), Tree::Dir(dead)) = (mixed(1), apart()) else {
        unreachable!()
    };
    entries.extend(dead);
    let gone = write_as(&repository, "a", &Tree::Dir(entries), &shape);
    back_up(&repository, "a", &tree(1));
    forget(&repository, gone);
    let keyless = without_epochs(&store);
    let plan = plan(&keyless, everything());
    let pack = *decided(&plan, PackAction::Repack).first().unwrap();
    append(
        &repository,
        Body::Damaged(Damaged {
            packs: vec![DamagedPack {
                pack,
                frames: vec![0],
            }],
            ..Damaged::default()
        }),
    );
    match try_prune(&keyless, plan) {
        Ok(report) => assert!(
            matches!(report.stopped, Some(Stopped::Stale(_))),
            "{report:?}"
        ),
        Err(error) => assert_eq!(error.kind(), ErrorKind::Stale, "{error:?}"),
    }
    assert!(state(&repository).damaged.contains_key(&pack));
}

/// Adds a segment that says of a blob to be in the first frame of a pack.
fn map_to(repository: &Repository, id: Id, pack: &PackInfo, offset: u32) -> ObjectHash {
    let mut builder = SegmentBuilder::new();
    let row = builder.push_pack(PackRow {
        name: pack.name,
        len: pack.len,
        header_offset: pack.header_offset,
        header_len: pack.header_len,
        class: pack.class,
    });
    let frame = builder.push_frame(row, offset, 40, 0);
    builder.push_entry(&id, frame);
    let this = repository.clone();
    let nobody = SessionId::from_bytes([0; SessionId::LEN]);
    let put = edge::run(repository.store(), "test", move |remote| {
        crate::pack_writer::put_segment(remote, this.context(), nobody, builder)
    });
    let (segment, _) = wait(put).unwrap();
    append(
        repository,
        Body::Index(IndexChange {
            added: vec![segment],
            ..IndexChange::default()
        }),
    );
    segment.name
}

fn info_of(repository: &Repository, pack: ObjectHash) -> PackInfo {
    let this = repository.clone();
    let find = edge::run(repository.store(), "test", move |remote| {
        let (_, index) = this.current(remote)?;
        let mut packs = index.packs()?.into_iter();
        Ok(packs.find(|one| one.name == pack).unwrap())
    });
    PackInfo::clone(&wait(find).unwrap())
}

#[test]
fn a_pack_whose_header_lacks_what_the_index_has_is_not_written_anew() {
    let (store, repository) = repository();
    let kept = half_needed(&repository, &Shape::default());
    let first = plan(&repository, everything());
    let class = |pack: &ObjectHash| state(&repository).packs.get(pack).unwrap().unwrap().class;
    let pack = decided(&first, PackAction::Repack)
        .into_iter()
        .find(|pack| class(pack) == strongroom_format::PackClass::Data)
        .unwrap();
    let id = Id::from_bytes([7; 32]);
    map_to(&repository, id, &info_of(&repository, pack), 64);
    let rogue = refer_to_as_content(&repository, id);
    let report = prune(&repository, plan(&repository, everything()));
    let [problem] = report.problems.as_slice() else {
        panic!("{report:?}")
    };
    assert_eq!(problem.object(), Some(&*object_name::pack(&pack)));
    assert!(packs(&repository).contains(&pack));
    delete(&repository);
    assert_restores(&store, kept, &tree(1));
    forget(&repository, rogue);
    let report = prune(&repository, plan(&repository, everything()));
    assert!(report.is_complete(), "{report:?}");
    assert!(!packs(&repository).contains(&pack));
    delete(&repository);
    assert_restores(&store, kept, &tree(1));
}

#[test]
fn a_segment_that_says_a_blob_is_elsewhere_costs_no_copy() {
    let (store, repository) = repository();
    let kept = write(&repository, "a", &tree(1));
    let other = write(&repository, "b", &apart());
    let class = |pack: &ObjectHash| state(&repository).packs.get(pack).unwrap().unwrap().class;
    let packs_of_data: Vec<_> = packs(&repository)
        .into_iter()
        .filter(|pack| class(pack) == strongroom_format::PackClass::Data)
        .collect();
    let (info, honest) = (
        info_of(&repository, packs_of_data[0]),
        state(&repository).segments.keys().copied().max().unwrap(),
    );
    // Every blob of content, until the name of the wrong segment sorts before those of the right ones.
    for offset in [64, u32::MAX - 100] {
        for id in content_of(&repository) {
            while map_to(&repository, id, &info, offset) > honest {}
        }
    }
    prune(&repository, plan(&repository, everything()));
    delete(&repository);
    assert_restores(&store, kept, &tree(1));
    assert_restores(&store, other, &apart());
}

/// The first blobs of content of each pack.
fn content_of(repository: &Repository) -> Vec<Id> {
    let this = repository.clone();
    let read = edge::run(repository.store(), "test", move |remote| {
        let (_, index) = this.current(remote)?;
        let packs = index.packs()?;
        let blobs = crate::blobs::Blobs::new(remote.clone(), this.context().clone(), index, 0);
        let data = |pack: &&Arc<PackInfo>| pack.class == strongroom_format::PackClass::Data;
        let first = |pack: &Arc<PackInfo>| {
            let header = blobs.header(pack)?;
            Ok(header.frame_blobs(0).first().unwrap().id)
        };
        packs.iter().filter(data).map(first).collect()
    });
    wait(read).unwrap()
}
