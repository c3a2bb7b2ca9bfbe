//! Time zones by name.

use std::fmt;
use std::str::FromStr;
use std::sync::LazyLock;

use jiff::Timestamp;
use jiff::civil::DateTime;
use jiff::tz::{AmbiguousOffset, TimeZone, TimeZoneDatabase};
use strongroom_retain::Moment;

use crate::error::Error;
use crate::text::{nearest, serde_as_text};

/// A time zone of the IANA database, such as `Europe/Berlin`.
///
/// The database is compiled in, and never read from the machine: the same policy gives the same
/// times everywhere. When a country changes its clocks, a newer release of this crate knows.
///
/// ```
/// use strongroom_policy::Zone;
///
/// let zone: Zone = "Europe/Berlin".parse()?;
/// assert_eq!(zone.moment(1_795_300_200).to_string(), "2026-11-21T23:30:00+01:00");
/// # Ok::<(), strongroom_policy::Error>(())
/// ```
#[derive(Clone)]
pub struct Zone {
    name: Box<str>,
    zone: TimeZone,
}

impl Zone {
    /// Returns the one whose clocks show UTC.
    #[must_use]
    pub fn utc() -> Self {
        Self {
            name: "UTC".into(),
            zone: TimeZone::UTC,
        }
    }

    /// Returns its name.
    #[must_use]
    pub fn name(&self) -> &str {
        &self.name
    }

    /// Says whether its clocks show UTC.
    #[must_use]
    pub fn is_utc(&self) -> bool {
        &*self.name == "UTC"
    }

    /// Returns a moment with the offset that its clocks have then.
    #[must_use]
    pub fn moment(&self, unix_seconds: i64) -> Moment {
        Moment {
            unix_seconds,
            utc_offset_seconds: self.offset(unix_seconds),
        }
    }

    /// Returns how far its clocks are ahead of UTC.
    pub(crate) fn offset(&self, unix_seconds: i64) -> i32 {
        self.zone.to_offset(timestamp(unix_seconds)).seconds()
    }

    /// Returns the instant at which its clocks show a time: the earlier of two, and where there is
    /// none because the clock was put forward, as much after that.
    pub(crate) fn instant(&self, local: DateTime) -> i64 {
        let instant = self.zone.to_ambiguous_timestamp(local).compatible();
        instant.map_or(i64::MAX, Timestamp::as_second)
    }

    /// Says what its clocks make of a time.
    pub(crate) fn reading(&self, local: DateTime) -> Reading {
        match self.zone.to_ambiguous_timestamp(local).offset() {
            AmbiguousOffset::Gap { .. } => Reading::Never,
            AmbiguousOffset::Fold { .. } => Reading::Twice,
            AmbiguousOffset::Unambiguous { .. } => Reading::Once,
        }
    }

    /// Returns the instants after `from` and before `until` at which its clocks are changed.
    pub(crate) fn changes(&self, from: i64, until: i64) -> impl Iterator<Item = i64> {
        self.zone
            .following(timestamp(from))
            .map(|change| change.timestamp().as_second())
            .take_while(move |at| *at < until)
    }
}

/// How often a clock shows a time.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Reading {
    Never,
    Once,
    Twice,
}

/// Returns the time, or the first or last there is.
fn timestamp(unix_seconds: i64) -> Timestamp {
    let end = if unix_seconds < 0 {
        Timestamp::MIN
    } else {
        Timestamp::MAX
    };
    Timestamp::from_second(unix_seconds).unwrap_or(end)
}

impl PartialEq for Zone {
    fn eq(&self, other: &Self) -> bool {
        self.name == other.name
    }
}

impl Eq for Zone {}

impl fmt::Display for Zone {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.name)
    }
}

impl fmt::Debug for Zone {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Zone({})", self.name)
    }
}

impl FromStr for Zone {
    type Err = Error;

    /// # Errors
    ///
    /// `Invalid`: no name of the IANA database. Abbreviations such as `CET` that name a fixed
    /// offset in one half of the year are names there, and allowed.
    fn from_str(text: &str) -> Result<Self, Error> {
        if text == "UTC" {
            return Ok(Self::utc());
        }
        let found = DATABASE.get(text).ok();
        let named = found.and_then(|zone| {
            // Names are compared without case there, and exactly here.
            let name = zone.iana_name().filter(|name| *name == text)?;
            Some(Self {
                name: name.into(),
                zone: zone.clone(),
            })
        });
        named.ok_or_else(|| unknown(text))
    }
}

serde_as_text!(Zone);

fn unknown(text: &str) -> Error {
    let names: Vec<String> = DATABASE.available().map(|name| name.to_string()).collect();
    let meant = nearest(text, names.iter().map(String::as_str));
    let hint = match meant {
        Some(name) => format!("did you mean {name}?"),
        None => "write it as Europe/Berlin or UTC".to_owned(),
    };
    Error::invalid(text, "is no time zone").with_hint(hint)
}

/// Compiled in; jiff keeps what was parsed.
static DATABASE: LazyLock<TimeZoneDatabase> = LazyLock::new(TimeZoneDatabase::bundled);

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_exact() {
        let zone: Zone = "America/New_York".parse().unwrap();
        assert_eq!(zone.offset(1_795_300_200), -5 * 3600);
        let error = "Europe/Berln".parse::<Zone>().unwrap_err();
        assert_eq!(error.hint(), Some("did you mean Europe/Berlin?"));
        assert!("europe/berlin".parse::<Zone>().is_err());
        assert!("EST5EDT,M3.2.0,M11.1.0".parse::<Zone>().is_err());
        assert_eq!("UTC".parse::<Zone>().unwrap(), Zone::utc());
    }

    #[test]
    fn clocks_skip_and_repeat() {
        let zone: Zone = "Europe/Berlin".parse().unwrap();
        let at = |month, day| jiff::civil::date(2027, month, day).at(2, 30, 0, 0);
        assert_eq!(zone.reading(at(3, 28)), Reading::Never);
        assert_eq!(zone.reading(at(10, 31)), Reading::Twice);
        assert_eq!(zone.reading(at(6, 1)), Reading::Once);
        let shown = |local| zone.moment(zone.instant(local)).to_string();
        assert_eq!(shown(at(3, 28)), "2027-03-28T03:30:00+02:00");
        assert_eq!(shown(at(10, 31)), "2027-10-31T02:30:00+02:00");
        let from = zone.instant(jiff::civil::date(2027, 1, 1).at(0, 0, 0, 0));
        assert_eq!(zone.changes(from, from + 365 * 86_400).count(), 2);
    }

    #[test]
    fn any_number_of_seconds_has_an_offset() {
        let zone: Zone = "Europe/Berlin".parse().unwrap();
        for seconds in [i64::MIN, -1, 0, i64::MAX] {
            assert!(zone.moment(seconds).utc_offset_seconds.abs() < 86_400);
        }
    }
}
