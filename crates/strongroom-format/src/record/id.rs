//! Names of records.

use std::fmt;

/// The name of a record: 16 bytes laid out as a ULID, so that names sort by the time of their making.
///
/// `Display` and [`parse`](Self::parse) use the 26 characters of a ULID.
///
/// ```
/// use strongroom_format::record::RecordId;
///
/// let id = RecordId::new(1_800_000_000_000, [7; 10]);
/// assert_eq!(id.to_string(), "01MCC5RM000W3GE1R70W3GE1R7");
/// assert_eq!(RecordId::parse("01MCC5RM000W3GE1R70W3GE1R7"), Some(id));
/// assert_eq!(id.unix_ms(), 1_800_000_000_000);
/// ```
#[derive(Clone, Copy, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct RecordId([u8; 16]);

impl RecordId {
    /// Joins milliseconds since 1970, of which 48 bits count, and random bytes.
    #[must_use]
    pub const fn new(unix_ms: u64, random: [u8; 10]) -> Self {
        let [.., a, b, c, d, e, f] = unix_ms.to_be_bytes();
        let [g, h, i, j, k, l, m, n, o, p] = random;
        Self([a, b, c, d, e, f, g, h, i, j, k, l, m, n, o, p])
    }

    /// Takes a name that was made elsewhere.
    #[must_use]
    pub const fn from_bytes(bytes: [u8; 16]) -> Self {
        Self(bytes)
    }

    /// Returns the 16 bytes.
    #[must_use]
    pub const fn as_bytes(&self) -> &[u8; 16] {
        &self.0
    }

    /// Returns when it was made, in milliseconds since 1970, as its maker's clock said.
    #[must_use]
    pub fn unix_ms(&self) -> u64 {
        let time = u128::from_be_bytes(self.0) >> 80;
        u64::try_from(time).unwrap_or_default()
    }

    /// Reads the 26 characters, in capitals.
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        // 26 characters have room for 130 bits.
        if text.len() != CHARACTERS || text.as_bytes().first() > Some(&b'7') {
            return None;
        }
        let number = text.bytes().try_fold(0_u128, |number, character| {
            let digit = (0_u128..).zip(ALPHABET).find(|(_, c)| **c == character)?.0;
            Some(number << 5 | digit)
        })?;
        Some(Self(number.to_be_bytes()))
    }
}

impl fmt::Display for RecordId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        use fmt::Write as _;

        let number = u128::from_be_bytes(self.0);
        for place in (0..CHARACTERS).rev() {
            let digit = (number >> (5 * place)) & 31;
            let character = usize::try_from(digit).ok().and_then(|d| ALPHABET.get(d));
            f.write_char(char::from(*character.unwrap_or(&b'0')))?;
        }
        Ok(())
    }
}

impl fmt::Debug for RecordId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "RecordId({self})")
    }
}

/// Characters of a ULID.
const CHARACTERS: usize = 26;
/// Digits of Crockford's base 32.
const ALPHABET: &[u8; 32] = b"0123456789ABCDEFGHJKMNPQRSTVWXYZ";
