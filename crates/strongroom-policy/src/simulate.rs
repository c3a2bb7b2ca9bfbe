//! What a policy comes to over years.

use std::collections::{BTreeMap, VecDeque};
use std::ops::Range;
use std::rc::Rc;

use serde::Serialize;
use strongroom_retain::{KeepRules, Moment, Retention as _, SnapshotInfo, Verdict};

use crate::bytes::ByteCount;
use crate::date::Date;
use crate::error::{Error, ErrorKind};
use crate::key::Key;
use crate::period::Period;
use crate::policy::Policy;
use crate::resolve::Resolved;
use crate::schedule::Schedule;
use crate::text::as_text;

mod report;

use report::report;

/// What happens over the years that are simulated.
#[derive(Debug, Clone)]
#[non_exhaustive]
pub struct SimulationOptions {
    /// Where they begin.
    pub from: Moment,
    /// How many there are.
    pub years: u32,
    /// How many of a thousand runs are missed.
    pub missed_per_mille: u32,
    /// Decides which.
    pub seed: u64,
    /// Times in which no run is made.
    pub outages: Vec<Range<Moment>>,
}

impl SimulationOptions {
    /// Returns three years from a moment on, in which nothing goes wrong.
    #[must_use]
    pub fn new(from: Moment) -> Self {
        Self {
            from,
            years: 3,
            missed_per_mille: 0,
            seed: 0,
            outages: Vec::new(),
        }
    }

    /// Sets how many years there are.
    #[must_use]
    pub fn with_years(mut self, years: u32) -> Self {
        self.years = years;
        self
    }

    /// Sets how many of a thousand runs are missed; the seed decides which.
    #[must_use]
    pub fn with_missed_per_mille(mut self, missed: u32, seed: u64) -> Self {
        (self.missed_per_mille, self.seed) = (missed, seed);
        self
    }

    /// Adds a time in which no run is made.
    #[must_use]
    pub fn with_outage(mut self, during: Range<Moment>) -> Self {
        self.outages.push(during);
        self
    }
}

/// What a policy comes to over years, resource by resource.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[non_exhaustive]
pub struct Simulation {
    /// Each resource with a schedule, in the order of ids.
    pub resources: Vec<SimulatedResource>,
}

/// What it comes to for one resource.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[non_exhaustive]
pub struct SimulatedResource {
    /// The resource.
    pub resource: String,
    /// How many runs were made.
    pub made: u64,
    /// How many were missed.
    pub missed: u64,
    /// The RPO.
    pub rpo: Option<Period>,
    /// The most data that could have been lost: the longest time from what a run captures until
    /// the end of the next one.
    pub worst_loss: Period,
    /// When that was.
    #[serde(with = "as_text")]
    pub worst_at: Moment,
    /// For how long more could have been lost than the RPO allows.
    pub over_rpo: Period,
    /// The most snapshots there were after the rules were applied.
    pub most_kept: u64,
    /// How many there are at the end.
    pub kept: u64,
    /// How old the oldest of them is.
    pub oldest: Period,
    /// What is stored at the end of each month, if the size of the resource is known.
    pub months: Vec<Stored>,
}

/// What is stored at the end of a month: an estimate from size and daily change.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[non_exhaustive]
pub struct Stored {
    /// The last day that is counted.
    pub day: Date,
    /// How many snapshots there are.
    pub snapshots: u64,
    /// How much all copies of one repository take.
    pub stored: ByteCount,
    /// How much of that nobody needs any more, and is locked still.
    pub locked: ByteCount,
}

/// The most years: more is a slip of the pen.
pub const YEARS_MAX: u32 = 100;

/// The most runs of one schedule: every minute for nearly four years.
pub const SIMULATED_RUNS_MAX: usize = 2_000_000;

