//! Two verdicts about a recovery point: can it be restored, and is it protected.

use serde::Serialize;
use strongroom_policy::{Key, LockMode};
use strongroom_retain::Moment;

use crate::control::{Case, Subject, Verdict};
use crate::history::{EntryRef, SnapshotSeen};
use crate::point::Point;
use crate::report::as_text;

/// What evidence says about a recovery point. Neither verdict follows from the success of the job
/// that made it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[non_exhaustive]
pub struct PointVerdict {
    /// The moment of which it shows the data.
    #[serde(with = "as_text")]
    pub capture: Moment,
    /// The repositories that hold it now.
    pub copies: Vec<String>,
    /// Whether it can be restored.
    pub recoverable: Recoverable,
    /// Whether it is protected.
    pub protected: Protected,
}

/// Whether a point can be restored, and what shows it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[non_exhaustive]
pub struct Recoverable {
    /// `Pass` from level L4 on, `Fail` when the last look found damage, else `Unknown`.
    pub verdict: Verdict,
    /// The deepest level at which it was found good: 0 to 6.
    pub level: Option<u8>,
    /// When it was last found good at that level.
    #[serde(with = "as_text::option")]
    pub last_proof: Option<Moment>,
    /// The journal entries that show it.
    pub because: Vec<EntryRef>,
}

/// Whether a point is protected, and by what.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[non_exhaustive]
pub struct Protected {
    /// `Pass` when there are enough copies, encrypted where asked, and locked where asked.
    pub verdict: Verdict,
    /// Whether all copies are encrypted, by what the policy says of their repositories.
    pub is_encrypted: bool,
    /// Until when the last lock that was read back holds.
    #[serde(with = "as_text::option")]
    pub immutable_until: Option<Moment>,
    /// How many copies there are, with the original.
    pub copies: u64,
    /// The journal entries that show it.
    pub because: Vec<EntryRef>,
}

/// Judges the newest recovery points of a resource that are there, the newest first.
#[must_use]
pub fn point_verdicts(case: &Case<'_>, subject: &Subject, most: usize) -> Vec<PointVerdict> {
    let now = case.now().unix_seconds;
    let points = case
        .happened(&subject.resource.id)
        .map(|one| one.points.as_slice());
    let points = points.unwrap_or_default().iter().rev();
    let there = points.filter_map(|point| {
        let copies = copies(case, point, now);
        (!copies.is_empty()).then(|| verdict(case, subject, point, &copies))
    });
    there.take(most).collect()
}

fn copies<'a>(case: &Case<'a>, point: &'a Point, now: i64) -> Vec<&'a SnapshotSeen> {
    case.history()
        .copies(point)
        .filter(|one| one.is_there(now))
        .collect()
}

fn verdict(
    case: &Case<'_>,
    subject: &Subject,
    point: &Point,
    copies: &[&SnapshotSeen],
) -> PointVerdict {
    PointVerdict {
        capture: Moment::utc(point.capture),
        copies: copies.iter().map(|one| one.repository.clone()).collect(),
        recoverable: recoverable(case, copies),
        protected: protected(case, subject, copies),
    }
}

/// The level from which on every file was reconstructed.
const RECONSTRUCTED: u8 = 4;
/// The level of a drill.
const RESTORED: u8 = 5;

fn recoverable(case: &Case<'_>, copies: &[&SnapshotSeen]) -> Recoverable {
    let now = case.now().unix_seconds;
    let mut good: Vec<(u8, i64, EntryRef)> = Vec::new();
    let mut bad: Vec<(i64, EntryRef)> = Vec::new();
    for copy in copies {
        for check in copy.verified.iter().filter(|one| one.at <= now) {
            match check.is_good {
                true => good.push((check.level, check.at, check.entry)),
                false => bad.push((check.at, check.entry)),
            }
        }
        let whole = case.history().whole_checks(&copy.repository).iter();
        let whole = whole.filter(|one| one.began >= copy.durable && one.at <= now && !one.is_round);
        good.extend(
            whole
                .filter(|one| one.is_good)
                .map(|one| (one.level, one.at, one.entry)),
        );
        let proven = copy.proven.iter().filter(|(at, _)| *at <= now);
        good.extend(proven.map(|(at, entry)| (RESTORED, *at, *entry)));
        bad.extend(
            copy.failed_drills
                .iter()
                .copied()
                .filter(|(at, _)| *at <= now),
        );
    }
    let deepest = good.iter().max();
    let newest_bad = bad.iter().max();
    let is_bad = newest_bad.is_some_and(|(at, _)| good.iter().all(|(_, good, _)| good < at));
    let verdict = match (is_bad, deepest) {
        (true, _) => Verdict::Fail,
        (false, Some((level, _, _))) if *level >= RECONSTRUCTED => Verdict::Pass,
        (false, _) => Verdict::Unknown,
    };
    let entry = match is_bad {
        true => newest_bad.map(|(_, entry)| *entry),
        false => deepest.map(|(_, _, entry)| *entry),
    };
    Recoverable {
        verdict,
        level: deepest.map(|(level, _, _)| *level),
        last_proof: deepest.map(|(_, at, _)| Moment::utc(*at)),
        because: entry.into_iter().collect(),
    }
}

fn protected(case: &Case<'_>, subject: &Subject, copies: &[&SnapshotSeen]) -> Protected {
    let policy = case.policy();
    let known = copies
        .iter()
        .map(|one| policy.repositories.get(&one.repository));
    let is_encrypted = known
        .clone()
        .all(|one| one.is_some_and(|one| one.encrypted));
    let locks = copies.iter().filter_map(|one| {
        let seen = case
            .attested("lock", Some(&one.repository))
            .filter(|one| one.fact.holds)?;
        let until = seen.fact.values.get("until")?.parse::<Moment>().ok()?;
        Some((until, seen.entry))
    });
    let lock = locks.max_by_key(|(until, _)| until.unix_seconds);
    let count = u64::try_from(copies.len())
        .unwrap_or(u64::MAX)
        .saturating_add(1);
    let wanted = subject.resolved.count(Key::CopiesMinimum).unwrap_or(0);
    let must_lock = subject.resolved.lock() > LockMode::None;
    let is_locked = lock.is_some_and(|(until, _)| until > case.now());
    let verdict = if count < wanted || (subject.resolved.flag(Key::AtRest) && !is_encrypted) {
        Verdict::Fail
    } else if must_lock && !is_locked {
        Verdict::Unknown
    } else {
        Verdict::Pass
    };
    let entries = copies.iter().map(|one| one.entry);
    Protected {
        verdict,
        is_encrypted,
        immutable_until: lock.map(|(until, _)| until),
        copies: count,
        because: entries.chain(lock.map(|(_, entry)| entry)).collect(),
    }
}
