//! The journal's entries, each proved by the one after it, back from the head that this client has folded.

use std::collections::BTreeMap;

use bytes::Bytes;
use strongroom_format::limits::BUNDLE_ENTRIES;
use strongroom_format::object_name::ObjectName;
use strongroom_format::{ENTRY_HEAD_BYTES, ObjectHash, decode_bundle, encode_bundle};

use super::item::{NoRemedy, Remedy, RepairSource, Wrong};
use super::look::{Found, Look, Sight};
use crate::context::{encode_error, get_if_there};
use crate::error::Result;

/// Reads entries backwards from the head, whose hash is known, and so knows the hash of each. 40 bytes an entry.
#[derive(Debug)]
pub(super) struct Chain {
    head: u64,
    hashes: BTreeMap<u64, ObjectHash>,
    /// The bundle read last, if it could be.
    bundle: Option<(u64, Vec<Vec<u8>>)>,
}

impl Chain {
    pub(super) fn new(look: &Look<'_>) -> Self {
        let head = look.state.head;
        let last = head.checked_sub(1).map(|last| (last, look.state.head_hash));
        Self {
            head,
            hashes: last.into_iter().collect(),
            bundle: None,
        }
    }

    /// Finds out about an entry.
    ///
    /// # Errors
    ///
    /// What the store said.
    pub(super) fn entry(
        &mut self,
        look: &Look<'_>,
        name: ObjectName,
        n: u64,
    ) -> Result<Option<Found>> {
        let is_copy = matches!(name, ObjectName::JournalCopy(_));
        let is_bridge = look.state.bridges.contains_key(&n);
        // Genesis has a copy, and so has a Bridge whose place is taken by what is left of the lost entry.
        if n >= self.head || (is_copy && n > 0 && !is_bridge) {
            return Ok(None);
        }
        let Some(hash) = self.hash(look, n)? else {
            // What is wrong is further on: that entry says it.
            return Ok(None);
        };
        // What belongs there is said by the entry after it, so nothing else there is of a later version.
        let is_right = |bytes: &Bytes| ObjectHash::of(bytes) == hash;
        let judge = |bytes: &Bytes| is_right(bytes).then_some(()).ok_or(Sight::Bad);
        let Some(wrong) = look.sight(&name, judge)? else {
            return Ok(None);
        };
        if is_bridge {
            let other = match is_copy {
                true => ObjectName::Journal(n),
                false => ObjectName::JournalCopy(n),
            };
            if get_if_there(look.remote, &other.to_string())?.is_some_and(|bytes| is_right(&bytes))
            {
                return Ok(None);
            }
        }
        Ok(Some(match self.find(look, n, &hash)? {
            Some((bytes, from)) => Found::put_back(name, wrong, from, bytes),
            None => Found::without_bytes(name, wrong, Remedy::None(NoRemedy::EntryLost)),
        }))
    }

    /// Finds out about a bundle.
    ///
    /// # Errors
    ///
    /// What the store said.
    pub(super) fn bundle(&mut self, look: &Look<'_>, n: u64) -> Result<Option<Found>> {
        let name = ObjectName::Bundle(n);
        let Some(first) = n.checked_sub(BUNDLE_ENTRIES).filter(|_| n <= self.head) else {
            return Ok(None);
        };
        let mut hashes = Vec::new();
        for n in first..n {
            match self.hash(look, n)? {
                Some(hash) => hashes.push(hash),
                None => return Ok(None),
            }
        }
        let wrong = look.sight(&name, |bytes| {
            let entries = decode_bundle(bytes).map_err(|error| Sight::of(&error))?;
            let found = entries.iter().map(|entry| ObjectHash::of(entry));
            match found.eq(hashes.iter().copied()) {
                true => Ok(()),
                false => Err(Sight::Bad),
            }
        })?;
        let Some(wrong) = wrong else {
            return Ok(None);
        };
        if wrong == Wrong::Newer {
            return Ok(Some(Found::newer(name)));
        }
        let mut entries = Vec::new();
        for (n, hash) in (first..).zip(&hashes) {
            let Some((bytes, _)) = self.find(look, n, hash)? else {
                let remedy = Remedy::None(NoRemedy::NoSource);
                return Ok(Some(Found::without_bytes(name, wrong, remedy)));
            };
            entries.push(bytes);
        }
        let context = look.context;
        let random = context.random()?;
        let bytes = encode_bundle(context.suite, context.repository, n, random, &entries);
        let bytes = Bytes::from(bytes.map_err(encode_error)?);
        let mut found = Found::put_back(name, wrong, RepairSource::Entries, bytes);
        found.item.remedy = Remedy::Rebuild(RepairSource::Entries);
        Ok(Some(found))
    }

