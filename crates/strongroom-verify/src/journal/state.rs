//! The state that entries leave (`docs/format.md`, §8.4).

use std::collections::{BTreeMap, BTreeSet};

use strongroom_crypt::{Id, SessionId};
use strongroom_format::{
    BridgeRef, Certificate, EpochState, Evidence, Hold, ObjectHash, PackClass, Snapshot, Time,
};

/// What the entries before a number leave.
#[derive(Debug, Clone, Default)]
pub(crate) struct State {
    pub(crate) packs: BTreeMap<ObjectHash, PackInForce>,
    pub(crate) segments: BTreeMap<ObjectHash, SegmentInForce>,
    pub(crate) snapshots: BTreeMap<Id, SnapshotInForce>,
    /// Packs announced by Packs entries, of sessions that have not ended.
    pub(crate) announced: BTreeMap<SessionId, BTreeSet<ObjectHash>>,
    /// Sorted by public key, then roles.
    pub(crate) certificates: Vec<Certificate>,
    /// Generation and hash of the keyring announced last.
    pub(crate) keyring: Option<(u64, ObjectHash)>,
    pub(crate) epochs: BTreeMap<u32, EpochState>,
    /// How these came to be so, in the order of entries.
    pub(crate) epoch_changes: Vec<EpochChange>,
    /// Added by Feature entries: for readers, writers, maintenance.
    pub(crate) features: [BTreeSet<String>; 3],
    pub(crate) holds: BTreeMap<[u8; 16], Hold>,
    /// Damaged frames by pack; none means all.
    pub(crate) damaged: BTreeMap<ObjectHash, BTreeSet<u32>>,
    pub(crate) condemned: BTreeSet<ObjectHash>,
    /// Packs and segments.
    pub(crate) dropped: BTreeSet<ObjectHash>,
    /// Abandoned or dropped: they commit nothing any more.
    pub(crate) ended_sessions: BTreeSet<SessionId>,
    pub(crate) committed_sessions: BTreeSet<SessionId>,
    /// Number and hash of the last Policy.
    pub(crate) policy: Option<(u64, ObjectHash)>,
    pub(crate) only_writer: Option<[u8; 32]>,
    pub(crate) genesis: ObjectHash,
    pub(crate) admin: [u8; 32],
    /// The first entry of unknown type that writers must understand.
    pub(crate) must_understand: Option<u64>,
    /// Bridges in the places of lost entries, by number.
    pub(crate) bridges: BTreeMap<u64, BridgeRef>,
    /// Which entries are in the places of lost ones, as the last Bridge behind them says.
    pub(crate) confirmed: BTreeMap<u64, ObjectHash>,
    /// Hash of every entry that was followed, by number.
    pub(crate) hashes: Vec<ObjectHash>,
    /// Every Evidence entry of a check that has effect.
    pub(crate) evidence: Vec<EvidenceEntry>,
    /// The first entry that could not be followed, if the journal goes on after the last that could.
    pub(crate) unknown_from: Option<u64>,
}

impl State {
    /// Whether the author of entry `n` had seen another journal: so many entries, the last of them with this hash. Where a Bridge stands, its
    /// author may have seen what stood there before.
    pub(super) fn contradicts(&self, n: u64, (count, hash): (u64, ObjectHash)) -> bool {
        let Some(last) = count.checked_sub(1) else {
            return false;
        };
        let at = usize::try_from(last).unwrap_or(usize::MAX);
        let bridge = self.bridges.get(&last).map(|bridge| bridge.next);
        last >= n || (self.hashes.get(at) != Some(&hash) && bridge != Some(hash))
    }
}

/// A pack in force.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct PackInForce {
    pub(crate) len: u32,
    pub(crate) class: PackClass,
    /// The entry that added it, and when its author says it was written.
    pub(crate) n: u64,
    pub(crate) time: Time,
    /// Public key of the first signer of that entry.
    pub(crate) writer: [u8; 32],
    /// The session that announced or committed it; `None` of one that came by another entry.
    pub(crate) session: Option<SessionId>,
}

/// What an entry made of an epoch.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct EpochChange {
    /// The entry.
    pub(crate) n: u64,
    pub(crate) epoch: u32,
    pub(crate) state: EpochState,
    /// It stands in the place of a lost entry, which may be another one than that which said so first.
    pub(crate) is_bridged: bool,
}

/// A segment in force.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct SegmentInForce {
    pub(crate) len: u32,
    pub(crate) entries: u64,
    /// The entry that added it.
    pub(crate) n: u64,
}

/// A snapshot in force.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct SnapshotInForce {
    /// The entry that committed it.
    pub(crate) n: u64,
    pub(crate) snapshot: Snapshot,
}

/// An Evidence entry that has effect.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct EvidenceEntry {
    pub(crate) n: u64,
    pub(crate) time: Time,
    /// Public key of the first signer.
    pub(crate) writer: [u8; 32],
    pub(crate) evidence: Evidence,
}
