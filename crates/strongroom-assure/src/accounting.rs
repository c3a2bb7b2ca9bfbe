//! What a resource costs, and what deduplication and compression save.

use serde::Serialize;
use strongroom_format::record::Job;
use strongroom_retain::Moment;

use crate::history::{EntryRef, History, RunSeen};
use crate::stats::ratio;

/// What the backups of a resource took, from one time to another.
///
/// Ratios are what was protected by what was stored for it: never more than both numbers show. What other resources had
/// stored already costs the one that came first.
#[derive(Debug, Clone, PartialEq, Serialize)]
#[non_exhaustive]
pub struct Accounting {
    /// The resource.
    pub resource: String,
    /// How many runs counted what they stored.
    pub runs: u64,
    /// How many did not: nothing is guessed for them.
    pub runs_not_counted: u64,
    /// Bytes of the newest snapshot, if that was recorded.
    pub logical_bytes: Option<u64>,
    /// Bytes of content that was new or changed; `None` if no run counted it.
    pub changed_bytes: Option<u64>,
    /// Of these, bytes that no snapshot had before.
    pub new_bytes: u64,
    /// Bytes by which the repositories grew.
    pub stored_bytes: u64,
    /// What changed, by what of it was new: what deduplication saved.
    pub deduplication: Option<f64>,
    /// What was new, by what it was stored in: what compression saved.
    pub compression: Option<f64>,
    /// Both together.
    pub reduction: Option<f64>,
    /// The first and the last run.
    pub evidence: Vec<EntryRef>,
}

/// Adds up what the backups of a resource took, of runs recorded from `from` until `now`.
#[must_use]
pub fn accounting(history: &History, resource: &str, from: i64, now: Moment) -> Accounting {
    let seen = history.resource(resource);
    let is_one = |run: &&RunSeen| {
        run.job == Job::Backup
            && (run.is_ok() || run.is_partial())
            && (from..=now.unix_seconds).contains(&run.recorded_at)
    };
    let runs = seen.map(|one| one.runs.as_slice()).unwrap_or_default();
    let (counted, not): (Vec<&RunSeen>, Vec<&RunSeen>) = runs
        .iter()
        .filter(is_one)
        .partition(|run| run.counters.bytes_new.is_some() && run.counters.bytes_stored.is_some());
    let sum = |of: fn(&RunSeen) -> Option<u64>| {
        counted
            .iter()
            .filter_map(|run| of(run))
            .fold(0_u64, u64::saturating_add)
    };
    let (new_bytes, stored_bytes) = (
        sum(|run| run.counters.bytes_new),
        sum(|run| run.counters.bytes_stored),
    );
    let knows_changed = |run: &&&RunSeen| run.counters.bytes_changed.is_some();
    // A ratio is of runs that counted both.
    let changed = counted.iter().filter(knows_changed);
    let both = changed.fold((0_u64, 0_u64, 0_u64), |(changed, new, stored), run| {
        let c = &run.counters;
        (
            changed.saturating_add(c.bytes_changed.unwrap_or_default()),
            new.saturating_add(c.bytes_new.unwrap_or_default()),
            stored.saturating_add(c.bytes_stored.unwrap_or_default()),
        )
    });
    let points = seen.map(|one| one.points.as_slice()).unwrap_or_default();
    let mut copies = points.iter().rev().flat_map(|point| history.copies(point));
    let ends = [counted.first(), counted.last()];
    let mut evidence: Vec<EntryRef> = ends.into_iter().flatten().map(|run| run.entry).collect();
    evidence.dedup();
    Accounting {
        resource: resource.to_owned(),
        runs: length(&counted),
        runs_not_counted: length(&not),
        logical_bytes: copies
            .find(|copy| copy.durable <= now.unix_seconds && copy.bytes.is_some())
            .and_then(|copy| copy.bytes),
        changed_bytes: counted
            .iter()
            .any(|run| knows_changed(&run))
            .then_some(both.0),
        new_bytes,
        stored_bytes,
        deduplication: ratio(both.0, both.1),
        compression: ratio(new_bytes, stored_bytes),
        reduction: ratio(both.0, both.2),
        evidence,
    }
}

fn length(runs: &[&RunSeen]) -> u64 {
    u64::try_from(runs.len()).unwrap_or(u64::MAX)
}

/// What a store costs, in millionths of a unit of money, so that sums are exact.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct Tariff {
    /// A GiB for a month.
    pub gib_month: u64,
    /// A thousand requests.
    pub thousand_requests: u64,
    /// A GiB that is read.
    pub gib_read: u64,
}

impl Tariff {
    /// Joins the three.
    #[must_use]
    pub const fn new(gib_month: u64, thousand_requests: u64, gib_read: u64) -> Self {
        Self {
            gib_month,
            thousand_requests,
            gib_read,
        }
    }

    /// Returns what it costs to keep bytes for a month, and to make requests and read bytes in it, in millionths; too much
    /// is the greatest number.
    #[must_use]
    pub fn month(&self, bytes: u64, requests: u64, read: u64) -> u64 {
        let part =
            |amount: u64, price: u64, unit: u128| u128::from(amount) * u128::from(price) / unit;
        let gib = 1 << 30;
        let sum = part(bytes, self.gib_month, gib)
            + part(requests, self.thousand_requests, 1000)
            + part(read, self.gib_read, gib);
        u64::try_from(sum).unwrap_or(u64::MAX)
    }
}

#[cfg(test)]
mod tests;
