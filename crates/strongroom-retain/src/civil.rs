//! Days of the Gregorian calendar, forwards and backwards without end.
//!
//! Thirty lines instead of a calendar crate: a [`Moment`](crate::Moment) carries its own offset
//! from UTC, so no table of time zones is needed, and every `i64` of seconds has a date here (a
//! clock that was wrong can be wrong by any amount).

/// A date; `day` 0 of the numbering below is 1970-01-01.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Date {
    pub(crate) year: i64,
    /// 1 to 12.
    pub(crate) month: i64,
    /// 1 to 31.
    pub(crate) day: i64,
}

impl Date {
    /// Returns the date of a day, counted from 1970-01-01.
    ///
    /// The year is taken to begin in March, so that the leap day is its last; 400 years are an era
    /// of always the same number of days. (Howard Hinnant, "chrono-Compatible Low-Level Date
    /// Algorithms".)
    pub(crate) fn of_day(day: i64) -> Self {
        let day = day + DAYS_FROM_0000_03_01_TO_1970;
        let era = day.div_euclid(DAYS_PER_ERA);
        let of_era = day.rem_euclid(DAYS_PER_ERA);
        let year_of_era = (of_era - of_era / 1460 + of_era / 36_524 - of_era / 146_096) / 365;
        let of_year = of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
        let march_based = (5 * of_year + 2) / 153;
        let month = (march_based + 2) % 12 + 1;
        Self {
            year: year_of_era + era * 400 + i64::from(month <= 2),
            month,
            day: of_year - (153 * march_based + 2) / 5 + 1,
        }
    }

    /// Returns its day, counted from 1970-01-01.
    pub(crate) fn day_number(self) -> i64 {
        let year = self.year - i64::from(self.month <= 2);
        let era = year.div_euclid(400);
        let year_of_era = year.rem_euclid(400);
        let of_year = (153 * ((self.month + 9) % 12) + 2) / 5 + self.day - 1;
        let of_era = year_of_era * 365 + year_of_era / 4 - year_of_era / 100 + of_year;
        era * DAYS_PER_ERA + of_era - DAYS_FROM_0000_03_01_TO_1970
    }

    /// Returns the date `months` later or, if negative, earlier; a day that the month does not have
    /// becomes its last.
    pub(crate) fn plus_months(self, months: i64) -> Self {
        let count = self.year * 12 + self.month - 1 + months;
        let (year, month) = (count.div_euclid(12), count.rem_euclid(12) + 1);
        let day = self.day.min(days_in(year, month));
        Self { year, month, day }
    }
}

/// Returns the number of days of a month.
pub(crate) fn days_in(year: i64, month: i64) -> i64 {
    match month {
        2 if year % 4 == 0 && (year % 100 != 0 || year % 400 == 0) => 29,
        2 => 28,
        4 | 6 | 9 | 11 => 30,
        _ => 31,
    }
}

/// Returns the ISO 8601 year and week of a week, counted from the one of 1970-01-01: that of its
/// Thursday.
pub(crate) fn iso_week(week: i64) -> (i64, i64) {
    let thursday = week * 7;
    let year = Date::of_day(thursday).year;
    let first = Date {
        year,
        month: 1,
        day: 1,
    };
    (year, (thursday - first.day_number()) / 7 + 1)
}

/// Returns the week of a day; 1970-01-01 was a Thursday, so its week began three days before.
pub(crate) fn week_of_day(day: i64) -> i64 {
    (day + 3).div_euclid(7)
}

pub(crate) const SECONDS_PER_DAY: i64 = 86_400;
const DAYS_PER_ERA: i64 = 146_097;
const DAYS_FROM_0000_03_01_TO_1970: i64 = 719_468;

#[cfg(test)]
mod tests {
    use super::*;

    fn check(day: i64, year: i64, month: i64, of_month: i64) {
        let date = Date {
            year,
            month,
            day: of_month,
        };
        assert_eq!(Date::of_day(day), date);
        assert_eq!(date.day_number(), day);
    }

    #[test]
    fn days_have_dates() {
        check(0, 1970, 1, 1);
        check(-1, 1969, 12, 31);
        check(11_016, 2000, 2, 29);
        check(11_017, 2000, 3, 1);
        check(20_778, 2026, 11, 21);
        check(-719_468, 0, 3, 1);
        check(-25_508, 1900, 3, 1);
        check(-25_509, 1900, 2, 28);
    }

    #[test]
    fn dates_follow_each_other() {
        let mut yesterday = Date::of_day(-800_000);
        for day in -799_999..800_000 {
            let date = Date::of_day(day);
            assert_eq!(date.day_number(), day);
            let last = yesterday.day == days_in(yesterday.year, yesterday.month);
            let expected = if last { 1 } else { yesterday.day + 1 };
            assert_eq!(date.day, expected, "{date:?}");
            yesterday = date;
        }
    }

    #[test]
    fn the_ends_of_time_have_dates() {
        for seconds in [i64::MIN, i64::MAX] {
            let day = seconds.div_euclid(SECONDS_PER_DAY);
            assert_eq!(Date::of_day(day).day_number(), day);
        }
    }

    #[test]
    fn iso_weeks_have_their_own_years() {
        let week = |year, month, day| iso_week(week_of_day(Date { year, month, day }.day_number()));
        assert_eq!(week(2020, 12, 31), (2020, 53));
        assert_eq!(week(2021, 1, 3), (2020, 53));
        assert_eq!(week(2021, 1, 4), (2021, 1));
        assert_eq!(week(2019, 12, 30), (2020, 1));
        assert_eq!(week(2026, 12, 31), (2026, 53));
        assert_eq!(week(2027, 1, 3), (2026, 53));
        assert_eq!(week(1970, 1, 1), (1970, 1));
        assert_eq!(week(1969, 12, 28), (1968 + 1, 52));
    }
}
