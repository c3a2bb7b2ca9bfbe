//! Days of the week.

use std::fmt;

use crate::error::Error;

/// Some days of the week, as `mon-fri` or `sat,sun`; bit 0 is Monday.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(crate) struct Weekdays(u8);

impl Weekdays {
    pub(crate) const ALL: Self = Self(0x7f);

    /// Returns those whose bits are set; bit 0 is Monday.
    pub(crate) fn of_bits(bits: u64) -> Self {
        Self(u8::try_from(bits & 0x7f).unwrap_or_default())
    }

    /// Returns their names.
    pub(crate) fn names(self) -> Vec<&'static str> {
        let days = (0..).zip(NAMES).filter(|(day, _)| self.has(*day));
        days.map(|(_, name)| name).collect()
    }

    /// Says whether a day is among them; 0 is Monday.
    pub(crate) fn has(self, day: i64) -> bool {
        u32::try_from(day).is_ok_and(|day| day < 7 && self.0 >> day & 1 == 1)
    }

    /// Parses `mon-fri`, `sat,sun` or `daily`. From Saturday to Monday goes over Sunday.
    pub(crate) fn parse(text: &str) -> Result<Self, Error> {
        if text == "daily" {
            return Ok(Self::ALL);
        }
        let unknown = || {
            Error::invalid(text, "is no day of the week")
                .with_hint("write it as mon-fri or sat,sun")
        };
        let day = |name: &str| NAMES.iter().position(|known| *known == name);
        let mut days = 0;
        for part in text.split(',') {
            let (first, last) = part.split_once('-').unwrap_or((part, part));
            let first = day(first).ok_or_else(unknown)?;
            let last = day(last).ok_or_else(unknown)?;
            let count = (last + 7 - first) % 7;
            for offset in 0..=count {
                days |= 1 << ((first + offset) % 7);
            }
        }
        Ok(Self(days))
    }
}

impl fmt::Display for Weekdays {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if *self == Self::ALL {
            return f.write_str("daily");
        }
        let mut day = 0;
        let mut comma = "";
        while day < 7 {
            let run = (day..7).take_while(|day| self.has(*day)).count();
            let run = i64::try_from(run).unwrap_or(7);
            let name = |day: i64| usize::try_from(day).ok().and_then(|day| NAMES.get(day));
            if let (true, Some(first), Some(last)) = (run > 0, name(day), name(day + run - 1)) {
                write!(f, "{comma}{first}")?;
                if run > 1 {
                    write!(f, "-{last}")?;
                }
                comma = ",";
            }
            day += run + 1;
        }
        Ok(())
    }
}

pub(crate) const NAMES: [&str; 7] = ["mon", "tue", "wed", "thu", "fri", "sat", "sun"];

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn days_parse_and_print() {
        for (text, shown) in [
            ("mon-fri", "mon-fri"),
            ("sun,sat", "sat-sun"),
            ("mon,wed,fri", "mon,wed,fri"),
            ("sat-mon", "mon,sat-sun"),
            ("mon-sun", "daily"),
            ("daily", "daily"),
        ] {
            assert_eq!(Weekdays::parse(text).unwrap().to_string(), shown);
        }
        for text in ["", "monday", "mon-", "1-5", "Mon"] {
            assert!(Weekdays::parse(text).is_err(), "{text}");
        }
    }
}
