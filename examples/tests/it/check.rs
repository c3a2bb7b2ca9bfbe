//! Checking: what is found, what is proved, and what is remembered.

use std::fs;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use serde_json::Value;
use strongroom::blocking::{self, Repository};
use strongroom::verify::{AuditScope, Auditor, CheckOptions, PackSelection};
use strongroom::{Clock as _, Credential, SystemClock, Time, store_at};

use crate::objects::objects;
use crate::place::Place;
use crate::program::{CHECK, Ended, KEYS, PASSWORD, Program};

fn check(place: &Place, more: &[&str]) -> Program {
    place.run(CHECK).arg("--json").args(more)
}

/// The packs of a repository, the largest first: that is one of content.
pub(crate) fn packs(place: &Place) -> Vec<PathBuf> {
    let root = place.at("repository");
    let mut packs: Vec<_> = objects(&root)
        .into_keys()
        .filter(|name| name.starts_with("pack/"))
        .map(|name| root.join(name))
        .collect();
    packs.sort_by_key(|path| std::cmp::Reverse(fs::metadata(path).unwrap().len()));
    packs
}

/// Flips a bit in the middle of a file.
pub(crate) fn damage(path: &std::path::Path) {
    let mut bytes = fs::read(path).unwrap();
    let middle = bytes.len() / 2;
    bytes[middle] ^= 1;
    let mut permissions = fs::metadata(path).unwrap().permissions();
    #[expect(clippy::permissions_set_readonly_false, reason = "a file of the test")]
    permissions.set_readonly(false);
    fs::set_permissions(path, permissions).unwrap();
    fs::write(path, bytes).unwrap();
}

fn statements(ended: &Ended) -> Vec<String> {
    let text = |line: &Value| line["text"].as_str().unwrap().to_owned();
    ended.of_type("statement").iter().map(text).collect()
}

#[test]
fn an_intact_repository_is_intact_at_every_level() {
    let place = Place::new();
    place.back_up();
    for level in ["L0", "L1", "L2", "L3", "L4"] {
        let ended = check(&place, &["--level", level, "--no-record"]).expect(0);
        let result = ended.result();
        assert_eq!(result["intact"], true, "{result}");
        assert_eq!(result["level"], level);
        assert_eq!(result["evidence"], Value::Null);
    }
    check(&place, &["--check-parity", "--no-record"]).expect(0);
    let said = place.run(CHECK).expect(0).said();
    assert!(said.contains("checked to L3 decoded"), "{said}");
    assert!(
        said.contains("every pack was read at L3 decoded: none of"),
        "{said}"
    );
    assert!(said.contains("evidence is in journal entry"), "{said}");
}

#[test]
fn damage_is_found_and_has_an_exit_status_of_its_own() {
    let place = Place::new();
    place.back_up();
    let pack = packs(&place).remove(0);
    damage(&pack);
    let ended = check(&place, &[]).expect(4);
    let name = pack.file_name().unwrap().to_str().unwrap().to_owned();
    let findings = ended.of_type("finding");
    let is_it = |line: &Value| line["subject"].as_str().unwrap().contains(&name);
    assert!(findings.iter().any(is_it), "{findings:?}");
    assert_eq!(ended.result()["intact"], false);
    // Missing is damage too, and only what looks finds it.
    fs::remove_file(&pack).unwrap();
    check(&place, &["--level", "L0"]).expect(4);
}

#[test]
fn who_has_fewer_keys_sees_less_and_is_told_so() {
    let place = Place::new();
    place.back_up();
    let keyless = check(&place, &["--no-keys", "--level", "L1"]).expect(0);
    assert!(keyless.result()["head"].is_u64() && keyless.result()["evidence"].is_null());
    let keyless = check(&place, &["--no-keys"]).expect(3);
    assert_eq!(keyless.result()["level"], "L1");
    for (structure, level, status) in [(true, "L2", 3), (false, "L3", 0)] {
        let file = place.at(if structure { "structure" } else { "content" });
        let export = place.run(KEYS).arg("export-audit").arg(&file);
        let export = if structure {
            export.arg("--structure")
        } else {
            export
        };
        export.expect(0);
        let audited = check(&place, &["--audit-keys"])
            .arg(&file)
            .password("not the password")
            .expect(status)
            .result();
        assert_eq!(audited["level"], level);
        assert_eq!(audited["intact"], true);
        assert_eq!(audited["evidence"], Value::Null);
        // A file is never overwritten.
        place.run(KEYS).arg("export-audit").arg(&file).expect(1);
    }
    let mut pack = fs::read(packs(&place).remove(0)).unwrap();
    pack.truncate(100);
    fs::write(place.at("no keys"), pack).unwrap();
    check(&place, &["--audit-keys"])
        .arg(place.at("no keys"))
        .expect(2);
}

