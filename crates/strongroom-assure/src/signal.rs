//! Signs that somebody tampers with what is backed up, from what runs counted anyway.
//!
//! Each is a number, compared with what is usual for the resource, and says with which. None needs to be trusted: an auditor
//! can compute it again from the records.

use serde::Serialize;
use strongroom_crypt::Id;
use strongroom_policy::{Key, Policy, Resource};
use strongroom_retain::Moment;

use crate::history::{EntryRef, History};

mod baseline;
mod clean;
mod detect;
mod drift;
mod series;
mod weaker;

pub use clean::{CleanSearch, HeldPoint, HoldCleanPoints, SignalJudgement, clean_point_search};
pub use weaker::{Weakening, weakenings};

use series::Series;

/// A sign. Its text is how a policy and a record name it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
#[serde(rename_all = "kebab-case")]
#[non_exhaustive]
pub enum SignalCode {
    /// Nearly all that changed is new to the repository.
    NewData,
    /// What is new no longer compresses.
    Compression,
    /// A far greater part of the files changed.
    ChangedFiles,
    /// Files went, or went and came under other names.
    Deletions,
    /// Names with extensions that there never were.
    Extensions,
    /// Content that is not what the extension says.
    Magic,
    /// Content changed and the time of modification did not.
    Mtime,
    /// The same small file in many directories.
    Notes,
    /// A file was touched that is there to be left alone.
    Canary,
    /// Nearly everything is gone from the source.
    Empty,
    /// Nothing has changed for much longer than ever.
    Silence,
    /// A new policy protects less, and nobody signed it.
    Weaker,
    /// What is new compresses less and less.
    CompressionDrift,
    /// More and more files change.
    ChangedFilesDrift,
    /// More and more files are not what their extension says.
    MagicDrift,
    /// More and more content changes behind its time of modification.
    MtimeDrift,
}

/// What a sign is about. Two of different groups are independent: no harmless cause that is known makes both.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
#[serde(rename_all = "kebab-case")]
#[non_exhaustive]
pub enum SignalGroup {
    /// What new content is like. A large import does that too.
    Content,
    /// How much of what was there changed. An upgrade of a system does that too.
    Change,
    /// What files are called. A new program does that too.
    Names,
    /// Times that do not fit. A database does that too.
    Times,
    /// One small file in many places. A tree of sources does that too.
    Notes,
    /// What is never touched.
    Canary,
    /// What is no longer there. A disk that was not mounted does that too.
    Source,
    /// The protection itself.
    Protection,
}

impl SignalCode {
    /// All.
    pub const ALL: &[Self] = &[
        Self::NewData,
        Self::Compression,
        Self::ChangedFiles,
        Self::Deletions,
        Self::Extensions,
        Self::Magic,
        Self::Mtime,
        Self::Notes,
        Self::Canary,
        Self::Empty,
        Self::Silence,
        Self::Weaker,
        Self::CompressionDrift,
        Self::ChangedFilesDrift,
        Self::MagicDrift,
        Self::MtimeDrift,
    ];

    /// Returns its text.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::NewData => "new-data",
            Self::Compression => "compression",
            Self::ChangedFiles => "changed-files",
            Self::Deletions => "deletions",
            Self::Extensions => "extensions",
            Self::Magic => "magic",
            Self::Mtime => "mtime",
            Self::Notes => "notes",
            Self::Canary => "canary",
            Self::Empty => "empty",
            Self::Silence => "silence",
            Self::Weaker => "weaker",
            Self::CompressionDrift => "compression-drift",
            Self::ChangedFilesDrift => "changed-files-drift",
            Self::MagicDrift => "magic-drift",
            Self::MtimeDrift => "mtime-drift",
        }
    }

    /// Returns what it is about.
    #[must_use]
    pub const fn group(self) -> SignalGroup {
        match self {
            Self::NewData | Self::Compression | Self::CompressionDrift => SignalGroup::Content,
            Self::ChangedFiles | Self::Deletions | Self::ChangedFilesDrift => SignalGroup::Change,
            Self::Extensions | Self::Magic | Self::MagicDrift => SignalGroup::Names,
            Self::Mtime | Self::MtimeDrift => SignalGroup::Times,
            Self::Notes => SignalGroup::Notes,
            Self::Canary => SignalGroup::Canary,
            Self::Empty | Self::Silence => SignalGroup::Source,
            Self::Weaker => SignalGroup::Protection,
        }
    }

    /// Returns the detector of a policy that switches it; `None` for what is always on.
    #[must_use]
    pub const fn detector(self) -> Option<&'static str> {
        Some(match self {
            Self::NewData => "new-data",
            Self::Compression | Self::CompressionDrift => "compression",
            Self::ChangedFiles | Self::ChangedFilesDrift => "changed-files",
            Self::Deletions => "deletions",
            Self::Extensions | Self::Magic | Self::MagicDrift => "extensions",
            Self::Mtime | Self::MtimeDrift => "mtime",
            Self::Notes => "notes",
            Self::Empty | Self::Silence => "empty",
            Self::Canary | Self::Weaker => return None,
        })
    }
}

