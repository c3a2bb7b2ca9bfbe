//! After how long a repository gives back about as much as it takes.

use strongroom_policy::{Key, Policy};
use strongroom_retain::{KeepRules, Moment, Rule, Unit};

use super::resolved_in;

/// Returns after how many days the last snapshot that retention ever keeps of those in a repository is gone, so that what
/// comes and what goes are about as much; `None` when something is kept for ever.
///
/// Rules that keep things by tag are left out: nobody knows how many those are.
#[must_use]
pub fn retention_days(policy: &Policy, repository: &str) -> Option<u32> {
    let mut longest = 0;
    for resolved in resolved_in(policy, repository) {
        let days = |key| resolved.period(key).map(|one| one.mean_seconds() / 86_400);
        let rules = days_of(resolved.keep()?)?;
        longest = longest
            .max(rules)
            .max(days(Key::KeepMinimum).unwrap_or_default());
    }
    u32::try_from(longest).ok().filter(|days| *days > 0)
}

/// Returns how many days back rules keep anything; `None` for ever.
fn days_of(rules: &KeepRules) -> Option<u64> {
    let mut longest = 0;
    for rule in rules.iter() {
        let days = match rule {
            // At least one a day, as most have; who makes them rarely has no plateau to speak of.
            Rule::Last(count) => u64::from(count.get()?),
            Rule::Every(unit, count) => days_of_unit(*unit).saturating_mul(u64::from(count.get()?)),
            Rule::Within(span) | Rule::EveryWithin(_, span) => {
                let start = Moment::utc(0);
                u64::try_from(span.after(start).unix_seconds / 86_400).unwrap_or_default()
            }
            _ => 0,
        };
        longest = longest.max(days);
    }
    Some(longest)
}

const fn days_of_unit(unit: Unit) -> u64 {
    match unit {
        Unit::Week => 7,
        Unit::Month => 31,
        Unit::Quarter => 92,
        Unit::HalfYear => 184,
        Unit::Year => 366,
        _ => 1,
    }
}
