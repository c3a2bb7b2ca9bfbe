//! Runs under a policy, and what the journal says of them.

use std::fs;
use std::path::{Path, PathBuf};

use strongroom::blocking::Repository;
use strongroom::evidence::{
    Body, ErrorClass, Event, Fact, Job, Record, Run, RunOutcome, Verified, counter,
};
use strongroom::{Credential, store_at};

use crate::check::{damage, packs};
use crate::place::Place;
use crate::program::{CHECK, Ended, PASSWORD, Program, init};

const RUN: &str = env!("CARGO_BIN_EXE_sr-run");

/// A policy with one resource, `mail`, of which this is all that differs.
fn policy(place: &Place, resource: &str) -> PathBuf {
    let repository = |name: &str| {
        format!("[repository.{name}]\nowner = \"ops\"\nmedium = \"disk\"\nsite = \"hq\"\n")
    };
    let text = format!(
        "format = 1\nname = \"test\"\nrevision = 1\nowner = \"ops\"\ntimezone = \"UTC\"\nsite = \"hq\"\n\
        {}{}[resource.mail]\nkind = \"files\"\nowner = \"ops\"\n{resource}",
        repository("nas"),
        repository("vault"),
    );
    let file = place.at("policy.toml");
    fs::write(&file, text).unwrap();
    file
}

fn paths(place: &Place) -> String {
    format!("paths = [\"{}\"]\n", place.at("source").display())
}

fn program(place: &Place, file: &Path) -> Program {
    place
        .run(RUN)
        .arg(file)
        .arg("mail")
        .arg("--json")
        .arg("--state")
        .arg(place.at("state"))
}

fn run(place: &Place, file: &Path, more: &[&str], status: i32) -> Ended {
    program(place, file).args(more).expect(status)
}

fn events(place: &Place) -> Vec<Event> {
    let store = store_at(place.at("repository")).unwrap();
    let credential = Credential::passphrase(PASSWORD);
    let repository = Repository::builder(store).open(&credential).unwrap();
    repository.events(0).unwrap().0
}

fn runs(place: &Place) -> Vec<Run> {
    let records = events(place).into_iter().filter_map(|event| event.record);
    records
        .filter_map(|record| match record.fact {
            Fact::Run(run) => {
                assert_eq!(record.head.resource.as_deref(), Some("mail"));
                assert!(record.head.policy.is_some());
                Some(run)
            }
            _ => None,
        })
        .collect()
}

fn codes(run: &Run) -> Vec<(&str, ErrorClass)> {
    run.errors
        .iter()
        .map(|one| (&*one.code, one.class))
        .collect()
}

#[test]
fn a_run_and_its_copy_are_in_the_journal_with_the_policy() {
    let place = Place::new();
    init(&place.at("vault"));
    let marks = place.at("marks");
    let hooks = format!(
        "source = {{ exclude = [\"*.tmp\"], before = \"echo before >> {0}\", after = \"echo $STRONGROOM_OUTCOME >> {0}\" }}\n",
        marks.display()
    );
    let file = policy(
        &place,
        &format!(
            "{}{hooks}copies = {{ to = [\"nas\", \"vault\"] }}\n",
            paths(&place)
        ),
    );
    fs::write(place.at("source").join("left.tmp"), "left out").unwrap();
    let vault = format!("vault={}", place.at("vault").display());
    let ended = run(
        &place,
        &file,
        &["--now", "--at", &vault, "--actor", "Ada"],
        0,
    );
    assert_eq!(ended.of_type("run").len(), 2);
    assert_eq!(fs::read_to_string(&marks).unwrap(), "before\nok\n");
    assert!(!place.restored().join("left.tmp").exists());

    let all = events(&place);
    let policies = all.iter().filter(|one| matches!(one.body, Body::Policy(_)));
    assert_eq!(policies.count(), 1);
    let found = runs(&place);
    let [backup, copy] = found.as_slice() else {
        panic!("{found:?}");
    };
    assert_eq!(
        (&backup.job, backup.outcome),
        (&Job::Backup, RunOutcome::Ok)
    );
    assert_eq!((&*backup.repository, backup.attempt), ("nas", 1));
    assert!(backup.capture <= backup.durable && backup.capture.is_some());
    assert!(
        all.iter()
            .any(|one| one.snapshot.is_some() && one.snapshot == backup.snapshot)
    );
    assert!(backup.counters["files"] >= 40 && backup.counters["requests"] > 0);
    let phases: Vec<_> = backup
        .phases
        .iter()
        .map(|(name, _)| name.as_str())
        .collect();
    assert_eq!(phases, ["open", "before", "backup", "after"]);
    assert_eq!((&copy.job, copy.outcome), (&Job::Copy, RunOutcome::Ok));
    assert_eq!(
        (&*copy.repository, copy.from.as_deref()),
        ("vault", Some("nas"))
    );
    assert!(!all.iter().any(|one| format!("{one:?}").contains("Ada")));

    again_with_a_new_file(&place, &file, &vault);
}

