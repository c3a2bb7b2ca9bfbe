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
    let present: Vec<_> = all.iter().filter(|one| one.time.0 <= now).collect();
    let [complete, incomplete] =
        [true, false].map(|kind| filter(&present, |one| one.is.complete == kind));
    let kept: Vec<_> = rules
        .iter()
        .flat_map(|rule| kept_by(rule, &complete, &incomplete, &present))
        .collect();
    let stays = |one: &&Seen<'_>| {
        one.is.pinned || one.is.held || one.time.0 > now || kept.contains(&one.time)
    };
    all.iter().filter(stays).map(|one| one.is.id).collect()
}

/// A snapshot, and how the clock on the wall names its time.
struct Seen<'s> {
    is: &'s Snapshot,
    /// A later one has more.
    time: (i64, u32),
    local: [i64; 4],
    periods: [[i64; 2]; 7],
}

impl<'s> Seen<'s> {
    fn new(is: &'s Snapshot) -> Self {
        let moment = is.moment;
        let local = calendar(moment.unix_seconds + i64::from(moment.utc_offset_seconds));
        Self {
            is,
            time: (moment.unix_seconds, is.id),
            local,
            periods: Unit::ALL.map(|unit| period(unit, is, local)),
        }
    }

    fn period(&self, unit: Unit) -> [i64; 2] {
        let mut all = Unit::ALL.into_iter().zip(self.periods);
        all.find(|(one, _)| *one == unit).expect("one of all").1
    }
}

/// Returns the times of what a rule keeps.
fn kept_by<'a>(
    rule: &Rule,
    complete: &[&'a Seen<'a>],
    incomplete: &[&'a Seen<'a>],
    all: &[&'a Seen<'a>],
) -> Vec<(i64, u32)> {
    let mut kept = Vec::new();
    match rule {
        Rule::Last(count) => {
            let count = limit(count.get());
            kept.extend(filter(complete, |one| newer(one, complete) < count));
            kept.extend(filter(incomplete, |one| newer(one, all) < count));
        }
        Rule::Tagged(tags) => {
            kept.extend(filter(all, |one| {
                tags.iter().all(|tag| one.is.tags.contains(tag))
            }));
        }
        Rule::Within(span) => {
            let (from, from_of_all) = (cutoff(*span, complete), cutoff(*span, all));
            kept.extend(filter(complete, |one| one.time.0 >= from));
            kept.extend(filter(incomplete, |one| one.time.0 >= from_of_all));
        }
        Rule::EveryWithin(unit, span) => {
            let (from, from_of_all) = (cutoff(*span, complete), cutoff(*span, all));
            let best = filter(complete, |one| {
                one.time.0 >= from && is_best(*unit, one, complete)
            });
            let others = filter(incomplete, |one| {
                one.time.0 >= from_of_all
                    && is_best(*unit, one, incomplete)
                    && !best
                        .iter()
                        .any(|best| best.period(*unit) == one.period(*unit))
            });
            kept.extend(best);
            kept.extend(others);
        }
        Rule::Every(unit, count) => {
            let count = limit(count.get());
            let best = filter(complete, |one| is_best(*unit, one, complete));
            let chosen = filter(&best, |one| newer(one, &best) < count);
            let has_no_complete = |one: &Seen<'_>| {
                !chosen
                    .iter()
                    .any(|best| best.period(*unit) == one.period(*unit))
            };
            let others = filter(incomplete, |one| {
                is_best(*unit, one, incomplete) && has_no_complete(one)
            });
            let both: Vec<_> = chosen.iter().chain(&others).copied().collect();
            kept.extend(filter(&others, |one| newer(one, &both) < count));
            if best.len() < count {
                kept.extend(filter(complete, |one| is_oldest(one, complete)));
            }
            if both.len() < count {
                kept.extend(filter(incomplete, |one| {
                    is_oldest(one, all) && has_no_complete(one)
                }));
            }
            kept.extend(chosen);
        }
        _ => unreachable!("the reference knows all rules"),
    }
    kept.iter().map(|one| one.time).collect()
}

fn filter<'a>(all: &[&'a Seen<'a>], keep: impl Fn(&Seen<'_>) -> bool) -> Vec<&'a Seen<'a>> {
    all.iter().copied().filter(|one| keep(one)).collect()
}

fn newer(one: &Seen<'_>, among: &[&Seen<'_>]) -> usize {
    among.iter().filter(|other| other.time > one.time).count()
}

fn is_oldest(one: &Seen<'_>, among: &[&Seen<'_>]) -> bool {
    among.iter().all(|other| other.time >= one.time)
}

/// Whether there is none later in its period.
fn is_best(unit: Unit, one: &Seen<'_>, among: &[&Seen<'_>]) -> bool {
    let mut rivals = among
        .iter()
        .filter(|other| other.period(unit) == one.period(unit));
    rivals.all(|other| other.time <= one.time)
}

/// Returns the first second that is within a span of the newest.
fn cutoff(span: Span, among: &[&Seen<'_>]) -> i64 {
    let Some(newest) = among.iter().max_by_key(|other| other.time) else {
        return i64::MAX;
    };
    let text = span.to_string();
    let [mut years, mut months, mut days, mut hours] = [0; 4];
    for part in text.split_inclusive(|c: char| c.is_alphabetic()) {
        let (number, unit) = part.split_at(part.len() - 1);
        let number: i64 = number.parse().expect("digits");
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
            i64::from(month > 3) + i64::from(month > 6) + i64::from(month > 9),
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
    STARTS
        .get(nth(year - FIRST_YEAR))
        .expect("a year of the histories")
        * DAY
}

fn year_days(year: i64) -> i64 {
    337 + month_days(year, 2)
}

fn days_before(year: i64, month: i64) -> i64 {
    (1..month).map(|month| month_days(year, month)).sum()
}

fn month_days(year: i64, month: i64) -> i64 {
    let is_leap = year % 400 == 0 || (year % 4 == 0 && year % 100 != 0);
    match month {
        1 | 3 | 5 | 7 | 8 | 10 | 12 => 31,
        2 => 28 + i64::from(is_leap),
        _ => 30,
    }
}

fn nth(number: i64) -> usize {
    number.try_into().expect("a number of the calendar")
}

const DAY: i64 = 86_400;
/// It began 25,567 days before 1970: 70 years, 17 of them leap years.
const FIRST_YEAR: i64 = 1900;
