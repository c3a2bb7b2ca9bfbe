//! Repair: from a mirror, by the next backup, and without what is lost.

use std::path::{Path, PathBuf};

use crate::compare::assert_identical;
use crate::objects::objects;
use crate::place::Place;
use crate::program::{CHECK, Program, REPAIR};

fn repair(place: &Place, more: &[&str]) -> Program {
    place.run(REPAIR).arg("--json").args(more)
}

/// The largest pack, which has content.
fn pack(place: &Place) -> PathBuf {
    let all = objects(&place.at("repository"));
    let packs = all.iter().filter(|(name, _)| name.starts_with("pack/"));
    let (name, _) = packs.max_by_key(|(_, len)| **len).unwrap();
    place.at("repository").join(name)
}

fn flip(path: &Path) {
    let mut bytes = std::fs::read(path).unwrap();
    let at = bytes.len() / 10;
    bytes[at] ^= 1;
    std::fs::remove_file(path).unwrap();
    std::fs::write(path, bytes).unwrap();
}

fn copy(from: &Path, to: &Path) {
    for name in objects(from).keys() {
        let path = to.join(name);
        std::fs::create_dir_all(path.parent().unwrap()).unwrap();
        std::fs::copy(from.join(name), path).unwrap();
    }
}

#[test]
fn a_mirror_brings_back_what_has_rotted() {
    let place = Place::new();
    place.back_up();
    copy(&place.at("repository"), &place.at("mirror"));
    let whole = repair(&place, &[]).expect(0);
    assert_eq!(whole.of_type("plan")[0]["items"], 0);
    let pack = pack(&place);
    let before = std::fs::read(&pack).unwrap();
    flip(&pack);
    std::fs::remove_file(place.at("repository/config")).unwrap();
    let dry = repair(&place, &["--dry-run"]).expect(4);
    assert!(dry.of_type("lost")[0]["files"].as_u64().unwrap() > 0);
    let mirror = place.at("mirror");
    let done = repair(&place, &["--from", mirror.to_str().unwrap()]).expect(0);
    assert_eq!(done.result()["put_back"], 2, "{}", done.stdout);
    assert_eq!(done.result()["left"], 0);
    assert_eq!(std::fs::read(&pack).unwrap(), before);
    place.run(CHECK).expect(0);
    assert_identical(&place.at("source"), &place.restored());
}

#[test]
fn the_next_backup_brings_back_what_it_still_has() {
    let place = Place::new();
    place.back_up();
    flip(&pack(&place));
    let quarantined = repair(&place, &[]).expect(4);
    assert_eq!(quarantined.result()["quarantined"], 1);
    place.back_up();
    let moved = repair(&place, &[]).expect(0);
    assert_eq!(moved.result()["moved"], 1, "{}", moved.stdout);
    place.run(CHECK).expect(0);
    let again = repair(&place, &["--quick"]).expect(0);
    assert_eq!(again.result()["left"], 0);
    assert_identical(&place.at("source"), &place.restored());
}

#[test]
fn a_snapshot_is_made_anew_without_what_it_has_lost() {
    let place = Place::new();
    let old = place.back_up();
    std::fs::remove_file(pack(&place)).unwrap();
    let done = repair(&place, &["--quick", "--rewrite"]).expect(4);
    let rewritten = &done.result()["rewritten"][0];
    assert_eq!(rewritten[0], old, "{}", done.stdout);
    assert_eq!(place.count_snapshots(), 2);
    place
        .run(crate::program::RESTORE)
        .arg(rewritten[1].as_str().unwrap())
        .arg("--target")
        .arg(place.at("restored"))
        .expect(0);
}