/// The same policy is in force already, a second copy has less to do, and what is new is counted.
fn again_with_a_new_file(place: &Place, file: &Path, vault: &str) {
    place.change("added.new");
    run(place, file, &["--now", "--at", vault], 0);
    let changed = &runs(place)[2].counters;
    let counted = [
        "files_new",
        "files_changed",
        "files_deleted",
        "extensions_new",
    ]
    .map(|name| changed[name]);
    assert_eq!(counted, [1, 0, 0, 1]);
    let again = events(place);
    let policies = again
        .iter()
        .filter(|one| matches!(one.body, Body::Policy(_)));
    assert_eq!((policies.count(), runs(place).len()), (1, 4));
}

#[test]
fn a_run_that_fails_is_recorded_and_what_it_stopped_goes_on() {
    let place = Place::new();
    let marks = place.at("marks");
    let hooks = format!(
        "source = {{ before = \"exit 7\", after = \"echo $STRONGROOM_OUTCOME >> {}\" }}\n",
        marks.display()
    );
    let file = policy(
        &place,
        &format!("{}{hooks}copies = {{ to = [\"nas\"] }}\n", paths(&place)),
    );
    run(&place, &file, &["--now"], 1);
    assert_eq!(fs::read_to_string(&marks).unwrap(), "failed\n");
    assert_eq!(place.count_snapshots(), 0);
    let found = runs(&place);
    assert_eq!(found[0].outcome, RunOutcome::Failed);
    assert_eq!(codes(&found[0]), [("hook-failed", ErrorClass::Software)]);
    // What it said in full is sealed, for who has the keys.
    let sealed = events(&place).into_iter().find_map(|event| event.sealed);
    assert!(
        String::from_utf8(sealed.unwrap())
            .unwrap()
            .contains("exit 7")
    );
}

#[test]
fn what_may_go_better_is_tried_again() {
    let place = Place::new();
    let marker = place.at("marker").display().to_string();
    let command = format!(
        "command = [\"sh\", \"-c\", \"test -e {marker} || {{ touch {marker}; exit 1; }}; echo data\"]\n"
    );
    let file = policy(
        &place,
        &format!(
            "{command}copies = {{ to = [\"nas\"] }}\nschedule = {{ retries = 1, retry_delay = \"0s\" }}\n"
        ),
    );
    run(&place, &file, &["--now"], 0);
    let found = runs(&place);
    assert_eq!((found.len(), found[0].attempt), (1, 2));
    assert_eq!(found[0].outcome, RunOutcome::OkWithNotices);
    assert_eq!(codes(&found[0]), [("source", ErrorClass::Source)]);
    // Only so often.
    let file = policy(
        &place,
        "command = [\"false\"]\ncopies = { to = [\"nas\"] }\nschedule = { retries = 2, retry_delay = \"0s\" }\n",
    );
    run(&place, &file, &["--now"], 1);
    let failed = runs(&place).pop().unwrap();
    assert_eq!((failed.outcome, failed.attempt), (RunOutcome::Failed, 3));
    assert_eq!(failed.errors[0].count, 3);
}

#[test]
fn a_run_that_cannot_be_recorded_is_recorded_by_the_next() {
    let place = Place::new();
    let file = policy(
        &place,
        &format!("{}copies = {{ to = [\"nas\"] }}\n", paths(&place)),
    );
    fs::rename(place.at("repository"), place.at("away")).unwrap();
    let ended = run(&place, &file, &["--now"], 1);
    assert!(ended.of_type("run")[0]["entry"].is_null());
    fs::rename(place.at("away"), place.at("repository")).unwrap();
    run(&place, &file, &["--now"], 0);
    let found: Vec<_> = runs(&place).iter().map(|run| run.outcome).collect();
    assert_eq!(found, [RunOutcome::Failed, RunOutcome::Ok]);
    run(&place, &file, &["--now"], 0);
    assert_eq!(runs(&place).len(), 3);
}

