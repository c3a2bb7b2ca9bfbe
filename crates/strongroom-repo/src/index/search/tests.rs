//! Looking many ids up at once finds what looking up one does, with less work.

use std::collections::BTreeSet;
use std::path::Path;

use futures::executor::block_on;
use strongroom_format::PackClass;

use super::*;
use crate::index::in_order;
use crate::index::scale::IndexScale;
use crate::prune::scale::{ScaleShape, id};

const BLOBS: u64 = 60_000;
const SEGMENT_BLOBS: u64 = 6_000;
/// Of entries and of frames. Rows of packs are remembered.
const PAGES_OF_A_SEGMENT: u64 = 4;
const IDS_OF_A_ROUTES_PAGE: u64 = 582;

/// About ten segments, enough for routes.
fn made(folder: &Path) -> IndexScale {
    let shape = ScaleShape {
        segment_blobs: SEGMENT_BLOBS,
        ..ScaleShape::of_blobs(BLOBS)
    };
    let mut scale = block_on(IndexScale::open(folder, shape)).unwrap();
    if block_on(scale.load()).is_err() || scale.index().unwrap().parts.is_empty() {
        scale.make().unwrap();
        block_on(scale.load()).unwrap();
    }
    scale
}

fn sorted(numbers: impl Iterator<Item = u64>) -> Vec<Id> {
    let mut ids: Vec<Id> = numbers.map(|number| id(PackClass::Data, number)).collect();
    ids.sort_by(in_order);
    ids
}

/// The copies of each id.
fn located(index: &Index, ids: &[Id], vicinity: &mut Vicinity) -> Vec<Vec<Location>> {
    let mut all = Vec::new();
    let each = |number: usize, copies: Result<Vec<Location>>| {
        assert_eq!(number, all.len());
        all.push(copies?);
        Ok(())
    };
    index.locate_sorted(ids, vicinity, each).unwrap();
    assert_eq!(all.len(), ids.len());
    all
}

/// Where the segments say that a blob is, asked one by one.
fn places(index: &Index, id: &Id) -> BTreeSet<(ObjectHash, u32)> {
    let grounds = index.grounds(id).unwrap();
    let places = grounds.into_iter().map(|(location, _)| place(&location));
    places.collect()
}

fn place(location: &Location) -> (ObjectHash, u32) {
    (location.pack.name, location.position)
}

/// The blobs of one segment, in order, and its name.
fn of_one_segment(index: &Index, count: usize) -> (ObjectHash, Vec<u64>) {
    let segment_of = |number: &u64| {
        let grounds = index.grounds(&id(PackClass::Data, *number)).unwrap();
        grounds.first().map(|(_, segment)| *segment)
    };
    let first = segment_of(&0).unwrap();
    let numbers = (0..BLOBS / 2).filter(|number| segment_of(number) == Some(first));
    (first, numbers.take(count).collect())
}

/// Pages of routes that were read, and pages of segments that were turned to.
fn work(index: &Index) -> (u64, u64) {
    let routes = index.routes();
    let reads = routes.iter().map(|routes| routes.reads()).sum();
    (reads, index.page_turns())
}

fn work_since(index: &Index, before: (u64, u64)) -> (u64, u64) {
    let now = work(index);
    (now.0 - before.0, now.1 - before.1)
}

#[test]
fn what_is_found_together_is_what_is_found_one_by_one() {
    let folder = tempfile::tempdir().unwrap();
    let scale = made(folder.path());
    let index = scale.index().unwrap();
    // Some of them are not there.
    let scattered = sorted((0..2 * BLOBS).step_by(37));
    let (_, neighbours) = of_one_segment(index, 500);
    let mut vicinity = Vicinity::default();
    for ids in [
        &scattered,
        &sorted(neighbours.into_iter()),
        &scattered,
        &Vec::new(),
    ] {
        let found = located(index, ids, &mut vicinity);
        for (id, copies) in ids.iter().zip(&found) {
            let copies: BTreeSet<_> = copies.iter().map(place).collect();
            assert_eq!(copies, places(index, id));
        }
    }
}

