use strongroom_format::record::{
    Drill, DrillVerdict, Job, Run, RunOutcome, Suspect, SuspectState, Verified,
};
use strongroom_policy::Level;

use super::*;
use crate::testing::{DAY, HOUR, Log, START, now, policy, run, time};

const TARGET: &str = r#"
    [resource.db]
    kind = "postgresql"
    objectives = { rpo = "24h", time_within = "90 %" }
"#;

fn measure(log: &Log, options: &RpoOptions, at: i64) -> Rpo {
    let policy = policy(TARGET);
    let resource = policy.resources.get("db").unwrap();
    rpo(
        &History::from_events(&log.events),
        &policy,
        resource,
        options,
        now(at),
    )
}

fn hours(exposure: Exposure) -> u64 {
    exposure.seconds().unwrap() / 3600
}

/// Nightly at 22:00, five hours each.
fn nightly(days: i64) -> Log {
    let mut log = Log::default();
    for day in 0..days {
        log.backup("db", "nas", START + day * DAY + 22 * HOUR, 5 * HOUR);
    }
    log
}

#[test]
fn a_five_hour_nightly_job_has_an_rpo_of_29_hours() {
    let log = nightly(40);
    let at = START + 39 * DAY + 28 * HOUR;
    let options = RpoOptions::default().with_window_seconds(7 * 86_400);
    let measured = measure(&log, &options, at);
    assert_eq!(measured.achieved.to_string(), "29h");
    assert_eq!(measured.n, 7);
    assert_eq!(hours(measured.now), 6);
    assert_eq!(measured.newest_capture, Some(START + 39 * DAY + 22 * HOUR));
    // A target of 24 hours is met for all but five hours of a day.
    let share = measured.time_within().unwrap();
    assert!((share - 19.0 / 24.0).abs() < 0.01, "{share}");
    assert!((measured.budget_spent().unwrap() - 5.0 / 2.4).abs() < 0.1);
    assert_eq!(measured.is_objective_met(), Some(false));
    assert_eq!(measured.is_met_now(), Some(true));
    assert!(!measured.evidence.is_empty());
}

#[test]
fn without_a_backup_everything_is_exposed() {
    let measured = measure(&Log::default(), &RpoOptions::default(), START + 3 * DAY);
    assert_eq!(
        (measured.now, measured.achieved),
        (Exposure::Everything, Exposure::Everything)
    );
    assert_eq!(measured.time_within(), Some(0.0));
    assert_eq!(
        measured.window_seconds(),
        3 * 86_400,
        "it counts from the day of the policy"
    );
    assert_eq!(measured.is_met_now(), Some(false));
}

#[test]
fn what_comes_before_the_first_backup_is_exposed_too() {
    let log = nightly(3);
    let measured = measure(&log, &RpoOptions::default(), START + 3 * DAY + 4 * HOUR);
    assert_eq!(measured.achieved, Exposure::Everything);
    assert_eq!(measured.worst_at, START + 27 * HOUR);
}

#[test]
fn a_failed_run_and_one_that_is_not_durable_yet_count_for_nothing() {
    let mut log = nightly(2);
    log.failure("db", "nas", START + 2 * DAY + 22 * HOUR, HOUR);
    log.backup("db", "nas", START + 3 * DAY + 22 * HOUR, 9 * HOUR);
    let options = RpoOptions::default().with_window_seconds(86_400);
    let measured = measure(&log, &options, START + 4 * DAY + 6 * HOUR);
    assert_eq!(hours(measured.now), 48 + 8);
}

#[test]
fn every_tier_has_its_own() {
    let mut log = nightly(9);
    let copy = Run {
        job: Job::Copy,
        from: Some("nas".to_owned()),
        capture: Some(time(START + 8 * DAY + 22 * HOUR)),
        durable: Some(time(START + 9 * DAY + 10 * HOUR)),
        ..run("vault", START + 9 * DAY + 9 * HOUR, HOUR, RunOutcome::Ok)
    };
    log.record(START + 9 * DAY + 11 * HOUR, Some("db"), copy);
    log.backup("db", "nas", START + 9 * DAY + 22 * HOUR, 5 * HOUR);
    let at = START + 10 * DAY + 4 * HOUR;
    let of = |tier| measure(&log, &RpoOptions::default().with_tier(tier), at).now;
    assert_eq!(hours(of(Tier::Any)), 6);
    assert_eq!(hours(of(Tier::Offsite)), 30);
    assert_eq!(hours(of(Tier::Immutable)), 30);
}

#[test]
fn verified_and_restored_points_count_from_then_on() {
    let mut log = nightly(9);
    let snapshot = log.events[8].snapshot.unwrap();
    let whole = |damaged| Verified {
        repository: "nas".to_owned(),
        level: 3,
        coverage: (10, 10),
        damaged,
        ..Verified::default()
    };
    log.record(START + 9 * DAY + 4 * HOUR, None, whole(0));
    log.backup("db", "nas", START + 9 * DAY + 22 * HOUR, 5 * HOUR);
    log.record(START + 10 * DAY + 4 * HOUR, None, whole(1));
    let drill = Drill {
        snapshot: Some(snapshot),
        verdict: DrillVerdict::Proven,
        ..Drill::default()
    };
    log.record(START + 10 * DAY + 5 * HOUR, Some("db"), drill);
    let at = START + 10 * DAY + 6 * HOUR;
    let of = |quality, level| {
        let options = RpoOptions::default()
            .with_quality(quality)
            .with_level(level);
        measure(&log, &options, at).now
    };
    assert_eq!(
        hours(of(Quality::Verified, Level::L2)),
        24 + 8,
        "the last check found damage"
    );
    assert_eq!(of(Quality::Verified, Level::L4), Exposure::Everything);
    assert_eq!(hours(of(Quality::Restored, Level::L2)), 24 * 5 + 8);
}

#[test]
fn what_is_forgotten_or_found_bad_no_longer_counts() {
    let mut log = nightly(10);
    let newest = log.events[18].snapshot.unwrap();
    let before = log.events[16].snapshot.unwrap();
    log.forget(START + 10 * DAY + 4 * HOUR, &[newest]);
    let at = START + 10 * DAY + 6 * HOUR;
    let options = RpoOptions::default().with_window_seconds(86_400);
    assert_eq!(hours(measure(&log, &options, at).now), 24 + 8);
    let suspect = |clean| Suspect {
        snapshot: before,
        state: SuspectState::Reviewed { clean },
        ..Suspect::default()
    };
    log.record(START + 10 * DAY + 5 * HOUR, Some("db"), suspect(true));
    assert_eq!(hours(measure(&log, &options, at).now), 24 + 8);
    log.record(START + 10 * DAY + 5 * HOUR, Some("db"), suspect(false));
    assert_eq!(hours(measure(&log, &options, at).now), 48 + 8);
    assert_eq!(hours(measure(&log, &options, at).achieved), 48 + 8);
}

#[test]
fn the_ends_of_time_do_not_panic() {
    let log = nightly(2);
    for at in [i64::MIN, i64::MAX, 0] {
        let options = RpoOptions::default().with_window_seconds(u64::MAX);
        let measured = measure(&log, &options, at);
        assert!(measured.from <= measured.until);
    }
}
