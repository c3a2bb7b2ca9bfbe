//! What happened, put in order once, so that everything else can read it quickly.

use std::collections::{BTreeMap, BTreeSet, HashMap, HashSet};
use std::sync::Arc;

use strongroom_crypt::Id;
use strongroom_format::record::{
    Access, Acknowledged, ActionStep, Alert, Attested, Capacity, Deleted, Disposal, Drill,
    IncidentStep, Inventory, ObligationMet, RecordId, SignOffGiven, Suspect, Verified,
};
use strongroom_format::{Event, Forget, Hold, Keys, Tombstone};

use crate::point::Point;

mod clock;
mod counters;
mod entry;
mod join;
mod place;
mod policy;
mod read;
mod run;
mod snapshot;
mod times;
mod verified;

pub use clock::Skew;
pub use counters::Counters;
pub use entry::{EntryRef, EntrySeen, Journal, Noted};
pub use policy::PolicySeen;
pub use run::RunSeen;
pub use snapshot::{CheckSeen, SnapshotSeen};
pub use verified::WholeCheck;
pub(crate) use verified::first_good;

/// What happened to backups, as journals show it.
///
/// Everything in it carries the number of the entry that shows it. Entries may come late, twice or in any order, and may hold
/// any time: an entry is read once, a record that several entries hold counts once, and what a clock that was wrong said is
/// set to what is worst for the measures ([`Skew`]). All times are Unix seconds.
///
/// A resource is what a record names; a snapshot without a record is of the resource in its label `resource`, or of the one
/// called as its series.
#[derive(Debug, Clone, Default)]
pub struct History {
    journals: Vec<Journal>,
    entries: Vec<EntrySeen>,
    skews: BTreeMap<EntryRef, Skew>,
    resources: BTreeMap<Arc<str>, ResourceHistory>,
    other_runs: Vec<RunSeen>,
    snapshots: Vec<SnapshotSeen>,
    checks: BTreeMap<String, Vec<WholeCheck>>,
    policies: Vec<PolicySeen>,
    tools: BTreeMap<(String, String), (i64, EntryRef)>,
    unknown_kinds: BTreeMap<String, u64>,
    notes: Notes,
    place: place::Place,
}

/// What happened to one resource.
#[derive(Debug, Clone, Default, PartialEq)]
#[non_exhaustive]
pub struct ResourceHistory {
    /// Its runs of every job, by their beginning.
    pub runs: Vec<RunSeen>,
    /// Its recovery points, by their capture.
    pub points: Vec<Point>,
    /// Indices of its drills in [`History::drills`].
    pub drills: Vec<usize>,
}

