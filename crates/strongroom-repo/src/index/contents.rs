//! What segments say of packs: which blobs are in which frames.

use std::collections::BTreeSet;
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
            let mut names = Vec::new();
            segment.each_pack(|_, pack| {
                names.push(wanted(&pack.name).then_some(pack.name));
                Ok(())
            })?;
            if names.iter().all(Option::is_none) {
                continue;
            }
            segment.each_entry(|entry| {
                let frame = segment.frame(entry.frame)?;
                match names.get(frame.pack as usize) {
                    Some(Some(pack)) => each(entry.prefix, pack, frame.position),
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
            each(entry.prefix, &segment.pack(frame.pack)?, frame.position)
        })
    }

    /// Returns the packs in force that no segment in force maps which can be read and is none of `but`.
    ///
    /// # Errors
    ///
    /// As [`each_blob_of`](Self::each_blob_of).
    pub(crate) fn unmapped(
        &self,
        state: &State,
        but: &BTreeSet<ObjectHash>,
    ) -> Result<Vec<PackRef>> {
        let mapped = self.mapped(|part| !part.rebuilt && !but.contains(&part.segment.name))?;
        let packs = state.packs.iter();
        packs
            .filter(|pack| {
                pack.as_ref()
                    .map_or(true, |pack| !mapped.contains(&pack.name))
            })
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
