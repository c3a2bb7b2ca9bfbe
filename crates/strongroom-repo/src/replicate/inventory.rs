//! What a replica's store has.

use std::collections::{BTreeSet, HashMap};

use bytes::Bytes;
use strongroom_format::object_name::{self, ObjectName};
use strongroom_format::{Config, Entry, ObjectHash};
use strongroom_store::Prefix;

use crate::context::{get_if_there, object_key};
use crate::edge::Remote;
use crate::error::{Error, ErrorKind, Head, Result};

/// What a replica's store has, as it was listed and as it was put since.
#[derive(Debug)]
pub(super) struct Inventory {
    /// Everything but journal entries, with its length.
    objects: HashMap<ObjectName, u64>,
    entries: BTreeSet<u64>,
    /// Something that is no object of a repository.
    foreign: Option<String>,
}

impl Inventory {
    pub(super) fn list(target: &Remote) -> Result<Self> {
        let mut inventory = Self {
            objects: HashMap::new(),
            entries: BTreeSet::new(),
            foreign: None,
        };
        for meta in target.list(&Prefix::root())? {
            match object_name::parse(meta.key.as_str()) {
                Some(ObjectName::Journal(n)) => drop(inventory.entries.insert(n)),
                Some(name) => drop(inventory.objects.insert(name, meta.len)),
                // What a probe of the store left is advisory.
                None if meta.key.as_str().starts_with("session/") => {}
                None => inventory.foreign = Some(meta.key.as_str().to_owned()),
            }
        }
        Ok(inventory)
    }

    pub(super) fn has(&self, name: &ObjectName) -> bool {
        self.objects.contains_key(name)
    }

    pub(super) fn len_of(&self, name: &ObjectName) -> Option<u64> {
        self.objects.get(name).copied()
    }

    pub(super) fn add(&mut self, name: ObjectName, len: u64) {
        match name {
            ObjectName::Journal(n) => drop(self.entries.insert(n)),
            name => drop(self.objects.insert(name, len)),
        }
    }

    /// Returns the number of the first entry that is missing.
    pub(super) fn first_missing(&self) -> u64 {
        (0..)
            .zip(&self.entries)
            .find(|(expected, n)| expected != *n)
            .map_or(self.entries.len() as u64, |(expected, _)| expected)
    }

    /// Returns the number of the last entry, behind a hole or not.
    pub(super) fn last_entry(&self) -> Option<u64> {
        self.entries.last().copied()
    }

    /// Names objects other than entries for which `wanted` says so.
    pub(super) fn objects(&self, wanted: impl Fn(&ObjectName) -> bool) -> Vec<ObjectName> {
        let mut names: Vec<_> = self
            .objects
            .keys()
            .copied()
            .filter(|name| wanted(name))
            .collect();
        names.sort_unstable_by_key(ToString::to_string);
        names
    }

    /// Makes sure that the store is empty, or holds this repository.
    pub(super) fn check_config(&self, target: &Remote, ours: &Bytes) -> Result<()> {
        let mut any = false;
        for name in [object_name::config(), object_name::config_copy()] {
            let Some(theirs) = get_if_there(target, &name)? else {
                continue;
            };
            any = true;
            if theirs == *ours {
                continue;
            }
            Config::decode(&theirs).map_err(|error| Error::decode(name.clone(), error))?;
            let what = "the other store holds another repository";
            return Err(Error::new(ErrorKind::Conflict, what).object_named(name));
        }
        let first = self.objects.keys().map(ToString::to_string).min();
        let entry = self.last_entry().map(object_name::journal);
        match first.or(entry).or_else(|| self.foreign.clone()) {
            Some(name) if !any => {
                let what = "the other store is not empty, and holds no repository";
                Err(Error::new(ErrorKind::AlreadyExists, what).object_named(name))
            }
            _ => Ok(()),
        }
    }
}

/// Puts an object that is there already or not. Says whether it was put.
///
/// # Errors
///
/// `Fork` or `Conflict` when something else has the name, `Damaged` when that is not whole; otherwise what the store said.
pub(super) fn put_same(target: &Remote, name: &str, bytes: &Bytes) -> Result<bool> {
    let key = object_key(name)?;
    let failure = match target.put(&key, bytes.clone()) {
        Ok(()) => return Ok(true),
        Err(failure) if failure.kind() == ErrorKind::Cancelled => return Err(failure),
        Err(failure) => failure,
    };
    match target.get(&key, None) {
        // It was there, or it is ours and the acknowledgement was lost.
        Ok(theirs) if theirs == *bytes => Ok(failure.kind() != ErrorKind::AlreadyExists),
        Ok(theirs) => Err(differs(name, ObjectHash::of(bytes), &theirs)),
        Err(_) => Err(failure),
    }
}

/// The error of an object in the replica that is not ours.
pub(super) fn differs(name: &str, ours: ObjectHash, theirs: &[u8]) -> Error {
    let Some(ObjectName::Journal(n)) = object_name::parse(name) else {
        let what = "the other store has another object of this name";
        return Error::new(ErrorKind::Conflict, what).object_named(name);
    };
    match Entry::decode(theirs) {
        Err(error) => Error::decode(name, error),
        Ok(entry) => Error::fork(Head::new(n, ours), Head::new(n, entry.hash)),
    }
}
