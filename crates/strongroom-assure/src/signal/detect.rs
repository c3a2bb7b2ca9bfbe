//! Signs of one run, compared with those before.

use super::baseline::{Feature, Past};
use super::series::Sample;
use super::{Signal, SignalCode};
use crate::stats::{amount, count};

impl Past {
    /// Returns the signs of a run.
    pub(super) fn detect(&self, sample: &Sample<'_>) -> Vec<Signal> {
        let found = [
            self.canary(sample),
            self.empty(sample),
            self.silence(sample),
            self.new_data(sample),
            self.compression(sample),
            self.changed_files(sample),
            self.deletions(sample),
            self.extensions(sample),
            self.counted(sample, Feature::Magic, SignalCode::Magic, MAGIC_MIN),
            self.counted(sample, Feature::Mtime, SignalCode::Mtime, MTIME_MIN),
            self.counted(sample, Feature::Notes, SignalCode::Notes, NOTES_MIN),
        ];
        found.into_iter().flatten().collect()
    }

    /// A canary was touched: no baseline can make that usual.
    fn canary(&self, sample: &Sample<'_>) -> Option<Signal> {
        let changed = sample
            .counters
            .canaries_changed
            .filter(|changed| *changed > 0)?;
        Some(signal(
            sample,
            SignalCode::Canary,
            amount(changed),
            None,
            1.0,
            0,
        ))
    }

    /// The source is nearly empty, or its files are gone.
    fn empty(&self, sample: &Sample<'_>) -> Option<Signal> {
        let (files, last) = (sample.counters.files?, self.files_last?);
        let usual = self.usual(Feature::Files, sample.weekday);
        let (before, n) = usual.map_or((amount(last), 1), |usual| (usual.median, usual.n));
        // What was emptied stays so: that is said once.
        let threshold = before * EMPTY_SHARE;
        let is_drop = amount(last) > threshold;
        let is_it = is_drop && before >= EMPTY_FILES_MIN && amount(files) <= threshold;
        is_it.then(|| {
            signal(
                sample,
                SignalCode::Empty,
                amount(files),
                Some(before),
                threshold,
                n,
            )
        })
    }

    /// Nothing has changed for much longer than ever: perhaps something else is backed up than people think.
    fn silence(&self, sample: &Sample<'_>) -> Option<Signal> {
        if sample.is_silent() != Some(true) || self.longest_silence == 0 && self.silent == 0 {
            return None;
        }
        let lasted = sample.run.recorded_at.saturating_sub(self.silent_since);
        let (runs, limit) = (
            self.silent + 1,
            (3 * self.longest_silence).max(SILENT_RUNS_MIN),
        );
        let is_it = runs == limit && lasted >= SILENT_SECONDS_MIN;
        let usual = count(self.longest_silence);
        let n = self.measured_runs().unwrap_or_default();
        is_it.then(|| {
            signal(
                sample,
                SignalCode::Silence,
                count(runs),
                Some(usual),
                count(limit),
                n,
            )
        })
    }

    /// Nearly all that changed is new to the repository, and it is a good part of everything.
    fn new_data(&self, sample: &Sample<'_>) -> Option<Signal> {
        let (value, new) = (sample.new_share()?, sample.counters.bytes_new?);
        if value < NEW_SHARE_MIN || new < NEW_BYTES_MIN {
            return None;
        }
        let usual = self.usual(Feature::NewShare, sample.weekday)?;
        let bytes = self.usual(Feature::NewBytes, sample.weekday)?;
        let is_much = amount(new) > NEW_BYTES_TIMES * bytes.median;
        let is_far = usual.z(value, LEAST_MAD_SHARE) > Z_MAX && usual.median <= NEW_SHARE_USUAL;
        let is_large = |one: f64| one >= 0.8 * amount(new);
        let is_it = is_much && is_far && !self.is_known(Feature::NewBytes, is_large);
        let threshold = NEW_SHARE_MIN;
        is_it.then(|| {
            signal(
                sample,
                SignalCode::NewData,
                value,
                Some(usual.median),
                threshold,
                usual.n,
            )
        })
    }

