//! A day of the calendar.

use std::fmt;
use std::str::FromStr;

use strongroom_retain::Moment;

use crate::error::Error;
use crate::period::{DAY, Period};
use crate::text::serde_as_text;
use crate::zone::Zone;

/// A day of the calendar, of years 1 to 9999; its text is `2026-11-22`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Date(pub(crate) jiff::civil::Date);

impl Date {
    /// Returns the day that a clock shows at a moment, or the first or last there is.
    #[must_use]
    pub fn of(moment: Moment) -> Self {
        let local = moment
            .unix_seconds
            .saturating_add(i64::from(moment.utc_offset_seconds));
        Self::of_day_number(local.div_euclid(SECONDS_PER_DAY))
    }

    /// Returns the day that is so many after 1970-01-01, or the first or last there is.
    pub(crate) fn of_day_number(days: i64) -> Self {
        let days = days.clamp(FIRST_DAY, LAST_DAY);
        let span = jiff::Span::new().try_days(days);
        let date = span.and_then(|span| EPOCH.checked_add(span));
        Self(date.unwrap_or(EPOCH))
    }

    /// Returns how many days after 1970-01-01 it is.
    #[must_use]
    pub fn day_number(self) -> i64 {
        self.0.duration_since(EPOCH).as_hours() / 24
    }

    /// Returns the moment at which it begins in a time zone.
    #[must_use]
    pub fn start(self, zone: &Zone) -> Moment {
        zone.moment(zone.instant(self.0.at(0, 0, 0, 0)))
    }

    /// Returns the day that is so much later; parts of a day are left out.
    #[must_use]
    pub fn plus(self, period: Period) -> Self {
        let noon = self.day_number() * SECONDS_PER_DAY;
        Self::of(period.after(Moment::utc(noon)))
    }
}

impl fmt::Display for Date {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (year, month, day) = (self.0.year(), self.0.month(), self.0.day());
        write!(f, "{year:04}-{month:02}-{day:02}")
    }
}

impl FromStr for Date {
    type Err = Error;

    /// # Errors
    ///
    /// `Invalid`.
    fn from_str(text: &str) -> Result<Self, Error> {
        let invalid = || {
            Error::invalid(text, "is no day of the calendar").with_hint("write it as 2026-11-22")
        };
        let shaped = text.len() == 10
            && text.bytes().enumerate().all(|(at, byte)| match at {
                4 | 7 => byte == b'-',
                _ => byte.is_ascii_digit(),
            });
        if !shaped {
            return Err(invalid());
        }
        let number = |range| text.get(range).and_then(|digits: &str| digits.parse().ok());
        let (Some(year), Some(month), Some(day)) = (number(0..4), number(5..7), number(8..10))
        else {
            return Err(invalid());
        };
        let small = |number: i16| i8::try_from(number).unwrap_or_default();
        let date = jiff::civil::Date::new(year, small(month), small(day));
        match date {
            Ok(date) if year > 0 => Ok(Self(date)),
            _ => Err(invalid()),
        }
    }
}

serde_as_text!(Date);

const EPOCH: jiff::civil::Date = jiff::civil::date(1970, 1, 1);
const SECONDS_PER_DAY: i64 = DAY.cast_signed();
/// 0001-01-01 and 9999-12-31.
const FIRST_DAY: i64 = -719_162;
const LAST_DAY: i64 = 2_932_896;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn days_parse_print_and_count() {
        for (text, number) in [
            ("1970-01-01", 0),
            ("2026-11-22", 20_779),
            ("2000-02-29", 11_016),
            ("0001-01-01", FIRST_DAY),
            ("9999-12-31", LAST_DAY),
        ] {
            let date: Date = text.parse().unwrap();
            assert_eq!(date.day_number(), number);
            assert_eq!(Date::of_day_number(number), date);
            assert_eq!(date.to_string(), text);
        }
        for text in [
            "2026-02-29",
            "2026-13-01",
            "26-01-01",
            "2026-1-1",
            "0000-01-01",
            "",
        ] {
            assert!(text.parse::<Date>().is_err(), "{text}");
        }
        assert_eq!(Date::of_day_number(i64::MIN).day_number(), FIRST_DAY);
    }

    #[test]
    fn a_day_later_is_counted_on_the_calendar() {
        let date: Date = "2027-01-31".parse().unwrap();
        assert_eq!(date.plus(Period::months(1)).to_string(), "2027-02-28");
        assert_eq!(date.plus(Period::days(1)).to_string(), "2027-02-01");
    }
}
