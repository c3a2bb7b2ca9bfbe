//! Years in a moment.

use proptest::prelude::*;
use strongroom_retain::{
    Apply, Clocks, ErrorKind, KeepEverything, Moment, Schedule, Span, YEARS_MAX, simulate,
    simulate_with,
};

use crate::history::{moment, rules, some_rules, span};

const START: &str = "2026-11-22T00:30:00+01:00";

fn every(text: &str) -> Schedule {
    Schedule::new(moment(START), text.parse().expect("a span"))
}

fn schedules() -> impl Strategy<Value = Schedule> {
    let within = (0..400_i64, 0..200_i64).prop_map(|(from, days)| {
        let at = |day: i64| Moment::utc(moment(START).unix_seconds + day * 86_400);
        at(from)..at(from + days)
    });
    let shift = prop_oneof![
        Just(-1_800_000_000),
        Just(2_000_000_000),
        -9_000_000..9_000_000_i64
    ];
    let clocks = prop_oneof![Just(Clocks::OfBackup), Just(Clocks::All)];
    let faults = prop::collection::vec((within.clone(), shift, clocks), 0..3);
    let interval = prop_oneof![
        span(),
        (10..100_u32).prop_map(|hours| Span::hours(hours).expect("a span"))
    ];
    let apply = prop_oneof![Just(Apply::EachTime), Just(Apply::Daily)];
    let outages = prop::collection::vec(within, 0..2);
    (interval, 0..300_u32, any::<u64>(), faults, outages, apply).prop_map(
        |(interval, missed, seed, faults, outages, apply)| {
            let mut schedule = Schedule::new(moment(START), interval)
                .with_missed_per_mille(missed, seed)
                .with_apply(apply);
            for (during, shift, clocks) in faults {
                schedule = schedule.with_clock_fault(during, shift, clocks);
            }
            for during in outages {
                schedule = schedule.with_outage(during);
            }
            schedule
        },
    )
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(150))]
    /// The quick way that knows the rules and the slow way that asks each time are one.
    #[test]
    fn rules_are_simulated_as_they_decide(schedule in schedules(), rules in some_rules()) {
        let quick = simulate(&schedule, &rules, 1).unwrap();
        let slow = simulate_with(&schedule, &rules, 1).unwrap();
        prop_assert_eq!(quick, slow);
    }
}

/// A month before 28 March 12:30 is later than a month before 29 March 00:30.
#[test]
fn a_window_that_begins_earlier_than_before() {
    for text in [
        "within=1m last=60",
        "within=1m",
        "within-daily=1m within=1d",
    ] {
        for apply in [Apply::EachTime, Apply::Daily] {
            let schedule = every("12h").with_apply(apply);
            let quick = simulate(&schedule, &rules(text), 2).unwrap();
            assert_eq!(
                quick,
                simulate_with(&schedule, &rules(text), 2).unwrap(),
                "{text}"
            );
        }
    }
}

#[test]
fn ten_years_of_hourly_backups() {
    let rules = rules("hourly=48 daily=14 weekly=8 monthly=24 yearly=12 within=2d");
    let result = simulate(&every("1h"), &rules, 10).unwrap();
    assert_eq!(result.made(), (365 * 10 + 2) * 24 + 24);
    assert_eq!(result.missed(), 0);
    let kept = result.kept().len();
    assert!((80..=48 + 14 + 8 + 24 + 12).contains(&kept), "{kept}");
    assert!(result.most_kept() <= 48 + 14 + 8 + 24 + 12 + 2);
    assert_eq!(result.kept()[0], moment(START));
    assert_eq!(result.ages_seconds().count(), kept);
    assert!(result.ages_seconds().is_sorted_by(|a, b| a > b));
    assert_eq!(result.largest_gap_seconds() / 86_400, 366);
}

/// What keeps everything makes the slow way quadratic.
#[test]
fn ten_years_of_which_everything_is_kept() {
    let result = simulate(
        &every("1h"),
        &rules("last=unlimited within=30y hourly=unlimited"),
        10,
    );
    let result = result.unwrap();
    assert_eq!(result.kept().len() as u64, result.made());
    assert_eq!(result.largest_gap_seconds(), 3600);
    assert_eq!(result.levels().len(), 3653);
    assert_eq!(result.levels()[0].count, 24);
}

#[test]
fn an_outage_loses_nothing() {
    let off = moment("2027-06-01T00:00:00+02:00")..moment("2028-06-01T00:00:00+02:00");
    let schedule = every("1d").with_outage(off.clone());
    let result = simulate(&schedule, &rules("within=14d daily=7"), 1).unwrap();
    assert_eq!(result.kept().len(), 15);
    assert!(result.kept()[14] < off.start);
    assert_eq!(result.made() + result.missed(), 365);
}

#[test]
fn a_fast_clock_costs_no_snapshot() {
    let during = moment("2027-01-10T00:00:00+01:00")..moment("2027-01-12T00:00:00+01:00");
    let rules = rules("daily=7");
    let clean = simulate(&every("12h"), &rules, 1).unwrap();
    for clocks in [Clocks::OfBackup, Clocks::All] {
        let schedule = every("12h").with_clock_fault(during.clone(), 3_000_000_000, clocks);
        let wrong = simulate(&schedule, &rules, 1).unwrap();
        for kept in clean.kept() {
            assert!(
                wrong.kept().contains(kept),
                "{kept} went because of a clock"
            );
        }
        assert!(wrong.ages_seconds().any(|age| age < 0));
    }
}

/// What the documentation admits: to rules, a clock that is wrong for everybody is right.
#[test]
fn a_clock_that_is_fast_for_everybody_is_believed() {
    let during = moment("2027-01-10T00:00:00+01:00")..moment("2027-01-11T00:00:00+01:00");
    for (clocks, is_lost) in [(Clocks::OfBackup, false), (Clocks::All, true)] {
        let schedule = every("12h").with_clock_fault(during.clone(), 3_000_000_000, clocks);
        let result = simulate(&schedule, &rules("within=400d"), 1).unwrap();
        assert_eq!(result.kept()[0] > moment(START), is_lost, "{clocks:?}");
    }
}

#[test]
fn simulations_print() {
    let result = simulate(
        &every("1d").with_missed_per_mille(100, 1),
        &rules("daily=7 monthly=12"),
        2,
    );
    let text = result.unwrap().to_string();
    let lines: Vec<_> = text.lines().collect();
    assert_eq!(lines.len(), 5, "{text}");
    assert!(lines[0].ends_with(" missed"), "{text}");
    assert!(lines[1].starts_with("  2026: "), "{text}");
    assert!(lines[4].contains("kept at the end, largest gap "), "{text}");
}

#[test]
fn no_time_and_too_much() {
    let nothing = simulate(&every("1h"), &rules("last=1"), 0).unwrap();
    assert_eq!(
        (
            nothing.made(),
            nothing.kept().len(),
            nothing.largest_gap_seconds()
        ),
        (0, 0, 0)
    );
    let error = simulate(&every("1h"), &rules("last=1"), YEARS_MAX + 1).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Invalid);
    let everything = simulate_with(&every("30d"), &KeepEverything, 1).unwrap();
    assert_eq!(everything.kept().len(), 13);
    let end_of_time = Schedule::new(Moment::utc(i64::MAX - 5000), Span::hours(1).unwrap());
    assert_eq!(
        simulate(&end_of_time, &rules("last=9"), 5).unwrap().made(),
        2
    );
}
