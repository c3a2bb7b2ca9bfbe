//! Sizes and rates, as people write and read them.

use std::time::Duration;

const UNITS: [&str; 5] = ["KiB", "MiB", "GiB", "TiB", "PiB"];

/// Writes a number of bytes in binary units.
#[must_use]
pub fn size(bytes: u64) -> String {
    if bytes < 1_024 {
        return format!("{bytes} B");
    }
    let mut value = bytes as f64;
    let mut unit = "B";
    for larger in UNITS {
        if value < 1_024.0 {
            break;
        }
        value /= 1_024.0;
        unit = larger;
    }
    format!("{value:.1} {unit}")
}

/// Writes how many bytes a second that were.
#[must_use]
pub(crate) fn rate(bytes: u64, time: Duration) -> String {
    let seconds = time.as_secs_f64();
    if seconds <= 0.0 {
        return "-".to_owned();
    }
    format!("{:.1} MiB/s", bytes as f64 / seconds / 1_048_576.0)
}

/// Writes how many things a second that were.
#[must_use]
pub(crate) fn per_second(count: u64, time: Duration) -> String {
    let seconds = time.as_secs_f64();
    if seconds <= 0.0 {
        "-".to_owned()
    } else {
        format!("{:.0}", count as f64 / seconds)
    }
}

/// Reads a size: a number of bytes, or one with a binary unit such as `100M` or `1.5GiB`.
///
/// # Errors
///
/// A sentence, when it is none.
pub fn parse_size(text: &str) -> Result<u64, String> {
    let malformed = || format!("not a size: {text} (write 500000, 100M or 1.5GiB)");
    let digits = text.trim_end_matches(|character: char| character.is_ascii_alphabetic());
    let unit = text
        .get(digits.len()..)
        .unwrap_or_default()
        .to_ascii_uppercase();
    let exponent = match unit.trim_end_matches('B').trim_end_matches('I') {
        "" => 0,
        letter => {
            1 + "KMGTP"
                .find(letter)
                .filter(|_| letter.len() == 1)
                .ok_or_else(malformed)?
        }
    };
    let factor = 1_024_u64.pow(u32::try_from(exponent).map_err(|_| malformed())?);
    if let Ok(whole) = digits.parse::<u64>() {
        return whole.checked_mul(factor).ok_or_else(malformed);
    }
    let value = digits
        .parse::<f64>()
        .ok()
        .filter(|value| value.is_finite() && *value >= 0.0);
    let bytes = value.ok_or_else(malformed)? * factor as f64;
    // Rounded to a whole number far below 2^53 in all that anybody writes; beyond, a float is exact enough.
    Duration::try_from_secs_f64(bytes)
        .map(|whole| whole.as_secs())
        .map_err(|_| malformed())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sizes_are_written_and_read() {
        for (text, bytes) in [
            ("0", 0),
            ("500000", 500_000),
            ("100M", 104_857_600),
            ("1.5GiB", 1_610_612_736),
            ("2kb", 2_048),
        ] {
            assert_eq!(parse_size(text), Ok(bytes), "{text}");
        }
        for text in ["", "M", "-1", "1X", "1KM", "99999999999P", "nan", "1e400"] {
            assert!(parse_size(text).is_err(), "{text}");
        }
        assert_eq!(size(0), "0 B");
        assert_eq!(size(1_536), "1.5 KiB");
        assert_eq!(size(u64::MAX), "16384.0 PiB");
    }
}
