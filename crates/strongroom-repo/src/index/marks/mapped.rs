//! Whether what is marked is still mapped, after segments have gone.

use std::collections::BTreeSet;

use strongroom_crypt::Id;
use strongroom_format::ObjectHash;

use super::{Marks, Part};
use crate::error::Result;
use crate::index::standing::Standing;

impl Marks {
    /// Returns a pack in force, and not about to go, that has something marked which no segment in force maps: the one that did was dropped, and
    /// none has taken its place.
    ///
    /// Only segments that are not in force any more are read, and what is marked in them is looked up in the others.
    ///
    /// # Errors
    ///
    /// `Damaged` naming a segment of which a page cannot be read.
    pub(crate) fn unmapped(
        &self,
        in_force: &BTreeSet<ObjectHash>,
        doomed: &BTreeSet<ObjectHash>,
    ) -> Result<Option<ObjectHash>> {
        let is_in_force = |part: &&Part| in_force.contains(&part.segment.name);
        for gone in self.parts.iter().filter(|part| !is_in_force(part)) {
            let mut unmapped = None;
            let mut row = 0;
            gone.segment.each_entry(|entry| {
                if unmapped.is_none() && gone.rows.get(row) {
                    unmapped = self.unmapped_row(gone, entry, in_force, doomed)?;
                }
                row += 1;
                Ok(())
            })?;
            if unmapped.is_some() {
                return Ok(unmapped);
            }
        }
        Ok(None)
    }

    fn unmapped_row(
        &self,
        gone: &Part,
        entry: &strongroom_format::EntryRow,
        in_force: &BTreeSet<ObjectHash>,
        doomed: &BTreeSet<ObjectHash>,
    ) -> Result<Option<ObjectHash>> {
        let frame = gone.segment.frame(entry.frame)?;
        let at = frame.pack as usize;
        let Some(pack) = gone.packs.get(at).map(|pack| pack.name) else {
            return Ok(None);
        };
        if doomed.contains(&pack) || matches!(gone.standing.get(frame.pack), Standing::Gone) {
            return Ok(None);
        }
        // Rows have the first 20 bytes only, of which alone looking up takes notice.
        let mut id = [0; Id::LEN];
        id.iter_mut()
            .zip(entry.prefix)
            .for_each(|(to, from)| *to = from);
        let id = Id::from_bytes(id);
        let mut hits = Vec::new();
        for part in &self.parts {
            if !in_force.contains(&part.segment.name) {
                continue;
            }
            hits.clear();
            part.find_rows(&id, &mut hits)?;
            for hit in &hits {
                let there = part.segment.frame(hit.frame)?;
                let name = part.packs.get(there.pack as usize).map(|pack| pack.name);
                if name == Some(pack) && there.position == frame.position {
                    return Ok(None);
                }
            }
        }
        Ok(Some(pack))
    }
}
