//! What a policy would keep over years.

use std::fmt;

use crate::civil::SECONDS_PER_DAY;
use crate::error::{Error, ErrorKind};
use crate::moment::Moment;
use crate::retention::Retention;
use crate::rules::KeepRules;
use crate::snapshot::SnapshotInfo;
use crate::span::Span;
use crate::unit::{Period, Unit};
use crate::verdict::Verdict;

mod schedule;
mod stream;

pub use schedule::{Apply, Clocks, Schedule};
use stream::Stream;

/// Returns what rules would keep over years of backups.
///
/// All snapshots are of one group, complete, and without tags or pins. Ten years of hourly backups
/// take a fraction of a second whatever the rules are: each backup costs a few steps, however much
/// is kept.
///
/// ```
/// use strongroom_retain::{KeepRules, Moment, Schedule, Span, simulate};
///
/// let start: Moment = "2026-11-22T00:30:00+01:00".parse()?;
/// let schedule = Schedule::new(start, Span::hours(6)?)
///     // Off for the whole of August 2028, and one backup in twenty is missed.
///     .with_outage("2028-08-01T00:00:00+02:00".parse()?.."2028-09-01T00:00:00+02:00".parse()?)
///     .with_missed_per_mille(50, 7);
/// let rules: KeepRules = "daily=7 weekly=5 monthly=12 yearly=10".parse()?;
///
/// let result = simulate(&schedule, &rules, 5)?;
/// assert!(result.most_kept() <= 7 + 5 + 12 + 10);
/// // The first backup of all is there still, and since then no gap is longer than a year.
/// assert_eq!(result.kept().first(), Some(&start));
/// assert!(result.largest_gap_seconds() <= 366 * 86_400);
/// println!("{result}");
/// # Ok::<(), strongroom_retain::Error>(())
/// ```
///
/// # Errors
///
/// `Invalid` for more than [`YEARS_MAX`] years.
pub fn simulate(schedule: &Schedule, rules: &KeepRules, years: u32) -> Result<Simulation, Error> {
    run(schedule, &mut Stream::new(rules), years)
}

/// Returns what any policy would keep over years of backups.
///
/// As [`simulate`], with the same result, but the policy is asked about all that is kept each time:
/// a policy that keeps much is slow. [`Apply::Daily`] helps.
///
/// # Errors
///
/// `Invalid` for more than [`YEARS_MAX`] years; `Policy` when the policy does not return one
/// verdict for each snapshot.
pub fn simulate_with(
    schedule: &Schedule,
    policy: &dyn Retention<u64>,
    years: u32,
) -> Result<Simulation, Error> {
    let mut whole = Whole {
        policy,
        kept: Vec::new(),
    };
    run(schedule, &mut whole, years)
}

/// The most years of a simulation: more is a slip of the pen, and would take long.
pub const YEARS_MAX: u32 = 1000;

fn run(schedule: &Schedule, history: &mut dyn History, years: u32) -> Result<Simulation, Error> {
    if years > YEARS_MAX {
        let why = "a simulation is of 1000 years at most";
        return Err(Error::new(ErrorKind::Invalid, why));
    }
    let start = schedule.start();
    let end = Span::years(years).map_or(start, |span| span.after(start));
    let mut result = Simulation::new(start, end);
    for due in schedule.runs(end) {
        match due.snapshot {
            Some(moment) => {
                history.add(result.made, moment);
                result.made += 1;
            }
            None => result.missed += 1,
        }
        if let Some(now) = due.now {
            history.apply(now)?;
        }
        let Kept { count, oldest } = history.kept();
        result.most_kept = result.most_kept.max(count);
        let level = Level {
            time: due.time,
            count,
            oldest,
        };
        match result.levels.last_mut() {
            Some(last) if last.time.local().0 == due.time.local().0 => *last = level,
            _ => result.levels.push(level),
        }
    }
    result.kept = history.moments();
    Ok(result)
}

/// The snapshots of a simulation that are there.
trait History {
    /// Adds one. Ids rise.
    fn add(&mut self, id: u64, moment: Moment);

    /// Applies the policy.
    fn apply(&mut self, now: Moment) -> Result<(), Error>;

    /// Returns how many there are, and the oldest.
    fn kept(&self) -> Kept;

    /// Returns when they were made, the oldest first.
    fn moments(&self) -> Vec<Moment>;
}

struct Kept {
    count: usize,
    oldest: Option<Moment>,
}

/// A history and any policy.
struct Whole<'p> {
    policy: &'p dyn Retention<u64>,
    kept: Vec<SnapshotInfo<u64>>,
}

