//! Copies of snapshots, and of whole repositories.

use std::path::Path;

use crate::compare::assert_identical;
use crate::place::Place;
use crate::program::{COPY, Ended, Program, RESTORE, SNAPSHOTS, init};

const OTHER: &str = "another secret";

fn init_other(repository: &Path) {
    Program::new(crate::program::INIT, repository)
        .password(OTHER)
        .args(&["--fast-kdf-for-tests", "--suite", "chacha20-poly1305"])
        .expect(0);
}

fn copy(place: &Place, to: &[&str], more: &[&str]) -> Program {
    let mut program = place
        .run(COPY)
        .arg("--json")
        .other_password(OTHER)
        .args(more);
    for name in to {
        program = program.arg("--to").arg(place.at(name));
    }
    program
}

fn snapshots(repository: &Path, password: &str) -> usize {
    let listed = Program::new(SNAPSHOTS, repository)
        .password(password)
        .arg("--json");
    listed.expect(0).of_type("snapshot").len()
}

fn copied(ended: &Ended) -> usize {
    ended.of_type("copied").len()
}

#[test]
fn snapshots_are_copied_to_several_repositories_once() {
    let place = Place::new();
    let old = place.back_up();
    place.change("new");
    place.back_up();
    init_other(&place.at("one"));
    init_other(&place.at("two"));

    let chosen = copy(&place, &["one"], &[&old[..12]]).expect(0);
    assert_eq!(copied(&chosen), 1);
    let all = copy(&place, &["one", "two"], &[]).expect(0);
    assert_eq!((copied(&all), all.of_type("not_copied").len()), (3, 1));
    assert_eq!(all.result()["complete"], true);
    let again = copy(&place, &["one", "two"], &["--latest", "1"]).expect(0);
    assert_eq!((copied(&again), again.of_type("not_copied").len()), (0, 2));
    for name in ["one", "two"] {
        assert_eq!(snapshots(&place.at(name), OTHER), 2);
        let target = place.at("restored").join(name);
        let restore = Program::new(RESTORE, &place.at(name)).password(OTHER);
        restore.args(&["latest", "--target"]).arg(&target).expect(0);
        assert_identical(&place.at("source"), &target);
    }
}

#[test]
fn a_replica_opens_with_the_same_password() {
    let place = Place::new();
    place.back_up();
    let first = copy(&place, &["replica"], &["--replicate"]).expect(0);
    assert!(first.of_type("target")[0]["packs"].as_u64().unwrap() > 0);
    place.change("new");
    place.back_up();
    let second = copy(&place, &["replica"], &["--replicate"]).expect(0);
    assert_eq!(second.result()["complete"], true);
    let target = place.at("restored");
    let restore = Program::new(RESTORE, &place.at("replica"));
    restore.args(&["latest", "--target"]).arg(&target).expect(0);
    assert_identical(&place.at("source"), &target);
    assert_eq!(snapshots(&place.at("replica"), crate::program::PASSWORD), 2);
}

#[test]
fn what_cannot_be_copied_says_so() {
    let place = Place::new();
    place.back_up();
    place.run(COPY).expect(2);
    copy(&place, &["one"], &["--replicate", "--latest", "1"]).expect(2);
    // Nothing is made where a repository is expected, nor where one has other keys or is another repository.
    copy(&place, &["nowhere"], &[]).expect(1);
    assert!(!place.at("nowhere").exists());
    init(&place.at("one"));
    let wrong = copy(&place, &["one"], &[]).expect(1);
    assert_eq!(wrong.of_type("error")[0]["kind"], "WrongKey");
    copy(&place, &["one"], &["--replicate"]).expect(1);
    copy(&place, &["one"], &["0123456789"])
        .other_password(crate::program::PASSWORD)
        .expect(1);
    assert_eq!(snapshots(&place.at("one"), crate::program::PASSWORD), 0);
}
