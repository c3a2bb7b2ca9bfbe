//! Recovery codes: a key on paper.

use std::fmt;

use zeroize::Zeroizing;

use crate::error::{Error, ErrorKind};
use crate::random::Random;
use crate::secret::Secret;

/// Crockford's base 32: no I, L, O or U, so that nothing is misread or spells a word.
const ALPHABET: &[u8; 32] = b"0123456789ABCDEFGHJKMNPQRSTVWXYZ";
const CHECK_LEN: usize = 3;
const RAW_LEN: usize = Secret::LEN + CHECK_LEN;
const DIGITS: usize = 56;
const GROUP_LEN: usize = 7;

/// Thirty-two random bytes that a person keeps on paper and that open a slot.
///
/// It has no `Display`: showing it is a decision, [`to_text`](RecoveryCode::to_text).
pub struct RecoveryCode(Secret);

/// Why a text is not a recovery code.
#[non_exhaustive]
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum RecoveryCodeError {
    /// It does not have 56 characters, spaces and dashes not counted.
    #[error("a recovery code has 56 characters, not {found}")]
    Length {
        /// How many characters there were.
        found: usize,
    },
    /// A character that no code contains.
    #[error("group {group} has a character that no recovery code contains")]
    Character {
        /// In which group of seven, counted from 1.
        group: usize,
    },
    /// Every character is possible, but together they are no code: one or more are misread.
    #[error("the checksum is wrong")]
    Checksum,
}

impl RecoveryCode {
    /// Makes a random one.
    ///
    /// # Errors
    ///
    /// [`ErrorKind::Random`](crate::ErrorKind::Random) if there are no random bytes.
    pub fn generate(random: &dyn Random) -> Result<Self, Error> {
        Secret::generate(random).map(Self)
    }

    /// Reads a code as a person typed it: case, spaces and dashes are ignored, `O` is `0`, `I` and
    /// `L` are `1`.
    ///
    /// # Errors
    ///
    /// [`RecoveryCodeError`] says which group to look at, or that the checksum is wrong.
    pub fn parse(text: &str) -> Result<Self, RecoveryCodeError> {
        let found = text.chars().filter(|c| !is_ignored(*c)).count();
        if found != DIGITS {
            return Err(RecoveryCodeError::Length { found });
        }
        let mut raw = Zeroizing::new([0_u8; RAW_LEN]);
        let mut bytes = raw.iter_mut();
        let mut pending = 0_u32;
        let mut bits = 0;
        for (position, character) in text.chars().filter(|c| !is_ignored(*c)).enumerate() {
            let group = position / GROUP_LEN + 1;
            let digit = digit_value(character).ok_or(RecoveryCodeError::Character { group })?;
            pending = pending << 5 | digit;
            bits += 5;
            if bits >= 8 {
                bits -= 8;
                let [.., byte] = (pending >> bits).to_be_bytes();
                // 56 digits of 5 bits are exactly 35 bytes, so the iterator has one for each.
                if let Some(slot) = bytes.next() {
                    *slot = byte;
                }
            }
        }
        Self::checked(&raw).ok_or(RecoveryCodeError::Checksum)
    }

    /// Returns the code as eight groups of seven characters, wiped when dropped.
    #[must_use]
    pub fn to_text(&self) -> Zeroizing<String> {
        let check = blake3::hash(self.0.expose());
        let bytes = self.0.expose().iter().chain(check.as_bytes()).take(RAW_LEN);
        // Room for everything at once: growing would leave pieces behind.
        let mut text = Zeroizing::new(String::with_capacity(DIGITS + DIGITS / GROUP_LEN));
        let mut pending = 0_u32;
        let mut bits = 0;
        let mut written = 0;
        for byte in bytes {
            pending = pending << 8 | u32::from(*byte);
            bits += 8;
            while bits >= 5 {
                bits -= 5;
                if written > 0 && written % GROUP_LEN == 0 {
                    text.push('-');
                }
                text.push(digit_char(pending >> bits));
                written += 1;
            }
        }
        text
    }

    /// The key of the box: `BLAKE3.derive("strongroom v1 recovery code", code)`.
    pub(crate) fn key(&self) -> Secret {
        let mut hasher = blake3::Hasher::new_derive_key("strongroom v1 recovery code");
        hasher.update(self.0.expose());
        Secret::of_hasher(hasher)
    }

