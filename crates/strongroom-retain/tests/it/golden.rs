//! What the rules mean, case by case. Laws do not tell traditions apart; these do.

use std::sync::Arc;

use strongroom_retain::{KeepRules, Moment, Retention, SnapshotInfo, Span, Verdict};

use crate::history::{Snapshot, all_at, at, kept, moment, rules};

/// Checks which snapshots, by their place in the list, rules keep.
fn check(rules: &str, times: &[&str], expected: &[u32]) {
    check_all(rules, &all_at(times), "2200-01-01T00:00:00Z", expected);
}

fn check_all(text: &str, snapshots: &[Snapshot], now: &str, expected: &[u32]) {
    assert_eq!(
        kept(&rules(text), snapshots, moment(now)),
        expected,
        "{text}"
    );
}

fn reasons(text: &str, snapshots: &[Snapshot], now: &str) -> Vec<String> {
    let verdicts = rules(text).decide(snapshots, moment(now));
    let name = |index: usize| snapshots.get(index).map(|one| one.id);
    let line = |verdict: Verdict| match verdict {
        Verdict::Keep(reasons) => join(reasons),
        Verdict::Forget(losses) => {
            let named = losses
                .into_iter()
                .map(|loss| loss.rename(name).expect("a snapshot"));
            format!("- {}", join(named.collect()))
        }
    };
    verdicts.into_iter().map(line).collect()
}

fn join<T: ToString>(parts: Vec<T>) -> String {
    parts
        .iter()
        .map(ToString::to_string)
        .collect::<Vec<_>>()
        .join("; ")
}

const DAYS: [&str; 7] = [
    "2026-11-15T08:00:00Z", // a Sunday
    "2026-11-16T08:00:00Z",
    "2026-11-17T08:00:00Z",
    "2026-11-17T20:00:00Z",
    "2026-11-18T08:00:00Z",
    "2026-11-20T08:00:00Z",
    "2026-11-21T08:00:00Z",
];

#[test]
fn every_verdict_says_why() {
    let mut snapshots = all_at(&DAYS);
    snapshots[2].pinned = true;
    snapshots[2].held = true;
    Arc::make_mut(&mut snapshots[0].tags).insert("prod".into());
    snapshots.push(at(7, "2026-11-23T00:00:00Z"));
    let text = "last=2 daily=2 weekly=4 within=1d within-weekly=5d tag=prod";
    assert_eq!(
        reasons(text, &snapshots, "2026-11-22T00:00:00Z"),
        [
            "weekly 2026-W46; tag prod",
            "- beyond last=2; beyond daily=2; weekly 2026-W47 is 6; not within=1d; \
         weekly 2026-W47 is 6; no tag prod",
            "pinned; held",
            "- beyond last=2; beyond daily=2; weekly 2026-W47 is 6; not within=1d; \
         weekly 2026-W47 is 6; no tag prod",
            "- beyond last=2; beyond daily=2; weekly 2026-W47 is 6; not within=1d; \
         weekly 2026-W47 is 6; no tag prod",
            "last 2; daily 2026-11-20; within 1d of the newest",
            "last 2; daily 2026-11-21; weekly 2026-W47; within 1d of the newest; \
         weekly 2026-W47, within 5d of the newest",
            "dated after now",
        ]
    );
    assert_eq!(
        reasons("daily=9", &snapshots[..1], "2026-11-22T00:00:00Z"),
        ["daily 2026-11-15"]
    );
}

/// restic's tradition. Borg would not count for `weekly` what `daily` kept, and keep 0 and more.
#[test]
fn rules_count_independently() {
    check("daily=2 weekly=1", &DAYS, &[5, 6]);
    check("daily=3 weekly=2", &DAYS, &[0, 4, 5, 6]);
    check("last=4 daily=3", &DAYS, &[3, 4, 5, 6]);
}

/// Days without a snapshot are not counted.
#[test]
fn a_gap_costs_nothing() {
    check("daily=4", &DAYS, &[3, 4, 5, 6]);
    check("hourly=2", &DAYS, &[5, 6]);
}

/// restic's tradition. Measured from now, a machine that was off for a year would lose everything.
#[test]
fn within_is_measured_from_the_newest() {
    let snapshots = all_at(&DAYS);
    for now in [
        "2026-11-21T08:00:00Z",
        "2027-11-21T08:00:00Z",
        "9999-01-01T00:00:00Z",
    ] {
        check_all("within=1d", &snapshots, now, &[5, 6]);
        check_all("within-daily=4d", &snapshots, now, &[3, 4, 5, 6]);
    }
    // What is exactly that old is within; a second more is not.
    check(
        "within=1d",
        &["2026-11-20T07:59:59Z", "2026-11-20T08:00:00Z", DAYS[6]],
        &[1, 2],
    );
}

