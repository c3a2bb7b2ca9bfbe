//! Parity: a source of packs, and disposable itself.

use bytes::Bytes;
use strongroom_format::object_name::ObjectName;
use strongroom_format::parity::Parity;
use strongroom_format::{ObjectHash, PackRef};

use super::item::{Remedy, RepairSource, Wrong};
use super::look::{Found, Look, Sight};
use crate::context::get_if_there;
use crate::error::Result;
use crate::parity;

impl Look<'_> {
    /// Returns the bytes of a pack, made from what is left of it and its parity, if there is enough of both.
    ///
    /// # Errors
    ///
    /// What the store says when it cannot be reached.
    pub(super) fn healed(&self, pack: &PackRef) -> Result<Option<Bytes>> {
        let name = ObjectName::Parity(pack.name);
        let Some(object) = get_if_there(self.remote, &name.to_string())? else {
            return Ok(None);
        };
        // Parity may be damaged, too: what is left of it counts.
        let Ok(parity) = Parity::salvage(&object) else {
            return Ok(None);
        };
        if *parity.pack() != pack.name {
            return Ok(None);
        }
        let left = get_if_there(self.remote, &ObjectName::Pack(pack.name).to_string())?;
        let healed = parity.heal(&left.unwrap_or_default());
        Ok(healed
            .ok()
            .map(Bytes::from)
            .filter(|bytes| Look::is_pack(pack, bytes)))
    }

    /// Finds out about the parity of a pack. As long as the pack is damaged it is left alone, since what is left of it may be of use.
    ///
    /// # Errors
    ///
    /// What the store says when it cannot be reached.
    pub(super) fn parity(&self, of: ObjectHash) -> Result<Option<Found>> {
        let name = ObjectName::Parity(of);
        let Some(pack) = self.state.packs.get(&of)? else {
            // It goes with its pack.
            return Ok(None);
        };
        let bytes = get_if_there(self.remote, &ObjectName::Pack(of).to_string())?;
        let Some(bytes) = bytes.filter(|bytes| Look::is_pack(&pack, bytes)) else {
            return Ok(None);
        };
        let judge = |object: &Bytes| {
            let parity = Parity::decode(object).map_err(|error| Sight::of(&error))?;
            let checked = parity.check(&of, u64::from(pack.len));
            checked.map_err(|error| Sight::of(&error))?;
            parity.is_of(&bytes).then_some(()).ok_or(Sight::Bad)
        };
        let Some(wrong) = self.sight(&name, judge)? else {
            return Ok(None);
        };
        Ok(match (wrong, self.context.settings.parity) {
            (Wrong::Newer, _) => Some(Found::newer(name)),
            (Wrong::Missing, None) => None,
            (wrong, None) => Some(Found::without_bytes(name, wrong, Remedy::Delete)),
            (wrong, Some(overhead)) => {
                let random = self.context.components.random.as_ref();
                let made = parity::make(random, overhead, &of, &bytes)?;
                let mut found = Found::put_back(name, wrong, RepairSource::Pack, made);
                found.item.remedy = Remedy::Rebuild(RepairSource::Pack);
                Some(found)
            }
        })
    }
}
