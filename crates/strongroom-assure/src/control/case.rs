//! What controls judge: evidence, policy, resources and a time.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::OnceLock;

use strongroom_format::record::{Attested, InventoryItem};
use strongroom_policy::{
    Criticality, Date, DocumentHash, Key, LockMode, Period, Policy, Protection, Repository,
    Resolved, Resource, Selector,
};
use strongroom_retain::Moment;

use super::records::Records;
use super::verdict::Scope;
use crate::history::{EntrySeen, History, Noted, ResourceHistory, RunSeen};
use crate::signal::{SignalReport, Weakening, signals, weakenings};
use crate::success::{Success, success};

/// Evidence, policy, resources and a time: all that a control may look at.
#[derive(Debug)]
pub struct Case<'a> {
    history: &'a History,
    policy: &'a Policy,
    now: Moment,
    today: Date,
    document: Option<DocumentHash>,
    records: Records<'a>,
    subjects: Vec<Subject>,
    weakenings: OnceLock<Vec<Weakening>>,
    signals: OnceLock<BTreeMap<String, SignalReport>>,
    successes: OnceLock<BTreeMap<String, Success>>,
}

/// A resource, with what the policy says about it.
#[derive(Debug, Clone)]
#[non_exhaustive]
pub struct Subject {
    /// The resource.
    pub resource: Resource,
    /// Whether the policy names it.
    pub is_in_policy: bool,
    /// Which values hold for it.
    pub resolved: Resolved,
    /// What all of them come to.
    pub protection: Protection,
}

/// A repository, with its name.
#[derive(Debug, Clone, Copy)]
#[non_exhaustive]
pub struct RepositoryOf<'a> {
    /// Its name in the policy.
    pub name: &'a str,
    /// What the policy says about it.
    pub repository: &'a Repository,
}

impl Subject {
    /// Returns the scope that it is.
    #[must_use]
    pub fn scope(&self) -> Scope {
        Scope::Resource(self.resource.id.clone())
    }

    /// Returns a length of time that the policy sets, or a stricter one: the shorter.
    #[must_use]
    pub fn at_most(&self, key: Key, given: Option<Period>) -> Option<Period> {
        let own = self.resolved.period(key);
        match (own, given) {
            (Some(own), Some(given)) => Some(own.min(given)),
            (own, given) => own.or(given),
        }
    }

    /// Returns a length of time that the policy sets, or a stricter one: the longer.
    #[must_use]
    pub fn at_least(&self, key: Key, given: Option<Period>) -> Option<Period> {
        self.resolved.period(key).max(given)
    }
}

impl<'a> Case<'a> {
    /// Makes one of a history, a policy, and resources that the policy may not name.
    ///
    /// What is dated after `now` is left out.
    #[must_use]
    pub fn new(
        history: &'a History,
        policy: &'a Policy,
        inventory: &[Resource],
        now: Moment,
    ) -> Self {
        let records = Records::until(history, now.unix_seconds);
        let subjects = subjects(policy, inventory, &records, now);
        Self {
            history,
            policy,
            now,
            today: Date::of(policy.timezone.moment(now.unix_seconds)),
            document: None,
            records,
            subjects,
            weakenings: OnceLock::new(),
            signals: OnceLock::new(),
            successes: OnceLock::new(),
        }
    }

    /// Says which document the policy is, so that it can be compared with the one in the journal.
    #[must_use]
    pub fn with_document(mut self, hash: DocumentHash) -> Self {
        self.document = Some(hash);
        self
    }

    /// Leaves only the resources that a selector selects.
    #[must_use]
    pub fn only(mut self, selector: &Selector) -> Self {
        self.subjects.retain(|one| selector.selects(&one.resource));
        self
    }

