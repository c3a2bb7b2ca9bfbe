//! How a slot is shown.

use serde_json::{Value, json};
use strongroom::SlotInfo;

use crate::when::utc;

/// Shows a slot on one line.
#[must_use]
pub fn line(slot: &SlotInfo) -> String {
    let current = if slot.current {
        "  (opened with this one)"
    } else {
        ""
    };
    format!(
        "{}  {}  {:?}  {}{current}",
        slot.id,
        utc(slot.added),
        slot.kind,
        slot.label
    )
}

/// Shows a slot to machines, as a line of that type.
#[must_use]
pub fn object(kind: &str, slot: &SlotInfo) -> Value {
    json!({
        "type": kind,
        "id": slot.id.to_string(),
        "kind": format!("{:?}", slot.kind),
        "label": slot.label,
        "added": slot.added.seconds,
        "current": slot.current,
    })
}
