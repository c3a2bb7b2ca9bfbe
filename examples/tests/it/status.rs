//! What a journal comes to under a policy.

use std::fs;
use std::path::PathBuf;

use strongroom::blocking::Repository;
use strongroom::evidence::{
    Event, Fact, Job, Record, Run, RunOutcome, Suspect, SuspectState, counter,
};
use strongroom::{Credential, Id, Time, store_at};

use crate::place::Place;
use crate::program::{FORGET, PASSWORD};

const RUN: &str = env!("CARGO_BIN_EXE_sr-run");
const STATUS: &str = env!("CARGO_BIN_EXE_sr-status");

/// A policy with one resource, whose repository is at hand.
fn policy(place: &Place) -> PathBuf {
    let text = format!(
        "format = 1\nname = \"test\"\nrevision = 1\nowner = \"ops\"\nreason = \"r\"\ntimezone = \"UTC\"\nsite = \"hq\"\n\
         [defaults]\nowner = \"ops\"\nreason = \"r\"\nobjectives = {{ rpo = \"36h\" }}\n\
         schedule = {{ when = \"daily 02:00\" }}\ncopies = {{ to = [\"nas\"] }}\n\
         [repository.nas]\nowner = \"ops\"\nreason = \"r\"\nmedium = \"disk\"\nsite = \"hq\"\nurl = \"{}\"\nencrypted = true\n\
         [resource.mail]\nkind = \"files\"\nowner = \"ops\"\npaths = [\"{}\"]\n",
        place.at("repository").display(),
        place.at("source").display()
    );
    let file = place.at("policy.toml");
    fs::write(&file, text).unwrap();
    file
}

#[test]
fn a_report_comes_out_of_the_journal_and_says_what_it_does_not_prove() {
    let place = Place::new();
    fs::write(place.at("source").join("letter"), "hello").unwrap();
    let file = policy(&place);
    let run = place
        .run(RUN)
        .arg(&file)
        .arg("mail")
        .args(&["--json", "--now"]);
    run.arg("--state").arg(place.at("state")).expect(0);

    let status = |more: &[&str], wanted| {
        place
            .run(STATUS)
            .arg("--policy")
            .arg(&file)
            .args(more)
            .expect(wanted)
            .stdout
    };
    let text = status(&[], 3);
    assert!(text.starts_with("# Status of backups"), "{text}");
    assert!(text.contains("controls evaluated: "), "{text}");
    assert!(text.contains("## What this does not prove"), "{text}");
    assert!(!text.to_lowercase().contains("compliant"), "{text}");
    assert!(text.contains("| mail |"), "{text}");
    let json = status(
        &["--report", "gap", "--framework", "gdpr", "--format", "json"],
        3,
    );
    let json: serde_json::Value = serde_json::from_str(&json).unwrap();
    assert_eq!((&json["kind"], &json["schema"]), (&"gap".into(), &1.into()));
    status(&["--report", "gap"], 2);
    status(&["--report", "gap", "--framework", "no-such-law"], 2);
    // A week later nothing was recorded: what was known is no longer.
    let later = status(&["--report", "audit", "--now", "2040-01-01T00:00:00Z"], 3);
    assert!(
        later.contains("nothing was recorded for longer than that"),
        "{later}"
    );
}

#[test]
fn a_point_that_looks_wrong_is_recorded_and_the_clean_ones_before_it_are_held_once() {
    let place = Place::new();
    let file = policy(&place);
    let repository = opened(&place);
    let clean = back_up(&place, &repository, 7_200, 0);
    place.change("ransom-note");
    let bad = back_up(&place, &repository, 3_600, 1);
    let react = || {
        let status = place.run(STATUS).args(&["--react", "--policy"]).arg(&file);
        status.expect(4).stderr
    };
    let first = react();
    let raised = format!("mail: snapshot {bad} is suspect: canary\n");
    assert!(first.starts_with(&raised), "{first}");
    assert!(first.contains("mail: 1 clean points more are held, by hold "));
    let said = suspects(&repository);
    assert!(said.iter().all(|one| one.snapshot == bad));
    let [raised, held] = said.as_slice() else {
        panic!("{said:?}");
    };
    assert_eq!(
        (&raised.state, &*raised.signals),
        (&SuspectState::Raised, &["canary".to_owned()][..])
    );
    let holds = repository.holds().unwrap();
    assert_eq!(holds.len(), 1);
    assert_eq!(holds[0].snapshots, [clean]);
    assert_eq!(held.state, SuspectState::HeldClean { hold: holds[0].id });

    assert_eq!(react(), "", "nothing is done twice");
    assert_eq!(suspects(&repository).len(), 2);
    assert_eq!(repository.holds().unwrap().len(), 1);
    drop(place.run(FORGET).arg(clean.to_string()).run());
    assert_eq!(place.count_snapshots(), 2, "it is held");
    place
        .run(STATUS)
        .args(&["--react", "--now", "2040-01-01T00:00:00Z"])
        .expect(2);
}

fn opened(place: &Place) -> Repository {
    let store = store_at(place.at("repository")).unwrap();
    let credential = Credential::passphrase(PASSWORD);
    Repository::builder(store).open(&credential).unwrap()
}

/// A backup whose record says that it shows the data of some time ago, and how many canaries were touched.
fn back_up(place: &Place, repository: &Repository, ago: i64, canaries: u64) -> Id {
    let snapshot = Id::parse(&place.back_up()).unwrap();
    let mut head = repository.record_head().unwrap();
    head.resource = Some("mail".to_owned());
    let at = Time::new(head.at.seconds - ago, 0);
    let run = Run {
        job: Job::Backup,
        repository: "nas".to_owned(),
        outcome: RunOutcome::Ok,
        attempt: 1,
        started: at,
        ended: at,
        capture: Some(at),
        durable: Some(at),
        snapshot: Some(snapshot),
        counters: [(counter::CANARIES_CHANGED.to_owned(), canaries)].into(),
        ..Run::default()
    };
    let record = Record::new(head, run.into());
    repository.record(&record, None).unwrap();
    snapshot
}

fn suspects(repository: &Repository) -> Vec<Suspect> {
    let (events, _) = repository.events(0).unwrap();
    let suspect = |event: &Event| match event.record.as_ref().map(|record| &record.fact) {
        Some(Fact::Suspect(fact)) => Some(fact.clone()),
        _ => None,
    };
    events.iter().filter_map(suspect).collect()
}