    /// Returns the history, in which there may be what is later than now.
    #[must_use]
    pub fn history(&self) -> &'a History {
        self.history
    }

    /// Returns the policy.
    #[must_use]
    pub fn policy(&self) -> &'a Policy {
        self.policy
    }

    /// Returns the time at which is judged.
    #[must_use]
    pub fn now(&self) -> Moment {
        self.now
    }

    /// Returns the day of that time on the policy's clock.
    #[must_use]
    pub fn today(&self) -> Date {
        self.today
    }

    /// Returns what names the text of the policy, if somebody said so.
    #[must_use]
    pub fn document(&self) -> Option<DocumentHash> {
        self.document
    }

    /// Returns the records up to now.
    #[must_use]
    pub fn records(&self) -> &Records<'a> {
        &self.records
    }

    /// Returns all resources, by their ids.
    #[must_use]
    pub fn subjects(&self) -> &[Subject] {
        &self.subjects
    }

    /// Returns the resources that still need backups.
    pub fn active(&self) -> impl Iterator<Item = &Subject> {
        let today = self.today;
        self.subjects
            .iter()
            .filter(move |one| !one.resource.is_retired(today))
    }

    /// Returns a resource.
    #[must_use]
    pub fn subject(&self, id: &str) -> Option<&Subject> {
        self.subjects.iter().find(|one| one.resource.id == id)
    }

    /// Returns the runs for a resource that were recorded up to now, by their beginning.
    pub fn runs(&self, resource: &str) -> impl DoubleEndedIterator<Item = &'a RunSeen> {
        let now = self.now.unix_seconds;
        let runs = self
            .history
            .resource(resource)
            .map(|one| one.runs.as_slice());
        let runs = runs.unwrap_or_default().iter();
        runs.filter(move |run| run.recorded_at <= now)
    }

    /// Returns what happened to a resource.
    #[must_use]
    pub fn happened(&self, resource: &str) -> Option<&'a ResourceHistory> {
        self.history.resource(resource)
    }

    /// Returns the changes of the policy in the last weeks that protect less.
    #[must_use]
    pub fn weakenings(&self) -> &[Weakening] {
        self.weakenings.get_or_init(|| {
            let from = self.now.unix_seconds - WEAKENED_SECONDS;
            weakenings(self.history, from, self.now)
        })
    }

    /// Returns the signs that somebody tampers with a resource, from the runs of the last weeks.
    #[must_use]
    pub fn signals(&self, resource: &str) -> Option<&SignalReport> {
        let all = self.signals.get_or_init(|| {
            let from = self.now.unix_seconds - SIGNALS_SECONDS;
            let weaker = self.weakenings();
            let of = |one: &Subject| {
                let (history, policy) = (self.history, self.policy);
                let found = signals(history, policy, &one.resource, weaker, from, self.now);
                (one.resource.id.clone(), found)
            };
            self.active().map(of).collect()
        });
        all.get(resource)
    }

    /// Returns how the runs of a resource go that still needs backups.
    #[must_use]
    pub fn success(&self, resource: &str) -> Option<&Success> {
        let all = self.successes.get_or_init(|| {
            let of = |one: &Subject| {
                let found = success(self.history, self.policy, &one.resource, self.now);
                (one.resource.id.clone(), found)
            };
            self.active().map(of).collect()
        });
        all.get(resource)
    }

    /// Returns the repositories that hold any of the resources, by their names.
    #[must_use]
    pub fn repositories(&self) -> Vec<RepositoryOf<'a>> {
        let mut used = BTreeSet::new();
        for subject in self.active() {
            used.extend(subject.resolved.words(Key::CopiesTo));
        }
        let all = self.policy.repositories.iter();
        all.filter(|(name, _)| used.contains(name.as_str()))
            .map(|(name, repository)| RepositoryOf { name, repository })
            .collect()
    }

    /// Returns the resources that a repository holds.
    pub fn held_by<'s>(&'s self, repository: &'s str) -> impl Iterator<Item = &'s Subject> {
        self.active()
            .filter(move |one| one.resolved.words(Key::CopiesTo).contains(repository))
    }

    /// Returns the strictest of a limit among the resources that a repository holds: the shortest.
    #[must_use]
    pub fn strictest(&self, repository: &str, key: Key, given: Option<Period>) -> Option<Period> {
        self.held_by(repository)
            .filter_map(|one| one.at_most(key, given))
            .min()
            .or(given)
    }

    /// Returns the strongest lock that is asked of a repository, and for how long.
    #[must_use]
    pub fn lock_asked(&self, repository: &str) -> (LockMode, Option<Period>) {
        let held: Vec<&Subject> = self.held_by(repository).collect();
        let mode = held.iter().map(|one| one.resolved.lock()).max();
        let time = held
            .iter()
            .filter_map(|one| one.resolved.period(Key::LockFor));
        (mode.unwrap_or_default(), time.max())
    }

    /// Says whether something that was seen at a moment is not older than a limit.
    #[must_use]
    pub fn is_fresh(&self, at: i64, limit: Period) -> bool {
        after(at, limit).unix_seconds > self.now.unix_seconds
    }

    /// Says whether something that was seen at a moment is not older than a limit at another one.
    #[must_use]
    pub fn within(&self, seen: i64, limit: Period, at: i64) -> bool {
        after(seen, limit).unix_seconds > at
    }

    /// Returns when the newest entry up to now was written, by its author's clock.
    #[must_use]
    pub fn last_seen(&self) -> Option<i64> {
        let now = self.now.unix_seconds;
        let all = self.history.entries().iter().rev().map(|one| one.said_at);
        // The journal is in the order of time, but for a few whose clocks were wrong.
        all.filter(|at| *at <= now).take(LAST_LOOKED_AT).max()
    }

    /// Returns the entry with the least number of the first journal that was read.
    #[must_use]
    pub fn first_entry(&self) -> Option<&'a EntrySeen> {
        let all = self.history.entries().iter();
        let own = all.filter(|one| one.entry.journal == 0);
        own.min_by_key(|one| one.entry.n)
    }

    /// Returns how long ago something was, for people.
    #[must_use]
    pub fn ago(&self, at: i64) -> String {
        ago(self.now.unix_seconds - at)
    }

    /// Returns the newest attestation of a kind about a repository, or about all.
    #[must_use]
    pub fn attested(&self, what: &str, repository: Option<&str>) -> Option<&'a Noted<Attested>> {
        self.records.attestations(what, repository).next_back()
    }
}

