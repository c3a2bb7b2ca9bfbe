//! Reads deterministic CBOR and nothing else.

use super::{Unknown, major};
use crate::DecodeError;
use crate::limits::MAX_CBOR_DEPTH;

/// How many items are reserved for on the word of a length field; more are reserved as they come.
const TRUSTED_ITEMS: usize = 1_024;

/// A position in strict CBOR. Every method names the field that it reads, for the error.
#[derive(Debug)]
pub(crate) struct Reader<'a> {
    input: &'a [u8],
    position: usize,
    depth: u8,
}

impl<'a> Reader<'a> {
    pub(crate) const fn new(input: &'a [u8]) -> Self {
        Self {
            input,
            position: 0,
            depth: 0,
        }
    }

    /// Reads something that will stand inside `depth` arrays or maps.
    pub(crate) const fn nested(input: &'a [u8], depth: u8) -> Self {
        Self {
            input,
            position: 0,
            depth,
        }
    }

    #[inline]
    pub(crate) const fn position(&self) -> usize {
        self.position
    }

    /// Refuses bytes after the outermost item.
    pub(crate) const fn finish(&self, what: &'static str) -> Result<(), DecodeError> {
        if self.position == self.input.len() {
            Ok(())
        } else {
            Err(DecodeError::invalid(what, self.position))
        }
    }

    #[inline]
    pub(crate) fn uint(&mut self, what: &'static str) -> Result<u64, DecodeError> {
        self.typed(major::UINT, what)
    }

    #[inline]
    pub(crate) fn u32(&mut self, what: &'static str) -> Result<u32, DecodeError> {
        let at = self.position;
        u32::try_from(self.uint(what)?).map_err(|_| DecodeError::invalid(what, at))
    }

    #[inline]
    pub(crate) fn u8(&mut self, what: &'static str) -> Result<u8, DecodeError> {
        let at = self.position;
        u8::try_from(self.uint(what)?).map_err(|_| DecodeError::invalid(what, at))
    }

    #[inline]
    pub(crate) fn int(&mut self, what: &'static str) -> Result<i64, DecodeError> {
        let at = self.position;
        let (major, value) = self.head(what)?;
        let value = i64::try_from(value).map_err(|_| DecodeError::invalid(what, at))?;
        match major {
            major::UINT => Ok(value),
            major::NEGATIVE => Ok(!value),
            _ => Err(DecodeError::invalid(what, at)),
        }
    }

    pub(crate) fn boolean(&mut self, what: &'static str) -> Result<bool, DecodeError> {
        let at = self.position;
        let (&first, _) = self
            .rest()
            .split_first()
            .ok_or(DecodeError::truncated(what, at))?;
        self.position += 1;
        match first {
            0xF4 => Ok(false),
            0xF5 => Ok(true),
            _ => Err(DecodeError::invalid(what, at)),
        }
    }

