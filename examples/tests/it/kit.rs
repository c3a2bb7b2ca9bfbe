//! The recovery kit: what it says is enough.

use crate::compare::assert_identical;
use crate::place::Place;
use crate::program::{BACKUP, KIT, Program};

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
