//! That a repository was read.

use strongroom_crypt::Id;

use super::field::value_map;
use crate::cbor::Unknown;

/// What was read of a repository, and what was found. The entry of the check says more.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
#[expect(
    clippy::exhaustive_structs,
    reason = "what later versions add is in `unknown`"
)]
pub struct Verified {
    /// Name of the repository in the policy.
    pub repository: String,
    /// Level that was reached: 0 listed, 1 hashed, 2 authenticated, 3 decoded, 4 rebuilt, 5 restored, 6 compared.
    pub level: u8,
    /// The snapshot, if it was about one only.
    pub snapshot: Option<Id>,
    /// Bytes that were read, and bytes that there are.
    pub coverage: (u64, u64),
    /// How what was read was chosen: `all`, `round`, `sample 0.99/0.001`, `older` (what no check had read since some time), `trees` (no content).
    pub choice: Option<String>,
    /// Objects that were damaged or missing.
    pub damaged: u64,
    /// Those among them, and among earlier ones, that nobody has repaired.
    pub unresolved: u64,
    /// Number of the journal entry that holds the record of the check.
    pub entry: Option<u64>,
    /// What a later version added.
    pub unknown: Unknown,
}

value_map!(Verified, "verification", {
    0 => repository,
    1 => level,
    2 => snapshot,
    3 => coverage,
    4 => choice,
    5 => damaged,
    6 => unresolved,
    7 => entry,
});
