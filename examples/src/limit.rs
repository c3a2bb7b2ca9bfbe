//! How old something is to be, and how much of it may stay, as options say it.

use std::time::Duration;

use strongroom::retain::{Moment, Span};
use strongroom::{Clock as _, SystemClock, Unused};
use strongroom_policy::Period;

use crate::size::parse_size;

/// Reads an age: `0` of anything, such as `0h`, or a span such as `12h`, `7d` or `1m2w`, or as policies write it, such as `3mo` or `30min`, counted back from now on the calendar.
///
/// # Errors
///
/// A sentence that says what is wrong.
pub fn age(text: &str) -> Result<Duration, String> {
    // Spans are never nothing; ages may be.
    let unit = text.trim_start_matches('0');
    if unit.len() < text.len() && matches!(unit, "" | "h" | "d" | "w" | "m" | "y") {
        return Ok(Duration::ZERO);
    }
    let now = SystemClock::default().now().seconds;
    let before = |then: Moment| Duration::from_secs(now.abs_diff(then.unix_seconds));
    match (text.parse::<Span>(), text.parse::<Period>()) {
        (Ok(span), _) => Ok(before(span.before(Moment::utc(now)))),
        // As policies write it; there spaces are allowed, which an option has no use for.
        (Err(_), Ok(period)) if !text.contains(' ') => Ok(before(period.before(Moment::utc(now)))),
        (Err(error), _) => Err(error.to_string()),
    }
}

/// Reads how much that nothing needs may stay: a share such as `5%`, a size such as `100M`, or `unlimited`.
///
/// # Errors
///
/// A sentence that says what is wrong.
pub fn unused(text: &str) -> Result<Unused, String> {
    if text == "unlimited" {
        return Ok(Unused::Unlimited);
    }
    let Some(percent) = text.strip_suffix('%') else {
        return parse_size(text).map(Unused::Bytes);
    };
    let malformed = || format!("not a share: {text} (write 5%, 100M or unlimited)");
    let percent: f64 = percent.parse().map_err(|_| malformed())?;
    if (0.0..=100.0).contains(&percent) {
        Ok(Unused::Share(percent / 100.0))
    } else {
        Err(malformed())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ages_are_nothing_or_spans() {
        for nothing in ["0", "0h", "00d", "0w"] {
            assert_eq!(age(nothing), Ok(Duration::ZERO), "{nothing}");
        }
        assert_eq!(
            age("2w12h"),
            Ok(Duration::from_secs((14 * 24 + 12) * 3_600))
        );
        let days = |text: &str| age(text).map(|age| age.as_secs().div_ceil(86_400));
        assert_eq!(age("3mo"), age("3m"));
        assert!(days("3mo").is_ok_and(|days| (89..=93).contains(&days)));
        assert_eq!(age("30min"), Ok(Duration::from_secs(1_800)));
        for wrong in ["", "h", "7", "-1d", "0x", "0 d", "5 days"] {
            assert!(age(wrong).is_err(), "{wrong}");
        }
    }

    #[test]
    fn what_may_stay_is_a_share_or_a_size() {
        assert_eq!(unused("0%"), Ok(Unused::Share(0.0)));
        assert_eq!(unused("12.5%"), Ok(Unused::Share(0.125)));
        assert_eq!(unused("1M"), Ok(Unused::Bytes(1 << 20)));
        assert_eq!(unused("unlimited"), Ok(Unused::Unlimited));
        for wrong in ["", "%", "101%", "-1%", "nan%", "all"] {
            assert!(unused(wrong).is_err(), "{wrong}");
        }
    }
}
