//! What is done about a finding.

use super::field::{value_map, value_number};
use crate::Time;
use crate::cbor::Unknown;

/// A corrective action that begins or goes on.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
#[expect(
    clippy::exhaustive_structs,
    reason = "what later versions add is in `unknown`"
)]
pub struct ActionStep {
    /// Key of the action.
    pub action: String,
    /// Key of the finding.
    pub finding: String,
    /// What it is from now on.
    pub step: ActionState,
    /// Contact of the policy who has to do it; never a name.
    pub owner: Option<String>,
    /// Until when.
    pub due: Option<Time>,
    /// `correction`, `prevention` or another word.
    pub kind: Option<String>,
    /// What a later version added.
    pub unknown: Unknown,
}

/// How far a corrective action is.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum ActionState {
    /// It is to be done.
    #[default]
    Opened,
    /// Somebody else, or another day.
    Reassigned,
    /// It was done; whether it helped is not known.
    Done,
    /// It helped.
    Effective,
    /// It did not help.
    NotEffective,
    /// It will not be done.
    Cancelled,
    /// A number of a later version.
    Other(u64),
}

value_map!(ActionStep, "action", {
    0 => action,
    1 => finding,
    2 => step,
    3 => owner,
    4 => due,
    5 => kind,
});

value_number!(ActionState, "state of an action", {
    Opened = 0 "opened",
    Reassigned = 1 "reassigned",
    Done = 2 "done",
    Effective = 3 "effective",
    NotEffective = 4 "not-effective",
    Cancelled = 5 "cancelled",
});
