//! Packs and segments that no journal entry names: what crashed or sleeping sessions have left.

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};
use std::time::Duration;

use strongroom_crypt::RepositoryId;
use strongroom_format::object_name::{self, ObjectName};
use strongroom_format::{ObjectHash, Time};
use strongroom_store::Prefix;

use crate::edge::Remote;
use crate::error::Result;
use crate::index::write_file;
use crate::journal::{History, is_past};
use crate::state::State;

/// An object under `pack/` or `index/` that no journal entry has ever named.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct Orphan {
    /// The name of the object.
    pub object: String,
    /// Its length in bytes.
    pub len: u64,
    /// When this client saw it first.
    pub first_seen: Time,
    /// It is given up: an entry will name it as dropped, so that whoever has written it can rely on it no more.
    pub given_up: bool,
}

/// Packs and segments that are there, by name.
#[derive(Debug, Default)]
pub(crate) struct Listed {
    pub(crate) packs: BTreeMap<ObjectHash, u64>,
    pub(crate) segments: BTreeMap<ObjectHash, u64>,
    /// Parities, by the packs they are of.
    pub(crate) parities: BTreeMap<ObjectHash, u64>,
}

impl Listed {
    /// Lists packs and segments. What the store adds later is not there, and is no orphan of this run.
    ///
    /// # Errors
    ///
    /// What the store said.
    pub(crate) fn read(remote: &Remote) -> Result<Self> {
        let mut listed = Self::default();
        for prefix in ["pack/", "index/", "parity/"] {
            for meta in remote.list(&Prefix::parse(prefix)?)? {
                match object_name::parse(meta.key.as_str()) {
                    Some(ObjectName::Pack(name)) => listed.packs.insert(name, meta.len),
                    Some(ObjectName::Index(name)) => listed.segments.insert(name, meta.len),
                    Some(ObjectName::Parity(name)) => listed.parities.insert(name, meta.len),
                    _ => None,
                };
            }
        }
        Ok(listed)
    }

    /// Finds the packs in force that are not there, or with another length. What seems to be missing is looked for once more: others
    /// may have added it after this was listed.
    ///
    /// # Errors
    ///
    /// What the store said.
    pub(crate) fn missing(&self, state: &State, remote: &Remote) -> Result<BTreeSet<ObjectHash>> {
        let mut missing: BTreeMap<ObjectHash, u64> = BTreeMap::new();
        for pack in state.packs.iter() {
            let pack = pack?;
            let len = u64::from(pack.len);
            if self.packs.get(&pack.name) != Some(&len) {
                missing.insert(pack.name, len);
            }
        }
        if !missing.is_empty() {
            for meta in remote.list(&Prefix::parse("pack/")?)? {
                if let Some(ObjectName::Pack(name)) = object_name::parse(meta.key.as_str())
                    && missing.get(&name) == Some(&meta.len)
                {
                    missing.remove(&name);
                }
            }
        }
        Ok(missing.into_keys().collect())
    }
}

/// What no entry names, by kind.
#[derive(Debug, Default, Clone)]
pub(crate) struct Orphans {
    pub(crate) all: Vec<Orphan>,
    /// Packs that are given up.
    pub(crate) packs: Vec<ObjectHash>,
    /// Segments that are given up.
    pub(crate) segments: Vec<ObjectHash>,
}

