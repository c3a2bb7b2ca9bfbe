//! What became of objects that a Tombstone dropped.

use super::field::value_map;
use crate::Time;
use crate::cbor::Unknown;

/// Objects were deleted that a Tombstone had dropped: the Tombstone is the intent, this the deed.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
#[expect(
    clippy::exhaustive_structs,
    reason = "what later versions add is in `unknown`"
)]
pub struct Deleted {
    /// Number of the newest Tombstone of which objects were deleted.
    pub entry: u64,
    /// Name of the repository in the policy; empty if who deleted knows no policy.
    pub repository: String,
    /// How many were deleted.
    pub objects: u64,
    /// How many bytes they had.
    pub bytes: u64,
    /// How many were gone before, as far as the store says: few do, since to delete what is not there is no error.
    pub missing: u64,
    /// How many are still there, because the store does not let go of them yet or refused.
    pub left: u64,
    /// When the last of those can be deleted, as far as that is known.
    pub left_until: Option<Time>,
    /// What a later version added.
    pub unknown: Unknown,
}

value_map!(Deleted, "deletion", {
    0 => entry,
    1 => repository,
    2 => objects,
    3 => bytes,
    4 => missing,
    5 => left,
    6 => left_until,
});
