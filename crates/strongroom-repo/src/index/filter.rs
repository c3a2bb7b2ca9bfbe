//! A filter over the ids of a segment: it knows most of what is not there.

use bytes::Bytes;
use strongroom_format::ObjectHash;
use xorf::{BinaryFuse8, BinaryFuse8Ref, DmaSerializable as _, Filter as _, FilterRef as _};

/// Says for nearly every id that is not in a segment that it is not: 9 bits an id, and 0.4 % of the others pass.
#[derive(Debug)]
pub(super) enum IdFilter {
    /// Nothing is in the segment.
    Empty,
    /// The construction failed, which it does not for distinct keys; every look-up goes to the table.
    Unfiltered,
    /// A filter.
    Fuse(Fuse),
}

/// A binary fuse filter as the library serializes it.
#[derive(Debug)]
pub(super) struct Fuse {
    descriptor: Bytes,
    fingerprints: Bytes,
}

impl IdFilter {
    /// Builds a filter over the keys of a sorted table; equal neighbours count once.
    pub(super) fn build(mut keys: Vec<u64>) -> Self {
        keys.dedup();
        if keys.is_empty() {
            return Self::Empty;
        }
        let Ok(filter) = BinaryFuse8::try_from(&keys) else {
            return Self::Unfiltered;
        };
        let mut descriptor = vec![0; BinaryFuse8::DESCRIPTOR_LEN];
        filter.dma_copy_descriptor_to(&mut descriptor);
        Self::Fuse(Fuse {
            descriptor: descriptor.into(),
            fingerprints: filter.fingerprints.into_vec().into(),
        })
    }

    /// Says whether the key may be there.
    pub(super) fn may_contain(&self, key: u64) -> bool {
        match self {
            Self::Empty => false,
            Self::Unfiltered => true,
            Self::Fuse(fuse) => {
                BinaryFuse8Ref::from_dma(&fuse.descriptor, &fuse.fingerprints).contains(&key)
            }
        }
    }

    /// Returns how many bytes of memory it takes.
    #[cfg(any(test, feature = "testing"))]
    pub(super) fn bytes(&self) -> u64 {
        match self {
            Self::Empty | Self::Unfiltered => 0,
            Self::Fuse(fuse) => (fuse.descriptor.len() + fuse.fingerprints.len()) as u64,
        }
    }

    /// Writes the filter as a part of something that is hashed.
    pub(super) fn to_bytes(&self) -> Vec<u8> {
        match self {
            Self::Empty => vec![EMPTY],
            Self::Unfiltered => vec![UNFILTERED],
            Self::Fuse(fuse) => [&[FUSE], &*fuse.descriptor, &*fuse.fingerprints].concat(),
        }
    }

    /// Reads what [`to_bytes`](Self::to_bytes) wrote, whose hash the caller has checked.
    pub(super) fn of_bytes(bytes: &Bytes) -> Option<Self> {
        match bytes.split_first()? {
            (&EMPTY, []) => Some(Self::Empty),
            (&UNFILTERED, []) => Some(Self::Unfiltered),
            (&FUSE, body) => Self::of_parts(bytes, body),
            _ => None,
        }
    }

    fn of_parts(bytes: &Bytes, body: &[u8]) -> Option<Self> {
        let (descriptor, fingerprints) = body.split_at_checked(BinaryFuse8::DESCRIPTOR_LEN)?;
        Some(Self::Fuse(Fuse {
            descriptor: bytes.slice_ref(descriptor),
            fingerprints: bytes.slice_ref(fingerprints),
        }))
    }

    /// Writes the filter for the cache, bound to the segment it belongs to.
    pub(super) fn encode(&self, segment: &ObjectHash) -> Option<Vec<u8>> {
        let Self::Fuse(fuse) = self else { return None };
        let mut bytes = Vec::with_capacity(
            MAGIC.len() + HASH_LEN + fuse.descriptor.len() + fuse.fingerprints.len() + HASH_LEN,
        );
        bytes.extend_from_slice(MAGIC);
        bytes.extend_from_slice(segment.as_bytes());
        bytes.extend_from_slice(&fuse.descriptor);
        bytes.extend_from_slice(&fuse.fingerprints);
        let seal = blake3::hash(&bytes);
        bytes.extend_from_slice(seal.as_bytes());
        Some(bytes)
    }

    /// Reads what [`encode`](Self::encode) wrote; `None` for anything else.
    ///
    /// The library indexes by what the descriptor says, so nothing is used that the hash does not cover.
    pub(super) fn decode(bytes: &Bytes, segment: &ObjectHash) -> Option<Self> {
        let (body, seal) = bytes.split_last_chunk::<HASH_LEN>()?;
        if blake3::hash(body).as_bytes() != seal {
            return None;
        }
        let body = body.strip_prefix(MAGIC)?.strip_prefix(segment.as_bytes())?;
        Self::of_parts(bytes, body)
    }
}

const EMPTY: u8 = 0;
const UNFILTERED: u8 = 1;
const FUSE: u8 = 2;
const HASH_LEN: usize = 32;
const MAGIC: &[u8; 16] = b"strongroom fuse1";

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nothing_that_is_there_is_denied_also_after_a_round_trip() {
        for count in [0_u64, 1, 2, 3, 100, 5_000] {
            let keys: Vec<u64> = (0..count)
                .map(|n| n.wrapping_mul(0x9e37_79b9_7f4a_7c15))
                .collect();
            let mut sorted = keys.clone();
            sorted.sort_unstable();
            sorted.extend_from_within(sorted.len().saturating_sub(1)..);
            let filter = IdFilter::build(sorted);
            assert!(keys.iter().all(|key| filter.may_contain(*key)));
            let name = ObjectHash::of(b"segment");
            if let Some(bytes) = filter.encode(&name) {
                let whole = Bytes::from(bytes.clone());
                let read = IdFilter::decode(&whole, &name).unwrap();
                assert!(keys.iter().all(|key| read.may_contain(*key)));
                assert!(IdFilter::decode(&whole, &ObjectHash::of(b"other")).is_none());
                for at in 0..bytes.len() {
                    let mut flipped = bytes.clone();
                    flipped[at] ^= 1;
                    assert!(IdFilter::decode(&flipped.into(), &name).is_none());
                }
            }
        }
    }

    #[test]
    fn most_of_what_is_not_there_is_denied() {
        let keys = (0..10_000_u64).map(|n| n * 3).collect();
        let filter = IdFilter::build(keys);
        let passed = (0..10_000_u64)
            .filter(|n| filter.may_contain(n * 3 + 1))
            .count();
        assert!(passed < 100, "{passed} of 10,000 passed");
    }
}
