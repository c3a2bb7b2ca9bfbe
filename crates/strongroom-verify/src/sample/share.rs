//! Shares of a whole, without floating numbers.

use std::fmt;
use std::str::FromStr;

/// A share of a whole between nothing and all of it, exact in billionths.
///
/// ```
/// use strongroom_verify::sample::Share;
///
/// let below: Share = "0.1%".parse()?;
/// assert_eq!(below.of(812_000), 812);
/// assert_eq!(below.to_string(), "0.1 %");
/// # Ok::<(), strongroom_verify::sample::ParseShareError>(())
/// ```
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Share(u32);

impl Share {
    /// Nothing.
    pub const NONE: Self = Self(0);
    /// The whole.
    pub const ALL: Self = Self(WHOLE);

    /// Returns that many billionths, `None` above the whole.
    #[must_use]
    pub const fn from_billionths(billionths: u32) -> Option<Self> {
        if billionths <= WHOLE {
            Some(Self(billionths))
        } else {
            None
        }
    }

    /// Returns the number of billionths.
    #[must_use]
    pub const fn billionths(self) -> u32 {
        self.0
    }

    /// Returns how many of `total` things make up at least this share: rounded up.
    #[must_use]
    pub const fn of(self, total: u64) -> u64 {
        let exact = total as u128 * self.0 as u128;
        #[expect(
            clippy::cast_possible_truncation,
            reason = "a share of a u64 is not above it"
        )]
        let rounded = exact.div_ceil(WHOLE as u128) as u64;
        rounded
    }

    /// Returns the share that `count` of `total` things are, rounded up; the whole of nothing.
    #[must_use]
    pub fn of_count(count: u64, total: u64) -> Self {
        if count >= total {
            return Self::ALL;
        }
        let billionths = (u128::from(count) * u128::from(WHOLE)).div_ceil(u128::from(total));
        u32::try_from(billionths).map_or(Self::ALL, Self)
    }

    /// Returns the least share of three significant digits that is not smaller.
    #[must_use]
    pub fn rounded_up(self) -> Self {
        let step = 10_u32.pow(
            self.0
                .checked_ilog10()
                .unwrap_or_default()
                .saturating_sub(2),
        );
        Self(self.0.next_multiple_of(step).min(WHOLE))
    }

    /// Returns what is missing to the whole.
    #[must_use]
    pub const fn complement(self) -> Self {
        Self(WHOLE - self.0)
    }

    /// Returns the share as a number from 0 to 1.
    #[must_use]
    pub fn as_f64(self) -> f64 {
        f64::from(self.0) / f64::from(WHOLE)
    }
}

/// As people write it: `0.1 %`.
impl fmt::Display for Share {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (percent, rest) = (self.0 / PERCENT, self.0 % PERCENT);
        if rest == 0 {
            return write!(f, "{percent} %");
        }
        let digits = format!("{rest:07}");
        write!(f, "{percent}.{} %", digits.trim_end_matches('0'))
    }
}

/// Why a text is not a share.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct ParseShareError;

impl fmt::Display for ParseShareError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("not a percentage from 0% to 100% with at most seven decimals")
    }
}

impl std::error::Error for ParseShareError {}

/// Takes a percentage with its sign, like `0.1%` or `99 %`: a bare number could mean either.
impl FromStr for Share {
    type Err = ParseShareError;

    fn from_str(text: &str) -> Result<Self, ParseShareError> {
        let number = text.trim().strip_suffix('%').ok_or(ParseShareError)?;
        let (whole, decimals) = number.trim_end().split_once('.').unwrap_or((number, "0"));
        let (whole, decimals) = (whole.trim_end(), decimals.trim_end());
        let is_digits = |text: &str| text.bytes().all(|byte| byte.is_ascii_digit());
        if !is_digits(whole) || !is_digits(decimals) || decimals.is_empty() || decimals.len() > 7 {
            return Err(ParseShareError);
        }
        let percent: u32 = whole.parse().map_err(|_| ParseShareError)?;
        let rest: u32 = format!("{decimals:0<7}")
            .parse()
            .map_err(|_| ParseShareError)?;
        percent
            .checked_mul(PERCENT)
            .and_then(|billionths| billionths.checked_add(rest))
            .and_then(Self::from_billionths)
            .ok_or(ParseShareError)
    }
}

/// Billionths in the whole.
const WHOLE: u32 = 1_000_000_000;
/// Billionths in one percent.
const PERCENT: u32 = WHOLE / 100;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_percentage_is_exact_and_comes_back() {
        for (text, billionths, shown) in [
            ("0%", 0, "0 %"),
            ("0.0000001%", 1, "0.0000001 %"),
            ("0.01 %", 100_000, "0.01 %"),
            (" 99.9% ", 999_000_000, "99.9 %"),
            ("100%", 1_000_000_000, "100 %"),
        ] {
            let share: Share = text.parse().unwrap();
            assert_eq!(share.billionths(), billionths, "{text}");
            assert_eq!(share.to_string(), shown);
            assert_eq!(share.to_string().parse(), Ok(share));
        }
    }

    #[test]
    fn what_is_no_percentage_is_refused() {
        for text in [
            "",
            "%",
            "1",
            "0.5",
            "-1%",
            "101%",
            "100.0000001%",
            "1.%",
            ".5%",
            "1e1%",
            "1.00000000%",
            "99999999999%",
            "1 2%",
        ] {
            assert_eq!(text.parse::<Share>(), Err(ParseShareError), "{text}");
        }
    }

    #[test]
    fn a_count_as_a_share_is_never_too_small() {
        for (count, total, exact, rounded) in [
            (0, 7, "0 %", "0 %"),
            (1, 3, "33.3333334 %", "33.4 %"),
            (2_111, 812_000, "0.2599754 %", "0.26 %"),
            (1, 1_000_000_000, "0.0000001 %", "0.0000001 %"),
            (9_995, 10_000, "99.95 %", "100 %"),
            (7, 7, "100 %", "100 %"),
            (0, 0, "100 %", "100 %"),
        ] {
            let share = Share::of_count(count, total);
            assert_eq!(share.to_string(), exact);
            assert_eq!(share.rounded_up().to_string(), rounded);
        }
    }

    #[test]
    fn counts_are_rounded_up_and_no_further() {
        let tenth_of_a_thousandth: Share = "0.01%".parse().unwrap();
        assert_eq!(tenth_of_a_thousandth.of(1_000_000_000), 100_000);
        assert_eq!(tenth_of_a_thousandth.of(10_001), 2);
        assert_eq!(tenth_of_a_thousandth.of(1), 1);
        assert_eq!(Share::ALL.of(u64::MAX), u64::MAX);
        assert_eq!(Share::NONE.of(u64::MAX), 0);
    }
}