    #[inline]
    pub(crate) fn bytes(&mut self, what: &'static str) -> Result<&'a [u8], DecodeError> {
        let len = self.typed(major::BYTES, what)?;
        self.take(len, what)
    }

    #[inline]
    pub(crate) fn fixed<const N: usize>(
        &mut self,
        what: &'static str,
    ) -> Result<[u8; N], DecodeError> {
        let at = self.position;
        self.bytes(what)?
            .try_into()
            .map_err(|_| DecodeError::invalid(what, at))
    }

    pub(crate) fn text(&mut self, what: &'static str) -> Result<&'a str, DecodeError> {
        let at = self.position;
        let len = self.typed(major::TEXT, what)?;
        std::str::from_utf8(self.take(len, what)?).map_err(|_| DecodeError::invalid(what, at))
    }

    pub(crate) fn string(&mut self, what: &'static str) -> Result<String, DecodeError> {
        self.text(what).map(str::to_owned)
    }

    /// Reads an array of any length.
    pub(crate) fn array<T>(
        &mut self,
        what: &'static str,
        item: impl FnMut(&mut Self) -> Result<T, DecodeError>,
    ) -> Result<Vec<T>, DecodeError> {
        self.array_up_to(what, usize::MAX, item)
    }

    /// Reads an array of at most `most` items.
    pub(crate) fn array_up_to<T>(
        &mut self,
        what: &'static str,
        most: usize,
        mut item: impl FnMut(&mut Self) -> Result<T, DecodeError>,
    ) -> Result<Vec<T>, DecodeError> {
        let at = self.position;
        let len = self.enter(major::ARRAY, 1, what)?;
        if len > most {
            return Err(DecodeError::too_large(what, at));
        }
        let mut items = Vec::with_capacity(len.min(TRUSTED_ITEMS));
        for _ in 0..len {
            items.push(item(self)?);
        }
        self.depth -= 1;
        Ok(items)
    }

    /// Reads an array that has exactly `len` items, each with a meaning of its own.
    #[inline]
    pub(crate) fn tuple<T>(
        &mut self,
        what: &'static str,
        len: usize,
        items: impl FnOnce(&mut Self) -> Result<T, DecodeError>,
    ) -> Result<T, DecodeError> {
        let at = self.position;
        if self.enter(major::ARRAY, 1, what)? != len {
            return Err(DecodeError::invalid(what, at));
        }
        let value = items(self)?;
        self.depth -= 1;
        Ok(value)
    }

    /// Reads a map with unsigned keys. `value` reads the value of a key that it knows and returns whether it did;
    /// the others are kept.
    #[inline]
    pub(crate) fn map(
        &mut self,
        what: &'static str,
        mut value: impl FnMut(&mut Self, u64) -> Result<bool, DecodeError>,
    ) -> Result<Unknown, DecodeError> {
        let len = self.enter(major::MAP, 2, what)?;
        let mut unknown = Unknown::default();
        let mut last = None;
        for _ in 0..len {
            let at = self.position;
            let key = self.uint(what)?;
            if last >= Some(key) {
                return Err(DecodeError::invalid(what, at));
            }
            last = Some(key);
            if !value(self, key)? {
                self.skip(what)?;
                unknown.keep(key, self.input.get(at..self.position).unwrap_or_default());
            } else if !unknown.is_empty() {
                return Err(DecodeError::invalid(what, at));
            }
        }
        self.depth -= 1;
        Ok(unknown)
    }

    /// Reads a map whose keys and values are text.
    pub(crate) fn text_map(
        &mut self,
        what: &'static str,
    ) -> Result<std::collections::BTreeMap<String, String>, DecodeError> {
        let mut pairs = std::collections::BTreeMap::new();
        self.text_keys(what, usize::MAX, |r| {
            pairs.insert(r.string(what)?, r.string(what)?);
            Ok(())
        })?;
        Ok(pairs)
    }

    /// Reads a map of at most `most` keys that are text. `pair` reads a key and its value.
    pub(crate) fn text_keys(
        &mut self,
        what: &'static str,
        most: usize,
        mut pair: impl FnMut(&mut Self) -> Result<(), DecodeError>,
    ) -> Result<(), DecodeError> {
        let at = self.position;
        let len = self.enter(major::MAP, 2, what)?;
        if len > most {
            return Err(DecodeError::too_large(what, at));
        }
        let mut last: &[u8] = &[];
        for _ in 0..len {
            let start = self.position;
            let mut key = Self::nested(self.input, self.depth);
            key.position = start;
            key.text(what)?;
            let encoded = self.input.get(start..key.position).unwrap_or_default();
            if encoded <= last {
                return Err(DecodeError::invalid(what, start));
            }
            last = encoded;
            pair(self)?;
        }
        self.depth -= 1;
        Ok(())
    }

    /// Checks one item of any type and returns its bytes.
    pub(crate) fn raw(&mut self, what: &'static str) -> Result<&'a [u8], DecodeError> {
        let start = self.position;
        self.skip(what)?;
        Ok(self.input.get(start..self.position).unwrap_or_default())
    }

    /// Checks one map with unsigned keys and returns its bytes.
    pub(crate) fn raw_map(&mut self, what: &'static str) -> Result<&'a [u8], DecodeError> {
        match self.rest().first() {
            Some(first) if first >> 5 != major::MAP => {
                Err(DecodeError::invalid(what, self.position))
            }
            _ => self.raw(what),
        }
    }

    /// Passes one item; the depth limit bounds the recursion.
    fn skip(&mut self, what: &'static str) -> Result<(), DecodeError> {
        let at = self.position;
        let first = *self
            .rest()
            .first()
            .ok_or(DecodeError::truncated(what, at))?;
        match first >> 5 {
            major::UINT | major::NEGATIVE => self.head(what).map(drop),
            major::BYTES => self.bytes(what).map(drop),
            major::TEXT => self.text(what).map(drop),
            major::ARRAY => {
                for _ in 0..self.enter(major::ARRAY, 1, what)? {
                    self.skip(what)?;
                }
                self.depth -= 1;
                Ok(())
            }
            major::MAP => self.skip_map(what),
            _ => self.boolean(what).map(drop),
        }
    }

    fn skip_map(&mut self, what: &'static str) -> Result<(), DecodeError> {
        let mut last: &[u8] = &[];
        for _ in 0..self.enter(major::MAP, 2, what)? {
            let start = self.position;
            match self.rest().first().map(|first| first >> 5) {
                Some(major::UINT | major::TEXT) => self.skip(what)?,
                Some(_) => return Err(DecodeError::invalid(what, start)),
                None => return Err(DecodeError::truncated(what, start)),
            }
            let key = self.input.get(start..self.position).unwrap_or_default();
            if key <= last {
                return Err(DecodeError::invalid(what, start));
            }
            last = key;
            self.skip(what)?;
        }
        self.depth -= 1;
        Ok(())
    }

    /// Reads the head of an array or map whose items have at least `item_bytes` each.
    fn enter(
        &mut self,
        major: u8,
        item_bytes: usize,
        what: &'static str,
    ) -> Result<usize, DecodeError> {
        let at = self.position;
        let len = self.typed(major, what)?;
        if self.depth >= MAX_CBOR_DEPTH {
            return Err(DecodeError::too_large(what, at));
        }
        match usize::try_from(len) {
            Ok(len) if len <= self.rest().len() / item_bytes => {
                self.depth += 1;
                Ok(len)
            }
            _ => Err(DecodeError::truncated(what, at)),
        }
    }

    #[inline]
    fn typed(&mut self, expected: u8, what: &'static str) -> Result<u64, DecodeError> {
        let at = self.position;
        let (major, value) = self.head(what)?;
        if major == expected {
            Ok(value)
        } else {
            Err(DecodeError::invalid(what, at))
        }
    }

    /// Reads major type and argument; refuses arguments that are not the shortest.
    #[inline]
    fn head(&mut self, what: &'static str) -> Result<(u8, u64), DecodeError> {
        let Some(&first) = self.input.get(self.position) else {
            return Err(DecodeError::truncated(what, self.position));
        };
        let (major, low) = (first >> 5, first & 31);
        if low < 24 {
            self.position += 1;
            return Ok((major, u64::from(low)));
        }
        self.long_head(major, low, what)
    }

    fn long_head(
        &mut self,
        major: u8,
        low: u8,
        what: &'static str,
    ) -> Result<(u8, u64), DecodeError> {
        let at = self.position;
        let (len, least) = match low {
            24 => (1, 24),
            25 => (2, 0x100),
            26 => (4, 0x1_0000),
            27 => (8, 0x1_0000_0000),
            _ => return Err(DecodeError::invalid(what, at)),
        };
        let argument = self
            .rest()
            .get(1..=len)
            .ok_or(DecodeError::truncated(what, at))?;
        let value = argument
            .iter()
            .fold(0, |value: u64, byte| value << 8 | u64::from(*byte));
        if value < least || major > major::MAP {
            return Err(DecodeError::invalid(what, at));
        }
        self.position += 1 + len;
        Ok((major, value))
    }

    #[inline]
    fn take(&mut self, len: u64, what: &'static str) -> Result<&'a [u8], DecodeError> {
        let taken = usize::try_from(len)
            .ok()
            .and_then(|len| self.rest().get(..len))
            .ok_or(DecodeError::truncated(what, self.position))?;
        self.position += taken.len();
        Ok(taken)
    }

    #[inline]
    fn rest(&self) -> &'a [u8] {
        self.input.get(self.position..).unwrap_or_default()
    }
}
