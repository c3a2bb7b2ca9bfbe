//! What a store was found to do, and one writer at a time.

use crate::generate::tree;
use crate::program::{BACKUP, FORGET, INFO, INIT, Program};

#[test]
fn one_writer_is_said_at_every_write_and_the_probe_is_shown() {
    let scratch = tempfile::tempdir().unwrap();
    let at = |name: &str| scratch.path().join(name);
    tree(&at("source"), 2, 10, 1);
    let said = "only one machine may write";

    let created = Program::new(INIT, &at("one"))
        .args(&[
            "--fast-kdf-for-tests",
            "--no-recovery-code",
            "--single-writer",
        ])
        .expect(0);
    assert!(created.stderr.contains(said), "{}", created.stderr);
    assert!(created.stdout.contains("of racing creators one wins: yes"));
    for _ in 0..2 {
        let ended = Program::new(BACKUP, &at("one")).arg(at("source")).expect(0);
        assert_eq!(ended.stderr.matches(said).count(), 1, "{}", ended.stderr);
    }
    let forget = Program::new(FORGET, &at("one")).args(&["--keep-last", "1"]);
    assert!(forget.expect(0).stderr.contains(said));
    let shown = Program::new(INFO, &at("one")).arg("--probe").expect(0);
    assert!(shown.stderr.contains(said));
    assert_eq!(shown.stdout.matches("fit for many writers").count(), 2);

    Program::new(INIT, &at("many"))
        .args(&["--fast-kdf-for-tests", "--no-recovery-code"])
        .expect(0);
    let ended = Program::new(BACKUP, &at("many"))
        .arg(at("source"))
        .expect(0);
    assert!(!ended.stderr.contains(said), "{}", ended.stderr);
}

#[test]
fn requests_are_counted_when_asked_for() {
    let scratch = tempfile::tempdir().unwrap();
    let at = |name: &str| scratch.path().join(name);
    let args = [
        "--fast-kdf-for-tests",
        "--no-recovery-code",
        "--requests",
        "--json",
    ];
    let ended = Program::new(INIT, &at("one")).args(&args).expect(0);
    let line = ended
        .stdout
        .lines()
        .find(|line| line.contains("\"requests\""))
        .unwrap();
    let counted: serde_json::Value = serde_json::from_str(line).unwrap();
    assert!(counted["requests"]["put"].as_u64().unwrap() > 60, "{line}");
    assert!(counted["bytes_up"].as_u64().unwrap() > 1_000);
}
