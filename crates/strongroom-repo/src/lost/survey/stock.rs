//! Packs against the entries that name them: where nothing else tells what lost entries did, what is in the store does.

use std::collections::BTreeSet;

use strongroom_format::object_name::{self, ObjectName};
use strongroom_format::{
    Added, Body, Damaged, DamagedPack, ObjectHash, PackRef, SegmentRef, Tombstone,
};
use strongroom_store::Prefix;

use super::Surveyor;
use crate::context::is_there;
use crate::error::Result;
use crate::index::{is_loss, pack_found};
use crate::state::State;

/// Packs that no entry names, and packs that entries name and that are not there.
#[derive(Debug, Default)]
pub(super) struct Stock {
    pub(super) found: Vec<PackRef>,
    pub(super) gone: Vec<ObjectHash>,
    /// What maps those that were found.
    pub(super) segment: Option<SegmentRef>,
}

impl Stock {
    pub(super) fn effects(&self) -> Vec<Body> {
        let mut effects = Vec::new();
        if !self.found.is_empty() {
            let added = Added {
                packs: self.found.clone(),
                segments: self.segment.into_iter().collect(),
                ..Added::default()
            };
            effects.push(Body::Tombstone(Tombstone {
                added,
                ..Tombstone::default()
            }));
        }
        if !self.gone.is_empty() {
            let all = |pack: &ObjectHash| DamagedPack {
                pack: *pack,
                frames: Vec::new(),
            };
            effects.push(Body::Damaged(Damaged {
                packs: self.gone.iter().map(all).collect(),
                ..Damaged::default()
            }));
        }
        effects
    }
}

impl Surveyor<'_> {
    /// Compares the packs that are there with those that entries name.
    pub(super) fn take_stock(&self, state: &State) -> Result<Stock> {
        let mut there = BTreeSet::new();
        let mut stock = Stock::default();
        for meta in self.remote.list(&Prefix::parse("pack/")?)? {
            let Some(ObjectName::Pack(name)) = object_name::parse(meta.key.as_str()) else {
                continue;
            };
            there.insert(name);
            let is_named = state.dropped.contains_key(&name) || state.packs.contains(&name)?;
            let len = u32::try_from(meta.len).ok();
            let (Some(len), false) = (len, is_named || stock.found.len() >= MOST_FOUND) else {
                continue;
            };
            match pack_found(self.remote, self.context, state, name, len) {
                Ok(pack) => stock.found.extend(pack),
                Err(error) if is_loss(&error) => {
                    tracing::debug!(%error, "a pack that no entry names cannot be read");
                }
                Err(error) => return Err(error),
            }
        }
        for pack in state.packs.names() {
            let pack = pack?;
            if there.contains(&pack) {
                continue;
            }
            // A list may lag behind; the object itself decides.
            let is_known = state.damaged.get(&pack).is_some_and(BTreeSet::is_empty);
            if !is_known && !is_there(self.remote, &object_name::pack(&pack))? {
                stock.gone.push(pack);
            }
        }
        stock.gone.truncate(MOST_FOUND);
        Ok(stock)
    }
}

/// As many packs as fit an entry with something else beside them.
const MOST_FOUND: usize = 16_384;
