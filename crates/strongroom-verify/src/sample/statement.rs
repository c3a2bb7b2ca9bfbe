//! What a check proves, in words that say how far.

use std::fmt;
use std::time::Duration;

use strongroom_format::Stratum;

use super::choose::Origin;
use super::share::Share;
use crate::Level;

/// Something that follows from what was read.
///
/// ```
/// # use strongroom_verify::Statement;
/// fn print(statements: &[Statement]) -> String {
///     // 99 % sure that fewer than 0.1 % of packs are damaged: 4,603 of 812,000 read at L3 decoded, seed = journal head 20852
///     statements.iter().map(|statement| format!("{statement}\n")).collect()
/// }
/// ```
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub enum Statement {
    /// Every pack was read by this check.
    Read(Census),
    /// A random sample was read.
    Sampled(Bound),
    /// How old the newest evidence of the packs is, this check included.
    Age(Age),
    /// A round goes on that reads every pack once.
    Round(Round),
}

/// Packs all of which were read by this check.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct Census {
    /// How deep.
    pub level: Level,
    /// How many there are.
    pub packs: u64,
    /// How many of them are damaged or missing.
    pub damaged: u64,
    /// How many could not be read so deep.
    pub unread: u64,
}

/// What a random sample says of the packs that hold content. Those of names and pages are read besides.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct Bound {
    /// The stratum of which this is said; `None` for all packs together.
    pub stratum: Option<Stratum>,
    /// How sure one is.
    pub confidence: Share,
    /// At most so many packs are damaged.
    pub at_most: u64,
    /// The share of which fewer are damaged, if the sample was to prove one and did.
    pub below: Option<Share>,
    /// How deep the packs were read.
    pub level: Level,
    /// How many packs there are.
    pub population: u64,
    /// How many were drawn.
    pub drawn: u64,
    /// How many of these are damaged, or could not be read.
    pub seen: u64,
    /// How many packs are known to be damaged, or could not be read: also what was read because of what the sample showed, and what is missing.
    pub found: u64,
    /// What the choice follows from.
    pub origin: Origin,
}

/// How old the newest evidence of the packs is.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct Age {
    /// How deep a pack must have been read to count.
    pub level: Level,
    /// How many packs there are.
    pub packs: u64,
    /// How many of them have no evidence, or were found damaged.
    pub never: u64,
    /// The age within which all should have been read.
    pub within: Option<Duration>,
    /// How many have evidence that is older than that.
    pub late: u64,
    /// The age of the oldest evidence that counts; `None` if no pack has any.
    pub oldest: Option<Duration>,
}

/// How far a round has come.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct Round {
    /// The journal entry that its order follows from.
    pub began: u64,
    /// The share of it that has been read.
    pub done: Share,
    /// How long ago it began.
    pub age: Duration,
    /// How long it is to take.
    pub period: Duration,
}

impl Bound {
    /// Returns the share of which fewer are damaged: the one that was to be proved, if it was, otherwise the least that is, rounded up to three
    /// digits.
    #[must_use]
    pub fn fewer_than(&self) -> Share {
        let proved = || Share::of_count(self.at_most.saturating_add(1), self.population);
        self.below.unwrap_or_else(|| proved().rounded_up())
    }
}

impl fmt::Display for Statement {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Read(census) => census.fmt(f),
            Self::Sampled(bound) => bound.fmt(f),
            Self::Age(age) => age.fmt(f),
            Self::Round(round) => round.fmt(f),
        }
    }
}

impl fmt::Display for Census {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self {
            level,
            packs,
            damaged,
            unread,
        } = self;
        match (level, unread) {
            (Level::Listed, _) => write!(f, "every pack was looked for at {level}, and none read")?,
            (_, 0) => write!(f, "every pack was read at {level}")?,
            (_, unread) => write!(f, "every pack but {} was read at {level}", grouped(*unread))?,
        }
        match damaged {
            0 => write!(f, ": none of {} is damaged", grouped(*packs)),
            some => write!(f, ": {} of {} damaged", grouped(*some), grouped(*packs)),
        }
    }
}

