//! How old something is to be, and how much of it may stay, as options say it.

use std::time::Duration;

use strongroom::retain::{Moment, Span};
use strongroom::{Clock as _, SystemClock};

/// Reads an age: `0`, or a span such as `12h`, `7d` or `1m2w`, counted back from now on the calendar.
///
/// # Errors
///
/// A sentence that says what is wrong.
pub fn age(text: &str) -> Result<Duration, String> {
    if text == "0" {
        return Ok(Duration::ZERO);
    }
    let span: Span = text.parse().map_err(|error| format!("{error}"))?;
    let now = SystemClock::default().now().seconds;
    let then = span.before(Moment::utc(now)).unix_seconds;
    Ok(Duration::from_secs(now.abs_diff(then)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ages_are_nothing_or_spans() {
        assert_eq!(age("0"), Ok(Duration::ZERO));
        assert_eq!(
            age("2w12h"),
            Ok(Duration::from_secs((14 * 24 + 12) * 3_600))
        );
        for wrong in ["", "7", "-1d", "0d", "5 days"] {
            assert!(age(wrong).is_err(), "{wrong}");
        }
    }
}