    /// What is new no longer compresses, where it did.
    fn compression(&self, sample: &Sample<'_>) -> Option<Signal> {
        let value = sample.compression()?;
        if value > COMPRESSION_NONE {
            return None;
        }
        let usual = self.usual(Feature::Compression, sample.weekday)?;
        let is_far = usual.z(value, LEAST_MAD_RATIO * usual.median) < -Z_MAX;
        let is_it = usual.median >= COMPRESSION_USUAL
            && is_far
            && !self.is_known(Feature::Compression, |one| one <= 1.15 * value);
        let (code, threshold) = (SignalCode::Compression, COMPRESSION_NONE);
        is_it.then(|| signal(sample, code, value, Some(usual.median), threshold, usual.n))
    }

    /// A far greater part of the files that were there changed.
    fn changed_files(&self, sample: &Sample<'_>) -> Option<Signal> {
        let (value, changed) = (sample.changed_share()?, sample.counters.files_changed?);
        if value < CHANGED_SHARE_MIN || changed < CHANGED_FILES_MIN {
            return None;
        }
        let Some(usual) = self.usual(Feature::ChangedShare, sample.weekday) else {
            // Not yet known what is usual, but this is not.
            let is_it = value >= CHANGED_SHARE_ALWAYS && self.files_last.is_some();
            let threshold = CHANGED_SHARE_ALWAYS;
            let n = self.measured_runs().unwrap_or_default();
            return is_it
                .then(|| signal(sample, SignalCode::ChangedFiles, value, None, threshold, n));
        };
        let threshold = CHANGED_SHARE_MIN.max(CHANGED_TIMES * usual.median);
        let is_it = value >= threshold
            && usual.z(value, LEAST_MAD_SHARE) > Z_MAX
            && !self.is_known(Feature::ChangedShare, |one| one >= 0.8 * value);
        is_it.then(|| {
            signal(
                sample,
                SignalCode::ChangedFiles,
                value,
                Some(usual.median),
                threshold,
                usual.n,
            )
        })
    }

    /// Many files went, or went and came under other names.
    fn deletions(&self, sample: &Sample<'_>) -> Option<Signal> {
        let (deleted, before) = (sample.counters.files_deleted?, sample.files_before()?);
        if deleted < DELETED_MIN || before == 0 {
            return None;
        }
        let share = amount(deleted) / amount(before);
        let usual = self.usual(Feature::Deleted, sample.weekday);
        let is_known = self.is_known(Feature::Deleted, |one| one >= 0.8 * amount(deleted));
        let is_far = usual.is_some_and(|usual| {
            let times = DELETED_TIMES * usual.median;
            usual.z(amount(deleted), 1.0) > Z_MAX && amount(deleted) >= times
        });
        let is_it =
            !is_known && (share > DELETED_SHARE_ALWAYS || share > DELETED_SHARE_MIN && is_far);
        let baseline = usual.map(|usual| usual.median / amount(before));
        let (code, n) = (SignalCode::Deletions, usual.map_or(0, |usual| usual.n));
        is_it.then(|| signal(sample, code, share, baseline, DELETED_SHARE_MIN, n))
    }

    /// Names with extensions that there never were: very many, or any at all where many files changed their names.
    fn extensions(&self, sample: &Sample<'_>) -> Option<Signal> {
        let value = sample.counters.extensions_new.filter(|new| *new > 0)?;
        let before = sample.files_before().unwrap_or_default();
        let renamed = sample.renamed().unwrap_or_default();
        let is_renaming = renamed >= DELETED_MIN
            && amount(renamed) > DELETED_SHARE_MIN * amount(before)
            && !self.is_known(Feature::Renamed, |one| one >= 0.8 * amount(renamed));
        let usual = self.usual(Feature::Extensions, sample.weekday);
        let is_many = value >= EXTENSIONS_ALWAYS
            || value >= EXTENSIONS_MIN
                && usual.is_some_and(|usual| {
                    usual.z(amount(value), 1.0) > Z_MAX
                        && !self.is_known(Feature::Extensions, |one| one >= 0.8 * amount(value))
                });
        let threshold = if is_renaming { 1 } else { EXTENSIONS_MIN };
        let (baseline, n) = (
            usual.map(|usual| usual.median),
            usual.map_or(0, |usual| usual.n),
        );
        (is_renaming || is_many).then(|| {
            signal(
                sample,
                SignalCode::Extensions,
                amount(value),
                baseline,
                amount(threshold),
                n,
            )
        })
    }

