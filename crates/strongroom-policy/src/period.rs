//! A length of time as people say it, from seconds to years.

use std::fmt;
use std::str::FromStr;

use strongroom_retain::{Moment, Span};

use crate::error::Error;
use crate::text::serde_as_text;

/// A length of time: `15min`, `24h`, `1d12h`, `6w`, `3mo`, `10y`. It may be nothing: `0s`.
///
/// Units are `s`, `min`, `h`, `d` (24 hours), `w` (7 days), `mo` and `y` (months and years of the
/// calendar). A bare `m` is refused, because it reads as minutes here and as months there.
///
/// Two periods are compared by their length, where a month counts as the twelfth part of the mean
/// Gregorian year: `12mo` is `1y`, and 365 days are a little less.
///
/// ```
/// use strongroom_policy::Period;
///
/// let period: Period = "1d12h".parse()?;
/// assert_eq!(period.exact_seconds(), Some(36 * 3600));
/// assert!(period < "1y".parse()?);
/// assert!("24".parse::<Period>().is_err() && "5m".parse::<Period>().is_err());
/// # Ok::<(), strongroom_policy::Error>(())
/// ```
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Hash)]
pub struct Period {
    months: u32,
    seconds: u64,
}

impl Period {
    /// Nothing.
    pub const ZERO: Self = Self {
        months: 0,
        seconds: 0,
    };

    /// Returns so many seconds, or [`MAX_SECONDS`](Self::MAX_SECONDS) if they are more.
    #[must_use]
    pub const fn seconds(seconds: u64) -> Self {
        let seconds = if seconds > Self::MAX_SECONDS {
            Self::MAX_SECONDS
        } else {
            seconds
        };
        Self { months: 0, seconds }
    }

    /// Returns so many hours.
    #[must_use]
    pub const fn hours(hours: u64) -> Self {
        Self::seconds(hours.saturating_mul(HOUR))
    }

    /// Returns so many days of 24 hours.
    #[must_use]
    pub const fn days(days: u64) -> Self {
        Self::seconds(days.saturating_mul(DAY))
    }

    /// Returns so many months of the calendar, or 12,000 if they are more.
    #[must_use]
    pub const fn months(months: u32) -> Self {
        let months = if months > MAX_MONTHS {
            MAX_MONTHS
        } else {
            months
        };
        Self { months, seconds: 0 }
    }

    /// The most seconds: a thousand years.
    pub const MAX_SECONDS: u64 = 366_000 * DAY;

    /// Says whether it is nothing.
    #[must_use]
    pub const fn is_zero(self) -> bool {
        self.months == 0 && self.seconds == 0
    }

    /// Returns its seconds, unless it has months, which are not always equally long.
    #[must_use]
    pub const fn exact_seconds(self) -> Option<u64> {
        if self.months == 0 {
            Some(self.seconds)
        } else {
            None
        }
    }

    /// Returns its seconds, with months of the mean length of 2,629,746 seconds.
    #[must_use]
    pub const fn mean_seconds(self) -> u64 {
        // Both are bounded at construction: 12,000 months and a thousand years.
        self.months as u64 * MEAN_MONTH + self.seconds
    }

    /// Returns both, one after the other.
    #[must_use]
    pub fn plus(self, other: Self) -> Self {
        Self {
            months: (self.months + other.months).min(MAX_MONTHS),
            seconds: (self.seconds + other.seconds).min(Self::MAX_SECONDS),
        }
    }

    /// Returns so many of it, one after the other, unless that is longer than a thousand years.
    pub(crate) fn times(self, count: u32) -> Option<Self> {
        let months = self.months.checked_mul(count);
        let seconds = self.seconds.checked_mul(u64::from(count));
        Some(Self {
            months: months.filter(|months| *months <= MAX_MONTHS)?,
            seconds: seconds.filter(|seconds| *seconds <= Self::MAX_SECONDS)?,
        })
    }

