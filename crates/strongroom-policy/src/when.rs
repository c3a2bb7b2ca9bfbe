//! When something is due: times of the calendar, or an interval.

use std::fmt;
use std::iter;
use std::str::FromStr;

use strongroom_retain::Moment;

use crate::cron::Cron;
use crate::date::Date;
use crate::error::{Error, clip};
use crate::period::Period;
use crate::text::serde_as_text;
use crate::weekday::Weekdays;
use crate::window::minutes;
use crate::zone::Zone;

/// When something is due. Its text is one of
///
/// * `daily 02:30` or `daily 06:00,18:00`, `weekly sun 03:00`, `monthly 1 04:00`, `hourly`;
/// * `cron 30 2 * * mon-fri`, with the five fields of `crontab`;
/// * `every 6h`: an interval of real time, which no change of clocks touches, counted from the
///   beginning of 1970 in UTC, or `every 36h from 2026-01-05T03:00:00+01:00`.
///
/// On days whose clock is changed, a time that the clock skips is that much later (02:30 is 03:30),
/// and one that it shows twice is the first. Where every hour matches, as in `hourly`, times are
/// real ones instead: none is skipped and the repeated hour counts as one more. A day of the month
/// that a month does not have is left out. Where both the day of the month and that of the week
/// are restricted, either suffices, as with every cron.
///
/// ```
/// use strongroom_policy::{When, Zone};
///
/// let when: When = "daily 02:30".parse()?;
/// assert_eq!(when, "cron 30 2 * * *".parse()?);
/// let berlin: Zone = "Europe/Berlin".parse()?;
/// let next = when.next(&berlin, 1_795_300_200).map(|at| berlin.moment(at).to_string());
/// assert_eq!(next.as_deref(), Some("2026-11-22T02:30:00+01:00"));
/// # Ok::<(), strongroom_policy::Error>(())
/// ```
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct When(pub(crate) Kind);

#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub(crate) enum Kind {
    Cron(Cron),
    Every { seconds: i64, from: Moment },
}

impl When {
    /// Returns an interval of real time, counted from the beginning of 1970 in UTC.
    ///
    /// # Errors
    ///
    /// `Invalid` for less than a minute, or a period with months, which are not equally long.
    pub fn every(period: Period) -> Result<Self, Error> {
        Self::every_from(period, Moment::utc(0))
    }

    fn every_from(period: Period, from: Moment) -> Result<Self, Error> {
        let text = period.to_string();
        let seconds = period.exact_seconds().ok_or_else(|| {
            Error::invalid(&text, "is no interval: months differ")
                .with_hint("write it as monthly 1 03:00")
        })?;
        let seconds = i64::try_from(seconds).unwrap_or(i64::MAX);
        if seconds < 60 {
            return Err(Error::invalid(&text, "is shorter than a minute"));
        }
        Ok(Self(Kind::Every { seconds, from }))
    }

    /// Returns the first time that is due after an instant, if there is one in the next 50 years.
    #[must_use]
    pub fn next(&self, zone: &Zone, after: i64) -> Option<i64> {
        let end = after.saturating_add(SEARCH_SECONDS);
        self.between(zone, after.saturating_add(1), end).next()
    }

    /// Returns the times that are due from `from` on and before `until`, in order.
    pub fn between<'a>(
        &'a self,
        zone: &'a Zone,
        from: i64,
        until: i64,
    ) -> Box<dyn Iterator<Item = i64> + 'a> {
        match &self.0 {
            Kind::Every {
                seconds,
                from: anchor,
            } => {
                let first = next_multiple(*seconds, anchor.unix_seconds, from);
                let times = iter::successors(first, |at| at.checked_add(*seconds));
                Box::new(times.take_while(move |at| *at < until))
            }
            Kind::Cron(cron) => {
                let day = |at: i64| Date::of(zone.moment(at)).day_number();
                let days = if from < until {
                    day(from)..=day(until)
                } else {
                    iter_nothing()
                };
                let times = days.flat_map(|day| cron.of_day(zone, Date::of_day_number(day)));
                Box::new(times.filter(move |at| (from..until).contains(at)))
            }
        }
    }

    /// Returns the interval, if it is one of real time.
    #[must_use]
    pub fn interval(&self) -> Option<Period> {
        match &self.0 {
            Kind::Every { seconds, .. } => u64::try_from(*seconds).ok().map(Period::seconds),
            Kind::Cron(_) => None,
        }
    }

    /// Returns the fields of `crontab`, if it is of the calendar.
    pub(crate) fn cron(&self) -> Option<&Cron> {
        match &self.0 {
            Kind::Cron(cron) => Some(cron),
            Kind::Every { .. } => None,
        }
    }
}

