//! A repository in a mirror, as the programs see it.

use std::fs;

use crate::compare::{assert_identical, paths};
use crate::generate::tree;
use crate::program::{BACKUP, KEYS, MIRROR, Program, RESTORE, init};

#[test]
fn a_mirror_loses_a_member_and_gets_it_back() {
    let scratch = tempfile::tempdir().unwrap();
    let at = |name: &str| scratch.path().join(name);
    tree(&at("source"), 3, 40, 1);
    let location = |policy: &str| {
        let [one, two] = ["one", "two"].map(|name| at(name).display().to_string());
        format!("mirror:{policy}{one},{two}")
    };
    let run = |program: &str, policy: &str| Program::new(program, location(policy).as_ref());
    init(location("").as_ref());
    run(BACKUP, "").arg(at("source")).expect(0);
    run(MIRROR, "").arg("compare").arg("--bytes").expect(0);

    // The follower is not plugged in for one backup, and comes back as it was.
    fs::rename(at("two"), at("away")).unwrap();
    fs::write(at("source").join("later"), "later").unwrap();
    run(BACKUP, "").arg(at("source")).expect(1);
    run(BACKUP, "1:").arg(at("source")).expect(0);
    fs::rename(at("away"), at("two")).unwrap();
    let ended = run(MIRROR, "").arg("--json").arg("compare").expect(3);
    assert!(ended.result()["members"][0]["missing"].as_u64().unwrap() > 0);
    let shown = run(MIRROR, "").args(&["resync", "--dry-run"]).expect(0);
    assert!(shown.stdout.contains("to copy"), "{}", shown.stdout);
    run(MIRROR, "").arg("resync").expect(0);
    run(MIRROR, "").arg("compare").expect(0);

    // The arbiter is lost altogether. It is filled from the follower, by name.
    fs::remove_dir_all(at("one")).unwrap();
    fs::create_dir(at("one")).unwrap();
    run(BACKUP, "").arg(at("source")).expect(1);
    run(MIRROR, "")
        .args(&["fill-arbiter", "--from", "1"])
        .expect(0);
    run(MIRROR, "").arg("compare").expect(0);
    run(BACKUP, "").arg(at("source")).expect(0);
    for place in ["one", "two"] {
        let target = at("restored").join(place);
        let restore = Program::new(RESTORE, &at(place)).arg("latest");
        restore.arg("--target").arg(&target).expect(0);
        assert_identical(&at("source"), &target);
    }
    let objects = |name: &str| {
        let paths = paths(&at(name)).into_iter();
        let files = paths.filter(|path| at(name).join(path).is_file());
        files.collect::<std::collections::BTreeSet<_>>()
    };
    assert_eq!(objects("one"), objects("two"));
}

#[test]
fn an_arbiter_does_not_get_back_what_was_revoked() {
    let scratch = tempfile::tempdir().unwrap();
    let at = |name: &str| scratch.path().join(name);
    let location = {
        let [one, two] = ["one", "two"].map(|name| at(name).display().to_string());
        format!("mirror:{one},{two}")
    };
    let run = |program: &str| Program::new(program, location.as_ref());
    init(location.as_ref());
    fs::write(at("secret"), "somebody who leaves").unwrap();
    let add = run(KEYS).args(&["add", "--label", "guest", "--fast-kdf-for-tests"]);
    add.arg("--new-password-file").arg(at("secret")).expect(0);
    // The follower is not there when the guest leaves.
    let revoke = Program::new(KEYS, &at("one")).args(&["revoke", "guest"]);
    revoke.expect(0);
    let opens = || {
        Program::new(KEYS, &at("one"))
            .arg("list")
            .password("somebody who leaves")
    };
    opens().expect(1);
    // Somebody thinks that the follower has what the arbiter lost.
    let fill = || run(MIRROR).args(&["fill-arbiter", "--from", "1"]);
    let shown = fill().arg("--dry-run").expect(0).stdout;
    assert!(
        shown.contains("leave out slot/") && shown.contains("leave out keyring/"),
        "{shown}"
    );
    let said = fill().expect(0).stdout;
    assert!(said.contains("it was revoked: slot/"), "{said}");
    opens().expect(1);
}
