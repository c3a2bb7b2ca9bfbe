//! Verifications of whole repositories.

use strongroom_format::record::{Job, Verified};

use super::{EntryRef, History, Noted, RunSeen};
use crate::stats::ratio;

/// A verification of a whole repository, or one part of a round through it.
#[derive(Debug, Clone, Copy, PartialEq)]
#[non_exhaustive]
pub struct WholeCheck {
    /// The level.
    pub level: u8,
    /// When it began, so far as that is known: what came later was not looked at.
    pub began: i64,
    /// When it was done.
    pub at: i64,
    /// The record.
    pub entry: EntryRef,
    /// The share that was read.
    pub share: f64,
    /// Whether what was read follows what was read before, so that a round is complete when the shares are.
    pub is_round: bool,
    /// Whether nothing was damaged, nor stays so.
    pub is_good: bool,
}

impl History {
    /// Adds what a record of a verification says about everything in a repository.
    pub(super) fn add_whole_check(&mut self, noted: &Noted<Verified>) {
        let fact = &noted.fact;
        let (read, all) = fact.coverage;
        let choice = fact.choice.as_deref().unwrap_or_default();
        let (share, is_round) = match choice {
            "round" => (ratio(read, all).unwrap_or_default().min(1.0), true),
            // A repository without anything in it has nothing that was not read.
            _ if read >= all && !choice.starts_with("sample") && choice != "older" => (1.0, false),
            // A sample says something about the repository, and nothing about any snapshot; what nobody had read lately is not all, and of
            // snapshots it may be the newest alone.
            _ => return,
        };
        let check = WholeCheck {
            level: fact.level,
            began: self.began_of_check(noted),
            at: noted.at,
            entry: noted.entry,
            share,
            is_round,
            is_good: fact.damaged == 0 && fact.unresolved == 0,
        };
        let checks = self.checks.entry(fact.repository.clone()).or_default();
        let place = checks.partition_point(|one| (one.at, one.entry) <= (check.at, check.entry));
        checks.insert(place, check);
    }

    /// Returns when a verification began: with the run of it, or, if it followed a backup, after that was durable.
    fn began_of_check(&self, noted: &Noted<Verified>) -> i64 {
        let (repository, at) = (&noted.fact.repository, noted.at);
        let resource = noted.head.resource.as_deref();
        let followed = resource.filter(|_| !noted.head.answers.is_empty());
        if let Some(history) = followed.and_then(|id| self.resource(id)) {
            let of_it = |run: &&RunSeen| run.repository == *repository && run.recorded_at <= at;
            let mut runs = history.runs.iter().rev().take(RUNS_LOOKED_AT);
            let durable = runs.find(of_it).and_then(|run| run.durable);
            return durable.unwrap_or(at);
        }
        let recent = self.other_runs.iter().rev().take(RUNS_LOOKED_AT);
        let is_it = |run: &&RunSeen| {
            run.job == Job::Check
                && run.repository == *repository
                && run.started <= at
                && at <= run.ended.saturating_add(RECORDED_WITHIN_SECONDS)
        };
        let mut runs = recent.filter(is_it);
        runs.next().map_or(at, |run| run.started)
    }
}

/// Returns when something that was durable at a time was first read whole afterwards and found good, at a level or a deeper
/// one, and the record of that.
pub(crate) fn first_good(
    checks: &[WholeCheck],
    durable: i64,
    level: u8,
) -> Option<(i64, EntryRef)> {
    // No check that ended before can have seen it.
    let after = checks.partition_point(|check| check.at < durable);
    let mut read = 0.0;
    for check in checks.iter().skip(after) {
        if check.level < level || check.began < durable {
            continue;
        }
        if !check.is_good {
            // What is damaged may be of this.
            read = 0.0;
            continue;
        }
        if !check.is_round {
            return Some((check.at, check.entry));
        }
        read += check.share;
        if read >= WHOLE {
            return Some((check.at, check.entry));
        }
    }
    None
}

/// Shares that add up to one may do so a little below it.
const WHOLE: f64 = 1.0 - 1e-9;
/// The record of a verification follows the end of its run.
const RECORDED_WITHIN_SECONDS: i64 = 3600;
const RUNS_LOOKED_AT: usize = 1000;

#[cfg(test)]
mod tests {
    use super::*;

    fn check(at: i64, share: f64, is_round: bool, is_good: bool) -> WholeCheck {
        WholeCheck {
            level: 3,
            began: at - 10,
            at,
            entry: EntryRef::new(0, at.unsigned_abs()),
            share,
            is_round,
            is_good,
        }
    }

    #[test]
    fn a_check_counts_for_what_was_there_when_it_began() {
        let checks = [check(100, 1.0, false, true), check(200, 1.0, false, true)];
        let first = |durable, level| first_good(&checks, durable, level).map(|(at, _)| at);
        assert_eq!(first(90, 3), Some(100));
        assert_eq!(first(95, 3), Some(200), "it came while the check ran");
        assert_eq!(first(90, 4), None, "not so deep");
        assert_eq!(first(191, 0), None);
    }

    #[test]
    fn a_round_counts_when_it_is_complete_and_damage_ends_it() {
        let mut checks: Vec<WholeCheck> =
            (1..=8).map(|i| check(i * 100, 0.25, true, true)).collect();
        let first = |checks: &[WholeCheck]| first_good(checks, 150, 3).map(|(at, _)| at);
        assert_eq!(first(&checks), Some(500));
        checks[3].is_good = false;
        assert_eq!(first(&checks), Some(800));
    }
}
