//! What was forgotten comes back, for as long as its content is there.

use crate::compare::assert_identical;
use crate::objects::objects;
use crate::place::Place;
use crate::program::{FORGET, PRUNE, Program, RESTORE, UNDELETE};

/// A place whose first snapshot is forgotten, and dropped by a prune that deletes nothing yet. Returns the snapshot and a copy of what
/// it was made from.
fn with_forgotten() -> (Place, String) {
    let place = Place::new();
    let old = place.back_up();
    std::fs::rename(place.at("source/large"), place.at("large")).unwrap();
    place.back_up();
    place.run(FORGET).arg(&old).expect(0);
    place.run(PRUNE).args(&["--max-unused", "0%"]).expect(0);
    (place, old)
}

fn undelete(place: &Place, more: &[&str]) -> Program {
    place.run(UNDELETE).arg("--json").args(more)
}

#[test]
fn what_was_forgotten_and_dropped_comes_back() {
    let (place, old) = with_forgotten();
    let listed = undelete(&place, &["--list"]).expect(0).of_type("forgotten");
    assert_eq!(listed.len(), 1);
    assert_eq!(
        (&listed[0]["id"], &listed[0]["whole"]),
        (&old.clone().into(), &true.into())
    );

    let before = objects(&place.at("repository"));
    let dry = undelete(&place, &["--dry-run", &old[..12]]).expect(0);
    assert!(dry.of_type("plan")[0]["copied_bytes"].as_u64().unwrap() > 0);
    assert_eq!(objects(&place.at("repository")), before);
    assert_eq!(place.count_snapshots(), 1);

    let done = undelete(&place, &[&old[..12]]).expect(0);
    assert_eq!(done.of_type("undeleted")[0]["snapshot"], old);
    assert_eq!(place.count_snapshots(), 2);
    place
        .run(PRUNE)
        .args(&["--max-unused", "0%", "--delete-after", "0"])
        .expect(0);
    let target = place.at("restored");
    place
        .run(RESTORE)
        .args(&[&old, "--target"])
        .arg(&target)
        .expect(0);
    std::fs::rename(place.at("large"), place.at("source/large")).unwrap();
    assert_identical(&place.at("source"), &target);
    assert!(
        undelete(&place, &["--list"])
            .expect(0)
            .of_type("forgotten")
            .is_empty()
    );
}

#[test]
fn what_is_deleted_does_not_come_back() {
    let (place, old) = with_forgotten();
    place.run(PRUNE).args(&["--delete-after", "0"]).expect(0);
    let listed = undelete(&place, &["--list"]).expect(0).of_type("forgotten");
    assert_eq!(listed[0]["whole"], false);
    let foretold = undelete(&place, &["--dry-run", &old]).expect(1);
    assert_eq!(foretold.of_type("plan")[0]["possible"], false);
    let refused = undelete(&place, &[&old]).expect(1);
    assert_eq!(refused.of_type("plan")[0]["possible"], false);
    assert!(!refused.of_type("lost").is_empty());
    assert_eq!(place.count_snapshots(), 1);
}

#[test]
fn what_was_never_forgotten_is_refused() {
    let place = Place::new();
    let id = place.back_up();
    place.run(UNDELETE).expect(2);
    place.run(UNDELETE).args(&["--list", &id]).expect(2);
    place.run(UNDELETE).arg(&id).expect(1);
    assert!(undelete(&place, &["--list"]).expect(0).lines().is_empty());
}
