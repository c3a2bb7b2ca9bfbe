//! A part of a whole.

use std::fmt;
use std::str::FromStr;

use crate::error::Error;
use crate::text::serde_as_text;

/// A part of a whole, in millionths; its text is `99.9 %`. Never more than all.
///
/// A bare number is refused: 0.98 and 98 are both written by people who mean the same.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Share(u32);

impl Share {
    /// Returns so many millionths; more than a million are a million.
    #[must_use]
    pub const fn millionths(millionths: u32) -> Self {
        Self(if millionths > ALL { ALL } else { millionths })
    }

    /// Returns so many hundredths; more than 100 are 100.
    #[must_use]
    pub const fn percent(percent: u32) -> Self {
        Self::millionths(percent.saturating_mul(10_000))
    }

    /// Returns it in millionths.
    #[must_use]
    pub const fn get(self) -> u32 {
        self.0
    }

    /// Returns it as a number from 0 to 1.
    #[must_use]
    pub fn ratio(self) -> f64 {
        f64::from(self.0) / f64::from(ALL)
    }
}

impl fmt::Display for Share {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (whole, part) = (self.0 / 10_000, self.0 % 10_000);
        if part == 0 {
            return write!(f, "{whole} %");
        }
        let digits = format!("{part:04}");
        write!(f, "{whole}.{} %", digits.trim_end_matches('0'))
    }
}

impl FromStr for Share {
    type Err = Error;

    /// # Errors
    ///
    /// `Invalid`: not a number from 0 to 100 with at most four decimals and `%`.
    fn from_str(text: &str) -> Result<Self, Error> {
        let invalid = |why: &str| Error::invalid(text, why);
        let number = text
            .trim()
            .strip_suffix('%')
            .ok_or_else(|| invalid("is no share").with_hint("write it in percent: \"98 %\""))?;
        let parsed = parse(number.trim_end());
        parsed.ok_or_else(|| {
            invalid("is no share of 0 % to 100 % with at most four decimals")
                .with_hint("write it as 98 % or 99.95 %")
        })
    }
}

serde_as_text!(Share);

fn parse(number: &str) -> Option<Share> {
    let (whole, part) = number.split_once('.').unwrap_or((number, "0"));
    let digits = |text: &str| !text.is_empty() && text.bytes().all(|b| b.is_ascii_digit());
    if !digits(whole) || !digits(part) || part.len() > 4 || whole.len() > 3 {
        return None;
    }
    let whole: u32 = whole.parse().ok()?;
    let part: u32 = format!("{part:0<4}").parse().ok()?;
    let millionths = whole * 10_000 + part;
    (millionths <= ALL).then_some(Share(millionths))
}

const ALL: u32 = 1_000_000;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn percent_only() {
        for (text, millionths) in [
            ("98 %", 980_000),
            ("99.95%", 999_500),
            ("0.1 %", 1_000),
            ("0.0001 %", 1),
            ("100 %", 1_000_000),
        ] {
            let share: Share = text.parse().unwrap();
            assert_eq!(share.get(), millionths);
            assert_eq!(share.to_string().parse::<Share>().unwrap(), share);
        }
        for text in [
            "0.98",
            "98",
            "101 %",
            "-1 %",
            "%",
            "1. %",
            "0.00001 %",
            "1e2 %",
        ] {
            assert!(text.parse::<Share>().is_err(), "{text}");
        }
    }
}
