//! An amount of data.

use std::fmt;
use std::str::FromStr;

use crate::error::Error;
use crate::text::serde_as_text;

/// An amount of data in bytes; its text is `500 GiB` or `2 TB`.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct ByteCount(u64);

impl ByteCount {
    /// Returns so many bytes.
    #[must_use]
    pub const fn new(bytes: u64) -> Self {
        Self(bytes)
    }

    /// Returns the number of bytes.
    #[must_use]
    pub const fn get(self) -> u64 {
        self.0
    }
}

/// In the largest unit of which it is a whole number.
impl fmt::Display for ByteCount {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let fits = |unit: &&(&str, u64)| self.0 > 0 && self.0.is_multiple_of(unit.1);
        let unit = UNITS.iter().filter(fits).max_by_key(|unit| unit.1);
        let (name, factor) = unit.copied().unwrap_or(("B", 1));
        write!(f, "{} {name}", self.0 / factor)
    }
}

impl FromStr for ByteCount {
    type Err = Error;

    /// # Errors
    ///
    /// `Invalid`: no number with a unit, more than three decimals, or more than 2⁶⁴ − 1 bytes.
    fn from_str(text: &str) -> Result<Self, Error> {
        let hint = "write it as 500 GiB or 2 TB";
        let invalid = |why: &str| Error::invalid(text, why).with_hint(hint);
        let trimmed = text.trim();
        let end = trimmed.find(|c: char| !c.is_ascii_digit() && c != '.');
        let (number, unit) = trimmed.split_at(end.unwrap_or(trimmed.len()));
        let unit = unit.trim_start();
        if unit.is_empty() {
            return Err(invalid("has no unit"));
        }
        let found = UNITS.iter().find(|known| known.0 == unit);
        let (_, factor) = found.ok_or_else(|| invalid("has an unknown unit"))?;
        let (whole, part) = number.split_once('.').unwrap_or((number, "0"));
        let digits = |text: &str| !text.is_empty() && text.bytes().all(|b| b.is_ascii_digit());
        if !digits(whole) || !digits(part) || part.len() > 3 {
            return Err(invalid("is no amount of data"));
        }
        let thousandths = whole
            .parse::<u64>()
            .ok()
            .zip(format!("{part:0<3}").parse::<u64>().ok())
            .map(|(whole, part)| u128::from(whole) * 1000 + u128::from(part));
        let bytes = thousandths.and_then(|number| {
            let bytes = number * u128::from(*factor);
            u64::try_from(bytes / 1000).ok()
        });
        bytes.map(Self).ok_or_else(|| invalid("is too much"))
    }
}

serde_as_text!(ByteCount);

const UNITS: [(&str, u64); 11] = [
    ("B", 1),
    ("kB", 1_000),
    ("KiB", 1 << 10),
    ("MB", 1_000_000),
    ("MiB", 1 << 20),
    ("GB", 1_000_000_000),
    ("GiB", 1 << 30),
    ("TB", 1_000_000_000_000),
    ("TiB", 1 << 40),
    ("PB", 1_000_000_000_000_000),
    ("PiB", 1 << 50),
];

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn units_are_named() {
        for (text, bytes) in [
            ("500 GiB", 500 << 30),
            ("2TB", 2_000_000_000_000),
            ("1.5 KiB", 1536),
            ("0 B", 0),
        ] {
            let count: ByteCount = text.parse().unwrap();
            assert_eq!(count.get(), bytes);
            assert_eq!(count.to_string().parse::<ByteCount>().unwrap(), count);
        }
        for text in [
            "500",
            "GiB",
            "1 G",
            "1.2345 KiB",
            "99999999999 PiB",
            "-1 B",
            "1..2 B",
        ] {
            assert!(text.parse::<ByteCount>().is_err(), "{text}");
        }
    }
}
