//! Checks that every store makes before it asks its server.

use std::ops::Range;

use strongroom_store::{Error, ErrorKind, GetOptions, MAX_OBJECT_BYTES, PutOptions, Result};

/// Refuses what cannot be put: what is too large, and a lock that nobody keeps.
pub(crate) fn check_put(len: usize, options: &PutOptions) -> Result<()> {
    if options.retention.is_some() {
        return Err(Error::new(ErrorKind::Unsupported, "put")
            .with_source("this store does not lock objects"));
    }
    check_len("put", len as u64)
}

/// Refuses an object that is too large to be one.
pub(crate) fn check_len(operation: &'static str, len: u64) -> Result<()> {
    if len > MAX_OBJECT_BYTES as u64 {
        let limit = format!("{len} bytes, and the limit is {MAX_OBJECT_BYTES}");
        return Err(Error::new(ErrorKind::TooLarge, operation).with_source(limit));
    }
    Ok(())
}

/// Returns the part of an object of `len` bytes that is asked for, if it is within.
pub(crate) fn check_range(len: u64, options: &GetOptions) -> Result<Range<u64>> {
    match &options.range {
        None => Ok(0..len),
        Some(range) if range.start <= range.end && range.end <= len => Ok(range.clone()),
        Some(range) => Err(outside(range, len)),
    }
}

/// Returns the error for a range that is not within an object.
pub(crate) fn outside(range: &Range<u64>, len: u64) -> Error {
    Error::new(ErrorKind::InvalidRange, "get")
        .with_source(format!("{}..{} of {len} bytes", range.start, range.end))
}