    /// Returns the hash that entry `n` has in the chain; `None` if an entry after it is nowhere.
    fn hash(&mut self, look: &Look<'_>, n: u64) -> Result<Option<ObjectHash>> {
        while let Some((first, hash)) = self.hashes.first_key_value().map(|(n, hash)| (*n, *hash))
            && first > n
        {
            let Some((bytes, _)) = self.find(look, first, &hash)? else {
                return Ok(None);
            };
            let previous = bytes.get(ENTRY_HEAD_BYTES - 32..ENTRY_HEAD_BYTES);
            let Some(previous) = previous.and_then(|bytes| bytes.first_chunk()) else {
                return Ok(None);
            };
            let previous = ObjectHash::from_bytes(*previous);
            // Behind a Bridge the next entry names the one that was lost.
            let bridge = look.state.bridges.get(&(first - 1));
            let bridge = bridge.filter(|bridge| bridge.next == previous);
            let hash = bridge.map_or(previous, |bridge| bridge.hash);
            self.hashes.insert(first - 1, hash);
        }
        Ok(self.hashes.get(&n).copied())
    }

    /// Looks for an entry wherever it may be.
    fn find(
        &mut self,
        look: &Look<'_>,
        n: u64,
        hash: &ObjectHash,
    ) -> Result<Option<(Bytes, RepairSource)>> {
        let is_right = |bytes: &[u8]| ObjectHash::of(bytes) == *hash;
        let start = n - n % BUNDLE_ENTRIES;
        let at = usize::try_from(n - start).unwrap_or(usize::MAX);
        let number = start.saturating_add(BUNDLE_ENTRIES);
        let is_full = number <= self.head;
        if is_full {
            self.load(look, number)?;
            let entry = self.bundle.as_ref().and_then(|(_, all)| all.get(at));
            if let Some(entry) = entry.filter(|entry| is_right(entry)) {
                let bytes = Bytes::copy_from_slice(entry);
                return Ok(Some((
                    bytes,
                    RepairSource::Copy(ObjectName::Bundle(number)),
                )));
            }
        }
        let names = [ObjectName::Journal(n), ObjectName::JournalCopy(n)];
        for name in names {
            if let Some(bytes) = get_if_there(look.remote, &name.to_string())?
                && is_right(&bytes)
            {
                return Ok(Some((bytes, RepairSource::Copy(name))));
            }
        }
        for name in names {
            if let Some((mirror, bytes)) = look.mirrors.find(&name, |bytes| is_right(bytes))? {
                return Ok(Some((bytes, RepairSource::Mirror(mirror))));
            }
        }
        if !is_full {
            return Ok(None);
        }
        let in_bundle = |bytes: &Bytes| decode_bundle(bytes).ok()?.into_iter().nth(at);
        let found = look.mirrors.find(&ObjectName::Bundle(number), |bytes| {
            in_bundle(bytes).is_some_and(|entry| is_right(&entry))
        })?;
        Ok(found.and_then(|(mirror, bytes)| {
            Some((in_bundle(&bytes)?.into(), RepairSource::Mirror(mirror)))
        }))
    }

    fn load(&mut self, look: &Look<'_>, number: u64) -> Result<()> {
        if self.bundle.as_ref().is_some_and(|(of, _)| *of == number) {
            return Ok(());
        }
        let bytes = get_if_there(look.remote, &ObjectName::Bundle(number).to_string())?;
        let entries = bytes.and_then(|bytes| decode_bundle(&bytes).ok());
        self.bundle = Some((number, entries.unwrap_or_default()));
        Ok(())
    }
}
