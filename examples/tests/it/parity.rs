//! Packs get parity at once, later, more or less of it, and none.

use std::collections::BTreeSet;

use crate::compare::assert_identical;
use crate::objects::objects;
use crate::place::Place;
use crate::program::{BACKUP, PARITY, Program};

fn parity(place: &Place, more: &[&str]) -> Program {
    place.run(PARITY).arg("--json").args(more)
}

/// The names of the packs that have parity, and of all packs.
fn names(place: &Place) -> (BTreeSet<String>, BTreeSet<String>) {
    let all = objects(&place.at("repository"));
    let last = |name: &String| name.rsplit('/').next().map(str::to_owned);
    let of = |prefix: &str| {
        let named = all.keys().filter(|name| name.starts_with(prefix));
        named.filter_map(last).collect()
    };
    (of("parity/"), of("pack/"))
}

#[test]
fn a_backup_writes_it_when_it_is_asked_for() {
    let place = Place::new();
    place.back_up();
    assert!(names(&place).0.is_empty());
    place.change("more");
    let done = place
        .run(BACKUP)
        .args(&["--json", "--parity", "2%"])
        .arg(place.at("source"))
        .expect(0);
    let result = done.result();
    assert!(result["packs"].as_u64().unwrap() > 0);
    assert_eq!(result["parity"]["packs"], result["packs"]);
    assert_eq!(result["parity"]["failed"], 0);
    let (with, all) = names(&place);
    assert_eq!(with.len() as u64, result["packs"].as_u64().unwrap());
    assert!(with.is_subset(&all) && with.len() < all.len());
}

#[test]
fn packs_that_are_there_get_it_later_and_lose_it_again() {
    let place = Place::new();
    place.back_up();
    let before = objects(&place.at("repository"));
    let dry = parity(&place, &["--dry-run"]).expect(0);
    let packs = names(&place).1.len() as u64;
    assert_eq!(dry.of_type("plan")[0]["packs"], packs);
    assert_eq!(objects(&place.at("repository")), before);

    let done = parity(&place, &[]).expect(0);
    assert_eq!(done.result()["added"], packs);
    let (with, all) = names(&place);
    assert_eq!(with, all);
    let again = parity(&place, &["--parity", "2%"]).expect(0);
    assert_eq!(again.of_type("plan")[0]["protected"], packs);
    assert_eq!(again.result()["added"], serde_json::Value::Null);

    let more = parity(&place, &["--parity", "60%"]).expect(0);
    assert!(more.result()["added"].as_u64().unwrap() > 0);
    parity(&place, &["--parity", "0%"]).expect(2);
    parity(&place, &["--parity", "2%", "--remove"]).expect(2);
    let gone = parity(&place, &["--remove"]).expect(0);
    assert_eq!(gone.result()["removed"], packs);
    assert_eq!(objects(&place.at("repository")), before);
    assert_identical(&place.at("source"), &place.restored());
}

#[test]
fn a_damaged_pack_gets_none_and_is_named() {
    let place = Place::new();
    place.back_up();
    let all = objects(&place.at("repository"));
    let pack = all.keys().find(|name| name.starts_with("pack/")).unwrap();
    let path = place.at("repository").join(pack);
    let mut bytes = std::fs::read(&path).unwrap();
    bytes[100] ^= 1;
    std::fs::write(&path, bytes).unwrap();
    let done = parity(&place, &[]).expect(3);
    let damaged = done.result()["damaged"][0].as_str().unwrap().to_owned();
    assert!(pack.ends_with(&damaged));
    assert!(!names(&place).0.contains(&damaged));
}
