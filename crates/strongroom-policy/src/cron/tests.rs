use proptest::prelude::*;

use super::*;

fn zone(name: &str) -> Zone {
    name.parse().unwrap()
}

fn shown(cron: &str, zone: &Zone, day: &str) -> Vec<String> {
    let cron: Cron = cron.parse().unwrap();
    let times = cron.of_day(zone, day.parse().unwrap());
    let text = |at: &i64| zone.moment(*at).to_string();
    times.iter().map(text).collect()
}

#[test]
fn fields_parse_and_print() {
    for (text, canonical) in [
        ("30 2 * * *", "30 2 * * *"),
        ("*/15 * * * *", "*/15 * * * *"),
        ("0,15,30,45 * * * *", "0,15,30,45 * * * *"),
        ("0 8-18/2 * * mon-fri", "0 8,10,12,14,16,18 * * 1-5"),
        ("0 0 1 jan,jul *", "0 0 1 1,7 *"),
        ("0 0 * * 7", "0 0 * * 0"),
        ("5 4 1-31 1-12 0-6", "5 4 * * *"),
        ("5 4 */2 * mon", "5 4 */2 * 1"),
        ("5 4 */31 * mon", "5 4 */32 * 1"),
    ] {
        let cron: Cron = text.parse().unwrap();
        assert_eq!(cron.to_string(), canonical, "{text}");
        assert_eq!(canonical.parse::<Cron>().unwrap(), cron);
    }
}

#[test]
fn what_is_no_time_is_refused() {
    for text in [
        "",
        "* * * *",
        "60 * * * *",
        "* 24 * * *",
        "* * 0 * *",
        "* * * 13 *",
        "* * * * 8",
        "5-1 * * * *",
        "1/2 * * * *",
        "*/0 * * * *",
        "a * * * *",
        "1, * * * *",
        "0 0 30 2 *",
        "0 0 31 4,6 *",
        "@daily",
        "+1 * * * *",
        "0 0 L * *",
    ] {
        let error = text.parse::<Cron>().unwrap_err();
        assert!(!error.to_string().is_empty());
    }
    assert!(
        "0 0 30 2 mon".parse::<Cron>().is_ok(),
        "mondays of February"
    );
}

#[test]
fn either_day_suffices_where_both_are_restricted() {
    let cron: Cron = "0 3 1 * mon".parse().unwrap();
    let on = |day: &str| cron.is_on(day.parse().unwrap());
    assert!(on("2026-11-01") && on("2026-11-23") && !on("2026-11-22"));
    let both: Cron = "0 3 */2 * mon".parse().unwrap();
    assert!(both.is_on("2026-11-23".parse().unwrap()));
    assert!(!both.is_on("2026-11-30".parse().unwrap()), "an even day");
}

#[test]
fn a_fixed_time_is_once_on_every_day() {
    let berlin = zone("Europe/Berlin");
    assert_eq!(
        shown("30 2 * * *", &berlin, "2027-03-28"),
        ["2027-03-28T03:30:00+02:00"]
    );
    assert_eq!(
        shown("30 2 * * *", &berlin, "2027-10-31"),
        ["2027-10-31T02:30:00+02:00"]
    );
    // What is moved onto another time of the same schedule is one run.
    assert_eq!(shown("30 2,3 * * *", &berlin, "2027-03-28").len(), 1);
}

#[test]
fn every_hour_is_real_time() {
    let berlin = zone("Europe/Berlin");
    for (cron, day, count) in [
        ("0 * * * *", "2027-03-28", 23),
        ("0 * * * *", "2027-06-01", 24),
        ("0 * * * *", "2027-10-31", 25),
        ("*/15 * * * *", "2027-10-31", 100),
    ] {
        let times = shown(cron, &berlin, day);
        assert_eq!(times.len(), count, "{cron} {day}");
    }
    // Half an hour is all that this clock is put forward.
    assert_eq!(
        shown("0 * * * *", &zone("Australia/Lord_Howe"), "2026-10-04").len(),
        23
    );
    // In this zone the local hour begins at a half of the real one.
    let kolkata = shown("0 * * * *", &zone("Asia/Kolkata"), "2026-11-22");
    assert_eq!(kolkata.first().unwrap(), "2026-11-22T00:00:00+05:30");
    assert_eq!(kolkata.len(), 24);
}

#[test]
fn a_day_that_a_country_left_out_has_no_runs() {
    let apia = zone("Pacific/Apia");
    assert!(shown("30 2 * * *", &apia, "2011-12-30").is_empty());
    assert_eq!(shown("30 2 * * *", &apia, "2011-12-31").len(), 1);
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    /// On any day of any zone: times rise, lie in that day, and a fixed time is there once.
    #[test]
    fn fixed_times_are_once_a_day(
        zone in prop::sample::select(&ZONES[..]),
        day in 18_000_i64..30_000,
        hour in 0_u8..24,
        minute in 0_u8..60,
    ) {
        let zone: Zone = zone.parse().unwrap();
        let date = Date::of_day_number(day);
        let cron: Cron = format!("{minute} {hour} * * *").parse().unwrap();
        let times = cron.of_day(&zone, date);
        prop_assert_eq!(times.len(), 1);
        for at in times {
            prop_assert_eq!(Date::of(zone.moment(at)), date);
        }
    }

    /// A schedule of every hour agrees with the clock, minute by minute, over two days.
    #[test]
    fn real_times_are_what_the_clock_shows(
        zone in prop::sample::select(&ZONES[..]),
        day in 18_000_i64..30_000,
        step in prop::sample::select(&[1_i64, 5, 7, 15, 30][..]),
    ) {
        let zone: Zone = zone.parse().unwrap();
        let date = Date::of_day_number(day);
        let cron: Cron = format!("*/{step} * * * *").parse().unwrap();
        let times = cron.of_day(&zone, date);
        let start = date.start(&zone).unix_seconds;
        let end = Date::of_day_number(day + 1).start(&zone).unix_seconds;
        let is_due = |at: &i64| (at + i64::from(zone.offset(*at))).div_euclid(60) % 60 % step == 0;
        let wanted: Vec<i64> = (start..end).step_by(60).filter(is_due).collect();
        prop_assert_eq!(times, wanted);
    }
}

const ZONES: [&str; 8] = [
    "UTC",
    "Europe/Berlin",
    "America/New_York",
    "America/Santiago",
    "Australia/Lord_Howe",
    "Asia/Kolkata",
    "Africa/Casablanca",
    "Pacific/Auckland",
];