/// A sign, with the numbers that made it one.
#[derive(Debug, Clone, PartialEq, Serialize)]
#[non_exhaustive]
pub struct Signal {
    /// Which.
    pub code: SignalCode,
    /// What was measured.
    pub value: f64,
    /// What is usual: the median of the baseline; `None` for a rule that needs none.
    pub baseline: Option<f64>,
    /// From where on it is a sign.
    pub threshold: f64,
    /// How many runs the baseline has.
    pub n: usize,
    /// For a drift, the first run of it; otherwise the run itself.
    pub since: EntryRef,
}

/// How serious an [`Alarm`] is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
#[serde(rename_all = "kebab-case")]
#[non_exhaustive]
pub enum AlarmSeverity {
    /// One sign. Most have a harmless cause.
    Notice,
    /// Two independent signs, or a canary.
    Critical,
}

/// The signs of one run.
#[derive(Debug, Clone, PartialEq, Serialize)]
#[non_exhaustive]
pub struct Alarm {
    /// The resource.
    pub resource: String,
    /// The repository.
    pub repository: String,
    /// The run.
    pub run: EntryRef,
    /// When that was recorded: Unix seconds.
    pub at: i64,
    /// The capture of its snapshot.
    pub capture: i64,
    /// The earliest capture that may be tampered with.
    pub bad_since: i64,
    /// Its snapshot.
    #[serde(skip)]
    pub snapshot: Option<Id>,
    /// How serious it is.
    pub severity: AlarmSeverity,
    /// The signs.
    pub signals: Vec<Signal>,
    /// Whether somebody looked and found it clean.
    pub is_reviewed_clean: bool,
}

/// What signs there are for a resource.
#[derive(Debug, Clone, PartialEq, Serialize)]
#[non_exhaustive]
pub struct SignalReport {
    /// The resource.
    pub resource: String,
    /// How many runs the baseline has: below [`LEARNING_RUNS`] what is usual is not known yet, and only rules that need no
    /// baseline are applied. `None`: no run counted anything.
    pub baseline_runs: Option<usize>,
    /// Detectors that the policy asks for and whose counters no run of the last 30 days has.
    pub not_measured: Vec<String>,
    /// Alarms since the time that was asked for, in the order of their runs.
    pub alarms: Vec<Alarm>,
    /// What should be held, if an alarm is critical and the policy says so.
    pub hold: Option<HoldCleanPoints>,
}

impl SignalReport {
    /// Says whether what is usual is not known yet.
    #[must_use]
    pub fn is_learning(&self) -> bool {
        self.baseline_runs.is_none_or(|runs| runs < LEARNING_RUNS)
    }

    /// Returns alarms that nobody has found to be of a harmless cause.
    pub fn unreviewed(&self) -> impl Iterator<Item = &Alarm> {
        self.alarms.iter().filter(|alarm| !alarm.is_reviewed_clean)
    }
}

/// Looks for signs in the runs of a resource from `from` until `now`.
///
/// `weakenings` are those of [`weakenings`]: they are the same for all resources. What is usual is learnt from the runs
/// before, so that the same run always gives the same signs whatever `from` is, but for slow drifts, whose beginning must lie
/// within half a year before.
#[must_use]
pub fn signals(
    history: &History,
    policy: &Policy,
    resource: &Resource,
    weakenings: &[Weakening],
    from: i64,
    now: Moment,
) -> SignalReport {
    let resolved = policy.resolve(resource);
    let detectors = resolved.words(Key::Detectors);
    let is_on = |code: SignalCode| code.detector().is_none_or(|one| detectors.contains(one));
    let zone = resolved.zone();
    let mut report = SignalReport {
        resource: resource.id.clone(),
        baseline_runs: None,
        not_measured: Vec::new(),
        alarms: Vec::new(),
        hold: None,
    };
    let all = Series::of_resource(history, &resource.id, &zone, from, now.unix_seconds);
    for mut series in all {
        let alarms = series.watch(history, weakenings, &resource.id, &is_on, from);
        report.alarms.extend(alarms);
        report.baseline_runs = report.baseline_runs.max(series.baseline_runs());
        report.not_measured = series.not_measured(&detectors, now.unix_seconds);
    }
    report.alarms.sort_by_key(|alarm| (alarm.at, alarm.run));
    if resolved.flag(Key::AnomalyHold) {
        report.hold = HoldCleanPoints::of(history, &report, now.unix_seconds);
    }
    report
}

/// Returns how serious signs together are.
fn severity_of(signals: &[Signal]) -> AlarmSeverity {
    let is_canary = signals.iter().any(|one| one.code == SignalCode::Canary);
    let first = signals.first().map(|one| one.code.group());
    let are_independent = signals.iter().any(|one| Some(one.code.group()) != first);
    if is_canary || are_independent {
        AlarmSeverity::Critical
    } else {
        AlarmSeverity::Notice
    }
}

/// Of fewer runs nobody knows what is usual.
pub const LEARNING_RUNS: usize = 8;

#[cfg(test)]
mod tests;
