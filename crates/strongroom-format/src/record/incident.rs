//! What went wrong, from its beginning to its review.

use super::ErrorClass;
use super::field::{value_map, value_number};
use crate::cbor::Unknown;

/// An incident that begins or goes on.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
#[expect(
    clippy::exhaustive_structs,
    reason = "what later versions add is in `unknown`"
)]
pub struct IncidentStep {
    /// Key of the incident.
    pub incident: String,
    /// What it is from now on.
    pub step: IncidentState,
    /// Where the cause is, once it is known.
    pub cause: Option<ErrorClass>,
    /// Whether this step was taken without what it needs, on somebody's responsibility.
    pub waiver: bool,
    /// What a later version added.
    pub unknown: Unknown,
}

/// How far an incident is.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum IncidentState {
    /// Somebody or something has found it.
    #[default]
    Open,
    /// Somebody takes care.
    Acknowledged,
    /// It does no more harm.
    Mitigated,
    /// The cause is gone.
    Resolved,
    /// What is to be learnt from it is written down.
    Reviewed,
    /// Nothing is left to be done.
    Closed,
    /// A number of a later version.
    Other(u64),
}

value_map!(IncidentStep, "incident", {
    0 => incident,
    1 => step,
    2 => cause,
    3 => waiver,
});

value_number!(IncidentState, "state of an incident", {
    Open = 0 "open",
    Acknowledged = 1 "acknowledged",
    Mitigated = 2 "mitigated",
    Resolved = 3 "resolved",
    Reviewed = 4 "reviewed",
    Closed = 5 "closed",
});
