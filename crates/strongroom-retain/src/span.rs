//! A length of time as people say it.

use std::fmt;
use std::str::FromStr;

use crate::civil::Date;
use crate::error::{Error, ErrorKind};
use crate::moment::Moment;

/// A length of time in years, months, days and hours: `14d`, `1y5m7d2h`, `2w`. Never nothing.
///
/// It is counted on the calendar: a year is from 21 November to 21 November. Years and months are
/// counted first, and a day that the month does not have becomes its last, so that one month before
/// 31 March is 28 or 29 February. Then days and hours follow. The offset from UTC stays that of
/// the moment which it is counted from.
///
/// ```
/// use strongroom_retain::{Moment, Span};
///
/// let span: Span = "1y5m7d2h".parse()?;
/// let moment: Moment = "2026-11-21T10:00:00Z".parse()?;
/// assert_eq!(span.before(moment).to_string(), "2025-06-14T08:00:00Z".replace('Z', "+00:00"));
/// assert!("0d".parse::<Span>().is_err() && "-1d".parse::<Span>().is_err());
/// # Ok::<(), strongroom_retain::Error>(())
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Span {
    years: u32,
    months: u32,
    days: u32,
    hours: u32,
}

impl Span {
    /// Returns so many hours.
    ///
    /// # Errors
    ///
    /// `Invalid` for 0, here and below.
    pub fn hours(hours: u32) -> Result<Self, Error> {
        Self { hours, ..ZERO }.checked()
    }

    /// Returns so many days.
    ///
    /// # Errors
    ///
    /// `Invalid` for 0.
    pub fn days(days: u32) -> Result<Self, Error> {
        Self { days, ..ZERO }.checked()
    }

    /// Returns so many months.
    ///
    /// # Errors
    ///
    /// `Invalid` for 0.
    pub fn months(months: u32) -> Result<Self, Error> {
        Self { months, ..ZERO }.checked()
    }

    /// Returns so many years.
    ///
    /// # Errors
    ///
    /// `Invalid` for 0.
    pub fn years(years: u32) -> Result<Self, Error> {
        Self { years, ..ZERO }.checked()
    }

    /// Returns both, one after the other.
    ///
    /// # Errors
    ///
    /// `Invalid` when a number becomes too large.
    pub fn and(self, other: Self) -> Result<Self, Error> {
        let sum = |a: u32, b: u32| {
            a.checked_add(b)
                .ok_or_else(|| Error::new(ErrorKind::Invalid, "a span is too long"))
        };
        Ok(Self {
            years: sum(self.years, other.years)?,
            months: sum(self.months, other.months)?,
            days: sum(self.days, other.days)?,
            hours: sum(self.hours, other.hours)?,
        })
    }

    /// Returns the moment that is this much earlier, or the first there is.
    #[must_use]
    pub fn before(self, moment: Moment) -> Moment {
        self.moved(moment, -1)
    }

    /// Returns the moment that is this much later, or the last there is.
    #[must_use]
    pub fn after(self, moment: Moment) -> Moment {
        self.moved(moment, 1)
    }

    fn moved(self, moment: Moment, sign: i64) -> Moment {
        let (day, second) = moment.local();
        let months = i64::from(self.years) * 12 + i64::from(self.months);
        let date = Date::of_day(day).plus_months(sign * months);
        let day = date.day_number() + sign * i64::from(self.days);
        moment.at_local(day, second + sign * i64::from(self.hours) * 3600)
    }

    fn checked(self) -> Result<Self, Error> {
        if self == ZERO {
            return Err(Error::new(ErrorKind::Invalid, "a span of nothing"));
        }
        Ok(self)
    }
}

impl fmt::Display for Span {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let parts = [
            (self.years, 'y'),
            (self.months, 'm'),
            (self.days, 'd'),
            (self.hours, 'h'),
        ];
        for (number, unit) in parts {
            if number > 0 {
                write!(f, "{number}{unit}")?;
            }
        }
        Ok(())
    }
}

/// Numbers, each followed by its unit: `y` years, `m` months, `w` weeks, `d` days, `h` hours; each
/// unit at most once, in any order.
impl FromStr for Span {
    type Err = Error;

    /// # Errors
    ///
    /// `Invalid`: empty, zero, negative, too large, without a unit, with an unknown or repeated
    /// one.
    fn from_str(text: &str) -> Result<Self, Error> {
        let invalid = |why| Error::invalid(text, why);
        let mut span = ZERO;
        let (mut rest, mut seen) = (text, String::new());
        while let Some(at) = rest.find(|c: char| !c.is_ascii_digit()) {
            let (digits, tail) = rest.split_at(at);
            let mut tail = tail.chars();
            let unit = tail.next().unwrap_or_default();
            if digits.is_empty() {
                return Err(invalid("a span is numbers with units, such as 1y5m7d2h"));
            }
            if seen.contains(unit) {
                return Err(invalid("a unit is there twice"));
            }
            let number = digits
                .parse()
                .map_err(|_| invalid("a number is too large"))?;
            let add = |field: &mut u32, factor: u32| {
                let sum = u32::checked_mul(number, factor).and_then(|n| field.checked_add(n));
                *field = sum.ok_or_else(|| invalid("a number is too large"))?;
                Ok::<(), Error>(())
            };
            match unit {
                'y' => add(&mut span.years, 1)?,
                'm' => add(&mut span.months, 1)?,
                'w' => add(&mut span.days, 7)?,
                'd' => add(&mut span.days, 1)?,
                'h' => add(&mut span.hours, 1)?,
                _ => return Err(invalid("the units are y, m, w, d and h")),
            }
            seen.push(unit);
            rest = tail.as_str();
        }
        if !rest.is_empty() {
            return Err(invalid("a number has no unit"));
        }
        if span == ZERO {
            return Err(invalid("a span of nothing"));
        }
        Ok(span)
    }
}

const ZERO: Span = Span {
    years: 0,
    months: 0,
    days: 0,
    hours: 0,
};
