use std::collections::BTreeMap;
use std::fs;
use std::path::PathBuf;

use proptest::prelude::*;
use strongroom_format::PackClass;

use super::file::PAGE_ROWS;
use super::*;
use crate::error::ErrorKind;

type Model = BTreeMap<ObjectHash, PackRef>;

/// Names of which many begin alike.
fn pack(number: u32, len: u32) -> PackRef {
    let mut name = *ObjectHash::of(&number.to_le_bytes()).as_bytes();
    if number.is_multiple_of(3) {
        name[..8].fill(7);
    }
    let class = [PackClass::Data, PackClass::Names, PackClass::Pages];
    PackRef {
        name: ObjectHash::from_bytes(name),
        len,
        class: class[number as usize % 3],
    }
}

fn model(count: u32) -> Model {
    let packs = (0..count).map(|number| pack(number, number));
    packs.map(|pack| (pack.name, pack)).collect()
}

fn check(packs: &Packs, model: &Model) {
    assert_eq!(packs.len(), model.len());
    let all: Vec<PackRef> = packs.iter().map(Result::unwrap).collect();
    assert!(all.iter().eq(model.values()));
    for number in 0..1_200 {
        let name = pack(number, 0).name;
        assert_eq!(packs.get(&name).unwrap().as_ref(), model.get(&name));
        assert_eq!(packs.contains(&name).unwrap(), model.contains_key(&name));
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(32))]
    #[test]
    fn it_is_a_map_in_memory_and_in_a_file_and_clones_stay_as_they_are(
        first in 0_u32..900,
        changes in proptest::collection::vec((any::<bool>(), 0_u32..1_000, any::<u32>()), 0..600),
        moves in proptest::collection::vec(0_usize..600, 0..4),
        cut in 0_usize..600,
    ) {
        let folder = tempfile::tempdir().unwrap();
        let mut model = model(first);
        let mut packs: Packs = model.values().copied().collect();
        let mut kept = None;
        for (at, (adds, number, len)) in changes.iter().enumerate() {
            if moves.contains(&at) {
                packs = packs.moved_to(folder.path()).unwrap();
                prop_assert!(packs.changes().is_some());
            }
            if at == cut {
                kept = Some((packs.clone(), model.clone()));
            }
            let pack = pack(*number, *len);
            if *adds {
                let is_new = !model.contains_key(&pack.name);
                model.entry(pack.name).or_insert(pack);
                prop_assert_eq!(packs.insert_new(pack).unwrap(), is_new);
            } else {
                let was_there = model.remove(&pack.name).is_some();
                prop_assert_eq!(packs.remove(&pack.name).unwrap(), was_there);
            }
        }
        check(&packs, &model);
        if let Some((packs, model)) = kept {
            check(&packs, &model);
        }
        check(&packs.in_memory().unwrap(), &model);
        // As the local cache takes it up again.
        let filed = packs.moved_to(folder.path()).unwrap();
        check(&filed, &model);
        prop_assert!(filed.are_all_in(&packs).unwrap() && packs.are_all_in(&filed).unwrap());
        if let Some(changes) = packs.changes() {
            let file = PackFile::open(folder.path(), changes.file.name(), changes.file.rows()).unwrap();
            let added: Vec<PackRef> = changes.added.values().copied().collect();
            let removed: Vec<ObjectHash> = changes.removed.keys().copied().collect();
            check(&Packs::in_file(file, added, removed), &model);
        }
    }
}

/// A table of several pages in a file of its own.
fn filed(folder: &Path) -> (Packs, Model, PathBuf) {
    let model = model(337);
    assert_eq!(model.len(), 3 * PAGE_ROWS + 7);
    let packs: Packs = model.values().copied().collect();
    let packs = packs.moved_to(folder).unwrap();
    let path = folder.join(packs.changes().unwrap().file.name().to_string());
    (packs, model, path)
}

/// Asks everything: each answer is right, or there is none.
fn answers(packs: &Packs, model: &Model) -> bool {
    let mut all_answered = true;
    for (name, pack) in model {
        match packs.get(name) {
            Ok(found) => assert_eq!(found.as_ref(), Some(pack)),
            Err(error) => {
                assert_eq!(error.kind(), ErrorKind::Unavailable);
                assert!(packs.is_unreadable());
                all_answered = false;
            }
        }
    }
    let before = packs.iter().take_while(Result::is_ok);
    let before: Vec<PackRef> = before.map(Result::unwrap).collect();
    assert!(before.iter().eq(model.values().take(before.len())));
    all_answered
}

