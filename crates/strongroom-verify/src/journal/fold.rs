//! What each entry does to the state (`docs/format.md`, §8.2–8.4).

use std::collections::BTreeSet;

use strongroom_crypt::{Roles, SessionId, StructureKeys};
use strongroom_format::{
    Added, Body, Bridge, BridgeRef, Certificate, CheckRecord, Commit, Damaged, Evidence, Feature,
    Forget, Genesis, HoldAction, IndexChange, Keys, ObjectHash, PackRef, Packs, Payload,
    SegmentRef, Time, Tombstone,
};

use super::state::{
    EpochChange, EvidenceEntry, PackInForce, SegmentInForce, SnapshotInForce, State,
};

/// What an entry did.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Effect {
    /// What it says.
    Applied,
    /// Nothing, and it changes nothing that follows; why.
    Void(Void),
    /// Nothing: its type is of a later version.
    Unknown,
}

/// Why an entry is void.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Void {
    /// Its payload does not open, or is none.
    Payload,
    /// No signature of a known algorithm, or one that is wrong.
    Signature,
    /// Nobody who signed it may write such entries.
    Role,
    /// Its session was abandoned or dropped.
    SessionEnded,
    /// It adds what was dropped, or what it drops itself.
    AddsDropped,
    /// It forgets what is not in force.
    ForgetsUnknown,
    /// It forgets what is held.
    ForgetsHeld,
    /// A Genesis that is not the first entry.
    SecondGenesis,
    /// A Takeover where everybody may write.
    NotSingleWriter,
    /// Not by the only writer.
    NotOnlyWriter,
}

impl Void {
    /// Whether it takes more than two honest clients in a race to make such an entry.
    pub(crate) const fn is_suspicious(self) -> bool {
        matches!(
            self,
            Self::Payload | Self::Signature | Self::Role | Self::SecondGenesis
        )
    }

    pub(crate) const fn words(self) -> &'static str {
        match self {
            Self::Payload => "its payload does not open or is not valid",
            Self::Signature => "a signature is missing or wrong",
            Self::Role => "nobody who signed it is certified for such entries",
            Self::SessionEnded => "its session was abandoned or dropped before",
            Self::AddsDropped => "it adds what was dropped",
            Self::ForgetsUnknown => "it forgets a snapshot that is not in force",
            Self::ForgetsHeld => "it forgets a snapshot that is held",
            Self::SecondGenesis => "a second Genesis",
            Self::NotSingleWriter => "a Takeover outside single-writer mode",
            Self::NotOnlyWriter => "not by the only writer",
        }
    }
}

/// An entry whose box was opened and whose signatures verify.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Signed<'a> {
    pub(crate) n: u64,
    /// Its own hash.
    pub(crate) hash: ObjectHash,
    /// The public keys that signed it, at least one.
    pub(crate) signers: &'a [[u8; 32]],
    pub(crate) payload: &'a Payload,
}

impl State {
    /// Begins with entry 0, which must be a Genesis signed by its own admin; otherwise there is no journal.
    pub(crate) fn begin(entry: &Signed<'_>) -> Option<Self> {
        let Body::Genesis(genesis) = &entry.payload.body else {
            return None;
        };
        if !entry.signers.contains(&genesis.admin) {
            return None;
        }
        let mut state = Self {
            genesis: entry.hash,
            ..Self::default()
        };
        state.genesis(genesis);
        Some(state)
    }

