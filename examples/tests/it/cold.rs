//! Cold storage: what a restore says that it needs, and how it asks for it.

use crate::compare::assert_identical;
use crate::place::Place;
use crate::program::{BACKUP, RESTORE};

#[test]
fn a_plan_names_packs_and_costs_and_restores_nothing() {
    let place = Place::new();
    place.back_up();
    let plan = place
        .run(RESTORE)
        .args(&["latest", "--plan", "--json"])
        .expect(0);
    let plan = &plan.of_type("plan")[0];
    let packs = plan["packs"].as_array().unwrap();
    assert!(!packs.is_empty() && packs.iter().all(|pack| pack["state"].is_null()));
    assert!(plan["requests"].as_u64().unwrap() >= packs.len() as u64);
    assert!(plan["bytes"].as_u64().unwrap() > 0 && plan["cold"] == 0);
    let asked = place
        .run(RESTORE)
        .args(&["latest", "--plan", "--json", "--warm", "false"])
        .expect(0);
    let asked = &asked.of_type("plan")[0];
    let is_ready = |pack: &serde_json::Value| pack["state"] == "ready";
    assert!(asked["packs"].as_array().unwrap().iter().all(is_ready));
}

#[test]
fn what_is_ready_is_not_asked_for_and_is_restored() {
    let place = Place::new();
    let source = place.at("source");
    place.run(BACKUP).arg("--cold").arg(&source).expect(0);
    let target = place.at("warm");
    let asked = place.at("asked");
    let command = format!("cat >> {}", asked.display());
    place
        .run(RESTORE)
        .args(&["latest", "--wait", "1h", "--warm", &command, "--target"])
        .arg(&target)
        .expect(0);
    assert!(!asked.exists());
    assert_identical(&source, &target);
}
