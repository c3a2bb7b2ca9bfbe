//! What a resource gets, computed from everything that a policy says about it.

use std::cell::RefCell;
use std::collections::{BTreeSet, HashMap};

use serde::Serialize;
use strongroom_retain::{KeepRules, Moment, Rule, Span, Unit};

use crate::date::Date;
use crate::key::Key;
use crate::people::Contact;
use crate::period::Period;
use crate::policy::Policy;
use crate::repository::{LockMode, Repository};
use crate::resolve::Resolved;
use crate::resource::Resource;
use crate::schedule::{Gaps, Schedule};

/// What a resource gets, computed from everything that a policy says about it: settings,
/// repositories and people together.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[non_exhaustive]
pub struct Protection {
    /// The resource.
    pub resource: String,
    /// Whether backups of it are due, and there is a place for them.
    pub is_covered: bool,
    /// The times between two backups, over a year.
    pub gaps: Option<Gaps>,
    /// The most data that can be lost when all goes as expected: the longest time between two
    /// backups and the duration of a run, because what a run captures is safe at its end.
    pub expected_loss: Option<Period>,
    /// The most data that can be lost while every run is in time: the longest time between two
    /// backups and the time in which a run must be complete.
    pub allowed_loss: Option<Period>,
    /// How many copies there are, with the original.
    pub copies: u64,
    /// On how many kinds of media or at how many providers, with the original.
    pub media: u64,
    /// How many copies are at other sites.
    pub offsite: u64,
    /// How many copies nobody can change.
    pub immutable: u64,
    /// The regions of the copies.
    pub regions: BTreeSet<String>,
    /// How many copies are encrypted.
    pub encrypted: u64,
    /// How many copies are out of reach of those who run what is backed up.
    pub separate: u64,
    /// The strongest lock that the policy asks for and a repository can give.
    pub lock: LockMode,
    /// For how long.
    pub locked_for: Option<Period>,
    /// How far back one can go at least; `None` when nothing is ever forgotten.
    pub history: Option<Period>,
    /// How soon after an alert somebody who can act is told; `None` when nobody ever is.
    pub told_within: Option<Period>,
}

impl Policy {
    /// Computes what a resource gets.
    ///
    /// `now` is where the year begins over which times between backups are looked at.
    #[must_use]
    pub fn protection(&self, resource: &Resource, now: Moment) -> Protection {
        self.protection_of(resource, &self.resolve(resource), &Year::new(now))
    }

    pub(crate) fn protection_of(
        &self,
        resource: &Resource,
        resolved: &Resolved,
        year: &Year,
    ) -> Protection {
        let schedule = Some(()).filter(|()| !resource.is_retired(Date::of(year.from)));
        let schedule = schedule.and_then(|()| resolved.schedule());
        let gaps = schedule.as_ref().and_then(|schedule| year.gaps(schedule));
        let repositories = self.repositories_of(resolved);
        let count = |is: &dyn Fn(&Repository) -> bool| {
            let found = repositories.iter().filter(|(_, one)| is(one)).count();
            u64::try_from(found).unwrap_or(u64::MAX)
        };
        let site = self.site_of(resource);
        let wanted = resolved.lock();
        let lock = repositories
            .iter()
            .map(|(_, one)| one.lock.min(wanted))
            .max();
        let lock = lock.unwrap_or_default();
        Protection {
            resource: resource.id.clone(),
            is_covered: gaps.is_some() && !repositories.is_empty(),
            expected_loss: loss(gaps, schedule.as_ref(), |s| {
                s.expected_duration.unwrap_or_default()
            }),
            allowed_loss: loss(gaps, schedule.as_ref(), |s| s.complete_within),
            gaps,
            copies: count(&|_| true) + 1,
            media: media(&repositories),
            offsite: count(&|one| Some(one.site.as_str()) != site),
            immutable: count(&|one| one.offline || one.lock.min(wanted) > LockMode::None),
            regions: repositories
                .iter()
                .filter_map(|(_, one)| one.region.clone())
                .collect(),
            encrypted: count(&|one| one.encrypted),
            separate: count(&|one| one.separate_credentials),
            lock,
            locked_for: resolved
                .period(Key::LockFor)
                .filter(|_| lock > LockMode::None),
            history: history(resolved, gaps),
            told_within: self.told_within(resolved),
        }
    }

