//! A slow twin of [`KeepRules`]: every rule is a sentence about one snapshot and all the others, and
//! the calendar is counted year by year and month by month.

use std::sync::LazyLock;

use proptest::prelude::*;
use strongroom_retain::{KeepRules, Rule, Span, Unit};

use crate::history::{Snapshot, histories, kept, some_rules};

proptest! {
    #![proptest_config(ProptestConfig::with_cases(10_000))]
    #[test]
    fn rules_keep_what_a_slow_reference_keeps(
        (snapshots, now) in histories(),
        rules in some_rules(),
    ) {
        prop_assert_eq!(kept(&rules, &snapshots, now), reference(&rules, &snapshots, now.unix_seconds));
    }
}

fn reference(rules: &KeepRules, snapshots: &[Snapshot], now: i64) -> Vec<u32> {
    let all: Vec<Seen<'_>> = snapshots.iter().map(Seen::new).collect();
    let is_present = |seen: &&Seen<'_>| seen.time().0 <= now;
    let present: Vec<Seen<'_>> = all.iter().filter(is_present).cloned().collect();
    let complete: Vec<Seen<'_>> = present
        .iter()
        .filter(|seen| seen.is.complete)
        .cloned()
        .collect();
    let stays = |seen: &&Seen<'_>| {
        seen.is.pinned
            || seen.is.held
            || seen.time().0 > now
            || rules
                .iter()
                .any(|rule| is_kept(rule, seen, &complete, &present))
    };
    all.iter().filter(stays).map(|seen| seen.is.id).collect()
}

/// A snapshot, and how the clock on the wall names its time.
#[derive(Clone)]
struct Seen<'s> {
    is: &'s Snapshot,
    local: [i64; 4],
    periods: [[i64; 2]; 7],
}

impl<'s> Seen<'s> {
    fn new(is: &'s Snapshot) -> Self {
        let moment = is.moment;
        let local = calendar(moment.unix_seconds + i64::from(moment.utc_offset_seconds));
        let periods = Unit::ALL.map(|unit| period(unit, is, local));
        Self { is, local, periods }
    }

    fn time(&self) -> (i64, u32) {
        (self.is.moment.unix_seconds, self.is.id)
    }

    fn period(&self, unit: Unit) -> [i64; 2] {
        let at = Unit::ALL.iter().position(|one| *one == unit).unwrap();
        self.periods[at]
    }
}

fn is_kept(rule: &Rule, one: &Seen<'_>, complete: &[Seen<'_>], present: &[Seen<'_>]) -> bool {
    let among = if one.is.complete { complete } else { present };
    let newer = |others: &[Seen<'_>]| {
        others
            .iter()
            .filter(|other| other.time() > one.time())
            .count()
    };
    match rule {
        Rule::Last(count) => newer(among) < limit(count.get()),
        Rule::Tagged(tags) => tags.iter().all(|tag| one.is.tags.contains(tag)),
        Rule::Within(span) => one.time().0 >= cutoff(*span, among),
        Rule::EveryWithin(unit, span) => {
            let alike = |other: &&Seen<'_>| other.is.complete == one.is.complete;
            let alike: Vec<_> = among.iter().filter(alike).collect();
            let complete_from = cutoff(*span, complete);
            let mut complete_inside = complete
                .iter()
                .filter(|other| other.time().0 >= complete_from);
            one.time().0 >= cutoff(*span, among)
                && is_best(*unit, one, &alike)
                && (one.is.complete
                    || !complete_inside.any(|other| other.period(*unit) == one.period(*unit)))
        }
        Rule::Every(unit, count) => {
            let mut periods: Vec<_> = among.iter().map(|other| other.period(*unit)).collect();
            periods.sort();
            periods.dedup();
            let later = periods
                .iter()
                .filter(|period| **period > one.period(*unit))
                .count();
            let is_chosen = is_best(*unit, one, &among.iter().collect::<Vec<_>>())
                && later < limit(count.get());
            let has_room = periods.len() < limit(count.get());
            let is_oldest = among.iter().all(|other| other.time() >= one.time());
            let rivals = |other: &Seen<'_>| other.period(*unit) == one.period(*unit);
            let alone =
                one.is.complete || !among.iter().any(|other| rivals(other) && other.is.complete);
            is_chosen || (has_room && is_oldest && alone)
        }
        _ => unreachable!("the reference knows all rules"),
    }
}

