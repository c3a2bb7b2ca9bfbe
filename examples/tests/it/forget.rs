//! Forgetting: the plan says everything, rules and names, refusals.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::Value;

use crate::place::Place;
use crate::program::{Ended, FORGET};

/// A place with so many snapshots of one series.
fn with_snapshots(count: usize) -> (Place, Vec<String>) {
    let place = Place::new();
    let back_up = |number| {
        place.change(&format!("file {number}"));
        place.back_up()
    };
    let ids = (0..count).map(back_up).collect();
    (place, ids)
}

#[test]
fn rules_forget_what_none_of_them_keeps() {
    let (place, ids) = with_snapshots(4);
    let forget = |more: &[&str]| {
        place
            .run(FORGET)
            .args(&["--json", "--keep-last", "2"])
            .args(more)
    };
    let dry = forget(&["--dry-run"]).expect(0);
    assert_eq!(dry.result()["dry_run"], true);
    assert_eq!(place.count_snapshots(), 4);
    let done = forget(&[]).expect(0);
    let verdicts = |ended: &Ended| -> BTreeMap<String, String> {
        let text = |value: &Value| value.as_str().unwrap().to_owned();
        let lines = ended.of_type("decision");
        lines
            .iter()
            .map(|line| (text(&line["snapshot"]), text(&line["verdict"])))
            .collect()
    };
    assert_eq!(verdicts(&dry), verdicts(&done));
    assert!(
        verdicts(&done)
            .keys()
            .eq(ids.iter().collect::<BTreeSet<_>>())
    );
    for line in done.of_type("decision") {
        assert!(!line["reasons"].as_array().unwrap().is_empty(), "{line}");
    }
    assert_eq!(place.count_snapshots(), 2);
    assert_eq!(done.result()["forgotten"].as_array().unwrap().len(), 2);
}

#[test]
fn snapshots_are_forgotten_by_name() {
    let (place, ids) = with_snapshots(2);
    let done = place.run(FORGET).args(&["--json", &ids[0][..12]]).expect(0);
    assert_eq!(done.result()["forgotten"][0], ids[0]);
    place.run(FORGET).arg(&ids[0]).expect(1);
    // The last one of its history goes only if that is said.
    let refused = place.run(FORGET).args(&["--json", &ids[1]]).expect(1);
    assert_eq!(refused.of_type("error")[0]["kind"], "Invalid");
    assert_eq!(place.count_snapshots(), 1);
    let said = refused.of_type("error")[0]["message"]
        .as_str()
        .unwrap()
        .to_owned();
    assert!(said.contains("series="), "{said}");
    place
        .run(FORGET)
        .args(&["--allow-empty", "*", "--group-by", "*", &ids[1]])
        .expect(0);
    assert_eq!(place.count_snapshots(), 0);
}

#[test]
fn only_what_is_selected_is_looked_at() {
    let (place, _) = with_snapshots(2);
    let rules = ["--json", "--keep-last", "1", "--host", "another"];
    let done = place.run(FORGET).args(&rules).expect(0);
    assert!(done.of_type("decision").is_empty());
    // A mistyped tag keeps nothing, so everything would go.
    place.run(FORGET).args(&["--keep-tag", "prdo"]).expect(1);
    assert_eq!(place.count_snapshots(), 2);
}

#[test]
fn what_to_forget_must_be_said_and_only_once() {
    let (place, ids) = with_snapshots(1);
    let said = place.run(FORGET).expect(2).said();
    assert!(said.contains("--keep-daily"), "{said}");
    place
        .run(FORGET)
        .args(&["--keep-last", "1", &ids[0]])
        .expect(2);
    for wrong in [
        ["--keep-last", "0"],
        ["--keep-daily", "-1"],
        ["--keep-within", "5"],
    ] {
        place.run(FORGET).args(&wrong).expect(2);
    }
    assert_eq!(place.count_snapshots(), 1);
}
