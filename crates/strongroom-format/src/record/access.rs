//! Who used a store, as its provider tells.

use super::Person;
use super::field::value_map;
use crate::Time;
use crate::cbor::Unknown;

/// Accesses to the store of a repository, out of the log of whoever keeps it.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
#[expect(
    clippy::exhaustive_structs,
    reason = "what later versions add is in `unknown`"
)]
pub struct Access {
    /// Name of the repository in the policy.
    pub repository: String,
    /// Whose credential it was.
    pub principal: Person,
    /// What was done: `read`, `write`, `delete`, `permissions`.
    pub what: String,
    /// How often.
    pub times: u64,
    /// How often among these the journal knows why.
    pub explained: u64,
    /// Beginning of the time that this is about.
    pub from: Time,
    /// Its end.
    pub to: Time,
    /// What a later version added.
    pub unknown: Unknown,
}

value_map!(Access, "access", {
    0 => repository,
    1 => principal,
    2 => what,
    3 => times,
    4 => explained,
    5 => from,
    6 => to,
});
