//! A copy of a repository is damaged, and the repository is not.

use crate::compare::assert_identical;
use crate::objects::objects;
use crate::place::Place;
use crate::program::{CHECK, DAMAGE, Program, REPAIR, RESTORE};

fn damage(place: &Place, more: &[&str]) -> Program {
    Program::bare(DAMAGE)
        .arg("--repo")
        .arg(place.at("repository"))
        .arg("--json")
        .args(more)
}

/// What every object of a folder is, byte for byte.
fn contents(place: &Place, name: &str) -> Vec<(String, Vec<u8>)> {
    let folder = place.at(name);
    let read = |key: String| {
        let bytes = std::fs::read(folder.join(&key)).unwrap();
        (key, bytes)
    };
    objects(&folder).into_keys().map(read).collect()
}

#[test]
fn a_copy_is_damaged_as_the_seed_says() {
    let place = Place::new();
    place.back_up();
    let before = contents(&place, "repository");
    let of_pack = [
        "--kind", "pack", "--sort", "flipped", "--seed", "7", "--count", "2",
    ];
    let run = |copy: &str| {
        damage(&place, &of_pack)
            .arg("--copy")
            .arg(place.at(copy))
            .expect(0)
    };
    let (one, two) = (run("one"), run("two"));
    assert_eq!(one.lines(), two.lines());
    assert_eq!(one.of_type("damage").len(), 2);
    assert_eq!(contents(&place, "repository"), before);
    let damaged = contents(&place, "one");
    assert_eq!(damaged, contents(&place, "two"));
    let changed: Vec<&String> = before
        .iter()
        .zip(&damaged)
        .filter(|(before, after)| before != after)
        .map(|(before, _)| &before.0)
        .collect();
    assert_eq!(changed.len(), 2);
    assert!(
        changed.iter().all(|name| name.starts_with("pack/")),
        "{changed:?}"
    );
    let named: Vec<String> = one
        .of_type("damage")
        .iter()
        .map(|one| one["object"].as_str().unwrap().to_owned())
        .collect();
    assert!(changed.iter().all(|name| named.contains(name)));
}

#[test]
fn a_list_damages_nothing() {
    let place = Place::new();
    place.back_up();
    let before = contents(&place, "repository");
    let listed = damage(&place, &["--list", "--count", "1000"]).expect(0);
    assert_eq!(listed.of_type("damage").len(), before.len());
    assert_eq!(listed.result()["done"], false);
    assert_eq!(contents(&place, "repository"), before);
}

#[test]
fn the_repository_itself_is_damaged_only_after_its_path_was_typed() {
    let place = Place::new();
    let before = contents(&place, "repository");
    damage(&place, &[]).expect(2);
    damage(&place, &["--in-place"]).input("yes\n").expect(2);
    // A folder that has something in it is not copied into.
    damage(&place, &["--copy"])
        .arg(place.at("repository"))
        .expect(2);
    damage(&place, &["--kind", "nothing", "--copy"])
        .arg(place.at("new"))
        .expect(2);
    assert_eq!(contents(&place, "repository"), before);
    let path = format!("{}\n", place.at("repository").display());
    damage(&place, &["--in-place", "--sort", "deleted"])
        .input(path)
        .expect(0);
    assert_eq!(contents(&place, "repository").len(), before.len() - 1);
}

/// A training: somebody's copy is damaged, found out, repaired from the original, and restored.
#[test]
fn what_was_damaged_is_found_repaired_and_restored() {
    let place = Place::new();
    place.back_up();
    place.change("a second one");
    let snapshot = place.back_up();
    let trainings = [
        ("config", "flipped"),
        ("index", "deleted"),
        ("keyring", "truncated"),
        ("pack", "deleted"),
        ("pack", "flipped"),
        ("pack", "zeroed"),
    ];
    for (number, (kind, sort)) in trainings.into_iter().enumerate() {
        let copy = place.at(&format!("training-{number}"));
        let which = ["--kind", kind, "--sort", sort, "--seed", "11", "--copy"];
        let done = damage(&place, &which).arg(&copy).expect(0);
        let object = done.of_type("damage")[0]["object"]
            .as_str()
            .unwrap()
            .to_owned();
        let at = |program: &str| Program::new(program, &copy).arg("--json");

        let found = at(CHECK).arg("--no-record").expect(4);
        assert!(
            found.stdout.contains(&object),
            "{kind} {sort}: {}",
            found.stdout
        );
        let original = place.at("repository");
        at(REPAIR).arg("--from").arg(&original).expect(0);
        at(CHECK).arg("--no-record").expect(0);
        let read = |folder: &std::path::Path| std::fs::read(folder.join(&object)).unwrap();
        assert_eq!(read(&copy), read(&original), "{kind} {sort}");
        let target = place.at(&format!("restored-{number}"));
        at(RESTORE)
            .args(&[&snapshot, "--target"])
            .arg(&target)
            .expect(0);
        assert_identical(&place.at("source"), &target);
    }
}