impl Policy {
    /// Runs the policy over years: its schedules with their clocks, its retention and its locks.
    ///
    /// Resources with the same schedule, retention and time zone are computed once. The rules are
    /// applied once a week and at the end of each month: what they keep does not depend on that.
    ///
    /// ```
    /// use strongroom_policy::{Document, SimulationOptions};
    ///
    /// let document = Document::parse(r#"
    /// format = 1
    /// name = "example"
    /// revision = 1
    /// timezone = "Europe/Berlin"
    /// [defaults]
    /// objectives = { rpo = "29h" }
    /// schedule = { when = "daily 22:00", expected_duration = "5h" }
    /// retention = { keep = "daily=7 weekly=4" }
    /// [resource.files]
    /// kind = "files"
    /// "#)?;
    /// let from = "2027-01-01T00:00:00+01:00".parse()?;
    /// let result = document.policy().simulate(&SimulationOptions::new(from))?;
    /// let files = &result.resources[0];
    /// // A five-hour nightly job has an RPO of 29 hours, and of 30 when the clock is put back.
    /// assert_eq!(files.worst_loss.to_string(), "1d6h");
    /// assert_eq!(files.over_rpo.to_string(), "3h");
    /// assert_eq!((files.made, files.kept), (1096, 9));
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    ///
    /// # Errors
    ///
    /// `TooMuch` for more than [`YEARS_MAX`] years or [`SIMULATED_RUNS_MAX`] runs of a schedule.
    pub fn simulate(&self, options: &SimulationOptions) -> Result<Simulation, Error> {
        if options.years > YEARS_MAX {
            let what = format!("a simulation is of {YEARS_MAX} years at most");
            return Err(Error::new(ErrorKind::TooMuch, what));
        }
        let mut runs: BTreeMap<String, Rc<Vec<Run>>> = BTreeMap::new();
        let mut histories: BTreeMap<String, Rc<History>> = BTreeMap::new();
        let mut resources = Vec::new();
        for resource in self.resources.values() {
            let resolved = self.resolve(resource);
            let Some(schedule) = resolved.schedule() else {
                continue;
            };
            let of_schedule = schedule.times_key();
            // What is missed by chance differs from resource to resource.
            let chance = match options.missed_per_mille {
                0 => String::new(),
                _ => resource.id.clone(),
            };
            let run_key = format!("{of_schedule} {chance}");
            let made = match runs.get(&run_key) {
                Some(known) => Rc::clone(known),
                None => Rc::new(made(&schedule, options)?),
            };
            runs.insert(run_key.clone(), Rc::clone(&made));
            let retention = Kept::of(&resolved);
            let history = histories
                .entry(format!("{run_key} {retention:?}"))
                .or_insert_with(|| Rc::new(retention.history(&made, options)));
            resources.push(report(
                resource, &resolved, &schedule, &made, history, options,
            ));
        }
        Ok(Simulation { resources })
    }
}

/// A run that is due, and whether it was made.
#[derive(Clone, Copy)]
struct Run {
    at: Moment,
    is_made: bool,
}

fn end(options: &SimulationOptions) -> Moment {
    Period::months(options.years * 12).after(options.from)
}

fn made(schedule: &Schedule, options: &SimulationOptions) -> Result<Vec<Run>, Error> {
    let (from, until) = (options.from.unix_seconds, end(options).unix_seconds);
    let outages: Vec<Range<i64>> = options
        .outages
        .iter()
        .map(|out| out.start.unix_seconds..out.end.unix_seconds)
        .collect();
    let own = blake3::hash(schedule.resource.as_bytes());
    let own = own
        .as_bytes()
        .first_chunk::<8>()
        .copied()
        .unwrap_or_default();
    let seed = options.seed ^ u64::from_le_bytes(own);
    let run = |(nth, at): (u64, i64)| {
        let chance = mix(seed ^ mix(nth)) % 1000;
        let is_out = outages.iter().any(|out| out.contains(&at));
        Run {
            at: schedule.zone.moment(at),
            is_made: !is_out && chance >= u64::from(options.missed_per_mille),
        }
    };
    let due = schedule
        .due_between(from, until)
        .take(SIMULATED_RUNS_MAX + 1);
    let made: Vec<Run> = (0..).zip(due).map(run).collect();
    if made.len() > SIMULATED_RUNS_MAX {
        let what = format!("more than {SIMULATED_RUNS_MAX} runs of one schedule");
        return Err(Error::new(ErrorKind::TooMuch, what));
    }
    Ok(made)
}

/// SplitMix64: the same numbers everywhere.
fn mix(number: u64) -> u64 {
    let mut z = number.wrapping_add(0x9e37_79b9_7f4a_7c15);
    z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    z ^ (z >> 31)
}

