//! Policies that protect less than those before.

use serde::Serialize;
use strongroom_format::record::Decision;
use strongroom_policy::{Change, diff};
use strongroom_retain::Moment;

use super::{Signal, SignalCode};
use crate::history::{EntryRef, History, PolicySeen, RunSeen};

/// A policy that protects less than the one before.
#[derive(Debug, Clone, PartialEq, Serialize)]
#[non_exhaustive]
pub struct Weakening {
    /// The entry that set it.
    pub entry: EntryRef,
    /// From when on it is in force: Unix seconds.
    pub at: i64,
    /// What protects less.
    pub changes: Vec<Change>,
    /// Whether somebody had approved the document.
    pub is_approved: bool,
}

/// Compares the policies that were set from `from` until `now`, each with the one before, and returns those that protect
/// less. One that cannot be read protects less than any.
#[must_use]
pub fn weakenings(history: &History, from: i64, now: Moment) -> Vec<Weakening> {
    let mut set: Vec<&PolicySeen> = history
        .policies()
        .iter()
        .filter(|one| one.at <= now.unix_seconds)
        .collect();
    set.sort_by_key(|one| (one.at, one.entry));
    let first = set.partition_point(|one| one.at < from);
    let mut found = Vec::new();
    for pair in set
        .windows(2)
        .skip(first.saturating_sub(1))
        .take(VERSIONS_MAX)
    {
        let [before, after] = pair else {
            continue;
        };
        let (Some(old), Some(new)) = (&before.policy, &after.policy) else {
            continue;
        };
        if before.hash == after.hash || after.at < from {
            continue;
        }
        let changes: Vec<Change> = diff(old, new, &[], Moment::utc(after.from))
            .weaker()
            .cloned()
            .collect();
        if changes.is_empty() {
            continue;
        }
        found.push(Weakening {
            entry: after.entry,
            at: after.from,
            changes,
            is_approved: is_approved(history, after),
        });
    }
    found
}

fn is_approved(history: &History, policy: &PolicySeen) -> bool {
    history.sign_offs().iter().any(|one| {
        one.fact.document.as_bytes() == policy.hash.as_bytes()
            && one.fact.decision == Decision::Approved
            && one.at <= policy.from.saturating_add(SIGNED_WITHIN_SECONDS)
    })
}

/// Returns the sign that the protection of a resource was weakened by nobody who may: at the first run after it, and at a run
/// with other signs for a week.
pub(super) fn signals(
    weakenings: &[Weakening],
    resource: &str,
    run: &RunSeen,
    before: i64,
    has_signs: bool,
) -> Option<Signal> {
    let since = if has_signs {
        run.recorded_at.saturating_sub(WITHIN_SECONDS)
    } else {
        before
    };
    let is_about = |change: &Change| change.resource.as_deref().is_none_or(|id| id == resource);
    let is_it = |one: &&Weakening| {
        !one.is_approved
            && one.at > since
            && one.at <= run.recorded_at
            && one.changes.iter().any(is_about)
    };
    let weakening = weakenings.iter().rev().find(is_it)?;
    let changes = weakening
        .changes
        .iter()
        .filter(|change| is_about(change))
        .count();
    Some(Signal {
        code: SignalCode::Weaker,
        value: crate::stats::count(changes),
        baseline: None,
        threshold: 1.0,
        n: 0,
        since: run.entry,
    })
}

/// A signature that comes a day late is one.
const SIGNED_WITHIN_SECONDS: i64 = 86_400;
/// How long it stays one of two signs.
const WITHIN_SECONDS: i64 = 7 * 86_400;
/// Whoever sets a thousand policies is looked at for the last of them elsewhere.
const VERSIONS_MAX: usize = 100;
