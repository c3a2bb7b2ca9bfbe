//! Slow changes: each day's is nothing unusual, and there is one every day.

use std::collections::VecDeque;

use super::baseline::Feature;
use super::series::{Reviewed, Sample};
use super::{Signal, SignalCode};
use crate::history::EntryRef;
use crate::stats::{Cusum, Robust, median};

/// Looks for slow changes in a series.
pub(super) struct Drifts {
    watched: [Drift; 4],
}

/// Looks for one.
struct Drift {
    feature: Feature,
    code: SignalCode,
    /// 1 where more is bad, −1 where less is.
    sign: f64,
    /// What it must have changed by, as a share of what is usual, and at least.
    share: f64,
    least: f64,
    /// Spreads are at least this share of the median, and this.
    spread: (f64, f64),
    cusum: Cusum,
    past: VecDeque<(i64, EntryRef, i64, f64)>,
    usual: Option<(Robust, usize)>,
    /// A baseline that a person chose, which nothing moves.
    trusted: Option<Robust>,
}

impl Drifts {
    /// Starts to look, with the runs of a baseline that a person chose.
    pub(super) fn new(trusted: Vec<Sample<'_>>) -> Self {
        let drift = |feature: Feature, code, sign, share, least, spread| {
            let values: Vec<f64> = trusted.iter().filter_map(|one| feature.of(one)).collect();
            Drift {
                feature,
                code,
                sign,
                share,
                least,
                spread,
                cusum: Cusum::new(ALLOWANCE, CLIP),
                past: VecDeque::new(),
                usual: None,
                trusted: Robust::of(&values).filter(|one| one.n >= super::LEARNING_RUNS),
            }
        };
        Self {
            watched: [
                drift(
                    Feature::Compression,
                    SignalCode::CompressionDrift,
                    -1.0,
                    0.15,
                    0.15,
                    (0.03, 0.02),
                ),
                drift(
                    Feature::ChangedShare,
                    SignalCode::ChangedFilesDrift,
                    1.0,
                    0.25,
                    0.002,
                    (0.1, 0.000_5),
                ),
                drift(
                    Feature::Magic,
                    SignalCode::MagicDrift,
                    1.0,
                    0.5,
                    3.0,
                    (0.2, 1.0),
                ),
                drift(
                    Feature::Mtime,
                    SignalCode::MtimeDrift,
                    1.0,
                    0.5,
                    3.0,
                    (0.2, 1.0),
                ),
            ],
        }
    }

    /// Adds a run, and returns the signs that there are at it, and the capture of the first run of the longest drift.
    pub(super) fn add(&mut self, sample: &Sample<'_>) -> (Vec<Signal>, Option<i64>) {
        let (mut signals, mut since) = (Vec::new(), None::<i64>);
        for drift in &mut self.watched {
            if let Some((signal, capture)) = drift.add(sample) {
                signals.push(signal);
                since = Some(since.map_or(capture, |since| since.min(capture)));
            }
        }
        (signals, since)
    }
}

impl Drift {
    fn add(&mut self, sample: &Sample<'_>) -> Option<(Signal, i64)> {
        let value = self.feature.of(sample)?;
        if sample.state == Reviewed::Clean {
            // Somebody has looked: what was until now is all right, and usual from now on.
            self.cusum = Cusum::new(ALLOWANCE, CLIP);
        }
        let usual = self.usual();
        let capture = sample.run.capture.unwrap_or(sample.run.started);
        self.past
            .push_back((capture, sample.run.entry, sample.weekday, value));
        if self.past.len() > PAST_RUNS {
            self.past.pop_front();
        }
        let usual = usual?;
        let (share, least) = self.spread;
        let z = usual.z(value, (share * usual.median.abs()).max(least)) * self.sign;
        let sum = self.cusum.add(z);
        if sum <= LIMIT || self.cusum.length < LENGTH_MIN {
            return None;
        }
        let recent: Vec<f64> = self
            .past
            .iter()
            .rev()
            .take(self.cusum.length)
            .map(|(.., value)| *value)
            .collect();
        let now = median(&recent)?;
        let needed = (self.share * usual.median.abs()).max(self.least);
        if (now - usual.median) * self.sign < needed {
            return None;
        }
        let first = self.past.iter().rev().take(self.cusum.length).next_back()?;
        let threshold = usual.median + self.sign * needed;
        let signal = Signal {
            code: self.code,
            value: now,
            baseline: Some(usual.median),
            threshold,
            n: usual.n,
            since: first.1,
        };
        Some((signal, first.0))
    }

    /// Returns what is usual: what a person chose, or the runs of some months that ended a month ago, so that what goes on
    /// for weeks does not become usual by that.
    fn usual(&mut self) -> Option<Robust> {
        if self.trusted.is_some() {
            return self.trusted;
        }
        let seen = self.past.len();
        let lag = if seen >= LAG_RUNS + REFERENCE_RUNS_MIN {
            LAG_RUNS
        } else {
            0
        };
        if seen < REFERENCE_RUNS_MIN {
            return None;
        }
        // It moves slowly, so that it need not be computed for every run.
        if let Some((usual, until @ 1..)) = self.usual {
            self.usual = Some((usual, until - 1));
            return Some(usual);
        }
        if self.cusum.length > 0 && self.usual.is_some() && self.cusum.length < FROZEN_RUNS {
            // While something may be going on, what is usual stays what it was.
            return self.usual.map(|(usual, _)| usual);
        }
        let old = self.past.iter().rev().skip(lag).take(REFERENCE_RUNS);
        let values: Vec<f64> = old.map(|(.., value)| *value).collect();
        let usual = Robust::of(&values)?;
        self.usual = Some((usual, RECOMPUTE_RUNS));
        Some(usual)
    }
}

/// What a value may be off for nothing, in spreads, and what it counts at most.
const ALLOWANCE: f64 = 0.8;
const CLIP: f64 = 3.0;
/// From which sum on it is a drift, and after how many runs at least.
const LIMIT: f64 = 12.0;
const LENGTH_MIN: usize = 7;
/// How long what is usual stays while a sum grows.
const FROZEN_RUNS: usize = 120;
const LAG_RUNS: usize = 28;
const REFERENCE_RUNS: usize = 90;
const REFERENCE_RUNS_MIN: usize = 20;
const RECOMPUTE_RUNS: usize = 7;
const PAST_RUNS: usize = 240;