/// What decides how long a snapshot stays.
#[derive(Debug)]
struct Kept {
    rules: KeepRules,
    minimum: Period,
    maximum: Option<Period>,
    lock: Period,
}

/// Which snapshots there were.
struct History {
    most: u64,
    left: Vec<Moment>,
    months: Vec<Month>,
}

struct Month {
    day: Date,
    kept: Vec<i64>,
    locked: u64,
}

impl Kept {
    fn of(resolved: &Resolved) -> Self {
        let is_locked = resolved.lock() > crate::LockMode::None;
        let lock = resolved.period(Key::LockFor).filter(|_| is_locked);
        Self {
            rules: resolved.keep().cloned().unwrap_or_default(),
            minimum: resolved.period(Key::KeepMinimum).unwrap_or_default(),
            maximum: resolved.period(Key::KeepMaximum),
            lock: lock.unwrap_or_default(),
        }
    }

    fn history(&self, runs: &[Run], options: &SimulationOptions) -> History {
        let mut kept: Vec<SnapshotInfo<u64>> = Vec::new();
        // When the lock of each ends that was forgotten before.
        let mut locked: VecDeque<i64> = VecDeque::new();
        let (mut most, mut months) = (0, Vec::new());
        let mut next_apply = options.from.unix_seconds;
        let mut last_day: Option<Date> = None;
        let month = |day: Date| (day.0.year(), day.0.month());
        for (id, run) in (0_u64..).zip(runs) {
            let day = Date::of(run.at);
            if let Some(last) = last_day
                .replace(day)
                .filter(|last| month(*last) != month(day))
            {
                self.apply(&mut kept, &mut locked, run.at);
                most = most.max(kept.len());
                months.push(Month::new(last, &kept, &locked));
            }
            if run.is_made {
                kept.push(SnapshotInfo::new(id, run.at));
            }
            if run.at.unix_seconds >= next_apply {
                self.apply(&mut kept, &mut locked, run.at);
                most = most.max(kept.len());
                // Where very much is kept, less often: the work is a product of both.
                let often = 1 + i64::try_from(kept.len() / KEPT_MANY).unwrap_or(3).min(3);
                next_apply = run.at.unix_seconds + often * APPLY_SECONDS;
            }
        }
        let end = end(options);
        self.apply(&mut kept, &mut locked, end);
        months.push(Month::new(
            last_day.unwrap_or(Date::of(end)),
            &kept,
            &locked,
        ));
        History {
            most: u64::try_from(most).unwrap_or(u64::MAX),
            left: kept.iter().map(|one| one.moment).collect(),
            months,
        }
    }

    fn apply(&self, kept: &mut Vec<SnapshotInfo<u64>>, locked: &mut VecDeque<i64>, now: Moment) {
        let at = now.unix_seconds;
        while locked.front().is_some_and(|end| *end <= at) {
            locked.pop_front();
        }
        let verdicts = match self.rules.is_empty() {
            // Without rules nobody need be asked.
            true => Vec::new(),
            false => self.rules.decide(kept, now),
        };
        let mut verdicts = verdicts.iter();
        kept.retain(|one| {
            let by_rules = verdicts.next().is_none_or(Verdict::is_keep);
            let is_young = self.minimum.after(one.moment).unix_seconds > at;
            let is_old = self
                .maximum
                .is_some_and(|max| max.after(one.moment).unix_seconds <= at);
            let stays = (by_rules || is_young) && !is_old;
            if !stays {
                let lock_end = self.lock.after(one.moment).unix_seconds;
                if lock_end > at {
                    locked.push_back(lock_end);
                }
            }
            stays
        });
    }
}

impl Month {
    fn new(day: Date, kept: &[SnapshotInfo<u64>], locked: &VecDeque<i64>) -> Self {
        Self {
            day,
            kept: kept.iter().map(|one| one.moment.unix_seconds).collect(),
            locked: u64::try_from(locked.len()).unwrap_or(u64::MAX),
        }
    }
}

const KEPT_MANY: usize = 10_000;
/// A week, less the jitter of clocks that are changed.
const APPLY_SECONDS: i64 = 7 * 86_400 - 7_200;

#[cfg(test)]
mod tests;
