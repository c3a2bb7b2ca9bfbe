//! Hours of the day in which something may run.

use std::fmt;
use std::str::FromStr;

use crate::date::Date;
use crate::error::Error;
use crate::text::serde_as_text;
use crate::weekday::Weekdays;
use crate::zone::Zone;

/// Hours of some days on the clock of a time zone: `22:00-06:00`, `mon-fri 22:00-06:00` or
/// `sat,sun 00:00-24:00`.
///
/// The days are those on which it opens; where the end is not after the beginning, it closes on the
/// day after. It is open at its beginning and closed at its end.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Window {
    days: Weekdays,
    /// Minutes after midnight.
    opens: u16,
    closes: u16,
}

impl Window {
    /// Says whether it is open at an instant on the clocks of a time zone.
    #[must_use]
    pub fn is_open(&self, zone: &Zone, unix_seconds: i64) -> bool {
        self.closing(zone, unix_seconds).is_some()
    }

    /// Returns when it closes, if it is open at an instant.
    #[must_use]
    pub fn closing(&self, zone: &Zone, unix_seconds: i64) -> Option<i64> {
        self.around(zone, unix_seconds).map(|(_, closes)| closes)
    }

    /// Returns when it opened and closes, if it is open at an instant.
    pub(crate) fn around(&self, zone: &Zone, unix_seconds: i64) -> Option<(i64, i64)> {
        let today = Date::of(zone.moment(unix_seconds)).day_number();
        [today, today - 1].into_iter().find_map(|day| {
            let (opens, closes) = self.on(zone, day)?;
            (opens <= unix_seconds && unix_seconds < closes).then_some((opens, closes))
        })
    }

    /// Returns when it opens and closes on a day, if it does.
    fn on(&self, zone: &Zone, day: i64) -> Option<(i64, i64)> {
        // 1970-01-01 was a Thursday.
        if !self.days.has((day + 3).rem_euclid(7)) {
            return None;
        }
        let at = |minutes: u16| {
            let date = Date::of_day_number(day + i64::from(minutes / DAY_MINUTES)).0;
            let minute = i8::try_from(minutes % 60).unwrap_or_default();
            let hour = i8::try_from(minutes / 60 % 24).unwrap_or_default();
            zone.instant(date.at(hour, minute, 0, 0))
        };
        let closes = if self.closes > self.opens {
            self.closes
        } else {
            self.closes + DAY_MINUTES
        };
        Some((at(self.opens), at(closes)))
    }

    /// Says whether it never closes.
    pub(crate) fn is_always(&self) -> bool {
        self.days == Weekdays::ALL && self.minutes() == u32::from(DAY_MINUTES)
    }

    /// Returns for how many minutes it is open on a day whose clock is not changed.
    #[must_use]
    pub fn minutes(&self) -> u32 {
        let whole = if self.closes > self.opens {
            self.closes - self.opens
        } else {
            self.closes + DAY_MINUTES - self.opens
        };
        u32::from(whole)
    }
}

/// Returns when the last of some windows that follow each other without a pause closes, if one is
/// open at an instant and does close.
pub(crate) fn closing(windows: &[Window], zone: &Zone, unix_seconds: i64) -> Option<i64> {
    if windows.iter().any(Window::is_always) {
        return None;
    }
    let next = |at: i64| windows.iter().filter_map(|one| one.closing(zone, at)).max();
    let mut end = next(unix_seconds)?;
    // Windows that are always open together have no end; two weeks are as good.
    while end - unix_seconds < LONGEST_SECONDS {
        match next(end) {
            Some(later) => end = later,
            None => break,
        }
    }
    Some(end)
}

impl fmt::Display for Window {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.days != Weekdays::ALL {
            write!(f, "{} ", self.days)?;
        }
        let (opens, closes) = (self.opens, self.closes);
        write!(
            f,
            "{:02}:{:02}-{:02}:{:02}",
            opens / 60,
            opens % 60,
            closes / 60,
            closes % 60
        )
    }
}

impl FromStr for Window {
    type Err = Error;