#[test]
fn a_young_history_keeps_its_beginning() {
    let times = [
        "2026-11-17T08:00:00Z",
        "2026-11-17T20:00:00Z",
        "2026-11-18T08:00:00Z",
    ];
    check("daily=3", &times, &[0, 1, 2]);
    check("daily=2", &times, &[1, 2]);
    check("yearly=unlimited", &times, &[0, 2]);
    let snapshots = all_at(&times);
    let now = "2026-11-22T00:00:00Z";
    assert_eq!(
        reasons("monthly=2", &snapshots, now)[0],
        "oldest, monthly has room"
    );
    assert_eq!(
        reasons("monthly=2", &snapshots, now)[1],
        "- monthly 2026-11 is 2"
    );
}

#[test]
fn unlimited_is_without_end() {
    check("daily=unlimited", &DAYS, &[0, 1, 3, 4, 5, 6]);
    check("last=unlimited", &DAYS, &[0, 1, 2, 3, 4, 5, 6]);
    check("last=4294967295", &DAYS, &[0, 1, 2, 3, 4, 5, 6]);
}

#[test]
fn tags_must_all_be_there() {
    let mut snapshots = all_at(&DAYS);
    for (at, tags) in [(0, "prod"), (1, "eu"), (2, "prod eu"), (3, "production")] {
        Arc::make_mut(&mut snapshots[at].tags).extend(tags.split(' ').map(String::from));
    }
    let now = "2026-11-22T00:00:00Z";
    check_all("tag=prod", &snapshots, now, &[0, 2]);
    check_all("tag=prod+eu", &snapshots, now, &[2]);
    check_all("tag=prod tag=eu", &snapshots, now, &[0, 1, 2]);
}

/// The same instants are of one day in Berlin and of two in New York.
#[test]
fn days_are_those_of_the_clock_where_the_backup_was_made() {
    check(
        "daily=5 last=1",
        &["2026-11-21T04:00:00+01:00", "2026-11-21T12:00:00+01:00"],
        &[0, 1],
    );
    check(
        "daily=1",
        &["2026-11-21T04:00:00+01:00", "2026-11-21T12:00:00+01:00"],
        &[1],
    );
    let berlin = [
        "2026-11-20T04:00:00+01:00",
        "2026-11-21T04:00:00+01:00",
        "2026-11-21T12:00:00+01:00",
    ];
    let york = [
        "2026-11-19T22:00:00-05:00",
        "2026-11-20T22:00:00-05:00",
        "2026-11-21T06:00:00-05:00",
    ];
    for (a, b) in berlin.iter().zip(york) {
        assert_eq!(moment(a).unix_seconds, moment(b).unix_seconds);
    }
    check("daily=2", &berlin, &[0, 2]);
    check("daily=2", &york, &[1, 2]);
}

/// Two hosts of one group on clocks that are fourteen hours east and ten hours west: their days
/// alternate, and each day is counted once.
#[test]
fn two_zones_in_one_group_share_days() {
    let times = [
        "2026-11-20T23:30:00-10:00", // 0: the last instant of all
        "2026-11-21T01:00:00+14:00", // 1: the 21st began long before
        "2026-11-21T23:00:00+14:00", // 2
        "2026-11-20T22:45:00-10:00", // 3
    ];
    check("daily=1", &times, &[0]);
    check("daily=2", &times, &[0, 2]);
    check("within=1h", &times, &[0, 2, 3]);
    check("last=1", &times, &[0]);
}

#[test]
fn a_day_begins_at_midnight() {
    let times = [
        "2026-11-20T23:59:59+01:00",
        "2026-11-21T00:00:00+01:00",
        "2026-11-21T23:59:59+01:00",
    ];
    check("daily=1", &times, &[2]);
    check("daily=2", &times, &[0, 2]);
    let midnight = ["2026-12-31T23:59:59-03:30", "2027-01-01T00:00:00-03:30"];
    for unit in [
        "hourly",
        "daily",
        "monthly",
        "quarterly",
        "half-yearly",
        "yearly",
    ] {
        check(&format!("{unit}=1"), &midnight, &[1]);
        check(&format!("{unit}=2"), &midnight, &[0, 1]);
    }
    check(
        "weekly=2 last=1",
        &["2026-12-31T23:59:58-03:30", midnight[0], midnight[1]],
        &[0, 2],
    );
}