    /// Returns the moment that is this much later: months first, on the calendar of its clock.
    #[must_use]
    pub fn after(self, moment: Moment) -> Moment {
        let moment = Span::months(self.months).map_or(moment, |span| span.after(moment));
        let seconds = i64::try_from(self.seconds).unwrap_or(i64::MAX);
        Moment {
            unix_seconds: moment.unix_seconds.saturating_add(seconds),
            ..moment
        }
    }

    /// Returns the moment that is this much earlier: months first, on the calendar of its clock.
    #[must_use]
    pub fn before(self, moment: Moment) -> Moment {
        let moment = Span::months(self.months).map_or(moment, |span| span.before(moment));
        let seconds = i64::try_from(self.seconds).unwrap_or(i64::MAX);
        Moment {
            unix_seconds: moment.unix_seconds.saturating_sub(seconds),
            ..moment
        }
    }
}

impl Ord for Period {
    fn cmp(&self, other: &Self) -> std::cmp::Ordering {
        let place = |one: &Self| (one.mean_seconds(), one.months);
        place(self).cmp(&place(other))
    }
}

impl PartialOrd for Period {
    fn partial_cmp(&self, other: &Self) -> Option<std::cmp::Ordering> {
        Some(self.cmp(other))
    }
}

impl fmt::Display for Period {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.is_zero() {
            return f.write_str("0s");
        }
        let months = u64::from(self.months);
        let parts = [
            (months / 12, "y"),
            (months % 12, "mo"),
            (self.seconds / DAY, "d"),
            (self.seconds % DAY / HOUR, "h"),
            (self.seconds % HOUR / MINUTE, "min"),
            (self.seconds % MINUTE, "s"),
        ];
        for (number, unit) in parts {
            if number > 0 {
                write!(f, "{number}{unit}")?;
            }
        }
        Ok(())
    }
}

/// Numbers, each followed by its unit; each unit at most once. Spaces are allowed between.
impl FromStr for Period {
    type Err = Error;

    /// # Errors
    ///
    /// `Invalid`: empty, negative, longer than a thousand years, without a unit, with an unknown or
    /// repeated one.
    fn from_str(text: &str) -> Result<Self, Error> {
        let invalid = |why: &str| Error::invalid(text, why);
        let mut rest = text.trim();
        if rest.is_empty() {
            return Err(invalid("is no length of time").with_hint(EXAMPLES));
        }
        let (mut period, mut seen) = (Self::ZERO, Vec::new());
        while !rest.is_empty() {
            let (digits, tail) = split_where(rest, |c| !c.is_ascii_digit());
            let (unit, tail) = split_where(tail.trim_start(), |c| !c.is_ascii_alphabetic());
            if digits.is_empty() {
                return Err(invalid("is no length of time").with_hint(EXAMPLES));
            }
            let number: u64 = digits
                .parse()
                .map_err(|_| invalid("is longer than a thousand years"))?;
            if seen.contains(&unit) {
                return Err(invalid("has a unit twice"));
            }
            period = period.with(number, unit).map_err(|wrong| match wrong {
                Wrong::Unit => unknown_unit(text, digits, unit),
                Wrong::TooLong => invalid("is longer than a thousand years"),
            })?;
            seen.push(unit);
            rest = tail.trim_start();
        }
        Ok(period)
    }
}

serde_as_text!(Period);

enum Wrong {
    Unit,
    TooLong,
}

impl Period {
    fn with(self, number: u64, unit: &str) -> Result<Self, Wrong> {
        let (months, seconds) = match unit {
            "s" => (0, Some(number)),
            "min" => (0, number.checked_mul(MINUTE)),
            "h" => (0, number.checked_mul(HOUR)),
            "d" => (0, number.checked_mul(DAY)),
            "w" => (0, number.checked_mul(7 * DAY)),
            "mo" => (number, Some(0)),
            "y" => (number.saturating_mul(12), Some(0)),
            _ => return Err(Wrong::Unit),
        };
        let months = u64::from(self.months).checked_add(months);
        let months = months.filter(|months| *months <= u64::from(MAX_MONTHS));
        let seconds = seconds.and_then(|seconds| self.seconds.checked_add(seconds));
        let seconds = seconds.filter(|seconds| *seconds <= Self::MAX_SECONDS);
        Ok(Self {
            months: months
                .and_then(|months| u32::try_from(months).ok())
                .ok_or(Wrong::TooLong)?,
            seconds: seconds.ok_or(Wrong::TooLong)?,
        })
    }
}