impl Orphans {
    /// Finds what no entry names, and remembers since when. The listing must be older than the history.
    ///
    /// # Errors
    ///
    /// As [`Packs::get`](crate::state::Packs::get).
    pub(crate) fn find(
        listed: &Listed,
        history: &History,
        memory: Option<&OrphanMemory>,
        age: Duration,
        now: Time,
    ) -> Result<Self> {
        let state = &history.state;
        let known = memory.map(OrphanMemory::read).unwrap_or_default();
        let mut orphans = Self::default();
        let mut remembered = BTreeMap::new();
        let mut take = |object: String, len| {
            // A time that is still to come is a clock's mistake.
            let first_seen = known.get(&object).copied().unwrap_or(now).min(now);
            let given_up = is_past(first_seen, age, now) && (memory.is_some() || age.is_zero());
            remembered.insert(object.clone(), first_seen);
            orphans.all.push(Orphan {
                object,
                len,
                first_seen,
                given_up,
            });
            given_up
        };
        for (name, len) in &listed.packs {
            let is_named = state.dropped.contains_key(name) || state.packs.contains(name)?;
            if !is_named && take(object_name::pack(name), *len) {
                orphans.packs.push(*name);
            }
        }
        for (name, len) in &listed.segments {
            let is_named = state.segments.contains_key(name) || state.dropped.contains_key(name);
            if !is_named && take(object_name::index(name), *len) {
                orphans.segments.push(*name);
            }
        }
        if let Some(memory) = memory {
            memory.write(&remembered);
        }
        Ok(orphans)
    }
}

/// A file of the local cache that says when orphans were seen first. It is a cache: without it they live longer.
#[derive(Debug)]
pub(crate) struct OrphanMemory {
    path: PathBuf,
}

impl OrphanMemory {
    pub(crate) fn new(cache: &Path, repository: &RepositoryId) -> Self {
        Self {
            path: cache.join(repository.to_string()).join("orphans"),
        }
    }

    fn read(&self) -> BTreeMap<String, Time> {
        let len = std::fs::metadata(&self.path).map_or(0, |meta| meta.len());
        if len > MAX_FILE_BYTES {
            return BTreeMap::new();
        }
        std::fs::read(&self.path)
            .ok()
            .and_then(|bytes| Self::decode(&bytes))
            .unwrap_or_default()
    }

    fn write(&self, orphans: &BTreeMap<String, Time>) {
        let folder = self.path.parent().map_or(Ok(()), std::fs::create_dir_all);
        if let Err(error) = folder.and_then(|()| write_file(&self.path, &Self::encode(orphans))) {
            tracing::debug!(%error, "the local cache does not remember orphans");
        }
    }

    /// Lines of seconds and a name, and the hash of them all.
    fn encode(orphans: &BTreeMap<String, Time>) -> Vec<u8> {
        let mut text = String::from(HEAD);
        for (object, first_seen) in orphans {
            text.push_str(&format!("{} {object}\n", first_seen.seconds));
        }
        let seal = ObjectHash::of(text.as_bytes());
        text.push_str(&seal.to_string());
        text.into_bytes()
    }

    fn decode(bytes: &[u8]) -> Option<BTreeMap<String, Time>> {
        let text = std::str::from_utf8(bytes).ok()?;
        let (lines, seal) = text.rsplit_once('\n')?;
        let sealed = text.get(..=lines.len())?;
        if ObjectHash::parse(seal)? != ObjectHash::of(sealed.as_bytes()) {
            return None;
        }
        let line = |line: &str| {
            let (seconds, object) = line.split_once(' ')?;
            Some((object.to_owned(), Time::new(seconds.parse().ok()?, 0)))
        };
        sealed.strip_prefix(HEAD)?.lines().map(line).collect()
    }
}

const HEAD: &str = "strongroom orphans 1\n";
/// A million orphans.
const MAX_FILE_BYTES: u64 = 100 << 20;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_remembered_is_read_back_and_damage_is_noticed() {
        let folder = tempfile::tempdir().unwrap();
        let memory = OrphanMemory::new(folder.path(), &RepositoryId::from_bytes([7; 16]));
        assert!(memory.read().is_empty());
        for count in [0, 1, 3] {
            let orphans: BTreeMap<_, _> = (0..count)
                .map(|n| (format!("pack/{n}"), Time::new(n - 1, 0)))
                .collect();
            memory.write(&orphans);
            assert_eq!(memory.read(), orphans);
        }
        let mut bytes = std::fs::read(&memory.path).unwrap();
        bytes[25] ^= 1;
        std::fs::write(&memory.path, bytes).unwrap();
        assert!(memory.read().is_empty());
    }
}
