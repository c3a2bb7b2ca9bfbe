//! The objects of a world, with what is on its way to them and what was there before.

use std::collections::BTreeMap;

use bytes::Bytes;
use strongroom_format::object_name::{self, ObjectName};
use strongroom_store::{Key, ObjectMeta, Prefix, PutMode, Retention};

use crate::dice::Dice;

/// An object at rest.
#[derive(Debug, Clone)]
struct Kept {
    data: Bytes,
    /// The step of its put.
    since: u64,
    retention: Option<Retention>,
}

/// A change that was sent and has not arrived.
#[derive(Debug, Clone)]
pub(crate) struct Flight {
    /// The step at which it arrives.
    pub(crate) due: u64,
    pub(crate) change: Change,
}

/// A change of one object.
#[derive(Debug, Clone)]
pub(crate) enum Change {
    Put(Key, Bytes, PutMode, Option<Retention>),
    Delete(Key),
}

/// An object that was deleted, for those who see it a while longer.
#[derive(Debug, Clone)]
struct Gone {
    key: Key,
    data: Bytes,
    at: u64,
}

/// A deletion of an object that was there.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct Deletion {
    /// The step.
    pub step: u64,
    /// What was deleted.
    pub key: Key,
    /// How many journal entries there were then.
    pub journal: u64,
}

#[derive(Debug, Default)]
pub(crate) struct Shelf {
    kept: BTreeMap<Key, Kept>,
    flights: Vec<Flight>,
    gone: Vec<Gone>,
    deletions: Vec<Deletion>,
    journal: u64,
    rotten: Vec<Key>,
    /// Objects that were replaced by others, which a program of write-once objects never does.
    pub(crate) replaced: Vec<Key>,
}

/// How many deleted objects are remembered for stale readers.
const GONE: usize = 64;

impl Shelf {
    /// Creates or replaces an object, which it then locks; says whether it did.
    pub(crate) fn put(
        &mut self,
        key: &Key,
        data: Bytes,
        (mode, retention): (PutMode, Option<Retention>),
        step: u64,
    ) -> bool {
        let exists = self.kept.contains_key(key);
        if exists && mode == PutMode::Create {
            return false;
        }
        if exists {
            self.replaced.push(key.clone());
        } else if is_entry(key) {
            self.journal += 1;
        }
        let kept = Kept {
            data,
            since: step,
            retention,
        };
        self.kept.insert(key.clone(), kept);
        true
    }

    pub(crate) fn delete(&mut self, key: &Key, step: u64) {
        let Some(kept) = self.kept.remove(key) else {
            return;
        };
        self.deletions.push(Deletion {
            step,
            key: key.clone(),
            journal: self.journal,
        });
        if is_entry(key) {
            self.journal = self.journal.saturating_sub(1);
        }
        if self.gone.len() == GONE {
            self.gone.remove(0);
        }
        self.gone.push(Gone {
            key: key.clone(),
            data: kept.data,
            at: step,
        });
    }

    /// Returns until when an object is locked, in seconds, if it is at that time.
    pub(crate) fn lock_of(&self, key: &Key, now: i64) -> Option<Retention> {
        let retention = self.kept.get(key)?.retention;
        retention.filter(|retention| retention.until > now)
    }

    /// Locks an object that is there.
    pub(crate) fn lock(&mut self, key: &Key, retention: Retention) {
        if let Some(kept) = self.kept.get_mut(key) {
            kept.retention = Some(retention);
        }
    }

    pub(crate) fn locks(&self) -> BTreeMap<String, Option<Retention>> {
        let locks = self.kept.iter();
        locks
            .map(|(key, kept)| (key.as_str().to_owned(), kept.retention))
            .collect()
    }

    pub(crate) fn get(&self, key: &Key) -> Option<&Bytes> {
        self.kept.get(key).map(|kept| &kept.data)
    }

    /// Returns an object as somebody sees it who knows nothing of what happened since `since`.
    pub(crate) fn get_stale(&self, key: &Key, since: u64) -> Option<&Bytes> {
        match self.kept.get(key) {
            Some(kept) if kept.since <= since => Some(&kept.data),
            Some(_) => None,
            None => self
                .gone
                .iter()
                .rev()
                .find(|gone| gone.at > since && gone.key == *key)
                .map(|gone| &gone.data),
        }
    }

    pub(crate) fn list(&self, prefix: &Prefix) -> Vec<ObjectMeta> {
        self.kept
            .iter()
            .filter(|(key, _)| prefix.matches(key))
            .map(|(key, kept)| ObjectMeta::new(key.clone(), kept.data.len() as u64))
            .collect()
    }

    /// Lists as somebody does who knows nothing of what happened since `since`.
    pub(crate) fn list_stale(&self, prefix: &Prefix, since: u64) -> Vec<ObjectMeta> {
        let mut seen: BTreeMap<&Key, u64> = BTreeMap::new();
        for gone in self.gone.iter().filter(|gone| gone.at > since) {
            seen.insert(&gone.key, gone.data.len() as u64);
        }
        for (key, kept) in self.kept.iter().filter(|(_, kept)| kept.since <= since) {
            seen.insert(key, kept.data.len() as u64);
        }
        let metas = seen.into_iter().filter(|(key, _)| prefix.matches(key));
        metas
            .map(|(key, len)| ObjectMeta::new(key.clone(), len))
            .collect()
    }

    pub(crate) fn send(&mut self, flight: Flight) {
        self.flights.push(flight);
    }

    /// Takes what arrives by `step`, in the order in which it does.
    pub(crate) fn arrivals(&mut self, step: u64) -> Vec<Change> {
        if self.flights.iter().all(|flight| flight.due > step) {
            return Vec::new();
        }
        let (mut due, rest): (Vec<_>, Vec<_>) = std::mem::take(&mut self.flights)
            .into_iter()
            .partition(|flight| flight.due <= step);
        self.flights = rest;
        due.sort_by_key(|flight| flight.due);
        due.into_iter().map(|flight| flight.change).collect()
    }

    /// Flips one bit in one of the objects below `folders`; returns which.
    pub(crate) fn rot(&mut self, folders: &[String], dice: &mut Dice) -> Option<Key> {
        let below = |key: &Key| {
            folders
                .iter()
                .any(|folder| key.as_str().starts_with(folder))
        };
        let keys: Vec<&Key> = self.kept.keys().filter(|key| below(key)).collect();
        let key = (*dice.pick(&keys)?).clone();
        let kept = self.kept.get_mut(&key)?;
        let mut data = kept.data.to_vec();
        let at = dice.index(data.len());
        *data.get_mut(at)? ^= 1 << dice.below(8);
        kept.data = data.into();
        self.rotten.push(key.clone());
        Some(key)
    }

    pub(crate) fn rotten(&self) -> &[Key] {
        &self.rotten
    }

    pub(crate) fn deletions(&self) -> &[Deletion] {
        &self.deletions
    }

    pub(crate) fn objects(&self) -> BTreeMap<String, Bytes> {
        let objects = self.kept.iter();
        objects
            .map(|(key, kept)| (key.as_str().to_owned(), kept.data.clone()))
            .collect()
    }

    pub(crate) fn len(&self) -> usize {
        self.kept.len()
    }
}

/// Says whether an object is a journal entry, and not the copy of one.
fn is_entry(key: &Key) -> bool {
    matches!(
        object_name::parse(key.as_str()),
        Some(ObjectName::Journal(_))
    )
}
