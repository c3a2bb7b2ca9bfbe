//! How the values of records are written and read: one line per key, the rest follows from the type.

use std::collections::BTreeMap;

use strongroom_crypt::Id;

use super::{Person, RecordId};
use crate::cbor::{self, MapWriter, Reader};
use crate::limits::{MAX_RECORD_ITEMS, MAX_RECORD_TEXT_BYTES};
use crate::{DecodeError, EncodeError, ObjectHash, Time};

/// A value in a record.
pub(super) trait Value: Sized {
    /// Whether a map leaves it out where it [is absent](Self::is_absent), and a reader refuses it there.
    const OPTIONAL: bool = false;

    fn is_absent(&self) -> bool {
        false
    }

    fn write(&self, out: &mut Vec<u8>) -> Result<(), EncodeError>;

    fn read(r: &mut Reader<'_>, what: &'static str) -> Result<Self, DecodeError>;
}

/// Implements [`Value`] of a struct as a map with these keys and what is in its field `unknown`.
macro_rules! value_map {
    ($name:ident, $what:literal, { $($key:literal => $field:ident),+ $(,)? }) => {
        impl $crate::record::field::Value for $name {
            fn write(&self, out: &mut Vec<u8>) -> Result<(), $crate::EncodeError> {
                let mut map = $crate::cbor::MapWriter::new(out);
                $($crate::record::field::put(&mut map, $key, &self.$field)?;)+
                map.finish(&self.unknown)
            }

            fn read(
                r: &mut $crate::cbor::Reader<'_>,
                _: &'static str,
            ) -> Result<Self, $crate::DecodeError> {
                let at = r.position();
                let mut value = Self::default();
                let mut seen = 0_u64;
                value.unknown = r.map($what, |r, key| {
                    match key {
                        $($key => value.$field = $crate::record::field::take(r, $what)?,)+
                        _ => return Ok(false),
                    }
                    seen |= 1 << key;
                    Ok(true)
                })?;
                let required = 0 $(| $crate::record::field::required($key, &value.$field))+;
                if seen & required != required {
                    return Err($crate::DecodeError::invalid($what, at));
                }
                Ok(value)
            }
        }
    };
}
pub(super) use value_map;

/// Implements [`Value`] of an enum as a number, and `Display` as a word. `Other` has the numbers of later versions.
macro_rules! value_number {
    ($name:ident, $what:literal, { $($variant:ident = $number:literal $word:literal),+ $(,)? }) => {
        impl $name {
            /// Returns the number that stands for it in records.
            #[must_use]
            pub const fn number(self) -> u64 {
                match self {
                    $(Self::$variant => $number,)+
                    Self::Other(number) => number,
                }
            }

            /// Returns what the number stands for.
            #[must_use]
            pub const fn from_number(number: u64) -> Self {
                match number {
                    $($number => Self::$variant,)+
                    _ => Self::Other(number),
                }
            }
        }

        impl std::fmt::Display for $name {
            fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                match self {
                    $(Self::$variant => f.write_str($word),)+
                    Self::Other(number) => write!(f, "other-{number}"),
                }
            }
        }

        impl $crate::record::field::Value for $name {
            fn write(&self, out: &mut Vec<u8>) -> Result<(), $crate::EncodeError> {
                if Self::from_number(self.number()) != *self {
                    return Err($crate::EncodeError::invalid($what));
                }
                $crate::cbor::uint(out, self.number());
                Ok(())
            }

            fn read(
                r: &mut $crate::cbor::Reader<'_>,
                _: &'static str,
            ) -> Result<Self, $crate::DecodeError> {
                r.uint($what).map(Self::from_number)
            }
        }
    };
}
pub(super) use value_number;

/// Writes a key and its value, unless that is left out.
pub(super) fn put<T: Value>(
    map: &mut MapWriter<'_>,
    key: u64,
    value: &T,
) -> Result<(), EncodeError> {
    if T::OPTIONAL && value.is_absent() {
        return Ok(());
    }
    value.write(map.key(key))
}

