//! What the evidence of a repository's journal comes to, under a policy, at a time.
//!
//! It performs no I/O and reads no clock: everything is a function of evidence, policy and `now`.
//!
//! # Minimum Rust version
//!
//! 1.95.

// History and measures.
mod history;
mod point;
mod rpo;
mod scope;
pub mod stats;
#[cfg(test)]
mod testing;

pub use history::{
    CheckSeen, Counters, EntryRef, EntrySeen, History, Journal, Noted, PolicySeen, ResourceHistory,
    RunSeen, Skew, SnapshotSeen, WholeCheck,
};
pub use point::Point;
pub use rpo::{Exposure, Quality, Rpo, RpoOptions, Tier, rpo};

// Controls, findings and reports.
