//! That people did what they have to.

use super::field::value_map;
use crate::cbor::Unknown;
use crate::{ObjectHash, Time};

/// Somebody did what an obligation of the policy asks for.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
#[expect(
    clippy::exhaustive_structs,
    reason = "what later versions add is in `unknown`"
)]
pub struct ObligationMet {
    /// Key of the obligation in the policy.
    pub obligation: String,
    /// Which of its days this was for; `None`: the next one.
    pub due: Option<Time>,
    /// What came of it, in a word.
    pub outcome: String,
    /// BLAKE3 of what was written down.
    pub attachment: Option<ObjectHash>,
    /// How many pages that has; 0 if it has none.
    pub pages: u32,
    /// What a later version added.
    pub unknown: Unknown,
}

value_map!(ObligationMet, "obligation", {
    0 => obligation,
    1 => due,
    2 => outcome,
    3 => attachment,
    4 => pages,
});
