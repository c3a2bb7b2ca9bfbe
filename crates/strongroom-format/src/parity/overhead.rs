//! How much parity is wanted.

use std::fmt;
use std::str::FromStr;

/// How much parity packs get: a share of their length, in whole per cent.
///
/// ```
/// use strongroom_format::parity::Overhead;
///
/// let overhead: Overhead = "2%".parse()?;
/// assert_eq!(overhead, Overhead::DISKS);
/// assert_eq!(overhead.to_string(), "2%");
/// assert!("0%".parse::<Overhead>().is_err());
/// # Ok::<(), strongroom_format::parity::InvalidOverhead>(())
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Overhead(u8);

impl Overhead {
    /// Two per cent: what suits disks, which lose sectors and short runs of them.
    pub const DISKS: Self = Self(2);

    /// Takes a percentage from 1 to 100.
    ///
    /// # Errors
    ///
    /// [`InvalidOverhead`] for anything else.
    pub const fn percent(percent: u8) -> Result<Self, InvalidOverhead> {
        match percent {
            1..=100 => Ok(Self(percent)),
            _ => Err(InvalidOverhead),
        }
    }

    /// Returns the percentage.
    #[must_use]
    pub const fn as_percent(self) -> u8 {
        self.0
    }
}

impl fmt::Display for Overhead {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}%", self.0)
    }
}

impl FromStr for Overhead {
    type Err = InvalidOverhead;

    /// Parses a number from 1 to 100, with or without a per cent sign.
    fn from_str(text: &str) -> Result<Self, InvalidOverhead> {
        let digits = text.strip_suffix('%').unwrap_or(text);
        if !digits.bytes().all(|digit| digit.is_ascii_digit()) {
            return Err(InvalidOverhead);
        }
        Self::percent(digits.parse().map_err(|_| InvalidOverhead)?)
    }
}

/// A text or number that is no [`Overhead`].
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("parity is between 1% and 100%")]
#[non_exhaustive]
pub struct InvalidOverhead;
