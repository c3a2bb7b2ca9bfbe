//! D9: packs that several segments map, each in part and some of it twice.

use std::sync::Arc;

use strongroom_crypt::{Id, Roles, SessionId};
use strongroom_format::{Body, IndexChange, Segment, SegmentBuilder, SegmentRef, object_name};
use strongroom_store::StoreExt as _;

use super::support::*;
use crate::edge;
use crate::pack_writer::put_segment;
use crate::testing::{TestStore, repository};
use crate::{PruneOptions, Repository};

/// Replaces every segment by two: one leaves out every third entry, the other every other third.
fn split_segments(store: &Arc<TestStore>, repository: &Repository) {
    let old: Vec<SegmentRef> = state(repository).segments.values().copied().collect();
    let keys = repository.context().keys();
    for segment in old {
        let key = strongroom_store::Key::parse(&object_name::index(&segment.name)).unwrap();
        let bytes = wait(store.get_all(&key)).unwrap();
        let whole = Segment::decode(&bytes, keys.structure.index()).unwrap();
        let this = repository.clone();
        wait(edge::run(repository.store(), "test", move |remote| {
            let mut added = Vec::new();
            for left_out in 0..2 {
                let nobody = SessionId::from_bytes([0; 32]);
                let builder = part_of(&whole, left_out);
                added.push(put_segment(remote, this.context(), nobody, builder)?.0);
            }
            let body = Body::Index(IndexChange {
                removed: vec![segment.name],
                added,
                ..IndexChange::default()
            });
            let mut make = |_: &crate::state::State| Ok(body.clone());
            this.journal()
                .append(remote, this.context(), Roles::MAINTAINER, &mut make)
        }))
        .unwrap();
    }
}

fn part_of(whole: &Segment, left_out: usize) -> SegmentBuilder {
    let mut builder = SegmentBuilder::new();
    for pack in &whole.packs {
        builder.push_pack(*pack);
    }
    for frame in &whole.frames {
        builder.push_frame(frame.pack, frame.offset, frame.stored_len, frame.position);
    }
    for (at, entry) in whole.entries.iter().enumerate() {
        if at % 3 != left_out {
            let mut id = [0; 32];
            id[..20].copy_from_slice(&entry.prefix);
            builder.push_entry(&Id::from_bytes(id), entry.frame);
        }
    }
    builder
}

#[test]
fn packs_that_are_split_over_segments_lose_nothing() {
    for options in [everything(), only_dead(), PruneOptions::default()] {
        let (store, repository) = repository();
        let gone = write(&repository, "a", &mixed(1));
        let kept = back_up(&repository, "b", &tree(1));
        let also = write(&repository, "c", &tree(2));
        let whole = plan(&repository, only_dead()).figures().needed_blobs;
        split_segments(&store, &repository);
        let split = plan(&repository, only_dead());
        assert_eq!(split.figures().needed_blobs, whole);
        forget(&repository, gone);
        let report = prune(&repository, plan(&repository, options));
        assert!(report.is_complete(), "{report:?}");
        delete(&repository);
        assert_restores(&store, kept, &tree(1));
        assert_restores(&store, also, &tree(2));
        prune(&repository, plan(&repository, everything()));
        delete(&repository);
        assert_restores(&store, kept, &tree(1));
        assert_restores(&store, also, &tree(2));
        assert_clean(&store, &repository);
    }
}

#[test]
fn merging_what_was_split_maps_each_blob_once() {
    let (store, repository) = repository();
    let mut kept = Vec::new();
    for n in 0..5 {
        kept.push((write(&repository, "a", &tree(n)), tree(n)));
    }
    let rows = plan(&repository, only_dead()).figures().index_rows;
    split_segments(&store, &repository);
    let split = plan(&repository, only_dead());
    assert_eq!(split.figures().segments, 10);
    assert!(split.figures().index_rows > rows);
    let report = prune(&repository, split);
    assert_eq!(report.merged_segments, 10, "{report:?}");
    let merged = plan(&repository, only_dead());
    assert_eq!(
        (merged.figures().segments, merged.figures().index_rows),
        (1, rows)
    );
    delete(&repository);
    for (id, tree) in kept {
        assert_restores(&store, id, &tree);
    }
}
