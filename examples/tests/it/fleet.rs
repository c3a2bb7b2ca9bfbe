//! Several clients at once on one repository, some of which are killed: nothing that was acknowledged is lost.

use crate::program::{FLEET, Program};

#[test]
fn clients_that_are_killed_lose_nothing() {
    let place = tempfile::tempdir().unwrap();
    let ended = Program::bare(FLEET)
        .arg("--json")
        .arg("--repo")
        .arg(place.path().join("repository"))
        .arg("--work")
        .arg(place.path().join("work"))
        .args(&[
            "--processes",
            "4",
            "--minutes",
            "0.1",
            "--period",
            "1",
            "--seed",
            "20261122",
        ])
        .expect(0);
    let result = ended.result();
    assert_eq!(result["held"], true, "{result}");
    assert!(result["kills"].as_u64().unwrap() >= 2, "{result}");
    assert!(
        result["counts"]["backups"].as_u64().unwrap() >= 4,
        "{result}"
    );
    assert!(
        result["proof"]["snapshots"].as_u64().unwrap() >= 4,
        "{result}"
    );
}

#[test]
fn threads_of_one_process_lose_nothing() {
    let place = tempfile::tempdir().unwrap();
    let ended = Program::bare(FLEET)
        .args(&[
            "--json",
            "--threads-only",
            "--processes",
            "2",
            "--minutes",
            "0.03",
            "--repo",
        ])
        .arg(place.path().join("repository"))
        .expect(0);
    assert_eq!(ended.result()["held"], true);
}
