//! Base 64 of RFC 4648, section 4: padded, and with one spelling for every value.

/// Returns the text of `bytes`.
pub(crate) fn encode(bytes: &[u8]) -> String {
    let mut out = String::with_capacity(bytes.len().div_ceil(3) * 4);
    for group in bytes.chunks(3) {
        let [a, b, c] = [0, 1, 2].map(|at| group.get(at).copied().unwrap_or(0));
        let bits = u32::from_be_bytes([0, a, b, c]);
        for at in 0..4 {
            let is_there = at <= group.len();
            out.push(if is_there {
                digit(bits >> (18 - 6 * at))
            } else {
                '='
            });
        }
    }
    out
}

/// Returns the bytes of `text`, if it is their only spelling and they are no more than `max`.
pub(crate) fn decode(text: &str, max: usize) -> Option<Vec<u8>> {
    let (groups, rest) = text.as_bytes().as_chunks::<4>();
    if !rest.is_empty() || groups.len() > max.div_ceil(3) {
        return None;
    }
    let mut out = Vec::with_capacity(groups.len() * 3);
    for (index, group) in groups.iter().enumerate() {
        let padding = group.iter().rev().take_while(|c| **c == b'=').count();
        let is_last = index + 1 == groups.len();
        if padding > 2 || (padding > 0 && !is_last) {
            return None;
        }
        let mut bits = 0_u32;
        for c in group.iter().take(4 - padding) {
            bits = bits << 6 | value(*c)?;
        }
        bits <<= 6 * padding;
        let [_, bytes @ ..] = bits.to_be_bytes();
        let (kept, dropped) = bytes.split_at_checked(3 - padding)?;
        if dropped.iter().any(|byte| *byte != 0) {
            return None;
        }
        out.extend_from_slice(kept);
    }
    (out.len() <= max).then_some(out)
}

/// Returns the `N` bytes of `text`.
pub(crate) fn decode_array<const N: usize>(text: &str) -> Option<[u8; N]> {
    decode(text, N)?.try_into().ok()
}

fn digit(bits: u32) -> char {
    let index = usize::try_from(bits & 63).unwrap_or(0);
    ALPHABET.get(index).map_or('=', |c| char::from(*c))
}

fn value(c: u8) -> Option<u32> {
    Some(u32::from(match c {
        b'A'..=b'Z' => c - b'A',
        b'a'..=b'z' => c - b'a' + 26,
        b'0'..=b'9' => c - b'0' + 52,
        b'+' => 62,
        b'/' => 63,
        _ => return None,
    }))
}

const ALPHABET: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    /// RFC 4648, section 10.
    #[test]
    fn agrees_with_rfc_4648() {
        for (plain, text) in [
            ("", ""),
            ("f", "Zg=="),
            ("fo", "Zm8="),
            ("foo", "Zm9v"),
            ("foob", "Zm9vYg=="),
            ("fooba", "Zm9vYmE="),
            ("foobar", "Zm9vYmFy"),
        ] {
            assert_eq!(encode(plain.as_bytes()), text);
            assert_eq!(decode(text, 6).as_deref(), Some(plain.as_bytes()));
        }
    }

    #[test]
    fn every_value_has_one_spelling() {
        for text in [
            "Zg", "Zh==", "Zm9=", "Z===", "====", "Zg==Zg==", "Zm8", " Zm8=", "Zm8=\n", "Zm-_",
        ] {
            assert_eq!(decode(text, 100), None, "{text}");
        }
        assert_eq!(decode("Zm9v", 2), None);
        assert_eq!(decode("Zm9vYg==", 3), None);
    }

    proptest! {
        #[test]
        fn what_is_encoded_is_decoded(bytes in proptest::collection::vec(any::<u8>(), 0..100)) {
            prop_assert_eq!(decode(&encode(&bytes), bytes.len()), Some(bytes));
        }
    }
}
