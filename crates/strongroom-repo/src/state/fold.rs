//! What an entry does to the state (format §8.3, §8.4).

use std::collections::btree_map::Entry;
use std::sync::Arc;

use strongroom_crypt::{Roles, SessionId, StructureKeys, VerifyingKey};
use strongroom_format::{
    Body, Bridge, BridgeRef, Certificate, Commit, DecodeErrorKind, Entry as JournalEntry, Feature,
    Genesis, Hold, HoldAction, Keys, ObjectHash, PackRef, Payload, SegmentRef, Snapshot, Tombstone,
    object_name,
};

use super::State;
use crate::context::encode_error;
use crate::error::{Error, ErrorKind, Result};

/// What an entry did.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Effect {
    /// What it says is in force.
    InForce,
    /// It is part of the chain and nothing more.
    Void(&'static str),
}

impl State {
    /// Folds the next entry of the chain, whose number and previous hash the caller has checked.
    ///
    /// # Errors
    ///
    /// `Incompatible` when somebody certified wrote it with a later version; those of [`Packs::get`](super::Packs::get). The state is then as before.
    pub(crate) fn fold(
        &mut self,
        entry: &JournalEntry,
        structure: &StructureKeys,
    ) -> Result<Effect> {
        let effect = match self.judge(entry, structure)? {
            Judged::Void(reason) => Effect::Void(reason),
            Judged::Valid(payload) => {
                if self.head == 0 {
                    self.genesis = entry.hash;
                }
                self.apply_whole(*payload, entry, structure)?;
                Effect::InForce
            }
        };
        match self.bridges.get(&self.head) {
            // Authors of later entries may have seen the lost one.
            Some(bridge) => self.trail.push_lost(self.head, bridge),
            None => self.trail.push(self.head, entry.hash),
        }
        self.head += 1;
        self.head_hash = entry.hash;
        Ok(effect)
    }

    fn judge(&self, entry: &JournalEntry, structure: &StructureKeys) -> Result<Judged> {
        let Some(signers) = valid_signers(entry) else {
            return Ok(Judged::Void("a signature does not verify"));
        };
        let any = Roles::from_bits(u8::MAX);
        let certified = self.head == 0 || signers.iter().any(|key| self.has_role(key, any));
        if !certified {
            return Ok(Judged::Void("no signer is certified"));
        }
        let payload = match entry.open(structure.journal()) {
            Ok(payload) => payload,
            Err(error) if error.kind() == DecodeErrorKind::Unsupported => {
                let what = "a certified writer's entry is of a later version";
                return Err(Error::new(ErrorKind::Incompatible, what)
                    .object_named(object_name::journal(entry.n))
                    .caused_by(error));
            }
            Err(_) => return Ok(Judged::Void("its payload does not open or is not valid")),
        };
        Ok(match self.void_reason(&payload.body, &signers) {
            Some(reason) => Judged::Void(reason),
            None => Judged::Valid(payload.into()),
        })
    }

    /// Changes the state, or nothing if there is an error.
    fn apply_whole(
        &mut self,
        payload: Payload,
        entry: &JournalEntry,
        structure: &StructureKeys,
    ) -> Result<()> {
        // A table in memory does not fail, and what else does fails before anything is changed.
        let before = self.packs.changes().is_some().then(|| self.clone());
        let applied = self.apply(payload, entry, structure);
        if let (Err(_), Some(before)) = (&applied, before) {
            *self = before;
        }
        applied
    }

    fn apply(
        &mut self,
        payload: Payload,
        entry: &JournalEntry,
        structure: &StructureKeys,
    ) -> Result<()> {
        self.newest = self.newest.max(payload.time.seconds);
        match payload.body {
            Body::Genesis(genesis) => self.begin(genesis),
            Body::Bridge(bridge) => self.bridge(*bridge, entry.hash, structure)?,
            Body::Unknown { .. } => {
                if payload.must_understand {
                    self.must_understand.get_or_insert(self.head);
                }
            }
            body => self.take_effect(body, structure)?,
        }
        Ok(())
    }

    /// Takes up what stands in the place of a lost entry, or the names of such.
    fn bridge(
        &mut self,
        bridge: Bridge,
        hash: ObjectHash,
        structure: &StructureKeys,
    ) -> Result<()> {
        let n = self.head;
        if !bridge.is_in_place() {
            self.confirmed.extend(bridge.confirmed);
            return Ok(());
        }
        for effect in bridge.effects {
            match self.void_body(&effect) {
                None => self.take_effect(effect, structure)?,
                Some(reason) => tracing::debug!(n, reason, "an effect of a bridge is void"),
            }
        }
        let next = bridge.stated.unwrap_or(hash);
        self.bridges.insert(n, BridgeRef { n, hash, next });
        Ok(())
    }

