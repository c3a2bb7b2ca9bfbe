//! Where a pack stands in an order that nobody chose.

use strongroom_format::ObjectHash;

use crate::Head;

/// Puts packs into an order that follows from an entry of the journal.
///
/// The hash of an entry is not known before the entry is, so nobody who damages a pack knows whether it will be among the first; and it is in
/// the journal for good, so anybody can put the packs into the same order again.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Seed([u8; 32]);

/// What an order is for: two purposes have nothing to do with each other.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Purpose {
    /// A sample.
    Sample,
    /// A round.
    Round,
}

impl Seed {
    pub(crate) fn new(purpose: Purpose, head: &Head) -> Self {
        let context = match purpose {
            Purpose::Sample => "strongroom v1 check sample",
            Purpose::Round => "strongroom v1 check round",
        };
        let mut material = [0; 40];
        let (number, hash) = material.split_at_mut(8);
        number.copy_from_slice(&head.n.to_le_bytes());
        hash.copy_from_slice(head.hash.as_bytes());
        Self(blake3::derive_key(context, &material))
    }

    /// Returns where a pack stands. Positions are spread evenly over all numbers.
    pub(crate) fn position(&self, pack: &ObjectHash) -> u64 {
        let hash = blake3::keyed_hash(&self.0, pack.as_bytes());
        hash.as_bytes()
            .first_chunk()
            .map_or(0, |first| u64::from_le_bytes(*first))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn positions_follow_from_head_purpose_and_name_alone() {
        let head = |n, byte| Head {
            n,
            hash: ObjectHash::from_bytes([byte; 32]),
        };
        let pack = ObjectHash::of(b"pack");
        let position = |purpose, head| Seed::new(purpose, &head).position(&pack);
        // As the Python package blake3 computes them by docs/format.md, §8.9.
        assert_eq!(position(Purpose::Sample, head(20_852, 1)), SAMPLE_GOLDEN);
        assert_eq!(position(Purpose::Round, head(20_852, 1)), ROUND_GOLDEN);
        assert_ne!(position(Purpose::Sample, head(20_853, 1)), SAMPLE_GOLDEN);
        assert_ne!(position(Purpose::Sample, head(20_852, 2)), SAMPLE_GOLDEN);
    }

    const SAMPLE_GOLDEN: u64 = 10_006_353_580_249_743_882;
    const ROUND_GOLDEN: u64 = 707_879_914_637_079_306;
}
