//! What people did, recorded from a command line, and holds.

use std::fs;

use strongroom::blocking::Repository;
use strongroom::evidence::{ActionState, Event, Fact, IncidentState};
use strongroom::{Credential, ObjectHash, store_at};

use crate::place::Place;
use crate::program::{FORGET, PASSWORD, PRUNE};

const RECORD: &str = env!("CARGO_BIN_EXE_sr-record");
const HOLD: &str = env!("CARGO_BIN_EXE_sr-hold");

fn records(place: &Place) -> Vec<Event> {
    let store = store_at(place.at("repository")).unwrap();
    let credential = Credential::passphrase(PASSWORD);
    let repository = Repository::builder(store).open(&credential).unwrap();
    let (mut events, _) = repository.events(0).unwrap();
    events.retain(|event| event.record.is_some());
    events
}

fn record(place: &Place, words: &[&str]) -> String {
    let ended = place.run(RECORD).arg("--json").args(words).expect(0);
    ended.result()["id"].as_str().unwrap().to_owned()
}

#[test]
fn what_people_did_is_in_the_journal_and_who_it_was_is_sealed() {
    let place = Place::new();
    let opened = record_six(&place);
    let all = records(&place);
    assert_eq!(all.len(), 6);
    let sealed = String::from_utf8(all[0].sealed.clone().unwrap()).unwrap();
    assert!(sealed.contains("Ada") && sealed.contains("all were there"));
    assert!(all[1].sealed.is_none());
    let head = &all[0].record.as_ref().unwrap().head;
    assert!(head.actor.is_some());
    assert_six(&all, &opened);
    // A word that means nothing is no record.
    place
        .run(RECORD)
        .args(&["incident", "2026-4", "finished"])
        .expect(2);
    assert_eq!(records(&place).len(), 6);
}

/// Records one of many kinds, and returns the id of the incident's first.
fn record_six(place: &Place) -> String {
    let minutes = place.at("minutes");
    fs::write(&minutes, "nothing new").unwrap();
    let minutes = minutes.to_str().unwrap();
    let met = [
        "obligation",
        "obligation.status-meeting",
        "--attachment",
        minutes,
        "--pages",
        "2",
    ];
    record(
        place,
        &[&met[..], &["--by", "Ada", "--note", "all were there"]].concat(),
    );
    record(
        place,
        &[
            "sign-off",
            minutes,
            "--role",
            "data-owner",
            "--decision",
            "approved",
        ],
    );
    let opened = record(place, &["incident", "2026-4", "open", "--resource", "mail"]);
    record(
        place,
        &[
            "incident",
            "2026-4",
            "closed",
            "--cause",
            "network",
            "--waiver",
            "--answers",
            &opened,
        ],
    );
    record(
        place,
        &[
            "action",
            "A-1",
            "C-02:mail",
            "not-effective",
            "--due",
            "2026-12-02T10:00:00Z",
        ],
    );
    record(
        place,
        &[
            "attest",
            "clock",
            "--of",
            "nas",
            "--fails",
            "--value",
            "skew_ms=9000",
        ],
    );
    opened
}

fn assert_six(all: &[Event], opened: &str) {
    let facts: Vec<_> = all
        .iter()
        .map(|event| &event.record.as_ref().unwrap().fact)
        .collect();
    let [
        Fact::Obligation(met),
        Fact::SignOff(given),
        _,
        Fact::Incident(closed),
        Fact::Action(action),
        Fact::Attested(seen),
    ] = facts.as_slice()
    else {
        panic!("{facts:?}");
    };
    let hash = ObjectHash::of(b"nothing new");
    assert_eq!((met.attachment, met.pages), (Some(hash), 2));
    assert_eq!(given.document, hash);
    assert_eq!((closed.step, closed.waiver), (IncidentState::Closed, true));
    let answered = &all[3].record.as_ref().unwrap().head.answers;
    assert_eq!(answered[0].to_string(), opened);
    assert_eq!(action.step, ActionState::NotEffective);
    assert!(!seen.holds && seen.values["skew_ms"] == "9000");
}

#[test]
fn names_that_the_policy_does_not_have_are_recorded_with_a_warning() {
    let place = Place::new();
    let said = |words: &[&str]| place.run(RECORD).args(words).expect(0).stderr;
    assert_eq!(said(&["obligation", "obligation.drils"]), "", "no policy");
    let text = "format = 1\nname = \"t\"\nrevision = 1\nowner = \"ops\"\nreason = \"r\"\ntimezone = \"UTC\"\n\
        [repository.nas]\nmedium = \"disk\"\nsite = \"hq\"\nencrypted = true\n\
        [obligation.drills]\nkind = \"drill\"\nowner = \"ops\"\nreason = \"r\"\nevery = \"6mo\"\n\
        [resource.mail]\nkind = \"files\"\nowner = \"ops\"\npaths = [\"/srv\"]\n";
    let store = store_at(place.at("repository")).unwrap();
    let credential = Credential::passphrase(PASSWORD);
    let repository = Repository::builder(store).open(&credential).unwrap();
    let set = repository.set_policy(text.as_bytes().to_vec(), strongroom_policy::MEDIA_TYPE);
    set.unwrap();
    assert_eq!(said(&["obligation", "obligation.drills"]), "");
    assert_eq!(said(&["obligation", "drills", "--resource", "mail"]), "");
    assert_eq!(said(&["attest", "lock", "--of", "nas"]), "");
    let before = records(&place).len();
    for (words, what) in [
        (
            &["obligation", "obligation.drils"][..],
            "obligation \"obligation.drils\"",
        ),
        (&["attest", "lock", "--of", "nass"], "repository \"nass\""),
        (
            &["incident", "I-1", "open", "--resource", "mial"],
            "resource \"mial\"",
        ),
    ] {
        let warned = said(words);
        assert!(
            warned.contains(&format!("the policy in force has no {what}")),
            "{warned}"
        );
    }
    assert_eq!(records(&place).len(), before + 3);
}

#[test]
fn a_hold_is_placed_listed_and_released() {
    let place = Place::new();
    let snapshot = place.back_up();
    let hold = |words: &[&str]| place.run(HOLD).arg("--json").args(words);
    let placed = hold(&["place", &snapshot[..8], "--reason", "a case"]).expect(0);
    let id = placed.result()["hold"].as_str().unwrap().to_owned();
    let listed = hold(&["list"]).expect(0).of_type("hold");
    assert_eq!(
        (listed.len(), listed[0]["snapshots"][0].as_str()),
        (1, Some(&*snapshot))
    );
    hold(&["release", "what"]).expect(2);
    hold(&["release", &id]).expect(0);
    assert!(hold(&["list"]).expect(0).of_type("hold").is_empty());
}

#[test]
fn a_deletion_is_recorded_under_the_name_that_the_policy_has() {
    let place = Place::new();
    let old = place.back_up();
    fs::remove_dir_all(place.at("source/large")).unwrap();
    place.back_up();
    place.run(FORGET).arg(&old).expect(0);
    let everything = [
        "--max-unused",
        "0%",
        "--delete-after",
        "0",
        "--record",
        "nas",
    ];
    let pruned = place.run(PRUNE).arg("--json").args(&everything).expect(0);
    let all = records(&place);
    let [Fact::Deleted(fact)] = [&all[0].record.as_ref().unwrap().fact] else {
        panic!("{all:?}");
    };
    assert_eq!((all.len(), fact.repository.as_str()), (1, "nas"));
    let deleted = pruned.result()["deleted_objects"].as_u64().unwrap();
    assert!((1..=deleted).contains(&fact.objects), "{fact:?}");
}
