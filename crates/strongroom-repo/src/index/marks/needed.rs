//! Which copies are needed, when all is marked.

use strongroom_crypt::Id;
use strongroom_format::ObjectHash;

use super::{Marks, Part};
use crate::error::Result;
use crate::index::segment::EntryHit;
use crate::index::walk::Walk;

/// Says which copies of blobs are the ones that are needed. It is the faster the more the ids ascend that it is asked for.
#[derive(Debug)]
pub(crate) struct Needed<'m> {
    parts: Vec<(&'m Part, Walk<'m>)>,
    hits: Vec<EntryHit>,
}

impl Marks {
    /// Begins to look copies up. `part` is where their packs are mapped, if it is in one part only; see [`packs`](Self::packs).
    pub(crate) fn needed(&self, part: Option<usize>) -> Needed<'_> {
        let parts = match part {
            Some(part) => self.parts.get(part..=part),
            None => Some(self.parts.as_slice()),
        };
        let parts = parts.unwrap_or_default().iter();
        Needed {
            parts: parts.map(|part| (part, Walk::new(&part.segment))).collect(),
            hits: Vec::new(),
        }
    }
}

impl Needed<'_> {
    /// Says whether the copy of a blob in one frame is the one that is needed.
    ///
    /// # Errors
    ///
    /// `Damaged` naming a segment of which a page cannot be read.
    pub(crate) fn has(&mut self, id: &Id, pack: &ObjectHash, position: u32) -> Result<bool> {
        for (part, walk) in &mut self.parts {
            self.hits.clear();
            if !part.may_have(id) {
                continue;
            }
            walk.find_rows(id, &mut self.hits)?;
            for hit in self.hits.iter().filter(|hit| part.rows.get(hit.row)) {
                let frame = walk.frame(hit.frame)?;
                let found = part.packs.get(frame.pack as usize);
                if frame.position == position && found.is_some_and(|found| found.name == *pack) {
                    return Ok(true);
                }
            }
        }
        Ok(false)
    }
}