impl History for Whole<'_> {
    fn add(&mut self, id: u64, moment: Moment) {
        let place = |one: &SnapshotInfo<u64>| (one.moment.unix_seconds, one.id);
        let at = self
            .kept
            .partition_point(|one| place(one) < (moment.unix_seconds, id));
        self.kept.insert(at, SnapshotInfo::new(id, moment));
    }

    fn apply(&mut self, now: Moment) -> Result<(), Error> {
        let verdicts = self.policy.decide(&self.kept, now);
        if verdicts.len() != self.kept.len() {
            return Err(Error::new(
                ErrorKind::Policy,
                "the policy broke its contract",
            ));
        }
        let mut verdicts = verdicts.iter();
        self.kept
            .retain(|_| verdicts.next().is_none_or(Verdict::is_keep));
        Ok(())
    }

    fn kept(&self) -> Kept {
        Kept {
            count: self.kept.len(),
            oldest: self.kept.first().map(|one| one.moment),
        }
    }

    fn moments(&self) -> Vec<Moment> {
        self.kept.iter().map(|one| one.moment).collect()
    }
}

/// What a policy kept over years.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Simulation {
    start: Moment,
    end: Moment,
    made: u64,
    missed: u64,
    most_kept: usize,
    levels: Vec<Level>,
    kept: Vec<Moment>,
}

/// How much was there at one time.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub struct Level {
    /// The true time.
    pub time: Moment,
    /// How many snapshots were there.
    pub count: usize,
    /// The one with the earliest time recorded, if there was one.
    pub oldest: Option<Moment>,
}

impl Simulation {
    fn new(start: Moment, end: Moment) -> Self {
        Self {
            start,
            end,
            made: 0,
            missed: 0,
            most_kept: 0,
            levels: Vec::new(),
            kept: Vec::new(),
        }
    }

    /// Returns how many backups were made.
    #[must_use]
    pub fn made(&self) -> u64 {
        self.made
    }

    /// Returns how many backups were missed.
    #[must_use]
    pub fn missed(&self) -> u64 {
        self.missed
    }

    /// Returns the most snapshots there were at a time.
    #[must_use]
    pub fn most_kept(&self) -> usize {
        self.most_kept
    }

    /// Returns how much was there at the end of each day on which a backup was due.
    #[must_use]
    pub fn levels(&self) -> &[Level] {
        &self.levels
    }

    /// Returns the times recorded with the snapshots that are there at the end, the oldest first.
    #[must_use]
    pub fn kept(&self) -> &[Moment] {
        &self.kept
    }

    /// Returns the ages of the snapshots that are there at the end, the oldest first. One that is
    /// dated in the future has a negative age.
    pub fn ages_seconds(&self) -> impl Iterator<Item = i64> {
        let age = |made: &Moment| self.end.unix_seconds.saturating_sub(made.unix_seconds);
        self.kept.iter().map(age)
    }

    /// Returns the longest time between two neighbours of those, and between the newest of them and
    /// the end; if there are none, the whole time.
    #[must_use]
    pub fn largest_gap_seconds(&self) -> i64 {
        let mut times: Vec<i64> = self.kept.iter().map(|one| one.unix_seconds).collect();
        if times.is_empty() {
            times.push(self.start.unix_seconds);
        }
        if times
            .last()
            .is_some_and(|last| *last < self.end.unix_seconds)
        {
            times.push(self.end.unix_seconds);
        }
        let gaps = times.windows(2).map(|pair| match pair {
            [a, b] => b.saturating_sub(*a),
            _ => 0,
        });
        gaps.max().unwrap_or(0)
    }
}

/// A line for each year, and how it ends.
impl fmt::Display for Simulation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "{} backups, {} missed", self.made, self.missed)?;
        let year = |level: &Level| Period::of(Unit::Year, level.time);
        for of_year in self.levels.chunk_by(|a, b| year(a) == year(b)) {
            let most = of_year.iter().map(|level| level.count).max().unwrap_or(0);
            if let Some(last) = of_year.last() {
                write!(f, "  {}: {} kept, at most {most}", year(last), last.count)?;
                match last.oldest {
                    Some(oldest) => writeln!(f, ", from {oldest} on")?,
                    None => writeln!(f)?,
                }
            }
        }
        let days = self.largest_gap_seconds() / SECONDS_PER_DAY;
        write!(
            f,
            "{} kept at the end, largest gap {days} days",
            self.kept.len()
        )
    }
}
