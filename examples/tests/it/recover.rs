//! Recovery from the worst: journal entries that are nowhere, and a repository of which only packs are left.

use std::fs;

use crate::compare::assert_identical;
use crate::place::Place;
use crate::program::{BACKUP, RECOVER, RESTORE};

#[test]
fn a_lost_entry_is_bridged_and_backups_go_on() {
    let place = Place::new();
    let first = place.back_up();
    place.change("second");
    let second = place.back_up();
    place.change("third");
    let third = place.back_up();
    lose_the_entry_of(&place, &second);

    let refused = place.run(BACKUP).arg(place.at("source")).expect(1);
    assert!(refused.stderr.contains("journal/"), "{}", refused.stderr);
    let around = place.run(RECOVER).arg("snapshots").expect(4).stdout;
    let is_listed = |id: &str| around.contains(&id[..8]);
    assert!(
        is_listed(&first) && is_listed(&third) && !is_listed(&second),
        "{around}"
    );

    let repair = || place.run(RECOVER).arg("journal");
    let shown = repair().arg("--dry-run").expect(4).stdout;
    assert!(shown.contains("bridge"), "{shown}");
    place.run(BACKUP).arg(place.at("source")).expect(1);
    repair().expect(4);
    let again = repair().expect(0).stdout;
    assert!(again.contains("no entry of the journal is lost"), "{again}");

    place.change("fourth");
    place.back_up();
    assert_identical(&place.at("source"), &place.restored());
    let target = place.at("first");
    place
        .run(RESTORE)
        .arg(&first)
        .arg("--target")
        .arg(&target)
        .expect(0);
    assert!(!target.join("second").exists());
}

#[test]
fn packs_alone_are_enough_to_restore() {
    let place = Place::new();
    place.back_up();
    for folder in ["journal", "bundle", "checkpoint", "index"] {
        let folder = place.at("repository").join(folder);
        if folder.exists() {
            fs::remove_dir_all(folder).unwrap();
        }
    }
    let found = place.run(RECOVER).args(&["--json", "trees"]).expect(0);
    let trees = found.of_type("tree");
    let said = place.run(RECOVER).arg("trees").expect(0).stdout;
    assert!(said.contains(" UTC:"), "{said}");
    assert_eq!(trees.len(), 1);
    let target = place.at("salvaged");
    let id = trees[0]["id"].as_str().unwrap();
    place
        .run(RECOVER)
        .args(&["restore", id, "--target"])
        .arg(&target)
        .expect(0);
    assert_identical(&place.at("source"), &target);
}

/// Deletes the journal entry that committed a snapshot.
fn lose_the_entry_of(place: &Place, snapshot: &str) {
    let listed = place.run(crate::program::SNAPSHOTS).arg("--json").expect(0);
    let of = |object: &&serde_json::Value| object["id"] == snapshot;
    let found = listed.of_type("snapshot");
    let n = found.iter().find(of).unwrap()["entry"].as_u64().unwrap();
    fs::remove_file(place.at("repository").join(format!("journal/{n:016x}"))).unwrap();
}
