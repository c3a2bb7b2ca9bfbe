//! Times of the calendar in five fields.

use std::fmt;
use std::str::FromStr;

use crate::date::Date;
use crate::error::Error;
use crate::weekday;
use crate::zone::Zone;

/// Minute, hour, day of the month, month and day of the week, as in POSIX `crontab`.
///
/// Lists, ranges, steps and names (`jan`, `mon`) are allowed; 0 and 7 are Sunday. Where both the
/// day of the month and that of the week are restricted, either suffices.
///
/// On days whose clock is changed, a time that the clock skips is that much later (02:30 is 03:30),
/// and one that it shows twice is the first. Where every hour matches, as in `*/15 * * * *`, times
/// are real ones instead: none is skipped and the repeated hour counts as one more.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub(crate) struct Cron {
    minutes: Field,
    hours: Field,
    days: Field,
    months: Field,
    weekdays: Field,
}

impl Cron {
    /// Returns the instants of a day, in order.
    pub(crate) fn of_day(&self, zone: &Zone, date: Date) -> Vec<i64> {
        if !self.is_on(date) {
            return Vec::new();
        }
        if self.is_every_hour() {
            return self.real_times(zone, date);
        }
        let mut times = Vec::new();
        for hour in self.hours.values() {
            for minute in self.minutes.values() {
                let time = date.0.at(hour, minute, 0, 0);
                times.push(zone.instant(time));
            }
        }
        // A day that a country left out has no runs; its neighbour has its own.
        times.retain(|at| Date::of(zone.moment(*at)) == date);
        times.sort_unstable();
        times.dedup();
        times
    }

    /// Says whether a day is among its days.
    pub(crate) fn is_on(&self, date: Date) -> bool {
        let of_month = self.days.has(date.0.day());
        let of_week = self.weekdays.has(date.0.weekday().to_sunday_zero_offset());
        let matches = match (self.days.is_star, self.weekdays.is_star) {
            (false, false) => of_month || of_week,
            _ => of_month && of_week,
        };
        matches && self.months.has(date.0.month())
    }

    /// Says whether it is of all hours, so that its times are real ones.
    pub(crate) fn is_every_hour(&self) -> bool {
        self.hours.bits == HOURS.all()
    }

    /// Says whether both kinds of days are restricted, so that either suffices.
    pub(crate) fn has_either_day(&self) -> bool {
        !self.days.is_star && !self.weekdays.is_star
    }

    /// Returns the times of its kind on a day: (hour, minute).
    pub(crate) fn local_times(&self) -> impl Iterator<Item = (i8, i8)> + '_ {
        let of_hour = |hour| self.minutes.values().map(move |minute| (hour, minute));
        self.hours.values().flat_map(of_hour)
    }

    /// Walks over the hours of a day as they pass.
    fn real_times(&self, zone: &Zone, date: Date) -> Vec<i64> {
        let (start, end) = (date.start(zone), Date::of_day_number(date.day_number() + 1));
        let (start, end) = (start.unix_seconds, end.start(zone).unix_seconds);
        let mut times = Vec::new();
        let mut from = start;
        while from < end {
            let until = (from + 3600).min(end);
            let offset = i64::from(zone.offset(from));
            if i64::from(zone.offset(until - 1)) == offset {
                let local = (from + offset).div_euclid(60);
                let minutes = (until - from) / 60;
                let matching = (0..minutes).filter(|n| self.minutes.has_wide((local + n) % 60));
                // Seconds of an offset are older than any backup, and are rounded away.
                times.extend(matching.map(|n| (local + n) * 60 - offset));
            } else {
                times.extend((from..until).step_by(60).filter(|at| {
                    let local = at + i64::from(zone.offset(*at));
                    self.minutes.has_wide(local.div_euclid(60) % 60)
                }));
            }
            from = until;
        }
        times.retain(|at| (start..end).contains(at));
        times
    }

    /// Writes the five fields with other names for all days of the week, for other schedulers.
    pub(crate) fn fields(&self) -> [String; 5] {
        [
            self.minutes.show(&MINUTES),
            self.hours.show(&HOURS),
            self.days.show(&DAYS),
            self.months.show(&MONTHS),
            self.weekdays.show(&WEEKDAYS),
        ]
    }

    /// Says it as `daily 02:30`, `weekly mon-fri 02:30` or `monthly 1 02:30`, if it is that.
    pub(crate) fn words(&self) -> Option<String> {
        let minute = self
            .minutes
            .values()
            .next()
            .filter(|_| self.minutes.bits.is_power_of_two())?;
        if self.months.bits != MONTHS.all() {
            return None;
        }
        let each_day = self.days.bits == DAYS.whole();
        let each_weekday = self.weekdays.bits == WEEKDAYS.whole();
        if self.is_every_hour() {
            return (minute == 0 && each_day && each_weekday).then(|| "hourly".to_owned());
        }
        let times: Vec<String> = self
            .hours
            .values()
            .map(|hour| format!("{hour:02}:{minute:02}"))
            .collect();
        let times = times.join(",");
        match (each_day, each_weekday) {
            (true, true) => Some(format!("daily {times}")),
            (true, false) if !self.weekdays.is_star => {
                // Weekdays begin with Monday there, and Sunday is 0 here.
                let bits = self.weekdays.bits >> 1 | (self.weekdays.bits & 1) << 6;
                let days = weekday::Weekdays::of_bits(bits);
                Some(format!("weekly {days} {times}"))
            }
            (false, true) if !self.days.is_star => {
                Some(format!("monthly {} {times}", self.days.show(&DAYS)))
            }
            _ => None,
        }
    }

    /// Returns minutes, hours, days and months as lists and ranges without steps, which
    /// schedulers begin to count at different values.
    pub(crate) fn listed(&self) -> [String; 4] {
        [
            (self.minutes, &MINUTES),
            (self.hours, &HOURS),
            (self.days, &DAYS),
            (self.months, &MONTHS),
        ]
        .map(|(field, kind)| {
            let is_star = field.bits == kind.whole();
            Field { is_star, ..field }.show(kind)
        })
    }

    /// Returns the days of the week, 0 for Sunday.
    pub(crate) fn weekdays(&self) -> impl Iterator<Item = i8> + '_ {
        self.weekdays.values()
    }
}

