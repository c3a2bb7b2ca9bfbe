//! What a journal comes to under a policy.

use std::fs;
use std::path::PathBuf;

use crate::place::Place;

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
    fs::create_dir_all(place.at("source")).unwrap();
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