    /// Applies an entry after the first.
    pub(crate) fn apply(&mut self, entry: &Signed<'_>, keys: &StructureKeys) -> Effect {
        let body = &entry.payload.body;
        let allowed = match body {
            Body::Unknown { .. } => entry.signers.iter().any(|key| self.is_certified(key)),
            _ => self.may_sign(entry.signers, body.roles_needed()),
        };
        if !allowed {
            return Effect::Void(Void::Role);
        }
        if self.is_kept_out(entry) {
            return Effect::Void(Void::NotOnlyWriter);
        }
        if let Some(void) = self.conflict(body) {
            return Effect::Void(void);
        }
        let by = Author {
            n: entry.n,
            time: entry.payload.time,
            writer: entry.signers.first().copied().unwrap_or_default(),
            session: session_of(body),
            is_bridge: matches!(body, Body::Bridge(_)),
        };
        match body {
            Body::Bridge(bridge) => {
                self.bridge(by, entry.hash, bridge, keys);
                Effect::Applied
            }
            Body::Unknown { .. } => {
                if entry.payload.must_understand {
                    self.must_understand.get_or_insert(entry.n);
                }
                Effect::Unknown
            }
            _ => {
                self.take_effect(by, body, keys);
                Effect::Applied
            }
        }
    }

    /// Does what a body of a type that says something of the repository itself says.
    fn take_effect(&mut self, by: Author, body: &Body, keys: &StructureKeys) {
        match body {
            Body::Commit(commit) => self.commit(by, commit, keys),
            Body::Packs(packs) => self.announce(by, packs),
            Body::Abandon(abandon) => self.end_sessions(&abandon.sessions),
            Body::Forget(forget) => self
                .snapshots
                .retain(|id, _| !forget.snapshots.contains(id)),
            Body::Condemn(condemn) => {
                let in_force = |pack: &&ObjectHash| self.packs.contains_key(*pack);
                let packs = condemn.packs.iter().filter(in_force);
                self.condemned.extend(packs);
            }
            Body::Tombstone(tombstone) => self.tombstone(by, tombstone),
            Body::Index(index) => {
                self.drop_segments(&index.removed);
                self.add_segments(by, &index.added);
            }
            Body::Damaged(damaged) => self.note_damaged(damaged),
            Body::Keys(keys) => self.change_keys(by, keys),
            Body::Feature(feature) => self.add_features(feature),
            Body::Hold(hold) => match hold.action {
                HoldAction::Place => {
                    self.holds.insert(hold.id, hold.clone());
                }
                _ => {
                    self.holds.remove(&hold.id);
                }
            },
            Body::Policy(policy) => self.policy = Some((by.n, policy.hash)),
            Body::Evidence(evidence) => self.keep_evidence(by, evidence),
            Body::Takeover(takeover) => self.only_writer = Some(takeover.only_writer),
            _ => {}
        }
    }

    /// Stands in for lost entries, or says which entries do (§8.8).
    fn bridge(&mut self, by: Author, hash: ObjectHash, bridge: &Bridge, keys: &StructureKeys) {
        for effect in &bridge.effects {
            if self.conflict(effect).is_none() {
                self.take_effect(by, effect, keys);
            }
        }
        self.confirmed.extend(bridge.confirmed.iter().copied());
        if bridge.confirmed.is_empty() {
            let next = bridge.stated.unwrap_or(hash);
            let n = by.n;
            self.bridges.insert(n, BridgeRef { n, hash, next });
        }
    }

    /// Whether a certificate in force has this key.
    pub(crate) fn is_certified(&self, key: &[u8; 32]) -> bool {
        self.certificates.iter().any(|one| one.public == *key)
    }

    /// Whether one of the keys is certified for one of the roles.
    pub(crate) fn may_sign(&self, signers: &[[u8; 32]], roles: Roles) -> bool {
        self.certificates
            .iter()
            .any(|one| one.roles.intersects(roles) && signers.contains(&one.public))
    }

    /// Whether a hold in force names the snapshot or its series.
    fn is_held(&self, id: &strongroom_crypt::Id, series: &str) -> bool {
        self.holds.values().any(|hold| {
            if hold.snapshots.is_empty() {
                hold.series.as_deref() == Some(series)
            } else {
                hold.snapshots.contains(id)
            }
        })
    }

    /// Whether, in single-writer mode, the entry is not by the only writer and not of a type that only an admin may write.
    fn is_kept_out(&self, entry: &Signed<'_>) -> bool {
        let admins_own = matches!(
            entry.payload.body,
            Body::Keys(_)
                | Body::Feature(_)
                | Body::Hold(_)
                | Body::Policy(_)
                | Body::Takeover(_)
                | Body::Bridge(_)
        );
        let by_writer = |writer: [u8; 32]| entry.signers.contains(&writer);
        !admins_own && !self.only_writer.is_none_or(by_writer)
    }

