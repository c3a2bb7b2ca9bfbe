//! Units of the calendar, and one hour, day … year of it.

use std::fmt;
use std::str::FromStr;

use crate::civil::{Date, iso_week, week_of_day};
use crate::error::Error;
use crate::moment::{Moment, write_offset};

/// A unit of the calendar. Its text is how often: `hourly`, `half-yearly`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[non_exhaustive]
pub enum Unit {
    /// From full hour to full hour. An hour that the clock repeats in autumn is two.
    Hour,
    /// From midnight to midnight.
    Day,
    /// From Monday to Sunday (ISO 8601).
    Week,
    /// A calendar month.
    Month,
    /// Three months from January, April, July or October.
    Quarter,
    /// Six months from January or July.
    HalfYear,
    /// A calendar year.
    Year,
}

impl Unit {
    /// All, the shortest first.
    pub const ALL: [Self; 7] = [
        Self::Hour,
        Self::Day,
        Self::Week,
        Self::Month,
        Self::Quarter,
        Self::HalfYear,
        Self::Year,
    ];

    /// Returns how often: `daily`.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Hour => "hourly",
            Self::Day => "daily",
            Self::Week => "weekly",
            Self::Month => "monthly",
            Self::Quarter => "quarterly",
            Self::HalfYear => "half-yearly",
            Self::Year => "yearly",
        }
    }

    /// Returns the number of the unit that a moment lies in, greater for later ones.
    pub(crate) fn index(self, moment: Moment) -> i64 {
        let (day, _) = moment.local();
        let months = |count: i64| {
            let date = Date::of_day(day);
            (date.year * 12 + date.month - 1).div_euclid(count)
        };
        match self {
            // Real hours that begin when the local clock shows minute 0: an hour that is repeated
            // when summer time ends must not compete with itself.
            Self::Hour => {
                let minutes = moment.offset().rem_euclid(3600);
                moment.unix_seconds.saturating_add(minutes).div_euclid(3600)
            }
            Self::Day => day,
            Self::Week => week_of_day(day),
            Self::Month => months(1),
            Self::Quarter => months(3),
            Self::HalfYear => months(6),
            Self::Year => months(12),
        }
    }
}

impl fmt::Display for Unit {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.as_str())
    }
}

impl FromStr for Unit {
    type Err = Error;

    /// # Errors
    ///
    /// `Invalid`.
    fn from_str(text: &str) -> Result<Self, Error> {
        let found = Self::ALL.into_iter().find(|unit| unit.as_str() == text);
        found.ok_or_else(|| Error::invalid(text, "the units are hourly to yearly"))
    }
}

/// One hour, day, week … year of the calendar, such as `2026-11-21`, `2026-W47` or `2026-Q4`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Period {
    unit: Unit,
    index: i64,
    /// Of the clock that shows the hour; 0 for longer units.
    offset: i64,
}

impl Period {
    /// Returns the one that a moment lies in, on the clock where the moment was read.
    #[must_use]
    pub fn of(unit: Unit, moment: Moment) -> Self {
        Self {
            unit,
            index: unit.index(moment),
            offset: if unit == Unit::Hour {
                moment.offset()
            } else {
                0
            },
        }
    }

    /// Returns what it is one of.
    #[must_use]
    pub fn unit(&self) -> Unit {
        self.unit
    }
}

impl fmt::Display for Period {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let index = self.index;
        match self.unit {
            Unit::Hour => {
                let whole = self.offset - self.offset.rem_euclid(3600);
                let local = index.saturating_add(whole / 3600);
                let Date { year, month, day } = Date::of_day(local.div_euclid(24));
                let hour = local.rem_euclid(24);
                write!(f, "{year:04}-{month:02}-{day:02}T{hour:02}")?;
                write_offset(f, self.offset)
            }
            Unit::Day => {
                let Date { year, month, day } = Date::of_day(index);
                write!(f, "{year:04}-{month:02}-{day:02}")
            }
            Unit::Week => {
                let (year, week) = iso_week(index);
                write!(f, "{year:04}-W{week:02}")
            }
            Unit::Month => write_part(f, index, 12, |nth| format!("-{nth:02}")),
            Unit::Quarter => write_part(f, index, 4, |nth| format!("-Q{nth}")),
            Unit::HalfYear => write_part(f, index, 2, |nth| format!("-H{nth}")),
            Unit::Year => write!(f, "{index:04}"),
        }
    }
}

fn write_part(
    f: &mut fmt::Formatter<'_>,
    index: i64,
    per_year: i64,
    part: impl FnOnce(i64) -> String,
) -> fmt::Result {
    let year = index.div_euclid(per_year);
    write!(f, "{year:04}{}", part(index.rem_euclid(per_year) + 1))
}
