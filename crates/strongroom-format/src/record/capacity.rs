//! How full a repository is.

use super::field::{value_map, value_number};
use crate::Time;
use crate::cbor::Unknown;

/// How full a repository was.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
#[expect(
    clippy::exhaustive_structs,
    reason = "what later versions add is in `unknown`"
)]
pub struct Capacity {
    /// Name of the repository in the policy.
    pub repository: String,
    /// Bytes that are used.
    pub used: u64,
    /// Bytes that there are, as [`kind`](Self::kind) says; `None` if there is no end or nobody knows it.
    pub total: Option<u64>,
    /// What `total` is.
    pub kind: CapacityKind,
    /// Bytes among `used` that nothing can free yet.
    pub locked: u64,
    /// When the last of them can be freed.
    pub locked_until: Option<Time>,
    /// Bytes among `used` that a prune would free, had locks ended.
    pub reclaimable: u64,
    /// What a later version added.
    pub unknown: Unknown,
}

/// What the total of a [`Capacity`] is.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum CapacityKind {
    /// The size of a device or file system.
    Measured,
    /// What somebody else allows.
    Quota,
    /// What somebody is ready to pay for.
    Budget,
    /// There is no end.
    Unlimited,
    /// Nobody knows it.
    #[default]
    Unknown,
    /// A number of a later version.
    Other(u64),
}

value_map!(Capacity, "capacity", {
    0 => repository,
    1 => used,
    2 => total,
    3 => kind,
    4 => locked,
    5 => locked_until,
    6 => reclaimable,
});

value_number!(CapacityKind, "kind of a capacity", {
    Measured = 0 "measured",
    Quota = 1 "quota",
    Budget = 2 "budget",
    Unlimited = 3 "unlimited",
    Unknown = 4 "unknown",
});
