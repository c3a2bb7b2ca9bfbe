use strongroom_format::record::Run;
use strongroom_format::{Body, ObjectHash};

use super::*;
use crate::testing::{DAY, HOUR, Log, START, now, policy, run, time};

const NIGHTLY: &str = r#"
    [resource.db]
    kind = "postgresql"
    schedule = { when = "daily 22:00", complete_within = "8h" }
"#;

fn fates(log: &Log, more: &str, days: i64) -> Vec<Fate> {
    of(log, more, days)
        .runs
        .iter()
        .map(|one| one.fate)
        .collect()
}

fn of(log: &Log, more: &str, days: i64) -> Expectations {
    let policy = policy(more);
    let history = History::from_events(&log.events);
    let resource = policy.resources.get("db").unwrap();
    expectations(&history, &policy, resource, START, now(START + days * DAY))
}

fn at(day: i64) -> i64 {
    START + day * DAY + 22 * HOUR
}

#[test]
fn every_attempt_for_a_run_is_one_run() {
    let mut log = Log::default();
    log.failure("db", "nas", at(0), HOUR);
    log.failure("db", "nas", at(0) + HOUR, HOUR);
    log.backup("db", "nas", at(0) + 2 * HOUR, HOUR);
    log.failure("db", "nas", at(1), HOUR);
    log.backup("db", "nas", at(2) + 9 * HOUR, 2 * HOUR);
    let found = of(&log, NIGHTLY, 4);
    let fates: Vec<Fate> = found.runs.iter().map(|one| one.fate).collect();
    assert_eq!(fates, [Fate::Ok, Fate::Failed, Fate::Missed, Fate::Pending]);
    assert_eq!(found.runs[0].attempts.len(), 3);
    assert_eq!(
        found.unexpected, 1,
        "what began nine hours later was not for that"
    );
}

#[test]
fn a_late_run_of_its_due_time_counts_and_is_late() {
    let mut log = Log::default();
    let fact = Run {
        due: Some(time(at(0))),
        ..run("nas", at(0) + 2 * HOUR, 9 * HOUR, RunOutcome::Ok)
    };
    log.record(at(0) + 11 * HOUR, Some("db"), fact);
    let found = of(&log, NIGHTLY, 2);
    let first = &found.runs[0];
    assert_eq!(first.fate, Fate::Ok);
    assert!(first.has_started_late() && first.has_overrun());
}

#[test]
fn what_is_not_heard_of_is_pending_until_it_could_have_ended() {
    let mut log = Log::default();
    for day in 0..6 {
        log.backup("db", "nas", at(day), 5 * HOUR);
    }
    let policy = policy(NIGHTLY);
    let history = History::from_events(&log.events);
    let resource = policy.resources.get("db").unwrap();
    let fate = |hours| {
        let found = expectations(
            &history,
            &policy,
            resource,
            START,
            now(at(6) + hours * HOUR),
        );
        found.runs.last().unwrap().fate
    };
    // Due 22:00, begins by 23:00, missed at 24:00, and such runs take five hours.
    assert_eq!(
        (fate(3), fate(6), fate(7)),
        (Fate::Pending, Fate::Pending, Fate::Missed)
    );
}

#[test]
fn a_watcher_can_say_that_a_run_was_missed() {
    let mut log = Log::default();
    let fact = Run {
        due: Some(time(at(0))),
        ..run("nas", at(0), 0, RunOutcome::Missed)
    };
    log.record(at(0) + 3 * HOUR, Some("db"), fact);
    let first = &of(&log, NIGHTLY, 2).runs[0];
    assert_eq!((first.fate, first.attempts.len()), (Fate::Missed, 1));
}

#[test]
fn a_suspended_resource_is_still_due_and_an_exempt_one_until_its_end() {
    let log = Log::default();
    let suspended = r#"
        [resource.db]
        kind = "postgresql"
        schedule = { when = "daily 22:00", enabled = false }
    "#;
    let found = of(&log, suspended, 5);
    assert!(found.is_suspended && found.runs.len() == 5);
    assert_eq!(found.runs[0].fate, Fate::Missed);
    let exempt = format!(
        "{suspended}\n[exemption.move]\nreason = \"It moves.\"\nmatch = {{ id = [\"db\"] }}\nfrom = [\"schedule\"]\nuntil = 2026-01-08\n"
    );
    let found = of(&log, &exempt, 5);
    assert_eq!(
        (found.exempt, found.runs.len()),
        (3, 2),
        "an exemption ends"
    );
    let retired = r#"
        [resource.db]
        kind = "postgresql"
        schedule = { when = "daily 22:00" }
        retired = 2026-01-07
    "#;
    assert_eq!(fates(&log, retired, 5).len(), 2);
}

#[test]
fn the_policy_of_then_says_what_was_due_then() {
    let mut log = Log::default();
    let weekly = policy(&NIGHTLY.replace("daily 22:00", "weekly wed 22:00"));
    let text = weekly.to_toml();
    let body = strongroom_format::Policy {
        hash: ObjectHash::of(text.as_bytes()),
        document: Some(text.into_bytes()),
        media_type: strongroom_policy::MEDIA_TYPE.to_owned(),
        ..Default::default()
    };
    log.add(START - DAY, Body::Policy(body));
    let text = policy(NIGHTLY).to_toml();
    let body = strongroom_format::Policy {
        hash: ObjectHash::of(text.as_bytes()),
        document: Some(text.into_bytes()),
        media_type: strongroom_policy::MEDIA_TYPE.to_owned(),
        ..Default::default()
    };
    log.add(START + 14 * DAY, Body::Policy(body));
    assert_eq!(fates(&log, NIGHTLY, 17).len(), 2 + 3);
}

#[test]
fn a_window_ends_what_a_run_may_take() {
    let windowed = r#"
        [resource.db]
        kind = "postgresql"
        schedule = { when = "daily 22:00", window = ["22:00-02:00"] }
    "#;
    let found = of(&Log::default(), windowed, 2);
    assert_eq!(found.runs[0].complete_by, at(0) + 4 * HOUR);
}

#[test]
fn what_was_created_today_has_missed_nothing() {
    let mut policy = policy(NIGHTLY);
    policy.effective = None;
    let mut log = Log::default();
    log.backup("db", "nas", at(9), HOUR);
    log.failure("db", "nas", at(10), HOUR);
    let resource = policy.resources.get("db").unwrap();
    let fates = |log: &Log| -> Vec<Fate> {
        let history = History::from_events(&log.events);
        let until = now(START + 13 * DAY);
        let found = expectations(&history, &policy, resource, START, until);
        found.runs.iter().map(|one| one.fate).collect()
    };
    assert_eq!(
        fates(&log),
        [Fate::Ok, Fate::Failed, Fate::Missed, Fate::Pending]
    );
    // Nobody has ever heard of it, though others have evidence since the eleventh day, when it could still begin.
    let mut others = Log::default();
    others.backup("files", "nas", at(10), HOUR);
    assert_eq!(fates(&others), [Fate::Missed, Fate::Missed, Fate::Pending]);
}