    /// Returns the repositories that hold a resource.
    pub(crate) fn repositories_of<'a>(
        &'a self,
        resolved: &Resolved,
    ) -> Vec<(&'a str, &'a Repository)> {
        let names = resolved.words(Key::CopiesTo);
        let known = names
            .into_iter()
            .filter_map(|name| self.repositories.get_key_value(name));
        known.map(|(name, one)| (name.as_str(), one)).collect()
    }

    fn told_within(&self, resolved: &Resolved) -> Option<Period> {
        let escalation = self.escalations.get(resolved.text(Key::Escalation)?)?;
        let reaching = escalation.steps.iter().filter(|step| {
            let mut told = step.notify.iter();
            told.any(|name| self.reaches_somebody(name))
        });
        reaching.map(|step| step.after).min()
    }

    /// Says whether a message to a contact or its deputies can reach people.
    pub(crate) fn reaches_somebody(&self, name: &str) -> bool {
        self.chain(name)
            .any(|one| one.is_human() && one.address.is_some())
    }

    /// Returns a contact, its deputy, the deputy of that, each once.
    pub(crate) fn chain<'a>(&'a self, name: &'a str) -> impl Iterator<Item = &'a Contact> {
        let mut seen = BTreeSet::new();
        std::iter::successors(self.contacts.get_key_value(name), |(_, one)| {
            self.contacts.get_key_value(one.deputy.as_deref()?)
        })
        .take_while(move |(name, _)| seen.insert(*name))
        .map(|(_, one)| one)
    }
}

/// The year over which times between backups are looked at, and what was found there: many
/// resources have the same schedule.
pub(crate) struct Year {
    from: Moment,
    found: RefCell<HashMap<String, Option<Gaps>>>,
}

impl Year {
    pub(crate) fn new(from: Moment) -> Self {
        Self {
            from,
            found: RefCell::new(HashMap::new()),
        }
    }

    fn gaps(&self, schedule: &Schedule) -> Option<Gaps> {
        let key = schedule.times_key();
        let mut found = self.found.borrow_mut();
        *found.entry(key).or_insert_with(|| schedule.gaps(self.from))
    }
}

fn loss(
    gaps: Option<Gaps>,
    schedule: Option<&Schedule>,
    more: impl Fn(&Schedule) -> Period,
) -> Option<Period> {
    Some(gaps?.longest.plus(more(schedule?)))
}

/// Counts kinds of media and providers; the original is on a disk of our own.
fn media(repositories: &[(&str, &Repository)]) -> u64 {
    let kinds = repositories
        .iter()
        .map(|(_, one)| (one.medium.as_str(), one.provider.as_deref()));
    let kinds: BTreeSet<_> = kinds.chain([("disk", None)]).collect();
    u64::try_from(kinds.len()).unwrap_or(u64::MAX)
}

/// Returns how far back one can go, once there are backups for long enough.
fn history(resolved: &Resolved, gaps: Option<Gaps>) -> Option<Period> {
    let minimum = resolved.period(Key::KeepMinimum).unwrap_or_default();
    let maximum = resolved.period(Key::KeepMaximum);
    let by_rules = resolved
        .keep()
        .and_then(|rules| reach(rules, gaps.map_or(Period::ZERO, |gaps| gaps.mean)));
    match (by_rules, maximum) {
        (Some(reach), Some(maximum)) => Some(reach.max(minimum).min(maximum)),
        (Some(reach), None) => Some(reach.max(minimum)),
        (None, maximum) => maximum,
    }
}

/// Returns how far back rules reach; `None` for ever.
pub(crate) fn reach(rules: &KeepRules, interval: Period) -> Option<Period> {
    if rules.is_empty() {
        return None;
    }
    let of_rule = |rule: &Rule| match rule {
        Rule::Last(count) => interval.times(count.get()?),
        Rule::Every(unit, count) => length(*unit).times(count.get()?),
        Rule::Within(span) | Rule::EveryWithin(_, span) => Some(of_span(*span)),
        // Nobody knows which backups will have a tag.
        _ => Some(Period::ZERO),
    };
    let all: Option<Vec<Period>> = rules.iter().map(of_rule).collect();
    all.map(|all| all.into_iter().max().unwrap_or_default())
}

/// Returns the length of a unit of the calendar.
fn length(unit: Unit) -> Period {
    match unit {
        Unit::Hour => Period::hours(1),
        Unit::Week => Period::days(7),
        Unit::Month => Period::months(1),
        Unit::Quarter => Period::months(3),
        Unit::HalfYear => Period::months(6),
        Unit::Year => Period::months(12),
        _ => Period::days(1),
    }
}

/// Returns the length of a span, measured on the calendar from a day in the middle of a year.
pub(crate) fn of_span(span: Span) -> Period {
    let from = Moment::utc(MEASURED_FROM);
    let seconds = from
        .unix_seconds
        .saturating_sub(span.before(from).unix_seconds);
    Period::seconds(u64::try_from(seconds).unwrap_or_default())
}

/// 2026-07-01.
const MEASURED_FROM: i64 = 1_782_864_000;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rules_reach_as_far_as_the_longest() {
        let day = Period::days(1);
        for (rules, days) in [
            ("daily=7 weekly=5", Some(35)),
            ("last=10", Some(10)),
            ("within=2y", Some(730)),
            ("daily=7 yearly=unlimited", None),
            ("everything", None),
            ("tag=prod", Some(0)),
        ] {
            let rules: KeepRules = rules.parse().unwrap();
            let reach = reach(&rules, day).map(|period| period.mean_seconds() / 86_400);
            assert_eq!(reach, days, "{rules}");
        }
    }
}
