//! A real repository's journal is logged, witnessed and bundled, and the bundle is verified when the repository is gone.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use crate::place::Place;
use crate::program::{AUDIT, BACKUP, Ended, Program};

const LOG: &str = "backup.example/vault";

/// A repository with a log, and a witness at another place.
struct Audited {
    place: Place,
}

impl Audited {
    fn new() -> Self {
        let audited = Self {
            place: Place::new(),
        };
        let key = |file: &str, name: &str| {
            let made = Program::bare(AUDIT).arg("key");
            made.arg(audited.at(file)).arg(name)
        };
        let log = key("log.key", LOG).expect(0).stdout;
        let witness = key("witness.key", "auditor.example")
            .arg("--witness")
            .expect(0)
            .stdout;
        let policy = format!("log {log}witness auditor {witness}quorum auditor\n");
        fs::write(audited.at("trust"), policy).unwrap();
        fs::write(audited.at("trust-log"), format!("log {log}quorum none\n")).unwrap();
        audited
    }

    fn at(&self, name: &str) -> PathBuf {
        self.place.at(name)
    }

    fn run(&self, verb: &str) -> Program {
        Program::bare(AUDIT).arg(verb)
    }

    /// A verb that needs a repository and a log.
    fn on(&self, verb: &str, repository: &str, ledger: &str) -> Program {
        let program = self.run(verb).arg("--no-cache").arg("--json");
        let program = program.arg("--repo").arg(self.at(repository));
        let program = program.arg("--ledger").arg(self.at(ledger));
        program.arg("--log-key").arg(self.at("log.key"))
    }

    fn back_up(&self, repository: &str, change: &str) {
        self.place.change(change);
        let backup = Program::new(BACKUP, &self.at(repository));
        backup.arg(self.at("source")).expect(0);
    }

    /// Brings the log up to date and returns its size.
    fn checkpoint(&self, repository: &str, ledger: &str) -> u64 {
        let kept = self.on("checkpoint", repository, ledger).expect(0);
        kept.result()["size"].as_u64().unwrap()
    }

    /// Asks the witness by a file, and takes its answer home.
    fn witness(&self, ledger: &str, old: u64, status: i32) -> Ended {
        let (request, answer) = (self.at("request"), self.at("answer"));
        let asked = self.run("request").arg("--ledger").arg(self.at(ledger));
        asked
            .arg("--old")
            .arg(old.to_string())
            .arg(&request)
            .expect(0);
        let witness = self.run("witness").arg("--key").arg(self.at("witness.key"));
        let witness = witness.arg("--state").arg(self.at("witness.state"));
        let witness = witness.arg("--trust").arg(self.at("trust"));
        let answered = witness.arg(&request).arg(&answer).expect(status);
        let merged = self.run("merge").arg("--ledger").arg(self.at(ledger));
        let enough = if status == 0 { 0 } else { 3 };
        merged
            .arg("--trust")
            .arg(self.at("trust"))
            .arg(&answer)
            .expect(enough);
        answered
    }

    fn bundle(&self, repository: &str, ledger: &str, file: &str) -> Program {
        let bundle = self.on("bundle", repository, ledger);
        bundle
            .arg("--trust")
            .arg(self.at("trust"))
            .arg(self.at(file))
    }

    fn verify(&self, trust: &str, file: &str) -> Program {
        let verify = self.run("verify").arg("--json").arg("--complete");
        verify.arg("--trust").arg(self.at(trust)).arg(self.at(file))
    }

    /// Verifies with what is remembered of the log.
    fn remember(&self, trust: &str, file: &str) -> Program {
        self.verify(trust, file)
            .arg("--memory")
            .arg(self.at("memory"))
    }

    fn copy(&self, from: &str, to: &str) {
        let copied = Command::new("cp")
            .arg("-a")
            .arg(self.at(from))
            .arg(self.at(to))
            .status();
        assert!(copied.unwrap().success());
    }
}

fn refused(ended: &Ended, reason: &str) {
    let result = ended.result();
    let found = result["refused"].as_str().unwrap();
    assert!(found.contains(reason), "{found}");
}

#[test]
fn a_bundle_outlives_its_repository() {
    let audited = Audited::new();
    audited.copy("repository", "younger");
    audited.back_up("repository", "one");
    audited.copy("repository", "fork");
    let first = audited.checkpoint("repository", "ledger");
    audited.witness("ledger", 0, 0);
    audited
        .bundle("repository", "ledger", "first.audit")
        .expect(0);
    fs::copy(audited.at("ledger").join("checkpoint"), audited.at("last")).unwrap();

    audited.back_up("repository", "two");
    let second = audited.checkpoint("repository", "ledger");
    assert!(second > first);
    assert_eq!(audited.checkpoint("repository", "ledger"), second);
    audited.witness("ledger", first, 0);
    fs::write(audited.at("report.md"), "# All is well\n").unwrap();
    let bundle = audited.bundle("repository", "ledger", "second.audit");
    let bundle = bundle
        .arg("--last")
        .arg(audited.at("last"))
        .arg("--sensitive");
    bundle
        .arg("--report")
        .arg(audited.at("report.md"))
        .expect(0);

    forge(&audited, first);
    fs::remove_dir_all(audited.at("repository")).unwrap();
    fs::remove_dir_all(audited.at("ledger")).unwrap();

    let report = audited.remember("trust", "first.audit").expect(0);
    assert_eq!(report.result()["size"], first);
    let report = audited
        .remember("trust", "second.audit")
        .arg("--entries")
        .expect(0);
    let result = report.result();
    assert_eq!(
        (&result["size"], &result["audited"], &result["left_out"]),
        (&second.into(), &first.into(), &0.into())
    );
    assert!(result["witnesses"]["auditor"].as_u64().unwrap() > 1_700_000_000);
    assert_eq!(result["files"][0], "report.md");
    let entries = report.of_type("entry");
    assert_eq!(entries[0]["what"], "genesis");
    let commits = entries.iter().filter(|entry| entry["what"] == "commit");
    assert_eq!(
        commits
            .filter(|entry| entry["standing"] == "signed")
            .count(),
        2
    );
    lies(&audited, first, second);
}