/// Reads the value of a key.
pub(super) fn take<T: Value>(r: &mut Reader<'_>, what: &'static str) -> Result<T, DecodeError> {
    let at = r.position();
    let value = T::read(r, what)?;
    if T::OPTIONAL && value.is_absent() {
        return Err(DecodeError::invalid(what, at));
    }
    Ok(value)
}

/// Returns the bit of a key that must be there.
pub(super) const fn required<T: Value>(key: u64, _: &T) -> u64 {
    if T::OPTIONAL { 0 } else { 1 << key }
}

/// A number, as it is.
impl Value for u64 {
    fn write(&self, out: &mut Vec<u8>) -> Result<(), EncodeError> {
        cbor::uint(out, *self);
        Ok(())
    }

    fn read(r: &mut Reader<'_>, what: &'static str) -> Result<Self, DecodeError> {
        r.uint(what)
    }
}

impl Value for u32 {
    fn write(&self, out: &mut Vec<u8>) -> Result<(), EncodeError> {
        cbor::uint(out, u64::from(*self));
        Ok(())
    }

    fn read(r: &mut Reader<'_>, what: &'static str) -> Result<Self, DecodeError> {
        r.u32(what)
    }
}

impl Value for u8 {
    fn write(&self, out: &mut Vec<u8>) -> Result<(), EncodeError> {
        cbor::uint(out, u64::from(*self));
        Ok(())
    }

    fn read(r: &mut Reader<'_>, what: &'static str) -> Result<Self, DecodeError> {
        r.u8(what)
    }
}

impl Value for i64 {
    fn write(&self, out: &mut Vec<u8>) -> Result<(), EncodeError> {
        cbor::int(out, *self);
        Ok(())
    }

    fn read(r: &mut Reader<'_>, what: &'static str) -> Result<Self, DecodeError> {
        r.int(what)
    }
}

/// `false` is left out.
#[expect(clippy::use_self, reason = "`Self` would be a riddle here")]
impl Value for bool {
    const OPTIONAL: bool = true;

    fn is_absent(&self) -> bool {
        !self
    }

    fn write(&self, out: &mut Vec<u8>) -> Result<(), EncodeError> {
        cbor::boolean(out, *self);
        Ok(())
    }

    fn read(r: &mut Reader<'_>, what: &'static str) -> Result<Self, DecodeError> {
        r.boolean(what)
    }
}

impl Value for String {
    fn write(&self, out: &mut Vec<u8>) -> Result<(), EncodeError> {
        if self.len() > MAX_RECORD_TEXT_BYTES {
            return Err(EncodeError::too_large("text of a record"));
        }
        cbor::text(out, self);
        Ok(())
    }

    fn read(r: &mut Reader<'_>, what: &'static str) -> Result<Self, DecodeError> {
        let at = r.position();
        let text = r.text(what)?;
        if text.len() > MAX_RECORD_TEXT_BYTES {
            return Err(DecodeError::too_large(what, at));
        }
        Ok(text.to_owned())
    }
}

impl Value for Time {
    fn write(&self, out: &mut Vec<u8>) -> Result<(), EncodeError> {
        Self::write(*self, out)
    }

    fn read(r: &mut Reader<'_>, what: &'static str) -> Result<Self, DecodeError> {
        Self::read(r, what)
    }
}

impl<const N: usize> Value for [u8; N] {
    fn write(&self, out: &mut Vec<u8>) -> Result<(), EncodeError> {
        cbor::bytes(out, self);
        Ok(())
    }

    fn read(r: &mut Reader<'_>, what: &'static str) -> Result<Self, DecodeError> {
        r.fixed(what)
    }
}

impl Value for Id {
    fn write(&self, out: &mut Vec<u8>) -> Result<(), EncodeError> {
        self.as_bytes().write(out)
    }

    fn read(r: &mut Reader<'_>, what: &'static str) -> Result<Self, DecodeError> {
        r.fixed(what).map(Self::from_bytes)
    }
}

impl Value for RecordId {
    fn write(&self, out: &mut Vec<u8>) -> Result<(), EncodeError> {
        self.as_bytes().write(out)
    }

    fn read(r: &mut Reader<'_>, what: &'static str) -> Result<Self, DecodeError> {
        r.fixed(what).map(Self::from_bytes)
    }
}

