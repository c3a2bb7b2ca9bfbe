//! Content-defined chunks by a Gear rolling hash.

use std::fmt;

use fastcdc::v2020::cut_gear;
use zeroize::Zeroizing;

use crate::chunker::{Chunker, ChunkerId};
use crate::sizes::{ChunkSizes, SizesError};

const ENTRIES: usize = 256;

/// Cuts where content says so (format §11, number 2), so that an insertion moves few cuts.
///
/// The hash runs over the bytes behind the first `min` of a chunk. A cut lies before the byte at
/// which enough bits of the hash are zero: more bits before `target`, fewer from there on, so that
/// lengths gather around it. With `min = target / 4` and a far `max` their mean on random bytes is
/// within 2 % of `target`.
pub struct Gear64 {
    sizes: ChunkSizes,
    masks: Masks,
    tables: Box<Tables>,
}

/// Which bits must be zero. The highest is never among them, so that shifting loses none.
#[derive(Clone, Copy)]
struct Masks {
    before_target: u64,
    after_target: u64,
}

/// What each byte adds to the hash, and the same one bit to the left, for two bytes at a time.
struct Tables {
    gear: Zeroizing<[u64; ENTRIES]>,
    shifted: Zeroizing<[u64; ENTRIES]>,
}

impl Gear64 {
    /// Makes one of sizes and of the repository's chunker key.
    ///
    /// # Errors
    ///
    /// [`SizesError::NotPowerOfTwo`] if the target is none.
    pub fn new(sizes: ChunkSizes, key: &[u8; 32]) -> Result<Self, SizesError> {
        let target = sizes.target();
        if !target.is_power_of_two() {
            return Err(SizesError::NotPowerOfTwo { target });
        }
        Ok(Self {
            sizes,
            masks: Masks::new(target.ilog2()),
            tables: Tables::new(key),
        })
    }
}

impl Chunker for Gear64 {
    fn id(&self) -> ChunkerId {
        ChunkerId::GEAR64
    }

    fn sizes(&self) -> ChunkSizes {
        self.sizes
    }

    fn cut(&self, data: &[u8]) -> usize {
        // Its preconditions: even sizes, tables of 256 entries, masks without the highest bit.
        let (_hash, len) = cut_gear(
            data,
            self.sizes.min(),
            self.sizes.target(),
            self.sizes.max(),
            self.masks.before_target,
            self.masks.after_target,
            self.masks.before_target << 1,
            self.masks.after_target << 1,
            self.tables.gear.as_slice(),
            self.tables.shifted.as_slice(),
        );
        len
    }
}

impl fmt::Debug for Gear64 {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Gear64")
            .field("sizes", &self.sizes)
            .finish_non_exhaustive()
    }
}

impl Masks {
    /// For a target of `2^b` bytes; `b` is 6 to 24 because of the bounds of sizes.
    fn new(b: u32) -> Self {
        Self {
            before_target: ((1 << b) - 1) << (63 - b),
            after_target: ((1 << (b - 1)) - 1) << (64 - b),
        }
    }
}