    fn checked(raw: &[u8; RAW_LEN]) -> Option<Self> {
        let (code, check) = raw.split_first_chunk::<{ Secret::LEN }>()?;
        let expected = blake3::hash(code);
        (expected.as_bytes().first_chunk::<CHECK_LEN>()? == check.first_chunk::<CHECK_LEN>()?)
            .then(|| Self(Secret::from_bytes(code)))
    }
}

impl fmt::Debug for RecoveryCode {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("RecoveryCode(..)")
    }
}

impl From<RecoveryCodeError> for Error {
    fn from(_: RecoveryCodeError) -> Self {
        Self::new(ErrorKind::Malformed, "not a recovery code")
    }
}

fn is_ignored(character: char) -> bool {
    character == '-' || character.is_whitespace()
}

fn digit_value(character: char) -> Option<u32> {
    let character = match character.to_ascii_uppercase() {
        'O' => '0',
        'I' | 'L' => '1',
        other => other,
    };
    let position = ALPHABET.iter().position(|d| char::from(*d) == character)?;
    u32::try_from(position).ok()
}

fn digit_char(bits: u32) -> char {
    let [.., low] = bits.to_be_bytes();
    ALPHABET
        .get(usize::from(low & 31))
        .map_or('?', |digit| char::from(*digit))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn text(byte: u8) -> String {
        RecoveryCode(Secret::from_bytes(&[byte; 32]))
            .to_text()
            .to_string()
    }

    fn parse(text: &str) -> Result<[u8; 32], RecoveryCodeError> {
        RecoveryCode::parse(text).map(|code| *code.0.expose())
    }

    #[test]
    fn a_code_is_eight_groups_of_seven() {
        let text = text(0);
        let groups = text.split('-').collect::<Vec<_>>();
        assert_eq!(groups.len(), 8);
        assert!(groups.iter().all(|group| group.len() == 7));
        assert!(text.starts_with("0000000-0000000-"));
    }

    #[test]
    fn people_may_type_it_their_way() {
        let text = text(0x21);
        let expected = Ok([0x21; 32]);
        assert_eq!(parse(&text), expected);
        assert_eq!(parse(&text.to_lowercase()), expected);
        assert_eq!(parse(&text.replace('-', "")), expected);
        assert_eq!(
            parse(&format!("  {} \n", text.replace('-', " - "))),
            expected
        );
        assert_eq!(parse(&text.replace('0', "O").replace('1', "I")), expected);
        assert_eq!(parse(&text.replace('0', "o").replace('1', "l")), expected);
    }

    #[test]
    fn errors_say_where_to_look() {
        let text = text(0xf7);
        for found in [0, 55, 57] {
            let typed = text
                .replace('-', "")
                .chars()
                .cycle()
                .take(found)
                .collect::<String>();
            assert_eq!(parse(&typed), Err(RecoveryCodeError::Length { found }));
        }
        for (group, start) in (1..=8).zip((0..).step_by(8)) {
            let mut typed = text.clone();
            typed.replace_range(start..=start, "U");
            assert_eq!(parse(&typed), Err(RecoveryCodeError::Character { group }));
            typed.replace_range(start..=start, "é");
            assert_eq!(parse(&typed), Err(RecoveryCodeError::Character { group }));
        }
        assert_eq!(parse(&"0".repeat(56)), Err(RecoveryCodeError::Checksum));
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(64))]

        #[test]
        fn every_code_reads_back_and_single_mistakes_are_noticed(
            code in any::<[u8; 32]>(), position in 0_usize..56, digit in 0_usize..32,
        ) {
            let text = RecoveryCode(Secret::from_bytes(&code)).to_text().replace('-', "");
            prop_assert_eq!(parse(&text), Ok(code));
            let mut mistaken = text.clone();
            let digit = char::from(ALPHABET[digit]).to_string();
            mistaken.replace_range(position..=position, &digit);
            prop_assume!(mistaken != text);
            prop_assert_eq!(parse(&mistaken), Err(RecoveryCodeError::Checksum));
        }

        #[test]
        fn no_text_panics(text in ".{0,80}") {
            prop_assert!(parse(&text).is_err());
        }
    }
}