macro_rules! notes {
    ($($(#[$doc:meta])* $name:ident: $type:ty;)*) => {
        /// What entries say, in the order in which they were read.
        #[derive(Debug, Clone, Default)]
        struct Notes {
            $($name: Vec<Noted<$type>>,)*
        }

        impl Notes {
            /// Sets the time of an entry. Only the last ones are looked at: the clocks of older ones are settled.
            fn set_at(&mut self, entry: EntryRef, at: i64) {
                $(
                    let recent = self.$name.iter_mut().rev().take(clock_window());
                    recent.filter(|one| one.entry == entry).for_each(|one| one.at = at);
                )*
            }
        }

        impl History {
            $(
                $(#[$doc])*
                #[must_use]
                pub fn $name(&self) -> &[Noted<$type>] {
                    &self.notes.$name
                }
            )*
        }
    };
}

notes! {
    /// Returns how full repositories were.
    capacities: Capacity;
    /// Returns what there was that could be backed up.
    inventories: Inventory;
    /// Returns verifications.
    verifications: Verified;
    /// Returns restore drills.
    drills: Drill;
    /// Returns alerts.
    alerts: Alert;
    /// Returns acknowledgements of alerts.
    acknowledgements: Acknowledged;
    /// Returns steps of incidents.
    incident_steps: IncidentStep;
    /// Returns steps of corrective actions.
    action_steps: ActionStep;
    /// Returns obligations that were met.
    obligations_met: ObligationMet;
    /// Returns decisions about documents.
    sign_offs: SignOffGiven;
    /// Returns what became of objects that were dropped.
    deletions: Deleted;
    /// Returns disposals of data in all places.
    disposals: Disposal;
    /// Returns what the provider of a store saw.
    accesses: Access;
    /// Returns what was said about snapshots that look as if somebody had tampered with their source.
    suspects: Suspect;
    /// Returns what somebody says who could look.
    attestations: Attested;
    /// Returns what was dropped: the intent, before the deletion.
    tombstones: Tombstone;
    /// Returns snapshots that were forgotten.
    forgets: Forget;
    /// Returns holds that were placed and released.
    holds: Hold;
    /// Returns changes of keys and certificates.
    key_changes: Keys;
}

impl History {
    /// Reads the events of one journal.
    ///
    /// ```
    /// use strongroom_assure::History;
    ///
    /// let history = History::from_events(&[]);
    /// assert!(history.resources().next().is_none());
    /// ```
    #[must_use]
    pub fn from_events(events: &[Event]) -> Self {
        let mut history = Self::default();
        history.extend(events);
        history
    }

    /// Reads more events of the first journal. Those that were read before are left out.
    pub fn extend(&mut self, events: &[Event]) {
        self.read_journal(0, events);
    }

    /// Reads events of the journal of the repository that has this name in the policy.
    pub fn extend_journal(&mut self, repository: &str, events: &[Event]) {
        let found = self
            .journals
            .iter()
            .position(|journal| journal.repository == repository);
        let index = found.unwrap_or(self.journals.len());
        // There are not so many repositories.
        let index = u16::try_from(index).unwrap_or(u16::MAX);
        self.name_journal(index, repository);
        self.read_journal(index, events);
    }

    /// Returns the journals that were read.
    #[must_use]
    pub fn journals(&self) -> &[Journal] {
        &self.journals
    }

    /// Returns every entry, in the order in which they were read.
    #[must_use]
    pub fn entries(&self) -> &[EntrySeen] {
        &self.entries
    }

    /// Returns entries whose times cannot be right.
    pub fn skews(&self) -> impl Iterator<Item = &Skew> {
        self.skews.values()
    }

    /// Returns all resources that something happened to, by name.
    pub fn resources(&self) -> impl Iterator<Item = (&str, &ResourceHistory)> {
        self.resources.iter().map(|(id, one)| (id.as_ref(), one))
    }

    /// Returns what happened to a resource, if anything did.
    #[must_use]
    pub fn resource(&self, id: &str) -> Option<&ResourceHistory> {
        self.resources.get(id)
    }

    /// Returns runs that are about no resource, such as prunes, in the order in which they were read.
    #[must_use]
    pub fn other_runs(&self) -> &[RunSeen] {
        &self.other_runs
    }

    /// Returns all snapshots that there ever were.
    #[must_use]
    pub fn snapshots(&self) -> &[SnapshotSeen] {
        &self.snapshots
    }

    /// Returns the snapshot of an id, if it was seen.
    #[must_use]
    pub fn snapshot(&self, id: &Id) -> Option<&SnapshotSeen> {
        self.snapshots.get(*self.place.by_id.get(id)?)
    }

    /// Returns the copies of a recovery point.
    pub fn copies<'a>(&'a self, point: &'a Point) -> impl Iterator<Item = &'a SnapshotSeen> {
        point
            .copies
            .iter()
            .filter_map(|index| self.snapshots.get(*index))
    }

    /// Returns the verifications that were about a whole repository, in the order of their ends.
    #[must_use]
    pub fn whole_checks(&self, repository: &str) -> &[WholeCheck] {
        self.checks.get(repository).map_or(&[], Vec::as_slice)
    }

    /// Returns the drills of a resource.
    pub fn drills_of<'a>(&'a self, resource: &str) -> impl Iterator<Item = &'a Noted<Drill>> {
        let indices = self.resource(resource).map(|one| one.drills.as_slice());
        let indices = indices.unwrap_or_default().iter();
        indices.filter_map(|index| self.notes.drills.get(*index))
    }

    /// Returns the policies that were set, in the order in which they were read.
    #[must_use]
    pub fn policies(&self) -> &[PolicySeen] {
        &self.policies
    }

    /// Returns the policy that was in force at a time, if one was recorded until then.
    #[must_use]
    pub fn policy_at(&self, at: i64) -> Option<&PolicySeen> {
        let set = self.policies.iter().filter(|one| one.from <= at);
        set.max_by_key(|one| (one.from, one.entry))
    }

    /// Returns programs that recorded something, with when they last did: `((name, version), (time, entry))`.
    pub fn tools(&self) -> impl Iterator<Item = (&(String, String), &(i64, EntryRef))> {
        self.tools.iter()
    }

    /// Returns the kinds of evidence that this version does not know, with how many there are of each.
    pub fn unknown_kinds(&self) -> impl Iterator<Item = (&str, u64)> {
        self.unknown_kinds
            .iter()
            .map(|(kind, count)| (kind.as_str(), *count))
    }

    /// Returns all recorded names that are known, to leave out what is recorded twice.
    fn is_new_record(&mut self, id: RecordId) -> bool {
        self.place.records.insert(id)
    }
}

/// How many of the last entries of a journal are looked at again when more are read.
const fn clock_window() -> usize {
    CLOCK_WINDOW
}

/// A clock that is wrong is found by the entries after it, within so many.
const CLOCK_WINDOW: usize = 4096;

type Ids = HashMap<Id, usize>;
type Records = HashSet<RecordId>;
type Read = HashSet<EntryRef>;
type Names = BTreeSet<Arc<str>>;

#[cfg(test)]
mod tests;
