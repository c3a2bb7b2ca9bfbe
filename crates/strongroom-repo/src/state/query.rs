//! Questions that preconditions ask of a state.

use std::collections::{BTreeMap, HashSet};

use strongroom_crypt::{Id, Roles, SessionId, VerifyingKey};
use strongroom_format::{ObjectHash, Snapshot};

use super::{Link, State};
use crate::error::{Head, Result};

/// What holds keep from being forgotten.
#[derive(Debug, Default)]
pub(crate) struct Held<'a> {
    snapshots: HashSet<&'a Id>,
    series: HashSet<&'a str>,
}

impl Held<'_> {
    /// Says whether a hold keeps a snapshot.
    pub(crate) fn has(&self, id: &Id, snapshot: &Snapshot) -> bool {
        self.snapshots.contains(id) || self.series.contains(snapshot.series.as_str())
    }
}

impl State {
    /// Says whether a session was abandoned or dropped: it can commit nothing any more.
    pub(crate) fn session_ended(&self, session: &SessionId) -> bool {
        self.ended_sessions.contains_key(session)
    }

    /// Says whether a pack or a segment with this name is in force.
    ///
    /// # Errors
    ///
    /// As [`Packs::get`](super::Packs::get).
    pub(crate) fn is_in_force(&self, name: &ObjectHash) -> Result<bool> {
        Ok(self.segments.contains_key(name) || self.packs.contains(name)?)
    }

    /// Says whether all of these packs and segments are in force.
    ///
    /// # Errors
    ///
    /// As [`Packs::get`](super::Packs::get).
    pub(crate) fn are_in_force<'a>(
        &self,
        names: impl IntoIterator<Item = &'a ObjectHash>,
    ) -> Result<bool> {
        for name in names {
            if !self.is_in_force(name)? {
                return Ok(false);
            }
        }
        Ok(true)
    }

    /// Returns a snapshot in force and the number of its entry.
    pub(crate) fn snapshot(&self, id: &Id) -> Option<(u64, &Snapshot)> {
        let n = *self.by_id.get(id)?;
        self.snapshots
            .get(&n)
            .map(|(_, snapshot)| (n, snapshot.as_ref()))
    }

    /// Returns what holds keep from being forgotten, to be asked for many snapshots.
    pub(crate) fn held(&self) -> Held<'_> {
        let mut held = Held::default();
        for hold in self.holds.values() {
            if hold.snapshots.is_empty() {
                held.series.extend(hold.series.as_deref());
            }
            held.snapshots.extend(&hold.snapshots);
        }
        held
    }

    /// Says whether every snapshot in force may lack something that no entry tells: one that a lost entry forgot is in force again, and what it was made of
    /// may have been dropped.
    pub(crate) fn is_pieced_together(&self) -> bool {
        !self.bridges.is_empty()
    }

    /// Returns how the next entry has to follow.
    pub(crate) fn link(&self) -> Link {
        self.link_behind(self.head, self.head_hash)
    }

    /// Returns how entry `n`, up to the next one, has to follow the one before it, which has the hash `last`.
    pub(crate) fn link_behind(&self, n: u64, last: ObjectHash) -> Link {
        let bridge = n
            .checked_sub(1)
            .and_then(|before| self.bridges.get(&before));
        let bridge = bridge.filter(|bridge| bridge.hash == last);
        let previous = bridge.map_or(last, |bridge| bridge.next);
        Link { n, last, previous }
    }

    /// Returns the Bridges that later ones name and that were not folded: another entry was, in each of these places.
    pub(crate) fn unmet_bridges(&self) -> BTreeMap<u64, ObjectHash> {
        let is_unmet = |(n, hash): &(&u64, &ObjectHash)| {
            self.bridges
                .get(*n)
                .is_none_or(|bridge| bridge.hash != **hash)
        };
        let unmet = self.confirmed.iter().filter(is_unmet);
        unmet.map(|(n, hash)| (*n, *hash)).collect()
    }

    /// Returns the entry that was folded last, if there is one.
    pub(crate) fn last(&self) -> Option<Head> {
        let n = self.head.checked_sub(1)?;
        Some(Head::new(n, self.head_hash))
    }

    /// Returns the roles that certificates in force give a key, and the label of the first that has one.
    pub(crate) fn certified(&self, key: &VerifyingKey) -> (Roles, &str) {
        let of_key = (*key.as_bytes(), u8::MIN)..=(*key.as_bytes(), u8::MAX);
        let of_key = self.certificates.range(of_key);
        of_key.fold((Roles::NONE, ""), |(roles, label), (_, one)| {
            let label = if label.is_empty() { &one.label } else { label };
            (roles | one.roles, label)
        })
    }

    /// Says whether a certificate in force gives a key one of these roles.
    pub(crate) fn has_role(&self, key: &VerifyingKey, roles: Roles) -> bool {
        let of_key = (*key.as_bytes(), u8::MIN)..=(*key.as_bytes(), u8::MAX);
        self.certificates
            .range(of_key)
            .any(|(_, certificate)| certificate.roles.intersects(roles))
    }
}
