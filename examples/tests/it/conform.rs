//! `sr-conform` on a directory.

use std::fs;

use crate::program::{CONFORM, Program};

#[test]
fn a_directory_keeps_every_law_and_is_left_clean() {
    let scratch = tempfile::tempdir().unwrap();
    let ended = Program::bare(CONFORM).arg(scratch.path()).expect(0);
    for number in 1..=9 {
        assert!(ended.stdout.contains(&format!("law {number}: ")));
    }
    assert!(!ended.stdout.contains("BROKEN"), "{}", ended.stdout);
    assert!(ended.stdout.contains("fit for many writers"));
    let mut left = fs::read_dir(scratch.path()).unwrap();
    assert!(left.all(|entry| entry.unwrap().file_name() == ".tmp"));
}

#[test]
fn machines_read_every_answer() {
    let scratch = tempfile::tempdir().unwrap();
    let url = format!("file://{}", scratch.path().display());
    let ended = Program::bare(CONFORM).arg(url).arg("--json").expect(0);
    let result = ended.result();
    assert_eq!(result["conforms"], true);
    assert_eq!(result["probe"]["atomic_create"], "yes");
    assert_eq!(ended.stdout.lines().count(), 11);
}

#[test]
fn what_is_no_store_ends_with_1_and_shows_no_secret() {
    let ended = Program::bare(CONFORM)
        .arg("dav://ann:hunter2@host/x")
        .expect(1);
    assert!(
        ended.stderr.contains("holds no secrets"),
        "{}",
        ended.stderr
    );
    assert!(!ended.stderr.contains("hunter2"));
    Program::bare(CONFORM).arg("/no/such/folder").expect(1);
}
