//! How many of something a rule keeps.

use std::fmt;
use std::num::NonZeroU32;
use std::str::FromStr;

use crate::error::{Error, ErrorKind};

/// How many of something a rule keeps: at least one, or all there are.
///
/// Zero is refused: a rule that keeps nothing would be a mistake, and one that is not wanted is
/// left out. So are negative numbers, which once made a tool forget what it should keep.
///
/// ```
/// use strongroom_retain::Count;
///
/// assert_eq!("7".parse::<Count>()?, Count::new(7)?);
/// assert_eq!("unlimited".parse::<Count>()?, Count::UNLIMITED);
/// assert!("-1".parse::<Count>().is_err() && "0".parse::<Count>().is_err());
/// # Ok::<(), strongroom_retain::Error>(())
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Count(Option<NonZeroU32>);

impl Count {
    /// All there are.
    pub const UNLIMITED: Self = Self(None);

    /// Returns so many.
    ///
    /// # Errors
    ///
    /// `Invalid` for 0.
    pub fn new(count: u32) -> Result<Self, Error> {
        match NonZeroU32::new(count) {
            Some(count) => Ok(Self(Some(count))),
            None => Err(Error::new(
                ErrorKind::Invalid,
                "a rule keeps at least 1, or is left out",
            )),
        }
    }

    /// Returns the number, or `None` for all there are.
    #[must_use]
    pub fn get(self) -> Option<u32> {
        self.0.map(NonZeroU32::get)
    }

    /// Returns the most that it allows.
    pub(crate) fn limit(self) -> usize {
        self.get()
            .and_then(|count| usize::try_from(count).ok())
            .unwrap_or(usize::MAX)
    }
}

impl From<NonZeroU32> for Count {
    fn from(count: NonZeroU32) -> Self {
        Self(Some(count))
    }
}

/// `unlimited` is the greatest.
impl Ord for Count {
    fn cmp(&self, other: &Self) -> std::cmp::Ordering {
        let number = |count: &Self| count.get().map_or(u64::MAX, u64::from);
        number(self).cmp(&number(other))
    }
}

impl PartialOrd for Count {
    fn partial_cmp(&self, other: &Self) -> Option<std::cmp::Ordering> {
        Some(self.cmp(other))
    }
}

impl fmt::Display for Count {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.0 {
            Some(count) => count.fmt(f),
            None => f.write_str("unlimited"),
        }
    }
}

impl FromStr for Count {
    type Err = Error;

    /// # Errors
    ///
    /// `Invalid`: neither `unlimited` nor a number of decimal digits from 1 to 4294967295.
    fn from_str(text: &str) -> Result<Self, Error> {
        if text == "unlimited" {
            return Ok(Self::UNLIMITED);
        }
        let digits = !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit());
        let count = digits.then(|| text.parse().ok()).flatten();
        match count.map(Self::new) {
            Some(Ok(count)) => Ok(count),
            _ => Err(Error::invalid(
                text,
                "not a number from 1, nor \"unlimited\"",
            )),
        }
    }
}
