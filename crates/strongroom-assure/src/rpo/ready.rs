//! From when until when recovery points count.

use strongroom_format::record::SuspectState;
use strongroom_policy::{Key, Level, Policy, Resource};

use super::{Quality, RpoOptions, Tier};
use crate::history::{CheckSeen, EntryRef, History, SnapshotSeen, first_good};
use crate::scope::{is_offsite, repository_of};

/// From when until when a copy counts.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Ready {
    pub(super) capture: i64,
    pub(super) ready: i64,
    pub(super) gone: Option<i64>,
    pub(super) entry: EntryRef,
}

/// Returns the copies that count at some moment from `from` to `until`, and are not older than one that counts all the time.
pub(super) fn ready_points(
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
            let is_it = |check: &&CheckSeen| {
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
