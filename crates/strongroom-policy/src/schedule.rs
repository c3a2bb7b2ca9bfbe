//! When runs are due, must have begun and must be complete.

use serde::{Deserialize, Serialize};
use strongroom_retain::Moment;

use crate::key::Key;
use crate::period::Period;
use crate::resolve::Resolved;
use crate::text::as_text;
use crate::value::Value;
use crate::when::When;
use crate::window::{Window, closing};
use crate::zone::Zone;

/// When the backups of a resource are due, and how late they may be.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct Schedule {
    /// The resource.
    pub resource: String,
    /// When they are due.
    pub when: When,
    /// On whose clock.
    pub zone: Zone,
    /// The hours in which they may run; always if there are none.
    pub windows: Vec<Window>,
    /// How late a run may begin.
    pub start_within: Period,
    /// How long after it was due a run must be complete.
    pub complete_within: Period,
    /// By how much beginnings are spread.
    pub jitter: Period,
    /// How long a run takes, if that is known.
    pub expected_duration: Option<Period>,
    /// How long after the last moment to begin a run is missed.
    pub missed_after: Period,
}

/// A run that is due, with all its times. Whoever sees no run by `missed_at` need not ask the
/// machine that should have run it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct ExpectedRun {
    /// The resource.
    pub resource: String,
    /// When it is due.
    #[serde(with = "as_text")]
    pub due: Moment,
    /// When it should begin, with the part of the jitter that is this resource's.
    #[serde(with = "as_text")]
    pub start_at: Moment,
    /// The last moment to begin.
    #[serde(with = "as_text")]
    pub start_by: Moment,
    /// When it must be complete.
    #[serde(with = "as_text")]
    pub complete_by: Moment,
    /// From when on it counts as missed if it has not begun.
    #[serde(with = "as_text")]
    pub missed_at: Moment,
}

impl ExpectedRun {
    /// Returns what names it among all runs: the resource and when it was due, in UTC.
    #[must_use]
    pub fn key(&self) -> String {
        format!("{}@{}", self.resource, self.due.unix_seconds)
    }
}

impl Schedule {
    /// Returns that of a resource; `None` when it has none or it is switched off.
    pub(crate) fn of(resolved: &Resolved) -> Option<Self> {
        let Some(Value::When(when)) = resolved.get(Key::When) else {
            return None;
        };
        if !resolved.flag(Key::Enabled) {
            return None;
        }
        let period = |key| resolved.period(key).unwrap_or_default();
        let windows = match resolved.get(Key::Window) {
            Some(Value::Windows(windows)) => windows.clone(),
            _ => Vec::new(),
        };
        Some(Self {
            resource: resolved.resource.clone(),
            when: when.clone(),
            zone: resolved.zone(),
            windows,
            start_within: period(Key::StartWithin),
            complete_within: period(Key::CompleteWithin),
            jitter: period(Key::Jitter),
            expected_duration: resolved.period(Key::ExpectedDuration),
            missed_after: period(Key::MissedAfter),
        })
    }

