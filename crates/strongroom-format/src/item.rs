//! Values that stand in arrays of journal entries and checkpoints.

use strongroom_crypt::{Id, Roles, SessionId};

use crate::cbor::{self, MapWriter, Reader};
use crate::{DecodeError, ObjectHash, PackClass};

/// A pack as the journal names it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[expect(clippy::exhaustive_structs, reason = "the format fixes the fields")]
pub struct PackRef {
    /// The pack's name.
    pub name: ObjectHash,
    /// Its bytes.
    pub len: u32,
    /// What it holds.
    pub class: PackClass,
}

/// An index segment as the journal names it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[expect(clippy::exhaustive_structs, reason = "the format fixes the fields")]
pub struct SegmentRef {
    /// The segment's name.
    pub name: ObjectHash,
    /// Its bytes.
    pub len: u32,
    /// Its entries.
    pub entries: u64,
}

/// What a signing key may sign. It holds because an admin signed the entry that it stands in.
#[derive(Clone, Debug, PartialEq, Eq)]
#[expect(clippy::exhaustive_structs, reason = "the format fixes the fields")]
pub struct Certificate {
    /// Roles of the key.
    pub roles: Roles,
    /// The key.
    pub public: [u8; 32],
    /// For people.
    pub label: String,
    /// Seconds since 1970 after which the key signs nothing, or 0.
    pub not_after: u64,
}

/// A pack of which frames are damaged.
#[derive(Clone, Debug, PartialEq, Eq)]
#[expect(clippy::exhaustive_structs, reason = "the format fixes the fields")]
pub struct DamagedPack {
    /// The pack.
    pub pack: ObjectHash,
    /// Positions of frames in the pack's header; none means all.
    pub frames: Vec<u32>,
}

/// A Bridge in the place of a lost entry.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[expect(clippy::exhaustive_structs, reason = "the format fixes the fields")]
pub struct BridgeRef {
    /// The number of the entry.
    pub n: u64,
    /// The hash of the Bridge.
    pub hash: ObjectHash,
    /// The previous hash that the next entry states.
    pub next: ObjectHash,
}

/// What an epoch's key is still for.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[non_exhaustive]
#[repr(u8)]
pub enum EpochState {
    /// Sessions may be wrapped with it.
    #[default]
    Open = 0,
    /// It is only read with.
    Closed = 1,
    /// Nothing may depend on it.
    Retired = 2,
}

/// Something that an array holds many of.
pub(crate) trait Item: Sized {
    fn write(&self, out: &mut Vec<u8>);
    fn read(r: &mut Reader<'_>) -> Result<Self, DecodeError>;
}

impl Reader<'_> {
    /// Reads an array. One that writers leave out rather than empty is accepted empty.
    pub(crate) fn items<T: Item>(&mut self, what: &'static str) -> Result<Vec<T>, DecodeError> {
        self.array(what, T::read)
    }
}

impl MapWriter<'_> {
    /// Writes an array, also an empty one.
    pub(crate) fn items<T: Item>(&mut self, key: u64, items: &[T]) {
        write_items(self.key(key), items);
    }

    /// Writes an array unless it is empty, its default.
    pub(crate) fn some_items<T: Item>(&mut self, key: u64, items: &[T]) {
        if !items.is_empty() {
            self.items(key, items);
        }
    }
}

pub(crate) fn write_items<T: Item>(out: &mut Vec<u8>, items: &[T]) {
    cbor::array(out, items.len());
    for item in items {
        item.write(out);
    }
}

impl Item for BridgeRef {
    fn write(&self, out: &mut Vec<u8>) {
        cbor::array(out, 3);
        cbor::uint(out, self.n);
        self.hash.write(out);
        self.next.write(out);
    }

    fn read(r: &mut Reader<'_>) -> Result<Self, DecodeError> {
        r.tuple("bridge", 3, |r| {
            Ok(Self {
                n: r.uint("number")?,
                hash: Item::read(r)?,
                next: Item::read(r)?,
            })
        })
    }
}

impl Item for PackRef {
    fn write(&self, out: &mut Vec<u8>) {
        cbor::array(out, 3);
        self.name.write(out);
        cbor::uint(out, u64::from(self.len));
        cbor::uint(out, u64::from(self.class as u8));
    }

    fn read(r: &mut Reader<'_>) -> Result<Self, DecodeError> {
        r.tuple("pack", 3, |r| {
            let (name, len, at) = (Item::read(r)?, r.u32("length of a pack")?, r.position());
            let class = PackClass::from_number(r.uint("class of a pack")?);
            Ok(Self {
                name,
                len,
                class: class.map_err(|error| error.shifted(at))?,
            })
        })
    }
}

