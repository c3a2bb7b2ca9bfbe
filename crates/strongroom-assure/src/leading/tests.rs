use std::collections::BTreeMap;

use strongroom_format::record::counter::{REQUESTS, RETRIES};
use strongroom_format::record::{Attested, Capacity, Verified};

use super::*;
use crate::testing::{DAY, HOUR, Log, START, now, policy, time};

const DB: &str = r#"
    [resource.db]
    kind = "postgresql"
    schedule = { when = "daily 22:00", window = ["22:00-04:00"] }
    verification = { ages = { L2 = "8d" } }
"#;

fn found(log: &Log, days: i64) -> Vec<IndicatorKind> {
    let policy = policy(DB);
    let resource = policy.resources.get("db").unwrap();
    let history = History::from_events(&log.events);
    let found = indicators(&history, &policy, resource, now(START + days * DAY));
    found.iter().map(|one| one.kind).collect()
}

fn log(days: i64, retries: impl Fn(i64) -> u64, minutes: impl Fn(i64) -> i64) -> Log {
    let mut log = Log::default();
    for day in 0..days {
        let counted = [(REQUESTS, 1_000), (RETRIES, retries(day))];
        log.backup_with(
            "db",
            "nas",
            START + day * DAY + 22 * HOUR,
            minutes(day) * 60,
            &counted,
        );
        if day % 7 == 0 {
            let whole = Verified {
                repository: "nas".to_owned(),
                level: 2,
                coverage: (1, 1),
                ..Verified::default()
            };
            log.record(START + day * DAY + 29 * HOUR, None, whole);
        }
    }
    log
}

#[test]
fn a_quiet_resource_has_no_indicator() {
    assert_eq!(found(&log(36, |_| 5, |_| 100), 36), []);
    assert_eq!(found(&Log::default(), 36), []);
}

#[test]
fn retries_that_rise_are_told() {
    assert_eq!(
        found(&log(36, |day| if day > 28 { 40 } else { 3 }, |_| 100), 36),
        [IndicatorKind::Retries]
    );
}

#[test]
fn slack_that_shrinks_is_told_before_a_run_overruns() {
    assert_eq!(
        found(&log(36, |_| 5, |day| 100 + 6 * day), 36),
        [IndicatorKind::Slack]
    );
}

#[test]
fn a_verification_that_stopped_is_a_debt() {
    let mut log = log(15, |_| 5, |_| 100);
    for day in 15..24 {
        log.backup("db", "nas", START + day * DAY + 22 * HOUR, HOUR);
    }
    assert_eq!(found(&log, 24), [IndicatorKind::VerificationDebt]);
}

#[test]
fn locks_and_certificates_that_end_are_told() {
    let mut log = Log::default();
    let lock = |until| Capacity {
        repository: "vault".to_owned(),
        locked: 1,
        locked_until: Some(time(until)),
        ..Capacity::default()
    };
    log.record(START, None, lock(START + 5 * DAY));
    let attested = Attested {
        what: "certificate".to_owned(),
        holds: true,
        values: BTreeMap::from([("expires".to_owned(), (START + 6 * DAY).to_string())]),
        ..Attested::default()
    };
    log.record(START, None, attested);
    let history = History::from_events(&log.events);
    let week = |at| {
        let found = endings(&history, 7 * 86_400, now(at));
        found.iter().map(|one| one.kind).collect::<Vec<_>>()
    };
    assert_eq!(
        week(START),
        [IndicatorKind::LockEnds, IndicatorKind::KeyEnds]
    );
    assert_eq!(week(START - 3 * DAY), []);
    log.record(START + DAY, None, lock(START + 100 * DAY));
    let later = History::from_events(&log.events);
    assert_eq!(
        endings(&later, 7 * 86_400, now(START + 2 * DAY)).len(),
        1,
        "the lock was extended"
    );
}