    /// A count that is hardly ever anything, and now is.
    fn counted(
        &self,
        sample: &Sample<'_>,
        feature: Feature,
        code: SignalCode,
        (least, least_share): (f64, f64),
    ) -> Option<Signal> {
        let value = feature.of(sample)?;
        let files = amount(sample.counters.files.unwrap_or_default());
        let threshold = least.max(least_share * files);
        if value < threshold {
            return None;
        }
        let usual = self.usual(feature, sample.weekday)?;
        let is_it = usual.z(value, 1.0) > Z_MAX
            && value >= COUNTED_TIMES * usual.median
            && !self.is_known(feature, |one| one >= 0.8 * value);
        is_it.then(|| signal(sample, code, value, Some(usual.median), threshold, usual.n))
    }
}

fn signal(
    sample: &Sample<'_>,
    code: SignalCode,
    value: f64,
    baseline: Option<f64>,
    threshold: f64,
    n: usize,
) -> Signal {
    Signal {
        code,
        value,
        baseline,
        threshold,
        n,
        since: sample.run.entry,
    }
}

/// The modified z beyond which a value does not belong to the others (Iglewicz and Hoaglin).
const Z_MAX: f64 = 3.5;
/// Shares differ by so much from day to day even where they never did.
const LEAST_MAD_SHARE: f64 = 0.01;
/// Ratios of compression by so much.
const LEAST_MAD_RATIO: f64 = 0.05;

/// Shares of the files below this are an ordinary busy day.
const CHANGED_SHARE_MIN: f64 = 0.2;
const CHANGED_FILES_MIN: u64 = 50;
const CHANGED_TIMES: f64 = 3.0;
/// As long as nothing is known, half of all files at once is unusual anywhere.
const CHANGED_SHARE_ALWAYS: f64 = 0.5;

/// Where nearly all that changed is new, and usually it is not.
const NEW_SHARE_MIN: f64 = 0.9;
const NEW_SHARE_USUAL: f64 = 0.7;
const NEW_BYTES_MIN: u64 = 64 << 20;
const NEW_BYTES_TIMES: f64 = 5.0;

/// What is encrypted does not compress at all; documents do.
const COMPRESSION_NONE: f64 = 1.1;
const COMPRESSION_USUAL: f64 = 1.3;

/// A hundred files and more than half of them, whatever is usual; a fifth where it is not.
const DELETED_MIN: u64 = 100;
const DELETED_SHARE_ALWAYS: f64 = 0.5;
const DELETED_SHARE_MIN: f64 = 0.2;
const DELETED_TIMES: f64 = 3.0;

const EXTENSIONS_MIN: u64 = 20;
const EXTENSIONS_ALWAYS: u64 = 200;

/// The least count, and the least share of all files.
const MAGIC_MIN: (f64, f64) = (50.0, 0.02);
const MTIME_MIN: (f64, f64) = (20.0, 0.01);
const NOTES_MIN: (f64, f64) = (20.0, 0.001);
const COUNTED_TIMES: f64 = 3.0;

/// A tenth of what was there.
const EMPTY_SHARE: f64 = 0.1;
const EMPTY_FILES_MIN: f64 = 1.0;

/// Three weeks, and three times as long as ever: holidays are shorter.
const SILENT_RUNS_MIN: usize = 21;
const SILENT_SECONDS_MIN: i64 = 20 * 86_400;