/// In autumn the hour from two to three comes twice: two hours, of one day.
#[test]
fn when_summer_time_ends_no_hour_is_lost() {
    let times = [
        "2026-10-25T01:30:00+02:00",
        "2026-10-25T02:30:00+02:00",
        "2026-10-25T02:30:00+01:00",
        "2026-10-25T03:30:00+01:00",
    ];
    check("hourly=4", &times, &[0, 1, 2, 3]);
    check("hourly=3", &times, &[1, 2, 3]);
    check("daily=1", &times, &[3]);
    let snapshots = all_at(&times);
    let lines = reasons("hourly=4", &snapshots, "2026-11-01T00:00:00Z");
    assert_eq!(lines[1], "hourly 2026-10-25T02+02:00");
    assert_eq!(lines[2], "hourly 2026-10-25T02+01:00");
}

/// In spring there is no hour from two to three, and a day has 23.
#[test]
fn when_summer_time_begins_the_day_is_shorter() {
    let times = [
        "2026-03-28T23:30:00+01:00",
        "2026-03-29T01:30:00+01:00",
        "2026-03-29T03:30:00+02:00",
    ];
    check("hourly=3", &times, &[0, 1, 2]);
    check("daily=2", &times, &[0, 2]);
    // One day before on the calendar of the newest, whose offset goes on to count: 03:30+02:00.
    check(
        "within=1d",
        &[
            "2026-03-28T02:29:00+01:00",
            "2026-03-28T02:30:00+01:00",
            times[2],
        ],
        &[1, 2],
    );
}

#[test]
fn leap_days_are_days() {
    let times = [
        "2028-02-28T12:00:00Z",
        "2028-02-29T12:00:00Z",
        "2028-03-01T12:00:00Z",
        "2029-02-28T12:00:00Z",
    ];
    check("daily=3", &times, &[1, 2, 3]);
    check("monthly=3", &times, &[1, 2, 3]);
    check("yearly=2", &times, &[2, 3]);
    // A year before the last of February is the last of February, also of a leap year's eve.
    check("within=1y", &times, &[0, 1, 2, 3]);
    check(
        "within=1y",
        &["2027-02-28T12:00:00Z", "2027-03-01T12:00:00Z", times[1]],
        &[0, 1, 2],
    );
    check(
        "within=1d",
        &[
            "2028-02-28T12:00:00Z",
            "2028-02-29T12:00:00Z",
            "2028-03-01T12:00:00Z",
        ],
        &[1, 2],
    );
    check(
        "within=1d",
        &["2100-02-28T12:00:00Z", "2100-03-01T12:00:00Z"],
        &[0, 1],
    );
}

/// 2026 has 53 weeks; the first days of 2027 are of its last.
#[test]
fn weeks_are_of_iso_8601() {
    let times = [
        "2026-12-27T12:00:00Z", // Sunday of week 52
        "2026-12-28T12:00:00Z", // Monday of week 53
        "2026-12-31T12:00:00Z",
        "2027-01-03T12:00:00Z", // Sunday of week 53
        "2027-01-04T12:00:00Z", // Monday of week 1
    ];
    check("weekly=1", &times, &[4]);
    check("weekly=2", &times, &[3, 4]);
    check("weekly=3", &times, &[0, 3, 4]);
    check("yearly=2", &times, &[2, 4]);
    let lines = reasons("weekly=3", &all_at(&times), "2028-01-01T00:00:00Z");
    assert_eq!(lines[3], "weekly 2026-W53");
    assert_eq!(lines[4], "weekly 2027-W01");
    // And 2024-12-30 is of the first week of 2025.
    check(
        "weekly=1",
        &[
            "2024-12-29T12:00:00Z",
            "2024-12-30T12:00:00Z",
            "2025-01-05T12:00:00Z",
        ],
        &[2],
    );
    check(
        "weekly=2",
        &[
            "2024-12-29T12:00:00Z",
            "2024-12-30T12:00:00Z",
            "2025-01-05T12:00:00Z",
        ],
        &[0, 2],
    );
}

#[test]
fn quarters_and_half_years() {
    let times = [
        "2025-12-31T12:00:00Z",
        "2026-01-01T12:00:00Z",
        "2026-03-31T12:00:00Z",
        "2026-04-01T12:00:00Z",
        "2026-06-30T12:00:00Z",
        "2026-07-01T12:00:00Z",
        "2026-10-01T12:00:00Z",
    ];
    check("quarterly=5", &times, &[0, 2, 4, 5, 6]);
    check("half-yearly=3", &times, &[0, 4, 6]);
    check("half-yearly=2", &times, &[4, 6]);
    check("yearly=2", &times, &[0, 6]);
}

