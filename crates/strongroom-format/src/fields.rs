//! Fixed-width fields.

use crate::{DecodeError, EncodeError};

/// Reads fixed-width little-endian fields one after another.
#[derive(Debug)]
pub(crate) struct Fields<'a> {
    input: &'a [u8],
    position: usize,
    what: &'static str,
}

impl<'a> Fields<'a> {
    pub(crate) const fn new(input: &'a [u8], what: &'static str) -> Self {
        Self {
            input,
            position: 0,
            what,
        }
    }

    pub(crate) const fn position(&self) -> usize {
        self.position
    }

    pub(crate) fn rest(&self) -> &'a [u8] {
        self.input.get(self.position..).unwrap_or_default()
    }

    #[inline]
    pub(crate) fn take(&mut self, len: usize) -> Result<&'a [u8], DecodeError> {
        let taken = self
            .rest()
            .get(..len)
            .ok_or(DecodeError::truncated(self.what, self.position))?;
        self.position += len;
        Ok(taken)
    }

    #[inline]
    pub(crate) fn array<const N: usize>(&mut self) -> Result<[u8; N], DecodeError> {
        let taken = self
            .rest()
            .first_chunk()
            .ok_or(DecodeError::truncated(self.what, self.position))?;
        self.position += N;
        Ok(*taken)
    }

    #[inline]
    pub(crate) fn u8(&mut self) -> Result<u8, DecodeError> {
        self.array().map(u8::from_le_bytes)
    }

    #[inline]
    pub(crate) fn u16(&mut self) -> Result<u16, DecodeError> {
        self.array().map(u16::from_le_bytes)
    }

    #[inline]
    pub(crate) fn u32(&mut self) -> Result<u32, DecodeError> {
        self.array().map(u32::from_le_bytes)
    }

    #[inline]
    pub(crate) fn u64(&mut self) -> Result<u64, DecodeError> {
        self.array().map(u64::from_le_bytes)
    }

    /// Reads a `u32` count of rows of `row_bytes` each and refuses it before anything is allocated.
    pub(crate) fn count(&mut self, row_bytes: usize, most: usize) -> Result<usize, DecodeError> {
        let at = self.position;
        let count = self.u32()? as usize;
        if count > most {
            return Err(DecodeError::too_large(self.what, at));
        }
        if count > self.rest().len() / row_bytes {
            return Err(DecodeError::truncated(self.what, at));
        }
        Ok(count)
    }

    /// Passes bytes that this version writes as zero.
    pub(crate) fn reserved(&mut self, len: usize) -> Result<(), DecodeError> {
        let at = self.position;
        if self.take(len)?.iter().any(|byte| *byte != 0) {
            return Err(DecodeError::unsupported("reserved bytes", at));
        }
        Ok(())
    }

    /// Refuses bytes after the last field.
    pub(crate) const fn finish(&self) -> Result<(), DecodeError> {
        if self.position == self.input.len() {
            Ok(())
        } else {
            Err(DecodeError::invalid(self.what, self.position))
        }
    }
}

/// Writes `u32 length ‖ bytes`.
pub(crate) fn write_prefixed(
    out: &mut Vec<u8>,
    bytes: &[u8],
    what: &'static str,
) -> Result<(), EncodeError> {
    let len = u32::try_from(bytes.len()).map_err(|_| EncodeError::too_large(what))?;
    out.extend_from_slice(&len.to_le_bytes());
    out.extend_from_slice(bytes);
    Ok(())
}

/// Reads `u32 length ‖ bytes`.
pub(crate) fn read_prefixed<'a>(
    fields: &mut Fields<'a>,
    most: usize,
) -> Result<&'a [u8], DecodeError> {
    let len = fields.count(1, most)?;
    fields.take(len)
}
