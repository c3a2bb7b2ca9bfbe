//! Dates for people.

use strongroom_format::Time;

/// Writes the day of a time, in UTC, as `2026-11-22`.
pub(crate) fn of(time: Time) -> String {
    let (year, month, day) = civil(time.seconds.div_euclid(SECONDS_A_DAY));
    format!("{year:04}-{month:02}-{day:02}")
}

/// Reads such a day.
pub(super) fn parse(text: &str) -> Option<Time> {
    let mut parts = text.trim().splitn(3, '-');
    let mut next = || parts.next()?.trim().parse::<i64>().ok();
    let (year, month, day) = (next()?, next()?, next()?);
    let plausible = (0..=9_999).contains(&year) && (1..=12).contains(&month);
    if !plausible || !(1..=31).contains(&day) {
        return None;
    }
    let days = days(year, month, day);
    (civil(days) == (year, month, day)).then(|| Time::new(days * SECONDS_A_DAY, 0))
}

/// Days since 1970-01-01 of a day of the Gregorian calendar: years begin in March, so that the leap day is the last.
fn days(year: i64, month: i64, day: i64) -> i64 {
    let year = if month <= 2 { year - 1 } else { year };
    let (era, of_era) = (year.div_euclid(400), year.rem_euclid(400));
    let of_year = (153 * ((month + 9) % 12) + 2) / 5 + day - 1;
    era * DAYS_OF_ERA + of_era * 365 + of_era / 4 - of_era / 100 + of_year - DAYS_TO_1970
}

/// The reverse.
fn civil(days: i64) -> (i64, i64, i64) {
    let days = days + DAYS_TO_1970;
    let (era, of_era) = (days.div_euclid(DAYS_OF_ERA), days.rem_euclid(DAYS_OF_ERA));
    let year = (of_era - of_era / 1_460 + of_era / 36_524 - of_era / 146_096) / 365;
    let of_year = of_era - (365 * year + year / 4 - year / 100);
    let shifted = (5 * of_year + 2) / 153;
    let day = of_year - (153 * shifted + 2) / 5 + 1;
    let month = if shifted < 10 {
        shifted + 3
    } else {
        shifted - 9
    };
    let year = year + era * 400 + i64::from(month <= 2);
    (year, month, day)
}

const SECONDS_A_DAY: i64 = 86_400;
/// Days of 400 years.
const DAYS_OF_ERA: i64 = 146_097;
/// Days from 0000-03-01 to 1970-01-01.
const DAYS_TO_1970: i64 = 719_468;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn days_are_those_of_the_calendar() {
        for (seconds, text) in [
            (0, "1970-01-01"),
            (-1, "1969-12-31"),
            (951_782_400, "2000-02-29"),
            (1_795_331_000, "2026-11-22"),
            (4_107_542_400, "2100-03-01"),
        ] {
            assert_eq!(of(Time::new(seconds, 0)), text);
            let day = seconds.div_euclid(SECONDS_A_DAY) * SECONDS_A_DAY;
            assert_eq!(parse(text), Some(Time::new(day, 0)));
        }
        for wrong in ["2026-02-30", "2026-13-01", "", "2026", "a-b-c"] {
            assert_eq!(parse(wrong), None, "{wrong}");
        }
    }
}
