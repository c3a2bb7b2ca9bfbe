//! For how long objects are locked.

use std::fmt;
use std::str::FromStr;
use std::time::Duration;

use strongroom_store::{Retention, RetentionMode};

use crate::error::{Error, ErrorKind, Result};
use crate::forget::ClockTrust;

/// For how long objects are locked when they are put, and how that is kept up; [`Settings::object_lock`](crate::Settings::object_lock).
///
/// ```
/// use std::time::Duration;
///
/// use strongroom_repo::LockPolicy;
///
/// let policy: LockPolicy = "compliance:30d".parse()?;
/// assert_eq!(policy.period(), Duration::from_secs(30 * 86_400));
/// assert_eq!(policy.generation(), policy.period() / 4);
/// # Ok::<(), strongroom_repo::Error>(())
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct LockPolicy {
    mode: RetentionMode,
    period: i64,
    generations: u32,
    clock: ClockTrust,
    entries: bool,
}

impl LockPolicy {
    /// The longest period: ten years. Nobody can undo a lock that is longer than was meant.
    pub const MAX_PERIOD: Duration = Duration::from_secs(3_660 * 86_400);

    /// Returns the policy that what a snapshot needs is locked for `period` after its commit, in whole seconds.
    ///
    /// # Errors
    ///
    /// `Invalid` for less than a second or more than [`MAX_PERIOD`](Self::MAX_PERIOD).
    pub fn new(mode: RetentionMode, period: Duration) -> Result<Self> {
        let seconds = i64::try_from(period.as_secs()).unwrap_or(i64::MAX);
        if seconds < 1 || period > Self::MAX_PERIOD {
            let what = "objects are locked for a second at least and ten years at most";
            return Err(Error::new(ErrorKind::Invalid, what));
        }
        Ok(Self {
            mode,
            period: seconds,
            generations: GENERATIONS,
            clock: ClockTrust::default(),
            entries: true,
        })
    }

    /// Says into how many generations a period is cut, 1 to 64. Default 4. With more of them objects are locked for less longer than the period
    /// (two generations at most), and locks are extended more often, once a generation: see [`Repository::plan_extend_locks`](crate::Repository::plan_extend_locks).
    ///
    /// # Errors
    ///
    /// `Invalid` for other numbers.
    pub fn with_generations(mut self, generations: u32) -> Result<Self> {
        if !(1..=64).contains(&generations) {
            let what = "a period of locks has 1 to 64 generations";
            return Err(Error::new(ErrorKind::Invalid, what));
        }
        self.generations = generations;
        Ok(self)
    }

    /// Says what happens when this machine's clock is more than a year ahead of everything in the repository. [`ClockTrust::Wait`], the default,
    /// locks nothing and fails: a lock until a date that is centuries away can never be undone.
    #[must_use]
    pub fn with_clock(mut self, clock: ClockTrust) -> Self {
        self.clock = clock;
        self
    }

    /// Leaves the entries of the journal unlocked: for a journal on a store of its own that decides races and cannot lock objects. Their second copies, the bundles,
    /// are locked; of the last entries, which no bundle has yet, there is none. Nothing ever deletes an entry, so let nobody's credentials.
    #[must_use]
    pub fn without_entries(mut self) -> Self {
        self.entries = false;
        self
    }

    /// Says whether the entries of the journal are locked.
    #[must_use]
    pub fn locks_entries(&self) -> bool {
        self.entries
    }

    /// Returns who can end a lock before its date.
    #[must_use]
    pub fn mode(&self) -> RetentionMode {
        self.mode
    }

    /// Returns how long what a snapshot needs is locked after its commit.
    #[must_use]
    pub fn period(&self) -> Duration {
        Duration::from_secs(u64::try_from(self.period).unwrap_or(0))
    }

    /// Returns how long a generation is: locks have to be extended once in each.
    #[must_use]
    pub fn generation(&self) -> Duration {
        Duration::from_secs(u64::try_from(self.generation_seconds()).unwrap_or(0))
    }

    pub(crate) fn clock(&self) -> ClockTrust {
        self.clock
    }

    /// Returns how objects are locked that are put or extended at `now`: as long as is promised of whatever is committed in this generation and the next.
    pub(crate) fn target(&self, now: i64) -> Retention {
        let generation = self.generation_seconds();
        let begins = now.div_euclid(generation).saturating_mul(generation);
        let until = begins
            .saturating_add(2 * generation)
            .saturating_add(self.period);
        Retention::new(self.mode, until)
    }

    /// Returns how what a snapshot needs has to be locked that was committed at that time.
    pub(crate) fn promise(&self, committed: i64) -> Retention {
        Retention::new(self.mode, committed.saturating_add(self.period))
    }

    fn generation_seconds(&self) -> i64 {
        (self.period / i64::from(self.generations)).max(1)
    }
}

/// Generations in a period, unless somebody says otherwise.
const GENERATIONS: u32 = 4;

impl fmt::Display for LockPolicy {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mode = match self.mode {
            RetentionMode::Compliance => "compliance",
            _ => "governance",
        };
        let unit = UNITS.iter().find(|(_, unit)| self.period % unit == 0);
        let (letter, unit) = unit.copied().unwrap_or(('s', 1));
        let entries = if self.entries { "" } else { NO_JOURNAL };
        let clock = match self.clock {
            ClockTrust::Wait => "",
            ClockTrust::Trust => TRUST_CLOCK,
        };
        write!(f, "{mode}:{}{letter}{entries}{clock}", self.period / unit)
    }
}

/// What is written behind a policy that believes the clock, whatever it says.
const TRUST_CLOCK: &str = ":trust-clock";
/// What is written behind a policy that leaves entries unlocked.
const NO_JOURNAL: &str = ":no-journal";

/// `governance` or `compliance`, a colon, a number, and `s`, `m`, `h`, `d` or `y` (365 days); `:no-journal` if entries are not locked, `:trust-clock` if somebody has looked
/// at the clock.
impl FromStr for LockPolicy {
    type Err = Error;

    fn from_str(text: &str) -> Result<Self> {
        let what = "a lock is written as compliance:30d or governance:12h";
        let invalid = || Error::new(ErrorKind::Invalid, what);
        let (text, clock) = match text.strip_suffix(TRUST_CLOCK) {
            Some(text) => (text, ClockTrust::Trust),
            None => (text, ClockTrust::Wait),
        };
        let (text, entries) = match text.strip_suffix(NO_JOURNAL) {
            Some(text) => (text, false),
            None => (text, true),
        };
        let (mode, period) = text.split_once(':').ok_or_else(invalid)?;
        let mode = match mode {
            "governance" => RetentionMode::Governance,
            "compliance" => RetentionMode::Compliance,
            _ => return Err(invalid()),
        };
        let letter = period.chars().next_back().ok_or_else(invalid)?;
        let number = period.strip_suffix(letter).ok_or_else(invalid)?;
        let unit = UNITS.iter().find(|(of, _)| *of == letter);
        let (_, unit) = unit.ok_or_else(invalid)?;
        let number: u32 = number.parse().map_err(|_| invalid())?;
        let seconds = i64::from(number).saturating_mul(*unit);
        let period = Duration::from_secs(u64::try_from(seconds).unwrap_or(0));
        let policy = Self::new(mode, period)?;
        Ok(Self {
            entries,
            clock,
            ..policy
        })
    }
}

const UNITS: [(char, i64); 5] = [
    ('y', 365 * 86_400),
    ('d', 86_400),
    ('h', 3_600),
    ('m', 60),
    ('s', 1),
];