/// A range of days that has none.
#[expect(
    clippy::reversed_empty_ranges,
    reason = "an empty range is what is meant"
)]
fn iter_nothing() -> std::ops::RangeInclusive<i64> {
    1..=0
}

/// Returns the first time from `from` on that is a whole number of intervals after the anchor.
fn next_multiple(seconds: i64, anchor: i64, from: i64) -> Option<i64> {
    let passed = i128::from(from) - i128::from(anchor);
    let step = i128::from(seconds);
    let count = passed.div_euclid(step) + i128::from(passed.rem_euclid(step) != 0);
    i64::try_from(i128::from(anchor) + count * step).ok()
}

impl fmt::Display for When {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.0 {
            Kind::Cron(cron) => match cron.words() {
                Some(words) => f.write_str(&words),
                None => write!(f, "cron {cron}"),
            },
            Kind::Every { seconds, from } => {
                let period = Period::seconds(u64::try_from(*seconds).unwrap_or_default());
                write!(f, "every {period}")?;
                match from.unix_seconds {
                    0 => Ok(()),
                    _ => write!(f, " from {from}"),
                }
            }
        }
    }
}

impl FromStr for When {
    type Err = Error;

    /// # Errors
    ///
    /// `Invalid`.
    fn from_str(text: &str) -> Result<Self, Error> {
        let words: Vec<&str> = text.split_whitespace().collect();
        match words.as_slice() {
            ["hourly"] => cron("0 * * * *"),
            ["daily", times] => daily(text, times, "* * *"),
            ["weekly", days, times] => {
                let days = Weekdays::parse(days).map_err(|_| unknown(text))?;
                daily(text, times, &format!("* * {}", days.names().join(",")))
            }
            ["monthly", day, times] => daily(text, times, &format!("{day} * *")),
            ["cron", fields @ ..] => cron(&fields.join(" ")),
            ["every", period @ .., "from", moment] => {
                let from = moment.parse::<Moment>().map_err(|error| {
                    Error::invalid(moment, &format!("is no moment: {error}"))
                        .with_hint("write it as 2026-01-05T03:00:00+01:00")
                })?;
                Self::every_from(period.join(" ").parse()?, from)
            }
            ["every", period @ ..] => Self::every(period.join(" ").parse()?),
            [a, b, c, d, e] => {
                let cron = format!("cron {a} {b} {c} {d} {e}");
                Err(unknown(text).with_hint(format!("write it as {:?}", clip(&cron))))
            }
            _ => Err(unknown(text)),
        }
    }
}

serde_as_text!(When);

fn cron(fields: &str) -> Result<When, Error> {
    fields.parse().map(|cron| When(Kind::Cron(cron)))
}

/// Parses times of a day, all of the same minute, as one cron can say.
fn daily(text: &str, times: &str, days: &str) -> Result<When, Error> {
    let parsed = times
        .split(',')
        .map(|time| minutes(time).filter(|at| *at < 1440));
    let parsed: Option<Vec<u16>> = parsed.collect();
    let parsed = parsed.ok_or_else(|| unknown(text))?;
    let minute = parsed.first().map_or(0, |first| first % 60);
    if parsed.iter().any(|at| at % 60 != minute) {
        let why = "has times of different minutes";
        return Err(
            Error::invalid(text, why).with_hint("give all of them the same minute, as 06:30,18:30")
        );
    }
    let hours: Vec<String> = parsed.iter().map(|at| (at / 60).to_string()).collect();
    cron(&format!("{minute} {} {days}", hours.join(",")))
}

fn unknown(text: &str) -> Error {
    Error::invalid(text, "says no time").with_hint(
        "write it as daily 02:30, weekly sun 03:00, monthly 1 04:00, every 6h or cron 30 2 * * *",
    )
}