#[test]
fn checks_go_on_where_the_last_one_ended() {
    let place = Place::new();
    place.back_up();
    let read = |ended: &Ended| {
        let lines = ended.of_type("coverage");
        let of = |line: &&Value| line["area"] == "packs" && line["level"] == "L3";
        let packs = lines.iter().find(of);
        packs.map_or(0, |line| line["bytes"].as_u64().unwrap())
    };
    let first = check(&place, &["--max-age", "30d"]).expect(0);
    assert!(read(&first) > 0);
    let second = check(&place, &["--max-age", "30d"]).expect(0);
    assert!(
        read(&second) < read(&first) / 2,
        "{} {}",
        read(&second),
        read(&first)
    );
    assert!(
        statements(&second)[0]
            .starts_with("every pack was read at L3 decoded within the last 30 days (oldest "),
        "{:?}",
        statements(&second)
    );
    // At a deeper level it has nothing to go on from, as far as files are concerned; packs were read.
    check(&place, &["--max-age", "30d", "--level", "L4"]).expect(0);
    let all = check(&place, &["--max-age", "0"]).expect(0);
    assert_eq!(read(&all), read(&first));
}

#[test]
fn a_sample_says_what_it_proves() {
    let place = Place::new();
    place.back_up();
    let ended = check(&place, &["--confidence", "95%", "--below", "50%"]).expect(0);
    let said = statements(&ended).remove(0);
    assert!(
        said.starts_with("95 % sure that fewer than 50 % of packs are damaged: "),
        "{said}"
    );
    let figures = &ended.of_type("statement")[0]["figures"];
    assert!(figures["at_most"].as_u64().unwrap() < figures["packs"].as_u64().unwrap());
    let head = ended.result()["head"].as_u64().unwrap();
    assert!(
        said.ends_with(&format!("seed = journal head {head}")),
        "{said}"
    );
    let ended = check(&place, &["--sample", "10%"]).expect(0);
    assert!(
        statements(&ended)[0].contains("99 % sure")
            || statements(&ended)[0].contains("nothing is known")
    );
    let round = check(&place, &["--rolling", "1d", "--sample", "1%"]).expect(0);
    let round = statements(&round);
    assert!(
        round
            .iter()
            .any(|said| said.starts_with("100 % of a round of day")),
        "{round:?}"
    );
}

#[test]
fn a_round_that_is_late_is_partial() {
    let place = Place::new();
    place.back_up();
    // All but the last second of a round was read three days ago.
    let credential = Credential::passphrase(PASSWORD);
    let open = || Repository::builder(store_at(place.at("repository")).unwrap());
    let repository = open().open(&credential).unwrap();
    let keys = repository.audit_keys(AuditScope::Content).unwrap();
    let now = SystemClock::default().now();
    let then = Time::new(now.seconds - 3 * 86_400, 0);
    let mut packs = PackSelection::all();
    packs.all = false;
    packs.rolling = Some(Duration::from_secs(86_401));
    let options = CheckOptions::new(then).with_packs(packs);
    let auditor = Auditor::new(store_at(place.at("repository")).unwrap()).with_keys(keys);
    let report = blocking::check(auditor, options, Arc::new(())).unwrap();
    repository
        .record_evidence(report.evidence("test", 0).unwrap())
        .unwrap();

    let ended = check(&place, &["--rolling", "25h"]).expect(3);
    assert_eq!(ended.result()["intact"], true);
    let said = statements(&ended);
    assert!(
        said.iter().any(|said| said.starts_with("100 % of a round")),
        "{said:?}"
    );
    let is_late =
        |said: &String| said.contains("packs were not read at L3 decoded within the last");
    assert!(said.iter().any(is_late), "{said:?}");
    // Reading all of it makes up for that.
    check(&place, &[]).expect(0);
    check(&place, &["--rolling", "25h"]).expect(0);
}

#[test]
fn options_that_make_no_sense_are_refused() {
    let place = Place::new();
    for wrong in [
        ["--level", "L7"],
        ["--sample", "10"],
        ["--below", "200%"],
        ["--max-age", "soon"],
        ["--snapshot", "latest"],
    ] {
        place.run(CHECK).args(&wrong).expect(2);
    }
    place
        .run(CHECK)
        .args(&["--sample", "1%", "--below", "1%"])
        .expect(2);
    place.run(CHECK).args(&["--level", "L6"]).expect(1);
    Program::new(CHECK, &place.at("nowhere")).expect(1);
    place.run(CHECK).password("wrong").expect(1);
}
