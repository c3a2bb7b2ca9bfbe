//! Whether a restore works, tried.

use strongroom_crypt::Id;

use super::field::{value_map, value_number};
use crate::cbor::Unknown;

/// A restore that was tried in a sandbox.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
#[expect(
    clippy::exhaustive_structs,
    reason = "what later versions add is in `unknown`"
)]
pub struct Drill {
    /// Which disaster was played.
    pub scenario: String,
    /// The snapshot that was restored.
    pub snapshot: Option<Id>,
    /// Name of the repository in the policy.
    pub repository: String,
    /// What it proves.
    pub verdict: DrillVerdict,
    /// Where it was restored to: `directory`, `postgresql 17`.
    pub sandbox: String,
    /// How the snapshot was chosen, so that anybody can choose again: `latest`, `random seed 5`.
    pub choice: String,
    /// Milliseconds that each phase took, in the order of their beginning.
    pub phases: Vec<(String, u64)>,
    /// Name, verdict and stable code of each validator.
    pub validators: Vec<(String, ValidatorVerdict, String)>,
    /// Bytes that were restored.
    pub bytes: u64,
    /// Files that were restored.
    pub files: u64,
    /// Milliseconds from the decision to restore until the service could be used; `None` if it never could.
    pub rto_ms: Option<u64>,
    /// Milliseconds that the policy allows.
    pub rto_target_ms: Option<u64>,
    /// Milliseconds among `rto_ms` in which people did something; `None` if nobody measured.
    pub people_ms: Option<u64>,
    /// Whether the sandbox was seen to be gone.
    pub cleaned: bool,
    /// What a later version added.
    pub unknown: Unknown,
}

/// What a [`Drill`] proves.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum DrillVerdict {
    /// It was restored, and every validator that had to pass did.
    Proven,
    /// It could not be restored, or is not what it should be.
    Failed,
    /// It was not tried, or not to the end: nothing is known.
    #[default]
    NotProven,
    /// A number of a later version.
    Other(u64),
}

/// What a validator of a [`Drill`] found.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum ValidatorVerdict {
    /// What was restored is as it should be.
    Passed,
    /// It is not.
    Failed,
    /// The validator did not look.
    #[default]
    Skipped,
    /// A number of a later version.
    Other(u64),
}

value_map!(Drill, "drill", {
    0 => scenario,
    1 => snapshot,
    2 => repository,
    3 => verdict,
    4 => sandbox,
    5 => choice,
    6 => phases,
    7 => validators,
    8 => bytes,
    9 => files,
    10 => rto_ms,
    11 => rto_target_ms,
    12 => people_ms,
    13 => cleaned,
});

value_number!(DrillVerdict, "verdict of a drill", {
    Proven = 0 "proven",
    Failed = 1 "failed",
    NotProven = 2 "not-proven",
});

value_number!(ValidatorVerdict, "verdict of a validator", {
    Passed = 0 "passed",
    Failed = 1 "failed",
    Skipped = 2 "skipped",
});