/// Whether there is none better in its period: complete ones are better, then later ones.
fn is_best(unit: Unit, one: &Seen<'_>, among: &[&Seen<'_>]) -> bool {
    let rank = |seen: &Seen<'_>| (seen.is.complete, seen.time());
    let mut rivals = among
        .iter()
        .filter(|other| other.period(unit) == one.period(unit));
    rivals.all(|other| rank(other) <= rank(one))
}

/// Returns the first second that is within a span of the newest.
fn cutoff(span: Span, among: &[Seen<'_>]) -> i64 {
    let Some(newest) = among.iter().max_by_key(|other| other.time()) else {
        return i64::MAX;
    };
    let text = span.to_string();
    let [mut years, mut months, mut days, mut hours] = [0; 4];
    for part in text.split_inclusive(|c: char| c.is_alphabetic()) {
        let (number, unit) = part.split_at(part.len() - 1);
        let number: i64 = number.parse().unwrap();
        match unit {
            "y" => years = number,
            "m" => months = number,
            "d" => days = number,
            _ => hours = number,
        }
    }
    let [mut year, mut month, mut day, second] = newest.local;
    for _ in 0..years * 12 + months {
        (year, month) = if month == 1 {
            (year - 1, 12)
        } else {
            (year, month - 1)
        };
    }
    day = day.min(month_days(year, month));
    let local = seconds_until(year) + days_before(year, month) * DAY + (day - 1) * DAY + second;
    local - days * DAY - hours * 3600 - i64::from(newest.is.moment.utc_offset_seconds)
}

fn limit(count: Option<u32>) -> usize {
    count.map_or(usize::MAX, |count| count as usize)
}

fn period(unit: Unit, one: &Snapshot, [year, month, day, _]: [i64; 4]) -> [i64; 2] {
    match unit {
        Unit::Hour => {
            // Hours of the real world that begin when the clock on the wall shows a full one.
            let into_hour = i64::from(one.moment.utc_offset_seconds).rem_euclid(3600);
            [(one.moment.unix_seconds + into_hour).div_euclid(3600), 0]
        }
        Unit::Day => [year, month * 100 + day],
        Unit::Week => iso_week(year, month, day),
        Unit::Month => [year, month],
        Unit::Quarter => [
            year,
            [1, 1, 1, 2, 2, 2, 3, 3, 3, 4, 4, 4][month as usize - 1],
        ],
        Unit::HalfYear => [year, i64::from(month > 6)],
        Unit::Year => [year, 0],
        _ => unreachable!("the reference knows all units"),
    }
}

/// ISO 8601: week 1 is the one with 4 January in it.
fn iso_week(year: i64, month: i64, day: i64) -> [i64; 2] {
    let today = seconds_until(year) / DAY + days_before(year, month) + day - 1;
    let monday = |day: i64| day - (day + 3).rem_euclid(7);
    let first_monday = |year: i64| monday(seconds_until(year) / DAY + 3);
    let of_year = match today {
        _ if today < first_monday(year) => year - 1,
        _ if today >= first_monday(year + 1) => year + 1,
        _ => year,
    };
    [of_year, (today - first_monday(of_year)) / 7 + 1]
}

/// Returns year, month, day and second of the day.
fn calendar(local: i64) -> [i64; 4] {
    let mut year = 1969;
    while seconds_until(year + 1) <= local {
        year += 1;
    }
    let mut rest = local - seconds_until(year);
    let mut month = 1;
    while rest >= month_days(year, month) * DAY {
        rest -= month_days(year, month) * DAY;
        month += 1;
    }
    [year, month, rest / DAY + 1, rest % DAY]
}

fn seconds_until(year: i64) -> i64 {
    static STARTS: LazyLock<Vec<i64>> = LazyLock::new(|| {
        let add = |day: &mut i64, year| Some(std::mem::replace(day, *day + year_days(year)));
        (FIRST_YEAR..2200).scan(-25_567, add).collect()
    });
    STARTS[(year - FIRST_YEAR) as usize] * DAY
}

fn year_days(year: i64) -> i64 {
    337 + month_days(year, 2)
}

fn days_before(year: i64, month: i64) -> i64 {
    (1..month).map(|month| month_days(year, month)).sum()
}

fn month_days(year: i64, month: i64) -> i64 {
    let is_leap = year % 400 == 0 || (year % 4 == 0 && year % 100 != 0);
    [
        31,
        28 + i64::from(is_leap),
        31,
        30,
        31,
        30,
        31,
        31,
        30,
        31,
        30,
        31,
    ][month as usize - 1]
}

const DAY: i64 = 86_400;
/// It began 25,567 days before 1970: 70 years, 17 of them leap years.
const FIRST_YEAR: i64 = 1900;
