//! What is in force: the fold of the journal's entries (format §8.2 to §8.4).

mod fold;
mod packs;
mod query;
mod rules;
mod sorted;
mod summary;
#[cfg(test)]
mod tests;
mod trail;

pub(crate) use self::fold::Effect;
pub(crate) use self::packs::{Changes, PackFile, Packs};
use self::sorted::Sorted;
use self::trail::Trail;

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use strongroom_crypt::{Id, SessionId, VerifyingKey};
use strongroom_format::{
    BridgeRef, Certificate, EpochState, Hold, ObjectHash, SegmentRef, SharedLabels, Snapshot,
};

/// What is in force after `head` entries.
///
/// Every client that has folded the same entries has the same state, whatever its clock says. What grows with the repository is shared by
/// states except for the parts that one of them has changed, and snapshots always.
#[derive(Debug, Clone)]
pub(crate) struct State {
    /// How many entries have been folded, which is the number of the next.
    pub(crate) head: u64,
    /// Hash of the last of them.
    pub(crate) head_hash: ObjectHash,
    /// Hash of entry 0.
    pub(crate) genesis: ObjectHash,
    /// The key that Genesis names as the admin's.
    pub(crate) admin: VerifyingKey,
    /// Packs in force.
    pub(crate) packs: Packs,
    /// Index segments in force.
    pub(crate) segments: Sorted<SegmentRef>,
    /// Snapshots in force, by the number of their entries.
    pub(crate) snapshots: Sorted<(u64, (Id, Arc<Snapshot>))>,
    /// Announced packs of sessions that have not ended.
    pub(crate) sessions: BTreeMap<SessionId, BTreeSet<ObjectHash>>,
    /// Sessions that have committed: what they add later they do not announce.
    pub(crate) committed_sessions: Sorted<(SessionId, ())>,
    /// Sessions that were abandoned or dropped and must not commit.
    pub(crate) ended_sessions: Sorted<(SessionId, ())>,
    /// Packs and segments that were dropped, with the number of the entry that did it. Of what a checkpoint
    /// brought it is the number of the last entry that the checkpoint folds.
    pub(crate) dropped: Sorted<(ObjectHash, u64)>,
    /// Packs that will be dropped soon; new sessions do not build on them.
    pub(crate) condemned: BTreeSet<ObjectHash>,
    /// Packs with frames that are not to be trusted as the only copy of a blob; no frames means all.
    pub(crate) damaged: BTreeMap<ObjectHash, BTreeSet<u32>>,
    /// Epochs, where an entry changed what the keyring says of them.
    pub(crate) epochs: BTreeMap<u32, EpochState>,
    /// Certificates in force, that of Genesis' admin included, by public key and roles.
    pub(crate) certificates: BTreeMap<([u8; 32], u8), Certificate>,
    /// Features that were added after config was written.
    pub(crate) features: Features,
    /// Holds in force.
    pub(crate) holds: BTreeMap<[u8; 16], Hold>,
    /// The last Policy entry: its number and the hash of the document.
    pub(crate) policy: Option<(u64, ObjectHash)>,
    /// The keyring generation in force and its hash; `None` as long as no entry has announced one.
    pub(crate) keyring: Option<(u64, ObjectHash)>,
    /// The only writer, in single-writer mode.
    pub(crate) only_writer: Option<VerifyingKey>,
    /// The first entry that a writer must understand and this version does not.
    pub(crate) must_understand: Option<u64>,
    /// Bridges in the places of lost entries.
    pub(crate) bridges: BTreeMap<u64, BridgeRef>,
    /// What later Bridges say to be in the places of lost entries. A state in which something else is there is not the one that others have.
    pub(crate) confirmed: BTreeMap<u64, ObjectHash>,
    /// Packs count that no segment maps: they were found in the store, for a repository that is only read.
    pub(crate) has_unmapped_packs: bool,
    /// The newest time that the author of an entry that this client has folded wrote, in seconds.
    pub(crate) newest: i64,
    /// The last entries that this client has folded itself.
    pub(crate) trail: Trail,
    by_id: Sorted<(Id, u64)>,
    labels: SharedLabels,
}

/// Where a journal goes on.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Link {
    /// The number of the next entry.
    pub(crate) n: u64,
    /// Hash of the last one.
    pub(crate) last: ObjectHash,
    /// The previous hash that the next one has to state.
    pub(crate) previous: ObjectHash,
}

/// Names of features, by who must know them.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct Features {
    /// Whoever reads.
    pub(crate) read: BTreeSet<String>,
    /// Whoever writes.
    pub(crate) write: BTreeSet<String>,
    /// Whoever maintains.
    pub(crate) maintain: BTreeSet<String>,
}

impl State {
    /// Returns the state before entry 0, which must follow config.
    pub(crate) fn before_genesis(config_hash: ObjectHash) -> Self {
        Self {
            head: 0,
            head_hash: config_hash,
            genesis: ObjectHash::default(),
            admin: VerifyingKey::from_bytes([0; 32]),
            packs: Packs::default(),
            segments: Sorted::default(),
            snapshots: Sorted::default(),
            sessions: BTreeMap::new(),
            committed_sessions: Sorted::default(),
            ended_sessions: Sorted::default(),
            dropped: Sorted::default(),
            condemned: BTreeSet::new(),
            damaged: BTreeMap::new(),
            epochs: BTreeMap::new(),
            certificates: BTreeMap::new(),
            features: Features::default(),
            holds: BTreeMap::new(),
            policy: None,
            keyring: None,
            only_writer: None,
            must_understand: None,
            bridges: BTreeMap::new(),
            confirmed: BTreeMap::new(),
            has_unmapped_packs: false,
            newest: i64::MIN,
            trail: Trail::default(),
            by_id: Sorted::default(),
            labels: SharedLabels::default(),
        }
    }
}