    /// Returns the times from `from` on and before `until` at which runs are due: those of the
    /// schedule that lie in a window.
    pub fn due_between(&self, from: i64, until: i64) -> impl Iterator<Item = i64> + '_ {
        let times = self.when.between(&self.zone, from, until);
        let is_always = self.is_always();
        // Most times are in the window of the one before.
        let mut last = 0..0;
        times.filter(move |at| {
            if is_always || last.contains(at) {
                return true;
            }
            let mut around = self
                .windows
                .iter()
                .filter_map(|one| one.around(&self.zone, *at));
            match around.next() {
                Some((opens, closes)) => {
                    last = opens..closes;
                    true
                }
                None => false,
            }
        })
    }

    /// Returns the runs that are due from `from` on and before `until`.
    pub fn runs(&self, from: Moment, until: Moment) -> impl Iterator<Item = ExpectedRun> + '_ {
        self.due_between(from.unix_seconds, until.unix_seconds)
            .map(|due| self.run(due))
    }

    /// Returns the next run that is due after a moment, if there is one in the next 50 years.
    #[must_use]
    pub fn next_run(&self, after: Moment) -> Option<ExpectedRun> {
        let mut at = after.unix_seconds;
        let end = at.saturating_add(SEARCH_SECONDS);
        while at < end {
            // In steps, so that a schedule that is never in its window ends.
            let until = at.saturating_add(STEP_SECONDS).min(end);
            if let Some(due) = self.due_between(at + 1, until + 1).next() {
                return Some(self.run(due));
            }
            if self.windows.is_empty() {
                return self.when.next(&self.zone, until).map(|due| self.run(due));
            }
            at = until;
        }
        None
    }

    /// Returns the run that is due at an instant.
    fn run(&self, due: i64) -> ExpectedRun {
        let plus = |at: i64, period: Period| {
            at.saturating_add(i64::try_from(period.mean_seconds()).unwrap_or(i64::MAX))
        };
        let closes = closing(&self.windows, &self.zone, due).unwrap_or(i64::MAX);
        // Whoever waits for a share of the jitter is not late by that.
        let start_by = plus(plus(due, self.jitter), self.start_within).min(closes);
        let complete_by = plus(due, self.complete_within).min(closes);
        let moment = |at| self.zone.moment(at);
        ExpectedRun {
            resource: self.resource.clone(),
            due: moment(due),
            start_at: moment(due.saturating_add(self.delay_seconds()).min(start_by)),
            start_by: moment(start_by),
            complete_by: moment(complete_by),
            missed_at: moment(plus(start_by, self.missed_after)),
        }
    }

    /// Says whether runs may take place at any time.
    fn is_always(&self) -> bool {
        self.windows.is_empty() || self.windows.iter().any(Window::is_always)
    }

    /// Returns a text that two schedules share when their runs are due at the same times.
    pub(crate) fn times_key(&self) -> String {
        format!("{} {} {:?}", self.when, self.zone, self.windows)
    }

    /// Returns by how many seconds this resource begins after it is due: always the same, so that
    /// the time between two backups is that of the schedule, and of all resources evenly spread.
    #[must_use]
    pub fn delay_seconds(&self) -> i64 {
        let jitter = self.jitter.mean_seconds();
        if jitter == 0 {
            return 0;
        }
        let mut hasher = blake3::Hasher::new();
        hasher.update(b"strongroom-policy jitter\0");
        hasher.update(self.resource.as_bytes());
        let hash = hasher.finalize();
        let bytes = hash.as_bytes().first_chunk::<8>().copied();
        let number = u64::from_le_bytes(bytes.unwrap_or_default());
        i64::try_from(number % jitter).unwrap_or_default()
    }

    /// Returns the longest and the mean time between two runs that are due, over a year from a
    /// moment on; `None` when fewer than two are.
    #[must_use]
    pub fn gaps(&self, from: Moment) -> Option<Gaps> {
        let start = from.unix_seconds;
        if let (Some(interval), true) = (self.when.interval(), self.is_always()) {
            return Some(Gaps {
                longest: interval,
                longest_from: self.zone.moment(self.when.next(&self.zone, start - 1)?),
                shortest: interval,
                mean: interval,
            });
        }
        let mut times = self.due_between(start, start.saturating_add(YEAR_SECONDS));
        let first = times.next()?;
        let (mut last, mut count, mut longest, mut longest_from) = (first, 0_u64, 0, first);
        let mut shortest = i64::MAX;
        for at in times {
            let gap = at - last;
            if gap > longest {
                (longest, longest_from) = (gap, last);
            }
            shortest = shortest.min(gap);
            count += 1;
            last = at;
        }
        if count == 0 {
            // Once a year, or less often.
            let second = self.next_run(self.zone.moment(first))?.due.unix_seconds;
            (longest, shortest, count, last) = (second - first, second - first, 1, second);
        }
        let seconds = |seconds: i64| Period::seconds(u64::try_from(seconds).unwrap_or_default());
        let mean = (last - first) / i64::try_from(count).unwrap_or(i64::MAX).max(1);
        Some(Gaps {
            longest: seconds(longest),
            longest_from: self.zone.moment(longest_from),
            shortest: seconds(shortest),
            mean: seconds(mean),
        })
    }
}

/// The times between runs that are due.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[non_exhaustive]
pub struct Gaps {
    /// The longest.
    pub longest: Period,
    /// When it begins.
    #[serde(with = "as_text")]
    pub longest_from: Moment,
    /// The shortest.
    pub shortest: Period,
    /// The mean.
    pub mean: Period,
}

/// What became of a run that is due, as somebody else's clock sees it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum RunState {
    /// It is not due yet, or has time to begin.
    Waiting,
    /// It should have begun, and is not yet missed.
    Late,
    /// It has begun.
    Running,
    /// It has begun, and should be complete.
    Overran,
    /// It is complete, in time.
    Done,
    /// It is complete, too late.
    DoneLate,
    /// It has not begun, and will count as never made.
    Missed,
}

impl ExpectedRun {
    /// Says what became of it, given when a run for it began and ended.
    #[must_use]
    pub fn state(&self, started: Option<Moment>, ended: Option<Moment>, now: Moment) -> RunState {
        let after = |moment: Moment, limit: Moment| moment.unix_seconds > limit.unix_seconds;
        match (started, ended) {
            (_, Some(ended)) if after(ended, self.complete_by) => RunState::DoneLate,
            (_, Some(_)) => RunState::Done,
            (Some(_), None) if after(now, self.complete_by) => RunState::Overran,
            (Some(_), None) => RunState::Running,
            (None, None) if !after(self.missed_at, now) => RunState::Missed,
            (None, None) if after(now, self.start_by) => RunState::Late,
            (None, None) => RunState::Waiting,
        }
    }
}

const YEAR_SECONDS: i64 = 366 * 86_400;
const STEP_SECONDS: i64 = 32 * 86_400;
/// A schedule that is not in its window for so long never is.
const SEARCH_SECONDS: i64 = 2 * YEAR_SECONDS;

#[cfg(test)]
mod tests;
