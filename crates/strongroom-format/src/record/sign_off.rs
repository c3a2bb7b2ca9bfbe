//! That somebody agrees.

use super::field::{value_map, value_number};
use crate::ObjectHash;
use crate::cbor::Unknown;

/// Somebody has decided about a document: the [`actor`](super::RecordHead::actor) of the record.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
#[expect(
    clippy::exhaustive_structs,
    reason = "what later versions add is in `unknown`"
)]
pub struct SignOffGiven {
    /// BLAKE3 of the document.
    pub document: ObjectHash,
    /// Role of the policy in which they decided.
    pub role: String,
    /// What they decided.
    pub decision: Decision,
    /// What a later version added.
    pub unknown: Unknown,
}

/// What somebody decided about a document.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Decision {
    /// It may take effect.
    Approved,
    /// It may not.
    #[default]
    Rejected,
    /// They have read it.
    Acknowledged,
    /// A number of a later version.
    Other(u64),
}

value_map!(SignOffGiven, "sign-off", {
    0 => document,
    1 => role,
    2 => decision,
});

value_number!(Decision, "decision", {
    Approved = 0 "approved",
    Rejected = 1 "rejected",
    Acknowledged = 2 "acknowledged",
});
