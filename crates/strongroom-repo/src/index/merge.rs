//! Which segments are worth merging, and what they become.

use std::collections::{BTreeMap, BTreeSet, HashMap, HashSet};

use strongroom_crypt::Id;
use strongroom_format::{FrameRow, ObjectHash, PackRow, SegmentBuilder};

use crate::error::Result;
use crate::index::Index;
use crate::index::standing::Part;
use crate::state::State;

/// A merged segment gets no more entries than this, so that making it takes little memory: 24 bytes for each, and as much again for the
/// object.
const MERGED_ENTRIES: u64 = 1 << 20;
/// And it stands for no more segments than this: their names are in one journal entry, which they leave small.
const MERGED_NAMES: usize = 4_096;
/// Segments with less than this part of them are small.
const SMALL_SHARE: u64 = 4;
/// So many small segments are worth merging: each costs every newcomer a request and every look-up a little.
const WORTH_MERGING: usize = 8;

impl Index {
    /// Returns groups of segments, each to become one: small ones if there are many, and those of which half or more is gone. One
    /// that is wholly gone may stand alone and becomes nothing. One whose local copy cannot be read stays.
    pub(crate) fn to_merge(&self, state: &State) -> Vec<Vec<ObjectHash>> {
        let mut small = Vec::new();
        let mut hollow = Vec::new();
        for part in self.parts.iter().filter(|part| !part.rebuilt) {
            let packs = part.segment.packs();
            let mut dead = 0;
            let read = part.segment.each_pack(|_, pack| {
                dead += u32::from(state.dropped.contains_key(&pack.name));
                Ok(())
            });
            if read.is_err() {
                continue;
            }
            let row = (part.segment.name, part.segment.entries());
            if dead > 0 && dead >= packs - dead {
                hollow.push(row);
            } else if row.1 < MERGED_ENTRIES / SMALL_SHARE {
                small.push(row);
            }
        }
        if small.len() + hollow.len() < WORTH_MERGING {
            small.clear();
        }
        let mut all = [small, hollow].concat();
        all.sort_unstable();
        group(all)
    }

    /// Makes one segment of several: everything they map in packs that were not dropped.
    ///
    /// # Errors
    ///
    /// `Damaged` naming a segment of which a page cannot be read.
    pub(crate) fn merged(&self, names: &[ObjectHash], state: &State) -> Result<SegmentBuilder> {
        let names: HashSet<&ObjectHash> = names.iter().collect();
        let parts = self.parts.iter();
        let mut parts: Vec<&Part> = parts
            .filter(|part| names.contains(&part.segment.name))
            .collect();
        parts.sort_by_key(|part| part.segment.name);
        let mut merge = Merge::new(&parts, state)?;
        for part in parts {
            merge.add(part)?;
        }
        Ok(merge.builder)
    }
}

/// Puts segments together until they would get too large.
fn group(segments: Vec<(ObjectHash, u64)>) -> Vec<Vec<ObjectHash>> {
    let mut groups: Vec<Vec<ObjectHash>> = Vec::new();
    let mut entries = u64::MAX;
    for (name, more) in segments {
        entries = entries.saturating_add(more);
        match groups.last_mut() {
            Some(group) if entries <= MERGED_ENTRIES && group.len() < MERGED_NAMES => {
                group.push(name);
            }
            _ => {
                groups.push(vec![name]);
                entries = more;
            }
        }
    }
    groups
}

/// Name, length, offset and length of the header, class.
type PackKey = (ObjectHash, u32, u32, u32, u16);

struct Merge<'a> {
    state: &'a State,
    builder: SegmentBuilder,
    /// Rows of the packs so far. Segments that say different things of a pack are not made to agree: one of them may be wrong.
    packs: BTreeMap<PackKey, u32>,
    /// Packs that several of the segments map, and of their frames the rows, by what is said of them.
    shared: BTreeSet<ObjectHash>,
    shared_frames: HashMap<FrameRow, u32>,
    /// Entries of such frames, so that none comes twice.
    shared_entries: BTreeSet<([u8; 20], u32)>,
}

impl<'a> Merge<'a> {
    fn new(parts: &[&Part], state: &'a State) -> Result<Self> {
        let mut seen = BTreeSet::new();
        let mut shared = BTreeSet::new();
        for part in parts {
            part.segment.each_pack(|_, pack| {
                if !seen.insert(pack.name) {
                    shared.insert(pack.name);
                }
                Ok(())
            })?;
        }
        Ok(Self {
            state,
            builder: SegmentBuilder::new(),
            packs: BTreeMap::new(),
            shared,
            shared_frames: HashMap::new(),
            shared_entries: BTreeSet::new(),
        })
    }

    fn add(&mut self, part: &Part) -> Result<()> {
        let mut packs: Vec<Option<(u32, bool)>> = Vec::new();
        part.segment.each_pack(|_, pack| {
            let is_gone = self.state.dropped.contains_key(&pack.name);
            packs.push((!is_gone).then(|| (self.pack(&pack), self.shared.contains(&pack.name))));
            Ok(())
        })?;
        let mut frames = Vec::with_capacity(part.segment.frames() as usize);
        part.segment.each_frame(|frame| {
            let pack = packs.get(frame.pack as usize).copied().flatten();
            let new = |merge: &mut Self, row| {
                merge
                    .builder
                    .push_frame(row, frame.offset, frame.stored_len, frame.position)
            };
            frames.push(pack.map(|(row, is_shared)| {
                if !is_shared {
                    return (new(self, row), false);
                }
                let frame = FrameRow {
                    pack: row,
                    ..*frame
                };
                let known = self.shared_frames.get(&frame).copied();
                let frame_row = known.unwrap_or_else(|| new(self, row));
                self.shared_frames.insert(frame, frame_row);
                (frame_row, true)
            }));
            Ok(())
        })?;
        part.segment.each_entry(|entry| {
            let Some((frame, is_shared)) = frames.get(entry.frame as usize).copied().flatten()
            else {
                return Ok(());
            };
            if !is_shared || self.shared_entries.insert((entry.prefix, frame)) {
                // An entry has the first 20 bytes only, of which alone the builder takes notice.
                let mut id = [0; 32];
                id.iter_mut()
                    .zip(entry.prefix)
                    .for_each(|(to, from)| *to = from);
                self.builder.push_entry(&Id::from_bytes(id), frame);
            }
            Ok(())
        })
    }

    fn pack(&mut self, pack: &crate::packs::PackInfo) -> u32 {
        let (offset, len) = (pack.header_offset, pack.header_len);
        let key = (pack.name, pack.len, offset, len, pack.class as u16);
        if let Some(row) = self.packs.get(&key) {
            return *row;
        }
        let row = self.builder.push_pack(PackRow {
            name: pack.name,
            len: pack.len,
            header_offset: pack.header_offset,
            header_len: pack.header_len,
            class: pack.class,
        });
        self.packs.insert(key, row);
        row
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_group_has_neither_too_many_entries_nor_too_many_names() {
        for (segments, entries) in [(100_000_u32, 10), (40, MERGED_ENTRIES / 3)] {
            let name = |n: u32| ObjectHash::of(&n.to_le_bytes());
            let groups = group((0..segments).map(|n| (name(n), entries)).collect());
            assert_eq!(
                groups.iter().map(Vec::len).sum::<usize>(),
                segments as usize
            );
            for group in &groups {
                assert!(group.len() <= MERGED_NAMES);
                assert!(group.len() as u64 * entries <= MERGED_ENTRIES);
            }
            assert!(groups.len() <= 25, "{}", groups.len());
        }
    }
}
