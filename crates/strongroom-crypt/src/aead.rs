//! One message under one key: the AEADs of the suites (format §3.1), and the parts that boxes and
//! frames share. The AEAD's own associated data is always empty.

use ring::aead::{AES_256_GCM, Aad, Algorithm, CHACHA20_POLY1305, LessSafeKey, Nonce, UnboundKey};

use crate::error::{OpenError, SealError};
use crate::secret::ct_eq;
use crate::suite::Suite;

pub(crate) const SALT_LEN: usize = 32;
pub(crate) const TAG_LEN: usize = 16;
pub(crate) const KEY_LEN: usize = 32;
pub(crate) const NONCE_LEN: usize = 12;

/// A key and a nonce for one message. They borrow from a buffer that its owner wipes.
#[derive(Clone, Copy)]
pub(crate) struct MessageKey<'k> {
    pub(crate) key: &'k [u8; KEY_LEN],
    pub(crate) nonce: &'k [u8; NONCE_LEN],
}

impl<'k> MessageKey<'k> {
    /// Splits `key ‖ nonce` off the front of derived bytes.
    pub(crate) fn split(derived: &'k [u8]) -> Option<(Self, &'k [u8])> {
        let (key, rest) = derived.split_first_chunk()?;
        let (nonce, rest) = rest.split_first_chunk()?;
        Some((Self { key, nonce }, rest))
    }

    /// Seals `in_out` where it lies and returns the tag that belongs behind it.
    pub(crate) fn seal(self, suite: Suite, in_out: &mut [u8]) -> Result<[u8; TAG_LEN], SealError> {
        let Some(algorithm) = algorithm(suite) else {
            return Ok(self.checksum(in_out));
        };
        let key = UnboundKey::new(algorithm, self.key).map_err(|_| SealError)?;
        let tag = LessSafeKey::new(key)
            .seal_in_place_separate_tag(self.ring_nonce(), Aad::empty(), in_out)
            .map_err(|_| SealError)?;
        tag.as_ref().try_into().map_err(|_| SealError)
    }

    /// Opens `ciphertext ‖ tag` where it lies; the plaintext is all but the last [`TAG_LEN`] bytes.
    pub(crate) fn open(self, suite: Suite, in_out: &mut [u8]) -> Result<(), OpenError> {
        let Some(algorithm) = algorithm(suite) else {
            let (plaintext, tag) = in_out.split_last_chunk::<TAG_LEN>().ok_or(OpenError)?;
            return if tags_equal(&self.checksum(plaintext), tag) {
                Ok(())
            } else {
                Err(OpenError)
            };
        };
        let key = UnboundKey::new(algorithm, self.key).map_err(|_| OpenError)?;
        LessSafeKey::new(key)
            .open_in_place(self.ring_nonce(), Aad::empty(), in_out)
            .map(|_| ())
            .map_err(|_| OpenError)
    }

    /// Suite 0: a keyed hash in place of the tag.
    fn checksum(self, plaintext: &[u8]) -> [u8; TAG_LEN] {
        let mut tag = [0; TAG_LEN];
        blake3::Hasher::new_keyed(self.key)
            .update(self.nonce)
            .update(plaintext)
            .finalize_xof()
            .fill(&mut tag);
        tag
    }

    fn ring_nonce(self) -> Nonce {
        Nonce::assume_unique_for_key(*self.nonce)
    }
}

/// Makes room for `head ‖ plaintext ‖ tag` in `out`, seals, and on failure takes it all back.
pub(crate) fn append_sealed(
    suite: Suite,
    key: MessageKey<'_>,
    head: &[&[u8]],
    plaintext: &[u8],
    out: &mut Vec<u8>,
) -> Result<(), SealError> {
    let before = out.len();
    let head_len: usize = head.iter().map(|part| part.len()).sum();
    out.reserve(head_len + plaintext.len() + TAG_LEN);
    for part in head {
        out.extend_from_slice(part);
    }
    out.extend_from_slice(plaintext);
    let message = out.get_mut(before + head_len..).unwrap_or_default();
    match key.seal(suite, message) {
        Ok(tag) => {
            out.extend_from_slice(&tag);
            Ok(())
        }
        Err(error) => {
            out.truncate(before);
            Err(error)
        }
    }
}

/// Copies `ciphertext ‖ tag` to the end of `out` and opens it there, or leaves `out` as it was.
pub(crate) fn append_opened(
    suite: Suite,
    key: MessageKey<'_>,
    message: &[u8],
    out: &mut Vec<u8>,
) -> Result<(), OpenError> {
    let before = out.len();
    out.extend_from_slice(message);
    let opened = key.open(suite, out.get_mut(before..).unwrap_or_default());
    match opened {
        Ok(()) => out.truncate(out.len() - TAG_LEN),
        Err(_) => out.truncate(before),
    }
    opened
}

/// Opens `ciphertext ‖ tag` where it lies and returns the plaintext.
pub(crate) fn opened_in_place<'a>(
    suite: Suite,
    key: MessageKey<'_>,
    message: &'a mut [u8],
) -> Result<&'a mut [u8], OpenError> {
    key.open(suite, message)?;
    let (plaintext, _tag) = message.split_last_chunk_mut::<TAG_LEN>().ok_or(OpenError)?;
    Ok(plaintext)
}

fn algorithm(suite: Suite) -> Option<&'static Algorithm> {
    match suite {
        Suite::None => None,
        Suite::Aes256Gcm => Some(&AES_256_GCM),
        Suite::ChaCha20Poly1305 => Some(&CHACHA20_POLY1305),
    }
}

