//! A point in time and the clock on the wall there.

use std::fmt;
use std::str::FromStr;

use crate::civil::{Date, SECONDS_PER_DAY, days_in};
use crate::error::Error;

/// A point in time, with the offset of the clock where it was read.
///
/// The days and weeks of a snapshot are those of the clock where the backup was made. Order is by
/// time first. An offset of a day or more is no offset of any clock and counts as none.
///
/// ```
/// use strongroom_retain::Moment;
///
/// let moment: Moment = "2026-11-21T23:30:00+01:00".parse()?;
/// assert_eq!(moment.unix_seconds, 1_795_300_200);
/// assert_eq!(moment.utc_offset_seconds, 3_600);
/// assert_eq!(moment.to_string(), "2026-11-21T23:30:00+01:00");
/// # Ok::<(), strongroom_retain::Error>(())
/// ```
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[expect(
    clippy::exhaustive_structs,
    reason = "a time and an offset are all there is"
)]
pub struct Moment {
    /// Seconds since 1970-01-01T00:00:00Z, without leap seconds.
    pub unix_seconds: i64,
    /// Local time minus UTC.
    pub utc_offset_seconds: i32,
}

impl Moment {
    /// Returns a moment in UTC.
    #[must_use]
    pub const fn utc(unix_seconds: i64) -> Self {
        Self {
            unix_seconds,
            utc_offset_seconds: 0,
        }
    }

    /// Returns the offset, or 0 in place of one that no clock has.
    pub(crate) fn offset(self) -> i64 {
        let offset = i64::from(self.utc_offset_seconds);
        if offset.abs() < SECONDS_PER_DAY {
            offset
        } else {
            0
        }
    }

    /// Returns the day, counted from 1970-01-01, and the second of that day on the local clock.
    pub(crate) fn local(self) -> (i64, i64) {
        let local = self.unix_seconds.saturating_add(self.offset());
        (
            local.div_euclid(SECONDS_PER_DAY),
            local.rem_euclid(SECONDS_PER_DAY),
        )
    }

    /// Returns the moment of a day and a second of that day, with the offset of this one.
    pub(crate) fn at_local(self, day: i64, second: i64) -> Self {
        let exact = i128::from(day) * i128::from(SECONDS_PER_DAY) + i128::from(second)
            - i128::from(self.offset());
        let end = if exact < 0 { i64::MIN } else { i64::MAX };
        Self {
            unix_seconds: i64::try_from(exact).unwrap_or(end),
            ..self
        }
    }
}

/// As RFC 3339, with the local time and its offset.
impl fmt::Display for Moment {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (day, second) = self.local();
        let Date { year, month, day } = Date::of_day(day);
        let (hour, minute, second) = (second / 3600, second / 60 % 60, second % 60);
        write!(
            f,
            "{year:04}-{month:02}-{day:02}T{hour:02}:{minute:02}:{second:02}"
        )?;
        write_offset(f, self.offset())
    }
}

/// Writes `+01:00`, and the seconds too where there are some.
pub(crate) fn write_offset(f: &mut fmt::Formatter<'_>, offset: i64) -> fmt::Result {
    let sign = if offset < 0 { '-' } else { '+' };
    let offset = offset.abs();
    write!(f, "{sign}{:02}:{:02}", offset / 3600, offset / 60 % 60)?;
    match offset % 60 {
        0 => Ok(()),
        seconds => write!(f, ":{seconds:02}"),
    }
}

/// As RFC 3339, of years 0000 to 9999, without fractions of a second and leap seconds; `Z` is UTC.
impl FromStr for Moment {
    type Err = Error;

    /// # Errors
    ///
    /// `Invalid`.
    fn from_str(text: &str) -> Result<Self, Error> {
        parse(text)
            .ok_or_else(|| Error::invalid(text, "not a time such as 2026-11-21T10:00:00+01:00"))
    }
}

fn parse(text: &str) -> Option<Moment> {
    let (local, zone) = text.split_at_checked("2026-11-21T10:00:00".len())?;
    let fixed = local.bytes().enumerate().all(|(at, byte)| match at {
        4 | 7 => byte == b'-',
        10 => byte == b'T' || byte == b't' || byte == b' ',
        13 | 16 => byte == b':',
        _ => byte.is_ascii_digit(),
    });
    let number = |at: usize, len: usize| local.get(at..at + len)?.parse::<i64>().ok();
    let (year, month, day) = (number(0, 4)?, number(5, 2)?, number(8, 2)?);
    let (hour, minute, second) = (number(11, 2)?, number(14, 2)?, number(17, 2)?);
    let possible = fixed
        && (1..=12).contains(&month)
        && (1..=days_in(year, month)).contains(&day)
        && hour < 24
        && minute < 60
        && second < 60;
    let moment = Moment {
        unix_seconds: 0,
        utc_offset_seconds: parse_offset(zone)?,
    };
    let day = Date { year, month, day }.day_number();
    possible.then(|| moment.at_local(day, hour * 3600 + minute * 60 + second))
}

fn parse_offset(text: &str) -> Option<i32> {
    if text == "Z" || text == "z" {
        return Some(0);
    }
    let (sign, rest) = match text.as_bytes().first()? {
        b'+' => (1, text.get(1..)?),
        b'-' => (-1, text.get(1..)?),
        _ => return None,
    };
    let two = |part: &str| {
        let digits = part.len() == 2 && part.bytes().all(|byte| byte.is_ascii_digit());
        digits.then(|| part.parse::<i32>().ok()).flatten()
    };
    let mut parts = rest.split(':');
    let (hours, minutes) = (two(parts.next()?)?, two(parts.next()?)?);
    let seconds = parts.next().map_or(Some(0), two)?;
    let possible = parts.next().is_none() && hours < 24 && minutes < 60 && seconds < 60;
    possible.then_some(sign * (hours * 3600 + minutes * 60 + seconds))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(text: &str, unix_seconds: i64) {
        let moment = text.parse::<Moment>().unwrap();
        assert_eq!(moment.unix_seconds, unix_seconds, "{text}");
        assert_eq!(moment.to_string().parse(), Ok(moment));
    }

    #[test]
    fn moments_parse() {
        check("1970-01-01T00:00:00Z", 0);
        check("1970-01-01T01:00:00+01:00", 0);
        check("1969-12-31T18:30:00-05:30", 0);
        check("2000-02-29 00:00:00Z", 951_782_400);
        check("9999-12-31T23:59:59Z", 253_402_300_799);
        check("2026-01-01T00:00:00-00:00:07", 1_767_225_607);
    }

    #[test]
    fn what_is_no_moment_is_refused() {
        for text in [
            "",
            "2026",
            "2026-02-29T00:00:00Z",
            "2026-13-01T00:00:00Z",
            "2026-01-00T00:00:00Z",
            "2026-01-01T24:00:00Z",
            "2026-01-01T00:60:00Z",
            "2026-01-01T00:00:00",
            "2026-01-01T00:00:00+1:00",
            "2026-01-01T00:00:00+01:00:00:00",
            "2026-01-01T00:00:00+24:00",
            "+026-01-01T00:00:00Z",
            "2026-01-01T00:00:0éZ",
        ] {
            assert!(text.parse::<Moment>().is_err(), "{text}");
        }
    }

    #[test]
    fn wild_moments_print() {
        for unix_seconds in [i64::MIN, i64::MAX] {
            for utc_offset_seconds in [i32::MIN, -86_399, 86_399, i32::MAX] {
                let moment = Moment {
                    unix_seconds,
                    utc_offset_seconds,
                };
                assert!(!moment.to_string().is_empty());
            }
        }
    }
}
