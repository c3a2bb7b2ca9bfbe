//! Writes deterministic CBOR straight into a caller's buffer.

use super::{Unknown, major};
use crate::EncodeError;

#[inline]
pub(crate) fn uint(out: &mut Vec<u8>, value: u64) {
    head(out, major::UINT, value);
}

#[inline]
pub(crate) fn int(out: &mut Vec<u8>, value: i64) {
    if value < 0 {
        // RFC 8949 §3.1: a negative n is stored as -1 - n, which is the complement.
        head(out, major::NEGATIVE, (!value).cast_unsigned());
    } else {
        head(out, major::UINT, value.cast_unsigned());
    }
}

#[inline]
pub(crate) fn bytes(out: &mut Vec<u8>, value: &[u8]) {
    head(out, major::BYTES, value.len() as u64);
    out.extend_from_slice(value);
}

#[inline]
pub(crate) fn text(out: &mut Vec<u8>, value: &str) {
    head(out, major::TEXT, value.len() as u64);
    out.extend_from_slice(value.as_bytes());
}

#[inline]
pub(crate) fn boolean(out: &mut Vec<u8>, value: bool) {
    out.push(0xF4 | u8::from(value));
}

#[inline]
pub(crate) fn array(out: &mut Vec<u8>, len: usize) {
    head(out, major::ARRAY, len as u64);
}

#[inline]
pub(crate) fn map(out: &mut Vec<u8>, len: usize) {
    head(out, major::MAP, len as u64);
}

#[inline]
fn head(out: &mut Vec<u8>, major: u8, value: u64) {
    if value < 24 {
        out.push(major << 5 | value.to_le_bytes()[0]);
    } else {
        long_head(out, major, value);
    }
}

fn long_head(out: &mut Vec<u8>, major: u8, value: u64) {
    let [.., a, b, c, d, e, f, g, h] = value.to_be_bytes();
    let major = major << 5;
    match value {
        0..=0xFF => out.extend_from_slice(&[major | 24, h]),
        0x100..=0xFFFF => out.extend_from_slice(&[major | 25, g, h]),
        0x1_0000..=0xFFFF_FFFF => out.extend_from_slice(&[major | 26, e, f, g, h]),
        _ => out.extend_from_slice(&[major | 27, a, b, c, d, e, f, g, h]),
    }
}

/// Bytes of an encoded number, and of the head of bytes, text, arrays and maps of that length.
pub(crate) const fn uint_len(value: u64) -> usize {
    match value {
        0..24 => 1,
        24..0x100 => 2,
        0x100..0x1_0000 => 3,
        0x1_0000..0x1_0000_0000 => 5,
        _ => 9,
    }
}

pub(crate) const fn int_len(value: i64) -> usize {
    uint_len(if value < 0 {
        (!value).cast_unsigned()
    } else {
        value.cast_unsigned()
    })
}

/// Writes one map with unsigned keys in a single pass: the count is filled in at the end.
#[derive(Debug)]
pub(crate) struct MapWriter<'a> {
    out: &'a mut Vec<u8>,
    start: usize,
    count: usize,
    last: Option<u64>,
}

impl<'a> MapWriter<'a> {
    #[inline]
    pub(crate) fn new(out: &'a mut Vec<u8>) -> Self {
        let start = out.len();
        out.push(0);
        Self {
            out,
            start,
            count: 0,
            last: None,
        }
    }

    /// Writes a key; the caller writes the value into what is returned.
    #[inline]
    pub(crate) fn key(&mut self, key: u64) -> &mut Vec<u8> {
        debug_assert!(self.last < Some(key), "map keys must ascend");
        self.last = Some(key);
        self.count += 1;
        uint(self.out, key);
        self.out
    }

    #[inline]
    pub(crate) fn uint(&mut self, key: u64, value: u64) {
        uint(self.key(key), value);
    }

    /// Writes a number unless it is zero, its default.
    #[inline]
    pub(crate) fn nonzero(&mut self, key: u64, value: u64) {
        if value != 0 {
            self.uint(key, value);
        }
    }

    #[inline]
    pub(crate) fn int(&mut self, key: u64, value: i64) {
        int(self.key(key), value);
    }

    #[inline]
    pub(crate) fn bytes(&mut self, key: u64, value: &[u8]) {
        bytes(self.key(key), value);
    }

    #[inline]
    pub(crate) fn text(&mut self, key: u64, value: &str) {
        text(self.key(key), value);
    }

    /// Writes an array, also an empty one.
    pub(crate) fn array<T>(
        &mut self,
        key: u64,
        items: &[T],
        mut item: impl FnMut(&mut Vec<u8>, &T) -> Result<(), EncodeError>,
    ) -> Result<(), EncodeError> {
        let out = self.key(key);
        array(out, items.len());
        items.iter().try_for_each(|i| item(out, i))
    }

    /// Writes an array unless it is empty, its default.
    pub(crate) fn optional_array<T>(
        &mut self,
        key: u64,
        items: &[T],
        item: impl FnMut(&mut Vec<u8>, &T) -> Result<(), EncodeError>,
    ) -> Result<(), EncodeError> {
        if items.is_empty() {
            Ok(())
        } else {
            self.array(key, items, item)
        }
    }

    /// Appends what a later version had added and fills in the count.
    #[inline]
    pub(crate) fn finish(mut self, unknown: &Unknown) -> Result<(), EncodeError> {
        if !unknown.is_empty() {
            self.append(unknown)?;
        }
        let mut head = Vec::new();
        if self.count < 24 {
            if let (Some(first), Ok(count)) =
                (self.out.get_mut(self.start), u8::try_from(self.count))
            {
                *first = major::MAP << 5 | count;
            }
        } else {
            map(&mut head, self.count);
            self.out.splice(self.start..=self.start, head);
        }
        Ok(())
    }

    #[cold]
    fn append(&mut self, unknown: &Unknown) -> Result<(), EncodeError> {
        if self.last >= Some(unknown.first()) {
            return Err(EncodeError::invalid("unknown keys of another type"));
        }
        self.count += unknown.len();
        self.out.extend_from_slice(unknown.encoded());
        Ok(())
    }
}