fn unknown_unit(text: &str, digits: &str, unit: &str) -> Error {
    let meant = match unit.to_ascii_lowercase().as_str() {
        "" => {
            let why = "has a number without a unit";
            return Error::invalid(text, why).with_hint(format!("{digits} of what? {EXAMPLES}"));
        }
        "m" => {
            return Error::invalid(text, "has the unit m").with_hint(format!(
                "write {digits}min for minutes or {digits}mo for months"
            ));
        }
        "sec" | "secs" | "second" | "seconds" => "s",
        "mins" | "minute" | "minutes" => "min",
        "hr" | "hrs" | "hour" | "hours" => "h",
        "day" | "days" => "d",
        "week" | "weeks" => "w",
        "mon" | "month" | "months" => "mo",
        "yr" | "year" | "years" => "y",
        _ => "",
    };
    let error = Error::invalid(text, &format!("has the unknown unit {unit:?}"));
    if meant.is_empty() {
        error.with_hint(EXAMPLES)
    } else {
        error.with_hint(format!("write {digits}{meant}"))
    }
}

fn split_where(text: &str, is_end: impl Fn(char) -> bool) -> (&str, &str) {
    text.split_at(text.find(is_end).unwrap_or(text.len()))
}

pub(crate) const MINUTE: u64 = 60;
pub(crate) const HOUR: u64 = 3_600;
pub(crate) const DAY: u64 = 86_400;
const MAX_MONTHS: u32 = 12_000;
/// The twelfth part of 365.2425 days.
const MEAN_MONTH: u64 = 2_629_746;
const EXAMPLES: &str = "write it as 15min, 24h, 7d, 3mo or 10y";

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_unit_parses_and_prints() {
        for (text, shown) in [
            ("90s", "1min30s"),
            ("90min", "1h30min"),
            ("24h", "1d"),
            ("2w", "14d"),
            ("18mo", "1y6mo"),
            ("1 y 6 mo", "1y6mo"),
            ("1d12h", "1d12h"),
            ("0s", "0s"),
        ] {
            let period: Period = text.parse().unwrap();
            assert_eq!(period.to_string(), shown);
            assert_eq!(shown.parse::<Period>().unwrap(), period);
        }
    }

    #[test]
    fn what_is_wrong_has_a_hint() {
        for (text, hint) in [
            ("24", "24 of what?"),
            ("5m", "5min for minutes or 5mo for months"),
            ("3 hours", "write 3h"),
            ("", "24h"),
            ("-1d", "24h"),
            ("7x", "24h"),
        ] {
            let error = text.parse::<Period>().unwrap_err();
            assert!(
                error.hint().unwrap_or_default().contains(hint),
                "{text}: {error} {:?}",
                error.hint()
            );
        }
        for text in ["1d1d", "99999999999999999999d", "1001y", "400000d"] {
            assert!(text.parse::<Period>().is_err(), "{text}");
        }
    }

    #[test]
    fn months_are_of_the_calendar() {
        let moment: Moment = "2027-01-31T10:00:00+01:00".parse().unwrap();
        let month: Period = "1mo".parse().unwrap();
        assert_eq!(month.after(moment).to_string(), "2027-02-28T10:00:00+01:00");
        let order = ["365d", "1y", "366d"].map(|text| text.parse::<Period>().unwrap());
        assert!(order.is_sorted());
        assert_eq!("12mo".parse::<Period>(), "1y".parse::<Period>());
    }
}