impl Item for SegmentRef {
    fn write(&self, out: &mut Vec<u8>) {
        cbor::array(out, 3);
        self.name.write(out);
        cbor::uint(out, u64::from(self.len));
        cbor::uint(out, self.entries);
    }

    fn read(r: &mut Reader<'_>) -> Result<Self, DecodeError> {
        r.tuple("segment", 3, |r| {
            let (name, len) = (Item::read(r)?, r.u32("length of a segment")?);
            Ok(Self {
                name,
                len,
                entries: r.uint("entries of a segment")?,
            })
        })
    }
}

impl Item for Certificate {
    fn write(&self, out: &mut Vec<u8>) {
        cbor::array(out, 4);
        cbor::uint(out, u64::from(self.roles.bits()));
        cbor::bytes(out, &self.public);
        cbor::text(out, &self.label);
        cbor::uint(out, self.not_after);
    }

    fn read(r: &mut Reader<'_>) -> Result<Self, DecodeError> {
        r.tuple("certificate", 4, |r| {
            Ok(Self {
                roles: Roles::from_bits(r.u8("roles")?),
                public: r.fixed("public key")?,
                label: r.string("label")?,
                not_after: r.uint("end of a certificate")?,
            })
        })
    }
}

impl Item for DamagedPack {
    fn write(&self, out: &mut Vec<u8>) {
        cbor::array(out, 2);
        self.pack.write(out);
        write_items(out, &self.frames);
    }

    fn read(r: &mut Reader<'_>) -> Result<Self, DecodeError> {
        r.tuple("damaged pack", 2, |r| {
            Ok(Self {
                pack: Item::read(r)?,
                frames: r.items("damaged frames")?,
            })
        })
    }
}

impl Item for (u32, EpochState) {
    fn write(&self, out: &mut Vec<u8>) {
        cbor::array(out, 2);
        cbor::uint(out, u64::from(self.0));
        cbor::uint(out, u64::from(self.1 as u8));
    }

    fn read(r: &mut Reader<'_>) -> Result<Self, DecodeError> {
        r.tuple("state of an epoch", 2, |r| {
            Ok((r.u32("epoch")?, EpochState::read(r)?))
        })
    }
}

impl EpochState {
    pub(crate) fn read(r: &mut Reader<'_>) -> Result<Self, DecodeError> {
        let at = r.position();
        match r.uint("state of an epoch")? {
            0 => Ok(Self::Open),
            1 => Ok(Self::Closed),
            2 => Ok(Self::Retired),
            _ => Err(DecodeError::unsupported("state of an epoch", at)),
        }
    }
}

/// An entry's number and hash.
impl Item for (u64, ObjectHash) {
    fn write(&self, out: &mut Vec<u8>) {
        cbor::array(out, 2);
        cbor::uint(out, self.0);
        self.1.write(out);
    }

    fn read(r: &mut Reader<'_>) -> Result<Self, DecodeError> {
        r.tuple("number and hash", 2, |r| {
            Ok((r.uint("number")?, Item::read(r)?))
        })
    }
}

impl Item for u32 {
    fn write(&self, out: &mut Vec<u8>) {
        cbor::uint(out, u64::from(*self));
    }

    fn read(r: &mut Reader<'_>) -> Result<Self, DecodeError> {
        r.u32("number")
    }
}

impl Item for String {
    fn write(&self, out: &mut Vec<u8>) {
        cbor::text(out, self);
    }

    fn read(r: &mut Reader<'_>) -> Result<Self, DecodeError> {
        r.string("text")
    }
}

impl Item for Vec<u8> {
    fn write(&self, out: &mut Vec<u8>) {
        cbor::bytes(out, self);
    }

    fn read(r: &mut Reader<'_>) -> Result<Self, DecodeError> {
        r.bytes("bytes").map(<[u8]>::to_vec)
    }
}

impl Item for [u8; 32] {
    fn write(&self, out: &mut Vec<u8>) {
        cbor::bytes(out, self);
    }

    fn read(r: &mut Reader<'_>) -> Result<Self, DecodeError> {
        r.fixed("32 bytes")
    }
}

macro_rules! named_bytes {
    ($($name:ident $what:literal),*) => {$(
        impl Item for $name {
            fn write(&self, out: &mut Vec<u8>) {
                cbor::bytes(out, self.as_bytes());
            }

            fn read(r: &mut Reader<'_>) -> Result<Self, DecodeError> {
                r.fixed($what).map(Self::from_bytes)
            }
        }
    )*};
}

named_bytes!(ObjectHash "hash", Id "id", SessionId "session");