#[test]
fn who_comes_too_late_is_sent_away_and_it_is_written_down_once() {
    let place = Place::new();
    // Due three hours ago, and so late that nothing else is due soon.
    let now = strongroom::Components::default().clock.now().seconds;
    let minutes = (now / 60 - 180).rem_euclid(1_440);
    let schedule = format!(
        "schedule = {{ when = \"daily {:02}:{:02}\", start_within = \"1h\" }}\n",
        minutes / 60,
        minutes % 60
    );
    let file = policy(
        &place,
        &format!("{}copies = {{ to = [\"nas\"] }}\n{schedule}", paths(&place)),
    );
    run(&place, &file, &[], 1);
    let found = runs(&place);
    assert_eq!((found.len(), found[0].outcome), (1, RunOutcome::Expired));
    let late = found[0].started.seconds - found[0].due.unwrap().seconds;
    assert!((10_800..10_900).contains(&late), "{late}");
    let ended = run(&place, &file, &[], 0);
    assert_eq!(ended.result()["outcome"], "not-due");
    assert_eq!((runs(&place).len(), place.count_snapshots()), (1, 0));
    run(&place, &file, &["--now"], 0);
    assert_eq!(place.count_snapshots(), 1);
}

#[test]
fn what_a_policy_does_not_say_is_not_run() {
    let place = Place::new();
    let nas = "copies = { to = [\"nas\"] }\n";
    let file = policy(&place, &format!("{}{nas}", paths(&place)));
    // No schedule.
    run(&place, &file, &[], 2);
    run(&place, &file, &["--now", "--name", "vault"], 2);
    run(&place, &file, &["--now", "--at", "vault=/nowhere"], 2);
    let unknown = place.run(RUN).arg(&file).arg("files").arg("--now");
    unknown.arg("--state").arg(place.at("state")).expect(2);
    let file = policy(
        &place,
        &format!("{}{nas}retired = 2020-01-01\n", paths(&place)),
    );
    run(&place, &file, &["--now"], 2);
    assert!(runs(&place).is_empty());
}

fn records(place: &Place) -> Vec<Record> {
    let events = events(place).into_iter();
    events.filter_map(|event| event.record).collect()
}

/// Returns the last record of a verification, and whether it is of the last run.
fn verified(place: &Place) -> Option<(Verified, bool)> {
    let all = records(place);
    let run = all.iter().rfind(|one| matches!(one.fact, Fact::Run(_)))?;
    all.iter().rev().find_map(|one| match &one.fact {
        Fact::Verified(fact) => {
            assert_eq!(one.head.resource, run.head.resource);
            assert_eq!(one.head.policy, run.head.policy);
            Some((fact.clone(), one.head.answers == [run.head.id]))
        }
        _ => None,
    })
}

fn verifying(place: &Place, level: &str) -> PathBuf {
    let wanted = format!("verification = {{ after_run = \"{level}\" }}\n");
    policy(
        place,
        &format!("{}{wanted}copies = {{ to = [\"nas\"] }}\n", paths(place)),
    )
}

#[test]
fn what_a_run_made_is_verified_as_deep_as_the_policy_says() {
    let place = Place::new();
    run(&place, &verifying(&place, "none"), &["--now"], 0);
    assert_eq!(verified(&place), None);
    for (level, number) in [("L0", 0), ("L2", 2), ("L3", 3)] {
        let ended = run(&place, &verifying(&place, level), &["--now"], 0);
        let (fact, is_of_run) = verified(&place).unwrap();
        assert!(is_of_run, "{level}");
        assert_eq!((fact.level, &*fact.repository), (number, "nas"));
        assert_eq!((fact.damaged, fact.snapshot), (0, None));
        assert_eq!(fact.coverage.0, fact.coverage.1, "nobody had read it");
        let said = ended.of_type("verified");
        assert_eq!(said[0]["level"], level);
        let last = runs(&place).pop().unwrap();
        assert_eq!(last.outcome, RunOutcome::Ok);
        assert!(last.phases.iter().any(|(name, _)| name == "verify"));
    }
    // What was read once is not read again.
    place.change("added.new");
    run(&place, &verifying(&place, "L3"), &["--now"], 0);
    let (fact, _) = verified(&place).unwrap();
    assert!(fact.coverage.0 < fact.coverage.1, "{fact:?}");
    run(&place, &verifying(&place, "L4"), &["--now"], 0);
    let (fact, _) = verified(&place).unwrap();
    let last = runs(&place).pop().unwrap();
    assert_eq!((fact.level, fact.snapshot), (4, last.snapshot));
}

