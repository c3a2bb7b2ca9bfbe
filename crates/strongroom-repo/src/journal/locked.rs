//! What the journal says of how objects are locked.

use std::collections::{BTreeMap, BTreeSet, HashMap};

use strongroom_format::object_name::ObjectName;
use strongroom_format::{Body, LockRecord, ObjectHash, Payload};
use strongroom_store::Retention;

use crate::locks::{added, of_entry, of_journal, stronger};

/// How objects are locked, as far as the journal says. Only the store knows.
#[derive(Debug, Clone, Default)]
pub(crate) struct LockHistory {
    /// The entries that added packs and segments, and how they were put.
    added: HashMap<ObjectHash, (u64, Option<Retention>)>,
    /// How entries say that things were put, and whether they themselves were.
    entries: BTreeMap<u64, (Retention, bool)>,
    /// The last entry that announced a keyring.
    keyring: u64,
    extended: Vec<Extended>,
}

/// An extension of everything that was in force.
#[derive(Debug, Clone)]
struct Extended {
    /// After so many entries.
    entries: u64,
    to: Retention,
    except: BTreeSet<String>,
}

impl LockHistory {
    /// Takes note of entry `n`, which has effect.
    pub(super) fn note(&mut self, n: u64, payload: &Payload) {
        let (put, itself) = payload.locked.map_or((None, true), of_entry);
        if let Some(put) = put {
            self.entries.insert(n, (put, itself));
        }
        for name in added(&payload.body) {
            self.added.entry(name).or_insert((n, put));
        }
        match &payload.body {
            // What was extended may have been seen without an entry that was lost since, or with it.
            Body::Bridge(bridge) if !bridge.is_in_place() => self.extended.clear(),
            Body::Keys(keys) if keys.generation.is_some() => self.keyring = n,
            Body::Evidence(evidence) => {
                let record = LockRecord::of_evidence(evidence).ok().flatten();
                let extended = record.filter(|record| record.entries <= n);
                self.extended.extend(extended.and_then(Extended::of));
            }
            _ => {}
        }
    }

    /// Returns how a pack or segment is locked, which entry `dropped` dropped.
    pub(crate) fn of_content(
        &self,
        name: &ObjectHash,
        object: &ObjectName,
        dropped: Option<u64>,
    ) -> Option<Retention> {
        let (added, put) = self.added.get(name)?;
        self.extended_to(*put, *added, object, dropped)
    }

    /// Returns how another object is locked.
    pub(crate) fn of_other(&self, object: &ObjectName) -> Option<Retention> {
        let (added, put) = match object {
            ObjectName::Config | ObjectName::ConfigCopy => (0, self.put_with(0)),
            ObjectName::Journal(n) | ObjectName::JournalCopy(n) => {
                let own = self.entries.get(n).filter(|(_, itself)| *itself);
                (*n, own.map(|(put, _)| *put))
            }
            // Its author put it right after its last entry.
            ObjectName::Bundle(n) => {
                let last = n.saturating_sub(1);
                (last, self.put_with(last))
            }
            ObjectName::Keyring(_) | ObjectName::KeyringCopy(_) => {
                (self.keyring, self.put_with(self.keyring))
            }
            // Any of them may be older than the last keyring.
            ObjectName::Slot(_) if self.keyring > 0 => (self.keyring, None),
            ObjectName::Slot(_) => (0, self.put_with(0)),
            _ => return None,
        };
        self.extended_to(put, added, object, None)
    }

    /// Returns how something was put that was put together with entry `n`.
    fn put_with(&self, n: u64) -> Option<Retention> {
        self.entries.get(&n).map(|(put, _)| *put)
    }

    fn extended_to(
        &self,
        put: Option<Retention>,
        added: u64,
        object: &ObjectName,
        dropped: Option<u64>,
    ) -> Option<Retention> {
        let had_it = |one: &&Extended| {
            added < one.entries && dropped.is_none_or(|dropped| dropped >= one.entries)
        };
        let mut best = put;
        for one in self.extended.iter().rev().filter(had_it) {
            if best.is_some_and(|best| best.covers(&one.to)) {
                continue;
            }
            if one.except.is_empty() || !one.except.contains(&object.to_string()) {
                best = stronger(best, Some(one.to));
            }
        }
        best
    }
}

impl Extended {
    fn of(record: LockRecord) -> Option<Self> {
        Some(Self {
            entries: record.entries,
            to: of_journal(record.locked)?,
            except: record.except.into_iter().collect(),
        })
    }
}
