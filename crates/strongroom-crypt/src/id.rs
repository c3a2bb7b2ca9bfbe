//! Names that are bytes: ids of blobs, repositories, sessions, slots, and the pin of Genesis.

use std::fmt;

use crate::error::{Error, ErrorKind};

macro_rules! byte_name {
    ($(#[$doc:meta])* $name:ident, $len:literal) => {
        $(#[$doc])*
        ///
        /// `Display` and `FromStr` are lower-case hexadecimal; `Debug` shows the first four bytes.
        #[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
        pub struct $name([u8; $len]);

        impl $name {
            /// Length in bytes.
            pub const LEN: usize = $len;

            /// Makes one of its bytes.
            #[must_use]
            pub const fn from_bytes(bytes: [u8; $len]) -> Self {
                Self(bytes)
            }

            /// Returns its bytes.
            #[must_use]
            pub const fn as_bytes(&self) -> &[u8; $len] {
                &self.0
            }

            /// Reads lower-case hexadecimal of exactly the right length.
            ///
            /// # Errors
            ///
            /// [`ErrorKind::Malformed`](crate::ErrorKind::Malformed) for anything else.
            pub fn parse(text: &str) -> Result<Self, $crate::Error> {
                let mut bytes = [0; $len];
                $crate::id::parse_hex(text, &mut bytes)?;
                Ok(Self(bytes))
            }
        }

        impl From<[u8; $len]> for $name {
            fn from(bytes: [u8; $len]) -> Self {
                Self(bytes)
            }
        }

        impl TryFrom<&[u8]> for $name {
            type Error = $crate::Error;

            fn try_from(bytes: &[u8]) -> Result<Self, $crate::Error> {
                bytes.try_into().map(Self).map_err(|_| $crate::id::wrong_length())
            }
        }

        impl AsRef<[u8]> for $name {
            fn as_ref(&self) -> &[u8] {
                &self.0
            }
        }

        impl std::str::FromStr for $name {
            type Err = $crate::Error;

            fn from_str(text: &str) -> Result<Self, $crate::Error> {
                Self::parse(text)
            }
        }

        impl std::fmt::Display for $name {
            fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                $crate::id::write_hex(f, &self.0)
            }
        }

        impl std::fmt::Debug for $name {
            fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                f.write_str(concat!(stringify!($name), "("))?;
                $crate::id::write_hex(f, self.0.first_chunk::<4>().map_or(&[], |prefix| prefix))?;
                f.write_str("…)")
            }
        }
    };
}
pub(crate) use byte_name;

byte_name!(
    /// The name of a blob or page: a keyed hash of its kind and plaintext.
    Id,
    32
);
byte_name!(
    /// The random name of a repository.
    RepositoryId,
    16
);
byte_name!(
    /// The name of a session, which commits to its secret.
    SessionId,
    32
);
byte_name!(
    /// The random name of a key slot.
    SlotId,
    16
);
byte_name!(
    /// The hash of a repository's first journal entry, kept outside the repository: whoever compares
    /// it cannot be handed another repository in place of their own.
    GenesisPin,
    32
);

pub(crate) fn write_hex(f: &mut fmt::Formatter<'_>, bytes: &[u8]) -> fmt::Result {
    const DIGITS: &[u8; 16] = b"0123456789abcdef";
    // Ids are at most 32 bytes; one write for all digits is faster than one for each byte.
    let mut text = [0_u8; 64];
    let mut used = 0;
    for (pair, byte) in text.chunks_exact_mut(2).zip(bytes) {
        if let [high, low] = pair {
            *high = DIGITS.get(usize::from(byte >> 4)).copied().unwrap_or(b'?');
            *low = DIGITS.get(usize::from(byte & 15)).copied().unwrap_or(b'?');
        }
        used += 2;
    }
    let digits = text.get(..used).unwrap_or_default();
    f.write_str(str::from_utf8(digits).map_err(|_| fmt::Error)?)
}

pub(crate) fn parse_hex(text: &str, bytes: &mut [u8]) -> Result<(), Error> {
    if text.len() != bytes.len() * 2 {
        return Err(wrong_length());
    }
    for (byte, pair) in bytes.iter_mut().zip(text.as_bytes().chunks_exact(2)) {
        let mut value = 0;
        for digit in pair {
            value = value << 4 | hex_digit(*digit)?;
        }
        *byte = value;
    }
    Ok(())
}

fn hex_digit(digit: u8) -> Result<u8, Error> {
    match digit {
        b'0'..=b'9' => Ok(digit - b'0'),
        b'a'..=b'f' => Ok(digit - b'a' + 10),
        _ => Err(Error::new(
            ErrorKind::Malformed,
            "not a lower-case hexadecimal digit",
        )),
    }
}

pub(crate) fn wrong_length() -> Error {
    Error::new(ErrorKind::Malformed, "a name or key of the wrong length")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn text_is_lower_case_hexadecimal_and_reads_back() {
        let id = RepositoryId::from_bytes(*b"\x00\x01abcdefghijklm\xff");
        assert_eq!(id.to_string(), "00016162636465666768696a6b6c6dff");
        assert_eq!(id.to_string().parse::<RepositoryId>().unwrap(), id);
        assert_eq!(format!("{id:?}"), "RepositoryId(00016162…)");
        let id = Id::from_bytes([0xab; 32]);
        assert_eq!(id.to_string(), "ab".repeat(32));
        assert_eq!(Id::try_from(id.as_ref()).unwrap(), id);
    }

    #[test]
    fn anything_else_is_malformed() {
        let ok = "ab".repeat(32);
        for text in [
            "",
            "a",
            &ok[1..],
            &ok.to_uppercase(),
            &ok.replacen('a', "g", 1),
        ] {
            assert_eq!(Id::parse(text).unwrap_err().kind(), ErrorKind::Malformed);
        }
        let not_ascii = format!("é{}", &ok[2..]);
        assert_eq!(
            Id::parse(&not_ascii).unwrap_err().kind(),
            ErrorKind::Malformed
        );
        assert!(Id::try_from([0; 31].as_slice()).is_err());
    }
}
