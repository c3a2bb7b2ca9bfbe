//! Deterministic CBOR (`docs/format.md`, §1): a strict reader and the writer that it accepts.

mod reader;

mod unknown;
mod writer;

pub(crate) use reader::Reader;
pub use unknown::Unknown;
pub(crate) use writer::{
    MapWriter, array, boolean, bytes, int, int_len, map, text, uint, uint_len,
};

/// Major types of RFC 8949 §3.1, in the upper three bits of an item's first byte.
mod major {
    pub(super) const UINT: u8 = 0;
    pub(super) const NEGATIVE: u8 = 1;
    pub(super) const BYTES: u8 = 2;
    pub(super) const TEXT: u8 = 3;
    pub(super) const ARRAY: u8 = 4;
    pub(super) const MAP: u8 = 5;
}
