use strongroom_format::record::RunOutcome;

use super::*;
use crate::testing::{DAY, HOUR, Log, START, now, policy, run};

const NIGHTLY: &str = r#"
    [resource.db]
    kind = "postgresql"
    schedule = { when = "daily 22:00" }
"#;

fn at(day: i64) -> i64 {
    START + day * super::DAY + 22 * HOUR
}

fn measured(log: &Log, more: &str, days: i64) -> Success {
    let policy = policy(more);
    let resource = policy.resources.get("db").unwrap();
    success(
        &History::from_events(&log.events),
        &policy,
        resource,
        now(START + days * DAY),
    )
}

fn with_failures(days: i64, failed: &[i64]) -> Log {
    let mut log = Log::default();
    for day in 0..days {
        if failed.contains(&day) {
            log.failure("db", "nas", at(day), HOUR);
        } else {
            log.backup("db", "nas", at(day), HOUR);
        }
    }
    log
}

#[test]
fn one_of_thirty_fires_the_rule_and_proves_nothing() {
    let success = measured(&with_failures(30, &[20]), NIGHTLY, 30);
    let month = &success.rates[1];
    assert_eq!((month.days, month.ok, month.expected), (30, 29, 30));
    assert!(month.is_below && !month.is_surely_below);
    assert_eq!(month.evidence.len(), 1);
    assert!(!success.is_acute);
}

#[test]
fn the_rule_and_the_statistics_are_those_of_the_table() {
    for (ok, n, below, surely) in [
        (30, 30, false, false),
        (29, 30, true, false),
        (98, 100, false, false),
        (196, 200, false, false),
        (480, 500, true, true),
        (975, 1000, true, false),
    ] {
        let mut tally = Tally::new(30);
        (tally.rate.ok, tally.rate.expected) = (ok, n);
        let rate = tally.finish(0.98);
        assert_eq!(
            (rate.is_below, rate.is_surely_below),
            (below, surely),
            "{ok}/{n}"
        );
    }
}

#[test]
fn a_stopped_server_fails_every_run() {
    let log = with_failures(40, &[]);
    let success = measured(&log, NIGHTLY, 60);
    assert_eq!(success.rates[0].missed, 6, "the last one has time");
    assert_eq!(success.rates[0].rate, Some(0.0));
    assert!(success.is_acute && success.failures_in_a_row >= 19);
    assert_eq!(success.last_ok_due, Some(at(39)));
    assert!(success.rates[0].is_surely_below);
}

#[test]
fn retries_are_one_run_and_partial_ones_count_by_policy() {
    let mut log = with_failures(8, &[7]);
    log.backup("db", "nas", at(7) + 2 * HOUR, HOUR);
    let success = measured(&log, NIGHTLY, 9);
    assert_eq!((success.rates[1].ok, success.rates[1].retried), (8, 1));
    let mut log = with_failures(7, &[]);
    log.record(
        at(7) + HOUR,
        Some("db"),
        run("nas", at(7), HOUR, RunOutcome::Partial),
    );
    assert_eq!(measured(&log, NIGHTLY, 8).rates[1].ok, 7);
    let counts = format!("{NIGHTLY}\nobjectives = {{ partial_counts = true }}\n");
    let month = measured(&log, &counts, 8).rates[1].clone();
    assert_eq!((month.ok, month.partial), (8, 1));
}

#[test]
fn no_run_due_is_no_rate() {
    let none = "[resource.db]\nkind = \"files\"\n";
    let success = measured(&Log::default(), none, 30);
    assert!(
        success
            .rates
            .iter()
            .all(|rate| rate.rate.is_none() && !rate.is_below)
    );
}

#[test]
fn an_outage_of_the_fleet_burns_fast() {
    let mut more = String::new();
    let mut log = Log::default();
    for i in 0..20 {
        more += &format!(
            "[resource.r{i}]\nkind = \"files\"\nschedule = {{ when = \"daily 22:00\" }}\n"
        );
    }
    for (day, i) in (0..20).flat_map(|day| (0..20).map(move |i| (day, i))) {
        let id = format!("r{i}");
        if day == 19 && i < 8 {
            log.failure(&id, "nas", at(day), HOUR);
        } else {
            log.backup(&id, "nas", at(day), HOUR);
        }
    }
    let (policy, history) = (policy(&more), History::from_events(&log.events));
    let before = fleet(&history, &policy, now(START + 19 * DAY));
    assert!(before.burn.iter().all(|burn| !burn.is_alarm));
    assert_eq!(before.rates[0].expected, 20 * 7);
    let after = fleet(&history, &policy, now(START + 20 * DAY));
    assert!(after.burn[0].is_alarm && after.burn[0].rate.unwrap() > 19.0);
    assert!(!after.burn[1].is_alarm, "over two weeks it is little");
    let empty = fleet(&history, &crate::testing::policy(""), now(START));
    assert_eq!((empty.burn[0].rate, empty.burn[0].is_alarm), (None, false));
}