fn tags_equal(left: &[u8; TAG_LEN], right: &[u8; TAG_LEN]) -> bool {
    let widen = |tag: &[u8; TAG_LEN]| {
        let mut wide = [0; 32];
        if let Some((front, _)) = wide.split_first_chunk_mut::<TAG_LEN>() {
            *front = *tag;
        }
        wide
    };
    ct_eq(&widen(left), &widen(right))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn bytes(hex: &str) -> Vec<u8> {
        let digit = |digit: &u8| char::from(*digit).to_digit(16).unwrap();
        let pairs = hex.as_bytes().chunks(2);
        let values = pairs.map(|pair| pair.iter().fold(0, |value, d| value << 4 | digit(d)));
        values.map(|value| u8::try_from(value).unwrap()).collect()
    }

    fn check(suite: Suite, key: &str, nonce: &str, plaintext: &str, ciphertext: &str, tag: &str) {
        let derived = [bytes(key), bytes(nonce)].concat();
        let (key, rest) = MessageKey::split(&derived).unwrap();
        assert!(rest.is_empty());

        let mut message = bytes(plaintext);
        assert_eq!(
            key.seal(suite, &mut message).unwrap().as_slice(),
            bytes(tag)
        );
        assert_eq!(message, bytes(ciphertext));

        message.extend(bytes(tag));
        assert_eq!(
            opened_in_place(suite, key, &mut message).unwrap(),
            bytes(plaintext)
        );
    }

    /// McGrew and Viega, "The Galois/Counter Mode of Operation", test cases 13 to 15.
    #[test]
    fn aes_256_gcm_agrees_with_its_authors() {
        let zero = "0".repeat(64);
        let check = |key, nonce, plaintext, ciphertext, tag| {
            check(Suite::Aes256Gcm, key, nonce, plaintext, ciphertext, tag);
        };
        check(
            &zero,
            &zero[..24],
            "",
            "",
            "530f8afbc74536b9a963b4f1c4cb738b",
        );
        check(
            &zero,
            &zero[..24],
            &zero[..32],
            "cea7403d4d606b6e074ec5d3baf39d18",
            "d0d1c8a799996bf0265b98b5d48ab919",
        );
        check(
            &"feffe9928665731c6d6a8f9467308308".repeat(2),
            "cafebabefacedbaddecaf888",
            "d9313225f88406e5a55909c5aff5269a86a7a9531534f7da2e4c303d8a318a72\
             1c3c0c95956809532fcf0e2449a6b525b16aedf5aa0de657ba637b391aafd255",
            "522dc1f099567d07f47f37a32a84427d643a8cdcbfe5c0c97598a2bd2555d1aa\
             8cb08e48590dbb3da7b08b1056828838c5f61e6393ba7a0abcc9f662898015ad",
            "b094dac5d93471bdec1a502270e3cc6c",
        );
    }

    /// Project Wycheproof, `aes_gcm_test` 94 and 97, `chacha20_poly1305_test` 2, 4 and 34.
    #[test]
    fn both_ciphers_agree_with_wycheproof() {
        let (aes, chacha) = (Suite::Aes256Gcm, Suite::ChaCha20Poly1305);
        let key_1 = "cc56b680552eb75008f5484b4cb803fa5063ebd6eab91f6ab6aef4916a766273";
        let key_2 = "59d4eafb4de0cfc7d3db99a8f54b15d7b39f0acc8da69763b019c1699f87674a";
        let key_3 = "80ba3192c803ce965ea371d5ff073cf0f43b6a2ab576b208426e11409c09b9b0";
        let (nonce_1, nonce_2) = ("99e23ec48985bccdeeab60f1", "2fcb1b38a99e71b84740ad9b");
        let text_2 = "549b365af913f3b081131ccb6b825588";
        check(
            aes,
            key_1,
            nonce_1,
            "2a",
            "06",
            "633c1e9703ef744ffffb40edf9d14355",
        );
        let ciphertext = "f58c16690122d75356907fd96b570fca";
        check(
            aes,
            key_2,
            nonce_2,
            text_2,
            ciphertext,
            "28752c20153092818faba2a334640d6e",
        );
        check(
            chacha,
            key_1,
            nonce_1,
            "2a",
            "3a",
            "cac27dec0968801e9f6eded69d807522",
        );
        let ciphertext = "e9110e9f56ab3ca483500ceabab67a13";
        check(
            chacha,
            key_2,
            nonce_2,
            text_2,
            ciphertext,
            "836ccabf15a6a22a51c1071cfa68fa0c",
        );
        let nonce_3 = "4da5bf8dfd5852c1ea12379d";
        check(
            chacha,
            key_3,
            nonce_3,
            "",
            "",
            "76acb342cf3166a5b63c0c0ea1383c8d",
        );
    }

    #[test]
    fn any_flipped_bit_is_noticed_and_short_messages_are_no_panic() {
        let derived = [7; KEY_LEN + NONCE_LEN];
        let (key, _) = MessageKey::split(&derived).unwrap();
        for suite in [Suite::None, Suite::Aes256Gcm, Suite::ChaCha20Poly1305] {
            let mut sealed = b"message".to_vec();
            let tag = key.seal(suite, &mut sealed).unwrap();
            sealed.extend(tag);
            for bit in 0..sealed.len() * 8 {
                let mut sealed = sealed.clone();
                sealed[bit / 8] ^= 1 << (bit % 8);
                assert_eq!(key.open(suite, &mut sealed), Err(OpenError));
            }
            for len in 0..sealed.len() {
                assert_eq!(key.open(suite, &mut sealed.clone()[..len]), Err(OpenError));
            }
        }
    }
}
