//! What is known of entries beside the store: which of them this machine was shown, who may have written them, and where the bytes of lost ones still are. An
//! entry that is found somewhere is put back, and nothing is lost.

use bytes::Bytes;
use strongroom_crypt::{Roles, VerifyingKey};
use strongroom_format::{Entry, ObjectHash, object_name};

use super::Surveyor;
use super::found::Found;
use crate::context::get_if_there;
use crate::error::{Error, Head, Result};
use crate::head::Remembered;
use crate::journal::{Fetched, Replay, View};
use crate::state::State;

impl Surveyor<'_> {
    /// Looks for the bytes of lost entries where else they may be.
    pub(super) fn recall(&self, prefix: &View, found: &mut Found) -> Result<()> {
        let mut recalled = Vec::new();
        for bytes in self.recent() {
            recalled.extend(
                Entry::decode(bytes)
                    .ok()
                    .map(|entry| (entry.n, bytes.clone())),
            );
        }
        for at in 0..found.entries.len() {
            let n = found.start + at as u64;
            if found.entries.get(at).is_some_and(Option::is_some) {
                continue;
            }
            let mut bytes: Vec<Bytes> = recalled
                .iter()
                .filter(|(of, _)| *of == n)
                .map(|(_, bytes)| bytes.clone())
                .collect();
            if let Some(other) = self.sources.other {
                let theirs = Replay::new(other, self.context);
                bytes.extend(theirs.places(n)?.into_iter().map(|one| one.bytes));
            }
            let next = found.entries.get(at + 1).and_then(Option::as_ref);
            let next = next.map(|next| next.entry.previous);
            let before = match at
                .checked_sub(1)
                .and_then(|before| found.entries.get(before))
            {
                Some(before) => before.as_ref().map(|before| self.follower(before)),
                None => Some(prefix.state.link().previous),
            };
            let is_it = |one: &Fetched| match next {
                // The next one states its hash: nothing else is it.
                Some(stated) => one.entry.hash == stated,
                None => {
                    let mut known = [&prefix.state, &found.known].into_iter();
                    before == Some(one.entry.previous)
                        && known.any(|known| self.is_genuine(one, known))
                }
            };
            let decoded = bytes
                .into_iter()
                .filter_map(|one| self.replay.decode(n, one).ok());
            let mut decoded = decoded.filter(is_it);
            if let Some(original) = decoded.next() {
                if self.is_displaced(&original)? {
                    continue;
                }
                *found
                    .entries
                    .get_mut(at)
                    .into_iter()
                    .next()
                    .unwrap_or(&mut None) = Some(original);
                for lost in found.lost.iter_mut().filter(|lost| lost.n == n) {
                    lost.is_known = true;
                }
            }
        }
        Ok(())
    }

    /// Says whether another entry is in the object's place that follows the same one. Readers take that, and only a Bridge leads around it.
    fn is_displaced(&self, original: &Fetched) -> Result<bool> {
        let n = original.entry.n;
        let object = get_if_there(self.remote, &object_name::journal(n))?;
        let object = object.and_then(|bytes| self.replay.decode(n, bytes).ok());
        Ok(object.is_some_and(|there| {
            there.entry.previous == original.entry.previous
                && there.entry.hash != original.entry.hash
        }))
    }

    /// Makes sure that this is the journal that was seen before: a store that went back has lost nothing.
    pub(super) fn check_seen(&self, prefix: &View, found: &Found, end: u64) -> Result<()> {
        for head in &self.sources.seen {
            if head.n >= end {
                let last = found.entries.iter().flatten().next_back();
                let last = last.map(|last| Head::new(last.entry.n, last.entry.hash));
                return Err(Error::rollback(*head, last.or(prefix.state.last())));
            }
            if head.n < found.start {
                self.replay.check_head(*head)?;
                continue;
            }
            let there = found.at(head.n);
            let hash = match (there, found.at(head.n.saturating_add(1))) {
                (Some(there), _) => match self.replay.bridge(there) {
                    Some(bridge) if there.entry.hash != head.hash => bridge.stated,
                    _ => Some(there.entry.hash),
                },
                (None, next) => next.map(|next| next.entry.previous),
            };
            if let Some(hash) = hash.filter(|hash| *hash != head.hash) {
                return Err(Error::fork(*head, Head::new(head.n, hash)));
            }
        }
        Ok(())
    }

    /// Says whether this machine was shown that entry.
    pub(super) fn has_seen(&self, n: u64, hash: ObjectHash) -> bool {
        let is_it = |entry: Entry| entry.n == n && entry.hash == hash;
        let is_head = |head: &Head| head.n == n && head.hash == hash;
        let mut recent = self.recent().filter_map(|bytes| Entry::decode(bytes).ok());
        self.sources.seen.iter().any(is_head) || recent.any(is_it)
    }

    /// Returns the entries that this machine has.
    fn recent(&self) -> impl Iterator<Item = &Bytes> {
        let recent = self.sources.remembered.iter().flat_map(Remembered::recent);
        recent.chain(self.sources.view.iter().flat_map(|view| &view.recent))
    }

    /// Returns the previous hash that the next entry has to state.
    pub(super) fn follower(&self, fetched: &Fetched) -> ObjectHash {
        let stated = self.replay.bridge(fetched).and_then(|bridge| bridge.stated);
        stated.unwrap_or(fetched.entry.hash)
    }

    /// Says whether somebody wrote an entry whom `known` certifies, or a keyring that no entry of it announces. Keys of this repository alone do
    /// not: whoever was revoked has them.
    pub(super) fn is_genuine(&self, fetched: &Fetched, known: &State) -> bool {
        let keys = self.context.keys();
        let announced = known.keyring.map_or(0, |(generation, _)| generation);
        let is_newer = keys.generation > announced && keys.is_signed_by(&known.admin);
        let is_certified = |public| {
            let key = VerifyingKey::from_bytes(public);
            known.has_role(&key, Roles::from_bits(u8::MAX))
                || (is_newer && keys.signer_named(&key).is_some())
        };
        let mut signers = fetched.entry.signatures.iter().map(|one| one.public);
        signers.any(is_certified)
            && fetched.entry.verify_signatures()
            && fetched.entry.open(keys.structure.journal()).is_ok()
    }
}
