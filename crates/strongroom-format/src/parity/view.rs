//! A parity object, read.

use super::geometry::Geometry;
use super::head::{HEAD_BYTES, Head};
use super::{HASH_BYTES, code, shard_hash};
use crate::limits::MAX_OBJECT_BYTES;
use crate::whole::open_whole;
use crate::{DecodeError, DecodeErrorKind, ObjectHash, ObjectKind, Preamble};

/// A parity object in memory: its head is decoded, the rest is looked at when it is needed.
#[derive(Clone, Copy)]
pub struct Parity<'a> {
    head: Head,
    /// The preamble, unless it is damaged.
    preamble: Option<Preamble>,
    bytes: Anchored<'a>,
}

impl<'a> Parity<'a> {
    /// Decodes a whole object, and compares its parity shards with their hashes.
    ///
    /// For those who check. Who heals takes [`salvage`](Self::salvage).
    ///
    /// # Errors
    ///
    /// `Damaged` when it is not whole; `Unsupported` as for preambles, and for an unknown code; `TooLarge`; `Truncated`;
    /// `Invalid` when its parts contradict each other.
    pub fn decode(object: &'a [u8]) -> Result<Self, DecodeError> {
        let (preamble, _) = open_whole(object, ObjectKind::Parity, MAX_OBJECT_BYTES, WHAT)?;
        let head = Head::decode(object, Preamble::LEN)?;
        if head.geometry.object_len() != object.len() as u64 {
            return Err(DecodeError::invalid("length of the parity", object.len()));
        }
        let parity = Self {
            head,
            preamble: Some(preamble),
            bytes: Anchored { object, start: 0 },
        };
        let copy = object.len() - SEAL_BYTES - HEAD_BYTES;
        if Head::decode(object, copy)? != head || parity.table(0) != parity.table(1) {
            return Err(DecodeError::invalid("copy in the parity", copy));
        }
        match parity.damaged_parity().first() {
            None => Ok(parity),
            Some(_) => Err(DecodeError::invalid("hash of a parity shard", 0)),
        }
    }

    /// Takes what can be used of an object, however damaged: one of its two heads suffices. Which shards are good is found
    /// by their hashes, of which there are two copies as well.
    ///
    /// # Errors
    ///
    /// `Damaged` or `Truncated` when neither head is intact; `Unsupported` when nothing but what a later version wrote is; `TooLarge`;
    /// `Invalid` when it is another object, or has an impossible geometry.
    pub fn salvage(object: &'a [u8]) -> Result<Self, DecodeError> {
        if object.len() > MAX_OBJECT_BYTES {
            return Err(DecodeError::too_large(WHAT, MAX_OBJECT_BYTES));
        }
        let preamble = Preamble::decode(object);
        let (head, from_end) = match Head::decode(object, Preamble::LEN) {
            Ok(head) => (head, false),
            Err(first) => (Self::second_head(object, &preamble, first)?, true),
        };
        // What is missing or too much lies behind the head that is intact, or before it.
        let place = |len: u64| i64::try_from(len).unwrap_or(i64::MAX);
        let start = match from_end {
            true => place(object.len() as u64) - place(head.geometry.object_len()),
            false => 0,
        };
        Ok(Self {
            head,
            preamble: preamble.ok().filter(|p| p.kind == ObjectKind::Parity),
            bytes: Anchored { object, start },
        })
    }

    /// Decodes the second head; if that is damaged too, says what the object is by the most telling of what is wrong.
    fn second_head(
        object: &[u8],
        preamble: &Result<Preamble, DecodeError>,
        first: DecodeError,
    ) -> Result<Head, DecodeError> {
        let at = object.len().checked_sub(SEAL_BYTES + HEAD_BYTES);
        let second = match at.map(|at| Head::decode(object, at)) {
            Some(Ok(head)) => return Ok(head),
            Some(Err(second)) => second,
            None => first,
        };
        Err(match preamble {
            // Another major version has another layout.
            Err(error) if error.kind() == DecodeErrorKind::Unsupported => *error,
            Ok(preamble) if preamble.kind != ObjectKind::Parity => {
                DecodeError::invalid("kind of object", 3)
            }
            _ if first.kind() == DecodeErrorKind::Damaged => second,
            _ => first,
        })
    }

