//! Look-ups in many segments.

use std::path::{Path, PathBuf};
use std::sync::OnceLock;

use futures::executor::block_on;
use strongroom_format::PackClass;

use super::*;
use crate::index::Index;
use crate::index::scale::IndexScale;
use crate::prune::scale::{ScaleShape, id};

const BLOBS: u64 = 30_000;

/// About thirty segments of a thousand blobs.
fn made(folder: &Path) -> IndexScale {
    let shape = ScaleShape {
        segment_blobs: 1_000,
        ..ScaleShape::of_blobs(BLOBS)
    };
    let mut scale = block_on(IndexScale::open(folder, shape)).unwrap();
    if routes_in(folder).is_empty() {
        scale.make().unwrap();
    }
    block_on(scale.load()).unwrap();
    scale
}

fn routes_in(folder: &Path) -> Vec<PathBuf> {
    let Ok(repositories) = std::fs::read_dir(folder) else {
        return Vec::new();
    };
    let folders = repositories.map(|one| one.unwrap().path().join("index"));
    folders.flat_map(|folder| Routes::files(&folder)).collect()
}

/// Everything is found, in the segment that has it, and nothing else is.
fn check(scale: &IndexScale) {
    assert_eq!(scale.find_present(3_000).unwrap(), 3_000);
    assert_eq!(scale.find_absent(3_000).unwrap(), 0);
    let index = scale.index().unwrap();
    for number in (0..BLOBS / 2).step_by(501) {
        let locations = index.locate(&id(PackClass::Data, number)).unwrap();
        assert_eq!(locations.len(), 1);
    }
}

#[test]
fn one_file_leads_to_all_and_the_next_process_takes_it_up() {
    let folder = tempfile::tempdir().unwrap();
    let scale = made(folder.path());
    assert!(routes_in(folder.path()).is_empty(), "nobody has asked");
    check(&scale);
    let index = scale.index().unwrap();
    let routing = index.routing();
    assert_eq!((routing.routed.len(), routing.filtered.len()), (1, 0));
    let files = routes_in(folder.path());
    assert_eq!(files.len(), 1);
    let written = std::fs::metadata(&files[0]).unwrap().modified().unwrap();
    check(&made(folder.path()));
    assert_eq!(routes_in(folder.path()), files);
    let now = std::fs::metadata(&files[0]).unwrap().modified().unwrap();
    assert_eq!(now, written, "it is not written again");
}

#[test]
fn damage_is_found_and_hides_nothing() {
    let folder = tempfile::tempdir().unwrap();
    check(&made(folder.path()));
    let file = routes_in(folder.path()).remove(0);
    let whole = std::fs::read(&file).unwrap();
    for at in [
        0,
        5,
        9_000,
        whole.len() / 2,
        whole.len() - 100,
        whole.len() - 1,
    ] {
        let mut bytes = whole.clone();
        bytes[at] ^= 0x40;
        std::fs::write(&file, &bytes).unwrap();
        check(&made(folder.path()));
        std::fs::write(&file, &bytes[..at]).unwrap();
        check(&made(folder.path()));
        std::fs::write(&file, &whole).unwrap();
    }
    // Damage that comes while it is in use.
    let scale = made(folder.path());
    check(&scale);
    std::fs::write(&file, vec![0; whole.len()]).unwrap();
    check(&scale);
    assert!(!file.exists());
    check(&made(folder.path()));
}

/// An index of the first segments, after another one, and with routes.
fn of_the_first(scale: &IndexScale, count: usize, before: Option<&Index>) -> Index {
    let all = scale.index().unwrap();
    let index = Index {
        parts: all.parts.iter().take(count).map(Part::share).collect(),
        cache: all.cache.clone(),
        pages: Arc::clone(&all.pages),
        problems: Vec::new(),
        routing: OnceLock::new(),
        unasked: Default::default(),
        known_routes: before.map(Index::routes).unwrap_or_default(),
    };
    index.routing();
    index
}

#[test]
fn files_are_few_however_the_segments_came() {
    let folder = tempfile::tempdir().unwrap();
    let scale = made(folder.path());
    let all = scale.index().unwrap().parts.len();
    let mut index = of_the_first(&scale, 1, None);
    for count in 2..=all {
        index = of_the_first(&scale, count, Some(&index));
        let routing = index.routing();
        assert!(routing.filtered.len() < ROUTED_FROM, "{count}");
        assert!(routing.routed.len() <= 3, "{count}");
        assert!(routes_in(folder.path()).len() <= 3, "{count}");
    }
    let mut present = 0;
    for number in 0..1_000 {
        present += u64::from(index.contains(&id(PackClass::Data, number)).unwrap());
    }
    assert_eq!(present, 1_000);
}

#[test]
fn segments_that_went_are_passed_over_and_routes_to_nowhere_are_dropped() {
    let folder = tempfile::tempdir().unwrap();
    let scale = made(folder.path());
    check(&scale);
    let all = scale.index().unwrap().parts.len();
    let most = of_the_first(&scale, all - 5, None);
    assert_eq!(most.routing().routed.len(), 1);
    let (mut found, mut gone) = (0, 0);
    for number in (0..29_000).step_by(7) {
        match most.contains(&id(PackClass::Data, number)).unwrap() {
            true => found += 1,
            false => gone += 1,
        }
    }
    assert!(found > gone && gone > 0);
    let before = routes_in(folder.path());
    let few = of_the_first(&scale, 9, None);
    assert_eq!(few.routing().routed.len(), 1);
    let after = routes_in(folder.path());
    assert!(after.len() == 1 && after != before);
}