    /// Why §8.4 makes such an entry void, whoever signed it, if it does.
    fn conflict(&self, body: &Body) -> Option<Void> {
        match body {
            Body::Genesis(_) => Some(Void::SecondGenesis),
            Body::Takeover(_) if self.only_writer.is_none() => Some(Void::NotSingleWriter),
            Body::Commit(commit) => {
                self.cannot_add(Some(&commit.session), &commit.packs, &commit.segments, &[])
            }
            Body::Packs(packs) => {
                self.cannot_add(Some(&packs.session), &packs.packs, &packs.segments, &[])
            }
            Body::Tombstone(Tombstone { dropped, added, .. }) => {
                let own = [dropped.packs.as_slice(), &dropped.segments];
                self.cannot_add(None, &added.packs, &added.segments, &own)
            }
            Body::Index(IndexChange { removed, added, .. }) => {
                self.cannot_add(None, &[], added, &[removed])
            }
            Body::Forget(forget) => self.cannot_forget(forget),
            _ => None,
        }
    }

    fn cannot_add(
        &self,
        session: Option<&SessionId>,
        packs: &[PackRef],
        segments: &[SegmentRef],
        own: &[&[ObjectHash]],
    ) -> Option<Void> {
        if session.is_some_and(|session| self.ended_sessions.contains(session)) {
            return Some(Void::SessionEnded);
        }
        let names = packs.iter().map(|pack| pack.name);
        let mut names = names.chain(segments.iter().map(|segment| segment.name));
        let own: BTreeSet<&ObjectHash> = own.iter().copied().flatten().collect();
        names
            .any(|name| self.dropped.contains(&name) || own.contains(&name))
            .then_some(Void::AddsDropped)
    }

    fn cannot_forget(&self, forget: &Forget) -> Option<Void> {
        forget.snapshots.iter().find_map(|id| {
            let Some(in_force) = self.snapshots.get(id) else {
                return Some(Void::ForgetsUnknown);
            };
            self.is_held(id, &in_force.snapshot.series)
                .then_some(Void::ForgetsHeld)
        })
    }

    fn genesis(&mut self, genesis: &Genesis) {
        self.admin = genesis.admin;
        self.only_writer = genesis.only_writer;
        self.certify(&Certificate {
            roles: Roles::ADMIN,
            public: genesis.admin,
            label: String::new(),
            not_after: 0,
        });
        for certificate in &genesis.certificates {
            self.certify(certificate);
        }
    }

    /// Puts a certificate in force, in the place of one of the same key and roles.
    fn certify(&mut self, certificate: &Certificate) {
        let order = |one: &Certificate| (one.public, one.roles.bits());
        let place = self
            .certificates
            .binary_search_by_key(&order(certificate), order);
        match place {
            Ok(at) => {
                if let Some(one) = self.certificates.get_mut(at) {
                    *one = certificate.clone();
                }
            }
            Err(at) => self.certificates.insert(at, certificate.clone()),
        }
    }

    fn commit(&mut self, by: Author, commit: &Commit, keys: &StructureKeys) {
        self.add_packs(by, &commit.packs);
        self.add_segments(by, &commit.segments);
        self.announced.remove(&commit.session);
        self.committed_sessions.insert(commit.session);
        // What was decoded has an encoding.
        if let Ok(id) = commit.snapshot.id(keys) {
            self.snapshots.entry(id).or_insert_with(|| SnapshotInForce {
                n: by.n,
                snapshot: commit.snapshot.clone(),
            });
        }
    }

    fn announce(&mut self, by: Author, packs: &Packs) {
        self.add_packs(by, &packs.packs);
        self.add_segments(by, &packs.segments);
        if !self.committed_sessions.contains(&packs.session) {
            let names = packs.packs.iter().map(|pack| pack.name);
            self.announced
                .entry(packs.session)
                .or_default()
                .extend(names);
        }
    }

