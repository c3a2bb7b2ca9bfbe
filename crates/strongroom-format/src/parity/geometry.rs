//! How a pack is divided into shards, and what that promises.

use std::ops::Range;

use super::head::HEAD_BYTES;
use super::{HASH_BYTES, MAX_SHARD_BYTES, MAX_SHARDS, Overhead};
use crate::Preamble;

/// How a pack is divided into data shards, and how many parity shards it has.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Geometry {
    pack_len: u64,
    shard_len: u32,
    data_shards: u32,
    parity_shards: u32,
}

impl Geometry {
    /// Chooses shards for a pack of this length.
    ///
    /// A shard is the smallest power of two from 1 KiB to 64 KiB of which eight are at least the wanted parity, and there are as
    /// many parity shards as the wanted parity needs, two at least.
    #[must_use]
    pub fn plan(pack_len: u64, overhead: Overhead) -> Self {
        let pack_len = pack_len.max(1);
        let wanted = pack_len
            .saturating_mul(u64::from(overhead.as_percent()))
            .div_ceil(100);
        let eighth = wanted.div_ceil(8).min(u64::from(MAX_SHARD_BYTES));
        let shard_len = eighth.next_power_of_two().max(MIN_PLANNED_SHARD);
        let count = |bytes: u64| u32::try_from(bytes.div_ceil(shard_len)).unwrap_or(u32::MAX);
        Self {
            pack_len,
            shard_len: u32::try_from(shard_len).unwrap_or(MAX_SHARD_BYTES),
            data_shards: count(pack_len),
            parity_shards: count(wanted).max(MIN_PLANNED_PARITY),
        }
    }

    /// Takes what an object says; `None` when that contradicts itself or a limit.
    pub(super) fn read(
        pack_len: u64,
        shard_len: u32,
        data_shards: u32,
        parity_shards: u32,
    ) -> Option<Self> {
        let geometry = Self {
            pack_len,
            shard_len,
            data_shards,
            parity_shards,
        };
        let is_valid = (SYMBOL_BYTES..=MAX_SHARD_BYTES).contains(&shard_len)
            && shard_len.is_multiple_of(SYMBOL_BYTES)
            && u64::from(data_shards) == pack_len.div_ceil(u64::from(shard_len));
        (is_valid && geometry.is_within_limits()).then_some(geometry)
    }

    /// Whether there are neither too many shards nor none.
    pub(super) fn is_within_limits(&self) -> bool {
        let counts = 1..=MAX_SHARDS;
        counts.contains(&self.data_shards) && counts.contains(&self.parity_shards)
    }

    /// Returns the length of the pack.
    #[must_use]
    pub const fn pack_len(&self) -> u64 {
        self.pack_len
    }

    /// Returns the bytes of a shard. The last data shard may have fewer.
    #[must_use]
    pub const fn shard_len(&self) -> u32 {
        self.shard_len
    }

    /// Returns how many data shards the pack has.
    #[must_use]
    pub const fn data_shards(&self) -> u32 {
        self.data_shards
    }

    /// Returns how many parity shards there are. As many damaged shards, data and parity together, can be anywhere and the
    /// pack still heals; so can as many single errors.
    #[must_use]
    pub const fn parity_shards(&self) -> u32 {
        self.parity_shards
    }

    /// Returns the length of the longest run of damaged bytes that heals wherever in the pack it begins, while the parity
    /// itself is intact and the rest of the pack too.
    ///
    /// A pack that lost as many bytes at its end heals as well, and so does one that got any number of bytes more there.
    #[must_use]
    pub const fn promised_burst_bytes(&self) -> u64 {
        if self.data_shards <= self.parity_shards {
            return self.pack_len;
        }
        (self.parity_shards as u64 - 1) * self.shard_len as u64 + 1
    }

    /// Returns the length of the parity object.
    #[must_use]
    pub const fn object_len(&self) -> u64 {
        let shards = self.data_shards as u64 + self.parity_shards as u64;
        let tables = 2 * shards * HASH_BYTES as u64;
        let heads = 2 * HEAD_BYTES as u64;
        let parity = self.parity_shards as u64 * self.shard_len as u64;
        Preamble::LEN as u64 + heads + tables + parity + SEAL_BYTES
    }

    /// Returns where in the pack a data shard lies; empty if there is no such shard.
    #[must_use]
    pub fn data_range(&self, shard: u32) -> Range<u64> {
        let start = (u64::from(shard) * u64::from(self.shard_len)).min(self.pack_len);
        start..(start + u64::from(self.shard_len)).min(self.pack_len)
    }
}

/// What all lengths of shards are a multiple of: the code takes 64 bytes at a time.
const SYMBOL_BYTES: u32 = 64;
/// Below this the two hashes of a shard would cost more than they find.
const MIN_PLANNED_SHARD: u64 = 1_024;
/// With one parity shard two bytes beside each other in different shards would be lost.
const MIN_PLANNED_PARITY: u32 = 2;
const SEAL_BYTES: u64 = 32;
