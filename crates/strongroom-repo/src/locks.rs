//! Locks that follow deduplication: what snapshots need cannot be changed or deleted before a date, by nobody.
//!
//! A store locks objects, and snapshots share them. So time is cut into *generations*, several a period. What is put in a generation is locked until two
//! generations after its beginning and a period; once a generation, whoever maintains the repository has everything that is in force locked as if it were
//! put now. Then a snapshot committed at any time is locked whole from that moment on for a period at least, and an object costs one
//! request a generation, however many snapshots refer to it. What the journal says of locks makes it unnecessary to ask for them.
//!
//! ```text
//! journal ─► what is in force, and how it was put and extended ─► plan ─► extensions ─► evidence: all of it is locked until …
//! ```

mod audit;
mod extend;
mod locker;
mod plan;
mod policy;
#[cfg(test)]
mod tests;
mod uncover;
mod when;

pub use self::audit::{LockAudit, LockAuditOptions, ShortLock};
pub use self::extend::LockReport;
pub(crate) use self::locker::Locker;
pub use self::plan::{LockOptions, LockPlan, PlannedLock};
pub use self::policy::LockPolicy;
pub(crate) use self::uncover::hidden_objects;
pub use self::uncover::{HiddenObject, UncoverReport, uncover};
pub(crate) use self::when::utc;

use strongroom_format::{Body, Locked, ObjectHash};
use strongroom_store::{Retention, RetentionMode};

use crate::error::{Error, ErrorKind, Result};
use crate::repository::Repository;

impl Repository {
    /// Returns the policy of the settings.
    fn lock_policy(&self) -> Result<LockPolicy> {
        let what = "the settings do not say how long objects are locked";
        let none = || Error::new(ErrorKind::Invalid, what);
        self.context().settings.object_lock.ok_or_else(none)
    }
}

/// Returns the names of packs and segments that an entry adds.
pub(crate) fn added(body: &Body) -> Vec<ObjectHash> {
    let (packs, segments) = match body {
        Body::Commit(commit) => (commit.packs.as_slice(), commit.segments.as_slice()),
        Body::Packs(packs) => (packs.packs.as_slice(), packs.segments.as_slice()),
        Body::Tombstone(tombstone) => (
            tombstone.added.packs.as_slice(),
            tombstone.added.segments.as_slice(),
        ),
        Body::Index(index) => (&[][..], index.added.as_slice()),
        _ => (&[][..], &[][..]),
    };
    let packs = packs.iter().map(|pack| pack.name);
    packs
        .chain(segments.iter().map(|segment| segment.name))
        .collect()
}

/// Returns what the journal says of a lock, unless a later version knows a mode of it.
pub(crate) fn of_journal(locked: Locked) -> Option<Retention> {
    let mode = match locked.mode {
        Locked::GOVERNANCE => RetentionMode::Governance,
        Locked::COMPLIANCE => RetentionMode::Compliance,
        _ => return None,
    };
    Some(Retention::new(mode, locked.until))
}

/// Returns what an entry is to say of itself and of what it adds.
pub(crate) fn for_entry(policy: &LockPolicy, retention: Retention) -> Locked {
    let mut locked = for_journal(retention);
    if !policy.locks_entries() {
        locked.mode += Locked::NOT_ITSELF;
    }
    locked
}

/// Returns what an entry says of what it adds, and whether that is so of itself.
pub(crate) fn of_entry(locked: Locked) -> (Option<Retention>, bool) {
    match locked.mode.checked_sub(Locked::NOT_ITSELF) {
        Some(mode) => (of_journal(Locked { mode, ..locked }), false),
        None => (of_journal(locked), true),
    }
}

/// Returns what the journal is to say of a lock.
pub(crate) fn for_journal(retention: Retention) -> Locked {
    Locked {
        mode: match retention.mode {
            RetentionMode::Compliance => Locked::COMPLIANCE,
            _ => Locked::GOVERNANCE,
        },
        until: retention.until,
    }
}

/// Of two locks of one object, both of which somebody says that it has, returns the one that says more.
pub(crate) fn stronger(one: Option<Retention>, other: Option<Retention>) -> Option<Retention> {
    match (one, other) {
        (Some(one), Some(other)) if other.covers(&one) => Some(other),
        (Some(one), Some(other)) if !one.covers(&other) && other.until > one.until => Some(other),
        (None, other) => other,
        (one, _) => one,
    }
}
