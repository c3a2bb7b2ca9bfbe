//! Errors by their cause, and those that come again and again.

use std::collections::{BTreeMap, BTreeSet};

use serde::Serialize;
use strongroom_retain::Moment;

use crate::history::{EntryRef, History, RunSeen};

/// How often something went wrong, by where the cause is.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[non_exhaustive]
pub struct ErrorReport {
    /// The beginning: Unix seconds.
    pub from: i64,
    /// The end.
    pub until: i64,
    /// How many runs there were.
    pub runs: u64,
    /// How many of them had errors, whatever came of them.
    pub runs_with_errors: u64,
    /// Runs and errors of each class: `hardware`, `software`, `shortage`, `network`, `access`, `configuration`, `source`,
    /// `human`.
    pub classes: BTreeMap<String, ClassCount>,
    /// What came again, the most frequent first.
    pub recurring: Vec<Recurrence>,
}

/// How often something of a class went wrong.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize)]
#[non_exhaustive]
pub struct ClassCount {
    /// In how many runs.
    pub runs: u64,
    /// How often.
    pub errors: u64,
}

/// An error that came again: the same code at the same resource, in the same phase.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[non_exhaustive]
pub struct Recurrence {
    /// Where the cause is.
    pub class: String,
    /// The code.
    pub code: String,
    /// The resource; empty for runs that are about none.
    pub resource: String,
    /// The phase.
    pub phase: String,
    /// In how many runs.
    pub runs: u64,
    /// On how many days.
    pub days: u64,
    /// How often.
    pub errors: u64,
    /// When first: Unix seconds.
    pub first: i64,
    /// When last.
    pub last: i64,
    /// At how many other resources the same code came.
    pub elsewhere: u64,
    /// The runs, the latest ones.
    pub evidence: Vec<EntryRef>,
}

/// Counts errors of runs from `from` until `now`. What came in at least [`RECURRING_RUNS`] runs on as many days recurs.
#[must_use]
pub fn errors(history: &History, from: i64, now: Moment) -> ErrorReport {
    let until = now.unix_seconds;
    let mut report = ErrorReport {
        from,
        until,
        runs: 0,
        runs_with_errors: 0,
        classes: BTreeMap::new(),
        recurring: Vec::new(),
    };
    let mut found: BTreeMap<[&str; 4], Found> = BTreeMap::new();
    let of_resources = history
        .resources()
        .flat_map(|(id, one)| one.runs.iter().map(move |run| (id, run)));
    let all = of_resources.chain(history.other_runs().iter().map(|run| ("", run)));
    for (resource, run) in all.filter(|(_, run)| (from..=until).contains(&run.recorded_at)) {
        report.runs += 1;
        report.runs_with_errors += u64::from(!run.errors.is_empty());
        let mut classes: BTreeSet<String> = BTreeSet::new();
        for error in &run.errors {
            let class = error.class.to_string();
            let count = report.classes.entry(class.clone()).or_default();
            count.errors = count.errors.saturating_add(error.count);
            count.runs += u64::from(classes.insert(class.clone()));
            let key = [
                error.code.as_str(),
                resource,
                error.phase.as_str(),
                word(&class),
            ];
            found.entry(key).or_default().add(run, error.count);
        }
    }
    let mut elsewhere: BTreeMap<&str, BTreeSet<&str>> = BTreeMap::new();
    for [code, resource, ..] in found.keys() {
        elsewhere.entry(code).or_default().insert(resource);
    }
    for ([code, resource, phase, class], one) in &found {
        if one.runs < RECURRING_RUNS || one.days.len() < DAYS_MIN {
            continue;
        }
        let others = elsewhere
            .get(code)
            .map_or(0, |all| all.len().saturating_sub(1));
        report
            .recurring
            .push(one.recurrence(class, code, resource, phase, others));
    }
    report
        .recurring
        .sort_by_key(|one| std::cmp::Reverse((one.runs, one.errors, one.last)));
    report
}

/// Returns the word of a class for as long as keys need it.
fn word(class: &str) -> &'static str {
    CLASSES
        .iter()
        .find(|one| **one == class)
        .copied()
        .unwrap_or("other")
}

#[derive(Default)]
struct Found {
    runs: u64,
    days: BTreeSet<i64>,
    errors: u64,
    times: Vec<(i64, EntryRef)>,
}

impl Found {
    fn add(&mut self, run: &RunSeen, count: u64) {
        // One run may name a code twice.
        if self
            .times
            .last()
            .is_none_or(|(_, entry)| *entry != run.entry)
        {
            self.runs += 1;
            self.times.push((run.recorded_at, run.entry));
        }
        self.days.insert(run.recorded_at.div_euclid(86_400));
        self.errors = self.errors.saturating_add(count);
    }

    fn recurrence(
        &self,
        class: &str,
        code: &str,
        resource: &str,
        phase: &str,
        others: usize,
    ) -> Recurrence {
        let mut times = self.times.clone();
        times.sort_unstable();
        Recurrence {
            class: class.to_owned(),
            code: code.to_owned(),
            resource: resource.to_owned(),
            phase: phase.to_owned(),
            runs: self.runs,
            days: u64::try_from(self.days.len()).unwrap_or(u64::MAX),
            errors: self.errors,
            first: times.first().map_or(0, |(at, _)| *at),
            last: times.last().map_or(0, |(at, _)| *at),
            elsewhere: u64::try_from(others).unwrap_or(u64::MAX),
            evidence: times
                .iter()
                .rev()
                .take(EVIDENCE_MAX)
                .map(|(_, entry)| *entry)
                .collect(),
        }
    }
}

/// In how many runs something must have come to recur.
pub const RECURRING_RUNS: u64 = 3;
/// Three attempts of one night are one event.
const DAYS_MIN: usize = 3;
const EVIDENCE_MAX: usize = 20;
const CLASSES: &[&str] = &[
    "hardware",
    "software",
    "shortage",
    "network",
    "access",
    "configuration",
    "source",
    "human",
];

#[cfg(test)]
mod tests;
