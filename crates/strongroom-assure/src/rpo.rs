//! How much data could have been lost.

use serde::Serialize;
use strongroom_policy::{Key, Policy, Resource};
use strongroom_retain::Moment;

use crate::history::{EntryRef, History};
use crate::scope::since;
use crate::stats::ratio;

mod exposure;
mod options;
mod ready;
mod sweep;

pub use exposure::Exposure;
pub use options::{Quality, RpoOptions, Tier};

use ready::ready_points;
use sweep::sweep;

/// How much data of a resource could have been lost in a time, and could be now.
///
/// At every moment that is the time since the capture of the newest point that counts: a point counts from when it was
/// durable (or verified, or restored) until it is forgotten. So the worst is reached just before a point begins to count.
#[derive(Debug, Clone, PartialEq, Serialize)]
#[non_exhaustive]
pub struct Rpo {
    /// The resource.
    pub resource: String,
    /// What a point had to be.
    pub quality: Quality,
    /// Which copies counted.
    pub tier: Tier,
    /// The beginning of the time: Unix seconds.
    pub from: i64,
    /// Its end: now.
    pub until: i64,
    /// What would be lost now.
    pub now: Exposure,
    /// What would have been lost at the worst moment.
    pub achieved: Exposure,
    /// That moment.
    pub worst_at: i64,
    /// What the policy allows.
    pub target_seconds: Option<u64>,
    /// For what share of the time it must be met.
    pub objective: f64,
    /// For how many seconds it was met; 0 if there is no target.
    pub within_seconds: u64,
    /// How many points that count became available in that time.
    pub n: usize,
    /// The capture of the newest point that counts.
    pub newest_capture: Option<i64>,
    /// The newest point that counts, and those around the worst moment.
    pub evidence: Vec<EntryRef>,
}

impl Rpo {
    /// Returns how many seconds were looked at.
    #[must_use]
    pub fn window_seconds(&self) -> u64 {
        u64::try_from(self.until.saturating_sub(self.from)).unwrap_or_default()
    }

    /// Returns the share of the time in which the target was met; `None` without a target, or time.
    #[must_use]
    pub fn time_within(&self) -> Option<f64> {
        self.target_seconds?;
        ratio(self.within_seconds, self.window_seconds())
    }

    /// Returns the share of the error budget that is spent: 1 and more when nothing is left. `None` without a target or time;
    /// without a budget it is 0 or infinite.
    #[must_use]
    pub fn budget_spent(&self) -> Option<f64> {
        let (missed, budget) = (1.0 - self.time_within()?, 1.0 - self.objective);
        Some(match (missed > 0.0, budget > 0.0) {
            (false, _) => 0.0,
            (true, false) => f64::INFINITY,
            (true, true) => missed / budget,
        })
    }

    /// Says whether the target is met at this moment; `None` without one.
    #[must_use]
    pub fn is_met_now(&self) -> Option<bool> {
        Some(self.now <= Exposure::Seconds(self.target_seconds?))
    }

    /// Says whether the target was met for the share of the time that the policy asks for; `None` without a target or time.
    #[must_use]
    pub fn is_objective_met(&self) -> Option<bool> {
        Some(self.time_within()? >= self.objective)
    }
}

/// Measures how much data of a resource could have been lost until now.
///
/// ```
/// use strongroom_assure::{Exposure, History, RpoOptions, rpo};
/// use strongroom_policy::{Document, Resource};
/// use strongroom_retain::Moment;
///
/// let document = Document::parse("format = 1\nname = \"x\"\nrevision = 1\ntimezone = \"UTC\"\n")?;
/// let resource = Resource::new("db", "postgresql");
/// let measured = rpo(&History::default(), document.policy(), &resource, &RpoOptions::default(), Moment::utc(0));
/// assert_eq!(measured.now, Exposure::Everything, "what has no backup yet is not \"not applicable\"");
/// # Ok::<(), strongroom_policy::ParseError>(())
/// ```
#[must_use]
pub fn rpo(
    history: &History,
    policy: &Policy,
    resource: &Resource,
    options: &RpoOptions,
    now: Moment,
) -> Rpo {
    let resolved = policy.resolve(resource);
    let until = now.unix_seconds;
    let window = i64::try_from(options.window_seconds).unwrap_or(i64::MAX);
    let since = since(history, policy, resource).unwrap_or(i64::MIN);
    let from = until.saturating_sub(window).max(since).min(until);
    let ready = ready_points(history, policy, resource, options, from, until);
    let target_seconds = resolved.period(Key::Rpo).map(|one| one.mean_seconds());
    let swept = sweep(&ready, from, until, target_seconds);
    let mut evidence: Vec<EntryRef> = swept.newest.iter().map(|(_, entry)| *entry).collect();
    evidence.extend(swept.around_worst.iter().flatten());
    evidence.sort_unstable();
    evidence.dedup();
    Rpo {
        resource: resource.id.clone(),
        quality: options.quality,
        tier: options.tier,
        from,
        until,
        now: swept.now,
        achieved: swept.worst,
        worst_at: swept.worst_at,
        target_seconds,
        objective: resolved
            .share(Key::TimeWithin)
            .map_or(1.0, |share| share.ratio()),
        within_seconds: swept.within,
        n: ready.iter().filter(|one| one.ready > from).count(),
        newest_capture: swept.newest.map(|(capture, _)| capture),
        evidence,
    }
}

#[cfg(test)]
mod tests;
