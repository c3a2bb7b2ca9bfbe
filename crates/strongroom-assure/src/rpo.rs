//! How much data could have been lost.

use std::collections::BTreeMap;
use std::fmt;

use serde::{Serialize, Serializer};
use strongroom_format::record::SuspectState;
use strongroom_policy::{Key, Level, Policy, Resource};
use strongroom_retain::Moment;

use crate::history::first_good;
use crate::history::{EntryRef, History, SnapshotSeen};
use crate::scope::{is_offsite, repository_of, since};
use crate::stats::ratio;

/// What a recovery point must be to count.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default, Serialize)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum Quality {
    /// In a repository.
    #[default]
    Stored,
    /// Read since, and found good, at the level of [`RpoOptions::level`] or deeper.
    Verified,
    /// Restored by a drill that proved it.
    Restored,
}

/// Which copies count.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default, Serialize)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum Tier {
    /// Every copy.
    #[default]
    Any,
    /// Those at another site than the resource.
    Offsite,
    /// Those that nobody can change, or that are offline.
    Immutable,
}

impl Quality {
    /// All, the weakest first.
    pub const ALL: [Self; 3] = [Self::Stored, Self::Verified, Self::Restored];

    /// Returns the one that a policy asks for with a word.
    #[must_use]
    pub fn of_word(word: &str) -> Option<Self> {
        match word {
            "stored" => Some(Self::Stored),
            "verified" => Some(Self::Verified),
            "restored" => Some(Self::Restored),
            _ => None,
        }
    }
}

impl Tier {
    /// All.
    pub const ALL: [Self; 3] = [Self::Any, Self::Offsite, Self::Immutable];
}

/// How much would be lost.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[expect(clippy::exhaustive_enums, reason = "there is no third")]
pub enum Exposure {
    /// What changed in so many seconds.
    Seconds(u64),
    /// Everything: there is no recovery point that counts.
    Everything,
}

impl Exposure {
    /// Returns the seconds; `None` for everything.
    #[must_use]
    pub const fn seconds(self) -> Option<u64> {
        match self {
            Self::Seconds(seconds) => Some(seconds),
            Self::Everything => None,
        }
    }

    fn between(capture: i64, at: i64) -> Self {
        Self::Seconds(u64::try_from(at.saturating_sub(capture)).unwrap_or_default())
    }
}

/// `29h`, `1d 5h 30min`, or `everything`.
impl fmt::Display for Exposure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Seconds(seconds) => {
                let (hours, minutes) = (seconds / 3600, seconds % 3600 / 60);
                match (hours, minutes) {
                    (0, _) => write!(f, "{minutes}min"),
                    (_, 0) => write!(f, "{hours}h"),
                    _ => write!(f, "{hours}h {minutes}min"),
                }
            }
            Self::Everything => f.write_str("everything"),
        }
    }
}

/// A number of seconds; `null` for everything.
impl Serialize for Exposure {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        self.seconds().serialize(serializer)
    }
}

/// What is measured.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct RpoOptions {
    /// What a point must be.
    pub quality: Quality,
    /// Which copies count.
    pub tier: Tier,
    /// The least level that makes a point a verified one.
    pub level: Level,
    /// Over how many seconds until now.
    pub window_seconds: u64,
}

/// Stored, any copy, L2, 30 days.
impl Default for RpoOptions {
    fn default() -> Self {
        Self {
            quality: Quality::Stored,
            tier: Tier::Any,
            level: Level::L2,
            window_seconds: 30 * 86_400,
        }
    }
}

impl RpoOptions {
    /// Returns what a policy asks for: its quality, over its window.
    #[must_use]
    pub fn of_policy(policy: &Policy, resource: &Resource) -> Self {
        let resolved = policy.resolve(resource);
        let quality = resolved.text(Key::RpoQuality).and_then(Quality::of_word);
        let window = resolved.period(Key::SuccessWindow);
        let default = Self::default();
        Self {
            quality: quality.unwrap_or_default(),
            window_seconds: window.map_or(default.window_seconds, |one| one.mean_seconds()),
            ..default
        }
    }

    /// With another quality.
    #[must_use]
    pub fn with_quality(self, quality: Quality) -> Self {
        Self { quality, ..self }
    }

    /// With other copies.
    #[must_use]
    pub fn with_tier(self, tier: Tier) -> Self {
        Self { tier, ..self }
    }

    /// With another level.
    #[must_use]
    pub fn with_level(self, level: Level) -> Self {
        Self { level, ..self }
    }

    /// Over another time.
    #[must_use]
    pub fn with_window_seconds(self, window_seconds: u64) -> Self {
        Self {
            window_seconds,
            ..self
        }
    }
}

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

/// From when until when a copy counts.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Ready {
    capture: i64,
    ready: i64,
    gone: Option<i64>,
    entry: EntryRef,
}

/// Returns the copies that count at some moment from `from` to `until`, and are not older than one that counts all the time.
fn ready_points(
    history: &History,
    policy: &Policy,
    resource: &Resource,
    options: &RpoOptions,
    from: i64,
    until: i64,
) -> Vec<Ready> {
    let Some(seen) = history.resource(&resource.id) else {
        return Vec::new();
    };
    let partial_counts = policy.resolve(resource).flag(Key::PartialCounts);
    let mut found = Vec::new();
    for point in seen.points.iter().rev() {
        let mut covers_all = false;
        for copy in history.copies(point) {
            if copy.is_partial && !partial_counts
                || !is_in_tier(policy, resource, options.tier, copy)
            {
                continue;
            }
            let Some((ready, entry)) = ready_at(history, copy, options) else {
                continue;
            };
            if ready > until {
                continue;
            }
            let gone = gone_at(copy);
            covers_all |= ready <= from && gone.is_none_or(|gone| gone > until);
            found.push(Ready {
                capture: point.capture,
                ready,
                gone,
                entry,
            });
        }
        if covers_all {
            break;
        }
    }
    found
}

