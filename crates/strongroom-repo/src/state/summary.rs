//! A state as checkpoints and the local cache keep it (format §8.6).

use std::sync::Arc;

use strongroom_crypt::{StructureKeys, VerifyingKey};
use strongroom_format::{Checkpoint, DamagedPack, ObjectHash, Unknown};

use super::{Features, State, Trail};
use crate::error::Result;

impl State {
    /// Returns what a checkpoint says of this state.
    ///
    /// # Errors
    ///
    /// As [`Packs::get`](super::Packs::get).
    pub(crate) fn to_checkpoint(&self) -> Result<Checkpoint> {
        Ok(Checkpoint {
            packs: self.packs.iter().collect::<Result<_>>()?,
            ..self.to_checkpoint_without_packs()
        })
    }

    /// Returns what a checkpoint says of this state but for the packs in force.
    pub(crate) fn to_checkpoint_without_packs(&self) -> Checkpoint {
        let damaged =
            |(pack, frames): (&ObjectHash, &std::collections::BTreeSet<u32>)| DamagedPack {
                pack: *pack,
                frames: frames.iter().copied().collect(),
            };
        let features = |set: &std::collections::BTreeSet<String>| set.iter().cloned().collect();
        Checkpoint {
            packs: Vec::new(),
            segments: self.segments.values().cloned().collect(),
            snapshots: self
                .snapshots
                .iter()
                .map(|(n, (_, one))| (*n, Arc::clone(one)))
                .collect(),
            sessions: self
                .sessions
                .iter()
                .map(|(id, packs)| (*id, packs.iter().copied().collect()))
                .collect(),
            certificates: self.certificates.values().cloned().collect(),
            keyring: self.keyring.unwrap_or_default(),
            epochs: self
                .epochs
                .iter()
                .map(|(number, state)| (*number, *state))
                .collect(),
            read_features: features(&self.features.read),
            write_features: features(&self.features.write),
            maintain_features: features(&self.features.maintain),
            holds: self.holds.values().cloned().collect(),
            damaged: self.damaged.iter().map(damaged).collect(),
            condemned: self.condemned.iter().copied().collect(),
            dropped: self.dropped.keys().copied().collect(),
            ended_sessions: self.ended_sessions.keys().copied().collect(),
            policy: self.policy,
            only_writer: self.only_writer.map(|key| *key.as_bytes()),
            genesis: self.genesis,
            admin: *self.admin.as_bytes(),
            must_understand: self.must_understand,
            committed_sessions: self.committed_sessions.keys().copied().collect(),
            bridges: self.bridges.values().copied().collect(),
            unknown: Unknown::default(),
        }
    }

    /// Takes up what a checkpoint of the entries before `n` says, whose last has the hash `last`.
    ///
    /// When something was dropped is not recorded there: what `known` does not know of counts as dropped by the last entry.
    ///
    /// # Errors
    ///
    /// None is known: a snapshot that decodes has an encoding and so an id.
    pub(crate) fn of_checkpoint(
        checkpoint: Checkpoint,
        n: u64,
        last: ObjectHash,
        known: &Self,
        structure: &StructureKeys,
    ) -> Result<Self> {
        let mut state = Self::before_genesis(last);
        state.head = n;
        state.genesis = checkpoint.genesis;
        state.admin = VerifyingKey::from_bytes(checkpoint.admin);
        state.packs = checkpoint.packs.into_iter().collect();
        state.segments = checkpoint.segments.into_iter().collect();
        for (n, snapshot) in checkpoint.snapshots {
            state.insert_snapshot(n, snapshot, structure)?;
        }
        state.sessions = checkpoint
            .sessions
            .into_iter()
            .map(|(id, packs)| (id, packs.into_iter().collect()))
            .collect();
        let sessions = checkpoint.committed_sessions.into_iter();
        state.committed_sessions = sessions.map(|session| (session, ())).collect();
        let sessions = checkpoint.ended_sessions.into_iter();
        state.ended_sessions = sessions.map(|session| (session, ())).collect();
        let when = |name: &ObjectHash| {
            known
                .dropped
                .get(name)
                .copied()
                .unwrap_or(n.saturating_sub(1))
        };
        state.dropped = checkpoint
            .dropped
            .into_iter()
            .map(|name| (name, when(&name)))
            .collect();
        state.condemned = checkpoint.condemned.into_iter().collect();
        for damaged in checkpoint.damaged {
            state.note_damage(damaged.pack, &damaged.frames);
        }
        state.epochs = checkpoint.epochs.into_iter().collect();
        checkpoint
            .certificates
            .into_iter()
            .for_each(|one| state.certify(one));
        state.features = Features {
            read: checkpoint.read_features.into_iter().collect(),
            write: checkpoint.write_features.into_iter().collect(),
            maintain: checkpoint.maintain_features.into_iter().collect(),
        };
        state.holds = checkpoint
            .holds
            .into_iter()
            .map(|hold| (hold.id, hold))
            .collect();
        state.policy = checkpoint.policy;
        state.keyring = Some(checkpoint.keyring).filter(|(_, hash)| *hash != ObjectHash::default());
        state.only_writer = checkpoint.only_writer.map(VerifyingKey::from_bytes);
        state.bridges = checkpoint
            .bridges
            .into_iter()
            .map(|bridge| (bridge.n, bridge))
            .collect();
        state.trail = Trail::after(n, last, &state.bridges);
        // Who wrote the checkpoint may have understood what this version does not.
        state.must_understand = known.must_understand.or(checkpoint.must_understand);
        Ok(state)
    }
}