    /// Changes the state as an entry with this body does, whoever signed it.
    fn take_effect(&mut self, body: Body, structure: &StructureKeys) -> Result<()> {
        let n = self.head;
        match body {
            Body::Commit(commit) => self.commit(n, *commit, structure)?,
            Body::Packs(packs) => {
                if !self.committed_sessions.contains_key(&packs.session) {
                    let announced = self.sessions.entry(packs.session).or_default();
                    announced.extend(packs.packs.iter().map(|pack| pack.name));
                }
                self.add(packs.packs, packs.segments)?;
            }
            Body::Abandon(abandon) => {
                abandon
                    .sessions
                    .into_iter()
                    .for_each(|session| self.end_session(session));
            }
            Body::Forget(forget) => {
                for id in forget.snapshots {
                    if let Some(n) = self.by_id.get(&id).copied() {
                        self.by_id.remove(&id);
                        self.snapshots.remove(&n);
                    }
                }
            }
            Body::Condemn(condemn) => {
                for pack in condemn.packs {
                    if self.packs.contains(&pack)? {
                        self.condemned.insert(pack);
                    }
                }
            }
            Body::Tombstone(tombstone) => self.bury(n, tombstone)?,
            Body::Index(index) => {
                for segment in index.removed {
                    self.drop_object(segment, n)?;
                }
                self.add(Vec::new(), index.added)?;
            }
            Body::Damaged(damaged) => {
                for damaged in damaged.packs {
                    self.note_damage(damaged.pack, &damaged.frames);
                }
            }
            Body::Keys(keys) => self.change_keys(keys),
            Body::Feature(feature) => self.add_features(feature),
            Body::Hold(hold) => self.change_hold(hold),
            Body::Policy(policy) => self.policy = Some((n, policy.hash)),
            Body::Takeover(takeover) => {
                self.only_writer = Some(VerifyingKey::from_bytes(takeover.only_writer));
            }
            // Genesis, Bridges and unknown types are dealt with where they stand; Evidence is only kept.
            _ => {}
        }
        Ok(())
    }

    fn begin(&mut self, genesis: Genesis) {
        self.admin = VerifyingKey::from_bytes(genesis.admin);
        self.certify(Certificate {
            roles: Roles::ADMIN,
            public: genesis.admin,
            label: String::new(),
            not_after: 0,
        });
        genesis
            .certificates
            .into_iter()
            .for_each(|one| self.certify(one));
        self.only_writer = genesis.only_writer.map(VerifyingKey::from_bytes);
    }

    /// Puts a certificate in force, in the place of one with the same key and roles.
    pub(super) fn certify(&mut self, certificate: Certificate) {
        let key = (certificate.public, certificate.roles.bits());
        self.certificates.insert(key, certificate);
    }

    fn commit(&mut self, n: u64, commit: Commit, structure: &StructureKeys) -> Result<()> {
        if let Some(seen) = commit.seen {
            self.trail.compare(seen);
        }
        let mut snapshot = commit.snapshot;
        snapshot.labels = self.labels.share(snapshot.labels);
        self.insert_snapshot(n, Arc::new(snapshot), structure)?;
        self.sessions.remove(&commit.session);
        self.committed_sessions.insert_new((commit.session, ()));
        self.add(commit.packs, commit.segments)
    }

    pub(crate) fn insert_snapshot(
        &mut self,
        n: u64,
        snapshot: Arc<Snapshot>,
        structure: &StructureKeys,
    ) -> Result<()> {
        let id = snapshot.id(structure).map_err(encode_error)?;
        // The same snapshot committed twice stays one, at its first entry.
        if self.by_id.insert_new((id, n)) {
            self.snapshots.insert_new((n, (id, snapshot)));
        }
        Ok(())
    }

    fn add(&mut self, packs: Vec<PackRef>, segments: Vec<SegmentRef>) -> Result<()> {
        for pack in packs {
            self.packs.insert_new(pack)?;
        }
        for segment in segments {
            self.segments.insert_new(segment);
        }
        Ok(())
    }

    fn bury(&mut self, n: u64, tombstone: Tombstone) -> Result<()> {
        let Tombstone { dropped, added, .. } = tombstone;
        for name in dropped.packs.into_iter().chain(dropped.segments) {
            self.drop_object(name, n)?;
        }
        dropped
            .sessions
            .into_iter()
            .for_each(|session| self.end_session(session));
        self.add(added.packs, added.segments)
    }

    fn drop_object(&mut self, name: ObjectHash, n: u64) -> Result<()> {
        self.packs.remove(&name)?;
        self.segments.remove(&name);
        self.condemned.remove(&name);
        self.damaged.remove(&name);
        self.dropped.insert_new((name, n));
        Ok(())
    }

    fn end_session(&mut self, session: SessionId) {
        self.sessions.remove(&session);
        self.committed_sessions.remove(&session);
        self.ended_sessions.insert_new((session, ()));
    }

    pub(super) fn note_damage(&mut self, pack: ObjectHash, frames: &[u32]) {
        match self.damaged.entry(pack) {
            Entry::Vacant(vacant) => {
                vacant.insert(frames.iter().copied().collect());
            }
            Entry::Occupied(mut known) if frames.is_empty() => known.get_mut().clear(),
            // No frames known means all of them, which no list can add to.
            Entry::Occupied(known) if known.get().is_empty() => {}
            Entry::Occupied(mut known) => known.get_mut().extend(frames),
        }
    }

    fn change_keys(&mut self, keys: Keys) {
        if let (Some(generation), Some(hash)) = (keys.generation, keys.keyring) {
            self.keyring = Some((generation, hash));
        }
        self.certificates
            .retain(|(public, _), _| !keys.ended.contains(public));
        keys.certificates
            .into_iter()
            .for_each(|one| self.certify(one));
        self.epochs.extend(keys.epochs);
    }

    fn add_features(&mut self, change: Feature) {
        self.features.read.extend(change.read);
        self.features.write.extend(change.write);
        self.features.maintain.extend(change.maintain);
    }

    fn change_hold(&mut self, hold: Hold) {
        match hold.action {
            HoldAction::Place => {
                self.holds.insert(hold.id, hold);
            }
            _ => {
                self.holds.remove(&hold.id);
            }
        }
    }
}

enum Judged {
    Valid(Box<Payload>),
    Void(&'static str),
}

/// Returns the keys that signed, if every signature verifies.
fn valid_signers(entry: &JournalEntry) -> Option<Vec<VerifyingKey>> {
    entry.verify_signatures().then(|| {
        entry
            .signatures
            .iter()
            .map(|signature| VerifyingKey::from_bytes(signature.public))
            .collect()
    })
}