impl fmt::Display for Cron {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.fields().join(" "))
    }
}

impl FromStr for Cron {
    type Err = Error;

    /// # Errors
    ///
    /// `Invalid`: not five fields, something that is no number, name, list, range or step, or days
    /// that no year has.
    fn from_str(text: &str) -> Result<Self, Error> {
        let fields: Vec<&str> = text.split_whitespace().collect();
        let [minutes, hours, days, months, weekdays] = fields.as_slice() else {
            let why = format!("has {} fields and not 5", fields.len());
            return Err(Error::invalid(text, &why).with_hint(
                "minute, hour, day of the month, month, day of the week: 30 2 * * mon",
            ));
        };
        let cron = Self {
            minutes: Field::parse(minutes, &MINUTES)?,
            hours: Field::parse(hours, &HOURS)?,
            days: Field::parse(days, &DAYS)?,
            months: Field::parse(months, &MONTHS)?,
            weekdays: Field::parse(weekdays, &WEEKDAYS)?,
        };
        if cron.weekdays.is_star && !cron.has_a_day() {
            return Err(Error::invalid(text, "is on days that no year has"));
        }
        Ok(cron)
    }
}

impl Cron {
    /// Says whether one of its months has one of its days in some year.
    fn has_a_day(&self) -> bool {
        let longest = |month: i8| match month {
            2 => 29,
            4 | 6 | 9 | 11 => 30,
            _ => 31,
        };
        let months: Vec<i8> = self.months.values().collect();
        let first = self.days.values().next().unwrap_or(i8::MAX);
        months.into_iter().any(|month| first <= longest(month))
    }
}

/// The values of one field.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
struct Field {
    bits: u64,
    /// Written as `*` or `*/n`: as with other crons, it is no restriction that could be an alternative to another.
    is_star: bool,
}

/// What a field may hold.
struct Kind {
    what: &'static str,
    first: u8,
    last: u8,
    names: &'static [&'static str],
}

impl Kind {
    const fn all(&self) -> u64 {
        let count = self.last - self.first + 1;
        ((1_u64 << count) - 1) << self.first
    }

    /// Returns the bits of all values, with Sunday once.
    const fn whole(&self) -> u64 {
        if self.last == 7 { 0x7f } else { self.all() }
    }
}

impl Field {
    fn has(self, value: i8) -> bool {
        u32::try_from(value).is_ok_and(|value| self.bits >> value & 1 == 1)
    }

