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
