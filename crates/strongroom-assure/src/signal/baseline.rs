//! What is usual for a resource.

use std::collections::{BTreeSet, VecDeque};

use super::series::Sample;
use crate::stats::Robust;

/// What runs before had, as far as it tells what is usual.
#[derive(Debug, Default)]
pub(super) struct Past {
    kept: VecDeque<PastRun>,
    /// The last run, kept or not.
    pub(super) files_last: Option<u64>,
    /// How many runs in a row nothing changed, and the longest such row before.
    pub(super) silent: usize,
    pub(super) longest_silence: usize,
    pub(super) silent_since: i64,
    measured: usize,
    last_measured: [i64; Feature::COUNT],
}

/// A run before.
#[derive(Debug, Clone, Copy)]
pub(super) struct PastRun {
    at: i64,
    weekday: i64,
    is_silent: Option<bool>,
    files: Option<u64>,
    values: [Option<f64>; Feature::COUNT],
}

/// What is compared with what is usual.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Feature {
    NewShare,
    Compression,
    ChangedShare,
    Renamed,
    Deleted,
    Extensions,
    Magic,
    Mtime,
    Notes,
    Files,
    Canaries,
    NewBytes,
}

impl Feature {
    const COUNT: usize = 12;

    const ALL: [Self; Self::COUNT] = [
        Self::NewShare,
        Self::Compression,
        Self::ChangedShare,
        Self::Renamed,
        Self::Deleted,
        Self::Extensions,
        Self::Magic,
        Self::Mtime,
        Self::Notes,
        Self::Files,
        Self::Canaries,
        Self::NewBytes,
    ];

    pub(super) fn of(self, sample: &Sample<'_>) -> Option<f64> {
        let c = sample.counters;
        let count = super::series::number;
        match self {
            Self::NewShare => sample.new_share(),
            Self::Compression => sample.compression(),
            Self::ChangedShare => sample.changed_share(),
            Self::Renamed => count(sample.renamed()),
            Self::Deleted => count(c.files_deleted),
            Self::Extensions => count(c.extensions_new),
            Self::Magic => count(c.magic_mismatch),
            Self::Mtime => count(c.mtime_unchanged),
            Self::Notes => count(c.same_small_file),
            Self::Files => count(c.files),
            Self::Canaries => count(c.canaries_changed),
            Self::NewBytes => count(c.bytes_new),
        }
    }

    /// Returns the detector of a policy that needs it.
    const fn detector(self) -> Option<&'static str> {
        Some(match self {
            Self::NewShare => "new-data",
            // Whether what is new compresses is only measured on days with much of it.
            Self::NewBytes => "compression",
            Self::ChangedShare => "changed-files",
            Self::Deleted => "deletions",
            Self::Extensions => "extensions",
            Self::Mtime => "mtime",
            Self::Notes => "notes",
            Self::Canaries => "canary",
            Self::Files => "empty",
            Self::Compression | Self::Renamed | Self::Magic => return None,
        })
    }
}

impl Sample<'_> {
    /// Returns what is remembered of it.
    pub(super) fn into_past(self) -> PastRun {
        PastRun {
            at: self.run.recorded_at,
            weekday: self.weekday,
            is_silent: self.is_silent(),
            files: self.counters.files,
            values: Feature::ALL.map(|feature| feature.of(&self)),
        }
    }
}

impl Past {
    /// Remembers a run; one that is not `kept` says nothing of what is usual.
    pub(super) fn add(&mut self, run: PastRun, is_kept: bool) {
        self.files_last = run.files.or(self.files_last);
        match run.is_silent {
            Some(true) => {
                if self.silent == 0 {
                    self.silent_since = run.at;
                }
                self.silent += 1;
            }
            Some(false) => {
                self.longest_silence = self.longest_silence.max(self.silent);
                self.silent = 0;
            }
            None => {}
        }
        for (last, value) in self.last_measured.iter_mut().zip(run.values) {
            if value.is_some() {
                *last = (*last).max(run.at);
            }
        }
        if !is_kept {
            return;
        }
        self.measured += usize::from(run.values.iter().any(Option::is_some));
        self.kept.push_back(run);
        let too_old = run.at.saturating_sub(REMEMBERED_SECONDS);
        while self.kept.len() > KEPT_MAX || self.kept.front().is_some_and(|one| one.at < too_old) {
            self.kept.pop_front();
        }
    }

    /// Returns what is usual: the last 20 runs on the same day of the week if there are enough, otherwise the last 20.
    /// `None` while that is not known.
    pub(super) fn usual(&self, feature: Feature, weekday: i64) -> Option<Robust> {
        let values = |same_day: bool| -> Vec<f64> {
            let runs = self.kept.iter().rev();
            let runs = runs.filter(|run| !same_day || run.weekday == weekday);
            runs.filter_map(|run| run.value(feature))
                .take(BASELINE_RUNS)
                .collect()
        };
        let of_day = values(true);
        let values = if of_day.len() >= super::LEARNING_RUNS {
            of_day
        } else {
            values(false)
        };
        if values.len() < super::LEARNING_RUNS {
            return None;
        }
        Robust::of(&values)
    }

    /// Says whether something like a value has been seen [`RHYTHM`] times before: what comes again and again, at the end of
    /// each month say, is usual even if it is rare.
    pub(super) fn is_known(&self, feature: Feature, is_like: impl Fn(f64) -> bool) -> bool {
        let runs = self.kept.iter().filter_map(|run| run.value(feature));
        runs.filter(|value| is_like(*value)).take(RHYTHM).count() >= RHYTHM
    }

    /// Returns how many runs tell what is usual; `None` if none counted anything.
    pub(super) fn measured_runs(&self) -> Option<usize> {
        (self.measured > 0).then_some(self.measured.min(self.kept.len()))
    }

    /// Returns the detectors whose counters were there since a time.
    pub(super) fn measured_since(&self, since: i64) -> BTreeSet<&'static str> {
        let features = Feature::ALL.into_iter().zip(self.last_measured);
        let recent = features.filter(|(_, last)| *last >= since && *last != 0);
        recent
            .filter_map(|(feature, _)| feature.detector())
            .collect()
    }
}

impl PastRun {
    fn value(&self, feature: Feature) -> Option<f64> {
        self.values.get(feature as usize).copied().flatten()
    }
}

/// Runs of a baseline.
const BASELINE_RUNS: usize = 20;
/// How often something must have been seen to be a rhythm.
const RHYTHM: usize = 2;
/// A year and a month, so that what comes once a year is remembered.
const REMEMBERED_SECONDS: i64 = 400 * 86_400;
const KEPT_MAX: usize = 2_000;
