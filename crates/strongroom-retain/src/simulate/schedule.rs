//! When backups are made, and what goes wrong with that.

use std::ops::Range;

use crate::moment::Moment;
use crate::span::Span;

/// When backups are made, what goes wrong, and when the policy is applied.
///
/// All times here are true ones; only what [`with_clock_fault`](Self::with_clock_fault) says is
/// wrong. The offset from UTC is that of the start throughout.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Schedule {
    start: Moment,
    every: Span,
    missed_per_mille: u32,
    seed: u64,
    outages: Vec<Range<Moment>>,
    faults: Vec<Fault>,
    apply: Apply,
}

#[derive(Debug, Clone, PartialEq, Eq)]
struct Fault {
    during: Range<Moment>,
    shift_seconds: i64,
    clocks: Clocks,
}

/// Which clocks are wrong.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Clocks {
    /// The one where the backup is made.
    OfBackup,
    /// That, and the one where the policy is applied: they are of one machine.
    All,
}

/// When the policy is applied.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Apply {
    /// After each backup.
    #[default]
    EachTime,
    /// After the first backup of each day.
    Daily,
}

impl Schedule {
    /// Returns a schedule of backups from `start` on, each so much later than the one before.
    #[must_use]
    pub fn new(start: Moment, every: Span) -> Self {
        Self {
            start,
            every,
            missed_per_mille: 0,
            seed: 0,
            outages: Vec::new(),
            faults: Vec::new(),
            apply: Apply::default(),
        }
    }

    /// Sets how many of a thousand backups are missed; the seed decides which.
    #[must_use]
    pub fn with_missed_per_mille(mut self, missed: u32, seed: u64) -> Self {
        self.missed_per_mille = missed;
        self.seed = seed;
        self
    }

    /// Adds a time in which no backup is made and no policy applied.
    #[must_use]
    pub fn with_outage(mut self, during: Range<Moment>) -> Self {
        self.outages.push(during);
        self
    }

    /// Adds a time in which clocks are fast (or, if negative, slow) by so much. Of faults at the
    /// same time the first added counts.
    #[must_use]
    pub fn with_clock_fault(
        mut self,
        during: Range<Moment>,
        shift_seconds: i64,
        clocks: Clocks,
    ) -> Self {
        self.faults.push(Fault {
            during,
            shift_seconds,
            clocks,
        });
        self
    }

    /// Sets when the policy is applied.
    #[must_use]
    pub fn with_apply(mut self, apply: Apply) -> Self {
        self.apply = apply;
        self
    }

    /// Returns when the first backup is due.
    #[must_use]
    pub fn start(&self) -> Moment {
        self.start
    }

    /// Returns all that is due before `end`.
    pub(super) fn runs(&self, end: Moment) -> impl Iterator<Item = Due> {
        let times = std::iter::successors(Some(self.start), |last| {
            // At the end of time there is no later moment.
            Some(self.every.after(*last)).filter(|next| next > last)
        });
        let mut day = None;
        let before_end = times.take_while(move |time| time.unix_seconds < end.unix_seconds);
        before_end.enumerate().map(move |(nth, time)| {
            let is_made = !self.is_missed(nth as u64, time);
            let (today, _) = time.local();
            let is_first = is_made && day.replace(today) != Some(today);
            let [snapshot, now] = self.clocks(time);
            Due {
                time,
                snapshot: is_made.then_some(snapshot),
                now: (is_made && (is_first || self.apply == Apply::EachTime)).then_some(now),
            }
        })
    }

    fn is_missed(&self, nth: u64, time: Moment) -> bool {
        let chance = mix(self.seed ^ mix(nth)) % 1000;
        chance < u64::from(self.missed_per_mille)
            || self.outages.iter().any(|out| during(out, time))
    }

    /// Returns what the clock of the backup and that of the policy show.
    fn clocks(&self, time: Moment) -> [Moment; 2] {
        let Some(fault) = self.faults.iter().find(|fault| during(&fault.during, time)) else {
            return [time, time];
        };
        let wrong = Moment {
            unix_seconds: time.unix_seconds.saturating_add(fault.shift_seconds),
            ..time
        };
        match fault.clocks {
            Clocks::OfBackup => [wrong, time],
            Clocks::All => [wrong, wrong],
        }
    }
}

/// What happens at one time of a schedule.
pub(super) struct Due {
    /// The true time.
    pub(super) time: Moment,
    /// What is recorded as the time of the backup, if one is made.
    pub(super) snapshot: Option<Moment>,
    /// What the clock shows where the policy is applied, if it is.
    pub(super) now: Option<Moment>,
}

fn during(range: &Range<Moment>, time: Moment) -> bool {
    (range.start.unix_seconds..range.end.unix_seconds).contains(&time.unix_seconds)
}

/// Mixes bits (SplitMix64), so that neighbours have nothing in common.
fn mix(number: u64) -> u64 {
    let z = number.wrapping_add(0x9E37_79B9_7F4A_7C15);
    let z = (z ^ (z >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
    let z = (z ^ (z >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
    z ^ (z >> 31)
}
