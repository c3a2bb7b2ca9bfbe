//! Exit statuses, dry runs, commands, streams, passwords and JSON.

use std::collections::BTreeSet;
use std::fs;
use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};
use std::process::Command;

use crate::compare::{assert_identical, paths};
use crate::generate::Chance;
use crate::place::Place;
use crate::program::{BACKUP, KEYS, LS, Program, RESTORE, SNAPSHOTS, path_of};

#[test]
fn a_complete_run_ends_with_0_and_comes_back() {
    let place = Place::new();
    place.run(BACKUP).arg(place.at("source")).expect(0);
    assert_identical(&place.at("source"), &place.restored());
    assert_eq!(place.count_snapshots(), 1);
}

#[test]
fn wrong_usage_ends_with_2() {
    let place = Place::new();
    place.run(BACKUP).arg("--no-such-option").expect(2);
    place.run(BACKUP).expect(2);
    place.run(RESTORE).arg("latest").expect(2);
    Program::bare(SNAPSHOTS).expect(2);
    Program::bare(RESTORE).arg("--help").expect(0);
}

#[test]
fn what_is_not_there_ends_with_1() {
    let place = Place::new();
    for program in [SNAPSHOTS, KEYS, LS] {
        let arguments: &[&str] = if program == KEYS {
            &["list"]
        } else if program == LS {
            &["latest"]
        } else {
            &[]
        };
        Program::new(program, &place.at("nowhere"))
            .args(arguments)
            .expect(1);
    }
    place.run(BACKUP).arg(place.at("no such source")).expect(1);
    place
        .run(RESTORE)
        .arg("latest")
        .arg("--target")
        .arg(place.at("restored"))
        .expect(1);
    assert_eq!(place.count_snapshots(), 0);
}

#[test]
fn a_wrong_password_is_called_one() {
    let place = Place::new();
    let said = place
        .run(SNAPSHOTS)
        .password("something else")
        .expect(1)
        .stderr
        .to_lowercase();
    assert!(
        said.contains("passphrase") || said.contains("password"),
        "{said}"
    );
    fs::write(
        place.at("password"),
        format!("{}\n", crate::program::PASSWORD),
    )
    .unwrap();
    place
        .run(SNAPSHOTS)
        .password("something else")
        .arg("--password-file")
        .arg(place.at("password"))
        .expect(0);
}

#[test]
fn what_cannot_be_read_makes_it_partial_and_is_listed() {
    let place = Place::new();
    let hidden = ["dir 0/secret", "large/hidden"];
    for name in hidden {
        fs::write(place.at("source").join(name), "unreadable").unwrap();
        fs::set_permissions(
            place.at("source").join(name),
            fs::Permissions::from_mode(0o000),
        )
        .unwrap();
    }
    let programs = place.at("programs");
    fs::create_dir(&programs).unwrap();
    for program in [BACKUP, RESTORE] {
        fs::copy(
            program,
            programs.join(Path::new(program).file_name().unwrap()),
        )
        .unwrap();
    }
    if is_root() {
        fs::set_permissions(place.path(), fs::Permissions::from_mode(0o755)).unwrap();
        assert!(
            Command::new("chown")
                .args(["-R", "65534:65534"])
                .arg(place.path())
                .status()
                .unwrap()
                .success()
        );
    }
    let ended = as_nobody(&programs.join("sr-backup"), &place)
        .arg("--json")
        .arg(place.at("source"))
        .expect(3);
    let listed: BTreeSet<PathBuf> = ended.of_type("problem").iter().map(path_of).collect();
    assert_eq!(listed, hidden.map(PathBuf::from).into());
    assert_eq!(ended.result()["outcome"], "partial");

    let target = place.at("restored");
    as_nobody(&programs.join("sr-restore"), &place)
        .arg("latest")
        .arg("--target")
        .arg(&target)
        .expect(0);
    for name in hidden {
        assert!(!target.join(name).exists(), "{name}");
        fs::remove_file(place.at("source").join(name)).unwrap();
    }
    assert_identical(&place.at("source"), &target);
}

fn is_root() -> bool {
    fs::metadata("/proc/self")
        .map(|info| std::os::unix::fs::MetadataExt::uid(&info) == 0)
        .unwrap()
}

/// The program as a user who may not read everything.
fn as_nobody(program: &Path, place: &Place) -> Program {
    let program = if is_root() {
        Program::bare("setpriv")
            .args(&[
                "--reuid=65534",
                "--regid=65534",
                "--clear-groups",
                "--inh-caps=-all",
                "--",
            ])
            .arg(program)
    } else {
        Program::bare(program.to_str().unwrap())
    };
    program
        .arg("--repo")
        .arg(place.at("repository"))
        .arg("--no-cache")
}

