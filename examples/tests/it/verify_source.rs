//! A snapshot compared with its source.

use std::fs;

use crate::place::Place;
use crate::program::{BACKUP, RESTORE, VERIFY_SOURCE, path_of};

#[test]
fn a_source_is_the_same_until_it_changes() {
    let place = Place::new();
    let snapshot = place.back_up();
    let compare = || {
        let program = place.run(VERIFY_SOURCE).arg("--json");
        program.arg(&snapshot).arg(place.at("source"))
    };
    let ended = compare().expect(0);
    let result = ended.result();
    assert_eq!(
        (&result["same"], &result["identical"]),
        (&true.into(), &true.into())
    );
    assert_eq!(result["level"], "L6 compared");
    assert!(result["bytes"].as_u64().unwrap() > 0);

    place.change("new");
    let ended = compare().expect(0);
    assert_eq!(
        (&ended.result()["same"], &ended.result()["identical"]),
        (&true.into(), &false.into())
    );
    assert_eq!(ended.result()["unexplained"], 0);
    let ended = compare().arg("--strict").expect(3);
    let differences = ended.result()["differences"].as_array().unwrap().clone();
    let new = differences
        .iter()
        .find(|one| one["what"] == "only-on-disk")
        .unwrap();
    assert_eq!(path_of(new).to_str(), Some("new"));
    assert_eq!(new["standing"], "unexplained");
    // For people.
    let program = place.run(VERIFY_SOURCE).arg("--strict").arg("latest");
    let ended = program.arg(place.at("source")).expect(3);
    assert!(
        ended.stderr.contains("unexplained: only-on-disk /new"),
        "{}",
        ended.stderr
    );
    assert!(ended.stdout.contains("NOT the same"), "{}", ended.stdout);
}

#[test]
fn a_restored_copy_is_compared_strictly() {
    let place = Place::new();
    place.back_up();
    let restored = place.restored();
    let compare = |expected| {
        let program = place.run(VERIFY_SOURCE).arg("--strict").arg("latest");
        program.arg(&restored).expect(expected)
    };
    compare(0);
    let victim = crate::compare::paths(&restored)
        .into_iter()
        .map(|path| restored.join(path))
        .find(|path| path.is_file() && path.metadata().unwrap().len() > 0)
        .unwrap();
    let mut bytes = fs::read(&victim).unwrap();
    bytes[0] ^= 1;
    fs::write(&victim, bytes).unwrap();
    let ended = compare(3);
    assert!(
        ended.stderr.contains("unexplained: content"),
        "{}",
        ended.stderr
    );
    // The repository is right: what it restores over it is the same again.
    let program = place.run(RESTORE).arg("latest");
    program.arg("--target").arg(&restored).expect(0);
    compare(0);
}

#[test]
fn what_the_snapshot_says_that_it_left_out_is_left_out() {
    let place = Place::new();
    place.change("x.tmp");
    let back_up = place.run(BACKUP).args(&["--exclude", "*.tmp"]);
    back_up.arg(place.at("source")).expect(0);
    let compare = || place.run(VERIFY_SOURCE).arg("--strict").arg("latest");
    compare().arg(place.at("source")).expect(0);
    compare().arg(place.at("nowhere")).expect(1);
    compare().expect(2);
}
