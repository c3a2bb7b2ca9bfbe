//! The journal: how far it is intact, and the state that it leaves. Written from `docs/format.md`, §8, not from the engine.

mod candidate;
mod checkpoint;
mod effects;
mod fold;
mod follow;
mod places;
mod state;

use std::fmt;

use strongroom_format::ObjectHash;

pub(crate) use follow::Follower;
pub(crate) use state::{EpochChange, EvidenceEntry, PackInForce, SnapshotInForce, State};

/// An entry of the journal, by which a state is remembered.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[expect(
    clippy::exhaustive_structs,
    reason = "a number and a hash are all there is to say"
)]
pub struct Head {
    /// Its number, from 0.
    pub n: u64,
    /// Its hash.
    pub hash: ObjectHash,
}

impl fmt::Display for Head {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "entry {} with hash {}", self.n, self.hash)
    }
}

#[cfg(test)]
mod tests;
