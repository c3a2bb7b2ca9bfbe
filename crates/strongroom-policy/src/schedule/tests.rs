use proptest::prelude::*;

use super::*;
use crate::policy::{Layer, Policy};
use crate::resource::Resource;
use crate::settings::Settings;

fn schedule(when: &str, zone: &str) -> Schedule {
    let settings = Settings::new()
        .with(Key::When, when.parse::<When>().unwrap())
        .unwrap()
        .with(Key::TimeZone, zone.parse::<Zone>().unwrap())
        .unwrap();
    let mut policy = Policy::new("test");
    policy.defaults = Layer::new("ops", "for the test", settings);
    let resolved = policy.resolve(&Resource::new("db", "files"));
    resolved.schedule().unwrap()
}

fn moment(text: &str) -> Moment {
    text.parse().unwrap()
}

#[test]
fn all_times_of_a_run_are_data() {
    let mut schedule = schedule("daily 02:30", "Europe/Berlin");
    schedule.jitter = "30min".parse().unwrap();
    schedule.complete_within = "4h".parse().unwrap();
    let run = schedule
        .next_run(moment("2026-11-22T12:00:00+01:00"))
        .unwrap();
    assert_eq!(run.due, moment("2026-11-23T02:30:00+01:00"));
    assert!(run.due <= run.start_at && run.start_at < moment("2026-11-23T03:00:00+01:00"));
    assert_eq!(run.start_by, moment("2026-11-23T04:00:00+01:00"));
    assert_eq!(run.complete_by, moment("2026-11-23T06:30:00+01:00"));
    assert_eq!(run.missed_at, moment("2026-11-23T05:00:00+01:00"));
    assert_eq!(run.key(), "db@1795397400");
    let json = serde_json::to_string(&run).unwrap();
    assert_eq!(serde_json::from_str::<ExpectedRun>(&json).unwrap(), run);
}

#[test]
fn a_window_ends_what_it_holds() {
    let mut schedule = schedule("every 1h", "Europe/Berlin");
    schedule.windows = vec![
        "mon-fri 22:00-00:00".parse().unwrap(),
        "tue-sat 00:00-03:30".parse().unwrap(),
    ];
    let from = moment("2026-11-20T12:00:00+01:00");
    let runs: Vec<_> = schedule
        .runs(from, moment("2026-11-23T12:00:00+01:00"))
        .collect();
    let due: Vec<String> = runs.iter().map(|run| run.due.to_string()).collect();
    assert_eq!(due.len(), 6, "{due:?}");
    assert_eq!(runs[5].complete_by, moment("2026-11-21T03:30:00+01:00"));
    assert_eq!(
        runs[0].complete_by,
        moment("2026-11-21T03:30:00+01:00"),
        "windows that meet are one"
    );
}

#[test]
fn what_is_never_in_its_window_has_no_next_run() {
    let mut schedule = schedule("daily 12:00", "UTC");
    schedule.windows = vec!["22:00-06:00".parse().unwrap()];
    assert!(schedule.next_run(moment("2026-11-20T12:00:00Z")).is_none());
}

#[test]
fn somebody_elses_clock_sees_what_became_of_a_run() {
    let run = schedule("daily 02:30", "UTC")
        .next_run(moment("2026-11-22T12:00:00Z"))
        .unwrap();
    let at = |time: &str| Some(moment(&format!("2026-11-23T{time}:00Z")));
    for (started, ended, now, state) in [
        (None, None, "02:00", RunState::Waiting),
        (None, None, "03:30", RunState::Waiting),
        (None, None, "03:31", RunState::Late),
        (None, None, "04:30", RunState::Missed),
        (at("02:31"), None, "05:00", RunState::Running),
        (at("02:31"), None, "15:00", RunState::Overran),
        (at("02:31"), at("03:00"), "15:00", RunState::Done),
        (at("02:31"), at("14:31"), "15:00", RunState::DoneLate),
    ] {
        assert_eq!(run.state(started, ended, at(now).unwrap()), state, "{now}");
    }
}

#[test]
fn the_longest_night_of_the_year_is_found() {
    let gaps = schedule("daily 02:30", "Europe/Berlin")
        .gaps(moment("2026-11-22T00:00:00Z"))
        .unwrap();
    assert_eq!(gaps.longest.to_string(), "1d1h");
    assert_eq!(gaps.longest_from.to_string(), "2027-10-31T02:30:00+02:00");
    assert_eq!(gaps.shortest.to_string(), "23h");
    let yearly = schedule("monthly 1 04:00", "UTC")
        .gaps(moment("2026-11-22T00:00:00Z"))
        .unwrap();
    assert_eq!(yearly.longest.to_string(), "31d");
    let leap = schedule("cron 0 0 29 2 *", "UTC")
        .gaps(moment("2028-01-01T00:00:00Z"))
        .unwrap();
    assert_eq!(leap.longest.to_string(), "1461d");
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(48))]

    /// The jitter is less than its limit, the same each time, and leaves the interval as it is.
    #[test]
    fn jitter_spreads_resources_and_not_runs(id in "[a-z]{1,12}", jitter in 1_u64..7200) {
        let mut schedule = schedule("daily 02:30", "Europe/Berlin");
        schedule.resource = id;
        schedule.jitter = Period::seconds(jitter);
        let from = moment("2027-03-20T00:00:00+01:00");
        let runs: Vec<_> = schedule.runs(from, moment("2027-04-10T00:00:00+02:00")).collect();
        prop_assert_eq!(runs.len(), 21);
        for run in &runs {
            let delay = run.start_at.unix_seconds - run.due.unix_seconds;
            prop_assert!((0..i64::try_from(jitter).unwrap()).contains(&delay));
            prop_assert_eq!(delay, schedule.delay_seconds());
            prop_assert!(run.start_at <= run.start_by);
            prop_assert!(run.start_by < run.missed_at);
        }
    }
}
