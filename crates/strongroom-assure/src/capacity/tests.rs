use strongroom_policy::Policy;

use super::*;
use crate::testing::{DAY, Log, START, now, policy, time};

const TIB: u64 = 1 << 40;
const GIB: u64 = 1 << 30;

fn log(used: impl Iterator<Item = u64>) -> Log {
    let mut log = Log::default();
    for (day, used) in (0..).zip(used) {
        let fact = Capacity {
            repository: "nas".to_owned(),
            used,
            total: Some(10 * TIB),
            kind: CapacityKind::Measured,
            ..Capacity::default()
        };
        log.record(START + day * DAY, None, fact);
    }
    log
}

fn report(log: &Log, policy: &Policy, days: i64) -> Option<CapacityReport> {
    capacity(
        &History::from_events(&log.events),
        policy,
        "nas",
        now(START + days * DAY),
    )
}

#[test]
fn what_was_not_measured_is_unknown() {
    let policy = policy("");
    assert_eq!(report(&Log::default(), &policy, 0), None);
    let few = report(&log((0..6).map(|_| TIB)), &policy, 6).unwrap();
    assert_eq!((few.forecast, few.suffices_for_lead_time), (None, None));
    let mut log = Log::default();
    log.record(
        START,
        None,
        Capacity {
            repository: "nas".to_owned(),
            ..Capacity::default()
        },
    );
    let unknown = report(&log, &policy, 1).unwrap();
    assert_eq!((unknown.fullness, unknown.utilisation), (None, None));
    assert!(!unknown.is_unlimited);
}

#[test]
fn a_budget_is_the_capacity_of_what_has_no_limit() {
    let policy = policy("");
    let mut with_budget = policy.clone();
    with_budget.repositories.get_mut("nas").unwrap().capacity =
        Some(strongroom_policy::ByteCount::new(2 * TIB));
    let fact = Capacity {
        repository: "nas".to_owned(),
        used: 2 * TIB - GIB,
        kind: CapacityKind::Unlimited,
        ..Capacity::default()
    };
    let mut log = Log::default();
    log.record(START, None, fact);
    assert!(report(&log, &policy, 1).unwrap().is_unlimited);
    let budget = report(&log, &with_budget, 1).unwrap();
    assert_eq!(
        (budget.is_unlimited, budget.fullness),
        (false, Some(Fullness::Critical))
    );
}

#[test]
fn a_threshold_is_left_two_points_below_it() {
    let course = [79, 80, 79, 78, 77, 81, 90, 89, 87, 95, 94, 92, 60];
    let expected = [
        Fullness::Fine,
        Fullness::Plan,
        Fullness::Plan,
        Fullness::Plan,
        Fullness::Fine,
        Fullness::Plan,
        Fullness::Warn,
        Fullness::Warn,
        Fullness::Plan,
        Fullness::Critical,
        Fullness::Critical,
        Fullness::Warn,
        Fullness::Fine,
    ];
    let log = log(course
        .into_iter()
        .map(|percent| 10 * TIB / 100 * percent + GIB));
    let policy = policy("");
    for (day, expected) in (0..).zip(expected) {
        let report = report(&log, &policy, day).unwrap();
        assert_eq!(report.fullness, Some(expected), "day {day}");
    }
}

#[test]
fn the_strictest_resource_sets_the_thresholds() {
    let policy = policy(
        r#"
        [resource.a]
        kind = "files"
        copies = { to = ["nas"] }
        capacity = { plan_at = "70 %", lead_time = "60d" }
        [resource.b]
        kind = "files"
        copies = { to = ["vault"] }
        capacity = { plan_at = "50 %" }
        "#,
    );
    assert_eq!(Thresholds::of(&policy, "nas").plan, 0.7);
    let report = report(&log((0..10).map(|_| 7 * TIB + GIB)), &policy, 10).unwrap();
    assert_eq!(
        (report.fullness, report.lead_days),
        (Some(Fullness::Plan), 60)
    );
}

