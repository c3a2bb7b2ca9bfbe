//! Where copies come from, as their labels say.

use std::collections::{BTreeMap, HashMap};
use std::sync::Arc;

use strongroom_crypt::{Id, RepositoryId};
use strongroom_format::{Labels, Snapshot};

use crate::state::State;

/// The snapshot that a copy was first made of, whatever way it took since: its repository and its id.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub(super) struct Origin(String);

/// The label that names it.
const COPIED_FROM: &str = "strongroom.copied-from";
/// The label of a copy that lacks something of its origin, with the number of entries that could not be read.
const COPIED_IN_PART: &str = "strongroom.copied-in-part";

impl Origin {
    /// Returns the origin of a snapshot: itself, unless it is a copy.
    pub(super) fn of(repository: &RepositoryId, id: &Id, snapshot: &Snapshot) -> Self {
        match snapshot.labels.get(COPIED_FROM) {
            Some(origin) => Self(origin.to_owned()),
            None => Self(format!("{repository}/{id}")),
        }
    }

    /// Returns the snapshot of this origin in a repository, if it lacks no more than so many entries.
    pub(super) fn find(&self, repository: &RepositoryId, state: &State, most: u64) -> Option<Id> {
        let native = self.0.strip_prefix(&format!("{repository}/"));
        let native: Option<Id> = native.and_then(|id| id.parse().ok());
        let is_it = |(id, snapshot): &&(Id, Arc<Snapshot>)| match snapshot.labels.get(COPIED_FROM) {
            Some(origin) => *origin == self.0,
            None => native.as_ref() == Some(id),
        };
        let found = state.snapshots.values().filter(is_it);
        let mut whole_enough = found.filter(|(_, one)| lacks_of(&one.labels) <= most);
        whole_enough.next().map(|(id, _)| *id)
    }

    /// Adds the label to those of a copy.
    pub(super) fn label(&self, labels: &mut BTreeMap<String, String>) {
        labels.insert(COPIED_FROM.to_owned(), self.0.clone());
    }
}

/// Says that a copy lacks something, beyond what the snapshot that it is made of lacks.
pub(super) fn label_in_part(labels: &mut Labels, lost: u64) {
    let lost = lacks_of(labels).saturating_add(lost);
    labels.insert(COPIED_IN_PART, lost.to_string());
}

/// Returns how many entries a snapshot lacks of its origin.
pub(super) fn lacks_of(labels: &Labels) -> u64 {
    let lacks = labels.get(COPIED_IN_PART);
    lacks.map_or(0, |text| text.parse().unwrap_or(u64::MAX))
}

/// What a repository has, by origin: of several copies that which lacks least, and how many entries it lacks.
#[derive(Debug)]
pub(super) struct Copies(HashMap<Origin, (Id, u64)>);

impl Copies {
    pub(super) fn of(repository: &RepositoryId, state: &State) -> Self {
        let mut copies = Self(HashMap::new());
        for (id, snapshot) in state.snapshots.values() {
            let origin = Origin::of(repository, id, snapshot);
            copies.add(origin, *id, lacks_of(&snapshot.labels));
        }
        copies
    }

    pub(super) fn add(&mut self, origin: Origin, id: Id, lacks: u64) {
        let known = self.0.entry(origin).or_insert((id, lacks));
        if lacks < known.1 {
            *known = (id, lacks);
        }
    }

    /// Returns the snapshot of this origin if it lacks no more than so many entries.
    pub(super) fn find(&self, origin: &Origin, most: u64) -> Option<Id> {
        let (id, lacks) = self.0.get(origin)?;
        (*lacks <= most).then_some(*id)
    }
}
