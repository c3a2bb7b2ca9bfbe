//! What a replication did.

use std::fmt;

use strongroom_store::Retention;

use crate::locks::utc;
use crate::parity::ParityCount;

/// What a replication did.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct ReplicaReport {
    /// Entries that the replica's journal has now.
    pub head: u64,
    /// Of these, entries that were put by this call.
    pub entries: u64,
    /// Packs put.
    pub packs: u64,
    /// Index segments put.
    pub segments: u64,
    /// Bytes put.
    pub bytes: u64,
    /// Parity that packs got there, if [`Settings::parity`](crate::Settings::parity) of this handle asks for any. What parity the original has
    /// is not copied: what a pack needs depends on where it is.
    pub parity: ParityCount,
    /// Objects that were damaged there, by their length, and were put again. They are counted above too.
    pub repaired: Vec<String>,
    /// Objects that the journal names and that are missing or damaged here, and not there in the replica either.
    pub lost: Vec<String>,
    /// What a revocation had deleted here and was deleted there.
    pub deleted: Vec<String>,
    /// What should be deleted there and could not be, and why. With these objects a revoked secret still opens the replica.
    pub left: Vec<(String, String)>,
    /// How what this call put is locked; `None` if it is not.
    pub locked: Option<Retention>,
    /// The settings ask for locked objects, and the replica's store cannot lock any.
    pub is_unlocked: bool,
}

impl ReplicaReport {
    /// Says whether the replica holds everything that its journal names, and a revocation here holds there too.
    #[must_use]
    pub fn is_complete(&self) -> bool {
        self.lost.is_empty() && self.left.is_empty()
    }
}

impl fmt::Display for ReplicaReport {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            f,
            "replica at entry {}: {} entries, {} packs, {} segments, {} bytes copied",
            self.head, self.entries, self.packs, self.segments, self.bytes
        )?;
        if self.parity != ParityCount::default() {
            write!(f, "\n{}", self.parity)?;
        }
        if let Some(locked) = self.locked {
            write!(f, "\nwhat was put is locked until {}", utc(locked.until))?;
        }
        if self.is_unlocked {
            f.write_str(
                "\nthe replica is not locked: its store cannot lock objects; what its journal says of locks is true of the original",
            )?;
        }
        for name in &self.repaired {
            write!(f, "\nput again: {name}")?;
        }
        for name in &self.lost {
            write!(f, "\nlost: {name}")?;
        }
        for name in &self.deleted {
            write!(f, "\ndeleted: {name}")?;
        }
        for (name, why) in &self.left {
            write!(f, "\nnot deleted: {name}: {why}")?;
        }
        Ok(())
    }
}