#[test]
fn a_check_that_knows_the_name_in_the_policy_is_on_record() {
    let place = Place::new();
    run(&place, &verifying(&place, "none"), &["--now"], 0);
    place.run(CHECK).args(&["--level", "L2"]).expect(0);
    assert_eq!(verifications(&place), []);
    let check = place.run(CHECK).args(&["--level", "L2", "--name", "nas"]);
    check.expect(0);
    let [fact] = verifications(&place).try_into().unwrap();
    assert_eq!((&*fact.repository, fact.level), ("nas", 2));
    assert_eq!(fact.choice.as_deref(), Some("all"));
    assert!(fact.entry.is_some() && fact.coverage.0 == fact.coverage.1);
}

fn verifications(place: &Place) -> Vec<Verified> {
    let facts = records(place).into_iter().map(|record| record.fact);
    facts
        .filter_map(|fact| match fact {
            Fact::Verified(fact) => Some(fact),
            _ => None,
        })
        .collect()
}

#[test]
fn a_run_whose_verification_finds_damage_has_failed() {
    let place = Place::new();
    run(&place, &verifying(&place, "none"), &["--now"], 0);
    damage(&packs(&place)[0]);
    place.change("added.new");
    let ended = run(&place, &verifying(&place, "L3"), &["--now"], 4);
    assert_eq!(ended.of_type("verified")[0]["damaged"], 1);
    let last = runs(&place).pop().unwrap();
    assert_eq!(last.outcome, RunOutcome::Failed);
    assert_eq!(
        codes(&last),
        [("verification-damaged", ErrorClass::Hardware)]
    );
    assert!(last.snapshot.is_some(), "it was made all the same");
    let (fact, is_of_run) = verified(&place).unwrap();
    assert_eq!((fact.damaged, fact.unresolved, is_of_run), (1, 1, true));
}

#[test]
fn canaries_and_files_that_are_not_what_they_are_called_are_counted() {
    let place = Place::new();
    let canary = place.at("source").join("canary.pdf");
    fs::write(&canary, "%PDF-1.7 nobody").unwrap();
    fs::write(place.at("source").join("old.png"), "never was one").unwrap();
    let watched = "anomaly = { canaries = [\"canary.pdf\"], detectors = [\"canary\"] }\n";
    let rest = format!("{}copies = {{ to = [\"nas\"] }}\n", paths(&place));
    let file = policy(&place, &format!("{rest}{watched}"));
    let count = |run: &Run| {
        [counter::CANARIES_CHANGED, counter::MAGIC_MISMATCH]
            .map(|name| run.counters.get(name).copied())
    };
    run(&place, &file, &["--now"], 0);
    assert_eq!(count(&runs(&place)[0]), [None, None], "nothing to compare");
    // What was written just before a run is read again by the next.
    run(&place, &file, &["--now"], 0);
    place.change("other.new");
    run(&place, &file, &["--now"], 0);
    assert_eq!(count(&runs(&place)[2]), [Some(0), Some(0)]);
    fs::write(&canary, "noise of the same").unwrap();
    run(&place, &file, &["--now"], 0);
    assert_eq!(count(&runs(&place)[3]), [Some(1), Some(1)]);
    fs::remove_file(&canary).unwrap();
    run(&place, &file, &["--now"], 0);
    let last = runs(&place).pop().unwrap();
    assert_eq!(count(&last), [Some(1), Some(0)]);
    assert_eq!(last.outcome, RunOutcome::OkWithNotices);
    assert_eq!(
        codes(&last),
        [("canary-missing", ErrorClass::Configuration)]
    );
    // Who names none does not measure them.
    let file = policy(&place, &rest);
    run(&place, &file, &["--now"], 0);
    assert_eq!(count(&runs(&place).pop().unwrap()), [None, Some(0)]);
}