    /// # Errors
    ///
    /// `Invalid`: not such a text, or a window of no length.
    fn from_str(text: &str) -> Result<Self, Error> {
        let invalid = |why: &str| {
            Error::invalid(text, why).with_hint("write it as 22:00-06:00 or mon-fri 22:00-06:00")
        };
        let (days, hours) = match text.trim().split_once(' ') {
            Some((days, hours)) => (Weekdays::parse(days)?, hours.trim_start()),
            None => (Weekdays::ALL, text.trim()),
        };
        let times = hours.split_once('-').and_then(|(opens, closes)| {
            let opens = minutes(opens).filter(|opens| *opens < DAY_MINUTES)?;
            Some((opens, minutes(closes)?))
        });
        let (opens, closes) = times.ok_or_else(|| invalid("is no window"))?;
        if opens == closes {
            return Err(invalid("opens and closes at once"));
        }
        Ok(Self {
            days,
            opens,
            closes,
        })
    }
}

serde_as_text!(Window);

/// Parses `HH:MM` from 00:00 to 24:00.
pub(crate) fn minutes(text: &str) -> Option<u16> {
    let (hour, minute) = text.split_once(':')?;
    let two = |digits: &str| {
        let shaped = digits.len() == 2 && digits.bytes().all(|byte| byte.is_ascii_digit());
        shaped.then(|| digits.parse::<u16>().ok()).flatten()
    };
    let (hour, minute) = (two(hour)?, two(minute)?);
    let total = hour * 60 + minute;
    (minute < 60 && total <= DAY_MINUTES).then_some(total)
}

const DAY_MINUTES: u16 = 1440;
const LONGEST_SECONDS: i64 = 14 * 86_400;

#[cfg(test)]
mod tests {
    use super::*;

    fn at(zone: &Zone, day: u8, hour: i8, minute: i8) -> i64 {
        let date = jiff::civil::date(2026, 11, i8::try_from(day).unwrap());
        zone.instant(date.at(hour, minute, 0, 0))
    }

    #[test]
    fn a_window_over_midnight_belongs_to_the_day_it_opens_on() {
        let zone: Zone = "Europe/Berlin".parse().unwrap();
        let window: Window = "mon-fri 22:00-06:00".parse().unwrap();
        // 2026-11-20 is a Friday.
        for (day, hour, minute, open) in [
            (20, 21, 59, false),
            (20, 22, 0, true),
            (21, 5, 59, true),
            (21, 6, 0, false),
            (21, 23, 0, false),
            (23, 5, 0, false),
            (23, 22, 30, true),
        ] {
            let is_open = window.is_open(&zone, at(&zone, day, hour, minute));
            assert_eq!(is_open, open, "{day} {hour}:{minute}");
        }
        assert_eq!(
            window.closing(&zone, at(&zone, 20, 23, 0)),
            Some(at(&zone, 21, 6, 0))
        );
        assert_eq!(window.minutes(), 8 * 60);
    }

    #[test]
    fn windows_that_meet_are_one() {
        let zone = Zone::utc();
        let windows = [
            "mon-thu 22:00-06:00",
            "tue-fri 06:00-08:00",
            "sat,sun 00:00-24:00",
        ]
        .map(|text| text.parse::<Window>().unwrap());
        assert_eq!(
            closing(&windows, &zone, at(&zone, 16, 23, 0)),
            Some(at(&zone, 17, 8, 0))
        );
        assert_eq!(
            closing(&windows, &zone, at(&zone, 21, 12, 0)),
            Some(at(&zone, 23, 0, 0))
        );
        assert_eq!(closing(&windows, &zone, at(&zone, 16, 12, 0)), None);
    }

    #[test]
    fn windows_parse_and_print() {
        for text in ["22:00-06:00", "mon-fri 09:30-17:00", "sat-sun 00:00-24:00"] {
            assert_eq!(text.parse::<Window>().unwrap().to_string(), text);
        }
        for text in [
            "",
            "22-06",
            "22:00",
            "25:00-26:00",
            "10:00-10:00",
            "24:00-01:00",
            "xx 1:00-2:00",
        ] {
            assert!(text.parse::<Window>().is_err(), "{text}");
        }
    }
}