/// What somebody who has the log's key makes of other histories.
fn forge(audited: &Audited, first: u64) {
    // The journal is truncated: its own log notices, and one that is begun anew shows it.
    let shorter = audited.checkpoint("younger", "ledger-younger");
    assert!(shorter < first);
    let noticed = audited.on("checkpoint", "younger", "ledger").expect(1);
    assert!(noticed.said().contains("went back"), "{}", noticed.said());
    audited
        .bundle("younger", "ledger-younger", "younger.audit")
        .expect(0);
    // Another history after the first backup, longer than the true one.
    for change in ["three", "four", "five", "six"] {
        audited.back_up("fork", change);
    }
    let noticed = audited.on("checkpoint", "fork", "ledger").expect(1);
    let reason = format!("another history: entry {first} is not the one that was logged");
    assert!(noticed.said().contains(&reason), "{}", noticed.said());
    audited.checkpoint("fork", "ledger-fork");
    let witnessed = audited.witness("ledger-fork", 0, 4);
    assert!(witnessed.stdout.starts_with("409"), "{}", witnessed.stdout);
    audited
        .bundle("fork", "ledger-fork", "fork.audit")
        .expect(0);
}

fn lies(audited: &Audited, first: u64, second: u64) {
    // Nobody has seen these heads; and whoever asks no witness remembers.
    for forged in ["younger.audit", "fork.audit"] {
        refused(&audited.verify("trust", forged).expect(4), "quorum");
    }
    let refuse =
        |file: &str, reason: &str| refused(&audited.remember("trust-log", file).expect(4), reason);
    refuse(
        "younger.audit",
        &format!("the log went back from {second} entries"),
    );
    refuse(
        "fork.audit",
        &format!("there are two histories of {second} entries"),
    );
    refuse(
        "first.audit",
        &format!("an old head of {first} entries is shown again"),
    );
    // One byte, in the middle of it.
    let mut bytes = fs::read(audited.at("second.audit")).unwrap();
    let middle = bytes.len() / 2;
    bytes[middle] ^= 1;
    fs::write(audited.at("flipped.audit"), &bytes).unwrap();
    refuse("flipped.audit", "altered");
    bytes.truncate(middle);
    fs::write(audited.at("flipped.audit"), &bytes).unwrap();
    refuse("flipped.audit", "not valid");
    // What is remembered is as it was.
    audited.remember("trust", "second.audit").expect(0);
    let other = "00".repeat(32);
    let verify = audited
        .verify("trust", "second.audit")
        .arg("--genesis")
        .arg(other);
    refused(&verify.expect(4), "Genesis");
}

#[test]
fn a_log_gets_another_key_and_is_witnessed_by_nobody_else() {
    let audited = Audited::new();
    audited.back_up("repository", "one");
    audited.checkpoint("repository", "ledger");
    let new = audited
        .run("key")
        .arg(audited.at("new.key"))
        .arg(LOG)
        .expect(0)
        .stdout;
    let rotate = audited
        .run("rotate")
        .arg("--ledger")
        .arg(audited.at("ledger"));
    let rotate = rotate.arg("--log-key").arg(audited.at("log.key"));
    rotate.arg("--new-key").arg(audited.at("new.key")).expect(0);
    fs::rename(audited.at("new.key"), audited.at("log.key")).unwrap();
    audited.back_up("repository", "two");
    audited.checkpoint("repository", "ledger");
    audited
        .bundle("repository", "ledger", "rotated.audit")
        .expect(0);
    // Whoever knows the first key follows; whoever knows the last one needs not.
    audited.verify("trust-log", "rotated.audit").expect(0);
    fs::write(audited.at("trust-log"), format!("log {new}quorum none\n")).unwrap();
    audited.verify("trust-log", "rotated.audit").expect(0);
    refused(
        &audited.verify("trust", "rotated.audit").expect(4),
        "quorum",
    );
    assert_files(&audited.at("ledger"));
}

/// Static files, as C2SP tlog-tiles has them.
fn assert_files(ledger: &Path) {
    assert!(ledger.join("checkpoint").is_file());
    for folder in ["tile/0", "tile/entries"] {
        assert!(ledger.join(folder).join("000.p").is_dir(), "{folder}");
    }
    assert!(ledger.join("rotation/000").is_file());
}