fn is_in_tier(policy: &Policy, resource: &Resource, tier: Tier, copy: &SnapshotSeen) -> bool {
    let repository = || repository_of(policy, copy);
    match tier {
        Tier::Any => true,
        Tier::Offsite => repository().is_some_and(|one| is_offsite(policy, resource, one)),
        Tier::Immutable => repository().is_some_and(|one| one.is_immutable()),
    }
}

/// Returns from when on a copy counts, and what shows it.
fn ready_at(
    history: &History,
    copy: &SnapshotSeen,
    options: &RpoOptions,
) -> Option<(i64, EntryRef)> {
    match options.quality {
        Quality::Stored => Some((copy.durable, copy.entry)),
        Quality::Verified => {
            let level = options.level.number();
            let is_it = |check: &&crate::history::CheckSeen| {
                check.is_good && check.level >= level && check.at >= copy.durable
            };
            let own = copy
                .verified
                .iter()
                .filter(is_it)
                .map(|check| (check.at, check.entry));
            let whole = first_good(history.whole_checks(&copy.repository), copy.durable, level);
            own.chain(whole).min()
        }
        Quality::Restored => {
            let after = copy.proven.iter().filter(|(at, _)| *at >= copy.durable);
            after.min().copied()
        }
    }
}

/// Returns from when on a copy no longer counts: it is forgotten, or somebody found that its data is not good.
fn gone_at(copy: &SnapshotSeen) -> Option<i64> {
    let forgotten = copy.forgotten.map(|(at, _)| at);
    let is_bad = |state: &SuspectState| matches!(state, SuspectState::Reviewed { clean: false });
    let bad = copy
        .suspected
        .iter()
        .filter(|(.., state)| is_bad(state))
        .map(|(at, ..)| *at);
    bad.chain(forgotten).min()
}

/// What a sweep over time finds.
#[derive(Debug, PartialEq, Eq)]
struct Swept {
    now: Exposure,
    worst: Exposure,
    worst_at: i64,
    around_worst: [Option<EntryRef>; 2],
    within: u64,
    newest: Option<(i64, EntryRef)>,
}

/// Goes through the moments at which a copy begins or ends to count.
fn sweep(ready: &[Ready], from: i64, until: i64, target: Option<u64>) -> Swept {
    let mut moments: Vec<(i64, bool, Ready)> = Vec::with_capacity(ready.len() * 2);
    for one in ready {
        moments.push((one.ready, true, *one));
        moments.extend(one.gone.map(|gone| (gone.max(one.ready), false, *one)));
    }
    moments.sort_by_key(|(at, begins, one)| (*at, !*begins, one.entry));
    let target = target.map(|target| i64::try_from(target).unwrap_or(i64::MAX));
    let mut swept = Swept {
        now: Exposure::Everything,
        worst: Exposure::Seconds(0),
        worst_at: from,
        around_worst: [None; 2],
        within: 0,
        newest: None,
    };
    let mut counting: BTreeMap<(i64, EntryRef), u32> = BTreeMap::new();
    let mut at = from;
    for (moment, begins, one) in moments.iter().take_while(|(moment, ..)| *moment <= until) {
        let newest = counting.last_key_value().map(|(key, _)| *key);
        if *moment > at {
            swept.pass(newest, at, *moment, target, Some(one.entry));
            at = *moment;
        }
        let key = (one.capture, one.entry);
        let count = counting.entry(key).or_default();
        *count = if *begins {
            *count + 1
        } else {
            count.saturating_sub(1)
        };
        if *count == 0 {
            counting.remove(&key);
        }
    }
    swept.newest = counting.last_key_value().map(|(key, _)| *key);
    let newest = swept.newest;
    swept.pass(newest, at, until, target, None);
    swept.now = newest.map_or(Exposure::Everything, |(capture, _)| {
        Exposure::between(capture, until)
    });
    swept
}

impl Swept {
    /// Adds the time from `from` to `to`, in which the same point was the newest one.
    fn pass(
        &mut self,
        newest: Option<(i64, EntryRef)>,
        from: i64,
        to: i64,
        target: Option<i64>,
        next: Option<EntryRef>,
    ) {
        let exposure = newest.map_or(Exposure::Everything, |(capture, _)| {
            Exposure::between(capture, to)
        });
        if exposure > self.worst {
            (self.worst, self.worst_at) = (exposure, to);
            self.around_worst = [newest.map(|(_, entry)| entry), next];
        }
        if let (Some((capture, _)), Some(target)) = (newest, target) {
            let end = capture.saturating_add(target).clamp(from, to);
            self.within += u64::try_from(end.saturating_sub(from)).unwrap_or_default();
        }
    }
}

/// The number of a level.
trait Number {
    fn number(self) -> u8;
}

impl Number for Level {
    fn number(self) -> u8 {
        let place = Self::ALL.iter().position(|one| *one == self);
        place
            .and_then(|place| u8::try_from(place).ok())
            .unwrap_or_default()
    }
}

#[cfg(test)]
mod tests;