#[test]
fn every_page_is_turned_to_once_for_all_ids() {
    let folder = tempfile::tempdir().unwrap();
    let scale = made(folder.path());
    let index = scale.index().unwrap();
    let ids = sorted((0..BLOBS / 2).step_by(11));
    // So that rows of packs are remembered.
    located(index, &ids, &mut Vicinity::default());
    let before = work(index);
    located(index, &ids, &mut Vicinity::default());
    let (reads, turns) = work_since(index, before);
    let segments = index.parts.len() as u64;
    assert!(segments > 8, "{segments}");
    assert!(turns <= segments * PAGES_OF_A_SEGMENT, "{turns}");
    let pages = 2 * BLOBS / IDS_OF_A_ROUTES_PAGE;
    assert!((1..=pages).contains(&reads), "{reads} of {pages}");

    let before = work(index);
    for id in &ids {
        index.locate(id).unwrap();
    }
    let (reads, turns) = work_since(index, before);
    let count = ids.len() as u64;
    assert!(reads >= count, "one by one: {reads}");
    assert!(turns >= 2 * count, "one by one: {turns}");
}

#[test]
fn what_was_stored_beside_what_was_looked_up_costs_no_routes() {
    let folder = tempfile::tempdir().unwrap();
    let scale = made(folder.path());
    let index = scale.index().unwrap();
    let (segment, numbers) = of_one_segment(index, 3_000);
    let windows: Vec<Vec<Id>> = numbers
        .chunks(1_000)
        .map(|numbers| sorted(numbers.iter().copied()))
        .collect();
    let mut vicinity = Vicinity::default();
    located(index, &windows[0], &mut vicinity);
    assert_eq!(vicinity.0, [segment]);
    for ids in &windows[1..] {
        located(index, ids, &mut Vicinity::default());
        let before = work(index);
        let found = located(index, ids, &mut vicinity);
        assert!(found.iter().all(|copies| copies.len() == 1));
        let (reads, turns) = work_since(index, before);
        assert_eq!(reads, 0);
        assert!(turns <= PAGES_OF_A_SEGMENT, "{turns}");
    }
    // A few ids say nothing of where others are; many that are elsewhere do.
    let few = sorted(25_000..25_000 + TELLING as u64 - 1);
    located(index, &few, &mut vicinity);
    assert_eq!(vicinity.0, [segment]);
    located(index, &sorted(25_000..26_000), &mut vicinity);
    assert!(!vicinity.0.is_empty() && !vicinity.0.contains(&segment));
    located(index, &sorted((0..BLOBS).step_by(50)), &mut vicinity);
    assert!(vicinity.0.len() <= SHARES_NEARBY);
}

#[test]
fn a_segment_of_the_vicinity_that_cannot_be_read_hides_nothing_else() {
    let folder = tempfile::tempdir().unwrap();
    let (segment, ids, elsewhere) = {
        let scale = made(folder.path());
        let index = scale.index().unwrap();
        let (segment, numbers) = of_one_segment(index, 400);
        let ids = sorted((0..BLOBS / 2).step_by(29));
        let is_elsewhere = |id: &Id| index.grounds(id).unwrap()[0].1 != segment;
        let elsewhere: Vec<bool> = ids.iter().map(is_elsewhere).collect();
        assert!(numbers.len() == 400 && elsewhere.contains(&true) && elsewhere.contains(&false));
        (segment, ids, elsewhere)
    };
    let scale = made(folder.path());
    let index = scale.index().unwrap();
    index.routing();
    let part = index.parts.iter().find(|part| part.segment.name == segment);
    let file = index
        .cache
        .as_ref()
        .unwrap()
        .folder()
        .join(segment.to_string());
    let len = part.unwrap().segment.bytes().unwrap().len();
    std::fs::write(file, vec![0; len]).unwrap();
    let mut vicinity = Vicinity(vec![segment]);
    let mut good = Vec::new();
    let each = |_, copies: Result<Vec<Location>>| {
        good.push(copies.is_ok_and(|copies| copies.len() == 1));
        Ok(())
    };
    index.locate_sorted(&ids, &mut vicinity, each).unwrap();
    assert_eq!(good, elsewhere);
}
