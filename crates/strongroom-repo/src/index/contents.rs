//! What segments say of packs: which blobs are in which frames.

use std::collections::{BTreeSet, HashSet};
use std::sync::Arc;

use bytes::Bytes;
use strongroom_format::{ObjectHash, PackRef};

use crate::error::Result;
use crate::index::Index;
use crate::packs::PackInfo;
use crate::state::State;

/// What a segment holds of an id.
pub(crate) type Prefix = [u8; 20];

impl Index {
    /// Calls `each` with what is in certain packs: the beginning of a blob's id, the pack, and the position of the frame in it. What
    /// several segments map comes as often.
    ///
    /// # Errors
    ///
    /// `Damaged` naming a segment of which a page cannot be read; those of `each`.
    pub(crate) fn each_blob_of(
        &self,
        wanted: impl Fn(&ObjectHash) -> bool,
        mut each: impl FnMut(Prefix, &ObjectHash, u32) -> Result<()>,
    ) -> Result<()> {
        for part in &self.parts {
            let segment = &part.segment;
            let is_wanted: Vec<bool> = segment
                .packs
                .iter()
                .map(|pack| wanted(&pack.name))
                .collect();
            if !is_wanted.contains(&true) {
                continue;
            }
            segment.each_entry(|entry| {
                let frame = segment.frame(entry.frame)?;
                let row = frame.pack as usize;
                match segment.packs.get(row) {
                    Some(pack) if is_wanted.get(row) == Some(&true) => {
                        each(entry.prefix, &pack.name, frame.position)
                    }
                    _ => Ok(()),
                }
            })?;
        }
        Ok(())
    }

    /// Calls `each` with every row of one segment: the beginning of a blob's id, the pack, and the position of the frame in it.
    ///
    /// # Errors
    ///
    /// As [`each_blob_of`](Self::each_blob_of).
    pub(crate) fn each_row_of(
        &self,
        name: &ObjectHash,
        mut each: impl FnMut(Prefix, &Arc<PackInfo>, u32) -> Result<()>,
    ) -> Result<()> {
        let Some(part) = self.parts.iter().find(|part| part.segment.name == *name) else {
            return Ok(());
        };
        let segment = &part.segment;
        segment.each_entry(|entry| {
            let frame = segment.frame(entry.frame)?;
            match segment.packs.get(frame.pack as usize) {
                Some(pack) => each(entry.prefix, pack, frame.position),
                None => Ok(()),
            }
        })
    }

    /// Returns the packs in force that no segment in force maps which can be read and is none of `but`.
    pub(crate) fn unmapped(&self, state: &State, but: &BTreeSet<ObjectHash>) -> Vec<PackRef> {
        let parts = self.parts.iter().filter(|part| !part.rebuilt);
        let mapped: HashSet<ObjectHash> = parts
            .filter(|part| !but.contains(&part.segment.name))
            .flat_map(|part| part.segment.packs.iter().map(|pack| pack.name))
            .collect();
        let packs = state.packs.values();
        packs
            .filter(|pack| !mapped.contains(&pack.name))
            .copied()
            .collect()
    }

    /// Returns the names of the segments that it is made of and that could be read.
    pub(crate) fn segments(&self) -> impl Iterator<Item = &ObjectHash> {
        let parts = self.parts.iter().filter(|part| !part.rebuilt);
        parts.map(|part| &part.segment.name)
    }

    /// Returns the bytes of a segment that it is made of, if they are still what was written.
    pub(crate) fn bytes_of(&self, name: &ObjectHash) -> Option<Bytes> {
        let part = self.parts.iter().find(|part| part.segment.name == *name)?;
        let bytes = part.segment.bytes()?;
        (ObjectHash::of(&bytes) == *name).then_some(bytes)
    }
}