    fn has_wide(self, value: i64) -> bool {
        u32::try_from(value).is_ok_and(|value| value < 64 && self.bits >> value & 1 == 1)
    }

    fn values(self) -> impl Iterator<Item = i8> {
        (0..63_i8).filter(move |value| self.has(*value))
    }

    fn parse(text: &str, kind: &Kind) -> Result<Self, Error> {
        let mut bits = 0;
        for part in text.split(',') {
            bits |= part_bits(part, kind)?;
        }
        let is_star = text.starts_with('*') && !text.contains(',');
        // Sunday is 0 and 7.
        if kind.last == 7 && bits >> 7 & 1 == 1 {
            bits = bits & 0x7f | 1;
        }
        Ok(Self {
            bits,
            is_star: is_star || bits == kind.whole(),
        })
    }

    fn show(self, kind: &Kind) -> String {
        if self.bits == kind.whole() {
            return "*".to_owned();
        }
        let values: Vec<i8> = self.values().collect();
        if self.is_star {
            return format!("*/{}", step(&values, kind));
        }
        let mut parts: Vec<String> = Vec::new();
        for run in values.chunk_by(|a, b| *b == *a + 1) {
            match run {
                [one] => parts.push(one.to_string()),
                [a, b] => parts.extend([a.to_string(), b.to_string()]),
                [first, .., last] => parts.push(format!("{first}-{last}")),
                [] => {}
            }
        }
        parts.join(",")
    }
}

/// Returns the step of the values of `*/step`.
fn step(values: &[i8], kind: &Kind) -> i8 {
    match values {
        [first, second, ..] => second - first,
        // One value alone: the step leads beyond the last.
        _ => i8::try_from(kind.last).map_or(i8::MAX, |last| last + 1),
    }
}

fn part_bits(part: &str, kind: &Kind) -> Result<u64, Error> {
    let invalid = |why: &str| {
        Error::invalid(part, &format!("is no {}: {why}", kind.what)).with_hint(format!(
            "{} to {}, as 1, 1-5, 1,15 or */2",
            kind.first, kind.last
        ))
    };
    let (range, step) = match part.split_once('/') {
        Some((range, step)) => {
            let step: u8 = step.parse().map_err(|_| invalid("the step is no number"))?;
            (range, Some(step))
        }
        None => (part, None),
    };
    if step == Some(0) {
        return Err(invalid("a step of nothing"));
    }
    let value = |text: &str| {
        let named = kind.names.iter().position(|name| *name == text);
        let named = named.and_then(|nth| u8::try_from(nth).ok());
        let number = text
            .parse::<u8>()
            .ok()
            .filter(|_| text.bytes().all(|b| b.is_ascii_digit()));
        let value = named.map(|nth| nth + kind.first).or(number);
        value.filter(|value| (kind.first..=kind.last).contains(value))
    };
    let (first, last) = if range == "*" {
        (kind.first, kind.last)
    } else if let Some((first, last)) = range.split_once('-') {
        let wrong = || invalid("outside of its range");
        (
            value(first).ok_or_else(wrong)?,
            value(last).ok_or_else(wrong)?,
        )
    } else {
        if step.is_some() {
            return Err(invalid("a step needs a range"));
        }
        let one = value(range).ok_or_else(|| invalid("outside of its range"))?;
        (one, one)
    };
    if first > last {
        return Err(invalid("the range goes backwards"));
    }
    let values = (first..=last).step_by(usize::from(step.unwrap_or(1)));
    Ok(values.fold(0, |bits, value| bits | 1_u64 << value))
}

const MINUTES: Kind = Kind {
    what: "minute",
    first: 0,
    last: 59,
    names: &[],
};
const HOURS: Kind = Kind {
    what: "hour",
    first: 0,
    last: 23,
    names: &[],
};
const DAYS: Kind = Kind {
    what: "day of the month",
    first: 1,
    last: 31,
    names: &[],
};
const MONTHS: Kind = Kind {
    what: "month",
    first: 1,
    last: 12,
    names: &[
        "jan", "feb", "mar", "apr", "may", "jun", "jul", "aug", "sep", "oct", "nov", "dec",
    ],
};
const WEEKDAYS: Kind = Kind {
    what: "day of the week",
    first: 0,
    last: 7,
    names: &["sun", "mon", "tue", "wed", "thu", "fri", "sat"],
};

#[cfg(test)]
mod tests;
