//! What every record begins with.

use super::field::{put, take, value_map};
use super::{Person, RecordId};
use crate::cbor::{MapWriter, Reader, Unknown};
use crate::{DecodeError, EncodeError, ObjectHash, Time};

/// Who recorded something, when, about what and under which policy.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
#[expect(
    clippy::exhaustive_structs,
    reason = "what later versions add is in `unknown` of the record"
)]
pub struct RecordHead {
    /// Name of the record, made by whoever records. One that is recorded twice, because an answer was lost, has one name.
    pub id: RecordId,
    /// When it was recorded, by the clock on the wall.
    pub at: Time,
    /// Milliseconds by which that clock has gone further than one that cannot be set, since the run began: a clock that was set
    /// shows here. `None` if nobody measured.
    pub skew_ms: Option<i64>,
    /// The resource in the policy.
    pub resource: Option<String>,
    /// BLAKE3 of the policy document in force.
    pub policy: Option<ObjectHash>,
    /// Who did it. Their name is in the sensitive part, if anywhere.
    pub actor: Option<Person>,
    /// The program that recorded it.
    pub tool: Option<Tool>,
    /// Records that this one answers: an acknowledgement its alerts, a step of an incident the steps before.
    pub answers: Vec<RecordId>,
}

/// A program.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
#[expect(
    clippy::exhaustive_structs,
    reason = "what later versions add is in `unknown`"
)]
pub struct Tool {
    /// Its name.
    pub name: String,
    /// Its version.
    pub version: String,
    /// What a later version added.
    pub unknown: Unknown,
}

impl RecordHead {
    /// Bits of the keys that must be there.
    pub(super) const REQUIRED: u64 = 0b11;

    pub(super) fn write(&self, map: &mut MapWriter<'_>) -> Result<(), EncodeError> {
        put(map, 0, &self.id)?;
        put(map, 1, &self.at)?;
        put(map, 2, &self.skew_ms)?;
        put(map, 3, &self.resource)?;
        put(map, 4, &self.policy)?;
        put(map, 5, &self.actor)?;
        put(map, 6, &self.tool)?;
        put(map, 7, &self.answers)
    }

    /// Reads the value of a key and says whether it is one of the head.
    pub(super) fn read_key(&mut self, r: &mut Reader<'_>, key: u64) -> Result<bool, DecodeError> {
        match key {
            0 => self.id = take(r, "id of a record")?,
            1 => self.at = take(r, "time of a record")?,
            2 => self.skew_ms = take(r, "skew of a clock")?,
            3 => self.resource = take(r, "resource")?,
            4 => self.policy = take(r, "policy")?,
            5 => self.actor = take(r, "actor")?,
            6 => self.tool = take(r, "tool")?,
            7 => self.answers = take(r, "answered records")?,
            _ => return Ok(false),
        }
        Ok(true)
    }
}

value_map!(Tool, "tool", {
    0 => name,
    1 => version,
});