impl Value for Person {
    fn write(&self, out: &mut Vec<u8>) -> Result<(), EncodeError> {
        self.as_bytes().write(out)
    }

    fn read(r: &mut Reader<'_>, what: &'static str) -> Result<Self, DecodeError> {
        r.fixed(what).map(Self::from_bytes)
    }
}

impl Value for ObjectHash {
    fn write(&self, out: &mut Vec<u8>) -> Result<(), EncodeError> {
        self.as_bytes().write(out)
    }

    fn read(r: &mut Reader<'_>, what: &'static str) -> Result<Self, DecodeError> {
        r.fixed(what).map(Self::from_bytes)
    }
}

/// `None` is left out.
impl<T: Value> Value for Option<T> {
    const OPTIONAL: bool = true;

    fn is_absent(&self) -> bool {
        self.is_none()
    }

    fn write(&self, out: &mut Vec<u8>) -> Result<(), EncodeError> {
        self.as_ref().map_or(Ok(()), |value| value.write(out))
    }

    fn read(r: &mut Reader<'_>, what: &'static str) -> Result<Self, DecodeError> {
        T::read(r, what).map(Some)
    }
}

/// An array; an empty one is left out.
impl<T: Value> Value for Vec<T> {
    const OPTIONAL: bool = true;

    fn is_absent(&self) -> bool {
        self.is_empty()
    }

    fn write(&self, out: &mut Vec<u8>) -> Result<(), EncodeError> {
        check_items(self.len())?;
        cbor::array(out, self.len());
        self.iter().try_for_each(|item| item.write(out))
    }

    fn read(r: &mut Reader<'_>, what: &'static str) -> Result<Self, DecodeError> {
        r.array_up_to(what, MAX_RECORD_ITEMS, |r| T::read(r, what))
    }
}

/// A map with text as keys; an empty one is left out.
impl<T: Value> Value for BTreeMap<String, T> {
    const OPTIONAL: bool = true;

    fn is_absent(&self) -> bool {
        self.is_empty()
    }

    fn write(&self, out: &mut Vec<u8>) -> Result<(), EncodeError> {
        check_items(self.len())?;
        let mut sorted: Vec<(&String, &T)> = self.iter().collect();
        // Bytewise order of encodings: shorter first.
        sorted.sort_by_key(|(key, _)| (key.len(), key.as_bytes()));
        cbor::map(out, sorted.len());
        sorted.into_iter().try_for_each(|(key, value)| {
            key.write(out)?;
            value.write(out)
        })
    }

    fn read(r: &mut Reader<'_>, what: &'static str) -> Result<Self, DecodeError> {
        let mut pairs = Self::new();
        r.text_keys(what, MAX_RECORD_ITEMS, |r| {
            pairs.insert(String::read(r, what)?, T::read(r, what)?);
            Ok(())
        })?;
        Ok(pairs)
    }
}

impl<A: Value, B: Value> Value for (A, B) {
    fn write(&self, out: &mut Vec<u8>) -> Result<(), EncodeError> {
        cbor::array(out, 2);
        self.0.write(out)?;
        self.1.write(out)
    }

    fn read(r: &mut Reader<'_>, what: &'static str) -> Result<Self, DecodeError> {
        r.tuple(what, 2, |r| Ok((A::read(r, what)?, B::read(r, what)?)))
    }
}

impl<A: Value, B: Value, C: Value> Value for (A, B, C) {
    fn write(&self, out: &mut Vec<u8>) -> Result<(), EncodeError> {
        cbor::array(out, 3);
        self.0.write(out)?;
        self.1.write(out)?;
        self.2.write(out)
    }

    fn read(r: &mut Reader<'_>, what: &'static str) -> Result<Self, DecodeError> {
        r.tuple(what, 3, |r| {
            Ok((A::read(r, what)?, B::read(r, what)?, C::read(r, what)?))
        })
    }
}

const fn check_items(count: usize) -> Result<(), EncodeError> {
    if count > MAX_RECORD_ITEMS {
        return Err(EncodeError::too_large("list of a record"));
    }
    Ok(())
}