/// Returns when something of a moment is older than a limit.
pub(crate) fn after(at: i64, limit: Period) -> Moment {
    limit.after(Moment::utc(at))
}

/// Returns a length of time in seconds for people, in its largest unit of which there are two.
pub(crate) fn ago(seconds: i64) -> String {
    let seconds = seconds.max(0);
    for (unit, length) in [("days", 86_400), ("hours", 3_600), ("minutes", 60)] {
        if seconds >= 2 * length {
            return format!("{} {unit} ago", seconds / length);
        }
    }
    format!("{seconds} seconds ago")
}

/// Joins the resources of the policy, of whoever asks, and of the newest inventory in the journal.
fn subjects(
    policy: &Policy,
    inventory: &[Resource],
    records: &Records<'_>,
    now: Moment,
) -> Vec<Subject> {
    let mut all: BTreeMap<&str, Resource> = BTreeMap::new();
    let recorded = records.inventories.last();
    let items = recorded.map_or(&[][..], |one| one.fact.resources.as_slice());
    for item in items {
        all.insert(&item.id, of_item(item));
    }
    for resource in inventory {
        all.insert(&resource.id, resource.clone());
    }
    for (id, resource) in &policy.resources {
        all.insert(id, resource.clone());
    }
    all.into_values()
        .map(|resource| Subject {
            is_in_policy: policy.resources.contains_key(&resource.id),
            resolved: policy.resolve(&resource),
            protection: policy.protection(&resource, now),
            resource,
        })
        .collect()
}

/// Makes a resource of an item of an inventory, whose tags are what selectors select by.
fn of_item(item: &InventoryItem) -> Resource {
    let mut resource = Resource::new(&item.id, &item.kind);
    resource.criticality = item.criticality.parse::<Criticality>().unwrap_or_default();
    for (name, value) in &item.tags {
        match name.as_str() {
            "department" => resource.department = Some(value.clone()),
            "class" => resource.class = Some(value.clone()),
            "host" => resource.host = Some(value.clone()),
            "site" => resource.site = Some(value.clone()),
            "owner" => resource.owner.clone_from(value),
            _ => {
                resource.labels.insert(name.clone(), value.clone());
            }
        }
    }
    resource
}

const LAST_LOOKED_AT: usize = 100;
/// A change of a month ago was looked at, or is in force.
const WEAKENED_SECONDS: i64 = 30 * 86_400;
/// Signs that nobody has looked at stay for so long.
const SIGNALS_SECONDS: i64 = 30 * 86_400;
