//! What a repair has done.

use std::fmt;

use strongroom_format::object_name::ObjectName;
use strongroom_format::{DamagedPack, ObjectHash};

use crate::error::Error;
use crate::parity::ParityCount;

/// What a repair has done.
#[derive(Debug, Default)]
#[non_exhaustive]
pub struct RepairReport {
    /// Objects whose bytes were put back.
    pub put_back: u64,
    /// Objects that were made anew.
    pub rebuilt: u64,
    /// Objects that were deleted.
    pub deleted: u64,
    /// Packs of which what is good was moved, and that were dropped.
    pub moved: u64,
    /// Packs that an entry said are damaged.
    pub quarantined: u64,
    /// Journal entries written.
    pub entries: u64,
    /// Objects put.
    pub puts: u64,
    /// Their bytes.
    pub written_bytes: u64,
    /// Parity of new packs.
    pub parity: ParityCount,
    /// Objects of the plan that are as they should be by now, or not in force any more.
    pub already: u64,
    /// Objects of the plan of which something else is decided by now. They were left as they are: make another plan.
    pub stale: Vec<ObjectName>,
    /// Why something could not be done.
    pub problems: Vec<Error>,
}

impl RepairReport {
    /// Says whether everything was done that was planned.
    #[must_use]
    pub fn is_complete(&self) -> bool {
        self.stale.is_empty() && self.problems.is_empty()
    }

    pub(super) fn wrote(&mut self, bytes: u64) {
        self.puts += 1;
        self.written_bytes += bytes;
    }
}

impl fmt::Display for RepairReport {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            f,
            "{} objects put back, {} made anew, {} deleted; {} packs moved, {} quarantined; {} entries, {} bytes written",
            self.put_back,
            self.rebuilt,
            self.deleted,
            self.moved,
            self.quarantined,
            self.entries,
            self.written_bytes
        )?;
        if self.already > 0 {
            write!(f, "; {} needed nothing any more", self.already)?;
        }
        for name in &self.stale {
            write!(f, "\n  not as planned any more: {name}")?;
        }
        for problem in &self.problems {
            write!(f, "\n  {problem}")?;
        }
        Ok(())
    }
}

/// What became of packs that somebody found damaged.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct QuarantineReport {
    /// What entries say is damaged now and did not say before; of each pack the frames, none when it is all of it.
    pub quarantined: Vec<DamagedPack>,
    /// Packs that were in quarantine already, as far as they are bad.
    pub already: Vec<ObjectHash>,
    /// Packs that are as they should be.
    pub intact: Vec<ObjectHash>,
    /// Packs of which nothing was found to be bad and not all could be looked at: a later version wrote it, or its keys are not in this
    /// handle's keyring.
    pub unknown: Vec<ObjectHash>,
    /// Packs that are not in force, and other objects: nothing can rely on them.
    pub left: Vec<ObjectName>,
    /// The entries that were written.
    pub entries: Vec<u64>,
}
