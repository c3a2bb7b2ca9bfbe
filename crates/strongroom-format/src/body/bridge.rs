//! What stands in the place of an entry that is lost.

use super::{Body, LAST_KIND};
use crate::cbor::{self, MapWriter, Reader, Unknown};
use crate::config::missing;
use crate::item::Item;
use crate::{DecodeError, EncodeError, ObjectHash};

/// In the place of a lost entry: how the chain goes on behind it, and what it is known to have done. Or, behind the last entry, which
/// such entries hold.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
#[expect(
    clippy::exhaustive_structs,
    reason = "what later versions add is in `unknown`"
)]
pub struct Bridge {
    /// The previous hash that the next entry states: the hash of the lost one. `None` when the next entry follows this one itself.
    pub stated: Option<ObjectHash>,
    /// What takes effect here, in this order, as if the admin had written each: of types 1 to 14, and at most one [`Body::Commit`].
    pub effects: Vec<Body>,
    /// Bridges in the places of earlier entries: number and hash of each. Whoever has folded something else in one of these places
    /// has another state. With it there is nothing else.
    pub confirmed: Vec<(u64, ObjectHash)>,
    /// For people.
    pub reason: String,
    /// What a later version added.
    pub unknown: Unknown,
}

impl Bridge {
    pub(super) fn write(&self, out: &mut Vec<u8>) -> Result<(), EncodeError> {
        if !self.is_allowed() {
            return Err(EncodeError::invalid("bridge"));
        }
        let mut map = MapWriter::new(out);
        if let Some(stated) = &self.stated {
            stated.write(map.key(0));
        }
        map.optional_array(1, &self.effects, |out, body| {
            cbor::array(out, 2);
            cbor::uint(out, body.kind());
            body.write(out)
        })?;
        map.some_items(2, &self.confirmed);
        map.text(3, &self.reason);
        map.finish(&self.unknown)
    }

    pub(super) fn read(r: &mut Reader<'_>) -> Result<Self, DecodeError> {
        let mut bridge = Self::default();
        let mut reason = None;
        let unknown = r.map("bridge", |r, key| {
            match key {
                0 => bridge.stated = Some(Item::read(r)?),
                1 => bridge.effects = r.array("effects", read_effect)?,
                2 => bridge.confirmed = r.items("bridges")?,
                3 => reason = Some(r.string("reason")?),
                _ => return Ok(false),
            }
            Ok(true)
        })?;
        if !bridge.is_allowed() {
            return Err(DecodeError::invalid("bridge", r.position()));
        }
        bridge.reason = reason.ok_or(missing("reason"))?;
        bridge.unknown = unknown;
        Ok(bridge)
    }

    /// Whether it stands in the place of a lost entry; otherwise it says which do.
    #[must_use]
    pub const fn is_in_place(&self) -> bool {
        self.confirmed.is_empty()
    }

    fn is_allowed(&self) -> bool {
        let is_known = |body: &Body| (1..BRIDGE).contains(&body.kind());
        let commits = self
            .effects
            .iter()
            .filter(|body| matches!(body, Body::Commit(_)));
        let is_bare = self.stated.is_none() && self.effects.is_empty();
        (self.is_in_place() || is_bare) && self.effects.iter().all(is_known) && commits.count() <= 1
    }
}

fn read_effect(r: &mut Reader<'_>) -> Result<Body, DecodeError> {
    r.tuple("effect", 2, |r| {
        let kind = r.uint("type of an effect")?;
        match kind {
            // Neither is an effect. Refused here, so that bridges are not nested.
            0 | BRIDGE => Err(DecodeError::invalid("type of an effect", r.position())),
            1..=LAST_KIND => Body::read(r, kind),
            _ => Err(DecodeError::unsupported("type of an effect", r.position())),
        }
    })
}

/// The number of the type.
pub(super) const BRIDGE: u64 = 15;