#[test]
fn months_end_where_they_end() {
    let span = |text: &str| text.parse::<Span>().unwrap();
    let before = |text: &str, from: &str, to: &str| {
        assert_eq!(
            span(text).before(moment(from)),
            moment(to),
            "{text} before {from}"
        );
    };
    let after = |text: &str, from: &str, to: &str| {
        assert_eq!(
            span(text).after(moment(from)),
            moment(to),
            "{text} after {from}"
        );
    };
    after("1m", "2026-01-31T10:00:00Z", "2026-02-28T10:00:00Z");
    after("1m", "2028-01-31T10:00:00Z", "2028-02-29T10:00:00Z");
    after("1m1d", "2026-01-31T10:00:00Z", "2026-03-01T10:00:00Z");
    after("2m", "2026-01-31T10:00:00Z", "2026-03-31T10:00:00Z");
    after("13m", "2026-12-31T10:00:00Z", "2028-01-31T10:00:00Z");
    after("1y", "2028-02-29T10:00:00Z", "2029-02-28T10:00:00Z");
    after("4y", "2028-02-29T10:00:00Z", "2032-02-29T10:00:00Z");
    after("100y", "2000-02-29T10:00:00Z", "2100-02-28T10:00:00Z");
    before("1m", "2026-03-31T10:00:00Z", "2026-02-28T10:00:00Z");
    before("1m", "2028-03-30T10:00:00Z", "2028-02-29T10:00:00Z");
    before("1m", "2026-12-31T10:00:00Z", "2026-11-30T10:00:00Z");
    before("1m", "2026-01-15T10:00:00Z", "2025-12-15T10:00:00Z");
    before("12m", "2028-02-29T10:00:00Z", "2027-02-28T10:00:00Z");
    before(
        "1y5m7d2h",
        "2026-11-21T01:00:00+01:00",
        "2025-06-13T23:00:00+01:00",
    );
    before(
        "25h",
        "2026-11-21T00:30:00-05:00",
        "2026-11-19T23:30:00-05:00",
    );
    // Where the clock on the wall shows another date than UTC, the one on the wall counts.
    after(
        "1m",
        "2026-01-31T23:30:00-05:00",
        "2026-02-28T23:30:00-05:00",
    );
    before(
        "1m",
        "2026-03-01T00:30:00+10:00",
        "2026-02-01T00:30:00+10:00",
    );
    check(
        "within=1m",
        &[
            "2026-02-28T09:59:59Z",
            "2026-02-28T10:00:00Z",
            "2026-03-31T10:00:00Z",
        ],
        &[1, 2],
    );
}

/// A battery was empty: the clock began at 1970. Nothing else suffers.
#[test]
fn a_clock_that_was_slow() {
    let times = [
        DAYS[0],
        DAYS[1],
        DAYS[4],
        "1970-01-01T00:07:00Z",
        DAYS[5],
        DAYS[6],
    ];
    check("daily=3", &times, &[2, 4, 5]);
    check("last=2", &times, &[4, 5]);
    check("within=3d", &times, &[2, 4, 5]);
    check("yearly=5", &times, &[3, 5]);
}

/// A clock showed 2099. That snapshot stays until then, and nothing else goes because of it.
#[test]
fn a_clock_that_was_fast() {
    let mut snapshots = all_at(&DAYS);
    snapshots.push(at(7, "2099-01-01T00:00:00Z"));
    let now = "2026-11-22T00:00:00Z";
    check_all("within=1d", &snapshots, now, &[5, 6, 7]);
    check_all("last=1", &snapshots, now, &[6, 7]);
    check_all("daily=2", &snapshots, now, &[5, 6, 7]);
    check_all("yearly=1", &snapshots, now, &[6, 7]);
    assert_eq!(reasons("last=1", &snapshots, now)[7], "dated after now");
    // One second in the future is the future.
    check_all("last=1", &snapshots[..7], "2026-11-21T07:59:59Z", &[5, 6]);
    check_all("last=1", &snapshots[..7], "2026-11-21T08:00:00Z", &[6]);
}

