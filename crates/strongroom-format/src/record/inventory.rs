//! What there is that could be backed up.

use std::collections::BTreeMap;

use super::field::value_map;
use crate::cbor::Unknown;

/// What there is, so that what nobody backs up can be found.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
#[expect(
    clippy::exhaustive_structs,
    reason = "what later versions add is in `unknown`"
)]
pub struct Inventory {
    /// The resources.
    pub resources: Vec<InventoryItem>,
    /// Whether these are all: then what was there before and is not here is gone.
    pub complete: bool,
    /// What a later version added.
    pub unknown: Unknown,
}

/// A resource of an [`Inventory`], as the policy selects it.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
#[expect(
    clippy::exhaustive_structs,
    reason = "what later versions add is in `unknown`"
)]
pub struct InventoryItem {
    /// Name of the resource, unique in the organisation.
    pub id: String,
    /// What it is: `server`, `database`, `workstation`.
    pub kind: String,
    /// Level of criticality in the policy; empty if nobody has said.
    pub criticality: String,
    /// What else the policy selects by.
    pub tags: BTreeMap<String, String>,
    /// What a later version added.
    pub unknown: Unknown,
}

value_map!(Inventory, "inventory", {
    0 => resources,
    1 => complete,
});

value_map!(InventoryItem, "resource", {
    0 => id,
    1 => kind,
    2 => criticality,
    3 => tags,
});
