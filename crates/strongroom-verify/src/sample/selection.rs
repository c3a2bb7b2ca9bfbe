//! Which packs a check is asked to read.

use std::time::Duration;

use super::Share;

/// Which packs are read: those that any of its parts chooses.
///
/// Packs of names and pages of trees are read always: trees are walked at every level that opens them.
///
/// ```
/// use std::time::Duration;
/// use strongroom_verify::PackSelection;
/// use strongroom_verify::sample::Sampling;
///
/// // Everything once in thirty days, and today a sample that says something about today.
/// let month = Duration::from_secs(30 * 86_400);
/// let today = Sampling::proving("99%".parse()?, "1%".parse()?);
/// let packs = PackSelection::rolling(month).and_sample(today);
/// # Ok::<(), strongroom_verify::sample::ParseShareError>(())
/// ```
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct PackSelection {
    /// All.
    pub all: bool,
    /// A random sample, new at every head of the journal.
    pub sample: Option<Sampling>,
    /// The next part of a round that reads every pack once in this time.
    pub rolling: Option<Duration>,
    /// Those that have no evidence, at the level of the check, that is at most so old.
    pub max_age: Option<Duration>,
    /// Whether a stratum is read as a whole when something in its sample is damaged.
    pub widen: bool,
}

/// All packs.
impl Default for PackSelection {
    fn default() -> Self {
        Self::all()
    }
}

impl PackSelection {
    /// All packs.
    #[must_use]
    pub const fn all() -> Self {
        Self {
            all: true,
            sample: None,
            rolling: None,
            max_age: None,
            widen: true,
        }
    }

    /// A random sample.
    #[must_use]
    pub const fn sample(sampling: Sampling) -> Self {
        Self::none().and_sample(sampling)
    }

    /// The next part of a round that reads every pack once in `period`. How large it is follows from the time since the last part.
    ///
    /// Each round has an order of its own, and packs that come while it lasts wait for the next one: what is oldest may be two periods old.
    #[must_use]
    pub const fn rolling(period: Duration) -> Self {
        Self::none().and_rolling(period)
    }

    /// The packs of content whose newest evidence, at the level of the check or above, is older than `age`, and those that have none.
    #[must_use]
    pub const fn max_age(age: Duration) -> Self {
        let mut selection = Self::none();
        selection.max_age = Some(age);
        selection
    }

    /// Adds a random sample.
    #[must_use]
    pub const fn and_sample(mut self, sampling: Sampling) -> Self {
        self.sample = Some(sampling);
        self
    }

    /// Adds the next part of a round.
    #[must_use]
    pub const fn and_rolling(mut self, period: Duration) -> Self {
        self.rolling = Some(period);
        self
    }

    /// Says whether a stratum is read as a whole when something in its sample is damaged. By default it is: the sample has told what it can.
    #[must_use]
    pub const fn with_widening(mut self, widen: bool) -> Self {
        self.widen = widen;
        self
    }

    /// None but those of names and pages.
    pub(crate) const fn none() -> Self {
        Self {
            all: false,
            sample: None,
            rolling: None,
            max_age: None,
            widen: true,
        }
    }
}

/// How large a random sample is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub struct Sampling {
    /// What decides the size.
    pub goal: Goal,
    /// How sure one is of what is said afterwards.
    pub confidence: Share,
}

/// What decides the size of a sample.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum Goal {
    /// That fewer than this share of the packs is damaged, if no damage is seen.
    Below(Share),
    /// That share of the packs is read.
    Read(Share),
}

impl Sampling {
    /// As many packs as are needed to be `confidence` sure that fewer than the share `below` is damaged.
    #[must_use]
    pub const fn proving(confidence: Share, below: Share) -> Self {
        Self {
            goal: Goal::Below(below),
            confidence,
        }
    }

    /// That share of the packs. What it proves is said with a confidence of 99 %.
    #[must_use]
    pub const fn share(share: Share) -> Self {
        Self {
            goal: Goal::Read(share),
            confidence: DEFAULT_CONFIDENCE,
        }
    }

    /// Sets how sure one is of what is said afterwards.
    #[must_use]
    pub const fn with_confidence(mut self, confidence: Share) -> Self {
        self.confidence = confidence;
        self
    }
}

const DEFAULT_CONFIDENCE: Share = match Share::from_billionths(990_000_000) {
    Some(share) => share,
    None => Share::ALL,
};