impl fmt::Display for Bound {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if let Some(stratum) = &self.stratum {
            let (from, to) = stratum.added;
            match to {
                u64::MAX => write!(f, "of packs added since entry {from}")?,
                to => write!(f, "of packs added by entries {from} to {to}")?,
            }
            if let Some([a, b, c, d, ..]) = &stratum.writer {
                write!(f, " of writer {a:02x}{b:02x}{c:02x}{d:02x}")?;
            }
            f.write_str(": ")?;
        }
        if self.population == 0 {
            return f.write_str("there are no packs of content to be sampled");
        }
        let (population, drawn) = (grouped(self.population), grouped(self.drawn));
        if self.at_most >= self.population {
            write!(f, "nothing is known about how many packs are damaged")?;
        } else if self.seen == 0 {
            let share = self.fewer_than();
            write!(
                f,
                "{} sure that fewer than {share} of packs are damaged",
                self.confidence
            )?;
        } else {
            let share = Share::of_count(self.at_most, self.population).rounded_up();
            let at_most = grouped(self.at_most);
            write!(
                f,
                "{} sure that at most {share} of packs are damaged, {at_most} of them",
                self.confidence
            )?;
        }
        write!(f, ": {drawn} of {population} read at {}", self.level)?;
        if self.seen > 0 {
            write!(f, " and {} of these damaged", grouped(self.seen))?;
        }
        if self.found > self.seen {
            write!(f, ", {} found in all", grouped(self.found))?;
        }
        match self.origin {
            Origin::Journal(head) => write!(f, ", seed = journal head {}", head.n),
            Origin::Listing(hash) => write!(f, ", seed = listing {hash}"),
        }
    }
}

impl fmt::Display for Age {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (level, packs) = (self.level, grouped(self.packs));
        let missing = self.never + self.late;
        if missing > 0 {
            write!(
                f,
                "{} of {packs} packs were not read at {level}",
                grouped(missing)
            )?;
            if let Some(within) = self.within {
                write!(f, " within the last {}", in_words(within))?;
            }
            return match self.never {
                never if never == missing => f.write_str(", or are damaged"),
                0 => Ok(()),
                never => write!(f, ", {} of them never, or are damaged", grouped(never)),
            };
        }
        write!(f, "every pack was read at {level}")?;
        match (self.within, self.oldest) {
            (Some(within), Some(oldest)) => write!(
                f,
                " within the last {} (oldest {})",
                in_words(within),
                short(oldest)
            ),
            (None, Some(oldest)) => write!(f, " (oldest {} ago)", short(oldest)),
            (_, None) => f.write_str(", for there is none"),
        }
    }
}

impl fmt::Display for Round {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            f,
            "{} of a round of {} is read, which began {} ago, seed = journal head {}",
            self.done,
            in_words(self.period),
            short(self.age),
            self.began
        )
    }
}

/// A number with a comma before every third digit from the end.
fn grouped(number: u64) -> String {
    let digits = number.to_string();
    let mut out = String::with_capacity(digits.len() + digits.len() / 3);
    for (at, digit) in digits.chars().enumerate() {
        if at > 0 && (digits.len() - at).is_multiple_of(3) {
            out.push(',');
        }
        out.push(digit);
    }
    out
}

/// A length of time in its greatest whole unit.
fn in_words(time: Duration) -> String {
    let (count, unit) = units(time, ["days", "hours", "minutes", "seconds"]);
    match count {
        1 => unit.trim_end_matches('s').to_owned(),
        count => format!("{count} {unit}"),
    }
}

fn short(time: Duration) -> String {
    let (count, unit) = match time.as_secs() {
        seconds @ 0..120 => (seconds, "s"),
        seconds @ 120..7_200 => (seconds / 60, "min"),
        seconds @ 7_200..172_800 => (seconds / 3_600, "h"),
        seconds => (seconds / 86_400, "d"),
    };
    format!("{count} {unit}")
}

/// Counts a length of time in the greatest of these units that divides it.
fn units(time: Duration, names: [&'static str; 4]) -> (u64, &'static str) {
    let [days, hours, minutes, seconds] = names;
    let total = time.as_secs();
    match total {
        0 => (0, seconds),
        _ if total.is_multiple_of(86_400) => (total / 86_400, days),
        _ if total.is_multiple_of(3_600) => (total / 3_600, hours),
        _ if total.is_multiple_of(60) => (total / 60, minutes),
        _ => (total, seconds),
    }
}

#[cfg(test)]
mod tests;
