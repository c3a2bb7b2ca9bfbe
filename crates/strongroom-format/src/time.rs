//! A moment, as the format records it.

use crate::cbor::{self, Reader};
use crate::{DecodeError, EncodeError};

/// Seconds and nanoseconds since 1970-01-01T00:00:00Z, without leap seconds.
///
/// `nanos` is below 1,000,000,000. Times inform people and retention; nothing that is safe depends on them.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[expect(clippy::exhaustive_structs, reason = "the format fixes both fields")]
pub struct Time {
    /// Whole seconds, negative before 1970.
    pub seconds: i64,
    /// Nanoseconds after `seconds`.
    pub nanos: u32,
}

impl Time {
    /// Joins the two parts.
    #[must_use]
    pub const fn new(seconds: i64, nanos: u32) -> Self {
        Self { seconds, nanos }
    }

    pub(crate) fn write(self, out: &mut Vec<u8>) -> Result<(), EncodeError> {
        cbor::array(out, 2);
        cbor::int(out, self.seconds);
        cbor::uint(out, u64::from(check_nanos(self.nanos)?));
        Ok(())
    }

    pub(crate) fn read(r: &mut Reader<'_>, what: &'static str) -> Result<Self, DecodeError> {
        r.tuple(what, 2, |r| {
            Ok(Self {
                seconds: r.int(what)?,
                nanos: read_nanos(r, what)?,
            })
        })
    }
}

/// Reads nanoseconds below one second.
pub(crate) fn read_nanos(r: &mut Reader<'_>, what: &'static str) -> Result<u32, DecodeError> {
    let at = r.position();
    let nanos = r.u32(what)?;
    check_nanos(nanos).map_err(|_| DecodeError::invalid(what, at))
}

pub(crate) const fn check_nanos(nanos: u32) -> Result<u32, EncodeError> {
    if nanos < 1_000_000_000 {
        Ok(nanos)
    } else {
        Err(EncodeError::invalid("nanoseconds"))
    }
}
