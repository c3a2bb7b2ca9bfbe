use super::*;
use crate::testing::{DAY, HOUR, Log, START, now, policy};

const NIGHTLY: &str = r#"
    [resource.db]
    kind = "postgresql"
    schedule = { when = "daily 22:00", window = ["22:00-04:00"], start_within = "1h" }
"#;

fn at(day: i64) -> i64 {
    START + day * DAY + 22 * HOUR
}

fn log(days: i64, minutes: impl Fn(i64) -> i64) -> Log {
    let mut log = Log::default();
    for day in 0..days {
        log.backup("db", "nas", at(day) + 60, minutes(day) * 60);
    }
    log
}

fn report(log: &Log, days: i64) -> WindowReport {
    let policy = policy(NIGHTLY);
    let resource = policy.resources.get("db").unwrap();
    window(
        &History::from_events(&log.events),
        &policy,
        resource,
        now(START + days * DAY),
    )
}

#[test]
fn slack_is_what_is_left_of_the_window() {
    let report = report(&log(40, |_| 120), 40);
    assert_eq!(report.slack_p50_seconds, Some(4 * HOUR - 60));
    assert_eq!(report.share_in_time(), Some(1.0));
    let forecast = report.forecast.unwrap();
    assert_eq!(
        (forecast.due, forecast.complete_by),
        (at(40), at(40) + 6 * HOUR)
    );
    assert_eq!(forecast.end_p50, at(40) + 2 * HOUR + 60);
    assert!(!forecast.is_at_risk && forecast.overruns_in_runs.is_none());
}

#[test]
fn fewer_than_fourteen_runs_claim_nothing() {
    let report = report(&log(13, |_| 500), 14);
    assert_eq!((report.forecast, report.slack_slope_seconds), (None, None));
    assert_eq!(
        report.overran.len(),
        13,
        "what was seen is said nevertheless"
    );
}

#[test]
fn a_run_that_grows_is_foreseen_before_it_overruns() {
    // Six hours are allowed; it takes four, and five minutes more each night.
    let log = log(20, |day| 240 + 5 * day);
    let report = report(&log, 20);
    assert_eq!(report.overran, []);
    let slope = report.slack_slope_seconds.unwrap();
    assert!((slope + 300.0).abs() < 1.0, "{slope}");
    let forecast = report.forecast.unwrap();
    assert!(
        (2..=5).contains(&forecast.overruns_in_runs.unwrap()),
        "{forecast:?}"
    );
    assert!(!forecast.is_at_risk);
}

#[test]
fn late_overrunning_skipped_and_overlapping_runs_are_told_apart() {
    let mut log = log(20, |_| 60);
    log.backup("db", "nas", at(20) + 2 * HOUR, HOUR);
    log.backup("db", "nas", at(21) + 60, 7 * HOUR);
    // Nothing on day 22.
    log.backup("db", "nas", at(23) + 60, 25 * HOUR);
    let report = report(&log, 26);
    assert_eq!(report.started_late.len(), 1);
    assert_eq!(report.overran.len(), 2);
    assert_eq!(report.overlapped.len(), 1);
    assert!(report.skipped >= 1);
    assert!(report.share_in_time().unwrap() < 0.9);
}

#[test]
fn the_share_of_runs_that_would_be_too_late_is_counted() {
    let log = log(40, |day| if day % 10 == 0 { 400 } else { 100 });
    let forecast = report(&log, 40).forecast.unwrap();
    assert!((forecast.overrun_share - 0.1).abs() < 0.01 && forecast.is_at_risk);
    assert_eq!(forecast.end_p50, at(40) + 100 * 60 + 60);
}

#[test]
fn one_stuck_run_is_slow_and_does_not_change_what_is_usual() {
    let mut log = log(30, |day| 60 + day % 3);
    let slow = |log: &Log| {
        let history = History::from_events(&log.events);
        durations(&history, "db", now(START + 60 * DAY)).remove(0)
    };
    assert!(!slow(&log).is_slow);
    log.backup("db", "nas", at(30), 10 * HOUR);
    let stuck = slow(&log);
    assert!(stuck.is_slow && stuck.z.unwrap() > 3.5);
    assert_eq!(stuck.median_seconds, 3660.0);
    log.backup("db", "nas", at(31), HOUR);
    assert!(!slow(&log).is_slow);
    assert!(durations(&History::default(), "db", now(START)).is_empty());
}