/// The clock of whoever forgets is the one that is wrong.
#[test]
fn a_wrong_now_forgets_nothing_more() {
    let snapshots = all_at(&DAYS);
    check_all(
        "last=1",
        &snapshots,
        "1970-01-01T00:00:00Z",
        &[0, 1, 2, 3, 4, 5, 6],
    );
    check_all(
        "daily=2 within=1d",
        &snapshots,
        "2099-01-01T00:00:00Z",
        &[5, 6],
    );
    let end = Moment::utc(i64::MAX);
    assert_eq!(kept(&rules("daily=2 within=1d"), &snapshots, end), [5, 6]);
}

/// A clock was set back: the times recorded count, whatever the order they were made in.
#[test]
fn a_clock_that_went_backwards() {
    let times = [
        "2026-11-20T10:00:00Z",
        "2026-11-20T11:00:00Z",
        "2026-11-20T10:30:00Z", // made after the one above
        "2026-11-20T10:45:00Z",
    ];
    check("last=1", &times, &[1]);
    check("last=3", &times, &[1, 2, 3]);
    check("hourly=2", &times, &[1, 3]);
}

#[test]
fn equal_times_are_told_apart_by_id() {
    let time = "2026-11-21T08:00:00Z";
    let snapshots = [at(5, time), at(9, time), at(2, time)];
    check_all("last=1", &snapshots, time, &[9]);
    check_all("last=2", &snapshots, time, &[5, 9]);
    check_all("daily=1", &snapshots, time, &[9]);
    check_all("within=1h", &snapshots, time, &[5, 9, 2]);
    // Equal instants on different clocks are equal times.
    let zones = [
        at(1, "2026-11-21T08:00:00Z"),
        at(2, "2026-11-21T09:00:00+01:00"),
    ];
    check_all("last=1", &zones, time, &[2]);
    check_all("hourly=1", &zones, time, &[2]);
}

#[test]
fn equal_times_are_told_apart_by_sequence_before_id() {
    let time = "2026-11-21T08:00:00Z";
    let snapshots = [
        at(5, time).with_sequence(3),
        at(9, time).with_sequence(1),
        at(2, time).with_sequence(3),
    ];
    check_all("last=1", &snapshots, time, &[5]);
    check_all("last=2", &snapshots, time, &[5, 2]);
}

/// A run of incomplete backups pushes nothing complete out.
#[test]
fn incomplete_ones_take_no_place() {
    let mut snapshots = all_at(&DAYS);
    for at in [4, 5, 6] {
        snapshots[at].complete = false;
    }
    let now = "2026-11-22T00:00:00Z";
    check_all("last=1", &snapshots, now, &[3, 6]);
    check_all("daily=2", &snapshots, now, &[1, 3, 5, 6]);
    check_all("within=1d", &snapshots, now, &[2, 3, 5, 6]);
    check_all("weekly=1", &snapshots, now, &[3]);
    assert_eq!(
        reasons("weekly=1", &snapshots, now)[6],
        "- weekly 2026-W47 is 3"
    );
    check_all("within-weekly=10d", &snapshots, now, &[0, 3]);
}

/// On a machine where something is always unreadable, rules work as they do elsewhere.
#[test]
fn a_history_of_incomplete_ones_is_thinned_like_any_other() {
    let complete = all_at(&DAYS);
    let incomplete: Vec<_> = complete
        .iter()
        .cloned()
        .map(SnapshotInfo::incomplete)
        .collect();
    let now = moment("2026-11-22T00:00:00Z");
    for text in [
        "last=3",
        "daily=3",
        "weekly=5",
        "within=2d",
        "within-daily=4d",
        "daily=2 weekly=2",
    ] {
        let rules = rules(text);
        assert_eq!(
            kept(&rules, &complete, now),
            kept(&rules, &incomplete, now),
            "{text}"
        );
    }
}

/// The day has a complete one, so the later incomplete one of that day is not needed.
#[test]
fn of_one_day_the_complete_one_is_kept() {
    let snapshots = [
        at(0, "2026-11-21T08:00:00Z"),
        at(1, "2026-11-21T12:00:00Z").incomplete(),
        at(2, "2026-11-22T08:00:00Z").incomplete(),
    ];
    check_all("daily=7", &snapshots, "2026-11-23T00:00:00Z", &[0, 2]);
    check_all(
        "within-daily=7d",
        &snapshots,
        "2026-11-23T00:00:00Z",
        &[0, 2],
    );
}

#[test]
fn nothing_is_kept_of_nothing() {
    check("daily=1", &[], &[]);
    assert_eq!(kept(&KeepRules::new(), &[], Moment::utc(0)), [0_u32; 0]);
}
