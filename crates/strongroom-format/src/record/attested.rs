//! That something holds, as somebody says who could look.

use std::collections::BTreeMap;

use super::field::value_map;
use crate::cbor::Unknown;

/// Something that the engine cannot see holds, or does not: somebody, or a program, has looked.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
#[expect(
    clippy::exhaustive_structs,
    reason = "what later versions add is in `unknown`"
)]
pub struct Attested {
    /// What was looked at: `escrow-test`, `isolation`, `clock`, `versions`, `permissions`.
    pub what: String,
    /// Name of the repository in the policy, if it is about one.
    pub repository: Option<String>,
    /// Whether it is as it should be.
    pub holds: bool,
    /// What was seen.
    pub values: BTreeMap<String, String>,
    /// What a later version added.
    pub unknown: Unknown,
}

value_map!(Attested, "attestation", {
    0 => what,
    1 => repository,
    2 => holds,
    3 => values,
});