#[test]
fn a_dry_run_lists_what_is_taken_and_what_is_left_out_by_which_rule() {
    let place = Place::new();
    fs::write(place.at("source/dir 1/scratch.tmp"), "x").unwrap();
    let ended = place
        .run(BACKUP)
        .args(&[
            "--json",
            "--dry-run",
            "--exclude",
            "*.tmp",
            "--exclude",
            "/large",
        ])
        .arg(place.at("source"));
    let ended = ended.expect(0);
    let excluded: BTreeSet<(PathBuf, String)> = ended
        .of_type("excluded")
        .iter()
        .map(|line| (path_of(line), line["rule"].as_str().unwrap().to_owned()))
        .collect();
    let shown: Vec<_> = excluded
        .iter()
        .map(|(path, rule)| {
            (
                path.to_str().unwrap(),
                rule.contains(".tmp"),
                rule.contains("large"),
            )
        })
        .collect();
    assert_eq!(
        shown,
        [("dir 1/scratch.tmp", true, false), ("large", false, true)]
    );
    let mut taken: BTreeSet<PathBuf> = ended.of_type("entry").iter().map(path_of).collect();
    taken.remove(Path::new(""));
    let all = paths(&place.at("source")).into_iter();
    let expected = all
        .filter(|path| !path.starts_with("large") && path != Path::new("dir 1/scratch.tmp"))
        .collect();
    assert_eq!(taken, expected);
    assert_eq!(place.count_snapshots(), 0);
}

#[test]
fn a_command_that_fails_leaves_no_snapshot() {
    let place = Place::new();
    place
        .run(BACKUP)
        .args(&["--command", "sh", "-c", "echo half of it; exit 7"])
        .expect(1);
    place
        .run(BACKUP)
        .args(&["--command", "/no/such/program"])
        .expect(1);
    assert_eq!(place.count_snapshots(), 0);
    place
        .run(BACKUP)
        .args(&["--command", "sh", "-c", "echo all of it"])
        .expect(0);
    assert_eq!(place.count_snapshots(), 1);
    let target = place.restored();
    let names = paths(&target);
    assert_eq!(names.len(), 1, "{names:?}");
    assert_eq!(fs::read(target.join(&names[0])).unwrap(), b"all of it\n");
}

#[test]
fn a_stream_comes_back() {
    let place = Place::new();
    let content = Chance(5).noise(3_000_000);
    place
        .run(BACKUP)
        .args(&["--stdin", "dump.sql"])
        .input(content.clone())
        .expect(0);
    assert_eq!(
        fs::read(place.restored().join("dump.sql")).unwrap(),
        content
    );
}

#[test]
fn every_line_for_machines_is_json() {
    let place = Place::new();
    let result = place
        .run(BACKUP)
        .arg("--json")
        .arg(place.at("source"))
        .expect(0)
        .result();
    assert_eq!(result["outcome"], "complete");
    let id = result["snapshot"].as_str().unwrap().to_owned();
    let snapshots = place
        .run(SNAPSHOTS)
        .arg("--json")
        .expect(0)
        .of_type("snapshot");
    assert_eq!(snapshots.len(), 1);
    assert_eq!(snapshots[0]["id"], *id);
    let listed = place
        .run(LS)
        .args(&["--json", &id])
        .expect(0)
        .of_type("entry");
    assert!(!listed.is_empty());
    assert!(
        !place
            .run(KEYS)
            .args(&["--json", "list"])
            .expect(0)
            .lines()
            .is_empty()
    );
    let restored = place
        .run(RESTORE)
        .args(&["--json", &id, "--target"])
        .arg(place.at("restored"))
        .expect(0)
        .result();
    assert_eq!(restored["complete"], true);
    let failed = place
        .run(LS)
        .args(&["--json", "latest", "no/such/path"])
        .expect(1);
    assert!(failed.of_type("error")[0]["message"].is_string());
}

#[test]
fn a_restore_takes_away_what_is_not_in_the_snapshot_only_when_asked() {
    let place = Place::new();
    place.run(BACKUP).arg(place.at("source")).expect(0);
    let target = place.restored();
    fs::write(target.join("extra"), "x").unwrap();
    fs::write(target.join("large/0"), "changed").unwrap();
    place.restored();
    assert!(target.join("extra").exists());
    let restore = || {
        place
            .run(RESTORE)
            .arg("latest")
            .arg("--target")
            .arg(&target)
            .arg("--delete")
    };
    restore().arg("--dry-run").expect(0);
    assert!(target.join("extra").exists());
    restore().expect(0);
    assert_identical(&place.at("source"), &target);
}
