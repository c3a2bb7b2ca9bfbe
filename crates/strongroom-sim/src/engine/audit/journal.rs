//! The journal, walked from entry 0 and folded anew.

use std::collections::{BTreeMap, BTreeSet};

use strongroom_crypt::{Id, SessionId};
use strongroom_format::{
    Body, Commit, Entry, Hold, HoldAction, ObjectHash, ObjectKind, PackRef, SegmentRef, Snapshot,
    object_name::{self, ObjectName},
};

use super::opened::Opened;
use super::{Broken, Objects};
use crate::engine::ledger::Ledger;
use crate::world::Deletion;

/// What is in force at the end.
#[derive(Debug, Default)]
pub(in crate::engine) struct Journal {
    pub(in crate::engine) packs: BTreeMap<ObjectHash, PackRef>,
    pub(in crate::engine) segments: BTreeMap<ObjectHash, SegmentRef>,
    /// With the number of the entry that committed it last.
    pub(in crate::engine) snapshots: BTreeMap<Id, (u64, Snapshot)>,
    /// What was dropped, and by which entry.
    pub(in crate::engine) dropped: BTreeMap<ObjectHash, u64>,
    /// Sessions that have announced something and have not ended.
    pub(in crate::engine) sessions: BTreeSet<SessionId>,
    /// Damaged frames and the entries that said so; no frames means all.
    damaged: BTreeMap<ObjectHash, Vec<(u64, Vec<u32>)>>,
    ended: BTreeSet<SessionId>,
    holds: BTreeMap<[u8; 16], Hold>,
    signers: BTreeSet<[u8; 32]>,
    /// The snapshot of each Commit by the number of its entry, and that entry's hash.
    commits: BTreeMap<u64, (Id, ObjectHash)>,
    /// How many entries there are.
    pub(in crate::engine) entries: u64,
    /// Hash of the last of them.
    pub(in crate::engine) last: ObjectHash,
}

/// Whether signatures are verified, which costs more than everything else of a walk.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(in crate::engine) enum Signatures {
    Verified,
    Believed,
}

const CHAIN: &str = "I3: the chain is dense and signed";
const VOID: &str = "no entry is void";

impl Journal {
    pub(in crate::engine) fn walk(
        objects: &Objects,
        opened: &Opened,
        signatures: Signatures,
    ) -> Result<Self, Broken> {
        let mut journal = Self::default();
        let mut previous = opened.config;
        let at = |n: u64, what: &str| (CHAIN, format!("entry {n}: {what}"));
        while let Some(bytes) = objects.get(&object_name::journal(journal.entries)) {
            let n = journal.entries;
            let decoded = |error: strongroom_format::DecodeError| at(n, &error.to_string());
            let entry = Entry::decode(bytes).map_err(decoded)?;
            let preamble = &entry.preamble;
            preamble
                .check(ObjectKind::Journal, opened.suite, &opened.repository)
                .map_err(decoded)?;
            if entry.n != n || entry.previous != previous {
                return Err(at(n, "it does not follow"));
            }
            if n == 0 && entry.hash != opened.genesis {
                return Err(at(n, "it is not the keyring's"));
            }
            if signatures == Signatures::Verified && !entry.verify_signatures() {
                return Err(at(n, "a signature is wrong"));
            }
            let payload = entry.open(opened.structure.journal()).map_err(decoded)?;
            journal.fold(&entry, &payload.body, opened)?;
            previous = entry.hash;
            journal.last = entry.hash;
            journal.entries += 1;
        }
        let is_entry =
            |name: &&String| matches!(object_name::parse(name), Some(ObjectName::Journal(_)));
        match objects.keys().filter(is_entry).count() as u64 == journal.entries {
            true => Ok(journal),
            false => Err(at(journal.entries, "it is missing")),
        }
    }

    /// Makes sure that every acknowledged snapshot is in its entry.
    pub(super) fn check_acknowledged(&self, ledger: &Ledger) -> Result<(), Broken> {
        for (number, attempt, _) in ledger.duties() {
            let Some((id, n, hash)) = attempt.acknowledged else {
                continue;
            };
            if self.commits.get(&n) != Some(&(id, hash)) {
                let what = format!("attempt {number}, entry {n}");
                return Err(("I2: what was acknowledged is in the journal", what));
            }
        }
        Ok(())
    }

    /// Makes sure that nothing was deleted before it was dropped, and nothing that is never deleted.
    pub(super) fn check_deletions(&self, deletions: &[Deletion]) -> Result<(), Broken> {
        for deletion in deletions {
            let name = deletion.key.as_str();
            let allowed = match name.split_once('/') {
                Some(("session" | "checkpoint" | "keyring" | "slot", _)) => true,
                Some(("pack" | "index", hash)) => {
                    let hash = hash.rsplit('/').next().unwrap_or_default();
                    let hash = ObjectHash::parse(hash);
                    let dropped = hash.and_then(|hash| self.dropped.get(&hash));
                    dropped.is_some_and(|n| *n < deletion.journal)
                }
                _ => false,
            };
            if !allowed {
                let what = format!("{name} at step {}", deletion.step);
                return Err(("I4: what is deleted was dropped before", what));
            }
        }
        Ok(())
    }