/// 29 February on a given day of the week can be 40 years away.
const SEARCH_SECONDS: i64 = 50 * 366 * 86_400;

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn words_are_crons() {
        for (text, canonical) in [
            ("cron 30 2 * * *", "daily 02:30"),
            ("daily 06:00,18:00", "daily 06:00,18:00"),
            ("weekly sun 03:00", "weekly sun 03:00"),
            ("cron 15 22 * * 1-5", "weekly mon-fri 22:15"),
            ("weekly sat-mon 22:15", "weekly mon,sat-sun 22:15"),
            ("monthly 1 04:00", "monthly 1 04:00"),
            ("cron 0 4 1,15 * *", "monthly 1,15 04:00"),
            ("hourly", "hourly"),
            ("cron 30 * * * *", "cron 30 * * * *"),
            ("cron 0 4 */2 * *", "cron 0 4 */2 * *"),
            ("cron 0 4 1 * mon", "cron 0 4 1 * 1"),
            ("cron 0,30 4 * * *", "cron 0,30 4 * * *"),
            ("every 90min", "every 1h30min"),
            (
                "every 36h from 2026-01-05T03:00:00+01:00",
                "every 1d12h from 2026-01-05T03:00:00+01:00",
            ),
        ] {
            let when: When = text.parse().unwrap();
            assert_eq!(when.to_string(), canonical);
            assert_eq!(canonical.parse::<When>().unwrap(), when);
        }
    }

    #[test]
    fn what_says_no_time_has_a_hint() {
        for (text, hint) in [
            ("30 2 * * *", "cron 30 2 * * *"),
            ("daily 2:30", "daily 02:30"),
            ("daily 06:00,18:30", "the same minute"),
            ("weekly 7 03:00", "weekly sun"),
            ("every 1mo", "monthly 1"),
            ("every 6", "6 of what?"),
            ("sometimes", "daily 02:30"),
        ] {
            let error = text.parse::<When>().unwrap_err();
            let found = error.hint().unwrap_or_default();
            assert!(found.contains(hint), "{text}: {error}: {found}");
        }
        assert!("every 30s".parse::<When>().is_err());
    }

    #[test]
    fn the_next_one_may_be_years_away() {
        let when: When = "cron 0 0 29 2 *".parse().unwrap();
        let zone = Zone::utc();
        let next = when
            .next(&zone, 1_795_300_200)
            .map(|at| zone.moment(at).to_string());
        assert_eq!(next.as_deref(), Some("2028-02-29T00:00:00+00:00"));
    }

    #[test]
    fn intervals_are_real_time() {
        let zone: Zone = "Europe/Berlin".parse().unwrap();
        let when: When = "every 6h".parse().unwrap();
        let start: Date = "2027-03-27".parse().unwrap();
        let from = start.start(&zone).unix_seconds;
        let times: Vec<i64> = when.between(&zone, from, from + 4 * 86_400).collect();
        assert!(times.windows(2).all(|pair| pair[1] - pair[0] == 6 * 3600));
        assert_eq!(times.len(), 16);
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(48))]

        /// What is due between two instants does not depend on where one begins to ask, and
        /// `next` finds the same.
        #[test]
        fn asking_in_parts_is_asking_at_once(
            zone in prop::sample::select(&["UTC", "Europe/Berlin", "America/Santiago", "Australia/Lord_Howe"][..]),
            when in prop::sample::select(&[
                "daily 02:30", "daily 00:00", "hourly", "cron */20 * * * *", "weekly sun 02:00",
                "every 7h", "cron 15 0,1,2,3,23 * * *", "monthly 31 02:15",
            ][..]),
            start in 1_700_000_000_i64..1_900_000_000,
            split in 0_i64..(40 * 86_400),
        ) {
            let zone: Zone = zone.parse().unwrap();
            let when: When = when.parse().unwrap();
            let end = start + 40 * 86_400;
            let whole: Vec<i64> = when.between(&zone, start, end).collect();
            prop_assert!(whole.is_sorted() && whole.windows(2).all(|pair| pair[0] != pair[1]));
            let middle = start + split;
            let parts: Vec<i64> = when
                .between(&zone, start, middle)
                .chain(when.between(&zone, middle, end))
                .collect();
            prop_assert_eq!(&parts, &whole);
            let mut at = start - 1;
            for due in whole.iter().take(5) {
                at = when.next(&zone, at).unwrap();
                prop_assert_eq!(at, *due);
            }
        }
    }
}