#[test]
fn whatever_byte_is_another_nothing_is_said_that_is_wrong() {
    let folder = tempfile::tempdir().unwrap();
    let (packs, model, path) = filed(folder.path());
    let (name, rows) = {
        let file = packs.changes().unwrap().file;
        (file.name(), file.rows())
    };
    let whole = fs::read(&path).unwrap();
    let pages = model.len().div_ceil(PAGE_ROWS) * 4_096;
    let mut refused = 0;
    // Names, lengths, classes, the gap behind the rows of a page, and all parts of the tail.
    let of_pages = (0..pages).step_by(97).chain([32, 36, 4_095, pages - 1]);
    for at in of_pages.chain(pages..whole.len()) {
        for bit in [0, 7] {
            let mut bytes = whole.clone();
            bytes[at] ^= 1 << bit;
            fs::write(&path, &bytes).unwrap();
            match PackFile::open(folder.path(), name, rows) {
                Some(file) => {
                    assert!(at < pages);
                    assert!(!answers(&Packs::in_file(file, [], []), &model));
                }
                None => refused += 1,
            }
            // It is not found again.
            assert!(!path.exists());
        }
    }
    assert_eq!(refused, 2 * (whole.len() - pages));
}

#[test]
fn a_file_that_is_short_or_long_or_another_is_none() {
    let folder = tempfile::tempdir().unwrap();
    let (packs, _, path) = filed(folder.path());
    let (name, rows) = {
        let file = packs.changes().unwrap().file;
        (file.name(), file.rows())
    };
    let whole = fs::read(&path).unwrap();
    let open = |bytes: &[u8], name, rows| {
        fs::write(&path, bytes).unwrap();
        PackFile::open(folder.path(), name, rows)
    };
    for len in [0, 1, 4_096, whole.len() - 1] {
        assert!(open(&whole[..len], name, rows).is_none());
    }
    assert!(open(&[whole.as_slice(), &[0]].concat(), name, rows).is_none());
    for rows in [0, rows - 1, rows + 1, usize::MAX] {
        assert!(open(&whole, name, rows).is_none());
    }
    assert!(PackFile::open(folder.path(), name, rows).is_none());
    assert!(open(&whole, name, rows).is_some());
}

#[test]
fn what_is_cut_off_while_it_is_open_fails_and_what_is_removed_does_not() {
    let folder = tempfile::tempdir().unwrap();
    let (packs, model, path) = filed(folder.path());
    fs::remove_file(&path).unwrap();
    assert!(!packs.changes().unwrap().file.is_there());
    assert!(answers(&packs, &model));

    let (mut packs, model, path) = filed(folder.path());
    fs::OpenOptions::new()
        .write(true)
        .open(&path)
        .unwrap()
        .set_len(4_096 + 100)
        .unwrap();
    assert!(!answers(&packs, &model));
    assert!(packs.is_unreadable() && !path.exists());
    // From then on there is no answer at all, and no change.
    let first = *model.values().next().unwrap();
    let other = pack(1_000_000, 1);
    assert!(packs.get(&first.name).is_err() && packs.get(&other.name).is_err());
    assert!(packs.insert_new(other).is_err() && packs.remove(&first.name).is_err());
    assert!(packs.in_memory().is_err() && packs.moved_to(folder.path()).is_err());
    assert_eq!(packs.len(), model.len());
    assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 0);
}

#[test]
fn old_files_go_and_young_ones_stay() {
    let folder = tempfile::tempdir().unwrap();
    let (packs, _, path) = filed(folder.path());
    let more = |count| {
        let packs: Packs = model(count).into_values().collect();
        let packs = packs.moved_to(folder.path()).unwrap();
        folder
            .path()
            .join(packs.changes().unwrap().file.name().to_string())
    };
    let (young, old, part) = (more(5), more(6), folder.path().join("packs.1-1.part"));
    fs::write(&part, b"half").unwrap();
    let long_ago = std::time::SystemTime::now() - std::time::Duration::from_secs(7_200);
    for path in [&path, &old, &part] {
        let file = fs::OpenOptions::new().write(true).open(path).unwrap();
        file.set_modified(long_ago).unwrap();
    }
    PackFile::sweep(folder.path(), packs.changes().map(|changes| changes.file));
    assert!(path.exists() && young.exists() && !old.exists() && !part.exists());
    PackFile::sweep(folder.path(), None);
    assert!(!path.exists() && young.exists());
}

#[test]
fn clones_share_the_file_and_what_has_not_changed() {
    let folder = tempfile::tempdir().unwrap();
    let (packs, model, _) = filed(folder.path());
    let mut other = packs.clone();
    assert!(other.insert_new(pack(5_000, 1)).unwrap());
    assert!(Arc::ptr_eq(
        packs.file.as_ref().unwrap(),
        other.file.as_ref().unwrap()
    ));
    check(&packs, &model);
    let name = *model.keys().next().unwrap();
    assert!(other.remove(&name).unwrap() && !other.remove(&name).unwrap());
    assert!(!packs.are_all_in(&other).unwrap());
    // What was removed can be added again.
    assert!(other.insert_new(model[&name]).unwrap() && !other.insert_new(model[&name]).unwrap());
    assert!(packs.are_all_in(&other).unwrap() && !other.are_all_in(&packs).unwrap());
    assert_eq!(other.len(), model.len() + 1);
}