#[test]
fn steady_growth_is_foreseen() {
    // From 4 TiB, 20 GiB a day: 80 % in about 100 days more, full in about 200.
    let log = log((0..100).map(|day| 4 * TIB + 20 * GIB * day));
    let report = report(&log, &policy(""), 100).unwrap();
    let forecast = report.forecast.unwrap();
    assert!((forecast.slope_bytes_per_day / 1073741824.0 - 20.0).abs() < 0.01);
    let full = forecast.days_to_full.unwrap();
    assert!((205..212).contains(&full.p50.unwrap()), "{full:?}");
    let plan = forecast.days_to_plan.unwrap();
    assert!((102..110).contains(&plan.p50.unwrap()), "{plan:?}");
    assert_eq!(report.suffices_for_lead_time, Some(true));
    assert_eq!(report.evidence.len(), 2);
}

#[test]
fn noise_widens_the_early_day_and_a_first_backup_does_not_count() {
    let mut prng = crate::stats::Prng::new(1);
    let mut used = 0;
    let log = log((0..60).map(|day| {
        let noise = u64::try_from(prng.below(60)).unwrap();
        used += if day == 0 { 5 * TIB } else { GIB * noise };
        used
    }));
    let forecast = report(&log, &policy(""), 60).unwrap().forecast.unwrap();
    let full = forecast.days_to_full.unwrap();
    assert!(full.p95 < full.p50.unwrap(), "{full:?}");
    assert!((80..150).contains(&full.p50.unwrap()), "{full:?}");
}

#[test]
fn what_shrinks_is_never_full() {
    let log = log((0..60).map(|day| 5 * TIB - GIB * day));
    let forecast = report(&log, &policy(""), 60).unwrap().forecast.unwrap();
    assert_eq!(forecast.days_to_full, None);
    assert_eq!(forecast.days_to_plan, None);
}

#[test]
fn growth_before_retention_gives_back_is_not_for_ever() {
    let keeps = |rules: &str| {
        policy(&format!(
            "[resource.a]\nkind = \"files\"\ncopies = {{ to = [\"nas\"] }}\nretention = {{ keep = \"{rules}\" }}\n"
        ))
    };
    // 50 GiB a day for 40 days; everything is gone after 60.
    let log = log((0..40).map(|day| 5 * TIB + 50 * GIB * day));
    let filling = report(&log, &keeps("daily=60"), 40)
        .unwrap()
        .forecast
        .unwrap();
    assert!(filling.is_filling);
    assert_eq!(
        filling.days_to_full, None,
        "it levels out at 5 TiB and 60 days of growth"
    );
    let for_ever = report(&log, &keeps("daily=unlimited"), 40)
        .unwrap()
        .forecast
        .unwrap();
    assert!(!for_ever.is_filling);
    assert!(for_ever.days_to_full.unwrap().p50.unwrap() < 80);
}

#[test]
fn locked_space_is_not_free() {
    let mut log = log((0..10).map(|_| 9 * TIB));
    let fact = Capacity {
        repository: "nas".to_owned(),
        used: 9 * TIB + TIB / 2 + GIB,
        total: Some(10 * TIB),
        kind: CapacityKind::Measured,
        locked: 4 * TIB,
        locked_until: Some(time(START + 40 * DAY)),
        reclaimable: 5 * TIB,
        ..Capacity::default()
    };
    log.record(START + 10 * DAY, None, fact);
    let policy = policy("");
    let locked = report(&log, &policy, 10).unwrap();
    assert_eq!((locked.freeable, locked.locked), (TIB, 4 * TIB));
    assert_eq!(locked.fullness, Some(Fullness::Critical));
    let later = report(&log, &policy, 41).unwrap();
    assert_eq!(
        (later.freeable, later.locked, later.locked_until),
        (5 * TIB, 0, None)
    );
}

#[test]
fn what_will_not_suffice_until_there_is_more_is_said() {
    let log = log((0..30).map(|day| 9 * TIB + 25 * GIB * day));
    let report = report(&log, &policy(""), 30).unwrap();
    assert_eq!(report.suffices_for_lead_time, Some(false));
}