    /// Checks that this is parity of the pack with this name and length, and of its repository.
    ///
    /// # Errors
    ///
    /// `Invalid` when something differs.
    pub fn check(&self, pack: &ObjectHash, pack_len: u64) -> Result<(), DecodeError> {
        if self.head.pack != *pack {
            return Err(DecodeError::invalid("name of the pack", HEAD_PACK_AT));
        }
        if self.head.geometry.pack_len() != pack_len {
            return Err(DecodeError::invalid("length of the pack", HEAD_LEN_AT));
        }
        Ok(())
    }

    /// Returns the name of the pack that this is parity of.
    #[must_use]
    pub const fn pack(&self) -> &ObjectHash {
        &self.head.pack
    }

    /// Returns how the pack is divided.
    #[must_use]
    pub const fn geometry(&self) -> &Geometry {
        &self.head.geometry
    }

    /// Returns the preamble; `None` when it is damaged.
    #[must_use]
    pub const fn preamble(&self) -> Option<&Preamble> {
        self.preamble.as_ref()
    }

    /// Says whether everything here is what comes out when parity of `pack` is made anew: all hashes and all parity shards.
    ///
    /// Costs as much as making it. That `pack` has the right name is not looked at.
    #[must_use]
    pub fn is_of(&self, pack: &[u8]) -> bool {
        let mut parity = Vec::new();
        self.inspect(pack).is_intact()
            && code::append_parity(self.geometry(), pack, &mut parity).is_ok()
            && (0..)
                .zip(parity.chunks(self.geometry().shard_len() as usize))
                .all(|(shard, bytes)| self.parity_shard(shard) == Some(bytes))
    }

    /// Returns the bytes of a parity shard, good or not.
    pub(super) fn parity_shard(&self, shard: u32) -> Option<&'a [u8]> {
        let len = self.geometry().shard_len() as usize;
        let before = Preamble::LEN + HEAD_BYTES + self.head.table_bytes();
        self.bytes.get(before + shard as usize * len, len)
    }

    /// Returns the numbers of the parity shards that do not match their hashes.
    pub(super) fn damaged_parity(&self) -> Vec<u32> {
        let data = self.geometry().data_shards();
        (0..self.geometry().parity_shards())
            .filter(|shard| {
                !self
                    .parity_shard(*shard)
                    .is_some_and(|bytes| self.is_hash_of(data + shard, bytes))
            })
            .collect()
    }

    /// Says whether one of the two tables has the hash of these bytes as that of this shard; parity shards are counted after
    /// data shards.
    pub(super) fn is_hash_of(&self, shard: u32, bytes: &[u8]) -> bool {
        let hash = shard_hash(bytes);
        (0..2).any(|copy| self.hash(copy, shard) == Some(&hash))
    }

    fn hash(&self, copy: usize, shard: u32) -> Option<&'a [u8]> {
        let at = self.table_at(copy) + shard as usize * HASH_BYTES;
        self.bytes.get(at, HASH_BYTES)
    }

    fn table(&self, copy: usize) -> Option<&'a [u8]> {
        self.bytes.get(self.table_at(copy), self.head.table_bytes())
    }

    const fn table_at(&self, copy: usize) -> usize {
        let first = Preamble::LEN + HEAD_BYTES;
        let geometry = &self.head.geometry;
        let shards = geometry.parity_shards() as usize * geometry.shard_len() as usize;
        if copy == 0 {
            first
        } else {
            first + self.head.table_bytes() + shards
        }
    }
}

impl std::fmt::Debug for Parity<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Parity")
            .field("pack", &self.head.pack)
            .field("geometry", &self.head.geometry)
            .finish_non_exhaustive()
    }
}

/// The bytes of an object of which the beginning or the end is known to stand where it should.
#[derive(Clone, Copy)]
struct Anchored<'a> {
    object: &'a [u8],
    /// Where the object would begin. Before or after its first byte, if some are missing or too many and only the end
    /// is known.
    start: i64,
}

impl<'a> Anchored<'a> {
    /// Returns bytes by their place in an object that is whole.
    fn get(&self, at: usize, len: usize) -> Option<&'a [u8]> {
        let at = i64::try_from(at).ok()?.checked_add(self.start)?;
        let at = usize::try_from(at).ok()?;
        self.object.get(at..at.checked_add(len)?)
    }
}

const SEAL_BYTES: usize = 32;
const WHAT: &str = "parity";
const HEAD_LEN_AT: usize = Preamble::LEN + 16;
const HEAD_PACK_AT: usize = Preamble::LEN + 32;
