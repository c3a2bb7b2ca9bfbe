//! That somebody was told, and that somebody has seen it.

use super::field::{value_map, value_number};
use crate::cbor::Unknown;

/// A message to people.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
#[expect(
    clippy::exhaustive_structs,
    reason = "what later versions add is in `unknown`"
)]
pub struct Alert {
    /// What kind of message: `failed`, `missed`, `test`.
    pub class: String,
    /// 0 debug, 1 information, 2 notice, 3 warning, 4 error, 5 critical.
    pub severity: u8,
    /// Name of the route in the policy; never an address.
    pub route: String,
    /// Step of the escalation, from 0.
    pub step: u32,
    /// Whether it left.
    pub outcome: AlertOutcome,
    /// Whether it only tested the route.
    pub test: bool,
    /// Key of the finding or incident.
    pub about: Option<String>,
    /// What a later version added.
    pub unknown: Unknown,
}

/// Whether an [`Alert`] left.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum AlertOutcome {
    /// The next station took it.
    Sent,
    /// Nobody took it.
    #[default]
    Failed,
    /// A number of a later version.
    Other(u64),
}

/// Somebody has seen the alerts that [`answers`](super::RecordHead::answers) names, and takes care.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
#[expect(
    clippy::exhaustive_structs,
    reason = "what later versions add is in `unknown`"
)]
pub struct Acknowledged {
    /// Key of the finding or incident.
    pub about: String,
    /// What a later version added.
    pub unknown: Unknown,
}

value_map!(Alert, "alert", {
    0 => class,
    1 => severity,
    2 => route,
    3 => step,
    4 => outcome,
    5 => test,
    6 => about,
});

value_number!(AlertOutcome, "outcome of an alert", {
    Sent = 0 "sent",
    Failed = 1 "failed",
});

value_map!(Acknowledged, "acknowledgement", {
    0 => about,
});