    fn end_sessions(&mut self, sessions: &[SessionId]) {
        for session in sessions {
            self.announced.remove(session);
            self.committed_sessions.remove(session);
            self.ended_sessions.insert(*session);
        }
    }

    fn tombstone(&mut self, by: Author, tombstone: &Tombstone) {
        let Tombstone { dropped, added, .. } = tombstone;
        for pack in &dropped.packs {
            self.packs.remove(pack);
            self.damaged.remove(pack);
            self.condemned.remove(pack);
            self.dropped.insert(*pack);
        }
        self.drop_segments(&dropped.segments);
        self.end_sessions(&dropped.sessions);
        let Added {
            packs, segments, ..
        } = added;
        self.add_packs(by, packs);
        self.add_segments(by, segments);
    }

    fn drop_segments(&mut self, segments: &[ObjectHash]) {
        for segment in segments {
            self.segments.remove(segment);
            self.dropped.insert(*segment);
        }
    }

    fn add_packs(&mut self, by: Author, packs: &[PackRef]) {
        for pack in packs {
            self.packs.entry(pack.name).or_insert(PackInForce {
                len: pack.len,
                class: pack.class,
                n: by.n,
                time: by.time,
                writer: by.writer,
                session: by.session,
            });
        }
    }

    fn add_segments(&mut self, by: Author, segments: &[SegmentRef]) {
        for segment in segments {
            self.segments.entry(segment.name).or_insert(SegmentInForce {
                len: segment.len,
                entries: segment.entries,
                n: by.n,
            });
        }
    }

    fn note_damaged(&mut self, damaged: &Damaged) {
        for one in &damaged.packs {
            let known = self.damaged.get(&one.pack);
            let all = known.is_some_and(BTreeSet::is_empty);
            let frames = self.damaged.entry(one.pack).or_default();
            if all || one.frames.is_empty() {
                frames.clear();
            } else {
                frames.extend(&one.frames);
            }
        }
    }

    fn change_keys(&mut self, by: Author, keys: &Keys) {
        self.certificates
            .retain(|one| !keys.ended.contains(&one.public));
        for certificate in &keys.certificates {
            self.certify(certificate);
        }
        if let (Some(generation), Some(hash)) = (keys.generation, keys.keyring) {
            self.keyring = Some((generation, hash));
        }
        self.epochs.extend(keys.epochs.iter().copied());
        let changes = keys.epochs.iter().map(|(epoch, state)| EpochChange {
            n: by.n,
            epoch: *epoch,
            state: *state,
            is_bridged: by.is_bridge,
        });
        self.epoch_changes.extend(changes);
    }

    fn add_features(&mut self, feature: &Feature) {
        let added = [&feature.read, &feature.write, &feature.maintain];
        for (features, added) in self.features.iter_mut().zip(added) {
            features.extend(added.iter().cloned());
        }
    }

    /// Keeps what checks recorded. Evidence of other kinds is nobody's here.
    fn keep_evidence(&mut self, by: Author, evidence: &Evidence) {
        if evidence.kind != CheckRecord::KIND {
            return;
        }
        self.evidence.push(EvidenceEntry {
            n: by.n,
            time: by.time,
            writer: by.writer,
            evidence: evidence.clone(),
        });
    }
}

/// The session whose entry this is, if it adds what that has sealed.
fn session_of(body: &Body) -> Option<SessionId> {
    match body {
        Body::Commit(commit) => Some(commit.session),
        Body::Packs(packs) => Some(packs.session),
        _ => None,
    }
}

/// Who added something, where and when.
#[derive(Debug, Clone, Copy)]
struct Author {
    n: u64,
    time: Time,
    writer: [u8; 32],
    /// Whose entry it is, if it is one of a session that adds what it has sealed.
    session: Option<SessionId>,
    is_bridge: bool,
}

#[cfg(test)]
mod tests;
