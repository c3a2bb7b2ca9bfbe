//! Pruning: what is freed, when, and what a dry run changes.

use crate::compare::assert_identical;
use crate::objects::{bytes_of, objects};
use crate::place::Place;
use crate::program::{CHECK, FORGET, PRUNE, Program};

fn packs(place: &Place) -> u64 {
    bytes_of(&objects(&place.at("repository")), "pack")
}

/// A place with a forgotten snapshot, most of whose content nothing else needs.
fn with_garbage() -> Place {
    let place = Place::new();
    let old = place.back_up();
    std::fs::remove_dir_all(place.at("source/large")).unwrap();
    place.back_up();
    place.run(FORGET).arg(&old).expect(0);
    place
}

fn prune(place: &Place, more: &[&str]) -> Program {
    place.run(PRUNE).arg("--json").args(more)
}

#[test]
fn what_nothing_needs_is_dropped_and_later_deleted() {
    let place = with_garbage();
    let before = objects(&place.at("repository"));
    let dry = prune(&place, &["--dry-run", "--delete-after", "0"]).expect(0);
    assert!(dry.of_type("plan")[0]["dropped_packs"].as_u64().unwrap() > 0);
    let at_once = dry.of_type("delete_plan")[0]["at_once"]["packs"].as_u64();
    assert!(at_once.unwrap() > 0, "the same run deletes what it drops");
    let said = place
        .run(PRUNE)
        .args(&["--dry-run", "--delete-after", "0"])
        .expect(0)
        .stdout;
    assert!(said.contains("and then what this run drops: "), "{said}");
    let later = prune(&place, &["--dry-run"]).expect(0);
    assert!(later.of_type("delete_plan")[0]["at_once"].is_null());
    assert_eq!(objects(&place.at("repository")), before);

    let dropped = prune(&place, &["--max-unused", "0%"]).expect(0);
    assert_eq!(dropped.result()["deleted_objects"], serde_json::Value::Null);
    let waits = &dropped.of_type("delete_plan")[0];
    assert!(
        waits["waiting"].as_u64().unwrap() > 0 && waits["next_due"].is_i64(),
        "{waits}"
    );
    assert!(packs(&place) >= bytes_of(&before, "pack"));

    let deleted = prune(&place, &["--delete-after", "0"]).expect(0);
    assert!(deleted.result()["deleted_objects"].as_u64().unwrap() > 0);
    assert!(
        packs(&place) * 2 < bytes_of(&before, "pack"),
        "{} bytes",
        packs(&place)
    );
    assert_identical(&place.at("source"), &place.restored());

    let again = prune(&place, &["--delete-after", "0"]).expect(0);
    assert_eq!(again.result()["pruned"], serde_json::Value::Null);
}

#[test]
fn one_command_forgets_prunes_and_deletes() {
    let place = Place::new();
    let old = place.back_up();
    std::fs::remove_dir_all(place.at("source/large")).unwrap();
    place.back_up();
    let before = packs(&place);
    let forget = |more: &[&str]| {
        let rules = ["--json", "--keep-last", "1", "--prune"];
        place.run(FORGET).args(&rules).args(more)
    };
    forget(&["--dry-run"]).expect(2);
    assert_eq!(place.count_snapshots(), 2);

    let dropped = forget(&[]).expect(0);
    let [forgotten, pruned] = &dropped.of_type("result")[..] else {
        panic!("{dropped:?}")
    };
    assert_eq!(forgotten["forgotten"], serde_json::json!([old]));
    assert!(
        pruned["pruned"]["dropped_packs"].as_u64().unwrap() > 0,
        "{pruned}"
    );
    // A day has to pass.
    assert_eq!(pruned["deleted_objects"], serde_json::Value::Null);
    assert!(packs(&place) >= before);

    // Nothing is left to forget, and the rest of it is done.
    let deleted = forget(&["--delete-after", "0"]).expect(0).result();
    assert_eq!(deleted["complete"], true, "{deleted}");
    assert!(
        deleted["deleted_objects"].as_u64().unwrap() > 0,
        "{deleted}"
    );
    assert!(packs(&place) * 2 < before, "{} bytes", packs(&place));
    place.run(CHECK).args(&["--level", "L3"]).expect(0);
    assert_identical(&place.at("source"), &place.restored());
}

#[test]
fn content_is_not_opened_if_that_is_said() {
    let place = with_garbage();
    let done = prune(
        &place,
        &["--no-reframe", "--max-unused", "0%", "--delete-after", "0"],
    );
    assert_eq!(done.expect(0).result()["complete"], true);
    assert_identical(&place.at("source"), &place.restored());
}

#[test]
fn packs_are_condemned_first_if_that_is_said() {
    let place = with_garbage();
    let first = prune(&place, &["--condemn"]).expect(0).result();
    assert!(
        first["pruned"]["condemned_packs"].as_u64().unwrap() > 0,
        "{first}"
    );
    assert_eq!(first["pruned"]["dropped_packs"], 0);
    let second = prune(&place, &[]).expect(0).result();
    assert!(
        second["pruned"]["dropped_packs"].as_u64().unwrap() > 0,
        "{second}"
    );
    assert_identical(&place.at("source"), &place.restored());
}

#[test]
fn options_that_make_no_sense_are_refused() {
    let place = Place::new();
    for wrong in [
        ["--max-unused", "200%"],
        ["--delete-after", "soon"],
        ["--max-repack", "much"],
    ] {
        place.run(PRUNE).args(&wrong).expect(2);
    }
    let nowhere = Program::new(PRUNE, &place.at("nowhere")).arg("--json");
    let error = nowhere.expect(1).of_type("error").remove(0);
    assert_eq!(error["kind"], "Unavailable", "{error}");
    let nothing = Program::new(PRUNE, std::path::Path::new("gopher://x/y")).arg("--json");
    let error = nothing.expect(1).of_type("error").remove(0);
    assert_eq!(error["kind"], "Unsupported", "{error}");
}
