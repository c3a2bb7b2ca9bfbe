//! The recovery kit: what it says is enough.

use crate::compare::assert_identical;
use crate::place::Place;
use crate::program::{BACKUP, Ended, KIT, Program};

#[test]
fn a_typed_page_restores_on_a_machine_with_nothing() {
    let place = Place::new();
    place.run(BACKUP).arg(place.at("source")).expect(0);
    let page = Program::bare(KIT)
        .args(&["write", "--new-code", "--no-cache", "--repo"])
        .arg(place.at("repository"))
        .expect(0)
        .stdout;
    let code = page.lines().find(|line| line.starts_with("Recovery code"));
    let typed = page.replace(
        code.unwrap(),
        &code.unwrap().to_lowercase().replace('-', " "),
    );
    let (kit, target) = (place.at("kit.txt"), place.at("target"));
    std::fs::write(&kit, typed).unwrap();
    // Nobody remembers the passphrase.
    let with_kit = |verb: &str| {
        let program = Program::bare(KIT)
            .password("forgotten")
            .args(&[verb, "--kit"]);
        program.arg(&kit)
    };
    assert_eq!(with_kit("list").expect(0).stdout.lines().count(), 1);
    with_kit("restore").arg("--target").arg(&target).expect(0);
    assert_identical(&place.at("source"), &target);
}

#[test]
fn machines_get_the_kit_and_its_code() {
    let place = Place::new();
    place.back_up();
    let write = |more: &[&str]| {
        let write = Program::bare(KIT).args(&["write", "--no-cache", "--repo"]);
        write.arg(place.at("repository")).args(more).expect(0)
    };
    let page = |ended: &Ended| {
        let kits = ended.of_type("kit");
        let [kit] = kits.as_slice() else {
            panic!("{kits:?}");
        };
        kit["page"].as_str().unwrap().to_owned()
    };
    let blank = page(&write(&["--json"]));
    assert!(blank.contains("Recovery code"), "{blank}");
    let page = page(&write(&["--json", "--new-code"]));
    let kit = place.at("kit.txt");
    std::fs::write(&kit, page).unwrap();
    let listed = Program::bare(KIT)
        .args(&["list", "--json", "--kit"])
        .arg(&kit)
        .expect(0);
    assert_eq!(listed.lines().len(), 1);
}

#[test]
fn a_kit_that_nobody_reads_is_an_error() {
    let place = Place::new();
    for more in [&["--json", "--new-code"][..], &["--new-code"], &[]] {
        let mut child = Program::bare(KIT)
            .args(&["write", "--no-cache", "--repo"])
            .arg(place.at("repository"))
            .args(more)
            .spawn();
        // The printer is off.
        drop(child.stdout.take());
        let ended = child.wait_with_output().unwrap();
        assert_eq!(ended.status.code(), Some(1), "{more:?}");
        let said = String::from_utf8_lossy(&ended.stderr).into_owned();
        let is_said = said.contains("was not written");
        assert_eq!(is_said, !more.contains(&"--json"), "{said}");
    }
}

#[test]
fn a_kit_without_its_code_says_so() {
    let place = Place::new();
    let page = Program::bare(KIT)
        .args(&["write", "--no-cache", "--repo"])
        .arg(place.at("repository"))
        .expect(0)
        .stdout;
    let kit = place.at("kit.txt");
    std::fs::write(&kit, page).unwrap();
    let said = Program::bare(KIT)
        .args(&["list", "--kit"])
        .arg(&kit)
        .expect(2);
    assert!(said.stderr.contains("no recovery code"), "{}", said.stderr);
}