    fn fold(&mut self, entry: &Entry, body: &Body, opened: &Opened) -> Result<(), Broken> {
        let n = entry.n;
        self.check_signer(entry, body)?;
        let void = |what: &str| (VOID, format!("entry {n}: {what}"));
        match body {
            Body::Genesis(_) | Body::Keys(_) => {}
            Body::Commit(commit) => self.commit(entry, commit, opened)?,
            Body::Packs(packs) => {
                self.may_add(n, &packs.session)?;
                self.add(n, &packs.packs, &packs.segments)?;
                self.sessions.insert(packs.session);
            }
            Body::Abandon(abandon) => self.end(&abandon.sessions),
            Body::Damaged(damaged) => {
                for one in &damaged.packs {
                    let entries = self.damaged.entry(one.pack).or_default();
                    entries.push((n, one.frames.clone()));
                }
            }
            Body::Forget(forget) => {
                for id in &forget.snapshots {
                    let Some((_, snapshot)) = self.snapshots.remove(id) else {
                        return Err(void("it forgets what is not there"));
                    };
                    if self.holds(id, &snapshot) {
                        return Err(void("it forgets what is held"));
                    }
                }
            }
            Body::Tombstone(tombstone) => {
                let (dropped, added) = (&tombstone.dropped, &tombstone.added);
                self.drop(n, &dropped.packs);
                self.drop(n, &dropped.segments);
                self.end(&dropped.sessions);
                self.add(n, &added.packs, &added.segments)?;
            }
            Body::Index(change) => {
                self.drop(n, &change.removed);
                self.add(n, &[], &change.added)?;
            }
            Body::Hold(hold) if hold.action == HoldAction::Place => {
                self.holds.insert(hold.id, hold.clone());
            }
            Body::Hold(hold) => drop(self.holds.remove(&hold.id)),
            _ => {}
        }
        Ok(())
    }

    fn check_signer(&mut self, entry: &Entry, body: &Body) -> Result<(), Broken> {
        let certificates = match body {
            Body::Genesis(genesis) => {
                self.signers.insert(genesis.admin);
                &genesis.certificates
            }
            Body::Keys(keys) => &keys.certificates,
            _ => &Vec::new(),
        };
        let signed = |signature: &strongroom_format::Signature| {
            <[u8; 32]>::try_from(signature.public.as_slice())
                .is_ok_and(|public| self.signers.contains(&public))
        };
        if !entry.signatures.iter().any(signed) {
            return Err((CHAIN, format!("entry {}: a stranger signed it", entry.n)));
        }
        let public = certificates.iter().map(|certificate| certificate.public);
        self.signers.extend(public);
        Ok(())
    }

    fn commit(&mut self, entry: &Entry, commit: &Commit, opened: &Opened) -> Result<(), Broken> {
        let n = entry.n;
        self.may_add(n, &commit.session)?;
        self.add(n, &commit.packs, &commit.segments)?;
        let id = commit.snapshot.id(&opened.structure);
        let id = id.map_err(|error| (CHAIN, format!("entry {n}: {error}")))?;
        self.commits.insert(n, (id, entry.hash));
        self.snapshots.insert(id, (n, commit.snapshot.clone()));
        self.sessions.remove(&commit.session);
        Ok(())
    }

    /// Says whether an entry before `n` called this frame damaged.
    pub(in crate::engine) fn is_damaged(&self, pack: &ObjectHash, frame: usize, n: u64) -> bool {
        let names =
            |frames: &[u32]| frames.is_empty() || frames.iter().any(|one| *one as usize == frame);
        let entries = self.damaged.get(pack).into_iter().flatten();
        entries
            .into_iter()
            .any(|(entry, frames)| *entry < n && names(frames))
    }

    /// Says whether something of a pack was called damaged.
    pub(super) fn is_doubted(&self, pack: &ObjectHash) -> bool {
        self.damaged.contains_key(pack)
    }

    /// Says whether an entry from `n` on called anything damaged: then copies that were good for earlier ones may have gone.
    pub(super) fn is_doubted_since(&self, n: u64) -> bool {
        let mut entries = self.damaged.values().flatten();
        entries.any(|(entry, _)| *entry >= n)
    }

    fn end(&mut self, sessions: &[SessionId]) {
        for session in sessions {
            self.sessions.remove(session);
            self.ended.insert(*session);
        }
    }

    fn may_add(&self, n: u64, session: &SessionId) -> Result<(), Broken> {
        match self.ended.contains(session) {
            true => Err((VOID, format!("entry {n}: its session was ended"))),
            false => Ok(()),
        }
    }

    fn add(&mut self, n: u64, packs: &[PackRef], segments: &[SegmentRef]) -> Result<(), Broken> {
        let packs_named = packs.iter().map(|pack| pack.name);
        let mut names = packs_named.chain(segments.iter().map(|segment| segment.name));
        if let Some(name) = names.find(|name| self.dropped.contains_key(name)) {
            return Err((VOID, format!("entry {n}: {name} comes back")));
        }
        self.packs
            .extend(packs.iter().map(|pack| (pack.name, *pack)));
        let segments = segments.iter().map(|segment| (segment.name, *segment));
        self.segments.extend(segments);
        Ok(())
    }

    fn drop(&mut self, n: u64, names: &[ObjectHash]) {
        for name in names {
            self.packs.remove(name);
            self.segments.remove(name);
            self.dropped.entry(*name).or_insert(n);
        }
    }

    pub(in crate::engine) fn holds(&self, id: &Id, snapshot: &Snapshot) -> bool {
        self.holds
            .values()
            .any(|hold| match hold.snapshots.as_slice() {
                [] => hold.series.as_ref() == Some(&snapshot.series),
                some => some.contains(id),
            })
    }
}
