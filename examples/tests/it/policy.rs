//! A policy at a command line: what is wrong with it, what it comes to, and what a new version weakens.

use std::fs;
use std::path::{Path, PathBuf};

use crate::program::{Ended, Program};

const POLICY: &str = env!("CARGO_BIN_EXE_sr-policy");

fn starter(name: &str) -> PathBuf {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../docs/process/policies");
    folder.join(name)
}

fn policy(command: &str, files: &[&Path], more: &[&str], status: i32) -> Ended {
    let mut program = Program::bare(POLICY)
        .args(&["--now", "2026-12-02T10:00:00+01:00", command])
        .args(more);
    for file in files {
        program = program.arg(file);
    }
    program.expect(status)
}

#[test]
fn a_weaker_version_is_caught_and_a_broken_one_is_no_policy() {
    let scratch = tempfile::tempdir().unwrap();
    let company = starter("company.toml");
    let text = fs::read_to_string(&company).unwrap();
    assert_eq!(policy("lint", &[&company], &[], 0).stdout, "");

    let weaker = scratch.path().join("weaker.toml");
    fs::write(&weaker, text.replace("for = \"35d\"", "for = \"34d\"")).unwrap();
    let ended = policy("diff", &[&company, &weaker], &[], 3);
    assert!(
        ended
            .stdout
            .starts_with("weaker immutability.for: 35d → 34d (defaults) [")
    );
    policy("diff", &[&weaker, &company], &[], 0);
    let found = ["--inventory", company.to_str().unwrap()];
    let named = policy("diff", &[&weaker, &company], &found, 0).stdout;
    assert!(
        named.ends_with("0 resources of the inventory are not in the policy\n"),
        "{named}"
    );
    let home = starter("home.toml");
    let found = ["--inventory", home.to_str().unwrap()];
    let unnamed = policy("diff", &[&company, &company], &found, 0).stdout;
    assert!(
        unnamed.ends_with("2 resources of the inventory are not in the policy\n"),
        "{unnamed}"
    );
    let json = policy("diff", &[&company, &weaker], &["--json"], 3).stdout;
    let json: serde_json::Value = serde_json::from_str(&json).unwrap();
    assert_eq!(json["diff"]["changes"][0]["direction"], "weaker");

    let impossible = scratch.path().join("impossible.toml");
    fs::write(&impossible, text.replace("rpo = \"30h\"", "rpo = \"24h\"")).unwrap();
    let ended = policy("lint", &[&impossible], &[], 3);
    assert!(
        ended
            .stdout
            .contains("error [rpo-impossible] defaults.objectives.rpo")
    );

    let broken = scratch.path().join("broken.toml");
    fs::write(&broken, text.replace("rpo = \"30h\"", "rpo = 30")).unwrap();
    let ended = policy("lint", &[&broken], &[], 1);
    let place = ":111:7: expected a length of time such as \"24h\", found a number (30 of what?";
    assert!(ended.stderr.contains(place), "{}", ended.stderr);
}

#[test]
fn what_holds_is_explained_simulated_and_due() {
    let company = starter("company.toml");
    let explained = policy("explain", &[&company], &["--resource", "ledger"], 0).stdout;
    assert!(
        explained.contains("keeps everything for 10y [class books]"),
        "{explained}"
    );
    policy("explain", &[&company], &["--resource", "no-such"], 2);
    let simulated = policy("simulate", &[&company], &["--years", "1"], 0).stdout;
    assert_eq!(
        simulated.matches(", within the RPO of ").count(),
        8,
        "{simulated}"
    );
    let due = policy("due", &[&company], &["--within", "13h"], 0).stdout;
    assert!(
        due.contains(
            "2026-12-02T22:30:00+01:00 backup of ledger, begins by 2026-12-03T00:00:00+01:00"
        ),
        "{due}"
    );
    policy("coverage", &[&company], &[], 0);
    let calendar = policy("calendar", &[&company], &["--within", "2d"], 0).stdout;
    assert!(calendar.starts_with("BEGIN:VCALENDAR"));
}

#[test]
fn schedulers_get_their_files_and_editors_the_schema() {
    let scratch = tempfile::tempdir().unwrap();
    let home = starter("home.toml");
    let out = scratch.path().join("units");
    let folder = out.to_str().unwrap();
    policy("units", &[&home], &["--out", folder, "--user", "backup"], 0);
    let timer = fs::read_to_string(out.join("strongroom-laptop.timer")).unwrap();
    assert!(
        timer.contains("OnCalendar=*-*-* 20:0:00 Europe/Berlin\n"),
        "{timer}"
    );
    let jobs = policy("units", &[&home], &["--host", "kubernetes"], 0).stdout;
    assert_eq!(jobs.matches("kind: CronJob").count(), 2);
    let schema: serde_json::Value =
        serde_json::from_str(&policy("schema", &[], &[], 0).stdout).unwrap();
    let published = fs::read_to_string(starter("../policy.schema.json")).unwrap();
    assert_eq!(
        schema,
        serde_json::from_str::<serde_json::Value>(&published).unwrap()
    );
}