impl Tables {
    fn new(key: &[u8; 32]) -> Box<Self> {
        let mut tables = Box::new(Self {
            gear: Zeroizing::new([0; ENTRIES]),
            shifted: Zeroizing::new([0; ENTRIES]),
        });
        let mut bytes = Zeroizing::new([0_u8; ENTRIES * 8]);
        blake3::Hasher::new_keyed(key)
            .update(b"gear64")
            .finalize_xof()
            .fill(bytes.as_mut_slice());
        let (entries, _) = bytes.as_chunks::<8>();
        for (entry, bytes) in tables.gear.iter_mut().zip(entries) {
            *entry = u64::from_le_bytes(*bytes);
        }
        let Self { gear, shifted } = &mut *tables;
        for (shifted, entry) in shifted.iter_mut().zip(gear.iter()) {
            *shifted = entry << 1;
        }
        tables
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::{chunks, conformance};

    const KEY: &[u8; 32] = b"a key of exactly thirty-two byte";

    fn gear(min: usize, target: usize, max: usize) -> Gear64 {
        Gear64::new(ChunkSizes::new(min, target, max).unwrap(), KEY).unwrap()
    }

    /// The same, as plainly as it can be said.
    fn plain_cut(chunker: &Gear64, data: &[u8]) -> usize {
        let (sizes, masks) = (chunker.sizes, chunker.masks);
        let end = data.len().min(sizes.max());
        let mut hash = 0_u64;
        // Pairs of bytes are tested: of an odd end the last byte is not.
        let tested = data[..end - end % 2].iter().enumerate();
        for (at, byte) in tested.skip(sizes.min()) {
            hash = (hash << 1).wrapping_add(chunker.tables.gear[usize::from(*byte)]);
            let before_target = at < sizes.target();
            let mask = if before_target {
                masks.before_target
            } else {
                masks.after_target
            };
            if hash & mask == 0 {
                return at;
            }
        }
        end
    }

    #[test]
    fn obeys_the_laws() {
        conformance::check(&gear(64, 64, 64));
        conformance::check(&gear(64, 256, 1024));
        conformance::check(&gear(66, 128, 130));
        conformance::check(&gear(1024, 4096, 16384));
    }

    #[test]
    fn refuses_a_target_that_is_no_power_of_two() {
        let sizes = ChunkSizes::new(64, 258, 1024).unwrap();
        let error = Gear64::new(sizes, KEY).unwrap_err();
        assert_eq!(error, SizesError::NotPowerOfTwo { target: 258 });
    }

    #[test]
    fn masks_are_those_of_the_format() {
        let masks = Masks::new(20);
        assert_eq!(masks.before_target, 0x7fff_f800_0000_0000);
        assert_eq!(masks.after_target, 0x7fff_f000_0000_0000);
        for b in 6..=24 {
            let masks = Masks::new(b);
            assert_eq!(masks.before_target.count_ones(), b);
            assert_eq!(masks.after_target.count_ones(), b - 1);
            assert_eq!((masks.before_target | masks.after_target) >> 63, 0);
        }
    }

    #[test]
    fn the_mean_is_within_two_percent_of_the_target() {
        for target in [4096, 16384] {
            let chunker = gear(target / 4, target, target * 4);
            let data = conformance::random_bytes("mean", 8192 * target);
            let count = chunks(&chunker, &data).count();
            let (low, high) = (data.len() * 100 / 102, data.len() * 100 / 98);
            assert!(
                (low..=high).contains(&(count * target)),
                "{count} chunks of {target}"
            );
        }
    }

    #[test]
    fn another_key_cuts_elsewhere() {
        let data = conformance::random_bytes("keys", 1 << 16);
        let sizes = ChunkSizes::around(1024).unwrap();
        let [one, two] = [[1; 32], [2; 32]].map(|key| {
            let chunker = Gear64::new(sizes, &key).unwrap();
            chunks(&chunker, &data).map(<[u8]>::len).collect::<Vec<_>>()
        });
        assert_ne!(one, two);
    }

    #[test]
    fn an_insertion_moves_few_cuts() {
        let chunker = gear(256, 1024, 4096);
        let before = conformance::random_bytes("insertion", 1 << 18);
        let after = [b"inserted", before.as_slice()].concat();
        let known = chunks(&chunker, &before).collect::<std::collections::HashSet<_>>();
        let new = chunks(&chunker, &after).filter(|chunk| !known.contains(chunk));
        assert!(new.count() <= 4);
    }

    #[test]
    fn debug_shows_no_table() {
        let text = format!("{:?}", gear(64, 256, 1024));
        let expected = "Gear64 { sizes: ChunkSizes { min: 64, target: 256, max: 1024 }, .. }";
        assert_eq!(text, expected);
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(256))]

        #[test]
        fn agrees_with_the_plain_loop(
            data in proptest::collection::vec(any::<u8>(), 0..3000),
            (min, b, max) in (32_usize..200, 6_u32..10, 32_usize..1200),
        ) {
            let target = 1 << b;
            let sizes = ChunkSizes::new((min * 2).min(target), target, (max * 2).max(target));
            let chunker = Gear64::new(sizes.unwrap(), KEY).unwrap();
            prop_assert_eq!(chunker.cut(&data), plain_cut(&chunker, &data));
        }
    }
}
