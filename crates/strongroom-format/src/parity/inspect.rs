//! Comparing a pack with the hashes in its parity.

use std::ops::Range;

use super::{Geometry, Parity};

impl Parity<'_> {
    /// Finds which shards of a pack, and of the parity itself, are damaged.
    ///
    /// Needs no key. Of a pack that is lost, give no bytes; of one that is too short or too long, those there are.
    #[must_use]
    pub fn inspect(&self, pack: &[u8]) -> Inspection {
        let geometry = *self.geometry();
        let damaged_data = (0..geometry.data_shards())
            .filter(|shard| {
                let bytes = slice(pack, geometry.data_range(*shard));
                !bytes.is_some_and(|bytes| self.is_hash_of(*shard, bytes))
            })
            .collect();
        Inspection {
            geometry,
            found_len: pack.len() as u64,
            damaged_data,
            damaged_parity: self.damaged_parity(),
        }
    }
}

/// Returns a range of a pack if all of it is there.
fn slice(pack: &[u8], range: Range<u64>) -> Option<&[u8]> {
    pack.get(usize::try_from(range.start).ok()?..usize::try_from(range.end).ok()?)
}

/// What [`Parity::inspect`] has found.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Inspection {
    geometry: Geometry,
    found_len: u64,
    damaged_data: Vec<u32>,
    damaged_parity: Vec<u32>,
}

impl Inspection {
    /// Says whether the pack has its length and all its shards match. Its name is not compared: hashes of shards in a forged
    /// parity match a forged pack.
    #[must_use]
    pub fn is_intact(&self) -> bool {
        self.damaged_data.is_empty() && self.found_len == self.geometry.pack_len()
    }

    /// Says whether there are enough good parity shards for the damaged shards.
    #[must_use]
    pub fn can_heal(&self) -> bool {
        self.damaged_data.len() <= self.good_parity()
    }

    /// Returns how the pack is divided.
    #[must_use]
    pub const fn geometry(&self) -> &Geometry {
        &self.geometry
    }

    /// Returns how long the pack is that was inspected.
    #[must_use]
    pub const fn found_len(&self) -> u64 {
        self.found_len
    }

    /// Returns the numbers of the data shards that are damaged or missing, ascending.
    #[must_use]
    pub fn damaged_data(&self) -> &[u32] {
        &self.damaged_data
    }

    /// Returns the numbers of the parity shards that are damaged or missing, ascending.
    #[must_use]
    pub fn damaged_parity(&self) -> &[u32] {
        &self.damaged_parity
    }

    /// Returns how many parity shards are good.
    #[must_use]
    pub fn good_parity(&self) -> usize {
        (self.geometry.parity_shards() as usize).saturating_sub(self.damaged_parity.len())
    }

    /// Returns which bytes of the pack the damaged shards are, neighbours joined: outside of these the pack is as it
    /// was written.
    #[must_use]
    pub fn damaged_ranges(&self) -> Vec<Range<u64>> {
        let mut ranges: Vec<Range<u64>> = Vec::new();
        for shard in &self.damaged_data {
            let next = self.geometry.data_range(*shard);
            match ranges.last_mut() {
                Some(last) if last.end == next.start => last.end = next.end,
                _ => ranges.push(next),
            }
        }
        ranges
    }
}
